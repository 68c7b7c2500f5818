/* A random schedule of what writers and rotators do to a folder that is
 * followed: appends of whole and partial lines, rotation by rename inside and
 * out of the folder, copytruncate, new files and folders, renamed folders,
 * deletion, lost events. Afterwards every line that was written must have
 * been given exactly once, in order and uncut; a line may be missing only
 * where it was truncated, deleted or moved away, and then a gap must name its
 * place. (What is truncated before anyone can have looked leaves no trace.) */
#ifndef TESTS_SUPPORT_FOLLOW_SCHEDULE_H
#define TESTS_SUPPORT_FOLLOW_SCHEDULE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False with `why` where the promise was broken. */
bool follow_schedule(uint64_t seed, char *why, size_t why_n);
#endif
