/* One call: its options, its limits, how it ended. */
#include "base/clock.h"
#include "base/secret.h"
#include "net/impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
    CONNECT_MS = 10000,
    TOTAL_MS = 90000,   /* LookupEvents has been seen to take 35 s */
    STALL_S = 60,       /* with less than a few bytes a second for so long it is given up */
    CRAWL = 16,         /* bytes a second; less is no service, but somebody who holds us up */
    CONN_LIFE_S = 300   /* a connection of months would outlive its certificate */
};

/* --- what comes ------------------------------------------------------------- */

static size_t keep(struct kt_net_call *c, struct kt_buf *b, const char *p, size_t n)
{
    if (kt_buf_add(b, p, n))
        return n;
    c->too_large = b->len + n > b->max;
    return 0; /* libcurl ends the transfer */
}

/* The oldest that holds anything may always go on; calls are linked newest first. */
static bool is_oldest(const struct kt_net_call *c)
{
    for (const struct kt_net_call *o = c->next; o; o = o->next)
        if (o->body.len && !o->done)
            return false;
    return true;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct kt_net_call *c = ctx;
    size_t before = c->body.len;
    if (c->net->held + size * n > KT_NET_HELD && !is_oldest(c)) {
        c->net->paused += !c->paused;
        c->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    size_t took = keep(c, &c->body, p, size * n);
    net_count(c, before);
    return took;
}

/* A reply may come in several parts (100 Continue): the last head counts. */
static size_t on_head(char *p, size_t size, size_t n, void *ctx)
{
    struct kt_net_call *c = ctx;
    if (size * n >= 5 && memcmp(p, "HTTP/", 5) == 0)
        kt_buf_reset(&c->head);
    return keep(c, &c->head, p, size * n);
}

/* --- what goes -------------------------------------------------------------- */

static bool add_headers(struct kt_net_call *c, const struct kt_net_request *r)
{
    for (size_t i = 0; i < KT_NET_HEADERS && r->header[i]; i++) {
        struct curl_slist *l = curl_slist_append(c->headers, r->header[i]);
        if (!l)
            return false;
        c->headers = l;
    }
    /* libcurl's own inventions are not signed, and not wanted */
    static const char *const none[] = {"Expect:", "Accept:"};
    for (size_t i = 0; i < 2; i++) {
        struct curl_slist *l = curl_slist_append(c->headers, none[i]);
        if (!l)
            return false;
        c->headers = l;
    }
    return true;
}

static bool set_body(struct kt_net_call *c, const struct kt_net_request *r)
{
    if (!r->body.p)
        return true;
    c->sent = malloc(r->body.n + 1);
    if (!c->sent)
        return false;
    memcpy(c->sent, r->body.p, r->body.n);
    c->sent[r->body.n] = '\0';
    c->sent_n = r->body.n;
    return curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->sent_n) == CURLE_OK &&
           curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, c->sent) == CURLE_OK;
}

static bool set_tls(struct kt_net_call *c)
{
    const struct kt_net *n = c->net;
    CURL *h = c->easy;
    bool ok = curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
              curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
              curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
    /* not every build has proxies over TLS: what it has not it cannot use */
    (void)curl_easy_setopt(h, CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(h, CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
    (void)curl_easy_setopt(h, CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
    if (!n->ca[0])
        return ok;
    if (n->ca_is_folder)
        return ok && curl_easy_setopt(h, CURLOPT_CAPATH, n->ca) == CURLE_OK &&
               curl_easy_setopt(h, CURLOPT_CAINFO, NULL) == CURLE_OK;
    (void)curl_easy_setopt(h, CURLOPT_PROXY_CAINFO, n->ca);
    return ok && curl_easy_setopt(h, CURLOPT_CAINFO, n->ca) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_CAPATH, NULL) == CURLE_OK;
}

/* What a stranger could use to lead the call, or its secrets, elsewhere. */
static bool set_policy(struct kt_net_call *c, const struct net_url *u)
{
    CURL *h = c->easy;
    return curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, u->near ? "http,https" : "https") == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_HTTP09_ALLOWED, 0L) == CURLE_OK &&
           (!u->near || curl_easy_setopt(h, CURLOPT_PROXY, "") == CURLE_OK) && set_tls(c);
}

static bool set_limits(struct kt_net_call *c, const struct kt_net_request *r)
{
    CURL *h = c->easy;
    return curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)(r->connect_ms ? r->connect_ms : CONNECT_MS)) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)(r->total_ms ? r->total_ms : TOTAL_MS)) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, (long)CRAWL) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, (long)(r->stall_s ? r->stall_s : STALL_S)) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_MAXLIFETIME_CONN, (long)CONN_LIFE_S) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
#if LIBCURL_VERSION_NUM >= 0x075700
           /* who gives up waiting for a name must not wait for the end of its search */
           curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
#endif
           curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, kt_mono_ms() < c->net->distrust ? 1L : 0L) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
}

bool net_setup(struct kt_net_call *c, const struct kt_net_request *r, const struct net_url *u)
{
    CURL *h = c->easy = curl_easy_init();
    kt_buf_init(&c->head, KT_NET_HEAD_MAX);
    kt_buf_init(&c->body, r->max_body ? r->max_body : KT_NET_BODY_MAX);
    return h && curl_easy_setopt(h, CURLOPT_URL, r->url) == CURLE_OK && set_body(c, r) &&
           curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, r->method) == CURLE_OK && add_headers(c, r) &&
           curl_easy_setopt(h, CURLOPT_HTTPHEADER, c->headers) == CURLE_OK && set_policy(c, u) && set_limits(c, r) &&
           (!r->packed || curl_easy_setopt(h, CURLOPT_ACCEPT_ENCODING, "gzip") == CURLE_OK) &&
           curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_WRITEDATA, c) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_head) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_HEADERDATA, c) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->curl_says) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_PRIVATE, c) == CURLE_OK;
}

/* --- how it ended ----------------------------------------------------------- */

void net_fail(struct kt_net_call *c, enum kt_net_fault fault, const char *why)
{
    c->done = true;
    c->fault = fault;
    snprintf(c->why, sizeof c->why, "%s", why);
}

static enum kt_net_fault fault_of(const struct kt_net_call *c, CURLcode code)
{
    switch (code) {
    case CURLE_OK: return KT_NET_OK;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return KT_NET_RESOLVE;
    case CURLE_COULDNT_CONNECT: return KT_NET_CONNECT;
    case CURLE_OPERATION_TIMEDOUT: return KT_NET_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR: return KT_NET_TLS;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT: return KT_NET_POLICY;
    case CURLE_OUT_OF_MEMORY: return KT_NET_NOMEM;
    case CURLE_WRITE_ERROR: return c->too_large ? KT_NET_TOO_LARGE : KT_NET_NOMEM;
    default: return KT_NET_BROKEN;
    }
}

/* A connection that ends within the head is a whole, empty answer to libcurl. */
static bool has_whole_head(const struct kt_net_call *c)
{
    const struct kt_buf *h = &c->head;
    return h->len >= 2 && h->p[h->len - 1] == '\n' && (h->p[h->len - 2] == '\n' || (h->len >= 4 && memcmp(h->p + h->len - 4, "\r\n\r\n", 4) == 0));
}

void net_finish(struct kt_net_call *c, CURLcode code)
{
    enum kt_net_fault fault = fault_of(c, code);
    long status = 0;
    if (curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK)
        c->status = (int)status;
    bool cut = fault == KT_NET_OK && (c->status == 0 || !has_whole_head(c));
    if (cut)
        fault = KT_NET_BROKEN;
    net_fail(c, fault,
             fault == KT_NET_OK          ? ""
             : cut                       ? "the answer ends within its head"
             : fault == KT_NET_TOO_LARGE ? "the reply is larger than it may be"
             : c->curl_says[0]           ? c->curl_says
                                         : curl_easy_strerror(code));
    if (fault == KT_NET_TOO_LARGE) { /* nobody reads it, and others wait for the room */
        size_t before = c->body.len;
        kt_secret_wipe(&c->body);
        kt_buf_init(&c->body, 0);
        net_count(c, before);
    }
}

bool kt_net_done(const struct kt_net_call *c)
{
    return c->done;
}

int kt_net_status(const struct kt_net_call *c)
{
    long status = 0;
    if (c->done)
        return c->status;
    if (!c->body.len || curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
        return 0;
    return (int)status;
}

struct kt_span kt_net_part(const struct kt_net_call *c)
{
    return kt_buf_span(&c->body);
}

void kt_net_take(struct kt_net_call *c, size_t n)
{
    size_t before = c->body.len;
    kt_buf_drop(&c->body, n);
    net_count(c, before);
}

struct kt_span kt_net_header(const struct kt_net_call *c, const char *name)
{
    struct kt_span found = KT_SPAN_NONE;
    const char *p = kt_buf_str(&c->head), *end = p + c->head.len;
    size_t n = strlen(name);
    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        const char *next = eol ? eol + 1 : end;
        if ((size_t)(next - p) > n && p[n] == ':' && strncasecmp(p, name, n) == 0) {
            const char *v = p + n + 1, *w = eol ? eol : end;
            while (v < w && (*v == ' ' || *v == '\t'))
                v++;
            while (w > v && (w[-1] == ' ' || w[-1] == '\r' || w[-1] == '\t'))
                w--;
            found = (struct kt_span){v, (size_t)(w - v)};
        }
        p = next;
    }
    return found;
}

struct kt_net_reply kt_net_reply(const struct kt_net_call *c)
{
    struct kt_net_reply r = {c->fault, c->status, kt_buf_span(&c->body), KT_TIME_NONE, c->why};
    struct kt_span d = kt_net_header(c, "Date");
    char text[64];
    if (d.p && d.n < sizeof text) {
        memcpy(text, d.p, d.n);
        text[d.n] = '\0';
        time_t t = curl_getdate(text, NULL);
        r.date = t == (time_t)-1 ? KT_TIME_NONE : (int64_t)t * 1000;
    }
    return r;
}
