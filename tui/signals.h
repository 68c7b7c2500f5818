/* Signals as events. For the screen all of them are blocked in every thread
 * and come one by one through a signalfd; without a screen the ones that end
 * the program make a pipe readable, and do interrupt a write that waits. A
 * signal that ends the program is raised again with its default action when
 * all is put back, so that a parent sees what happened.
 *
 * SIGHUP, SIGINT, SIGQUIT and SIGTSTP that were ignored at the start (nohup)
 * stay ignored. */
#ifndef KT_TUI_SIGNALS_H
#define KT_TUI_SIGNALS_H
#include <stdbool.h>

struct kt_signals {
    int fd; /* readable when a signal is there */
    bool hup_ignored, stop_ignored;
};

/* For the screen, before any thread is made: blocks HUP INT QUIT TERM TSTP
 * CONT WINCH, ignores PIPE. False: the system refused (errno). */
bool kt_signals_open(struct kt_signals *s);
/* The next one that is there, without waiting; 0: none. */
int kt_signals_next(const struct kt_signals *s);
/* Ctrl-Z: stops the process group as if nothing were blocked. Returns when it
 * is continued. */
void kt_signals_stop_here(void);
/* SEGV BUS ABRT FPE ILL: calls `restore` (async-signal-safe) on a stack of its
 * own, then lets the signal do its work. */
bool kt_signals_on_fatal(void (*restore)(void));

/* Without a screen: a descriptor that becomes readable at the first HUP, INT
 * or TERM; a second one ends the program at once. -1: the system refused. */
int kt_signals_stop_fd(void);
/* Which one it was; 0: none yet. */
int kt_signals_stopped_by(void);

/* Ends the program by this signal's default action. */
_Noreturn void kt_signals_die(int signo);
#endif
