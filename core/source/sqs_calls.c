/* sqs: what is asked of the queue. */
#include "source/sqs.h"

#include "base/hash.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    WAIT_S = 20,        /* of a long poll, while following */
    ONCE_WAIT_S = 2,    /* long enough for all of the service's servers to be asked */
    VISIBLE_S = 120,    /* that what we received is hidden from others */
    RENEW_MS = VISIBLE_S * 1000 / 2,
    AGAIN_MS = 5000,
    HASTY_MS = 1000,    /* a long poll that ends sooner, without a message, is none */
    EMPTY_MS = 250,     /* then we wait ourselves */
    CALL_MS = 15000,
    CLOCKS_MS = 60000,  /* that the service's clock and ours may differ, without anybody's knowing */
    FAILURES_MAX = 6,   /* without --follow; then it is given up */
    ERASE_TRIES = 5
};

static void start(struct sqs *q, struct ask *a, const char *what, json_t *body, int ms)
{
    char target[80];
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    snprintf(target, sizeof target, "AmazonSQS.%s", what);
    ask_start(a, &(struct kt_aws_request){.endpoint = &q->endpoint, .content_type = "application/x-amz-json-1.0",
                                          .body = text ? kt_span_of(text) : KT_LIT("{}"), .max_body = SQS_BODY_MAX,
                                          .total_ms = ms});
    snprintf(a->target, sizeof a->target, "%s", target);
    free(text);
    json_decref(body);
}

static json_t *answer(const struct ask *a)
{
    return json_loadb(a->result->body.p, a->result->body.n, JSON_ALLOW_NUL, NULL);
}

/* Told once, until it is well again or something else is wrong. */
static void failed(struct sqs *q, const struct ask *a, const struct kt_source_sink *sink)
{
    char says[480];
    enum kt_aws_end end = a->result->end;
    bool hopeless = end == KT_AWS_DENIED || end == KT_AWS_REFUSED || end == KT_AWS_CREDENTIALS || a->result->lasting;
    char needs[160];
    snprintf(needs, sizeof needs, "sqs:%s", q->address.queue);
    ask_says(a, needs, says, sizeof says);
    q->health.throttled += end == KT_AWS_THROTTLED;
    q->health.slowed = end == KT_AWS_THROTTLED;
    q->wake = kt_aws_mono(q->aws) + ask_backoff(q->aws, q->failures++);
    q->done |= !q->follow && (hopeless || q->failures >= FAILURES_MAX);
    if ((end == KT_AWS_THROTTLED && !q->done) || (q->ailing && strcmp(q->says, says) == 0))
        return;
    q->ailing = true;
    snprintf(q->says, sizeof q->says, "%s", says);
    sqs_complain(q, q->name, says, q->done, sink);
}

static void well(struct sqs *q)
{
    q->ailing = q->health.slowed = false;
    q->failures = 0;
    q->answered = kt_aws_now(q->aws);
}

static void not_theirs(struct sqs *q, const struct kt_source_sink *sink)
{
    static const char says[] = "the answer is not one of SQS: is there a proxy that wants a login?";
    q->wake = kt_aws_mono(q->aws) + ask_backoff(q->aws, q->failures++);
    q->done |= !q->follow && q->failures >= FAILURES_MAX;
    if (!q->ailing || strcmp(q->says, says) != 0)
        sqs_complain(q, q->name, says, q->done, sink);
    q->ailing = true;
    snprintf(q->says, sizeof q->says, "%s", says);
}

/* --- where the queue is --------------------------------------------------------------------- */

void sqs_find_url(struct sqs *q, const struct kt_source_sink *sink)
{
    bool find = !q->address.url[0];
    if (!q->url.busy) {
        if (kt_aws_mono(q->aws) < q->wake)
            return;
        json_t *body = find ? json_pack("{s:s}", "QueueName", q->address.queue)
                            : json_pack("{s:s,s:[s]}", "QueueUrl", q->address.url, "AttributeNames", "QueueArn");
        if (find && q->address.account[0])
            json_object_set_new(body, "QueueOwnerAWSAccountId", json_string(q->address.account));
        start(q, &q->url, find ? "GetQueueUrl" : "GetQueueAttributes", body, CALL_MS);
    }
    if (!ask_poll(&q->url))
        return;
    if (q->url.result->end != KT_AWS_OK) {
        failed(q, &q->url, sink);
    } else {
        json_t *v = answer(&q->url);
        const char *url = json_string_value(json_object_get(v, "QueueUrl"));
        bool fits = url && strlen(url) < sizeof q->address.url;
        if (find && fits)
            snprintf(q->address.url, sizeof q->address.url, "%s", url);
        if (find ? fits : json_is_object(v))
            well(q);
        else
            not_theirs(q, sink);
        q->done |= !find && json_is_object(v);
        json_decref(v);
    }
    ask_end(&q->url);
}

/* --- receiving ---------------------------------------------------------------------------------- */

static struct sqs_message *held(const struct sqs *q, const char *id)
{
    for (size_t i = q->n_held; i-- > 0;)
        if (strcmp(q->held[i]->id, id) == 0)
            return q->held[i];
    return NULL;
}

/* What a receive got whose answer never came was received, too, and comes again. */
static void note_unanswered(struct sqs *q)
{
    if (q->receive.result->unanswered)
        q->ours = kt_aws_now(q->aws) + CLOCKS_MS;
}

/* A message that was sent since we began, that we never had, and that was
 * received before: somebody else is reading. */
static void look_for_others(struct sqs *q, const json_t *m, const char *id, const struct kt_source_sink *sink)
{
    uint64_t h = kt_hash(id, strlen(id));
    size_t n = q->n_known < SQS_KNOWN_MAX ? q->n_known : SQS_KNOWN_MAX;
    for (size_t i = 0; i < n; i++)
        if (q->known[i] == h)
            return;
    q->known[q->n_known++ % SQS_KNOWN_MAX] = h;
    const json_t *attributes = json_object_get(m, "Attributes");
    const char *count = json_string_value(json_object_get(attributes, "ApproximateReceiveCount"));
    const char *sent = json_string_value(json_object_get(attributes, "SentTimestamp"));
    if (q->shared || !count || !sent || strtol(count, NULL, 10) < 2 || strtoll(sent, NULL, 10) <= q->ours)
        return;
    q->shared = true;
    sqs_complain(q, q->name, "somebody else reads this queue, and takes from it what is missing here: give keytop a queue of its own",
                 true, sink);
}

static void take_body(struct sqs *q, struct sqs_message *m, struct kt_span body, const struct kt_source_sink *sink)
{
    sqs_body_read(&m->body, body);
    m->spoilt = m->body.why && (m->body.records || m->body.n_objects);
    if (m->body.why && !m->spoilt) {
        sqs_let_go(q, m, m->body.why, sink);
        return;
    }
    m->stage = m->body.n_objects ? SQS_FETCHING : SQS_KEPT;
    q->health.files_total += m->body.n_objects;
    if (!m->body.records)
        return;
    uint64_t object = sink->object(sink->ctx, q->name, 0, 0);
    if (!object)
        return;
    (void)sink->bytes(sink->ctx, object, body.p, body.n);
    sink->end(sink->ctx, object);
    q->health.bytes_done += body.n;
    if (!m->body.n_objects)
        sqs_given(q, m, sink);
}

static void take_message(struct sqs *q, const json_t *v, const struct kt_source_sink *sink)
{
    const json_t *text = json_object_get(v, "Body");
    const char *id = json_string_value(json_object_get(v, "MessageId"));
    const char *receipt = json_string_value(json_object_get(v, "ReceiptHandle"));
    if (!id || !receipt || !json_is_string(text))
        return;
    struct sqs_message *m = held(q, id);
    char *copy = strdup(receipt);
    if (m && copy && m->stage != SQS_DELETING) { /* it came again before we were done: the newest handle counts */
        free(m->receipt);
        m->receipt = copy;
        m->renew = kt_aws_mono(q->aws) + RENEW_MS;
        return;
    }
    m = m || !copy || !kt_grow(&q->held, &q->cap_held, q->n_held + 1, sizeof(struct sqs_message *), SQS_HELD_MAX)
            ? NULL
            : calloc(1, sizeof *m);
    if (!m) {
        free(copy);
        return; /* it comes again */
    }
    snprintf(m->id, sizeof m->id, "%s", id);
    m->receipt = copy;
    m->renew = kt_aws_mono(q->aws) + RENEW_MS;
    q->held[q->n_held++] = m;
    look_for_others(q, v, id, sink);
    take_body(q, m, (struct kt_span){json_string_value(text), json_string_length(text)}, sink);
}

static void take_answer(struct sqs *q, const struct kt_source_sink *sink)
{
    size_t i;
    json_t *v = answer(&q->receive), *m, *list = json_object_get(v, "Messages");
    if (!json_is_object(v) || (list && !json_is_array(list) && !json_is_null(list))) {
        not_theirs(q, sink);
    } else {
        well(q);
        q->empty = json_array_size(list) == 0;
        int64_t now = kt_aws_mono(q->aws);
        if (q->empty && now - q->asked < HASTY_MS)
            q->wake = now + EMPTY_MS;
        json_array_foreach(list, i, m)
            take_message(q, m, sink);
    }
    json_decref(v);
}

void sqs_receive(struct sqs *q, const struct kt_source_sink *sink)
{
    for (;;) {
        if (!q->receive.busy) {
            bool enough = q->n_held + SQS_BATCH > SQS_HELD_MAX || (!q->follow && q->empty);
            if (q->done || enough || kt_aws_mono(q->aws) < q->wake)
                return;
            int wait = q->follow ? WAIT_S : ONCE_WAIT_S;
            q->asked = kt_aws_mono(q->aws);
            start(q, &q->receive, "ReceiveMessage",
                  json_pack("{s:s,s:i,s:i,s:i,s:[s,s]}", "QueueUrl", q->address.url, "MaxNumberOfMessages", SQS_BATCH,
                            "WaitTimeSeconds", wait, "VisibilityTimeout", VISIBLE_S, "MessageSystemAttributeNames",
                            "ApproximateReceiveCount", "SentTimestamp"),
                  wait * 1000 + CALL_MS);
        }
        if (!ask_poll(&q->receive))
            return;
        note_unanswered(q);
        if (q->receive.result->end == KT_AWS_OK)
            take_answer(q, sink);
        else
            failed(q, &q->receive, sink);
        ask_end(&q->receive);
    }
}

/* --- batches ---------------------------------------------------------------------------------------- */

static json_t *batch(const struct sqs *q, struct sqs_message *const *m, size_t n, int visible)
{
    char id[24];
    json_t *entries = json_array();
    for (size_t i = 0; i < n; i++) {
        snprintf(id, sizeof id, "m%zu", i);
        json_t *e = json_pack("{s:s,s:s}", "Id", id, "ReceiptHandle", m[i]->receipt);
        if (visible)
            json_object_set_new(e, "VisibilityTimeout", json_integer(visible));
        json_array_append_new(entries, e);
    }
    return json_pack("{s:s,s:o}", "QueueUrl", q->address.url, "Entries", entries);
}

/* HTTP 200 says nothing of the single entries: only those named count. */
static bool is_named(const json_t *answer, size_t i)
{
    char id[24];
    size_t k;
    const json_t *e;
    snprintf(id, sizeof id, "m%zu", i);
    json_array_foreach(json_object_get(answer, "Successful"), k, e) {
        const char *named = json_string_value(json_object_get(e, "Id"));
        if (named && strcmp(named, id) == 0)
            return true;
    }
    return false;
}

/* Not deleted: again, a few times; then it comes again, and is known. */
static void not_erased(struct sqs *q, struct sqs_message *m)
{
    m->stage = ++m->failures >= ERASE_TRIES ? SQS_OVER : SQS_KEPT;
    m->not_before = kt_aws_mono(q->aws) + ask_backoff(q->aws, m->failures);
}

static void erased(struct sqs *q, const struct kt_source_sink *sink)
{
    json_t *v = q->erase.result->end == KT_AWS_OK ? answer(&q->erase) : NULL;
    if (v)
        well(q);
    else
        failed(q, &q->erase, sink);
    for (size_t i = 0; i < q->n_erasing; i++) {
        if (!q->erasing[i])
            continue;
        if (is_named(v, i))
            q->erasing[i]->stage = SQS_OVER;
        else
            not_erased(q, q->erasing[i]);
    }
    q->n_erasing = 0;
    json_decref(v);
}

void sqs_erase(struct sqs *q, const struct kt_source_sink *sink)
{
    for (;;) {
        int64_t now = kt_aws_mono(q->aws);
        if (!q->erase.busy) {
            for (size_t i = 0; i < q->n_held && q->n_erasing < SQS_BATCH; i++)
                if (q->held[i]->stage == SQS_KEPT && now >= q->held[i]->not_before) {
                    q->held[i]->stage = SQS_DELETING;
                    q->erasing[q->n_erasing++] = q->held[i];
                }
            if (!q->n_erasing)
                return;
            start(q, &q->erase, "DeleteMessageBatch", batch(q, q->erasing, q->n_erasing, 0), CALL_MS);
        }
        if (!ask_poll(&q->erase))
            return;
        erased(q, sink);
        ask_end(&q->erase);
    }
}

void sqs_extend(struct sqs *q, const struct kt_source_sink *sink)
{
    int64_t now = kt_aws_mono(q->aws);
    if (!q->extend.busy) {
        for (size_t i = 0; i < q->n_held && q->n_extending < SQS_BATCH; i++)
            if (q->held[i]->stage < SQS_DELETING && now >= q->held[i]->renew) {
                q->held[i]->renew = now + RENEW_MS;
                q->extending[q->n_extending++] = q->held[i];
            }
        if (!q->n_extending)
            return;
        start(q, &q->extend, "ChangeMessageVisibilityBatch", batch(q, q->extending, q->n_extending, VISIBLE_S), CALL_MS);
    }
    if (!ask_poll(&q->extend))
        return;
    json_t *v = q->extend.result->end == KT_AWS_OK ? answer(&q->extend) : NULL;
    if (!v)
        failed(q, &q->extend, sink);
    for (size_t i = 0; i < q->n_extending; i++)
        if (q->extending[i] && !is_named(v, i))
            q->extending[i]->renew = now + AGAIN_MS;
    q->n_extending = 0;
    json_decref(v);
    ask_end(&q->extend);
}
