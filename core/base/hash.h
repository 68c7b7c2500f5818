/* Hashing. kt_hash is keyed per process: names and agents are chosen by
 * attackers, so that table positions must not be foreseeable; equality is
 * always decided by the bytes. kt_sha256 is for what is stored or shown. */
#ifndef KT_BASE_HASH_H
#define KT_BASE_HASH_H
#include <stddef.h>
#include <stdint.h>

uint64_t kt_hash(const void *p, size_t n);

enum { KT_SHA256 = 32, KT_SHA256_HEX = 64 };
/* Clears `out` where libcrypto fails, which it does only out of memory. */
void kt_sha256(const void *p, size_t n, uint8_t out[KT_SHA256]);
void kt_hex(const uint8_t *p, size_t n, char *out); /* 2n + 1 bytes */
/* What a digit stands for, as kt_hex writes them; -1 where it is none. */
static inline int kt_hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
/* The same in either case. */
static inline int kt_hex_value_any(char c)
{
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : kt_hex_value(c);
}
#endif
