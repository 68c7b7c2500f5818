#include "aws/sign.h"

#include "base/buf.h"
#include "base/hash.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

enum { PARAMS_MAX = 256 };

/* --- encoding ------------------------------------------------------------------ */

static bool unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("-_.~", c));
}

bool kt_uri_encode(struct kt_buf *b, struct kt_span s, bool slash)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (unreserved(c) || (slash && c == '/'))
            kt_buf_addc(b, (char)c);
        else
            kt_buf_addf(b, "%%%02X", c);
    }
    return !b->failed;
}

/* Decoded and encoded again: %2f and %2F, encoded or raw, become one. */
static void encode_again(struct kt_buf *b, struct kt_span s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '%' && i + 2 < s.n && kt_hex_value_any(s.p[i + 1]) >= 0 && kt_hex_value_any(s.p[i + 2]) >= 0) {
            c = (unsigned char)(kt_hex_value_any(s.p[i + 1]) << 4 | kt_hex_value_any(s.p[i + 2]));
            i += 2;
        }
        char one = (char)c;
        kt_uri_encode(b, (struct kt_span){&one, 1}, false);
    }
}

/* --- the canonical request -------------------------------------------------------- */

/* Segments, without those that mean nothing and those that ".." takes back. */
static void add_normalized(struct kt_buf *out, struct kt_span path)
{
    size_t floor = out->len;
    const char *p = path.p, *end = p + path.n;
    bool open = true; /* the path ends within a segment */
    while (p < end) {
        const char *start = *p == '/' ? p + 1 : p;
        const char *next = memchr(start, '/', (size_t)(end - start));
        next = next ? next : end;
        struct kt_span seg = {start, (size_t)(next - start)};
        open = next == end && seg.n && !kt_span_is(seg, ".") && !kt_span_is(seg, "..");
        if (kt_span_is(seg, "..")) {
            while (out->len > floor && out->p[--out->len] != '/')
                ;
        } else if (seg.n && !kt_span_is(seg, ".")) {
            kt_buf_addc(out, '/');
            kt_buf_add(out, seg.p, seg.n);
        }
        p = next;
    }
    if (out->len == floor || !open)
        kt_buf_addc(out, '/');
}

static bool add_path(struct kt_buf *out, const struct kt_sign_request *r)
{
    struct kt_buf clean;
    kt_buf_init(&clean, KT_SIGN_CANONICAL_MAX);
    if (r->normalize)
        add_normalized(&clean, r->path);
    else
        kt_buf_add(&clean, r->path.n ? r->path.p : "/", r->path.n ? r->path.n : 1);
    if (r->path_once)
        kt_buf_add(out, clean.p, clean.len);
    else
        kt_uri_encode(out, kt_buf_span(&clean), true);
    bool ok = !clean.failed;
    kt_buf_free(&clean);
    return ok && kt_buf_addc(out, '\n');
}

struct param {
    struct kt_span name, value; /* into a buffer, while it grows: offsets */
    size_t at;
};

static int compare(struct kt_span a, struct kt_span b)
{
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c ? c : a.n < b.n ? -1 : a.n > b.n;
}

static int by_param(const void *a, const void *b)
{
    const struct param *x = a, *y = b;
    int c = compare(x->name, y->name);
    return c ? c : compare(x->value, y->value);
}

static size_t read_params(struct kt_buf *text, struct kt_span query, struct param *param)
{
    size_t n = 0;
    for (const char *p = query.p, *end = p + query.n; query.n && p <= end;) {
        const char *amp = memchr(p, '&', (size_t)(end - p));
        amp = amp ? amp : end;
        const char *eq = memchr(p, '=', (size_t)(amp - p));
        const char *name_end = eq ? eq : amp;
        if (amp > p) {
            if (n == PARAMS_MAX)
                return SIZE_MAX;
            param[n].at = text->len;
            encode_again(text, (struct kt_span){p, (size_t)(name_end - p)});
            param[n].name.n = text->len - param[n].at;
            encode_again(text, eq ? (struct kt_span){eq + 1, (size_t)(amp - eq - 1)} : KT_LIT(""));
            param[n].value.n = text->len - param[n].at - param[n].name.n;
            n++;
        }
        p = amp + 1;
    }
    return n;
}

static bool add_query(struct kt_buf *out, struct kt_span query)
{
    struct kt_buf text;
    struct param *param = calloc(PARAMS_MAX, sizeof *param);
    kt_buf_init(&text, KT_SIGN_CANONICAL_MAX);
    size_t n = param ? read_params(&text, query, param) : SIZE_MAX;
    bool ok = n != SIZE_MAX && !text.failed;
    for (size_t i = 0; ok && i < n; i++) {
        param[i].name.p = kt_buf_str(&text) + param[i].at;
        param[i].value.p = param[i].name.p + param[i].name.n;
    }
    if (ok && n)
        qsort(param, n, sizeof *param, by_param);
    for (size_t i = 0; ok && i < n; i++)
        kt_buf_addf(out, "%s%.*s=%.*s", i ? "&" : "", (int)param[i].name.n, param[i].name.p, (int)param[i].value.n,
                    param[i].value.p);
    kt_buf_free(&text);
    free(param);
    return ok && kt_buf_addc(out, '\n');
}

struct sorted {
    char name[128];
    struct kt_span value;
    size_t place; /* values of one name keep their order */
};

static int by_name(const void *a, const void *b)
{
    const struct sorted *x = a, *y = b;
    int c = strcmp(x->name, y->name);
    return c ? c : x->place < y->place ? -1 : 1;
}

static bool put_header(struct sorted *h, size_t *n, struct kt_span name, struct kt_span value)
{
    if (*n == KT_SIGN_HEADERS + 3 || name.n >= sizeof h->name)
        return false;
    for (size_t i = 0; i < name.n; i++)
        h[*n].name[i] = (char)tolower((unsigned char)name.p[i]);
    h[*n].name[name.n] = '\0';
    h[*n].value = value;
    h[*n].place = *n;
    ++*n;
    return true;
}

/* Without blanks at its ends, runs of them as one. */
static void add_value(struct kt_buf *b, struct kt_span v)
{
    bool any = false, gap = false;
    for (size_t i = 0; i < v.n; i++) {
        bool blank = v.p[i] == ' ' || v.p[i] == '\t' || v.p[i] == '\r' || v.p[i] == '\n';
        if (!blank && gap && any)
            kt_buf_addc(b, ' ');
        if (!blank)
            kt_buf_addc(b, v.p[i]);
        any |= !blank;
        gap = blank;
    }
}

static bool add_headers(struct kt_buf *out, struct kt_buf *names, const struct kt_sign_request *r,
                        const struct kt_signature *s)
{
    struct sorted h[KT_SIGN_HEADERS + 3];
    size_t n = 0;
    bool ok = put_header(h, &n, KT_LIT("x-amz-date"), kt_span_of(s->date));
    if (r->content_sha256)
        ok &= put_header(h, &n, KT_LIT("x-amz-content-sha256"), kt_span_of(s->content));
    if (r->keys->token.p && !r->token_unsigned)
        ok &= put_header(h, &n, KT_LIT("x-amz-security-token"), r->keys->token);
    for (size_t i = 0; ok && i < r->n_header; i++)
        ok = put_header(h, &n, r->header[i].name, r->header[i].value);
    if (!ok)
        return false;
    qsort(h, n, sizeof *h, by_name);
    for (size_t i = 0; i < n; i++) {
        bool same = i && strcmp(h[i].name, h[i - 1].name) == 0;
        if (same)
            out->len--; /* the line's end: it goes on */
        kt_buf_addf(out, same ? "," : "%s:", h[i].name);
        add_value(out, h[i].value);
        kt_buf_addc(out, '\n');
        if (!same)
            kt_buf_addf(names, "%s%s", names->len ? ";" : "", h[i].name);
    }
    return !out->failed && !names->failed;
}

/* --- the signature --------------------------------------------------------------- */

static bool hmac(const void *key, size_t n, const char *text, size_t len, uint8_t out[KT_SHA256])
{
    unsigned int got = 0;
    return HMAC(EVP_sha256(), key, (int)n, (const unsigned char *)text, len, out, &got) && got == KT_SHA256;
}

static bool derive(const struct kt_sign_request *r, const char *day, uint8_t key[KT_SHA256])
{
    char first[4 + KT_KEYS_MAX + 1];
    if (r->keys->secret.n > KT_KEYS_MAX)
        return false;
    memcpy(first, "AWS4", 4);
    memcpy(first + 4, r->keys->secret.p, r->keys->secret.n);
    bool ok = hmac(first, 4 + r->keys->secret.n, day, 8, key) &&
              hmac(key, KT_SHA256, r->region, strlen(r->region), key) &&
              hmac(key, KT_SHA256, r->service, strlen(r->service), key) &&
              hmac(key, KT_SHA256, "aws4_request", 12, key);
    explicit_bzero(first, 4 + r->keys->secret.n);
    return ok;
}

static bool finish(const struct kt_sign_request *r, struct kt_span canonical, const char *names, struct kt_signature *out)
{
    uint8_t digest[KT_SHA256], key[KT_SHA256];
    char hex[KT_SHA256_HEX + 1], scope[256], text[512];
    kt_sha256(canonical.p, canonical.n, digest);
    kt_hex(digest, sizeof digest, hex);
    int n = snprintf(scope, sizeof scope, "%.8s/%s/%s/aws4_request", out->date, r->region, r->service);
    int m = snprintf(text, sizeof text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", out->date, scope, hex);
    if (n < 0 || (size_t)n >= sizeof scope || m < 0 || (size_t)m >= sizeof text)
        return false;
    bool ok = derive(r, out->date, key) && hmac(key, sizeof key, text, (size_t)m, digest);
    explicit_bzero(key, sizeof key);
    kt_hex(digest, sizeof digest, out->signature);
    n = snprintf(out->authorization, sizeof out->authorization,
                 "AWS4-HMAC-SHA256 Credential=%.*s/%s, SignedHeaders=%s, Signature=%s", (int)r->keys->id.n,
                 r->keys->id.p, scope, names, out->signature);
    return ok && n > 0 && (size_t)n < sizeof out->authorization;
}

bool kt_sign(const struct kt_sign_request *r, struct kt_signature *out, struct kt_buf *canonical)
{
    struct kt_buf own, names;
    struct kt_buf *c = canonical ? canonical : &own;
    uint8_t digest[KT_SHA256];
    struct kt_civil t = kt_civil_of(r->time);
    *out = (struct kt_signature){0};
    if (t.year < 0 || t.year > 9999)
        return false;
    snprintf(out->date, sizeof out->date, "%04u%02u%02uT%02u%02u%02uZ", (unsigned)t.year % 10000u,
             (unsigned)t.month % 100u, (unsigned)t.day % 100u, (unsigned)t.hour % 100u, (unsigned)t.minute % 100u,
             (unsigned)t.second % 100u);
    kt_sha256(r->body.p ? r->body.p : "", r->body.n, digest);
    kt_hex(digest, sizeof digest, out->content);
    if (!canonical)
        kt_buf_init(&own, KT_SIGN_CANONICAL_MAX);
    kt_buf_init(&names, 4096);
    kt_buf_addf(c, "%s\n", r->method);
    bool ok = add_path(c, r) && add_query(c, r->query) && add_headers(c, &names, r, out) &&
              kt_buf_addf(c, "\n%s\n%s", kt_buf_str(&names), out->content) &&
              finish(r, kt_buf_span(c), kt_buf_str(&names), out);
    kt_buf_free(&names);
    if (!canonical) {
        if (own.p) /* a session's token is in it */
            explicit_bzero(own.p, own.cap);
        kt_buf_free(&own);
    }
    return ok;
}
