/* What a prompt offers while one writes: lines above it, the best first, of
 * which one may be taken in place of what is being written. */
#ifndef KT_TUI_CHOICES_H
#define KT_TUI_CHOICES_H
#include "tui/canvas.h"

#include <stdint.h>

enum { KT_CHOICES_MAX = 256, KT_CHOICE_TEXT = 256, KT_CHOICE_NOTE = 40, KT_CHOICES_SHOWN = 10 };

struct kt_choice {
    char text[KT_CHOICE_TEXT]; /* what is put in; data, UTF-8 */
    char show[KT_CHOICE_TEXT]; /* what is drawn; "": the text. Data */
    char note[KT_CHOICE_NOTE]; /* behind it: keys, or a count; our words */
    const char *help;          /* our words; NULL: none */
    int id;                    /* the offerer's own */
    int score;
    bool dim;                  /* it is not of use here */
};

struct kt_choices {
    size_t n, at; /* `at` < n is marked */
    bool taken;   /* the marked one stands in the prompt's text */
    size_t from, to; /* the bytes of that text which a choice replaces */
    size_t first;    /* the first line that is shown */
    uint64_t more;   /* beyond those kept */
    struct kt_choice item[KT_CHOICES_MAX];
};

/* None. */
void kt_choices_clear(struct kt_choices *c);
/* A new one at the end, cleared; NULL where no more are kept (then counted). */
struct kt_choice *kt_choices_add(struct kt_choices *c);
/* The same, before those of less score. */
struct kt_choice *kt_choices_add_scored(struct kt_choices *c, int score);
/* Marks the next or the one before, round. */
void kt_choices_move(struct kt_choices *c, int by);
/* Lines above `row`, at most KT_CHOICES_SHOWN and down to the second line;
 * returns how many it drew. `marked`: one is marked though none is taken. */
int kt_choices_draw(struct kt_choices *s, struct kt_canvas *c, int row, bool marked);

/* How well `pattern` is found in `text`: its letters in this order, ASCII case
 * ignored; beginnings of words and runs count more. 0: not at all. */
int kt_fuzzy(const char *pattern, size_t n, const char *text);
#endif
