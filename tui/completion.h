/* Completion scripts for bash, zsh and fish, made from the table of options,
 * so that they say what the program takes: options, formats, kinds, columns,
 * filter fields, themes, built-in rules, schemes of sources; and files. */
#ifndef KT_TUI_COMPLETION_H
#define KT_TUI_COMPLETION_H
#include "base/buf.h"
#include "base/err.h"

/* KT_EUSAGE for another shell. */
enum kt_code kt_completion_print(const char *shell, struct kt_buf *b, struct kt_err *e);
#endif
