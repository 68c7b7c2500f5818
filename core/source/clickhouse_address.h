/* clickhouse://HOST[:PORT]/DATABASE.TABLE[?user=NAME&password-file=FILE
 *   &raw=COLUMN&time=COLUMN&ca-file=FILE&http=1&interval=S] */
#ifndef KT_SOURCE_CLICKHOUSE_ADDRESS_H
#define KT_SOURCE_CLICKHOUSE_ADDRESS_H
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLICKHOUSE_PORT = 8443, CLICKHOUSE_HTTP_PORT = 8123 };

struct clickhouse_address {
    char *text;     /* values are decoded in it */
    char host[256]; /* with its port */
    const char *database, *table;
    const char *user, *password_file, *raw, *time, *ca_file; /* NULL: not given */
    bool http;        /* plain, to this machine alone */
    int64_t interval; /* ms; 0: not given */
};
/* To be dropped after either. KT_EUSAGE, KT_ELIMIT: what is wrong in it. */
enum kt_code clickhouse_address_parse(struct clickhouse_address *a, const char *address, struct kt_err *e);
void clickhouse_address_drop(struct clickhouse_address *a);
#endif
