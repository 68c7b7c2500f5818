/* Any bytes, whole and in pieces: the same must come of both, every record
 * must be an object whose text parses to it, and ordinals must grow. */
#include "base/buf.h"
#include "base/hash.h"
#include "ingest/ingest.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct log {
    struct kt_buf text;
    uint64_t last;
};

static bool on_record(void *ctx, const struct kt_record *r)
{
    struct log *l = ctx;
    uint8_t sha[KT_SHA256];
    kt_sha256(r->bytes.p, r->bytes.n, sha);
    if (!kt_node_is(r->root, KT_NODE_OBJECT) || r->ordinal <= l->last || r->bytes.n > 4 * (size_t)KT_RECORD_MAX)
        abort();
    json_t *again = json_loadb(r->bytes.p, r->bytes.n, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    if (!again)
        abort();
    json_decref(again);
    l->last = r->ordinal;
    kt_buf_addf(&l->text, "r %llu %llu %u %u\n", (unsigned long long)r->ordinal, (unsigned long long)r->offset, r->flags,
                sha[0]);
    return true;
}

static bool on_malformed(void *ctx, const struct kt_malformed *m)
{
    struct log *l = ctx;
    if (m->ordinal <= l->last || !m->reason || m->bytes.n > m->size || m->size == 0)
        abort();
    l->last = m->ordinal;
    kt_buf_addf(&l->text, "m %llu %llu %llu %d %s %u %u\n", (unsigned long long)m->ordinal, (unsigned long long)m->offset,
                (unsigned long long)m->size, m->names_event, m->reason, m->sha256[0], m->sha256[31]);
    return true;
}

static bool on_use(void *ctx, const struct kt_use *u)
{
    struct log *l = ctx;
    if (u->ordinal <= l->last || !kt_span_starts(u->key_id, "AKIA") || !kt_span_known(u->event_name))
        abort();
    l->last = u->ordinal;
    kt_buf_addf(&l->text, "u %llu %zu %zu\n", (unsigned long long)u->ordinal, u->key_id.n, u->event_name.n);
    return true;
}

/* One stream for all inputs: what is left of one must not show in the next. */
static void run(struct kt_ingest **g, bool exact, const uint8_t *data, size_t size, unsigned seed, struct log *l)
{
    static const char *const names[] = {"CreateAccessKey", "Foo", "DeleteUser", "AttachPolicy"};
    const struct kt_record_sink sink = {on_record, on_malformed, l, on_use, NULL};
    if (!*g) {
        kt_buf_init(&l->text, 16 << 20);
        *g = kt_ingest_new(names, exact ? 4 : 2, &sink);
        if (*g && exact)
            kt_ingest_exactly(*g);
    }
    if (!*g)
        abort();
    kt_ingest_reset(*g);
    kt_buf_reset(&l->text);
    l->last = 0;
    while (size) {
        size_t k = size;
        if (seed) {
            seed = seed * 1664525u + 1013904223u;
            k = seed >> 30 ? 1 : (seed >> 8) % 97 + 1;
        }
        if (k > size)
            k = size;
        if (!kt_ingest_feed(*g, data, k))
            break;
        data += k;
        size -= k;
    }
    struct kt_err why = {KT_OK, ""};
    enum kt_ingest_end end = kt_ingest_finish(*g, &why);
    struct kt_ingest_stats s = kt_ingest_stats(*g);
    if ((end == KT_END_WHOLE) != (why.code == KT_OK) || s.records < l->last)
        abort();
    kt_buf_addf(&l->text, "end %d %s %llu\n", (int)end, why.text, (unsigned long long)s.records);
}

static void whole_and_in_pieces(bool exact, const uint8_t *data, size_t size)
{
    static struct log whole[2], pieces[2];
    static struct kt_ingest *one[2], *other[2];
    run(&one[exact], exact, data + 1, size - 1, 0, &whole[exact]);
    run(&other[exact], exact, data + 1, size - 1, data[0] + 1u, &pieces[exact]);
    /* of damaged compressed data, how much comes out depends on the pieces */
    bool packed = size > 2 && (data[1] == 0x1f || data[1] == 0x28 || (data[1] & 0xf0) == 0x50);
    if (!packed && strcmp(kt_buf_str(&whole[exact].text), kt_buf_str(&pieces[exact].text)) != 0) {
        fprintf(stderr, "--- whole\n%s--- pieces\n%s", kt_buf_str(&whole[exact].text), kt_buf_str(&pieces[exact].text));
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    whole_and_in_pieces(false, data, size);
    whole_and_in_pieces(true, data, size);
    return 0;
}
