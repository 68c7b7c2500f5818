/* A program on a terminal that a test holds: a pty whose other end is a
 * libvterm screen. Nothing sleeps: each wait has a condition and a limit, and
 * a limit that is reached fails the test with the screen as it stands.
 *
 * libvterm 0.1.4 knows no dim attribute, no DEC 2026 and only the first mode
 * of `CSI ? a ; b h`: what it does not show is looked for in the byte log. */
#ifndef KT_TESTS_PTY_H
#define KT_TESTS_PTY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

enum { PTY_LIMIT_MS = 10000 };

struct pty_opts {
    const char *const *argv; /* run this, or */
    int (*run)(void *ctx);   /* this, in the child; its result is the exit status */
    void *ctx;
    const char *const *env;  /* NAME=VALUE beside TERM=xterm-256color LC_ALL=C.UTF-8 TZ=UTC; "NAME" alone removes */
    int rows, cols;          /* 0: 24 x 80 */
    bool ignore_hup;
    int stdin_fd;            /* standard input instead of the terminal; 0: the terminal */
    /* Sees all bytes as they come. Where there is one, neither log nor screen
     * is kept: for more bytes than a log holds. */
    void (*tap)(void *ctx, const char *p, size_t n);
    void *tap_ctx;
};
struct pty;

struct pty *pty_start(const struct pty_opts *o);
/* keytop with these words, and what it remembers below `state`. */
struct pty *pty_keytop(const char *state, const char *const *words, int rows, int cols);
/* Kills what still runs and frees. */
void pty_stop(struct pty *p);
pid_t pty_pid(const struct pty *p);
/* The end that the test holds, for polling it or for not reading it. */
int pty_master(const struct pty *p);

void pty_send(struct pty *p, const char *bytes);
void pty_resize(struct pty *p, int rows, int cols);
void pty_signal(struct pty *p, int signo);
/* The line drops: both ends that the test holds are closed. */
void pty_hang_up(struct pty *p);

/* Reads until the screen shows `text` (in one row), or shows it no more. */
void pty_wait_text(struct pty *p, const char *text);
void pty_wait_no_text(struct pty *p, const char *text);
/* Reads until the byte log holds `bytes` beyond `from`; returns where. */
size_t pty_wait_bytes(struct pty *p, size_t from, const char *bytes);
/* Reads what is there, or comes within `ms`. False: nothing. */
bool pty_read(struct pty *p, int ms);
/* Reads until nothing has come for `ms`. */
void pty_settle(struct pty *p, int ms);
/* Reads for `ms` and returns how many bytes came. */
size_t pty_listen(struct pty *p, int ms);
/* Waits for the end, reading on; returns waitpid's status. */
int pty_wait_exit(struct pty *p);
/* As above within `ms`, without failing: false where it still runs. */
bool pty_exits_within(struct pty *p, int ms, int *status);
/* The same without reading a byte. */
bool pty_exits_unread(struct pty *p, int ms, int *status);

/* Presses q, and fails where the program does not end well. Frees. */
void pty_quit(struct pty *p);

/* What is on screen. The text lives until the next call. */
const char *pty_row(struct pty *p, int row);
bool pty_shows(struct pty *p, const char *text, int *row, int *col);
void pty_dump(struct pty *p); /* to standard output, for a failing test */
struct pty_cell {
    uint32_t ch;
    int width;
    bool bold, underline, reverse;
    bool fg_default, bg_default;
    int fg, bg; /* palette index, or 0xRRGGBB | 1 << 24 */
};
struct pty_cell pty_cell(struct pty *p, int row, int col);
bool pty_alternate(const struct pty *p);      /* the alternate screen is up */
bool pty_cursor_visible(const struct pty *p);

/* Every byte it has written. */
size_t pty_log_size(const struct pty *p);
const char *pty_log(const struct pty *p);
bool pty_log_has(const struct pty *p, size_t from, const char *bytes);
/* The terminal's modes now, and as they were before the start. */
struct termios pty_modes(const struct pty *p);
bool pty_modes_restored(const struct pty *p);
int pty_slave_flags(const struct pty *p); /* of the open file that it was given */
#endif
