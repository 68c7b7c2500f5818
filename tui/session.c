#include "tui/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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
