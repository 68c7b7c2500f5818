/* A condition (cond.h) in the words of an engine: Trino's SQL as Athena takes
 * it, ClickHouse's SQL, CloudWatch Logs Insights, Splunk's SPL. What an engine
 * cannot be asked for certain is asked wider: `whole` says whether the engine
 * decides it all, `here` names what is decided here.
 *
 * Where a table has no column for a path, its whole record is searched for the
 * value as text: a record that has it somewhere may be one. A record could spell
 * a letter as \u0041: Trino and ClickHouse over a raw column, and Insights, are
 * asked for those as well. */
#ifndef KT_QUERY_COMPILE_H
#define KT_QUERY_COMPILE_H
#include "query/cond.h"
#include "query/quote.h"

enum { KT_QUERY_MAX = 200 << 10 /* bytes of a query's text */, KT_COLUMNS_MAX = 512 };

enum kt_column_kind {
    KT_COLUMN_TEXT,   /* a string */
    KT_COLUMN_TIME,   /* a date and time of the engine's own type */
    KT_COLUMN_JSON    /* an object or list, as JSON text */
};
struct kt_column {
    struct kt_span name;  /* as the engine has it */
    struct kt_span path;  /* of the record; unknown: none that is known here */
    enum kt_column_kind kind;
    bool nullable;
};
struct kt_table {
    const struct kt_column *column;
    size_t n;
    struct kt_span raw;   /* the column that holds the whole record; unknown: none */
};

/* Which CloudTrail path a column of this name holds: case, '.' and '_' do not
 * count. NULL: none. And is it a name for the whole record? */
const char *kt_column_path(struct kt_span name);
bool kt_column_is_raw(struct kt_span name);
/* The table that Amazon's documentation of Athena and CloudTrail creates. */
struct kt_table kt_table_athena(void);

/* `c` as a condition of WHERE, filter or search; "" where it holds for all.
 * `table` may be NULL but for ClickHouse. False where it is too long, or memory
 * ran out. `whole` and `here` (text, for people; may be NULL) are set. */
bool kt_query_condition(enum kt_dialect d, const struct kt_table *table, const struct kt_cond *c, struct kt_buf *out,
                        bool *whole, struct kt_buf *here);
/* A test in words, for people: userIdentity.userName is "alice". */
void kt_cond_print(const struct kt_cond *c, struct kt_buf *out);
#endif
