/* The query language of the prompt and of --filter.
 *
 * What is built: words and `field:value` terms, separated by blanks (or by
 * `and`), all of which must hold.
 *
 *   word  "two words"     some text column has it
 *   field:value           the field has it (kt_field_find's names)
 *   field:=value          the field is it, case counted
 *   field:>=50  field>=50 also < <= >: risk, level (by severity), time,
 *                         key.created (RFC 3339, a date, or "2h" before now),
 *                         origin.record
 *   field:                the fact is not known; -field: known
 *   -term  not term       excludes
 *
 * Words and values are looked for as substrings, ASCII case ignored; only in
 * risk and origin.record a value means the whole number. "Double quotes" keep blanks,
 * colons, signs and the words `not`, `and`, `or` together as text; in them \"
 * and \\ stand for " and \. Text columns are all but times, numbers and the
 * true/false ones. A comparison never holds for what is not known.
 *
 * `or` and parentheses are not built; they are refused, not looked for. Errors
 * name the column. */
#ifndef KT_FILTER_FILTER_H
#define KT_FILTER_FILTER_H
#include "base/err.h"
#include "base/span.h"
#include "detect/row.h"

#include <stdbool.h>
#include <stddef.h>

struct kt_filter;

enum { KT_FILTER_TERMS_MAX = 64, KT_FILTER_TEXT_MAX = 4096 };

enum kt_filter_op { KT_OP_CONTAINS, KT_OP_EQUALS, KT_OP_LT, KT_OP_LE, KT_OP_GT, KT_OP_GE, KT_OP_UNKNOWN };
struct kt_filter_term {
    enum kt_field field; /* KT_FIELD_COUNT: any text column */
    enum kt_filter_op op;
    bool negated;
    struct kt_span text; /* lower case for CONTAINS */
    int64_t number;      /* for comparisons: risk, record, enum kt_level, or time in ms */
};

/* NULL in *out with KT_OK for an empty text (all matches). `column` (may be
 * NULL) gets the byte of `text` at which an error lies. */
enum kt_code kt_filter_parse(struct kt_filter **out, struct kt_span text, int64_t now, size_t *column,
                             struct kt_err *e);
/* A filter of one's own; NULL for NULL, and where memory ran out. */
struct kt_filter *kt_filter_clone(const struct kt_filter *f);
void kt_filter_free(struct kt_filter *f);
size_t kt_filter_terms(const struct kt_filter *f, const struct kt_filter_term **out);
/* Does one text satisfy one term (negation not applied)? For those who know
 * each distinct text once. */
bool kt_filter_text_holds(const struct kt_filter_term *t, struct kt_span text);
/* Does a comparison hold for a number or a time? KT_TIME_NONE: not known. */
bool kt_filter_number_holds(const struct kt_filter_term *t, int64_t number);
/* Is the field one that words are looked for in? */
bool kt_filter_is_text(enum kt_field f);
/* Does what it says depend on the verdict? */
bool kt_filter_asks_verdict(const struct kt_filter *f);
/* Does a whole row match? NULL matches all. `scratch` is used, not reset. */
bool kt_filter_row(const struct kt_filter *f, const struct kt_row *r, struct kt_arena *scratch);
#endif
