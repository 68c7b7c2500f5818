#include "ingest/ingest.h"

#include "base/hash.h"
#include "ingest/damage.h"
#include "ingest/envelope.h"
#include "ingest/gunzip.h"
#include "ingest/inflate.h"
#include "ingest/pick.h"
#include "ingest/split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANCHORS_FEW = 2 }; /* of names; more are searched for by their key */
enum { DAMAGE_RUN = 100 }; /* damaged records in a row; those behind them are told as one stretch */

struct kt_ingest {
    struct kt_record_sink sink;
    struct kt_ingest_memory memory; /* known NULL: none */
    struct kt_pick *pick;
    struct kt_pick *keys; /* "AKIA"; NULL where uses are not asked for */
    struct kt_inflate *inflate;
    struct kt_split *split;
    struct kt_envelope envelope;
    struct kt_damage damage;
    struct kt_ingest_stats stats;
    uint64_t first_record, first_byte; /* of an earlier stream that this one continues */
    uint64_t offset;                   /* of the candidate being opened */
    unsigned run; /* damaged stretches since the last whole value */
    bool stopped;
    bool exact; /* names are what eventName must be */
    struct kt_walk walk;
};

static uint64_t next_ordinal(struct kt_ingest *g)
{
    return g->first_record + ++g->stats.records;
}

static bool report(struct kt_ingest *g, const struct kt_malformed *m)
{
    g->stats.malformed++;
    g->run++;
    if (!g->sink.malformed(g->sink.ctx, m))
        g->stopped = true;
    return !g->stopped;
}

/* Hands on the stretch of damage that has been gathered, if there is one. */
static bool close_damage(struct kt_ingest *g)
{
    struct kt_malformed m;
    return kt_damage_end(&g->damage, &m) ? report(g, &m) : !g->stopped;
}

/* --- from the envelope ----------------------------------------------------- */

static bool on_record(void *ctx, struct kt_span text, struct kt_node *root, uint32_t flags)
{
    struct kt_ingest *g = ctx;
    if (!close_damage(g))
        return false;
    g->run = 0;
    struct kt_record r = {text, root, next_ordinal(g), g->offset, flags, NULL, NULL};
    g->stats.picked++;
    if (!g->sink.record(g->sink.ctx, &r))
        g->stopped = true;
    return !g->stopped;
}

static bool on_bad_string(void *ctx, struct kt_span text, const char *reason)
{
    struct kt_ingest *g = ctx;
    if (!close_damage(g))
        return false;
    struct kt_malformed m = {.bytes = text, .size = text.n, .ordinal = next_ordinal(g), .offset = g->offset,
                             .reason = reason, .names_event = kt_pick_any(g->pick, text.p, text.n)};
    if (m.bytes.n > KT_MALFORMED_KEPT)
        m.bytes.n = KT_MALFORMED_KEPT;
    kt_sha256(text.p, text.n, m.sha256);
    return report(g, &m);
}

/* --- what was read before ---------------------------------------------------- */

/* One that was made something of. */
static bool take_again(struct kt_ingest *g)
{
    if (!close_damage(g))
        return false;
    g->run = 0;
    (void)next_ordinal(g);
    g->stats.again++;
    g->stopped = !g->memory.again(g->sink.ctx);
    return !g->stopped;
}

static bool on_known_text(void *ctx, struct kt_span text)
{
    struct kt_ingest *g = ctx;
    uint8_t digest[KT_KNOWN_DIGEST];
    if (!g->memory.known)
        return false;
    kt_known_digest(text.p, text.n, digest);
    if (!kt_known_has(g->memory.known, digest))
        return false;
    g->envelope.stopped |= !take_again(g);
    return true;
}

/* All that a candidate held was one record. */
static void note_alone(struct kt_ingest *g, const struct kt_ingest_stats *before, const uint8_t *digest)
{
    if (g->envelope.found != 1)
        return;
    if (g->stats.picked == before->picked + 1)
        g->memory.alone(g->sink.ctx, digest);
    else if (g->stats.again == before->again + 1)
        kt_known_add(g->memory.known, digest);
}

/* --- from the splitter ----------------------------------------------------- */

static enum kt_take open_candidate(struct kt_ingest *g, const struct kt_candidate *c, const char **reason)
{
    g->offset = c->offset;
    *reason = kt_envelope_open(&g->envelope, (struct kt_span){c->p, c->n});
    return *reason ? KT_TAKE_DAMAGED : g->envelope.stopped ? KT_TAKE_STOP : KT_TAKE_OK;
}

/* Most of those that hold a name are of that name: they are read once. */
static bool open_named(struct kt_ingest *g, const struct kt_candidate *c)
{
    g->offset = c->offset;
    return kt_envelope_open_named(&g->envelope, (struct kt_span){c->p, c->n});
}

/* A candidate without a name of interest that holds a long-lived key's id. */
static enum kt_walked walk_candidate(struct kt_ingest *g, const struct kt_candidate *c, struct kt_use *use)
{
    if (!g->keys || c->keyed == KT_KEYED_NOT || (c->keyed == KT_KEYED_UNKNOWN && !kt_pick_any(g->keys, c->p, c->n)))
        return KT_WALK_NONE;
    enum kt_walked w = kt_walk(&g->walk, (struct kt_span){c->p, c->n}, use);
    g->stats.unsure += w == KT_WALK_UNSURE;
    return w;
}

/* One that holds a name somewhere: where the walk is sure that its event is another
 * one, it is as one without. */
static enum kt_walked look_at(struct kt_ingest *g, const struct kt_candidate *c, struct kt_use *use)
{
    if (!g->exact)
        return KT_WALK_UNSURE;
    enum kt_walked w = kt_walk(&g->walk, (struct kt_span){c->p, c->n}, use);
    if (w == KT_WALK_UNSURE || kt_pick_is(g->pick, use->event_name.p, use->event_name.n))
        return KT_WALK_UNSURE;
    return g->keys ? w : KT_WALK_NONE;
}

static enum kt_take on_candidate(void *ctx, const struct kt_candidate *c, const char **reason)
{
    struct kt_ingest *g = ctx;
    struct kt_use use;
    uint8_t digest[KT_KNOWN_DIGEST];
    bool remembers = g->memory.known && c->matters;
    if (remembers)
        kt_known_digest(c->p, c->n, digest);
    if (remembers && kt_known_has(g->memory.known, digest))
        return take_again(g) ? KT_TAKE_OK : KT_TAKE_STOP;
    struct kt_ingest_stats before = g->stats;
    bool opened = c->matters && g->exact && open_named(g, c);
    enum kt_walked walked = opened ? KT_WALK_UNSURE : c->matters ? look_at(g, c, &use) : walk_candidate(g, c, &use);
    if (walked == KT_WALK_UNSURE) {
        enum kt_take t = !opened ? open_candidate(g, c, reason) : g->envelope.stopped ? KT_TAKE_STOP : KT_TAKE_OK;
        if (remembers && t == KT_TAKE_OK)
            note_alone(g, &before, digest);
        if (t != KT_TAKE_OK || g->envelope.found)
            return t;
    }
    if (!close_damage(g))
        return KT_TAKE_STOP;
    g->run = 0;
    if (c->outer)
        return KT_TAKE_OK;
    uint64_t ordinal = next_ordinal(g);
    if (walked != KT_WALK_USE)
        return KT_TAKE_OK;
    use.ordinal = ordinal;
    g->stats.walked++;
    g->stopped = !g->sink.use(g->sink.ctx, &use);
    return g->stopped ? KT_TAKE_STOP : KT_TAKE_OK;
}

static bool on_skip(void *ctx, uint64_t n)
{
    struct kt_ingest *g = ctx;
    if (!close_damage(g))
        return false;
    g->run = 0;
    g->stats.records += n;
    return true;
}

static bool on_damage(void *ctx, const char *p, size_t n, uint64_t offset, const char *reason, bool noise)
{
    struct kt_ingest *g = ctx;
    bool joins = g->damage.open && (!reason || noise || g->damage.noise || g->run >= DAMAGE_RUN);
    if (!joins) {
        if (!close_damage(g))
            return false;
        kt_damage_begin(&g->damage, offset, next_ordinal(g), reason ? reason : "not JSON", noise);
    }
    kt_damage_add(&g->damage, p, n);
    return true;
}

static bool on_line(void *ctx)
{
    struct kt_ingest *g = ctx;
    return !g->damage.open || g->damage.noise || g->run >= DAMAGE_RUN || close_damage(g);
}

/* --- from the decompressor ------------------------------------------------- */

static char *on_space(void *ctx, size_t *n)
{
    struct kt_ingest *g = ctx;
    return kt_split_space(g->split, n);
}

static bool on_bytes(void *ctx, size_t n)
{
    struct kt_ingest *g = ctx;
    g->stats.bytes += n;
    bool go_on = kt_split_commit(g->split, n);
    if (go_on && g->sink.between && !g->sink.between(g->sink.ctx))
        g->stopped = true;
    return go_on && !g->stopped;
}

static bool on_lend(void *ctx, const char *p)
{
    return kt_split_lend(((struct kt_ingest *)ctx)->split, p);
}

static bool on_take_back(void *ctx)
{
    return kt_split_take_back(((struct kt_ingest *)ctx)->split);
}

/* --- the stream ------------------------------------------------------------ */

struct kt_ingest *kt_ingest_new(const char *const *names, size_t n_names, const struct kt_record_sink *sink)
{
    struct kt_ingest *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->sink = *sink;
    const struct kt_envelope_sink records = {on_record, on_bad_string, g, on_known_text};
    const struct kt_split_sink values = {on_candidate, on_skip, on_damage, on_line, g};
    const struct kt_inflate_out bytes = {on_space, on_bytes, g, on_lend, on_take_back};
    static const char *const keys[] = {"AKIA"};
    g->pick = kt_pick_new(names, n_names);
    g->keys = sink->use ? kt_pick_new(keys, 1) : NULL;
    kt_envelope_init(&g->envelope, &records, g->pick);
    bool ok = kt_damage_init(&g->damage, g->pick) && g->pick;
    g->split = kt_split_new(g->pick, g->keys, &values);
    g->inflate = kt_inflate_new(&bytes);
    if (!ok || !g->split || !g->inflate || (sink->use && !g->keys)) {
        kt_ingest_free(g);
        return NULL;
    }
    return g;
}

void kt_ingest_remember(struct kt_ingest *g, const struct kt_ingest_memory *m)
{
    g->memory = *m;
}

void kt_ingest_free(struct kt_ingest *g)
{
    if (!g)
        return;
    kt_inflate_free(g->inflate);
    kt_split_free(g->split);
    kt_damage_free(&g->damage);
    kt_envelope_free(&g->envelope);
    kt_pick_free(g->pick);
    kt_pick_free(g->keys);
    free(g);
}

void kt_ingest_reset(struct kt_ingest *g)
{
    kt_inflate_reset(g->inflate);
    kt_split_reset(g->split, 0);
    kt_damage_reset(&g->damage);
    g->envelope.stopped = g->envelope.no_memory = g->stopped = false;
    g->stats = (struct kt_ingest_stats){0};
    g->run = 0;
    g->first_record = g->first_byte = 0;
}

void kt_ingest_continue(struct kt_ingest *g, uint64_t records, uint64_t bytes)
{
    g->first_record = records;
    g->first_byte = bytes;
    kt_split_reset(g->split, bytes);
}

bool kt_ingest_has_lines(const struct kt_ingest *g)
{
    return !g->stopped && kt_inflate_is_plain(g->inflate) && kt_split_has_lines(g->split);
}

const struct kt_starts *kt_ingest_habit(const struct kt_ingest *g)
{
    return kt_split_habit(g->split);
}

bool kt_ingest_is_fresh(const struct kt_ingest *g)
{
    return kt_ingest_at_rest(g) && !g->run;
}

void kt_ingest_continue_lines(struct kt_ingest *g, uint64_t bytes, const struct kt_starts *habit)
{
    kt_ingest_continue(g, 0, bytes);
    kt_inflate_plain(g->inflate);
    kt_split_continue(g->split, habit);
}

bool kt_ingest_feed(struct kt_ingest *g, const void *p, size_t n)
{
    return !g->stopped && kt_inflate_feed(g->inflate, p, n);
}

bool kt_ingest_whole(struct kt_ingest *g, struct kt_gunzip *z, const void *p, size_t n)
{
    return !g->stopped && kt_inflate_whole(g->inflate, z, p, n);
}

void kt_ingest_exactly(struct kt_ingest *g)
{
    g->exact = true;
    if (kt_pick_anchors(g->pick) > ANCHORS_FEW && kt_pick_exactly(g->pick))
        kt_split_exactly(g->split);
}

void kt_ingest_sweep_by(struct kt_ingest *g, int way)
{
    kt_split_sweep_by(g->split, (enum kt_sweep_way)way);
}

void kt_ingest_tell(struct kt_ingest *g, void *ctx)
{
    g->sink.ctx = ctx;
}

bool kt_ingest_is_plain(const struct kt_ingest *g)
{
    return kt_inflate_is_plain(g->inflate);
}

char *kt_ingest_space(struct kt_ingest *g, size_t *n)
{
    return g->stopped ? NULL : kt_inflate_space(g->inflate, n);
}

bool kt_ingest_filled(struct kt_ingest *g, size_t n)
{
    return kt_inflate_filled(g->inflate, n);
}

static bool no_memory(const struct kt_ingest *g)
{
    return kt_split_no_memory(g->split) || g->envelope.no_memory;
}

static enum kt_ingest_end stopped_end(const struct kt_ingest *g, struct kt_err *why)
{
    if (g->stopped)
        kt_fail(why, KT_ECANCELLED, "stopped after %llu records", (unsigned long long)g->stats.records);
    else
        kt_fail(why, KT_ENOMEM, "%s after %llu records",
                no_memory(g) ? "memory ran out" : "the decompressor ran out of memory",
                (unsigned long long)g->stats.records);
    return KT_END_STOPPED;
}

/* How the text ended, as a sentence's part; empty where it is whole. */
static void tell_rest(const struct kt_ingest *g, enum kt_split_end how, const struct kt_split_rest *rest,
                      char *out, size_t size)
{
    out[0] = '\0';
    if (how == KT_SPLIT_IN_VALUE)
        (void)snprintf(out, size, "the text ends inside a record that begins at byte %llu (%llu bytes of it are there%s)",
                       (unsigned long long)rest->offset, (unsigned long long)rest->size,
                       rest->matters ? ", and they name an event of interest" : "");
    else if (how == KT_SPLIT_IN_ARRAY)
        (void)snprintf(out, size, "the text ends at byte %llu inside an array of records",
                       (unsigned long long)(g->first_byte + g->stats.bytes));
}

enum kt_ingest_end kt_ingest_finish(struct kt_ingest *g, struct kt_err *why)
{
    struct kt_split_rest rest;
    struct kt_err packed = {KT_OK, ""};
    char text[200];
    (void)kt_inflate_flush(g->inflate);
    enum kt_inflate_end z = kt_inflate_end(g->inflate, &packed);
    enum kt_split_end how = kt_split_finish(g->split, &rest);
    if (how == KT_SPLIT_UTF16) {
        kt_fail(why, KT_EFORMAT, "the text is UTF-16, which is not read: convert it with iconv -f UTF-16 -t UTF-8");
        return KT_END_CORRUPT;
    }
    if (how == KT_SPLIT_STOPPED || z == KT_INFLATE_STOPPED || !close_damage(g) || g->stopped)
        return stopped_end(g, why);
    tell_rest(g, how, &rest, text, sizeof text);
    unsigned long long n = g->stats.records;
    if (z == KT_INFLATE_WHOLE && !text[0])
        return KT_END_WHOLE;
    kt_fail(why, KT_EFORMAT, "%s%s%s; %llu record%s before %s read", packed.text, packed.text[0] && text[0] ? "; " : "",
            text, n, n == 1 ? "" : "s", n == 1 ? "it was" : "it were");
    return z == KT_INFLATE_BAD ? KT_END_CORRUPT : KT_END_TRUNCATED;
}

bool kt_ingest_at_rest(const struct kt_ingest *g)
{
    return !g->stopped && !g->damage.open && kt_inflate_at_rest(g->inflate) && kt_split_at_rest(g->split);
}

struct kt_ingest_stats kt_ingest_stats(const struct kt_ingest *g)
{
    struct kt_ingest_stats s = g->stats;
    s.bytes_in = kt_inflate_bytes_in(g->inflate);
    return s;
}
