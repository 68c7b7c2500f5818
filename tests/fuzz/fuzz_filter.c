/* A filter of any bytes: it is refused with a place inside the text and a
 * sentence, or its terms are well formed and it judges a row, its clone alike. */
#include "filter/filter.h"

#include <stdint.h>
#include <stdlib.h>

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void check_terms(const struct kt_filter *f)
{
    const struct kt_filter_term *t;
    size_t n = kt_filter_terms(f, &t);
    require(n > 0 && n <= KT_FILTER_TERMS_MAX);
    for (size_t i = 0; i < n; i++) {
        require(t[i].field <= KT_FIELD_COUNT);
        require(t[i].op == KT_OP_UNKNOWN || t[i].text.p);
        require(t[i].field < KT_FIELD_COUNT || t[i].op == KT_OP_CONTAINS);
        for (size_t k = 0; t[i].op == KT_OP_CONTAINS && k < t[i].text.n; k++)
            require(t[i].text.p[k] < 'A' || t[i].text.p[k] > 'Z');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kt_filter *f;
    struct kt_err e = {0};
    size_t column = SIZE_MAX;
    struct kt_span text = {(const char *)data, size};
    enum kt_code c = kt_filter_parse(&f, text, INT64_C(1700000000000), &column, &e);
    if (c) {
        require(!f && e.code == c && e.text[0] && column <= size);
        return 0;
    }
    if (!f)
        return 0;
    check_terms(f);
    struct kt_row r = {.ev = {.kind = KT_KIND_CREATION, .time = INT64_C(1700000000000), .key.created = KT_TIME_NONE}};
    r.ev.actor.name = KT_LIT("alice");
    r.ev.agent.text = text;
    r.verdict.risk = 50;
    struct kt_arena *a = kt_arena_new(1 << 20);
    struct kt_filter *g = kt_filter_clone(f);
    require(a && g);
    require(kt_filter_row(f, &r, a) == kt_filter_row(g, &r, a));
    kt_filter_free(f);
    check_terms(g);
    kt_filter_free(g);
    kt_arena_free(a);
    return 0;
}
