#include "tests/support/fake_http.h"

#include "base/clock.h"
#include "tests/support/fake_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNS = 128, REQUEST_MAX = 1 << 20, REPLY_MAX = 256 << 20, HANDSHAKE_MS = 3000, BYTE_MS = 1000, LOOK_MS = 2, FILLERS = 4, FAKES = 64 };

struct conn {
    int fd;
    SSL *tls;
    bool silent, stream;
    bool endless; /* more goes out whenever there is room */
    struct kt_buf in;
    struct kt_buf slow; /* what goes out a byte at a time */
    size_t slow_at;
    int64_t slow_next;  /* kt_mono_ms() */
};

struct push { /* what a test wants done; one at a time */
    const char *p;
    size_t n, piece;
    bool end, reset, done;
    bool drop_all, door; /* ends all connections; and changes the door */
    enum fake_door to;
};

struct fake_http {
    void (*on)(void *ctx, const struct fake_request *r, struct fake_reply *out);
    void *ctx;
    bool (*before)(void *ctx, const struct fake_request *r, struct fake_reply *out);
    void *before_ctx;
    int listener, stop, wake, port;
    int filler[FILLERS]; /* connections of our own, so that nobody else gets in */
    enum fake_door door, door_soon;
    bool soon;
    struct push *push;
    pthread_cond_t pushed;
    atomic_uint streams;
    pthread_t thread;
    pthread_mutex_t lock;
    atomic_uint accepted;
    SSL_CTX *tls;
    struct fake_tls *own_tls;
    struct conn conn[CONNS];
};

static void must(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        abort();
    }
}

struct kt_span fake_header(const struct fake_request *r, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = r->head.p, *end = p + r->head.n; p < end;) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((eol ? eol : end) - p);
        if (len > n && p[n] == ':' && strncasecmp(p, name, n) == 0) {
            const char *v = p + n + 1, *w = p + len;
            while (v < w && *v == ' ')
                v++;
            while (w > v && (w[-1] == '\r' || w[-1] == ' '))
                w--;
            return (struct kt_span){v, (size_t)(w - v)};
        }
        p = eol ? eol + 1 : end;
    }
    return KT_SPAN_NONE;
}

/* --- bytes -------------------------------------------------------------------- */

static void drop(struct conn *c)
{
    if (c->tls)
        SSL_free(c->tls);
    if (c->fd >= 0)
        close(c->fd);
    kt_buf_free(&c->in);
    kt_buf_free(&c->slow);
    *c = (struct conn){.fd = -1};
}

static bool send_all(struct conn *c, const char *p, size_t n)
{
    while (n) {
        size_t piece = n > 1 << 16 ? 1 << 16 : n;
        ssize_t w = c->tls ? SSL_write(c->tls, p, (int)piece) : send(c->fd, p, piece, MSG_NOSIGNAL);
        if (w <= 0)
            return false;
        p += w;
        n -= (size_t)w;
    }
    return true;
}

static void reset(struct conn *c)
{
    struct linger l = {1, 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
}

static void add_date(struct kt_buf *b, const struct fake_reply *r)
{
    char text[64];
    struct tm tm;
    time_t now = time(NULL);
    if (strcasestr(kt_buf_str(&r->head), "Date:"))
        return;
    gmtime_r(&now, &tm);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    kt_buf_addf(b, "Date: %s\r\n", text);
}

/* A byte now and then, from `at` on. */
static bool send_slowly(struct conn *c, const struct kt_buf *b, size_t at)
{
    kt_buf_init(&c->slow, REPLY_MAX);
    c->silent = true;
    c->slow_at = 0;
    c->slow_next = kt_mono_ms();
    return send_all(c, b->p, at) && kt_buf_add(&c->slow, b->p + at, b->len - at);
}

/* An alert in the midst of what is sent, as by a middlebox that changed its mind. Records of
 * our own making would have to be encrypted: a plain one is as wrong. */
static void alert(struct conn *c)
{
    static const char record[] = {0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x50}; /* fatal, internal_error */
    if (send(c->fd, record, sizeof record, MSG_NOSIGNAL) != sizeof record)
        reset(c);
}

/* As much as fits where a socket has room. */
static bool send_filler(struct conn *c)
{
    static const char filler[1 << 14];
    return send_all(c, filler, sizeof filler);
}

static void write_head(struct kt_buf *b, const struct fake_reply *r)
{
    kt_buf_addf(b, "HTTP/1.1 %d Whatever\r\n", r->status);
    kt_buf_add(b, r->head.p, r->head.len);
    add_date(b, r);
    if (r->stream)
        kt_buf_adds(b, "Transfer-Encoding: chunked\r\n\r\n");
    else
        kt_buf_addf(b, "Content-Length: %zu\r\n%s\r\n", r->breaks == FAKE_ENDLESS ? (size_t)1 << 40 : r->body.len,
                    r->close ? "Connection: close\r\n" : "");
}

/* The answer as far as it goes. False: the connection is over. */
static bool send_answer(struct conn *c, const struct fake_reply *r, const struct kt_buf *b, size_t head)
{
    size_t half = head + (b->len - head) / 2;
    switch (r->breaks) {
    case FAKE_CUT_HEAD:
    case FAKE_RESET_HEAD:
        (void)send_all(c, b->p, head / 2);
        break;
    case FAKE_CUT_BODY:
    case FAKE_RESET_BODY:
    case FAKE_ALERT_BODY:
        (void)send_all(c, b->p, half);
        break;
    case FAKE_SLOW_HEAD:
        return send_slowly(c, b, 1);
    case FAKE_SLOW_BODY:
        return send_slowly(c, b, half);
    case FAKE_ENDLESS:
        c->endless = c->silent = send_all(c, b->p, b->len);
        return c->endless;
    default:
        return send_all(c, b->p, b->len) && !r->close;
    }
    if (r->breaks == FAKE_RESET_HEAD || r->breaks == FAKE_RESET_BODY)
        reset(c);
    if (r->breaks == FAKE_ALERT_BODY)
        alert(c);
    if (r->breaks == FAKE_CUT_BODY && c->tls)
        (void)SSL_shutdown(c->tls); /* an end in good order, only too early */
    return false;
}

/* False: the connection is over. */
static bool answer(struct conn *c, const struct fake_reply *r)
{
    struct kt_buf b;
    if (r->breaks == FAKE_RESET)
        reset(c);
    if (r->breaks == FAKE_CLOSE || r->breaks == FAKE_RESET)
        return false;
    if (r->breaks == FAKE_STALL) {
        c->silent = true;
        return true;
    }
    kt_buf_init(&b, REPLY_MAX);
    write_head(&b, r);
    size_t head = b.len;
    if (r->stream)
        kt_buf_addf(&b, "%zx\r\n", r->body.len);
    kt_buf_add(&b, r->body.p, r->body.len);
    if (r->stream)
        kt_buf_adds(&b, "\r\n");
    bool ok = send_answer(c, r, &b, head);
    if (r->stream && r->breaks == FAKE_WHOLE)
        c->stream = c->silent = ok;
    kt_buf_free(&b);
    return ok;
}

/* --- requests ------------------------------------------------------------------- */

static size_t number_of(struct kt_span s)
{
    size_t v = 0;
    for (size_t i = 0; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        v = v * 10 + (size_t)(s.p[i] - '0');
    return v;
}

/* A whole request at the front of what came? Its length, else 0. */
static size_t read_request(const struct conn *c, struct fake_request *r)
{
    const char *p = kt_buf_str(&c->in);
    const char *end = memmem(p, c->in.len, "\r\n\r\n", 4), *line = memmem(p, c->in.len, "\r\n", 2);
    if (!end)
        return 0;
    *r = (struct fake_request){0};
    must(sscanf(p, "%15s %8191s", r->method, r->target) == 2, "request");
    r->head = (struct kt_span){line + 2, (size_t)(end + 2 - (line + 2))};
    if (line == end)
        r->head.n = 0;
    r->body = (struct kt_span){end + 4, number_of(fake_header(r, "Content-Length"))};
    size_t whole = (size_t)(end + 4 - p) + r->body.n;
    return whole <= c->in.len ? whole : 0;
}

static bool serve(struct fake_http *f, struct conn *c)
{
    struct fake_request r;
    size_t n;
    while (!c->silent && (n = read_request(c, &r))) {
        struct fake_reply reply = {.status = 200};
        kt_buf_init(&reply.head, REQUEST_MAX);
        kt_buf_init(&reply.body, REPLY_MAX);
        pthread_mutex_lock(&f->lock);
        if (!f->before || !f->before(f->before_ctx, &r, &reply))
            f->on(f->ctx, &r, &reply);
        pthread_mutex_unlock(&f->lock);
        bool go_on = answer(c, &reply);
        if (c->stream)
            atomic_fetch_add(&f->streams, 1);
        kt_buf_free(&reply.head);
        kt_buf_free(&reply.body);
        kt_buf_drop(&c->in, n);
        if (!go_on)
            return false;
    }
    return true;
}

static bool hear(struct fake_http *f, struct conn *c)
{
    char buf[1 << 14];
    ssize_t n;
    do {
        n = c->tls ? SSL_read(c->tls, buf, sizeof buf) : read(c->fd, buf, sizeof buf);
        if (n <= 0 || !kt_buf_add(&c->in, buf, (size_t)n))
            return false;
    } while (c->tls && SSL_pending(c->tls));
    return serve(f, c);
}

static void welcome(struct fake_http *f)
{
    int fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
    size_t i = 0;
    while (i < CONNS && f->conn[i].fd >= 0)
        i++;
    if (fd < 0 || i == CONNS) {
        if (fd >= 0)
            close(fd);
        return;
    }
    struct conn *c = &f->conn[i];
    *c = (struct conn){.fd = fd};
    kt_buf_init(&c->in, REQUEST_MAX);
    atomic_fetch_add(&f->accepted, 1);
    pthread_mutex_lock(&f->lock);
    SSL_CTX *tls = f->tls;
    pthread_mutex_unlock(&f->lock);
    if (!tls)
        return;
    struct timeval t = {HANDSHAKE_MS / 1000, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    c->tls = SSL_new(tls);
    if (!c->tls || SSL_set_fd(c->tls, fd) != 1 || SSL_accept(c->tls) != 1)
        drop(c);
}

static void lose(struct fake_http *f, struct conn *c)
{
    if (c->stream)
        atomic_fetch_sub(&f->streams, 1);
    drop(c);
}

static bool send_pieces(struct conn *c, const struct push *w)
{
    char head[32];
    for (size_t at = 0; at < w->n; at += w->piece) {
        size_t n = w->n - at < w->piece ? w->n - at : w->piece;
        int len = snprintf(head, sizeof head, "%zx\r\n", n);
        if (!send_all(c, head, (size_t)len) || !send_all(c, w->p + at, n) || !send_all(c, "\r\n", 2))
            return false;
    }
    return true;
}

/* --- the door ---------------------------------------------------------------------- */

static int new_socket(const struct fake_http *f, struct sockaddr_in *a)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    *a = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)f->port)};
    must(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0, "socket");
    return fd;
}

static void listen_on(struct fake_http *f, int backlog)
{
    struct sockaddr_in a;
    f->listener = new_socket(f, &a);
    (void)fcntl(f->listener, F_SETFL, O_NONBLOCK); /* who knocked may be gone */
    must(bind(f->listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(f->listener, backlog) == 0, "listen");
}

static void set_door(struct fake_http *f, enum fake_door to)
{
    struct sockaddr_in a;
    for (size_t i = 0; i < CONNS; i++)
        if (f->conn[i].fd >= 0)
            lose(f, &f->conn[i]);
    if (f->listener >= 0)
        close(f->listener);
    for (size_t i = 0; i < FILLERS; i++) {
        if (f->filler[i] >= 0)
            close(f->filler[i]);
        f->filler[i] = -1;
    }
    f->listener = -1;
    f->door = to;
    f->soon = false;
    if (to != FAKE_DOOR_SHUT)
        listen_on(f, to == FAKE_DOOR_FULL ? 0 : 64);
    for (size_t i = 0; to == FAKE_DOOR_FULL && i < FILLERS; i++) { /* nobody takes them from the queue */
        f->filler[i] = new_socket(f, &a);
        (void)fcntl(f->filler[i], F_SETFL, O_NONBLOCK);
        (void)connect(f->filler[i], (struct sockaddr *)&a, sizeof a);
    }
}

/* What a test has to say to the streams, or wants done. */
static void push_on(struct fake_http *f)
{
    uint64_t ignored;
    must(read(f->wake, &ignored, sizeof ignored) == sizeof ignored, "wake");
    pthread_mutex_lock(&f->lock);
    struct push *w = f->push;
    for (size_t i = 0; w && w->drop_all && i < CONNS; i++)
        if (f->conn[i].fd >= 0)
            lose(f, &f->conn[i]);
    if (w && w->door)
        set_door(f, w->to);
    for (size_t i = 0; w && i < CONNS; i++) {
        struct conn *c = &f->conn[i];
        if (c->fd < 0 || !c->stream)
            continue;
        bool ok = send_pieces(c, w);
        if (w->end && !w->reset && ok)
            (void)send_all(c, "0\r\n\r\n", 5);
        if (w->reset)
            reset(c);
        if (w->end || !ok)
            lose(f, c);
    }
    if (w)
        w->done = true;
    pthread_cond_broadcast(&f->pushed);
    pthread_mutex_unlock(&f->lock);
}

/* False: it is over. */
static bool attend(struct fake_http *f, struct conn *c, short events)
{
    if ((events & ~POLLOUT) && !hear(f, c))
        return false;
    return !(events & POLLOUT) || !c->endless || send_filler(c);
}

/* The next byte, where it is due. True: somebody is being kept waiting. */
static bool go_slowly(struct fake_http *f)
{
    bool any = false;
    for (size_t i = 0; i < CONNS; i++) {
        struct conn *c = &f->conn[i];
        if (c->fd < 0 || c->slow_at >= c->slow.len)
            continue;
        any = true;
        for (int64_t now = kt_mono_ms(); c->slow_at < c->slow.len && now >= c->slow_next; c->slow_next += BYTE_MS)
            if (!send_all(c, c->slow.p + c->slow_at++, 1)) {
                lose(f, c);
                break;
            }
        if (c->fd >= 0 && c->slow_at >= c->slow.len)
            lose(f, c);
    }
    return any;
}

static void *serve_all(void *arg)
{
    struct fake_http *f = arg;
    struct pollfd p[CONNS + 3];
    sigset_t pipe_only; /* TLS writes to whoever has hung up */
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, NULL);
    for (;;) {
        p[0] = (struct pollfd){.fd = f->stop, .events = POLLIN};
        p[1] = (struct pollfd){.fd = f->door == FAKE_DOOR_OPEN ? f->listener : -1, .events = POLLIN};
        for (size_t i = 0; i < CONNS; i++)
            p[i + 2] = (struct pollfd){.fd = f->conn[i].fd, .events = (short)(POLLIN | (f->conn[i].endless ? POLLOUT : 0))};
        p[CONNS + 2] = (struct pollfd){.fd = f->wake, .events = POLLIN};
        if (poll(p, CONNS + 3, go_slowly(f) ? LOOK_MS : -1) < 0 && errno != EINTR)
            abort();
        if (p[0].revents)
            return NULL;
        for (size_t i = 0; i < CONNS; i++)
            if (p[i + 2].fd >= 0 && p[i + 2].revents && !attend(f, &f->conn[i], p[i + 2].revents))
                lose(f, &f->conn[i]);
        if (f->soon)
            set_door(f, f->door_soon);
        if (p[CONNS + 2].revents)
            push_on(f);
        if (p[1].revents && f->door == FAKE_DOOR_OPEN)
            welcome(f);
    }
}

static struct { /* for fake_http_see_all */
    pthread_mutex_t lock;
    struct fake_http *all[FAKES];
    size_t n;
} fakes = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void count_in(struct fake_http *f)
{
    pthread_mutex_lock(&fakes.lock);
    must(fakes.n < FAKES, "fewer fakes");
    fakes.all[fakes.n++] = f;
    pthread_mutex_unlock(&fakes.lock);
}

static void count_out(const struct fake_http *f)
{
    pthread_mutex_lock(&fakes.lock);
    for (size_t i = 0; i < fakes.n; i++)
        if (fakes.all[i] == f)
            fakes.all[i--] = fakes.all[--fakes.n];
    pthread_mutex_unlock(&fakes.lock);
}

struct fake_http *fake_http_new(void (*on)(void *ctx, const struct fake_request *r, struct fake_reply *out), void *ctx)
{
    struct fake_http *f = calloc(1, sizeof *f);
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    must(f != NULL, "memory");
    f->on = on;
    f->ctx = ctx;
    for (size_t i = 0; i < CONNS; i++)
        f->conn[i].fd = -1;
    for (size_t i = 0; i < FILLERS; i++)
        f->filler[i] = -1;
    listen_on(f, 64);
    f->stop = eventfd(0, EFD_CLOEXEC);
    f->wake = eventfd(0, EFD_CLOEXEC);
    must(f->stop >= 0 && f->wake >= 0 && pthread_cond_init(&f->pushed, NULL) == 0, "socket");
    must(getsockname(f->listener, (struct sockaddr *)&a, &n) == 0, "getsockname");
    f->port = ntohs(a.sin_port);
    pthread_mutexattr_t again; /* who holds it may call what takes it */
    must(pthread_mutexattr_init(&again) == 0 && pthread_mutexattr_settype(&again, PTHREAD_MUTEX_RECURSIVE) == 0 &&
             pthread_mutex_init(&f->lock, &again) == 0 && pthread_create(&f->thread, NULL, serve_all, f) == 0, "thread");
    count_in(f);
    return f;
}

void fake_http_free(struct fake_http *f)
{
    uint64_t one = 1;
    count_out(f);
    must(write(f->stop, &one, sizeof one) == sizeof one, "stop");
    pthread_join(f->thread, NULL);
    for (size_t i = 0; i < CONNS; i++)
        drop(&f->conn[i]);
    for (size_t i = 0; i < FILLERS; i++)
        if (f->filler[i] >= 0)
            close(f->filler[i]);
    if (f->listener >= 0)
        close(f->listener);
    close(f->stop);
    close(f->wake);
    pthread_cond_destroy(&f->pushed);
    fake_tls_free(f->own_tls);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

int fake_http_port(const struct fake_http *f)
{
    return f->port;
}

void fake_http_lock(struct fake_http *f)
{
    pthread_mutex_lock(&f->lock);
}

void fake_http_unlock(struct fake_http *f)
{
    pthread_mutex_unlock(&f->lock);
}

void fake_http_see_all(void)
{
    pthread_mutex_lock(&fakes.lock);
    for (size_t i = 0; i < fakes.n; i++) {
        fake_http_lock(fakes.all[i]);
        fake_http_unlock(fakes.all[i]);
    }
    pthread_mutex_unlock(&fakes.lock);
}

unsigned fake_http_connections(const struct fake_http *f)
{
    return atomic_load(&((struct fake_http *)f)->accepted);
}

static void push(struct fake_http *f, struct push w)
{
    uint64_t one = 1;
    pthread_mutex_lock(&f->lock);
    f->push = &w;
    must(write(f->wake, &one, sizeof one) == sizeof one, "wake");
    while (!w.done)
        pthread_cond_wait(&f->pushed, &f->lock);
    f->push = NULL;
    pthread_mutex_unlock(&f->lock);
}

void fake_http_push(struct fake_http *f, const void *p, size_t n, size_t piece)
{
    push(f, (struct push){.p = p, .n = n, .piece = piece ? piece : n});
}

void fake_http_hang_up(struct fake_http *f, bool reset_them)
{
    push(f, (struct push){.piece = 1, .end = true, .reset = reset_them});
}

unsigned fake_http_streams(const struct fake_http *f)
{
    return atomic_load(&((struct fake_http *)f)->streams);
}

void fake_http_before(struct fake_http *f, bool (*before)(void *ctx, const struct fake_request *r, struct fake_reply *out), void *ctx)
{
    pthread_mutex_lock(&f->lock);
    f->before = before;
    f->before_ctx = ctx;
    pthread_mutex_unlock(&f->lock);
}

void fake_http_door(struct fake_http *f, enum fake_door door)
{
    push(f, (struct push){.piece = 1, .door = true, .to = door});
}

void fake_http_door_soon(struct fake_http *f, enum fake_door door)
{
    f->door_soon = door; /* looked at by the thread that called the handler */
    f->soon = true;
}

void fake_http_speak(struct fake_http *f, const struct fake_tls *t)
{
    pthread_mutex_lock(&f->lock);
    f->tls = t ? fake_tls_context(t) : NULL;
    pthread_mutex_unlock(&f->lock);
    push(f, (struct push){.piece = 1, .drop_all = true});
}

void fake_http_speak_soon(struct fake_http *f, const struct fake_tls *t)
{
    f->tls = fake_tls_context(t);
    fake_http_door_soon(f, FAKE_DOOR_OPEN);
}

void fake_http_tls(struct fake_http *f, const char *name, int from_days, int days, int version, const char *pem_path)
{
    f->own_tls = fake_tls_new(name, from_days, days, version, pem_path);
    fake_http_speak(f, f->own_tls);
}
