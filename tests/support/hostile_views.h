/* Hostile records in every view there is: as canvases of an app in this
 * process, and as bytes of the program on a terminal. Shared by the test, which
 * takes some code points, and the proofs, which take all. Failure fails the
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

/* X(id, name) */
#define HOSTILE_VIEWS_ALL(X)                                                                           \
    X(TABLE, "table") X(LISTS, "lists in panes") X(RECORD, "record")                                    \
    X(BELOW, "panes below") X(KEY, "key") X(USER, "user") X(ADDRESS, "address") X(AGENT, "agent")       \
    X(FILTER, "filter, pasted") X(TYPED, "filter, typed") X(SEARCH, "search")                           \
    X(SOURCES, "sources") X(MALFORMED, "malformed") X(OTHERS, "help, sort, hits") \
    X(VIEWS, "groups, two records")
enum hostile_view {
#define X(id, name) HOSTILE_VIEW_##id,
    HOSTILE_VIEWS_ALL(X)
#undef X
    HOSTILE_VIEWS
};
struct hostile_tally {
    struct {
        uint64_t frames, cells;
        int64_t ms;
        struct hostile_seen seen;
    } view[HOSTILE_VIEWS];
    uint64_t code_points, records, again, bytes, sequences;
};
void hostile_tally_print(const struct hostile_tally *t, const char *what);
/* Fails where a code point of the list was never drawn or named in a view from
 * `first` to `last`, unless it cannot come there: a lone surrogate is no
 * character of JSON, a control is a key, a file's name has no slash. */
void hostile_assert_seen(const struct hostile_tally *t, const struct hostile_list *l, enum hostile_view first,
                         enum hostile_view last);

struct hostile_opts {
    bool ascii;              /* --ascii */
    const char *locale;      /* "C.UTF-8" or "C" */
    size_t widths_every;     /* all widths in each so manieth chunk, the usual in the others */
    const char *const *env;  /* of the program; NULL: none */
};
/* Records in the table, in the lists of panes, and whole; the panes of who and
 * what is named in them; texts in the prompts; names of files and what is said
 * of bad records in them. On canvases of this process. */
void hostile_draw_lists(const struct hostile_list *l, const struct hostile_opts *o, struct hostile_tally *t);
void hostile_draw_panes(const struct hostile_list *l, const struct hostile_opts *o, struct hostile_tally *t);
void hostile_draw_prompts(const struct hostile_list *l, const struct hostile_opts *o, struct hostile_tally *t);
void hostile_draw_names(const struct hostile_list *l, const struct hostile_opts *o, struct hostile_tally *t);
/* The same by the program on a terminal. */
void hostile_run_lists(const struct hostile_list *l, const struct hostile_opts *o, struct hostile_tally *t);
void hostile_run_panes(const struct hostile_list *l, const struct hostile_opts *o, struct hostile_tally *t);
void hostile_run_prompts(const struct hostile_list *l, const struct hostile_opts *o, struct hostile_tally *t);
void hostile_run_names(const struct hostile_list *l, const struct hostile_opts *o, struct hostile_tally *t);
/* Bytes that are no UTF-8, in every field: each is repaired, and the record
 * says so. Returns how many forms there were. */
size_t hostile_draw_bytes(struct hostile_tally *t);
size_t hostile_run_bytes(struct hostile_tally *t);
/* Hostile texts, one a row, beside the same rows with a harmless one: fails
 * where a cell outside its own column, risk and why is another. Returns the
 * cells that were equal. */
size_t hostile_columns(size_t strings);

/* What each proof in a program of its own begins with: all code points, or
 * each Nth where the first argument of the program is N. As cmocka's state. */
struct hostile_proof {
    struct hostile_list list;
    struct hostile_tally *tally;
};
void hostile_proof_every(int argc, char **argv);
int hostile_proof_set_up(void **state);
int hostile_proof_tear_down(void **state);

/* --- what they are made of ------------------------------------------------ */

enum { HOSTILE_CHUNK = 9600, HOSTILE_NAMES = 9600, HOSTILE_NAME = 48 };
enum hostile_part { HOSTILE_LISTS, HOSTILE_PANES };
struct hostile_made;
/* The records of one chunk, as JSON Lines, newest first: one that others share
 * something with, then, for lists, some with 1,400 code points in a message
 * and rows with two in each field; for panes, rows with up to 30 in each; then the oldest. */
void hostile_chunk(struct kt_buf *b, enum hostile_part part, const uint32_t *cp, size_t n, struct hostile_made *made);
/* A record older than all others, of a target named "oldest-target": where it
 * is shown, all are there. */
void hostile_oldest(struct kt_buf *b);
/* The name of a file, of the first 48 (or fewer) code points of the list;
 * returns how many it took. */
size_t hostile_name(struct kt_buf *name, const uint32_t *cp, size_t n);
extern const char hostile_bad_record[];
/* The forms that are no UTF-8, a record each, in every field; returns how many. */
size_t hostile_byte_forms(struct kt_buf *b);
#endif
