#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* The size stands before what is given out. */
enum { HEAD = 32 };

void *kt_secret_alloc(size_t n)
{
    long page = sysconf(_SC_PAGESIZE);
    if (page <= 0 || n > SIZE_MAX / 2)
        return NULL;
    size_t size = (n + HEAD + (size_t)page - 1) / (size_t)page * (size_t)page;
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    /* Each is a help that an old kernel or a small limit may refuse. */
    (void)madvise(p, size, MADV_DONTDUMP);
    (void)madvise(p, size, MADV_WIPEONFORK);
    (void)mlock(p, size);
    memcpy(p, &size, sizeof size);
    return p + HEAD;
}

void kt_secret_free(void *p)
{
    if (!p)
        return;
    char *start = (char *)p - HEAD;
    size_t size;
    memcpy(&size, start, sizeof size);
    explicit_bzero(start, size);
    (void)munmap(start, size);
}

void kt_secret_wipe(struct kt_buf *b)
{
    if (b->p)
        explicit_bzero(b->p, b->cap);
    kt_buf_free(b);
}

void kt_secret_no_cores(void)
{
    /* both are helps; where they are refused, the rest still holds */
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

bool kt_secret_read(const char *path, char *out, size_t size, char *why, size_t why_size)
{
    size_t n = 0;
    ssize_t got = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    while (fd >= 0 && n < size - 1 && (got = read(fd, out + n, size - 1 - n)) > 0)
        n += (size_t)got;
    if (fd < 0 || got < 0) {
        snprintf(why, why_size, "%.160s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    close(fd);
    out[n] = '\0';
    while (n && strchr(" \t\r\n", out[n - 1]))
        out[--n] = '\0';
    return true;
}

/* A line break would be a header of its own. */
bool kt_secret_is_word(const char *s)
{
    size_t n = 0;
    while (s[n] > ' ' && s[n] < 0x7f)
        n++;
    return n && !s[n];
}
