#include "tests/support/scene.h"

#include "base/buf.h"
#include "base/hash.h"
#include "tests/support/nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(bool held)
{
    if (!held) {
        (void)fputs("scene: memory ran out, or a test spelled JSON wrongly\n", stderr);
        abort();
    }
}

/* --- records -------------------------------------------------------------------- */

static void put_time(struct kt_buf *b, int at)
{
    char text[KT_TIME_TEXT];
    need(kt_time_format(INT64_C(1780000000000) + (int64_t)at * 1000, text) > 0);
    (void)kt_buf_adds(b, text);
}

static void put_identity(struct kt_buf *b, const struct scene_call *c, const char *account)
{
    const char *key = c->key ? c->key : "ASIAEXAMPLEEXAMPLE01", *mfa = c->mfa ? c->mfa : "false";
    if (strncmp(c->who, "role/", 5) == 0) {
        const char *role = c->who + 5, *session = c->session ? c->session : "session";
        (void)kt_buf_addf(b, "{\"type\":\"AssumedRole\",\"principalId\":\"AROAEXAMPLE:%s\",\"arn\":\"arn:aws:sts::%s:assumed-role/%s/%s\","
                             "\"accountId\":\"%s\",\"accessKeyId\":\"%s\",\"sessionContext\":{\"sessionIssuer\":{\"type\":\"Role\","
                             "\"userName\":\"%s\",\"accountId\":\"%s\"},\"attributes\":{\"mfaAuthenticated\":\"%s\"}}",
                          session, account, role, session, account, key, role, account, mfa);
    } else if (strcmp(c->who, "root") == 0) {
        (void)kt_buf_addf(b, "{\"type\":\"Root\",\"principalId\":\"%s\",\"arn\":\"arn:aws:iam::%s:root\",\"accountId\":\"%s\","
                             "\"accessKeyId\":\"%s\"", account, account, account, key);
        if (!c->key)
            (void)kt_buf_addf(b, ",\"sessionContext\":{\"attributes\":{\"mfaAuthenticated\":\"%s\"}}", mfa);
    } else {
        (void)kt_buf_addf(b, "{\"type\":\"IAMUser\",\"principalId\":\"AIDAEXAMPLE\",\"arn\":\"arn:aws:iam::%s:user/%s\","
                             "\"accountId\":\"%s\",\"accessKeyId\":\"%s\",\"userName\":\"%s\"", account, c->who, account, key, c->who);
        if (!c->key)
            (void)kt_buf_addf(b, ",\"sessionContext\":{\"attributes\":{\"mfaAuthenticated\":\"%s\"}}", mfa);
    }
    if (c->invoked_by)
        (void)kt_buf_addf(b, ",\"invokedBy\":\"%s\"", c->invoked_by);
    (void)kt_buf_adds(b, "}");
}

static void put_params(struct kt_buf *b, const struct scene_call *c)
{
    bool denied = c->error && strcmp(c->error, "AccessDenied") == 0, made = strcmp(c->name, "CreateAccessKey") == 0;
    const char *comma = "";
    if (denied || (!c->user && !c->params && (!c->makes || made))) {
        (void)kt_buf_adds(b, "null");
        return;
    }
    (void)kt_buf_adds(b, "{");
    if (c->user) {
        (void)kt_buf_addf(b, "\"userName\":\"%s\"", c->user);
        comma = ",";
    }
    if (c->makes && !made) {
        (void)kt_buf_addf(b, "%s\"accessKeyId\":\"%s\"", comma, c->makes);
        comma = ",";
    }
    if (c->params)
        (void)kt_buf_addf(b, "%s%s", comma, c->params);
    (void)kt_buf_adds(b, "}");
}

static void put_result(struct kt_buf *b, const struct scene_call *c, const char *account)
{
    if (c->error)
        (void)kt_buf_addf(b, ",\"errorCode\":\"%s\"", c->error);
    if (c->error && strcmp(c->error, "AccessDenied") == 0)
        (void)kt_buf_addf(b, ",\"errorMessage\":\"User: arn:aws:iam::%s:user/%s is not authorized to perform: iam:%s on resource: "
                             "user %s because no identity-based policy allows it\"",
                          account, c->who, c->name, c->user ? c->user : c->who);
    if (!c->error && c->makes && strcmp(c->name, "CreateAccessKey") == 0)
        (void)kt_buf_addf(b, ",\"responseElements\":{\"accessKey\":{\"userName\":\"%s\",\"accessKeyId\":\"%s\",\"status\":\"Active\"}}",
                          c->user ? c->user : c->who, c->makes);
    else
        (void)kt_buf_adds(b, ",\"responseElements\":null");
}

char *scene_record(const struct scene_call *c, int number)
{
    struct kt_buf b;
    const char *account = c->account ? c->account : SCENE_ACCOUNT;
    kt_buf_init(&b, 1 << 16);
    (void)kt_buf_addf(&b, "{\"eventVersion\":\"1.09\",\"eventID\":\"%08x-0000-4000-8000-00000000abcd\",\"eventName\":\"%s\","
                          "\"eventSource\":\"%s\",\"awsRegion\":\"us-east-1\",\"recipientAccountId\":\"" SCENE_ACCOUNT "\",\"eventTime\":\"",
                      (unsigned)number, c->name, c->source ? c->source : "iam.amazonaws.com");
    put_time(&b, c->at);
    (void)kt_buf_adds(&b, "\",\"userIdentity\":");
    put_identity(&b, c, account);
    (void)kt_buf_addf(&b, ",\"sourceIPAddress\":\"%s\",\"userAgent\":\"%s\",\"requestParameters\":",
                      c->address ? c->address : "198.51.100.20",
                      c->agent ? c->agent : "aws-cli/2.17.32 md/awscrt#0.20.11 os/linux#6.8.0 lang/python#3.11.8");
    put_params(&b, c);
    put_result(&b, c, account);
    (void)kt_buf_addf(&b, "%s}", c->console ? ",\"sessionCredentialFromConsole\":\"true\"" : "");
    char *text = b.failed ? NULL : strdup(kt_buf_str(&b));
    kt_buf_free(&b);
    need(text);
    return text;
}

/* --- scenes ----------------------------------------------------------------------- */

void scene_begin(struct scene *s, const struct kt_rules *rules, const struct kt_places *places)
{
    const struct kt_store_opts o = {0};
    s->store = kt_store_new(&o);
    s->arena = kt_arena_new(16 << 20);
    need(s->store && s->arena);
    struct kt_judge_opts j = {.store = s->store, .rules = rules};
    if (places)
        j.places = *places;
    s->judge = kt_judge_new(&j);
    need(s->judge);
}

void scene_end(struct scene *s)
{
    kt_judge_free(s->judge);
    kt_store_free(s->store);
    kt_arena_free(s->arena);
}

void scene_tell(struct scene *s, const char *record, bool at_once)
{
    struct kt_row row = {0};
    uint8_t digest[KT_SHA256];
    json_t *root = json_loads(record, 0, NULL);
    need(root);
    kt_arena_reset(s->arena);
    kt_event_decode(node_of(root), 0, s->arena, &row.ev);
    kt_sha256(record, strlen(record), digest);
    row.origin.source = row.origin.name = KT_LIT("scene");
    if (row.ev.kind == KT_KIND_CREATION || row.ev.kind == KT_KIND_REACTIVATION)
        (void)kt_store_add(s->store, &row, digest);
    if (row.ev.kind != KT_KIND_NONE)
        need(kt_judge_event(s->judge, &row.ev, row.seq));
    json_decref(root);
    if (at_once)
        scene_settle(s);
}

void scene_settle(struct scene *s)
{
    while (kt_judge_work(s->judge, 100, false))
        ;
}

bool scene_row(struct scene *s, int number, struct kt_row *out)
{
    char id[40];
    (void)snprintf(id, sizeof id, "%08x-0000-4000-8000-00000000abcd", (unsigned)number);
    kt_arena_reset(s->arena);
    return kt_store_row(s->store, kt_store_event(s->store, kt_span_of(id)), false, s->arena, out);
}

bool scene_has(const struct kt_verdict *v, const char *signal)
{
    for (size_t i = 0; i < v->n_signals; i++)
        if (kt_span_is(v->signal[i].name, signal))
            return true;
    return false;
}
