/* What a message of a queue holds: events (EventBridge, raw or through SNS),
 * or notices of objects that hold them (S3's own, CloudTrail's, EventBridge's;
 * direct or through SNS). Told by shape. */
#include "source/sqs.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEEP = 4 };

static void look(struct sqs_body *b, const json_t *v, int depth);

static const char *text(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static void refuse(struct sqs_body *b, const char *why)
{
    b->why = b->why ? b->why : why;
}

static void add_object(struct sqs_body *b, const char *bucket, const char *region, const char *key, bool encoded)
{
    struct kt_buf k;
    kt_buf_init(&k, BUCKET_KEY_MAX + 1);
    bool ok = bucket_is_name(bucket) && key[0] &&
              (encoded ? bucket_decode(kt_span_of(key), true, &k) : kt_buf_adds(&k, key)) && k.len;
    if (!ok) {
        refuse(b, "it names an object that cannot be one");
    } else if (!bucket_is_log(kt_buf_span(&k))) {
        b->ignored++;
    } else if (!kt_grow(&b->object, &b->cap_objects, b->n_objects + 1, sizeof *b->object, SQS_OBJECTS_MAX)) {
        refuse(b, "it names too many objects");
    } else {
        struct sqs_object *o = &b->object[b->n_objects++];
        *o = (struct sqs_object){.key = k.p};
        snprintf(o->bucket, sizeof o->bucket, "%s", bucket);
        snprintf(o->region, sizeof o->region, "%s", region ? region : "");
        k.p = NULL; /* given away */
    }
    kt_buf_free(&k);
}

/* One of S3's "Records". */
static void notice(struct sqs_body *b, const json_t *record)
{
    const json_t *s3 = json_object_get(record, "s3");
    const char *bucket = text(json_object_get(s3, "bucket"), "name"), *key = text(json_object_get(s3, "object"), "key");
    const char *what = text(record, "eventName");
    if (!bucket || !key)
        refuse(b, "it is a notice of S3 without a bucket or a key");
    else if (what && strncmp(what, "ObjectCreated", 13) != 0 && strncmp(what, "s3:ObjectCreated", 16) != 0)
        b->ignored++;
    else
        add_object(b, bucket, text(record, "awsRegion"), key, true);
}

static void records(struct sqs_body *b, const json_t *list)
{
    size_t i;
    const json_t *r;
    json_array_foreach(list, i, r) {
        if (json_is_object(json_object_get(r, "s3")))
            notice(b, r);
        else if (text(r, "eventName"))
            b->records = true;
        else
            refuse(b, "its Records are neither events nor notices of S3");
    }
    b->ignored += json_array_size(list) == 0;
}

/* CloudTrail's own notice. */
static void trail_notice(struct sqs_body *b, const json_t *v)
{
    const char *bucket = text(v, "s3Bucket");
    size_t i;
    const json_t *k;
    json_array_foreach(json_object_get(v, "s3ObjectKey"), i, k)
        if (bucket && json_is_string(k))
            add_object(b, bucket, NULL, json_string_value(k), false);
}

static void event_bridge(struct sqs_body *b, const json_t *v, const json_t *detail)
{
    const char *bucket = text(json_object_get(detail, "bucket"), "name");
    const char *key = text(json_object_get(detail, "object"), "key"), *type = text(v, "detail-type");
    if (text(detail, "eventName"))
        b->records = true;
    else if (bucket && key && type && strcmp(type, "Object Created") == 0)
        add_object(b, bucket, text(v, "region"), key, false);
    else if (bucket && key)
        b->ignored++;
    else
        refuse(b, "it is an event of EventBridge that is none of CloudTrail");
}

/* "\ud83d" alone is no text, and jansson takes none; what a message is can be
 * told without. */
static json_t *parse(struct kt_span s)
{
    static const size_t flags = JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;
    json_t *v = json_loadb(s.p, s.n, flags, NULL);
    char *copy = v ? NULL : malloc(s.n + 1);
    if (!copy)
        return v;
    memcpy(copy, s.p, s.n);
    for (size_t i = 0; i + 5 < s.n; i++) {
        if (copy[i] == '\\' && copy[i + 1] == 'u' && (copy[i + 2] == 'd' || copy[i + 2] == 'D'))
            memcpy(copy + i + 2, "fffd", 4);
        i += copy[i] == '\\';
    }
    v = json_loadb(copy, s.n, flags, NULL);
    free(copy);
    return v;
}

static void envelope(struct sqs_body *b, const char *message, int depth)
{
    json_t *inner = depth < DEEP ? parse(kt_span_of(message)) : NULL;
    if (inner)
        look(b, inner, depth + 1);
    else if (strncmp(message, "CloudTrail validation message", 29) == 0)
        b->ignored++;
    else
        refuse(b, "it is a notice of SNS that holds no JSON");
    json_decref(inner);
}

static void look_at_object(struct sqs_body *b, const json_t *v, int depth)
{
    const char *type = text(v, "Type"), *message = text(v, "Message"), *event = text(v, "Event");
    const json_t *detail = json_object_get(v, "detail");
    if (json_is_array(json_object_get(v, "Records")))
        records(b, json_object_get(v, "Records"));
    else if (text(v, "s3Bucket") && json_is_array(json_object_get(v, "s3ObjectKey")))
        trail_notice(b, v);
    else if (text(v, "eventName"))
        b->records = true;
    else if (json_is_object(detail))
        event_bridge(b, v, detail);
    else if (event && strcmp(event, "s3:TestEvent") == 0)
        b->ignored++;
    else if (type && strcmp(type, "SubscriptionConfirmation") == 0)
        refuse(b, "it is a subscription that waits to be confirmed");
    else if (message)
        envelope(b, message, depth);
    else
        refuse(b, "it is neither an event of CloudTrail nor a notice of S3");
}

static void look(struct sqs_body *b, const json_t *v, int depth)
{
    size_t i;
    const json_t *each;
    if (json_is_object(v)) {
        look_at_object(b, v, depth);
    } else if (json_is_array(v) && depth < DEEP) {
        json_array_foreach(v, i, each)
            look(b, each, depth + 1);
        b->ignored += json_array_size(v) == 0;
    } else {
        refuse(b, "it is neither an event of CloudTrail nor a notice of S3");
    }
}

void sqs_body_read(struct sqs_body *b, struct kt_span s)
{
    *b = (struct sqs_body){0};
    json_t *v = parse(s);
    if (v)
        look(b, v, 0);
    else
        refuse(b, "it is not JSON");
    json_decref(v);
}

void sqs_body_free(struct sqs_body *b)
{
    for (size_t i = 0; i < b->n_objects; i++)
        free(b->object[i].key);
    free(b->object);
    *b = (struct sqs_body){0};
}
