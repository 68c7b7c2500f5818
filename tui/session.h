/* How one left the screen, for the next time: the look of the table, saved
 * views, the theme, the mouse and what was written into prompts, in one small text
 * file beside state.db. What the command line said is not kept: a --filter that
 * still stands leaves the one before it in its place.
 *
 * It is written anew as a whole (another file, synced and renamed), mode 0600,
 * when views are saved and at the end. Read strictly: a file that is cut,
 * damaged, of another version, or larger than KT_SESSION_MAX is set aside as
 * NAME.damaged and told, and keytop starts as usual; one that is not a file of
 * this user's own is left alone and told. With `read_only` and for a wall
 * nothing is written. */
#ifndef KT_TUI_SESSION_H
#define KT_TUI_SESSION_H
#include "tui/setup.h"
#include "tui/screen.h"

enum { KT_SESSION_MAX = 512 << 10 };

struct kt_session {
    struct kt_setup setup;
    char view[KT_SAVED_NAME]; /* the look's name; "" none */
    bool mouse;
    char theme[KT_THEME_PATH], instead[KT_THEME_PATH]; /* chosen on the screen, in place of what was asked for then; "" none */
    struct kt_written written[KT_PROMPT_HISTORY]; /* into prompts, newest first */
    size_t n_written;
    struct kt_saved saved[KT_SAVED_MAX];
    size_t n_saved;
};
bool kt_session_write(const struct kt_session *s, struct kt_buf *b);
/* KT_EFORMAT with a line and a sentence. Views whose filter is none any more
 * are left out and counted in `lost`. */
enum kt_code kt_session_read(struct kt_session *s, struct kt_span text, int64_t now, size_t *lost, struct kt_err *e);

/* Takes over what the app's session file says, where there is one; what is
 * wrong with it is said as a hint. */
void kt_session_load(struct kt_app *a);
/* False: it is not kept; kt_session_why says why. */
bool kt_session_save(struct kt_app *a);
const char *kt_session_why(const struct kt_app *a);
#endif
