/* Two records beside each other, field by field: first what keytop makes of
 * them, under the names of the filter, then every member of the records. What
 * is the same in both can be hidden. */
#ifndef KT_TUI_DIFF_H
#define KT_TUI_DIFF_H
#include "tui/record.h"
#include "tui/screen.h"

enum { KT_DIFF_LINES_MAX = 4000 };

enum kt_diff_kind { KT_DIFF_HEAD, KT_DIFF_SAME, KT_DIFF_OTHER, KT_DIFF_ONLY_A, KT_DIFF_ONLY_B };
struct kt_diff_line {
    enum kt_diff_kind kind;
    struct kt_span path; /* "userIdentity.sessionContext.sessionIssuer.arn"; a head's words */
    struct kt_span a, b; /* as they stand in the record; unknown: it has none */
};
struct kt_diff {
    struct kt_diff_line *line;
    size_t n, cap;
    bool cut; /* there was more than the limits take */
};
/* The members of two JSON texts, those of `a` in their order, then those that
 * only `b` has. Appends. Spans borrow from the texts, and paths lie in `arena`.
 * False where memory ran out. */
bool kt_diff_json(struct kt_diff *d, struct kt_span a, struct kt_span b, struct kt_arena *arena);
/* The same of all that has a name (KT_FIELDS). */
bool kt_diff_rows(struct kt_diff *d, const struct kt_row *a, const struct kt_row *b, struct kt_arena *arena);
void kt_diff_free(struct kt_diff *d);

/* NULL: out of memory. */
struct kt_screen *kt_screen_diff(struct kt_app *a, uint64_t one, uint64_t other);
#endif
