#include "config/config.h"

#include "base/arena.h"
#include "config/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- follow, output ------------------------------------------------------------ */

static enum kt_code follow(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_truth(r, y, "follow", &((struct kt_config *)to)->follow);
}

/* A name of a scheme that is built in, or a file. */
static enum kt_code theme(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    struct kt_config *c = to;
    enum kt_code rc = kt_read_text(r, y, "theme", KT_CONFIG_TEXT, &c->output.theme);
    const char *s = c->output.theme;
    size_t n = rc ? 0 : strlen(s);
    bool file = n && (strchr(s, '/') || (n > 5 && strcmp(s + n - 5, ".yaml") == 0) || (n > 4 && strcmp(s + n - 4, ".yml") == 0));
    return rc || !file ? rc : kt_read_join(r, y, s, "", &c->output.theme);
}

static enum kt_code ascii(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_truth(r, y, "ascii", &((struct kt_config *)to)->output.ascii);
}

static enum kt_code color(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    static const char *const words[] = {"auto", "always", "never"};
    return kt_read_word(r, y, "color", words, 3, &((struct kt_config *)to)->output.color);
}

static enum kt_code clipboard(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_truth(r, y, "clipboard", &((struct kt_config *)to)->output.clipboard);
}

static enum kt_code one_column(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_text(r, y, "a column", 200, to);
}

static enum kt_code columns(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    struct kt_config *c = to;
    void *all;
    size_t n;
    c->output.columns_place = (struct kt_config_place){y->line, y->column};
    if (y->type == KT_YAML_SCALAR && !kt_yaml_is_null(y))
        return kt_read_text(r, y, "columns", KT_CONFIG_TEXT, &c->output.columns);
    enum kt_code rc = kt_read_list(r, y, "columns", KT_CONFIG_COLUMNS, sizeof(char *), one_column, &all, &n);
    if (rc || !n)
        return rc ? rc : kt_read_fail(r, y, "columns needs at least one name");
    struct kt_buf b;
    kt_buf_init(&b, KT_CONFIG_COLUMNS * 201);
    for (size_t i = 0; i < n; i++)
        kt_buf_addf(&b, "%s%s", i ? "," : "", ((const char *const *)all)[i]);
    rc = kt_read_keep(r, y, kt_buf_span(&b), &c->output.columns);
    kt_buf_free(&b);
    return rc;
}

static enum kt_code one_role(struct kt_reading *r, const struct kt_yaml *key, const struct kt_yaml *y, void *to)
{
    struct kt_config_role *role = to;
    role->place = (struct kt_config_place){y->line, y->column};
    enum kt_code rc = kt_read_text(r, key, "a role", 60, &role->name);
    return rc ? rc : kt_read_text(r, y, role->name, 200, &role->value);
}

static enum kt_code roles(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    struct kt_config *c = to;
    void *all;
    enum kt_code rc = kt_read_pairs(r, y, "roles", 64, sizeof *c->output.role, one_role, &all, &c->output.n_role);
    c->output.role = all;
    return rc;
}

static enum kt_code output(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    static const struct kt_field fields[] = {
        {"theme", theme}, {"ascii", ascii}, {"color", color}, {"columns", columns}, {"clipboard", clipboard},
        {"roles", roles}};
    return KT_READ_MAP(r, y, "output", fields, to);
}

/* --- rules, filters, risk --------------------------------------------------------- */

static enum kt_code one_folder(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_path(r, y, "a folder", to);
}

static enum kt_code rule_folders(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    struct kt_config *c = to;
    void *all;
    enum kt_code rc = kt_read_list(r, y, "folders", KT_CONFIG_FOLDERS, sizeof(char *), one_folder, &all, &c->rules.n_folder);
    c->rules.folder = all;
    return rc;
}

static enum kt_code filter_folders(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    struct kt_config *c = to;
    void *all;
    enum kt_code rc = kt_read_list(r, y, "folders", KT_CONFIG_FOLDERS, sizeof(char *), one_folder, &all, &c->filters.n_folder);
    c->filters.folder = all;
    return rc;
}

static enum kt_code one_name(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    struct kt_config_named *n = to;
    n->place = (struct kt_config_place){y->line, y->column};
    return kt_read_text(r, y, "a rule's id or name", KT_CONFIG_TEXT, &n->name);
}

static enum kt_code disable(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    struct kt_config *c = to;
    void *all;
    enum kt_code rc = kt_read_list(r, y, "disable", KT_CONFIG_DISABLED, sizeof *c->rules.disabled, one_name, &all,
                                   &c->rules.n_disabled);
    c->rules.disabled = all;
    return rc;
}

static enum kt_code one_value(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    if (++r->values > KT_CONFIG_VALUES)
        return kt_read_fail(r, y, "too many values of placeholders: at most %d are read", KT_CONFIG_VALUES);
    return kt_read_text(r, y, "a placeholder's value", KT_CONFIG_TEXT, to);
}

static enum kt_code placeholder_values(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    struct kt_config_placeholder *p = to;
    void *all;
    enum kt_code c = kt_read_list(r, y, p->name, KT_CONFIG_VALUES, sizeof(char *), one_value, &all, &p->n);
    p->value = c == KT_OK ? all : NULL;
    return c;
}

static enum kt_code placeholder_file(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_path(r, y, "file", &((struct kt_config_placeholder *)to)->file);
}

static enum kt_code one_placeholder(struct kt_reading *r, const struct kt_yaml *key, const struct kt_yaml *y, void *to)
{
    static const struct kt_field fields[] = {{"values", placeholder_values}, {"file", placeholder_file}};
    struct kt_config_placeholder *p = to;
    p->place = (struct kt_config_place){key->line, key->column};
    enum kt_code c = kt_read_text(r, key, "a placeholder's name", 200, &p->name);
    if (c == KT_OK && strchr(p->name, '%'))
        c = kt_read_fail(r, key, "a placeholder is named without its %% signs");
    if (c == KT_OK)
        c = y->type == KT_YAML_MAP ? KT_READ_MAP(r, y, p->name, fields, p) : placeholder_values(r, y, p);
    if (c == KT_OK && !p->n && !p->file)
        c = kt_read_fail(r, y, "the placeholder %s needs at least one value", p->name);
    return c;
}

static enum kt_code placeholders(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    struct kt_config *c = to;
    void *all;
    enum kt_code rc = kt_read_pairs(r, y, "placeholders", KT_CONFIG_PLACEHOLDERS, sizeof *c->rules.placeholder,
                                    one_placeholder, &all, &c->rules.n_placeholder);
    c->rules.placeholder = all;
    return rc;
}

static enum kt_code rules(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    static const struct kt_field fields[] = {
        {"folders", rule_folders}, {"disable", disable}, {"placeholders", placeholders}};
    return KT_READ_MAP(r, y, "rules", fields, to);
}

static enum kt_code filters(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    static const struct kt_field fields[] = {{"folders", filter_folders}};
    return KT_READ_MAP(r, y, "filters", fields, to);
}

static enum kt_code weight(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    struct kt_config_override *o = to;
    int64_t v;
    enum kt_code c = kt_read_whole(r, y, "weight", -100, 100, &v);
    o->has_weight = c == KT_OK;
    o->weight = c ? 0 : (int)v;
    return c;
}

static enum kt_code risk(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    struct kt_config_override *o = to;
    int64_t v;
    enum kt_code c = kt_read_whole(r, y, "risk", 0, 100, &v);
    o->has_risk = c == KT_OK;
    o->risk = c ? 0 : (int)v;
    return c;
}

static enum kt_code level(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    static const char *const words[] = {"informational", "low", "medium", "high", "critical"};
    return kt_read_word(r, y, "level", words, 5, &((struct kt_config_override *)to)->level);
}

static enum kt_code one_override(struct kt_reading *r, const struct kt_yaml *key, const struct kt_yaml *y, void *to)
{
    static const struct kt_field fields[] = {{"weight", weight}, {"risk", risk}, {"level", level}};
    struct kt_config_override *o = to;
    *o = (struct kt_config_override){.level = -1, .place = {key->line, key->column}};
    enum kt_code c = kt_read_text(r, key, "a rule or signal", KT_CONFIG_TEXT, &o->name);
    if (c == KT_OK)
        c = KT_READ_MAP(r, y, o->name, fields, o);
    if (c == KT_OK && !o->has_weight && !o->has_risk && o->level < 0)
        c = kt_read_fail(r, y, "weight, risk or level is expected here");
    return c;
}

static enum kt_code overrides(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    struct kt_config *c = to;
    void *all;
    enum kt_code rc = kt_read_pairs(r, y, "risk", KT_CONFIG_OVERRIDES, sizeof *c->override, one_override, &all, &c->n_override);
    c->override = all;
    return rc;
}

/* --- memory, state, enrichment, containment ------------------------------------------ */

static enum kt_code memory_rows(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    int64_t v;
    enum kt_code c = kt_read_whole(r, y, "rows", 1000, 10000000, &v);
    ((struct kt_config *)to)->memory.rows = c ? 0 : (uint64_t)v;
    return c;
}

static enum kt_code memory_size(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_size(r, y, "size", UINT64_C(64) << 20, UINT64_C(1) << 40, &((struct kt_config *)to)->memory.bytes);
}

static enum kt_code memory(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    static const struct kt_field fields[] = {{"rows", memory_rows}, {"size", memory_size}};
    return KT_READ_MAP(r, y, "memory", fields, to);
}

static enum kt_code state_file(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_path(r, y, "file", &((struct kt_config *)to)->state.file);
}

static enum kt_code state_keep(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_truth(r, y, "keep", &((struct kt_config *)to)->state.keep);
}

static enum kt_code state_days(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    int64_t v;
    enum kt_code c = kt_read_whole(r, y, "days", 1, 36500, &v);
    ((struct kt_config *)to)->state.days = c ? 0 : (uint64_t)v;
    return c;
}

static enum kt_code state_size(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_size(r, y, "size", UINT64_C(2) << 20, UINT64_C(1) << 40, &((struct kt_config *)to)->state.bytes);
}

static enum kt_code state(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    static const struct kt_field fields[] = {
        {"file", state_file}, {"keep", state_keep}, {"days", state_days}, {"size", state_size}};
    return KT_READ_MAP(r, y, "state", fields, to);
}

static enum kt_code country(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_path(r, y, "country", &((struct kt_config *)to)->enrichment.country);
}

static enum kt_code network(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_path(r, y, "network", &((struct kt_config *)to)->enrichment.network);
}

static enum kt_code aws(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_path(r, y, "aws", &((struct kt_config *)to)->enrichment.aws);
}

static enum kt_code enrichment(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    static const struct kt_field fields[] = {{"country", country}, {"network", network}, {"aws", aws}};
    return KT_READ_MAP(r, y, "enrichment", fields, to);
}

static enum kt_code profile(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    struct kt_config *c = to;
    enum kt_code rc = kt_read_text(r, y, "profile", 64, &c->contain.profile);
    if (rc)
        return rc;
    for (const char *p = c->contain.profile; *p; p++) {
        if (strncmp(p, "{account}", 9) == 0)
            p += 8;
        else if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+=,@-", *p))
            return kt_read_fail(r, y, "a profile's name is letters, digits and _ . + = , @ - and {account}");
    }
    return KT_OK;
}

static enum kt_code contain(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    static const struct kt_field fields[] = {{"profile", profile}};
    return KT_READ_MAP(r, y, "contain", fields, to);
}

/* --- keys --------------------------------------------------------------------------- */

static enum kt_code one_key(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    struct kt_config_named *n = to;
    n->place = (struct kt_config_place){y->line, y->column};
    return kt_read_text(r, y, "a key", 40, &n->name);
}

/* One key, or a list of them; [] is none. */
static enum kt_code key_list(struct kt_reading *r, const struct kt_yaml *y, struct kt_config_key_list *to)
{
    void *all;
    to->place = (struct kt_config_place){y->line, y->column};
    if (y->type != KT_YAML_SCALAR || kt_yaml_is_null(y)) {
        enum kt_code rc = y->type == KT_YAML_LIST ? kt_read_list(r, y, "keys", KT_CONFIG_KEYS, sizeof *to->key, one_key, &all, &to->n)
                                                  : kt_read_fail(r, y, "a key (F5) or a list of keys ([F5, x]) is expected here");
        to->key = rc ? NULL : all;
        return rc;
    }
    struct kt_config_named *one = kt_arena_alloc(r->arena, sizeof *one);
    if (!one)
        return kt_read_fail(r, y, "more than can be kept in memory");
    to->key = one;
    to->n = 1;
    return one_key(r, y, one);
}

static enum kt_code keys_in(struct kt_reading *r, const struct kt_yaml *key, const struct kt_yaml *y, void *to)
{
    struct kt_config_key_list *l = to;
    enum kt_code rc = kt_read_text(r, key, "a place", 40, &l->context);
    return rc ? rc : key_list(r, y, l);
}

static enum kt_code one_binding(struct kt_reading *r, const struct kt_yaml *key, const struct kt_yaml *y, void *to)
{
    struct kt_config_binding *b = to;
    void *all;
    *b = (struct kt_config_binding){.place = {key->line, key->column}};
    enum kt_code rc = kt_read_text(r, key, "a command", 40, &b->command);
    if (rc == KT_OK && y->type == KT_YAML_MAP) {
        rc = kt_read_pairs(r, y, b->command, 32, sizeof *b->in, keys_in, &all, &b->n);
        b->in = rc ? NULL : all;
    } else if (rc == KT_OK) {
        struct kt_config_key_list *in = kt_arena_alloc(r->arena, sizeof *in);
        if (!in)
            return kt_read_fail(r, y, "more than can be kept in memory");
        *in = (struct kt_config_key_list){0};
        b->in = in;
        b->n = 1;
        rc = key_list(r, y, in);
    }
    return rc;
}

static enum kt_code keys(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    struct kt_config *c = to;
    void *all;
    enum kt_code rc = kt_read_pairs(r, y, "keys", KT_CONFIG_BINDINGS, sizeof *c->binding, one_binding, &all, &c->n_binding);
    c->binding = all;
    return rc;
}

/* --- the whole ------------------------------------------------------------------ */

static enum kt_code document(struct kt_reading *r, const struct kt_yaml_file *f, struct kt_config *c)
{
    static const struct kt_field fields[] = {
        {"sources", kt_read_sources}, {"follow", follow},   {"output", output},
        {"rules", rules},     {"filters", filters},       {"risk", overrides},
        {"memory", memory},   {"state", state},           {"enrichment", enrichment},
        {"contain", contain}, {"views", kt_read_views},   {"alerts", kt_read_alerts}, {"keys", keys},
    };
    if (f->n > 1)
        return kt_read_fail(r, f->doc[1], "a second document begins here; one is read");
    if (f->n == 0 || kt_yaml_is_null(f->doc[0]))
        return KT_OK;
    return KT_READ_MAP(r, f->doc[0], NULL, fields, c);
}

void kt_config_none(struct kt_config *out)
{
    *out = (struct kt_config){.output = {.color = -1}, .alerts = {.notify = -1}};
}

static enum kt_code take(struct kt_config *out, const char *path, const struct kt_yaml_file *f, struct kt_err *e)
{
    struct kt_reading r = {.path = path, .arena = kt_arena_new(KT_READ_MEMORY), .e = e};
    enum kt_code c = r.arena ? KT_OK : kt_fail(e, KT_ENOMEM, "%s: memory ran out", path);
    if (c == KT_OK) {
        out->memory_of = r.arena;
        c = document(&r, f, out);
    }
    if (c == KT_OK) {
        out->path = kt_arena_span(r.arena, kt_span_of(path)).p;
        c = out->path ? KT_OK : kt_fail(e, KT_ENOMEM, "%s: memory ran out", path);
    }
    if (c != KT_OK)
        kt_config_free(out);
    return c;
}

enum kt_code kt_config_parse(struct kt_config *out, const char *path, const char *p, size_t n, struct kt_err *e)
{
    struct kt_yaml_file f;
    kt_config_none(out);
    enum kt_code c = kt_yaml_parse(&f, path, p, n, e);
    if (c == KT_OK)
        c = take(out, path, &f, e);
    kt_yaml_free(&f);
    return c;
}

enum kt_code kt_config_load(struct kt_config *out, const char *path, struct kt_err *e)
{
    struct kt_yaml_file f;
    kt_config_none(out);
    enum kt_code c = kt_yaml_read(&f, path, e);
    if (c == KT_OK)
        c = take(out, path, &f, e);
    kt_yaml_free(&f);
    return c;
}

void kt_config_free(struct kt_config *c)
{
    if (c->memory_of)
        kt_arena_free(c->memory_of);
    kt_config_none(c);
}

bool kt_config_default_path(char *out, size_t size)
{
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int n = -1;
    if (base && base[0] == '/')
        n = snprintf(out, size, "%s/keytop/config.yaml", base);
    else if (home && home[0] == '/')
        n = snprintf(out, size, "%s/.config/keytop/config.yaml", home);
    if (n > 0 && (size_t)n < size)
        return true;
    out[0] = '\0';
    return false;
}
