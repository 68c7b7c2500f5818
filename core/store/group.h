/* Rows of a view counted by what they have in common: who made them, from
 * where, with what, what rule they match, in which hour. Asked for in a view's
 * spec (view.h: `group`, `groups_max`), answered in its snapshots (`groups`),
 * anew with every snapshot: a pass over two columns of the rows, some
 * milliseconds for a million.
 *
 * A row belongs to one group, but to one for each of its rules or signals; rows
 * of which the fact is not known, or that have no rule or signal, malformed
 * ones among them, make one group whose name (or hour) is unknown. */
#ifndef KT_STORE_GROUP_H
#define KT_STORE_GROUP_H
#include "store/store.h"

/* X(id, "name", the row's column that a filter on a group asks for) */
#define KT_GROUPS(X)                                 \
    X(USER, "user", KT_FIELD_ACTOR_NAME)             \
    X(TARGET, "target", KT_FIELD_TARGET_NAME)        \
    X(ADDRESS, "address", KT_FIELD_SOURCE_ADDRESS)   \
    X(NETWORK, "network", KT_FIELD_SOURCE_NETWORK)   \
    X(COUNTRY, "country", KT_FIELD_SOURCE_COUNTRY)   \
    X(AGENT, "agent", KT_FIELD_AGENT_TOOL)           \
    X(ACCOUNT, "account", KT_FIELD_ACCOUNT)          \
    X(RULE, "rule", KT_FIELD_RULES)                  \
    X(SIGNAL, "signal", KT_FIELD_SIGNALS)            \
    X(HOUR, "hour", KT_FIELD_TIME)

enum kt_group_by {
    KT_GROUP_NONE,
#define X(id, name, field) KT_GROUP_##id,
    KT_GROUPS(X)
#undef X
    KT_GROUP_COUNT
};
const char *kt_group_name(enum kt_group_by by);            /* "user"; NONE: "none" */
enum kt_group_by kt_group_find(struct kt_span name);       /* NONE where there is none */
enum kt_field kt_group_field(enum kt_group_by by);         /* NONE: KT_FIELD_COUNT */

enum { KT_GROUPS_MAX = 2000 };

struct kt_group {
    /* Spans live as long as the snapshot. `name`: of the user, address or agent
     * as kt_entity_info has it; the network, country, account number, rule's id
     * or signal; unknown: the rows of which it is not known. Of hours unknown. */
    struct kt_span name;
    struct kt_span type, account; /* of a user, also the kind of an address, the class of an agent; unknown else */
    kt_entity entity;             /* user, target, address, agent: for a scope or a pane; 0 else */
    int64_t hour;                 /* HOUR: its begin, UTC; KT_TIME_NONE else */
    uint64_t rows;                /* of the view */
    uint64_t high;                /* of level high or critical */
    uint64_t created, denied, failed;
    unsigned risk;                /* the greatest */
    uint64_t risk_seq;            /* the newest arrival that has it */
    int64_t first, last;          /* eventTimes; KT_TIME_NONE */
    const uint32_t *bucket;       /* rows over time: the snapshot's buckets, its bounds; NULL: it has none */
};

struct kt_groups {
    enum kt_group_by by;
    const struct kt_group *group; /* most rows first, ties by name; hours: newest first, the unknown ones last */
    size_t n;                     /* at most groups_max */
    uint64_t distinct;            /* how many there are in all */
    uint64_t rows;                /* of the view */
};
#endif
