/* A row: an event, what the rules say of it, and where it came from; as its
 * readers get it, a copy with its spans in the reader's arena. */
#ifndef KT_DETECT_ROW_H
#define KT_DETECT_ROW_H
#include "detect/detect.h"
#include "event/event.h"

#include <stdint.h>

/* What people made of it, as a store with a memory knows (store/triage.h). */
struct kt_row_triage {
    bool acked;
    struct kt_span who;      /* who acknowledged it, "ann@jump1" */
    int64_t at;              /* when; KT_TIME_NONE */
    struct kt_span tags;     /* parted by blanks; unknown: none */
    struct kt_span assigned; /* to whom; unknown: to no one */
    struct kt_span note;     /* the last of `notes`; unknown: none */
    uint32_t notes;
};

struct kt_row {
    uint64_t seq;         /* order of arrival, from 1; never used twice */
    struct kt_event ev;   /* kind malformed: only kind, flags and origin hold */
    struct kt_verdict verdict;
    struct { /* of its address, as the user's files said when it came (enrich/enrich.h) */
        bool asked; /* there are such files: what is unknown is null, else it is not told at all */
        struct kt_span country, network, aws;
    } where;
    struct {
        struct kt_span source; /* "file:logs/a.json.gz", "-", "demo:" */
        struct kt_span name;   /* the source's name on screen */
        struct kt_span address; /* the source, as a later run names it again; unknown: it cannot be read again */
        uint64_t record;       /* from 1 */
    } origin;
    struct { /* kind malformed */
        struct kt_span reason;
        uint64_t bytes;
        uint8_t sha256[32];
        bool names_event;
    } malformed;
    struct kt_span raw; /* the record's JSON text; unknown where not kept or not asked for */
    uint8_t digest[16]; /* what a store knows its content by; zero where it is in none */
    struct kt_row_triage triage;
};

/* Every fact that has a name: what --columns, the filter, sort and panes go
 * by, and the order of a JSON line. X(id, "name", "HEADER") */
#define KT_FIELDS(X)                                    \
    X(KIND, "kind", "KIND")                             \
    X(TIME, "time", "TIME")                             \
    X(EVENT_ID, "event_id", "EVENT ID")                 \
    X(EVENT_NAME, "event_name", "EVENT")                \
    X(EVENT_SOURCE, "event_source", "EVENT SOURCE")     \
    X(RESULT, "result", "RESULT")                       \
    X(ERROR_CODE, "error.code", "ERROR")                \
    X(ERROR_MESSAGE, "error.message", "ERROR MESSAGE")  \
    X(ACTOR_TYPE, "actor.type", "ACTOR TYPE")           \
    X(ACTOR_NAME, "actor.name", "ACTOR")                \
    X(ACTOR_ARN, "actor.arn", "ACTOR ARN")              \
    X(ACTOR_ACCOUNT, "actor.account", "ACTOR ACCOUNT")  \
    X(ACTOR_PRINCIPAL_ID, "actor.principal_id", "PRINCIPAL ID") \
    X(ACTOR_SESSION, "actor.session", "SESSION")        \
    X(ACTOR_ACCESS_KEY_ID, "actor.access_key_id", "ACTOR KEY") \
    X(ACTOR_MFA, "actor.mfa", "MFA")                    \
    X(ACTOR_VIA, "actor.via", "VIA")                    \
    X(TARGET_NAME, "target.name", "TARGET")             \
    X(TARGET_ACCOUNT, "target.account", "TARGET ACCOUNT") \
    X(TARGET_SELF, "target.self", "SELF")               \
    X(TARGET_FROM, "target.from", "TARGET FROM")        \
    X(KEY_ID, "key.id", "KEY")                          \
    X(KEY_STATUS, "key.status", "STATUS")               \
    X(KEY_CREATED, "key.created", "CREATED")            \
    X(SOURCE_ADDRESS, "source.address", "FROM")         \
    X(SOURCE_KIND, "source.kind", "FROM KIND")          \
    X(SOURCE_COUNTRY, "source.country", "COUNTRY")      \
    X(SOURCE_NETWORK, "source.network", "NETWORK")      \
    X(SOURCE_AWS, "source.aws", "AWS")                  \
    X(AGENT_TEXT, "agent.text", "USER AGENT")           \
    X(AGENT_TOOL, "agent.tool", "TOOL")                 \
    X(AGENT_VERSION, "agent.version", "VERSION")        \
    X(AGENT_OS, "agent.os", "OS")                       \
    X(AGENT_CLASS, "agent.class", "CLASS")              \
    X(ACCOUNT, "account", "ACCOUNT")                    \
    X(REGION, "region", "REGION")                       \
    X(RISK, "risk", "RISK")                             \
    X(LEVEL, "level", "LEVEL")                          \
    X(SIGNALS, "signals", "SIGNALS")                    \
    X(RULES, "rules", "RULES")                          \
    X(FLAGS, "flags", "FLAGS")                          \
    X(ORIGIN_SOURCE, "origin.source", "SOURCE")         \
    X(ORIGIN_RECORD, "origin.record", "RECORD")         \
    X(WHY, "why", "WHY")                                \
    X(STATE, "state", "STATE")                          \
    X(TAGS, "tags", "TAGS")                             \
    X(ASSIGNED, "assigned", "ASSIGNED")                 \
    X(NOTE, "note", "NOTE")

enum kt_field {
#define X(id, name, header) KT_FIELD_##id,
    KT_FIELDS(X)
#undef X
    KT_FIELD_COUNT
};

const char *kt_field_name(enum kt_field f);
const char *kt_field_header(enum kt_field f);
/* By name, or by one of the short forms: actor target key from source address
 * agent tool session region account user error via tag country network aws. KT_FIELD_COUNT: none. */
enum kt_field kt_field_find(struct kt_span name);
/* The field of a row as text, as it stands in a JSON line without quotes
 * ("true", "25", "2023-07-10T12:24:29Z"; lists joined by commas). Unknown
 * where null. Spans borrow from the row or from `a`. */
struct kt_span kt_row_field(const struct kt_row *r, enum kt_field f, struct kt_arena *a);
#endif
