#include "aws/call.h"

#include "aws/sign.h"
#include "base/buf.h"
#include "base/secret.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { FELT_MS = 30000, CORRECTIONS = 3 /* of the clock: a service may take one back */, ERROR_BODY_MAX = 64 << 10, HEADER_MAX = KT_KEYS_MAX + 64 };

struct kt_aws_call {
    struct kt_aws *aws;
    struct kt_net *net;
    struct kt_aws_request r;
    char *path, *body, *content_type, *target, *extra[KT_AWS_EXTRA];
    struct kt_net_call *http;
    struct kt_retry retry;
    int64_t wake;        /* kt_aws_mono() time before which nothing is sent; 0: none */
    bool sent, taken;
    int corrected;       /* how often our clock was, for it */
    int64_t skew;        /* of the clock that it was signed by */
    int unanswered;
    struct kt_aws_result result;
};

/* --- the request ------------------------------------------------------------------- */

static bool dup_text(char **to, const char *text)
{
    *to = text ? strdup(text) : NULL;
    return !text || *to;
}

struct kt_aws_call *kt_aws_call_new(struct kt_aws *a, struct kt_net *net, const struct kt_aws_request *r)
{
    struct kt_aws_call *c = r->body.n <= KT_AWS_BODY_MAX ? calloc(1, sizeof *c) : NULL;
    if (!c)
        return NULL;
    c->aws = a;
    c->net = net;
    c->r = *r;
    c->r.keys = kt_keys_share(r->keys);
    bool ok = dup_text(&c->path, r->path ? r->path : "/") && dup_text(&c->content_type, r->content_type) &&
              dup_text(&c->target, r->target);
    for (size_t i = 0; i < KT_AWS_EXTRA; i++)
        ok = ok && dup_text(&c->extra[i], r->extra[i]);
    c->body = ok ? malloc(r->body.n + 1) : NULL;
    if (!c->body) {
        kt_aws_call_free(c);
        return NULL;
    }
    memcpy(c->body, r->body.n ? r->body.p : "", r->body.n);
    c->r.body = (struct kt_span){r->body.p ? c->body : NULL, r->body.n};
    return c;
}

void kt_aws_call_free(struct kt_aws_call *c)
{
    if (!c)
        return;
    kt_net_end(c->http);
    kt_keys_free(c->r.keys);
    if (c->body) /* may hold a token */
        explicit_bzero(c->body, c->r.body.n);
    free(c->body);
    free(c->path);
    free(c->content_type);
    free(c->target);
    for (size_t i = 0; i < KT_AWS_EXTRA; i++) {
        if (c->extra[i])
            explicit_bzero(c->extra[i], strlen(c->extra[i]));
        free(c->extra[i]);
    }
    free(c);
}

struct headers {
    struct kt_net_request *http;
    size_t n;
    struct kt_buf text; /* secret: the token stands in it */
    size_t at[KT_NET_HEADERS];
};

static void put(struct headers *h, const char *name, struct kt_span value)
{
    if (h->n == KT_NET_HEADERS)
        h->text.failed = true;
    if (h->text.failed)
        return;
    h->at[h->n++] = h->text.len;
    kt_buf_addf(&h->text, "%s: ", name);
    kt_buf_add(&h->text, value.p, value.n);
    kt_buf_addc(&h->text, '\0');
}

static bool sign(struct kt_aws_call *c, const char *method, struct headers *h)
{
    struct kt_sign_request s = {.method = method, .region = c->r.endpoint->region, .service = c->r.endpoint->service,
                                .keys = c->r.keys, .time = kt_aws_now(c->aws), .normalize = true, .body = c->r.body};
    struct kt_signature sig;
    bool s3 = strcmp(s.service, "s3") == 0;
    s.path_once = s.content_sha256 = s3;
    s.normalize = !s3;
    size_t q = strcspn(c->path, "?");
    s.path = (struct kt_span){c->path, q};
    s.query = c->path[q] ? kt_span_of(c->path + q + 1) : KT_LIT("");
    s.header[s.n_header++] = (struct kt_sign_header){KT_LIT("Host"), kt_span_of(c->r.endpoint->host)};
    if (c->content_type)
        s.header[s.n_header++] = (struct kt_sign_header){KT_LIT("Content-Type"), kt_span_of(c->content_type)};
    if (c->target)
        s.header[s.n_header++] = (struct kt_sign_header){KT_LIT("X-Amz-Target"), kt_span_of(c->target)};
    if (!kt_sign(&s, &sig, NULL))
        return false;
    put(h, "X-Amz-Date", kt_span_of(sig.date));
    if (s3)
        put(h, "X-Amz-Content-Sha256", kt_span_of(sig.content));
    if (c->r.keys->token.p)
        put(h, "X-Amz-Security-Token", c->r.keys->token);
    put(h, "Authorization", kt_span_of(sig.authorization));
    return true;
}

/* False: it could not even be sent. */
static bool send(struct kt_aws_call *c)
{
    char url[4096];
    struct kt_net_request http = {.method = c->r.method ? c->r.method : "POST", .url = url, .body = c->r.body,
                                  .max_body = c->r.max_body, .connect_ms = c->r.connect_ms, .total_ms = c->r.total_ms,
                                  .stall_s = c->r.stall_s, .packed = c->r.packed};
    struct headers h = {.http = &http};
    kt_buf_init(&h.text, HEADER_MAX);
    c->skew = kt_aws_skew(c->aws);
    bool room = kt_buf_reserve(&h.text, HEADER_MAX - 1); /* so that no copy is left behind */
    /* as libcurl writes it: what is signed must be what is sent */
    put(&h, "Host", kt_span_of(c->r.endpoint->host));
    put(&h, "User-Agent", KT_LIT("keytop/" KEYTOP_VERSION));
    if (c->content_type)
        put(&h, "Content-Type", kt_span_of(c->content_type));
    if (c->target)
        put(&h, "X-Amz-Target", kt_span_of(c->target));
    int n = snprintf(url, sizeof url, "%s%s", c->r.endpoint->url, c->path);
    bool ok = n > 0 && (size_t)n < sizeof url && room &&
              (!c->r.keys || sign(c, http.method, &h)) && !h.text.failed;
    for (size_t i = 0; ok && i < h.n; i++)
        http.header[i] = kt_buf_str(&h.text) + h.at[i];
    for (size_t i = 0; ok && i < KT_AWS_EXTRA && c->extra[i] && h.n < KT_NET_HEADERS; i++)
        http.header[h.n++] = c->extra[i];
    c->http = ok ? kt_net_start(c->net, &http) : NULL;
    kt_secret_wipe(&h.text);
    return c->http != NULL;
}

/* --- the reply ------------------------------------------------------------------------- */

static void keep_text(char *to, size_t size, struct kt_span s)
{
    size_t n = s.n < size - 1 ? s.n : size - 1;
    if (s.p)
        memcpy(to, s.p, n);
    to[s.p ? n : 0] = '\0';
}

/* "com.amazonaws#ThrottlingException:http://..." is ThrottlingException. */
static void keep_code(struct kt_aws_result *r, struct kt_span s)
{
    const char *hash = s.p ? memchr(s.p, '#', s.n) : NULL;
    if (hash)
        s = (struct kt_span){hash + 1, (size_t)(s.p + s.n - hash - 1)};
    const char *colon = s.p ? memchr(s.p, ':', s.n) : NULL;
    if (colon)
        s.n = (size_t)(colon - s.p);
    keep_text(r->code, sizeof r->code, s);
}

static struct kt_span between(struct kt_span s, const char *open, const char *close)
{
    const char *p = memmem(s.p, s.n, open, strlen(open));
    if (!p)
        return KT_SPAN_NONE;
    p += strlen(open);
    const char *q = memmem(p, (size_t)(s.p + s.n - p), close, strlen(close));
    return q ? (struct kt_span){p, (size_t)(q - p)} : KT_SPAN_NONE;
}

static struct kt_span member(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    return json_is_string(v) ? (struct kt_span){json_string_value(v), json_string_length(v)} : KT_SPAN_NONE;
}

static void read_error(struct kt_aws_result *r, const struct kt_net_call *http)
{
    struct kt_span body = r->body, text = KT_SPAN_NONE;
    if (body.n > ERROR_BODY_MAX)
        body.n = ERROR_BODY_MAX;
    keep_code(r, kt_net_header(http, "x-amzn-ErrorType"));
    keep_text(r->region, sizeof r->region, kt_net_header(http, "x-amz-bucket-region"));
    json_t *o = json_loadb(body.p, body.n, JSON_ALLOW_NUL, NULL);
    if (json_is_object(o)) {
        struct kt_span type = member(o, "__type");
        type = type.p ? type : member(o, "code");
        type = type.p ? type : member(o, "error");
        if (type.p)
            keep_code(r, type);
        text = member(o, "message");
        text = text.p ? text : member(o, "Message");
        text = text.p ? text : member(o, "error_description");
    } else {
        struct kt_span code = between(body, "<Code>", "</Code>");
        if (code.p)
            keep_code(r, code);
        text = between(body, "<Message>", "</Message>");
        if (!r->region[0])
            keep_text(r->region, sizeof r->region, between(body, "<Region>", "</Region>"));
    }
    keep_text(r->message, sizeof r->message, text);
    if (!r->message[0] && r->status >= 300 && r->status < 400)
        snprintf(r->message, sizeof r->message, "the service answered with a redirect (HTTP status %d), which is not followed: is there "
                 "a proxy that wants a login?", r->status);
    else if (!r->message[0])
        snprintf(r->message, sizeof r->message, "the service answered with HTTP status %d", r->status);
    json_decref(o);
}

static bool one_of(const char *code, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(code, *list) == 0)
            return true;
    return false;
}

static const char *const throttling[] = {
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException", "TooManyRequestsException",
    "ProvisionedThroughputExceededException", "TransactionInProgressException", "RequestLimitExceeded",
    "BandwidthLimitExceeded", "LimitExceededException", "RequestThrottled", "SlowDown", "PriorRequestNotComplete",
    "EC2ThrottledException", NULL};
static const char *const timeouts[] = {"RequestTimeout", "RequestTimeoutException", NULL};
static const char *const stale_keys[] = {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId",
                                         "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch",
                                         "InvalidSignatureException", "IncompleteSignature", "AuthFailure",
                                         "UnauthorizedException", "InvalidToken", NULL};
static const char *const denials[] = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation",
                                      "Client.UnauthorizedOperation", "NotAuthorized", "ForbiddenException", NULL};
static const char *const off_clocks[] = {"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture", NULL};
static const char *const clocks[] = {"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture",
                                     "SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure", NULL};

static enum kt_aws_end end_of(const struct kt_aws_result *r)
{
    if (r->status >= 200 && r->status < 300)
        return KT_AWS_OK;
    if (one_of(r->code, throttling) || r->status == 429)
        return KT_AWS_THROTTLED;
    if (one_of(r->code, timeouts) || r->status >= 500)
        return KT_AWS_TRANSIENT;
    if (one_of(r->code, stale_keys) || (!r->code[0] && r->status == 401))
        return KT_AWS_CREDENTIALS;
    if (one_of(r->code, clocks))
        return KT_AWS_TRANSIENT;
    if (one_of(r->code, denials) || (!r->code[0] && r->status == 403))
        return KT_AWS_DENIED;
    return KT_AWS_REFUSED;
}

/* What the service says of the time was believed, and it still does not agree. */
static void doubt_the_clock(struct kt_aws_result *r)
{
    size_t n = strlen(r->message);
    if (one_of(r->code, off_clocks))
        snprintf(r->message + n, sizeof r->message - n, " (is this machine's clock right?)");
}

static void no_answer(struct kt_aws_call *c, const struct kt_net_reply *p)
{
    struct kt_aws_result *r = &c->result;
    static const char *const what[] = {
        [KT_NET_POLICY] = "not asked", [KT_NET_RESOLVE] = "its name was not found", [KT_NET_CONNECT] = "no connection",
        [KT_NET_TLS] = "its certificate or TLS is not accepted", [KT_NET_TIMEOUT] = "no answer in time",
        [KT_NET_BROKEN] = "the connection broke", [KT_NET_TOO_LARGE] = "the answer is too large",
        [KT_NET_NOMEM] = "out of memory"};
    snprintf(r->message, sizeof r->message, "%s: %s (%s)", c->r.endpoint->host, what[p->fault], p->why);
    r->end = p->fault == KT_NET_POLICY ? KT_AWS_REFUSED : KT_AWS_TRANSIENT;
    r->lasting = p->fault == KT_NET_TLS || p->fault == KT_NET_TOO_LARGE;
}

/* What the service asks us to wait, in ms. */
static int64_t asked_wait(const struct kt_net_call *http)
{
    struct kt_span ms = kt_net_header(http, "x-amz-retry-after"), s = kt_net_header(http, "Retry-After");
    struct kt_span v = ms.p ? ms : s;
    int64_t n = 0;
    for (size_t i = 0; i < v.n && i < 7 && isdigit((unsigned char)v.p[i]); i++)
        n = n * 10 + (v.p[i] - '0');
    return ms.p ? n : n * 1000;
}

static void fail_with(struct kt_aws_call *c, enum kt_aws_end end, const char *message)
{
    c->result.end = end;
    snprintf(c->result.message, sizeof c->result.message, "%s", message);
}

/* The service said what time it is, to this call or, meanwhile, to another one. */
static bool clock_is_another(struct kt_aws_call *c, const struct kt_net_reply *p)
{
    bool learnt = kt_aws_learn_time(c->aws, p->date);
    int64_t off = kt_aws_skew(c->aws) - c->skew;
    return learnt || off > FELT_MS || off < -FELT_MS;
}

/* Goes on to another attempt? Otherwise the result stands. */
static bool again(struct kt_aws_call *c, const struct kt_net_reply *p)
{
    struct kt_aws_result *r = &c->result;
    int64_t now = kt_aws_mono(c->aws), delay = 0;
    if (c->taken)
        return false; /* what it said first cannot be said again */
    bool clock = r->status >= 400 && one_of(r->code, clocks) && c->corrected < CORRECTIONS && clock_is_another(c, p);
    if (clock) {
        c->corrected++;
    } else {
        if (r->end != KT_AWS_THROTTLED && r->end != KT_AWS_TRANSIENT)
            return false;
        enum kt_retry_why why = r->end == KT_AWS_THROTTLED    ? KT_RETRY_THROTTLED
                                : p->fault == KT_NET_TIMEOUT ? KT_RETRY_TIMEOUT
                                                             : KT_RETRY_TRANSIENT;
        bool hopeless = p->fault == KT_NET_TLS || p->fault == KT_NET_TOO_LARGE || p->fault == KT_NET_NOMEM;
        if (hopeless || (c->r.attempts && c->retry.attempts + 1 >= c->r.attempts))
            return false;
        delay = kt_retry_delay(&c->retry, kt_aws_bucket(c->aws), why, kt_aws_random(c->aws), asked_wait(c->http));
        if (delay < 0)
            return false;
    }
    c->wake = delay ? now + delay : 0;
    c->result = (struct kt_aws_result){0};
    kt_net_end(c->http);
    c->http = NULL;
    c->sent = false;
    return true;
}

static bool hear(struct kt_aws_call *c)
{
    struct kt_net_reply p = kt_net_reply(c->http);
    struct kt_aws_result *r = &c->result;
    r->status = p.status;
    r->body = p.body;
    c->unanswered += p.fault == KT_NET_TIMEOUT || p.fault == KT_NET_BROKEN || p.fault == KT_NET_TOO_LARGE || p.status >= 500;
    r->unanswered = c->unanswered;
    if (p.fault != KT_NET_OK) {
        no_answer(c, &p);
    } else if (p.status < 200 || p.status >= 300) {
        read_error(r, c->http);
        r->end = end_of(r);
        doubt_the_clock(r);
    } else {
        r->end = KT_AWS_OK;
        kt_retry_done(&c->retry, kt_aws_bucket(c->aws));
    }
    if (c->r.pace && r->end == KT_AWS_THROTTLED)
        kt_pace_throttled(c->r.pace, kt_aws_mono(c->aws), kt_aws_random(c->aws));
    else if (c->r.pace && r->end == KT_AWS_OK)
        kt_pace_fine(c->r.pace);
    return !again(c, &p);
}

const struct kt_aws_result *kt_aws_call_poll(struct kt_aws_call *c, int64_t *wake)
{
    *wake = 0;
    while (c->result.end == KT_AWS_PENDING) {
        int64_t now = kt_aws_mono(c->aws);
        if (!c->sent) {
            if (c->wake > now || (c->r.pace && !kt_pace_take(c->r.pace, now, c->r.gap_ms))) {
                *wake = c->wake > now ? c->wake : c->r.pace->next;
                break;
            }
            c->sent = true;
            if (!send(c))
                fail_with(c, KT_AWS_TRANSIENT, "out of memory, or too much is under way");
            continue;
        }
        kt_net_drive(c->net);
        if (!kt_net_done(c->http))
            break;
        (void)hear(c);
    }
    return &c->result;
}

struct kt_span kt_aws_call_part(const struct kt_aws_call *c)
{
    int status = c->http ? kt_net_status(c->http) : 0;
    return status >= 200 && status < 300 ? kt_net_part(c->http) : KT_SPAN_NONE;
}

void kt_aws_call_take(struct kt_aws_call *c, size_t n)
{
    c->taken = true;
    kt_net_take(c->http, n);
    if (c->result.end != KT_AWS_PENDING)
        c->result.body = kt_net_part(c->http);
}
