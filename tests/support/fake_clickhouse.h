/* ClickHouse's HTTP interface on loopback, as far as keytop asks it: the columns
 * of a table, and its records of a window. What it does wrong is scripted. */
#ifndef TESTS_SUPPORT_FAKE_CLICKHOUSE_H
#define TESTS_SUPPORT_FAKE_CLICKHOUSE_H
#include "base/clock.h"
#include "tests/support/fake_http.h"
#include "tests/support/trail_rig.h"

enum { HOUSE_FAULTS = 32 };
enum house_fault {
    HOUSE_FINE, HOUSE_EXCEPTION /* after half of the rows */, HOUSE_EXCEPTION_JSON, HOUSE_CUT, HOUSE_DROP, HOUSE_500,
    HOUSE_SHARD /* is away: 279, unless those may be left out */, HOUSE_HTML, HOUSE_503
};
struct fake_clickhouse {
    struct fake_http *http;
    const struct kt_clock *clock; /* NULL: the system's */
    const char *columns;          /* name TAB type, a line each */
    char user[64], password[64];  /* "": anybody */
    struct fake_event *event;
    size_t n_events, cap_events;
    enum house_fault fault[HOUSE_FAULTS];
    size_t n_faults;
    bool shard_away;              /* its rows are those of even numbers */
    bool sets_nothing;            /* its users may set nothing: 164 */
    unsigned queries, described, packed;  /* what it saw; packed: answers that it gzipped */
    char query[16384];            /* the last one, of records */
    char question[16384];         /* the last one that is of any events */
};
void fake_clickhouse_init(struct fake_clickhouse *f);
void fake_clickhouse_free(struct fake_clickhouse *f);
void fake_clickhouse_event(struct fake_clickhouse *f, int number, int64_t time, int64_t available);
void fake_clickhouse_fault(struct fake_clickhouse *f, enum house_fault fault);
#endif
