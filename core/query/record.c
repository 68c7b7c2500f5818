#include "query/record.h"

#include "base/clock.h"

#include <stdlib.h>

/* Where `path` leads to, with the objects on the way; NULL where memory ran out.
 * A record has "null" where there would be an object. */
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

static json_t *time_of(struct kt_span text)
{
    char digits[32], out[KT_TIME_TEXT];
    if (!text.n || text.n >= sizeof digits)
        return json_stringn(text.p, text.n);
    memcpy(digits, text.p, text.n);
    digits[text.n] = '\0';
    char *end;
    long long seconds = strtoll(digits, &end, 10);
    if (*end || seconds < 0 || seconds > INT64_C(253402300799)) /* the year 9999 */
        return json_stringn(text.p, text.n);
    kt_time_format((int64_t)seconds * 1000, out);
    return json_string(out);
}

static json_t *value_of(const struct kt_column *c, struct kt_span text)
{
    if (c->kind == KT_COLUMN_TIME)
        return time_of(text);
    json_t *j = c->kind == KT_COLUMN_JSON ? json_loadb(text.p, text.n, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL) : NULL;
    return j ? j : json_stringn(text.p, text.n);
}

bool kt_record_put(json_t *root, const struct kt_column *c, struct kt_span text)
{
    char last[64];
    if (!c->path.p || !text.p || (!text.n && !c->nullable))
        return true;
    json_t *value = value_of(c, text), *room = value ? room_of(root, c->path, last, sizeof last) : NULL;
    if (!room) {
        json_decref(value);
        return !value; /* text that is no UTF-8 is left out: there is no record of it */
    }
    return json_object_set_new(room, last, value) == 0;
}

bool kt_record_write(const json_t *root, struct kt_buf *out)
{
    char *text = json_dumps(root, JSON_COMPACT);
    bool good = text && kt_buf_adds(out, text) && kt_buf_addc(out, '\n');
    free(text);
    return good;
}
