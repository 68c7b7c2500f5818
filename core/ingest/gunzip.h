/* gzip members (RFC 1952) that are there in full, decompressed at once into a
 * buffer that is used again (libdeflate): twice as fast as a stream. */
#ifndef KT_INGEST_GUNZIP_H
#define KT_INGEST_GUNZIP_H
#include <stddef.h>
#include <stdint.h>

enum {
    KT_GUNZIP_IN_MAX = 2 << 20, /* bytes that are worth gathering for it */
    KT_GUNZIP_OUT_MAX = 9 << 20 /* of one member; longer ones are for a stream */
};

struct kt_gunzip;
struct kt_gunzip *kt_gunzip_new(void); /* NULL where memory ran out */
void kt_gunzip_free(struct kt_gunzip *g);
/* The member that begins at `p`, its length checked: `*used` bytes of it make
 * `*made`, valid until the next call, and their CRC should be `*crc`: to be
 * looked at as they are read, while they are in the cache. NULL where it is cut,
 * damaged, too long, or no member at all: the reason is for a stream to find. */
const unsigned char *kt_gunzip_member(struct kt_gunzip *g, const unsigned char *p, size_t n, size_t *used, size_t *made,
                                      uint32_t *crc);
uint32_t kt_gunzip_crc(uint32_t crc, const void *p, size_t n); /* 0 at first */
#endif
