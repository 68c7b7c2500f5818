/* One line of text being written: the filter prompt and the search prompt. */
#ifndef KT_TUI_PROMPT_H
#define KT_TUI_PROMPT_H
#include "tui/canvas.h"
#include "tui/keymap.h"

enum { KT_PROMPT_MAX = 1024, KT_PROMPT_HISTORY = 50, KT_PROMPT_LABEL = 16 };

enum kt_prompt_event {
    KT_PROMPT_NOTHING, KT_PROMPT_CHANGED, KT_PROMPT_ACCEPTED, KT_PROMPT_CANCELLED,
    KT_PROMPT_COMPLETE, KT_PROMPT_COMPLETE_BACK /* the next, or the one before, of what is offered is asked for */
};

/* What was written before, and in which prompt. */
struct kt_written {
    char label[KT_PROMPT_LABEL], text[KT_PROMPT_MAX];
};

struct kt_prompt {
    const char *label; /* "filter", "search"; NULL: no prompt is open */
    bool secret;       /* it is shown as so many stars, kept nowhere and wiped */
    char text[KT_PROMPT_MAX]; /* valid UTF-8, without controls, NUL-terminated */
    size_t len, at;           /* bytes; `at` is where the next letter goes */
    char error[480];          /* of the text as it stands; "" where it is valid */
    size_t error_at;          /* the byte of `text` where the error lies */
    char note[64];            /* our words at the right of the line; "" nothing */
    struct kt_written history[KT_PROMPT_HISTORY]; /* of all prompts, newest first */
    size_t n_history;
    size_t older; /* 0: what is being written; else 1 + index of history */
    const struct kt_keymap *keys; /* NULL: the usual ones */
};

void kt_prompt_open(struct kt_prompt *p, const char *label, const char *text);
void kt_prompt_close(struct kt_prompt *p);
/* Other text, the cursor at its end. */
void kt_prompt_set(struct kt_prompt *p, const char *text);
/* Puts `text` in the place of the bytes from..to; the cursor goes behind it.
 * False where it has no room. */
bool kt_prompt_replace(struct kt_prompt *p, size_t from, size_t to, const char *text);
/* Keeps the text for Up, where it then stands first, and once. */
void kt_prompt_remember(struct kt_prompt *p);
/* `pasting`: Enter and other controls are blanks of the text, not commands. */
enum kt_prompt_event kt_prompt_key(struct kt_prompt *p, struct kt_key k, bool pasting);
/* Draws on `row`, places the canvas's cursor; where there is an error and
 * `row` is not the first, the sentence stands on the line before,
 * with a mark over its place. */
void kt_prompt_draw(const struct kt_prompt *p, struct kt_canvas *c, int row);
#endif
