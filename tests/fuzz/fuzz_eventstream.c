/* The event stream's messages: any bytes. What is read lies within what was
 * given, and a cut of a message never becomes another one. */
#include "aws/eventstream.h"

#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

static bool within(struct kt_span inner, struct kt_span outer)
{
    return !inner.p || (inner.p >= outer.p && inner.n <= outer.n && (size_t)(inner.p - outer.p) <= outer.n - inner.n);
}

static void put_crc(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Right CRCs over wrong contents, so that what lies behind them is reached. */
static void repair(uint8_t *p, size_t n)
{
    if (n < 16)
        return;
    p[0] = (uint8_t)(n >> 24), p[1] = (uint8_t)(n >> 16), p[2] = (uint8_t)(n >> 8), p[3] = (uint8_t)n;
    put_crc(p + 8, (uint32_t)crc32(0, p, 8));
    put_crc(p + n - 4, (uint32_t)crc32(0, p, (unsigned)(n - 4)));
}

static void read_all(const uint8_t *data, size_t size)
{
    struct kt_span s = {(const char *)data, size};
    struct kt_stream_message m, cut;
    size_t used, ignored;
    while (kt_stream_read(s, &m, &used) == KT_STREAM_MESSAGE) {
        struct kt_span whole = {s.p, used};
        if (used < 16 || used > s.n || !within(m.kind, whole) || !within(m.type, whole) || !within(m.text, whole) ||
            !within(m.payload, whole))
            abort();
        if (kt_stream_read((struct kt_span){s.p, used - 1}, &cut, &ignored) != KT_STREAM_MORE)
            abort();
        s = (struct kt_span){s.p + used, s.n - used};
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_all(data, size);
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    for (size_t i = 0; i < size; i++)
        copy[i] = data[i];
    repair(copy, size);
    read_all(copy, size);
    free(copy);
    return 0;
}
