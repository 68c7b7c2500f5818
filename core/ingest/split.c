#include "ingest/split.h"

#include "ingest/ingest.h"
#include "ingest/pick_impl.h"

#include <stdlib.h>
#include <string.h>

enum state {
    ELEMENT, /* between values */
    VALUE,   /* inside an object or array that is a candidate */
    ENDING,  /* behind one; what follows decides */
    STRING,  /* inside a string that is a candidate */
    SCALAR,  /* inside a number or a bare word */
    SEEK     /* damage: looking for the next start */
};
enum step { GO, WAIT, STOP, SWEPT };

enum {
    SWEEP_DEPTH = 60,     /* brackets that a sweep goes down */
    WINDOW_MAX = KT_RECORD_MAX + 2 * KT_SPLIT_SPACE,
    OUTER_MAX = KT_RECORD_MAX,
    LOOK_BACK = 2 * KT_START_BLANKS + 2, /* bytes kept before `s`, or all there were: what looks back sees no more */
    ENDING_BLANKS = KT_SPLIT_SLICE       /* blanks waited out behind a candidate: the window must hold both */
};

struct kt_split {
    struct kt_split_sink sink;
    const struct kt_pick *pick;
    struct kt_starts starts;

    /* the window: w[0] is at `base` of the stream */
    char *w;
    size_t cap, end;
    uint64_t base, origin;
    size_t s;   /* where the candidate, or damage not yet told, begins */
    size_t pos; /* what is before it has been looked at */

    /* of the candidate, as far as it was swept */
    struct kt_sweep sweep;
    struct kt_swept *swept;
    size_t searched;   /* names and keys that begin before it were found */
    bool named, keyed; /* and were there */
    bool careful;      /* what is not common is in it: it is not swept */
    char *memory;      /* of the window, while `w` is lent */
    size_t memory_cap;
    bool lent;

    enum state state;
    struct kt_scan scan;
    uint64_t stack[KT_SPLIT_DEPTH / 64]; /* bit set: an array */
    size_t depth;
    const char *flaw;   /* soft damage inside the candidate */
    size_t flaw_at;     /* where it is */
    size_t found_from;  /* starts before it were looked for: of a flawed candidate, or SEEK */
    size_t ending;      /* ENDING: where the candidate ends */
    bool oversize;      /* flawed by its size: its beginning was given away as damage */
    uint64_t oversize_from; /* and was here in the stream */
    bool escaped;       /* STRING */

    bool in_list;       /* inside a top-level array */
    bool in_records;    /* inside an array of records of a top-level object */
    bool control;       /* of a control message: its elements are no records */
    bool hits_open;     /* inside the member "hits" of a top-level object */
    size_t outer_depth; /* where the object goes on behind that array */
    struct kt_buf outer; /* the object around it, [] for the array */

    struct kt_start_key own; /* SEEK, oversize: the first key of what was damaged */
    const char *reason;      /* SEEK: of damage whose first byte is not yet told */
    bool noise;
    uint64_t rescanned;
    bool lined; /* a line has ended behind a top-level value */
    bool eof, stopped, no_memory, utf16;
};

struct kt_split *kt_split_new(const struct kt_pick *pick, const struct kt_pick *keys, const struct kt_split_sink *sink)
{
    struct kt_split *sp = calloc(1, sizeof *sp);
    if (!sp || !(sp->swept = malloc(sizeof *sp->swept))) {
        free(sp);
        return NULL;
    }
    sp->sink = *sink;
    sp->pick = pick;
    kt_sweep_init(&sp->sweep, pick, keys);
    kt_buf_init(&sp->outer, OUTER_MAX);
    return sp;
}

void kt_split_free(struct kt_split *sp)
{
    if (!sp)
        return;
    kt_buf_free(&sp->outer);
    free(sp->swept);
    free(sp->lent ? sp->memory : sp->w);
    free(sp);
}

void kt_split_sweep_by(struct kt_split *sp, enum kt_sweep_way way)
{
    sp->sweep.way = way;
}

void kt_split_exactly(struct kt_split *sp)
{
    kt_sweep_init(&sp->sweep, sp->pick, sp->sweep.keys);
}

void kt_split_reset(struct kt_split *sp, uint64_t offset)
{
    struct kt_split keep = *sp;
    *sp = (struct kt_split){.sink = keep.sink, .pick = keep.pick, .sweep = keep.sweep, .swept = keep.swept,
                            .outer = keep.outer, .w = keep.w, .cap = keep.cap};
    kt_buf_reset(&sp->outer);
    sp->base = sp->origin = offset;
}

bool kt_split_no_memory(const struct kt_split *sp)
{
    return sp->no_memory;
}

static enum step stop(struct kt_split *sp)
{
    sp->stopped = true;
    return STOP;
}

static bool at_top(const struct kt_split *sp)
{
    return !sp->in_list && !sp->in_records;
}

/* --- the window ------------------------------------------------------------ */

/* The window's first `n` bytes are gone. */
static void forget(struct kt_split *sp, size_t n)
{
    sp->end -= n;
    sp->base += n;
    sp->s -= n < sp->s ? n : sp->s;
    sp->pos -= n;
    sp->flaw_at -= n < sp->flaw_at ? n : sp->flaw_at;
    sp->found_from -= n < sp->found_from ? n : sp->found_from;
    sp->ending -= n < sp->ending ? n : sp->ending;
    sp->searched -= n < sp->searched ? n : sp->searched;
}

static void drop(struct kt_split *sp, size_t n)
{
    if (!n)
        return;
    memmove(sp->w, sp->w + n, sp->end - n);
    forget(sp, n);
}

/* What is no longer needed: all before the candidate, but a little to look
 * back at. */
static size_t unneeded(const struct kt_split *sp)
{
    size_t keep = sp->state == ELEMENT ? sp->pos : sp->s;
    return keep > LOOK_BACK ? keep - LOOK_BACK : 0;
}

char *kt_split_space(struct kt_split *sp, size_t *n)
{
    size_t waste = unneeded(sp);
    if (sp->cap - sp->end < KT_SPLIT_SPACE && waste >= sp->end - waste)
        drop(sp, waste);
    if (sp->cap - sp->end < KT_SPLIT_SPACE && !kt_grow(&sp->w, &sp->cap, sp->end + KT_SPLIT_SPACE, 1, WINDOW_MAX)) {
        drop(sp, waste);
        if (sp->cap == sp->end) {
            sp->no_memory = true;
            (void)stop(sp);
            return NULL;
        }
    }
    size_t room = sp->cap - sp->end;
    *n = room < KT_SPLIT_SPACE ? room : KT_SPLIT_SPACE;
    return sp->w + sp->end;
}

bool kt_split_lend(struct kt_split *sp, const char *p)
{
    if (sp->end || sp->stopped)
        return false;
    sp->memory = sp->w;
    sp->memory_cap = sp->cap;
    sp->w = (char *)(uintptr_t)p; /* not written to while it is lent */
    sp->cap = 0;
    return sp->lent = true;
}

bool kt_split_take_back(struct kt_split *sp)
{
    size_t waste = unneeded(sp), n = sp->end - waste;
    const char *from = sp->w + waste;
    sp->w = sp->memory;
    sp->cap = sp->memory_cap;
    sp->lent = false;
    bool ok = kt_grow(&sp->w, &sp->cap, n, 1, WINDOW_MAX);
    forget(sp, waste);
    if (ok)
        memcpy(sp->w, from, n);
    else
        sp->end = sp->pos = sp->s = 0;
    sp->no_memory |= !ok;
    sp->stopped |= !ok;
    return ok;
}

/* Whether the candidate up to `end` holds a name; what was swept is not searched
 * again. */
static bool is_named(const struct kt_split *sp, size_t end)
{
    size_t overlap = kt_pick_longest(sp->sweep.names) - 1;
    size_t from = sp->searched > sp->s + overlap ? sp->searched - overlap : sp->s;
    return sp->named || kt_pick_matters(sp->pick, sp->w + from, end - from);
}

static uint64_t offset_of(const struct kt_split *sp, size_t at)
{
    return sp->base + at;
}

/* --- damage ---------------------------------------------------------------- */

static bool tell_damage(struct kt_split *sp, size_t from, size_t to, const char *reason, bool noise)
{
    return to <= from || sp->sink.damage(sp->sink.ctx, sp->w + from, to - from, offset_of(sp, from), reason, noise);
}

static void between_values(struct kt_split *sp, size_t at)
{
    sp->state = ELEMENT;
    sp->pos = sp->s = at;
    sp->flaw = NULL;
    sp->oversize = false;
}

static void forget_outer(struct kt_split *sp)
{
    kt_buf_reset(&sp->outer);
    sp->in_records = sp->control = sp->hits_open = false;
}

/* The object around records, behind the array: no candidate of its own. */
static bool in_tail(const struct kt_split *sp)
{
    return sp->outer.len && !sp->in_records;
}

/* May a stretch that has been read up to `to` be read once more? Hostile
 * nesting could make that quadratic, so that there is a limit to it. */
static bool may_rescan(const struct kt_split *sp, size_t to)
{
    return sp->rescanned <= KT_SPLIT_RESCANS + 8 * (offset_of(sp, to) - sp->origin);
}

static void count_rescan(struct kt_split *sp, size_t from, size_t to)
{
    sp->rescanned += to > from ? to - from : 0;
}

/* The first key of the candidate. Neither a flaw nor a bracket that is out of
 * place can stand within `{"key":`, so that it is there before it is asked for. */
static struct kt_span own_key(const struct kt_split *sp)
{
    if (sp->state == SEEK || sp->oversize)
        return sp->own.n ? (struct kt_span){sp->own.text, sp->own.n} : KT_SPAN_NONE;
    bool begun = (sp->state == VALUE || sp->state == ENDING) && !in_tail(sp);
    return begun ? kt_first_key(sp->w + sp->s, sp->end - sp->s) : KT_SPAN_NONE;
}

static void keep_own_key(struct kt_split *sp)
{
    if (sp->oversize) /* kept already */
        return;
    struct kt_span key = own_key(sp);
    sp->own.n = key.n < KT_START_KEY_MAX ? key.n : 0;
    if (sp->own.n)
        memcpy(sp->own.text, key.p, key.n);
}

/* The candidate is damaged and its end not known: the next start behind its
 * beginning is looked for, and what is before that told as damage. `pos` is
 * where that was seen. */
static enum step seek_from(struct kt_split *sp, const char *reason, bool noise)
{
    keep_own_key(sp);
    /* what is left of an oversize one may begin with a start that is not all there yet */
    size_t from = in_tail(sp) || sp->oversize ? sp->s : sp->s + 1;
    sp->reason = sp->oversize ? NULL : reason;
    sp->noise = noise;
    if (sp->pos < from)
        sp->pos = from;
    sp->found_from = may_rescan(sp, sp->pos) ? from : sp->pos;
    sp->state = SEEK;
    sp->oversize = false;
    sp->flaw = NULL;
    if (in_tail(sp))
        forget_outer(sp); /* the damage is in the tail of that object */
    return GO;
}

static void enter_start(struct kt_split *sp, size_t at, enum kt_start_kind kind)
{
    if (kind == KT_START_DOCUMENT || in_tail(sp)) {
        forget_outer(sp);
        sp->in_list = sp->in_list && kind != KT_START_DOCUMENT;
    }
    between_values(sp, at);
}

/* A damaged stretch without the separators behind it. */
static size_t trimmed(const struct kt_split *sp, size_t from, size_t to)
{
    size_t e = to, low = to - from > KT_START_BLANKS ? to - KT_START_BLANKS : from;
    while (e > low && kt_is_blank(sp->w[e - 1]))
        e--;
    if (e > low && sp->w[e - 1] == ',')
        e--;
    while (e > low && kt_is_blank(sp->w[e - 1]))
        e--;
    return e;
}

static size_t find_start(const struct kt_split *sp, size_t from, size_t to, enum kt_start_kind *kind)
{
    struct kt_start_where where = {.own = own_key(sp), .top = at_top(sp)};
    size_t r = kt_starts_find(&sp->starts, &where, sp->w, to, from, kind);
    return *kind == KT_START_NONE ? SIZE_MAX : r;
}

/* The candidate is damaged up to the start at `r`, where reading goes on. That
 * was seen at `seen`, which must not depend on how many bytes are there. */
static enum step resume_at(struct kt_split *sp, size_t r, enum kt_start_kind kind, const char *reason, size_t seen)
{
    if (r < seen && !may_rescan(sp, seen)) {
        sp->pos = seen;
        return seek_from(sp, reason, false);
    }
    count_rescan(sp, r, seen);
    if (!tell_damage(sp, sp->s, trimmed(sp, sp->s, r), sp->oversize ? NULL : reason, false))
        return stop(sp);
    enter_start(sp, r, kind);
    return GO;
}

/* A flawed candidate ends at the next start of which all is before `to`: what
 * flawed it may have turned the inside of strings out. GO: it has; WAIT: there
 * is none. To be asked before anything else is decided about the candidate,
 * or it would matter whether bytes came one by one. */
static enum step end_flawed(struct kt_split *sp, size_t to)
{
    enum kt_start_kind kind = KT_START_NONE;
    if (!sp->flaw)
        return WAIT;
    size_t r = find_start(sp, sp->found_from, to, &kind);
    if (r != SIZE_MAX)
        return resume_at(sp, r, kind, sp->flaw, sp->flaw_at);
    size_t back = to > KT_START_LOOK ? to - KT_START_LOOK : 0;
    if (back > sp->found_from)
        sp->found_from = back;
    return WAIT;
}

/* The brackets of the candidate do not match at `at`, so that its end is not known. */
static enum step broken(struct kt_split *sp, size_t at, const char *reason)
{
    enum step r = end_flawed(sp, at);
    if (r != WAIT)
        return r;
    sp->pos = at;
    return seek_from(sp, sp->flaw ? sp->flaw : reason, false);
}

/* --- whole candidates ------------------------------------------------------ */

static enum step offer(struct kt_split *sp, const struct kt_candidate *c, size_t end)
{
    const char *reason = NULL;
    switch (sp->sink.take(sp->sink.ctx, c, &reason)) {
    case KT_TAKE_OK:
        kt_starts_learn(&sp->starts, c->p, c->n);
        between_values(sp, end);
        return GO;
    case KT_TAKE_DAMAGED:
        break;
    default:
        return stop(sp);
    }
    enum kt_start_kind kind = KT_START_NONE;
    size_t r = find_start(sp, sp->s + 1, end, &kind);
    if (r != SIZE_MAX)
        return resume_at(sp, r, kind, reason, sp->pos);
    if (!tell_damage(sp, sp->s, end, reason, false))
        return stop(sp);
    between_values(sp, end);
    return GO;
}

static enum step offer_whole(struct kt_split *sp, size_t end, bool matters, enum kt_keyed keyed)
{
    struct kt_candidate c = {sp->w + sp->s, end - sp->s, offset_of(sp, sp->s), matters, sp->control, keyed};
    return offer(sp, &c, end);
}

/* The object around an array of records has ended. */
static enum step offer_outer(struct kt_split *sp, size_t end)
{
    kt_buf_add(&sp->outer, sp->w + sp->s, end - sp->s);
    struct kt_candidate c = {sp->outer.p, sp->outer.len, offset_of(sp, sp->s), false, true, KT_KEYED_UNKNOWN};
    c.matters = !sp->outer.failed && kt_pick_matters(sp->pick, c.p, c.n);
    const char *reason = NULL;
    enum kt_take t = c.matters ? sp->sink.take(sp->sink.ctx, &c, &reason) : KT_TAKE_OK;
    if (t == KT_TAKE_STOP)
        return stop(sp);
    bool ok = t != KT_TAKE_DAMAGED ||
              (sp->sink.damage(sp->sink.ctx, c.p, c.n, c.offset, reason, false));
    forget_outer(sp);
    if (!ok)
        return stop(sp);
    between_values(sp, end);
    return GO;
}

/* A candidate has its natural end. */
static enum step ended(struct kt_split *sp, size_t end)
{
    enum step r = end_flawed(sp, end);
    if (r != WAIT)
        return r;
    if (sp->flaw) {
        if (!tell_damage(sp, sp->s, end, sp->oversize ? NULL : sp->flaw, false))
            return stop(sp);
        if (in_tail(sp))
            forget_outer(sp);
        between_values(sp, end);
        return GO;
    }
    if (in_tail(sp))
        return offer_outer(sp, end);
    bool matters = is_named(sp, end);
    enum kt_start_kind kind = KT_START_NONE;
    if (matters && !at_top(sp) && find_start(sp, sp->s + 1, end, &kind) != SIZE_MAX) {
        sp->state = ENDING;
        sp->ending = sp->pos = end;
        return GO;
    }
    return offer_whole(sp, end, matters, sp->keyed ? KT_KEYED : KT_KEYED_UNKNOWN);
}

/* A record seems to hold another one. In an array the byte behind it tells
 * whether its brackets are its own or were closed by those of the array. */
static enum step behind_value(struct kt_split *sp)
{
    size_t most = sp->ending + ENDING_BLANKS;
    while (sp->pos < sp->end && sp->pos < most && kt_is_blank(sp->w[sp->pos]))
        sp->pos++;
    if (sp->pos == sp->end && sp->pos < most && !sp->eof)
        return WAIT;
    if (sp->pos < sp->end && (sp->w[sp->pos] == ',' || sp->w[sp->pos] == ']'))
        return offer_whole(sp, sp->ending, true, KT_KEYED_UNKNOWN);
    enum kt_start_kind kind = KT_START_NONE;
    size_t r = find_start(sp, sp->s + 1, sp->ending, &kind);
    sp->state = VALUE;
    return r == SIZE_MAX ? offer_whole(sp, sp->ending, true, KT_KEYED_UNKNOWN) : resume_at(sp, r, kind, "a missing bracket", sp->pos);
}

/* --- inside an object or array --------------------------------------------- */

static bool is_array(const struct kt_split *sp, size_t depth)
{
    return sp->stack[depth / 64] >> (depth % 64) & 1;
}

static void push(struct kt_split *sp, bool array)
{
    if (sp->depth < KT_SPLIT_DEPTH) {
        uint64_t bit = (uint64_t)1 << (sp->depth % 64);
        if (array)
            sp->stack[sp->depth / 64] |= bit;
        else
            sp->stack[sp->depth / 64] &= ~bit;
    }
    sp->depth++;
}

static void flawed(struct kt_split *sp, size_t at, uint64_t inside)
{
    if (sp->flaw)
        return;
    unsigned char c = (unsigned char)sp->w[at];
    if (inside)
        sp->flaw = c == '\n' || c == '\r' ? "a newline in a string" : "a control character in a string";
    else if (c >= 0x80)
        sp->flaw = "a byte outside of strings that is not ASCII";
    else
        sp->flaw = c < 0x20 ? "a control character outside of strings" : "a bare word or an unterminated string";
    sp->flaw_at = at;
    sp->found_from = sp->s + 1;
}

/* May this bracket stand here? In an object only behind a colon, in an array
 * only behind its beginning or a comma. */
static bool may_open(const struct kt_split *sp, size_t at)
{
    if (sp->depth == 0 || sp->depth > KT_SPLIT_DEPTH)
        return true;
    size_t i = at, low = sp->s;
    if (sp->oversize) /* its beginning was let go of, but for more than this */
        low = at > LOOK_BACK ? at - LOOK_BACK : 0;
    while (i > low && kt_is_blank(sp->w[i - 1]))
        i--;
    if (i == low)
        return !in_tail(sp); /* that begins behind a closing bracket */
    char c = sp->w[i - 1];
    return is_array(sp, sp->depth - 1) ? c == ',' || c == '[' : c == ':';
}

static bool holds_records(struct kt_split *sp, size_t at)
{
    if (sp->in_records || sp->oversize || sp->depth == 0 || sp->depth > 2 || is_array(sp, 0))
        return false;
    struct kt_span key = kt_key_before(sp->w, sp->s, at);
    if (sp->depth == 1)
        return kt_is_envelope_key(key);
    return sp->hits_open && !is_array(sp, 1) && kt_span_is(key, "hits");
}

/* The array that begins at `at` holds records: its elements are candidates. */
static enum step descend(struct kt_split *sp, size_t at)
{
    size_t to = at + 1;
    enum step r = end_flawed(sp, at);
    if (r != WAIT)
        return r;
    if (sp->flaw && !tell_damage(sp, sp->s, to, sp->flaw, true))
        return stop(sp);
    kt_buf_add(&sp->outer, sp->w + sp->s, to - sp->s);
    sp->outer_depth = sp->depth;
    sp->in_records = true;
    sp->control = sp->outer.len && memmem(sp->outer.p, sp->outer.len, "\"CONTROL_MESSAGE\"", 17) != NULL;
    between_values(sp, to);
    return GO;
}

static enum step ascend(struct kt_split *sp, size_t at)
{
    kt_buf_addc(&sp->outer, ']');
    sp->in_records = sp->control = false;
    sp->state = VALUE;
    sp->s = sp->pos = at + 1;
    sp->scan = (struct kt_scan){0};
    sp->depth = sp->outer_depth;
    sp->stack[0] &= ~(uint64_t)3; /* objects all */
    return GO;
}

/* A bracket outside strings. GO: on with the scan; WAIT: it has changed the
 * state. */
static enum step bracket(struct kt_split *sp, size_t at, enum step *then)
{
    char c = sp->w[at];
    *then = GO;
    if (c == '{' || c == '[') {
        if (!may_open(sp, at)) {
            *then = broken(sp, at, "a missing bracket");
            return WAIT;
        }
        if (c == '[' && holds_records(sp, at)) {
            *then = descend(sp, at);
            return WAIT;
        }
        if (c == '{' && sp->depth == 1 && !sp->in_records)
            sp->hits_open = kt_span_is(kt_key_before(sp->w, sp->s, at), "hits");
        push(sp, c == '[');
        if (sp->depth > KT_SPLIT_DEPTH && !sp->flaw) {
            sp->flaw = "nested deeper than 2048 levels";
            sp->flaw_at = at;
            sp->found_from = sp->s + 1;
        }
        return GO;
    }
    if (sp->depth <= KT_SPLIT_DEPTH && is_array(sp, sp->depth - 1) != (c == ']')) {
        *then = broken(sp, at, "brackets that do not match");
        return WAIT;
    }
    if (--sp->depth == 1)
        sp->hits_open = false;
    if (sp->depth == 0) {
        sp->pos = at + 1;
        *then = ended(sp, at + 1);
        return WAIT;
    }
    return GO;
}

/* One block of at most 64 bytes. */
static enum step scan_block(struct kt_split *sp, size_t n, enum step *then)
{
    struct kt_scan_hits h;
    kt_scan_step(&sp->scan, sp->w + sp->pos, n, &h);
    size_t from = sp->pos;
    sp->pos += n;
    while (h.bracket) {
        unsigned i = (unsigned)__builtin_ctzll(h.bracket);
        uint64_t before = h.damage & (((uint64_t)1 << i) - 1);
        if (before) {
            unsigned d = (unsigned)__builtin_ctzll(before);
            flawed(sp, from + d, h.inside >> d & 1);
        }
        h.damage &= ~before;
        h.bracket &= h.bracket - 1;
        if (bracket(sp, from + i, then) != GO)
            return WAIT;
    }
    if (h.damage) {
        unsigned d = (unsigned)__builtin_ctzll(h.damage);
        flawed(sp, from + d, h.inside >> d & 1);
    }
    return GO;
}

/* Lets go of what an oversize candidate no longer needs. */
static bool let_go(struct kt_split *sp, const char *reason)
{
    if (!tell_damage(sp, sp->s, sp->found_from, reason, false))
        return false;
    if (sp->s < sp->found_from)
        sp->s = sp->found_from;
    return true;
}

/* The candidate has KT_RECORD_MAX bytes and no end: if no start is among them,
 * it goes on as a flawed one of which only the last bytes are held. */
static enum step too_large(struct kt_split *sp)
{
    static const char reason[] = "record larger than 8 MiB";
    enum kt_start_kind kind = KT_START_NONE;
    if (sp->flaw)
        return broken(sp, sp->pos, sp->flaw);
    size_t r = find_start(sp, sp->s + 1, sp->pos, &kind);
    if (r != SIZE_MAX)
        return resume_at(sp, r, kind, reason, sp->pos);
    keep_own_key(sp);
    if (in_tail(sp))
        forget_outer(sp);
    sp->flaw = reason;
    sp->flaw_at = sp->pos;
    sp->found_from = sp->pos - KT_START_LOOK;
    sp->oversize = true;
    sp->oversize_from = offset_of(sp, sp->s);
    return let_go(sp, reason) ? GO : stop(sp);
}

/* --- clean text ------------------------------------------------------------ */

static void begin_value(struct kt_split *sp)
{
    sp->state = VALUE;
    sp->s = sp->searched = sp->pos;
    sp->scan = (struct kt_scan){0};
    sp->depth = 0;
    sp->flaw = NULL;
    sp->named = sp->keyed = sp->careful = false;
    if (!sp->in_records)
        sp->hits_open = false;
}

/* What is not common in clean text is left to the careful way, from the
 * candidate's beginning. */
static enum step carefully(struct kt_split *sp, size_t s)
{
    sp->pos = s;
    begin_value(sp);
    sp->careful = true;
    return GO;
}

static bool can_sweep(const struct kt_split *sp)
{
    return !sp->careful && !sp->flaw && !sp->oversize && !sp->control && sp->depth < SWEEP_DEPTH && !in_tail(sp) &&
           sp->end - sp->pos >= KT_SCAN_BLOCK + sp->sweep.margin;
}

/* What is between `from` and `to`: nothing but what may separate values? */
static bool separates(const char *w, size_t from, size_t to)
{
    for (; from < to; from++)
        if (w[from] != ',' && !kt_is_blank(w[from]))
            return false;
    return true;
}

/* As may_open(), of what is not directly in front of the bracket. */
static __attribute__((noinline)) bool may_open_behind(const char *w, size_t low, size_t at, bool in_array)
{
    size_t i = at;
    while (i > low && kt_is_blank(w[i - 1]))
        i--;
    if (i == low)
        return false;
    return in_array ? w[i - 1] == ',' || w[i - 1] == '[' : w[i - 1] == ':';
}

/* Of an object that is not in an array of records: may records be behind this bracket? */
static bool may_hold_records(const struct kt_split *sp, size_t s, size_t at, size_t depth)
{
    const char *w = sp->w;
    if (sp->in_records || depth > 1)
        return false;
    if (at > s + 2 && w[at - 1] == ':' && w[at - 2] == '"' && w[at - 3] != 's')
        return false; /* all their names end so */
    struct kt_span key = kt_key_before(w, s, at);
    return w[at] == '[' ? kt_is_envelope_key(key) : kt_span_is(key, "hits");
}

struct walk { /* through the brackets of what was swept */
    size_t from, first, s, depth; /* `first`: where the first candidate began */
    uint64_t stack;       /* bit i: the i-th bracket from the innermost is an array's */
    size_t name, key;     /* the next ones that were found */
    bool named, keyed;    /* the candidate, by what was swept before */
    uint64_t skipped;     /* candidates that do not matter */
};

static bool tell_skipped(struct kt_split *sp, struct walk *k)
{
    uint64_t n = k->skipped;
    k->skipped = 0;
    return n == 0 || sp->sink.skip(sp->sink.ctx, n);
}

/* The types of the brackets from the innermost on, as the careful way keeps them
 * from the outermost on; and back. */
static uint64_t turned(uint64_t stack, size_t depth)
{
    uint64_t out = 0;
    for (size_t i = 0; i < depth; i++)
        out |= (stack >> i & 1) << (depth - 1 - i);
    return out;
}

static void keep_walk(struct kt_split *sp, const struct walk *k, size_t pos)
{
    sp->state = VALUE;
    sp->s = k->s;
    sp->pos = sp->searched = pos;
    sp->depth = k->depth;
    sp->stack[0] = turned(k->stack, k->depth);
    sp->named = k->named;
    sp->keyed = k->keyed;
}

/* Was something found before `end`? */
static bool found_before(const uint16_t *at, size_t n, size_t *next, size_t end)
{
    size_t i = *next;
    while (i < n && at[i] < end)
        i++;
    bool any = i > *next;
    *next = i;
    return any;
}

/* The candidate ends at `end`. GO: on with the walk; WAIT: `then` says how to go on. */
static enum step walked_out(struct kt_split *sp, struct walk *k, size_t end, enum step *then)
{
    const struct kt_swept *v = sp->swept;
    bool named = found_before(v->name, v->n_names, &k->name, end - k->from) || k->named;
    bool keyed = found_before(v->key, v->n_keys, &k->key, end - k->from) || k->keyed;
    k->named = k->keyed = false;
    if (!named && !keyed && end - k->s <= KT_RECORD_MAX) {
        k->skipped++;
        kt_starts_learn(&sp->starts, sp->w + k->s, end - k->s);
        return GO;
    }
    *then = STOP;
    if (!tell_skipped(sp, k)) {
        (void)stop(sp);
        return WAIT;
    }
    if (end - k->s > KT_RECORD_MAX) {
        *then = carefully(sp, k->s);
        return WAIT;
    }
    keep_walk(sp, k, end);
    enum kt_start_kind kind = KT_START_NONE;
    if (named && !at_top(sp) && find_start(sp, sp->s + 1, end, &kind) != SIZE_MAX) {
        sp->state = ENDING;
        sp->ending = end;
        *then = GO;
        return WAIT;
    }
    *then = offer_whole(sp, end, named, keyed ? KT_KEYED : KT_KEYED_NOT);
    if (*then != GO || sp->state != ELEMENT || sp->pos != end)
        return WAIT;
    *then = SWEPT;
    return GO;
}

/* May the bracket at `at` stand there, of the clean text of a candidate from `s`? */
static inline bool stands(const struct kt_split *sp, size_t s, size_t at, size_t depth, bool in_array)
{
    char b = sp->w[at - 1];
    bool ok = in_array ? b == ',' || b == '[' : b == ':';
    return (ok || may_open_behind(sp->w, s, at, in_array)) && depth < SWEEP_DEPTH &&
           (depth > 1 || !may_hold_records(sp, s, at, depth));
}

/* Through the brackets. GO: all of them, and the candidate that is not ended
 * goes on; WAIT: `then` says how to go on. */
static enum step walk_brackets(struct kt_split *sp, struct walk *k, size_t *gap, enum step *then)
{
    const char *w = sp->w;
    const uint16_t *bracket = sp->swept->bracket, *end = bracket + sp->swept->n_brackets;
    size_t depth = k->depth, from = k->from, s = k->s; /* in registers */
    uint64_t stack = k->stack;
    enum step r = GO;
    for (; bracket < end; bracket++) {
        size_t at = from + *bracket;
        unsigned char c = (unsigned char)w[at];
        bool array = !(c & 0x20);
        if (depth == 0) {
            r = WAIT;
            if (at != k->first && (c != '{' || !separates(w, *gap, at)))
                break;
            sp->lined |= at != k->first && at_top(sp) && w[*gap] == '\n';
            s = k->s = at;
            stack = array;
            depth = 1;
            r = GO;
            continue;
        }
        bool in_array = stack & 1; /* the innermost in the lowest bit */
        if (c & 2) {
            if (!stands(sp, s, at, depth, in_array))
                break;
            stack = stack << 1 | array;
            depth++;
            continue;
        }
        if (in_array != array)
            break;
        stack >>= 1;
        if (--depth == 0) {
            *gap = at + 1;
            k->depth = 0;
            r = walked_out(sp, k, at + 1, then);
            if (r != GO)
                break;
        }
    }
    k->depth = depth;
    k->stack = stack;
    if (bracket < end && r == GO) {
        *then = carefully(sp, s);
        r = WAIT;
    }
    return r;
}

/* What was scanned without a sweep is searched before the next one begins. */
static bool found_meanwhile(const struct kt_split *sp, const struct kt_pick *pick, const struct kt_pick *exact)
{
    size_t overlap = kt_pick_longest(pick) - 1;
    size_t from = sp->searched > sp->s + overlap ? sp->searched - overlap : sp->s;
    size_t to = sp->end - sp->pos > overlap ? sp->pos + overlap : sp->end;
    while ((from = kt_pick_next(pick, sp->w, to, from)) < sp->pos) {
        if (!exact || sp->w[from] == '\\' || kt_pick_event_at(exact, sp->w + from, sp->end - from))
            return true;
        from++;
    }
    return false;
}

static void search_meanwhile(struct kt_split *sp)
{
    if (sp->searched >= sp->pos)
        return;
    sp->named = sp->named || found_meanwhile(sp, sp->sweep.names, sp->sweep.exact);
    sp->keyed = sp->keyed || (sp->sweep.keys && found_meanwhile(sp, sp->sweep.keys, NULL));
}

/* One sweep, and all that it finds. WAIT: there is no clean block here. */
static enum step sweep(struct kt_split *sp)
{
    search_meanwhile(sp);
    struct kt_scan scan = sp->scan;
    struct walk k = {sp->pos, sp->s, sp->s, sp->depth, turned(sp->stack[0], sp->depth), 0, 0, sp->named, sp->keyed, 0};
    size_t to = kt_sweep(&sp->sweep, sp->w, sp->s, sp->pos, sp->end - sp->sweep.margin, &scan, sp->swept);
    size_t gap = sp->s;
    if (to == sp->pos)
        return WAIT;
    enum step then = SWEPT, r = walk_brackets(sp, &k, &gap, &then);
    if (!tell_skipped(sp, &k))
        return stop(sp);
    if (r == WAIT && then != SWEPT)
        return then;
    if (k.depth == 0) { /* between two, or what is there is for the careful way */
        between_values(sp, gap);
        return GO;
    }
    if (to - k.s >= KT_RECORD_MAX)
        return carefully(sp, k.s);
    k.named |= k.name < sp->swept->n_names; /* what is left of them is its own */
    k.keyed |= k.key < sp->swept->n_keys;
    keep_walk(sp, &k, to);
    sp->scan = scan;
    return SWEPT;
}

static enum step in_value(struct kt_split *sp)
{
    while (can_sweep(sp)) {
        enum step r = sweep(sp);
        if (r == WAIT)
            break;
        if (r != SWEPT)
            return r;
    }
    size_t lim = sp->end, largest = sp->s + KT_RECORD_MAX;
    if (!sp->oversize && lim > largest)
        lim = largest;
    while (sp->pos < lim) {
        size_t n = lim - sp->pos < KT_SCAN_BLOCK ? lim - sp->pos : KT_SCAN_BLOCK;
        enum step then;
        if (scan_block(sp, n, &then) != GO)
            return then;
        if (sp->flaw && (sp->pos == lim || sp->pos - sp->found_from >= 2 * KT_START_LOOK)) {
            then = end_flawed(sp, sp->pos);
            if (then != WAIT)
                return then;
        }
    }
    if (sp->oversize)
        return let_go(sp, NULL) ? WAIT : stop(sp);
    return sp->pos == largest ? too_large(sp) : WAIT;
}

/* --- between values -------------------------------------------------------- */

/* Bytes that are no JSON text at all, where a value should begin. */
static enum step strange(struct kt_split *sp, unsigned char c)
{
    uint64_t at = offset_of(sp, sp->pos);
    size_t left = sp->end - sp->pos;
    if (at == sp->origin && (c == 0xff || c == 0xfe)) {
        if (left < 2 && !sp->eof)
            return WAIT;
        if (left >= 2 && (c ^ (unsigned char)sp->w[sp->pos + 1]) == 1) {
            sp->utf16 = true;
            return stop(sp);
        }
    }
    if (c == 0xef && at_top(sp)) { /* a byte order mark, as files put together have them */
        size_t k = left < 3 ? left : 3;
        bool bom = memcmp(sp->w + sp->pos, "\xef\xbb\xbf", k) == 0;
        if (bom && k < 3 && !sp->eof)
            return WAIT;
        if (bom && k == 3) {
            sp->pos += 3;
            return GO;
        }
    }
    sp->s = sp->pos;
    return seek_from(sp, "not JSON", true);
}

static enum step closing(struct kt_split *sp, char c)
{
    if (c == ']' && sp->in_records)
        return ascend(sp, sp->pos);
    if (c == ']' && sp->in_list) {
        sp->in_list = false;
        sp->pos++;
        return GO;
    }
    sp->pos++;
    if (!tell_damage(sp, sp->pos - 1, sp->pos, c == ']' ? "an extra ]" : "an extra }", true))
        return stop(sp);
    return GO;
}

static enum step between(struct kt_split *sp)
{
    while (sp->pos < sp->end) {
        unsigned char c = (unsigned char)sp->w[sp->pos];
        switch (c) {
        case '{':
            begin_value(sp);
            return GO;
        case '\n':
            sp->lined |= at_top(sp) && sp->starts.n;
            if (at_top(sp) && !sp->sink.settle(sp->sink.ctx))
                return stop(sp);
            sp->pos++;
            break;
        case ' ': case '\t': case '\r': case ',': case 0x1e:
            sp->pos++;
            break;
        case '[':
            if (!at_top(sp)) {
                begin_value(sp);
                return GO;
            }
            sp->in_list = true;
            sp->pos++;
            break;
        case ']': case '}':
            return closing(sp, (char)c);
        case '"':
            sp->state = STRING;
            sp->s = sp->pos++;
            sp->escaped = false;
            return GO;
        default:
            if (c != '-' && !(c >= '0' && c <= '9') && c != 't' && c != 'f' && c != 'n')
                return strange(sp, c);
            sp->state = SCALAR;
            sp->s = sp->pos;
            return GO;
        }
    }
    return WAIT;
}

/* A string whose text begins like JSON may hold a record; others do not. */
static bool holds_json(const char *p, size_t n)
{
    size_t i = 1;
    while (i < n && kt_is_blank(p[i]))
        i++;
    return i < n && (p[i] == '{' || p[i] == '[');
}

static enum step in_string(struct kt_split *sp)
{
    for (; sp->pos < sp->end; sp->pos++) {
        unsigned char c = (unsigned char)sp->w[sp->pos];
        if (c < 0x20 || sp->pos - sp->s >= KT_RECORD_MAX)
            return seek_from(sp, c < 0x20 ? "unterminated string" : "record larger than 8 MiB", true);
        if (sp->escaped) {
            sp->escaped = false;
        } else if (c == '\\') {
            sp->escaped = true;
        } else if (c == '"') {
            size_t end = ++sp->pos;
            if (holds_json(sp->w + sp->s, end - sp->s)) {
                struct kt_candidate k = {sp->w + sp->s, end - sp->s, offset_of(sp, sp->s),
                                         kt_pick_matters(sp->pick, sp->w + sp->s, end - sp->s), sp->control, KT_KEYED_UNKNOWN};
                return offer(sp, &k, end);
            }
            if (!tell_damage(sp, sp->s, end, "not an object", true))
                return stop(sp);
            between_values(sp, end);
            return GO;
        }
    }
    return WAIT;
}

static enum step in_scalar(struct kt_split *sp)
{
    for (; sp->pos < sp->end; sp->pos++) {
        char c = sp->w[sp->pos];
        bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' || c == '+' || c == '-' || c == '.';
        bool over = kt_is_blank(c) || c == ',' || c == ']' || c == '}' || c == '[' || c == '{' || c == '"';
        if (over)
            break;
        if (!word || sp->pos - sp->s > KT_START_LOOK)
            return seek_from(sp, "not JSON", true);
    }
    if (sp->pos == sp->end && !sp->eof)
        return WAIT;
    if (!tell_damage(sp, sp->s, sp->pos, "not an object", true))
        return stop(sp);
    between_values(sp, sp->pos);
    return GO;
}

/* What is before `to` belongs to the damage. */
static bool tell_sought(struct kt_split *sp, size_t to)
{
    if (to <= sp->s)
        return true;
    const char *reason = sp->reason;
    sp->reason = NULL;
    return tell_damage(sp, sp->s, to, reason, sp->noise);
}

static enum step seek(struct kt_split *sp)
{
    enum kt_start_kind kind = KT_START_NONE;
    size_t r = find_start(sp, sp->found_from, sp->end, &kind);
    if (r != SIZE_MAX) {
        count_rescan(sp, r, sp->pos);
        if (!tell_sought(sp, trimmed(sp, sp->s, r)))
            return stop(sp);
        enter_start(sp, r, kind);
        return GO;
    }
    size_t back = sp->end > KT_START_LOOK ? sp->end - KT_START_LOOK : 0;
    if (back > sp->found_from)
        sp->found_from = back;
    size_t to = sp->eof ? sp->end : back; /* not all before found_from: a start there has separators before it */
    if (!tell_sought(sp, to))
        return stop(sp);
    if (to > sp->s)
        sp->s = to;
    if (sp->pos < sp->s) /* it stays where the damage was seen, for the count of rescans */
        sp->pos = sp->s;
    return WAIT;
}

static enum step run(struct kt_split *sp)
{
    for (;;) {
        enum step r = WAIT;
        switch (sp->state) {
        case ELEMENT: r = between(sp); break;
        case VALUE: r = in_value(sp); break;
        case ENDING: r = behind_value(sp); break;
        case STRING: r = in_string(sp); break;
        case SCALAR: r = in_scalar(sp); break;
        case SEEK: r = seek(sp); break;
        }
        if (r != GO)
            return r;
    }
}

bool kt_split_commit(struct kt_split *sp, size_t n)
{
    if (sp->stopped)
        return false;
    sp->end += n;
    return run(sp) != STOP;
}

/* --- the end --------------------------------------------------------------- */

/* A line that is complete but for its closing bracket is damaged; what stops
 * in the middle is cut. */
static bool is_whole_line(const struct kt_split *sp)
{
    const char *nl = memchr(sp->w + sp->s, '\n', sp->end - sp->s);
    if (!at_top(sp) || !nl || !kt_first_key(sp->w + sp->s, sp->end - sp->s).p)
        return false;
    for (const char *p = nl; p < sp->w + sp->end; p++)
        if (!kt_is_blank(*p))
            return false;
    return true;
}

static enum step end_in_value(struct kt_split *sp, bool *partial)
{
    enum kt_start_kind kind = KT_START_NONE;
    *partial = false;
    size_t r = sp->flaw ? SIZE_MAX : find_start(sp, sp->s + 1, sp->end, &kind); /* a flawed one was searched */
    if (r != SIZE_MAX && may_rescan(sp, sp->end))
        return resume_at(sp, r, kind, "a missing bracket or an unterminated string", sp->end);
    const char *flaw = sp->flaw;
    if (!flaw && is_whole_line(sp))
        flaw = sp->scan.in_string ? "unterminated string" : "a missing bracket";
    *partial = !flaw || flaw == sp->flaw;
    if (flaw && !tell_damage(sp, sp->s, trimmed(sp, sp->s, sp->end), sp->oversize ? NULL : flaw, false))
        return stop(sp);
    return WAIT;
}

enum kt_split_end kt_split_finish(struct kt_split *sp, struct kt_split_rest *rest)
{
    *rest = (struct kt_split_rest){0};
    sp->eof = true;
    bool partial = false;
    for (;;) {
        if (sp->stopped || run(sp) == STOP)
            return sp->utf16 ? KT_SPLIT_UTF16 : KT_SPLIT_STOPPED;
        partial = sp->state == STRING;
        if (sp->state != VALUE)
            break;
        enum step r = end_in_value(sp, &partial);
        if (r == STOP)
            return KT_SPLIT_STOPPED;
        if (r == WAIT)
            break;
    }
    if (partial) {
        uint64_t from = sp->oversize ? sp->oversize_from : offset_of(sp, sp->s);
        *rest = (struct kt_split_rest){from, offset_of(sp, sp->end) - from,
                                       !sp->oversize && kt_pick_any(sp->pick, sp->w + sp->s, sp->end - sp->s)};
        return KT_SPLIT_IN_VALUE;
    }
    return sp->state == ELEMENT && !at_top(sp) ? KT_SPLIT_IN_ARRAY : KT_SPLIT_WHOLE;
}

bool kt_split_has_lines(const struct kt_split *sp)
{
    return sp->lined && at_top(sp) && kt_starts_learned(&sp->starts);
}

const struct kt_starts *kt_split_habit(const struct kt_split *sp)
{
    return &sp->starts;
}

void kt_split_continue(struct kt_split *sp, const struct kt_starts *habit)
{
    sp->starts = *habit;
}

bool kt_split_at_rest(const struct kt_split *sp)
{
    return !sp->stopped && sp->state == ELEMENT && sp->pos == sp->end && at_top(sp);
}
