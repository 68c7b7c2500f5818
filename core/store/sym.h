/* Interned byte strings: each distinct one is kept once, has a number, and
 * lives as long as something refers to it. Used for texts and for tuples of
 * other numbers (an actor, an agent, a verdict), which rows share.
 *
 * Numbers are from 1 and are used again after their string was freed, except
 * while the table is held: then a number seen stays that string's or no
 * one's, so that a reader may remember what it learnt of it.
 *
 * The hash slots belong to the writer alone: sym_prepare may grow them
 * without the store's lock. All else is under the lock. */
#ifndef KT_STORE_SYM_H
#define KT_STORE_SYM_H
#include "base/span.h"
#include "store/mem.h"

#include <stdbool.h>
#include <stdint.h>

struct sym {
    uint32_t refs, len, hash;
    char bytes[]; /* len bytes, then what sym_intern was asked to leave room for */
};

enum { SYM_PAGE = 1024 };

struct symtab {
    struct mem *mem;
    struct sym ***page; /* a free number's place holds the next free number, tagged */
    size_t n_pages, pages_cap;
    uint32_t top;       /* numbers 1..top were given out once */
    uint32_t free_head;
    uint32_t limbo_head, limbo_tail; /* freed while held */
    int held;
    uint32_t *slot;
    size_t cap, used;
};

void symtab_init(struct symtab *t, struct mem *m);
void symtab_free(struct symtab *t);
/* Room for `n` more without growing. False: out of memory. */
bool sym_prepare(struct symtab *t, size_t n);
/* One reference more to the string's number; 0 where memory ran out. `fresh`
 * (may be NULL) says that it is new; then `extra` cleared bytes follow it. */
uint32_t sym_intern(struct symtab *t, const void *p, size_t n, size_t extra, bool *fresh);
/* Its number or 0; takes no reference. */
uint32_t sym_find(const struct symtab *t, const void *p, size_t n);
/* Gives a reference back; true where it was the last one: then the caller
 * reads what it needs and calls sym_remove. 0 is none. */
bool sym_release(struct symtab *t, uint32_t id);
void sym_remove(struct symtab *t, uint32_t id);
void symtab_hold(struct symtab *t);
void symtab_unhold(struct symtab *t);

static inline struct sym *sym_at(const struct symtab *t, uint32_t id)
{
    return t->page[(id - 1) / SYM_PAGE][(id - 1) % SYM_PAGE];
}
/* Does the number, from 1 to `top`, stand for anything now? */
static inline bool sym_is_there(const struct symtab *t, uint32_t id)
{
    return id <= t->top && !((uintptr_t)sym_at(t, id) & 1);
}
/* 0 is an unknown span. */
static inline struct kt_span sym_span(const struct symtab *t, uint32_t id)
{
    if (!id)
        return KT_SPAN_NONE;
    const struct sym *s = sym_at(t, id);
    return (struct kt_span){s->bytes, s->len};
}
#endif
