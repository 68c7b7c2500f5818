#include "pty.h"

#include "base/buf.h"
#include "base/clock.h"
#include "tests/support/fake_http.h"
#include "tests/support/sample.h"
#include "tests/support/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>
#include <vterm.h>

enum { LOG_MAX = 256 << 20, ROW_BYTES = 1000 * 4 * 6 };

struct pty {
    struct temp_dir state; /* nobody's own memory */
    pid_t pid;
    int master, slave;
    int rows, cols;
    bool reaped, alternate, cursor;
    int status;
    struct termios before;
    VTerm *vt;
    VTermScreen *screen;
    struct kt_buf log;
    void (*tap)(void *ctx, const char *p, size_t n);
    void *tap_ctx;
    char row[ROW_BYTES];
};

static int property(VTermProp prop, VTermValue *v, void *user)
{
    struct pty *p = user;
    if (prop == VTERM_PROP_ALTSCREEN)
        p->alternate = v->boolean;
    if (prop == VTERM_PROP_CURSORVISIBLE)
        p->cursor = v->boolean;
    return 1;
}
static const VTermScreenCallbacks callbacks = {.settermprop = property};

/* --- starting ------------------------------------------------------------ */

static void set_environment(const char *const *env, const char *state)
{
    static const char *const gone[] = {"LINES", "COLUMNS", "NO_COLOR", "COLORTERM", "LANG", "LC_CTYPE", "TMUX", "STY"};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        unsetenv(gone[i]);
    setenv("TERM", "xterm-256color", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("TZ", "UTC", 1);
    setenv("XDG_CONFIG_HOME", "/nonexistent", 0); /* nobody's own configuration */
    setenv("XDG_STATE_HOME", state, 1);
    for (; env && *env; env++) {
        char name[64];
        const char *eq = strchr(*env, '=');
        snprintf(name, sizeof name, "%.*s", (int)(eq ? eq - *env : (ptrdiff_t)strlen(*env)), *env);
        if (eq)
            setenv(name, eq + 1, 1);
        else
            unsetenv(name);
    }
}

static void child(const struct pty_opts *o, int slave, const char *state)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    login_tty(slave);
    if (o->stdin_fd > 0)
        dup2(o->stdin_fd, STDIN_FILENO);
    for (int fd = 3; fd < 64; fd++)
        close(fd);
    signal(SIGHUP, o->ignore_hup ? SIG_IGN : SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    set_environment(o->env, state);
    if (o->run) {
        int status = o->run(o->ctx);
        fflush(NULL);
        _exit(status);
    }
    execvp(o->argv[0], (char *const *)o->argv);
    _exit(127);
}

struct pty *pty_start(const struct pty_opts *o)
{
    struct pty *p = calloc(1, sizeof *p);
    assert_non_null(p);
    fake_http_see_all();
    p->rows = o->rows ? o->rows : 24;
    p->cols = o->cols ? o->cols : 80;
    p->cursor = true;
    p->tap = o->tap;
    p->tap_ctx = o->tap_ctx;
    temp_dir_make(&p->state);
    kt_buf_init(&p->log, LOG_MAX);
    struct winsize w = {.ws_row = (unsigned short)p->rows, .ws_col = (unsigned short)p->cols};
    assert_int_equal(openpty(&p->master, &p->slave, NULL, NULL, &w), 0);
    fcntl(p->master, F_SETFD, FD_CLOEXEC);
    fcntl(p->slave, F_SETFD, FD_CLOEXEC);
    fcntl(p->master, F_SETFL, O_NONBLOCK);
    assert_int_equal(tcgetattr(p->slave, &p->before), 0);
    p->vt = vterm_new(p->rows, p->cols);
    assert_non_null(p->vt);
    vterm_set_utf8(p->vt, 1);
    p->screen = vterm_obtain_screen(p->vt);
    vterm_screen_set_callbacks(p->screen, &callbacks, p);
    vterm_screen_enable_altscreen(p->screen, 1);
    vterm_screen_reset(p->screen, 1);
    fflush(NULL);
    p->pid = fork();
    assert_true(p->pid >= 0);
    if (p->pid == 0)
        child(o, p->slave, p->state.path);
    return p;
}

struct pty *pty_keytop(const char *state, const char *const *words, int rows, int cols)
{
    const char *argv[16] = {sample_keytop()};
    char home[512];
    snprintf(home, sizeof home, "XDG_STATE_HOME=%s", state);
    for (size_t i = 0; words[i]; i++) {
        assert_true(i + 2 < sizeof argv / sizeof *argv);
        argv[i + 1] = words[i];
    }
    return pty_start(&(struct pty_opts){.argv = argv, .env = (const char *const[]){home, NULL}, .rows = rows, .cols = cols});
}

void pty_stop(struct pty *p)
{
    if (!p->reaped) {
        kill(p->pid, SIGKILL);
        kill(p->pid, SIGCONT);
        waitpid(p->pid, NULL, 0);
    }
    pty_hang_up(p);
    vterm_free(p->vt);
    kt_buf_free(&p->log);
    temp_dir_remove(&p->state);
    free(p);
}

pid_t pty_pid(const struct pty *p) { return p->pid; }
int pty_master(const struct pty *p) { return p->master; }

/* --- doing --------------------------------------------------------------- */

void pty_send(struct pty *p, const char *bytes)
{
    size_t n = strlen(bytes);
    assert_int_equal(write(p->master, bytes, n), n);
}

void pty_resize(struct pty *p, int rows, int cols)
{
    struct winsize w = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
    p->rows = rows;
    p->cols = cols;
    vterm_set_size(p->vt, rows, cols);
    assert_int_equal(ioctl(p->master, TIOCSWINSZ, &w), 0);
}

void pty_signal(struct pty *p, int signo)
{
    assert_int_equal(kill(p->pid, signo), 0);
}

void pty_hang_up(struct pty *p)
{
    if (p->slave >= 0)
        close(p->slave);
    if (p->master >= 0)
        close(p->master);
    p->slave = p->master = -1;
}

/* Reads what is there; waits up to `ms` for something. False: nothing came. */
static bool pump(struct pty *p, int ms)
{
    if (p->master < 0) {
        poll(NULL, 0, ms > 5 ? 5 : ms);
        return false;
    }
    struct pollfd f = {.fd = p->master, .events = POLLIN};
    if (poll(&f, 1, ms) <= 0)
        return false;
    char bytes[65536];
    ssize_t n = read(p->master, bytes, sizeof bytes);
    if (n <= 0)
        return false;
    if (p->tap) {
        p->tap(p->tap_ctx, bytes, (size_t)n);
        return true;
    }
    assert_true(kt_buf_add(&p->log, bytes, (size_t)n));
    vterm_input_write(p->vt, bytes, (size_t)n);
    vterm_screen_flush_damage(p->screen);
    char answer[1024];
    size_t k = vterm_output_read(p->vt, answer, sizeof answer);
    if (k && write(p->master, answer, k) < 0)
        return true;
    return true;
}

bool pty_read(struct pty *p, int ms)
{
    return pump(p, ms);
}

void pty_wait_text(struct pty *p, const char *text)
{
    int64_t end = kt_mono_ms() + PTY_LIMIT_MS;
    while (!pty_shows(p, text, NULL, NULL)) {
        if (kt_mono_ms() > end) {
            pty_dump(p);
            fail_msg("the screen does not show \"%s\"", text);
        }
        pump(p, 20);
    }
}

void pty_wait_no_text(struct pty *p, const char *text)
{
    int64_t end = kt_mono_ms() + PTY_LIMIT_MS;
    while (pty_shows(p, text, NULL, NULL)) {
        if (kt_mono_ms() > end) {
            pty_dump(p);
            fail_msg("the screen still shows \"%s\"", text);
        }
        pump(p, 20);
    }
}

size_t pty_wait_bytes(struct pty *p, size_t from, const char *bytes)
{
    int64_t end = kt_mono_ms() + PTY_LIMIT_MS;
    for (;;) {
        const char *hit = p->log.len > from ? memmem(p->log.p + from, p->log.len - from, bytes, strlen(bytes)) : NULL;
        if (hit)
            return (size_t)(hit - p->log.p);
        if (kt_mono_ms() > end) {
            pty_dump(p);
            fail_msg("the bytes never came");
        }
        pump(p, 20);
    }
}

void pty_settle(struct pty *p, int ms)
{
    int64_t end = kt_mono_ms() + PTY_LIMIT_MS;
    while (pump(p, ms))
        if (kt_mono_ms() > end)
            fail_msg("it never falls silent for %d ms", ms);
}

size_t pty_listen(struct pty *p, int ms)
{
    size_t before = p->log.len;
    int64_t end = kt_mono_ms() + ms, left;
    while ((left = end - kt_mono_ms()) > 0)
        pump(p, (int)left);
    return p->log.len - before;
}

bool pty_exits_within(struct pty *p, int ms, int *status)
{
    int64_t end = kt_mono_ms() + ms;
    while (!p->reaped) {
        if (waitpid(p->pid, &p->status, WNOHANG) == p->pid)
            p->reaped = true;
        else if (kt_mono_ms() > end)
            return false;
        else
            pump(p, 5);
    }
    while (pump(p, 0))
        ;
    fake_http_see_all();
    *status = p->status;
    return true;
}

bool pty_exits_unread(struct pty *p, int ms, int *status)
{
    for (int64_t end = kt_mono_ms() + ms; !p->reaped; poll(NULL, 0, 2)) {
        if (waitpid(p->pid, &p->status, WNOHANG) == p->pid)
            p->reaped = true;
        else if (kt_mono_ms() > end)
            return false;
    }
    *status = p->status;
    return true;
}

int pty_wait_exit(struct pty *p)
{
    int status = 0;
    if (!pty_exits_within(p, PTY_LIMIT_MS, &status)) {
        pty_dump(p);
        fail_msg("it does not end");
    }
    return status;
}

void pty_quit(struct pty *p)
{
    pty_send(p, "q");
    int status = pty_wait_exit(p);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    pty_stop(p);
}

/* --- looking ------------------------------------------------------------- */

static size_t put_utf8(char *out, uint32_t cp)
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (size_t i = n; --i; cp >>= 6)
        out[i] = (char)(0x80 | (cp & 0x3f));
    out[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | cp);
    return n;
}

static size_t render(struct pty *p, int row)
{
    size_t n = 0;
    for (int col = 0; col < p->cols;) {
        VTermScreenCell c;
        if (!vterm_screen_get_cell(p->screen, (VTermPos){row, col}, &c) || c.chars[0] == (uint32_t)-1) {
            col++;
            continue;
        }
        if (!c.chars[0])
            p->row[n++] = ' ';
        for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && c.chars[i]; i++)
            if (n + 8 < sizeof p->row)
                n += put_utf8(p->row + n, c.chars[i]);
        col += c.width > 1 ? c.width : 1;
    }
    p->row[n] = '\0';
    return n;
}

const char *pty_row(struct pty *p, int row)
{
    size_t n = render(p, row);
    while (n && p->row[n - 1] == ' ')
        p->row[--n] = '\0';
    return p->row;
}

/* The column is one of cells, where all before it are one cell a letter. */
bool pty_shows(struct pty *p, const char *text, int *row, int *col)
{
    for (int r = 0; r < p->rows; r++) {
        render(p, r);
        const char *hit = strstr(p->row, text);
        if (!hit)
            continue;
        int cells = 0;
        for (const char *q = p->row; q < hit; q++)
            cells += ((unsigned char)*q & 0xc0) != 0x80;
        if (row)
            *row = r;
        if (col)
            *col = cells;
        return true;
    }
    return false;
}

void pty_dump(struct pty *p)
{
    printf("--- screen %d x %d, %zu bytes so far ---\n", p->rows, p->cols, p->log.len);
    for (int r = 0; r < p->rows; r++)
        printf("|%s\n", pty_row(p, r));
    printf("---\n");
}

static int colour(const VTermColor *c)
{
    if (VTERM_COLOR_IS_INDEXED(c))
        return c->indexed.idx;
    return 1 << 24 | c->rgb.red << 16 | c->rgb.green << 8 | c->rgb.blue;
}

struct pty_cell pty_cell(struct pty *p, int row, int col)
{
    VTermScreenCell c = {0};
    assert_true(vterm_screen_get_cell(p->screen, (VTermPos){row, col}, &c));
    return (struct pty_cell){.ch = c.chars[0],
                             .width = c.width,
                             .bold = c.attrs.bold,
                             .underline = c.attrs.underline != 0,
                             .reverse = c.attrs.reverse,
                             .fg_default = VTERM_COLOR_IS_DEFAULT_FG(&c.fg),
                             .bg_default = VTERM_COLOR_IS_DEFAULT_BG(&c.bg),
                             .fg = colour(&c.fg),
                             .bg = colour(&c.bg)};
}

bool pty_alternate(const struct pty *p) { return p->alternate; }
bool pty_cursor_visible(const struct pty *p) { return p->cursor; }
size_t pty_log_size(const struct pty *p) { return p->log.len; }
const char *pty_log(const struct pty *p) { return kt_buf_str(&p->log); }

bool pty_log_has(const struct pty *p, size_t from, const char *bytes)
{
    return p->log.len > from && memmem(p->log.p + from, p->log.len - from, bytes, strlen(bytes));
}

struct termios pty_modes(const struct pty *p)
{
    struct termios t;
    memset(&t, 0, sizeof t);
    assert_int_equal(tcgetattr(p->slave, &t), 0);
    return t;
}

bool pty_modes_restored(const struct pty *p)
{
    struct termios t = pty_modes(p);
    return t.c_iflag == p->before.c_iflag && t.c_oflag == p->before.c_oflag && t.c_lflag == p->before.c_lflag &&
           t.c_cflag == p->before.c_cflag && memcmp(t.c_cc, p->before.c_cc, sizeof t.c_cc) == 0;
}

int pty_slave_flags(const struct pty *p)
{
    return fcntl(p->slave, F_GETFL);
}
