#include "tui/record.h"

#include <stdlib.h>

struct reader {
    struct kt_json_lines *j;
    const char *p;
    size_t n, at;
    uint32_t open[KT_JSON_DEPTH_MAX]; /* lines of the brackets that are open */
    int depth;
    uint32_t key, key_n;
    bool failed; /* out of memory */
};

static struct kt_json_line *add(struct reader *r, enum kt_json_kind kind)
{
    struct kt_json_lines *j = r->j;
    if (j->n >= KT_JSON_LINES_MAX) {
        j->cut = true;
        return NULL;
    }
    if (!kt_grow(&j->line, &j->cap, j->n + 1, sizeof *j->line, KT_JSON_LINES_MAX)) {
        r->failed = true;
        return NULL;
    }
    struct kt_json_line *l = &j->line[j->n++];
    *l = (struct kt_json_line){.kind = (uint8_t)kind, .depth = (uint16_t)r->depth, .key = r->key, .key_n = r->key_n};
    r->key_n = 0;
    return l;
}

static void skip_space(struct reader *r)
{
    while (r->at < r->n && strchr(" \t\r\n", r->p[r->at]) && r->p[r->at])
        r->at++;
}

/* The end of the string that begins here, or 0 where it has none. */
static size_t string_end(const struct reader *r)
{
    for (size_t i = r->at + 1; i < r->n; i++) {
        if (r->p[i] == '\\')
            i++;
        else if (r->p[i] == '"')
            return i + 1;
    }
    return 0;
}

static size_t bare_end(const struct reader *r)
{
    size_t i = r->at;
    while (i < r->n && (r->p[i] == '-' || r->p[i] == '+' || r->p[i] == '.' ||
                        (r->p[i] >= '0' && r->p[i] <= '9') || (r->p[i] >= 'a' && r->p[i] <= 'z') || r->p[i] == 'E'))
        i++;
    return i > r->at ? i : 0;
}

static bool read_scalar(struct reader *r)
{
    bool string = r->p[r->at] == '"';
    size_t end = string ? string_end(r) : bare_end(r);
    if (!end)
        return false;
    struct kt_json_line *l = add(r, string ? KT_JSON_STRING : KT_JSON_VALUE);
    if (!l)
        return false;
    l->value = (uint32_t)r->at;
    l->value_n = (uint32_t)(end - r->at);
    r->at = end;
    return true;
}

static bool open_bracket(struct reader *r)
{
    if (r->depth >= KT_JSON_DEPTH_MAX)
        return false;
    struct kt_json_line *l = add(r, KT_JSON_OPEN);
    if (!l)
        return false;
    l->value = (uint32_t)r->at++;
    l->value_n = 1;
    r->open[r->depth++] = (uint32_t)(r->j->n - 1);
    return true;
}

static bool close_bracket(struct reader *r)
{
    if (r->depth == 0)
        return false;
    uint32_t opener = r->open[r->depth - 1];
    if ((r->p[r->j->line[opener].value] == '{') != (r->p[r->at] == '}'))
        return false;
    r->depth--;
    struct kt_json_line *l = add(r, KT_JSON_CLOSE);
    if (!l)
        return false;
    l->value = (uint32_t)r->at++;
    l->value_n = 1;
    l->partner = opener;
    r->j->line[opener].partner = (uint32_t)(r->j->n - 1);
    return true;
}

static bool in_object(const struct reader *r)
{
    return r->depth > 0 && r->p[r->j->line[r->open[r->depth - 1]].value] == '{';
}

static bool read_key(struct reader *r)
{
    size_t end = r->p[r->at] == '"' ? string_end(r) : 0;
    if (!end)
        return false;
    r->key = (uint32_t)r->at;
    r->key_n = (uint32_t)(end - r->at);
    r->at = end;
    skip_space(r);
    if (r->at >= r->n || r->p[r->at] != ':')
        return false;
    r->at++;
    skip_space(r);
    return r->at < r->n;
}

/* One item or closing bracket. False where it is no JSON, or a limit is met. */
static bool read_one(struct reader *r)
{
    if (r->p[r->at] == ']' || r->p[r->at] == '}')
        return close_bracket(r);
    if (r->depth > 0)
        r->j->line[r->open[r->depth - 1]].items++;
    if (in_object(r) && !read_key(r))
        return false;
    return r->p[r->at] == '{' || r->p[r->at] == '[' ? open_bracket(r) : read_scalar(r);
}

/* From `at` on, as lines of text. */
static void read_plain(struct reader *r, size_t at)
{
    r->depth = 0;
    r->key_n = 0;
    while (at < r->n) {
        const char *nl = memchr(r->p + at, '\n', r->n - at);
        size_t end = nl ? (size_t)(nl - r->p) : r->n;
        struct kt_json_line *l = add(r, KT_JSON_TEXT);
        if (!l)
            return;
        l->value = (uint32_t)at;
        l->value_n = (uint32_t)(end - at);
        at = end + 1;
    }
}

/* A bracket that nothing closes reaches to the last line. */
static void close_open(struct reader *r)
{
    while (r->depth > 0)
        r->j->line[r->open[--r->depth]].partner = (uint32_t)(r->j->n - 1);
}

bool kt_json_lines_read(struct kt_json_lines *j, struct kt_span text)
{
    *j = (struct kt_json_lines){.text = text};
    struct reader r = {.j = j, .p = text.p, .n = text.n < UINT32_MAX ? text.n : UINT32_MAX};
    if (!kt_span_known(text))
        return true;
    size_t good = 0; /* up to here all was JSON */
    bool whole = false;
    for (skip_space(&r); r.at < r.n;) {
        if (!read_one(&r))
            break;
        skip_space(&r);
        if (r.at < r.n && r.p[r.at] == ',' && r.depth > 0) {
            j->line[j->n - 1].comma = true;
            r.at++;
            skip_space(&r);
        }
        good = r.at;
        if (r.depth == 0) {
            whole = r.at >= r.n;
            break;
        }
    }
    close_open(&r);
    if (!whole && !j->cut && !r.failed)
        read_plain(&r, good);
    return !r.failed;
}

void kt_json_lines_free(struct kt_json_lines *j)
{
    free(j->line);
    *j = (struct kt_json_lines){.line = NULL};
}
