#include "quiet.h"

#include "base/clock.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static long wake_ups(pid_t pid, int *threads)
{
    char name[300], line[200];
    long sum = 0;
    *threads = 0;
    snprintf(name, sizeof name, "/proc/%d/task", (int)pid);
    DIR *d = opendir(name);
    for (struct dirent *t; d && (t = readdir(d));) {
        if (t->d_name[0] == '.')
            continue;
        ++*threads;
        snprintf(name, sizeof name, "/proc/%d/task/%.20s/status", (int)pid, t->d_name);
        FILE *f = fopen(name, "r");
        while (f && fgets(line, sizeof line, f))
            if (strncmp(line, "voluntary_ctxt_switches:", 24) == 0)
                sum += strtol(line + 24, NULL, 10);
        if (f)
            fclose(f);
    }
    if (d)
        closedir(d);
    return sum;
}

static long size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (long)st.st_size : 0;
}

/* Attached when it has told of each thread what that one is waiting in. */
static pid_t trace(pid_t pid, int threads, const char *path)
{
    char number[16];
    snprintf(number, sizeof number, "%d", (int)pid);
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        execlp("strace", "strace", "-f", "-qq", "-o", path, "-p", number, (char *)NULL);
        _exit(127);
    }
    int64_t end = kt_mono_ms() + 5000;
    while (child > 0 && kt_mono_ms() < end) {
        char text[4096];
        FILE *f = fopen(path, "r");
        size_t n = f ? fread(text, 1, sizeof text, f) : 0;
        int lines = 0;
        for (size_t i = 0; i < n; i++) /* unfinished calls end in no newline but in the next one's beginning */
            lines += text[i] == '(';
        if (f)
            fclose(f);
        if (lines >= threads)
            return child;
        if (waitpid(child, NULL, WNOHANG) == child)
            return -1; /* no strace, or it may not */
        usleep(10000);
    }
    if (child > 0) {
        kill(child, SIGTERM);
        waitpid(child, NULL, 0);
    }
    return -1;
}

static long read_calls(const char *path, long from, char *first, size_t size)
{
    long calls = 0;
    char line[400];
    FILE *f = fopen(path, "r");
    if (!f || fseek(f, from, SEEK_SET) < 0)
        return -1;
    while (fgets(line, sizeof line, f))
        if (strchr(line, '(') && calls++ == 0)
            snprintf(first, size, "%.*s", (int)strcspn(line, "\n"), line);
    fclose(f);
    return calls;
}

bool quiet_can_be_told(void)
{
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define QUIET_IS_WATCHED 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(QUIET_IS_WATCHED)
    printf("not measured: the sanitizer's own thread wakes all the time\n");
    return false;
#else
    return true;
#endif
}

struct quiet quiet_listen(struct pty *p, int ms)
{
    struct quiet q = {0};
    char path[] = "/tmp/keytop-quiet-XXXXXX";
    int fd = mkstemp(path);
    long before = wake_ups(pty_pid(p), &q.threads);
    pid_t tracer = fd < 0 ? -1 : trace(pty_pid(p), q.threads, path);
    q.traced = tracer > 0;
    if (q.traced) {
        pty_listen(p, 300); /* what was interrupted by the tracer goes on */
        long from = size_of(path);
        q.bytes = pty_listen(p, ms);
        q.calls = read_calls(path, from, q.first, sizeof q.first);
        kill(tracer, SIGTERM);
        waitpid(tracer, NULL, 0);
    } else {
        int threads;
        q.bytes = pty_listen(p, ms);
        q.calls = wake_ups(pty_pid(p), &threads) - before;
    }
    if (fd >= 0) {
        close(fd);
        unlink(path);
    }
    return q;
}
