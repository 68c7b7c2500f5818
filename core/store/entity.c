/* People, addresses, agents and keys, and the rows that touch them. */
#include "store/impl.h"

#include "base/hash.h"

#include <string.h>

#define PLACE_MASK ((UINT32_C(1) << ENTITY_BITS) - 1)

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
    uint32_t id[] = {x->name, user ? x->account : 0, user ? x->type : 0, (uint32_t)(x->kind << 8 | x->sub)};
    return (uint32_t)kt_hash(id, sizeof id);
}

static bool same(const struct entity *a, const struct entity *b)
{
    return a->name == b->name && a->kind == b->kind && a->sub == b->sub &&
           (a->kind != KT_ENTITY_USER || (a->account == b->account && a->type == b->type));
}

bool ent_prepare(struct kt_store *s, size_t n)
{
    struct entities *t = &s->ent;
    if ((t->used + n) * 10 <= t->cap * 7)
        return true;
    size_t cap = t->cap ? t->cap * 2 : 256;
    while ((t->used + n) * 10 > cap * 7)
        cap *= 2;
    uint32_t *slot = mem_zero(&s->mem, cap * sizeof *slot);
    if (!slot)
        return false;
    for (size_t i = 0; i < t->cap; i++) {
        if (!t->slot[i])
            continue;
        size_t at = hash_of(place_at(t, t->slot[i])) & (cap - 1);
        while (slot[at])
            at = (at + 1) & (cap - 1);
        slot[at] = t->slot[i];
    }
    mem_free(&s->mem, t->slot);
    t->slot = slot;
    t->cap = cap;
    return true;
}

static size_t find_slot(const struct entities *t, const struct entity *key)
{
    size_t at = hash_of(key) & (t->cap - 1);
    while (t->slot[at] && !same(place_at(t, t->slot[at]), key))
        at = (at + 1) & (t->cap - 1);
    return at;
}

static void close_gap(struct entities *t, size_t at)
{
    size_t mask = t->cap - 1;
    for (size_t next = (at + 1) & mask; t->slot[next]; next = (next + 1) & mask) {
        size_t home = hash_of(place_at(t, t->slot[next])) & mask;
        if (((next - home) & mask) >= ((next - at) & mask)) {
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

kt_entity ent_get(struct kt_store *s, enum kt_entity_kind kind, int sub, uint32_t name, uint32_t account,
                  uint32_t type)
{
    struct entities *t = &s->ent;
    struct entity key = {.name = name, .account = account, .type = type, .kind = (uint8_t)kind, .sub = (uint8_t)sub};
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
        retain(s, name);
        retain(s, account);
        retain(s, type);
        t->slot[at] = place;
        t->used++;
        t->count[kind]++;
    }
    struct entity *x = place_at(t, place);
    if (!x->account && account) { /* a key's, learnt later */
        retain(s, account);
        x->account = account;
    }
    return (kt_entity)x->generation << ENTITY_BITS | place;
}

void ent_settle(struct kt_store *s, kt_entity e)
{
    struct entity *x = ent_at(s, e);
    if (!x || x->state == ENTITY_ONE || (x->state == ENTITY_MANY && x->many->n))
        return;
    struct entities *t = &s->ent;
    close_gap(t, find_slot(t, x));
    t->used--;
    t->count[x->kind]--;
    if (x->state == ENTITY_MANY) {
        mem_free(&s->mem, x->many->list);
        mem_free(&s->mem, x->many);
    }
    uint32_t name = x->name, account = x->account, type = x->type;
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
        if (x->state == ENTITY_MANY) {
            mem_free(&s->mem, x->many->list);
            mem_free(&s->mem, x->many);
        }
    }
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

static bool list_add(struct kt_store *s, struct entity_many *m, uint32_t row)
{
    if (m->head + m->n == m->cap) {
        if (m->head > m->cap / 2) {
            memmove(m->list, m->list + m->head, m->n * sizeof *m->list);
            m->head = 0;
        } else {
            uint32_t cap = m->cap ? m->cap + m->cap / 2 + 2 : 6;
            uint32_t *list = mem_resize(&s->mem, m->list, cap * sizeof *list);
            if (!list)
                return false;
            m->list = list;
            m->cap = cap;
        }
    }
    m->list[m->head + m->n++] = row;
    return true;
}

static bool make_many(struct kt_store *s, struct entity *x)
{
    struct entity_many *m = mem_zero(&s->mem, sizeof *m);
    if (!m)
        return false;
    m->first = m->last = KT_TIME_NONE;
    if (!list_add(s, m, x->row)) {
        mem_free(&s->mem, m);
        return false;
    }
    const struct packed *p = row_at(s, row_seq(s, x->row));
    count(m, p, x->roles, 1);
    see(m, p->time);
    x->many = m;
    x->state = ENTITY_MANY;
    return true;
}

bool ent_touch(struct kt_store *s, kt_entity e, uint64_t seq, const struct packed *p, unsigned roles)
{
    struct entity *x = ent_at(s, e);
    if (!x)
        return true;
    if (x->state == ENTITY_NEW) {
        x->state = ENTITY_ONE;
        x->row = (uint32_t)seq;
        x->roles = roles & 3;
        return true;
    }
    if ((x->state == ENTITY_ONE && !make_many(s, x)) || !list_add(s, x->many, (uint32_t)seq))
        return false;
    count(x->many, p, roles, 1);
    see(x->many, p->time);
    return true;
}

void ent_untouch(struct kt_store *s, kt_entity e, uint64_t seq, const struct packed *p, unsigned roles)
{
    struct entity *x = ent_at(s, e);
    if (!x)
        return;
    if (x->state == ENTITY_ONE && x->row == (uint32_t)seq) {
        x->state = ENTITY_NEW;
    } else if (x->state == ENTITY_MANY && x->many->n) {
        struct entity_many *m = x->many;
        /* rows go in the order in which they came, or the newest goes back */
        if (m->list[m->head] == (uint32_t)seq) {
            m->head++;
            m->dropped++;
        } else if (m->list[m->head + m->n - 1] != (uint32_t)seq) {
            return;
        }
        m->n--;
        count(m, p, roles, UINT32_MAX);
    }
    ent_settle(s, e);
}

uint32_t ent_rows(const struct entity *e, const uint32_t **list)
{
    *list = e->state == ENTITY_ONE ? &e->row : e->state == ENTITY_MANY ? e->many->list + e->many->head : NULL;
    return e->state == ENTITY_ONE ? 1 : e->state == ENTITY_MANY ? e->many->n : 0;
}

uint32_t ent_suppressed(const struct kt_store *s, const struct entity *e)
{
    if (e->state == ENTITY_ONE)
        return row_at(s, row_seq(s, e->row))->suppressed;
    return e->state == ENTITY_MANY ? e->many->suppressed : 0;
}

void ent_suppress(struct kt_store *s, kt_entity e, int by)
{
    struct entity *x = ent_at(s, e);
    if (x && x->state == ENTITY_MANY)
        x->many->suppressed += (uint32_t)by;
}

/* --- reading ------------------------------------------------------------------------ */

struct kt_span ent_name(const struct kt_store *s, kt_entity e)
{
    const struct entity *x = ent_at(s, e);
    return x ? sym_span(&s->tab[T_TEXT], x->name) : KT_SPAN_NONE;
}

kt_entity ent_find(const struct kt_store *s, enum kt_entity_kind k, struct kt_span name, uint32_t *at, uint32_t n)
{
    const struct entities *t = &s->ent;
    for (; n && *at <= t->top; n--, ++*at) {
        const struct entity *x = place_at(t, *at);
        if (x->kind == k && (x->state == ENTITY_ONE || x->state == ENTITY_MANY) &&
            kt_span_eq(sym_span(&s->tab[T_TEXT], x->name), name))
            return (kt_entity)x->generation << ENTITY_BITS | *at;
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
    struct entity_many one = {.first = KT_TIME_NONE, .last = KT_TIME_NONE, .n = 1}, *m = x->many;
    if (x->state == ENTITY_ONE) {
        const struct packed *p = row_at(s, row_seq(s, x->row));
        m = &one;
        count(m, p, x->roles, 1);
        see(m, p->time);
    }
    const struct symtab *t = &s->tab[T_TEXT];
    *out = (struct kt_entity_info){
        .kind = (enum kt_entity_kind)x->kind,
        .name = sym_span(t, x->name),
        .type = sym_span(t, x->type),
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
