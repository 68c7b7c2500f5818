/* Memory for what must not leak: kept out of core files and of children,
 * locked where the system allows it, and wiped before it is given back. */
#ifndef KT_BASE_SECRET_H
#define KT_BASE_SECRET_H
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Zeroed, aligned for any type. NULL where memory ran out. */
void *kt_secret_alloc(size_t n);
/* Wipes all of it. NULL is nothing. */
void kt_secret_free(void *p);
/* Frees a buffer that held a secret, after wiping what it holds now. A buffer
 * that grew has left earlier copies behind: reserve its maximum first. */
void kt_secret_wipe(struct kt_buf *b);
/* Reads a secret of one line out of a file into `out`, from kt_secret_alloc;
 * blanks at its end are left out. False: `why` says what is wrong, with the path. */
bool kt_secret_read(const char *path, char *out, size_t size, char *why, size_t why_size);
/* One line of visible ASCII, as it can stand in a header. */
bool kt_secret_is_word(const char *s);
/* From now on this process leaves no core file, and others of the same user
 * cannot read its memory: libraries keep copies that we cannot wipe. */
void kt_secret_no_cores(void);
#endif
