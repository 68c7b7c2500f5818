#include "tests/support/story.h"

#include "base/buf.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(bool held, const char *what)
{
    if (!held) {
        (void)fprintf(stderr, "story: %s\n", what);
        abort();
    }
}

static void read_one(const char *path, const char *name, struct story *s)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    need(f, path);
    *s = (struct story){.n = 0};
    (void)snprintf(s->name, sizeof s->name, "%s", name);
    for (ssize_t n; (n = getline(&line, &cap, f)) > 0;) {
        line[n - 1] = line[n - 1] == '\n' ? '\0' : line[n - 1];
        if (!s->head) {
            s->head = json_loads(line, 0, NULL);
            s->expect = json_object_get(s->head, "expect");
            need(json_array_size(s->expect) > 0, path);
            continue;
        }
        need(s->n < STORY_RECORDS, path);
        s->record[s->n++] = strdup(line);
    }
    free(line);
    (void)fclose(f);
}

size_t stories_read(struct story *out, size_t max)
{
    const char *source = getenv("KEYTOP_SOURCE");
    char folder[4096], path[5000];
    struct dirent **entry;
    size_t n = 0;
    (void)snprintf(folder, sizeof folder, "%s/tests/stories", source ? source : ".");
    int files = scandir(folder, &entry, NULL, alphasort);
    need(files >= 0, folder);
    for (int i = 0; i < files; i++) {
        if (entry[i]->d_name[0] != '.' && n < max) {
            (void)snprintf(path, sizeof path, "%s/%s", folder, entry[i]->d_name);
            read_one(path, entry[i]->d_name, &out[n++]);
        }
        free(entry[i]);
    }
    free(entry);
    return n;
}

void story_free(struct story *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->record[i]);
    json_decref(s->head);
}

/* --- playing ----------------------------------------------------------------------- */

static void tell(struct scene *x, const struct story *s, const size_t *order, size_t n, bool at_once)
{
    for (size_t i = 0; i < n; i++)
        scene_tell(x, s->record[order[i]], at_once);
    scene_settle(x);
}

void story_put_verdict(struct kt_buf *b, const struct kt_row *r)
{
    const struct kt_verdict *v = &r->verdict;
    (void)kt_buf_addf(b, "%.*s %d %s", (int)r->ev.event_id.n, r->ev.event_id.p, v->risk, v->why);
    for (size_t i = 0; i < v->n_signals; i++) {
        (void)kt_buf_addf(b, " %.*s%+d", (int)v->signal[i].name.n, v->signal[i].name.p, v->signal[i].weight);
        for (size_t k = 0; k < v->signal[i].n_evidence; k++)
            (void)kt_buf_addf(b, "(%.*s %lld)", (int)v->signal[i].evidence[k].event_id.n,
                              v->signal[i].evidence[k].event_id.p ? v->signal[i].evidence[k].event_id.p : "",
                              (long long)v->signal[i].evidence[k].time);
    }
    (void)kt_buf_addc(b, '\n');
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char *story_play(const struct story *s, const struct kt_rules *rules, const size_t *order, size_t n, bool at_once)
{
    struct scene x;
    struct kt_row r;
    struct kt_buf b;
    char *line[STORY_RECORDS];
    size_t lines = 0;
    uint64_t first, next;
    scene_begin(&x, rules, NULL);
    tell(&x, s, order, n, at_once);
    kt_store_span(x.store, &first, &next);
    for (uint64_t seq = first; seq < next; seq++) {
        kt_buf_init(&b, 1 << 16);
        kt_arena_reset(x.arena);
        need(kt_store_row(x.store, seq, false, x.arena, &r), "a row is gone");
        story_put_verdict(&b, &r);
        line[lines++] = strdup(kt_buf_str(&b));
        kt_buf_free(&b);
    }
    scene_end(&x);
    qsort(line, lines, sizeof *line, by_text);
    kt_buf_init(&b, 1 << 20);
    for (size_t i = 0; i < lines; i++) {
        (void)kt_buf_adds(&b, line[i]);
        free(line[i]);
    }
    char *all = strdup(kt_buf_str(&b));
    kt_buf_free(&b);
    need(all, "memory ran out");
    return all;
}

static void check_one(struct kt_buf *b, struct scene *x, const json_t *expected)
{
    struct kt_row r;
    const char *id = json_string_value(json_object_get(expected, "event"));
    json_t *least = json_object_get(expected, "at_least"), *most = json_object_get(expected, "at_most");
    json_t *why = json_object_get(expected, "why");
    kt_arena_reset(x->arena);
    if (!kt_store_row(x->store, kt_store_event(x->store, kt_span_of(id)), false, x->arena, &r)) {
        (void)kt_buf_addf(b, "%s: there is no such row\n", id);
        return;
    }
    if ((least && r.verdict.risk < json_integer_value(least)) || (most && r.verdict.risk > json_integer_value(most)))
        (void)kt_buf_addf(b, "%s: the risk is %d: %s\n", id, r.verdict.risk, r.verdict.why);
    for (size_t i = 0; i < json_array_size(why); i++)
        if (!strstr(r.verdict.why, json_string_value(json_array_get(why, i))))
            (void)kt_buf_addf(b, "%s: \"%s\" is not in: %s\n", id, json_string_value(json_array_get(why, i)), r.verdict.why);
}

char *story_wrong(const struct story *s, const struct kt_rules *rules)
{
    struct scene x;
    struct kt_buf b;
    size_t order[STORY_RECORDS];
    for (size_t i = 0; i < s->n; i++)
        order[i] = i;
    kt_buf_init(&b, 1 << 20);
    scene_begin(&x, rules, NULL);
    tell(&x, s, order, s->n, true);
    for (size_t i = 0; i < json_array_size(s->expect); i++)
        check_one(&b, &x, json_array_get(s->expect, i));
    scene_end(&x);
    char *wrong = b.len ? strdup(kt_buf_str(&b)) : NULL;
    kt_buf_free(&b);
    return wrong;
}

/* --- shuffling ------------------------------------------------------------------------ */

static uint64_t next_of(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

char *story_shuffle(const struct story *s, const struct kt_rules *rules, uint64_t seed, int times)
{
    size_t order[2 * STORY_RECORDS], n = s->n;
    uint64_t state = seed * 2654435761u + 88172645463325252u;
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    char *first = story_play(s, rules, order, n, true), *differs = NULL;
    for (int k = 0; k < times && !differs; k++) {
        n = s->n;
        for (size_t i = 0; i < s->n; i++) /* every fourth comes twice */
            if (next_of(&state) % 4 == 0)
                order[n++] = i;
        for (size_t i = n - 1; i > 0; i--) {
            size_t j = next_of(&state) % (i + 1), t = order[i];
            order[i] = order[j];
            order[j] = t;
        }
        char *now = story_play(s, rules, order, n, next_of(&state) % 2);
        if (strcmp(now, first) != 0 && asprintf(&differs, "order %d:\n%sinstead of\n%s", k, now, first) < 0)
            abort();
        free(now);
        for (size_t i = 0; i < s->n; i++)
            order[i] = i;
    }
    free(first);
    return differs;
}
