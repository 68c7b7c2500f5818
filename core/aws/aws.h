/* What all calls to AWS share: the environment as it was at the start, the
 * shared files, clocks and chance, the skew of our clock, the pace at which
 * each account and Region may be asked, and where each service is. One thread
 * at a time. */
#ifndef KT_AWS_AWS_H
#define KT_AWS_AWS_H
#include "aws/profile.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/span.h"
#include "net/retry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kt_asked {
    KT_ASKED_OK,
    KT_ASKED_NOBODY,  /* there is nobody to ask, or no answer */
    KT_ASKED_WAITING, /* a person is being asked: ask again in a moment */
    KT_ASKED_NO       /* he was, and gave none */
};

struct kt_aws_opts {
    const struct kt_clock *clock; /* NULL: the system's */
    const struct kt_clock *mono;  /* for paces and retries; NULL: kt_boot_ms, so that after a sleep all is due */
    uint64_t (*random)(void *ctx); /* NULL: the system's */
    void *random_ctx;
    /* Asks a person for the code of an MFA device, when one is needed: for each
     * new session of a role. May block. NULL: nobody. */
    enum kt_asked (*mfa)(void *ctx, const char *serial, char *code, size_t size);
    void *mfa_ctx;
    const char *profile, *region; /* --profile, --region; NULL: not given */
    /* NULL: the process's environment. Its secrets are taken: their values are
     * overwritten and they are removed, so that /proc does not show them and
     * children do not inherit them by accident. */
    char **env;
};

struct kt_aws;
/* KT_EFORMAT, KT_EIO: a shared file cannot be read, with its place. */
enum kt_code kt_aws_new(struct kt_aws **out, const struct kt_aws_opts *o, struct kt_err *e);
void kt_aws_free(struct kt_aws *a);

/* An AWS_, SPLUNK_ or CLICKHOUSE_ variable, or HOME; NULL where it is not set, or empty. */
const char *kt_aws_env(const struct kt_aws *a, const char *name);
/* The secrets among AWS's, as "NAME=value", for a child that is to have them. */
size_t kt_aws_env_secrets(const struct kt_aws *a, const char **out, size_t max);
const struct kt_profiles *kt_aws_profiles(const struct kt_aws *a);
/* Reads the shared files again: somebody may have put in new keys. What was
 * read before stays where that fails. */
enum kt_code kt_aws_reload(struct kt_aws *a, struct kt_err *e);
/* A file under ~/.aws; false where there is no HOME or it is too long. */
bool kt_aws_home(const struct kt_aws *a, const char *name, char *out, size_t size);
const struct kt_aws_opts *kt_aws_options(const struct kt_aws *a);

/* The profile to use: the one given, --profile, AWS_PROFILE,
 * AWS_DEFAULT_PROFILE, "default". `*named`: somebody named it. */
const char *kt_aws_profile(const struct kt_aws *a, const char *given, bool *named);
/* The Region: the one given, --region, AWS_REGION, AWS_DEFAULT_REGION, the
 * profile's; NULL: none is known. */
const char *kt_aws_region(const struct kt_aws *a, const char *given, const char *profile, char *room, size_t size);

int64_t kt_aws_now(const struct kt_aws *a); /* by the services' clock */
int64_t kt_aws_mono(const struct kt_aws *a);
uint64_t kt_aws_random(const struct kt_aws *a);
/* A service said what time it is: from now on kt_aws_now follows it, where the
 * difference is one that signatures feel. Returns whether that changed. */
bool kt_aws_learn_time(struct kt_aws *a, int64_t date);
int64_t kt_aws_skew(const struct kt_aws *a); /* ms that our clock is behind */
struct kt_retry_bucket *kt_aws_bucket(struct kt_aws *a);

/* --- pace ------------------------------------------------------------------- */

/* How often one account in one Region may be asked; shared by all who ask. */
struct kt_pace {
    char key[64];
    int64_t next;     /* when the next call may go, kt_aws_mono() */
    int64_t penalty;  /* ms between calls after throttling; 0: none */
    uint64_t throttled;
};
/* One per key, for life. NULL where memory ran out. */
struct kt_pace *kt_aws_pace(struct kt_aws *a, const char *service, const char *account, const char *region);
/* True: go now, and the next one in `gap_ms`, or when the penalty is over. */
bool kt_pace_take(struct kt_pace *p, int64_t now, int64_t gap_ms);
void kt_pace_throttled(struct kt_pace *p, int64_t now, uint64_t random);
void kt_pace_fine(struct kt_pace *p);

/* --- where services are -------------------------------------------------------- */

struct kt_partition {
    const char *name;                    /* "aws", "aws-cn", ... */
    const char *prefixes[16];            /* of its Regions */
    const char *suffix, *dual_suffix;    /* dual NULL: none */
    const char *iam_region;              /* where IAM's events are */
};
/* NULL: of no partition known here, or no Region's name at all. */
const struct kt_partition *kt_partition_of(const char *region);

enum kt_service { KT_SVC_CLOUDTRAIL, KT_SVC_STS, KT_SVC_SSO, KT_SVC_OIDC, KT_SVC_LOGS,
                  KT_SVC_LOGS_STREAM /* of StartLiveTail */, KT_SVC_SQS, KT_SVC_S3, KT_SVC_ATHENA,
                  KT_SVC_COUNT };

struct kt_endpoint {
    char url[512];    /* without a slash at its end */
    char host[256];   /* as the Host header says it */
    char region[64];  /* to sign for */
    const char *service;
};
/* AWS_ENDPOINT_URL_SERVICE, AWS_ENDPOINT_URL, the profile's [services] and
 * endpoint_url, or the partition's own, FIPS and dual-stack as the environment
 * or profile want it. KT_EUSAGE says what is wrong with which. */
enum kt_code kt_aws_endpoint(const struct kt_aws *a, enum kt_service s, const char *region, const char *profile,
                             struct kt_endpoint *out, struct kt_err *e);
#endif
