/* The wall: what is read from across the room, without a keyboard. The keys of
 * 24 hours and the high risks among them in large figures, the newest of those
 * in words, and below how whole the picture is.
 *
 * The wall of a saved view is of its filter's rows alone, and names it. Where a
 * source says nothing that should, all of it stands in a red frame.
 *
 * What stands there when nothing happens is the clock, in minutes, in the
 * terminal's own colours: a minute costs no more than its figures. Once an hour
 * all of it moves by a column, so that nothing burns in. */
#ifndef KT_TUI_WALL_H
#define KT_TUI_WALL_H
#include "tui/screen.h"

enum { KT_WALL_IDLE_MS = 5 * 60 * 1000 }; /* without a key: with --wall, back to it */

/* Draws a number in figures five rows high, or five times `scale`, from `col`;
 * returns the columns it takes. `c` NULL: only that. */
int kt_wall_figures(struct kt_canvas *c, int row, int col, int scale, struct kt_style s, uint64_t n);
#endif
