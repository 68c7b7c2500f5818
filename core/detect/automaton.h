/* Inside detect/: many texts looked for in one, at one step a byte (Aho and
 * Corasick, 1975). Case of ASCII is ignored; a hit is told by the number that
 * the text was added with. */
#ifndef KT_DETECT_AUTOMATON_H
#define KT_DETECT_AUTOMATON_H
#include "base/span.h"

#include <stdint.h>

enum { AUTOMATON_BYTES_MAX = 64 << 20 };

struct automaton {
    uint8_t class_of[256]; /* bytes that no text holds are class 0 */
    size_t classes, nodes;
    uint32_t *next;   /* nodes x classes */
    uint32_t *number; /* of the text that ends at the node, from 1; 0: none */
    uint32_t *also;   /* the longest other text that ends here, as node; 0: none */
};

/* `number[i]` (from 1) stands for `text[i]`; of equal texts the first counts.
 * False: memory ran out, or more than AUTOMATON_BYTES_MAX were needed. */
bool automaton_build(struct automaton *a, const struct kt_span *text, const uint32_t *number, size_t n);
void automaton_free(struct automaton *a);

/* `f` hears of every hit: its number and where it ends. */
typedef void automaton_fn(void *ctx, uint32_t number, size_t end);
void automaton_scan(const struct automaton *a, struct kt_span s, automaton_fn *f, void *ctx);
#endif
