/* The query language of the prompt, of --filter, of the configuration and of
 * saved views; keytop-filter(7) says it whole.
 *
 *   word  "two words"     some text column has it
 *   field:value           the field has it; with * or ? the whole of it is like it
 *   field=value           the field is it, case counted; field!=value: it is not
 *   field~regex           PCRE2, case counted, within match limits
 *   field>=50             also > < <=: risk, level (by severity), origin.record, and
 *                         times (RFC 3339, a date, 14:30 of today, or "2h" before now)
 *   field in (a, b)       it is one of them, ASCII case ignored; * and ? as above
 *   field:                the fact is not known
 *   not x   -x   x and y   x y   x or y   ( )
 *
 * A field is one of KT_FIELDS or a short form of one, or a path into the record
 * as CloudTrail names it (requestParameters.userName). source.address takes
 * networks (10.0.0.0/8). "Double quotes" keep blanks, signs and words such as
 * `or` as text; in them \" and \\ stand for " and \.
 *
 * A test of what is not known does not hold, and so `not` of it does: what is
 * not known is kept by `not actor:ci-*`, and left out by `not actor: not
 * actor:ci-*`. A regular expression that comes to its limits does not match.
 *
 * Limits: those below. Errors name the column, and the nearest field. */
#ifndef KT_FILTER_FILTER_H
#define KT_FILTER_FILTER_H
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "detect/row.h"

#include <stdbool.h>
#include <stddef.h>

struct kt_filter;

enum {
    KT_FILTER_TERMS_MAX = 64,
    KT_FILTER_VALUES_MAX = 256, /* of all lists together */
    KT_FILTER_DEPTH_MAX = 32,   /* of parentheses */
    KT_FILTER_NODES_MAX = 256,
    KT_FILTER_TEXT_MAX = 4096
};

/* --- the tree: for who compiles it to something else ----------------------------- */

enum kt_filter_op {
    KT_OP_CONTAINS, /* ASCII case ignored */
    KT_OP_EQUALS,   /* case counted */
    KT_OP_LT, KT_OP_LE, KT_OP_GT, KT_OP_GE, /* of `number` */
    KT_OP_UNKNOWN,  /* without a value */
    KT_OP_IS,       /* the whole, ASCII case ignored: items of lists */
    KT_OP_LIKE,     /* the whole, with * ? and \ before them, ASCII case ignored */
    KT_OP_MATCHES,  /* PCRE2 */
    KT_OP_WITHIN,   /* an address or network */
    KT_OP_IN        /* any of the values, each with an op of its own */
};
struct kt_value_test;
struct kt_filter_value {
    enum kt_filter_op op;
    struct kt_span text; /* as meant: without quotes; lower case for CONTAINS */
    int64_t number;      /* comparisons: risk, record, enum kt_level, or time in ms; of a path: a whole number, or a time */
    bool time;           /* of a path: `number` is a time */
    struct kt_value_test *test; /* detect/value.h; NULL for comparisons of fields and UNKNOWN */
};
struct kt_filter_term {
    enum kt_field field; /* KT_FIELD_COUNT: any text column, or a path */
    struct kt_span path; /* unknown: none */
    enum kt_filter_op op;
    const struct kt_filter_value *value; /* n of them; more than one for IN alone */
    size_t n;
    size_t index;        /* among the filter's terms */
};
enum kt_filter_kind { KT_NODE_TERM, KT_NODE_NOT, KT_NODE_AND, KT_NODE_OR };
struct kt_filter_node {
    enum kt_filter_kind kind;
    const struct kt_filter_term *term;          /* TERM */
    const struct kt_filter_node *const *child;  /* NOT: one; AND, OR: n, two or more */
    size_t n;
    bool heavy; /* some term looks into the record */
};
/* NULL for NULL. */
const struct kt_filter_node *kt_filter_root(const struct kt_filter *f);
/* The terms in the order they stand in. */
size_t kt_filter_terms(const struct kt_filter *f, const struct kt_filter_term *const **out);
/* Is the whole true, where `holds` says what each term is? Asked of as few terms
 * as needed, those that look into the record last. NULL is true. */
typedef bool kt_filter_holds(void *ctx, const struct kt_filter_term *t);
bool kt_filter_eval(const struct kt_filter *f, kt_filter_holds *holds, void *ctx);
/* The filter as text which, parsed again, means the same. False: it did not fit. */
bool kt_filter_print(const struct kt_filter *f, struct kt_buf *b);

/* --- a filter's life --------------------------------------------------------------- */

/* NULL in *out with KT_OK for an empty text (all matches). `column` (may be
 * NULL) gets the byte of `text` at which an error lies. */
enum kt_code kt_filter_parse(struct kt_filter **out, struct kt_span text, int64_t now, size_t *column,
                             struct kt_err *e);
/* A filter of one's own; NULL for NULL, and where memory ran out. */
struct kt_filter *kt_filter_clone(const struct kt_filter *f);
void kt_filter_free(struct kt_filter *f);

/* --- matching: a filter is of use to one thread at a time; others take clones ----- */

/* Does one text satisfy a term of a field? For those who know each distinct
 * text once. Not for paths. */
bool kt_filter_text_holds(const struct kt_filter *f, const struct kt_filter_term *t, struct kt_span text);
/* Does a comparison hold for a number or a time? KT_TIME_NONE: not known. */
bool kt_filter_number_holds(const struct kt_filter_term *t, int64_t number);
/* The record that paths look into, as JSON; unknown: none is kept. Borrowed. */
void kt_filter_record(const struct kt_filter *f, struct kt_span json);
bool kt_filter_record_holds(const struct kt_filter *f, const struct kt_filter_term *t);
/* Is the field one that words are looked for in? */
bool kt_filter_is_text(enum kt_field f);
/* Does what it says depend on the verdict? On the record's text? On when it was parsed? */
bool kt_filter_asks_verdict(const struct kt_filter *f);
bool kt_filter_asks_record(const struct kt_filter *f);
bool kt_filter_asks_clock(const struct kt_filter *f);
/* Does a whole row match? NULL matches all. `scratch` is used, not reset. */
bool kt_filter_row(const struct kt_filter *f, const struct kt_row *r, struct kt_arena *scratch);

/* --- while it is written ------------------------------------------------------------ */

/* What stands at byte `at` of a text that may not be a filter yet. */
struct kt_filter_place {
    enum { KT_PLACE_NONE, KT_PLACE_FIELD, KT_PLACE_VALUE } what;
    size_t from, to;     /* the bytes of the name or value that is being written, quotes too */
    enum kt_field field; /* VALUE: whose; KT_FIELD_COUNT: a path's, or none's */
    bool quoted;         /* VALUE: it begins with a quote */
};
struct kt_filter_place kt_filter_place(struct kt_span text, size_t at);
/* A value as it has to be written: in quotes where it needs them. */
bool kt_filter_quote(struct kt_buf *b, struct kt_span value);
/* Names at which a path into a record may begin; NULL after the last. */
const char *kt_filter_path_head(size_t i);
#endif
