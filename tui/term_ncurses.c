/* The terminal through ncurses.
 *
 * ncurses writes to its file descriptor row by row and, where that does not
 * take the bytes, waits or spins. So it is given a file in memory instead: what
 * it wrote for a frame is taken from there and sent to the terminal here,
 * through an open file of our own, in one write that never blocks. (O_NONBLOCK
 * belongs to the open file; on standard output's own it would leak to the
 * shell and to everyone else who shares it.) ncurses is opened on the real
 * terminal first, because it asks it for its modes, and moved to the memory
 * afterwards. */
#include "term.h"

#include "base/buf.h"
#include "base/clock.h"
#include "tui/clipboard.h"
#include "tui/reports.h"
#include "tui/squeeze.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define NCURSES_WIDECHAR 1
#include <curses.h>
/* term.h is full of macros with common names: it comes last */
#include <term.h>
#undef lines
#undef columns

enum {
    FRAME_MAX = 8 << 20,   /* bytes of one frame: 1000 x 1000 cells, each with its own colour */
    FAREWELL_MS = 200,     /* what close and suspend wait for a slow terminal */
    SYNC_FROM = 512,       /* frames smaller than this are one packet anyway */
    PASTE_BEGIN = 2000,    /* beyond ncurses' own and its extended key codes */
    PASTE_END = 2001,
    MOUSE = 2002,
    FOCUS_IN = 2003,
    FOCUS_OUT = 2004,
    MODE = 2005,
    DRAWN = 2006,          /* the answer to DSR 5: all that was sent before is drawn */
    ASK_FROM = 256,        /* after so many bytes of frames it is asked whether they are drawn */
    ANSWER_MS = 30000      /* and waited for so long */
};

#define MOUSE_ON "\033[?1002h\033[?1006h"
#define MOUSE_OFF "\033[?1006l\033[?1002l"

struct kt_term {
    int fd;       /* the terminal */
    bool shared;  /* it could not be opened anew: fd is a copy of standard output */
    int mem;      /* what ncurses writes */
    FILE *out, *in;
    SCREEN *screen;
    WINDOW *keys; /* a pad: reading keys from it refreshes nothing */
    struct termios saved, raw;
    struct kt_theme theme;
    attr_t attr[KT_ROLE_COUNT];
    int pair[KT_ROLE_COUNT];
    int rows, cols;
    struct kt_grid_cell *shown; /* rows * cols: the canvas shown last */
    cchar_t *line;              /* cols */
    struct kt_buf queue;        /* bytes on their way; `sent` of them have gone */
    size_t sent;
    struct kt_buf frame;        /* bytes of ncurses, before they are squeezed */
    struct kt_squeeze squeeze;  /* the colours that are on */
    int32_t rgb[256];           /* what their numbers stand for, where the terminal takes any colour */
    bool any_colour;
    char bytes[4];              /* of a letter whose bytes come one by one */
    size_t have, want;
    int cursor;                 /* visible? -1: not known */
    struct kt_report report;    /* half read */
    bool able;                  /* it takes modes and questions for what they are */
    bool mouse;
    bool answers;               /* it has answered a question */
    size_t since;               /* bytes of frames since it was asked last */
    int64_t asked, queried;     /* kt_mono_ms() of a question without an answer so far; 0: none */
    bool all, utf8, sync, active, broken;
    bool color;                 /* asked for */
    bool titled;                /* the title is ours; the one before waits in the terminal */
};

/* --- what puts the terminal back when the process dies ------------------- */

static struct {
    volatile sig_atomic_t armed;
    int fd;
    size_t n;
    char bytes[512];
    struct termios saved;
} emergency;

/* A capability without its padding marks; ncurses alone would honour them. */
static void add_capability(const char *name)
{
    const char *s = tigetstr(name);
    if (!s || s == (char *)-1)
        return;
    while (*s && emergency.n < sizeof emergency.bytes) {
        if (s[0] == '$' && s[1] == '<') {
            s += strcspn(s, ">");
            s += *s == '>';
        } else {
            emergency.bytes[emergency.n++] = *s++;
        }
    }
}

static void add_constant(const char *s)
{
    size_t n = strlen(s);
    if (emergency.n + n <= sizeof emergency.bytes) {
        memcpy(emergency.bytes + emergency.n, s, n);
        emergency.n += n;
    }
}

static void prepare_emergency(const struct kt_term *t, bool alternate)
{
    emergency.armed = 0;
    emergency.n = 0;
    emergency.fd = t->fd;
    emergency.saved = t->saved;
    if (t->sync || t->able)
        add_constant("\033[?2026l");
    if (t->able)
        add_constant("\033[?1006l\033[?1002l\033[?1004l");
    add_constant("\033[?2004l");
    add_capability("sgr0");
    add_capability("op");
    add_capability("rmkx");
    add_capability("cnorm");
    if (alternate)
        add_capability("rmcup");
    else
        add_constant("\r\n");
}

void kt_term_emergency_restore(void)
{
    if (!emergency.armed)
        return;
    emergency.armed = 0;
    int kept = errno;
    for (size_t at = 0, tries = 0; at < emergency.n && tries < 4; tries++) {
        ssize_t k = write(emergency.fd, emergency.bytes + at, emergency.n - at);
        if (k > 0)
            at += (size_t)k;
        else if (k < 0 && errno == EAGAIN)
            poll(&(struct pollfd){.fd = emergency.fd, .events = POLLOUT}, 1, 50);
    }
    tcsetattr(emergency.fd, TCSANOW, &emergency.saved);
    errno = kept;
}

/* --- bytes to the terminal ----------------------------------------------- */

static ssize_t write_some(struct kt_term *t, const char *p, size_t n)
{
    if (!t->shared)
        return write(t->fd, p, n);
    /* the open file is not ours alone: it is made non-blocking for this one call */
    int flags = fcntl(t->fd, F_GETFL);
    if (flags < 0 || fcntl(t->fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -1;
    ssize_t k = write(t->fd, p, n);
    int kept = errno;
    if (fcntl(t->fd, F_SETFL, flags) < 0)
        return -1;
    errno = kept;
    return k;
}

/* Sends what is on its way. True when nothing is left. */
static bool flush(struct kt_term *t)
{
    while (t->sent < t->queue.len) {
        ssize_t k = write_some(t, t->queue.p + t->sent, t->queue.len - t->sent);
        if (k > 0) {
            t->sent += (size_t)k;
        } else if (k < 0 && errno == EINTR) {
            continue;
        } else if (k < 0 && errno != EAGAIN) {
            t->broken = true; /* EIO: it has gone away */
            break;
        } else {
            return false;
        }
    }
    kt_buf_reset(&t->queue);
    t->sent = 0;
    return true;
}

static void flush_within(struct kt_term *t, int ms)
{
    int64_t end = kt_mono_ms() + ms, left;
    while (!flush(t) && (left = end - kt_mono_ms()) > 0) {
        struct pollfd p = {.fd = t->fd, .events = POLLOUT};
        poll(&p, 1, (int)left);
        if (p.revents & (POLLHUP | POLLERR))
            break;
    }
    kt_buf_reset(&t->queue);
    t->sent = 0;
}

/* Takes what ncurses has written since. */
static void collect(struct kt_term *t)
{
    off_t n = lseek(t->mem, 0, SEEK_CUR);
    if (n == 0)
        return;
    kt_buf_reset(&t->frame);
    bool ok = n > 0 && kt_buf_reserve(&t->frame, (size_t)n) && pread(t->mem, t->frame.p, (size_t)n, 0) == n;
    if (ok) {
        bool sync = t->sync && n >= SYNC_FROM;
        kt_buf_adds(&t->queue, sync ? "\033[?2026h" : "");
        kt_squeeze(&t->squeeze, t->frame.p, (size_t)n, &t->queue);
        kt_buf_adds(&t->queue, sync ? "\033[?2026l" : "");
    }
    if (!ok || lseek(t->mem, 0, SEEK_SET) < 0 || t->queue.failed)
        t->broken = true;
}

/* --- colours ------------------------------------------------------------- */

static attr_t attributes(uint8_t a)
{
    return (a & KT_ATTR_BOLD ? A_BOLD : 0) | (a & KT_ATTR_REVERSE ? A_REVERSE : 0) |
           (a & KT_ATTR_UNDERLINE ? A_UNDERLINE : 0) | (a & KT_ATTR_DIM ? A_DIM : 0);
}

/* Eight or sixteen colours are the person's own palette: greys become the
 * terminal's own foreground, the background is left alone, and a role that
 * stands on another background is reversed. */
static int pair_of_few(const struct kt_theme *theme, int role, bool own, attr_t *attr)
{
    const struct kt_look *l = &theme->role[role];
    if (l->bg != theme->role[KT_ROLE_TEXT].bg) {
        *attr |= A_REVERSE;
        return own ? 0 : alloc_pair(COLOR_WHITE, COLOR_BLACK);
    }
    if (role == KT_ROLE_DIM || role == KT_ROLE_LOW || role == KT_ROLE_RULE)
        *attr |= A_DIM;
    if (role == KT_ROLE_BRIGHT)
        *attr |= A_BOLD;
    int fg = kt_is_grey(l->fg) ? (own ? -1 : COLOR_WHITE) : kt_nearest_basic(l->fg, COLORS);
    return fg < 0 ? 0 : alloc_pair(fg, own ? -1 : COLOR_BLACK);
}

/* Does it take any colour, though its terminfo entry speaks of 256? GNU screen
 * does not, whatever the terminal around it has said in COLORTERM. */
static bool takes_any_colour(void)
{
    const char *says = getenv("COLORTERM"), *screen = getenv("STY");
    if (screen && *screen)
        return false;
    if (says && (strcmp(says, "truecolor") == 0 || strcmp(says, "24bit") == 0))
        return true;
    return tigetflag("RGB") > 0 || tigetflag("Tc") > 0;
}

/* The number of a colour: the nearest of 256, or one that stands for it. A theme
 * has fewer colours than there are numbers. */
static int number_of(struct kt_term *t, int32_t rgb)
{
    enum { FIRST = 16 };
    if (!t->any_colour || rgb < 0)
        return kt_nearest_256(rgb);
    for (int i = FIRST; i < 256; i++) {
        if (t->rgb[i] == -1)
            t->rgb[i] = rgb;
        if (t->rgb[i] == rgb)
            return i;
    }
    return kt_nearest_256(rgb);
}

static void prepare_colours(struct kt_term *t, bool color)
{
    if (!color || !has_colors() || start_color() == ERR || COLORS < 8)
        kt_theme_mono(&t->theme);
    bool own = use_default_colors() == OK;
    bool direct = COLORS >= 0x1000000;
    t->any_colour = !direct && COLORS >= 256 && takes_any_colour();
    memset(t->rgb, -1, sizeof t->rgb);
    t->squeeze.rgb = t->any_colour ? t->rgb : NULL;
    for (int r = 0; r < KT_ROLE_COUNT; r++) {
        const struct kt_look *l = &t->theme.role[r];
        t->attr[r] = attributes(l->attr);
        t->pair[r] = 0;
        if (l->fg < 0)
            continue;
        if (direct)
            t->pair[r] = alloc_pair(l->fg, l->bg);
        else if (COLORS >= 256)
            t->pair[r] = alloc_pair(number_of(t, l->fg), number_of(t, l->bg));
        else
            t->pair[r] = pair_of_few(&t->theme, r, own, &t->attr[r]);
        if (t->pair[r] < 0)
            t->pair[r] = 0;
    }
}

/* --- opening and closing ------------------------------------------------- */

static bool same_terminal(int a, int b)
{
    unsigned da = 0, db = 0;
    return ioctl(a, TIOCGDEV, &da) == 0 && ioctl(b, TIOCGDEV, &db) == 0 && da == db;
}

/* An open file of our own on the terminal of standard output. By its name
 * that can be forbidden (su) or impossible (a container's terminal from
 * outside); /dev/tty then leads to it where it is the controlling one. */
static bool open_terminal(struct kt_term *t)
{
    enum { FLAGS = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC };
    char name[256];
    t->fd = -1;
    if (ttyname_r(STDOUT_FILENO, name, sizeof name) == 0)
        t->fd = open(name, FLAGS);
    if (t->fd >= 0 && same_terminal(t->fd, STDOUT_FILENO))
        return true;
    if (t->fd >= 0)
        close(t->fd);
    t->fd = open("/dev/tty", FLAGS);
    if (t->fd >= 0 && same_terminal(t->fd, STDOUT_FILENO))
        return true;
    if (t->fd >= 0)
        close(t->fd);
    t->shared = true;
    t->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    return t->fd >= 0;
}

static enum kt_code check_terminal(const char *term, struct kt_err *e)
{
    static const char instead[] = "use -o table, or set TERM to what your terminal is";
    if (!isatty(STDOUT_FILENO))
        return kt_fail(e, KT_EUSAGE, "standard output is not a terminal; use -o table, jsonl or csv");
    if (!term || !*term)
        return kt_fail(e, KT_EUSAGE, "TERM is not set, so this terminal cannot show a screen; %s", instead);
    int status = 0;
    if (setupterm(term, STDOUT_FILENO, &status) != OK)
        return kt_fail(e, KT_EUSAGE, "this terminal (TERM=%.60s) is not known here; %s", term, instead);
    const char *cup = tigetstr("cup");
    bool able = cup && cup != (char *)-1;
    del_curterm(cur_term);
    if (!able)
        return kt_fail(e, KT_EUSAGE, "this terminal (TERM=%.60s) cannot show a screen; %s", term, instead);
    return KT_OK;
}

static void measure(const struct kt_term *t, int *rows, int *cols)
{
    struct winsize w = {0};
    if (ioctl(t->fd, TIOCGWINSZ, &w) < 0 || !w.ws_row || !w.ws_col)
        w = (struct winsize){.ws_row = 24, .ws_col = 80};
    *rows = w.ws_row < KT_CANVAS_ROWS_MAX ? w.ws_row : KT_CANVAS_ROWS_MAX;
    *cols = w.ws_col < KT_CANVAS_COLS_MAX ? w.ws_col : KT_CANVAS_COLS_MAX;
}

/* Takes the terminal's size over. */
static bool fit(struct kt_term *t)
{
    int rows, cols;
    measure(t, &rows, &cols);
    struct kt_grid_cell *shown = calloc((size_t)rows * (size_t)cols, sizeof *shown);
    cchar_t *line = calloc((size_t)cols, sizeof *line);
    if (!shown || !line || resize_term(rows, cols) == ERR) {
        free(shown);
        free(line);
        return false;
    }
    free(t->shown);
    free(t->line);
    t->shown = shown;
    t->line = line;
    t->rows = rows;
    t->cols = cols;
    t->all = true;
    return true;
}

/* Terminals that are known to hold back a frame until it is whole. Others are
 * not asked: a question that goes unanswered would wait for its answer. */
static bool synchronizes(const char *term)
{
    static const char *const known[] = {"xterm-kitty", "foot", "alacritty", "wezterm", "contour", "xterm-ghostty"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strncmp(term, known[i], strlen(known[i])) == 0)
            return true;
    return false;
}

/* Terminals of our day: they pass over a mode that they do not know, and drop
 * a question. The Linux console would show half of it. */
static bool is_able(const char *term)
{
    static const char *const known[] = {"xterm", "tmux", "screen", "foot", "alacritty", "wezterm", "contour", "rxvt",
                                        "st-", "kitty", "konsole", "vte", "gnome", "iterm", "ghostty", "mintty", "putty"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strncmp(term, known[i], strlen(known[i])) == 0)
            return true;
    return false;
}

/* A string that terminfo knows as something else (kmous) is ours. */
static void define(const char *bytes, int code)
{
    define_key(bytes, 0);
    define_key(bytes, code);
}

static void make_raw(struct kt_term *t)
{
    t->raw = t->saved;
    t->raw.c_iflag &= ~(tcflag_t)(IXON | IXOFF | ICRNL | INLCR | IGNCR | ISTRIP); /* a stray Ctrl-S would freeze it */
    t->raw.c_oflag &= ~(tcflag_t)ONLCR;
    t->raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ECHONL | IEXTEN);
    t->raw.c_lflag |= ISIG;
    t->raw.c_cc[VMIN] = 1;
    t->raw.c_cc[VTIME] = 0;
}

static bool start_ncurses(struct kt_term *t, const char *term)
{
    int out = fcntl(t->fd, F_DUPFD_CLOEXEC, 3), in = fcntl(t->fd, F_DUPFD_CLOEXEC, 3);
    t->out = out < 0 ? NULL : fdopen(out, "w");
    t->in = in < 0 ? NULL : fdopen(in, "r");
    if (!t->out || !t->in) {
        if (out >= 0 && !t->out)
            close(out);
        if (in >= 0 && !t->in)
            close(in);
        return false;
    }
    set_escdelay(25);
    t->screen = newterm(term, t->out, t->in);
    if (!t->screen)
        return false;
    cbreak();
    noecho();
    nonl();
    typeahead(-1);
    if (dup3(t->mem, out, O_CLOEXEC) < 0)
        return false;
    t->keys = newpad(1, 1);
    if (!t->keys)
        return false;
    keypad(t->keys, TRUE);
    nodelay(t->keys, TRUE);
    define_key("\033[200~", PASTE_BEGIN);
    define_key("\033[201~", PASTE_END);
    if (t->able) {
        define("\033[<", MOUSE);
        define("\033[I", FOCUS_IN);
        define("\033[O", FOCUS_OUT);
        define("\033[?", MODE);
        define("\033[0n", DRAWN);
    }
    leaveok(stdscr, FALSE);
    return true;
}

/* What is set beside ncurses, at the start and after each resume. */
static void enter(struct kt_term *t)
{
    tcsetattr(t->fd, TCSANOW, &t->raw);
    keypad(t->keys, TRUE);
    collect(t);
    kt_buf_adds(&t->queue, "\033[?2004h");
    if (t->able) {
        /* before the first frame: what a terminal shows of a question it does not know is drawn over */
        kt_buf_adds(&t->queue, "\033[?1004h\033[?2026$p");
        t->queried = kt_mono_ms();
    }
    if (t->mouse)
        kt_buf_adds(&t->queue, MOUSE_ON);
    kt_squeeze_forget(&t->squeeze); /* others have used it since */
    t->active = true;
    t->cursor = -1;
    emergency.armed = 1;
}

static enum kt_code open_all(struct kt_term *t, const struct kt_term_opts *o, struct kt_err *e)
{
    const char *term = getenv("TERM");
    enum kt_code rc = check_terminal(term, e);
    if (rc)
        return rc;
    if (!open_terminal(t) || tcgetattr(t->fd, &t->saved) < 0)
        return kt_fail(e, KT_EIO, "the terminal cannot be opened: %s", strerror(errno));
    t->mem = memfd_create("keytop-frame", MFD_CLOEXEC);
    if (t->mem < 0)
        return kt_fail(e, KT_EIO, "no memory for the screen: %s", strerror(errno));
    t->theme = *o->theme;
    t->color = o->color;
    t->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    t->sync = synchronizes(term);
    t->able = is_able(term);
    make_raw(t);
    if (!start_ncurses(t, term)) {
        tcsetattr(t->fd, TCSANOW, &t->saved);
        return kt_fail(e, KT_EUSAGE, "this terminal (TERM=%.60s) cannot show a screen; use -o table", term);
    }
    const char *rmcup = tigetstr("rmcup");
    prepare_emergency(t, rmcup && rmcup != (char *)-1);
    enter(t);
    prepare_colours(t, t->color);
    if (!fit(t))
        return kt_fail(e, KT_ENOMEM, "no memory for the screen");
    return KT_OK;
}

enum kt_code kt_term_open(struct kt_term **out, const struct kt_term_opts *o, struct kt_err *e)
{
    struct kt_term *t = calloc(1, sizeof *t);
    *out = NULL;
    if (!t)
        return kt_fail(e, KT_ENOMEM, "no memory for the screen");
    t->fd = t->mem = -1;
    kt_buf_init(&t->queue, FRAME_MAX);
    kt_buf_init(&t->frame, FRAME_MAX);
    enum kt_code rc = open_all(t, o, e);
    if (rc)
        kt_term_close(t);
    else
        *out = t;
    return rc;
}

/* An answer that is still on its way would be taken for keys by the shell. */
static void hear_out(struct kt_term *t)
{
    int64_t now = kt_mono_ms(), end = now + FAREWELL_MS, left;
    bool due = t->asked || (t->queried && now - t->queried < 5 * FAREWELL_MS), gone = false;
    struct kt_key k;
    while (due && !gone && (t->asked || t->queried) && (left = end - kt_mono_ms()) > 0) {
        struct pollfd p = {.fd = t->fd, .events = POLLIN};
        if (poll(&p, 1, (int)left) <= 0)
            break;
        while (kt_term_key(t, &k, &gone))
            ;
    }
    t->asked = t->queried = 0;
}

void kt_term_suspend(struct kt_term *t)
{
    if (!t->active)
        return;
    t->active = false;
    flush_within(t, FAREWELL_MS); /* half a frame would leave half a sequence */
    endwin();
    collect(t);
    if (t->mouse)
        kt_buf_adds(&t->queue, MOUSE_OFF);
    if (t->able)
        kt_buf_adds(&t->queue, "\033[?1004l");
    kt_buf_adds(&t->queue, "\033[?2004l");
    if (t->titled)
        kt_buf_adds(&t->queue, "\033[23;2t");
    t->titled = false;
    flush_within(t, FAREWELL_MS);
    hear_out(t);
    tcsetattr(t->fd, TCSANOW, &t->saved);
    emergency.armed = 0;
}

void kt_term_resume(struct kt_term *t)
{
    if (t->active)
        return;
    enter(t);
    kt_term_resized(t);
    kt_term_repaint(t);
}

void kt_term_close(struct kt_term *t)
{
    if (!t)
        return;
    if (t->screen)
        kt_term_suspend(t);
    emergency.armed = 0;
    if (t->keys)
        delwin(t->keys);
    if (t->screen)
        delscreen(t->screen);
    if (t->out)
        fclose(t->out);
    if (t->in)
        fclose(t->in);
    if (t->mem >= 0)
        close(t->mem);
    if (t->fd >= 0)
        close(t->fd);
    kt_buf_free(&t->queue);
    kt_buf_free(&t->frame);
    free(t->shown);
    free(t->line);
    free(t);
}

void kt_term_size(const struct kt_term *t, int *rows, int *cols)
{
    *rows = t->rows;
    *cols = t->cols;
}

int kt_term_fd(const struct kt_term *t)
{
    return t->fd;
}

void kt_term_repaint(struct kt_term *t)
{
    t->all = true;
    clearok(curscr, TRUE);
}

void kt_term_resized(struct kt_term *t)
{
    int rows, cols;
    measure(t, &rows, &cols);
    if (rows == t->rows && cols == t->cols)
        return;
    if (!fit(t))
        t->broken = true;
    else
        clearok(curscr, TRUE);
}

/* --- showing ------------------------------------------------------------- */

static bool same_cell(const struct kt_grid_cell *a, const struct kt_grid_cell *b)
{
    return a->cell.width == b->cell.width && a->style.role == b->style.role && a->style.attr == b->style.attr &&
           strcmp(a->cell.utf8, b->cell.utf8) == 0;
}

static void to_curses(const struct kt_term *t, const struct kt_grid_cell *g, struct kt_style style, cchar_t *out)
{
    wchar_t w[CCHARW_MAX + 1] = {0};
    const char *p = g->cell.utf8;
    size_t n = strnlen(p, sizeof g->cell.utf8), k = 0;
    while (n && k < CCHARW_MAX) {
        uint32_t cp;
        size_t used = kt_utf8_decode(p, n, &cp);
        bool shown = used && cp >= 0x20 && cp != 0x7f && (cp < 0x7f || t->utf8);
        w[k++] = shown ? (wchar_t)cp : L'?';
        p += used ? used : 1;
        n -= used ? used : 1;
    }
    if (!k)
        w[0] = L' ';
    int role = style.role < KT_ROLE_COUNT ? style.role : KT_ROLE_TEXT;
    attr_t attr = t->attr[role] | attributes(style.attr);
    if (setcchar(out, w, attr, (short)t->pair[role], &t->pair[role]) == ERR)
        setcchar(out, L"?", attr, (short)t->pair[role], &t->pair[role]);
}

static bool is_blank(const struct kt_grid_cell *g)
{
    return g->cell.width == 1 && (!g->cell.utf8[0] || (g->cell.utf8[0] == ' ' && !g->cell.utf8[1]));
}

/* Would a blank look the same in either style? */
static bool blank_alike(const struct kt_term *t, struct kt_style a, struct kt_style b)
{
    enum { VISIBLE = KT_ATTR_REVERSE | KT_ATTR_UNDERLINE };
    if (a.role >= KT_ROLE_COUNT || b.role >= KT_ROLE_COUNT)
        return false;
    attr_t shown = t->attr[a.role] | t->attr[b.role] | attributes((uint8_t)(a.attr | b.attr));
    return !(shown & attributes(VISIBLE)) && t->theme.role[a.role].bg == t->theme.role[b.role].bg;
}

/* Blanks take the style of the word before them, where that cannot be seen: no
 * colours are changed for them. */
static struct kt_style style_of(const struct kt_term *t, const struct kt_grid_cell *g, struct kt_style before)
{
    return is_blank(g) && blank_alike(t, g->style, before) ? before : g->style;
}

/* The style that a row begins in: blanks before the first word take that
 * word's. */
static struct kt_style first_style(const struct kt_grid_cell *row, int cols)
{
    int i = 0;
    while (i < cols && is_blank(row + i))
        i++;
    return i < cols ? row[i].style : KT_STYLE(TEXT);
}

/* Hands ncurses a row that is not as it was. */
static void put_row(struct kt_term *t, const struct kt_canvas *c, int row, int cols)
{
    const struct kt_grid_cell *now = c->cell + (size_t)row * (size_t)c->cols;
    struct kt_grid_cell *was = t->shown + (size_t)row * (size_t)t->cols;
    int same = 0, n = 0;
    while (!t->all && same < cols && same_cell(now + same, was + same))
        same++;
    if (same == cols)
        return;
    struct kt_style style = first_style(now, cols);
    for (int i = 0; i < cols; i++) {
        if (!now[i].cell.width)
            continue;
        style = style_of(t, now + i, style);
        to_curses(t, now + i, style, &t->line[n++]);
    }
    mvwadd_wchnstr(stdscr, row, 0, t->line, n);
    memcpy(was, now, (size_t)cols * sizeof *was);
}

static void put_cursor(struct kt_term *t, const struct kt_canvas *c)
{
    bool visible = c->cursor_row >= 0 && c->cursor_row < t->rows && c->cursor_col >= 0 && c->cursor_col < t->cols;
    if (t->cursor != visible) {
        curs_set(visible);
        t->cursor = visible;
    }
    wmove(stdscr, visible ? c->cursor_row : 0, visible ? c->cursor_col : 0);
}

bool kt_term_present(struct kt_term *t, const struct kt_canvas *c)
{
    if (!t->active || t->broken)
        return true;
    if (!flush(t))
        return false;
    int rows = c->rows < t->rows ? c->rows : t->rows, cols = c->cols < t->cols ? c->cols : t->cols;
    if (t->all)
        werase(stdscr);
    for (int r = 0; r < rows; r++)
        put_row(t, c, r, cols);
    t->all = false;
    put_cursor(t, c);
    wnoutrefresh(stdscr);
    doupdate();
    collect(t);
    t->since += t->queue.len;
    if (t->answers && !t->asked && t->since >= ASK_FROM) {
        kt_buf_adds(&t->queue, "\033[5n");
        t->asked = kt_mono_ms();
        t->since = 0;
    }
    return flush(t);
}

bool kt_term_flush(struct kt_term *t)
{
    return !t->active || t->broken || flush(t);
}

void kt_term_mouse(struct kt_term *t, bool on)
{
    if (t->mouse == on)
        return;
    t->mouse = on;
    if (!t->active)
        return;
    kt_buf_adds(&t->queue, on ? MOUSE_ON : MOUSE_OFF);
    flush(t);
}

int kt_term_behind(struct kt_term *t)
{
    if (!t->asked)
        return 0;
    int64_t left = t->asked + ANSWER_MS - kt_mono_ms();
    if (left > 0)
        return (int)left;
    t->asked = 0; /* it does not answer any more */
    t->answers = false;
    return 0;
}

void kt_term_copy(struct kt_term *t, const char *ascii)
{
    enum kt_mux mux = kt_mux_of(getenv("TMUX"), getenv("STY"), getenv("TERM"));
    if (t->active && kt_clipboard_osc52(&t->queue, ascii, mux))
        flush(t);
}

void kt_term_theme(struct kt_term *t, const struct kt_theme *theme)
{
    t->theme = *theme;
    prepare_colours(t, t->color);
    kt_term_repaint(t);
}

/* --- alerts ---------------------------------------------------------------- */

static bool knows_osc(void)
{
    const char *term = getenv("TERM");
    return term && strncmp(term, "linux", 5) != 0 && strncmp(term, "vt", 2) != 0 && strncmp(term, "cons25", 6) != 0;
}

void kt_term_bell(struct kt_term *t)
{
    if (!t->active)
        return;
    kt_buf_addc(&t->queue, '\a');
    flush(t);
}

/* Our own words alone come here; were they not, they could end the sequence. */
static bool harmless(const char *s)
{
    for (; *s; s++)
        if (*s < 0x20 || *s > 0x7E || *s == ';')
            return false;
    return true;
}

void kt_term_title(struct kt_term *t, const char *ascii)
{
    if (!t->active || !knows_osc() || !harmless(ascii))
        return;
    if (!t->titled)
        kt_buf_adds(&t->queue, "\033[22;2t");
    t->titled = true;
    kt_buf_addf(&t->queue, "\033]2;%s\033\\", ascii);
    flush(t);
}

/* tmux passes it on wrapped, where it is told to (allow-passthrough); in GNU
 * screen the same with another wrapping. */
void kt_term_notify(struct kt_term *t, const char *ascii, bool osc777)
{
    enum kt_mux mux = kt_mux_of(getenv("TMUX"), getenv("STY"), getenv("TERM"));
    const char *esc = mux == KT_MUX_TMUX ? "\033\033" : "\033";
    if (!t->active || !knows_osc() || !harmless(ascii))
        return;
    if (mux != KT_MUX_NONE)
        kt_buf_adds(&t->queue, mux == KT_MUX_TMUX ? "\033Ptmux;" : "\033P");
    if (osc777)
        kt_buf_addf(&t->queue, "%s]777;notify;keytop;%s\a", esc, ascii);
    else
        kt_buf_addf(&t->queue, "%s]9;keytop: %s\a", esc, ascii);
    if (mux != KT_MUX_NONE)
        kt_buf_adds(&t->queue, "\033\\");
    flush(t);
}

/* --- keys ---------------------------------------------------------------- */

static bool special(int code, struct kt_key *k)
{
    static const struct {
        int curses;
        enum kt_key_code code;
        uint32_t ch;
    } map[] = {
        {KEY_UP, KT_KEY_UP, 0},          {KEY_DOWN, KT_KEY_DOWN, 0},
        {KEY_LEFT, KT_KEY_LEFT, 0},      {KEY_RIGHT, KT_KEY_RIGHT, 0},
        {KEY_HOME, KT_KEY_HOME, 0},      {KEY_FIND, KT_KEY_HOME, 0},
        {KEY_END, KT_KEY_END, 0},        {KEY_SELECT, KT_KEY_END, 0},
        {KEY_LL, KT_KEY_END, 0},         {KEY_PPAGE, KT_KEY_PAGE_UP, 0},
        {KEY_NPAGE, KT_KEY_PAGE_DOWN, 0}, {KEY_BACKSPACE, KT_KEY_BACKSPACE, 0},
        {KEY_DC, KT_KEY_DELETE, 0},      {KEY_IC, KT_KEY_INSERT, 0},
        {KEY_BTAB, KT_KEY_BACKTAB, 0},   {KEY_ENTER, KT_KEY_CHAR, 13},
        {PASTE_BEGIN, KT_KEY_PASTE_BEGIN, 0}, {PASTE_END, KT_KEY_PASTE_END, 0},
        {FOCUS_IN, KT_KEY_FOCUS_IN, 0},  {FOCUS_OUT, KT_KEY_FOCUS_OUT, 0},
    };
    for (size_t i = 0; i < sizeof map / sizeof *map; i++)
        if (map[i].curses == code) {
            *k = (struct kt_key){map[i].code, map[i].ch};
            return true;
        }
    if (code >= KEY_F(1) && code <= KEY_F(12)) {
        *k = (struct kt_key){KT_KEY_FUNCTION, (uint32_t)(code - KEY_F0)};
        return true;
    }
    return false;
}

/* Puts letters together from their bytes. A letter cut short by another byte
 * is dropped. */
static bool letter(struct kt_term *t, int byte, struct kt_key *k)
{
    if (byte < 0x80) {
        t->have = 0;
        *k = byte == 127 || byte == 8 ? (struct kt_key){KT_KEY_BACKSPACE, 0} : KT_CHAR(byte);
        return true;
    }
    if (!t->utf8)
        return false;
    if (byte >= 0xc0) {
        t->have = 0;
        t->want = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    } else if (!t->have) {
        return false;
    }
    t->bytes[t->have++] = (char)byte;
    if (t->have < t->want)
        return false;
    uint32_t cp;
    size_t n = kt_utf8_decode(t->bytes, t->have, &cp);
    bool whole = n == t->have;
    t->have = 0;
    if (whole)
        *k = KT_CHAR(cp);
    return whole;
}

/* A mode that was asked for: 1 set, 2 reset: then it is known. */
static void told(struct kt_term *t, uint32_t mode, uint32_t value)
{
    t->answers = true;
    t->queried = 0;
    if (mode == 2026)
        t->sync = value == 1 || value == 2;
}

/* Is this a part of what the terminal reports? `*have`: and its end, a key. */
static bool reported(struct kt_term *t, int c, struct kt_key *k, bool *have)
{
    *have = false;
    if (c == DRAWN) {
        t->asked = 0;
        return true;
    }
    if (c == MOUSE || c == MODE) {
        kt_report_begin(&t->report, c == MOUSE ? KT_REPORT_MOUSE : KT_REPORT_MODE);
        return true;
    }
    if (t->report.kind == KT_REPORT_NONE)
        return false;
    switch (kt_report_byte(&t->report, c, k)) {
    case KT_REPORT_WRONG: return false;
    case KT_REPORT_KEY: *have = true; return true;
    case KT_REPORT_TOLD: told(t, t->report.n[0], t->report.n[1]); return true;
    default: return true;
    }
}

bool kt_term_key(struct kt_term *t, struct kt_key *k, bool *gone)
{
    *gone = false;
    int c;
    bool have;
    while (!t->broken && (c = wgetch(t->keys)) != ERR) {
        if (reported(t, c, k, &have)) {
            if (have)
                return true;
            continue;
        }
        if (c >= KEY_MIN ? special(c, k) : letter(t, c, k))
            return true;
    }
    struct pollfd p = {.fd = t->fd, .events = POLLIN};
    *gone = t->broken || (poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR | POLLNVAL));
    return false;
}
