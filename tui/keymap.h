/* Which keys ask for which command: those of the table (commands.h), and in
 * their place those that the configuration gives (`keys:`, keytop-config(5)). */
#ifndef KT_TUI_KEYMAP_H
#define KT_TUI_KEYMAP_H
#include "base/err.h"
#include "config/config.h"
#include "tui/commands.h"

struct kt_keymap {
    const char *keys[KT_CONTEXTS][KT_CMD_COUNT]; /* as in the table; NULL: the table's. Borrowed, or in `text` */
    char *text;
};

/* The usual keys: all NULL. */
void kt_keymap_init(struct kt_keymap *m);
/* With the configuration's. KT_EFORMAT: "FILE:LINE:COLUMN: sentence", of what is
 * no command, context or key, of a key that has two meanings in one place, and
 * of a prompt or page that no key would lead out of; `m` has then the usual
 * keys. Free after either. */
enum kt_code kt_keymap_configure(struct kt_keymap *m, const struct kt_config *c, struct kt_err *e);
void kt_keymap_free(struct kt_keymap *m);

/* A command's keys in exactly one context, parted by blanks; "": none. `m` NULL:
 * the usual ones. */
const char *kt_keymap_keys(const struct kt_keymap *m, enum kt_command c, enum kt_context ctx);
/* What a key asks for; `nth` (may be NULL) gets which of the command's keys it is, from 1. */
enum kt_command kt_keymap_command(const struct kt_keymap *m, struct kt_key k, enum kt_context ctx, int *nth);
#endif
