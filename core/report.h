/* An incident report in Markdown, of rows that a person chose: what happened to
 * each key, line by line, how to contain it, what is not known, and how
 * complete the sources are. ASCII; all that comes of records stands in code
 * spans (text/markdown.h). All times are UTC. */
#ifndef KT_REPORT_H
#define KT_REPORT_H
#include "engine.h"

#include <stdio.h>

enum { KT_REPORT_ROWS = 1000 }; /* told in full; the others are counted */

struct kt_report_opts {
    struct kt_engine *engine;
    struct kt_judge *judge; /* who runs the engine on this thread; NULL: the store's verdicts are the last */
    const uint64_t *seq;    /* the rows, `n` of them, in any order; those that are gone are counted */
    size_t n;
    const char *chosen;     /* how they were, in our words ("marked by hand"); or NULL */
    const char *filter;     /* the filter that chose them; or NULL */
    const char *profile;    /* of containment commands; or NULL */
    int64_t now;
    bool (*go_on)(void *ctx, size_t done); /* false: stop. NULL: never asked */
    void *ctx;
};
/* KT_EIO: writing failed; KT_ENOMEM; KT_ECANCELLED: it was stopped. */
enum kt_code kt_report_write(FILE *out, const struct kt_report_opts *o, struct kt_err *e);
#endif
