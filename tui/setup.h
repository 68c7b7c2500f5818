/* How the table is looked at: what is chosen, in which columns and order, with
 * which pane, laid out how. A look has a text, line by line "name: value", in
 * which it is saved (tui/session.h) and written in config.yaml as a view. */
#ifndef KT_TUI_SETUP_H
#define KT_TUI_SETUP_H
#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"
#include "store/group.h"
#include "tui/columns.h"
#include "tui/prompt.h"

enum kt_layout { KT_LAYOUT_STACKED, KT_LAYOUT_SIDE, KT_LAYOUT_ALONE, KT_LAYOUTS };
const char *kt_layout_name(enum kt_layout l);

struct kt_setup {
    char filter[KT_PROMPT_MAX];
    struct kt_column_plan columns;
    enum kt_field sort;
    bool ascending;
    int pane;          /* 0 key, target, actor, address, agent, record */
    enum kt_layout layout;
    bool histogram;
    enum kt_group_by group; /* NONE: the rows */
};
/* As keytop starts: all rows, the newest first. */
void kt_setup_usual(struct kt_setup *l);
/* Sets what `name` stands for: filter, columns, sort, pane, layout, histogram,
 * group. KT_EUSAGE says what is wrong with it, KT_ENOTFOUND that there is no
 * such name. `now` is for filters with times. */
enum kt_code kt_setup_set(struct kt_setup *l, struct kt_span name, struct kt_span value, int64_t now, struct kt_err *e);
/* Its lines, each with `before` in front; what is as usual is left out. */
bool kt_setup_write(const struct kt_setup *l, const char *before, struct kt_buf *b);
/* May a person's order be read as such: names begin at A, times and risks at
 * their greatest. */
bool kt_setup_ascends(enum kt_field f);

enum { KT_SAVED_MAX = 64, KT_SAVED_NAME = 48 };
struct kt_saved {
    char name[KT_SAVED_NAME]; /* data, without controls */
    struct kt_setup setup;
    bool configured;          /* it stands in config.yaml */
};
/* Of what the configuration says. KT_EUSAGE: "FILE:LINE:COLUMN: sentence". */
enum kt_code kt_saved_of_config(struct kt_saved *out, size_t *n, const struct kt_config *c, int64_t now, struct kt_err *e);
struct kt_saved *kt_saved_find(struct kt_saved *all, size_t n, struct kt_span name);
/* Does a text do as a name? 1 to KT_SAVED_NAME - 1 bytes, no controls. */
bool kt_saved_names(struct kt_span name);

struct kt_screen;
/* The table's. */
void kt_table_setup(struct kt_screen *table, struct kt_setup *out);
unsigned kt_table_set_up(struct kt_screen *table, const struct kt_setup *l);
/* Its columns as they are wanted; where nothing is wanted, as they stand. */
void kt_table_columns(struct kt_screen *table, struct kt_column_plan *out);
/* As it was drawn last; 0: it was not. */
int kt_table_column_width(struct kt_screen *table, enum kt_column c);
void kt_table_set_columns(struct kt_screen *table, const struct kt_column_plan *p);
#endif
