/* Times, ages, counts and sparklines in words for the screen. All text made
 * here is our own: printable, with the glyphs that kt_canvas_text knows. */
#ifndef KT_TUI_FORMAT_H
#define KT_TUI_FORMAT_H
#include "base/clock.h"
#include "detect/detect.h"
#include "tui/canvas.h"

enum { KT_FMT_TEXT = 48 };

/* "2,900" */
const char *kt_fmt_count(uint64_t n, char out[KT_FMT_TEXT]);
/* "1 key", "2,900 keys" */
const char *kt_fmt_plural(uint64_t n, const char *one, const char *many, char out[KT_FMT_TEXT]);
/* "1.2 GB", in units of 1000 */
const char *kt_fmt_bytes(uint64_t n, char out[KT_FMT_TEXT]);
/* "14:31:55"; "no time" */
const char *kt_fmt_clock(int64_t t, char out[KT_FMT_TEXT]);
/* "Mon 10 Jul 2023" */
const char *kt_fmt_day(int64_t t, char out[KT_FMT_TEXT]);
/* A moment in at most `width` columns, to be read by itself: 19 and more:
 * date and time; 16: without seconds; else "14:31:55" for today (of `now`),
 * the date for other days, in 8 columns without its century. */
const char *kt_fmt_when(int64_t t, int64_t now, int width, char out[KT_FMT_TEXT]);
/* "14:31:55Z" for today, "2023-07-10 12:24Z" for other days. */
const char *kt_fmt_stamp(int64_t t, int64_t now, char out[KT_FMT_TEXT]);
bool kt_fmt_same_day(int64_t a, int64_t b);
/* A coarse age: "now" (below a minute), "3m", "2h", "5d". `*next` (may be
 * NULL) gets the ms until the text changes. */
const char *kt_fmt_age(int64_t ms, char out[KT_FMT_TEXT], int64_t *next);

/* A length of time: "34 s", "12 min", "3 h 5 min", "5 d"; "0 s" for less. */
const char *kt_fmt_duration(int64_t ms, char out[KT_FMT_TEXT]);

/* The glyph of a level, to stand before its number, and its role. */
const char *kt_fmt_level(enum kt_level l);
enum kt_role kt_fmt_level_role(enum kt_level l);

/* `n` buckets drawn in `width` columns (merged where there are more buckets
 * than columns). Returns the columns used. */
int kt_spark_draw(struct kt_canvas *c, int row, int col, int width, const uint32_t *bucket, int n);
#endif
