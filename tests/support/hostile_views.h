/* Hostile records in every view there is: as canvases of an app in this
 * process, and as bytes of the program on a terminal. Shared by the test, which
 * takes some code points, and the proof, which takes all. Failure fails the
 * running cmocka test and names view, place and code point. */
#ifndef KT_TESTS_HOSTILE_VIEWS_H
#define KT_TESTS_HOSTILE_VIEWS_H
#include "tests/support/hostile.h"

struct hostile_list {
    uint32_t *cp;
    size_t n;
};
/* `every` 1: all 1,114,112. Otherwise all below U+3100, all that is hidden,
 * bidi, tag, a surrogate or next to the end of a plane, and of the others each
 * `every`th. */
void hostile_list(struct hostile_list *l, uint32_t every);
/* Of a list each `every`th. */
void hostile_thin(struct hostile_list *l, size_t every);

enum hostile_view {
    HOSTILE_TABLE, HOSTILE_TABS, HOSTILE_PANES, HOSTILE_FANS, HOSTILE_RECORD, HOSTILE_OTHERS, HOSTILE_VIEWS
};
struct hostile_tally {
    struct {
        uint64_t frames, cells;
        int64_t ms;
        struct hostile_seen seen;
    } view[HOSTILE_VIEWS];
    uint64_t code_points, records, bytes, sequences;
};
void hostile_tally_print(const struct hostile_tally *t, const char *what);

/* Fails where a code point of the list was never drawn or named in this view
 * (a lone surrogate is not a character of JSON: it is repaired). */
void hostile_assert_seen(const struct hostile_tally *t, enum hostile_view v, const struct hostile_list *l);

enum { HOSTILE_CHUNK = 1900, HOSTILE_WIDE = 95 };
/* The records of one chunk of code points, as JSON Lines: the newest are two
 * doors to an actor, an address, an agent and a target that all share, then
 * `*wide` rows with 95 code points in each field, then rows with one. Returns
 * how many records. */
size_t hostile_chunk(struct kt_buf *b, const uint32_t *cp, size_t n, size_t *wide);

struct hostile_canvas_opts {
    bool ascii;         /* --ascii */
    const char *locale; /* "C.UTF-8" or "C" */
    size_t widths_every; /* all widths in each so manieth chunk, the usual two in the others */
};
/* All views over all chunks of the list. */
void hostile_draw_all(const struct hostile_list *l, const struct hostile_canvas_opts *o, struct hostile_tally *t);

struct hostile_pty_opts {
    bool ascii;
    const char *const *env;
    int rows;           /* of the tall terminal that pages are turned on */
    size_t wide_every;  /* of the wide rows each so manieth is looked at in the panes */
};
/* All views over all chunks: some 10 s a chunk. */
void hostile_run_all(const struct hostile_list *l, const struct hostile_pty_opts *o, struct hostile_tally *t);
/* The table and the record, with 19,000 code points a start. */
void hostile_run_dense(const struct hostile_list *l, const struct hostile_pty_opts *o, struct hostile_tally *t);
/* Hostile texts, one a row, beside the same rows with a harmless one: fails
 * where a cell outside its own column, risk and why is another. Returns the
 * cells that were equal. */
size_t hostile_columns(size_t strings);
#endif
