#include "tui/reload.h"

#include "base/clock.h"
#include "tui/setup.h"
#include "tui/themes.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct kt_configured {
    atomic_uint holders;
    struct kt_options options;
    struct kt_config config;
    struct kt_engine_place *place;
    struct kt_reload *reload;
};
struct kt_reload {
    const struct kt_options *first;
    char path[KT_CONFIG_TEXT];
    pthread_mutex_t lock;
    struct kt_configured *latest; /* the engine's newest, held by it */
};

const struct kt_options *kt_configured_options(const struct kt_configured *s)
{
    return &s->options;
}

const struct kt_config *kt_configured_config(const struct kt_configured *s)
{
    return &s->config;
}

void kt_configured_free(struct kt_configured *s)
{
    if (!s || atomic_fetch_sub(&s->holders, 1) != 1)
        return;
    kt_options_free(&s->options);
    kt_config_free(&s->config);
    free(s->place);
    free(s);
}

struct kt_reload *kt_reload_new(const struct kt_options *o)
{
    struct kt_reload *r = calloc(1, sizeof *r);
    if (!r || pthread_mutex_init(&r->lock, NULL) != 0) {
        free(r);
        return NULL;
    }
    r->first = o;
    if (o->config)
        snprintf(r->path, sizeof r->path, "%s", o->config);
    else
        (void)kt_config_default_path(r->path, sizeof r->path); /* else it is empty */
    return r;
}

void kt_reload_free(struct kt_reload *r)
{
    if (!r)
        return;
    kt_configured_free(r->latest);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

/* --- reading ---------------------------------------------------------------------- */

/* What is of the screen must be right as well, or nothing of the edit holds. */
static enum kt_code check_looks(const struct kt_configured *s, struct kt_err *e)
{
    struct kt_theme theme;
    const struct kt_config *c = &s->config;
    size_t n;
    enum kt_code code = kt_themes_load(&theme, s->options.theme ? s->options.theme : KT_THEME_DEFAULT, c, e);
    struct kt_saved *saved = code == KT_OK && c->n_view ? calloc(KT_SAVED_MAX, sizeof *saved) : NULL;
    if (saved)
        code = kt_saved_of_config(saved, &n, c, kt_now(NULL), e);
    free(saved);
    return code;
}

static enum kt_code read_all(struct kt_reload *r, struct kt_configured *s, struct kt_err *e)
{
    const struct kt_options *first = r->first;
    enum kt_code code = kt_options_parse(&s->options, first->argc, first->argv, first->terminal, kt_now(NULL), e);
    if (code == KT_OK)
        code = kt_config_load(&s->config, r->path, e);
    if (code == KT_ENOTFOUND)
        return kt_fail(e, code, "%s is not there any more: what it said holds", r->path);
    if (code == KT_OK)
        code = kt_options_configure(&s->options, &s->config, e);
    if (code == KT_OK && !s->options.n_source)
        code = kt_fail(e, KT_EUSAGE, "%s: names no source: what it said before holds", r->path);
    return code == KT_OK ? check_looks(s, e) : code;
}

/* Sources of the command line stand in no file. */
static bool place_sources(struct kt_configured *s)
{
    const struct kt_options *o = &s->options;
    bool in_file = !o->sources_given && o->n_source == s->config.n_source;
    s->place = calloc(o->n_source + 1, sizeof *s->place);
    for (size_t i = 0; s->place && i < o->n_source; i++) {
        s->place[i] = (struct kt_engine_place){.address = o->source[i].address, .name = o->source[i].name};
        if (in_file) {
            s->place[i].line = s->config.source[i].place.line;
            s->place[i].column = s->config.source[i].place.column;
        }
    }
    return s->place != NULL;
}

static enum kt_code on_read(void *ctx, struct kt_engine_setup *out, struct kt_err *e)
{
    struct kt_reload *r = ctx;
    struct kt_configured *s = calloc(1, sizeof *s);
    if (!s)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    atomic_init(&s->holders, 1);
    kt_config_none(&s->config);
    enum kt_code code = read_all(r, s, e);
    if (code == KT_OK && !place_sources(s))
        code = kt_fail(e, KT_ENOMEM, "out of memory");
    if (code != KT_OK) {
        kt_configured_free(s);
        return code;
    }
    *out = (struct kt_engine_setup){s->place, s->options.n_source, kt_options_rules(&s->options), s};
    return KT_OK;
}

static void on_accept(void *ctx, void *of)
{
    struct kt_reload *r = ctx;
    struct kt_configured *s = of;
    atomic_fetch_add(&s->holders, 1);
    (void)pthread_mutex_lock(&r->lock);
    struct kt_configured *before = r->latest;
    r->latest = s;
    (void)pthread_mutex_unlock(&r->lock);
    kt_configured_free(before);
}

static void on_release(void *ctx, void *of)
{
    (void)ctx;
    kt_configured_free(of);
}

struct kt_engine_config kt_reload_engine(struct kt_reload *r)
{
    return (struct kt_engine_config){
        .path = r->path[0] ? r->path : NULL, .read = on_read, .accept = on_accept, .release = on_release, .ctx = r};
}

struct kt_configured *kt_reload_latest(struct kt_reload *r)
{
    (void)pthread_mutex_lock(&r->lock);
    struct kt_configured *s = r->latest;
    if (s)
        atomic_fetch_add(&s->holders, 1);
    (void)pthread_mutex_unlock(&r->lock);
    return s;
}
