/* --check: looks at what a run would need, says what it found, and ends. One
 * line for each thing on standard output, in words that scripts may look for:
 *
 *   ok       rules/mine.yml: 2 rules, 1 correlation
 *   ok       filter NAME: keeps out of aws_detect_permanent_key_creation
 *   warning  ...   what works, though perhaps not as it is meant
 *   refused  rules/broken.yml:7:12: ... */
#ifndef KT_TUI_CHECK_H
#define KT_TUI_CHECK_H
#include "options.h"
#include "config/config.h"

/* The exit status that a run would begin with: 0, 1 where it would go on
 * without some of it, 2 where it could not start. `bad` is what is wrong with
 * the configuration, which then is none; NULL: nothing. */
int kt_check_run(const struct kt_options *o, const struct kt_config *c, const struct kt_err *bad);
#endif
