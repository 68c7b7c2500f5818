/* Where bytes come from. A source is a small vtable whose step() does one
 * bounded piece of work (at most about 10 ms or 1 MiB) and says when it wants
 * to be called next. One thread at a time calls a source. It yields byte
 * buffers with a position through its sink and knows nothing of records. */
#ifndef KT_SOURCE_SOURCE_H
#define KT_SOURCE_SOURCE_H
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/span.h"
#include "query/cond.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is asked beside what a source reads by itself: all that one key, user,
 * address or agent did, as far back as the one who is asked remembers. */
enum kt_question_about {
    KT_ASK_USER, KT_ASK_ADDRESS, KT_ASK_AGENT, KT_ASK_KEY, /* as kt_entity_kind */
    KT_ASK_TIME /* what a source looks for by itself, of a time that another one cannot give any more */
};
struct kt_question {
    enum kt_question_about about;
    char name[256];   /* "AKIA...", "svc-backup", "203.0.113.9" */
    char type[64];    /* of a user: userIdentity.type; "": not known */
    char account[16]; /* of a user or key; "": not known */
    int64_t since;    /* how far back, of who takes that; 0: as far as is usual */
    int64_t until;    /* of KT_ASK_TIME */
};
enum kt_answer_state {
    KT_ANSWER_ASKING,
    KT_ANSWER_WHOLE,  /* all that there is has been read */
    KT_ANSWER_PART,   /* it ended before: `says` why, and what to do */
    KT_ANSWER_FAILED  /* nothing was read: the same */
};
/* How far one who is asked has come. He writes it, in his steps. */
struct kt_answer {
    enum kt_answer_state state;
    uint64_t pages;
    int64_t back, until; /* eventTime: read from there to there; KT_TIME_NONE: nothing yet */
    bool slowed;         /* it has been asked too often, and waits */
    char how[48];        /* "LookupEvents" */
    char where[160];     /* "us-east-1 of 111122223333" */
    char says[240];      /* what is wrong, and what to do; "": nothing */
    /* His own words for what has been read, kept, and given back when the same
     * is asked again, so that only what is new is asked for; "": none. */
    char position[160];
    uint64_t events;     /* counted by who reads them */
    /* What it costs, of who says it: bytes looked at so far, and the limit of one
     * query. Near the limit it is asked whether that may be passed; where nobody
     * has answered by then it stops, and waits. */
    uint64_t scanned, limit;
    bool wants;          /* an answer to that */
    int percent;         /* how far it is, of who says it; 0: not known */
    enum kt_allow { KT_ALLOW_UNSAID, KT_ALLOW_NO, KT_ALLOW_YES } allow; /* written by who asked */
};

/* What the engine gives a source to write into. An object is one file, page
 * or message body; its handle is an opaque number given by object(). All of
 * them return false when the engine is stopping: return then. */
struct kt_source_sink {
    void *ctx;
    /* A new object; `name` is its origin ("file:logs/a.json.gz", "-",
     * "demo:"), as it stands in origin.source. 0 when stopping. `records`
     * and `bytes` continue the count of an earlier, finished part. */
    uint64_t (*object)(void *ctx, const char *name, uint64_t records, uint64_t bytes);
    bool (*bytes)(void *ctx, uint64_t object, const void *p, size_t n);
    /* Nothing more of it is there for now. */
    void (*pause)(void *ctx, uint64_t object);
    /* The object has ended. A cut is reported and counted by the engine. */
    void (*end)(void *ctx, uint64_t object);
    /* All that it was given is read and told first. True: nothing partial is held for this object. `records` and `bytes`
     * get what it has yielded so far (either may be NULL). */
    bool (*at_rest)(void *ctx, uint64_t object, uint64_t *records, uint64_t *bytes);
    /* Something could not be read, or may have been missed: a place and a
     * sentence. `gap` when events may be missing: counted, and shown. */
    void (*trouble)(void *ctx, const char *place, const char *sentence, bool gap);
    /* A position to go on from in a later run, kept with the rows that were
     * yielded before it; and what an earlier run left. Both NULL where nothing
     * is remembered; recall is false where there is none. */
    void (*remember)(void *ctx, const char *what, const char *position);
    bool (*recall)(void *ctx, const char *what, char *out, size_t size);
    /* What of this source has ended so far; and is all that had ended at such a
     * mark read and told? */
    uint64_t (*mark)(void *ctx);
    bool (*told)(void *ctx, uint64_t mark);
    /* Is what was last remembered under this name on disk, with all that was
     * told before it? Where nothing is kept on disk: is it out? Not before
     * all is read, where keytop does not follow: see kt_wait.owing. */
    bool (*kept)(void *ctx, const char *what);
    /* An object of an answer: each record in it counts, whatever it is. NULL:
     * nobody asks. Its bytes are read at once, by bytes(); no pause, no rest. */
    uint64_t (*found)(void *ctx, struct kt_answer *a, const char *name);
    /* May be NULL. Events of this time, that this source looks for, it cannot be
     * asked for any more. True: others are asked, and it is told where they fail. */
    bool (*missed)(void *ctx, const char *place, int64_t from, int64_t to);
    /* May be NULL. An object that is all that `fd`, a regular file of `size` bytes,
     * holds: it is read elsewhere, from its beginning, and closed. False when
     * stopping: `fd` is then still the caller's. */
    bool (*file)(void *ctx, const char *name, int fd, uint64_t size);
};

enum kt_wait_kind {
    KT_WAIT_NONE,  /* call again at once */
    KT_WAIT_FD,    /* when `fd` is readable, or at `deadline` if that is set */
    KT_WAIT_TIME,  /* at `deadline` */
    KT_WAIT_DONE   /* finished; never again */
};
struct kt_wait {
    enum kt_wait_kind kind;
    int fd;
    int64_t deadline; /* kt_mono_ms() time; 0: none */
    bool owing;       /* nothing more is read before what was told is kept */
};

enum kt_health_state {
    KT_HEALTH_STARTING,
    KT_HEALTH_READING, /* catching up: progress says how far */
    KT_HEALTH_LIVE,    /* up to date and following */
    KT_HEALTH_DONE,    /* all was read; nothing more will come */
    KT_HEALTH_STALE,   /* should have news and has not */
    KT_HEALTH_FAILED   /* could not be read at all */
};

/* Counts are written by the source's thread and read under the engine's lock:
 * the engine copies this after each step. */
struct kt_health {
    enum kt_health_state state;
    uint64_t files_done, files_total; /* total 0: not known */
    uint64_t bytes_done, bytes_total; /* as stored, compressed */
    uint64_t troubles;
    int64_t last_poll;  /* real time, ms */
    bool pushed;        /* news come by themselves (inotify): silence is no sign of age */
    int64_t complete_to;       /* events up to here have been read; 0: as last_poll says */
    int64_t credentials_until; /* real time at which the first of them end; 0: no end is known */
    uint64_t throttled;        /* answers that it was asked too often */
    bool slowed;               /* by them, now */
    uint64_t gaps;             /* of the troubles, those where events may be missing */
    char note[120];     /* a sentence's part for the status line, or "" */
};

struct kt_source_opts {
    bool follow;
    bool check;                   /* only whether it would answer: nothing is taken from it */
    const struct kt_clock *clock; /* NULL: the system's */
    uint64_t seed;                /* demo: */
    /* Of sources that can be asked for less than all there is; what comes all
     * the same is left out by others. */
    int64_t since, until;            /* eventTime; KT_TIME_NONE: open */
    const char *const *event_names;  /* as of kt_event_names, and of rules; copied */
    size_t n_event_names;
    /* A question: only what this holds for, whatever its name. Copied. NULL: none is asked. */
    const struct kt_cond *where;
    struct kt_answer *answer;        /* of a question that a person waits for; borrowed; NULL */
    struct kt_aws *aws;              /* of sources that kt_source_is_remote; borrowed for their life */
};

struct kt_aws;
struct kt_source;
struct kt_source_ops {
    const char *scheme; /* "file", "demo", ... */
    /* Checks what can be checked at once (does the path exist); reads nothing. */
    enum kt_code (*open)(struct kt_source **out, const char *address, const struct kt_source_opts *o,
                         struct kt_err *e);
    void (*step)(struct kt_source *s, const struct kt_source_sink *sink, struct kt_wait *next);
    void (*health)(const struct kt_source *s, struct kt_health *out);
    void (*close)(struct kt_source *s);
    /* What it can be asked about: bits 1 << kt_question_about; 0: nothing. */
    unsigned asks;
    const char *asked_as; /* what answers, by its own name: "LookupEvents" */
    bool ranged;          /* it looks as far back as the question says */
    /* Begins to answer, beside and behind what it reads by itself: `a`, which
     * is there until unask or close, holds the position of an earlier answer,
     * or "". Afterwards step() is called. KT_EUNSUPPORTED: not this one: why,
     * and what can be asked. */
    enum kt_code (*ask)(struct kt_source *s, const struct kt_question *q, struct kt_answer *a, struct kt_err *e);
    void (*unask)(struct kt_source *s, struct kt_answer *a);
    /* May be NULL, both. What it has read to its end, so that a later run need
     * not read it again where it is unchanged: bytes for `known` of that run, which
     * is called before its first step and keeps the span until close. Only objects
     * that are `whole` by their paths. False: there is nothing to tell. */
    bool (*index)(const struct kt_source *s, bool (*whole)(void *ctx, const char *path), void *ctx, struct kt_buf *out);
    void (*known)(struct kt_source *s, struct kt_span index);
};
/* Every source begins with this. */
struct kt_source {
    const struct kt_source_ops *ops;
};

extern const struct kt_source_ops kt_source_file; /* files, folders, "-" */
extern const struct kt_source_ops kt_source_demo;
extern const struct kt_source_ops kt_source_cloudtrail;
extern const struct kt_source_ops kt_source_s3;
extern const struct kt_source_ops kt_source_sqs;
extern const struct kt_source_ops kt_source_logs;
extern const struct kt_source_ops kt_source_splunk;
extern const struct kt_source_ops kt_source_clickhouse;
extern const struct kt_source_ops kt_source_athena;
extern const struct kt_source_ops kt_source_insights;
/* Does this address need kt_source_opts.aws? Those that ask a service do: for
 * its keys, and for the environment, the clocks and paces that it holds. */
bool kt_source_is_remote(const char *address);

/* The schemes there are, "demo:" among them: the i-th; NULL: there are fewer. */
const char *kt_source_scheme(size_t i);

/* Finds the source for an address ("PATH", "file:PATH", "-", "demo:",
 * "s3://...") and opens it. A word before a colon that is no
 * scheme is part of a file's name. */
enum kt_code kt_source_open(struct kt_source **out, const char *address, const struct kt_source_opts *o,
                            struct kt_err *e);
/* Would it answer? A file or folder is there and may be read; a service is
 * asked for the last minute, with `aws` as of kt_source_opts; takes up to a minute. */
enum kt_code kt_source_check(const char *address, struct kt_aws *aws, struct kt_err *e);
#endif
