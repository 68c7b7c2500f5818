/* A record's JSON, line by line as a person reads it: objects and lists that
 * fold, keys and values told apart. The text is shown as it stands in the
 * record, escapes included, and only through core/text. What is not JSON (a
 * malformed record) is shown as it is, in lines. */
#ifndef KT_TUI_RECORD_H
#define KT_TUI_RECORD_H
#include "tui/list.h"
#include "tui/screen.h"

enum { KT_JSON_LINES_MAX = 200000, KT_JSON_DEPTH_MAX = 200 };

enum kt_json_kind { KT_JSON_VALUE, KT_JSON_STRING, KT_JSON_OPEN, KT_JSON_CLOSE, KT_JSON_TEXT };
struct kt_json_line {
    uint32_t key, key_n;     /* bytes of the text, quotes included; key_n 0: none */
    uint32_t value, value_n; /* a scalar, or the one byte of a bracket */
    uint32_t partner;        /* OPEN: the line that closes it; CLOSE: that opens it */
    uint32_t items;          /* OPEN: how many it holds */
    uint16_t depth;
    uint8_t kind;            /* enum kt_json_kind */
    bool comma, folded;
};
struct kt_json_lines {
    struct kt_span text; /* borrowed */
    struct kt_json_line *line;
    size_t n, cap;
    bool cut;            /* there was more than the limits take */
};
/* False where memory ran out. Never fails on what the text holds: from where
 * it is no JSON it is shown as plain lines. */
bool kt_json_lines_read(struct kt_json_lines *j, struct kt_span text);
void kt_json_lines_free(struct kt_json_lines *j);

struct kt_record_view {
    struct kt_app *app;
    uint64_t seq;
    struct kt_arena *arena; /* the row, with its text */
    struct kt_row row;
    bool have;
    struct kt_json_lines json;
    struct kt_buf made;  /* what is shown where the text was not kept */
    uint32_t *seen;      /* lines that no fold hides */
    size_t n_seen, seen_cap;
    struct kt_list list;
    bool wrap;
    int left, width;
    bool cursor;
};
void kt_record_view_init(struct kt_record_view *v);
void kt_record_view_load(struct kt_record_view *v, struct kt_app *a, uint64_t seq);
void kt_record_view_free(struct kt_record_view *v);
void kt_record_view_draw(struct kt_record_view *v, struct kt_canvas *c, int row, int height, int left, int width,
                         bool cursor);
struct kt_list_items kt_record_view_items(struct kt_record_view *v);
#endif
