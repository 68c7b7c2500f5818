/* Asks the person at the terminal, before there is a screen. */
#ifndef KT_TUI_ASK_H
#define KT_TUI_ASK_H
#include "aws/aws.h"

/* kt_aws_opts.mfa: the code of an MFA device, on /dev/tty, not echoed. What
 * would end or stop the program does so with the terminal as it was. */
enum kt_asked kt_ask_mfa(void *ctx, const char *serial, char *code, size_t size);
#endif
