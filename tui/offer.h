/* What a filter that is being written may go on with: fields by their names and
 * heads, a field's values with the number of rows that have them, counted by a
 * view of its own off this thread and taken when they are there. */
#ifndef KT_TUI_OFFER_H
#define KT_TUI_OFFER_H
#include "tui/screen.h"

/* Offers what fits at the cursor of the prompt, whose text is a filter from byte
 * `from` on. */
void kt_offer_filter(struct kt_app *a, size_t from);
/* Counts have come that were waited for: offer anew. */
bool kt_offer_news(struct kt_app *a);
/* No prompt needs counts any more. */
void kt_offer_end(struct kt_app *a);
/* Waits for the counts: for tests. */
void kt_offer_settle(struct kt_app *a);
#endif
