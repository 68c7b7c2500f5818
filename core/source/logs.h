/* What the files of the logs: source share. */
#ifndef KT_SOURCE_LOGS_H
#define KT_SOURCE_LOGS_H
#include "aws/call.h"
#include "aws/credentials.h"
#include "base/buf.h"
#include "base/hash.h"
#include "source/logs_address.h"
#include "source/poller.h"

enum {
    LOGS_PATTERNS = 16,
    LOGS_TOKEN_MAX = 16 << 10,
    LOGS_PAGE_MAX = 24 << 20 /* 1 MB of events, escaped, and more */
};

struct logs;
/* A live tail of one pattern: news within a second, on top of polling, which
 * alone says what is complete. */
struct logs_live {
    struct logs *logs;
    const char *pattern;     /* NULL: none */
    struct kt_aws_call *call;
    struct kt_keys *keys;    /* that the call was signed with */
    bool open, sampled;      /* a session has begun; it leaves out events */
    int64_t sampled_at;      /* kt_aws_mono() of the last update that did */
    int64_t wake;            /* kt_aws_mono(): nothing to do before */
    int64_t opened;          /* kt_aws_mono() of its beginning */
    int failures;            /* in a row: no session, or one that ended soon */
    char says[300];          /* why there is none; "" */
};

struct logs {
    struct kt_source source;
    struct kt_poller p;
    struct kt_aws *aws;
    struct kt_net *net;
    struct logs_address a;
    struct kt_creds *base, *creds;
    struct kt_keys *keys;
    struct kt_endpoint endpoint, stream, sts;
    struct kt_pace *pace;
    char region[64], account[16];
    char profile[128];
    char *pattern[LOGS_PATTERNS]; /* NULL: one question without a pattern */
    size_t n_patterns;            /* at least 1 */
    size_t unasked;
    int64_t interval;
    bool told;
    struct kt_aws_call *call;
    struct kt_buf token[KT_SCANS];
    uint8_t memo[KT_SCANS][LOGS_PATTERNS][KT_SHA256]; /* of answers of a single page */

    struct kt_aws_call *whose; /* asks whose account it is */
    char arn[LOGS_GROUP_MAX + 160]; /* of the group; "" until it is known */
    struct logs_live live[LOGS_PATTERNS];
};

/* The filter patterns for `o`'s events, or the user's own. False: no memory. */
bool logs_patterns(struct logs *l, const struct kt_source_opts *o);
/* A text as JSON has it, with its quotes. */
void logs_json_string(struct kt_buf *b, const char *text);

/* Goes on with a live tail as far as it can. True: there may be more at once. */
bool logs_live_step(struct logs_live *v, const struct kt_source_sink *sink);
void logs_live_drop(struct logs_live *v);
/* All of them are open, and none leaves out events. */
bool logs_live_whole(const struct logs *l);
/* What to say of them in the status line; "" for nothing. */
const char *logs_live_note(const struct logs *l);
#endif
