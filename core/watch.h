/* Tells when files in folders change, without looking: what the rules and
 * lists of a running keytop are reloaded by. Of a folder, those of its names
 * that end in .yml or .yaml and its folders count, as they are read
 * (detect.h); of a single file, that name in its folder. A burst of changes
 * (an editor's, a checkout's) is told once, when it has been quiet for 200 ms,
 * or after two seconds of it. Nothing is looked at and no call is made while
 * nothing changes.
 *
 * What a file system that others share (NFS and its like) does not tell is not
 * heard. */
#ifndef KT_WATCH_H
#define KT_WATCH_H
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kt_watch;
/* An empty one. KT_EIO where inotify is not to be had. */
enum kt_code kt_watch_new(struct kt_watch **out, struct kt_err *e);
void kt_watch_free(struct kt_watch *w);
/* False: some of it cannot be watched, or is not there. */
bool kt_watch_folder(struct kt_watch *w, const char *path);
bool kt_watch_file(struct kt_watch *w, const char *path);
/* Readable when something may have changed. */
int kt_watch_fd(const struct kt_watch *w);
/* Reads what came, when the descriptor is readable or the deadline is there.
 * True, once for a burst: something has changed. `now` is kt_mono_ms(). */
bool kt_watch_changed(struct kt_watch *w, bool readable, int64_t now);
/* When to ask again though nothing more comes: kt_mono_ms(); 0: never. */
int64_t kt_watch_deadline(const struct kt_watch *w);
#endif
