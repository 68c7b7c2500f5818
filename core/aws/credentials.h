/* Where keys come from, in the order of the AWS tools: the environment; a
 * role that the profile names (chains of them, external id, MFA); a web
 * identity; Identity Center (sso_session, legacy too); the credentials file;
 * a login session's cache, read only; credential_process; the config file; the
 * container's endpoint (ECS, EKS Pod Identity); the instance (IMDSv2 alone).
 *
 * Keys are fetched when they are asked for, anew in time before they expire,
 * and once more when a service does not accept them. Nothing here blocks,
 * unless asking for an MFA code does (kt_aws_opts). */
#ifndef KT_AWS_CREDENTIALS_H
#define KT_AWS_CREDENTIALS_H
#include "aws/aws.h"
#include "aws/keys.h"
#include "net/net.h"

struct kt_creds;

/* The chain for a profile (NULL: as kt_aws_profile). `region` is where STS is
 * asked. Both contexts are borrowed for its life. KT_ENOTFOUND: there is no
 * such profile; KT_EUSAGE, KT_EFORMAT: what is wrong in it. */
enum kt_code kt_creds_new(struct kt_creds **out, struct kt_aws *a, struct kt_net *net, const char *profile,
                          const char *region, struct kt_err *e);
/* A role that is assumed with the keys of `source`, which is shared. */
enum kt_code kt_creds_role(struct kt_creds **out, struct kt_creds *source, const char *arn, const char *external_id,
                           const char *region, struct kt_err *e);
struct kt_creds *kt_creds_share(struct kt_creds *c);
void kt_creds_free(struct kt_creds *c); /* with its last holder; NULL is nothing */

enum kt_creds_state { KT_CREDS_WAITING, KT_CREDS_READY, KT_CREDS_FAILED };
/* Goes on as far as it can. `*wake` as of kt_aws_call_poll; where it failed,
 * when it is worth another look. */
enum kt_creds_state kt_creds_poll(struct kt_creds *c, int64_t *wake);
/* When ready: keys to be shared by a call. */
struct kt_keys *kt_creds_keys(struct kt_creds *c);
/* A service did not accept these: fetch others, unless there are newer ones. */
void kt_creds_refused(struct kt_creds *c, const struct kt_keys *k);
/* Where it failed: what went wrong, and what to type. */
const char *kt_creds_says(const struct kt_creds *c);
int64_t kt_creds_until(const struct kt_creds *c); /* KT_TIME_NONE: no end is known */
#endif
