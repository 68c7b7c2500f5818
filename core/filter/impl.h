/* Inside filter/: what a filter is. */
#ifndef KT_FILTER_IMPL_H
#define KT_FILTER_IMPL_H
#include "base/arena.h"
#include "detect/value.h"
#include "filter/filter.h"

struct kt_filter {
    struct kt_arena *arena; /* all of the below but tests */
    struct kt_span source;
    int64_t now;
    const struct kt_filter_node *root;
    const struct kt_filter_term *term[KT_FILTER_TERMS_MAX];
    size_t n;
    struct kt_value_test *test[KT_FILTER_TERMS_MAX + KT_FILTER_VALUES_MAX];
    size_t n_tests;
    struct kt_value_bench *bench;
    bool relative; /* some time was given as "2h" ago, or of today */
};

bool filter_is_whole_number(enum kt_field f);
bool filter_is_time(enum kt_field f);
bool filter_is_compared(enum kt_field f);
bool filter_level_of(struct kt_span s, int64_t *out);
bool filter_number_of(struct kt_span s, int64_t *out);
/* Is it a name at which a path may begin, or such a path? */
bool filter_is_path(struct kt_span name);
static inline bool filter_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
static inline bool filter_is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
}
#endif
