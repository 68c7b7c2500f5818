/* text: what hostile text becomes on a terminal, in a file, in a pipe. */
#include "text/text.h"

#include "tests/support/text_oracle.h"

#include <errno.h>
#include <jansson.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const struct kt_text_opts free_text = {.kind = KT_TEXT_FREE}, identity = {.kind = KT_TEXT_IDENTITY},
                                 free_ascii = {.kind = KT_TEXT_FREE, .ascii = true},
                                 both_ends = {.kind = KT_TEXT_FREE, .middle_cut = true};

/* Cells as text: marks between brackets. */
static const char *drawn(struct kt_span s, const struct kt_text_opts *o, size_t columns)
{
    static char text[8192];
    struct kt_cell cells[1024];
    size_t n = kt_text_cells(s, o, columns, cells, NULL), at = 0;
    bool mark = false;
    for (size_t i = 0; i < n; i++) {
        if (cells[i].mark != mark)
            text[at++] = cells[i].mark ? '[' : ']';
        mark = cells[i].mark;
        at += (size_t)snprintf(text + at, sizeof text - at, "%s", cells[i].utf8);
    }
    if (mark)
        text[at++] = ']';
    text[at] = '\0';
    return text;
}

static void assert_drawn(struct kt_span s, const struct kt_text_opts *o, const char *want)
{
    assert_string_equal(drawn(s, o, 1000), want);
}

static void decoding_is_strict(void **state)
{
    (void)state;
    uint32_t cp, wrong = 0;
    char out[4];
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        size_t n = kt_utf8_encode(c, out);
        wrong += (n == 0) != (c >= 0xD800 && c <= 0xDFFF);
        wrong += n && (kt_utf8_decode(out, n, &cp) != n || cp != c);
        for (size_t cut = 1; cut < n; cut++)
            wrong += kt_utf8_decode(out, cut, &cp) != 0;
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(kt_utf8_encode(0x110000, out), 0);
    static const char *const bad[] = {"\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80",
                                      "\xED\xBF\xBF", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80", "\xF8\x88\x80\x80\x80", "\x80", "\xBF", "\xFE", "\xFF",
                                      "\xC3(", "\xE2\x82(", "\xF0\x9F\x98("};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(kt_utf8_decode(bad[i], strlen(bad[i]), &cp), 0);
        assert_false(kt_utf8_valid(kt_span_of(bad[i])));
    }
    assert_true(kt_utf8_valid(KT_LIT("Zürich, 東京, \0, \xF4\x8F\xBF\xBF")));
    assert_false(kt_utf8_valid(KT_LIT("Z\xC3")));
}

/* Every sequence of up to three bytes, and four with a sample of ends. */
static void decoding_agrees_with_utf8proc(void **state)
{
    (void)state;
    uint32_t differ = 0, a, b;
    for (uint32_t v = 0; v < 1u << 24; v++) {
        if (v >> 16 < 0xC0 && v & 0xFFFF)
            continue; /* decided by the first byte */
        char p[4] = {(char)(v >> 16), (char)(v >> 8), (char)v, (char)(v * 2654435761u >> 24)};
        size_t n = kt_utf8_decode(p, 4, &a), m = oracle_decode(p, 4, &b);
        differ += n != m || (n && a != b);
    }
    assert_int_equal(differ, 0);
}

static void marks_name_what_was_there(void **state)
{
    (void)state;
    assert_drawn(KT_LIT("plain ASCII ~"), &free_text, "plain ASCII ~");
    assert_drawn(KT_LIT("a\x1B]52;c;aGk=\a"), &free_text, "a[^[]]52;c;aGk=[^G]");
    assert_drawn(KT_LIT("\0\n\r\t\x7F"), &free_text, "[^@^J^M^I^?]");
    assert_drawn(KT_LIT("x\u202Ey"), &free_text, "x[<U+202E>]y");
    assert_drawn(KT_LIT("\xC2\x85\xC2\x9B" "31m"), &free_text, "[<U+0085><U+009B>]31m");
    assert_drawn(KT_LIT("ad\u200B\u200B\u200Bmin"), &free_text, "ad[<U+200B×3>]min");
    assert_drawn(KT_LIT("ad\u200B\u200B\u200Bmin"), &free_ascii, "ad[<U+200Bx3>]min");
    assert_drawn(KT_LIT("\U000E0061\U000E0064\U000E006D\U000E0069\U000E006E\U000E007F"), &free_text,
                 "[<TAG \"admin\"><U+E007F>]");
    assert_drawn(KT_LIT("a\u00A0b\u3000"), &free_text, "a[<U+00A0>]b[<U+3000>]");
    assert_drawn(KT_LIT("\uE000\U0010FFFF\uFDD0"), &free_text, "[<U+E000><U+10FFFF><U+FDD0>]");
    assert_drawn(KT_LIT("\u05D0\u05D1\u0661"), &free_text, "[<U+05D0><U+05D1><U+0661>]");
    assert_drawn(KT_LIT("\xC0\xAF\xED\xA0\x80>"), &free_text, "[<C0><AF><ED><A0><80>]>");
    assert_drawn(KT_LIT("cut \xE2\x8F>"), &free_text, "cut [<E2><8F>]>");
    assert_drawn(KT_LIT("<U+202E>"), &free_text, "<U+202E>"); /* not a mark: the data says so */
    assert_drawn(KT_LIT("\u2800\u00AD\U0001D159"), &free_text, "[<U+2800><U+00AD><U+1D159>]");
    assert_drawn(KT_SPAN_NONE, &free_text, "");
    assert_drawn(KT_LIT(""), &free_text, "");
}

static void letters_stand_in_free_text_and_are_named_in_identities(void **state)
{
    (void)state;
    assert_drawn(KT_LIT("Zürich 東京 аdmin \uFFFD"), &free_text, "Zürich 東京 аdmin \uFFFD");
    assert_drawn(KT_LIT("аdmin"), &identity, "[<U+0430>]dmin");
    assert_drawn(KT_LIT("ооps"), &identity, "[<U+043E×2>]ps");
    assert_drawn(KT_LIT("Zü"), &free_ascii, "Z[<U+00FC>]");
    assert_drawn(KT_LIT("😀"), &free_text, "😀");
    assert_drawn(KT_LIT("👍🏽 🇩🇪"), &free_text, "👍[<U+1F3FD>] [<U+1F1E9><U+1F1EA>]");
    struct kt_cell cell[8];
    size_t used;
    assert_int_equal(kt_text_cells(KT_LIT("東a"), &free_text, 8, cell, &used), 2);
    assert_int_equal(used, 3);
    assert_int_equal(cell[0].width, 2);
}

static void two_marks_stay_on_a_letter(void **state)
{
    (void)state;
    assert_drawn(KT_LIT("e\u0301\u0302!"), &free_text, "e\u0301\u0302!");
    assert_drawn(KT_LIT("e\u0301\u0302\u0303!"), &free_text, "e\u0301\u0302[<U+0303>]!");
    assert_drawn(KT_LIT("e\u0301\u0302\u0303\u0303\u0303!"), &free_text, "e\u0301\u0302[<U+0303×3>]!");
    assert_drawn(KT_LIT("e\u0301\u0302\u0303\u0304\u0305!"), &free_text, "e\u0301\u0302[<+3 comb>]!");
    assert_drawn(KT_LIT("\u0301a"), &free_text, "[<U+0301>]a");
    assert_drawn(KT_LIT("\u202E\u0301"), &free_text, "[<U+202E><U+0301>]");
    assert_drawn(KT_LIT("e\u0301\u0302"), &identity, "e[<U+0301><U+0302>]");
    assert_drawn(KT_LIT("e\u0301"), &free_ascii, "e[<U+0301>]");
    struct kt_cell cell[2];
    assert_int_equal(kt_text_cells(KT_LIT("e\u0301\u0302"), &free_text, 1, cell, NULL), 1);
    assert_string_equal(cell[0].utf8, "e\u0301\u0302");
}

static void a_cut_says_so_and_splits_no_mark(void **state)
{
    (void)state;
    assert_string_equal(drawn(KT_LIT("abcdef"), &free_text, 6), "abcdef");
    assert_string_equal(drawn(KT_LIT("abcdefg"), &free_text, 6), "abcde…");
    assert_string_equal(drawn(KT_LIT("abcdefg"), &free_ascii, 6), "abcde~");
    assert_string_equal(drawn(KT_LIT("abcdefg"), &free_text, 1), "…");
    assert_string_equal(drawn(KT_LIT("abcdefg"), &free_text, 0), "");
    assert_string_equal(drawn(KT_LIT("東京都"), &free_text, 5), "東京…");
    assert_string_equal(drawn(KT_LIT("東京都"), &free_text, 4), "東…");
    assert_string_equal(drawn(KT_LIT("abcde\u0301f"), &free_text, 5), "abcd…");
    assert_string_equal(drawn(KT_LIT("abcde\u0301"), &free_text, 5), "abcde\u0301");
    assert_string_equal(drawn(KT_LIT("ab\u202Ecd"), &free_text, 9), "ab[…]");
    assert_string_equal(drawn(KT_LIT("ab\u202Ecd"), &free_text, 10), "ab[…]"); /* no room for the cut behind it */
    assert_string_equal(drawn(KT_LIT("ab\u202Ecd"), &free_text, 11), "ab[<U+202E>]…");
    assert_string_equal(drawn(KT_LIT("ab\x1B"), &free_text, 3), "ab[…]");
    assert_string_equal(drawn(KT_LIT("\U000E0061\U000E0064\U000E006D\U000E0069\U000E006E"), &free_text, 10),
                        "[<TAG \"adm…]");
}

static void a_middle_cut_keeps_both_ends(void **state)
{
    (void)state;
    struct kt_span arn = KT_LIT("arn:aws:iam::123456789012:user/backup");
    assert_string_equal(drawn(arn, &both_ends, 15), "arn:aws…/backup");
    assert_string_equal(drawn(arn, &both_ends, 14), "arn:aw…/backup");
    assert_string_equal(drawn(arn, &both_ends, 100), "arn:aws:iam::123456789012:user/backup");
    assert_string_equal(drawn(arn, &both_ends, 4), "arn…");
    assert_string_equal(drawn(KT_LIT("abcdefgh\u202E"), &both_ends, 8), "abcdefg…"); /* the end does not fit */
    assert_string_equal(drawn(KT_LIT("abcdefgh\u202Exyz"), &both_ends, 9), "abcd…xyz");
    assert_string_equal(drawn(KT_LIT("東京都東京都"), &both_ends, 8), "東…京都");
    char hidden[3 * 5000 + 8] = "head";
    for (size_t i = 0; i < 5000; i++)
        memcpy(hidden + 4 + 3 * i, "\u200B", 3);
    memcpy(hidden + 4 + 15000, "tail", 4);
    assert_string_equal(drawn((struct kt_span){hidden, 15008}, &both_ends, 18), "head[…]tail");
    assert_string_equal(drawn((struct kt_span){hidden, 15008}, &both_ends, 40), "head[<U+200B×5000>]tail");
}

/* The end is read from somewhere near it: a run must be counted from its
 * beginning, and a short end must not leave columns empty. */
static void a_middle_cut_counts_whole_runs_and_fills_its_columns(void **state)
{
    (void)state;
    struct kt_buf b;
    kt_buf_init(&b, 1 << 16);
    for (int i = 0; i < 200; i++)
        kt_buf_addc(&b, 'a');
    kt_buf_addc(&b, 'b');
    for (int i = 0; i < 47; i++)
        kt_buf_adds(&b, "\u200B");
    kt_buf_adds(&b, "tail");
    assert_string_equal(drawn(kt_buf_span(&b), &both_ends, 40), "aaaaaaaaaaaaaaaaaaa…aaaab[<U+200B×47>]tail");
    kt_buf_reset(&b);
    kt_buf_adds(&b, "the beginning of a long user agent");
    for (int i = 0; i < 5000; i++)
        kt_buf_adds(&b, "\u200B");
    kt_buf_adds(&b, "tail");
    assert_string_equal(drawn(kt_buf_span(&b), &both_ends, 40), "the beginning of a …ent[<U+200B×5000>]tail");
    kt_buf_free(&b);
}

static struct kt_cell *rooms[64];

/* Both kinds, ascii and not, cut at the end or in the middle, in several
 * widths; `quick` tries fewer of them. */
static void check_all_ways(struct kt_span s, bool quick, const char *of, uint32_t value)
{
    static const size_t columns[] = {5, 24, 0, 1, 2, 3, 8, 9, 10, 11, 13, 40};
    for (int way = 0; way < (quick ? 4 : 8); way++) {
        struct kt_text_opts o = {way & 1 ? KT_TEXT_IDENTITY : KT_TEXT_FREE, way & 2, way & 4 || (quick && way == 0)};
        for (size_t i = 0; i < (quick ? 2 : sizeof columns / sizeof *columns); i++) {
            const char *wrong = oracle_cells(s, &o, columns[i], rooms[columns[i]]);
            if (wrong)
                fail_msg("%s %X, way %d, %zu columns: %s", of, value, way, columns[i], wrong);
        }
    }
}

static int make_rooms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
        if (!(rooms[i] = malloc(i ? i * sizeof *rooms[i] : 1)))
            return -1;
    return 0;
}

static int free_rooms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
        free(rooms[i]);
    return 0;
}

static size_t code_point_bytes(uint32_t cp, char out[4])
{
    size_t n = kt_utf8_encode(cp, out);
    if (n)
        return n;
    out[0] = (char)(0xE0 | cp >> 12); /* a surrogate, as CESU writes it */
    out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[2] = (char)(0x80 | (cp & 0x3F));
    return 3;
}

/* The next code point to look at: every one of the planes that hold letters,
 * marks and tags, samples of the others. tests/prove looks at all. */
static uint32_t next_code_point(uint32_t cp)
{
    bool uniform = (cp >= 0x32400 && cp < 0xDFF00) || (cp >= 0xE1100 && cp < 0x10FE00);
    return cp + (uniform ? 61 : 1);
}

static void no_code_point_byte_or_surrogate_is_drawn_unsafely(void **state)
{
    (void)state;
    char p[16];
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp = next_code_point(cp)) {
        size_t n = code_point_bytes(cp, p + 1);
        bool quick = cp >= 0x3100 && cp % 64; /* scripts and symbols in full, the rest at samples */
        p[0] = p[n + 1] = 'a';
        memcpy(p + n + 2, p + 1, n);
        if (!quick)
            check_all_ways((struct kt_span){p + 1, n}, quick, "code point", cp);
        check_all_ways((struct kt_span){p, 2 * n + 2}, quick, "between letters, twice: code point", cp);
    }
    for (uint32_t byte = 0; byte < 256; byte++) {
        char q[3] = {'a', (char)byte, 'b'};
        check_all_ways((struct kt_span){q, 3}, false, "byte", byte);
        check_all_ways((struct kt_span){q + 1, 1}, false, "byte alone", byte);
    }
}

static void in_another_codeset_only_ascii_is_drawn(void **state)
{
    (void)state;
    assert_non_null(setlocale(LC_ALL, "C"));
    assert_drawn(KT_LIT("Zü\u202E\u202E"), &free_text, "Z[<U+00FC><U+202Ex2>]");
    assert_string_equal(drawn(KT_LIT("abcdef"), &free_text, 3), "ab~");
    char p[4];
    for (uint32_t cp = 0; cp < 0x3000; cp++)
        check_all_ways((struct kt_span){p, code_point_bytes(cp, p)}, cp > 0x300, "code point", cp);
    struct kt_cell letter = {.utf8 = "ü", .width = 1};
    assert_false(kt_cell_safe(&letter));
    assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
    assert_true(kt_cell_safe(&letter));
}

static void unsafe_cells_are_known(void **state)
{
    (void)state;
    static const struct kt_cell bad[] = {
        {.utf8 = "", .width = 1},       {.utf8 = "\x1B", .width = 1},    {.utf8 = "ab", .width = 1},
        {.utf8 = "a", .width = 2},      {.utf8 = "東", .width = 1},      {.utf8 = "\u202E", .width = 1},
        {.utf8 = "\u0301", .width = 1}, {.utf8 = "a\u200B", .width = 1}, {.utf8 = "a\u0301\u0301\u0301", .width = 1},
        {.utf8 = "\xC3", .width = 1},   {.utf8 = "a", .width = 0},       {.utf8 = "\u05D0", .width = 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(kt_cell_safe(&bad[i]));
}

static void width_is_what_a_text_takes_uncut(void **state)
{
    (void)state;
    assert_int_equal(kt_text_width(KT_LIT("a東\u202E\x1B"), &free_text, 1000), 1 + 2 + 8 + 2);
    assert_int_equal(kt_text_width(KT_SPAN_NONE, &free_text, 1000), 0);
    char *big = malloc(1 << 20);
    assert_non_null(big);
    memset(big, 1, 1 << 20);
    size_t w = kt_text_width((struct kt_span){big, 1 << 20}, &free_text, 80);
    assert_true(w > 80 && w < 100);
    free(big);
    assert_int_equal(kt_text_columns(KT_LIT("a東e\u0301")), 4);
}

/* --- plain -------------------------------------------------------------------- */

static void assert_plain(struct kt_span s, enum kt_text_kind kind, bool ascii, const char *want)
{
    struct kt_buf b, back;
    kt_buf_init(&b, 4096);
    kt_buf_init(&back, 4096);
    assert_true(kt_text_plain(&b, s, kind, ascii));
    assert_string_equal(kt_buf_str(&b), want);
    assert_true(kt_text_unescape(&back, kt_buf_span(&b)));
    assert_int_equal(back.len, s.n);
    assert_memory_equal(kt_buf_str(&back), s.p, s.n);
    kt_buf_free(&b);
    kt_buf_free(&back);
}

static void plain_names_the_hostile_and_spares_the_rest(void **state)
{
    (void)state;
    assert_plain(KT_LIT("aws-cli/2.13 \"q\" ~"), KT_TEXT_FREE, false, "aws-cli/2.13 \"q\" ~");
    assert_plain(KT_LIT("C:\\Users\\x"), KT_TEXT_FREE, false, "C:\\Users\\x");
    assert_plain(KT_LIT("\\"), KT_TEXT_FREE, false, "\\");
    assert_plain(KT_LIT("\x1B[31m\n\0\x7F"), KT_TEXT_FREE, false, "\\u{1b}[31m\\u{a}\\u{0}\\u{7f}");
    assert_plain(KT_LIT("\u202E\u200B\U000E0041"), KT_TEXT_FREE, false, "\\u{202e}\\u{200b}\\u{e0041}");
    assert_plain(KT_LIT("\xC0\xAF"), KT_TEXT_FREE, false, "\\x{c0}\\x{af}");
    assert_plain(KT_LIT("Zü 東\u202F"), KT_TEXT_FREE, false, "Zü 東\\u{202f}");
    assert_plain(KT_LIT("Zü"), KT_TEXT_FREE, true, "Z\\u{fc}");
    assert_plain(KT_LIT("Zü"), KT_TEXT_IDENTITY, false, "Z\\u{fc}");
    assert_plain(KT_LIT("e\u0301\u0301\u0301 \u05D0"), KT_TEXT_FREE, false, "e\u0301\u0301\\u{301} \\u{5d0}");
    assert_plain(KT_LIT("\x1B\u0301"), KT_TEXT_FREE, false, "\\u{1b}\\u{301}");
    assert_plain(KT_LIT("\u0301"), KT_TEXT_FREE, false, "\\u{301}");
    assert_plain(KT_LIT("\U0010FFFF"), KT_TEXT_FREE, false, "\\u{10ffff}");
}

static void plain_tells_escapes_from_data_that_looks_like_one(void **state)
{
    (void)state;
    assert_plain(KT_LIT("\\u{202e}"), KT_TEXT_FREE, false, "\\\\u{202e}");
    assert_plain(KT_LIT("\\\\x{"), KT_TEXT_FREE, false, "\\\\\\\\x{");
    assert_plain(KT_LIT("\\\u202E"), KT_TEXT_FREE, false, "\\\\\\u{202e}");
    assert_plain(KT_LIT("\\\xFF"), KT_TEXT_FREE, false, "\\\\\\x{ff}");
    assert_plain(KT_LIT("\\ü"), KT_TEXT_FREE, false, "\\ü");
    assert_plain(KT_LIT("\\ü"), KT_TEXT_FREE, true, "\\\\\\u{fc}");
    assert_plain(KT_LIT("\\u \\x\\U{ u{"), KT_TEXT_FREE, false, "\\u \\x\\U{ u{");
    static const char *const not_ours[] = {"\\u{41}",     "\\u{202E}", "\\u{0202e}", "\\u{}",   "\\u{202e", "\\x{41}",
                                           "\\u{110000}", "\\u{d800}", "\\x{1ff}",   "\x1B",    "\u202E",   "\xFF",
                                           "\\u{",        "\\x{e2}\\x{80}\\x{ae}",   "ü\\u{fc}", "\\u{1234567}"};
    struct kt_buf b;
    kt_buf_init(&b, 4096);
    kt_buf_adds(&b, "kept");
    for (size_t i = 0; i < sizeof not_ours / sizeof *not_ours; i++) {
        assert_false(kt_text_unescape(&b, kt_span_of(not_ours[i])));
        assert_string_equal(kt_buf_str(&b), "kept");
    }
    assert_false(kt_text_unescape(&b, KT_SPAN_NONE));
    kt_buf_free(&b);
}

static void plain_keeps_to_its_buffer(void **state)
{
    (void)state;
    struct kt_buf b;
    kt_buf_init(&b, 10);
    assert_false(kt_text_plain(&b, KT_LIT("\u202E\u202E"), KT_TEXT_FREE, false));
    assert_true(b.failed);
    kt_buf_reset(&b);
    assert_false(kt_text_json(&b, KT_LIT("0123456789")));
    kt_buf_reset(&b);
    assert_false(kt_text_csv(&b, KT_LIT("0123456,89")));
    kt_buf_reset(&b);
    assert_true(kt_text_plain(&b, KT_SPAN_NONE, KT_TEXT_FREE, false));
    assert_int_equal(b.len, 0);
    kt_buf_free(&b);
}

/* One text, all four ways and CSV: back to the same bytes, nothing unsafe. */
static const char *round_trip(struct kt_span s, struct kt_buf *b, struct kt_buf *back)
{
    for (int way = 0; way < 4; way++) {
        kt_buf_reset(b);
        kt_buf_reset(back);
        if (!kt_text_plain(b, s, way & 1 ? KT_TEXT_IDENTITY : KT_TEXT_FREE, way & 2))
            return "plain failed";
        const char *wrong = oracle_plain(kt_buf_span(b), way != 0, false);
        if (wrong)
            return wrong;
        if (!kt_text_unescape(back, kt_buf_span(b)) || back->len != s.n || memcmp(kt_buf_str(back), s.p, s.n) != 0)
            return "plain does not come back";
        kt_buf_reset(back);
        if (!oracle_unescape(back, kt_buf_span(b)) || back->len != s.n || memcmp(kt_buf_str(back), s.p, s.n) != 0)
            return "plain does not come back by the rule of the header";
    }
    kt_buf_reset(b);
    kt_buf_reset(back);
    const char *wrong = kt_text_csv(b, s) ? oracle_plain(kt_buf_span(b), false, true) : "csv failed";
    if (wrong)
        return wrong;
    if (!oracle_csv_read(back, kt_buf_span(b)) || back->len != s.n || memcmp(kt_buf_str(back), s.p, s.n) != 0)
        return "csv does not come back";
    return NULL;
}

static void every_code_point_and_byte_comes_back(void **state)
{
    (void)state;
    struct kt_buf b, back;
    kt_buf_init(&b, 4096);
    kt_buf_init(&back, 4096);
    char p[16] = {'a', '\\'};
    for (uint32_t cp = 0; cp <= 0x10FFFF + 256; cp = next_code_point(cp)) {
        size_t n = cp <= 0x10FFFF ? code_point_bytes(cp, p + 2) : 1;
        if (cp > 0x10FFFF)
            p[2] = (char)(cp - 0x110000);
        p[2 + n] = 'u';
        p[3 + n] = '{';
        const char *wrong = round_trip((struct kt_span){p, n + 4}, &b, &back);
        if (!wrong)
            wrong = round_trip((struct kt_span){p + 2, n}, &b, &back);
        if (wrong)
            fail_msg("U+%04X: %s", cp, wrong);
    }
    kt_buf_free(&b);
    kt_buf_free(&back);
}

/* --- JSON and CSV ------------------------------------------------------------- */

static void assert_out(bool (*f)(struct kt_buf *, struct kt_span), struct kt_span s, const char *want)
{
    struct kt_buf b;
    kt_buf_init(&b, 4096);
    assert_true(f(&b, s));
    assert_string_equal(kt_buf_str(&b), want);
    kt_buf_free(&b);
}

static void json_is_ascii(void **state)
{
    (void)state;
    assert_out(kt_text_json, KT_LIT("a\"b\\c/\b\f\n\r\t"), "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\"");
    assert_out(kt_text_json, KT_LIT("\0\x1F\x7F"), "\"\\u0000\\u001f\\u007f\"");
    assert_out(kt_text_json, KT_LIT("ü\u202E😀"), "\"\\u00fc\\u202e\\ud83d\\ude00\"");
    assert_out(kt_text_json, KT_LIT("\xC3(\xFF"), "\"\\ufffd(\\ufffd\"");
    assert_out(kt_text_json, KT_LIT(""), "\"\"");
    assert_out(kt_text_json, KT_SPAN_NONE, "null");
}

static void json_is_read_back_by_jansson(void **state)
{
    (void)state;
    struct kt_buf b;
    kt_buf_init(&b, 4096);
    char p[8] = "a";
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp += cp < 0x3000 ? 1 : 13) {
        size_t n = kt_utf8_encode(cp, p + 1);
        if (!n)
            continue;
        kt_buf_reset(&b);
        assert_true(kt_text_json(&b, (struct kt_span){p, n + 1}));
        for (size_t i = 0; i < b.len; i++)
            assert_true(b.p[i] >= 0x20 && b.p[i] <= 0x7E);
        json_t *v = json_loadb(b.p, b.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(v);
        assert_int_equal(json_string_length(v), n + 1);
        assert_memory_equal(json_string_value(v), p, n + 1);
        json_decref(v);
    }
    kt_buf_free(&b);
}

static void csv_keeps_values_and_starts_no_formula(void **state)
{
    (void)state;
    assert_out(kt_text_csv, KT_LIT("Jul 10, 2023, 4:11:47\u202FPM"), "\"Jul 10, 2023, 4:11:47\u202FPM\"");
    assert_out(kt_text_csv, KT_LIT("say \"hi\""), "\"say \"\"hi\"\"\"");
    assert_out(kt_text_csv, KT_LIT("Zü \u05D0\u00A0東 e\u0301\u0302\u0303"), "Zü \u05D0\u00A0東 e\u0301\u0302\u0303");
    assert_out(kt_text_csv, KT_LIT("a\r\nb\x1B\u202E\u200B\xFF\u2028"),
               "a\\u{d}\\u{a}b\\u{1b}\\u{202e}\\u{200b}\\x{ff}\\u{2028}");
    assert_out(kt_text_csv, KT_LIT("=cmd|'/c calc'!A0"), "'=cmd|'/c calc'!A0");
    assert_out(kt_text_csv, KT_LIT("+1"), "'+1");
    assert_out(kt_text_csv, KT_LIT("-"), "'-");
    assert_out(kt_text_csv, KT_LIT("@SUM(1,2)"), "\"'@SUM(1,2)\"");
    assert_out(kt_text_csv, KT_LIT("\t=1"), "'\\u{9}=1");
    assert_out(kt_text_csv, KT_LIT("＝1"), "'＝1");
    assert_out(kt_text_csv, KT_LIT("＋1"), "'＋1");
    assert_out(kt_text_csv, KT_LIT("－1"), "'－1");
    assert_out(kt_text_csv, KT_LIT("＠1"), "'＠1");
    assert_out(kt_text_csv, KT_LIT("\r="), "'\\u{d}=");
    assert_out(kt_text_csv, KT_LIT("\n="), "'\\u{a}=");
    assert_out(kt_text_csv, KT_LIT("'=1"), "''=1");
    assert_out(kt_text_csv, KT_LIT("'quoted'"), "'quoted'");
    assert_out(kt_text_csv, KT_LIT("a=b"), "a=b");
    assert_out(kt_text_csv, KT_LIT("\xEF"), "\\x{ef}");
    assert_out(kt_text_csv, KT_LIT(""), "");
    assert_out(kt_text_csv, KT_SPAN_NONE, "");
}

/* --- notes -------------------------------------------------------------------- */

static void notes_tell_what_a_text_held(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t notes;
    } t[] = {
        {"", 0},
        {"AWS Internal ~ 0123456789 abcdefgh", 0},
        {"0123456789abcde\x1B", KT_NOTE_CONTROL},
        {"\x7F", KT_NOTE_CONTROL},
        {"\xC2\x85", KT_NOTE_CONTROL | KT_NOTE_NON_ASCII},
        {"\u2066", KT_NOTE_BIDI | KT_NOTE_NON_ASCII},
        {"\uFEFF", KT_NOTE_HIDDEN | KT_NOTE_NON_ASCII},
        {"\U000E0041", KT_NOTE_HIDDEN | KT_NOTE_NON_ASCII},
        {"4:11\u202FPM", KT_NOTE_NON_ASCII},
        {"Zürich", KT_NOTE_NON_ASCII},
        {"\xFF", KT_NOTE_INVALID},
        {"\u05D0", KT_NOTE_RTL | KT_NOTE_NON_ASCII},
        {"e\u0301", KT_NOTE_COMBINING | KT_NOTE_NON_ASCII},
        {"\uE000", KT_NOTE_PRIVATE | KT_NOTE_NON_ASCII},
        {"\u0378", KT_NOTE_PRIVATE | KT_NOTE_NON_ASCII},
        {"\u202E \xC0 \a", KT_NOTE_BIDI | KT_NOTE_NON_ASCII | KT_NOTE_INVALID | KT_NOTE_CONTROL},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        assert_int_equal(kt_text_notes(kt_span_of(t[i].text)), t[i].notes);
    assert_int_equal(kt_text_notes(KT_SPAN_NONE), 0);
    for (size_t at = 0; at < 20; at++) { /* the fast path looks at every place */
        for (int byte = 0; byte < 256; byte++) {
            char p[20];
            memset(p, 'a', sizeof p);
            p[at] = (char)byte;
            bool clean = byte >= 0x20 && byte <= 0x7E;
            assert_int_equal(kt_text_notes((struct kt_span){p, sizeof p}) == 0, clean);
        }
    }
}

/* --- complaints --------------------------------------------------------------- */

static size_t complained(char *out, size_t size, const char *data)
{
    int pipe_fd[2], saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    assert_int_equal(pipe(pipe_fd), 0);
    assert_true(dup2(pipe_fd[1], STDERR_FILENO) >= 0);
    errno = ENOENT;
    kt_text_complain("cannot read %s: line %d", data, 7);
    int kept = errno;
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(pipe_fd[1]);
    ssize_t n = read(pipe_fd[0], out, size - 1); /* one write, so one read */
    close(pipe_fd[0]);
    assert_int_equal(kept, ENOENT);
    assert_true(n >= 0);
    out[n] = '\0';
    return (size_t)n;
}

static void complaints_are_one_ascii_line(void **state)
{
    (void)state;
    char out[40000];
    complained(out, sizeof out, "a\x1B]0;x\a\nü\u202E\xFF");
    assert_string_equal(out, "keytop: cannot read a\\u{1b}]0;x\\u{7}\\u{a}\\u{fc}\\u{202e}\\x{ff}: line 7\n");
    static char big[9000];
    memset(big, '\xFF', sizeof big - 1);
    size_t n = complained(out, sizeof out, big);
    assert_true(n > 6 * 4000);
    assert_string_equal(out + n - 4, "...\n");
}

static void a_complaint_that_cannot_be_written_changes_nothing(void **state)
{
    (void)state;
    int saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    close(STDERR_FILENO);
    errno = ENOENT;
    kt_text_complain("%s", "nobody reads this");
    int kept = errno;
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    close(saved);
    assert_int_equal(kept, ENOENT);
}

int main(void)
{
    if (!setlocale(LC_ALL, "C.UTF-8")) {
        fprintf(stderr, "the C library has no C.UTF-8 locale\n");
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding_is_strict),
        cmocka_unit_test(decoding_agrees_with_utf8proc),
        cmocka_unit_test(marks_name_what_was_there),
        cmocka_unit_test(letters_stand_in_free_text_and_are_named_in_identities),
        cmocka_unit_test(two_marks_stay_on_a_letter),
        cmocka_unit_test(a_cut_says_so_and_splits_no_mark),
        cmocka_unit_test(a_middle_cut_keeps_both_ends),
        cmocka_unit_test(a_middle_cut_counts_whole_runs_and_fills_its_columns),
        cmocka_unit_test(no_code_point_byte_or_surrogate_is_drawn_unsafely),
        cmocka_unit_test(in_another_codeset_only_ascii_is_drawn),
        cmocka_unit_test(unsafe_cells_are_known),
        cmocka_unit_test(width_is_what_a_text_takes_uncut),
        cmocka_unit_test(plain_names_the_hostile_and_spares_the_rest),
        cmocka_unit_test(plain_tells_escapes_from_data_that_looks_like_one),
        cmocka_unit_test(plain_keeps_to_its_buffer),
        cmocka_unit_test(every_code_point_and_byte_comes_back),
        cmocka_unit_test(json_is_ascii),
        cmocka_unit_test(json_is_read_back_by_jansson),
        cmocka_unit_test(csv_keeps_values_and_starts_no_formula),
        cmocka_unit_test(notes_tell_what_a_text_held),
        cmocka_unit_test(complaints_are_one_ascii_line),
        cmocka_unit_test(a_complaint_that_cannot_be_written_changes_nothing),
    };
    return cmocka_run_group_tests(tests, make_rooms, free_rooms);
}
