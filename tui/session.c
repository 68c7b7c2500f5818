#include "tui/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char first_line[] = "keytop session 1\n", last_line[] = "end\n";

/* --- its text -------------------------------------------------------------- */

static bool one_line(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            return false;
    return true;
}

bool kt_session_write(const struct kt_session *s, struct kt_buf *b)
{
    kt_buf_adds(b, first_line);
    kt_setup_write(&s->setup, "", b);
    if (s->view[0])
        kt_buf_addf(b, "shown: %s\n", s->view);
    if (s->mouse)
        kt_buf_adds(b, "mouse: yes\n");
    if (s->theme[0] && one_line(s->theme) && one_line(s->instead))
        kt_buf_addf(b, "theme: %s\ninstead of theme: %s\n", s->theme, s->instead);
    for (size_t i = 0; i < s->n_written; i++)
        kt_buf_addf(b, "wrote: %s: %s\n", s->written[i].label, s->written[i].text);
    for (size_t i = 0; i < s->n_saved; i++) {
        if (s->saved[i].configured)
            continue;
        kt_buf_addf(b, "view: %s\n", s->saved[i].name);
        kt_setup_write(&s->saved[i].setup, "  ", b);
    }
    kt_buf_adds(b, last_line);
    return !b->failed;
}

struct reading {
    struct kt_session *s;
    struct kt_saved *in;  /* the view whose lines these are; NULL: none */
    bool skip;            /* a view that can no longer be had */
    int64_t now;
    size_t line, *lost;
    struct kt_err *e;
};

static enum kt_code wrong(struct reading *r, const char *what)
{
    return kt_fail(r->e, KT_EFORMAT, "line %zu: %s", r->line, what);
}

/* What was a filter once may be none for a newer keytop: that costs the one view. */
static enum kt_code take_part(struct reading *r, struct kt_setup *l, struct kt_span name, struct kt_span value)
{
    struct kt_err e = {0};
    enum kt_code rc = kt_setup_set(l, name, value, r->now, &e);
    if (!rc)
        return KT_OK;
    if (rc == KT_ENOTFOUND || !r->in)
        return wrong(r, e.text);
    r->skip = true;
    r->s->n_saved--;
    (*r->lost)++;
    return KT_OK;
}

static enum kt_code begin_view(struct reading *r, struct kt_span name)
{
    r->skip = false;
    if (!kt_saved_names(name) || r->s->n_saved == KT_SAVED_MAX ||
        kt_saved_find(r->s->saved, r->s->n_saved, name))
        return wrong(r, "no name for a view");
    r->in = &r->s->saved[r->s->n_saved++];
    *r->in = (struct kt_saved){.configured = false};
    kt_setup_usual(&r->in->setup);
    memcpy(r->in->name, name.p, name.n);
    return KT_OK;
}

/* "filter: risk>50": the prompt's label, and what was written. */
static enum kt_code take_written(struct reading *r, struct kt_span value)
{
    struct kt_session *s = r->s;
    const char *colon = memmem(value.p, value.n, ": ", 2);
    size_t label = colon ? (size_t)(colon - value.p) : 0, n = colon ? value.n - label - 2 : 0;
    if (!label || label >= KT_PROMPT_LABEL || !n || n >= KT_PROMPT_MAX || !kt_utf8_valid(value) ||
        s->n_written == KT_PROMPT_HISTORY)
        return wrong(r, "nothing that was written into a prompt");
    struct kt_written *w = &s->written[s->n_written++];
    memcpy(w->label, value.p, label);
    memcpy(w->text, colon + 2, n);
    w->label[label] = w->text[n] = '\0';
    return KT_OK;
}

static enum kt_code take_text(struct reading *r, char *out, size_t size, struct kt_span value)
{
    if (!value.n || value.n >= size)
        return wrong(r, "no name of a theme");
    memcpy(out, value.p, value.n);
    out[value.n] = '\0';
    return KT_OK;
}

static enum kt_code take_line(struct reading *r, struct kt_span line)
{
    bool inner = kt_span_starts(line, "  ");
    struct kt_span name = inner ? (struct kt_span){line.p + 2, line.n - 2} : line;
    const char *colon = memchr(name.p, ':', name.n);
    for (size_t i = 0; i < line.n; i++)
        if ((unsigned char)line.p[i] < 0x20 || line.p[i] == 0x7F)
            return wrong(r, "a control stands in it");
    if (!colon || colon + 1 == name.p + name.n || colon[1] != ' ' || (inner && !r->in))
        return wrong(r, "no line of a session");
    struct kt_span value = {colon + 2, (size_t)(name.p + name.n - colon - 2)};
    name.n = (size_t)(colon - name.p);
    if (inner)
        return r->skip ? KT_OK : take_part(r, &r->in->setup, name, value);
    if (kt_span_is(name, "view"))
        return begin_view(r, value);
    if (r->in)
        return wrong(r, "a line of the session stands among those of views");
    if (kt_span_is(name, "mouse")) {
        r->s->mouse = kt_span_is(value, "yes");
        return KT_OK;
    }
    if (kt_span_is(name, "theme"))
        return take_text(r, r->s->theme, sizeof r->s->theme, value);
    if (kt_span_is(name, "instead of theme"))
        return take_text(r, r->s->instead, sizeof r->s->instead, value);
    if (kt_span_is(name, "wrote"))
        return take_written(r, value);
    if (kt_span_is(name, "shown")) {
        if (!kt_saved_names(value))
            return wrong(r, "no name of a view");
        memcpy(r->s->view, value.p, value.n);
        r->s->view[value.n] = '\0';
        return KT_OK;
    }
    return take_part(r, &r->s->setup, name, value);
}

enum kt_code kt_session_read(struct kt_session *s, struct kt_span text, int64_t now, size_t *lost, struct kt_err *e)
{
    struct reading r = {.s = s, .now = now, .line = 1, .lost = lost, .e = e};
    size_t head = sizeof first_line - 1, tail = sizeof last_line - 1;
    *s = (struct kt_session){.n_saved = 0};
    *lost = 0;
    kt_setup_usual(&s->setup);
    if (text.n > KT_SESSION_MAX)
        return wrong(&r, "it is too long");
    if (!kt_span_starts(text, first_line))
        return wrong(&r, "not a session of this version");
    if (text.n < head + tail || memcmp(text.p + text.n - tail, last_line, tail) != 0)
        return wrong(&r, "its end is missing");
    for (size_t i = head; i < text.n - tail;) {
        const char *end = memchr(text.p + i, '\n', text.n - i);
        size_t n = (size_t)(end - (text.p + i));
        r.line++;
        enum kt_code rc = take_line(&r, (struct kt_span){text.p + i, n});
        if (rc)
            return rc;
        i += n + 1;
    }
    return KT_OK;
}

/* --- its file ---------------------------------------------------------------- */

/* NULL: there is none, or `why` says why it is not read. */
static char *read_file(const char *path, size_t *n, char *why, size_t size)
{
    struct stat st;
    why[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            snprintf(why, size, "%s", strerror(errno));
        return NULL;
    }
    bool own = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH));
    char *text = own ? malloc(KT_SESSION_MAX + 1) : NULL;
    ssize_t k = 0;
    *n = 0;
    while (text && *n <= KT_SESSION_MAX && (k = read(fd, text + *n, KT_SESSION_MAX + 1 - *n)) > 0)
        *n += (size_t)k;
    if (!own)
        snprintf(why, size, "it is not a file that is yours alone to write");
    else if (!text || k < 0)
        snprintf(why, size, "%s", text ? strerror(errno) : "out of memory");
    close(fd);
    if (why[0]) {
        free(text);
        return NULL;
    }
    return text;
}

static void set_aside(struct kt_app *a, const char *sentence)
{
    char aside[sizeof a->session + 16];
    snprintf(aside, sizeof aside, "%s.damaged", a->session);
    bool moved = !a->opts.read_only && rename(a->session, aside) == 0;
    kt_app_hint(a, "the last session is damaged (%.60s)%s", sentence,
                moved ? ": set aside as session.damaged" : "");
}

/* Views of the configuration come first and keep their names. */
static void take_over(struct kt_app *a, const struct kt_session *s)
{
    for (size_t i = 0; i < s->n_saved && a->n_saved < KT_SAVED_MAX; i++)
        if (!kt_saved_find(a->saved, a->n_saved, kt_span_of(s->saved[i].name)))
            a->saved[a->n_saved++] = s->saved[i];
    memcpy(a->prompt.history, s->written, s->n_written * sizeof *s->written);
    a->prompt.n_history = s->n_written;
    if (s->theme[0] && !a->opts.theme_given && strcmp(s->instead, kt_themes_asked(a)) == 0)
        (void)kt_themes_show(a, s->theme); /* what cannot be had any more is said, and the usual one stays */
    if (a->opts.wall) /* it begins as walls do */
        return;
    struct kt_setup setup = s->setup;
    snprintf(a->before.filter, sizeof a->before.filter, "%s", s->setup.filter);
    snprintf(a->before.view, sizeof a->before.view, "%s", s->view);
    if (a->opts.filter)
        snprintf(setup.filter, sizeof setup.filter, "%s", a->opts.filter);
    a->mouse = s->mouse;
    kt_app_show_setup(a, &setup);
    if (setup.filter[0] && !a->opts.filter)
        kt_app_hint(a, "as you left it, with a filter: v 0 shows all rows");
    if (!a->opts.filter)
        snprintf(a->view, sizeof a->view, "%s", s->view);
}

void kt_session_load(struct kt_app *a)
{
    char why[120];
    size_t n = 0, lost = 0;
    struct kt_err e = {0};
    if (!a->session[0])
        return;
    char *text = read_file(a->session, &n, why, sizeof why);
    if (why[0])
        kt_app_hint(a, "the last session is not read: %s", why);
    if (!text)
        return;
    struct kt_session *s = calloc(1, sizeof *s);
    if (!s)
        kt_app_hint(a, "the last session is not read: out of memory");
    else if (kt_session_read(s, (struct kt_span){text, n}, kt_app_now(a), &lost, &e))
        set_aside(a, e.text);
    else
        take_over(a, s);
    if (lost)
        kt_app_hint(a, "%zu of the saved views could not be read", lost);
    free(s);
    free(text);
}

const char *kt_session_why(const struct kt_app *a)
{
    return a->opts.read_only ? "--read-only writes nothing" : !a->session[0] ? "nothing is remembered" : a->session_trouble;
}

static bool failed(struct kt_app *a, const char *what)
{
    snprintf(a->session_trouble, sizeof a->session_trouble, "%s: %s", what, strerror(errno));
    return false;
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static void make_folder(const char *path)
{
    char folder[KT_SESSION_PATH];
    const char *slash = strrchr(path, '/');
    if (slash && slash > path) {
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
        (void)mkdir(folder, 0700); /* it is there already, or opening the file says what is wrong */
    }
}

static bool replace(struct kt_app *a, const struct kt_buf *b)
{
    char other[sizeof a->session + 16], folder[sizeof a->session];
    make_folder(a->session);
    snprintf(other, sizeof other, "%s.XXXXXX", a->session);
    int fd = mkostemp(other, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return failed(a, "the session cannot be written");
    bool ok = write_all(fd, b->p, b->len) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    if (!ok || rename(other, a->session) < 0) {
        failed(a, "the session cannot be written");
        unlink(other);
        return false;
    }
    const char *slash = strrchr(a->session, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - a->session + 1) : 1, slash ? a->session : ".");
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0) {
        (void)fsync(dir);
        close(dir);
    }
    a->session_trouble[0] = '\0';
    return true;
}

bool kt_session_save(struct kt_app *a)
{
    if (!a->session[0] || a->opts.read_only || a->opts.wall)
        return false;
    struct kt_session *s = calloc(1, sizeof *s);
    struct kt_buf b;
    kt_buf_init(&b, KT_SESSION_MAX);
    bool ok = s != NULL;
    if (ok) {
        kt_table_setup(a->table, &s->setup);
        snprintf(s->view, sizeof s->view, "%s", a->view);
        if (a->opts.filter && strcmp(s->setup.filter, a->opts.filter) == 0) { /* nobody has changed it */
            snprintf(s->setup.filter, sizeof s->setup.filter, "%s", a->before.filter);
            snprintf(s->view, sizeof s->view, "%s", a->before.view);
        }
        if (a->themes.chosen) {
            snprintf(s->theme, sizeof s->theme, "%s", a->themes.name);
            snprintf(s->instead, sizeof s->instead, "%s", kt_themes_asked(a));
        }
        s->mouse = a->mouse;
        memcpy(s->written, a->prompt.history, a->prompt.n_history * sizeof *s->written);
        s->n_written = a->prompt.n_history;
        memcpy(s->saved, a->saved, a->n_saved * sizeof *s->saved);
        s->n_saved = a->n_saved;
        ok = kt_session_write(s, &b) && replace(a, &b);
    }
    kt_buf_free(&b);
    free(s);
    return ok;
}
