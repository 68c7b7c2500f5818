#include "tests/support/words.h"

#include "query/compile.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TEXT_MAX = 64 << 10, DEPTH_MAX = 200 };

struct reader {
    const char *p;
    const json_t *record;
    const char *text; /* @message, _raw */
    bool wrong;
    int depth;
};
enum kind { NIL, TEXT, NUMBER, TRUTH };
struct value {
    enum kind kind;
    long number;
    char *text; /* owned */
};

static void blanks(struct reader *r)
{
    while (*r->p == ' ')
        r->p++;
}

static bool take(struct reader *r, const char *word)
{
    blanks(r);
    size_t n = strlen(word);
    if (strncmp(r->p, word, n) != 0)
        return false;
    bool letters = word[n - 1] >= 'A';
    char next = r->p[n];
    if (letters && (next == '_' || (next >= '0' && next <= '9') || (next >= 'A' && next <= 'Z') || (next >= 'a' && next <= 'z')))
        return false;
    r->p += n;
    return true;
}

static void want(struct reader *r, const char *word)
{
    if (!take(r, word))
        r->wrong = true;
}

static struct value truth(bool yes)
{
    return (struct value){.kind = TRUTH, .number = yes};
}

/* --- Trino ------------------------------------------------------------------------------- */

static void put_utf8(char *out, size_t *n, unsigned long c)
{
    if (c < 0x80) {
        out[(*n)++] = (char)c;
    } else if (c < 0x800) {
        out[(*n)++] = (char)(0xC0 | c >> 6);
        out[(*n)++] = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        out[(*n)++] = (char)(0xE0 | c >> 12);
        out[(*n)++] = (char)(0x80 | (c >> 6 & 63));
        out[(*n)++] = (char)(0x80 | (c & 63));
    } else {
        out[(*n)++] = (char)(0xF0 | c >> 18);
        out[(*n)++] = (char)(0x80 | (c >> 12 & 63));
        out[(*n)++] = (char)(0x80 | (c >> 6 & 63));
        out[(*n)++] = (char)(0x80 | (c & 63));
    }
}

/* '...' or U&'...' or "...": doubled quotes are one of them. */
static char *quoted(struct reader *r, char quote, bool escapes)
{
    char *out = malloc(TEXT_MAX + 8);
    size_t n = 0;
    for (r->p++;; r->p++) {
        if (*r->p == '\0' || n >= TEXT_MAX) {
            r->wrong = true;
            break;
        }
        if (*r->p == quote && r->p[1] != quote) {
            r->p++;
            break;
        }
        if (*r->p == quote) {
            out[n++] = *r->p++;
            continue;
        }
        if (!escapes || *r->p != '\\') {
            out[n++] = *r->p;
            continue;
        }
        if (r->p[1] == '\\') {
            out[n++] = *++r->p;
            continue;
        }
        int digits = r->p[1] == '+' ? 6 : 4;
        char hex[8] = "";
        memcpy(hex, r->p + (digits == 6 ? 2 : 1), (size_t)digits);
        r->wrong |= strspn(hex, "0123456789ABCDEFabcdef") != (size_t)digits;
        put_utf8(out, &n, strtoul(hex, NULL, 16));
        r->p += digits + (digits == 6);
        if (r->wrong)
            break;
    }
    out[n] = '\0';
    return out;
}

/* The value at a path: text as it is, the rest as JSON; NIL: there is none. */
static struct value at_path(const json_t *at, const char *path)
{
    char name[200];
    while (at && *path) {
        size_t n = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)n, path);
        at = json_object_get(at, name);
        path += n + (path[n] == '.');
    }
    if (!at || json_is_null(at))
        return (struct value){0};
    return (struct value){TEXT, 0, json_is_string(at) ? strdup(json_string_value(at)) : json_dumps(at, JSON_COMPACT | JSON_ENCODE_ANY)};
}

static struct value column(struct reader *r, const char *name)
{
    struct kt_table t = kt_table_athena();
    char path[200];
    if (strcmp(name, "account") == 0)
        return at_path(r->record, "recipientAccountId");
    if (strcmp(name, "region") == 0)
        return at_path(r->record, "awsRegion");
    if (strcmp(name, "timestamp") == 0) { /* 2026/01/31: its delivery, which is here its time */
        struct value v = at_path(r->record, "eventTime");
        if (v.text && strlen(v.text) >= 10) {
            v.text[4] = v.text[7] = '/';
            v.text[10] = '\0';
        }
        return v;
    }
    for (size_t i = 0; i < t.n; i++)
        if (kt_span_is(t.column[i].name, name)) {
            snprintf(path, sizeof path, "%.*s", (int)t.column[i].path.n, t.column[i].path.p);
            return at_path(r->record, path);
        }
    r->wrong = true; /* COLUMN_NOT_FOUND */
    return (struct value){0};
}

static struct value trino_or(struct reader *r);

static void lower(char *s)
{
    for (; s && *s; s++)
        if (*s >= 'A' && *s <= 'Z')
            *s += 32;
}

static struct value call_json(struct reader *r)
{
    struct value doc = trino_or(r);
    want(r, ",");
    struct value path = trino_or(r);
    want(r, ")");
    struct value out = {0};
    r->wrong |= path.kind != TEXT || strncmp(path.text, "$.", 2) != 0;
    json_t *j = doc.kind == TEXT && !r->wrong ? json_loads(doc.text, JSON_DECODE_ANY, NULL) : NULL;
    if (j) {
        out = at_path(j, path.text + 2);
        if (out.text && (out.text[0] == '{' || out.text[0] == '[')) { /* no scalar */
            free(out.text);
            out = (struct value){0};
        }
    }
    json_decref(j);
    free(doc.text);
    free(path.text);
    return out;
}

static struct value call_strpos(struct reader *r)
{
    struct value in = trino_or(r);
    want(r, ",");
    struct value what = trino_or(r);
    want(r, ")");
    struct value out = {0};
    if (in.kind == TEXT && what.kind == TEXT) {
        const char *at = strstr(in.text, what.text);
        out = (struct value){.kind = NUMBER, .number = at ? at - in.text + 1 : 0};
    } else if ((in.kind != NIL && in.kind != TEXT) || what.kind != TEXT) {
        r->wrong = true;
    }
    free(in.text);
    free(what.text);
    return out;
}

static struct value call_coalesce(struct reader *r)
{
    struct value first = trino_or(r);
    want(r, ",");
    struct value other = trino_or(r);
    want(r, ")");
    bool nil = first.kind == NIL;
    free(nil ? first.text : other.text);
    return nil ? other : first;
}

static struct value primary(struct reader *r)
{
    struct value v = {0};
    blanks(r);
    if (++r->depth > DEPTH_MAX)
        r->wrong = true;
    if (r->wrong)
        return v;
    if (take(r, "(")) {
        v = trino_or(r);
        want(r, ")");
    } else if (take(r, "lower(")) {
        v = trino_or(r);
        r->wrong |= v.kind != TEXT && v.kind != NIL;
        lower(v.text);
        want(r, ")");
    } else if (take(r, "strpos(")) {
        v = call_strpos(r);
    } else if (take(r, "json_extract_scalar(")) {
        v = call_json(r);
    } else if (take(r, "COALESCE(")) {
        v = call_coalesce(r);
    } else if (take(r, "FALSE")) {
        v = truth(false);
    } else if (*r->p == '\'' || strncmp(r->p, "U&'", 3) == 0) {
        bool escapes = *r->p == 'U';
        r->p += escapes ? 2 : 0;
        v = (struct value){TEXT, 0, quoted(r, '\'', escapes)};
    } else if (*r->p >= '0' && *r->p <= '9') {
        char *end;
        v = (struct value){.kind = NUMBER, .number = strtol(r->p, &end, 10)};
        r->p = end;
    } else if (*r->p == '"') {
        char *name = quoted(r, '"', false);
        v = column(r, name);
        free(name);
    } else {
        char name[200];
        size_t n = strspn(r->p, "abcdefghijklmnopqrstuvwxyz0123456789_.");
        snprintf(name, sizeof name, "%.*s", (int)n, r->p);
        r->p += n;
        r->wrong |= n == 0;
        if (n)
            v = column(r, name);
    }
    r->depth--;
    return v;
}

static struct value compared(struct reader *r, struct value a, const char *sign, struct value b)
{
    struct value out = {0};
    if (a.kind != NIL && b.kind != NIL && a.kind != b.kind) {
        r->wrong = true; /* TYPE_MISMATCH */
    } else if (a.kind != NIL && b.kind != NIL) {
        long d = a.kind == TEXT ? strcmp(a.text, b.text) : a.number - b.number;
        out = truth(sign[0] == '=' ? d == 0 : sign[0] == '<' ? (sign[1] ? d <= 0 : d < 0) : (sign[1] ? d >= 0 : d > 0));
    }
    free(a.text);
    free(b.text);
    return out;
}

static struct value comparison(struct reader *r)
{
    static const char *const signs[] = {"=", "<=", ">=", "<", ">"};
    struct value a = primary(r);
    if (take(r, "IS NULL")) {
        bool nil = a.kind == NIL;
        free(a.text);
        return truth(nil);
    }
    if (take(r, "BETWEEN")) {
        struct value from = primary(r), copy = a;
        want(r, "AND");
        struct value to = primary(r);
        copy.text = a.text ? strdup(a.text) : NULL;
        struct value low = compared(r, a, ">=", from), high = compared(r, copy, "<=", to);
        return low.kind == NIL || high.kind == NIL ? (struct value){0} : truth(low.number && high.number);
    }
    for (size_t i = 0; !r->wrong && i < sizeof signs / sizeof *signs; i++)
        if (take(r, signs[i]))
            return compared(r, a, signs[i], primary(r));
    return a;
}

/* Of three values: what is not known is neither. */
static struct value trino_not(struct reader *r)
{
    if (!take(r, "NOT"))
        return comparison(r);
    struct value v = comparison(r);
    r->wrong |= v.kind != TRUTH && v.kind != NIL;
    return v.kind == NIL ? v : truth(!v.number);
}

static struct value trino_and(struct reader *r)
{
    struct value a = trino_not(r);
    while (!r->wrong && take(r, "AND")) {
        struct value b = trino_not(r);
        r->wrong |= (a.kind != TRUTH && a.kind != NIL) || (b.kind != TRUTH && b.kind != NIL);
        bool no = (a.kind == TRUTH && !a.number) || (b.kind == TRUTH && !b.number);
        a = no ? truth(false) : a.kind == NIL || b.kind == NIL ? (struct value){0} : truth(true);
    }
    return a;
}

static struct value trino_or(struct reader *r)
{
    struct value a = trino_and(r);
    while (!r->wrong && take(r, "OR")) {
        struct value b = trino_and(r);
        r->wrong |= (a.kind != TRUTH && a.kind != NIL) || (b.kind != TRUTH && b.kind != NIL);
        bool yes = (a.kind == TRUTH && a.number) || (b.kind == TRUTH && b.number);
        a = yes ? truth(true) : a.kind == NIL || b.kind == NIL ? (struct value){0} : truth(false);
    }
    return a;
}

static void selected(struct reader *r)
{
    char as[24];
    size_t n = 0;
    do {
        struct value v = primary(r);
        free(v.text);
        snprintf(as, sizeof as, "AS c%zu", n++);
        want(r, as);
    } while (!r->wrong && take(r, ","));
}

enum words words_trino(const char *query, const json_t *record)
{
    struct reader r = {.p = query, .record = record};
    want(&r, "SELECT");
    if (!r.wrong)
        selected(&r);
    want(&r, "FROM");
    blanks(&r);
    for (int i = 0; i < 2 && !r.wrong; i++) {
        r.wrong |= *r.p != '"';
        free(r.wrong ? NULL : quoted(&r, '"', false));
        if (i == 0 && !r.wrong)
            want(&r, ".");
    }
    want(&r, "WHERE");
    struct value v = r.wrong ? (struct value){0} : trino_or(&r);
    free(v.text);
    blanks(&r);
    if (r.wrong || *r.p || (v.kind != TRUTH && v.kind != NIL))
        return WORDS_WRONG;
    return v.kind == TRUTH && v.number ? WORDS_YES : WORDS_NO;
}

/* --- Insights ------------------------------------------------------------------------------ */

static bool insights_or(struct reader *r);

/* Between slashes, by the rules of Java's regular expressions, which are PCRE's for these. */
static bool like(struct reader *r)
{
    char pattern[4096];
    size_t n = 0;
    blanks(r);
    if (*r->p != '/') {
        r->wrong = true;
        return false;
    }
    for (r->p++; *r->p && *r->p != '/' && n < sizeof pattern - 2; r->p++) {
        if (*r->p == '\\')
            pattern[n++] = *r->p++;
        pattern[n++] = *r->p;
    }
    r->wrong |= *r->p != '/';
    r->p += *r->p == '/';
    pattern[n] = '\0';
    int code;
    size_t at;
    pcre2_code *c = r->wrong ? NULL : pcre2_compile((PCRE2_SPTR)pattern, n, PCRE2_DOTALL, &code, &at, NULL);
    pcre2_match_data *m = c ? pcre2_match_data_create_from_pattern(c, NULL) : NULL;
    bool hit = m && pcre2_match(c, (PCRE2_SPTR)r->text, strlen(r->text), 0, 0, m, NULL) >= 0;
    r->wrong |= !c;
    pcre2_match_data_free(m);
    pcre2_code_free(c);
    return hit;
}

static bool insights_one(struct reader *r)
{
    if (r->wrong || ++r->depth > DEPTH_MAX) {
        r->wrong = true;
        return false;
    }
    bool yes;
    if (take(r, "(")) {
        yes = insights_or(r);
        want(r, ")");
    } else if (take(r, "1 = 0")) {
        yes = false;
    } else {
        want(r, "@message");
        want(r, "like");
        yes = like(r);
    }
    r->depth--;
    return yes;
}

static bool insights_and(struct reader *r)
{
    bool yes = insights_one(r);
    while (!r->wrong && take(r, "and"))
        yes = (int)insights_one(r) & yes;
    return yes;
}

static bool insights_or(struct reader *r)
{
    bool yes = insights_and(r);
    while (!r->wrong && take(r, "or"))
        yes = (int)insights_and(r) | yes;
    return yes;
}

enum words words_insights(const char *query, const char *message)
{
    struct reader r = {.p = query, .text = message};
    bool yes = true;
    want(&r, "fields @message");
    if (!r.wrong && take(&r, "| filter"))
        yes = insights_or(&r);
    if (!r.wrong && take(&r, "| sort")) {
        want(&r, "@timestamp");
        want(&r, "asc");
    }
    blanks(&r);
    return r.wrong || *r.p ? WORDS_WRONG : yes ? WORDS_YES : WORDS_NO;
}

/* --- SPL --------------------------------------------------------------------------------------- */

/* Letters and digits make segments; all that Splunk's segmenters name parts them. */
static bool in_segment(unsigned char c)
{
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool has_phrase(const char *raw, const char *phrase, size_t n)
{
    bool open = n && *phrase == '*', end = n > 1 && phrase[n - 1] == '*';
    phrase += open;
    n -= (size_t)open + end;
    for (const char *p = raw; *p; p++) {
        if (strncasecmp(p, phrase, n) != 0)
            continue;
        bool left = open || p == raw || !in_segment((unsigned char)p[-1]) || !in_segment((unsigned char)*phrase);
        bool right = end || !in_segment((unsigned char)p[n]) || !in_segment((unsigned char)phrase[n - 1]);
        if (left && right)
            return true;
    }
    return false;
}

static bool spl_or(struct reader *r);

static bool spl_field(struct reader *r)
{
    static const char *const fields[] = {"index=", "sourcetype=", "_index_earliest=", "_index_latest="};
    blanks(r);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strncmp(r->p, fields[i], strlen(fields[i])) == 0) {
            r->p += strlen(fields[i]);
            r->p += strcspn(r->p, " )");
            return true;
        }
    return false;
}

static bool spl_one(struct reader *r)
{
    if (r->wrong || ++r->depth > DEPTH_MAX) {
        r->wrong = true;
        return false;
    }
    bool yes = true;
    if (take(r, "(")) {
        yes = spl_or(r);
        want(r, ")");
    } else if (take(r, "NOT *")) {
        yes = false;
    } else if (*r->p == '`') { /* a macro */
        size_t n = strcspn(++r->p, "`");
        r->wrong |= r->p[n] != '`' || n == 0;
        r->p += n + !r->wrong;
    } else if (spl_field(r)) {
        yes = true;
    } else if (*r->p == '"') {
        size_t n = strcspn(++r->p, "\"\\`[]|\n$");
        r->wrong |= r->p[n] != '"' || n == 0;
        yes = !r->wrong && has_phrase(r->text, r->p, n);
        r->p += n + !r->wrong;
    } else { /* a bare word */
        size_t n = strspn(r->p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*");
        r->wrong |= n == 0;
        yes = n && has_phrase(r->text, r->p, n);
        r->p += n;
    }
    r->depth--;
    return yes;
}

/* Blanks are "and", which binds weaker than OR. */
static bool spl_and(struct reader *r, bool top)
{
    bool yes = true;
    for (;;) {
        bool one = spl_one(r);
        while (!r->wrong && take(r, "OR"))
            one = (int)spl_one(r) | one;
        yes &= one;
        blanks(r);
        if (r->wrong || !*r->p || *r->p == '|' || (!top && *r->p == ')'))
            return yes;
        (void)take(r, "AND");
    }
}

static bool spl_or(struct reader *r)
{
    return spl_and(r, false);
}

enum words words_spl(const char *search, const char *raw)
{
    struct reader r = {.p = search, .text = raw};
    want(&r, "search ");
    bool yes = !r.wrong && spl_and(&r, true);
    if (!r.wrong && take(&r, "|")) {
        want(&r, "fields");
        want(&r, "_raw _time _indextime");
    }
    blanks(&r);
    return r.wrong || *r.p ? WORDS_WRONG : yes ? WORDS_YES : WORDS_NO;
}
