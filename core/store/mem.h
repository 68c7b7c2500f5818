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
#endif
