/* What a screen shows: a list of rows chosen, sorted and counted off the
 * screen's thread. A view is told what is wanted; a worker makes a snapshot,
 * makes it anew as rows arrive, and says so through `changed`. Taking the
 * newest snapshot never waits for that work.
 *
 * Numbers and times are sorted as such, level by severity, all else as text,
 * ASCII case ignored. A row of a snapshot may have been dropped since:
 * kt_store_row then says so. */
#ifndef KT_STORE_VIEW_H
#define KT_STORE_VIEW_H
#include "filter/filter.h"
#include "store/group.h"
#include "store/store.h"

struct kt_views; /* the worker and its views; the engine owns it */

enum { KT_VALUES_MAX = 2000, KT_VIEW_BUCKETS_MAX = 512, KT_VIEW_FACETS_MAX = 2000 };

struct kt_view_spec {
    kt_entity scope;          /* only rows that touch it; 0: all rows */
    struct kt_filter *filter; /* borrowed during the call; NULL: all */
    bool suppressed;          /* rows that a Sigma filter kept out as well */
    enum kt_field sort;       /* default KT_FIELD_TIME */
    bool ascending;           /* default: newest, largest, first; ties by arrival, newest first;
                               * what is not known comes last either way */
    uint32_t facets;          /* bit per kt_entity_kind: count what the rows touch */
    int buckets;              /* of the histogram; 0: none */
    int64_t from, to;         /* of the histogram, from <= time < to; KT_TIME_NONE: to is just after the store's
                               * newest row, from is to - span */
    int64_t span;             /* ms; 0: 24 h */
    enum kt_group_by group;   /* count the rows by it as well (group.h) */
    size_t groups_max;        /* of them that are told; 0: KT_GROUPS_MAX */
    enum kt_field values_of;  /* count the rows by what this field says (values.h) */
    size_t values_max;        /* of its values that are told; 0: they are not counted */
};

struct kt_facet_item {
    kt_entity entity;
    struct kt_entity_info info; /* as of the snapshot; spans live as long as it */
    uint64_t rows;              /* of the view's rows */
    uint64_t as_actor, as_target;
    int64_t first, last;        /* among them */
};

struct kt_field_value {
    struct kt_span text; /* lives as long as the snapshot */
    uint64_t rows;       /* of the view's rows */
};
struct kt_field_values {
    enum kt_field of;
    const struct kt_field_value *value; /* most rows first */
    size_t n;
    uint64_t distinct; /* how many there are in all */
};

struct kt_snapshot {
    uint64_t generation; /* of the spec that it answers */
    const uint64_t *seq; /* n rows, in order */
    size_t n;
    uint64_t total;      /* rows in the store (or scope) before the filter */
    uint64_t last_seq;   /* newest arrival that it takes into account */
    uint64_t high;       /* rows of level high or critical among n */
    const uint32_t *bucket;
    int buckets;
    int64_t bucket_from, bucket_to;
    const struct kt_facet_item *facet[KT_ENTITY_KINDS]; /* most rows first */
    size_t n_facet[KT_ENTITY_KINDS];                    /* at most KT_VIEW_FACETS_MAX */
    uint64_t distinct[KT_ENTITY_KINDS];                 /* how many there are in all */
    struct kt_groups groups;                            /* where the spec asks for them */
    struct kt_field_values values;                      /* the same */
};

struct kt_view;
/* `changed` is called on the worker's thread when a newer snapshot is there. */
struct kt_views *kt_views_new(struct kt_store *s, void (*changed)(void *ctx), void *ctx);
void kt_views_free(struct kt_views *v);
/* Rows were added: the views are made anew, at most about 20 times a second,
 * and less often where that would take more than a third of a core. Cheap;
 * from any thread. */
void kt_views_wake(struct kt_views *v);

/* NULL: out of memory. */
struct kt_view *kt_view_open(struct kt_views *v, const struct kt_view_spec *spec);
void kt_view_close(struct kt_view *v);
/* Asks for something else; work on what was asked before is given up. Returns
 * the generation that answers it, 0 where memory ran out (nothing changed). */
uint64_t kt_view_set(struct kt_view *v, const struct kt_view_spec *spec);
/* The newest snapshot, held for the caller; NULL before the first. Give each
 * back with kt_snapshot_release. */
const struct kt_snapshot *kt_view_snapshot(struct kt_view *v);
void kt_snapshot_release(const struct kt_snapshot *s);
/* The position of a row in a snapshot, or -1. */
ptrdiff_t kt_snapshot_find(const struct kt_snapshot *s, uint64_t seq);
/* Blocks until generation `g` is answered and all rows so far are in it: for
 * tests and headless use only. */
void kt_view_settle(struct kt_view *v);
#endif
