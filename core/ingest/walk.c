#include "ingest/walk.h"

#include "base/literal.h"

#include <stdbool.h>
#include <stddef.h>

enum { DIGITS_MAX = 18 }; /* so that no integer overflows */

enum level { RECORD, IDENTITY, OTHER };

/* Functions say false where they are not sure; then nothing more is read. */
struct cursor {
    const char *p, *end;
    struct kt_walk *w;
    struct kt_use *out;
    uint32_t seen; /* of the members looked for */
};

/* --- which members --------------------------------------------------------- */

enum { IS_IDENTITY = -1, IS_WRAPPER = -2, ERROR_CODE = 4 };

static const struct member {
    const char *name;
    uint8_t len, level;
    int8_t bit;
    uint16_t at; /* in struct kt_use */
} members[] = {
#define M(level, bit, name, field) {name, sizeof name - 1, level, bit, offsetof(struct kt_use, field)}
    M(RECORD, 0, "eventName", event_name),
    M(RECORD, 1, "eventSource", event_source),
    M(RECORD, 2, "eventTime", event_time),
    M(RECORD, 3, "eventID", event_id),
    M(RECORD, ERROR_CODE, "errorCode", error_code),
    M(RECORD, 5, "sourceIPAddress", address),
    M(RECORD, 6, "userAgent", agent),
    M(RECORD, 7, "awsRegion", region),
    M(RECORD, 8, "recipientAccountId", recipient),
    M(RECORD, 9, "recipientAccountID", recipient_old),
    M(IDENTITY, 10, "accessKeyId", key_id),
    M(IDENTITY, 11, "userName", user_name),
    M(IDENTITY, 12, "arn", arn),
    M(IDENTITY, 13, "accountId", account),
    M(IDENTITY, 14, "type", type),
    {"userIdentity", 12, RECORD, IS_IDENTITY, 0},
    {"CloudTrailEvent", 15, RECORD, IS_WRAPPER, 0},
    {"_raw", 4, RECORD, IS_WRAPPER, 0},
#undef M
};
enum { IDENTITY_SEEN = 1 << 20, LONGEST = 18 };

static const struct member *member_of(enum level level, const char *key, size_t n)
{
    static const uint32_t lengths[] = {
        [RECORD] = 1u << 4 | 1u << 7 | 1u << 9 | 1u << 11 | 1u << 12 | 1u << 15 | 1u << 18,
        [IDENTITY] = 1u << 3 | 1u << 4 | 1u << 8 | 1u << 9 | 1u << 11, [OTHER] = 0};
    if (n > LONGEST || !(lengths[level] >> n & 1))
        return NULL;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (members[i].len == n && members[i].level == level && memcmp(members[i].name, key, n) == 0)
            return &members[i];
    return NULL;
}

/* --- strings --------------------------------------------------------------- */

/* Past the string at the cursor; `s` is what is between its quotes. */
static bool string(struct cursor *c, struct kt_span *s, bool *escapes)
{
    return kt_literal(&c->p, c->end, s, escapes);
}

/* The string with its escapes undone: never longer than it was. */
static bool unescape(struct kt_walk *w, struct kt_span *s)
{
    if (s->n > sizeof w->scratch - w->used)
        return false;
    char *to = w->scratch + w->used;
    w->used += s->n;
    *s = (struct kt_span){to, kt_literal_unescape(*s, to)};
    return true;
}

/* --- values ---------------------------------------------------------------- */

static void blanks(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t'))
        c->p++;
}

static char here(struct cursor *c)
{
    blanks(c);
    return c->p < c->end ? *c->p : '\0';
}

static size_t digits(struct cursor *c)
{
    const char *from = c->p;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
        c->p++;
    return (size_t)(c->p - from);
}

static bool number(struct cursor *c)
{
    c->p += *c->p == '-';
    const char *from = c->p;
    size_t n = digits(c);
    if (n == 0 || n > DIGITS_MAX || (n > 1 && *from == '0'))
        return false;
    if (c->p == c->end || *c->p != '.')
        return c->p == c->end || (*c->p != 'e' && *c->p != 'E');
    c->p++;
    n = digits(c);
    return n > 0 && n <= DIGITS_MAX && (c->p == c->end || (*c->p != 'e' && *c->p != 'E'));
}

static bool word(struct cursor *c, const char *text, size_t n)
{
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, text, n) != 0)
        return false;
    c->p += n;
    return c->p == c->end || (unsigned char)((*c->p | 0x20) - 'a') > 25;
}

static bool object(struct cursor *c, int depth, enum level level);

static bool value(struct cursor *c, int depth);

static bool array(struct cursor *c, int depth)
{
    c->p++;
    if (here(c) == ']') {
        c->p++;
        return true;
    }
    for (;;) {
        if (!value(c, depth))
            return false;
        char x = here(c);
        if (x != ',' && x != ']')
            return false;
        c->p++;
        if (x == ']')
            return true;
    }
}

static bool value(struct cursor *c, int depth)
{
    struct kt_span s;
    bool escapes;
    switch (here(c)) {
    case '"': return string(c, &s, &escapes);
    case '{': return depth < KT_WALK_DEPTH && object(c, depth + 1, OTHER);
    case '[': return depth < KT_WALK_DEPTH && array(c, depth + 1);
    case 't': return word(c, "true", 4);
    case 'f': return word(c, "false", 5);
    case 'n': return word(c, "null", 4);
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        return number(c);
    default: return false;
    }
}

/* The value of a member that is looked for. */
static bool wanted(struct cursor *c, const struct member *m, int depth)
{
    uint32_t bit = m->bit >= 0 ? 1u << m->bit : IDENTITY_SEEN;
    if (m->bit == IS_WRAPPER || (c->seen & bit))
        return false;
    c->seen |= bit;
    char x = here(c);
    if (m->bit == IS_IDENTITY)
        return x == '{' ? object(c, depth + 1, IDENTITY) : value(c, depth);
    if (x != '"') /* an errorCode of any kind says that the call failed */
        return (m->bit != ERROR_CODE || x == 'n') && value(c, depth);
    struct kt_span s;
    bool escapes;
    if (!string(c, &s, &escapes) || (escapes && !unescape(c->w, &s)))
        return false;
    memcpy((char *)c->out + m->at, &s, sizeof s);
    return true;
}

static bool object(struct cursor *c, int depth, enum level level)
{
    c->p++;
    if (here(c) == '}') {
        c->p++;
        return true;
    }
    for (;;) {
        struct kt_span key;
        bool escapes;
        if (here(c) != '"' || !string(c, &key, &escapes) || (escapes && level != OTHER) || here(c) != ':')
            return false;
        c->p++;
        const struct member *m = member_of(level, key.p, key.n);
        if (!(m ? wanted(c, m, depth) : value(c, depth)))
            return false;
        char x = here(c);
        if (x != ',' && x != '}')
            return false;
        c->p++;
        if (x == '}')
            return true;
    }
}

enum kt_walked kt_walk(struct kt_walk *w, struct kt_span text, struct kt_use *out)
{
    struct cursor c = {.p = text.p, .end = text.p + text.n, .w = w, .out = out};
    memset(out, 0, sizeof *out);
    w->used = 0;
    if (here(&c) != '{' || !object(&c, 1, RECORD))
        return KT_WALK_UNSURE;
    blanks(&c);
    if (c.p != c.end || !kt_span_known(out->event_name))
        return KT_WALK_UNSURE;
    return kt_span_starts(out->key_id, "AKIA") ? KT_WALK_USE : KT_WALK_NONE;
}
