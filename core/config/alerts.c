/* `alerts:` of the configuration. */
#include "config/read.h"

#include <string.h>

enum { WORDS_MAX = 8 };

static enum kt_code one_action(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    static const char *const words[] = {"bell", "flash", "title", "notify", "hook"};
    return kt_read_word(r, y, "an alert", words, 5, to);
}

static enum kt_code level(struct kt_reading *r, const struct kt_yaml *y, struct kt_config *c, int l, const char *name)
{
    void *all;
    size_t n;
    enum kt_code rc = kt_read_list(r, y, name, WORDS_MAX, sizeof(int), one_action, &all, &n);
    if (rc)
        return rc;
    c->alerts.given[l] = true;
    c->alerts.place[l] = (struct kt_config_place){y->line, y->column};
    for (size_t i = 0; i < n; i++)
        c->alerts.actions[l] |= 1u << ((const int *)all)[i];
    return KT_OK;
}

#define LEVEL(number, name)                                                                                      \
    static enum kt_code name(struct kt_reading *r, const struct kt_yaml *y, void *to)                           \
    {                                                                                                            \
        return level(r, y, to, number, #name);                                                                   \
    }
LEVEL(0, informational)
LEVEL(1, low)
LEVEL(2, medium)
LEVEL(3, high)
LEVEL(4, critical)

static enum kt_code every(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    int64_t v;
    enum kt_code c = kt_read_whole(r, y, "every", 1, 86400, &v);
    ((struct kt_config *)to)->alerts.every_s = c ? 0 : (int)v;
    return c;
}

static enum kt_code notify(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    static const char *const words[] = {"osc9", "osc777"};
    return kt_read_word(r, y, "notify", words, 2, &((struct kt_config *)to)->alerts.notify);
}

static enum kt_code one_word(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_text(r, y, "a word of the command", KT_CONFIG_TEXT, to);
}

/* A path by itself, or a list of words. No shell sees them. */
static enum kt_code command(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    struct kt_config *c = to;
    void *all;
    if (y->type == KT_YAML_SCALAR && !kt_yaml_is_null(y)) {
        const char **one = kt_arena_alloc(r->arena, sizeof *one);
        if (!one)
            return kt_fail(r->e, KT_ENOMEM, "%s: memory ran out", r->path);
        c->alerts.hook = one;
        c->alerts.n_hook = 1;
        return kt_read_path(r, y, "command", one);
    }
    enum kt_code rc = kt_read_list(r, y, "command", KT_CONFIG_HOOK_WORDS, sizeof(char *), one_word, &all, &c->alerts.n_hook);
    c->alerts.hook = all;
    return rc || c->alerts.n_hook ? rc : kt_read_fail(r, y, "command needs at least one word");
}

static enum kt_code timeout(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    int64_t v;
    enum kt_code c = kt_read_whole(r, y, "timeout", 1, 600, &v);
    ((struct kt_config *)to)->alerts.timeout_s = c ? 0 : (int)v;
    return c;
}

static enum kt_code hook(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    static const struct kt_field fields[] = {{"command", command}, {"timeout", timeout}};
    return KT_READ_MAP(r, y, "hook", fields, to);
}

enum kt_code kt_read_alerts(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    static const struct kt_field fields[] = {{"informational", informational}, {"low", low}, {"medium", medium},
                                             {"high", high}, {"critical", critical}, {"every", every},
                                             {"notify", notify}, {"hook", hook}};
    struct kt_config *c = to;
    enum kt_code rc = KT_READ_MAP(r, y, "alerts", fields, to);
    for (int l = 0; rc == KT_OK && l < KT_CONFIG_LEVELS; l++)
        if (c->alerts.actions[l] & KT_ALERT_HOOK && !c->alerts.n_hook)
            rc = kt_fail(r->e, KT_EFORMAT, "%s:%d:%d: hook is asked for here, and alerts: has no hook: with a command",
                         r->path, c->alerts.place[l].line, c->alerts.place[l].column);
    return rc;
}
