/* What the files of the athena: source share. */
#ifndef KT_SOURCE_ATHENA_H
#define KT_SOURCE_ATHENA_H
#include "query/compile.h"
#include "source/asker.h"
#include "source/athena_address.h"
#include "source/deputy.h"
#include "source/poller.h"

enum { ATHENA_QUERY_MAX = 262144, ATHENA_BODY_MAX = 2 * ATHENA_QUERY_MAX, ATHENA_ROWS = 1000, ATHENA_COLUMNS = 64, ATHENA_TOKEN_MAX = 4096 };

enum athena_step { ATHENA_TABLE, ATHENA_START, ATHENA_WATCH, ATHENA_PAGE, ATHENA_STOP, ATHENA_HELD /* stopped, until somebody says more */ };

struct athena {
    struct kt_source source;
    struct kt_poller p;
    struct kt_aws *aws;
    struct athena_address a;
    struct asker who;
    struct kt_arena *arena;       /* of `where` */
    const struct kt_cond *where;
    struct kt_column column[ATHENA_COLUMNS]; /* of the table, that are asked for */
    struct kt_table table;        /* n 0: not asked yet */
    char day[64], account[64], trail_region[64]; /* partitions by them; "": none */

    enum athena_step step;
    bool begun;
    char token[40];               /* of the request: asked twice, it is one query; "": none is under way */
    size_t asked;                 /* the pass that it is for */
    char id[128];                 /* of the query; "": none runs */
    struct kt_buf page;           /* the token of the next page */
    size_t pages;
    int looks;                    /* at how it is */
    uint64_t scanned, scanned_before; /* bytes, of this query and of those before */
    uint64_t limit;               /* of one query: as the address says, and what was allowed since */
    struct kt_answer *answer;     /* of who may be asked to allow more; NULL: nobody */
    struct kt_buf line;
    struct deputies deputies;     /* who answer questions */
};

/* A table's columns and partitions, as GetTableMetadata says. False: `why`. */
bool athena_take_table(struct athena *s, struct kt_span body, char *why, size_t size);
/* The documented columns, and the day that the address names as partition (or
 * none), for who may not ask about tables. */
void athena_assume_table(struct athena *s);
/* The query of a pass's window. */
bool athena_query(const struct athena *s, const struct kt_pass *pass, struct kt_buf *out);
/* Gives on the records of a page; false when stopping. `*next` gets the token
 * of the next page in s->page, or that is empty. */
bool athena_take_page(struct athena *s, struct kt_span body, bool *understood, const struct kt_source_sink *sink);
#endif
