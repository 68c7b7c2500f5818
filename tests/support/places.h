/* Every place of the front end that keys lead to, and how it is come to from
 * the table, with its cursor on a row whose key is known. */
#ifndef KT_TESTS_PLACES_H
#define KT_TESTS_PLACES_H
#include "tui/screen.h"

struct place {
    enum kt_context ctx;
    const char *way; /* keys by name */
};
static const struct place places[] = {
    {KT_CTX_TABLE, ""},   {KT_CTX_PANE, "1 Enter"}, {KT_CTX_PANE, "2 Enter"}, {KT_CTX_PANE, "4 Enter"}, {KT_CTX_PANE, "5 Enter"},
    {KT_CTX_RECORD, "6 Enter"}, {KT_CTX_LINES, "?"}, {KT_CTX_LINES, "S"},     {KT_CTX_MENU, "s"},       {KT_CTX_MENU, "T"},
    {KT_CTX_WALL, "W"},   {KT_CTX_VIEWS, "v"},      {KT_CTX_COLUMNS, "C"},    {KT_CTX_GROUPS, "b"},     {KT_CTX_TIME, "H"},
    {KT_CTX_DIFF, "Home Space Space d"},
    {KT_CTX_PROMPT, "/"}, {KT_CTX_PROMPT, ":"},     {KT_CTX_PROMPT, "m"},     {KT_CTX_PROMPT, "C-f"},   {KT_CTX_PROMPT, "e"},
};
enum { PLACES = sizeof places / sizeof *places };

static inline enum kt_context place_here(const struct kt_app *a)
{
    return a->prompt.label ? KT_CTX_PROMPT : a->top->ops->context;
}

/* Esc alone leads to the table, from wherever one is; false: it did not. */
static inline bool place_leave(struct kt_app *a)
{
    (void)kt_app_key(a, (struct kt_key){KT_KEY_PASTE_END, 0});
    for (int i = 0; i < KT_SCREENS_MAX + 2 && (a->top != a->table || a->prompt.label); i++)
        (void)kt_app_key(a, KT_CHAR(27));
    return a->top == a->table && !a->prompt.label;
}

static inline void place_press(struct kt_app *a, const char *keys)
{
    char name[KT_KEY_NAME];
    struct kt_key k;
    while (kt_key_next(&keys, &k, name))
        (void)kt_app_key(a, k);
}
#endif
