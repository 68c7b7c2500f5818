/* Rows in columns: in, out, and one by one. */
#include "store/impl.h"

#include <string.h>

enum { AFTER_NONE = INT32_MIN, AFTER_FAR = INT32_MIN + 1 };

struct chunk *chunk_new(struct kt_store *s)
{
    struct chunk *c = mem_alloc(&s->mem, sizeof *c);
    if (!c)
        return NULL;
    memset(c, 0, offsetof(struct chunk, time));
    c->oldest = INT64_MAX;
    c->newest = KT_TIME_NONE;
    return c;
}

void chunk_free(struct kt_store *s, struct chunk *c)
{
    for (int i = 0; i < SPARSES; i++)
        mem_free(&s->mem, c->sparse[i]);
    mem_free(&s->mem, c->raw);
    mem_free(&s->mem, c->far);
    mem_free(&s->mem, c);
}

/* --- what is seldom there ------------------------------------------------------- */

static bool put_sparse(struct kt_store *s, struct chunk *c, size_t i, enum sparse which, uint32_t v)
{
    if (!v && !c->sparse[which])
        return true;
    if (!c->sparse[which] && !(c->sparse[which] = mem_zero(&s->mem, CHUNK_ROWS * sizeof(uint32_t))))
        return false;
    c->sparse[which][i] = v;
    return true;
}

static uint32_t get_sparse(const struct chunk *c, size_t i, enum sparse which)
{
    return c->sparse[which] ? c->sparse[which][i] : 0;
}

/* Rows are added in order: the last one is the newest. */
static bool put_far(struct kt_store *s, struct chunk *c, size_t i, const struct packed *p)
{
    bool bad = p->kind == KT_KIND_MALFORMED;
    if ((c->n_far & (c->n_far - 1)) == 0) { /* 0, 1, 2, 4, 8: room for twice as many */
        struct far *far = mem_resize(&s->mem, c->far, (c->n_far ? 2 * c->n_far : 1) * sizeof *far);
        if (!far)
            return false;
        c->far = far;
    }
    while (c->n_far && c->far[c->n_far - 1].at >= i) /* of an addition that failed */
        c->n_far--;
    c->far[c->n_far++] = (struct far){(uint32_t)i, p->record, bad ? KT_TIME_NONE : p->created, bad ? p->bad : NULL};
    return true;
}

static const struct far *get_far(const struct chunk *c, size_t i)
{
    uint32_t lo = 0, hi = c->n_far;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (c->far[mid].at <= i)
            lo = mid;
        else
            hi = mid;
    }
    return &c->far[lo];
}

/* --- a row -------------------------------------------------------------------------- */

static int32_t after_of(const struct packed *p)
{
    if (p->kind == KT_KIND_MALFORMED || p->record > UINT32_MAX)
        return AFTER_FAR;
    if (p->created == KT_TIME_NONE)
        return AFTER_NONE;
    int64_t d;
    if (p->time == KT_TIME_NONE || __builtin_sub_overflow(p->created, p->time, &d) || d <= AFTER_FAR || d > INT32_MAX)
        return AFTER_FAR;
    return (int32_t)d;
}

bool row_put_raw(struct kt_store *s, uint64_t seq, struct raw *r)
{
    struct chunk *c = chunk_of(s, seq);
    if (!r && !c->raw)
        return true;
    if (!c->raw && !(c->raw = mem_zero(&s->mem, CHUNK_ROWS * sizeof(struct raw *))))
        return false;
    c->raw[row_in(seq)] = r;
    return true;
}

struct raw *row_raw(const struct kt_store *s, uint64_t seq)
{
    const struct chunk *c = chunk_of(s, seq);
    return c->raw ? c->raw[row_in(seq)] : NULL;
}

bool row_put(struct kt_store *s, uint64_t seq, const struct packed *p)
{
    struct chunk *c = chunk_of(s, seq);
    size_t i = row_in(seq);
    int32_t after = after_of(p);
    if (!row_put_raw(s, seq, p->raw) || !put_sparse(s, c, i, SPARSE_ERROR, p->error) ||
        !put_sparse(s, c, i, SPARSE_WHERE, p->where) || !put_sparse(s, c, i, SPARSE_EVIDENCE, p->evidence) ||
        (after == AFTER_FAR && !put_far(s, c, i, p)))
        return false;
    const uint32_t col[COLUMNS] = {
        [COL_ACTOR] = p->actor, [COL_AGENT] = p->agent, [COL_PLACE] = p->place, [COL_VERDICT] = p->verdict,
        [COL_WHY] = p->why, [COL_ORIGIN] = p->origin, [COL_TARGET] = p->target, [COL_ADDRESS] = p->address,
        [COL_KEY] = p->key};
    for (int k = 0; k < COLUMNS; k++)
        c->col[k][i] = col[k];
    c->time[i] = p->time;
    c->bits[i] = p->bits;
    c->record[i] = (uint32_t)p->record;
    c->after[i] = after;
    c->flags[i] = (uint16_t)p->flags;
    memcpy(c->id[i], p->id, sizeof p->id);
    memcpy(c->digest[i], p->digest, DIGEST);
    return true;
}

bool row_put_verdict(struct kt_store *s, uint64_t seq, const struct packed *p)
{
    struct chunk *c = chunk_of(s, seq);
    size_t i = row_in(seq);
    if (!put_sparse(s, c, i, SPARSE_EVIDENCE, p->evidence))
        return false;
    c->col[COL_VERDICT][i] = p->verdict;
    c->col[COL_WHY][i] = p->why;
    c->bits[i] = p->bits;
    return true;
}

void row_get_identity(const struct kt_store *s, uint64_t seq, struct packed *p)
{
    const struct chunk *c = chunk_of(s, seq);
    size_t i = row_in(seq);
    memcpy(p->id, c->id[i], sizeof p->id);
    memcpy(p->digest, c->digest[i], DIGEST);
    p->bits = c->bits[i];
    p->flags = c->flags[i];
}

static int64_t created_of(const struct chunk *c, size_t i)
{
    return c->after[i] == AFTER_NONE ? KT_TIME_NONE : c->time[i] + c->after[i];
}

void row_get(const struct kt_store *s, uint64_t seq, struct packed *p)
{
    const struct chunk *c = chunk_of(s, seq);
    size_t i = row_in(seq);
    row_get_identity(s, seq, p);
    p->time = c->time[i];
    p->actor = c->col[COL_ACTOR][i];
    p->agent = c->col[COL_AGENT][i];
    p->place = c->col[COL_PLACE][i];
    p->verdict = c->col[COL_VERDICT][i];
    p->why = c->col[COL_WHY][i];
    p->origin = c->col[COL_ORIGIN][i];
    p->target = c->col[COL_TARGET][i];
    p->address = c->col[COL_ADDRESS][i];
    p->key = c->col[COL_KEY][i];
    p->error = get_sparse(c, i, SPARSE_ERROR);
    p->where = get_sparse(c, i, SPARSE_WHERE);
    p->evidence = get_sparse(c, i, SPARSE_EVIDENCE);
    p->raw = c->raw ? c->raw[i] : NULL;
    p->record = c->record[i];
    if (c->after[i] != AFTER_FAR) {
        p->created = created_of(c, i);
        return;
    }
    const struct far *far = get_far(c, i);
    p->record = far->record;
    if (p->kind == KT_KIND_MALFORMED)
        p->bad = far->bad;
    else
        p->created = far->created;
}
