/* splunk://HOST[:PORT]/[?index=NAME&sourcetype=NAME&search=SPL&app=APP
 *   &token-file=FILE&session-file=FILE&ca-file=FILE&http=1&interval=S] */
#ifndef KT_SOURCE_SPLUNK_ADDRESS_H
#define KT_SOURCE_SPLUNK_ADDRESS_H
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SPLUNK_INDEXES = 32, SPLUNK_PORT = 8089 };

struct splunk_address {
    char *text;     /* values are decoded in it */
    char host[256]; /* with its port */
    const char *index[SPLUNK_INDEXES], *sourcetype[SPLUNK_INDEXES];
    size_t n_indexes, n_sourcetypes;
    const char *search, *app, *token_file, *session_file, *ca_file; /* NULL: not given */
    bool http;        /* plain, to this machine alone */
    int64_t interval; /* ms; 0: not given */
};
/* To be dropped after either. KT_EUSAGE, KT_ELIMIT: what is wrong in it. */
enum kt_code splunk_address_parse(struct splunk_address *a, const char *address, struct kt_err *e);
void splunk_address_drop(struct splunk_address *a);
#endif
