/* The bytes of one character of UTF-8 (RFC 3629: no overlong form, no surrogate,
 * nothing beyond U+10FFFF). */
#ifndef KT_BASE_UTF8_H
#define KT_BASE_UTF8_H
#include <stddef.h>

/* Bytes of the character at `p`, of which `n` (at least 1) are there; 0 where
 * it is no UTF-8. */
size_t kt_utf8_len(const unsigned char *p, size_t n);
/* The same; where it is none, *bad is set to how many bytes one replacement stands for. */
size_t kt_utf8_len_or(const unsigned char *p, size_t n, size_t *bad);
#endif
