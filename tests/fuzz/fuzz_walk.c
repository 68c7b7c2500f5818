/* Any bytes as a record: what the walk takes has the values that jansson
 * gives, and what it calls no use is none. */
#include "ingest/walk.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool held)
{
    if (!held)
        abort();
}

static void same(const json_t *o, const char *key, struct kt_span got)
{
    const json_t *v = json_object_get(o, key);
    need(json_is_string(v) == kt_span_known(got));
    if (kt_span_known(got))
        need(json_string_length(v) == got.n && memcmp(json_string_value(v), got.p, got.n) == 0);
}

static void all_same(const json_t *root, const struct kt_use *u)
{
    const json_t *id = json_object_get(root, "userIdentity");
    same(root, "eventName", u->event_name);
    same(root, "eventSource", u->event_source);
    same(root, "eventTime", u->event_time);
    same(root, "eventID", u->event_id);
    same(root, "errorCode", u->error_code);
    same(root, "sourceIPAddress", u->address);
    same(root, "userAgent", u->agent);
    same(root, "awsRegion", u->region);
    same(root, "recipientAccountId", u->recipient);
    same(root, "recipientAccountID", u->recipient_old);
    same(id, "type", u->type);
    same(id, "accessKeyId", u->key_id);
    same(id, "userName", u->user_name);
    same(id, "arn", u->arn);
    same(id, "accountId", u->account);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kt_walk w;
    struct kt_use u;
    char *text = malloc(size ? size : 1); /* of just this size, so that reading past it is seen */
    need(text != NULL);
    if (size)
        memcpy(text, data, size);
    enum kt_walked how = kt_walk(&w, (struct kt_span){text, size}, &u);
    if (how != KT_WALK_UNSURE) {
        json_t *root = json_loadb(text, size, 0, NULL);
        need(json_is_object(root) && json_is_string(json_object_get(root, "eventName")));
        need(!json_object_get(root, "CloudTrailEvent") && !json_object_get(root, "_raw"));
        const char *key = json_string_value(json_object_get(json_object_get(root, "userIdentity"), "accessKeyId"));
        need((how == KT_WALK_USE) == (key && strncmp(key, "AKIA", 4) == 0));
        all_same(root, &u);
        json_decref(root);
    }
    free(text);
    return 0;
}
