/* People, addresses, agents and keys, and the rows that touch them. */
#include "store/impl.h"

#include "base/hash.h"

#include <string.h>

static struct entity *place_at(const struct entities *t, uint32_t place)
{
    return &t->page[(place - 1) / ENTITY_PAGE][(place - 1) % ENTITY_PAGE];
}

struct entity *ent_at(const struct kt_store *s, kt_entity e)
{
    uint32_t place = e & PLACE_MASK;
    if (!place || place > s->ent.top)
        return NULL;
    struct entity *x = place_at(&s->ent, place);
    return x->state != ENTITY_FREE && x->generation == e >> ENTITY_BITS ? x : NULL;
}

/* --- the table by identity ---------------------------------------------------- */

static uint32_t hash_of(const struct entity *x)
{
    bool user = x->kind == KT_ENTITY_USER;
    if (x->inl)
        return (uint32_t)kt_hash(x->inlined, x->len);
    uint32_t id[] = {x->name, user ? x->account : 0, user ? x->type : 0, (uint32_t)(x->kind << 8 | x->sub)};
    return (uint32_t)kt_hash(id, sizeof id);
}

static bool same(const struct entity *a, const struct entity *b)
{
    if (a->kind != b->kind || a->inl != b->inl)
        return false;
    if (a->inl)
        return a->len == b->len && memcmp(a->inlined, b->inlined, a->len) == 0;
    return a->name == b->name && a->sub == b->sub &&
           (a->kind != KT_ENTITY_USER || (a->account == b->account && a->type == b->type));
}

bool ent_prepare(struct kt_store *s, size_t n)
{
    struct entities *t = &s->ent;
    size_t cap = slot_cap(t->cap, t->used + n);
    if (cap == t->cap)
        return true;
    uint32_t *slot = mem_zero(&s->mem, cap * sizeof *slot);
    if (!slot)
        return false;
    for (size_t i = 0; i < t->cap; i++) {
        if (!t->slot[i])
            continue;
        size_t at = slot_home(hash_of(place_at(t, t->slot[i])), cap);
        while (slot[at])
            at = slot_next(at, cap);
        slot[at] = t->slot[i];
    }
    mem_free(&s->mem, t->slot);
    t->slot = slot;
    t->cap = cap;
    return true;
}

static size_t find_slot(const struct entities *t, const struct entity *key)
{
    size_t at = slot_home(hash_of(key), t->cap);
    while (t->slot[at] && !same(place_at(t, t->slot[at]), key))
        at = slot_next(at, t->cap);
    return at;
}

static void close_gap(struct entities *t, size_t at)
{
    for (size_t next = slot_next(at, t->cap); t->slot[next]; next = slot_next(next, t->cap)) {
        size_t home = slot_home(hash_of(place_at(t, t->slot[next])), t->cap);
        if (slot_way(home, next, t->cap) >= slot_way(at, next, t->cap)) {
            t->slot[at] = t->slot[next];
            at = next;
        }
    }
    t->slot[at] = 0;
}

/* --- places ----------------------------------------------------------------------- */

static bool add_page(struct kt_store *s)
{
    struct entities *t = &s->ent;
    if (t->n_pages == t->pages_cap) {
        size_t cap = t->pages_cap ? t->pages_cap * 2 : 16;
        struct entity **page = mem_resize(&s->mem, t->page, cap * sizeof *page);
        if (!page)
            return false;
        t->page = page;
        t->pages_cap = cap;
    }
    struct entity *p = mem_zero(&s->mem, ENTITY_PAGE * sizeof *p);
    if (!p)
        return false;
    t->page[t->n_pages++] = p;
    return true;
}

static uint32_t new_place(struct kt_store *s)
{
    struct entities *t = &s->ent;
    if (t->n_free > ENTITY_QUARANTINE || (t->top == PLACE_MASK && t->n_free)) {
        uint32_t place = t->free_head;
        t->free_head = place_at(t, place)->row;
        t->reuses++;
        if (--t->n_free == 0)
            t->free_tail = 0;
        return place;
    }
    if (t->top == PLACE_MASK || (t->top == t->n_pages * ENTITY_PAGE && !add_page(s)))
        return 0;
    return ++t->top;
}

static void free_place(struct entities *t, uint32_t place)
{
    struct entity *x = place_at(t, place);
    *x = (struct entity){.generation = (x->generation + 1) & 63};
    if (t->free_tail)
        place_at(t, t->free_tail)->row = place;
    else
        t->free_head = place;
    t->free_tail = place;
    t->n_free++;
}

static void retain(struct kt_store *s, uint32_t text)
{
    if (text)
        sym_at(&s->tab[T_TEXT], text)->refs++;
}

static void release(struct kt_store *s, uint32_t text)
{
    if (sym_release(&s->tab[T_TEXT], text))
        sym_remove(&s->tab[T_TEXT], text);
}

static kt_entity get(struct kt_store *s, struct entity key)
{
    struct entities *t = &s->ent;
    if (!ent_prepare(s, 1))
        return 0;
    size_t at = find_slot(t, &key);
    uint32_t place = t->slot[at];
    if (!place) {
        place = new_place(s);
        if (!place)
            return 0;
        struct entity *x = place_at(t, place);
        key.generation = x->generation;
        key.state = ENTITY_NEW;
        *x = key;
        if (!key.inl) {
            retain(s, key.name);
            retain(s, key.type);
        }
        retain(s, key.account);
        t->slot[at] = place;
        t->used++;
        t->count[key.kind]++;
    }
    struct entity *x = place_at(t, place);
    if (!x->account && key.account) { /* a key's, learnt later */
        retain(s, key.account);
        x->account = key.account;
    }
    return (kt_entity)x->generation << ENTITY_BITS | place;
}

kt_entity ent_get(struct kt_store *s, enum kt_entity_kind kind, int sub, uint32_t name, uint32_t account,
                  uint32_t type)
{
    struct entity key = {.name = name, .type = type};
    key.account = account;
    key.kind = kind & 3;
    key.sub = sub & 1;
    return get(s, key);
}

static struct entity inlined(struct kt_span name)
{
    struct entity key = {.inlined = {0}};
    key.kind = KT_ENTITY_KEY;
    key.inl = 1;
    key.len = name.n & 31;
    if (name.n)
        memcpy(key.inlined, name.p, name.n);
    return key;
}

kt_entity ent_get_key(struct kt_store *s, struct kt_span name, uint32_t account)
{
    if (name.n <= INLINE_NAME) {
        struct entity key = inlined(name);
        key.account = account;
        return get(s, key);
    }
    uint32_t text = sym_intern(&s->tab[T_TEXT], name.p, name.n, 0, NULL);
    kt_entity e = text ? ent_get(s, KT_ENTITY_KEY, 0, text, account, 0) : 0;
    release(s, text);
    return e;
}

kt_entity ent_known(const struct kt_store *s, enum kt_entity_kind kind, struct kt_span name, struct kt_span account,
                    struct kt_span type)
{
    const struct entities *t = &s->ent;
    const struct symtab *text = &s->tab[T_TEXT];
    struct entity key = {.inlined = {0}};
    if (!name.p || !t->cap)
        return 0;
    if (kind == KT_ENTITY_KEY && name.n <= INLINE_NAME) {
        key = inlined(name);
    } else {
        uint32_t a = account.p ? sym_find(text, account.p, account.n) : 0, y = type.p ? sym_find(text, type.p, type.n) : 0;
        key.name = sym_find(text, name.p, name.n);
        if (!key.name || (kind == KT_ENTITY_USER && ((account.p && !a) || (type.p && !y))))
            return 0;
        key.account = a;
        key.type = y;
        key.kind = kind & 3;
    }
    uint32_t place = t->slot[find_slot(t, &key)];
    return place ? (kt_entity)place_at(t, place)->generation << ENTITY_BITS | place : 0;
}

/* --- many rows ------------------------------------------------------------------ */

static struct entity_many *many_at(const struct entities *t, uint32_t number)
{
    return t->many[number - 1];
}

static struct entity_many *many_of(const struct kt_store *s, const struct entity *x)
{
    return many_at(&s->ent, x->row);
}

static uint32_t many_new(struct kt_store *s)
{
    struct entities *t = &s->ent;
    struct entity_many *m = mem_zero(&s->mem, sizeof *m);
    uint32_t number = t->many_free;
    if (!m)
        return 0;
    if (number) {
        t->many_free = (uint32_t)((uintptr_t)t->many[number - 1] >> 1);
    } else {
        if (t->many_top == t->many_cap) {
            uint32_t cap = t->many_cap + t->many_cap / 4 + 64;
            struct entity_many **all = mem_resize(&s->mem, t->many, cap * sizeof(struct entity_many *));
            if (!all) {
                mem_free(&s->mem, m);
                return 0;
            }
            t->many = all;
            t->many_cap = cap;
        }
        number = ++t->many_top;
    }
    m->first = m->last = KT_TIME_NONE;
    t->many[number - 1] = m;
    return number;
}

static void many_free(struct kt_store *s, uint32_t number)
{
    struct entities *t = &s->ent;
    mem_free(&s->mem, many_at(t, number)->bytes);
    mem_free(&s->mem, many_at(t, number));
    t->many[number - 1] = (struct entity_many *)((uintptr_t)t->many_free << 1 | 1);
    t->many_free = number;
}

/* The distance that begins there; *at is moved behind it. */
static uint32_t distance(const uint8_t *bytes, uint32_t *at)
{
    uint32_t d = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t b = bytes[(*at)++];
        d |= (uint32_t)(b & 127) << shift;
        if (!(b & 128))
            return d;
    }
}

/* The one that ends before `*at`, which is moved to its beginning. */
static uint32_t distance_before(const struct entity_many *m, uint32_t *at)
{
    uint32_t from = *at - 1;
    while (from > m->head && m->bytes[from - 1] & 128)
        from--;
    *at = from;
    uint32_t end = from;
    return distance(m->bytes, &end);
}

static bool many_room(struct kt_store *s, struct entity_many *m)
{
    enum { MOST = 5 };
    if (m->len + MOST <= m->cap)
        return true;
    if (m->head > m->cap / 2) {
        memmove(m->bytes, m->bytes + m->head, m->len - m->head);
        m->len -= m->head;
        m->head = 0;
        return true;
    }
    uint32_t cap = m->cap + m->cap / 8 + 16;
    uint8_t *bytes = mem_resize(&s->mem, m->bytes, cap);
    if (!bytes)
        return false;
    m->bytes = bytes;
    m->cap = cap;
    return true;
}

static bool many_add(struct kt_store *s, struct entity_many *m, uint32_t row)
{
    if (!m->n++) {
        m->row_first = m->row_last = row;
        return true;
    }
    if (!many_room(s, m)) {
        m->n--;
        return false;
    }
    uint32_t d = row - m->row_last;
    for (; d > 127; d >>= 7)
        m->bytes[m->len++] = (uint8_t)(d & 127) | 128;
    m->bytes[m->len++] = (uint8_t)d;
    m->row_last = row;
    return true;
}

static void many_drop_first(struct entity_many *m)
{
    if (!--m->n)
        return;
    uint32_t at = m->head;
    m->row_first += distance(m->bytes, &at);
    m->gone += at - m->head;
    m->head = at;
}

static void many_drop_last(struct entity_many *m)
{
    if (!--m->n)
        return;
    uint32_t at = m->len;
    m->row_last -= distance_before(m, &at);
    m->len = at;
}

void ent_settle(struct kt_store *s, kt_entity e)
{
    struct entity *x = ent_at(s, e);
    if (!x || x->state == ENTITY_FEW || (x->state == ENTITY_MANY && many_of(s, x)->n))
        return;
    struct entities *t = &s->ent;
    close_gap(t, find_slot(t, x));
    t->used--;
    t->count[x->kind]--;
    if (x->state == ENTITY_MANY)
        many_free(s, x->row);
    uint32_t name = x->inl ? 0 : x->name, account = x->account, type = x->inl ? 0 : x->type;
    free_place(t, e & PLACE_MASK);
    release(s, name);
    release(s, account);
    release(s, type);
}

void ent_free_all(struct kt_store *s)
{
    struct entities *t = &s->ent;
    for (uint32_t i = 1; i <= t->top; i++) {
        struct entity *x = place_at(t, i);
        if (x->state == ENTITY_MANY)
            many_free(s, x->row);
    }
    mem_free(&s->mem, t->many);
    for (size_t i = 0; i < t->n_pages; i++)
        mem_free(&s->mem, t->page[i]);
    mem_free(&s->mem, t->page);
    mem_free(&s->mem, t->slot);
    *t = (struct entities){0};
}

/* --- the rows that touch it ----------------------------------------------------- */

static void count(struct entity_many *m, const struct packed *p, unsigned roles, uint32_t by)
{
    m->created += p->kind == KT_KIND_CREATION && p->result == KT_RESULT_CREATED ? by : 0;
    m->denied += p->result == KT_RESULT_DENIED ? by : 0;
    m->failed += p->result == KT_RESULT_FAILED ? by : 0;
    m->as_actor += roles & ROLE_ACTOR ? by : 0;
    m->as_target += roles & ROLE_TARGET ? by : 0;
    m->suppressed += p->suppressed ? by : 0;
}

static void see(struct entity_many *m, int64_t time)
{
    if (time == KT_TIME_NONE)
        return;
    if (m->first == KT_TIME_NONE || time < m->first)
        m->first = time;
    if (m->last == KT_TIME_NONE || time > m->last)
        m->last = time;
}

/* As a row itself says. */
static unsigned roles_of(const struct kt_store *s, const struct packed *p, kt_entity e)
{
    struct kt_row_entities x;
    row_entities(s, p, &x);
    return (x.actor == e ? ROLE_ACTOR : 0) | (x.target == e ? ROLE_TARGET : 0);
}

static uint32_t few_row(const struct entity *x, uint32_t i)
{
    return i ? x->more[i - 1] : x->row;
}

/* What its few rows come to. */
static void count_few(const struct kt_store *s, kt_entity e, const struct entity *x, struct entity_many *m)
{
    m->first = m->last = KT_TIME_NONE;
    m->n = x->few + 1u;
    for (uint32_t i = 0; i <= x->few; i++) {
        struct packed p;
        row_get(s, row_seq(s, few_row(x, i)), &p);
        count(m, &p, roles_of(s, &p, e), 1);
        see(m, p.time);
    }
}

static bool make_many(struct kt_store *s, kt_entity e, struct entity *x)
{
    struct entity_many sum = {0};
    uint32_t number = many_new(s);
    if (!number)
        return false;
    struct entity_many *m = many_at(&s->ent, number);
    count_few(s, e, x, &sum);
    *m = sum;
    m->n = 0;
    for (uint32_t i = 0; i <= x->few; i++) {
        if (!many_add(s, m, few_row(x, i))) {
            many_free(s, number);
            return false;
        }
    }
    x->row = number;
    x->few = 0;
    x->state = ENTITY_MANY;
    return true;
}

bool ent_touch(struct kt_store *s, kt_entity e, uint64_t seq, const struct packed *p, unsigned roles)
{
    struct entity *x = ent_at(s, e);
    if (!x)
        return true;
    if (x->state == ENTITY_NEW) {
        x->state = ENTITY_FEW;
        x->row = (uint32_t)seq;
        x->few = 0;
        return true;
    }
    if (x->state == ENTITY_FEW && !x->inl && x->few + 1 < FEW_ROWS) {
        x->more[x->few++] = (uint32_t)seq;
        return true;
    }
    if ((x->state == ENTITY_FEW && !make_many(s, e, x)) || !many_add(s, many_of(s, x), (uint32_t)seq))
        return false;
    count(many_of(s, x), p, roles, 1);
    see(many_of(s, x), p->time);
    return true;
}

/* False: it needs the form of many, which alone remembers rows that are gone. */
static bool untouch_few(struct entity *x, uint32_t row)
{
    if (x->few && x->more[x->few - 1] == row)
        x->few--;
    else if (x->row != row)
        return true;
    else if (x->few)
        return false;
    else
        x->state = ENTITY_NEW;
    return true;
}

static void untouch_many(struct entity_many *m, uint32_t row, const struct packed *p, unsigned roles)
{
    if (!m->n)
        return;
    /* rows go in the order in which they came, or the newest goes back */
    if (m->row_first == row) {
        many_drop_first(m);
        m->dropped++;
    } else if (m->row_last == row) {
        many_drop_last(m);
    } else {
        return;
    }
    count(m, p, roles, UINT32_MAX);
}

void ent_untouch(struct kt_store *s, kt_entity e, uint64_t seq, const struct packed *p, unsigned roles)
{
    struct entity *x = ent_at(s, e);
    if (!x)
        return;
    if (x->state == ENTITY_FEW && !untouch_few(x, (uint32_t)seq) && !make_many(s, e, x)) {
        x->row = x->more[0]; /* without memory, that it was there once is forgotten */
        memmove(x->more, x->more + 1, sizeof x->more - sizeof *x->more);
        x->few--;
    } else if (x->state == ENTITY_MANY) {
        untouch_many(many_of(s, x), (uint32_t)seq, p, roles);
    }
    ent_settle(s, e);
}

uint32_t ent_rows(const struct kt_store *s, const struct entity *e)
{
    return e->state == ENTITY_FEW ? e->few + 1u : e->state == ENTITY_MANY ? many_of(s, e)->n : 0;
}

uint32_t ent_suppressed(const struct kt_store *s, const struct entity *e)
{
    uint32_t n = 0;
    for (uint32_t i = 0; e->state == ENTITY_FEW && i <= e->few; i++)
        n += row_bits(s, row_seq(s, few_row(e, i)))->suppressed;
    return e->state == ENTITY_MANY ? many_of(s, e)->suppressed : n;
}

void ent_suppress(struct kt_store *s, kt_entity e, int by)
{
    struct entity *x = ent_at(s, e);
    if (x && x->state == ENTITY_MANY)
        many_of(s, x)->suppressed += (uint32_t)by;
}

/* --- along its rows ------------------------------------------------------------------ */

static uint64_t step_few(const struct kt_store *s, const struct entity *e, struct walk *w)
{
    return w->i <= e->few ? row_seq(s, few_row(e, w->i++)) : 0;
}

static uint64_t step_many(const struct kt_store *s, const struct entity *e, struct walk *w)
{
    const struct entity_many *m = many_of(s, e);
    if (!m->n)
        return 0;
    if (!w->begun || !w->many || w->at < m->gone) {
        w->row = m->row_first;
        w->at = m->gone;
    } else {
        uint32_t at = m->head + (uint32_t)(w->at - m->gone), from = at;
        if (at == m->len)
            return 0;
        w->row += distance(m->bytes, &at);
        w->at += at - from;
    }
    w->begun = w->many = true;
    return row_seq(s, w->row);
}

uint64_t walk_on(const struct kt_store *s, const struct entity *e, struct walk *w)
{
    uint64_t seq = 0;
    do {
        if (e && e->state == ENTITY_FEW)
            seq = step_few(s, e, w);
        else if (e && e->state == ENTITY_MANY)
            seq = step_many(s, e, w);
        else
            return 0;
    } while (seq && seq <= w->last);
    w->last = seq ? seq : w->last;
    return seq;
}

uint64_t walk_back(const struct kt_store *s, const struct entity *e, struct walk *w)
{
    if (e && e->state == ENTITY_FEW)
        return w->i <= e->few ? row_seq(s, few_row(e, e->few - w->i++)) : 0;
    const struct entity_many *m = e && e->state == ENTITY_MANY ? many_of(s, e) : NULL;
    if (!m || !m->n || (w->begun && w->at <= m->gone))
        return 0;
    if (!w->begun) {
        w->row = m->row_last;
        w->at = m->gone + (m->len - m->head);
    } else {
        uint32_t at = m->head + (uint32_t)(w->at - m->gone);
        w->row -= distance_before(m, &at);
        w->at = m->gone + (at - m->head);
    }
    w->begun = w->many = true;
    return row_seq(s, w->row);
}

void walk_to(const struct kt_store *s, const struct entity *e, struct walk *w, uint64_t after)
{
    *w = (struct walk){.last = after};
    if (!e || e->state != ENTITY_MANY)
        return;
    uint64_t seq;
    while ((seq = walk_back(s, e, w)) > after)
        ;
    if (!seq)
        *w = (struct walk){.last = after};
}

/* --- reading ------------------------------------------------------------------------ */

struct kt_span ent_name(const struct kt_store *s, kt_entity e)
{
    const struct entity *x = ent_at(s, e);
    return !x ? KT_SPAN_NONE : x->inl ? (struct kt_span){x->inlined, x->len} : sym_span(&s->tab[T_TEXT], x->name);
}

kt_entity ent_find(const struct kt_store *s, enum kt_entity_kind k, struct kt_span name, uint32_t *at, uint32_t n)
{
    const struct entities *t = &s->ent;
    for (; n && *at <= t->top; n--, ++*at) {
        const struct entity *x = place_at(t, *at);
        kt_entity e = (kt_entity)x->generation << ENTITY_BITS | *at;
        if (x->kind == k && (x->state == ENTITY_FEW || x->state == ENTITY_MANY) && kt_span_eq(ent_name(s, e), name))
            return e;
    }
    if (*at > t->top)
        *at = 0;
    return 0;
}

bool ent_info(struct kt_store *s, kt_entity e, struct kt_entity_info *out)
{
    const struct entity *x = ent_at(s, e);
    if (!x || x->state == ENTITY_NEW)
        return false;
    struct entity_many few = {0}, *m = &few;
    if (x->state == ENTITY_FEW)
        count_few(s, e, x, m);
    else
        m = many_of(s, x);
    const struct symtab *t = &s->tab[T_TEXT];
    *out = (struct kt_entity_info){
        .kind = (enum kt_entity_kind)x->kind,
        .name = ent_name(s, e),
        .type = x->inl ? KT_SPAN_NONE : sym_span(t, x->type),
        .account = sym_span(t, x->account),
        .first = m->first,
        .last = m->last,
        .rows = m->n,
        .dropped = m->dropped,
        .created = m->created,
        .denied = m->denied,
        .failed = m->failed,
        .as_actor = m->as_actor,
        .as_target = m->as_target,
    };
    return true;
}
