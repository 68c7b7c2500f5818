/* A key press as the front end knows it, whatever the terminal sent. */
#ifndef KT_TUI_KEYS_H
#define KT_TUI_KEYS_H
#include <stdint.h>

enum kt_key_code {
    KT_KEY_CHAR, /* `ch` is a code point; Ctrl-A is 1, Enter 13, Escape 27, Tab 9 */
    KT_KEY_UP, KT_KEY_DOWN, KT_KEY_LEFT, KT_KEY_RIGHT, KT_KEY_HOME, KT_KEY_END, KT_KEY_PAGE_UP, KT_KEY_PAGE_DOWN,
    KT_KEY_BACKSPACE, KT_KEY_DELETE, KT_KEY_INSERT, KT_KEY_BACKTAB, KT_KEY_FUNCTION, /* ch: 1..12 */
    KT_KEY_RESIZE,
    KT_KEY_PASTE_BEGIN, KT_KEY_PASTE_END, /* bracketed paste: what lies between is text */
    KT_KEY_MOUSE,      /* ch: kt_mouse_key */
    KT_KEY_FOCUS_IN, KT_KEY_FOCUS_OUT
};
struct kt_key {
    enum kt_key_code code;
    uint32_t ch;
};
/* What the mouse did, its left button where none is named, on which cell. */
enum kt_mouse {
    KT_MOUSE_NOTHING, KT_MOUSE_PRESS, KT_MOUSE_DRAG, KT_MOUSE_RELEASE, KT_MOUSE_MIDDLE, KT_MOUSE_RIGHT,
    KT_MOUSE_WHEEL_UP, KT_MOUSE_WHEEL_DOWN
};
static inline struct kt_key kt_mouse_key(enum kt_mouse what, int row, int col)
{
    return (struct kt_key){KT_KEY_MOUSE, (uint32_t)what << 24 | ((uint32_t)row & 0xFFF) << 12 | ((uint32_t)col & 0xFFF)};
}
static inline enum kt_mouse kt_mouse_of(struct kt_key k)
{
    return k.code == KT_KEY_MOUSE ? (enum kt_mouse)(k.ch >> 24 & 0xF) : KT_MOUSE_NOTHING;
}
static inline int kt_mouse_row(struct kt_key k)
{
    return (int)(k.ch >> 12 & 0xFFF);
}
static inline int kt_mouse_col(struct kt_key k)
{
    return (int)(k.ch & 0xFFF);
}
#define KT_CHAR(c) ((struct kt_key){KT_KEY_CHAR, (uint32_t)(c)})
#endif
