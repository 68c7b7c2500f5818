/* Where hostile records are shown: on canvases of an app in this process, or
 * by the program on a terminal. The walks over the views are the same. */
#ifndef KT_TESTS_HOSTILE_STAGE_H
#define KT_TESTS_HOSTILE_STAGE_H
#include "tests/support/app_fixture.h"
#include "tests/support/hostile_views.h"

struct hostile_stage {
    const struct hostile_stage_ops *ops;
    struct hostile_tally *t;
    int rows, cols;
};
struct hostile_stage_ops {
    void (*fit)(struct hostile_stage *s, int rows, int cols);
    /* Keys by name, parted by blanks; what they do is seen by the next look. */
    void (*keys)(struct hostile_stage *s, const char *names);
    /* Letters into a prompt that is open: typed, or in brackets. */
    void (*text)(struct hostile_stage *s, const uint32_t *cp, size_t n, bool pasted);
    /* A whole frame, every cell or byte of it judged. `until`: words that
     * stand in it, once what was asked for is there; NULL: at once. */
    void (*look)(struct hostile_stage *s, enum hostile_view v, const char *until);
};

/* All that a chunk's records are shown in (hostile_chunk made them). */
struct hostile_made {
    size_t spoken, texts, rows, records;
};
void hostile_walk_lists(struct hostile_stage *s, const struct hostile_made *m, bool all_widths);
void hostile_walk_panes(struct hostile_stage *s, const struct hostile_made *m);
/* Over an engine with one record. */
void hostile_walk_prompts(struct hostile_stage *s, const uint32_t *cp, size_t n);
/* Over `files` files with a bad record each. */
void hostile_walk_names(struct hostile_stage *s, size_t files);

/* An app over these records, with its clock. */
void hostile_fixture(struct fixture *f, const struct kt_buf *b, bool ascii);

/* Runs `some` over the list. `owed`: again over what was then not seen in the
 * views from `first` to `last` (a mark that the end of a line parts is not),
 * at most eight times. */
void hostile_until_seen(const struct hostile_list *l, struct hostile_tally *t, enum hostile_view first,
                        enum hostile_view last, bool owed, void (*some)(void *ctx, const struct hostile_list *l),
                        void *ctx);
const char *hostile_view_name(enum hostile_view v);
#endif
