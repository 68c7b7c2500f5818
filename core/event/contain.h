/* The command that switches an access key off, for a person to read, copy and
 * run; keytop never runs it.
 *
 *   aws iam update-access-key --user-name='bob' --access-key-id='AKIA...' --status='Inactive'
 *
 * Names come from records, and records hold what attackers chose. Each value
 * must therefore be one that IAM can have produced (API reference: user names
 * are 1 to 64 of A-Z a-z 0-9 _ + = , . @ -, key ids 16 to 128 of A-Z 0-9
 * beginning with AKIA, accounts 12 digits); else there is no command, and the
 * sentence says why. That leaves out `:` and `/` too, so that the AWS CLI
 * cannot take a value for file://. Each value is quoted all the same
 * (text/shell.h) and stands behind its option's `=`, so that none is taken
 * for an option. The command is one line of printable ASCII.
 *
 * `--profile` is written where the user has said how profiles are named:
 * "{account}" in that name stands for the key's account. `--region` is
 * written where the record comes of another partition than `aws` (China,
 * GovCloud, ISO), in which the CLI must be told. */
#ifndef KT_EVENT_CONTAIN_H
#define KT_EVENT_CONTAIN_H
#include "base/span.h"

#include <stdbool.h>

enum { KT_CONTAIN_COMMAND_MAX = 512, KT_CONTAIN_WHY_MAX = 160, KT_CONTAIN_PROFILE_MAX = 64 };

struct kt_contain_of {
    struct kt_span key;
    struct kt_span user, account; /* whose key it is; unknown: not seen */
    bool root;                    /* it is the account's own */
    bool deleted;                 /* as far as seen */
    struct kt_span region;        /* of a record of it */
    const char *profile;          /* NULL or "": none is written */
};

enum kt_contain_kind {
    KT_CONTAIN_NONE,    /* there is no command: `why` says so */
    KT_CONTAIN_COMMAND, /* it switches the key off */
    KT_CONTAIN_LOOKUP   /* whose key it is was not seen: this asks AWS for the user */
};
struct kt_contain {
    enum kt_contain_kind kind;
    char command[KT_CONTAIN_COMMAND_MAX]; /* "" for NONE */
    char why[KT_CONTAIN_WHY_MAX];         /* our words, ASCII; "" for COMMAND */
};

void kt_contain_command(const struct kt_contain_of *k, struct kt_contain *out);

/* Can this be the name of an IAM user? */
bool kt_contain_user_name(struct kt_span s);
/* Can this be a profile's name, "{account}" in it or not? */
bool kt_contain_profile(struct kt_span s);
#endif
