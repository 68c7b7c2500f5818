/* The query language of the prompt and of --filter.
 *
 * What is built: words and `field:value` terms, separated by blanks, all of
 * which must hold; `-term` or `not term` excludes; "double quotes" keep
 * blanks and colons together. A word is looked for in every text column, a
 * value in its field (kt_field_find's names), both as substrings, ASCII case
 * ignored; `field:=value` asks for equality, case counted. `risk:>=50`,
 * `risk:<20` and `time:>2023-07-10` compare. `field:` alone asks that the
 * fact is not known. Errors name the column. */
#ifndef KT_FILTER_FILTER_H
#define KT_FILTER_FILTER_H
#include "base/err.h"
#include "base/span.h"
#include "detect/row.h"

#include <stdbool.h>
#include <stddef.h>

struct kt_filter;

enum kt_filter_op { KT_OP_CONTAINS, KT_OP_EQUALS, KT_OP_LT, KT_OP_LE, KT_OP_GT, KT_OP_GE, KT_OP_UNKNOWN };
struct kt_filter_term {
    enum kt_field field; /* KT_FIELD_COUNT: any text column */
    enum kt_filter_op op;
    bool negated;
    struct kt_span text; /* lower case for CONTAINS */
    int64_t number;      /* for comparisons: risk, or time in ms */
};

/* NULL in *out with KT_OK for an empty text (all matches). `column` (may be
 * NULL) gets the byte of `text` at which an error lies. */
enum kt_code kt_filter_parse(struct kt_filter **out, struct kt_span text, int64_t now, size_t *column,
                             struct kt_err *e);
void kt_filter_free(struct kt_filter *f);
size_t kt_filter_terms(const struct kt_filter *f, const struct kt_filter_term **out);
/* Does one text satisfy one term (negation not applied)? For those who know
 * each distinct text once. */
bool kt_filter_text_holds(const struct kt_filter_term *t, struct kt_span text);
/* Does a whole row match? NULL matches all. */
bool kt_filter_row(const struct kt_filter *f, const struct kt_row *r, const struct kt_rules *rules,
                   struct kt_arena *scratch);
#endif
