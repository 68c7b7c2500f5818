/* The client: calls under way, what they wait for. */
#include "net/net.h"

#include "base/clock.h"
#include "base/secret.h"
#include "net/impl.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    EVENTS = 32, HOST_CONNECTIONS = 16, CONNECTIONS = 64,
    NAP_MS = 2000,       /* less is no sleep */
    DISTRUST_MS = 120000 /* by then libcurl has let go of what was idle */
};

size_t kt_net_scrub(void)
{
    static const char *const names[] = {
        "SSLKEYLOGFILE", "SSL_CERT_FILE", "SSL_CERT_DIR", "OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES",
        "CURL_HOME", "NETRC",
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!getenv(names[i]))
            continue;
        n++;
        (void)unsetenv(names[i]); /* fails for names with '=' alone */
    }
    return n;
}

/* --- libcurl's calls back ----------------------------------------------------- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
    struct kt_net *n = ctx;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(n->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    struct epoll_event ev = {.data.fd = fd};
    ev.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if (epoll_ctl(n->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev) != 0 &&
        epoll_ctl(n->epoll, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &ev) != 0)
        return -1;
    (void)curl_multi_assign(n->multi, fd, n);
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *ctx)
{
    struct kt_net *n = ctx;
    (void)multi;
    n->timer = ms < 0 ? 0 : kt_mono_ms() + ms;
    return 0;
}

/* A server that hangs up while it is written to must not end the program:
 * TLS writes without MSG_NOSIGNAL. The signal is held back from this thread
 * alone, and one that came meanwhile is taken. */
struct pipe_guard {
    sigset_t old;
    bool held;
};

static void hold_sigpipe(struct pipe_guard *g)
{
    sigset_t pipe_only, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    g->held = sigpending(&pending) == 0 && !sigismember(&pending, SIGPIPE) &&
              pthread_sigmask(SIG_BLOCK, &pipe_only, &g->old) == 0;
}

static void release_sigpipe(const struct pipe_guard *g)
{
    if (!g->held)
        return;
    sigset_t pipe_only;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    if (!sigismember(&g->old, SIGPIPE))
        while (sigtimedwait(&pipe_only, NULL, &(struct timespec){0}) == -1 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &g->old, NULL);
}

/* --- room -------------------------------------------------------------------------- */

void net_count(struct kt_net_call *c, size_t before)
{
    c->net->held = c->net->held + c->body.len - before;
    c->net->room |= c->body.len < before;
}

/* Those that wait for room go on, the oldest first, while there is some. */
static void go_on(struct kt_net *n)
{
    struct kt_net_call *last = n->first;
    n->room = false;
    while (last && last->next)
        last = last->next;
    for (struct kt_net_call *c = last; c && n->paused; c = c->prev) {
        if (!c->paused || c->done)
            continue;
        c->paused = false;
        n->paused--;
        (void)curl_easy_pause(c->easy, CURLPAUSE_CONT); /* may pause it again at once */
        if (c->paused)
            break;
    }
}

/* --- birth and death ------------------------------------------------------------ */

static bool set_ca(struct kt_net *n, const char *path, struct kt_err *e)
{
    struct stat st;
    if (!path || !*path)
        return true;
    if (stat(path, &st) != 0 || access(path, R_OK) != 0) {
        kt_fail(e, KT_ENOTFOUND, "AWS_CA_BUNDLE: %s: %s", path, strerror(errno));
        return false;
    }
    n->ca_is_folder = S_ISDIR(st.st_mode);
    int len = snprintf(n->ca, sizeof n->ca, "%s", path);
    if (len < 0 || (size_t)len >= sizeof n->ca) {
        kt_fail(e, KT_ELIMIT, "AWS_CA_BUNDLE: its path is too long");
        return false;
    }
    return true;
}

static bool set_multi(struct kt_net *n)
{
    return curl_multi_setopt(n->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(n->multi, CURLMOPT_SOCKETDATA, n) == CURLM_OK &&
           curl_multi_setopt(n->multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
           curl_multi_setopt(n->multi, CURLMOPT_TIMERDATA, n) == CURLM_OK &&
           curl_multi_setopt(n->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)HOST_CONNECTIONS) == CURLM_OK &&
           curl_multi_setopt(n->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS) == CURLM_OK;
}

enum kt_code kt_net_new(struct kt_net **out, const struct kt_net_opts *o, struct kt_err *e)
{
    *out = NULL;
    (void)kt_net_scrub(); /* the last moment: libcurl looks once */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return kt_fail(e, KT_ENOMEM, "libcurl could not be started");
    struct kt_net *n = calloc(1, sizeof *n);
    if (!n) {
        curl_global_cleanup();
        return kt_fail(e, KT_ENOMEM, "out of memory");
    }
    struct kt_err own = {.code = KT_ENOMEM, .text = "out of memory"};
    n->asleep = kt_boot_ms() - kt_mono_ms();
    n->epoll = epoll_create1(EPOLL_CLOEXEC);
    n->multi = curl_multi_init();
    if (n->epoll < 0 || !n->multi || !set_multi(n) || !set_ca(n, o->ca_bundle, &own)) {
        kt_net_free(n);
        return kt_fail(e, own.code, "%s", own.text);
    }
    *out = n;
    return KT_OK;
}

void kt_net_free(struct kt_net *n)
{
    if (!n)
        return;
    while (n->first)
        kt_net_end(n->first);
    struct pipe_guard g;
    hold_sigpipe(&g);
    if (n->multi)
        (void)curl_multi_cleanup(n->multi);
    release_sigpipe(&g);
    if (n->epoll >= 0)
        close(n->epoll);
    free(n);
    curl_global_cleanup();
}

/* --- calls ------------------------------------------------------------------------ */

static bool has_line_break(const struct kt_net_request *r)
{
    for (size_t i = 0; i < KT_NET_HEADERS && r->header[i]; i++)
        if (strpbrk(r->header[i], "\r\n"))
            return true;
    return strpbrk(r->url, "\r\n") || strpbrk(r->method, "\r\n ");
}

static void link_call(struct kt_net *n, struct kt_net_call *c)
{
    c->net = n;
    c->next = n->first;
    if (n->first)
        n->first->prev = c;
    n->first = c;
}

/* Whoever was at the other end has long hung up, and nothing would tell. */
void kt_net_woke(struct kt_net *n)
{
    struct pipe_guard g;
    hold_sigpipe(&g);
    for (struct kt_net_call *c = n->first; c; c = c->next) {
        if (c->done || !c->easy)
            continue;
        (void)curl_multi_remove_handle(n->multi, c->easy);
        net_fail(c, KT_NET_BROKEN, "the machine slept");
        n->calls--;
    }
    release_sigpipe(&g);
    n->distrust = kt_mono_ms() + DISTRUST_MS;
}

static void look_at_sleep(struct kt_net *n)
{
    int64_t asleep = kt_boot_ms() - kt_mono_ms();
    if (asleep - n->asleep > NAP_MS)
        kt_net_woke(n);
    n->asleep = asleep;
}

struct kt_net_call *kt_net_start(struct kt_net *n, const struct kt_net_request *r)
{
    struct net_url u;
    struct kt_err e = {0};
    look_at_sleep(n);
    if (n->calls >= KT_NET_CALLS)
        return NULL;
    struct kt_net_call *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    link_call(n, c);
    if (net_url_check(r->url, &u, &e) != KT_OK) {
        net_fail(c, KT_NET_POLICY, e.text);
    } else if (has_line_break(r)) {
        net_fail(c, KT_NET_POLICY, "a header must not hold a line break");
    } else if (!net_setup(c, r, &u) || curl_multi_add_handle(n->multi, c->easy) != CURLM_OK) {
        kt_net_end(c);
        return NULL;
    } else {
        n->calls++;
    }
    return c;
}

void kt_net_end(struct kt_net_call *c)
{
    if (!c)
        return;
    struct kt_net *n = c->net;
    struct pipe_guard g;
    n->held -= c->body.len;
    n->paused -= c->paused;
    n->room |= n->paused > 0;
    if (c->easy) {
        hold_sigpipe(&g);
        if (!c->done && n->calls)
            n->calls--;
        (void)curl_multi_remove_handle(n->multi, c->easy);
        curl_easy_cleanup(c->easy);
        release_sigpipe(&g);
    }
    for (struct curl_slist *l = c->headers; l; l = l->next)
        explicit_bzero(l->data, strlen(l->data));
    curl_slist_free_all(c->headers);
    if (c->sent)
        explicit_bzero(c->sent, c->sent_n);
    free(c->sent);
    kt_secret_wipe(&c->head);
    kt_secret_wipe(&c->body);
    if (c->prev)
        c->prev->next = c->next;
    else
        n->first = c->next;
    if (c->next)
        c->next->prev = c->prev;
    free(c);
}

static void collect(struct kt_net *n)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(n->multi, &left))) {
        struct kt_net_call *c = NULL;
        if (m->msg != CURLMSG_DONE || curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c) != CURLE_OK || !c)
            continue;
        net_finish(c, m->data.result);
        n->room |= n->paused > 0; /* another is the oldest now */
        n->calls--;
    }
}

void kt_net_drive(struct kt_net *n)
{
    struct epoll_event ev[EVENTS];
    struct pipe_guard g;
    int running;
    if (!n->calls)
        return;
    look_at_sleep(n);
    hold_sigpipe(&g);
    if (n->paused && n->room)
        go_on(n);
    int got = epoll_wait(n->epoll, ev, EVENTS, 0);
    for (int i = 0; i < got; i++) {
        int mask = (ev[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) | (ev[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (ev[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        if (ev[i].data.fd >= 0)
            (void)curl_multi_socket_action(n->multi, ev[i].data.fd, mask, &running);
    }
    if (n->timer && kt_mono_ms() >= n->timer) {
        n->timer = 0;
        (void)curl_multi_socket_action(n->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    collect(n);
    release_sigpipe(&g);
}

bool kt_net_wait(const struct kt_net *n, int *fd, int64_t *deadline)
{
    *fd = n->calls || n->watched ? n->epoll : -1;
    *deadline = n->calls ? n->timer : 0;
    if (n->paused && n->room)
        *deadline = 1; /* long past: at once */
    if (n->until && (!*deadline || n->until < *deadline))
        *deadline = n->until;
    return *fd >= 0;
}

bool kt_net_watch(struct kt_net *n, int fd, int64_t until)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = -1}; /* not libcurl's */
    if (epoll_ctl(n->epoll, EPOLL_CTL_ADD, fd, &ev) != 0)
        return false;
    n->watched++;
    if (until && (!n->until || until < n->until))
        n->until = until;
    return true;
}

void kt_net_unwatch(struct kt_net *n, int fd)
{
    if (epoll_ctl(n->epoll, EPOLL_CTL_DEL, fd, NULL) == 0)
        n->watched--;
    if (!n->watched)
        n->until = 0;
}
