/* unpack THREADS PATH...: the least that reading can cost. Files (of folders all
 * in them) are read with the libraries that keytop uses, into buffers used again,
 * and what comes out is thrown away: gzip by libdeflate at once, zstd as a stream,
 * the rest as it is. Prints how many bytes came out. */
#include <fcntl.h>
#include <ftw.h>
#include <libdeflate.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { SLICE = 256 << 10, OUT = 128 << 10 };

static char **name;
static size_t n_names, cap_names;
static atomic_size_t next_name;
static atomic_ullong total;

static int found(const char *path, const struct stat *st, int kind, struct FTW *f)
{
    (void)st, (void)f;
    if (kind != FTW_F)
        return 0;
    if (n_names == cap_names)
        name = realloc(name, (cap_names = cap_names * 2 + 1000) * sizeof *name);
    return !name || !(name[n_names++] = strdup(path));
}

struct bench {
    struct libdeflate_decompressor *gz;
    ZSTD_DStream *zs;
    unsigned char *in, *out;
    size_t in_cap, out_cap;
};

static unsigned char *room(unsigned char **p, size_t *cap, size_t n)
{
    if (n > *cap) {
        unsigned char *q = realloc(*p, n);
        if (!q)
            exit(1);
        *p = q;
        *cap = n;
    }
    return *p;
}

static size_t unzstd(struct bench *b, int fd, ssize_t n)
{
    size_t made = 0;
    for (ZSTD_initDStream(b->zs); n > 0; n = read(fd, b->in, SLICE))
        for (ZSTD_inBuffer in = {b->in, (size_t)n, 0}; in.pos < in.size;) {
            ZSTD_outBuffer out = {b->out, OUT, 0};
            if (ZSTD_isError(ZSTD_decompressStream(b->zs, &out, &in)))
                exit(1);
            made += out.pos;
        }
    return made;
}

static size_t gunzip(struct bench *b, int fd, ssize_t n, size_t size)
{
    room(&b->in, &b->in_cap, size);
    while ((size_t)n < size) {
        ssize_t k = read(fd, b->in + n, size - (size_t)n);
        if (k <= 0)
            exit(1);
        n += k;
    }
    const unsigned char *t = b->in + n - 4;
    size_t made, most = (size_t)t[0] | (size_t)t[1] << 8 | (size_t)t[2] << 16 | (size_t)t[3] << 24;
    room(&b->out, &b->out_cap, most);
    if (libdeflate_gzip_decompress(b->gz, b->in, (size_t)n, b->out, most, &made) != LIBDEFLATE_SUCCESS)
        exit(1);
    return made;
}

static size_t unpack(struct bench *b, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &st) != 0)
        exit(1);
    size_t made = 0, size = (size_t)st.st_size;
    ssize_t n = read(fd, b->in, size < SLICE ? size : SLICE);
    if (n > 4 && memcmp(b->in, "\x1f\x8b", 2) == 0)
        made = gunzip(b, fd, n, size);
    else if (n > 4 && memcmp(b->in, "\x28\xb5\x2f\xfd", 4) == 0)
        made = unzstd(b, fd, n);
    else
        for (; n > 0; n = read(fd, b->in, SLICE))
            made += (size_t)n;
    close(fd);
    return made;
}

static void *work(void *arg)
{
    struct bench b = {.gz = libdeflate_alloc_decompressor(), .zs = ZSTD_createDStream()};
    (void)arg;
    room(&b.in, &b.in_cap, SLICE);
    room(&b.out, &b.out_cap, OUT);
    unsigned long long made = 0;
    for (size_t i; (i = atomic_fetch_add(&next_name, 1)) < n_names;)
        made += unpack(&b, name[i]);
    atomic_fetch_add(&total, made);
    return NULL;
}

int main(int argc, char **argv)
{
    int threads = argc > 2 ? (int)strtol(argv[1], NULL, 10) : 0;
    pthread_t t[16];
    if (threads < 1 || threads > 16)
        return 2;
    for (int i = 2; i < argc; i++)
        if (nftw(argv[i], found, 16, FTW_PHYS) != 0)
            return 1;
    for (int i = 0; i < threads; i++)
        if (pthread_create(&t[i], NULL, work, NULL) != 0)
            return 1;
    for (int i = 0; i < threads; i++)
        pthread_join(t[i], NULL);
    printf("%llu\n", (unsigned long long)total);
    return 0;
}
