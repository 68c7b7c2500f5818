/* clickhouse: rows, a line of JSON each, made records again. What goes wrong
 * while rows come stands among them as text. */
#include "source/clickhouse.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

int clickhouse_code(struct kt_span text)
{
    int code = 0;
    if (!kt_span_starts(text, "Code: "))
        return 0;
    for (size_t i = 6; i < text.n && i < 12 && text.p[i] >= '0' && text.p[i] <= '9'; i++)
        code = code * 10 + (text.p[i] - '0');
    return code;
}

/* --- records out of columns ------------------------------------------------------------------- */

/* Where `path` leads to, with the objects on the way; NULL where memory ran out. */
static json_t *room_of(json_t *root, struct kt_span path, char *last, size_t size)
{
    json_t *at = root;
    for (;;) {
        const char *dot = memchr(path.p, '.', path.n);
        size_t n = dot ? (size_t)(dot - path.p) : path.n;
        if (n >= size)
            return NULL;
        memcpy(last, path.p, n);
        last[n] = '\0';
        if (!dot)
            return at;
        json_t *next = json_object_get(at, last);
        if (!json_is_object(next)) {
            next = json_object();
            if (json_object_set_new(at, last, next) != 0)
                return NULL;
        }
        at = next;
        path.p += n + 1;
        path.n -= n + 1;
    }
}

/* The text of a column as the record had it: objects are JSON, times RFC 3339. */
static json_t *value_of(const struct kt_column *c, const json_t *cell)
{
    const char *text = json_string_value(cell);
    if (c->kind == KT_COLUMN_TIME) {
        char out[KT_TIME_TEXT];
        long long seconds = text ? strtoll(text, NULL, 10) : (long long)json_integer_value(cell);
        kt_time_format((int64_t)seconds * 1000, out);
        return json_string(out);
    }
    if (!text || !*text) /* an empty column is one that the record did not have */
        return NULL;
    if (c->kind == KT_COLUMN_JSON) {
        json_t *j = json_loads(text, JSON_ALLOW_NUL, NULL);
        return j ? j : json_string(text);
    }
    return json_stringn(text, json_string_length(cell));
}

static json_t *record_of(const struct clickhouse *s, const json_t *row)
{
    json_t *root = json_object();
    for (size_t i = 0; root && i < s->table.n; i++) {
        char name[32], last[64];
        const struct kt_column *c = &s->column[i];
        snprintf(name, sizeof name, "keytop_%zu", i);
        const json_t *cell = c->path.p ? json_object_get(row, name) : NULL;
        json_t *value = cell ? value_of(c, cell) : NULL;
        json_t *room = value ? room_of(root, c->path, last, sizeof last) : NULL;
        if (value && (!room || json_object_set_new(room, last, value) != 0)) {
            json_decref(root);
            return NULL;
        }
    }
    return root;
}

/* --- lines -------------------------------------------------------------------------------------- */

static void keep(struct clickhouse_answer *a, struct kt_span text)
{
    if (!a->exception[0])
        snprintf(a->exception, sizeof a->exception, "%.*s", (int)(text.n < 280 ? text.n : 280), text.p);
}

static bool feed_row(struct clickhouse *s, const json_t *row, const struct kt_source_sink *sink)
{
    const json_t *whole = json_object_get(row, "keytop_record");
    bool good = true;
    kt_buf_reset(&s->line);
    if (s->table.raw.p) {
        const char *text = json_string_value(whole);
        if (text)
            kt_buf_add(&s->line, text, json_string_length(whole));
    } else {
        json_t *record = record_of(s, row);
        char *text = record ? json_dumps(record, JSON_COMPACT) : NULL;
        if (text)
            kt_buf_adds(&s->line, text);
        good = text != NULL;
        free(text);
        json_decref(record);
    }
    if (!good || s->line.failed)
        keep(&s->answer, KT_LIT("a row was too long, or no text"));
    else
        s->answer.rows++;
    return !s->line.len || !kt_buf_addc(&s->line, '\n') || kt_poller_feed(&s->p, kt_buf_span(&s->line), sink);
}

static bool take_line(struct clickhouse *s, struct kt_span line, const struct kt_source_sink *sink)
{
    bool going = true;
    if (line.n && line.p[line.n - 1] == '\n')
        line.n--;
    if (!line.n)
        return true;
    if (line.p[0] != '{') {
        if (clickhouse_code(line))
            keep(&s->answer, line);
        return true; /* what follows an exception's first line */
    }
    json_t *row = json_loadb(line.p, line.n, JSON_ALLOW_NUL, NULL);
    const char *exception = json_string_value(json_object_get(row, "exception"));
    if (exception)
        keep(&s->answer, kt_span_of(exception));
    else if (row)
        going = feed_row(s, row, sink);
    else
        keep(&s->answer, KT_LIT("its answer ends within a row, or is no JSON"));
    json_decref(row);
    return going;
}

size_t clickhouse_read(struct clickhouse *s, struct kt_span text, bool last, const struct kt_source_sink *sink, bool *going)
{
    size_t at = 0;
    *going = true;
    while (*going && at < text.n && at < CLICKHOUSE_STEP) {
        const char *eol = memchr(text.p + at, '\n', text.n - at);
        if (!eol && !last)
            break;
        size_t end = eol ? (size_t)(eol + 1 - text.p) : text.n;
        *going = take_line(s, (struct kt_span){text.p + at, end - at}, sink);
        at = end;
    }
    return at;
}
