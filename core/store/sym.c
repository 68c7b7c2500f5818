#include "store/sym.h"

#include "base/hash.h"

#include <string.h>

void symtab_init(struct symtab *t, struct mem *m)
{
    *t = (struct symtab){.mem = m};
}

static bool is_free(const struct sym *s)
{
    return ((uintptr_t)s & 1) != 0;
}

static struct sym **place(const struct symtab *t, uint32_t id)
{
    return &t->page[(id - 1) / SYM_PAGE][(id - 1) % SYM_PAGE];
}

static struct sym *tagged(uint32_t next)
{
    return (struct sym *)(((uintptr_t)next << 1) | 1);
}

static uint32_t untagged(const struct sym *s)
{
    return (uint32_t)((uintptr_t)s >> 1);
}

void symtab_free(struct symtab *t)
{
    for (uint32_t id = 1; id <= t->top; id++)
        if (!is_free(sym_at(t, id)))
            mem_free(t->mem, sym_at(t, id));
    for (size_t i = 0; i < t->n_pages; i++)
        mem_free(t->mem, t->page[i]);
    mem_free(t->mem, t->page);
    mem_free(t->mem, t->slot);
    symtab_init(t, t->mem);
}

bool sym_prepare(struct symtab *t, size_t n)
{
    if ((t->used + n) * 10 <= t->cap * 7)
        return true;
    size_t cap = t->cap ? t->cap * 2 : 256;
    while ((t->used + n) * 10 > cap * 7)
        cap *= 2;
    uint32_t *slot = mem_zero(t->mem, cap * sizeof *slot);
    if (!slot)
        return false;
    for (size_t i = 0; i < t->cap; i++) {
        if (!t->slot[i])
            continue;
        size_t at = sym_at(t, t->slot[i])->hash & (cap - 1);
        while (slot[at])
            at = (at + 1) & (cap - 1);
        slot[at] = t->slot[i];
    }
    mem_free(t->mem, t->slot);
    t->slot = slot;
    t->cap = cap;
    return true;
}

/* The slot of the string, or the free one where it would go. */
static size_t find_slot(const struct symtab *t, const void *p, size_t n, uint32_t hash)
{
    size_t at = hash & (t->cap - 1);
    for (; t->slot[at]; at = (at + 1) & (t->cap - 1)) {
        const struct sym *s = sym_at(t, t->slot[at]);
        if (s->hash == hash && s->len == n && memcmp(s->bytes, p, n) == 0)
            break;
    }
    return at;
}

uint32_t sym_find(const struct symtab *t, const void *p, size_t n)
{
    return t->cap ? t->slot[find_slot(t, p, n, (uint32_t)kt_hash(p, n))] : 0;
}

static bool add_page(struct symtab *t)
{
    if (t->n_pages == t->pages_cap) {
        size_t cap = t->pages_cap ? t->pages_cap * 2 : 16;
        struct sym ***page = mem_resize(t->mem, t->page, cap * sizeof *page);
        if (!page)
            return false;
        t->page = page;
        t->pages_cap = cap;
    }
    struct sym **p = mem_alloc(t->mem, SYM_PAGE * sizeof *p);
    if (!p)
        return false;
    t->page[t->n_pages++] = p;
    return true;
}

static uint32_t new_number(struct symtab *t)
{
    uint32_t id = t->free_head;
    if (id) {
        t->free_head = untagged(*place(t, id));
        return id;
    }
    if (t->top == UINT32_MAX >> 1)
        return 0;
    if (t->top == t->n_pages * SYM_PAGE && !add_page(t))
        return 0;
    *place(t, t->top + 1) = tagged(0);
    return ++t->top;
}

uint32_t sym_intern(struct symtab *t, const void *p, size_t n, size_t extra, bool *fresh)
{
    if (fresh)
        *fresh = false;
    if (n > UINT32_MAX / 2 || !sym_prepare(t, 1))
        return 0;
    uint32_t hash = (uint32_t)kt_hash(p, n);
    size_t at = find_slot(t, p, n, hash);
    if (t->slot[at]) {
        sym_at(t, t->slot[at])->refs++;
        return t->slot[at];
    }
    struct sym *s = mem_alloc(t->mem, sizeof *s + n + extra);
    uint32_t id = s ? new_number(t) : 0;
    if (!id) {
        mem_free(t->mem, s);
        return 0;
    }
    *s = (struct sym){.refs = 1, .len = (uint32_t)n, .hash = hash};
    if (n)
        memcpy(s->bytes, p, n);
    if (extra)
        memset(s->bytes + n, 0, extra);
    *place(t, id) = s;
    t->slot[at] = id;
    t->used++;
    if (fresh)
        *fresh = true;
    return id;
}

bool sym_release(struct symtab *t, uint32_t id)
{
    return id && --sym_at(t, id)->refs == 0;
}

/* Empties a slot and closes the gap, so that probing needs no tombstones. */
static void close_gap(struct symtab *t, size_t at)
{
    size_t mask = t->cap - 1;
    for (size_t next = (at + 1) & mask; t->slot[next]; next = (next + 1) & mask) {
        size_t home = sym_at(t, t->slot[next])->hash & mask;
        if (((next - home) & mask) >= ((next - at) & mask)) {
            t->slot[at] = t->slot[next];
            at = next;
        }
    }
    t->slot[at] = 0;
}

void sym_remove(struct symtab *t, uint32_t id)
{
    struct sym *s = sym_at(t, id);
    size_t at = s->hash & (t->cap - 1);
    while (t->slot[at] != id)
        at = (at + 1) & (t->cap - 1);
    close_gap(t, at);
    t->used--;
    mem_free(t->mem, s);
    if (t->held) {
        *place(t, id) = tagged(t->limbo_head);
        if (!t->limbo_head)
            t->limbo_tail = id;
        t->limbo_head = id;
    } else {
        *place(t, id) = tagged(t->free_head);
        t->free_head = id;
    }
}

void symtab_hold(struct symtab *t)
{
    t->held++;
}

void symtab_unhold(struct symtab *t)
{
    if (--t->held || !t->limbo_head)
        return;
    *place(t, t->limbo_tail) = tagged(t->free_head);
    t->free_head = t->limbo_head;
    t->limbo_head = t->limbo_tail = 0;
}
