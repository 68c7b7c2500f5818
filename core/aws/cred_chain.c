/* Which kind of credentials a profile has: the order of botocore. */
#include "aws/cred_impl.h"
#include "base/hash.h"
#include "base/secret.h"

#include <stdlib.h>
#include <strings.h>

enum { CHAIN_MAX = 16 };

struct chain {
    struct kt_aws *aws;
    struct kt_net *net;
    const char *region;
    const char *seen[CHAIN_MAX]; /* profiles whose role is being built */
    size_t depth;
    struct kt_err *e;
};

static struct kt_creds *profile_of(struct chain *h, const char *name, bool given, bool required);

static struct kt_span get(const struct chain *h, const char *profile, const char *key)
{
    return kt_profile_get(kt_aws_profiles(h->aws), profile, key);
}

static struct kt_creds *make(struct chain *h, const struct cred_kind *kind, const char *profile)
{
    struct kt_creds *c = cred_new(kind, h->aws, h->net, profile, h->region);
    if (!c)
        kt_fail(h->e, KT_ENOMEM, "out of memory");
    return c;
}

static struct kt_creds *wrong(struct chain *h, struct kt_creds *c, const char *profile, const char *what)
{
    kt_creds_free(c);
    kt_fail(h->e, KT_EUSAGE, "profile %s: %s", profile, what);
    return NULL;
}

/* --- roles --------------------------------------------------------------------------- */

static bool has_static(const struct chain *h, enum kt_profile_file f, const char *profile)
{
    return kt_profile_in(kt_aws_profiles(h->aws), f, profile, "aws_access_key_id").p != NULL;
}

static struct kt_creds *static_keys(struct chain *h, enum kt_profile_file f, const char *profile)
{
    struct kt_creds *c = make(h, &cred_file, profile);
    if (c)
        c->file = f;
    return c;
}

static struct kt_creds *role_source(struct chain *h, const char *profile)
{
    char name[CRED_NAME];
    struct kt_span from = get(h, profile, "source_profile"), where = get(h, profile, "credential_source");
    if ((from.p != NULL) == (where.p != NULL))
        return wrong(h, NULL, profile, "role_arn goes with either source_profile or credential_source");
    if (where.p) {
        const struct cred_kind *kind = kt_span_is(where, "Environment")           ? &cred_env
                                       : kt_span_is(where, "Ec2InstanceMetadata") ? &cred_instance
                                       : kt_span_is(where, "EcsContainer")        ? &cred_container
                                                                                  : NULL;
        if (!kind)
            return wrong(h, NULL, profile, "credential_source is Environment, Ec2InstanceMetadata or EcsContainer");
        return make(h, kind, profile);
    }
    if (!cred_text(name, sizeof name, from))
        return wrong(h, NULL, profile, "its source_profile has too long a name");
    if (strcmp(name, profile) == 0) { /* itself: only its own static keys are meant */
        if (has_static(h, KT_PROFILE_CREDENTIALS, name))
            return static_keys(h, KT_PROFILE_CREDENTIALS, name);
        if (has_static(h, KT_PROFILE_CONFIG, name))
            return static_keys(h, KT_PROFILE_CONFIG, name);
        return wrong(h, NULL, profile, "names itself as source_profile, and has no keys of its own");
    }
    for (size_t i = 0; i < h->depth; i++)
        if (strcmp(h->seen[i], name) == 0)
            return wrong(h, NULL, profile, "its source_profile leads back to itself");
    return profile_of(h, name, true, true);
}

static bool role_name(struct kt_creds *c, struct kt_span session)
{
    return cred_text(c->role.session, sizeof c->role.session, session.p ? session : KT_LIT("keytop"));
}

static struct kt_creds *role_of(struct chain *h, const char *profile)
{
    if (h->depth == CHAIN_MAX)
        return wrong(h, NULL, profile, "its chain of source_profile is too long");
    struct kt_creds *c = make(h, &cred_role, profile);
    if (!c)
        return NULL;
    struct kt_span external = get(h, profile, "external_id"), serial = get(h, profile, "mfa_serial");
    struct kt_span duration = get(h, profile, "duration_seconds");
    char n[8];
    if (!cred_text(c->role.arn, sizeof c->role.arn, get(h, profile, "role_arn")) ||
        !role_name(c, get(h, profile, "role_session_name")) ||
        (external.p && !cred_text(c->role.external, sizeof c->role.external, external)) ||
        (serial.p && !cred_text(c->role.serial, sizeof c->role.serial, serial)))
        return wrong(h, c, profile, "a setting of its role is too long");
    if (duration.p) {
        c->role.duration = cred_text(n, sizeof n, duration) ? (int)strtol(n, NULL, 10) : 0;
        if (c->role.duration < 900 || c->role.duration > 43200)
            return wrong(h, c, profile, "duration_seconds lies between 900 and 43200");
    }
    h->seen[h->depth++] = c->profile;
    c->source = role_source(h, profile);
    h->depth--;
    if (!c->source) {
        kt_creds_free(c);
        return NULL;
    }
    return c;
}

static struct kt_creds *web_of(struct chain *h, const char *profile, bool env)
{
    struct kt_creds *c = make(h, &cred_web, profile);
    if (!c)
        return NULL;
    const char *session = env ? kt_aws_env(h->aws, "AWS_ROLE_SESSION_NAME") : NULL;
    struct kt_span arn = env ? kt_span_of(kt_aws_env(h->aws, "AWS_ROLE_ARN")) : get(h, profile, "role_arn");
    struct kt_span file = env ? kt_span_of(kt_aws_env(h->aws, "AWS_WEB_IDENTITY_TOKEN_FILE"))
                              : get(h, profile, "web_identity_token_file");
    if (!cred_text(c->role.arn, sizeof c->role.arn, arn) || !cred_text(c->role.token_file, sizeof c->role.token_file, file) ||
        !role_name(c, env ? kt_span_of(session) : get(h, profile, "role_session_name")))
        return wrong(h, c, profile, "a web identity needs a role_arn as well (AWS_ROLE_ARN)");
    return c;
}

/* --- the other kinds ------------------------------------------------------------------- */

/* In the profile, or in the [sso-session] that it names. */
static struct kt_span sso_setting(const struct chain *h, const char *profile, const char *key)
{
    struct kt_span session = get(h, profile, "sso_session");
    struct kt_span v = session.p ? kt_profile_section(kt_aws_profiles(h->aws), "sso-session", session, key) : KT_SPAN_NONE;
    return v.p ? v : get(h, profile, key);
}

static struct kt_creds *sso_of(struct chain *h, const char *profile)
{
    struct kt_creds *c = make(h, &cred_sso, profile);
    if (!c)
        return NULL;
    struct kt_span session = get(h, profile, "sso_session");
    bool ok = cred_text(c->sso.start, sizeof c->sso.start, sso_setting(h, profile, "sso_start_url")) &&
              cred_text(c->sso.region, sizeof c->sso.region, sso_setting(h, profile, "sso_region")) &&
              cred_text(c->sso.account, sizeof c->sso.account, get(h, profile, "sso_account_id")) &&
              cred_text(c->sso.role, sizeof c->sso.role, get(h, profile, "sso_role_name")) &&
              (!session.p || cred_text(c->sso.session, sizeof c->sso.session, session));
    if (!ok)
        return wrong(h, c, profile, "Identity Center needs sso_start_url, sso_region, sso_account_id and sso_role_name");
    return c;
}

static struct kt_creds *login_of(struct chain *h, const char *profile, struct kt_span session)
{
    struct kt_creds *c = make(h, &cred_login, profile);
    uint8_t digest[KT_SHA256];
    char hex[KT_SHA256_HEX + 1], name[KT_SHA256_HEX + 32];
    const char *folder = kt_aws_env(h->aws, "AWS_LOGIN_CACHE_DIRECTORY");
    if (!c)
        return NULL;
    kt_sha256(session.p, session.n, digest);
    kt_hex(digest, sizeof digest, hex);
    snprintf(name, sizeof name, "login/cache/%s.json", hex);
    int n = folder ? snprintf(c->at.path, sizeof c->at.path, "%s/%s.json", folder, hex)
                   : kt_aws_home(h->aws, name, c->at.path, sizeof c->at.path) ? 1 : 0;
    return n > 0 && (size_t)n < sizeof c->at.path ? c : wrong(h, c, profile, "the folder of its login has too long a name");
}

static struct kt_creds *process_of(struct chain *h, const char *profile, struct kt_span line)
{
    struct kt_creds *c = make(h, &cred_process, profile);
    if (c && !cred_text(c->child.line, sizeof c->child.line, line))
        return wrong(h, c, profile, "its credential_process is too long");
    return c;
}

static struct kt_creds *machine(struct chain *h, const char *profile)
{
    bool container = kt_aws_env(h->aws, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ||
                     kt_aws_env(h->aws, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    return make(h, container ? &cred_container : &cred_instance, profile);
}

/* `given`: by an option, an address or another profile, so that the keys of
 * the environment do not come before it. `required`: it must exist. */
static struct kt_creds *profile_of(struct chain *h, const char *name, bool given, bool required)
{
    const struct kt_profiles *p = kt_aws_profiles(h->aws);
    bool env_web = !given && kt_aws_env(h->aws, "AWS_WEB_IDENTITY_TOKEN_FILE") && kt_aws_env(h->aws, "AWS_ROLE_ARN");
    if (!given && kt_aws_env(h->aws, "AWS_ACCESS_KEY_ID"))
        return make(h, &cred_env, name);
    if (required && !kt_profiles_has(p, name)) {
        char names[200];
        kt_profiles_names(p, names, sizeof names);
        kt_fail(h->e, KT_ENOTFOUND, "there is no profile %s in ~/.aws/config or ~/.aws/credentials; there %s %s", name,
                names[0] ? "is" : "are", names[0] ? names : "none");
        return NULL;
    }
    bool profile_web = get(h, name, "web_identity_token_file").p != NULL;
    if (get(h, name, "role_arn").p && !profile_web)
        return role_of(h, name);
    if (env_web || profile_web)
        return web_of(h, name, env_web);
    if (sso_setting(h, name, "sso_start_url").p || get(h, name, "sso_session").p)
        return sso_of(h, name);
    if (has_static(h, KT_PROFILE_CREDENTIALS, name))
        return static_keys(h, KT_PROFILE_CREDENTIALS, name);
    struct kt_span login = get(h, name, "login_session"), process = get(h, name, "credential_process");
    if (login.p)
        return login_of(h, name, login);
    if (process.p)
        return process_of(h, name, process);
    if (has_static(h, KT_PROFILE_CONFIG, name))
        return static_keys(h, KT_PROFILE_CONFIG, name);
    return machine(h, name);
}

enum kt_code kt_creds_new(struct kt_creds **out, struct kt_aws *a, struct kt_net *net, const char *profile,
                          const char *region, struct kt_err *e)
{
    struct kt_err own = {.code = KT_ENOMEM};
    struct chain h = {.aws = a, .net = net, .region = region, .e = &own};
    bool named;
    const char *name = kt_aws_profile(a, profile, &named);
    bool given = profile || kt_aws_options(a)->profile;
    *out = strlen(name) < CRED_NAME ? profile_of(&h, name, given, named) : NULL;
    if (!*out)
        return kt_fail(e, own.code, "%s", own.text[0] ? own.text : "the profile's name is too long");
    return KT_OK;
}

enum kt_code kt_creds_role(struct kt_creds **out, struct kt_creds *source, const char *arn, const char *external_id,
                           const char *region, struct kt_err *e)
{
    struct kt_creds *c = *out = cred_new(&cred_role, source->aws, source->net, source->profile, region);
    if (!c)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    if (strncmp(arn, "arn:aws", 7) != 0 || !strstr(arn, ":role/") || !cred_text(c->role.arn, sizeof c->role.arn, kt_span_of(arn)) ||
        !role_name(c, KT_SPAN_NONE) ||
        (external_id && !cred_text(c->role.external, sizeof c->role.external, kt_span_of(external_id)))) {
        kt_creds_free(c);
        *out = NULL;
        return kt_fail(e, KT_EUSAGE, "%s is no role's ARN; one is arn:aws:iam::111122223333:role/NAME", arn);
    }
    c->source = source;
    source->shares++;
    return KT_OK;
}
