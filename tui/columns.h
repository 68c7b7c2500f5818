/* The columns of rows: which of them fit a width, and how each is drawn. Used
 * by the table and by every timeline. */
#ifndef KT_TUI_COLUMNS_H
#define KT_TUI_COLUMNS_H
#include "base/buf.h"
#include "base/err.h"
#include "detect/row.h"
#include "tui/canvas.h"

/* X(id, head, sort field, least width, wanted, most, from this screen width
 * on, order of importance) in the order in which they stand. Those from
 * KT_COLUMN_ASKED on are there only where they are asked for. */
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
    X(WHY, "WHY", KT_FIELD_WHY, 14, 16, 400, 0, 7)               \
    X(EVENT, "EVENT", KT_FIELD_EVENT_NAME, 8, 16, 28, KT_COLUMN_ASKED, 13)      \
    X(SESSION, "SESSION", KT_FIELD_ACTOR_SESSION, 8, 12, 24, KT_COLUMN_ASKED, 14) \
    X(MFA, "MFA", KT_FIELD_ACTOR_MFA, 3, 5, 5, KT_COLUMN_ASKED, 15)             \
    X(COUNTRY, "COUNTRY", KT_FIELD_SOURCE_COUNTRY, 7, 7, 7, KT_COLUMN_ASKED, 16) \
    X(NETWORK, "NETWORK", KT_FIELD_SOURCE_NETWORK, 8, 14, 30, KT_COLUMN_ASKED, 17) \
    X(ERROR, "ERROR", KT_FIELD_ERROR_CODE, 8, 16, 28, KT_COLUMN_ASKED, 18)      \
    X(TAGS, "TAGS", KT_FIELD_TAGS, 6, 10, 24, KT_COLUMN_ASKED, 19)              \
    X(ASSIGNED, "ASSIGNED", KT_FIELD_ASSIGNED, 8, 10, 16, KT_COLUMN_ASKED, 20)  \
    X(SOURCE, "SOURCE", KT_FIELD_ORIGIN_SOURCE, 8, 14, 40, KT_COLUMN_ASKED, 21)

enum { KT_COLUMN_ASKED = 10000, KT_COLUMN_WIDEST = 400 };
enum kt_column {
#define X(id, head, field, least, wanted, most, from, order) KT_COLUMN_##id,
    KT_COLUMNS(X)
#undef X
    KT_COLUMN_COUNT
};

/* What a person wants: these columns in this order, as far as they fit, the
 * first ones first. `n` 0: what suits the width. */
struct kt_column_plan {
    int n;
    struct {
        enum kt_column column; /* each at most once */
        int width;             /* 0: what suits it */
    } at[KT_COLUMN_COUNT];
};
/* "time, risk, actor:30, why": heads in any case, parted by commas or blanks,
 * with widths. An empty text is a plan of none. KT_EUSAGE names what is no
 * column; `place` (may be NULL) gets its byte. */
enum kt_code kt_column_plan_read(struct kt_column_plan *p, struct kt_span text, size_t *place, struct kt_err *e);
bool kt_column_plan_write(const struct kt_column_plan *p, struct kt_buf *b);

struct kt_columns {
    int n;
    struct {
        enum kt_column column;
        int col, width;
    } at[KT_COLUMN_COUNT];
    int left, width, gap;
    bool state_in_why;  /* no STATE column: what people made of it stands before the reasons */
    bool result_in_key; /* no RESULT column: a denied row says so where its key would be */
};

const char *kt_column_head(enum kt_column c);
enum kt_field kt_column_field(enum kt_column c);

/* Chooses and places columns in `width` columns from `left`. `plan` NULL: what
 * suits the width. `time_width`: 8, 10, 16 or 19 (kt_fmt_when). */
void kt_columns_fit(struct kt_columns *k, const struct kt_column_plan *plan, int left, int width, int time_width);
/* What is placed, as a plan. */
void kt_columns_plan(const struct kt_columns *k, struct kt_column_plan *out);
/* Which of them, 0 .. n-1, stands at a place of the screen's line; -1: none.
 * The gap behind a column is part of it. */
int kt_columns_at(const struct kt_columns *k, int col);
/* The heads, with a mark before the one that is sorted by (KT_FIELD_COUNT: none). */
void kt_columns_head(const struct kt_columns *k, struct kt_canvas *c, int row, enum kt_field sort, bool ascending);
/* One row; `fresh`: it is new. Dates follow `now`; `clock_only`: the day is
 * said elsewhere. */
void kt_columns_row(const struct kt_columns *k, struct kt_canvas *c, int row, const struct kt_row *r, int64_t now,
                    bool fresh, bool clock_only);
#endif
