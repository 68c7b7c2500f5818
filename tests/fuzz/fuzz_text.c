/* Whatever the bytes: nothing unsafe leaves, nothing is lost on the way back,
 * no cell too many. The first byte chooses the width of the cells. */
#include "text/text.h"

#include "tests/support/text_oracle.h"

#include <jansson.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "text: %s\n", what);
        abort();
    }
}

static void must_be_null(const char *wrong)
{
    must(!wrong, wrong ? wrong : "");
}

static bool same(const struct kt_buf *b, struct kt_span s)
{
    return b->len == s.n && memcmp(kt_buf_str(b), s.p, s.n) == 0;
}

static void check_cells(struct kt_span s, size_t columns)
{
    struct kt_cell *room = malloc(columns ? columns * sizeof *room : 1);
    must(room != NULL, "out of memory");
    for (int way = 0; way < 8; way++) {
        struct kt_text_opts o = {way & 1 ? KT_TEXT_IDENTITY : KT_TEXT_FREE, way & 2, way & 4};
        must_be_null(oracle_cells(s, &o, columns, room));
    }
    free(room);
}

static void check_plain(struct kt_span s, struct kt_buf *b, struct kt_buf *back)
{
    for (int way = 0; way < 4; way++) {
        kt_buf_reset(b);
        must(kt_text_plain(b, s, way & 1 ? KT_TEXT_IDENTITY : KT_TEXT_FREE, way & 2), "plain failed");
        must_be_null(oracle_plain(kt_buf_span(b), way != 0, false));
        kt_buf_reset(back);
        must(kt_text_unescape(back, kt_buf_span(b)) && same(back, s), "plain does not come back");
        kt_buf_reset(back);
        must(oracle_unescape(back, kt_buf_span(b)) && same(back, s), "plain breaks the rule of the header");
    }
    kt_buf_reset(b);
    kt_buf_reset(back);
    must(kt_text_csv(b, s), "csv failed");
    must_be_null(oracle_plain(kt_buf_span(b), false, true));
    must(oracle_csv_read(back, kt_buf_span(b)) && same(back, s), "csv does not come back");
}

static void check_json(struct kt_span s, struct kt_buf *b)
{
    kt_buf_reset(b);
    must(kt_text_json(b, s), "json failed");
    must_be_null(oracle_plain(kt_buf_span(b), true, false));
    json_t *v = json_loadb(b->p, b->len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    must(json_is_string(v), "json is not a string");
    bool valid = kt_utf8_valid(s);
    must(valid == !(kt_text_notes(s) & KT_NOTE_INVALID), "notes and validity disagree");
    must(!valid || (json_string_length(v) == s.n && memcmp(json_string_value(v), s.p, s.n) == 0),
         "json does not come back");
    json_decref(v);
}

/* Bytes taken for escaped text: what is accepted is what plain writes. */
static void check_unescape(struct kt_span s, struct kt_buf *b, struct kt_buf *back)
{
    kt_buf_reset(b);
    if (!kt_text_unescape(b, s)) {
        must(b->len == 0, "a refused text leaves nothing");
        return;
    }
    bool ours = false;
    for (int ascii = 0; ascii < 2; ascii++) {
        kt_buf_reset(back);
        must(kt_text_plain(back, kt_buf_span(b), KT_TEXT_FREE, ascii), "plain failed");
        ours |= same(back, s);
    }
    must(ours, "accepted what plain never writes");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    if (!ready)
        ready = setlocale(LC_ALL, "C.UTF-8") != NULL;
    if (size == 0 || size > 4096)
        return 0;
    struct kt_span s = {(const char *)data + 1, size - 1};
    struct kt_buf b, back;
    kt_buf_init(&b, 65536);
    kt_buf_init(&back, 65536);
    check_cells(s, data[0] % 64);
    check_plain(s, &b, &back);
    check_json(s, &b);
    check_unescape(s, &b, &back);
    kt_buf_free(&b);
    kt_buf_free(&back);
    return 0;
}
