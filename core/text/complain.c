#include "text/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SENTENCE_MAX = 4096, LINE_MAX_BYTES = 16 + SENTENCE_MAX * 6 };

static void write_all(const char *p, size_t n)
{
    while (n) {
        ssize_t w = write(STDERR_FILENO, p, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return; /* nobody is left to be told */
        p += w;
        n -= (size_t)w;
    }
}

void kt_text_complain(const char *fmt, ...)
{
    int saved = errno;
    char sentence[SENTENCE_MAX];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    struct kt_buf line;
    kt_buf_init(&line, LINE_MAX_BYTES);
    kt_buf_adds(&line, "keytop: ");
    if (n >= 0) {
        size_t len = (size_t)n < sizeof sentence ? (size_t)n : sizeof sentence - 1;
        kt_text_plain(&line, (struct kt_span){sentence, len}, KT_TEXT_FREE, true);
        if (len < (size_t)n)
            kt_buf_adds(&line, "...");
    } else {
        kt_buf_adds(&line, "an error message could not be formatted");
    }
    kt_buf_addc(&line, '\n');
    if (line.failed) {
        static const char none[] = "keytop: out of memory while writing an error message\n";
        write_all(none, sizeof none - 1);
    } else {
        write_all(line.p, line.len);
    }
    kt_buf_free(&line);
    errno = saved;
}
