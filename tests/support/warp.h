/* Included by one file of a test program: takes the place of the C library's
 * clocks and of its search for names, for everything in the process, libcurl
 * and OpenSSL too. So a test makes time pass instead of waiting for it, and
 * says what a name stands for. */
#ifndef TESTS_SUPPORT_WARP_H
#define TESTS_SUPPORT_WARP_H
#include "tests/support/faults.h"

#include <dlfcn.h>
#include <netdb.h>
#include <sys/time.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *t)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int rc = real(id, t);
    int64_t ms = faults_shared() ? faults_shared()->warp : 0;
    if (rc == 0 && ms && (id == CLOCK_REALTIME || id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_RAW || id == CLOCK_BOOTTIME)) {
        int64_t ns = t->tv_nsec + ms % 1000 * 1000000;
        t->tv_sec += ms / 1000 + ns / 1000000000;
        t->tv_nsec = ns % 1000000000;
    }
    return rc;
}

time_t time(time_t *out)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_REALTIME, &t);
    if (out)
        *out = t.tv_sec;
    return t.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec t = {0};
    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    *out = (struct timeval){t.tv_sec, t.tv_nsec / 1000};
    return 0;
}

int getaddrinfo(const char *restrict name, const char *restrict service, const struct addrinfo *restrict hints,
                struct addrinfo **restrict out)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **); /* each time: it is called on threads */
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (!name || (strcmp(name, FAULTS_HOST) != 0 && strcmp(name, "stream-" FAULTS_HOST) != 0))
        return real(name, service, hints, out);
    if (!faults_answer_name())
        return EAI_NONAME;
    return real("127.0.0.1", service, hints, out);
}
#endif
