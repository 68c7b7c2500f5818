#include "tests/support/temp_dir.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        abort();
    }
}

void temp_dir_make(struct temp_dir *d)
{
    const char *tmp = getenv("TMPDIR");
    int n = snprintf(d->path, sizeof d->path, "%s/keytop-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    must(n > 0 && (size_t)n < sizeof d->path, "TMPDIR");
    must(mkdtemp(d->path) != NULL, d->path);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)st, (void)f;
    if (type == FTW_DNR || type == FTW_DP || type == FTW_D)
        return rmdir(path);
    return unlink(path);
}

void temp_dir_remove(struct temp_dir *d)
{
    must(nftw(d->path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, d->path);
}

const char *temp_path(const struct temp_dir *d, const char *name)
{
    static char bufs[8][4200];
    static unsigned turn;
    if (*name == '/')
        return name;
    char *b = bufs[turn++ % 8];
    must(snprintf(b, sizeof bufs[0], *name ? "%s/%s" : "%s", d->path, name) > 0, name);
    return b;
}

void temp_mkdir(const struct temp_dir *d, const char *name)
{
    must(mkdir(temp_path(d, name), 0700) == 0, name);
}

static void put(const char *path, int flags, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
    must(fd >= 0, path);
    for (size_t n = strlen(text); n;) {
        ssize_t w = write(fd, text, n);
        must(w > 0, path);
        text += w;
        n -= (size_t)w;
    }
    must(close(fd) == 0, path);
}

void temp_write(const struct temp_dir *d, const char *name, const char *text)
{
    put(temp_path(d, name), O_TRUNC, text);
}

void temp_append(const struct temp_dir *d, const char *name, const char *text)
{
    put(temp_path(d, name), O_APPEND, text);
}

void temp_rename(const struct temp_dir *d, const char *from, const char *to)
{
    must(rename(temp_path(d, from), temp_path(d, to)) == 0, from);
}

void temp_unlink(const struct temp_dir *d, const char *name)
{
    must(unlink(temp_path(d, name)) == 0, name);
}

void temp_symlink(const struct temp_dir *d, const char *to, const char *name)
{
    must(symlink(to, temp_path(d, name)) == 0, name);
}
