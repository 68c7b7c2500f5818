/* Whether a source would answer. */
#include "source/source.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIMIT_MS = 60000, WINDOW_MS = 60000 };

/* What a try says: its first trouble. The records themselves are let go. */
struct trial {
    char says[480];
};

static uint64_t object(void *ctx, const char *name, uint64_t records, uint64_t bytes)
{
    (void)ctx, (void)name, (void)records, (void)bytes;
    return 1;
}

static bool bytes(void *ctx, uint64_t handle, const void *p, size_t n)
{
    (void)ctx, (void)handle, (void)p, (void)n;
    return true;
}

static void over(void *ctx, uint64_t handle)
{
    (void)ctx, (void)handle;
}

static bool at_rest(void *ctx, uint64_t handle, uint64_t *records, uint64_t *n)
{
    (void)ctx, (void)handle, (void)records, (void)n;
    return true;
}

static void trouble(void *ctx, const char *place, const char *sentence, bool gap)
{
    struct trial *t = ctx;
    (void)gap;
    if (!t->says[0])
        snprintf(t->says, sizeof t->says, "%.150s: %.300s", place, sentence);
}

static uint64_t mark(void *ctx)
{
    (void)ctx;
    return 0;
}

static bool told(void *ctx, uint64_t m)
{
    (void)ctx, (void)m;
    return true;
}

static bool kept(void *ctx, const char *what)
{
    (void)ctx, (void)what;
    return true;
}

static enum kt_code try_out(struct kt_source *s, struct kt_err *e)
{
    struct trial t = {""};
    struct kt_source_sink sink = {.ctx = &t, .object = object, .bytes = bytes, .pause = over, .end = over, .at_rest = at_rest,
                                   .trouble = trouble, .mark = mark, .told = told, .kept = kept};
    int64_t until = kt_mono_ms() + LIMIT_MS;
    for (struct kt_wait w = {0}; !t.says[0];) {
        s->ops->step(s, &sink, &w);
        int64_t now = kt_mono_ms(), ms = w.deadline ? w.deadline - now : until - now;
        if (w.kind == KT_WAIT_DONE)
            break;
        if (now >= until) {
            snprintf(t.says, sizeof t.says, "no answer in %d s", LIMIT_MS / 1000);
        } else if (w.kind != KT_WAIT_NONE && ms > 0) {
            ms = ms < until - now ? ms : until - now;
            (void)poll(&(struct pollfd){.fd = w.kind == KT_WAIT_FD ? w.fd : -1, .events = POLLIN}, 1, (int)ms);
        }
    }
    return t.says[0] ? kt_fail(e, KT_EIO, "%s", t.says) : KT_OK;
}

enum kt_code kt_source_check(const char *address, struct kt_aws *aws, struct kt_err *e)
{
    struct kt_source *s;
    struct stat st;
    struct kt_source_opts o = {.follow = false, .check = true, .since = KT_TIME_NONE, .until = KT_TIME_NONE, .aws = aws};
    if (aws && kt_source_is_remote(address))
        o.since = kt_now(NULL) - WINDOW_MS;
    enum kt_code c = kt_source_open(&s, address, &o, e);
    if (c != KT_OK)
        return c;
    bool file = strcmp(s->ops->scheme, "file") == 0 && strcmp(address, "-") != 0;
    if (kt_source_is_remote(address))
        c = try_out(s, e);
    s->ops->close(s);
    const char *path = strncmp(address, "file:", 5) == 0 ? address + 5 : address;
    if (file && (stat(path, &st) != 0 || access(path, S_ISDIR(st.st_mode) ? R_OK | X_OK : R_OK) != 0))
        return kt_fail(e, errno == ENOENT ? KT_ENOTFOUND : KT_EIO, "%s: %s", path, strerror(errno));
    return c;
}
