/* The configuration's `sources`: addresses, and what stands beside them. */
#include "config/read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "demo:", "s3://...": a scheme stands before the first slash. Else a path. */
static bool has_scheme(const char *address)
{
    size_t n = strcspn(address, ":/");
    return address[n] == ':' && n > 1;
}

static enum kt_code address(struct kt_reading *r, const struct kt_yaml *y, const char **out)
{
    const char *s;
    enum kt_code c = kt_read_text(r, y, "a source's address", KT_CONFIG_TEXT, &s);
    if (c)
        return c;
    if (strcmp(s, "-") == 0)
        return kt_read_fail(r, y, "- is standard input: name it on the command line");
    if (strncmp(s, "file:", 5) == 0 && s[5])
        return kt_read_join(r, y, s + 5, "file:", out);
    if (!has_scheme(s))
        return kt_read_join(r, y, s, "", out);
    *out = s;
    return KT_OK;
}

/* --- what stands beside an address ------------------------------------------------ */

struct listed {
    const char *const *value;
    size_t n;
    const struct kt_yaml *at; /* NULL: it was not given */
};

struct told {
    struct kt_config_source *source;
    struct listed profile, region, role, account, external, interval;
};

/* One text, or a list of them. */
static enum kt_code texts(struct kt_reading *r, const struct kt_yaml *y, const char *what, size_t max,
                          enum kt_code (*one)(struct kt_reading *, const struct kt_yaml *, void *), struct listed *out)
{
    void *all;
    enum kt_code c;
    if (y->type == KT_YAML_SCALAR && !kt_yaml_is_null(y)) {
        const char **s = kt_arena_alloc(r->arena, sizeof *s);
        if (!s)
            return kt_read_fail(r, y, "memory ran out");
        c = one(r, y, s);
        *out = (struct listed){s, 1, y};
        return c;
    }
    c = kt_read_list(r, y, what, max, sizeof(char *), one, &all, &out->n);
    out->value = all;
    out->at = y;
    return c == KT_OK && !out->n ? kt_read_fail(r, y, "%s needs at least one value", what) : c;
}

static enum kt_code one_profile(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_text(r, y, "a profile's name", 200, to);
}

static enum kt_code one_region(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_text(r, y, "a Region", 64, to);
}

static enum kt_code one_role(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_text(r, y, "a role's ARN", 2048, to);
}

static enum kt_code one_external(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_text(r, y, "external-id", 1224, to);
}

static enum kt_code one_account(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    const char *s;
    enum kt_code c = kt_read_text(r, y, "an account", KT_CONFIG_TEXT, &s);
    if (c == KT_OK && (strlen(s) != 12 || strspn(s, "0123456789") != 12))
        return kt_read_fail(r, y, "an account is its 12 digits, not \"%.40s\"", s);
    *(const char **)to = s;
    return c;
}

static enum kt_code one_interval(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    int64_t seconds;
    char text[24];
    enum kt_code c = kt_read_whole(r, y, "interval", 1, 86400, &seconds);
    if (c)
        return c;
    snprintf(text, sizeof text, "%" PRId64, seconds);
    return kt_read_keep(r, y, kt_span_of(text), to);
}

static enum kt_code source_address(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return address(r, y, &((struct told *)to)->source->address);
}

static enum kt_code source_name(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_text(r, y, "a source's name", KT_CONFIG_NAME, &((struct told *)to)->source->name);
}

static enum kt_code source_profile(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return texts(r, y, "profile", 1, one_profile, &((struct told *)to)->profile);
}

static enum kt_code source_regions(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return texts(r, y, "regions", KT_CONFIG_REGIONS, one_region, &((struct told *)to)->region);
}

static enum kt_code source_role(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return texts(r, y, "role", KT_CONFIG_ACCOUNTS, one_role, &((struct told *)to)->role);
}

static enum kt_code source_accounts(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return texts(r, y, "accounts", KT_CONFIG_ACCOUNTS, one_account, &((struct told *)to)->account);
}

static enum kt_code source_external(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return texts(r, y, "external-id", 1, one_external, &((struct told *)to)->external);
}

static enum kt_code source_interval(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return texts(r, y, "interval", 1, one_interval, &((struct told *)to)->interval);
}

/* --- the address with all that ------------------------------------------------------ */

static const char hole[] = "{account}";
enum { HOLE = sizeof hole - 1, ADDRESS_MAX = 16 << 20 };

/* As it stands in a query; of what a query gives a meaning, its bytes' numbers. */
static void put(struct kt_buf *b, const char *name, const char *value, const char *account)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~:/@,=";
    char last = b->len ? b->p[b->len - 1] : '\0';
    if (last != '?' && last != '&')
        kt_buf_addc(b, memchr(b->p, '?', b->len) ? '&' : '?');
    kt_buf_addf(b, "%s=", name);
    for (const char *p = value; *p; p++) {
        if (account && strncmp(p, hole, HOLE) == 0) {
            kt_buf_adds(b, account);
            p += HOLE - 1;
        } else if (strchr(plain, *p)) {
            kt_buf_addc(b, *p);
        } else {
            kt_buf_addf(b, "%%%02X", (unsigned char)*p);
        }
    }
}

static void put_all(struct kt_buf *b, const char *name, const struct listed *l)
{
    for (size_t i = 0; i < l->n; i++)
        put(b, name, l->value[i], NULL);
}

static void put_roles(struct kt_buf *b, const struct told *t)
{
    for (size_t i = 0; i < t->role.n; i++) {
        bool each = strstr(t->role.value[i], hole) != NULL;
        for (size_t k = 0; each && k < t->account.n; k++)
            put(b, "role", t->role.value[i], t->account.value[k]);
        if (!each)
            put(b, "role", t->role.value[i], NULL);
    }
}

/* {account} and `accounts` are nothing without each other. */
static enum kt_code check_accounts(struct kt_reading *r, const struct told *t)
{
    size_t each = 0;
    for (size_t i = 0; i < t->role.n; i++)
        each += strstr(t->role.value[i], hole) != NULL;
    if (each && !t->account.at)
        return kt_read_fail(r, t->role.at, "a role with %s in it needs the accounts that it is for", hole);
    if (t->account.at && !each)
        return kt_read_fail(r, t->account.at, "accounts needs a role with %s in it, as in arn:aws:iam::%s:role/NAME", hole,
                            hole);
    return KT_OK;
}

static enum kt_code complete(struct kt_reading *r, const struct kt_yaml *y, const struct told *t)
{
    struct kt_config_source *s = t->source;
    const struct listed *all[] = {&t->profile, &t->region, &t->role, &t->account, &t->external, &t->interval};
    const struct kt_yaml *first = NULL;
    struct kt_buf b;
    for (size_t i = 0; i < sizeof all / sizeof *all && !first; i++)
        first = all[i]->at;
    if (!first)
        return KT_OK;
    if (!has_scheme(s->address) || strncmp(s->address, "file:", 5) == 0 || strncmp(s->address, "demo:", 5) == 0)
        return kt_read_fail(r, first, "only sources of AWS take a profile, Regions, a role or accounts");
    enum kt_code c = check_accounts(r, t);
    if (c)
        return c;
    kt_buf_init(&b, ADDRESS_MAX);
    kt_buf_adds(&b, s->address);
    put_all(&b, "profile", &t->profile);
    put_all(&b, "region", &t->region);
    put_roles(&b, t);
    put_all(&b, "external-id", &t->external);
    put_all(&b, "interval", &t->interval);
    c = b.failed ? kt_read_fail(r, y, "the roles of this source are too many or too long")
                 : kt_read_keep(r, y, kt_buf_span(&b), &s->address);
    kt_buf_free(&b);
    return c;
}

static enum kt_code one_source(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    static const struct kt_field fields[] = {
        {"address", source_address}, {"name", source_name}, {"profile", source_profile},
        {"regions", source_regions}, {"role", source_role}, {"accounts", source_accounts},
        {"external-id", source_external}, {"interval", source_interval},
    };
    struct told t = {.source = to};
    *t.source = (struct kt_config_source){.place = {y->line, y->column}};
    if (y->type == KT_YAML_SCALAR)
        return address(r, y, &t.source->address);
    enum kt_code c = KT_READ_MAP(r, y, "a source", fields, &t);
    if (c == KT_OK && !t.source->address)
        return kt_read_fail(r, y, "a source needs its address");
    return c ? c : complete(r, y, &t);
}

enum kt_code kt_read_sources(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    struct kt_config *c = to;
    void *all;
    enum kt_code rc = kt_read_list(r, y, "sources", KT_CONFIG_SOURCES, sizeof *c->source, one_source, &all, &c->n_source);
    c->source = all;
    return rc;
}
