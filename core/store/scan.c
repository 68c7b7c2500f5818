#include "store/scan.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

enum {
    SLICE = CHUNK_ROWS,  /* rows looked at under one hold of the lock, at most */
    SLICE_COUNTED = 512, /* where what they touch is counted: some hundreds of nanoseconds each */
    TEXTS_MAX = 1 << 30,
    RISKS_KNOWN = 1 << 16
};

/* --- members -------------------------------------------------------------------------- */

bool members_prepare(struct members *m, uint64_t last)
{
    size_t words = last < m->base ? 0 : (size_t)((last - m->base) / 64 + 1);
    if (words <= m->words)
        return true;
    words += words / 8 + 64;
    uint64_t *in = realloc(m->in, words * sizeof *in);
    m->in = in ? in : m->in;
    uint64_t *high = in ? realloc(m->high, words * sizeof *high) : NULL;
    m->high = high ? high : m->high;
    if (!high)
        return false;
    memset(in + m->words, 0, (words - m->words) * sizeof *in);
    memset(high + m->words, 0, (words - m->words) * sizeof *high);
    m->words = words;
    return true;
}

void members_free(struct members *m)
{
    free(m->in);
    free(m->high);
    *m = (struct members){0};
}

void members_count(const struct members *m, uint64_t first, uint64_t *n, uint64_t *high)
{
    *n = *high = 0;
    uint64_t i = first > m->base ? first - m->base : 0;
    for (size_t w = i / 64; w < m->words; w++) {
        uint64_t mask = w == i / 64 ? ~UINT64_C(0) << i % 64 : ~UINT64_C(0);
        *n += (uint64_t)__builtin_popcountll(m->in[w] & mask);
        *high += (uint64_t)__builtin_popcountll(m->high[w] & mask);
    }
}

/* Those of one chunk: first <= seq <= last. */
static size_t members_in(const struct members *m, uint64_t first, uint64_t last, uint64_t seq0, uint16_t at[CHUNK_ROWS])
{
    size_t n = 0;
    uint64_t from = first - m->base, to = last - m->base;
    for (uint64_t w = from / 64; w <= to / 64 && w < m->words; w++) {
        uint64_t bits = m->in[w];
        if (w == from / 64)
            bits &= ~UINT64_C(0) << from % 64;
        if (w == to / 64)
            bits &= ~UINT64_C(0) >> (63 - to % 64);
        for (; bits; bits &= bits - 1)
            at[n++] = (uint16_t)(m->base + w * 64 + (uint64_t)__builtin_ctzll(bits) - seq0);
    }
    return n;
}

void members_each(const struct members *m, struct kt_store *s, uint64_t first, uint64_t last,
                  void (*chunk)(void *ctx, const struct chunk *c, uint64_t seq0, const uint16_t *at, size_t n),
                  void *ctx)
{
    uint16_t at[CHUNK_ROWS];
    for (uint64_t seq = first > m->base ? first : m->base; seq <= last;) {
        uint64_t seq0 = seq - row_in(seq), end = seq0 + CHUNK_ROWS - 1 < last ? seq0 + CHUNK_ROWS - 1 : last;
        end = end - seq >= SLICE_COUNTED ? seq + SLICE_COUNTED - 1 : end;
        store_lock(s);
        uint64_t from = seq > s->first ? seq : s->first;
        size_t n = from <= end ? members_in(m, from, end, seq0, at) : 0;
        if (n)
            chunk(ctx, chunk_of(s, from), seq0, at, n);
        store_unlock(s);
        seq = end + 1;
    }
}

/* --- keys that are numbers --------------------------------------------------------------- */

static bool sorts_as_number(enum kt_field f)
{
    return f == KT_FIELD_TIME || f == KT_FIELD_KEY_CREATED || f == KT_FIELD_RISK || f == KT_FIELD_LEVEL ||
           f == KT_FIELD_ORIGIN_RECORD;
}

static uint64_t key_of(int64_t v, bool ascending)
{
    if (v == KT_TIME_NONE)
        return UINT64_MAX;
    uint64_t u = (uint64_t)v ^ UINT64_C(1) << 63;
    return ascending ? u : ~u;
}

static int64_t risk_of(const struct kt_store *s, uint32_t verdict)
{
    return verdict ? ((const struct t_verdict *)tuple_at(s, T_VERDICT, verdict))->risk : KT_TIME_NONE;
}

/* KT_TIME_NONE: not known. */
static int64_t number_at(const struct kt_store *s, const struct chunk *c, uint64_t seq0, size_t i, enum kt_field f)
{
    struct packed p;
    bool bad = c->bits[i].kind == KT_KIND_MALFORMED;
    switch (f) {
    case KT_FIELD_TIME: return c->time[i];
    case KT_FIELD_LEVEL: return bad ? KT_TIME_NONE : c->bits[i].level;
    case KT_FIELD_RISK: return bad ? KT_TIME_NONE : risk_of(s, c->col[COL_VERDICT][i]);
    default: break;
    }
    row_get(s, seq0 + i, &p);
    return f == KT_FIELD_ORIGIN_RECORD ? (int64_t)p.record : bad ? KT_TIME_NONE : p.created;
}

static void number_keys(struct scan *x, const struct chunk *c, uint64_t seq0, const uint16_t *at, size_t n,
                        uint64_t *key)
{
    bool up = x->spec->ascending;
    if (x->spec->sort == KT_FIELD_TIME) {
        for (size_t i = 0; i < n; i++)
            key[i] = key_of(c->time[at[i]], up);
        return;
    }
    for (size_t i = 0; i < n; i++)
        key[i] = key_of(number_at(x->s, c, seq0, at[i], x->spec->sort), up);
}

/* --- keys that are texts ------------------------------------------------------------------ */

static void texts_free(struct texts *t)
{
    kt_arena_free(t->a);
    kt_arena_free(t->scratch);
    free(t->text);
    free(t->known);
    free(t->shared);
}

static bool texts_init(struct texts *t, const struct kt_store *s, enum kt_field f, bool many)
{
    *t = (struct texts){.c = component_of(f)};
    t->a = kt_arena_new(TEXTS_MAX);
    t->scratch = kt_arena_new(1 << 20);
    t->limit = many ? component_limit(s, t->c) : 0;
    t->known = t->limit ? mem_large(calloc(t->limit, sizeof *t->known), t->limit * sizeof *t->known) : NULL;
    t->place = t->limit ? component_text_place(t->c, f) : -1;
    t->shared_n = t->place >= 0 ? (size_t)s->tab[T_TEXT].top + 1 : 0;
    t->shared = t->shared_n ? mem_large(calloc(t->shared_n, sizeof *t->shared), t->shared_n * sizeof *t->shared) : NULL;
    return t->a && t->scratch && (t->known || !t->limit) && (t->shared || !t->shared_n);
}

/* Its place in text[], from 1; 0: not known. False: out of memory. */
static bool text_put(struct texts *t, struct kt_span text, uint64_t *place)
{
    *place = 0;
    if (!text.p)
        return true;
    if (!kt_grow(&t->text, &t->cap, t->n + 1, sizeof *t->text, UINT32_MAX / 2))
        return false;
    t->text[t->n] = kt_arena_span(t->a, text);
    if (!t->text[t->n].p)
        return false;
    *place = ++t->n;
    return true;
}

static bool text_add(struct texts *t, const struct kt_store *s, uint64_t seq, enum kt_field f, uint64_t *place)
{
    struct packed p;
    row_get(s, seq, &p);
    kt_arena_reset(t->scratch);
    return text_put(t, row_text(s, &p, f, t->scratch), place);
}

/* What is known of the text itself, and that; NULL: it is not one of a table. */
static uint32_t *shared_text(struct scan *x, const struct chunk *c, size_t r, struct kt_span *span)
{
    struct texts *t = &x->texts;
    if (t->place < 0)
        return NULL;
    const uint32_t *text = component_texts(x->s, t->c, component_at(x->s, c, r, t->c));
    uint32_t number = text ? text[t->place] : 0;
    *span = number ? sym_span(&x->s->tab[T_TEXT], number) : KT_SPAN_NONE;
    return text && number < t->shared_n ? &t->shared[number] : NULL;
}

/* Places in text[], for now. */
static bool text_keys(struct scan *x, const struct chunk *c, uint64_t seq0, const uint16_t *at, size_t n, uint64_t *key)
{
    struct texts *t = &x->texts;
    const uint32_t *column = t->limit ? component_column(c, t->c) : NULL;
    if (t->reuses != x->s->ent.reuses && t->limit) /* a place may stand for something else now */
        memset(t->known, 0, t->limit * sizeof *t->known);
    t->reuses = x->s->ent.reuses;
    for (size_t i = 0; i < n; i++) {
        size_t r = at[i];
        uint32_t *known = NULL;
        if (t->limit && c->bits[r].kind != KT_KIND_MALFORMED) {
            uint32_t number = column ? component_index(t->c, column[r]) : component_at(x->s, c, r, t->c);
            known = number < t->limit ? &t->known[number] : NULL;
        }
        if (known && *known) {
            key[i] = *known == UINT32_MAX ? 0 : *known;
            continue;
        }
        struct kt_span text;
        uint32_t *shared = known ? shared_text(x, c, r, &text) : NULL; /* many actors have one name */
        if (shared && *shared)
            key[i] = *shared == UINT32_MAX ? 0 : *shared;
        else if (shared ? !text_put(t, text, &key[i]) : !text_add(t, x->s, seq0 + r, x->spec->sort, &key[i]))
            return false;
        if (known)
            *known = key[i] ? (uint32_t)key[i] : UINT32_MAX;
        if (shared)
            *shared = *known;
    }
    return true;
}

/* Turns places in text[] into keys. */
static bool rank_texts(struct scan *x)
{
    const struct texts *t = &x->texts;
    uint32_t distinct, *rank = malloc((t->n + 1) * sizeof *rank);
    bool ok = rank && order_ranks(t->text, t->n, rank, &distinct), up = x->spec->ascending;
    uint64_t *key = x->order.key;
    for (size_t i = 0; ok && i < x->n; i++)
        key[i] = key[i] ? up ? rank[key[i] - 1] : distinct - rank[key[i] - 1] : UINT64_MAX;
    free(rank);
    return ok;
}

/* --- keys that are the beginnings of texts: where each row has its own ---------------------- */

static bool has_code(enum kt_field f)
{
    return f == KT_FIELD_KEY_ID || f == KT_FIELD_EVENT_ID;
}

/* Of an eventID's bytes: as of its text, "01234567-8". */
static uint64_t uuid_code(const struct order_codes *t, const uint8_t id[16])
{
    static const char hex[] = "0123456789abcdef";
    uint64_t code = 0;
    for (size_t i = 0; i < 4; i++)
        code = code << 12 | (uint64_t)(t->of[(unsigned char)hex[id[i] >> 4]] << 6 | t->of[(unsigned char)hex[id[i] & 15]]);
    return code << 12 | (uint64_t)(t->of['-'] << 6 | t->of[(unsigned char)hex[id[4] >> 4]]);
}

static void code_keys(struct scan *x, const struct chunk *c, uint64_t seq0, const uint16_t *at, size_t n, uint64_t *key)
{
    const uint64_t most = (UINT64_C(1) << ORDER_CODE_BITS) - 1;
    for (size_t i = 0; i < n; i++) {
        size_t r = at[i];
        struct kt_span text = KT_SPAN_NONE;
        if (x->spec->sort == KT_FIELD_EVENT_ID && c->bits[r].id_form == ID_UUID && c->bits[r].kind != KT_KIND_MALFORMED) {
            key[i] = uuid_code(&x->codes, c->id[r]);
            key[i] = x->spec->ascending ? key[i] : most - key[i];
            continue;
        }
        if (x->spec->sort == KT_FIELD_KEY_ID && c->bits[r].kind != KT_KIND_MALFORMED) {
            text = ent_name(x->s, c->col[COL_KEY][r]);
        } else {
            struct packed p;
            row_get(x->s, seq0 + r, &p);
            kt_arena_reset(x->texts.scratch);
            text = row_text(x->s, &p, x->spec->sort, x->texts.scratch);
        }
        key[i] = !text.p ? UINT64_MAX : x->spec->ascending ? order_code(&x->codes, text) : most - order_code(&x->codes, text);
    }
}

/* --- the order ---------------------------------------------------------------------------- */

struct own { /* a row whose code others have, too */
    struct kt_span text;
    uint64_t item;
    uint64_t arrival;
    bool ascending;
};

static int by_own_text(const void *pa, const void *pb)
{
    const struct own *a = pa, *b = pb;
    int d = !a->text.p || !b->text.p ? !a->text.p - !b->text.p : order_compare(a->text, b->text);
    if (d)
        return (a->text.p && b->text.p && !a->ascending) ? -d : d;
    return a->arrival > b->arrival ? -1 : 1;
}

/* Rows of one and the same key stand in their order already: there may be as
 * many of them as a key has uses. */
static bool one_key(struct scan *x, const uint64_t *item, size_t n)
{
    uint32_t first = 0;
    bool same = x->spec->sort == KT_FIELD_KEY_ID;
    for (size_t i = 0; same && i < n; i += SLICE) {
        store_lock(x->s);
        for (size_t k = i; same && k < n && k < i + SLICE; k++) {
            uint64_t seq = x->members->base + x->at[item[k] & x->order.mask];
            if (seq < x->s->first)
                continue;
            const struct chunk *c = chunk_of(x->s, seq);
            uint32_t key = c->col[COL_KEY][row_in(seq)];
            same = key && c->bits[row_in(seq)].kind != KT_KIND_MALFORMED && (!first || key == first);
            first = key;
        }
        store_unlock(x->s);
    }
    return same;
}

static bool sort_run(struct scan *x, uint64_t *item, size_t n)
{
    if (one_key(x, item, n))
        return true;
    struct own *own = calloc(n, sizeof *own);
    struct texts *t = &x->texts;
    bool ok = own != NULL;
    kt_arena_reset(t->a);
    store_lock(x->s);
    for (size_t i = 0; ok && i < n; i++) {
        struct packed p;
        if (i % SLICE == SLICE - 1) { /* who waits comes in between */
            store_unlock(x->s);
            store_lock(x->s);
        }
        uint64_t arrival = item[i] & x->order.mask, seq = x->members->base + x->at[arrival];
        own[i] = (struct own){KT_SPAN_NONE, item[i], arrival, x->spec->ascending};
        if (seq < x->s->first)
            continue; /* dropped since: it matters no more where it stands */
        row_get(x->s, seq, &p);
        kt_arena_reset(t->scratch);
        struct kt_span text = row_text(x->s, &p, x->spec->sort, t->scratch);
        own[i].text = text.p ? kt_arena_span(t->a, text) : text;
        ok = own[i].text.p || !text.p;
    }
    store_unlock(x->s);
    if (ok)
        qsort(own, n, sizeof *own, by_own_text);
    for (size_t i = 0; ok && i < n; i++)
        item[i] = own[i].item;
    free(own);
    return ok;
}

/* Rows whose codes are equal: their whole texts decide. */
static bool sort_runs(struct scan *x)
{
    uint64_t *v = (uint64_t *)(uintptr_t)x->order.sorted; /* one of its own arrays */
    unsigned low = x->order.low;
    bool ok = true;
    for (size_t i = 0, k; ok && i < x->n && v[i] >> low != x->order.unknown; i = k) {
        for (k = i + 1; k < x->n && v[k] >> low == v[i] >> low; k++)
            ;
        if (k - i > 1)
            ok = sort_run(x, v + i, k - i);
    }
    return ok;
}

static bool sort_all(struct scan *x)
{
    if (x->by == BY_TEXT && !rank_texts(x))
        return false;
    if (!kt_grow(&x->order.spare, &x->spare_cap, x->n + 1, sizeof *x->order.spare, UINT32_MAX))
        return false;
    (void)mem_large(x->order.spare, x->spare_cap * sizeof *x->order.spare);
    x->order.n = x->n;
    x->order.codes = x->by == BY_CODE;
    return order_sort(&x->order) && (x->by != BY_CODE || sort_runs(x));
}

/* --- reading the store -------------------------------------------------------------- */

static bool take(struct scan *x, const struct chunk *c, uint64_t seq0, const uint16_t *at, size_t n)
{
    uint64_t *key = x->order.key + x->n;
    struct members *m = x->members;
    uint64_t shift = seq0 - m->base, word = 0, in = 0, high = 0; /* of the word that is being filled */
    for (size_t i = 0; i < n; i++) {
        uint64_t bit = shift + at[i], one = UINT64_C(1) << bit % 64;
        union rowbits b = c->bits[at[i]];
        x->at[x->n + i] = (uint32_t)bit;
        if (bit / 64 != word) {
            m->in[word] |= in;
            m->high[word] |= high;
            in = high = 0;
            word = bit / 64;
        }
        in |= one;
        high |= b.level >= KT_LEVEL_HIGH && b.kind != KT_KIND_MALFORMED ? one : 0;
    }
    m->in[word] |= in;
    m->high[word] |= high;
    for (size_t i = 0; x->facets->kinds && i < n; i++) {
        struct packed p;
        row_get(x->s, seq0 + at[i], &p);
        facets_row(x->facets, x->s, &p);
    }
    x->n += n;
    if (x->by == BY_TEXT)
        return text_keys(x, c, seq0, at, n, key);
    if (x->by == BY_CODE)
        code_keys(x, c, seq0, at, n, key);
    else
        number_keys(x, c, seq0, at, n, key);
    return true;
}

static size_t slice(const struct scan *x)
{
    size_t n = matcher_slice(x->m);
    return x->facets->kinds && n > SLICE_COUNTED ? SLICE_COUNTED : n;
}

/* The next rows: those of a chunk; 0: there are no more. */
static bool take_chunk(struct scan *x, bool *more)
{
    uint16_t at[CHUNK_ROWS];
    uint64_t seq = x->after + 1 > x->s->first ? x->after + 1 : x->s->first;
    *more = seq <= x->end;
    if (!*more)
        return true;
    uint64_t seq0 = seq - row_in(seq), end = seq0 + CHUNK_ROWS - 1 < x->end ? seq0 + CHUNK_ROWS - 1 : x->end;
    const struct chunk *c = chunk_of(x->s, seq);
    if (end - seq >= slice(x))
        end = seq + slice(x) - 1;
    x->after = end;
    size_t n = matcher_rows(x->m, c, seq0, row_in(seq), row_in(end) + 1, x->spec->suppressed, at);
    return take(x, c, seq0, at, n);
}

/* A scope's rows, along its list. */
static bool take_scope(struct scan *x, bool *more)
{
    const struct entity *e = ent_at(x->s, x->spec->scope);
    uint64_t seq = 0;
    if (!x->walking)
        walk_to(x->s, e, &x->walk, x->after);
    x->walking = true;
    size_t left = slice(x);
    bool ok = true;
    while (ok && left && (seq = walk_on(x->s, e, &x->walk)) != 0 && seq <= x->end) {
        uint16_t at = (uint16_t)row_in(seq);
        const struct chunk *c = chunk_of(x->s, seq);
        struct packed p;
        left--;
        if (c->bits[at].suppressed && !x->spec->suppressed)
            continue;
        if (x->spec->filter) {
            row_get(x->s, seq, &p);
            if (!matcher_row(x->m, &p))
                continue;
        }
        ok = take(x, c, seq - at, &at, 1);
    }
    *more = !left;
    return ok;
}

static enum scanned read_all(struct scan *x)
{
    for (bool ready = x->spec->scope != 0; !ready;) {
        if (x->give_up && x->give_up(x->ctx))
            return SCAN_GIVEN_UP;
        store_lock(x->s);
        ready = matcher_prepare(x->m);
        store_unlock(x->s);
    }
    for (bool more = true; more;) {
        if (x->give_up && x->give_up(x->ctx))
            return SCAN_GIVEN_UP;
        if (!kt_grow(&x->at, &x->cap, x->n + SLICE, sizeof *x->at, UINT32_MAX) ||
            !kt_grow(&x->order.key, &x->keys_cap, x->n + SLICE, sizeof *x->order.key, UINT32_MAX) ||
            !facets_prepare(x->facets, 6 * SLICE))
            return SCAN_NOT;
        store_lock(x->s);
        bool ok = x->spec->scope ? take_scope(x, &more) : take_chunk(x, &more);
        store_unlock(x->s);
        if (!ok)
            return SCAN_NOT;
    }
    return SCANNED;
}

void scan_hold(struct kt_store *s, bool on)
{
    store_lock(s);
    for (int i = 0; i < TABLES; i++) {
        if (on)
            symtab_hold(&s->tab[i]);
        else
            symtab_unhold(&s->tab[i]);
    }
    store_unlock(s);
}

/* Without a filter it is known how many there will be. */
static bool reserve(struct scan *x)
{
    size_t n = x->spec->filter || x->spec->scope || x->end <= x->after ? 0 : (size_t)(x->end - x->after);
    if (n < SLICE)
        return true;
    if (!kt_grow(&x->at, &x->cap, n + SLICE, sizeof *x->at, n + SLICE) ||
        !kt_grow(&x->order.key, &x->keys_cap, n + SLICE, sizeof *x->order.key, n + SLICE))
        return false;
    (void)mem_large(x->at, x->cap * sizeof *x->at);
    (void)mem_large(x->order.key, x->keys_cap * sizeof *x->order.key);
    return true;
}

enum scanned scan_rows(struct scan *x, bool many)
{
    enum kt_field f = x->spec->sort;
    x->by = sorts_as_number(f) ? BY_NUMBER : many && has_code(f) ? BY_CODE : BY_TEXT;
    if (x->by == BY_CODE)
        order_code_table(&x->codes);
    scan_hold(x->s, true);
    store_lock(x->s);
    if (x->after + 1 < x->s->first)
        x->after = x->s->first - 1;
    bool ok = x->by == BY_NUMBER || texts_init(&x->texts, x->s, f, many && x->by == BY_TEXT);
    x->m = ok ? matcher_new(x->s, x->spec->filter, many) : NULL;
    store_unlock(x->s);
    ok = x->m && members_prepare(x->members, x->end) && reserve(x);
    enum scanned r = ok ? read_all(x) : SCAN_NOT;
    if (r == SCANNED && !sort_all(x))
        r = SCAN_NOT;
    scan_hold(x->s, false);
    matcher_free(x->m);
    x->m = NULL;
    return r;
}

void scan_free(struct scan *x)
{
    texts_free(&x->texts);
    free(x->at);
    order_free(&x->order);
}

int scan_before(const struct kt_store *s, const struct kt_view_spec *w, struct kt_arena *scratch, uint64_t seq,
                uint64_t newer)
{
    if (seq < s->first || newer < s->first)
        return -1;
    if (sorts_as_number(w->sort)) {
        size_t i = row_in(seq), k = row_in(newer);
        return key_of(number_at(s, chunk_of(s, seq), seq - i, i, w->sort), w->ascending) <
               key_of(number_at(s, chunk_of(s, newer), newer - k, k, w->sort), w->ascending);
    }
    struct packed p;
    kt_arena_reset(scratch);
    row_get(s, seq, &p);
    struct kt_span a = row_text(s, &p, w->sort, scratch);
    row_get(s, newer, &p);
    struct kt_span b = row_text(s, &p, w->sort, scratch);
    if (!a.p || !b.p)
        return a.p && !b.p;
    int d = order_compare(a, b);
    return w->ascending ? d < 0 : d > 0;
}
