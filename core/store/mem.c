#include "store/mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

static size_t size_of(void *p)
{
    return p ? malloc_usable_size(p) + sizeof(size_t) : 0;
}

static void *counted(struct mem *m, void *p)
{
    atomic_fetch_add_explicit(&m->bytes, size_of(p), memory_order_relaxed);
    return p;
}

void *mem_alloc(struct mem *m, size_t n)
{
    return counted(m, malloc(n ? n : 1));
}

void *mem_zero(struct mem *m, size_t n)
{
    return counted(m, calloc(1, n ? n : 1));
}

void *mem_resize(struct mem *m, void *p, size_t n)
{
    size_t was = size_of(p);
    void *q = realloc(p, n ? n : 1);
    if (!q)
        return NULL;
    atomic_fetch_sub_explicit(&m->bytes, was, memory_order_relaxed);
    return counted(m, q);
}

void mem_free(struct mem *m, void *p)
{
    atomic_fetch_sub_explicit(&m->bytes, size_of(p), memory_order_relaxed);
    free(p);
}

void *mem_large(void *p, size_t n)
{
    enum { PAGE = 4096, LARGE = 4 << 20 };
    if (p && n >= LARGE) {
        uintptr_t from = ((uintptr_t)p + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
        size_t whole = (n - (from - (uintptr_t)p)) & ~(size_t)(PAGE - 1);
        (void)madvise((char *)p + (from - (uintptr_t)p), whole, MADV_HUGEPAGE); /* a wish, no more */
    }
    return p;
}
