/* The real program over the fake AWS, killed again and again. */
#ifndef TESTS_SUPPORT_TORN_RUNS_H
#define TESTS_SUPPORT_TORN_RUNS_H
#include "base/buf.h"
#include "tests/support/fake_s3.h"
#include "tests/support/fake_sqs.h"
#include "tests/support/temp_dir.h"

#include <sys/types.h>

#define TORN_ID "\"event_id\":\"00000000-0000-4000-8000-"
enum { TORN_LIFE_MS = 5000 /* for what is waited for */ };
/* What a kill is aimed at: it comes so and so long after that. */
enum torn_aim { TORN_ANY_TIME, TORN_RECEIVED, TORN_DELETED };

struct torn {
    struct fake_aws aws;
    struct fake_sqs sqs;
    struct fake_s3 s3;
    struct temp_dir home;
    char url[64], state_file[300];
    struct kt_buf out, err;
    /* of a storm: kills by what the life had come to; rows that all lives printed */
    size_t with_none, before_deletion, amid_deletions, all_deleted, printed;
    int events;
};
/* Sets the environment of children: credentials, the endpoint, HOME. */
void torn_init(struct torn *t);
void torn_free(struct torn *t);
void torn_send(struct torn *t, int number);
/* Sends events while keytop follows the queue and is killed so many times;
 * fails unless each event has one row in the end, and the queue is empty. */
void torn_storm(struct torn *t, int kills, uint64_t seed);
/* The same for a source that is asked: it has events, late by minutes, before each life, in `kind`'s way;
 * fails unless the last life shows each of them once, those that came back among them. */
enum torn_kind { TORN_CLOUDTRAIL, TORN_LOGS, TORN_S3, TORN_SPLUNK, TORN_KINDS };
void torn_poll(enum torn_kind kind, int kills, uint64_t seed);
/* Starts moto_server; 0 where there is none. */
pid_t torn_moto(struct torn *t, char *url, size_t size);
#endif
