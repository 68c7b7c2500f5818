#include "source/ask.h"

#include <stdio.h>

enum { PATH_MAX_BYTES = 16 << 10, BACKOFF_MS = 1000, BACKOFF_MAX_MS = 60000, REFUSALS_MAX = 2 };

void ask_init(struct ask *a, struct kt_aws *aws, struct kt_net *net, struct kt_creds *creds, size_t body_max)
{
    *a = (struct ask){.aws = aws, .net = net, .creds = creds};
    kt_buf_init(&a->path, PATH_MAX_BYTES);
    kt_buf_init(&a->body, body_max);
}

static void drop_call(struct ask *a)
{
    kt_aws_call_free(a->call);
    kt_keys_free(a->keys);
    a->call = NULL;
    a->keys = NULL;
    a->result = NULL;
}

void ask_start(struct ask *a, const struct kt_aws_request *r)
{
    ask_end(a);
    a->request = *r;
    a->target[0] = '\0';
    kt_buf_reset(&a->path);
    kt_buf_reset(&a->body);
    kt_buf_adds(&a->path, r->path ? r->path : "/");
    kt_buf_add(&a->body, r->body.n ? r->body.p : "", r->body.n);
    a->busy = true;
}

static bool fail_with(struct ask *a, enum kt_aws_end end, const char *message)
{
    a->failed = (struct kt_aws_result){.end = end};
    snprintf(a->failed.message, sizeof a->failed.message, "%s", message);
    a->result = &a->failed;
    return true;
}

/* True where the question is over already: there are no keys. */
static bool send(struct ask *a)
{
    switch (kt_creds_poll(a->creds, &a->wake)) {
    case KT_CREDS_WAITING:
        return false;
    case KT_CREDS_FAILED:
        return fail_with(a, KT_AWS_CREDENTIALS, kt_creds_says(a->creds));
    case KT_CREDS_READY:
        break;
    }
    if (a->path.failed || a->body.failed)
        return fail_with(a, KT_AWS_REFUSED, "it is too long to be asked for");
    struct kt_aws_request r = a->request;
    a->keys = kt_keys_share(kt_creds_keys(a->creds));
    r.keys = a->keys;
    r.target = a->target[0] ? a->target : NULL;
    r.path = kt_buf_str(&a->path);
    r.body = a->body.len ? kt_buf_span(&a->body) : KT_SPAN_NONE;
    a->call = kt_aws_call_new(a->aws, a->net, &r);
    return a->call ? false : fail_with(a, KT_AWS_TRANSIENT, "out of memory");
}

/* Other keys are asked for; those that are new each time, and never good, must
 * not be asked for without an end. */
static bool with_others(struct ask *a)
{
    kt_creds_refused(a->creds, a->keys);
    if (a->refusals++ >= REFUSALS_MAX && !kt_creds_says(a->creds)[0])
        return false;
    drop_call(a);
    return true;
}

bool ask_poll(struct ask *a)
{
    while (a->busy && !a->result) {
        a->wake = 0;
        if (!a->call && (send(a) || !a->call))
            return a->result != NULL;
        const struct kt_aws_result *r = kt_aws_call_poll(a->call, &a->wake);
        if (r->end == KT_AWS_PENDING)
            return false;
        if (r->end == KT_AWS_CREDENTIALS && with_others(a))
            continue;
        a->result = r;
    }
    return a->result != NULL;
}

void ask_end(struct ask *a)
{
    drop_call(a);
    a->busy = false;
    a->refusals = 0;
    a->wake = 0;
}

void ask_free(struct ask *a)
{
    drop_call(a);
    kt_buf_free(&a->path);
    kt_buf_free(&a->body);
}

void ask_says(const struct ask *a, const char *needs, char *out, size_t size)
{
    const struct kt_aws_result *r = a->result;
    bool denied = r->end == KT_AWS_DENIED && needs;
    snprintf(out, size, "%.60s%s%.300s%s%.200s%s", r->code, r->code[0] ? ": " : "", r->message,
             denied ? " (what it needs: keytop --print-policy " : "", denied ? needs : "", denied ? ")" : "");
}

int64_t ask_backoff(const struct kt_aws *aws, int failures)
{
    int64_t wait = (int64_t)BACKOFF_MS << (failures < 6 ? failures : 6);
    wait = wait > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : wait;
    return wait / 2 + (int64_t)((kt_aws_random(aws) >> 32) * (uint64_t)(wait / 2) >> 32);
}
