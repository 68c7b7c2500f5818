/* A key press as the front end knows it, whatever the terminal sent. */
#ifndef KT_TUI_KEYS_H
#define KT_TUI_KEYS_H
#include <stdint.h>

enum kt_key_code {
    KT_KEY_CHAR, /* `ch` is a code point; Ctrl-A is 1, Enter 13, Escape 27, Tab 9 */
    KT_KEY_UP, KT_KEY_DOWN, KT_KEY_LEFT, KT_KEY_RIGHT, KT_KEY_HOME, KT_KEY_END, KT_KEY_PAGE_UP, KT_KEY_PAGE_DOWN,
    KT_KEY_BACKSPACE, KT_KEY_DELETE, KT_KEY_INSERT, KT_KEY_BACKTAB, KT_KEY_FUNCTION, /* ch: 1..12 */
    KT_KEY_RESIZE,
    KT_KEY_PASTE_BEGIN, KT_KEY_PASTE_END /* bracketed paste: what lies between is text */
};
struct kt_key {
    enum kt_key_code code;
    uint32_t ch;
};
#define KT_CHAR(c) ((struct kt_key){KT_KEY_CHAR, (uint32_t)(c)})
#endif
