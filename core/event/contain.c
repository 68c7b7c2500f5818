#include "event/contain.h"

#include "base/buf.h"
#include "text/shell.h"

#include <stdio.h>

enum { USER_MAX = 64, KEY_MIN = 16, KEY_MAX = 128, ACCOUNT = 12, REGION_MAX = 32 };

/* --- what IAM can have produced ------------------------------------------------ */

static bool upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Unknown where `c` is NUL: strchr would find it. */
static bool among(char c, const char *set)
{
    return c && strchr(set, c);
}

bool kt_contain_user_name(struct kt_span s)
{
    if (s.n < 1 || s.n > USER_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!upper(s.p[i]) && !lower(s.p[i]) && !digit(s.p[i]) && !among(s.p[i], "_+=,.@-"))
            return false;
    return true;
}

static bool key_id(struct kt_span s)
{
    if (!kt_span_starts(s, "AKIA") || s.n < KEY_MIN || s.n > KEY_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!upper(s.p[i]) && !digit(s.p[i]))
            return false;
    return true;
}

static bool account_id(struct kt_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!digit(s.p[i]))
            return false;
    return s.n == ACCOUNT;
}

static bool region_name(struct kt_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!lower(s.p[i]) && !digit(s.p[i]) && s.p[i] != '-')
            return false;
    return s.n > 0 && s.n <= REGION_MAX && lower(s.p[0]);
}

bool kt_contain_profile(struct kt_span s)
{
    static const char hole[] = "{account}";
    if (s.n < 1 || s.n > KT_CONTAIN_PROFILE_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        struct kt_span rest = {s.p + i, s.n - i};
        if (kt_span_starts(rest, hole))
            i += sizeof hole - 2;
        else if (!upper(s.p[i]) && !lower(s.p[i]) && !digit(s.p[i]) && !among(s.p[i], "_.+=,@-"))
            return false;
    }
    return true;
}

/* --- the command ---------------------------------------------------------------- */

static void none(struct kt_contain *out, const char *why)
{
    *out = (struct kt_contain){.kind = KT_CONTAIN_NONE};
    (void)snprintf(out->why, sizeof out->why, "%s", why);
}

static void option(struct kt_buf *b, const char *name, struct kt_span value)
{
    (void)kt_buf_addf(b, " --%s=", name);
    if (!kt_shell_quote(b, value))
        b->failed = true;
}

/* False where the profile cannot be named. */
static bool add_profile(struct kt_buf *b, const struct kt_contain_of *k)
{
    struct kt_span s = kt_span_of(k->profile);
    char name[KT_CONTAIN_PROFILE_MAX * 2 + ACCOUNT];
    size_t n = 0;
    if (!s.n)
        return true;
    if (!kt_contain_profile(s))
        return false;
    for (size_t i = 0; i < s.n && n + ACCOUNT < sizeof name; i++) {
        if (s.p[i] != '{') {
            name[n++] = s.p[i];
            continue;
        }
        if (!account_id(k->account))
            return false;
        memcpy(name + n, k->account.p, ACCOUNT);
        n += ACCOUNT;
        i += sizeof "{account}" - 2;
    }
    option(b, "profile", (struct kt_span){name, n});
    return true;
}

static void add_region(struct kt_buf *b, struct kt_span region)
{
    static const char *const other[] = {"cn-", "us-gov-", "us-iso", "eu-iso"};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (kt_span_starts(region, other[i]) && region_name(region))
            option(b, "region", region);
}

/* Why there can be none; NULL: there can. */
static const char *against(const struct kt_contain_of *k)
{
    if (!kt_span_known(k->key))
        return "no key is known here";
    if (!key_id(k->key))
        return "this is no id that IAM gives to an access key: cannot be written safely, use the console";
    if (k->deleted)
        return "deleted already, as far as seen";
    if (k->root)
        return "a key of root: IAM cannot switch it off for you; sign in as root, Security credentials, and deactivate it";
    if (kt_span_known(k->user) && !kt_contain_user_name(k->user))
        return "IAM cannot have made a user of this name: cannot be written safely, use the console";
    return NULL;
}

void kt_contain_command(const struct kt_contain_of *k, struct kt_contain *out)
{
    struct kt_buf b;
    const char *no = against(k);
    if (no) {
        none(out, no);
        return;
    }
    bool user = kt_span_known(k->user);
    *out = (struct kt_contain){.kind = user ? KT_CONTAIN_COMMAND : KT_CONTAIN_LOOKUP};
    kt_buf_init(&b, sizeof out->command - 1);
    (void)kt_buf_adds(&b, user ? "aws iam update-access-key" : "aws iam get-access-key-last-used");
    if (user)
        option(&b, "user-name", k->user);
    option(&b, "access-key-id", k->key);
    if (user)
        option(&b, "status", KT_LIT("Inactive"));
    bool named = add_profile(&b, k);
    add_region(&b, k->region);
    if (!named)
        none(out, "which profile to use is not known: the key's account was not seen");
    else if (b.failed)
        none(out, "the command would be too long: use the console");
    else
        memcpy(out->command, kt_buf_str(&b), b.len + 1);
    if (out->kind == KT_CONTAIN_LOOKUP)
        (void)snprintf(out->why, sizeof out->why, "whose key this is was not seen; this asks AWS, which names the user");
    kt_buf_free(&b);
}
