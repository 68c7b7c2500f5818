/* What narrows the table besides its filter: a range of time taken from the
 * histogram, a group that was opened. One upon another; Backspace takes the last
 * one off and leads back to where it was taken. */
#ifndef KT_TUI_NARROW_H
#define KT_TUI_NARROW_H
#include "base/buf.h"
#include "store/group.h"
#include "tui/prompt.h"

enum { KT_NARROW_MAX = 8, KT_NARROW_TEXT = 1024, KT_NARROW_NAME = 64 };
struct kt_narrow {
    char filter[KT_NARROW_TEXT]; /* in the filter's language; "" none */
    kt_entity scope;             /* rows that touch it; 0: none */
    char name[KT_NARROW_NAME];   /* data, cut; not NUL-terminated */
    size_t name_n;
    enum kt_group_by by;         /* it was a group of these; NONE: a range of time */
    uint64_t group;              /* kt_narrow_id of the group */
};
struct kt_narrowing {
    struct kt_narrow at[KT_NARROW_MAX];
    int n;
};

/* What rows of the group have in common. False where it cannot be written, or
 * `scoped`: it would need a scope, and another one is in force. */
bool kt_narrow_group(struct kt_narrow *out, enum kt_group_by by, const struct kt_group *g, bool scoped);
/* from <= time < to */
void kt_narrow_range(struct kt_narrow *out, int64_t from, int64_t to, int64_t now);
uint64_t kt_narrow_id(const struct kt_group *g);
/* All of them and the filter as one text; `ranges`: those of time as well. With
 * parentheses round the filter where there are others and `paren`. */
bool kt_narrow_write(const struct kt_narrowing *n, const char *filter, bool ranges, bool paren, struct kt_buf *b);
/* "hour 14:00, user alice" */
void kt_narrow_names(const struct kt_narrowing *n, struct kt_buf *b);
/* A text as one word of the filter language, in quotes. */
bool kt_narrow_quote(struct kt_span text, struct kt_buf *b);
#endif
