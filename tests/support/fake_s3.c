#include "tests/support/fake_s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { OBJECTS_MAX = 1 << 20, PAGE = 1000 };

char *fake_gzip(const void *p, size_t n, size_t *out)
{
    z_stream z = {0};
    size_t room = n + 1024;
    char *b = malloc(room);
    if (!b || deflateInit2(&z, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    z.next_in = (Bytef *)(uintptr_t)p;
    z.avail_in = (uInt)n;
    z.next_out = (Bytef *)b;
    z.avail_out = (uInt)room;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    *out = z.total_out;
    deflateEnd(&z);
    return b;
}

void fake_s3_init(struct fake_s3 *s, const char *bucket, const char *region)
{
    *s = (struct fake_s3){0};
    snprintf(s->bucket, sizeof s->bucket, "%s", bucket);
    snprintf(s->region, sizeof s->region, "%s", region);
}

void fake_s3_free(struct fake_s3 *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->object[i].key);
        free(s->object[i].data);
    }
    free(s->object);
}

static struct fake_object_of_s3 *add(struct fake_s3 *s, const char *key, int64_t available)
{
    if (!kt_grow(&s->object, &s->cap, s->n + 1, sizeof *s->object, OBJECTS_MAX))
        abort();
    struct fake_object_of_s3 *o = &s->object[s->n++];
    *o = (struct fake_object_of_s3){.key = strdup(key), .available = available, .modified = available - available % 1000};
    if (!o->key)
        abort();
    s->sorted = false;
    return o;
}

void fake_s3_put(struct fake_s3 *s, const char *key, const void *data, size_t n, int64_t available)
{
    struct fake_object_of_s3 *o = add(s, key, available);
    o->data = malloc(n + 1);
    if (!o->data)
        abort();
    memcpy(o->data, data, n);
    o->size = n;
}

void fake_s3_event(struct fake_s3 *s, const char *key, int number, int64_t time, int64_t available)
{
    struct fake_object_of_s3 *o = add(s, key, available);
    o->number = number;
    o->time = time;
}

/* --- questions ---------------------------------------------------------------------- */

static int hex_of(char c)
{
    const char *digits = "0123456789ABCDEF", *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Strict: only what must be encoded is, in capitals, so that what is signed is
 * what AWS would sign. */
static bool decode(const char *p, size_t n, char *out, size_t size, bool slash)
{
    size_t k = 0;
    for (size_t i = 0; i < n && k + 1 < size; i++) {
        char c = p[i];
        if (c == '%') {
            int a = i + 2 < n ? hex_of(p[i + 1]) : -1, b = a >= 0 ? hex_of(p[i + 2]) : -1;
            if (a < 0 || b < 0)
                return false;
            out[k++] = (char)(a << 4 | b);
            i += 2;
        } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_.~", c) ||
                   (slash && c == '/')) {
            out[k++] = c;
        } else {
            return false;
        }
    }
    out[k] = '\0';
    return true;
}

/* False where a value is not encoded as it should be. */
static bool parameter(const char *query, const char *name, char *out, size_t size)
{
    char this[64];
    out[0] = '\0';
    for (const char *p = query; *p;) {
        size_t n = strcspn(p, "&"), eq = strcspn(p, "=");
        snprintf(this, sizeof this, "%.*s", (int)(eq < n ? eq : n), p);
        if (eq >= n)
            return false;
        char value[1100];
        if (!decode(p + eq + 1, n - eq - 1, value, sizeof value, false))
            return false;
        if (strcmp(this, name) == 0)
            snprintf(out, size, "%s", value);
        p += n + (p[n] == '&');
    }
    return true;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct fake_object_of_s3 *)a)->key, ((const struct fake_object_of_s3 *)b)->key);
}

static void sort(struct fake_s3 *s)
{
    if (!s->sorted && s->n)
        qsort(s->object, s->n, sizeof *s->object, by_key);
    s->sorted = true;
}

static void add_encoded(struct kt_buf *b, const char *text)
{
    for (; *text; text++) {
        char c = *text;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_.*/", c))
            kt_buf_addc(b, c);
        else
            kt_buf_addf(b, c == ' ' ? "+" : "%%%02X", (unsigned char)c);
    }
}

static void undo_encoded(const char *text, char *out, size_t size)
{
    size_t n = 0;
    for (; *text && n + 1 < size; text++) {
        bool hex = *text == '%' && hex_of(text[1]) >= 0 && hex_of(text[2]) >= 0;
        out[n++] = hex ? (char)(hex_of(text[1]) << 4 | hex_of(text[2])) : *text == '+' ? ' ' : *text;
        text += hex ? 2 : 0;
    }
    out[n] = '\0';
}

/* The first that is behind `after`. */
static size_t find(const struct fake_s3 *s, const char *after)
{
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (strcmp(s->object[mid].key, after) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct listing {
    char prefix[1100], after[1100], token[1100], delimiter[8], max[16], version[8], encoding[8];
};

static void list(struct fake_s3 *s, struct fake_aws *f, const struct listing *l, struct fake_reply *out)
{
    size_t most = strtoul(l->max, NULL, 10), n = 0, prefix = strlen(l->prefix);
    char folder[1100] = "", last[1100] = "";
    bool more = false;
    int64_t now = kt_now(f->clock);
    most = most ? most : s->page ? s->page : PAGE;
    sort(s);
    kt_buf_addf(&out->body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                            "<Name>%s</Name><EncodingType>url</EncodingType>", s->bucket);
    char behind[1100];
    const char *from = l->after;
    if (l->token[0]) { /* "t:" and a key as it stands in XML */
        undo_encoded(l->token + 2, behind, sizeof behind);
        from = behind;
    }
    for (size_t i = find(s, strcmp(from, l->prefix) > 0 ? from : l->prefix); i < s->n; i++) {
        const struct fake_object_of_s3 *o = &s->object[i];
        if (strncmp(o->key, l->prefix, prefix) > 0)
            break;
        if (strncmp(o->key, l->prefix, prefix) != 0 || o->available > now || (from[0] && strcmp(o->key, from) <= 0))
            continue;
        const char *slash = l->delimiter[0] ? strchr(o->key + prefix, '/') : NULL;
        if (slash && folder[0] && strncmp(o->key, folder, strlen(folder)) == 0) {
            snprintf(last, sizeof last, "%s", o->key); /* in the folder that was named */
            continue;
        }
        if (n == most) {
            more = true;
            break;
        }
        n++;
        snprintf(last, sizeof last, "%s", o->key);
        if (slash) {
            snprintf(folder, sizeof folder, "%.*s", (int)(slash + 1 - o->key), o->key);
            kt_buf_adds(&out->body, "<CommonPrefixes><Prefix>");
            add_encoded(&out->body, folder);
            kt_buf_adds(&out->body, "</Prefix></CommonPrefixes>");
            continue;
        }
        char when[KT_TIME_TEXT];
        kt_time_format(o->modified, when);
        kt_buf_adds(&out->body, "<Contents><Key>");
        add_encoded(&out->body, o->key);
        kt_buf_addf(&out->body, "</Key><LastModified>%.19s.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>%zu</Size></Contents>", when,
                    o->size);
    }
    kt_buf_addf(&out->body, "<KeyCount>%zu</KeyCount><IsTruncated>%s</IsTruncated>", n, more ? "true" : "false");
    if (more) {
        kt_buf_adds(&out->body, "<NextContinuationToken>t:");
        add_encoded(&out->body, last);
        kt_buf_adds(&out->body, "</NextContinuationToken>");
    }
    kt_buf_adds(&out->body, "</ListBucketResult>");
}

static void get(struct fake_s3 *s, struct fake_aws *f, const char *key, struct fake_reply *out)
{
    struct fake_object_of_s3 *o = NULL;
    struct kt_buf b;
    size_t n;
    sort(s);
    s->gets++;
    size_t low = find(s, key);
    if (low && strcmp(s->object[low - 1].key, key) == 0)
        o = &s->object[low - 1];
    if (!o || o->available > kt_now(f->clock)) {
        fake_aws_error(f, out, true, 404, "NoSuchKey", "The specified key does not exist.");
    } else if (o->denied) {
        fake_aws_error(f, out, true, 403, "AccessDenied", "Access Denied");
    } else if (o->data) {
        kt_buf_add(&out->body, o->data, o->size);
    } else {
        kt_buf_init(&b, 1 << 16);
        kt_buf_adds(&b, "{\"Records\":[");
        fake_aws_create_key(&b, o->number, o->time, "111122223333");
        kt_buf_adds(&b, "]}");
        char *z = fake_gzip(b.p, b.len, &n);
        kt_buf_add(&out->body, z, n);
        free(z);
        kt_buf_free(&b);
    }
}

static bool read_query(const char *q, struct listing *l)
{
    return parameter(q, "prefix", l->prefix, sizeof l->prefix) && parameter(q, "start-after", l->after, sizeof l->after) &&
           parameter(q, "continuation-token", l->token, sizeof l->token) &&
           parameter(q, "delimiter", l->delimiter, sizeof l->delimiter) && parameter(q, "max-keys", l->max, sizeof l->max) &&
           parameter(q, "list-type", l->version, sizeof l->version) &&
           parameter(q, "encoding-type", l->encoding, sizeof l->encoding);
}

void fake_s3_answer(struct fake_s3 *s, struct fake_aws *f, const struct fake_request *r, struct fake_reply *out)
{
    char path[2048], key[2048], scope[80];
    struct kt_span auth = fake_header(r, "Authorization");
    size_t q = strcspn(r->target, "?"), bucket = strlen(s->bucket);
    if (fake_aws_scripted(f, out, true) || !fake_aws_signer(f, r, out, true))
        return;
    snprintf(scope, sizeof scope, "/%s/s3/", s->region);
    snprintf(path, sizeof path, "%.*s", (int)q, r->target);
    struct listing l = {0};
    if (!fake_header(r, "x-amz-content-sha256").p) {
        fake_aws_error(f, out, true, 400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256");
    } else if (strncmp(path + 1, s->bucket, bucket) != 0 || (path[bucket + 1] && path[bucket + 1] != '/')) {
        fake_aws_error(f, out, true, 404, "NoSuchBucket", "The specified bucket does not exist");
    } else if (!memmem(auth.p, auth.n, scope, strlen(scope))) {
        kt_buf_addf(&out->head, "x-amz-bucket-region: %s\r\n", s->region);
        fake_aws_error(f, out, true, 301, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the specified endpoint.");
    } else if (path[bucket + 1] && path[bucket + 2]) {
        if (decode(path + bucket + 2, strlen(path + bucket + 2), key, sizeof key, true))
            get(s, f, key, out);
        else
            fake_aws_error(f, out, true, 403, "SignatureDoesNotMatch", "the path is not encoded as it is signed");
    } else if (!read_query(r->target[q] ? r->target + q + 1 : "", &l) || strcmp(l.version, "2") != 0 || strcmp(l.encoding, "url") != 0) {
        fake_aws_error(f, out, true, 403, "SignatureDoesNotMatch", "the query is not encoded as it is signed");
    } else {
        s->lists++;
        list(s, f, &l, out);
    }
}
