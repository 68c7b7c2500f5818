#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

static bool is_ignored(int signo)
{
    struct sigaction old;
    return sigaction(signo, NULL, &old) == 0 && old.sa_handler == SIG_IGN;
}

static bool act(int signo, void (*handler)(int), int flags)
{
    struct sigaction a = {.sa_handler = handler, .sa_flags = flags};
    sigemptyset(&a.sa_mask);
    return sigaction(signo, &a, NULL) == 0;
}

/* --- for the screen ------------------------------------------------------ */

bool kt_signals_open(struct kt_signals *s)
{
    static const int wanted[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGCONT, SIGWINCH};
    sigset_t set;
    sigemptyset(&set);
    s->hup_ignored = is_ignored(SIGHUP);
    s->stop_ignored = is_ignored(SIGTSTP);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!is_ignored(wanted[i])) /* a blocked signal is kept even where it is ignored: leave those alone */
            sigaddset(&set, wanted[i]);
    s->fd = -1;
    if (!act(SIGPIPE, SIG_IGN, 0) || pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return false;
    s->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->fd >= 0;
}

int kt_signals_next(const struct kt_signals *s)
{
    struct signalfd_siginfo info;
    ssize_t n;
    do
        n = read(s->fd, &info, sizeof info);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

void kt_signals_stop_here(void)
{
    struct sigaction old;
    sigset_t set, kept;
    sigaction(SIGTSTP, NULL, &old);
    act(SIGTSTP, SIG_DFL, 0);
    kill(0, SIGTSTP); /* all of the group, as the terminal would do it */
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    pthread_sigmask(SIG_UNBLOCK, &set, &kept); /* it stops here */
    pthread_sigmask(SIG_SETMASK, &kept, NULL);
    sigaction(SIGTSTP, &old, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGCONT);
    while (sigtimedwait(&set, NULL, &(struct timespec){0}) > 0)
        ;
}

static void (*restore_terminal)(void);

static void on_fatal(int signo)
{
    if (restore_terminal)
        restore_terminal();
    raise(signo); /* SA_RESETHAND has put the default action back */
}

bool kt_signals_on_fatal(void (*restore)(void))
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    static char stack[64 << 10]; /* a stack that ran out cannot be stood on */
    stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    restore_terminal = restore;
    bool ok = sigaltstack(&alternative, NULL) == 0;
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        ok &= act(fatal[i], on_fatal, (int)(SA_ONSTACK | SA_RESETHAND | SA_NODEFER));
    return ok;
}

/* --- without a screen ---------------------------------------------------- */

static volatile sig_atomic_t stopped_by;
static int stop_pipe[2] = {-1, -1};

/* Once a second, so that a write that began to wait just after the signal is
 * interrupted too. */
static void on_alarm(int signo)
{
    (void)signo;
    alarm(1);
}

static void on_stop(int signo)
{
    int kept = errno;
    stopped_by = signo;
    alarm(1);
    if (write(stop_pipe[1], "", 1) < 0)
        stopped_by = signo; /* full: it is readable already */
    errno = kept;
}

int kt_signals_stop_fd(void)
{
    static const int wanted[] = {SIGHUP, SIGINT, SIGTERM};
    if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) < 0 || !act(SIGALRM, on_alarm, 0))
        return -1;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!is_ignored(wanted[i]) && !act(wanted[i], on_stop, (int)SA_RESETHAND)) /* no SA_RESTART: see the header */
            return -1;
    return stop_pipe[0];
}

int kt_signals_stopped_by(void)
{
    return stopped_by;
}

_Noreturn void kt_signals_die(int signo)
{
    sigset_t set;
    act(signo, SIG_DFL, 0);
    sigemptyset(&set);
    sigaddset(&set, signo);
    raise(signo);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    _exit(128 + signo);
}
