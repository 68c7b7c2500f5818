/* A folder of a test's own, and files in it. All paths are relative to it
 * where they do not begin with a slash. Failure ends the test program. */
#ifndef TESTS_SUPPORT_TEMP_DIR_H
#define TESTS_SUPPORT_TEMP_DIR_H
#include <stddef.h>

struct temp_dir {
    char path[128];
};
void temp_dir_make(struct temp_dir *d);
/* Removes it with all that is in it. */
void temp_dir_remove(struct temp_dir *d);
/* The full path, in one of a few buffers that are used in turn. */
const char *temp_path(const struct temp_dir *d, const char *name);
void temp_mkdir(const struct temp_dir *d, const char *name);
void temp_write(const struct temp_dir *d, const char *name, const char *text);
void temp_append(const struct temp_dir *d, const char *name, const char *text);
void temp_rename(const struct temp_dir *d, const char *from, const char *to);
void temp_unlink(const struct temp_dir *d, const char *name);
void temp_symlink(const struct temp_dir *d, const char *to, const char *name);
#endif
