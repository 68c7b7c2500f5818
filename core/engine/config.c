/* The configuration, as it changes while keytop runs. */
#include "engine/impl.h"

#include "base/secret.h"

void engine_open_config(struct kt_engine *g)
{
    struct kt_err e = {0};
    const char *path = g->opts.config.path;
    if (!path || !g->opts.follow)
        return;
    if (kt_watch_new(&g->config_watch, &e) == KT_OK && kt_watch_file(g->config_watch, path))
        return;
    kt_watch_free(g->config_watch); /* its folder is not there: it is read at the next start */
    g->config_watch = NULL;
}

void engine_plan_config(struct kt_engine *g, struct pollfd *fd, int64_t now, int64_t *wait)
{
    int64_t deadline = g->config_watch ? kt_watch_deadline(g->config_watch) : 0;
    *fd = (struct pollfd){.fd = g->config_watch ? kt_watch_fd(g->config_watch) : -1, .events = POLLIN};
    if (deadline && (*wait < 0 || deadline - now < *wait))
        *wait = deadline > now ? deadline - now : 0;
}

/* --- what is to be done ------------------------------------------------------------ */

struct change {
    const struct kt_engine_setup *setup;
    struct kt_source **opened; /* by the setup's sources; NULL: it runs already */
    size_t *runs;              /* which of the engine's it is; SIZE_MAX: none */
    bool *stays;               /* by the engine's sources */
};

static bool begin(const struct kt_engine *g, const struct kt_engine_setup *setup, struct change *c)
{
    *c = (struct change){.setup = setup};
    c->opened = calloc(setup->n_source + 1, sizeof(struct kt_source *));
    c->runs = calloc(setup->n_source + 1, sizeof *c->runs);
    c->stays = calloc(g->n_src + 1, sizeof *c->stays);
    return c->opened && c->runs && c->stays;
}

static void end(struct change *c)
{
    for (size_t i = 0; c->opened && i < c->setup->n_source; i++)
        if (c->opened[i])
            c->opened[i]->ops->close(c->opened[i]);
    free(c->opened);
    free(c->runs);
    free(c->stays);
}

/* One that has the same address goes on as it is, whatever it is called now. */
static size_t running(const struct kt_engine *g, const struct change *c, const char *address)
{
    for (size_t i = 0; i < g->n_src; i++)
        if (g->src[i].source && !c->stays[i] && strcmp(g->src[i].given, address) == 0)
            return i;
    return SIZE_MAX;
}

/* A source that cannot be opened refuses the whole. */
static enum kt_code open_new(struct kt_engine *g, struct change *c, struct kt_err *e)
{
    for (size_t i = 0; i < c->setup->n_source; i++) {
        const struct kt_engine_place *s = &c->setup->source[i];
        struct kt_err why = {0};
        c->runs[i] = running(g, c, s->address);
        if (c->runs[i] != SIZE_MAX) {
            c->stays[c->runs[i]] = true;
            continue;
        }
        if (kt_source_is_remote(s->address))
            kt_secret_no_cores();
        if (engine_open_source(g, &c->opened[i], s->address, &why) == KT_OK)
            continue;
        c->opened[i] = NULL;
        return s->line ? kt_fail(e, why.code, "%s:%d:%d: %s", g->opts.config.path, s->line, s->column, why.text)
                       : kt_fail(e, why.code, "%s", why.text);
    }
    return KT_OK;
}

static bool same_texts(const char *const *a, size_t n_a, const char *const *b, size_t n_b)
{
    for (size_t i = 0; n_a == n_b && i < n_a; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return n_a == n_b;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_rules(const struct kt_ruleset_opts *a, const struct kt_ruleset_opts *b)
{
    bool same = same_texts(a->rules, a->n_rules, b->rules, b->n_rules) &&
                same_texts(a->filters, a->n_filters, b->filters, b->n_filters) &&
                same_texts(a->disabled, a->n_disabled, b->disabled, b->n_disabled) &&
                a->n_placeholders == b->n_placeholders && a->n_values == b->n_values;
    for (size_t i = 0; same && i < a->n_placeholders; i++) {
        const struct kt_placeholder *x = &a->placeholder[i], *y = &b->placeholder[i];
        same = same_text(x->name, y->name) && same_text(x->file, y->file) && same_texts(x->value, x->n, y->value, y->n);
    }
    for (size_t i = 0; same && i < a->n_values; i++) {
        const struct kt_rule_value *x = &a->value[i], *y = &b->value[i];
        same = same_text(x->name, y->name) && x->has_weight == y->has_weight && x->has_risk == y->has_risk &&
               x->weight == y->weight && x->risk == y->risk && x->level == y->level;
    }
    return same;
}

/* Rules that are refused refuse the whole: those of before are loaded again. */
static bool change_rules(struct kt_engine *g, const struct kt_ruleset_opts *o, struct kt_err *e)
{
    struct kt_ruleset_opts before = g->opts.ruleset;
    bool same = same_rules(&before, o);
    kt_ruleset_set(g->ruleset, o);
    g->opts.ruleset = *o;
    g->opts.ruleset.only = before.only;
    if (same)
        return true;
    struct kt_rules_state was = kt_engine_rules_state(g);
    engine_reload_rules(g);
    struct kt_rules_state now = kt_engine_rules_state(g);
    if (now.loads != was.loads)
        return true;
    kt_fail(e, KT_EFORMAT, "%s", now.note);
    kt_ruleset_set(g->ruleset, &before);
    g->opts.ruleset = before;
    engine_reload_rules(g);
    return false;
}

/* --- doing it ------------------------------------------------------------------------- */

static void apply(struct kt_engine *g, struct change *c)
{
    size_t were = g->n_src;
    for (size_t i = 0; i < were; i++)
        if (g->src[i].source && !c->stays[i])
            engine_drop_source(g, i);
    for (size_t i = 0; i < c->setup->n_source; i++) {
        const struct kt_engine_place *s = &c->setup->source[i];
        if (c->runs[i] != SIZE_MAX) {
            engine_name_source(g, &g->src[c->runs[i]], s->name);
        } else if (engine_take_source(g, c->opened[i], s->address, s->name, true)) {
            c->opened[i] = NULL;
        } else {
            engine_trouble(g, s->address, "too many sources since the start: start keytop again", true);
        }
    }
}

static enum kt_code reload(struct kt_engine *g, struct kt_engine_setup *setup, struct kt_err *e)
{
    struct change c;
    enum kt_code code = begin(g, setup, &c) ? open_new(g, &c, e) : kt_fail(e, KT_ENOMEM, "out of memory");
    if (code == KT_OK && !change_rules(g, &setup->ruleset, e))
        code = e->code;
    if (code == KT_OK)
        apply(g, &c);
    end(&c);
    return code;
}

static void tell(struct kt_engine *g, const struct kt_err *e)
{
    bool unread = g->unread;
    pthread_mutex_lock(&g->lock);
    g->config_state.stale = e->code != KT_OK;
    engine_copy_cut(g->config_state.note, sizeof g->config_state.note, e->code ? e->text : "");
    if (!e->code) {
        g->config_state.loads++;
        g->config_state.at = kt_now(g->opts.clock);
    }
    pthread_mutex_unlock(&g->lock);
    if (e->code)
        engine_trouble(g, "configuration", e->text, false);
    g->unread = unread; /* what it said before holds, and all of that is read */
    g->health_changed = true;
}

void engine_step_config(struct kt_engine *g, const struct pollfd *fd)
{
    const struct kt_engine_config *o = &g->opts.config;
    struct kt_engine_setup setup = {0};
    struct kt_err e = {0};
    if (!g->config_watch || !kt_watch_changed(g->config_watch, fd->revents != 0, kt_mono_ms()))
        return;
    if (o->read(o->ctx, &setup, &e) == KT_OK && reload(g, &setup, &e) == KT_OK) {
        void *before = g->config_of;
        g->config_of = setup.of;
        o->accept(o->ctx, setup.of);
        if (before)
            o->release(o->ctx, before);
    } else if (setup.of) {
        o->release(o->ctx, setup.of);
    }
    tell(g, &e);
}
