/* What was read before, known by its bytes. Sources that ask a service for
 * windows of time that overlap are told the same records again and again:
 * those that have become a row, or were found to have one, need not be parsed
 * once more: what they were found in, and their own text. Of bounded size: it forgets, and then they are parsed. Any thread. */
#ifndef KT_INGEST_KNOWN_H
#define KT_INGEST_KNOWN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KT_KNOWN_DIGEST = 16 };

struct kt_known;
struct kt_known *kt_known_new(void); /* NULL: out of memory */
void kt_known_free(struct kt_known *k);
/* Half of the SHA-256: who writes records must not be able to make one that
 * passes for another. */
void kt_known_digest(const void *p, size_t n, uint8_t out[KT_KNOWN_DIGEST]);
void kt_known_add(struct kt_known *k, const uint8_t digest[KT_KNOWN_DIGEST]);
bool kt_known_has(struct kt_known *k, const uint8_t digest[KT_KNOWN_DIGEST]);
#endif
