#include "tui/hook.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_MAX = 64 };

struct kt_hook {
    int fd;
    pid_t helper;
    size_t waiting; /* taken, and not ended */
};

/* --- the helper -------------------------------------------------------------- */

struct helper {
    int fd, timeout_ms;
    char *const *argv;
};

static void become_command(const struct helper *h, int in)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (setpgid(0, 0) != 0 || dup2(in, STDIN_FILENO) < 0)
        _exit(126);
    execvp(h->argv[0], h->argv);
    _exit(errno == ENOENT ? 127 : 126);
}

/* Gives the event to the command and waits for its end, no longer than it may
 * take. A command that does not read is no fault of it. */
static bool attend(int pidfd, int to, const char *p, size_t n, int64_t until)
{
    for (;;) {
        struct pollfd f[2] = {{pidfd, POLLIN, 0}, {n ? to : -1, POLLOUT, 0}};
        int64_t left = until - kt_mono_ms();
        int k = left > 0 ? poll(f, 2, (int)left) : 0;
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        if (f[0].revents)
            return true;
        ssize_t w = write(to, p, n);
        if (w > 0) {
            p += w;
            n -= (size_t)w;
        } else if (w < 0 && errno != EAGAIN && errno != EINTR) {
            n = 0;
        }
        if (!n && to >= 0) { /* the end of the text is the end of its input */
            close(to);
            to = -1;
        }
    }
}

static struct kt_hook_result run_command(const struct helper *h, const char *p, size_t n)
{
    struct kt_hook_result r = {0};
    int in[2];
    if (pipe2(in, O_CLOEXEC) != 0)
        return (struct kt_hook_result){.why = errno};
    pid_t pid = fork();
    if (pid == 0)
        become_command(h, in[0]);
    r.why = pid < 0 ? errno : 0;
    close(in[0]);
    int pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
    if (pid > 0 && pidfd < 0)
        r.why = errno;
    (void)fcntl(in[1], F_SETFL, O_NONBLOCK);
    if (pidfd >= 0) {
        int to = dup(in[1]); /* attend closes it when all is written */
        close(in[1]);
        in[1] = -1;
        r.timed_out = !attend(pidfd, to, p, n, kt_mono_ms() + h->timeout_ms);
        close(pidfd);
    }
    if (pid > 0) {
        if (r.timed_out || r.why)
            (void)kill(pid, SIGKILL);
        (void)kill(-pid, SIGKILL); /* what it has left behind as well; a zombie keeps its status */
        while (waitpid(pid, &r.status, 0) < 0 && errno == EINTR)
            ;
    }
    if (in[1] >= 0)
        close(in[1]);
    return r;
}

static void serve(const struct helper *h)
{
    char *event = malloc(KT_HOOK_EVENT_MAX);
    for (;;) {
        ssize_t n = event ? recv(h->fd, event, KT_HOOK_EVENT_MAX, 0) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) /* the parent is gone */
            break;
        struct kt_hook_result r = run_command(h, event, (size_t)n);
        if (send(h->fd, &r, sizeof r, MSG_NOSIGNAL) < 0 && errno != EINTR)
            break;
    }
    _exit(0);
}

/* No terminal, no file of its parent's. */
static void become_helper(const struct helper *h)
{
    int null = open("/dev/null", O_RDWR);
    (void)setsid();
    (void)prctl(PR_SET_NAME, "keytop-hook", 0, 0, 0);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    for (int fd = 0; fd <= 2 && null >= 0; fd++)
        if (dup2(null, fd) < 0)
            _exit(1);
    if (dup2(h->fd, 3) < 0 || close_range(4, ~0u, 0) != 0)
        _exit(1);
    (void)fcntl(3, F_SETFD, FD_CLOEXEC);
    struct helper own = *h;
    own.fd = 3;
    serve(&own);
}

/* --- its parent ----------------------------------------------------------------- */

struct kt_hook *kt_hook_start(const char *const *command, size_t n, int timeout_s, struct kt_err *e)
{
    char *argv[WORDS_MAX + 1] = {0};
    int pair[2];
    struct kt_hook *h = calloc(1, sizeof *h);
    if (!h || n == 0 || n > WORDS_MAX || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        free(h);
        kt_fail(e, KT_EIO, "the alert hook cannot be started: %s", strerror(errno));
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        argv[i] = (char *)(uintptr_t)command[i]; /* execvp takes it as it is and changes nothing */
    int size = KT_HOOK_EVENT_MAX * 2;
    (void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    h->helper = fork();
    if (h->helper == 0)
        become_helper(&(struct helper){pair[1], timeout_s * 1000, argv});
    close(pair[1]);
    h->fd = pair[0];
    if (h->helper > 0)
        return h;
    kt_fail(e, KT_EIO, "the alert hook cannot be started: %s", strerror(errno));
    kt_hook_free(h);
    return NULL;
}

void kt_hook_free(struct kt_hook *h)
{
    if (!h)
        return;
    close(h->fd);
    if (h->helper > 0)
        (void)waitpid(h->helper, NULL, WNOHANG);
    free(h);
}

int kt_hook_fd(const struct kt_hook *h)
{
    return h->fd;
}

enum kt_hook_told kt_hook_tell(struct kt_hook *h, struct kt_span event)
{
    if (event.n > KT_HOOK_EVENT_MAX || event.n == 0)
        return KT_HOOK_TOO_LARGE;
    if (h->waiting >= KT_HOOK_WAITING)
        return KT_HOOK_FULL;
    if (send(h->fd, event.p, event.n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)event.n) {
        h->waiting++;
        return KT_HOOK_TAKEN;
    }
    return errno == EAGAIN || errno == ENOBUFS || errno == EMSGSIZE ? KT_HOOK_FULL : KT_HOOK_GONE;
}

bool kt_hook_next(struct kt_hook *h, struct kt_hook_result *out)
{
    ssize_t n;
    do
        n = recv(h->fd, out, sizeof *out, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof *out)
        return false;
    h->waiting -= h->waiting > 0;
    return true;
}

void kt_hook_words(const struct kt_hook_result *r, char *out, size_t size)
{
    out[0] = '\0';
    if (r->timed_out)
        (void)snprintf(out, size, "took longer than it may");
    else if (r->why)
        (void)snprintf(out, size, "could not be run: %s", strerror(r->why));
    else if (WIFSIGNALED(r->status))
        (void)snprintf(out, size, "killed by signal %d", WTERMSIG(r->status));
    else if (WIFEXITED(r->status) && WEXITSTATUS(r->status) == 127)
        (void)snprintf(out, size, "no such command");
    else if (WIFEXITED(r->status) && WEXITSTATUS(r->status) != 0)
        (void)snprintf(out, size, "exit status %d", WEXITSTATUS(r->status));
}
