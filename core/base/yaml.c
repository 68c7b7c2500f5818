#include "base/yaml.h"

#include "base/arena.h"
#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

enum {
    BYTES_MAX = 1 << 20,
    LEVELS_MAX = 64,
    NODES_MAX = 100000,
    /* a node, its place in its parent's arrays and in the sorted copy, and the
     * text: what 1 MiB and 100,000 nodes can come to, with room to spare */
    MEMORY_MAX = 64 << 20
};

struct reader {
    yaml_parser_t parser;
    const char *what;
    const char *bytes; /* the input, for places that libyaml gives as offsets */
    size_t n_bytes;
    struct kt_arena *arena;
    size_t nodes;
    /* nodes read whose parent is not finished: keys and values of a map
     * alternate */
    struct kt_yaml **open;
    size_t n_open, cap_open;
    struct kt_err *err;
};

static enum kt_code fail_at(struct reader *r, enum kt_code code, yaml_mark_t at, const char *sentence)
{
    return kt_fail(r->err, code, "%s:%zu:%zu: %s", r->what, at.line + 1, at.column + 1, sentence);
}

static enum kt_code out_of_memory(struct reader *r)
{
    return kt_fail(r->err, KT_ENOMEM, "%s: memory ran out", r->what);
}

/* libyaml's reader knows only an offset; lines are counted here. */
static yaml_mark_t mark_of_offset(const struct reader *r, size_t offset)
{
    yaml_mark_t at = {0};
    for (size_t i = 0; i < offset && i < r->n_bytes; i++) {
        unsigned char c = (unsigned char)r->bytes[i];
        if (c == '\n') {
            at.line++;
            at.column = 0;
        } else if ((c & 0xc0) != 0x80) {
            at.column++;
        }
    }
    return at;
}

static enum kt_code fail_libyaml(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR)
        return out_of_memory(r);
    yaml_mark_t at = p->problem_mark;
    if (p->error == YAML_READER_ERROR)
        at = mark_of_offset(r, p->problem_offset);
    const char *problem = p->problem ? p->problem : "this is not YAML";
    if (!p->context)
        return fail_at(r, KT_EFORMAT, at, problem);
    return kt_fail(r->err, KT_EFORMAT, "%s:%zu:%zu: %s (%s)", r->what, at.line + 1, at.column + 1, problem,
                   p->context);
}

static enum kt_code next(struct reader *r, yaml_event_t *ev)
{
    return yaml_parser_parse(&r->parser, ev) ? KT_OK : fail_libyaml(r);
}

static enum kt_code push(struct reader *r, struct kt_yaml *y)
{
    if (!kt_grow(&r->open, &r->cap_open, r->n_open + 1, sizeof *r->open, NODES_MAX))
        return out_of_memory(r);
    r->open[r->n_open++] = y;
    return KT_OK;
}

static enum kt_code node(struct reader *r, enum kt_yaml_type type, yaml_mark_t at, struct kt_yaml **out)
{
    if (++r->nodes > NODES_MAX)
        return fail_at(r, KT_ELIMIT, at, "too many values: at most 100000 are read");
    struct kt_yaml *y = kt_arena_alloc(r->arena, sizeof *y);
    if (!y)
        return out_of_memory(r);
    *y = (struct kt_yaml){.type = type, .line = (int)at.line + 1, .column = (int)at.column + 1};
    *out = y;
    return KT_OK;
}

/* Anchors and tags ask for more than a tree of texts; what would not be
 * honoured is refused. */
static enum kt_code plain_only(struct reader *r, const yaml_char_t *anchor, const yaml_char_t *tag, yaml_mark_t at)
{
    if (anchor)
        return fail_at(r, KT_EUNSUPPORTED, at, "anchors (&name) are not read; write the value out");
    if (tag)
        return fail_at(r, KT_EUNSUPPORTED, at, "tags (!name) are not read; leave it out");
    return KT_OK;
}

static enum kt_code scalar(struct reader *r, const yaml_event_t *ev, struct kt_yaml **out)
{
    enum kt_code c = plain_only(r, ev->data.scalar.anchor, ev->data.scalar.tag, ev->start_mark);
    if (c == KT_OK)
        c = node(r, KT_YAML_SCALAR, ev->start_mark, out);
    if (c != KT_OK)
        return c;
    (*out)->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    (*out)->text =
        kt_arena_span(r->arena, (struct kt_span){(const char *)ev->data.scalar.value, ev->data.scalar.length});
    return kt_span_known((*out)->text) ? KT_OK : out_of_memory(r);
}

static int by_text_then_place(const void *pa, const void *pb)
{
    const struct kt_yaml *a = *(struct kt_yaml *const *)pa, *b = *(struct kt_yaml *const *)pb;
    size_t n = a->text.n < b->text.n ? a->text.n : b->text.n;
    int d = memcmp(a->text.p, b->text.p, n);
    if (d == 0)
        d = (a->text.n > b->text.n) - (a->text.n < b->text.n);
    if (d == 0)
        d = (a->line > b->line) - (a->line < b->line);
    return d ? d : (a->column > b->column) - (a->column < b->column);
}

static enum kt_code no_key_twice(struct reader *r, const struct kt_yaml *map)
{
    if (map->n < 2)
        return KT_OK;
    struct kt_yaml **sorted = malloc(map->n * sizeof *sorted);
    if (!sorted)
        return out_of_memory(r);
    memcpy(sorted, map->key, map->n * sizeof *sorted);
    qsort(sorted, map->n, sizeof *sorted, by_text_then_place);
    enum kt_code c = KT_OK;
    for (size_t i = 1; i < map->n && c == KT_OK; i++) {
        const struct kt_yaml *k = sorted[i];
        if (!kt_span_eq(k->text, sorted[i - 1]->text))
            continue;
        int shown = k->text.n > 100 ? 100 : (int)k->text.n;
        c = kt_fail(r->err, KT_EFORMAT, "%s:%d:%d: the key \"%.*s\" stands here a second time; first in line %d",
                    r->what, k->line, k->column, shown, k->text.p, sorted[i - 1]->line);
    }
    free(sorted);
    return c;
}

/* Moves the nodes opened since `from` into `y`. */
static enum kt_code adopt(struct reader *r, struct kt_yaml *y, size_t from)
{
    size_t n = r->n_open - from;
    y->n = y->type == KT_YAML_MAP ? n / 2 : n;
    y->item = kt_arena_alloc(r->arena, (y->n + 1) * sizeof *y->item);
    y->key = y->type == KT_YAML_MAP ? kt_arena_alloc(r->arena, (y->n + 1) * sizeof *y->key) : NULL;
    if (!y->item || (y->type == KT_YAML_MAP && !y->key))
        return out_of_memory(r);
    for (size_t i = 0; i < y->n; i++) {
        if (y->type == KT_YAML_MAP) {
            y->key[i] = r->open[from + 2 * i];
            y->item[i] = r->open[from + 2 * i + 1];
        } else {
            y->item[i] = r->open[from + i];
        }
    }
    r->n_open = from;
    return y->type == KT_YAML_MAP ? no_key_twice(r, y) : KT_OK;
}

static enum kt_code read_node(struct reader *r, const yaml_event_t *ev, int level, struct kt_yaml **out);

static enum kt_code container(struct reader *r, const yaml_event_t *start, int level, struct kt_yaml **out)
{
    bool map = start->type == YAML_MAPPING_START_EVENT;
    if (level >= LEVELS_MAX)
        return fail_at(r, KT_ELIMIT, start->start_mark, "nested too deeply: at most 64 levels are read");
    enum kt_code c = map ? plain_only(r, start->data.mapping_start.anchor, start->data.mapping_start.tag,
                                      start->start_mark)
                         : plain_only(r, start->data.sequence_start.anchor, start->data.sequence_start.tag,
                                      start->start_mark);
    if (c == KT_OK)
        c = node(r, map ? KT_YAML_MAP : KT_YAML_LIST, start->start_mark, out);
    size_t from = r->n_open;
    while (c == KT_OK) {
        yaml_event_t ev;
        struct kt_yaml *child = NULL;
        c = next(r, &ev);
        if (c != KT_OK)
            break;
        bool end = ev.type == YAML_MAPPING_END_EVENT || ev.type == YAML_SEQUENCE_END_EVENT;
        bool is_key = map && (r->n_open - from) % 2 == 0;
        if (!end && is_key && ev.type != YAML_SCALAR_EVENT && ev.type != YAML_ALIAS_EVENT)
            c = fail_at(r, KT_EFORMAT, ev.start_mark, "a key must be a plain text, not a list or a map");
        else if (!end)
            c = read_node(r, &ev, level + 1, &child);
        yaml_event_delete(&ev);
        if (end)
            return adopt(r, *out, from);
        if (c == KT_OK)
            c = push(r, child);
    }
    return c;
}

static enum kt_code read_node(struct reader *r, const yaml_event_t *ev, int level, struct kt_yaml **out)
{
    switch (ev->type) {
    case YAML_SCALAR_EVENT:
        return scalar(r, ev, out);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return container(r, ev, level, out);
    case YAML_ALIAS_EVENT:
        return fail_at(r, KT_EUNSUPPORTED, ev->start_mark, "aliases (*name) are not read; write the value out");
    default:
        return fail_at(r, KT_EFORMAT, ev->start_mark, "a value is expected here");
    }
}

/* What "---" with nothing behind it comes to. */
static bool is_nothing(const struct kt_yaml *y)
{
    return y->type == KT_YAML_SCALAR && !y->quoted && !y->text.n;
}

/* The root of each document, left in r->open; those with nothing in them are
 * left out. */
static enum kt_code read_stream(struct reader *r)
{
    for (;;) {
        yaml_event_t ev;
        struct kt_yaml *root = NULL;
        enum kt_code c = next(r, &ev);
        if (c != KT_OK)
            return c;
        yaml_event_type_t type = ev.type;
        bool between = type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT ||
                       type == YAML_DOCUMENT_END_EVENT || type == YAML_STREAM_END_EVENT;
        if (!between)
            c = read_node(r, &ev, 0, &root);
        yaml_event_delete(&ev);
        if (c == KT_OK && root && !is_nothing(root))
            c = push(r, root);
        if (c != KT_OK || type == YAML_STREAM_END_EVENT)
            return c;
    }
}

enum kt_code kt_yaml_parse(struct kt_yaml_file *out, const char *what, const char *p, size_t n, struct kt_err *e)
{
    *out = (struct kt_yaml_file){0};
    if (n > BYTES_MAX)
        return kt_fail(e, KT_ELIMIT, "%s: larger than 1 MiB, the most that is read", what);
    struct reader r = {.what = what, .bytes = p, .n_bytes = n, .err = e};
    r.arena = kt_arena_new(MEMORY_MAX);
    if (!r.arena)
        return out_of_memory(&r);
    if (!yaml_parser_initialize(&r.parser)) {
        kt_arena_free(r.arena);
        return out_of_memory(&r);
    }
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)p, n);
    enum kt_code c = read_stream(&r);
    if (c == KT_OK) {
        out->doc = kt_arena_alloc(r.arena, (r.n_open + 1) * sizeof *out->doc);
        if (!out->doc)
            c = out_of_memory(&r);
        else if (r.n_open)
            memcpy(out->doc, r.open, r.n_open * sizeof *out->doc);
        out->n = r.n_open;
    }
    yaml_parser_delete(&r.parser);
    free(r.open);
    if (c != KT_OK) {
        kt_arena_free(r.arena);
        *out = (struct kt_yaml_file){0};
        return c;
    }
    out->memory = r.arena;
    return KT_OK;
}

/* Reads to the end or to one byte past the most that is read. */
static enum kt_code read_all(int fd, struct kt_buf *b, const char *path, struct kt_err *e)
{
    while (b->len <= BYTES_MAX) {
        if (!kt_buf_reserve(b, 16384))
            return kt_fail(e, KT_ENOMEM, "%s: memory ran out", path);
        ssize_t got = read(fd, b->p + b->len, 16384);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return kt_fail(e, KT_EIO, "%s: %s", path, strerror(errno));
        if (got == 0)
            break;
        b->len += (size_t)got;
    }
    return KT_OK;
}

enum kt_code kt_yaml_read(struct kt_yaml_file *out, const char *path, struct kt_err *e)
{
    *out = (struct kt_yaml_file){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return kt_fail(e, errno == ENOENT ? KT_ENOTFOUND : KT_EIO, "%s: %s", path, strerror(errno));
    struct kt_buf b;
    kt_buf_init(&b, BYTES_MAX + 2 * 16384);
    enum kt_code c = read_all(fd, &b, path, e);
    if (close(fd) != 0 && c == KT_OK)
        c = kt_fail(e, KT_EIO, "%s: %s", path, strerror(errno));
    if (c == KT_OK)
        c = kt_yaml_parse(out, path, b.p ? b.p : "", b.len, e);
    kt_buf_free(&b);
    return c;
}

void kt_yaml_free(struct kt_yaml_file *f)
{
    if (f->memory)
        kt_arena_free(f->memory);
    *f = (struct kt_yaml_file){0};
}

const struct kt_yaml *kt_yaml_get(const struct kt_yaml *map, const char *key)
{
    if (!map || map->type != KT_YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->n; i++)
        if (kt_span_is(map->key[i]->text, key))
            return map->item[i];
    return NULL;
}

bool kt_yaml_is_null(const struct kt_yaml *y)
{
    if (!y || y->type != KT_YAML_SCALAR || y->quoted)
        return false;
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        if (kt_span_is(y->text, nulls[i]))
            return true;
    return false;
}

struct kt_span kt_yaml_text(const struct kt_yaml *map, const char *key)
{
    const struct kt_yaml *y = kt_yaml_get(map, key);
    return !y || y->type != KT_YAML_SCALAR || kt_yaml_is_null(y) ? KT_SPAN_NONE : y->text;
}

bool kt_yaml_int(const struct kt_yaml *y, int64_t *out)
{
    if (!y || y->type != KT_YAML_SCALAR || y->quoted || y->text.n == 0)
        return false;
    const char *p = y->text.p, *end = p + y->text.n;
    bool negative = *p == '-';
    if (*p == '-' || *p == '+')
        p++;
    /* YAML 1.1 takes 010 for eight, people for ten: neither is assumed */
    if (p == end || (*p == '0' && end - p > 1))
        return false;
    int64_t v = 0;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9' || __builtin_mul_overflow(v, 10, &v))
            return false;
        int digit = *p - '0';
        if (negative ? __builtin_sub_overflow(v, digit, &v) : __builtin_add_overflow(v, digit, &v))
            return false;
    }
    *out = v;
    return true;
}
