/* The columns of rows: which of them fit a width, and how each is drawn. Used
 * by the table and by every timeline. */
#ifndef KT_TUI_COLUMNS_H
#define KT_TUI_COLUMNS_H
#include "detect/row.h"
#include "tui/canvas.h"

/* X(id, head, sort field, least width, wanted, most, from this screen width
 * on, order of importance) in the order in which they stand. */
#define KT_COLUMNS(X)                                            \
    X(TIME, "TIME", KT_FIELD_TIME, 8, 8, 8, 0, 2)                \
    X(RISK, "RISK", KT_FIELD_RISK, 4, 4, 4, 0, 1)                \
    X(ACTOR, "ACTOR", KT_FIELD_ACTOR_NAME, 8, 12, 28, 0, 4)      \
    X(TARGET, "TARGET", KT_FIELD_TARGET_NAME, 9, 13, 22, 0, 5)   \
    X(RESULT, "RESULT", KT_FIELD_RESULT, 7, 7, 7, 100, 8)        \
    X(KEY, "KEY", KT_FIELD_KEY_ID, 9, 9, 9, 0, 3)                \
    X(FROM, "FROM", KT_FIELD_SOURCE_ADDRESS, 13, 15, 24, 0, 6)   \
    X(AGENT, "AGENT", KT_FIELD_AGENT_TOOL, 12, 14, 20, 96, 9)    \
    X(ACCOUNT, "ACCOUNT", KT_FIELD_ACCOUNT, 12, 12, 12, 150, 10) \
    X(REGION, "REGION", KT_FIELD_REGION, 9, 9, 14, 160, 11)      \
    X(STATE, "STATE", KT_FIELD_STATE, 10, 20, 40, 240, 12)       \
    X(WHY, "WHY", KT_FIELD_WHY, 14, 16, 400, 0, 7)

enum kt_column {
#define X(id, head, field, least, wanted, most, from, order) KT_COLUMN_##id,
    KT_COLUMNS(X)
#undef X
    KT_COLUMN_COUNT
};

struct kt_columns {
    int n;
    struct {
        enum kt_column column;
        int col, width;
    } at[KT_COLUMN_COUNT];
    int left, width;
    bool state_in_why;  /* no STATE column: what people made of it stands before the reasons */
    bool result_in_key; /* no RESULT column: a denied row says so where its key would be */
};

const char *kt_column_head(enum kt_column c);
enum kt_field kt_column_field(enum kt_column c);

/* Chooses and places columns in `width` columns from `left`. `time_width`: 8,
 * 10, 16 or 19 (kt_fmt_when). */
void kt_columns_fit(struct kt_columns *k, int left, int width, int time_width);
/* The heads, with a mark before the one that is sorted by (KT_FIELD_COUNT: none). */
void kt_columns_head(const struct kt_columns *k, struct kt_canvas *c, int row, enum kt_field sort, bool ascending);
/* One row; `fresh`: it is new. Dates follow `now`; `clock_only`: the day is
 * said elsewhere. */
void kt_columns_row(const struct kt_columns *k, struct kt_canvas *c, int row, const struct kt_row *r, int64_t now,
                    bool fresh, bool clock_only);
#endif
