/* The top of the screen: which sources, how complete, live or paused; then
 * how the last 24 hours went and what is filtered. Nothing here moves by
 * itself oftener than once a minute. */
#ifndef KT_TUI_STATUS_H
#define KT_TUI_STATUS_H
#include "tui/screen.h"

/* Asks the engine. True where something that is shown has changed. */
bool kt_status_refresh(struct kt_app *a);
/* ms until a text changes by itself; 0: never. */
int64_t kt_status_next(const struct kt_app *a);

void kt_status_sources(struct kt_app *a, struct kt_canvas *c, int row);
void kt_status_counts(struct kt_app *a, struct kt_canvas *c, int row);
/* All of it in one line, for small screens: the high risks first. */
void kt_status_line(struct kt_app *a, struct kt_canvas *c, int row);
/* "LIVE", "PAUSED, 14 new", "DONE", "READING 45 %" at the right end of a row;
 * returns the column where it begins. */
int kt_status_mode(struct kt_app *a, struct kt_canvas *c, int row);
/* A source's glyph, its role and its state in a few words. */
const char *kt_status_glyph(const struct kt_source_state *s);
enum kt_role kt_status_role(const struct kt_source_state *s);
void kt_status_words(const struct kt_app *a, const struct kt_source_state *s, bool alone, char *out, size_t size);
uint64_t kt_status_fresh(const struct kt_app *a);
#endif
