/* Pages of lines: the help, made from the table of commands so that it cannot
 * say what keys do not do; and the sources with what was not read. Opened by
 * kt_screen_help and kt_screen_sources (screen.h). */
#ifndef KT_TUI_HELP_H
#define KT_TUI_HELP_H
#include "tui/list.h"
#include "tui/screen.h"

struct kt_page_line {
    enum { KT_PAGE_BLANK, KT_PAGE_HEAD, KT_PAGE_KEYS, KT_PAGE_DATA, KT_PAGE_WORDS } kind;
    const char *left;         /* our words: a head, keys as in the table of commands, or words */
    const char *name;         /* KEYS: what the command is called, and its argument */
    struct kt_span data;      /* DATA: drawn after `left`; else our words */
    struct kt_style style;
    int indent;
};
/* Lines are added while the page is made; their texts live in its arena. */
struct kt_page {
    struct kt_screen s;
    struct kt_arena *arena;
    struct kt_page_line *line;
    size_t n, cap;
    struct kt_list list;
    size_t origin;
    int keys_width, name_width;
    void (*make)(struct kt_page *p); /* makes it anew: after news, and at first */
    enum kt_context about;
};
struct kt_screen *kt_page_new(struct kt_app *a, const char *title, void (*make)(struct kt_page *p),
                              enum kt_context about);
void kt_page_add(struct kt_page *p, struct kt_page_line line);
const char *kt_page_fmt(struct kt_page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#endif
