/* A question as engines can be asked it: a condition over the dotted paths of
 * CloudTrail records ("userIdentity.sessionContext.sessionIssuer.arn", as the
 * record reference spells them), in negation normal form: not stands at single
 * tests alone.
 *
 * An engine is asked for what surely holds all that is wanted, not for less;
 * what comes is filtered here. So a condition may be wider than what was meant
 * (kt_cond_widen), never narrower. */
#ifndef KT_QUERY_COND_H
#define KT_QUERY_COND_H
#include "base/arena.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>

enum kt_cond_kind { KT_COND_ALL /* every record */, KT_COND_NONE, KT_COND_AND, KT_COND_OR, KT_COND_TEST };

/* Of a value as text. IS: it is this, case counted. HAS, BEGINS, ENDS: case of
 * ASCII letters ignored. ABSENT: there is no such value, or it is null. LESS
 * and the like: in the order of bytes, as of times in RFC 3339. */
enum kt_cond_op {
    KT_COND_IS, KT_COND_IS_NOCASE, KT_COND_HAS, KT_COND_BEGINS, KT_COND_ENDS, KT_COND_ABSENT,
    KT_COND_LESS, KT_COND_LESS_EQUAL, KT_COND_MORE, KT_COND_MORE_EQUAL
};

struct kt_cond {
    enum kt_cond_kind kind;
    struct kt_cond *child, *last, *next; /* of and, or: first and last child; and the next of the same parent */
    /* of a test */
    enum kt_cond_op op;
    bool negated;  /* the opposite; holds where there is no value, too (but for ABSENT) */
    bool loose;    /* it holds for more than was meant: its opposite means nothing */
    struct kt_span path, value;
};

/* All of them allocate in `a` and return NULL where that is full. NULL children
 * make NULL, so that a builder looks once, at the end. */
struct kt_cond *kt_cond_all(struct kt_arena *a);
struct kt_cond *kt_cond_none(struct kt_arena *a);
struct kt_cond *kt_cond_test(struct kt_arena *a, const char *path, enum kt_cond_op op, struct kt_span value);
/* Takes both; the sum may be `left`, grown. */
struct kt_cond *kt_cond_join(struct kt_arena *a, enum kt_cond_kind and_or, struct kt_cond *left, struct kt_cond *right);
/* Records of one of these event names (none: CreateAccessKey); AKIA stands for
 * calls made with a long-lived key. */
struct kt_cond *kt_cond_names(struct kt_arena *a, const char *const *names, size_t n);
/* NULL where `a` is full. */
struct kt_cond *kt_cond_copy(struct kt_arena *a, const struct kt_cond *c);
/* The opposite; of a loose test, everything. Changes `c`. */
struct kt_cond *kt_cond_not(struct kt_cond *c);

/* Can an engine express this test, as it stands? */
typedef bool kt_cond_can(const void *ctx, const struct kt_cond *test);
/* A copy that holds for at least what `c` holds for, of tests that `can` be
 * asked: what cannot becomes "all" and takes with it what it makes void. */
struct kt_cond *kt_cond_widen(struct kt_arena *a, const struct kt_cond *c, kt_cond_can *can, const void *ctx);
/* Does it say less than `of`, that it was widened from? */
bool kt_cond_same(const struct kt_cond *c, const struct kt_cond *of);
#endif
