/* One candidate as the splitter might give it: what comes out of its wrappers
 * must be an object with its own text, and a damaged one must give nothing. */
#include "ingest/envelope.h"
#include "ingest/repair.h"
#include "tests/support/nodes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool on_record(void *ctx, struct kt_span text, struct kt_node *root, uint32_t flags)
{
    size_t *n = ctx;
    (void)flags;
    if (!text.p || !kt_node_is(root, KT_NODE_OBJECT))
        abort();
    json_t *again = json_loadb(text.p, text.n, JSON_ALLOW_NUL, NULL);
    if (!again)
        again = json_loadb(text.p, text.n, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    if (!again || !node_same(root, again))
        abort();
    json_decref(again);
    return ++*n < 1000;
}

static bool on_malformed(void *ctx, struct kt_span text, const char *reason)
{
    size_t *n = ctx;
    if (!text.p || !reason)
        abort();
    return ++*n < 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"CreateAccessKey", "Foo"};
    size_t n = 0;
    struct kt_pick *pick = kt_pick_new(names, 2);
    const struct kt_envelope_sink sink = {on_record, on_malformed, &n};
    struct kt_envelope v;
    if (!pick)
        abort();
    kt_envelope_init(&v, &sink, pick);
    const char *reason = kt_envelope_open(&v, (struct kt_span){(const char *)data, size});
    if ((reason && n) || n != v.found)
        abort();
    struct kt_buf fixed;
    kt_buf_init(&fixed, 4 * size + 16);
    if (kt_repair((struct kt_span){(const char *)data, size}, &fixed)) {
        struct kt_buf again;
        kt_buf_init(&again, 4 * fixed.len + 16);
        if (kt_repair(kt_buf_span(&fixed), &again)) /* once is enough */
            abort();
        kt_buf_free(&again);
    }
    kt_buf_free(&fixed);
    kt_envelope_free(&v);
    kt_pick_free(pick);
    return 0;
}
