/* What the files of the engine share: engine.c (its life, its loop, what the
 * screen asks), row.c, sink.c, memory.c, rules.c. Nobody else includes this. */
#ifndef KT_ENGINE_IMPL_H
#define KT_ENGINE_IMPL_H
#include "engine.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "ingest/crew.h"
#include "ingest/repair.h"
#include "correlating.h"
#include "ruleset.h"
#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    SOURCES_MAX = 1000,
    OBJECTS_MAX = 1 << 20, /* at once: only files that end inside a record stay open */
    TROUBLES_MAX = 256,
    DECODE_MAX = 64 << 20, /* one record's decoded facts */
    TICK_MS = 100,
    JUDGED_A_STEP = 500, /* rows: some milliseconds */
    REJUDGE_MS = 5,
    ASKED_MAX = 128, /* questions whose answers are remembered */
    MAIL_MAX = 16,
    MFA_MAX = 16 /* devices */
};

struct engine_source {
    struct kt_source *source;
    struct kt_source_state state; /* under lock, except by its own thread */
    struct kt_wait wait;
    size_t untold; /* its objects that have ended and are still being read */
    uint64_t ended; /* objects, told or not */
    uint64_t unread; /* bytes of files that it has handed over, not read yet */
    size_t unread_files;
    char *given;   /* its address, as it was given */
    bool gone;     /* taken away while running: it is closed, and none of those that are told */
    bool late;     /* added while running, and none of this run before: what it remembers is of rows that are not here */
    char *address; /* as a later run names it again, in the memory; NULL: it is not remembered */
};

struct engine_object {
    struct kt_engine *engine;
    struct kt_stream *stream; /* NULL: ended, and not yet told */
    size_t at;                /* of the engine's objects */
    size_t src;
    char *name;
    uint64_t base_records, base_bytes; /* of earlier, finished parts */
    uint64_t counted;                  /* records told to the store so far */
    bool handed;                       /* a file, which the crew reads */
    uint64_t size, unread;             /* of it, in bytes */
    struct kt_ingest *ingest;          /* of an answer: it is read at once */
    struct kt_answer *answer;
};

struct engine_asked;
struct engine_mail {
    struct kt_question q;
    enum engine_wish { WISH_ASK, WISH_STOP, WISH_ALLOW, WISH_REFUSE } wish;
};

struct kt_engine {
    struct kt_engine_opts opts;
    struct kt_ruleset *ruleset;
    const struct kt_rules *rules; /* its set, held; under lock where it changes */
    struct kt_rules_state rules_state; /* under lock */
    struct kt_correlating *correlating;
    uint64_t reread_end; /* rows before it came back as they were, and are learnt of as they are judged anew */
    uint64_t rejudge, rejudge_end; /* rows that the rules before have judged: rejudge <= seq < rejudge_end */
    struct kt_enrich *enrich;   /* NULL: no files were named */
    struct kt_watch *enrich_watch; /* of them; NULL: not watched */
    struct kt_watch *config_watch; /* of the configuration; NULL: not watched */
    struct kt_config_state config_state; /* under lock */
    void *config_of; /* who has the texts of the rules' options; NULL: who made the engine */
    struct kt_store *store;
    struct kt_views *views;
    struct kt_judge *judge; /* NULL: rows keep what the rules say of the record */
    bool more_to_judge;
    bool reads_records;     /* the filter looks into them */
    bool late_filter;       /* the filter is put to the verdict, once there is one */
    bool at_end;            /* the sink gets rows when all is read */
    bool settled;           /* it got them before: sources wait for that */
    uint64_t delivered;     /* seq up to which it has them */
    struct engine_source *src; /* under lock where it grows */
    size_t n_src, cap_src;
    struct kt_aws *aws; /* with the first source that needs it */
    size_t current; /* the source that is being stepped */

    struct engine_object **object; /* handle is index + 1 */
    size_t n_object, cap_object;
    struct kt_crew *crew;
    struct kt_known *known; /* what was read, where it follows; NULL: nothing is known by its bytes */
    size_t untold; /* of all sources */
    struct kt_arena *arena; /* of a record */
    struct kt_buf content, repaired;
    struct kt_tree tree, kept; /* of a record that is read again; of one that is handed over in the end */

    struct kt_state *state; /* NULL: nothing is remembered */
    struct kt_arena *indexes; /* what sources read in an earlier run */
    uint64_t *troubled;     /* hashes of the paths of files with troubles: they are read again */
    size_t n_troubled, cap_troubled;
    bool all_troubled;      /* there were too many */
    struct kt_arena *scratch;
    size_t told;            /* of its triage, the store */
    uint64_t aside_told;    /* of its damaged files, the screen */
    _Atomic uint64_t looked;
    atomic_bool has_looked;
    int state_fd;           /* it has news */

    struct engine_asked **asked; /* under lock where the table changes, and what is published of one */
    size_t n_asked, cap_asked;
    uint64_t asked_used;
    struct engine_mail mail[MAIL_MAX]; /* under lock */
    size_t n_mail;
    int ask_fd; /* there is mail */
    struct engine_mfa { /* under lock */
        char serial[KT_MFA_SERIAL], code[16];
        enum { MFA_WANTED, MFA_GIVEN, MFA_TAKEN, MFA_REFUSED } state;
        int64_t at; /* kt_mono_ms() when it was taken */
    } mfa[MFA_MAX];
    size_t n_mfa;
    int jump_fd; /* the clock was set, or the machine slept; -1: nobody says so */

    const struct kt_engine_sink *sink; /* headless; NULL when live */
    bool unread;                       /* something was not read */

    pthread_mutex_t lock; /* states and troubles */
    struct kt_trouble trouble[TROUBLES_MAX];
    uint64_t n_trouble;
    bool health_changed; /* since the screen was told */

    pthread_t thread;
    bool started;
    atomic_bool stopping;
    int news_fd, stop_fd;
};

/* --- engine.c */
void engine_notify(int fd);
void engine_copy_cut(char *out, size_t size, const char *s);
void engine_trouble(struct kt_engine *g, const char *place, const char *sentence, bool gap);

/* --- row.c */
bool engine_passes(const struct kt_engine *g, const struct kt_row *row);
/* All rows that the sink does not have yet. */
bool engine_deliver(struct kt_engine *g);
/* A row is in the store and its facts are learnt. */
bool engine_show(struct kt_engine *g, struct kt_row *row, struct kt_node *root);
/* Does it become a row? As what it is, or as the use that it is besides. */
bool engine_asks_for(const struct kt_engine *g, struct kt_event *ev);
/* A row is filtered and sorted by what the files said when it came. */
void engine_add_whereabouts(struct kt_engine *g, struct kt_row *row);
/* Facts go in whatever is shown. The second marks the row itself as well, so that
 * it is judged. */
void engine_learn_facts(struct kt_engine *g, const struct kt_event *whole, const struct kt_row *row);
void engine_learn(struct kt_engine *g, const struct kt_event *whole, const struct kt_row *row);
uint64_t engine_row_of(void *ctx, struct kt_span event_id);
void engine_row_matches(void *ctx, uint64_t seq, const struct kt_matched *m, bool matches);
/* What the rules have just matched, into the correlations. */
/* On a worker's thread: what can be said of a record without the engine. */
struct engine_meant {
    struct kt_event ev;
    uint8_t content[KT_SHA256]; /* where it is of a kind */
};
const void *engine_mean(const struct kt_record *r, struct kt_arena *a, struct kt_buf *scratch);
void engine_feed_correlations(struct kt_engine *g, struct kt_node *root);
/* Any record that was parsed, a row or not; `judged`: by the rules, last. While
 * earlier ones are still fed again, it waits for its turn. */
void engine_correlate(struct kt_engine *g, struct kt_node *root, struct kt_span bytes, const struct kt_row *row, bool judged);
bool engine_on_record(void *ctx, const struct kt_record *r);
bool engine_on_again(void *ctx);
/* There is a row of this text, and of what was found where `digest` (NULL: nowhere else) is of. */
void engine_know(struct kt_engine *g, struct kt_span text, const uint8_t *digest);
/* Those that are no rows, and came before this one. */
void engine_feed_kept(struct kt_engine *g, uint64_t before);
/* A use that was read without a tree: the same fact as kt_facts_of makes of
 * the record. */
bool engine_on_use(void *ctx, const struct kt_use *u);
bool engine_on_malformed(void *ctx, const struct kt_malformed *m);
/* A record of an answer: a row, whatever it is. */
bool engine_on_found(void *ctx, const struct kt_record *r);

/* --- sink.c */
void engine_object_free(struct engine_object *o);
/* Of the records that are parsed: what becomes rows, and what the ledger tells. */
unsigned engine_kinds_wanted(const struct kt_engine *g);
/* What is looked for: of kinds, and of the events that rules in force name. */
size_t engine_names_wanted(const struct kt_engine *g, const char *name[KT_EVENT_NAMES + KT_RULES_NAMES_MAX]);
/* A source that is done with its files is not done before they are told. */
void engine_look_at_health(struct kt_engine *g, struct engine_source *s);
uint64_t engine_sink_object(void *ctx, const char *name, uint64_t records, uint64_t bytes);
bool engine_sink_bytes(void *ctx, uint64_t handle, const void *p, size_t n);
void engine_sink_end(void *ctx, uint64_t handle);
struct kt_source_sink engine_sink_of(struct kt_engine *g);

/* --- engine.c, sources */
/* Adds one, or takes one up again that was taken away; `s` is opened. */
bool engine_take_source(struct kt_engine *g, struct kt_source *s, const char *address, const char *name, bool late);
enum kt_code engine_open_source(struct kt_engine *g, struct kt_source **out, const char *address, struct kt_err *e);
void engine_drop_source(struct kt_engine *g, size_t i);
void engine_name_source(struct kt_engine *g, struct engine_source *s, const char *name);

/* --- mfa.c: kt_aws_opts.mfa */
enum kt_asked engine_mfa(void *ctx, const char *serial, char *code, size_t size);

/* --- config.c */
void engine_open_config(struct kt_engine *g);
void engine_plan_config(struct kt_engine *g, struct pollfd *fd, int64_t now, int64_t *wait);
void engine_step_config(struct kt_engine *g, const struct pollfd *fd);

/* --- asking.c */
void engine_asked_free(struct kt_engine *g);
/* After steps: what is published of questions. */
void engine_step_asked(struct kt_engine *g);
void engine_stop_asking(struct kt_engine *g);
/* kt_source_sink.missed: asks the other sources. */
bool engine_fill(void *ctx, const char *place, int64_t from, int64_t to);
void engine_unask_source(struct kt_engine *g, const struct kt_source *s);
void engine_look_at_mail(struct kt_engine *g);
void engine_remember_asked(struct kt_engine *g);
void engine_recall_asked(struct kt_engine *g);

/* --- memory.c */
void engine_look_at_memory(struct kt_engine *g);
void engine_remember(struct kt_engine *g);
/* "file:/var/log/trail" for a path of any spelling. */
/* Sources learn what they need not read again; and are asked for it at the end. */
void engine_recall_indexes(struct kt_engine *g);
void engine_keep_indexes(struct kt_engine *g);
/* Of a trouble's place: which file it is about. Under the lock. */
void engine_note_troubled(struct kt_engine *g, const char *place);
char *engine_address_kept(const struct kt_engine *g, const struct kt_source *s, const char *address);
bool engine_open_memory(struct kt_engine *g, struct kt_err *e);

/* --- rules.c */
/* The set in force becomes the engine's and the screen's. */
void engine_take_rules(struct kt_engine *g);
void engine_tell_rules(struct kt_engine *g);
/* Files have changed. A broken edit leaves everything as it was. */
void engine_reload_rules(struct kt_engine *g);
/* What rules of old have judged is judged anew, a little between other work:
 * the screen does not wait. */
void engine_rejudge_some(struct kt_engine *g);
enum kt_code engine_open_enrich(struct kt_engine *g, struct kt_err *e);
void engine_plan_enrich(struct kt_engine *g, struct pollfd *fd, size_t *active, int64_t now, int64_t *wait);
void engine_step_enrich(struct kt_engine *g, const struct pollfd *fd);
#endif
