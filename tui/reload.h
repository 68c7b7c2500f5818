/* The configuration, read anew while keytop runs: on the engine's thread, when
 * the file has changed, with the command line over it as at the start. The
 * screen takes what concerns it when the engine says that it holds. */
#ifndef KT_TUI_RELOAD_H
#define KT_TUI_RELOAD_H
#include "engine.h"
#include "tui/options.h"

struct kt_configured; /* one reading of both; shared */
const struct kt_options *kt_configured_options(const struct kt_configured *s);
const struct kt_config *kt_configured_config(const struct kt_configured *s);
void kt_configured_free(struct kt_configured *s); /* with its last holder; NULL is nothing */

struct kt_reload;
/* `o` as parsed, borrowed for its life, as are its argv. NULL: out of memory. */
struct kt_reload *kt_reload_new(const struct kt_options *o);
void kt_reload_free(struct kt_reload *r);
/* For kt_engine_opts; path NULL where there is no file to watch. */
struct kt_engine_config kt_reload_engine(struct kt_reload *r);
/* The one that was read last and holds, held for the caller; NULL: none was
 * since the start. Any thread. */
struct kt_configured *kt_reload_latest(struct kt_reload *r);
#endif
