#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

enum { CHUNK_FIRST = 4096, CHUNK_LARGEST = 1 << 20 };

struct chunk {
    struct chunk *next;
    size_t cap, used;
    alignas(max_align_t) char data[];
};

struct kt_arena {
    struct chunk *head; /* the chunk that is being filled */
    size_t max, total;  /* total: capacity of all chunks */
    size_t used;
};

struct kt_arena *kt_arena_new(size_t max)
{
    struct kt_arena *a = calloc(1, sizeof *a);
    if (a)
        a->max = max;
    return a;
}

static void free_chunks(struct chunk *c)
{
    while (c) {
        struct chunk *next = c->next;
        free(c);
        c = next;
    }
}

void kt_arena_free(struct kt_arena *a)
{
    if (!a)
        return;
    free_chunks(a->head);
    free(a);
}

void kt_arena_reset(struct kt_arena *a)
{
    struct chunk *keep = a->head;
    a->used = 0;
    if (!keep)
        return;
    free_chunks(keep->next);
    keep->next = NULL;
    keep->used = 0;
    a->total = keep->cap;
}

static struct chunk *add_chunk(struct kt_arena *a, size_t n)
{
    size_t cap = a->head ? a->head->cap * 2 : CHUNK_FIRST;
    if (cap > CHUNK_LARGEST)
        cap = CHUNK_LARGEST;
    if (cap < n)
        cap = n;
    if (cap > a->max || a->total > a->max - cap)
        cap = n; /* near the limit: just what is asked */
    if (cap > a->max || a->total > a->max - cap)
        return NULL;
    struct chunk *c = malloc(sizeof *c + cap);
    if (!c)
        return NULL;
    c->next = a->head;
    c->cap = cap;
    c->used = 0;
    a->head = c;
    a->total += cap;
    return c;
}

void *kt_arena_alloc(struct kt_arena *a, size_t n)
{
    const size_t align = alignof(max_align_t);
    if (n > SIZE_MAX - align)
        return NULL;
    n = (n + align - 1) & ~(align - 1);
    struct chunk *c = a->head;
    if (!c || c->cap - c->used < n)
        c = add_chunk(a, n);
    if (!c)
        return NULL;
    void *p = c->data + c->used;
    c->used += n;
    a->used += n;
    return p;
}

struct kt_span kt_arena_span(struct kt_arena *a, struct kt_span s)
{
    if (!s.p)
        return s;
    char *p = kt_arena_alloc(a, s.n + 1);
    if (!p)
        return KT_SPAN_NONE;
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (struct kt_span){p, s.n};
}

size_t kt_arena_used(const struct kt_arena *a)
{
    return a->used;
}
