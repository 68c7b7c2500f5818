/* What the screens of the front end share: the app they belong to, and the
 * calls by which they open one another. Internal to tui/.
 *
 * Screens stand on one another; the bottom one is the table. A screen handles
 * commands and says what has to be redrawn; only kt_app_draw draws. */
#ifndef KT_TUI_SCREEN_H
#define KT_TUI_SCREEN_H
#include "base/arena.h"
#include "exporting.h"
#include "tui/alerts.h"
#include "tui/app.h"
#include "tui/choices.h"
#include "tui/commands.h"
#include "tui/setup.h"
#include "tui/list.h"
#include "tui/marks.h"
#include "tui/narrow.h"
#include "tui/prompt.h"
#include "tui/themes.h"

enum { KT_SCREEN_POP = 1 << 16 }; /* beside KT_APP_*: the screen is done, free it */

struct kt_screen;
struct kt_screen_ops {
    enum kt_context context;
    bool overlay; /* the screen below is drawn first */
    /* Returns KT_APP_* and KT_SCREEN_POP. */
    unsigned (*command)(struct kt_screen *s, enum kt_command cmd, struct kt_key k);
    unsigned (*news)(struct kt_screen *s);                           /* NULL: nothing changes by itself */
    void (*draw)(struct kt_screen *s, struct kt_canvas *c, int row, int height);
    unsigned (*prompted)(struct kt_screen *s, enum kt_prompt_event e); /* NULL: opens no prompt */
    void (*cover)(struct kt_screen *s, bool covered);                /* NULL: nothing to let go of */
    void (*anew)(struct kt_screen *s);                               /* which rows are shown has changed; NULL: no matter */
    int64_t (*next)(const struct kt_screen *s);                      /* ms until it changes by itself; NULL: never */
    void (*tick)(struct kt_screen *s);                               /* it has; NULL: drawing it again is enough */
    void (*settle)(struct kt_screen *s);                             /* waits for its views; NULL: has none */
    const uint64_t *(*rows)(struct kt_screen *s, size_t *n);         /* those it shows, for who takes them along; NULL: none */
    unsigned (*mouse)(struct kt_screen *s, struct kt_key k);         /* but its wheel; NULL: nothing */
    bool (*awaits)(struct kt_screen *s);                             /* an answer to what was just asked; NULL: never */
    void (*free)(struct kt_screen *s);
};

enum { KT_TITLE = 96 };
struct kt_screen {
    const struct kt_screen_ops *ops;
    struct kt_app *app;
    struct kt_screen *below;
    char title[KT_TITLE]; /* data: drawn through core/text; not NUL-terminated */
    size_t title_n;
    const char *note;     /* our words at the right of the top line; or NULL */
};

enum { KT_SOURCES_SHOWN = 32, KT_SCREENS_MAX = 64, KT_CLIPBOARD_MAX = 3072, KT_FRESH_MAX = 40,
       KT_SESSION_PATH = 4096 };

struct kt_app {
    struct kt_app_opts opts;
    struct kt_engine *engine;
    struct kt_store *store;
    struct kt_views *views;
    const struct kt_rules *rules; /* held */
    bool suppressed;              /* rows that filters keep out are shown as well */
    struct kt_arena *arena; /* for one key, one piece of news or one frame */

    struct kt_screen *top, *table;
    int depth;
    struct kt_prompt prompt;
    struct kt_screen *prompt_of; /* who opened it */
    struct kt_choices choices;   /* what the prompt offers */
    struct { /* counts of a field's values, while a filter is being written (offer.h) */
        struct kt_view *view;
        enum kt_field of;
        uint64_t generation;
        const struct kt_snapshot *snap;
        size_t from; /* where the filter begins in the prompt's text */
    } offer;
    const char *arg;             /* of the command that is being done; NULL */
    int nth;                     /* which of its keys asked for it, from 1; 0: none did */
    bool pasting;
    bool mfa_asked;                   /* the prompt that is open asks for a code */
    char mfa_serial[KT_MFA_SERIAL], mfa_label[320];

    char hint[160];     /* our words */
    int64_t hint_until; /* kt_mono_ms() */
    char clip[KT_CLIPBOARD_MAX + 1];

    /* what the engine said last */
    struct kt_source_state source[KT_SOURCES_SHOWN];
    size_t n_sources; /* there may be more than are kept here */
    struct kt_completeness complete;
    struct kt_counts counts;
    struct kt_rules_state rules_state;
    struct kt_config_state config_state;

    /* which rows count as new: those that arrived after `seen` */
    struct {
        int64_t until;
        uint64_t seq, asked;
    } fresh[KT_FRESH_MAX];
    int n_fresh;
    uint64_t seen, last_seq;
    uint64_t seen_asked, looked_asked; /* rows up to there that were asked for: they are no news */
    uint64_t asked_at_start;
    uint64_t at_start;  /* rows up to this one were there when reading was over */
    bool caught_up;

    /* what is remembered */
    struct kt_state *state;  /* NULL: nothing */
    struct kt_state_stats memory;
    uint64_t refused;        /* acts whose refusal was said */
    struct kt_subject about; /* what a prompt is about; texts in about_text */
    char about_text[KT_TRIAGE_ID];
    bool has_looked;         /* then rows after `looked` are new until one looks again */
    uint64_t looked;

    struct {
        struct kt_export *job; /* NULL: none is at work */
        enum kt_export_format format;
        char path[KT_PROMPT_MAX];
        bool ask;    /* whether what is there may go */
        size_t told; /* rows, in the last sentence */
    } export;

    struct kt_alerts alerts;
    struct kt_themes themes;

    int64_t last_key; /* kt_mono_ms(): with --wall, who leaves the keys alone leaves the wall to all */
    struct kt_marks marks;

    /* views under a name, and what is kept for the next time (tui/session.h) */
    struct kt_saved saved[KT_SAVED_MAX];
    size_t n_saved;
    char view[KT_SAVED_NAME]; /* that is shown; "" none */
    enum kt_group_by grouping, grouped; /* by what rows are put together now; were last */
    enum kt_group_by group_next;        /* to be opened once the command is done; NONE */
    uint64_t group_at;
    bool mouse;
    bool away;           /* the terminal is not looked at, since this arrival: */
    uint64_t away_seq;
    char session[KT_SESSION_PATH]; /* the file; "" none */
    char session_trouble[120];
    struct { /* what the last session had, where the command line says otherwise */
        char filter[KT_PROMPT_MAX], view[KT_SAVED_NAME];
    } before;
    char needle[KT_PROMPT_MAX]; /* what was searched for last; "" nothing */
};

static inline struct kt_span kt_app_needle(const struct kt_app *a)
{
    return kt_span_of(a->needle);
}
int64_t kt_app_now(const struct kt_app *a);
/* A copy in the app's arena. False where the row is no longer kept. */
bool kt_app_row(struct kt_app *a, uint64_t seq, struct kt_row *out);
/* Rows up to `last_seq` have arrived. */
void kt_app_arrivals(struct kt_app *a, uint64_t last_seq);
/* Is this row new: not looked at, or just arrived? */
static inline bool kt_app_is_new(const struct kt_app *a, uint64_t seq)
{
    return seq > a->seen || (a->has_looked && seq > a->looked);
}
/* Anything still to come from any source? */
bool kt_app_live(const struct kt_app *a);
/* Should a histogram of the last `span` ms end now? Not where nothing more
 * comes, nor where all rows are older: then it ends at the newest of them. */
bool kt_app_ends_now(const struct kt_app *a, int64_t span);
/* Does the whole of what is shown belong to the present day? */
bool kt_app_all_today(const struct kt_app *a, int64_t oldest);

/* Does a command as if its key had been pressed; `arg` (NULL: none) is what it
 * is to act on. One that is not understood here, but in the table, leads there
 * first. --read-only refuses what is marked KT_WRITES. */
unsigned kt_app_run(struct kt_app *a, enum kt_command cmd, const char *arg);
/* What the command that is being done is to act on, as written behind its name
 * in the palette; NULL where a key asked. */
static inline const char *kt_app_argument(const struct kt_app *a)
{
    return a->arg;
}
/* The argument as a whole number of least..most; where there is none, which of
 * the command's keys was pressed. False: it is none (it was said). */
bool kt_app_number(struct kt_app *a, int least, int most, int *out);

/* Opens a screen over the top one. NULL screens (out of memory) are said. */
unsigned kt_app_push(struct kt_app *a, struct kt_screen *s);
void kt_screen_title(struct kt_screen *s, struct kt_span title);
unsigned kt_app_hint(struct kt_app *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A press of the mouse on a list: selects, and does `open` on what is selected. */
unsigned kt_app_click(struct kt_screen *s, struct kt_list *l, const struct kt_list_items *it, struct kt_key k,
                      enum kt_command open);
unsigned kt_app_prompt(struct kt_app *a, struct kt_screen *s, const char *label, const char *text);
/* Marks a row (0: there is none), or no longer; takes all marks off; the two marked
 * last, or the one and this row, beside each other. */
unsigned kt_app_mark(struct kt_app *a, uint64_t seq);
unsigned kt_app_unmark(struct kt_app *a);
unsigned kt_app_diff(struct kt_app *a, uint64_t here);
/* Puts a value, or a row as JSON, on the clipboard and says so. */
unsigned kt_app_copy_value(struct kt_app *a, struct kt_span value, enum kt_text_kind kind);
unsigned kt_app_copy_row(struct kt_app *a, uint64_t seq);
/* One line of printable ASCII of our own making, named `what`. */
unsigned kt_app_copy_text(struct kt_app *a, const char *text, const char *what);
/* Back to the table, whatever is open; done after the command returns. */
unsigned kt_app_to_table(struct kt_app *a);

/* Opens a prompt for the code of an MFA device, where one is wanted and no
 * other prompt is open (mfa.c). */
unsigned kt_mfa_news(struct kt_app *a);
unsigned kt_mfa_prompted(struct kt_app *a, enum kt_prompt_event e);
unsigned kt_mfa_again(struct kt_app *a);

/* Waits until all views have answered and takes what they say: for tests. */
void kt_app_settle(struct kt_app *a);

/* The screens. NULL: out of memory. */
struct kt_screen *kt_screen_table(struct kt_app *a);
struct kt_screen *kt_screen_pane(struct kt_app *a, kt_entity e, uint64_t from_seq);
struct kt_screen *kt_screen_record(struct kt_app *a, uint64_t seq);
struct kt_screen *kt_screen_help(struct kt_app *a, enum kt_context ctx);
struct kt_screen *kt_screen_sources(struct kt_app *a);
struct kt_screen *kt_screen_sort(struct kt_app *a);
struct kt_screen *kt_screen_wall(struct kt_app *a);

struct kt_screen *kt_screen_columns(struct kt_app *a);
struct kt_screen *kt_screen_views(struct kt_app *a);
/* `at`: kt_narrow_id of the group to begin at; 0: the first. */
struct kt_screen *kt_screen_groups(struct kt_app *a, enum kt_group_by by, uint64_t at);
struct kt_screen *kt_screen_time(struct kt_app *a);
/* Only what is of this; or why it cannot be. */
unsigned kt_table_narrow(struct kt_screen *table, const struct kt_narrow *n);
/* Is it about one entity alone already? */
bool kt_table_scoped(struct kt_screen *table);
struct kt_view_spec kt_table_spec_of(struct kt_screen *table);
/* Narrows the table to the range that is chosen in its histogram. */
unsigned kt_table_time_take(struct kt_screen *table);
unsigned kt_app_show_setup(struct kt_app *a, const struct kt_setup *l);
unsigned kt_app_show_view(struct kt_app *a, const struct kt_saved *v);
/* The saved view of this name or number. */
unsigned kt_views_show(struct kt_app *a, const char *name);

/* The table, as others see it. */
struct kt_summary {
    bool known;         /* a first snapshot is there */
    uint64_t keys;      /* rows of all sources */
    uint64_t high;      /* of them of level high or critical */
    uint64_t shown;     /* rows after filter and scope */
    uint64_t of;        /* what they were chosen from */
    uint64_t hits;      /* of the search */
    bool searching, filtered, paused, pause_uncertain;
    uint64_t waiting;   /* arrived since the pause, or above what is read */
    struct kt_span filter, scope;
    const uint32_t *bucket;
    int buckets;
};
struct kt_summary kt_table_summary(struct kt_screen *table);
unsigned kt_table_scope(struct kt_screen *table, kt_entity e, struct kt_span name);
enum kt_field kt_table_sort(struct kt_screen *table, bool *ascending);
unsigned kt_table_set_sort(struct kt_screen *table, enum kt_field f, bool ascending);
unsigned kt_table_tick(struct kt_screen *table);
/* The filter that is being written stands in the prompt, and is the table's. */
bool kt_table_is_filtering(const struct kt_screen *table);
/* Does the table show what its filter asks for? Else that is being counted. */
bool kt_table_has_answer(const struct kt_screen *table);
/* No pause, at the top: it shows what is new. */
void kt_table_go_live(struct kt_screen *table);
#endif
