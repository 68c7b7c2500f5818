/* keytop: the program. */
#include "app.h"
#include "ask.h"
#include "base/secret.h"
#include "check.h"
#include "clipboard.h"
#include "completion.h"
#include "headless.h"
#include "setup.h"
#include "loop.h"
#include "net/net.h"
#include "options.h"
#include "reload.h"
#include "signals.h"
#include "themes.h"
#include "source/policy.h"
#include "source/setup.h"
#include "term.h"
#include "text/text.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COULD_NOT_START = 2, HELP_MAX = 1 << 16 };

/* A descriptor below 3 that is closed would be given to the next file opened,
 * and messages written into it. */
static void fill_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= 2);
    if (fd > 2)
        close(fd);
}

static int complain(const struct kt_err *e)
{
    kt_text_complain("%s", e->text);
    return COULD_NOT_START;
}

static int print(const char *text)
{
    if (fputs(text, stdout) < 0 || fflush(stdout) != 0) {
        kt_text_complain("standard output: %s", strerror(errno));
        return 1;
    }
    return 0;
}

/* `commands`: for completions and tests, a line for each; a command's name: what it
 * does, and on which keys. */
/* A word that could be a command's name, and is no file: a source may stand there as well. */
static bool is_no_command(const char *about)
{
    size_t n = strlen(about);
    return n && strspn(about, "abcdefghijklmnopqrstuvwxyz-") == n && access(about, F_OK) != 0;
}

static int print_help(const char *about)
{
    struct kt_buf b;
    enum kt_command one = about ? kt_command_find(about, strlen(about)) : KT_CMD_NONE;
    bool list = about && strcmp(about, "commands") == 0;
    if (about && !list && one == KT_CMD_NONE && is_no_command(about)) {
        kt_text_complain("there is no command %s; keytop --help commands lists them", about);
        return COULD_NOT_START;
    }
    kt_buf_init(&b, HELP_MAX);
    if (list)
        kt_commands_list(&b);
    else if (one != KT_CMD_NONE)
        kt_command_tell(one, &b);
    else
        (void)kt_options_help(&b);
    int status = !b.failed ? print(kt_buf_str(&b)) : COULD_NOT_START;
    kt_buf_free(&b);
    return status;
}

/* A source that is not there stops a screen, whose person is there to see it.
 * A long run without one reads the others and says so in its exit status. */
static enum kt_code add_sources(struct kt_engine *g, const struct kt_options *o, bool *missed, struct kt_err *e)
{
    size_t added = 0;
    for (size_t i = 0; i < o->n_source; i++) {
        const struct kt_source_arg *s = &o->source[i];
        if (o->shape == KT_SHAPE_SCREEN && strcmp(s->address, "-") == 0 && isatty(STDIN_FILENO))
            return kt_fail(e, KT_EUSAGE, "- is standard input, which is this terminal: pipe records into it");
        enum kt_code rc = kt_engine_add(g, s->address, s->name, e);
        added += rc == KT_OK;
        if (rc == KT_OK)
            continue;
        bool there = rc != KT_ENOTFOUND && rc != KT_EIO;
        if (there || o->shape == KT_SHAPE_SCREEN || o->n_source == 1)
            return rc;
        *missed = true;
        kt_text_complain("%s", e->text);
    }
    return added ? KT_OK : kt_fail(e, KT_ENOTFOUND, "none of the sources could be opened");
}

static enum kt_code open_screen(struct kt_term **term, struct kt_signals *signals, const struct kt_options *o,
                                const struct kt_config *c, struct kt_err *e)
{
    struct kt_theme theme;
    enum kt_code rc = kt_themes_load(&theme, o->theme ? o->theme : KT_THEME_DEFAULT, c, e);
    if (rc)
        return rc;
    if (!kt_signals_open(signals) || !kt_signals_on_fatal(kt_term_emergency_restore))
        return kt_fail(e, KT_EIO, "signals cannot be caught: %s", strerror(errno));
    return kt_term_open(term, &(struct kt_term_opts){.theme = &theme, .color = kt_wants_color(o, STDOUT_FILENO)}, e);
}

/* The terminal is put back before anything else is said or freed. */
static int leave(struct kt_app *app, struct kt_term *term, const struct kt_signals *signals, int why)
{
    kt_term_close(term);
    kt_app_remember(app);
    if (why == KT_LOOP_GONE && !signals->hup_ignored)
        why = SIGHUP;
    if (why > 0)
        kt_signals_die(why);
    kt_app_free(app);
    if (why == KT_LOOP_NOMEM)
        kt_text_complain("out of memory");
    return why == KT_LOOP_QUIT ? 0 : why == KT_LOOP_GONE ? 128 + SIGHUP : COULD_NOT_START;
}

static const char *no_clipboard(const struct kt_config *c)
{
    return c->output.clipboard == KT_CONFIG_NO ? "the configuration says clipboard: false" : kt_clipboard_without(getenv("TERM"));
}

static enum kt_code open_app(struct kt_app **app, const struct kt_options *o, const struct kt_config *c, struct kt_engine *g,
                             bool ascii, const char *session, struct kt_hook *hook, struct kt_err *e)
{
    struct kt_alerts_opts alerts = kt_alerts_configured(c);
    enum kt_code rc = kt_engine_start(g, e);
    if (rc)
        return rc;
    alerts.hook = hook;
    *app = kt_app_new(&(struct kt_app_opts){
        .engine = g, .filter = o->filter, .rule = o->rule, .follow = o->follow, .ascii = ascii, .wall = o->wall,
        .columns = c->output.columns, .kinds = o->kinds != KT_KIND_BIT(KT_KIND_CREATION),
        .profile = c->contain.profile, .config = c, .view = o->view, .session = session, .read_only = o->read_only,
        .keys = o->keys, .alerts = alerts, .theme = o->theme, .theme_given = o->theme_given,
        .no_clipboard = no_clipboard(c)});
    if (!*app)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    return kt_app_has_view(*app, o->view) ? KT_OK : kt_fail(e, KT_EUSAGE, "--view: no view is called \"%s\"", o->view);
}

struct screen {
    struct kt_app *app;
    struct kt_term *term;
    struct kt_reload *reload;
    struct kt_configured *now; /* that the app borrows from; NULL: the first one */
};

/* What was right when it was read may be gone by now: then it stays as it is. */
static void on_configured(void *ctx)
{
    struct screen *s = ctx;
    struct kt_configured *now = kt_reload_latest(s->reload);
    if (!now)
        return;
    const struct kt_config *c = kt_configured_config(now);
    kt_app_configure(s->app, c, kt_configured_options(now)->theme, no_clipboard(c));
    kt_term_theme(s->term, kt_app_theme(s->app));
    kt_configured_free(s->now);
    s->now = now;
}

static int run_screen(const struct kt_options *o, const struct kt_config *c, struct kt_engine *g, struct kt_reload *reload,
                      bool ascii, const char *session, struct kt_hook *hook)
{
    struct kt_err e = {0};
    struct kt_term *term;
    struct kt_signals signals;
    if (open_screen(&term, &signals, o, c, &e))
        return complain(&e);
    struct kt_app *app = NULL;
    if (open_app(&app, o, c, g, ascii, session, hook, &e)) {
        kt_term_close(term);
        kt_app_free(app);
        return complain(&e);
    }
    kt_term_theme(term, kt_app_theme(app)); /* the last session may have another */
    struct screen s = {app, term, reload, NULL};
    int why = kt_loop_run(&(struct kt_loop_opts){.app = app, .term = term, .engine = g, .signals = &signals, .ascii = ascii,
                                                 .osc777 = c->alerts.notify == 1,
                                                 .configured = on_configured, .configured_ctx = &s});
    int status = leave(app, term, &signals, why);
    kt_configured_free(s.now);
    return status;
}

static bool all_demo(const struct kt_options *o)
{
    for (size_t i = 0; i < o->n_source; i++)
        if (strncmp(o->source[i].address, "demo:", 5) != 0)
            return false;
    return true;
}

/* The screen remembers where it can. Output for a pipe comes of what is read,
 * and of nothing else, unless --state asks for it. */
static void choose_memory(struct kt_engine_opts *opts, const struct kt_options *o, const struct kt_config *c,
                          char usual[KT_CONFIG_TEXT])
{
    bool screen = o->shape == KT_SHAPE_SCREEN, none = o->no_state || (c->state.keep == KT_CONFIG_NO && !o->state);
    opts->state = (struct kt_state_opts){.read_only = o->read_only,
                                         .keep_ms = (int64_t)c->state.days * 24 * 60 * 60 * 1000,
                                         .bytes_max = c->state.bytes};
    opts->memory = screen ? KT_MEMORY_RUN : KT_MEMORY_NONE;
    if (none || (!o->state && (!screen || all_demo(o))))
        return;
    opts->state.path = o->state ? o->state : c->state.file;
    if (!opts->state.path && kt_state_default_path(usual, KT_CONFIG_TEXT))
        opts->state.path = usual;
    opts->state.optional = !o->state;
    opts->memory = opts->state.path ? KT_MEMORY_FILE : KT_MEMORY_RUN;
}

/* How the screen was left is kept beside what is remembered, and only there. */
static const char *session_of(const struct kt_engine_opts *opts, const char *usual, char out[KT_CONFIG_TEXT])
{
    const char *path = opts->memory == KT_MEMORY_FILE ? opts->state.path : NULL;
    const char *slash = path ? strrchr(path, '/') : NULL;
    int n = -1;
    if (path && slash && strcmp(path, usual) == 0)
        n = snprintf(out, KT_CONFIG_TEXT, "%.*s/session", (int)(slash - path), path);
    else if (path)
        n = snprintf(out, KT_CONFIG_TEXT, "%s.session", path);
    return n > 0 && n < KT_CONFIG_TEXT ? out : NULL;
}

/* What each source would be asked; one that cannot be asked is told, and counts
 * as something that was not done. */
static int explain(struct kt_engine *g, const struct kt_options *o)
{
    int status = 0;
    for (size_t i = 0; i < o->n_source; i++) {
        struct kt_err e = {0};
        struct kt_buf b;
        kt_buf_init(&b, 1 << 20);
        if (kt_engine_explain(g, o->source[i].address, &b, &e) == KT_OK) {
            status |= print(kt_buf_str(&b));
        } else {
            kt_text_complain("%s", e.text);
            status = 1;
        }
        kt_buf_free(&b);
    }
    return status;
}

static int run(const struct kt_options *o, const struct kt_config *c, struct kt_filter *filter, struct kt_reload *reload,
               struct kt_hook *hook, int *signo)
{
    struct kt_err e = {0};
    struct kt_engine *g;
    bool screen = o->shape == KT_SHAPE_SCREEN, missed = false;
    bool ascii = o->ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
    struct kt_engine_opts opts = {.follow = o->follow,
                                  .since = o->since,
                                  .until = o->until,
                                  .filter = screen && !o->ask ? NULL : filter, /* the screen's can be changed */
                                  .ask = o->ask,
                                  .rule = o->rule,
                                  .ruleset = kt_options_rules(o),
                                  .kinds = o->kinds,
                                  .aws = {.profile = o->profile, .region = o->region, .mfa = kt_ask_mfa},
                                  .mfa_on_screen = screen,
                                  .ledger = true,
                                  .config = kt_reload_engine(reload),
                                  .enrich = {c->enrichment.country, c->enrichment.network, c->enrichment.aws},
                                  .store = {.rows_max = c->memory.rows, .memory_max = c->memory.bytes, .keep_raw = screen}};
    char usual[KT_CONFIG_TEXT] = "", session[KT_CONFIG_TEXT];
    choose_memory(&opts, o, c, usual);
    opts.store.keep_raw |= opts.memory == KT_MEMORY_FILE;
    for (size_t i = 0; i < o->n_source; i++)
        if (kt_source_is_remote(o->source[i].address))
            kt_secret_no_cores();
    if (kt_engine_new(&g, &opts, &e))
        return complain(&e);
    int status = o->explain                      ? explain(g, o)
                 : add_sources(g, o, &missed, &e) ? complain(&e)
                 : screen                         ? run_screen(o, c, g, reload, ascii, session_of(&opts, usual, session), hook)
                                                 : kt_headless_run(o, g, ascii, c->contain.profile, missed, signo);
    kt_engine_free(g);
    return status;
}

static int start(const struct kt_options *o, const struct kt_config *c, int *signo)
{
    struct kt_err e = {0};
    struct kt_filter *filter = NULL;
    if (o->check)
        return kt_check_run(o, c, NULL);
    if (!o->n_source) {
        fputs(kt_options_no_source, stderr);
        return COULD_NOT_START;
    }
    if (o->filter && kt_filter_parse(&filter, kt_span_of(o->filter), kt_now(NULL), NULL, &e)) {
        kt_text_complain("--filter: %s", e.text);
        return COULD_NOT_START;
    }
    struct kt_hook *hook = NULL; /* forked while there is no thread, and nothing that it should not hold */
    if (o->shape == KT_SHAPE_SCREEN && c->alerts.n_hook) {
        hook = kt_hook_start(c->alerts.hook, c->alerts.n_hook, c->alerts.timeout_s ? c->alerts.timeout_s : KT_ALERT_TIMEOUT_S, &e);
        if (!hook) {
            kt_filter_free(filter);
            return complain(&e);
        }
    }
    struct kt_reload *reload = kt_reload_new(o);
    int status = reload ? run(o, c, filter, reload, hook, signo) : COULD_NOT_START;
    kt_reload_free(reload);
    kt_hook_free(hook);
    kt_filter_free(filter);
    return status;
}

/* A view that is none is said before anything begins. */
static bool views_are_some(const struct kt_config *c, struct kt_err *e)
{
    size_t n;
    struct kt_saved *saved = c->n_view ? calloc(KT_SAVED_MAX, sizeof *saved) : NULL;
    bool ok = !c->n_view || (saved && kt_saved_of_config(saved, &n, c, kt_now(NULL), e) == KT_OK);
    if (!ok && !saved)
        kt_fail(e, KT_ENOMEM, "out of memory");
    free(saved);
    return ok;
}

/* A file that is asked for must be there; the usual one may be missing. */
static enum kt_code configure(struct kt_options *o, struct kt_config *c, struct kt_err *e)
{
    char usual[KT_CONFIG_TEXT];
    if (!o->config && !kt_config_default_path(usual, sizeof usual))
        return KT_OK;
    enum kt_code rc = kt_config_load(c, o->config ? o->config : usual, e);
    if (rc == KT_ENOTFOUND && !o->config)
        return KT_OK;
    return rc ? rc : kt_options_configure(o, c, e);
}

static int print_setup(const char *engine)
{
    struct kt_err e = {0};
    const char *text;
    return kt_source_setup(engine, &text, &e) ? complain(&e) : print(text);
}

static int print_policy(const char *address)
{
    struct kt_err e = {0};
    struct kt_buf b;
    const char *note;
    kt_buf_init(&b, 1 << 20);
    int status = kt_source_policy(address, &b, &note, &e) ? complain(&e) : print(kt_buf_str(&b));
    if (status == 0 && note[0])
        kt_text_complain("%s", note);
    kt_buf_free(&b);
    return status;
}

static int print_completion(const char *shell)
{
    struct kt_err e = {0};
    struct kt_buf b;
    kt_buf_init(&b, 1 << 20);
    int status = kt_completion_print(shell, &b, &e) ? complain(&e) : print(kt_buf_str(&b));
    kt_buf_free(&b);
    return status;
}

static int begin(struct kt_options *o, int *signo)
{
    struct kt_err e = {0};
    struct kt_config c;
    if (o->help)
        return print_help(o->help_about);
    if (o->version)
        return print("keytop " KEYTOP_VERSION "\n");
    if (o->print_setup)
        return print_setup(o->print_setup);
    if (o->completion)
        return print_completion(o->completion);
    if (o->print_policy)
        return print_policy(o->print_policy);
    struct kt_keymap keys;
    kt_config_none(&c);
    kt_keymap_init(&keys);
    bool bad = configure(o, &c, &e) != KT_OK || !views_are_some(&c, &e) || kt_keymap_configure(&keys, &c, &e) != KT_OK;
    o->keys = &keys;
    int status = !bad ? start(o, &c, signo) : o->check ? kt_check_run(o, &c, &e) : complain(&e);
    kt_keymap_free(&keys);
    kt_config_free(&c);
    return status;
}

int main(int argc, char **argv)
{
    struct kt_options o;
    struct kt_err e = {0};
    int signo = 0;
    (void)kt_net_scrub(); /* before anything of TLS looks at it */
    fill_descriptors();
    setlocale(LC_CTYPE, "");
    int status = kt_options_parse(&o, argc, argv, isatty(STDOUT_FILENO), kt_now(NULL), &e) ? complain(&e)
                                                                                           : begin(&o, &signo);
    kt_options_free(&o);
    if (signo)
        kt_signals_die(signo);
    return status;
}
