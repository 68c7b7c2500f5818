/* clickhouse: the source. Asks a ClickHouse server over HTTP for the records of
 * one window of event time after the other; or, where a question is asked, for
 * what it holds for. Settings: see clickhouse_address.h.
 *
 * Follows the HTTP interface of ClickHouse and its exceptions' codes. A table
 * of engine Distributed fails where a shard cannot be reached (279): then the
 * others are asked alone, and the gap is told. */
#include "source/clickhouse.h"

#include "base/secret.h"
#include "net/net.h"
#include "source/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

enum {
    INTERVAL_MS = 30000,
    GAP_MS = 20,            /* a question is some queries, and a person waits */
    SILENT_MS = 120000,
    DELAY_MS = 15 * 60000,  /* by which events are there, as a rule: the trail's, and the loaders' */
    BEHIND_MS = 24 * 3600000, /* by which they are as good as surely there */
    TOTAL_MS = 3600 * 1000, /* of one answer */
    STALL_S = 300,          /* a query says nothing while it looks */
    SHARDS_AWAY = 279,      /* ALL_CONNECTION_TRIES_FAILED */
    MAY_NOT_SET = 164,      /* READONLY */
    PARTS = 4               /* of a question, before the rest */
};

/* --- birth and death -------------------------------------------------------------------- */

static void release(struct clickhouse *s)
{
    kt_aws_call_free(s->call);
    s->call = NULL;
}

static void clickhouse_close(struct kt_source *source)
{
    struct clickhouse *s = (struct clickhouse *)source;
    if (!s)
        return;
    release(s);
    deputies_close(&s->deputies);
    kt_net_free(s->net);
    kt_buf_free(&s->line);
    kt_arena_free(s->arena);
    free(s->column);
    clickhouse_address_drop(&s->a);
    free(s);
}

static enum kt_code connect_with(struct clickhouse *s, struct kt_err *e)
{
    struct kt_endpoint *p = &s->endpoint;
    const char *ca = s->a.ca_file;
    struct kt_err why = {0};
    p->service = "clickhouse";
    snprintf(p->url, sizeof p->url, "%s://%s", s->a.http ? "http" : "https", s->a.host);
    snprintf(p->host, sizeof p->host, "%s", s->a.host);
    enum kt_code code = kt_net_allows(p->url, &why);
    if (code != KT_OK)
        return kt_fail(e, code, "clickhouse: %s", why.text);
    if (ca && access(ca, R_OK) != 0)
        return kt_fail(e, KT_ENOTFOUND, "clickhouse: ca-file=%s: %s", ca, strerror(errno));
    return kt_net_new(&s->net, &(struct kt_net_opts){ca}, e);
}

static void plan(struct clickhouse *s, const struct kt_source_opts *o)
{
    struct kt_poller *p = &s->p;
    p->aws = s->aws;
    p->follow = o->follow;
    p->since = o->since;
    p->until = o->until;
    p->scan[p->n_scans++] = (struct kt_scan){HOUR, s->a.interval ? s->a.interval : INTERVAL_MS};
    p->scan[p->n_scans++] = (struct kt_scan){DAY, HOUR}; /* what was loaded late */
    p->scan[p->n_scans++] = (struct kt_scan){30 * DAY, DAY};
    p->first = o->follow ? DAY : 0;
    s->pace.next = INT64_MIN;
    snprintf(p->name, sizeof p->name, "clickhouse://%.100s/%.90s.%.90s", s->a.host, s->a.database, s->a.table);
    snprintf(p->key, sizeof p->key, "%s", p->name);
    p->rests = s->a.interval == KT_SETTINGS_NEVER && !o->where;
    kt_poller_start(p);
}

static enum kt_code clickhouse_open(struct kt_source **out, const char *address, const struct kt_source_opts *o,
                                    struct kt_err *e)
{
    struct clickhouse *s = o->aws ? calloc(1, sizeof *s) : NULL;
    struct kt_err own = {.code = KT_ENOMEM, .text = "out of memory"};
    if (s) {
        s->source.ops = &kt_source_clickhouse;
        s->aws = o->aws;
        s->arena = kt_arena_new(16 << 20);
        s->column = calloc(KT_COLUMNS_MAX, sizeof *s->column);
        kt_buf_init(&s->line, CLICKHOUSE_LINE_MAX);
        own.code = clickhouse_address_parse(&s->a, address, &own);
        if (own.code == KT_OK)
            own.code = connect_with(s, &own);
        if (own.code == KT_OK && (!s->arena || !s->column))
            own.code = kt_fail(&own, KT_ENOMEM, "out of memory");
        if (own.code == KT_OK)
            s->where = o->where ? kt_cond_copy(s->arena, o->where) : kt_cond_names(s->arena, o->event_names, o->n_event_names);
        if (own.code == KT_OK && !s->where)
            own.code = kt_fail(&own, KT_ELIMIT, "clickhouse: the question is too long");
        if (own.code == KT_OK)
            own.code = deputies_open(&s->deputies, &kt_source_clickhouse, address, "ClickHouse", BEHIND_MS, s->net, o, &own);
        s->asked = o->answer;
        if (own.code == KT_OK)
            plan(s, o);
    }
    if (own.code != KT_OK) {
        clickhouse_close((struct kt_source *)s);
        return kt_fail(e, own.code, "%s", own.text);
    }
    *out = &s->source;
    return KT_OK;
}

/* --- questions ------------------------------------------------------------------------------ */

/* Who asks: in headers, since an address is written to logs. */
static bool add_user(const struct clickhouse *s, struct kt_buf *user, struct kt_buf *key, char *why, size_t size)
{
    const char *path = s->a.password_file, *given = path ? NULL : kt_aws_env(s->aws, "CLICKHOUSE_PASSWORD");
    char *text = path ? kt_secret_alloc(CLICKHOUSE_SECRET_MAX) : NULL;
    const char *secret = path ? text : given;
    bool good = kt_buf_reserve(key, CLICKHOUSE_SECRET_MAX + 64) && (!path || text);
    snprintf(why, size, "out of memory");
    if (good && path)
        good = kt_secret_read(path, text, CLICKHOUSE_SECRET_MAX, why, size);
    if (good && secret && !kt_secret_is_word(secret)) {
        good = false;
        snprintf(why, size, "%.160s holds no password: it is one line of letters, digits and signs",
                 path ? path : "CLICKHOUSE_PASSWORD");
    }
    if (good && s->a.user)
        kt_buf_addf(user, "X-ClickHouse-User: %s", s->a.user);
    if (good && secret)
        kt_buf_addf(key, "X-ClickHouse-Key: %s", secret);
    kt_secret_free(text);
    return good && !user->failed && !key->failed;
}

/* The next part of a pass's window: a day, three, nine, thirty, the rest. */
static void next_part(struct clickhouse *s, const struct kt_pass *pass)
{
    static const int64_t spans[PARTS] = {DAY, 2 * DAY, 6 * DAY, 21 * DAY};
    if (s->part.active)
        return; /* it failed, or a shard was away: again */
    int64_t to = s->parts ? s->part.from : pass->to;
    s->part = *pass;
    s->part.active = true;
    s->part.to = to;
    if (s->asked && s->time && s->parts < PARTS && to - spans[s->parts] > pass->from)
        s->part.from = to - spans[s->parts];
    s->parts++;
}

/* True: there are older ones. */
static bool end_part(struct clickhouse *s, const struct kt_pass *pass)
{
    bool more = s->part.from > pass->from;
    s->part.active = false;
    if (!more)
        s->parts = 0;
    if (s->asked && pass->to > pass->from)
        s->asked->percent = more ? (int)((pass->to - s->part.from) * 100 / (pass->to - pass->from)) : 0;
    return more;
}

static void ask(struct clickhouse *s, const struct kt_pass *pass, const struct kt_source_sink *sink)
{
    char why[300];
    struct kt_buf query, user, key;
    kt_buf_init(&query, KT_QUERY_MAX + (64 << 10));
    kt_buf_init(&user, 1024);
    kt_buf_init(&key, CLICKHOUSE_SECRET_MAX + 128);
    s->describing = !s->table.n;
    bool known = add_user(s, &user, &key, why, sizeof why);
    if (!s->describing)
        next_part(s, pass);
    bool said = s->describing ? clickhouse_describe_query(s, &query) : clickhouse_query(s, &s->part, &query);
    if (known && said)
        s->call = kt_aws_call_new(s->aws, s->net,
                                  &(struct kt_aws_request){.endpoint = &s->endpoint,
                                                           .path = s->plain ? "/" : "/?enable_http_compression=1",
                                                           .packed = !s->plain,
                                                           .content_type = "text/plain; charset=utf-8",
                                                           .extra = {user.len ? kt_buf_str(&user) : key.len ? kt_buf_str(&key) : NULL,
                                                                     user.len && key.len ? kt_buf_str(&key) : NULL},
                                                           .body = kt_buf_span(&query),
                                                           .pace = &s->pace,
                                                           .gap_ms = GAP_MS,
                                                           .max_body = CLICKHOUSE_LINE_MAX,
                                                           .attempts = 1, /* a query's own fault is a status 500 */
                                                           .total_ms = TOTAL_MS,
                                                           .stall_s = STALL_S});
    kt_buf_free(&query);
    kt_buf_free(&user);
    kt_secret_wipe(&key);
    s->answer = (struct clickhouse_answer){0};
    if (!s->call)
        kt_poller_put_off(&s->p, !known ? why : said ? "out of memory" : "the question cannot be said in ClickHouse's words", 0,
                          !known, sink);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void went_wrong(struct clickhouse *s, const char *text, bool hopeless, const struct kt_source_sink *sink)
{
    char says[360];
    int code = clickhouse_code(kt_span_of(text));
    if (code == MAY_NOT_SET && !s->plain) {
        s->plain = true; /* of a user who may set nothing */
        return;
    }
    if (code == SHARDS_AWAY && !s->lame) {
        s->lame = true; /* asked anew at once, without what is away */
        return;
    }
    snprintf(says, sizeof says, "ClickHouse says: %.300s", text);
    kt_poller_put_off(&s->p, says, 5 * SECOND, hopeless, sink);
}

static void end_answer(struct clickhouse *s, struct kt_span body, const struct kt_source_sink *sink)
{
    struct kt_poller *p = &s->p;
    static const char strange[] = "the answer is not ClickHouse's: is there a proxy that wants a login?";
    char why[300];
    if (s->answer.strange || (s->describing && body.n && (body.p[0] == '<' || !memchr(body.p, '\t', body.n)))) {
        kt_poller_put_off(p, strange, 0, false, sink);
        return;
    }
    if (s->describing) {
        if (!clickhouse_take_columns(s, body, why, sizeof why))
            kt_poller_put_off(p, why, 30 * SECOND, true, sink);
        else
            kt_poller_well(p);
        return;
    }
    if (s->answer.exception[0]) {
        went_wrong(s, s->answer.exception, false, sink);
        return;
    }
    p->pass[p->asked].whole &= !s->lame;
    p->failures = 0;
    if (!s->lame)
        kt_poller_well(p);
    else
        kt_poller_complain(p, "a shard cannot be reached: what it holds is missing", true, sink);
    s->lame = false; /* the next time all are tried again */
    if (!end_part(s, &p->pass[p->asked]))
        kt_poller_finish(p);
}

static void refused(struct clickhouse *s, const struct kt_aws_result *r, const struct kt_source_sink *sink)
{
    char text[300];
    struct kt_span body = r->body;
    bool user = clickhouse_code(body) == MAY_NOT_SET ? false : r->status == 401 || r->status == 403 || clickhouse_code(body) == 516 || clickhouse_code(body) == 193 ||
                clickhouse_code(body) == 192;
    if (body.n && clickhouse_code(body))
        snprintf(text, sizeof text, "%.*s", (int)(body.n < 280 ? body.n : 280), body.p);
    else
        snprintf(text, sizeof text, "%.280s", r->message);
    if (user)
        snprintf(text, sizeof text, "ClickHouse does not know this user and password: set user=NAME, and password-file=FILE or "
                                    "CLICKHOUSE_PASSWORD");
    if (user || !clickhouse_code(body))
        kt_poller_put_off(&s->p, text, user ? 30 * SECOND : 0, user, sink);
    else
        went_wrong(s, text, r->status >= 400 && r->status < 500, sink);
}

/* Everything that is there of the answer, a piece a step. True: there is more. */
static bool read_on(struct clickhouse *s, bool last, const struct kt_source_sink *sink)
{
    struct kt_span part = kt_aws_call_part(s->call);
    bool going = true;
    if (!part.p || s->describing)
        return false;
    size_t n = clickhouse_read(s, part, last, sink, &going);
    if (n)
        kt_aws_call_take(s->call, n);
    return going && n && n < part.n && (last || n >= CLICKHOUSE_STEP);
}

/* True: the step has done enough. */
static bool hear(struct clickhouse *s, const struct kt_aws_result *r, const struct kt_source_sink *sink)
{
    if (r->end == KT_AWS_OK && read_on(s, true, sink))
        return true;
    kt_poller_end(&s->p, sink);
    if (r->end == KT_AWS_OK)
        end_answer(s, r->body, sink);
    else if (r->end == KT_AWS_THROTTLED)
        s->p.wake = s->pace.next;
    else
        refused(s, r, sink);
    release(s);
    return true;
}

/* --- steps --------------------------------------------------------------------------------------- */

/* True: call again at once. */
static bool go_on(struct clickhouse *s, const struct kt_source_sink *sink)
{
    struct kt_poller *p = &s->p;
    int64_t wake;
    if (p->done || (p->wake && kt_aws_mono(s->aws) < p->wake))
        return false;
    p->wake = 0;
    if (!s->call) {
        const struct kt_pass *pass = kt_poller_next(p);
        if (pass)
            ask(s, pass, sink);
        return s->call != NULL;
    }
    const struct kt_aws_result *r = kt_aws_call_poll(s->call, &wake);
    if (r->end != KT_AWS_PENDING)
        return hear(s, r, sink);
    p->wake = wake;
    return read_on(s, false, sink);
}

static void clickhouse_do(struct kt_source *source, const struct kt_source_sink *sink, struct kt_wait *next)
{
    struct clickhouse *s = (struct clickhouse *)source;
    *next = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
    if (!s->begun)
        kt_poller_recall(&s->p, sink);
    s->begun = true;
    bool more = go_on(s, sink);
    kt_poller_remember(&s->p, sink);
    kt_poller_assess(&s->p, 3 * s->p.scan[0].every + SILENT_MS, DELAY_MS, KT_TIME_NONE, &s->pace);
    if (!more)
        kt_poller_wait(&s->p, s->net, next);
    deputies_step(&s->deputies, sink, next);
}

static void clickhouse_health(const struct kt_source *s, struct kt_health *out)
{
    *out = ((const struct clickhouse *)s)->p.health;
}

static enum kt_code clickhouse_ask(struct kt_source *s, const struct kt_question *q, struct kt_answer *a, struct kt_err *e)
{
    return deputies_ask(&((struct clickhouse *)s)->deputies, q, a, e);
}

static void clickhouse_unask(struct kt_source *s, struct kt_answer *a)
{
    deputies_unask(&((struct clickhouse *)s)->deputies, a);
}

const struct kt_source_ops kt_source_clickhouse = {
    .scheme = "clickhouse", .open = clickhouse_open, .step = clickhouse_do, .health = clickhouse_health, .close = clickhouse_close,
    .asks = KT_DEPUTY_ASKS, .asked_as = "ClickHouse", .ranged = true, .ask = clickhouse_ask, .unask = clickhouse_unask,
};
