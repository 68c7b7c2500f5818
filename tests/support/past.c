#include "tests/support/past.h"

#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS_MAX = 1 << 20, TEXT_MAX = 256 << 20 };

static const char *const names[] = {"CreateAccessKey", "DeleteAccessKey", "GetCallerIdentity", "ListBuckets", "CreateUser"};

/* Record number i, and its row; hostile texts among them. */
void past_record(int i, struct kt_buf *record, struct kt_buf *row)
{
    static const char *const agents[] = {"aws-cli/2.15.0", "Boto3/1.28 \\\"x\\\"", "\\u001b[2J'; DROP TABLE t; --", "k\\u00e4li"};
    char time[40];
    const char *name = names[i % 5], *user = i % 7 ? "alice" : "o'neil+1@x";
    snprintf(time, sizeof time, "2026-02-%02dT%02d:%02d:%02dZ", 1 + i % 28, i / 60 % 24, i % 60, i / 7 % 60);
    kt_buf_reset(record);
    kt_buf_addf(record, "{\"eventVersion\":\"1.08\",\"userIdentity\":{\"type\":\"IAMUser\",\"userName\":\"%s%d\",\"arn\":"
                        "\"arn:aws:iam::111122223333:user/%s%d\",\"accountId\":\"111122223333\",\"accessKeyId\":\"AKIA%016d\"},"
                        "\"eventTime\":\"%s\",\"eventSource\":\"iam.amazonaws.com\",\"eventName\":\"%s\",\"awsRegion\":\"us-east-1\","
                        "\"sourceIPAddress\":\"192.0.2.%d\",\"userAgent\":\"%s\",\"requestParameters\":{\"userName\":\"bob%d\"},"
                        "\"responseElements\":null,\"eventID\":\"%08d-0000-4000-8000-000000000000\",\"recipientAccountId\":\"111122223333\"}",
                user, i % 40, user, i % 40, i % 300, time, name, i % 250, agents[i % 4], i % 50, i);
    if (!row)
        return;
    kt_buf_addf(row, "%.10s %.8s\t%s\t", time, time + 11, name);
    for (const char *p = user; *p; p++)
        kt_buf_addf(row, *p == '\'' ? "\\'" : "%c", *p);
    kt_buf_addf(row, "%d\tAKIA%016d\t192.0.2.%d\t", i % 40, i % 300, i % 250);
    for (size_t k = 0; k < record->len; k++)
        kt_buf_addf(row, record->p[k] == '\\' ? "\\\\" : "%c", record->p[k]);
    kt_buf_addc(row, '\n');
}

int64_t past_time(int i)
{
    char time[40];
    snprintf(time, sizeof time, "2026-02-%02dT%02d:%02d:%02dZ", 1 + i % 28, i / 60 % 24, i % 60, i / 7 % 60);
    return kt_time_parse(kt_span_of(time));
}

/* --- filters ---------------------------------------------------------------------------- */

static const char *pick(unsigned *seed, const char *const *of, size_t n)
{
    return of[(size_t)rand_r(seed) % n];
}

#define PICK(seed, list) pick(seed, list, sizeof list / sizeof *list)

static void write_term(unsigned *seed, struct kt_buf *out)
{
    static const char *const forms[] = {"actor:=alice%d", "actor:alice%d", "actor:\"o'neil+1@x%d\"", "target:bob%d", "target:=bob%d",
                                        "source:192.0.2.%d", "source:=192.0.2.%d", "key:AKIA%d", "actor.access_key_id:%d",
                                        "event_id:0000%d", "account:11112%d", "agent.text:k%d", "time>2026-02-%02d", "time<=2026-02-%02d"};
    static const char *const fixed[] = {"event_name:create", "event_name:=DeleteAccessKey", "event_source:iam", "event_source:=s3.amazonaws.com",
                                        "result:created", "result:done", "result:denied", "agent.text:boto3", "agent.text:drop",
                                        "agent.text:\"aws-cli/2\"", "actor.type:=IAMUser", "actor.arn:user", "region:us-east-1",
                                        "region:=eu-west-1", "alice", "boto3", "actor:oneil", "agent.text:\"k\xC3\xA4li\"", "key:",
                                        "source.kind:ip", "kind:creation", "actor.arn:\"user/alice1\"",
                                        "event_name in (CreateAccessKey, \"ListBuckets\")", "actor in (alice1, alice2*, o'neil*)",
                                        "event_name~^Create", "source:192.0.2.0/28", "requestParameters.userName=bob7",
                                        "requestParameters.userName:*1", "userIdentity.type=IAMUser", "actor:alice1?", "result!=created",
                                        "(actor:alice3 or source:192.0.2.7)", "not (actor:alice4 and event_name:list)", "agent.text~DROP"};
    if (rand_r(seed) % 3 == 0)
        kt_buf_addc(out, '-');
    if (rand_r(seed) % 2)
        kt_buf_adds(out, PICK(seed, fixed));
    else {
        char text[128];
        const char *form = PICK(seed, forms);
        const char *percent = strchr(form, '%');
        snprintf(text, sizeof text, "%.*s%s%s", (int)(percent - form), form, "", "");
        kt_buf_adds(out, text);
        kt_buf_addf(out, percent[1] == '0' ? "%02d" : "%d", 1 + rand_r(seed) % 28);
        kt_buf_adds(out, percent + (percent[1] == '0' ? 4 : 2));
    }
}

void past_filter(unsigned *seed, struct kt_buf *out)
{
    kt_buf_reset(out);
    for (int k = 1 + rand_r(seed) % 3; k > 0; k--) {
        write_term(seed, out);
        kt_buf_adds(out, k > 1 ? (rand_r(seed) % 3 ? " " : " or ") : "");
    }
}

/* --- answers ---------------------------------------------------------------------------- */

static void add(struct kt_buf *b, struct kt_span s)
{
    kt_buf_add(b, s.p ? s.p : "-", s.p ? s.n : 1);
    kt_buf_addc(b, '\x1f');
}

static bool on_row(void *ctx, const struct kt_row *r, struct kt_node *root)
{
    struct past_rows *x = ctx;
    const struct kt_event *e = &r->ev;
    const struct kt_span said[] = {e->event_id, e->event_name, e->event_source, e->actor.name, e->actor.arn, e->actor.access_key_id,
                                   e->target.name, e->key.id, e->source.address, e->agent.text, e->account, e->region, e->error_code};
    (void)root;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        add(&x->text, said[i]);
    kt_buf_addf(&x->text, "%d %d %lld\n", (int)e->kind, (int)e->result, (long long)e->time);
    return true;
}

static void on_trouble(void *ctx, const char *place, const char *sentence)
{
    struct past_rows *x = ctx;
    snprintf(x->says, sizeof x->says, "%.100s: %.190s", place, sentence);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct past_rows *x)
{
    size_t cap = 0;
    for (char *p = x->text.p; p && *p;) {
        char *eol = strchr(p, '\n');
        if (!eol || !kt_grow(&x->line, &cap, x->n + 1, sizeof *x->line, ROWS_MAX))
            break;
        *eol = '\0';
        x->line[x->n++] = p;
        p = eol + 1;
    }
    if (x->n)
        qsort(x->line, x->n, sizeof *x->line, by_text);
}

/* Its secrets are overwritten by who takes them: a copy. */
static char **own_environment(void)
{
    size_t n = 0;
    while (environ[n])
        n++;
    char **copy = calloc(n + 1, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++)
        copy[i] = strdup(environ[i]);
    return copy;
}

bool past_rows(struct past_rows *out, const char *address, const char *filter, bool ask)
{
    struct kt_filter *f = NULL;
    struct kt_engine *g = NULL;
    struct kt_err e = {0};
    char **env = own_environment(), **all = env;
    size_t n_env = 0;
    while (env && env[n_env])
        n_env++;
    all = calloc(n_env + 1, sizeof *all); /* what is taken out of the list is freed as well */
    for (size_t i = 0; all && i < n_env; i++)
        all[i] = env[i];
    *out = (struct past_rows){0};
    kt_buf_init(&out->text, TEXT_MAX);
    bool good = kt_filter_parse(&f, kt_span_of(filter), kt_now(NULL), NULL, &e) == KT_OK;
    struct kt_engine_opts o = {.since = KT_TIME_NONE, .until = KT_TIME_NONE, .filter = f, .ask = ask, .kinds = KT_KINDS_ALL,
                               .aws = {.env = env}};
    good = good && kt_engine_new(&g, &o, &e) == KT_OK && kt_engine_add(g, address, NULL, &e) == KT_OK;
    if (!good)
        snprintf(out->says, sizeof out->says, "%.290s", e.text);
    good = good && kt_engine_run(g, &(struct kt_engine_sink){.row = on_row, .trouble = on_trouble, .ctx = out}, -1);
    if (g)
        kt_engine_free(g);
    kt_filter_free(f);
    for (size_t i = 0; all && i < n_env; i++)
        free(all[i]);
    free(all);
    free(env);
    sort(out);
    return good;
}

void past_free(struct past_rows *r)
{
    free(r->line);
    kt_buf_free(&r->text);
}

void past_differ(const struct past_rows *a, const struct past_rows *b, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; !out[0] && (i < a->n || i < b->n); i++)
        if (i >= a->n || i >= b->n || strcmp(a->line[i], b->line[i]) != 0)
            snprintf(out, size, "%zu rows and %zu; the first that is not the same is %zu: %.300s | %.300s", a->n, b->n, i,
                     i < a->n ? a->line[i] : "none", i < b->n ? b->line[i] : "none");
}
