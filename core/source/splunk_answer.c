/* splunk: what an export says, line by line. Follows the output of
 * search/v2/jobs/export in json: {"preview":false,"offset":0,"result":{...}}. */
#include "source/splunk.h"

#include "source/outer.h"

#include <jansson.h>
#include <stdio.h>

static bool is_true(struct kt_span v)
{
    return kt_span_is(v, "true") || kt_span_is(v, "\"true\"") || kt_span_is(v, "1");
}

static void keep(char *to, size_t size, const char *text)
{
    if (!to[0])
        snprintf(to, size, "%.*s", (int)size - 1, text);
}

void splunk_messages(struct splunk_answer *a, const json_t *messages)
{
    size_t i;
    json_t *m;
    json_array_foreach(messages, i, m) {
        const char *type = json_string_value(json_object_get(m, "type")), *text = json_string_value(json_object_get(m, "text"));
        if (!type || !text)
            continue;
        bool bad = strcmp(type, "FATAL") == 0 || strcmp(type, "ERROR") == 0;
        if (bad)
            keep(a->refusal, sizeof a->refusal, text);
        else if (strcmp(type, "WARN") == 0)
            keep(a->warning, sizeof a->warning, text);
        a->incomplete |= strcasestr(text, "incomplete") != NULL;
    }
}

void splunk_refusal(struct kt_span body, char *out, size_t size)
{
    struct splunk_answer a = {0};
    json_t *j = json_loadb(body.p ? body.p : "", body.n, 0, NULL);
    splunk_messages(&a, json_object_get(j, "messages"));
    json_decref(j);
    snprintf(out, size, "%s", a.refusal[0] ? a.refusal : a.warning);
}

static bool has_raw(struct kt_span result)
{
    struct kt_outer o = kt_outer_of(result);
    struct kt_span name, value;
    while (kt_outer_next(&o, &name, &value))
        if (kt_span_is(name, "_raw"))
            return true;
    return false;
}

/* True: `*give` is to be given on: the result alone, which is the same in each answer that it
 * stands in, as its number among the others is not. A preview repeats what comes later. */
static bool look_at(struct splunk_answer *a, struct kt_span line, struct kt_span *give)
{
    struct kt_span name, value, result = KT_SPAN_NONE;
    struct kt_outer o = kt_outer_of(line);
    bool preview = false, last = false;
    while (kt_outer_next(&o, &name, &value)) {
        if (kt_span_is(name, "preview")) {
            preview = is_true(value);
        } else if (kt_span_is(name, "lastrow")) {
            last = is_true(value);
        } else if (kt_span_is(name, "result")) {
            result = value;
        } else if (kt_span_is(name, "messages")) {
            json_t *j = json_loadb(value.p, value.n, 0, NULL);
            splunk_messages(a, j);
            json_decref(j);
        }
    }
    if (preview)
        return false;
    a->strange += line.p[0] != '{';
    a->lines += o.whole;
    a->ended |= last && o.whole;
    a->rows += result.p != NULL;
    a->raws += result.p && has_raw(result);
    *give = o.whole && result.p && result.n && result.p[0] == '{' ? result : line;
    return result.p != NULL;
}

static bool is_blank(struct kt_span line)
{
    for (size_t i = 0; i < line.n; i++)
        if (!strchr(" \t\r\n", line.p[i]))
            return false;
    return true;
}

size_t splunk_read(struct splunk *s, struct kt_span text, bool last, const struct kt_source_sink *sink, bool *going)
{
    size_t at = 0;
    struct kt_buf out;
    struct kt_span give;
    kt_buf_init(&out, SPLUNK_LINE_MAX + 2 * SPLUNK_STEP);
    while (at < text.n && at < SPLUNK_STEP) {
        const char *eol = memchr(text.p + at, '\n', text.n - at);
        if (!eol && !last) {
            s->answer.strange += !strchr("{ \t\r", text.p[at]) || !text.p[at];
            break;
        }
        size_t end = eol ? (size_t)(eol + 1 - text.p) : text.n;
        struct kt_span line = {text.p + at, end - at};
        if (!is_blank(line) && look_at(&s->answer, line, &give)) {
            kt_buf_add(&out, give.p, give.n);
            kt_buf_addc(&out, '\n');
        }
        at = end;
    }
    /* where memory ran out: as it stands, with what else is in it */
    *going = kt_poller_feed(&s->p, out.failed ? (struct kt_span){text.p, at} : kt_buf_span(&out), sink);
    kt_buf_free(&out);
    return at;
}

/* The end of the object that begins at `p`; NULL: it does not end. */
static const char *object_end(const char *p, const char *end)
{
    bool inside = false;
    for (int depth = 0; p < end; p++) {
        if (inside) {
            if (*p == '\\')
                p++; /* and what it escapes */
            else
                inside = *p != '"';
            continue;
        }
        inside = *p == '"';
        depth += *p == '{' || *p == '[' ? 1 : *p == '}' || *p == ']' ? -1 : 0;
        if (depth == 0)
            return p + 1;
    }
    return NULL;
}

bool splunk_page(struct splunk *s, struct kt_span body, size_t *n, const struct kt_source_sink *sink, bool *going)
{
    struct kt_outer o = kt_outer_of(body);
    struct kt_span name, value, list = KT_SPAN_NONE;
    struct kt_buf out;
    *n = 0;
    while (kt_outer_next(&o, &name, &value)) {
        if (kt_span_is(name, "results")) {
            list = value;
        } else if (kt_span_is(name, "messages")) {
            json_t *j = json_loadb(value.p, value.n, 0, NULL);
            splunk_messages(&s->answer, j);
            json_decref(j);
        }
    }
    if (!o.whole || !list.p || list.p[0] != '[')
        return false;
    kt_buf_init(&out, SPLUNK_LINE_MAX + SPLUNK_STEP);
    const char *end = list.p + list.n, *p = list.p + 1, *next;
    for (; p < end && (p = memchr(p, '{', (size_t)(end - p))) && (next = object_end(p, end)); p = next, ++*n) {
        struct kt_span row = {p, (size_t)(next - p)};
        s->answer.rows++;
        s->answer.raws += has_raw(row);
        kt_buf_add(&out, row.p, row.n);
        kt_buf_addc(&out, '\n');
    }
    bool whole = !out.failed;
    *going = kt_poller_feed(&s->p, kt_buf_span(&out), sink);
    kt_buf_free(&out);
    return whole;
}
