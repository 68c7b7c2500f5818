/* Rows for people's scripts and for the tools that they feed: JSON Lines, CSV,
 * table; OCSF 1.5, ECS 8.11, Splunk's risk events. The records are a contract
 * (keytop(1)): fields are added, never renamed. All text passes core/text. */
#ifndef KT_OUTPUT_OUTPUT_H
#define KT_OUTPUT_OUTPUT_H
#include "base/buf.h"
#include "base/err.h"
#include "detect/row.h"

#include <stdio.h>

enum kt_format {
    KT_FORMAT_JSONL, KT_FORMAT_CSV, KT_FORMAT_TABLE,
    /* a line each; malformed records are left out of these three */
    KT_FORMAT_OCSF,  /* ocsf.c: API Activity (6003) of OCSF 1.5.0 */
    KT_FORMAT_ECS,   /* ecs.c: as Elastic's aws.cloudtrail */
    KT_FORMAT_SPLUNK /* splunk.c: risk events for the HTTP Event Collector */
};

/* One line of --output jsonl, without its newline. Keys in the order of
 * KT_FIELDS, absent facts null. */
bool kt_jsonl_row(struct kt_buf *b, const struct kt_row *r);

struct kt_output;
struct kt_output_opts {
    enum kt_format format;
    const char *columns; /* --columns, or NULL: the rule's fields, or the default ones */
    const char *rule;    /* --rule, or NULL */
    bool kinds;          /* there are rows of other kinds than creation: the default table says which */
    bool follow;         /* table: print rows as they come, at fixed widths */
    bool ascii;          /* table: the terminal's codeset is not UTF-8 */
    int width;           /* table: columns of the terminal; 0: not one, no limit */
    bool color;          /* table: severity in colour as well */
};
/* Writes to `out` (not owned). KT_EUSAGE for a column that cannot be. */
enum kt_code kt_output_new(struct kt_output **o, const struct kt_output_opts *opts, const struct kt_rules *rules,
                           FILE *out, struct kt_err *e);
/* Does it show what a verdict says; does it look into the record itself? */
bool kt_output_asks_verdict(const struct kt_output *o);
bool kt_output_asks_record(const struct kt_output *o);
/* False once writing failed (EPIPE and others): stop. */
bool kt_output_row(struct kt_output *o, const struct kt_row *r, struct kt_node *root);
/* What is still held (a table's rows) is written. False where writing failed. */
bool kt_output_finish(struct kt_output *o);
void kt_output_free(struct kt_output *o);
#endif
