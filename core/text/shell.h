/* A value as one word of a POSIX shell's command line: what dash, bash and zsh
 * read back is exactly the value, and nothing in it is run or expanded.
 *
 * The word is in single quotes throughout, where no shell looks at anything
 * but the next single quote; an apostrophe stands as '\''. What is not
 * printable ASCII is refused: a newline would send a pasted line off, controls
 * act on the terminal it is pasted into, and other letters depend on its
 * locale. csh and fish are not promised: csh expands ! inside quotes. */
#ifndef KT_TEXT_SHELL_H
#define KT_TEXT_SHELL_H
#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>

/* Adds the quoted word. False, with nothing added, for an unknown span, for
 * bytes outside 0x20..0x7E, and where it does not fit. */
bool kt_shell_quote(struct kt_buf *b, struct kt_span value);
#endif
