/* What the files of the clickhouse: source share. */
#ifndef KT_SOURCE_CLICKHOUSE_H
#define KT_SOURCE_CLICKHOUSE_H
#include "aws/call.h"
#include "base/buf.h"
#include "query/compile.h"
#include "source/clickhouse_address.h"
#include "source/deputy.h"
#include "source/poller.h"

enum {
    CLICKHOUSE_LINE_MAX = 32 << 20, /* a record of 8 MiB, escaped */
    CLICKHOUSE_SECRET_MAX = 4 << 10,
    CLICKHOUSE_STEP = 1 << 20       /* bytes of an answer that one step looks at */
};

/* What an answer has said so far. */
struct clickhouse_answer {
    size_t rows;
    char exception[300]; /* what went wrong while rows came; "" */
    bool strange;        /* a line that is neither a row nor about what went wrong */
};

struct clickhouse {
    struct kt_source source;
    struct kt_poller p;
    struct kt_aws *aws;
    struct kt_net *net;
    struct clickhouse_address a;
    struct kt_endpoint endpoint;
    struct kt_pace pace;
    struct kt_arena *arena;       /* of `where`, and of what the table has */
    const struct kt_cond *where;
    struct kt_column *column;
    struct kt_table table;        /* n 0: not asked yet */
    const struct kt_column *time; /* NULL: none, all is looked at each time */
    bool lame;                    /* a shard is away: the others are asked alone */
    bool begun, describing;
    bool plain;                   /* this user may not have answers packed */
    struct kt_aws_call *call;
    struct clickhouse_answer answer;
    /* A question that a person waits for is asked in parts, the newest first: a
     * server gives nothing of an answer before it has much, or all of it. */
    struct kt_answer *asked;      /* NULL: nobody waits */
    struct kt_pass part;          /* the part's window, within the pass's; not active: none is begun */
    int parts;                    /* of the pass, so far */
    struct kt_buf line;           /* a record put together */
    struct deputies deputies;     /* who answer questions */
};

/* What the table has, as its system tables say: name TAB type, a line each.
 * False: `why` says what is wrong with it. */
bool clickhouse_describe_query(const struct clickhouse *s, struct kt_buf *out);
bool clickhouse_take_columns(struct clickhouse *s, struct kt_span body, char *why, size_t size);
/* What asks for a pass's window. */
bool clickhouse_query(const struct clickhouse *s, const struct kt_pass *pass, struct kt_buf *out);

/* Reads whole lines of `text` (with `last` also one without a newline), up to
 * CLICKHOUSE_STEP bytes, and gives their records on. How many bytes were read;
 * `*going` is false when stopping. */
size_t clickhouse_read(struct clickhouse *s, struct kt_span text, bool last, const struct kt_source_sink *sink, bool *going);
/* The code at the beginning of an exception's text; 0: it is none. */
int clickhouse_code(struct kt_span text);
#endif
