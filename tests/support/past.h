/* Records and filters for asking engines of the past and a scan the same; and
 * keytop's answers, by its engine within this process. */
#ifndef TESTS_SUPPORT_PAST_H
#define TESTS_SUPPORT_PAST_H
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Record number i of February 2026, hostile texts among them; and its row of
 * ClickHouse (PAST_TABLE), as TabSeparated. `row` may be NULL. */
void past_record(int i, struct kt_buf *record, struct kt_buf *row);
int64_t past_time(int i);
#define PAST_TABLE "(eventTime DateTime, eventName String, userIdentity_userName String, userIdentity_accessKeyId String, " \
                   "sourceIPAddress String, raw String)"

/* A filter of one to three terms, as people write them. */
void past_filter(unsigned *seed, struct kt_buf *out);

/* What keytop makes of `address` with a filter: by --ask, or by reading all there is.
 * A line for each row, sorted. The environment is copied, not emptied: several may
 * be asked at once. `says`: what went wrong; "" nothing. */
struct past_rows {
    struct kt_buf text;
    char **line;
    size_t n;
    char says[300];
};
bool past_rows(struct past_rows *out, const char *address, const char *filter, bool ask);
void past_free(struct past_rows *r);
/* "": they are the same; else how they differ. */
void past_differ(const struct past_rows *a, const struct past_rows *b, char *out, size_t size);
#endif
