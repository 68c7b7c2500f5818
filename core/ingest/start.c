#include "ingest/start.h"

enum { LEARN_FROM = 64 }; /* records; afterwards a stream's habit is known */

bool kt_is_envelope_key(struct kt_span key)
{
    return kt_span_is(key, "Records") || kt_span_is(key, "Events") || kt_span_is(key, "events") ||
           kt_span_is(key, "logEvents") || kt_span_is(key, "results");
}

static size_t skip_blanks(const char *p, size_t n, size_t i)
{
    size_t stop = n - i > KT_START_BLANKS ? i + KT_START_BLANKS : n;
    while (i < stop && kt_is_blank(p[i]))
        i++;
    return i;
}

/* Past `{ "key" :`, or 0. */
static size_t match_key(const char *p, size_t n, size_t i, struct kt_span *key)
{
    if (i >= n || p[i] != '{')
        return 0;
    i = skip_blanks(p, n, i + 1);
    if (i >= n || p[i] != '"')
        return 0;
    size_t k = ++i;
    while (i < n && p[i] != '"' && p[i] != '\\' && (unsigned char)p[i] >= 0x20 && i - k < KT_START_KEY_MAX)
        i++;
    if (i >= n || p[i] != '"')
        return 0;
    *key = (struct kt_span){p + k, i - k};
    i = skip_blanks(p, n, i + 1);
    return i < n && p[i] == ':' ? i + 1 : 0;
}

struct kt_span kt_first_key(const char *p, size_t n)
{
    struct kt_span key;
    return match_key(p, n, 0, &key) ? key : KT_SPAN_NONE;
}

struct kt_span kt_key_before(const char *p, size_t from, size_t at)
{
    size_t i = at;
    while (i > from && kt_is_blank(p[i - 1]))
        i--;
    if (i == from || p[--i] != ':')
        return KT_SPAN_NONE;
    while (i > from && kt_is_blank(p[i - 1]))
        i--;
    if (i == from || p[--i] != '"')
        return KT_SPAN_NONE;
    size_t end = i;
    while (i > from && p[i - 1] != '"' && end - i < KT_START_KEY_MAX)
        i--;
    if (i == from || p[i - 1] != '"')
        return KT_SPAN_NONE;
    if (i - 1 > from) { /* an escaped quote is no opening quote */
        char c = p[i - 2];
        if (c != '{' && c != ',' && !kt_is_blank(c))
            return KT_SPAN_NONE;
    }
    return (struct kt_span){p + i, end - i};
}

static struct kt_start_key *known(struct kt_starts *t, struct kt_span key)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->key[i].n == key.n && memcmp(t->key[i].text, key.p, key.n) == 0)
            return &t->key[i];
    return NULL;
}

static bool occurs_inside(const char *p, size_t n, struct kt_span key)
{
    for (size_t i = 1; i < n; i++) {
        const char *brace = memchr(p + i, '{', n - i);
        if (!brace)
            return false;
        i = (size_t)(brace - p);
        struct kt_span k;
        if (match_key(p, n, i, &k) && kt_span_eq(k, key))
            return true;
    }
    return false;
}

void kt_starts_learn(struct kt_starts *t, const char *p, size_t n)
{
    if (t->seen >= LEARN_FROM)
        return;
    struct kt_span key = kt_first_key(p, n);
    if (!key.p || key.n == 0 || key.n >= KT_START_KEY_MAX)
        return;
    t->seen++;
    struct kt_start_key *k = known(t, key);
    if (!k && t->n < KT_START_KEYS) {
        k = &t->key[t->n++];
        memcpy(k->text, key.p, key.n);
        k->n = key.n;
    }
    if (k && !k->nested)
        k->nested = occurs_inside(p, n, key);
}

bool kt_starts_learned(const struct kt_starts *t)
{
    return t->seen >= LEARN_FROM;
}

/* Before an element stand `,`, `[`, white space or the end of another value,
 * never the colon of a member. */
static bool stands_free(const char *p, size_t at)
{
    if (at == 0)
        return false; /* what stood before is not known */
    char c = p[at - 1];
    if (c == ',' || c == '[' || c == '}' || c == ']')
        return true;
    if (!kt_is_blank(c))
        return false;
    size_t i = at, low = at > KT_START_BLANKS ? at - KT_START_BLANKS : 0;
    while (i > low && kt_is_blank(p[i - 1]))
        i--;
    return !(i > 1 && p[i - 1] == ':' && (p[i - 2] == '"' || kt_is_blank(p[i - 2])));
}

static bool follows_an_element(const char *p, size_t at)
{
    size_t i = at;
    while (i > 0 && at - i < KT_START_BLANKS && kt_is_blank(p[i - 1]))
        i--;
    if (i == 0 || p[--i] != ',')
        return false;
    while (i > 0 && at - i < 2 * KT_START_BLANKS && kt_is_blank(p[i - 1]))
        i--;
    return i > 0 && p[i - 1] == '}';
}

static bool begins_a_record(const struct kt_starts *t, const struct kt_start_where *where, struct kt_span key,
                            bool *habit)
{
    size_t strong = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (t->key[i].nested)
            continue;
        strong++;
        if (t->key[i].n == key.n && memcmp(t->key[i].text, key.p, key.n) == 0)
            return true;
    }
    *habit = t->n ? strong == 1 && t->n == 1 : where->own.p != NULL;
    if (t->n)
        return false;
    return kt_span_is(key, "eventVersion") || kt_span_eq(key, where->own);
}

static enum kt_start_kind start_at(const struct kt_starts *t, const struct kt_start_where *where, const char *p,
                                   size_t n, size_t i)
{
    struct kt_span key;
    size_t after = match_key(p, n, i, &key);
    if (!after || !stands_free(p, i))
        return KT_START_NONE;
    if (kt_is_envelope_key(key)) {
        size_t j = skip_blanks(p, n, after);
        if (j >= n || p[j] == '[')
            return j < n ? KT_START_DOCUMENT : KT_START_NONE;
    }
    if (where->top && p[i - 1] == '\n')
        return KT_START_RECORD;
    bool habit = true;
    if (begins_a_record(t, where, key, &habit))
        return KT_START_RECORD;
    return !habit && follows_an_element(p, i) ? KT_START_RECORD : KT_START_NONE;
}

size_t kt_starts_find(const struct kt_starts *t, const struct kt_start_where *where, const char *p, size_t n,
                      size_t from, enum kt_start_kind *kind)
{
    *kind = KT_START_NONE;
    for (size_t i = from; i < n; i++) {
        const char *brace = memchr(p + i, '{', n - i);
        if (!brace)
            return n;
        i = (size_t)(brace - p);
        *kind = start_at(t, where, p, n, i);
        if (*kind != KT_START_NONE)
            return i;
    }
    return n;
}
