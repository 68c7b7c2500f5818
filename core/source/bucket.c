#include "source/bucket.h"

#include "aws/sign.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

bool bucket_is_name(const char *name)
{
    size_t n = strlen(name);
    return n >= 3 && n <= 63 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == n && name[0] != '.' &&
           name[0] != '-' && !strstr(name, "..");
}

static enum kt_code locate(struct bucket *b, const char *region, struct kt_err *e)
{
    struct kt_endpoint at;
    enum kt_code code = kt_aws_endpoint(b->aws, KT_SVC_S3, region, b->profile, &at, e);
    if (code != KT_OK)
        return code;
    /* Their own endpoints know no names of buckets in front; a certificate
     * knows none with dots. */
    b->in_path = strncmp(at.host, "s3", 2) != 0 || !strstr(at.host, ".amazonaws.") || strchr(b->name, '.');
    if (!b->in_path) {
        char host[sizeof at.host];
        int n = snprintf(host, sizeof host, "%s.%s", b->name, at.host);
        int m = snprintf(at.url, sizeof at.url, "https://%s", host);
        if (n < 0 || (size_t)n >= sizeof host || m < 0)
            return kt_fail(e, KT_EUSAGE, "s3: the name of the bucket is too long");
        memcpy(at.host, host, (size_t)n + 1);
    }
    b->endpoint = at;
    return KT_OK;
}

enum kt_code bucket_open(struct bucket *b, struct kt_aws *aws, const char *name, const char *region, const char *profile,
                         struct kt_err *e)
{
    *b = (struct bucket){.aws = aws};
    if (!bucket_is_name(name))
        return kt_fail(e, KT_EUSAGE, "s3: %s is no name of a bucket", name);
    snprintf(b->name, sizeof b->name, "%s", name);
    snprintf(b->profile, sizeof b->profile, "%s", profile);
    return locate(b, region, e);
}

bool bucket_moved(struct bucket *b, const char *region)
{
    struct kt_err ignored = {0};
    return region[0] && strcmp(region, b->endpoint.region) != 0 && locate(b, region, &ignored) == KT_OK;
}

static void begin_path(const struct bucket *b, struct kt_buf *out)
{
    kt_buf_addc(out, '/');
    if (b->in_path)
        kt_buf_adds(out, b->name);
}

void bucket_get_path(const struct bucket *b, struct kt_span key, struct kt_buf *out)
{
    begin_path(b, out);
    if (b->in_path)
        kt_buf_addc(out, '/');
    (void)kt_uri_encode(out, key, true);
}

static void add_query(struct kt_buf *out, const char *name, const char *value)
{
    if (!value || !value[0])
        return;
    kt_buf_addf(out, "&%s=", name);
    (void)kt_uri_encode(out, kt_span_of(value), false);
}

void bucket_list_path(const struct bucket *b, const struct bucket_list *l, struct kt_buf *out)
{
    char max[16] = "";
    begin_path(b, out);
    if (l->max)
        snprintf(max, sizeof max, "%d", l->max);
    kt_buf_addc(out, '?'); /* in the order of their names, as it is signed */
    size_t first = out->len;
    add_query(out, "continuation-token", l->token);
    add_query(out, "delimiter", l->folders ? "/" : "");
    add_query(out, "encoding-type", "url");
    add_query(out, "list-type", "2");
    add_query(out, "max-keys", max);
    add_query(out, "prefix", l->prefix);
    add_query(out, "start-after", l->after);
    if (!out->failed && out->len > first) { /* no '&' before the first */
        memmove(out->p + first, out->p + first + 1, out->len - first);
        out->len--;
    }
}

/* --- lists ------------------------------------------------------------------------ */

static struct kt_span between(struct kt_span s, const char *open, const char *close)
{
    const char *p = s.n ? memmem(s.p, s.n, open, strlen(open)) : NULL;
    if (!p)
        return KT_SPAN_NONE;
    p += strlen(open);
    const char *q = memmem(p, (size_t)(s.p + s.n - p), close, strlen(close));
    return q ? (struct kt_span){p, (size_t)(q - p)} : KT_SPAN_NONE;
}

bool bucket_decode(struct kt_span s, bool plus, struct kt_buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' && i + 2 < s.n && kt_hex_value_any(s.p[i + 1]) >= 0 && kt_hex_value_any(s.p[i + 2]) >= 0) {
            kt_buf_addc(out, (char)(kt_hex_value_any(s.p[i + 1]) << 4 | kt_hex_value_any(s.p[i + 2])));
            i += 2;
        } else {
            kt_buf_addc(out, plus && s.p[i] == '+' ? ' ' : s.p[i]);
        }
    }
    return !out->failed && (!out->p || !memchr(out->p, 0, out->len));
}

/* The five entities of XML; those of numbers stand for what no key here has. */
static void unescape(struct kt_span s, struct kt_buf *out)
{
    static const struct {
        const char *entity;
        char c;
    } known[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    for (size_t i = 0; i < s.n; i++) {
        size_t k = 0;
        while (k < 5 && !kt_span_starts((struct kt_span){s.p + i, s.n - i}, known[k].entity))
            k++;
        kt_buf_addc(out, k < 5 ? known[k].c : s.p[i]);
        i += k < 5 ? strlen(known[k].entity) - 1 : 0;
    }
}

static bool read_key(struct kt_span text, bool url, struct kt_buf *scratch, struct kt_buf *key)
{
    kt_buf_reset(scratch);
    kt_buf_reset(key);
    unescape(text, scratch);
    if (url)
        return bucket_decode(kt_buf_span(scratch), true, key);
    return kt_buf_add(key, kt_buf_str(scratch), scratch->len);
}

static uint64_t number_of(struct kt_span s)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s.n && i < 18 && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    return v;
}

struct reader {
    bool (*key)(void *ctx, struct kt_span key, int64_t modified, uint64_t size, bool folder);
    void *ctx;
    struct kt_buf scratch, text;
    bool url;
};

/* Each element of that name; false where the receiver had enough. */
static bool read_elements(struct reader *r, struct kt_span xml, const char *open, const char *close, bool folder)
{
    for (struct kt_span e; (e = between(xml, open, close)).p;) {
        xml = (struct kt_span){e.p + e.n, (size_t)(xml.p + xml.n - e.p - e.n)};
        struct kt_span name = folder ? between(e, "<Prefix>", "</Prefix>") : between(e, "<Key>", "</Key>");
        if (!name.p || !read_key(name, r->url, &r->scratch, &r->text))
            continue;
        int64_t at = folder ? KT_TIME_NONE : kt_time_parse(between(e, "<LastModified>", "</LastModified>"));
        if (!r->key(r->ctx, kt_buf_span(&r->text), at, number_of(between(e, "<Size>", "</Size>")), folder))
            return false;
    }
    return true;
}

void bucket_read_list(struct kt_span xml,
                      bool (*key)(void *ctx, struct kt_span key, int64_t modified, uint64_t size, bool folder), void *ctx,
                      struct bucket_page *out)
{
    struct reader r = {.key = key, .ctx = ctx};
    kt_buf_init(&out->token, BUCKET_KEY_MAX * 4);
    out->understood = xml.n && memmem(xml.p, xml.n, "<ListBucketResult", 17) && memmem(xml.p, xml.n, "</ListBucketResult>", 19);
    out->more = kt_span_is(between(xml, "<IsTruncated>", "</IsTruncated>"), "true");
    struct kt_span token = between(xml, "<NextContinuationToken>", "</NextContinuationToken>");
    unescape(token, &out->token);
    out->understood &= !out->token.failed && (!out->more || out->token.len);
    if (!out->understood)
        return;
    r.url = between(xml, "<EncodingType>", "</EncodingType>").p != NULL;
    kt_buf_init(&r.scratch, BUCKET_KEY_MAX * 8);
    kt_buf_init(&r.text, BUCKET_KEY_MAX * 4);
    if (read_elements(&r, xml, "<Contents>", "</Contents>", false))
        (void)read_elements(&r, xml, "<CommonPrefixes>", "</CommonPrefixes>", true);
    kt_buf_free(&r.scratch);
    kt_buf_free(&r.text);
}

static bool holds(struct kt_span s, const char *what)
{
    return memmem(s.p, s.n, what, strlen(what)) != NULL;
}

bool bucket_is_log(struct kt_span key)
{
    if (!key.n || key.p[key.n - 1] == '/' || holds(key, "/CloudTrail-Digest/") || holds(key, "/CloudTrail-Insight/"))
        return false;
    return holds(key, "/CloudTrail/") || !holds(key, "AWSLogs/");
}

bool bucket_is_content(struct kt_span b)
{
    size_t i = kt_span_starts(b, "\xef\xbb\xbf") ? 3 : 0;
    while (i < b.n && (b.p[i] == ' ' || b.p[i] == '\t' || b.p[i] == '\r' || b.p[i] == '\n'))
        i++;
    return i == b.n || b.p[i] == '{' || b.p[i] == '[' || kt_span_starts(b, "\x1f\x8b") || kt_span_starts(b, "\x28\xb5\x2f\xfd");
}
