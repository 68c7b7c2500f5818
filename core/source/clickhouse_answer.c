/* clickhouse: rows, a line of JSON each, made records again. What goes wrong
 * while rows come stands among them as text. */
#include "source/clickhouse.h"

#include "query/record.h"

#include <jansson.h>
#include <stdio.h>

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

static struct kt_span cell_text(const json_t *cell, char *room, size_t size)
{
    if (json_is_string(cell))
        return (struct kt_span){json_string_value(cell), json_string_length(cell)};
    if (!json_is_integer(cell))
        return KT_SPAN_NONE;
    int n = snprintf(room, size, "%" JSON_INTEGER_FORMAT, json_integer_value(cell));
    return (struct kt_span){room, n > 0 ? (size_t)n : 0};
}

static bool write_record(struct clickhouse *s, const json_t *row)
{
    json_t *root = json_object();
    bool good = root != NULL;
    for (size_t i = 0; good && i < s->table.n; i++) {
        char name[32], room[32];
        snprintf(name, sizeof name, "keytop_%zu", i);
        struct kt_span text = cell_text(json_object_get(row, name), room, sizeof room);
        if (text.n) /* an empty column is one that the record did not have */
            good = kt_record_put(root, &s->column[i], text);
    }
    good = good && kt_record_write(root, &s->line);
    json_decref(root);
    return good;
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
    if (!s->table.raw.p)
        good = write_record(s, row);
    else if (json_is_string(whole))
        good = kt_buf_add(&s->line, json_string_value(whole), json_string_length(whole)) && kt_buf_addc(&s->line, '\n');
    if (!good || s->line.failed)
        keep(&s->answer, KT_LIT("a row was too long, or no text"));
    else
        s->answer.rows++;
    return !s->line.len || kt_poller_feed(&s->p, kt_buf_span(&s->line), sink);
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
        s->answer.strange |= !s->answer.exception[0];
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
