/* What goes wrong between a client and a service: one table, for every source.
 * Each fault is switched on at a place in a source's questions and off again;
 * the rig lets time pass meanwhile, and says what became of it. A program that
 * uses it includes warp.h. */
#ifndef TESTS_SUPPORT_FAULTS_H
#define TESTS_SUPPORT_FAULTS_H
#include "tests/support/fake_clickhouse.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_logs.h"
#include "tests/support/fake_s3.h"
#include "tests/support/fake_splunk.h"
#include "tests/support/fake_sqs.h"
#include "tests/support/fake_tls.h"
#include "tests/support/trail_rig.h"

#define FAULTS_HOST "service.test"

/* --- time and names, of this process and of children that it forked ----------------- */

enum faults_name { NAME_KNOWN, NAME_UNKNOWN, NAME_SLOW /* until it is another, at most 30 s of real time */ };
struct faults_shared {
    _Atomic int64_t warp; /* ms that all clocks are ahead */
    _Atomic int name;
    _Atomic unsigned asked; /* how often the name was */
};
/* NULL before the first rig. */
struct faults_shared *faults_shared(void);
void faults_share(void); /* from now on there is one */
bool faults_answer_name(void); /* false: there is no such name */

/* --- the table ------------------------------------------------------------------------ */

enum fault_number {
    FAULT_DNS, FAULT_DNS_SLOW, FAULT_REFUSED, FAULT_CONNECT_SLOW, FAULT_CERTIFICATE, FAULT_OTHER_HOST, FAULT_OLD_TLS, FAULT_ALERT,
    FAULT_RESET, FAULT_RESET_HEAD, FAULT_RESET_BODY, FAULT_CUT_BODY, FAULT_SLOW_HEAD, FAULT_SLOW_BODY, FAULT_STALL, FAULT_500,
    FAULT_503, FAULT_THROTTLED, FAULT_EXPIRED, FAULT_SKEWED, FAULT_REDIRECT, FAULT_HTML, FAULT_ENDLESS, FAULT_BOMB, FAULTS
};
struct fault {
    const char *name;
    bool connection; /* before any request: of names, doors and certificates */
    bool slow;       /* it is time that shows it */
    bool big;        /* many bytes come */
    enum fake_break breaks;
    const char *says[4]; /* one of them stands in what is said of it */
};
extern const struct fault faults[FAULTS];

enum fault_source { SOURCE_CLOUDTRAIL, SOURCE_LOGS, SOURCE_TAIL, SOURCE_S3, SOURCE_SQS, SOURCE_SPLUNK, SOURCE_CLICKHOUSE, SOURCE_ATHENA, SOURCE_INSIGHTS, FAULT_SOURCES };
enum fault_place { PLACE_FIRST, PLACE_MIDDLE, PLACE_LATER, FAULT_PLACES };
extern const char *const fault_sources[FAULT_SOURCES], *const fault_places[FAULT_PLACES];

/* --- one cell ----------------------------------------------------------------------------- */

struct fault_rig {
    struct trail_rig rig;
    struct fake_sqs sqs;
    struct fake_s3 s3;
    struct fake_logs logs;
    struct fake_splunk splunk;
    struct fake_clickhouse house;
    struct fake_engines engines;
    struct fake_http *server; /* that the source asks */
    struct fake_tls *good, *unknown, *other, *old;
    enum fault_source source;
    enum fault_place place;
    enum fault_number number;
    _Atomic int armed;        /* of questions that match: how many go well before it begins; -1: none */
    _Atomic bool on;          /* it has begun, and lasts */
    unsigned struck, stolen;  /* questions that it met; that followed a redirect */
    char *bomb;
    size_t bomb_n;
    const char *pem;
    int events;               /* put in so far */
    int64_t mono;             /* when it began, for the rig's clock */
    char said[8192];          /* of all that was said */
};

struct fault_result {
    bool ended; /* in good order */
    bool began, said_right, recovered, live;
    size_t expected, rows, doubles;
    unsigned stolen;
    int64_t said_after, well_after; /* ms of the rig's time: from its begin on, from its end on */
    int64_t fresh_after;            /* until events that were put in afterwards were read */
    long grown;                     /* KiB of memory at the most, over what it was */
    char said[400];                 /* what was said, where it was not right the last thing */
    char state[128];                /* at the end */
};
struct fault_result fault_cell(enum fault_source source, enum fault_place place, enum fault_number number);
#endif
