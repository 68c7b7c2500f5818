#include "aws/eventstream.h"

#include <stdint.h>
#include <zlib.h>

enum { PRELUDE = 12, CRC = 4, STRING = 7 };

static uint32_t u32(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static size_t u16(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (size_t)b[0] << 8 | b[1];
}

static uint32_t crc_of(const char *p, size_t n)
{
    return (uint32_t)crc32(0, (const unsigned char *)p, (unsigned)n);
}

/* A header's value behind its type; false where it does not fit. */
static bool take_value(struct kt_span *h, unsigned type, struct kt_span *value)
{
    static const unsigned char sizes[] = {0, 0, 1, 2, 4, 8, 0, 0, 8, 16}; /* true ... uuid */
    size_t n, head = 0;
    if (type >= sizeof sizes)
        return false;
    if (type == 6 || type == STRING) {
        if (h->n < 2)
            return false;
        head = 2;
        n = u16(h->p);
    } else {
        n = sizes[type];
    }
    if (h->n < head + n)
        return false;
    *value = type == STRING ? (struct kt_span){h->p + head, n} : KT_SPAN_NONE;
    *h = (struct kt_span){h->p + head + n, h->n - head - n};
    return true;
}

static bool take_headers(struct kt_span h, struct kt_stream_message *out)
{
    while (h.n) {
        size_t len = (unsigned char)h.p[0];
        if (!len || h.n < 1 + len + 1)
            return false;
        struct kt_span name = {h.p + 1, len}, value;
        unsigned type = (unsigned char)h.p[1 + len];
        h = (struct kt_span){h.p + len + 2, h.n - len - 2};
        if (!take_value(&h, type, &value))
            return false;
        if (kt_span_is(name, ":message-type"))
            out->kind = value;
        else if (kt_span_is(name, ":event-type") || kt_span_is(name, ":exception-type") || kt_span_is(name, ":error-code"))
            out->type = value;
        else if (kt_span_is(name, ":error-message"))
            out->text = value;
    }
    return true;
}

enum kt_stream_got kt_stream_read(struct kt_span bytes, struct kt_stream_message *out, size_t *used)
{
    *out = (struct kt_stream_message){KT_SPAN_NONE, KT_SPAN_NONE, KT_SPAN_NONE, KT_SPAN_NONE};
    *used = 0;
    if (bytes.n < PRELUDE)
        return KT_STREAM_MORE;
    size_t total = u32(bytes.p), headers = u32(bytes.p + 4);
    if (crc_of(bytes.p, 8) != u32(bytes.p + 8) || headers > KT_STREAM_HEADERS_MAX || total < PRELUDE + headers + CRC ||
        total - headers - PRELUDE - CRC > KT_STREAM_PAYLOAD_MAX)
        return KT_STREAM_CORRUPT;
    if (bytes.n < total)
        return KT_STREAM_MORE;
    if (crc_of(bytes.p, total - CRC) != u32(bytes.p + total - CRC))
        return KT_STREAM_CORRUPT;
    if (!take_headers((struct kt_span){bytes.p + PRELUDE, headers}, out))
        return KT_STREAM_CORRUPT;
    out->payload = (struct kt_span){bytes.p + PRELUDE + headers, total - headers - PRELUDE - CRC};
    *used = total;
    return KT_STREAM_MESSAGE;
}
