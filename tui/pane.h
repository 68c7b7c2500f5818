/* One engine for the panes of a key, a user, an address and an agent: facts
 * that the kind chooses, then sections over what the rows that touch it touch
 * (the facets of a view), then these rows. The same pane is shown below the
 * table, and by itself with a cursor. */
#ifndef KT_TUI_PANE_H
#define KT_TUI_PANE_H
#include "engine.h"
#include "store/ledger.h"
#include "tui/columns.h"
#include "tui/list.h"
#include "tui/screen.h"

/* Writes parts from left to right; a part that no longer fits begins the next
 * line. Without a canvas it only counts lines. */
struct kt_pen {
    struct kt_canvas *c;
    bool ascii;
    int row, end;              /* the next line, and the one after the last that may be drawn */
    int left, right, indent;   /* columns; `indent` for lines that go on */
    int col;
    bool blank;                /* nothing is on this line yet */
};
void kt_pen_begin(struct kt_pen *p, struct kt_canvas *c, bool ascii, int row, int height, int left, int width);
void kt_pen_text(struct kt_pen *p, struct kt_style s, const char *text);
void kt_pen_fmt(struct kt_pen *p, struct kt_style s, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* An unknown span is written as `unknown` (our words, dim); NULL: nothing. */
void kt_pen_data(struct kt_pen *p, struct kt_style s, struct kt_span data, enum kt_text_kind kind, const char *unknown);
/* On this line, in at most `width` columns; what does not fit is cut. */
void kt_pen_cut(struct kt_pen *p, struct kt_style s, struct kt_span data, enum kt_text_kind kind, int width);
void kt_pen_gap(struct kt_pen *p, int columns);
void kt_pen_line(struct kt_pen *p);
/* What follows, `width` columns, is not to be parted: it begins the next line
 * where it does not fit on this one. */
void kt_pen_keep(struct kt_pen *p, int width);

enum kt_section {
    KT_SECTION_KEYS, KT_SECTION_ADDRESSES, KT_SECTION_AGENTS, KT_SECTION_USERS, KT_SECTION_TIMELINE,
    KT_SECTION_COUNT
};
struct kt_pane;
struct kt_pane_kind {
    const char *word; /* "key" */
    enum kt_section order[KT_SECTION_COUNT];
    int sections;
    void (*facts)(const struct kt_pane *p, struct kt_pen *pen);
};
extern const struct kt_pane_kind kt_pane_key, kt_pane_user, kt_pane_address, kt_pane_agent;
const struct kt_pane_kind *kt_pane_kind_of(enum kt_entity_kind k);

struct kt_part { /* of the lines of a pane */
    enum kt_section section;
    size_t first;   /* line of its head */
    size_t n;       /* items */
    size_t shown;   /* of them, each a line */
    size_t self;    /* position among the facet's items of the pane's own entity, left out; SIZE_MAX */
    uint64_t beyond; /* items that the view does not list */
    bool more, none;
};
struct kt_pane {
    struct kt_app *app;
    const struct kt_pane_kind *kind;
    kt_entity entity;
    uint64_t from_seq; /* the row by which one came; 0: none */
    struct kt_view *view;
    const struct kt_snapshot *snap; /* NULL: not known yet */
    size_t own, rotations;          /* of a user: among the keys in `snap` */
    uint64_t generation;
    struct kt_entity_info info;     /* as of this frame; spans in the app's arena */
    bool have_info;
    struct kt_arena *arena;         /* of the life */
    struct kt_key_life life;        /* of a key */
    bool have_life;
    bool lived[KT_SECTION_COUNT];   /* the section lists the places of its uses, not of its rows */
    bool expanded[KT_SECTION_COUNT];
    struct kt_part part[KT_SECTION_COUNT];
    int parts;
    size_t lines;
    struct kt_list list;
    int left, width; /* where it is drawn */
    int room;        /* lines for what is told of it */
    bool cursor;     /* shown by itself */
    bool side;       /* wide: the sections stand beside the facts */
    struct kt_columns columns;
    int time_width;
    struct kt_question question;    /* of which history is about */
    bool asks;                      /* it is one that may be put */
    struct kt_history history;      /* as of this frame */
};

/* Whom acts of triage in a key's pane are about: the row that made it, so that the
 * table, the wall and reports know of them; the key itself where that is not
 * known. False: it is no key's. */
bool kt_pane_key_subject(const struct kt_pane *p, struct kt_subject *about);
/* Counts a user's own keys, and rotations, among the keys of its snapshot. */
void kt_pane_user_count(struct kt_pane *p);
bool kt_pane_open(struct kt_pane *p, struct kt_app *a, kt_entity e, uint64_t from_seq);
void kt_pane_close(struct kt_pane *p);
/* Another entity (0: none), the same views. */
/* Asks its view anew: which rows are shown has changed. */
void kt_pane_anew(struct kt_pane *p);
void kt_pane_set(struct kt_pane *p, kt_entity e, uint64_t from_seq);
/* Its sections are still being made. */
static inline bool kt_pane_awaits(const struct kt_pane *p)
{
    return p->entity && p->view && !p->snap;
}
/* Takes the newest snapshot. True where there is a newer one. */
bool kt_pane_news(struct kt_pane *p);
void kt_pane_draw(struct kt_pane *p, struct kt_canvas *c, int row, int height, int left, int width);
struct kt_list_items kt_pane_items(struct kt_pane *p);

/* What happened in one row, in words; and its two halves, between which more
 * may be told. */
void kt_story(struct kt_app *a, struct kt_pen *pen, const struct kt_row *r);
void kt_story_begin(struct kt_app *a, struct kt_pen *pen, const struct kt_row *r);
void kt_story_end(struct kt_app *a, struct kt_pen *pen, const struct kt_row *r);
/* "boto3 1.28.0 on linux", or the agent's text. */
void kt_story_agent(struct kt_pen *pen, const struct kt_agent *g, enum kt_role tool);
/* Copies how to contain the key that the pane shows, or says why there is no
 * way to write it. */
unsigned kt_pane_copy_contain(const struct kt_pane *p);
/* How it goes with the history of this key or user (pane_history.c). */
void kt_pane_history_look(struct kt_pane *p);
/* How far it has come since. */
void kt_pane_history_news(struct kt_pane *p);
/* In the last one or two of the `height` lines from `row` on; returns how many:
 * 0 where there is nothing to say. */
int kt_pane_history_draw(const struct kt_pane *p, struct kt_canvas *c, int row, int height, int left, int width);
unsigned kt_pane_history_command(struct kt_pane *p);
/* Is the prompt that is open one of those that it opens? Then what became of it. */
bool kt_pane_history_prompting(const struct kt_pane *p);
unsigned kt_pane_history_prompted(struct kt_pane *p, enum kt_prompt_event e);
/* Its name, unless the line above it says it. */
void kt_pane_name(const struct kt_pane *p, struct kt_pen *pen);
/* Counts, first and last time, sparkline: what is said of every entity. */
void kt_pane_counts(const struct kt_pane *p, struct kt_pen *pen);
/* What the risks of its rows come to. */
void kt_pane_risk(const struct kt_pane *p, struct kt_pen *pen);
void kt_pane_seen(const struct kt_pane *p, struct kt_pen *pen);
#endif
