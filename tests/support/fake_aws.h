/* AWS on loopback: CloudTrail LookupEvents, STS, Identity Center, the
 * instance's and the container's metadata. It recomputes each signature by
 * itself, from the bytes that came. What it does wrong is scripted. */
#ifndef TESTS_SUPPORT_FAKE_AWS_H
#define TESTS_SUPPORT_FAKE_AWS_H
#include "base/clock.h"
#include "tests/support/by_time.h"
#include "tests/support/fake_http.h"

enum { FAKE_KEYS = 1024, FAKE_FAULTS = 64, FAKE_LOG = 64 };

struct fake_key {
    char id[64], secret[128], token[512], account[16];
    int64_t expires; /* KT_TIME_NONE: never */
};
struct fake_event {
    int64_t time, available; /* ms: eventTime, and when the service has it */
    int number;
    uint32_t tag;            /* of name and account, so that a page is found without comparing texts */
    char name[40], account[16];
    char user[40], key[24]; /* who called, and with which key; "": alice, none */
    const char *text;       /* its record, of who has one of his own; NULL: as of the above. Borrowed */
    char *escaped;          /* once it was asked for: its record as it stands in a JSON string */
    size_t n_escaped;
};
enum fake_fault {
    FAKE_FINE, FAKE_THROTTLE, FAKE_500, FAKE_503_LATER /* Retry-After: 1 */, FAKE_EXPIRED_TOKEN, FAKE_EXPIRED_PAGE,
    FAKE_DENIED, FAKE_HTML, FAKE_REDIRECT, FAKE_DROP, FAKE_DROP_BODY, FAKE_SILENT
};

struct fake_sqs;
struct fake_s3;
struct fake_aws {
    struct fake_http *http;
    const struct kt_clock *clock; /* the service's; NULL: the system's */
    const struct kt_clock *mono;  /* for its quota; NULL: kt_mono_ms */
    struct fake_key key[FAKE_KEYS];
    size_t n_keys;
    struct fake_event *event;
    size_t n_events, cap_events;
    struct by_time order;
    enum fake_fault fault[FAKE_FAULTS]; /* of the next requests of CloudTrail */
    size_t n_faults;
    int quota_ms;        /* least time between two calls of an account; 0: any */
    bool empty_pages;    /* before each page an empty one with a token */
    int page_life;       /* a token is good for so many more requests; 0: for ever */
    char external[64], mfa[16]; /* what AssumeRole insists on; "": nothing */
    char bearer[64];     /* what Identity Center accepts */
    char imds_token[64], container_token[64];
    int64_t keys_live;   /* ms that STS's keys live; 0: an hour */

    struct fake_sqs *sqs;  /* NULL: there is none */
    struct fake_s3 *s3;
    /* Another service that speaks on the same port; true: it has answered. */
    bool (*also)(void *ctx, struct fake_aws *f, const struct fake_request *r, struct fake_reply *out);
    void *also_ctx;

    /* what it saw */
    unsigned lookups, assumed, web, sso, refreshed, imds, imds_v1, container, throttled, bad_signatures, too_fast;
    int64_t last_lookup;
    struct { char account[16]; int64_t at; } last[FAKE_KEYS];
    size_t n_last;
    unsigned issued;
    char log[FAKE_LOG][64]; /* reasons of refusals, the newest last */
    size_t n_log;
    char secrets[8192];  /* all secrets and tokens given out, with newlines */
};

/* For the fakes of further services: the key that signed it, or NULL and the
 * refusal is written; a fault that was scripted for the next request. */
const struct fake_key *fake_aws_signer(struct fake_aws *f, const struct fake_request *r, struct fake_reply *out, bool xml);
bool fake_aws_scripted(struct fake_aws *f, struct fake_reply *out, bool xml);
void fake_aws_error(struct fake_aws *f, struct fake_reply *out, bool xml, int status, const char *code, const char *message);
/* A CreateAccessKey record of that number. */
void fake_aws_create_key(struct kt_buf *b, int number, int64_t time, const char *account);

void fake_aws_init(struct fake_aws *f);
void fake_aws_free(struct fake_aws *f);
/* "http://127.0.0.1:PORT", in the server's own memory */
const char *fake_aws_url(const struct fake_aws *f);
/* This process's environment, which a program under test inherits: the fake and a key that it
 * knows (AKIDE2E, canary-secret-key, of 111122223333), `home`, and nothing else of AWS. */
void fake_aws_environment(struct fake_aws *f, const char *home);
void fake_aws_key(struct fake_aws *f, const char *id, const char *secret, const char *token, const char *account);
/* An event, numbered from 1 on; the other one has a number of its own, which may have been before. */
void fake_aws_numbered(struct fake_aws *f, int number, int64_t time, int64_t available, const char *name, const char *account);
void fake_aws_event(struct fake_aws *f, int64_t time, int64_t available, const char *name, const char *account);
/* What a user did with a key: a call of S3. */
void fake_aws_call(struct fake_aws *f, int64_t time, const char *name, const char *account, const char *user, const char *key);
/* The key that signed a request; NULL: the refusal is written (as JSON). And a
 * refusal of another kind. */
struct fake_key *fake_aws_caller(struct fake_aws *f, const struct fake_request *r, struct fake_reply *out);
void fake_aws_refuse(struct fake_aws *f, struct fake_reply *out, int status, const char *code, const char *message);
/* The record of an event, as a trail has it. */
/* The same as it stands in a JSON string; made once. */
void fake_aws_put_escaped(struct kt_buf *b, struct fake_event *e);
void fake_aws_record(char *out, size_t size, const struct fake_event *e);
void fake_aws_fault(struct fake_aws *f, enum fake_fault fault);
/* No more faults; one of the counts of what it saw. All these take its lock. */
void fake_aws_calm(struct fake_aws *f);
unsigned fake_aws_seen(struct fake_aws *f, const unsigned *count);
#endif
