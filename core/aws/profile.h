/* The shared files of the AWS tools: ~/.aws/config and ~/.aws/credentials.
 * Follows "Configuration and credential file settings" of the AWS CLI guide. */
#ifndef KT_AWS_PROFILE_H
#define KT_AWS_PROFILE_H
#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>

enum { KT_PROFILE_FILE_MAX = 4 << 20, KT_PROFILE_ENTRIES = 100000 };

enum kt_profile_file { KT_PROFILE_CONFIG, KT_PROFILE_CREDENTIALS };

/* A file, read into memory that is wiped. */
struct kt_profiles;
/* A path that is NULL or does not exist is an empty file. KT_EIO and
 * KT_EFORMAT name file and line. */
enum kt_code kt_profiles_load(struct kt_profiles **out, const char *config, const char *credentials, struct kt_err *e);
void kt_profiles_free(struct kt_profiles *p);

/* Is there a profile of that name, in either file? */
bool kt_profiles_has(const struct kt_profiles *p, const char *name);
/* A profile's setting in one file; unknown where it is absent. */
struct kt_span kt_profile_in(const struct kt_profiles *p, enum kt_profile_file f, const char *name, const char *key);
/* The same in either file; that of credentials counts. */
struct kt_span kt_profile_get(const struct kt_profiles *p, const char *name, const char *key);
/* A setting of [KIND NAME] in the config file, as "sso-session" or "services";
 * an indented one is "outer.inner". */
struct kt_span kt_profile_section(const struct kt_profiles *p, const char *kind, struct kt_span name, const char *key);
/* Writes the names there are, with commas between, as far as they go. */
void kt_profiles_names(const struct kt_profiles *p, char *out, size_t size);
#endif
