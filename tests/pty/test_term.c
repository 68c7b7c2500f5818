/* The ncurses backend alone: a small program that shows canvases runs on a
 * terminal that the test holds. What matters is bytes, colours, keys, never
 * waiting for a terminal that does not read, and putting it back. */
#include "tests/support/pty.h"
#include "tui/term.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- the small program --------------------------------------------------- */

static void put(struct kt_canvas *c, int row, int col, struct kt_style s, const char *text)
{
    for (; *text && row < c->rows && col < c->cols; text++, col++) {
        struct kt_grid_cell *g = &c->cell[row * c->cols + col];
        *g = (struct kt_grid_cell){.cell = {.utf8 = {*text}, .width = 1}, .style = s};
    }
}

static void blank(struct kt_canvas *c)
{
    for (int i = 0; i < c->rows * c->cols; i++)
        c->cell[i] = (struct kt_grid_cell){.cell = {.utf8 = " ", .width = 1}, .style = KT_STYLE(TEXT)};
    c->cursor_row = c->cursor_col = -1;
}

/* A table whose newest row is on top, as keytop's: `n` rows have come so far. */
static void draw_table(struct kt_canvas *c, int n)
{
    char text[400];
    blank(c);
    put(c, 0, 0, KT_STYLE(TITLE), "keytop");
    put(c, 1, 0, KT_STYLE(HEADER), "TIME     RISK ACTOR        TARGET       KEY       FROM");
    for (int row = 2; row < c->rows - 1 && n - (row - 2) > 0; row++) {
        int k = n - (row - 2);
        snprintf(text, sizeof text, " %02d:%02d:%02d %4d user-%05d   target-%05d AKIA%04dX 203.0.113.%-3d boto3 1.28.%d",
                 k / 3600 % 24, k / 60 % 60, k % 60, k % 97, k * 7919 % 100000, k * 104729 % 100000, k % 10000, k % 250,
                 k % 90);
        put(c, row, 0, KT_STYLE(TEXT), text);
        put(c, row, 10, k % 9 ? KT_STYLE(DIM) : KT_STYLE(HIGH), k % 9 ? ".   " : "! 9 ");
    }
    put(c, c->rows - 1, 0, KT_STYLE(DIM), "q quit");
}

static void draw_roles(struct kt_canvas *c)
{
    blank(c);
    for (int r = 0; r < KT_ROLE_COUNT; r++) {
        char text[32];
        snprintf(text, sizeof text, "role-%02d", r);
        put(c, r % 20, r / 20 * 10, (struct kt_style){(uint8_t)r, 0}, text);
    }
}

static void draw_letters(struct kt_canvas *c)
{
    blank(c);
    static const struct kt_cell cells[] = {{.utf8 = "é", .width = 1}, {.utf8 = "漢", .width = 2}, {.width = 0},
                                           {.utf8 = "字", .width = 2}, {.width = 0}, {.utf8 = "x", .width = 1},
                                           {.utf8 = "e\xcc\x81", .width = 1}, {.utf8 = "|", .width = 1}};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        c->cell[i].cell = cells[i];
}

static void draw_key(struct kt_canvas *c, struct kt_key k)
{
    char text[60];
    snprintf(text, sizeof text, "key %d %u", (int)k.code, (unsigned)k.ch);
    blank(c);
    put(c, 3, 2, KT_STYLE(TEXT), text);
}

struct program {
    const char *theme;
    bool mono;
    bool alone;    /* may not open the terminal anew, only use what it was given */
    bool keys;     /* show each key instead of obeying it */
    int first_row; /* rows at the start */
    int frames;    /* draw this many at once, */
    volatile int *drawn; /* then say so (shared memory) */
};

static void obey(struct kt_term *t, struct kt_canvas *c, struct kt_key k, int *n)
{
    switch (k.ch) {
    case 'i': draw_table(c, ++*n); break;
    case 'b': draw_table(c, *n += 100); break;
    case 'r': draw_roles(c); break;
    case 'l': draw_letters(c); break;
    case 'c': c->cursor_row = 3; c->cursor_col = 5; break;
    case 'h': c->cursor_row = -1; break;
    case 12: kt_term_repaint(t); break;
    case 'y': kt_term_copy(t, "aws iam list-access-keys"); break;
    case 'a': abort();
    default: break;
    }
}

static bool size_canvas(struct kt_term *t, struct kt_canvas *c)
{
    free(c->cell);
    kt_term_size(t, &c->rows, &c->cols);
    c->cell = calloc((size_t)c->rows * (size_t)c->cols, sizeof *c->cell);
    return c->cell != NULL;
}

static void on_fatal(int signo)
{
    kt_term_emergency_restore();
    signal(signo, SIG_DFL);
    raise(signo);
}

static volatile sig_atomic_t stop;
static void on_term(int signo)
{
    (void)signo;
    stop = 1;
}

static int small_program(void *ctx)
{
    const struct program *p = ctx;
    struct kt_theme theme;
    struct kt_term *t;
    struct kt_err e;
    setlocale(LC_CTYPE, "");
    if (p->alone) { /* another user, and no controlling terminal */
        signal(SIGHUP, SIG_IGN);
        if (ioctl(0, TIOCNOTTY) < 0 || setgid(65534) < 0 || setuid(65534) < 0 || open("/dev/tty", O_RDWR) >= 0)
            return 9;
    }
    sigaction(SIGABRT, &(struct sigaction){.sa_handler = on_fatal}, NULL);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_term}, NULL);
    if (kt_theme_load(&theme, p->theme ? p->theme : KT_THEME_DEFAULT, &e) ||
        kt_term_open(&t, &(struct kt_term_opts){.theme = &theme, .color = !p->mono}, &e)) {
        printf("refused: %s\n", e.text);
        return 2;
    }
    struct kt_canvas c = {0};
    int n = p->first_row;
    bool gone = false;
    size_canvas(t, &c);
    draw_table(&c, n);
    bool taken = kt_term_present(t, &c);
    for (int i = 0; i < p->frames; i++) {
        kt_term_repaint(t);
        draw_table(&c, n += 50);
        taken = kt_term_present(t, &c);
    }
    if (p->drawn)
        *p->drawn = 1;
    while (!stop && !gone) {
        struct pollfd f = {.fd = kt_term_fd(t), .events = (short)(POLLIN | (taken ? 0 : POLLOUT))};
        poll(&f, 1, -1);
        struct kt_key k;
        int rows, cols;
        while (kt_term_key(t, &k, &gone)) {
            if (k.code == KT_KEY_CHAR && k.ch == 'q')
                stop = 1;
            if (p->keys)
                draw_key(&c, k);
            else
                obey(t, &c, k, &n);
        }
        kt_term_resized(t);
        kt_term_size(t, &rows, &cols);
        if (rows != c.rows || cols != c.cols) {
            size_canvas(t, &c);
            draw_table(&c, n);
        }
        taken = kt_term_present(t, &c);
    }
    kt_term_close(t);
    free(c.cell);
    return gone ? 3 : 0;
}

static struct pty *start(struct program *p, int rows, int cols, const char *const *env)
{
    return pty_start(&(struct pty_opts){.run = small_program, .ctx = p, .rows = rows, .cols = cols, .env = env});
}

static size_t bytes_of(struct pty *p, const char *keys)
{
    pty_settle(p, 60);
    size_t before = pty_log_size(p);
    pty_send(p, keys);
    pty_settle(p, 60);
    return pty_log_size(p) - before;
}

static int quit(struct pty *p)
{
    pty_send(p, "q");
    return pty_wait_exit(p);
}

/* --- tests --------------------------------------------------------------- */

static void a_screen_comes_up_and_goes_without_a_trace(void **state)
{
    (void)state;
    struct pty *p = start(&(struct program){.first_row = 5}, 24, 80, NULL);
    pty_wait_text(p, "user-39595");
    assert_true(pty_alternate(p));
    assert_false(pty_cursor_visible(p));
    assert_true(pty_log_has(p, 0, "\033[?2004h"));
    struct termios m = pty_modes(p);
    assert_int_equal(m.c_lflag & (ICANON | ECHO | IEXTEN), 0);
    assert_int_equal(m.c_iflag & (IXON | ICRNL), 0);
    assert_true(m.c_lflag & ISIG);
    assert_int_equal(quit(p), 0);
    assert_true(pty_modes_restored(p));
    assert_false(pty_alternate(p));
    assert_true(pty_cursor_visible(p));
    assert_true(pty_log_has(p, 0, "\033[?2004l"));
    pty_stop(p);
}

static void a_new_row_on_top_costs_few_bytes(void **state)
{
    (void)state;
    struct pty *p = start(&(struct program){.first_row = 500}, 50, 200, NULL);
    pty_wait_text(p, "q quit");
    size_t all = pty_log_size(p), one = bytes_of(p, "i"), same = bytes_of(p, "x"), again = bytes_of(p, "\x0c");
    printf("bytes at 200x50: first frame %zu, one row inserted %zu, the same %zu, Ctrl-L %zu\n", all, one, same, again);
    assert_in_range(one, 1, 400);
    assert_int_equal(same, 0);
    assert_true(again > 2000);
    assert_string_equal(pty_row(p, 0), "keytop");
    assert_int_equal(quit(p), 0);
    pty_stop(p);
    const char *screen[] = {"TERM=screen-256color", NULL};
    p = start(&(struct program){.first_row = 500}, 50, 200, screen);
    pty_wait_text(p, "q quit");
    one = bytes_of(p, "i");
    printf("the same on screen-256color: one row %zu\n", one);
    assert_in_range(one, 1, 400);
    pty_stop(p);
}

static void colours_follow_the_theme_on_256(void **state)
{
    (void)state;
    struct kt_theme theme;
    struct kt_err e;
    assert_int_equal(kt_theme_load(&theme, "keytop-dark", &e), KT_OK);
    struct pty *p = start(&(struct program){0}, 24, 80, NULL);
    pty_wait_text(p, "q quit");
    pty_send(p, "r");
    pty_wait_text(p, "role-19");
    for (int r = 0; r < KT_ROLE_COUNT; r++) {
        if (r == KT_ROLE_PLAIN)
            continue; /* the terminal's own */
        struct pty_cell c = pty_cell(p, r % 20, r / 20 * 10);
        assert_int_equal(c.fg, kt_nearest_256(theme.role[r].fg));
        assert_int_equal(c.bg, kt_nearest_256(theme.role[r].bg));
        assert_int_equal(c.bold, (theme.role[r].attr & KT_ATTR_BOLD) != 0);
    }
    /* where nothing is drawn is the theme's background too */
    assert_int_equal(pty_cell(p, 23, 70).bg, kt_nearest_256(theme.role[KT_ROLE_TEXT].bg));
    /* a person's palette is never changed */
    assert_false(pty_log_has(p, 0, "\033]4;"));
    assert_int_equal(quit(p), 0);
    pty_stop(p);
}

static void without_colour_there_is_no_colour_byte(void **state)
{
    (void)state;
    struct pty *p = start(&(struct program){.mono = true}, 24, 80, NULL);
    pty_wait_text(p, "q quit");
    pty_send(p, "r");
    pty_wait_text(p, "role-19");
    struct pty_cell c = pty_cell(p, KT_ROLE_SELECTED, 0);
    assert_true(c.reverse && c.fg_default && c.bg_default);
    assert_true(pty_cell(p, KT_ROLE_HIGH, 0).bold);
    static const char *const colours[] = {"38;", "48;", "\033[30m", "\033[31m", "\033[33m", "\033[36m", "\033[40m"};
    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++)
        assert_false(pty_log_has(p, 0, colours[i]));
    assert_int_equal(quit(p), 0);
    pty_stop(p);
}

static void few_colours_leave_the_background_alone(void **state)
{
    (void)state;
    static const char *const terms[] = {"TERM=xterm", "TERM=linux", "TERM=screen", "TERM=xterm-16color"};
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
        const char *env[] = {terms[i], NULL};
        struct pty *p = start(&(struct program){0}, 24, 80, env);
        pty_wait_text(p, "q quit");
        pty_send(p, "r");
        pty_wait_text(p, "role-19");
        struct pty_cell text = pty_cell(p, KT_ROLE_TEXT, 0), bad = pty_cell(p, KT_ROLE_CRITICAL, 0);
        assert_true(text.fg_default && text.bg_default);
        assert_true(bad.bg_default);
        assert_int_equal(bad.fg & 7, 1);
        assert_true(pty_cell(p, KT_ROLE_SELECTED, 0).reverse);
        assert_int_equal(quit(p), 0);
        pty_stop(p);
    }
}

static void true_colour_is_used_where_the_terminal_has_it(void **state)
{
    (void)state;
    const char *env[] = {"TERM=xterm-direct", NULL};
    struct kt_theme theme;
    struct kt_err e;
    assert_int_equal(kt_theme_load(&theme, "keytop-dark", &e), KT_OK);
    struct pty *p = start(&(struct program){0}, 24, 80, env);
    pty_wait_bytes(p, 0, "e");
    pty_settle(p, 60);
    if (pty_log_has(p, 0, "refused")) {
        printf("SKIP: no terminfo entry xterm-direct\n");
        pty_stop(p);
        skip();
    }
    pty_wait_text(p, "q quit");
    char want[40];
    int32_t bg = theme.role[KT_ROLE_TEXT].bg;
    snprintf(want, sizeof want, "48:2::%d:%d:%d", (bg >> 16) & 255, (bg >> 8) & 255, bg & 255);
    assert_true(pty_log_has(p, 0, want));
    pty_stop(p);
}

/* A terminal whose entry speaks of 256 colours, and which says that it takes any. */
static void any_colour_is_used_where_colorterm_says_so(void **state)
{
    (void)state;
    static const char *const truecolor[] = {"COLORTERM=truecolor", NULL}, *const bits[] = {"COLORTERM=24bit", "TERM=tmux-256color", NULL},
                            *const screen[] = {"COLORTERM=truecolor", "STY=1.pts", "TERM=screen-256color", NULL},
                            *const usual[] = {"COLORTERM=yes", NULL};
    static const struct {
        const char *const *env;
        bool mono, any, numbers;
    } ways[] = {{truecolor, false, true, false}, {bits, false, true, false}, {screen, false, false, true},
                {usual, false, false, true}, {truecolor, true, false, false}};
    struct kt_theme theme;
    struct kt_err e;
    char want[40];
    assert_int_equal(kt_theme_load(&theme, "keytop-dark", &e), KT_OK);
    int32_t bg = theme.role[KT_ROLE_TEXT].bg;
    snprintf(want, sizeof want, "48;2;%d;%d;%dm", (bg >> 16) & 255, (bg >> 8) & 255, bg & 255);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct pty *p = start(&(struct program){.mono = ways[i].mono}, 24, 80, ways[i].env);
        pty_wait_text(p, "q quit");
        assert_int_equal(pty_log_has(p, 0, want), ways[i].any);
        assert_int_equal(pty_log_has(p, 0, "48;2;"), ways[i].any);
        assert_int_equal(pty_log_has(p, 0, "48;5;"), ways[i].numbers);
        pty_stop(p);
    }
}

static void a_large_frame_is_held_back_until_it_is_whole_where_that_is_known(void **state)
{
    (void)state;
    const char *env[] = {"TERM=alacritty", NULL};
    struct pty *p = start(&(struct program){.first_row = 40}, 24, 80, env);
    pty_wait_bytes(p, 0, "e");
    pty_settle(p, 60);
    if (pty_log_has(p, 0, "refused")) {
        printf("SKIP: no terminfo entry alacritty\n");
        pty_stop(p);
        skip();
    }
    pty_wait_text(p, "q quit");
    size_t began = pty_wait_bytes(p, 0, "\033[?2026h");
    pty_wait_bytes(p, began, "\033[?2026l");
    size_t now = pty_log_size(p);
    pty_send(p, "c"); /* a small one goes as it is */
    pty_settle(p, 60);
    assert_false(pty_log_has(p, now, "\033[?2026h"));
    pty_send(p, "a");
    pty_wait_exit(p);
    assert_true(pty_log_has(p, now, "\033[?2026l"));
    pty_stop(p);
}

static void wide_and_combined_letters_keep_their_columns(void **state)
{
    (void)state;
    struct pty *p = start(&(struct program){0}, 24, 80, NULL);
    pty_wait_text(p, "q quit");
    pty_send(p, "l");
    pty_wait_text(p, "é漢字xe\xcc\x81|");
    assert_int_equal(pty_cell(p, 0, 7).ch, '|');
    pty_send(p, "i");
    pty_wait_text(p, "keytop");
    pty_send(p, "l");
    pty_wait_text(p, "é漢字xe\xcc\x81|");
    assert_int_equal(quit(p), 0);
    pty_stop(p);
}

static void in_the_c_locale_no_byte_above_ascii_is_sent(void **state)
{
    (void)state;
    const char *env[] = {"LC_ALL=C", NULL};
    struct pty *p = start(&(struct program){0}, 24, 80, env);
    pty_wait_text(p, "q quit");
    pty_send(p, "l");
    pty_wait_text(p, "???");
    for (size_t i = 0; i < pty_log_size(p); i++)
        assert_true((unsigned char)pty_log(p)[i] < 0x80);
    assert_int_equal(quit(p), 0);
    pty_stop(p);
}

static void keys_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        int code;
        unsigned ch;
    } keys[] = {
        {"a", KT_KEY_CHAR, 'a'},         {"\r", KT_KEY_CHAR, 13},        {"\033OA", KT_KEY_UP, 0},
        {"\033OB", KT_KEY_DOWN, 0},      {"\033[5~", KT_KEY_PAGE_UP, 0}, {"\033[6~", KT_KEY_PAGE_DOWN, 0},
        {"\033OH", KT_KEY_HOME, 0},      {"\033OF", KT_KEY_END, 0},      {"\177", KT_KEY_BACKSPACE, 0},
        {"\010", KT_KEY_BACKSPACE, 0},   {"\033[Z", KT_KEY_BACKTAB, 0},  {"\033OP", KT_KEY_FUNCTION, 1},
        {"\033[24~", KT_KEY_FUNCTION, 12}, {"\033", KT_KEY_CHAR, 27},    {"\t", KT_KEY_CHAR, 9},
        {"\303\251", KT_KEY_CHAR, 0xe9}, {"\360\237\224\221", KT_KEY_CHAR, 0x1f511}, {"\033[3~", KT_KEY_DELETE, 0},
        {"\033[200~", KT_KEY_PASTE_BEGIN, 0}, {"\033[201~", KT_KEY_PASTE_END, 0}, {"\x13", KT_KEY_CHAR, 0x13},
        {"\xff\xfe", -1, 0},             {"b", KT_KEY_CHAR, 'b'},        {"\xe2\x82" "c", KT_KEY_CHAR, 'c'},
        {"\x16", KT_KEY_CHAR, 0x16},
    };
    struct pty *p = start(&(struct program){.keys = true}, 24, 80, NULL);
    pty_wait_text(p, "q quit");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char want[40];
        snprintf(want, sizeof want, "key %d %u", keys[i].code, keys[i].ch);
        pty_send(p, keys[i].bytes);
        if (keys[i].code >= 0)
            pty_wait_text(p, want);
    }
    assert_int_equal(quit(p), 0);
    pty_stop(p);
}

static void the_cursor_shows_only_where_it_is_wanted(void **state)
{
    (void)state;
    struct pty *p = start(&(struct program){0}, 24, 80, NULL);
    pty_wait_text(p, "q quit");
    pty_settle(p, 50);
    assert_false(pty_cursor_visible(p));
    pty_send(p, "c");
    pty_settle(p, 50);
    assert_true(pty_cursor_visible(p));
    pty_send(p, "h");
    pty_settle(p, 50);
    assert_false(pty_cursor_visible(p));
    assert_int_equal(quit(p), 0);
    pty_stop(p);
}

static void copying_sends_base64_in_osc_52(void **state)
{
    (void)state;
    struct pty *p = start(&(struct program){0}, 24, 80, NULL);
    pty_wait_text(p, "q quit");
    pty_send(p, "y");
    pty_wait_bytes(p, 0, "\033]52;c;YXdzIGlhbSBsaXN0LWFjY2Vzcy1rZXlz\033\\");
    assert_int_equal(quit(p), 0);
    pty_stop(p);
}

static void any_size_is_survived(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {2, 5}, {5, 20}, {1, 200}, {60, 1}, {50, 300}, {24, 80}};
    struct pty *p = start(&(struct program){.first_row = 9}, 24, 80, NULL);
    pty_wait_text(p, "q quit");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        pty_resize(p, sizes[i][0], sizes[i][1]);
        pty_send(p, "i");
        pty_settle(p, 30);
    }
    pty_wait_text(p, "q quit");
    pty_wait_text(p, "keytop");
    assert_int_equal(quit(p), 0);
    assert_true(pty_modes_restored(p));
    pty_stop(p);
    p = start(&(struct program){.first_row = 9}, 1, 1, NULL);
    pty_wait_text(p, "q");
    assert_int_equal(quit(p), 0);
    pty_stop(p);
}

static struct pty *draw_unread(volatile int *drawn)
{
    *drawn = 0;
    struct pty *p = start(&(struct program){.first_row = 100, .frames = 200, .drawn = drawn}, 50, 200, NULL);
    for (int i = 0; i < PTY_LIMIT_MS / 5 && !*drawn; i++)
        poll(NULL, 0, 5);
    assert_int_equal(*drawn, 1);
    return p;
}

/* Two hundred whole frames are far more than any pty takes unread. */
static void a_terminal_that_does_not_read_is_never_waited_for(void **state)
{
    (void)state;
    volatile int *drawn = mmap(NULL, sizeof *drawn, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(drawn != MAP_FAILED);
    struct pty *p = draw_unread(drawn);
    /* it ends when told to, still unread: half a second at the most */
    int status = -1;
    pty_signal(p, SIGTERM);
    assert_true(pty_exits_unread(p, 1500, &status));
    assert_int_equal(status, 0);
    assert_true(pty_modes_restored(p));
    pty_stop(p);
    /* and once it reads, what it sees in the end is the newest frame, by way of a few */
    p = draw_unread(drawn);
    char want[60];
    snprintf(want, sizeof want, "user-%05d", (100 + 200 * 50) * 7919 % 100000);
    pty_wait_text(p, want);
    pty_wait_text(p, "q quit");
    assert_true(pty_log_size(p) < 100000);
    assert_int_equal(quit(p), 0);
    pty_stop(p);
    munmap((void *)drawn, sizeof *drawn);
}

static void a_terminal_that_may_not_be_opened_anew_is_used_as_it_was_given(void **state)
{
    (void)state;
    if (getuid() != 0) {
        printf("SKIP: only root can become another user\n");
        skip();
    }
    struct pty *p = start(&(struct program){.alone = true, .first_row = 5}, 24, 80, NULL);
    pty_wait_text(p, "user-39595");
    pty_send(p, "i");
    pty_wait_text(p, "user-47514");
    pty_settle(p, 30);
    assert_int_equal(quit(p), 0); /* and the open file that others share still waits, as it did */
    assert_true(pty_modes_restored(p));
    assert_int_equal(pty_slave_flags(p) & O_NONBLOCK, 0);
    pty_stop(p);
    /* nor is it waited for */
    volatile int *drawn = mmap(NULL, sizeof *drawn, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(drawn != MAP_FAILED);
    int status = -1;
    p = start(&(struct program){.alone = true, .frames = 100, .drawn = drawn}, 50, 200, NULL);
    for (int i = 0; i < PTY_LIMIT_MS / 5 && !*drawn; i++)
        poll(NULL, 0, 5);
    assert_int_equal(*drawn, 1);
    pty_signal(p, SIGTERM);
    assert_true(pty_exits_unread(p, 1500, &status));
    pty_stop(p);
    munmap((void *)drawn, sizeof *drawn);
}

static void an_abort_puts_the_terminal_back_and_keeps_its_signal(void **state)
{
    (void)state;
    static const char *const terms[] = {"TERM=xterm-256color", "TERM=linux", "TERM=vt100", "TERM=tmux-256color"};
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
        const char *env[] = {terms[i], NULL};
        struct pty *p = start(&(struct program){0}, 24, 80, env);
        pty_wait_text(p, "q quit");
        pty_send(p, "a");
        int status = pty_wait_exit(p);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        assert_true(pty_modes_restored(p));
        assert_false(pty_alternate(p));
        assert_true(pty_cursor_visible(p));
        pty_stop(p);
    }
}

static void a_terminal_that_cannot_is_refused_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *env, *words;
    } bad[] = {{"TERM=dumb", "(TERM=dumb) cannot show a screen; use -o table"},
               {"TERM=nothing-like-it", "(TERM=nothing-like-it) is not known"},
               {"TERM=", "TERM is not set"},
               {"TERM", "TERM is not set"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *env[] = {bad[i].env, NULL};
        struct pty *p = pty_start(&(struct pty_opts){.run = small_program, .ctx = &(struct program){0}, .env = env, .cols = 200});
        int status = pty_wait_exit(p);
        pty_wait_text(p, bad[i].words);
        assert_int_equal(WEXITSTATUS(status), 2);
        assert_true(pty_modes_restored(p));
        pty_stop(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_screen_comes_up_and_goes_without_a_trace),
        cmocka_unit_test(a_new_row_on_top_costs_few_bytes),
        cmocka_unit_test(colours_follow_the_theme_on_256),
        cmocka_unit_test(without_colour_there_is_no_colour_byte),
        cmocka_unit_test(few_colours_leave_the_background_alone),
        cmocka_unit_test(true_colour_is_used_where_the_terminal_has_it),
        cmocka_unit_test(any_colour_is_used_where_colorterm_says_so),
        cmocka_unit_test(a_large_frame_is_held_back_until_it_is_whole_where_that_is_known),
        cmocka_unit_test(wide_and_combined_letters_keep_their_columns),
        cmocka_unit_test(in_the_c_locale_no_byte_above_ascii_is_sent),
        cmocka_unit_test(keys_are_told_apart),
        cmocka_unit_test(the_cursor_shows_only_where_it_is_wanted),
        cmocka_unit_test(copying_sends_base64_in_osc_52),
        cmocka_unit_test(any_size_is_survived),
        cmocka_unit_test(a_terminal_that_does_not_read_is_never_waited_for),
        cmocka_unit_test(a_terminal_that_may_not_be_opened_anew_is_used_as_it_was_given),
        cmocka_unit_test(an_abort_puts_the_terminal_back_and_keeps_its_signal),
        cmocka_unit_test(a_terminal_that_cannot_is_refused_in_words),
    };
    return cmocka_run_group_tests_name("term", tests, NULL, NULL);
}
