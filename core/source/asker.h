/* One who asks an AWS service questions one after the other: Region, endpoint,
 * keys, pace, and the call under way. What athena: and insights: share. */
#ifndef KT_SOURCE_ASKER_H
#define KT_SOURCE_ASKER_H
#include "source/ask.h"

#include <jansson.h>

struct asker {
    struct kt_aws *aws;
    struct kt_net *net;
    struct kt_creds *base, *creds;
    struct kt_pace *pace;
    struct kt_endpoint endpoint;
    char region[64], profile[128];
    int64_t gap_ms;
    struct ask ask;
    bool open;
};
struct asker_who {
    const char *scheme; /* "athena", of messages and of the pace */
    enum kt_service service;
    const char *profile, *region, *role, *external; /* NULL: not given */
    int64_t gap_ms;     /* between calls */
    size_t body_max;    /* of a question */
};
/* To be closed after either. KT_EUSAGE, KT_ENOTFOUND: what is wrong. */
enum kt_code asker_open(struct asker *s, struct kt_aws *aws, const struct asker_who *who, struct kt_err *e);
void asker_close(struct asker *s);
/* Begins; takes `body` (NULL: an empty object). */
void asker_say(struct asker *s, const char *target, json_t *body);
/* Waits for the answer, at most a second: what is said in parting. */
void asker_last_word(struct asker *s);
#endif
