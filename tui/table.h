/* The table's own state, shared by the files that make it up: screen_table.c
 * (rows, filter, commands), table_search.c (the search) and table_below.c (the
 * panes under the rows). Nobody else includes this. */
#ifndef KT_TUI_TABLE_H
#define KT_TUI_TABLE_H
#include "tui/histogram.h"
#include "tui/list.h"
#include "tui/narrow.h"
#include "tui/setup.h"
#include "tui/pane.h"
#include "tui/record.h"

enum { KT_TABLE_TIMES = 1024 };

enum kt_table_tab { TAB_KEY, TAB_TARGET, TAB_ACTOR, TAB_ADDRESS, TAB_AGENT, TAB_RECORD, TABS };

struct kt_table {
    struct kt_screen s;
    struct kt_view *view;
    uint64_t generation;
    const struct kt_snapshot *snap;  /* what is shown */
    const struct kt_snapshot *last;  /* a newer one that a pause holds back; else NULL */
    bool paused;
    uint64_t dropped_at_pause;
    struct kt_list list;
    uint64_t top_seq; /* the newest arrival when the cursor last stood at the top */

    enum kt_field sort;
    bool ascending;
    char filter_text[KT_PROMPT_MAX], filter_before[KT_PROMPT_MAX];
    struct kt_filter *filter;
    kt_entity scope;
    char scope_name[KT_TITLE];
    size_t scope_n;

    struct kt_narrowing narrow; /* besides the filter */
    struct kt_filter *chosen;   /* both; NULL: nothing narrows it */
    char only[KT_TITLE * 2];    /* what does, in a few words */
    size_t only_n;
    struct kt_histogram time;

    /* all rows, while the table shows only some */
    struct kt_view *all;
    const struct kt_snapshot *all_snap;
    int64_t all_from, all_to; /* as it was asked for */
    bool all_suppressed;

    /* the search: a view of the rows that hold the text */
    struct kt_view *hits;
    uint64_t hits_generation;
    const struct kt_snapshot *hits_snap;
    uint64_t *hit;    /* a bit for each row from hit_first on: it is one; NULL: none is */
    uint64_t hit_first, hit_bits;
    uint64_t origin;  /* the row under the cursor when a prompt was opened */
    uint64_t restore; /* the row to go back to once the table shows it again; 0: none */
    enum { SEEK_NOT, SEEK_HERE, SEEK_NEXT, SEEK_PREVIOUS } seek; /* to be done when the hits are known */

    bool ends_now; /* the histogram that was asked for last */
    enum kt_layout layout;
    struct kt_canvas part[2]; /* side by side: the rows, the panes */
    int width;     /* of the screen, when drawn last */
    int heads_row, rows_offset, rows_width; /* where heads and rows were drawn; the rows' lines are counted from offset */
    int grabbed, grabbed_col; /* the column whose head the mouse holds; -1: none */
    enum kt_table_tab tab;
    struct kt_pane pane;
    struct kt_record_view record;
    uint64_t record_seq;
    struct kt_row_entities touched; /* by the row under the cursor */
    uint64_t touched_seq;

    struct {
        uint64_t seq;
        int64_t time;
    } times[KT_TABLE_TIMES]; /* a row's time does not change */
    struct kt_column_plan plan; /* what is wanted of them */
    struct kt_columns columns;  /* as they were drawn last */
};

struct kt_view_spec kt_table_spec(const struct kt_table *t);
struct kt_list_items kt_table_items(struct kt_table *t);
/* The row under the cursor; 0: none. */
uint64_t kt_table_cursor(const struct kt_table *t);
/* The panes below follow the cursor. */
void kt_table_follow_cursor(struct kt_table *t);
void kt_table_go_to(struct kt_table *t, uint64_t seq);
/* Sets the filter where the text is one; else says what is wrong with it, and where. */
bool kt_table_filter(struct kt_table *t, const char *text, struct kt_err *e, size_t *column);
/* Asks the views for what the table is to show now. */
unsigned kt_table_respec(struct kt_table *t);

/* What narrows it, and the histogram (table_time.c). */
/* The filter with all that narrows it (`ranges`: ranges of time as well) and
 * with `also`, one word more. NULL in `out`: all rows. */
bool kt_table_choose(const struct kt_table *t, bool ranges, struct kt_span also, struct kt_filter **out, struct kt_err *e);
kt_entity kt_table_chosen_scope(const struct kt_table *t);
void kt_table_rechoose(struct kt_table *t);
/* Takes the last narrowing off. */
unsigned kt_table_widen(struct kt_table *t);
void kt_table_time_ask(struct kt_table *t, bool anew);
bool kt_table_time_news(struct kt_table *t);
unsigned kt_table_time_show(struct kt_table *t, bool on);
void kt_table_time_close(struct kt_table *t);

/* What the mouse did (table_mouse.c). */
unsigned kt_table_mouse(struct kt_screen *s, struct kt_key k);

/* The search. A view of its own finds the rows that hold the text; the cursor
 * goes from one to the next in the table's order. */
void kt_table_search_start(struct kt_table *t);
void kt_table_search_end(struct kt_table *t);
bool kt_table_search_news(struct kt_table *t);
unsigned kt_table_search_next(struct kt_table *t, bool backwards);
unsigned kt_table_search_prompted(struct kt_table *t, enum kt_prompt_event e);

/* What stands below. */
kt_entity kt_table_tab_entity(const struct kt_table *t, enum kt_table_tab tab);
bool kt_table_tab_hidden(const struct kt_table *t, int tab);
/* What the tab shown is named by, for the clipboard; unknown where the row does not say. */
struct kt_span kt_table_tab_value(struct kt_table *t, const struct kt_row *r, enum kt_text_kind *kind);
void kt_table_draw_below(struct kt_table *t, struct kt_canvas *c, int row, int height);
#endif
