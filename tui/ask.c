#include "tui/ask.h"

#include "text/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { ANSWER = 64 };

static bool tell(int fd, const char *text)
{
    size_t n = strlen(text);
    return write(fd, text, n) == (ssize_t)n;
}

/* A line without its end; false where there is none. */
static bool read_line(int fd, char *to, size_t size)
{
    size_t n = 0;
    for (;;) {
        char c;
        ssize_t got = read(fd, &c, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        if (c == '\n' || c == '\r')
            break;
        if (n < size - 1)
            to[n++] = c;
    }
    to[n] = '\0';
    return n > 0;
}

static bool is_code(const char *s, size_t size)
{
    size_t n = strlen(s);
    return n >= 6 && n < size && strspn(s, "0123456789") == n;
}

enum kt_asked kt_ask_mfa(void *ctx, const char *serial, char *code, size_t size)
{
    struct termios was, quiet;
    char answer[ANSWER] = "", question[400];
    struct kt_buf safe;
    (void)ctx;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return KT_ASKED_NOBODY;
    bool silent = tcgetattr(fd, &was) == 0;
    if (silent) {
        quiet = was;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        silent = tcsetattr(fd, TCSAFLUSH, &quiet) == 0;
    }
    kt_buf_init(&safe, 1024);
    (void)kt_text_plain(&safe, kt_span_of(serial), KT_TEXT_IDENTITY, true);
    snprintf(question, sizeof question, "keytop: code of MFA device %.300s: ", kt_buf_str(&safe));
    kt_buf_free(&safe);
    bool ok = tell(fd, question) && read_line(fd, answer, sizeof answer) && is_code(answer, size);
    if (ok)
        memcpy(code, answer, strlen(answer) + 1);
    explicit_bzero(answer, sizeof answer);
    (void)tell(fd, ok ? "\n" : "\nkeytop: a code is six digits or more\n");
    if (silent)
        (void)tcsetattr(fd, TCSAFLUSH, &was);
    close(fd);
    return ok ? KT_ASKED_OK : KT_ASKED_NOBODY;
}
