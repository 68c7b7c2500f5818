/* Every code point in full, and ten million random texts: nothing unsafe is
 * drawn, and every text comes back from every escape, which proves that no
 * two texts share one. `prove_text N` tries N random texts. */
#include "text/text.h"

#include "tests/support/text_oracle.h"

#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 96, COLUMNS_MAX = 40 };

static uint64_t next_random(uint64_t *x) /* xorshift64* */
{
    *x ^= *x >> 12;
    *x ^= *x << 25;
    *x ^= *x >> 27;
    return *x * UINT64_C(2685821657736338717);
}

static int wrong_text(struct kt_span s, const char *way, const char *wrong)
{
    printf("%s: %s:", way, wrong);
    for (size_t i = 0; i < s.n; i++)
        printf(" %02x", (unsigned char)s.p[i]);
    printf("\n");
    return 1;
}

static bool same(const struct kt_buf *b, struct kt_span s)
{
    return b->len == s.n && memcmp(kt_buf_str(b), s.p, s.n) == 0;
}

/* free, identity, and both in ASCII, then CSV */
static int prove_round_trips(struct kt_span s, struct kt_buf *b, struct kt_buf *back)
{
    static const char *const name[] = {"free", "identity", "free ascii", "identity ascii"};
    for (int way = 0; way < 4; way++) {
        kt_buf_reset(b);
        kt_buf_reset(back);
        if (!kt_text_plain(b, s, way & 1 ? KT_TEXT_IDENTITY : KT_TEXT_FREE, way & 2) ||
            !kt_text_unescape(back, kt_buf_span(b)) || !same(back, s))
            return wrong_text(s, name[way], "does not come back");
        const char *wrong = oracle_plain(kt_buf_span(b), way != 0, false);
        if (wrong)
            return wrong_text(s, name[way], wrong);
    }
    kt_buf_reset(b);
    kt_buf_reset(back);
    if (!kt_text_csv(b, s) || !oracle_csv_read(back, kt_buf_span(b)) || !same(back, s))
        return wrong_text(s, "csv", "does not come back");
    const char *wrong = oracle_plain(kt_buf_span(b), false, true);
    return wrong ? wrong_text(s, "csv", wrong) : 0;
}

static int prove_cells(struct kt_span s, int way, size_t columns)
{
    struct kt_cell room[COLUMNS_MAX];
    struct kt_text_opts o = {way & 1 ? KT_TEXT_IDENTITY : KT_TEXT_FREE, way & 2, way & 4};
    const char *wrong = oracle_cells(s, &o, columns, room);
    return wrong ? wrong_text(s, "cells", wrong) : 0;
}

/* A surrogate as CESU-8 writes it, which is not UTF-8. */
static size_t bytes_of(uint32_t cp, char out[4])
{
    size_t n = kt_utf8_encode(cp, out);
    if (n)
        return n;
    out[0] = (char)(0xE0 | cp >> 12);
    out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[2] = (char)(0x80 | (cp & 0x3F));
    return 3;
}

static int prove_code_points(struct kt_buf *b, struct kt_buf *back)
{
    static const size_t columns[] = {1, 2, 5, 12, 40};
    int bad = 0;
    for (uint32_t cp = 0; cp <= 0x10FFFF && bad < 10; cp++) {
        char p[16] = "a\\";
        size_t n = bytes_of(cp, p + 2);
        memcpy(p + 2 + n, "u{b", 3);
        struct kt_span alone = {p + 2, n}, within = {p, n + 5};
        bad += prove_round_trips(alone, b, back) + prove_round_trips(within, b, back);
        for (int way = 0; way < 8; way++)
            for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
                bad += prove_cells(alone, way, columns[i]) + prove_cells(within, way, columns[i]);
    }
    return bad;
}

/* Pieces that meet where the rules have corners, and plain noise. */
static size_t random_text(uint64_t *x, char *out)
{
    static const char *const piece[] = {"\\",     "\\\\",   "u{",     "x{",     "}",      "202e}",        "\"",
                                        ",",      "'",      "=",      "-",      "\t",     "\r",           "\n",
                                        "\x1B",   "\x7F",   "\xC0",   "\xE2",   "\x80",   "\xAE",         "\u202E",
                                        "\u200B", "\u0301", "\u0302", "\u05D0", "\u202F", "\U000E0041",   "\uE000",
                                        "東",     "ü",      "a",      " ",      "＝",     "\xED\xA0\x80", "\u1160"};
    size_t n = 0, parts = 1 + next_random(x) % 12;
    for (size_t i = 0; i < parts; i++) {
        uint64_t r = next_random(x);
        uint32_t cp = (uint32_t)(r >> 32) % 0x110000;
        const char *s = piece[(r >> 8) % (sizeof piece / sizeof *piece)];
        switch (r % 8) {
        case 0:
            out[n++] = (char)(r >> 16);
            break;
        case 1:
            n += bytes_of(cp, out + n);
            break;
        case 2:
            n += bytes_of(cp % 0x3000, out + n);
            break;
        default:
            memcpy(out + n, s, strlen(s));
            n += strlen(s);
        }
    }
    return n;
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000, x = UINT64_C(0x9E3779B97F4A7C15);
    struct kt_buf b, back;
    int bad = 0;
    if (!setlocale(LC_ALL, "C.UTF-8")) {
        printf("the C library has no C.UTF-8 locale\n");
        return 1;
    }
    kt_buf_init(&b, 65536);
    kt_buf_init(&back, 65536);
    bad += prove_code_points(&b, &back);
    printf("1114112 code points: %d wrong\n", bad);
    for (uint64_t i = 0; i < count && bad < 10; i++) {
        char p[TEXT_MAX];
        struct kt_span s = {p, random_text(&x, p)};
        bad += prove_round_trips(s, &b, &back);
        bad += prove_cells(s, (int)(i & 7), (size_t)(next_random(&x) % (COLUMNS_MAX + 1)));
    }
    printf("%" PRIu64 " random texts: %d wrong in all\n", count, bad);
    kt_buf_free(&b);
    kt_buf_free(&back);
    return bad ? 1 : 0;
}
