/* Memory of the store, counted: what malloc really gave, and its header. */
#ifndef KT_STORE_MEM_H
#define KT_STORE_MEM_H
#include <stdatomic.h>
#include <stddef.h>

struct mem {
    atomic_size_t bytes;
};

void *mem_alloc(struct mem *m, size_t n);
void *mem_zero(struct mem *m, size_t n);
/* NULL leaves `p` as it was. */
void *mem_resize(struct mem *m, void *p, size_t n);
void mem_free(struct mem *m, void *p);
/* Says of a large block, not counted, that large pages suit it; returns it.
 * NULL passes. Most of the time of a sort of a million rows would otherwise go
 * into the first touch of each small page. */
void *mem_large(void *p, size_t n);
#endif
