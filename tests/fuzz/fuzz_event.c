/* Any JSON as a record: decoded, judged and printed in every format. Lines
 * are valid ASCII JSON; no format lets a control through. Bytes that are not
 * JSON are read as a user agent and as a path. */
#include "base/clock.h"
#include "output/output.h"
#include "tests/support/nodes.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool held)
{
    if (!held)
        abort();
}

static void check_line(struct kt_buf *b)
{
    for (size_t i = 0; i < b->len; i++)
        need(b->p[i] >= 0x20 && b->p[i] < 0x7f);
    json_t *line = json_loadb(b->p, b->len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    need(json_is_object(line));
    need(json_is_string(json_object_get(line, "kind")));
    json_decref(line);
}

static void print(const struct kt_row *r, struct kt_node *root, const struct kt_rules *rules, struct kt_output_opts opts)
{
    char *text = NULL;
    size_t n = 0;
    struct kt_output *o;
    struct kt_err e;
    FILE *f = open_memstream(&text, &n);
    need(f != NULL);
    need(kt_output_new(&o, &opts, rules, f, &e) == KT_OK);
    need(kt_output_row(o, r, root));
    need(kt_output_finish(o));
    kt_output_free(o);
    need(fclose(f) == 0);
    size_t lines = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        lines += c == '\n';
        need(c == '\n' || (c >= 0x20 && c != 0x7f));
    }
    need(lines == 2);
    free(text);
}

/* What must hold of any event, whatever the record. */
static void check_event(const struct kt_event *ev)
{
    need(kt_span_known(ev->target.name) == (ev->target.from != KT_TARGET_NONE));
    need(ev->target.self == KT_UNKNOWN || kt_span_known(ev->target.name));
    need(ev->result != KT_RESULT_UNKNOWN);
    need(ev->result == KT_RESULT_DENIED ? ev->target.from != KT_TARGET_CALLER : true);
    need(kt_span_known(ev->error_code) == (ev->result == KT_RESULT_DENIED || ev->result == KT_RESULT_FAILED));
    need(((ev->flags & KT_FLAG_NO_TIME) != 0) == (ev->time == KT_TIME_NONE));
    if (kt_span_is(ev->actor.type, "AssumedRole"))
        need(ev->target.self != KT_YES && ev->target.from != KT_TARGET_CALLER);
}

static void record(json_t *json, const struct kt_rules *rules, struct kt_arena *a)
{
    struct kt_row row = {.origin = {.source = KT_LIT("fuzz"), .record = 1}};
    struct kt_node *root = node_of(json);
    kt_event_decode(root, 3, a, &row.ev);
    if (row.ev.kind == KT_KIND_NONE) {
        json_object_set_new(json, "eventName", json_string("CreateAccessKey"));
        root = node_of(json);
        kt_event_decode(root, 0, a, &row.ev);
    }
    need(row.ev.kind != KT_KIND_NONE && row.ev.kind != KT_KIND_MALFORMED);
    struct kt_event use = row.ev;
    need(kt_event_as_use(&use) == kt_event_long_lived(row.ev.actor.access_key_id));
    need(row.ev.kind != KT_KIND_USE || kt_span_eq(row.ev.key.id, row.ev.actor.access_key_id));
    need(!kt_event_redact(root));
    check_event(&row.ev);
    kt_rules_judge(rules, root, &row.verdict);
    for (int f = 0; f < KT_FIELD_COUNT; f++)
        (void)kt_row_field(&row, (enum kt_field)f, a);
    struct kt_buf b;
    kt_buf_init(&b, 64 << 20);
    need(kt_jsonl_row(&b, &row));
    check_line(&b);
    kt_buf_free(&b);
    const char *rule = "aws_detect_permanent_key_creation";
    print(&row, root, rules, (struct kt_output_opts){.format = KT_FORMAT_CSV, .rule = rule});
    print(&row, root, rules, (struct kt_output_opts){.format = KT_FORMAT_CSV, .columns = "userIdentity,agent,userAgent"});
    print(&row, root, rules, (struct kt_output_opts){.format = KT_FORMAT_TABLE, .width = 100});
    print(&row, root, rules, (struct kt_output_opts){.format = KT_FORMAT_TABLE, .rule = rule, .ascii = true, .follow = true});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kt_rules *rules; /* read once: they take longer than an input */
    struct kt_err e;
    if (!rules) {
        (void)setlocale(LC_CTYPE, "C.UTF-8");
        need(kt_rules_load_builtin(&rules, &e) == KT_OK);
    }
    struct kt_arena *a = kt_arena_new(64 << 20);
    need(a != NULL);
    struct kt_span text = {(const char *)data, size};
    json_t *root = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
    if (json_is_object(root))
        record(root, rules, a);
    (void)kt_json_text(kt_json_path(node_of(root), text), a);
    json_decref(root);
    struct kt_agent g;
    kt_agent_parse(text, size & 1, text, a, &g);
    need(g.text.n == size);
    kt_arena_free(a);
    return 0;
}
