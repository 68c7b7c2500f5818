#include "tests/support/fake_sqs.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { MESSAGES_MAX = 1 << 20 };

void fake_sqs_init(struct fake_sqs *q)
{
    *q = (struct fake_sqs){.rng = 1};
}

void fake_sqs_free(struct fake_sqs *q)
{
    for (size_t i = 0; i < q->n; i++)
        free(q->message[i].body);
    free(q->message);
}

static unsigned chance(struct fake_sqs *q, unsigned n)
{
    q->rng = q->rng * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(q->rng >> 33) % n;
}

void fake_sqs_send(struct fake_sqs *q, const struct fake_aws *f, const char *body)
{
    if (!kt_grow(&q->message, &q->cap, q->n + 1, sizeof *q->message, MESSAGES_MAX))
        abort();
    struct fake_message *m = &q->message[q->n];
    *m = (struct fake_message){.body = strdup(body), .sent = kt_now(f->clock), .number = (unsigned)++q->n};
    if (!m->body)
        abort();
}

size_t fake_sqs_left(const struct fake_sqs *q)
{
    size_t n = 0;
    for (size_t i = 0; i < q->n; i++)
        n += !q->message[i].deleted;
    return n;
}

static json_t *give(struct fake_sqs *q, struct fake_message *m, int64_t now, int64_t visible_ms)
{
    char id[48], count[16], sent[24];
    m->visible = now + visible_ms;
    m->received++;
    q->given++;
    snprintf(m->receipt, sizeof m->receipt, "r%u-%u+/=", m->number, m->received);
    snprintf(id, sizeof id, "00000000-0000-4000-9000-%012u", m->number);
    snprintf(count, sizeof count, "%u", m->received);
    snprintf(sent, sizeof sent, "%lld", (long long)m->sent);
    return json_pack("{s:s,s:s,s:s,s:{s:s,s:s}}", "MessageId", id, "ReceiptHandle", m->receipt, "Body", m->body, "Attributes",
                     "ApproximateReceiveCount", count, "SentTimestamp", sent);
}

static json_t *receive(struct fake_sqs *q, const json_t *ask, int64_t now)
{
    json_t *list = json_array();
    size_t most = (size_t)json_integer_value(json_object_get(ask, "MaxNumberOfMessages"));
    int64_t visible = q->visible_ms ? q->visible_ms : json_integer_value(json_object_get(ask, "VisibilityTimeout")) * 1000;
    size_t start = q->n ? chance(q, (unsigned)q->n) : 0;
    q->receives++;
    for (size_t i = 0; i < q->n && json_array_size(list) < most; i++) {
        struct fake_message *m = &q->message[(start + i) % q->n];
        bool again = q->twice && m->received && chance(q, 100) < q->twice;
        if (!m->deleted && (m->visible <= now || again))
            json_array_append_new(list, give(q, m, now, visible));
    }
    json_t *v = json_object();
    if (!json_array_size(list) && q->nothing_there)
        q->nothing_there(q->nothing_ctx, json_integer_value(json_object_get(ask, "WaitTimeSeconds")) * 1000);
    if (json_array_size(list))
        json_object_set(v, "Messages", list);
    json_decref(list);
    return v;
}

static json_t *batch(struct fake_sqs *q, const json_t *ask, bool erase, int64_t now)
{
    size_t i;
    json_t *e, *good = json_array(), *bad = json_array();
    json_array_foreach(json_object_get(ask, "Entries"), i, e) {
        const char *id = json_string_value(json_object_get(e, "Id"));
        const char *receipt = json_string_value(json_object_get(e, "ReceiptHandle"));
        unsigned number = 0;
        if (!id || !receipt || sscanf(receipt, "r%u-", &number) != 1 || !number || number > q->n)
            abort();
        struct fake_message *m = &q->message[number - 1];
        if (q->fail_entries && i % 2) {
            json_array_append_new(bad, json_pack("{s:s,s:s,s:b}", "Id", id, "Code", "InternalError", "SenderFault", 0));
            continue;
        }
        bool stale = strcmp(m->receipt, receipt) != 0;
        q->stale += stale;
        if (erase && !stale) {
            q->deleted += !m->deleted;
            m->deleted = true;
        } else if (!erase && !stale) {
            int64_t ms = json_integer_value(json_object_get(e, "VisibilityTimeout")) * 1000;
            m->visible = now + (q->visible_ms ? q->visible_ms : ms);
            q->extended++;
        }
        json_array_append_new(good, json_pack("{s:s}", "Id", id));
    }
    return json_pack("{s:o,s:o}", "Successful", good, "Failed", bad);
}

void fake_sqs_answer(struct fake_sqs *q, struct fake_aws *f, const struct fake_request *r, struct fake_reply *out)
{
    static const char prefix[] = "AmazonSQS.";
    struct kt_span target = fake_header(r, "X-Amz-Target");
    if (fake_aws_scripted(f, out, false) || !fake_aws_signer(f, r, out, false))
        return;
    json_t *ask = json_loadb(r->body.p, r->body.n, 0, NULL), *v = NULL;
    if (!ask || !kt_span_starts(target, prefix) || !kt_span_is(fake_header(r, "Content-Type"), "application/x-amz-json-1.0"))
        abort();
    struct kt_span op = {target.p + sizeof prefix - 1, target.n - sizeof prefix + 1};
    const char *url = json_string_value(json_object_get(ask, "QueueUrl")), *name = json_string_value(json_object_get(ask, "QueueName"));
    if ((name && strcmp(name, "missing") == 0) || (!name && (!url || !strstr(url, "/111122223333/"))))
        fake_aws_error(f, out, false, 400, "QueueDoesNotExist", "The specified queue does not exist.");
    else if (kt_span_is(op, "GetQueueUrl"))
        v = json_pack("{s:s}", "QueueUrl", "https://sqs.us-east-1.amazonaws.com/111122223333/events");
    else if (kt_span_is(op, "GetQueueAttributes"))
        v = json_pack("{s:{s:s}}", "Attributes", "QueueArn", "arn:aws:sqs:us-east-1:111122223333:events");
    else if (kt_span_is(op, "ReceiveMessage"))
        v = receive(q, ask, kt_now(f->clock));
    else
        v = batch(q, ask, kt_span_is(op, "DeleteMessageBatch"), kt_now(f->clock));
    char *text = v ? json_dumps(v, JSON_COMPACT) : NULL;
    kt_buf_adds(&out->body, text ? text : "");
    free(text);
    json_decref(v);
    json_decref(ask);
}
