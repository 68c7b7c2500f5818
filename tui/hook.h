/* The command of `alerts: hook:`, run for each event that is to be told, with
 * the event as one line of JSON on its standard input.
 *
 * A helper process does it, forked before there is any thread; it holds no
 * terminal and no file but its socket. Its environment is keytop's. It runs one command at a
 * time, without a shell, in a process group of its own that is killed when its
 * time is over, and says how each ended. What waits is bounded: events beyond
 * are dropped and counted. The helper ends with its parent. */
#ifndef KT_TUI_HOOK_H
#define KT_TUI_HOOK_H
#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { KT_HOOK_EVENT_MAX = 64 << 10, KT_HOOK_WAITING = 64 };

struct kt_hook;
/* `command` of `n` words, by PATH; borrowed. NULL and an error: no process. */
struct kt_hook *kt_hook_start(const char *const *command, size_t n, int timeout_s, struct kt_err *e);
/* The helper is left to end by itself: what it has taken, it still runs. */
void kt_hook_free(struct kt_hook *h);
/* Readable when a command has ended. */
int kt_hook_fd(const struct kt_hook *h);

enum kt_hook_told { KT_HOOK_TAKEN, KT_HOOK_FULL, KT_HOOK_TOO_LARGE, KT_HOOK_GONE };
/* Never waits. */
enum kt_hook_told kt_hook_tell(struct kt_hook *h, struct kt_span event);

struct kt_hook_result {
    int status;     /* as of waitpid */
    int why;        /* errno, where it could not be run */
    bool timed_out;
};
/* The next command that ended; false: none now. */
bool kt_hook_next(struct kt_hook *h, struct kt_hook_result *out);
/* "exit status 3", "killed by signal 9", "took longer than it may". "" where
 * it went well. */
void kt_hook_words(const struct kt_hook_result *r, char *out, size_t size);
#endif
