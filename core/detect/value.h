/* One text, or what stands at a path of a record, against one test: patterns,
 * regular expressions and networks as Sigma's rules have them, for those who
 * ask something else than rules. */
#ifndef KT_DETECT_VALUE_H
#define KT_DETECT_VALUE_H
#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* CONTAINS, IS: ASCII case ignored; EQUALS: case counts; LIKE: the whole, with
 * * ? and \ before them as in Sigma, ASCII case ignored; MATCHES: PCRE2, case
 * counts, within Sigma's match limits (beyond them: no match); WITHIN: an address
 * or network. At a path alone: numbers, times (ms), and what is not there or null. */
enum kt_value_how {
    KT_VALUE_CONTAINS, KT_VALUE_IS, KT_VALUE_EQUALS, KT_VALUE_LIKE, KT_VALUE_MATCHES, KT_VALUE_WITHIN,
    KT_VALUE_LT, KT_VALUE_LE, KT_VALUE_GT, KT_VALUE_GE, /* of `number` */
    KT_VALUE_BEFORE, KT_VALUE_UNTIL, KT_VALUE_AFTER, KT_VALUE_SINCE, /* of `time` */
    KT_VALUE_UNKNOWN
};

struct kt_value_test;
struct kt_value_spec {
    enum kt_value_how how;
    struct kt_span text;
    struct kt_span path; /* unknown: for texts alone */
    double number;
    int64_t time;
};
/* Copies what it keeps. KT_EFORMAT: no regular expression or network; `at` (may
 * be NULL) gets the byte of the text where it is wrong, the error says what. */
enum kt_code kt_value_test_new(struct kt_value_test **out, const struct kt_value_spec *spec, size_t *at,
                               struct kt_err *e);
void kt_value_test_free(struct kt_value_test *t);

/* What a thread needs to put texts and records to tests. NULL: out of memory. */
struct kt_value_bench;
struct kt_value_bench *kt_value_bench_new(void);
void kt_value_bench_free(struct kt_value_bench *b);

/* Of one text; an unknown one (p NULL) never holds. Not for tests of numbers and times. */
bool kt_value_text(const struct kt_value_test *t, struct kt_value_bench *b, struct kt_span s);
/* The record that kt_value_record looks into, as JSON; borrowed, and parsed when
 * first needed. Unknown: none. */
void kt_value_bench_record(struct kt_value_bench *b, struct kt_span json);
/* Does any value at the test's path of the record hold? Where there is no record, UNKNOWN alone does. */
bool kt_value_record(const struct kt_value_test *t, struct kt_value_bench *b);
#endif
