#include "ingest/repair.h"

#include "base/literal.h"
#include "base/utf8.h"
#include "ingest/ingest.h"

/* At a backslash: how many bytes belong together, and whether they are a lone
 * surrogate. */
static size_t escape_len(const char *p, size_t n, bool *lone)
{
    *lone = false;
    int unit = kt_literal_unit(p, n);
    if (unit < 0)
        return n < 2 ? n : 2;
    if (unit < 0xd800 || unit > 0xdfff)
        return 6;
    int low = unit <= 0xdbff ? kt_literal_unit(p + 6, n - 6) : -1;
    if (low >= 0xdc00 && low <= 0xdfff)
        return 12;
    *lone = true;
    return 6;
}

bool kt_repair(struct kt_span text, struct kt_buf *out)
{
    bool changed = false;
    kt_buf_reset(out);
    size_t copied = 0, i = 0;
    while (i < text.n) {
        const char *with = NULL;
        size_t len, bad;
        if (text.p[i] == '\\') {
            bool lone;
            len = escape_len(text.p + i, text.n - i, &lone);
            with = lone ? "\\ufffd" : NULL;
            /* the second byte of `\X` may be the first of a character */
            if (!lone && len == 2 && (unsigned char)text.p[i + 1] >= 0x80)
                len = 1;
        } else {
            len = kt_utf8_len_or((const unsigned char *)text.p + i, text.n - i, &bad);
            if (!len) {
                len = bad;
                with = "\xef\xbf\xbd";
            }
        }
        if (with) {
            kt_buf_add(out, text.p + copied, i - copied);
            kt_buf_adds(out, with);
            copied = i + len;
            changed = true;
        }
        i += len;
    }
    if (changed)
        kt_buf_add(out, text.p + copied, text.n - copied);
    return changed && !out->failed;
}

static const char *reason_of(const json_error_t *e)
{
    switch (json_error_code(e)) {
    case json_error_stack_overflow:
        return "nested deeper than 2048 levels";
    case json_error_premature_end_of_input:
        return strstr(e->text, "string") ? "unterminated string" : "ends too early";
    case json_error_end_of_input_expected:
        return "something follows the value";
    case json_error_invalid_utf8:
        return "not UTF-8";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a NUL in a key";
    case json_error_numeric_overflow:
        return "a number too large";
    case json_error_wrong_type:
    case json_error_invalid_format:
        return "not an object";
    default:
        break;
    }
    if (strstr(e->text, "control character"))
        return "a control character in a string";
    if (strstr(e->text, "newline"))
        return "a newline in a string";
    if (strstr(e->text, "escape"))
        return "an invalid escape";
    if (strstr(e->text, "Unicode"))
        return "an invalid Unicode escape";
    return "not valid JSON";
}

/* jansson reports an allocation that failed in its lexer as bad syntax: asked
 * for something small, it fails again. */
static bool out_of_memory(const json_error_t *e)
{
    if (json_error_code(e) == json_error_out_of_memory || e->text[0] == '\0')
        return true;
    json_t *probe = json_object();
    json_decref(probe);
    return !probe;
}

static void by_jansson(struct kt_buf *scratch, struct kt_tree *tree, struct kt_parsed *out)
{
    size_t how = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY;
    json_error_t e;
    for (;;) {
        json_t *json = json_loadb(out->text.p, out->text.n, how, &e);
        if (json) {
            out->root = kt_tree_of(tree, json);
            out->no_memory = !out->root;
            if (out->root)
                return;
            break;
        }
        enum json_error_code code = json_error_code(&e);
        out->no_memory = out_of_memory(&e);
        if (out->no_memory)
            break;
        if (code == json_error_duplicate_key && (how & JSON_REJECT_DUPLICATES)) {
            how &= ~(size_t)JSON_REJECT_DUPLICATES;
            out->flags |= KT_RECORD_DUPLICATE_KEYS;
        } else if (code == json_error_numeric_overflow && !(how & JSON_DECODE_INT_AS_REAL)) {
            how |= JSON_DECODE_INT_AS_REAL;
        } else if (!(out->flags & KT_RECORD_REPAIRED) && kt_repair(out->text, scratch)) {
            out->text = kt_buf_span(scratch);
            out->flags |= KT_RECORD_REPAIRED;
        } else {
            out->no_memory = scratch->failed;
            break;
        }
    }
    out->flags = 0;
    out->reason = out->no_memory ? "memory ran out" : reason_of(&e);
}

void kt_parse(struct kt_span text, struct kt_buf *scratch, struct kt_tree *tree, struct kt_parsed *out)
{
    *out = (struct kt_parsed){.text = text, .root = kt_tree_read(tree, text)};
    if (!out->root)
        by_jansson(scratch, tree, out);
}
