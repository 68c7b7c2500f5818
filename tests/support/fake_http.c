#include "tests/support/fake_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
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

enum { CONNS = 128, REQUEST_MAX = 1 << 20, REPLY_MAX = 256 << 20, ENDLESS = 64 << 20, HANDSHAKE_MS = 3000 };

struct conn {
    int fd;
    SSL *tls;
    bool silent, stream;
    struct kt_buf in;
};

struct push { /* what a test wants sent; one at a time */
    const char *p;
    size_t n, piece;
    bool end, reset, done;
};

struct fake_http {
    void (*on)(void *ctx, const struct fake_request *r, struct fake_reply *out);
    void *ctx;
    int listener, stop, wake, port;
    struct push *push;
    pthread_cond_t pushed;
    atomic_uint streams;
    pthread_t thread;
    pthread_mutex_t lock;
    atomic_uint accepted;
    SSL_CTX *tls;
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

/* False: the connection is over. */
static bool answer(struct conn *c, const struct fake_reply *r)
{
    if (r->breaks == FAKE_CLOSE)
        return false;
    if (r->breaks == FAKE_STALL) {
        c->silent = true;
        return true;
    }
    struct kt_buf b;
    kt_buf_init(&b, REPLY_MAX);
    kt_buf_addf(&b, "HTTP/1.1 %d Whatever\r\n", r->status);
    if (r->breaks == FAKE_CUT_HEAD) {
        send_all(c, b.p, b.len - 4);
        kt_buf_free(&b);
        return false;
    }
    kt_buf_add(&b, r->head.p, r->head.len);
    add_date(&b, r);
    if (r->stream) {
        kt_buf_addf(&b, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", r->body.len);
        kt_buf_add(&b, r->body.p, r->body.len);
        kt_buf_adds(&b, "\r\n");
        c->stream = c->silent = send_all(c, b.p, b.len);
        kt_buf_free(&b);
        return c->stream;
    }
    size_t claims = r->breaks == FAKE_ENDLESS ? (size_t)1 << 40 : r->body.len;
    kt_buf_addf(&b, "Content-Length: %zu\r\n%s\r\n", claims, r->close ? "Connection: close\r\n" : "");
    bool cut = r->breaks == FAKE_CUT_BODY || r->breaks == FAKE_RESET_BODY;
    kt_buf_add(&b, r->body.p, cut ? r->body.len / 2 : r->body.len);
    bool ok = send_all(c, b.p, b.len);
    kt_buf_free(&b);
    static const char filler[1 << 14];
    for (size_t sent = 0; ok && r->breaks == FAKE_ENDLESS && sent < ENDLESS; sent += sizeof filler)
        ok = send_all(c, filler, sizeof filler);
    if (r->breaks == FAKE_RESET_BODY)
        reset(c);
    return ok && !cut && !r->close;
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
    if (!f->tls)
        return;
    struct timeval t = {HANDSHAKE_MS / 1000, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    c->tls = SSL_new(f->tls);
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

/* What a test has to say to the streams. */
static void push_on(struct fake_http *f)
{
    uint64_t ignored;
    must(read(f->wake, &ignored, sizeof ignored) == sizeof ignored, "wake");
    pthread_mutex_lock(&f->lock);
    struct push *w = f->push;
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
        p[1] = (struct pollfd){.fd = f->listener, .events = POLLIN};
        for (size_t i = 0; i < CONNS; i++)
            p[i + 2] = (struct pollfd){.fd = f->conn[i].fd, .events = POLLIN};
        p[CONNS + 2] = (struct pollfd){.fd = f->wake, .events = POLLIN};
        if (poll(p, CONNS + 3, -1) < 0 && errno != EINTR)
            abort();
        if (p[0].revents)
            return NULL;
        for (size_t i = 0; i < CONNS; i++)
            if (p[i + 2].fd >= 0 && p[i + 2].revents && !hear(f, &f->conn[i]))
                lose(f, &f->conn[i]);
        if (p[CONNS + 2].revents)
            push_on(f);
        if (p[1].revents)
            welcome(f);
    }
}

struct fake_http *fake_http_new(void (*on)(void *ctx, const struct fake_request *r, struct fake_reply *out), void *ctx)
{
    struct fake_http *f = calloc(1, sizeof *f);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    must(f != NULL, "memory");
    f->on = on;
    f->ctx = ctx;
    for (size_t i = 0; i < CONNS; i++)
        f->conn[i].fd = -1;
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    f->stop = eventfd(0, EFD_CLOEXEC);
    f->wake = eventfd(0, EFD_CLOEXEC);
    must(f->listener >= 0 && f->stop >= 0 && f->wake >= 0 && pthread_cond_init(&f->pushed, NULL) == 0, "socket");
    must(bind(f->listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(f->listener, 64) == 0, "listen");
    must(getsockname(f->listener, (struct sockaddr *)&a, &n) == 0, "getsockname");
    f->port = ntohs(a.sin_port);
    pthread_mutexattr_t again; /* who holds it may call what takes it */
    must(pthread_mutexattr_init(&again) == 0 && pthread_mutexattr_settype(&again, PTHREAD_MUTEX_RECURSIVE) == 0 &&
             pthread_mutex_init(&f->lock, &again) == 0 && pthread_create(&f->thread, NULL, serve_all, f) == 0, "thread");
    return f;
}

void fake_http_free(struct fake_http *f)
{
    uint64_t one = 1;
    must(write(f->stop, &one, sizeof one) == sizeof one, "stop");
    pthread_join(f->thread, NULL);
    for (size_t i = 0; i < CONNS; i++)
        drop(&f->conn[i]);
    close(f->listener);
    close(f->stop);
    close(f->wake);
    pthread_cond_destroy(&f->pushed);
    SSL_CTX_free(f->tls);
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

/* --- TLS -------------------------------------------------------------------------- */

static X509 *make_certificate(EVP_PKEY *key, const char *name, int from_days, int days)
{
    char alt[128];
    struct in_addr any;
    X509 *x = X509_new();
    snprintf(alt, sizeof alt, "%s:%s", inet_pton(AF_INET, name, &any) == 1 ? "IP" : "DNS", name);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt);
    X509_EXTENSION *ca = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
    must(x && ext && ca, "certificate");
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), (long)from_days * 86400);
    X509_gmtime_adj(X509_getm_notAfter(x), (long)(from_days + days) * 86400);
    X509_NAME *subject = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    must(X509_set_issuer_name(x, subject) == 1 && X509_set_pubkey(x, key) == 1 && X509_add_ext(x, ext, -1) == 1 &&
             X509_add_ext(x, ca, -1) == 1 && X509_sign(x, key, EVP_sha256()) > 0,
         "certificate");
    X509_EXTENSION_free(ext);
    X509_EXTENSION_free(ca);
    return x;
}

void fake_http_tls(struct fake_http *f, const char *name, int from_days, int days, int version, const char *pem_path)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    must(key != NULL, "key");
    X509 *x = make_certificate(key, name, from_days, days);
    SSL_CTX *t = SSL_CTX_new(TLS_server_method());
    must(t && SSL_CTX_use_certificate(t, x) == 1 && SSL_CTX_use_PrivateKey(t, key) == 1, "TLS");
    if (version) {
        SSL_CTX_set_security_level(t, 0);
        must(SSL_CTX_set_min_proto_version(t, TLS1_VERSION) == 1 && SSL_CTX_set_max_proto_version(t, version) == 1, "TLS");
    }
    FILE *out = pem_path ? fopen(pem_path, "w") : NULL;
    if (pem_path)
        must(out && PEM_write_X509(out, x) == 1 && fclose(out) == 0, pem_path);
    X509_free(x);
    EVP_PKEY_free(key);
    pthread_mutex_lock(&f->lock);
    f->tls = t;
    pthread_mutex_unlock(&f->lock);
}
