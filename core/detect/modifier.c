#include "detect/rule.h"

#include <openssl/evp.h>

/* Follows the modifiers appendix of the Sigma specification 2.1. */
enum mod {
    MOD_ALL, MOD_CASED, MOD_NEQ, MOD_CONTAINS, MOD_STARTSWITH, MOD_ENDSWITH, MOD_WINDASH, MOD_EXPAND, MOD_RE, MOD_I,
    MOD_M, MOD_S, MOD_BASE64, MOD_BASE64OFFSET, MOD_UTF16LE, MOD_UTF16BE, MOD_UTF16, MOD_WIDE, MOD_CIDR, MOD_EXISTS,
    MOD_FIELDREF, MOD_LT, MOD_LTE, MOD_GT, MOD_GTE, MOD_MINUTE, MOD_HOUR, MOD_DAY, MOD_WEEK, MOD_MONTH, MOD_YEAR,
    MOD_COUNT
};

static const char *const mod_names[MOD_COUNT] = {
    "all", "cased", "neq", "contains", "startswith", "endswith", "windash", "expand", "re", "i",
    "m", "s", "base64", "base64offset", "utf16le", "utf16be", "utf16", "wide", "cidr", "exists",
    "fieldref", "lt", "lte", "gt", "gte", "minute", "hour", "day", "week", "month", "year"};

#define M(name) (UINT64_C(1) << MOD_##name)
#define PLACE (M(CONTAINS) | M(STARTSWITH) | M(ENDSWITH))
#define UTF16S (M(UTF16LE) | M(UTF16BE) | M(UTF16) | M(WIDE))
#define ENCODE (M(BASE64) | M(BASE64OFFSET) | UTF16S)
#define COMPARES (M(LT) | M(LTE) | M(GT) | M(GTE))
#define PARTS (M(MINUTE) | M(HOUR) | M(DAY) | M(WEEK) | M(MONTH) | M(YEAR))
#define LISTS (M(ALL) | M(NEQ))

/* What each may stand with. */
static uint64_t companions(enum mod m)
{
    uint64_t one = UINT64_C(1) << m;
    if (one & (M(ALL) | M(NEQ)))
        return ~(M(EXISTS) | COMPARES);
    if (one & PLACE)
        return (LISTS | M(CASED) | M(WINDASH) | M(EXPAND) | ENCODE | M(FIELDREF));
    if (one & UTF16S)
        return LISTS | M(CASED) | M(EXPAND) | PLACE | M(BASE64) | M(BASE64OFFSET);
    if (one & COMPARES)
        return PARTS;
    if (one & PARTS)
        return COMPARES | M(NEQ);
    switch (m) {
    case MOD_CASED: return LISTS | PLACE | M(WINDASH) | M(EXPAND) | ENCODE | M(FIELDREF);
    case MOD_WINDASH: return LISTS | M(CASED) | PLACE | M(EXPAND);
    case MOD_EXPAND: return LISTS | M(CASED) | PLACE | M(WINDASH) | ENCODE | M(CIDR);
    case MOD_RE: return LISTS | M(I) | M(M) | M(S);
    case MOD_I: return LISTS | M(RE) | M(M) | M(S);
    case MOD_M: return LISTS | M(RE) | M(I) | M(S);
    case MOD_S: return LISTS | M(RE) | M(I) | M(M);
    case MOD_BASE64: return LISTS | M(CASED) | M(EXPAND) | PLACE | UTF16S;
    case MOD_BASE64OFFSET: return LISTS | M(CASED) | M(EXPAND) | PLACE | UTF16S;
    case MOD_CIDR: return LISTS | M(EXPAND);
    case MOD_FIELDREF: return LISTS | M(CASED) | PLACE;
    default: return 0;
    }
}

enum { ENCODINGS_MAX = 4 };
struct spec {
    const struct kt_yaml *key;
    struct kt_span field;
    uint64_t has;
    enum mod encoding[ENCODINGS_MAX]; /* in their order */
    size_t n_encodings;
};

static bool has(const struct spec *s, uint64_t any_of)
{
    return (s->has & any_of) != 0;
}

/* --- the key --------------------------------------------------------------------- */

/* Each lets the other stand, and there is at most one of a kind. */
static bool stands(const struct spec *s, enum mod m)
{
    static const uint64_t kinds[] = {PLACE, COMPARES, PARTS, UTF16S};
    uint64_t one = UINT64_C(1) << m;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if ((one & kinds[i]) && has(s, kinds[i]))
            return false;
    for (int k = 0; k < MOD_COUNT; k++)
        if (has(s, UINT64_C(1) << k) && !(companions((enum mod)k) & one))
            return false;
    return !(s->has & ~companions(m));
}

static enum kt_code one_modifier(struct reader *r, struct spec *s, struct kt_span text)
{
    size_t at = (size_t)(text.p - s->key->text.p);
    enum mod m = 0;
    while (m < MOD_COUNT && !kt_span_is(text, mod_names[m]))
        m++;
    if (m == MOD_COUNT)
        return refuse_at(r, KT_EUNSUPPORTED, s->key, at, "there is no such modifier:", text);
    uint64_t one = UINT64_C(1) << m;
    if (s->has & one)
        return refuse_at(r, KT_EFORMAT, s->key, at, "this modifier stands here twice:", text);
    if ((one & (M(I) | M(M) | M(S))) && !has(s, M(RE)))
        return refuse_at(r, KT_EFORMAT, s->key, at, "this modifier stands after re:", text);
    if (!stands(s, m))
        return refuse_at(r, KT_EUNSUPPORTED, s->key, at, "this modifier cannot stand with those before it:", text);
    if ((one & UTF16S) && has(s, M(BASE64) | M(BASE64OFFSET)))
        return refuse_at(r, KT_EFORMAT, s->key, at, "this modifier stands before base64:", text);
    s->has |= one;
    if (one & ENCODE)
        s->encoding[s->n_encodings++] = m;
    return KT_OK;
}

static enum kt_code read_key(struct reader *r, const struct kt_yaml *key, struct spec *s)
{
    *s = (struct spec){.key = key};
    const char *p = key->text.p, *end = p + key->text.n, *bar = memchr(p, '|', key->text.n);
    struct kt_span field = {p, (size_t)((bar ? bar : end) - p)};
    if (field.n == 0 && !bar)
        return refuse(r, KT_EFORMAT, key, "a field's name is expected here");
    s->field = kt_arena_span(r->rule->arena, field);
    if (!kt_span_known(s->field))
        return out_of_memory(r);
    while (bar) {
        const char *from = bar + 1;
        bar = memchr(from, '|', (size_t)(end - from));
        enum kt_code c = one_modifier(r, s, (struct kt_span){from, (size_t)((bar ? bar : end) - from)});
        if (c != KT_OK)
            return c;
    }
    if (has(s, M(BASE64OFFSET)) && !has(s, M(CONTAINS)))
        return refuse(r, KT_EUNSUPPORTED, key, "base64offset finds a part of a text: it needs contains");
    if (s->field.n == 0 && has(s, M(NEQ) | M(STARTSWITH) | M(ENDSWITH) | M(CIDR) | M(EXISTS) | M(FIELDREF) | COMPARES | PARTS))
        return refuse(r, KT_EUNSUPPORTED, key, "this modifier needs a field");
    return KT_OK;
}

/* --- atoms ----------------------------------------------------------------------- */

static bool key_bytes(struct reader *r, struct atom *a, const void *p, size_t n)
{
    size_t total = 16 + a->field.n + n;
    char *k = take(r, total, 1);
    if (!k)
        return false;
    uint32_t field = (uint32_t)a->field.n;
    memset(k, 0, 16);
    k[0] = (char)a->kind;
    k[1] = (char)a->pattern.cased;
    k[2] = (char)a->compare;
    k[3] = (char)a->part;
    k[4] = (char)a->pattern.shape;
    memcpy(k + 8, &field, sizeof field);
    memcpy(k + 16, a->field.p, a->field.n);
    if (n)
        memcpy(k + 16 + a->field.n, p, n);
    a->key = (struct kt_span){k, total};
    return true;
}

static const struct node *atom_node(struct reader *r, const struct atom *a)
{
    struct node *n = node_new(r, OP_ATOM, 0);
    if (n)
        n->atom = (size_t)(a - r->rule->atom);
    return n;
}

/* --- texts ----------------------------------------------------------------------- */

struct elements {
    uint16_t *p;
    size_t n;
};

static struct elements elements_of(struct reader *r, const void *bytes, size_t n)
{
    struct elements e = {take(r, n, sizeof *e.p), n};
    for (size_t i = 0; e.p && i < n; i++)
        e.p[i] = ((const unsigned char *)bytes)[i];
    return e;
}

static size_t add_unit(char *out, unsigned unit, bool big)
{
    out[big ? 0 : 1] = (char)(unit >> 8);
    out[big ? 1 : 0] = (char)(unit & 0xff);
    return 2;
}

static size_t code_point(const unsigned char *p, size_t n, unsigned *out)
{
    size_t len = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
    if (len > n)
        len = n;
    *out = len == 1 ? *p : *p & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        *out = *out << 6 | (p[i] & 0x3fu);
    return len;
}

/* `out` has room for 2n + 2 bytes. */
static size_t utf16(enum mod m, const char *bytes, size_t n, char *out)
{
    const unsigned char *p = (const unsigned char *)bytes;
    bool big = m == MOD_UTF16BE;
    size_t len = m == MOD_UTF16 ? add_unit(out, 0xfeff, false) : 0;
    for (size_t i = 0; i < n;) {
        unsigned cp;
        i += code_point(p + i, n - i, &cp);
        if (cp >= 0x10000) {
            len += add_unit(out + len, 0xd800 + ((cp - 0x10000) >> 10), big);
            cp = 0xdc00 + ((cp - 0x10000) & 0x3ff);
        }
        len += add_unit(out + len, cp, big);
    }
    return len;
}

/* Base64 of `shift` unknown bytes and the text; what depends on them, or on
 * what follows, is cut off. */
static struct elements base64(struct reader *r, const char *bytes, size_t n, int shift, bool offset)
{
    static const size_t first[] = {0, 2, 3}, last[] = {0, 3, 2};
    unsigned char *in = take(r, n + 3, 1), *out = take(r, (n + 5) / 3 * 4 + 1, 1);
    if (!in || !out)
        return (struct elements){NULL, 0};
    memset(in, ' ', 3);
    memcpy(in + shift, bytes, n);
    size_t len = (size_t)EVP_EncodeBlock(out, in, (int)(n + (size_t)shift));
    size_t from = offset ? first[shift] : 0, cut = offset ? last[(n + (size_t)shift) % 3] : 0;
    return len > from + cut ? elements_of(r, out + from, len - from - cut) : elements_of(r, "", 0);
}

static enum kt_code plain_bytes(struct reader *r, const struct kt_yaml *y, struct elements e, char **out)
{
    *out = take(r, e.n, 1);
    if (!*out)
        return out_of_memory(r);
    for (size_t i = 0; i < e.n; i++) {
        if (e.p[i] >= PATTERN_ANY)
            return refuse(r, KT_EUNSUPPORTED, y, "a value that is to be encoded cannot hold the wildcards * and ?");
        (*out)[i] = (char)e.p[i];
    }
    return KT_OK;
}

/* All encodings but base64offset, one after the other. */
static enum kt_code encode(struct reader *r, const struct spec *s, const struct kt_yaml *y, struct elements *e)
{
    for (size_t i = 0; i < s->n_encodings; i++) {
        char *bytes, *wide;
        enum kt_code c = plain_bytes(r, y, *e, &bytes);
        if (c != KT_OK)
            return c;
        if (s->encoding[i] == MOD_BASE64OFFSET)
            return KT_OK;
        if (s->encoding[i] == MOD_BASE64) {
            *e = base64(r, bytes, e->n, 0, false);
        } else {
            if (!(wide = take(r, 2 * e->n + 2, 1)))
                return out_of_memory(r);
            *e = elements_of(r, wide, utf16(s->encoding[i], bytes, e->n, wide));
        }
        if (!e->p)
            return out_of_memory(r);
    }
    return KT_OK;
}

/* - / – — ― stand for each other. In place. */
static void dashes(struct elements *e)
{
    size_t n = 0;
    for (size_t i = 0; i < e->n; i++) {
        bool wide = i + 2 < e->n && e->p[i] == 0xe2 && e->p[i + 1] == 0x80 && e->p[i + 2] >= 0x93 && e->p[i + 2] <= 0x95;
        if (wide)
            i += 2;
        e->p[n++] = wide || e->p[i] == '-' || e->p[i] == '/' ? PATTERN_DASH : e->p[i];
    }
    e->n = n;
}

static const struct node *text_atom(struct reader *r, const struct spec *s, const struct kt_yaml *y, struct elements e)
{
    bool head = has(s, M(CONTAINS) | M(ENDSWITH)) || !s->field.n, tail = has(s, M(CONTAINS) | M(STARTSWITH)) || !s->field.n;
    struct atom *a = atom_new(r, y, s->field);
    uint16_t *p = take(r, e.n + 2, sizeof *p);
    char *literal = take(r, e.n + 2, 1);
    if (!a || !p || !literal)
        return a ? (out_of_memory(r), NULL) : NULL;
    size_t n = 0;
    if (head)
        p[n++] = PATTERN_ANY;
    if (e.n)
        memcpy(p + n, e.p, e.n * sizeof *p);
    n += e.n;
    if (tail)
        p[n++] = PATTERN_ANY;
    a->kind = ATOM_TEXT;
    a->pattern = (struct pattern){.p = p, .n = n, .cased = has(s, M(CASED))};
    pattern_finish(&a->pattern, literal);
    if (!key_bytes(r, a, p, a->pattern.n * sizeof *p))
        return out_of_memory(r), NULL;
    return atom_node(r, a);
}

static enum kt_code read_offsets(struct reader *r, const struct spec *s, const struct kt_yaml *y, struct elements e,
                                 const struct node **out)
{
    char *bytes;
    enum kt_code c = plain_bytes(r, y, e, &bytes);
    struct node *n = c == KT_OK ? node_new(r, OP_OR, 3) : NULL;
    if (!n)
        return c == KT_OK ? out_of_memory(r) : c;
    for (int shift = 0; shift < 3; shift++) {
        struct elements encoded = base64(r, bytes, e.n, shift, true);
        if (!encoded.p)
            return out_of_memory(r);
        if (encoded.n == 0)
            return refuse(r, KT_EFORMAT, y, "too short: nothing of it is sure to be found in base64");
        if (!(n->child[shift] = text_atom(r, s, y, encoded)))
            return r->err->code;
    }
    *out = n;
    return KT_OK;
}

/* The longest run of the text that stands for itself. */
static enum kt_code spell(struct reader *r, const struct node *n, struct kt_span text)
{
    size_t best = 0, best_n = 0;
    for (size_t from = 0, i = 0; i <= text.n; i++) {
        if (i < text.n && !strchr("*?\\", text.p[i]) && text.p[i])
            continue;
        if (i - from > best_n) {
            best = from;
            best_n = i - from;
        }
        from = i + 1;
    }
    char *copy = best_n ? take(r, best_n + 1, 1) : NULL;
    if (!copy)
        return best_n ? out_of_memory(r) : KT_OK;
    memcpy(copy, text.p + best, best_n);
    copy[best_n] = '\0';
    r->rule->atom[n->atom].spelled = copy;
    return KT_OK;
}

static enum kt_code read_text(struct reader *r, const struct spec *s, const struct kt_yaml *y, struct kt_span text,
                              const struct node **out)
{
    struct elements e = {take(r, text.n, sizeof *e.p), 0};
    if (!e.p)
        return out_of_memory(r);
    e.n = pattern_compile(text, e.p);
    if (has(s, M(WINDASH)))
        dashes(&e);
    enum kt_code c = encode(r, s, y, &e);
    if (c == KT_OK && has(s, M(BASE64OFFSET)))
        return read_offsets(r, s, y, e, out);
    if (c == KT_OK && !(*out = text_atom(r, s, y, e)))
        return r->err->code;
    return c == KT_OK && !s->n_encodings && !has(s, M(WINDASH)) ? spell(r, *out, text) : c;
}

/* --- other types ----------------------------------------------------------------- */

static enum kt_code read_regex(struct reader *r, const struct spec *s, const struct kt_yaml *y, struct kt_span text,
                               const struct node **out)
{
    uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | (has(s, M(I)) ? PCRE2_CASELESS : 0) |
                       (has(s, M(M)) ? PCRE2_MULTILINE : 0) | (has(s, M(S)) ? PCRE2_DOTALL : 0);
    int code;
    PCRE2_SIZE at;
    struct atom *a = atom_new(r, y, s->field);
    if (!a)
        return r->err->code;
    a->kind = ATOM_RE;
    a->re = pcre2_compile((PCRE2_SPTR)text.p, text.n, options, &code, &at, NULL);
    if (!a->re) {
        PCRE2_UCHAR sentence[160];
        (void)pcre2_get_error_message(code, sentence, sizeof sentence);
        return kt_fail(r->err, KT_EFORMAT, "%s:%d:%d: the regular expression is wrong at its character %zu: %s", r->what,
                       y->line, y->column, at + 1, (const char *)sentence);
    }
    char *k = take(r, text.n + sizeof options, 1), *literal = take(r, text.n, 1);
    if (!k || !literal)
        return out_of_memory(r);
    a->pattern.literal = regex_literal(text, has(s, M(I)), literal);
    memcpy(k, &options, sizeof options);
    memcpy(k + sizeof options, text.p, text.n);
    *out = key_bytes(r, a, k, text.n + sizeof options) ? atom_node(r, a) : NULL;
    return *out ? KT_OK : out_of_memory(r);
}

static bool cidr_parse(struct kt_span s, struct atom *a)
{
    const char *slash = memchr(s.p, '/', s.n);
    struct kt_span address = {s.p, slash ? (size_t)(slash - s.p) : s.n};
    if (!address_read(address, a->cidr.net, &a->cidr.v6))
        return false;
    int bits = slash ? 0 : a->cidr.v6 ? 128 : 32;
    if (slash && (slash + 1 == s.p + s.n || s.p + s.n - slash > 4))
        return false;
    for (const char *p = slash ? slash + 1 : s.p + s.n; p < s.p + s.n; p++) {
        if (*p < '0' || *p > '9')
            return false;
        bits = bits * 10 + (*p - '0');
    }
    a->cidr.bits = bits;
    return bits <= (a->cidr.v6 ? 128 : 32);
}

static enum kt_code read_cidr(struct reader *r, const struct spec *s, const struct kt_yaml *y, struct kt_span text,
                              const struct node **out)
{
    struct atom *a = atom_new(r, y, s->field);
    if (!a)
        return r->err->code;
    a->kind = ATOM_CIDR;
    if (!cidr_parse(text, a))
        return refuse_text(r, KT_EFORMAT, y, "this is not an address range such as 10.0.0.0/8 or 2001:db8::/32:", text);
    for (int bit = a->cidr.bits; bit < (a->cidr.v6 ? 128 : 32); bit++)
        if (a->cidr.net[bit / 8] & (0x80 >> bit % 8))
            return refuse_text(r, KT_EFORMAT, y, "this range has bits beyond its length:", text);
    uint8_t k[18] = {(uint8_t)a->cidr.bits, a->cidr.v6};
    memcpy(k + 2, a->cidr.net, 16);
    *out = key_bytes(r, a, k, sizeof k) ? atom_node(r, a) : NULL;
    return *out ? KT_OK : out_of_memory(r);
}

static enum kt_code read_number(struct reader *r, const struct spec *s, const struct kt_yaml *y, struct kt_span text,
                                const struct node **out)
{
    struct atom *a = atom_new(r, y, s->field);
    if (!a)
        return r->err->code;
    a->kind = ATOM_NUMBER;
    a->compare = has(s, M(LT))    ? COMPARE_LT
                 : has(s, M(LTE)) ? COMPARE_LTE
                 : has(s, M(GT))  ? COMPARE_GT
                 : has(s, M(GTE)) ? COMPARE_GTE
                                  : COMPARE_EQ;
    for (int p = MOD_MINUTE; p <= MOD_YEAR; p++)
        if (has(s, UINT64_C(1) << p))
            a->part = (enum part)(PART_MINUTE + (p - MOD_MINUTE));
    if (!number_read(text, &a->number))
        return refuse_text(r, KT_EFORMAT, y, "a number is expected here, not", text);
    *out = key_bytes(r, a, &a->number, sizeof a->number) ? atom_node(r, a) : NULL;
    return *out ? KT_OK : out_of_memory(r);
}

static enum kt_code read_fieldref(struct reader *r, const struct spec *s, const struct kt_yaml *y, struct kt_span text,
                                  const struct node **out)
{
    struct atom *a = atom_new(r, y, s->field);
    if (!a)
        return r->err->code;
    if (text.n == 0)
        return refuse(r, KT_EFORMAT, y, "the other field's name is expected here");
    a->kind = ATOM_FIELDREF;
    a->pattern.cased = has(s, M(CASED));
    a->pattern.shape = has(s, M(CONTAINS))     ? SHAPE_CONTAINS
                       : has(s, M(STARTSWITH)) ? SHAPE_PREFIX
                       : has(s, M(ENDSWITH))   ? SHAPE_SUFFIX
                                               : SHAPE_EXACT;
    a->other = kt_arena_span(r->rule->arena, text);
    *out = kt_span_known(a->other) && key_bytes(r, a, text.p, text.n) ? atom_node(r, a) : NULL;
    return *out ? KT_OK : out_of_memory(r);
}

static enum kt_code read_bare(struct reader *r, const struct spec *s, const struct kt_yaml *y, enum atom_kind kind,
                              const struct node **out)
{
    struct atom *a = atom_new(r, y, s->field);
    if (!a)
        return r->err->code;
    a->kind = kind;
    *out = key_bytes(r, a, NULL, 0) ? atom_node(r, a) : NULL;
    return *out ? KT_OK : out_of_memory(r);
}

static enum kt_code read_exists(struct reader *r, const struct spec *s, const struct kt_yaml *y, const struct node **out)
{
    bool yes = y->type == KT_YAML_SCALAR && kt_span_is(y->text, "true");
    if (!yes && !(y->type == KT_YAML_SCALAR && kt_span_is(y->text, "false")))
        return refuse(r, KT_EFORMAT, y, "exists takes true or false");
    const struct node *n;
    enum kt_code c = read_bare(r, s, y, ATOM_EXISTS, &n);
    if (c != KT_OK || yes) {
        *out = c == KT_OK ? n : NULL;
        return c;
    }
    struct node *not = node_new(r, OP_NOT, 1);
    if (!not)
        return out_of_memory(r);
    not->child[0] = n;
    *out = not;
    return KT_OK;
}

/* --- placeholders ---------------------------------------------------------------- */

static enum kt_code read_plain(struct reader *r, const struct spec *s, const struct kt_yaml *y, struct kt_span text,
                               const struct node **out)
{
    if (has(s, M(RE)))
        return read_regex(r, s, y, text, out);
    if (has(s, M(CIDR)))
        return read_cidr(r, s, y, text, out);
    if (has(s, COMPARES | PARTS))
        return read_number(r, s, y, text, out);
    if (has(s, M(FIELDREF)))
        return read_fieldref(r, s, y, text, out);
    return read_text(r, s, y, text, out);
}

struct expansion {
    struct reader *r;
    const struct spec *s;
    const struct kt_yaml *y;
    struct kt_buf text;
    const struct node **node; /* EXPANSIONS_MAX */
    size_t n;
};

bool placeholder_char(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static const struct placeholder *placeholder_of(const struct reader *r, struct kt_span name)
{
    for (size_t i = 0; i < r->n_placeholders; i++)
        if (kt_span_eq(r->placeholder[i].name, name))
            return &r->placeholder[i];
    return NULL;
}

/* The name of a placeholder that begins at `at`; n == 0: it is a mere %. */
static struct kt_span placeholder_name(struct kt_span s, size_t at)
{
    size_t end = at + 1;
    while (end < s.n && placeholder_char(s.p[end]))
        end++;
    return (struct kt_span){s.p + at + 1, end < s.n && s.p[end] == '%' ? end - at - 1 : 0};
}

static enum kt_code expand(struct expansion *x, size_t at);

static enum kt_code expand_each(struct expansion *x, struct kt_span name, size_t next)
{
    const struct placeholder *p = placeholder_of(x->r, name);
    if (!p)
        return refuse_text(x->r, KT_EUNSUPPORTED, x->y, "nothing is known of the placeholder", name);
    size_t have = x->text.len;
    enum kt_code c = KT_OK;
    for (size_t i = 0; i < p->n && c == KT_OK; i++) {
        x->text.len = have;
        c = kt_buf_add(&x->text, p->value[i].p, p->value[i].n) ? expand(x, next) : out_of_memory(x->r);
    }
    return c;
}

static enum kt_code expand(struct expansion *x, size_t at)
{
    struct kt_span s = x->y->text;
    size_t have = x->text.len;
    for (; at < s.n; at++) {
        struct kt_span name = s.p[at] == '%' ? placeholder_name(s, at) : KT_SPAN_NONE;
        if (name.n)
            return expand_each(x, name, at + name.n + 2);
        bool escaped = s.p[at] == '\\' && at + 1 < s.n && s.p[at + 1] == '%';
        bool pair = s.p[at] == '\\' && at + 1 < s.n && s.p[at + 1] == '\\';
        if (escaped)
            at++;
        if (!kt_buf_add(&x->text, s.p + at, pair ? 2 : 1))
            return refuse(x->r, KT_ELIMIT, x->y, "too long with its placeholders");
        at += pair;
    }
    if (x->n == EXPANSIONS_MAX)
        return refuse(x->r, KT_ELIMIT, x->y, "its placeholders stand for more than 4096 values");
    enum kt_code c = read_plain(x->r, x->s, x->y, kt_buf_span(&x->text), &x->node[x->n]);
    x->n += c == KT_OK;
    x->text.len = have;
    return c;
}

static enum kt_code read_expanded(struct reader *r, const struct spec *s, const struct kt_yaml *y, const struct node **out)
{
    struct expansion x = {.r = r, .s = s, .y = y, .node = take(r, EXPANSIONS_MAX, sizeof *x.node)};
    if (!x.node)
        return out_of_memory(r);
    kt_buf_init(&x.text, 1 << 16);
    enum kt_code c = expand(&x, 0);
    kt_buf_free(&x.text);
    struct node *n = c == KT_OK ? node_new(r, OP_OR, x.n) : NULL;
    if (!n)
        return c == KT_OK ? out_of_memory(r) : c;
    for (size_t i = 0; i < x.n; i++)
        n->child[i] = x.node[i];
    *out = n;
    return KT_OK;
}

/* --- values ---------------------------------------------------------------------- */

static enum kt_code read_value(struct reader *r, const struct spec *s, const struct kt_yaml *y, const struct node **out)
{
    if (y->type != KT_YAML_SCALAR)
        return refuse(r, KT_EUNSUPPORTED, y, "a value is expected here, not a list or a map");
    if (kt_yaml_is_null(y)) {
        if (has(s, ~LISTS) || !s->field.n)
            return refuse(r, KT_EUNSUPPORTED, y, "null cannot stand with this modifier");
        return read_bare(r, s, y, ATOM_NULL, out);
    }
    return has(s, M(EXPAND)) ? read_expanded(r, s, y, out) : read_plain(r, s, y, y->text, out);
}

enum kt_code test_read(struct reader *r, const struct kt_yaml *key, const struct kt_yaml *y, const struct node **out)
{
    struct spec s;
    bool list = y->type == KT_YAML_LIST;
    enum kt_code c = read_key(r, key, &s);
    if (c != KT_OK)
        return c;
    if (has(&s, M(EXISTS)))
        return read_exists(r, &s, y, out);
    if (list && y->n == 0)
        return refuse(r, KT_EFORMAT, y, "an empty list can never match");
    if (has(&s, M(ALL)) && (!list || y->n < 2))
        return refuse(r, KT_EFORMAT, y, "all needs a list of at least two values");
    struct node *n = node_new(r, has(&s, M(ALL)) ? OP_AND : OP_OR, list ? y->n : 1);
    if (!n)
        return out_of_memory(r);
    for (size_t i = 0; i < n->n && c == KT_OK; i++)
        c = read_value(r, &s, list ? y->item[i] : y, &n->child[i]);
    *out = n;
    if (c != KT_OK || !has(&s, M(NEQ)))
        return c;
    struct node *not = node_new(r, OP_NOT, 1);
    if (!not)
        return out_of_memory(r);
    not->child[0] = n;
    *out = not;
    return KT_OK;
}
