/* Correlations at work: what single matches come to over time.
 *
 * A correlator is fed with events and the rules they matched, in any order of
 * arrival, and tells of matches at once. An event that arrives later than
 * others that happened after it may change what was told: the match is then
 * revised (it has other events) or retracted (an earlier one stands in its
 * place). What stands after all events have come does not depend on their
 * order, as long as none is later than the timespan behind the newest of its
 * group (in a chain of correlations, the shortest timespan of it); what is
 * later is left out and counted.
 *
 * The condition is put to the timespan that ends at each event, both ends
 * included. A match begins at the first event at which it holds, and goes on
 * until it no longer holds or nothing comes for a timespan: it is told once,
 * with the events of that timespan; each event at which it goes on joins it.
 * Events without one of the group's or the value's fields belong to no group;
 * nothing is guessed of them. Groups and values are equal when their bytes
 * are. An event counts once, however many of the rules it matched, and when
 * it comes again under its id.
 *
 *   event_count       events
 *   value_count       different values of the field, or of several together
 *   temporal          different rules: all of them where it has no condition,
 *                     or words ("a and b or not c")
 *   temporal_ordered  rules in their order; events of one time (CloudTrail's
 *                     is in seconds) may stand in any order
 *   value_sum, value_avg, value_median
 *   value_percentile  with `percentile: 95` the least value that 95 percent
 *                     do not exceed; without, the share in percent of the
 *                     event's own value among all
 *
 * The range gt, gte, lt, lte, eq, neq may have several. Correlations of
 * correlations take a match for one event, of the time at which it begins, that
 * brings all events of the match along: those at which it goes on as well, for
 * a timespan of the outer correlation. */
#ifndef KT_DETECT_CORRELATE_H
#define KT_DETECT_CORRELATE_H
#include "detect/detect.h"

#include <stdint.h>

enum {
    KT_CORRELATOR_GROUPS_MAX = 65536, /* the one that was fed longest ago goes first */
    KT_CORRELATOR_EVENTS_MAX = 10000, /* of a group: the oldest goes first */
    KT_CORRELATOR_TOTAL_MAX = 262144,
    KT_CORRELATED_EVENTS_MAX = 1000,  /* that a match names */
    KT_CORRELATED_TEXT_MAX = 1024     /* bytes of a group's or value's text that are compared; more is cut */
};

struct kt_correlator_limits { /* 0: the most */
    size_t groups, events, total;
};

struct kt_occurrence {
    const int *rule; /* as kt_rules_match gives them */
    size_t n_rules;
    struct kt_node *root;
    int64_t time; /* eventTime */
    struct kt_span event_id;
};

enum kt_correlated_change {
    KT_CORRELATED_NEW, KT_CORRELATED_REVISED, KT_CORRELATED_RETRACTED,
    /* Events at which it goes on, or no longer, beside those it was told with:
     * `event` are their ids alone. In a chain an event may join several times,
     * and has left when it has left as often. */
    KT_CORRELATED_JOINED, KT_CORRELATED_LEFT
};
struct kt_correlated { /* borrowed for the call */
    uint64_t id; /* of the match, from 1: the same when it is revised or retracted, joined or left */
    enum kt_correlated_change change;
    int correlation;     /* index: kt_rules_correlation_info */
    int64_t first, last; /* times of its events */
    const struct kt_span *event; /* their ids, oldest first; unknown ones as they are */
    size_t n_events;             /* named here */
    size_t n_all;                /* that there were */
    const struct kt_span *group; /* values of group-by */
    size_t n_group;
    double value; /* what the condition was put to */
};
typedef void kt_correlated_fn(void *ctx, const struct kt_correlated *m);

struct kt_correlator_stats {
    size_t groups, events;    /* held now */
    uint64_t late;            /* came too late to count */
    uint64_t untimed;         /* without a time */
    uint64_t fieldless;       /* without a field of the group or value */
    uint64_t again;           /* the same event once more */
    uint64_t dropped_events;  /* for room, while they could still have counted */
    uint64_t dropped_groups;
};

struct kt_correlator;
/* `r` is borrowed and must not change meanwhile. One thread at a time. */
enum kt_code kt_correlator_new(struct kt_correlator **out, const struct kt_rules *r,
                               const struct kt_correlator_limits *limits, struct kt_err *e);
void kt_correlator_free(struct kt_correlator *c);
/* Tells `f` what the event changes; matches of silent correlations (those
 * that others are made of) are not told. KT_ENOMEM: the event is left out. */
enum kt_code kt_correlator_feed(struct kt_correlator *c, const struct kt_occurrence *o, kt_correlated_fn *f, void *ctx,
                                struct kt_err *e);
/* Does a match of this rule count in any correlation? */
bool kt_correlator_takes(const struct kt_correlator *c, int rule);
void kt_correlator_stats(const struct kt_correlator *c, struct kt_correlator_stats *out);
#endif
