/* Wires source, ingest, event, detect and store together, and publishes what
 * the screen may read. The one header of core (with store/, filter/, text/,
 * base/) that the front end includes. */
#ifndef KT_ENGINE_H
#define KT_ENGINE_H
#include "aws/aws.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "judge.h"
#include "enrich/enrich.h"
#include "ruleset.h"
#include "source/source.h"
#include "store/ledger.h"
#include "store/state.h"
#include "store/store.h"
#include "store/view.h"

#include <stdbool.h>

struct kt_engine;

/* What is remembered: nothing; triage, until the end; in files (store/state.h),
 * out of which the rows of the sources that are added come back first. Rows of
 * standard input and of demo: are not kept. */
enum kt_memory { KT_MEMORY_NONE, KT_MEMORY_RUN, KT_MEMORY_FILE };

/* What a file says of a run, and may say otherwise while it goes on. */
struct kt_engine_place {
    const char *address, *name; /* name NULL: none was given */
    int line, column;           /* in that file; 0: it does not stand there */
};
struct kt_engine_setup {
    const struct kt_engine_place *source;
    size_t n_source;
    struct kt_ruleset_opts ruleset; /* `only` is not looked at */
    void *of;                       /* whose all these texts are */
};
struct kt_engine_config {
    const char *path; /* watched, where following; NULL: none. Borrowed */
    /* Reads it anew, on the engine's thread, when it has changed. Anything
     * but KT_OK leaves everything as it is, and is told. */
    enum kt_code (*read)(void *ctx, struct kt_engine_setup *out, struct kt_err *e);
    /* It holds from now on: the screen is told next. */
    void (*accept)(void *ctx, void *of);
    /* Nothing borrows from `of` any more. On the same thread. */
    void (*release)(void *ctx, void *of);
    void *ctx;
};

struct kt_engine_opts {
    bool follow;                  /* keep going as records arrive */
    int64_t since, until;         /* by eventTime; KT_TIME_NONE: open */
    const struct kt_filter *filter; /* headless --filter: others count as filtered; borrowed */
    /* Sources that can be asked (athena:, clickhouse:, insights:, splunk:) are
     * asked once, for records of these kinds that the filter may let through and
     * no others: what others would have said of a row is not known then. */
    bool ask;
    const char *rule;             /* only events that match it (name or id); NULL: all */
    struct kt_ruleset_opts ruleset; /* rules besides those built in; `only` is set by the engine */
    /* Bits of KT_KIND_BIT: what becomes rows; 0: creations. A record that is of
     * a kind not asked for and a use besides is a row of kind use where uses
     * are asked for. `received` and what it is the sum of count these kinds
     * alone. */
    unsigned kinds;
    /* Keep the ledger of keys (store/ledger.h), of all that the sources hold,
     * whatever kinds, filter, rule, since and until choose, and judge rows by
     * all that is known (judge.h). Asking for more kinds than creations does so
     * as well. Without it reading is faster, and a verdict is what the rules
     * say of the record alone, without correlations. */
    bool ledger;
    struct kt_places places; /* what the judge knows of addresses */
    const struct kt_clock *clock; /* NULL: the system's */
    uint64_t seed;                /* demo:; 0: the default one */
    bool mfa_on_screen;           /* codes are asked for by kt_engine_mfa; else as aws.mfa says */
    struct kt_aws_opts aws;       /* for sources that ask AWS; its texts are borrowed */
    struct kt_enrich_files enrich; /* what more is known of addresses; read anew when they change, where following */
    /* When it changes: sources that it names no longer are closed, others are
     * opened, the rest go on; rules are loaded anew where it says otherwise of
     * them. All of it, or nothing. */
    struct kt_engine_config config;
    struct kt_store_opts store;
    enum kt_memory memory;
    struct kt_state_opts state;   /* .changed, .ctx and .clock are set by the engine; .path of FILE */
};

enum kt_code kt_engine_new(struct kt_engine **out, const struct kt_engine_opts *o, struct kt_err *e);
/* Stops the threads, closes the sources, frees all. */
void kt_engine_free(struct kt_engine *g);
/* With opts.ask: what an address would be asked, for people. */
enum kt_code kt_engine_explain(struct kt_engine *g, const char *address, struct kt_buf *out, struct kt_err *e);
/* Adds a source by its address, before start; `name` (may be NULL) is shown
 * instead of it. */
enum kt_code kt_engine_add(struct kt_engine *g, const char *address, const char *name, struct kt_err *e);

/* --- headless ---------------------------------------------------------- */

struct kt_engine_sink {
    /* A new row, in order of arrival, spans and nodes borrowed; false: stop.
     * With its verdict as of then, or, with `at_end` and without following,
     * when all is read, with its last one; earlier only where the store would
     * drop rows. A filter that asks for the verdict makes it so, too.

     * Rows that a Sigma filter suppressed are counted, and not told. */
    bool (*row)(void *ctx, const struct kt_row *r, struct kt_node *root);
    /* Something was not read, or was repaired over: a place and a sentence. */
    void (*trouble)(void *ctx, const char *place, const char *sentence);
    /* Between steps, at most some ten times a second: progress. May be NULL. */
    void (*tick)(void *ctx, const struct kt_health *total);
    /* What was told so far must be where it is going: a queue is about to
     * forget it. False where that failed. May be NULL. */
    bool (*flush)(void *ctx);
    void *ctx;
    bool at_end;
    bool plain;   /* verdicts are not looked at: no ledger is needed for creations, and rows are not
                   * looked for in the store after they were handed over */
    bool no_json; /* at_end: root may be NULL, so that texts need not be kept */
};
/* Reads on the calling thread until all sources are done (never, when
 * following), `stop_fd` becomes readable (-1: none), or the sink says stop.
 * Returns true where all that is there was read. */
bool kt_engine_run(struct kt_engine *g, const struct kt_engine_sink *sink, int stop_fd);

/* --- live -------------------------------------------------------------- */

/* Starts the engine's threads (all signals blocked in them). */
enum kt_code kt_engine_start(struct kt_engine *g, struct kt_err *e);
/* An eventfd, readable when something new is published: rows, snapshots,
 * health. Read it (8 bytes) before looking. */
int kt_engine_fd(const struct kt_engine *g);
struct kt_store *kt_engine_store(struct kt_engine *g);
struct kt_views *kt_engine_views(struct kt_engine *g);
/* NULL without the ledger. For the engine's thread alone. */
struct kt_judge *kt_engine_judge(struct kt_engine *g);
/* What is known of addresses (enrich/enrich.h); NULL: no files were named. */
struct kt_enrich *kt_engine_enrich(struct kt_engine *g);
/* The rules in force, held for the caller: kt_rules_free lets go of them. When
 * they are loaded anew, `loads` below has grown; rows are judged anew then, a
 * little at a time, as far as their texts are kept. */
const struct kt_rules *kt_engine_rules(struct kt_engine *g);
struct kt_rules_state {
    uint64_t loads;      /* since the start, the first among them */
    int64_t at;          /* real time of the last of them */
    size_t rules, filters, correlations; /* in force */
    size_t refused;      /* files, at that load */
    bool stale;          /* the files have been changed since, in a way that is refused */
    char note[256];      /* then: where, and why */
};
struct kt_rules_state kt_engine_rules_state(struct kt_engine *g);

struct kt_config_state {
    uint64_t loads; /* of a changed configuration, that now holds */
    int64_t at;     /* real time of the last of them */
    bool stale;     /* it has been changed since, in a way that is refused: */
    char note[256]; /* where, and why */
};
struct kt_config_state kt_engine_config_state(struct kt_engine *g);

/* NULL where nothing is remembered. It tells of news through kt_engine_fd. */
struct kt_state *kt_engine_state(struct kt_engine *g);
/* The last row that this person had looked at in an earlier run, and kt_store_row
 * of it; 0: none, or not known yet. `known`: there was such a look. */
uint64_t kt_engine_looked(struct kt_engine *g, bool *known);

struct kt_source_state {
    char name[64];      /* as on screen: --name, else the address's end */
    char address[256];
    struct kt_health health;
    int64_t last_event; /* real time of its last row's arrival; KT_TIME_NONE */
    int64_t lag;        /* how long after its eventTime that row came, of a source that was live; KT_TIME_NONE */
    uint64_t rows;
    char fills[160];    /* what it is asked, or was, of a time that another source could not give; "" nothing */
};
/* Copies up to `max`; returns how many there are. */
size_t kt_engine_sources(struct kt_engine *g, struct kt_source_state *out, size_t max);

/* The serial of an MFA device whose code is wanted now; false: none is. */
enum { KT_MFA_SERIAL = 257 };
bool kt_engine_mfa(struct kt_engine *g, char serial[KT_MFA_SERIAL]);
/* Its code, six digits or more; NULL: the person has none to give, and what
 * needs it fails until kt_engine_mfa_again. Others go on meanwhile. */
void kt_engine_mfa_answer(struct kt_engine *g, const char *serial, const char *code);
/* What was refused is asked for again; how many devices that are. */
size_t kt_engine_mfa_again(struct kt_engine *g);

/* Asks all sources that can be asked for all that one key, user, address or
 * agent did (source.h), or, where that was done before, for what is new. What
 * they find comes as rows do, with KT_FLAG_ASKED unless it is shown anyhow. */
void kt_engine_ask(struct kt_engine *g, const struct kt_question *q);
/* What was read by then stays. */
void kt_engine_ask_no_more(struct kt_engine *g, const struct kt_question *q);
/* Where it `wants` to know: may it cost more than its limit? */
void kt_engine_allow(struct kt_engine *g, const struct kt_question *q, bool yes);
enum kt_history_state {
    KT_HISTORY_NOBODY, /* no source here can be asked this: `says` why */
    KT_HISTORY_NOT,    /* could be asked, and was not */
    KT_HISTORY_ASKING,
    KT_HISTORY_ENDED,  /* answered, given up or failed: `whole`, `says` */
};
struct kt_history {
    enum kt_history_state state;
    bool whole;          /* all that there is was read */
    bool cancelled;      /* by kt_engine_ask_no_more */
    bool slowed;
    bool ranged;         /* who can be asked looks as far back as kt_question.since says */
    bool wants;          /* near `limit` bytes: may more be scanned? It waits for kt_engine_allow */
    uint64_t scanned, limit; /* bytes, of who says that; 0: nobody */
    int percent;         /* how far it is, of who says that; 0: not known */
    size_t parts, parts_done; /* sources that were asked */
    uint64_t pages, events;
    int64_t back, until; /* eventTime: all is read from there to there; KT_TIME_NONE: not known yet */
    int64_t at;          /* real time of the end; KT_TIME_NONE */
    char how[48], where[160], says[240];
};
/* Of an earlier run as well, where that is remembered. */
struct kt_history kt_engine_asked(struct kt_engine *g, const struct kt_question *q);

/* How complete what is shown is. */
struct kt_completeness {
    int64_t complete_to; /* all sources are known up to here; KT_TIME_NONE: not known yet */
    uint64_t gaps;
    bool reading;        /* some source is still catching up */
};
struct kt_completeness kt_engine_completeness(struct kt_engine *g);

struct kt_trouble {
    char place[256];
    char sentence[256];
    int64_t at;
};
/* The newest `max` troubles, newest first; returns how many were copied. */
size_t kt_engine_troubles(struct kt_engine *g, struct kt_trouble *out, size_t max);

/* Puts bytes in as if a source "name" had given them: for tests. Before start. */
enum kt_code kt_engine_feed(struct kt_engine *g, const char *name, const void *p, size_t n, struct kt_err *e);
#endif
