/* A box over the table with a title and lines to choose from. */
#ifndef KT_TUI_MENU_H
#define KT_TUI_MENU_H
#include "tui/list.h"
#include "tui/screen.h"

struct kt_menu {
    struct kt_screen s; /* first: a menu is a screen */
    struct kt_list list;
    const char *title;
    const char *none;   /* our words, where there are no lines */
    size_t n;
    int wanted;         /* columns, its edge among them */
    int row, height;    /* of the lines, as they were drawn last */
    int width;
    void (*line)(struct kt_menu *m, size_t i, struct kt_canvas *c, int row, int width);
};
void kt_menu_draw(struct kt_menu *m, struct kt_canvas *c, int row, int height);
/* Moves where `cmd` says so. False: another command. */
bool kt_menu_moved(struct kt_menu *m, enum kt_command cmd, unsigned *did);
void kt_menu_goto(struct kt_menu *m, size_t i);
/* A press of the mouse. */
unsigned kt_menu_click(struct kt_menu *m, struct kt_key k, enum kt_command open);
#endif
