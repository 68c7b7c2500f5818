/* keytop without its screen: rows to standard output, troubles and progress
 * to standard error. */
#ifndef KT_TUI_HEADLESS_H
#define KT_TUI_HEADLESS_H
#include "engine.h"
#include "options.h"

/* What colour is wanted on a stream: --color, then NO_COLOR, then whether it
 * is a terminal that has any. */
bool kt_wants_color(const struct kt_options *o, int fd);

/* Reads all, or follows, and prints. Returns the exit status; *signo gets the
 * signal that ended it early, 0: none. `profile`: of a report's commands; or NULL. `missed`: some source was not there. */
int kt_headless_run(const struct kt_options *o, struct kt_engine *g, bool ascii, const char *profile, bool missed,
                    int *signo);

/* A line of progress, as text: "12 of 340 files, 1.2 of 14.0 GB, 830 MB/s,
 * 17 s left". `ms` is how long it has taken so far. */
void kt_progress_text(char *out, size_t size, const struct kt_health *h, int64_t ms);
#endif
