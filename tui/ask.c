#include "tui/ask.h"

#include "text/text.h"
#include "tui/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

enum { ANSWER = 64 };

static bool tell(int fd, const char *text)
{
    size_t n = strlen(text);
    return write(fd, text, n) == (ssize_t)n;
}

/* --- one line, with a way out --------------------------------------------------- */

enum line { LINE_READ, LINE_NONE, LINE_SIGNAL };

/* What would end or stop the program while the terminal does not echo. */
static void what_ends(sigset_t *set)
{
    static const int wanted[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
    sigemptyset(set);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        sigaddset(set, wanted[i]);
}

/* Without its end. `signals`: a signalfd; what it has heard is left there, for
 * whoever it is meant for once the terminal is as it was. */
static enum line read_line(int fd, int signals, char *to, size_t size)
{
    size_t n = 0;
    for (;;) {
        struct pollfd p[] = {{.fd = fd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
        char c;
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return LINE_NONE;
        if (p[1].revents)
            return LINE_SIGNAL;
        if (!p[0].revents)
            continue;
        ssize_t got = read(fd, &c, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return LINE_NONE;
        if (c == '\n' || c == '\r')
            break;
        if (n < size - 1)
            to[n++] = c;
    }
    to[n] = '\0';
    return n > 0 ? LINE_READ : LINE_NONE;
}

/* --- the code --------------------------------------------------------------------- */

static bool is_code(const char *s, size_t size)
{
    size_t n = strlen(s);
    return n >= 6 && n < size && strspn(s, "0123456789") == n;
}

static void put_question(int fd, const char *serial)
{
    char question[400];
    struct kt_buf safe;
    kt_buf_init(&safe, 1024);
    (void)kt_text_plain(&safe, kt_span_of(serial), KT_TEXT_IDENTITY, true);
    snprintf(question, sizeof question, "keytop: code of MFA device %.300s: ", kt_buf_str(&safe));
    kt_buf_free(&safe);
    (void)tell(fd, question); /* a terminal that takes nothing gives no answer either */
}

static enum line ask_unseen(int fd, int signals, const char *serial, char *answer, size_t size)
{
    struct termios was, quiet;
    bool silent = tcgetattr(fd, &was) == 0;
    if (silent) {
        quiet = was;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        silent = tcsetattr(fd, TCSAFLUSH, &quiet) == 0;
    }
    put_question(fd, serial);
    enum line got = read_line(fd, signals, answer, size);
    if (silent)
        (void)tcsetattr(fd, TCSAFLUSH, &was);
    return got;
}

/* LINE_SIGNAL: it was delivered, and did not end the program. */
static enum line ask_once(int fd, const char *serial, char *answer, size_t size)
{
    sigset_t set, before;
    what_ends(&set);
    if (pthread_sigmask(SIG_BLOCK, &set, &before) != 0)
        return LINE_NONE;
    int signals = signalfd(-1, &set, SFD_CLOEXEC);
    enum line got = signals < 0 ? LINE_NONE : ask_unseen(fd, signals, serial, answer, size);
    if (signals >= 0)
        close(signals);
    if (got == LINE_SIGNAL)
        (void)tell(fd, "\n");
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return got;
}

enum kt_asked kt_ask_mfa(void *ctx, const char *serial, char *code, size_t size)
{
    char answer[ANSWER] = "";
    enum line got;
    (void)ctx;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return KT_ASKED_NOBODY;
    do /* after a stop and a continuation it is asked again */
        got = ask_once(fd, serial, answer, sizeof answer);
    while (got == LINE_SIGNAL && !kt_signals_stopped_by());
    bool ok = got == LINE_READ && is_code(answer, size);
    if (ok)
        memcpy(code, answer, strlen(answer) + 1);
    explicit_bzero(answer, sizeof answer);
    if (got != LINE_SIGNAL)
        (void)tell(fd, ok ? "\n" : "\nkeytop: a code is six digits or more\n");
    close(fd);
    return ok ? KT_ASKED_OK : KT_ASKED_NOBODY;
}
