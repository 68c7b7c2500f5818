/* Inside output/: what the formats share. */
#ifndef KT_OUTPUT_IMPL_H
#define KT_OUTPUT_IMPL_H
#include "output/output.h"

enum {
    COLUMNS_MAX = 64,
    LINE_MAX_BYTES = 512 << 20,   /* a record of 8 MiB, every fact of it escaped */
    SCRATCH_MAX = 256 << 20,      /* texts of one row */
    HELD_MAX = 16 << 20,          /* a table's rows before its widths are settled */
    HELD_ROWS_MAX = 10000,
    CELL_MAX = 512                /* terminal columns of one table cell */
};

enum column_kind {
    COLUMN_FIELD,     /* a fact of the row, by kt_row_field */
    COLUMN_PATH,      /* a value of the record, by its path */
    COLUMN_USER_NAME, /* as the Splunk add-on for AWS names them: the acting user, */
    COLUMN_ACTION,    /* "created", */
    COLUMN_STATUS     /* "success" or "failure" */
};

struct column {
    enum column_kind kind;
    enum kt_field field;
    struct kt_span name; /* as asked for */
};

struct columns {
    struct column c[COLUMNS_MAX];
    size_t n;
    bool chosen; /* by --columns or the rule, not the default ones */
};

/* --columns, else the rule's fields, else the format's default ones. Borrows
 * from `o` and `rules`. */
enum kt_code columns_choose(struct columns *cs, const struct kt_output_opts *o, const struct kt_rules *rules,
                            struct kt_err *e);
/* The column's value of a row; `root` may be NULL. Unknown where absent. */
struct kt_span column_value(const struct column *c, const struct kt_row *r, struct kt_node *root, struct kt_arena *a);
/* Are its values names, not free text? */
bool column_is_identity(const struct column *c);

/* A line each, newline and all; nothing for a malformed record, which has no
 * place in these schemas. `root` (may be NULL): the record, for what a row does
 * not hold of it. False where memory ran out. */
bool ocsf_row(struct kt_buf *b, const struct kt_row *r, struct kt_node *root, const struct kt_rules *rules, struct kt_arena *a);
bool ecs_row(struct kt_buf *b, const struct kt_row *r, struct kt_node *root, const struct kt_rules *rules, struct kt_arena *a);
bool splunk_row(struct kt_buf *b, const struct kt_row *r, const struct kt_rules *rules);
/* risk, level, signals, rules, flags: as in a JSON line. */
void output_verdict(struct kt_buf *b, const struct kt_row *r);

struct table;
struct table *table_new(const struct kt_output_opts *o, const struct columns *cs);
void table_free(struct table *t);
/* Both add finished lines to `out`; false where memory ran out. */
bool table_row(struct table *t, const struct kt_row *r, struct kt_node *root, struct kt_buf *out);
bool table_finish(struct table *t, struct kt_buf *out);
#endif
