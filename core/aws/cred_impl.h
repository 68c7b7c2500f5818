/* What the kinds of credentials share. */
#ifndef KT_AWS_CRED_IMPL_H
#define KT_AWS_CRED_IMPL_H
#include "aws/call.h"
#include "aws/credentials.h"
#include "base/buf.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/types.h>

enum { CRED_NAME = 256, CRED_SAYS = 320, CRED_FILE_MAX = 256 << 10, CRED_REPLY_MAX = 256 << 10 };

enum cred_got { CRED_PENDING, CRED_GOT, CRED_FAILED };

struct cred_kind {
    /* Begins, or goes on with, a fetch; CRED_GOT puts the keys into c->fresh,
     * CRED_FAILED a sentence into c->says. */
    enum cred_got (*fetch)(struct kt_creds *c, int64_t *wake);
    void (*drop)(struct kt_creds *c); /* what a fetch holds; may be NULL */
};

struct kt_creds {
    const struct cred_kind *kind;
    struct kt_aws *aws;
    struct kt_net *net;
    unsigned shares;
    struct kt_creds *source; /* of a role */

    struct kt_keys *keys, *fresh;
    int64_t born;      /* kt_aws_now() when they came */
    bool working, refused;
    bool waited;       /* the same keys came again: after a while they are tried once more */
    int64_t retry_at;  /* kt_aws_mono() before which nothing is tried again */
    char says[CRED_SAYS];

    struct kt_aws_call *call;
    struct kt_endpoint endpoint;
    int stage;
    char profile[CRED_NAME], region[64];
    enum kt_profile_file file;
    struct { /* role, web identity */
        char arn[2048], session[65], external[1225], serial[257], code[16], token_file[4096];
        int duration;
    } role;
    struct {
        char session[CRED_NAME], start[1024], region[64], account[16], role[CRED_NAME], cache[4096];
    } sso;
    struct {
        char path[4096]; /* login cache, or the path at the container's endpoint */
        char token[4096], name[CRED_NAME];
    } at;
    struct {
        char line[4096];
        pid_t pid;
        int out, err;
        int64_t until;
        struct kt_buf text, complaint;
    } child;
};

extern const struct cred_kind cred_env, cred_file, cred_role, cred_web, cred_sso, cred_login, cred_process,
    cred_container, cred_instance;

struct kt_creds *cred_new(const struct cred_kind *kind, struct kt_aws *a, struct kt_net *net, const char *profile,
                          const char *region);
enum cred_got cred_fail(struct kt_creds *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A span as a C string; false where it does not fit, holds a NUL, or is unknown. */
bool cred_text(char *to, size_t size, struct kt_span s);
/* A whole small file in secret memory, to be given to kt_secret_free; NULL and errno. */
char *cred_slurp(const char *path, size_t *n);
/* JSON whose strings are wiped when it is freed. */
json_t *cred_json(struct kt_span text);
void cred_json_free(json_t *o);
struct kt_span cred_member(const json_t *o, const char *name);
/* Makes c->fresh of an object's members of these names; false where some are missing. */
bool cred_take_json(struct kt_creds *c, const json_t *o, const char *id, const char *secret, const char *token,
                    const char *expires);
/* Sends, and goes on with, the one call of the kind. NULL: pending. */
const struct kt_aws_result *cred_ask(struct kt_creds *c, const struct kt_aws_request *r, int64_t *wake);
void cred_hang_up(struct kt_creds *c);
#endif
