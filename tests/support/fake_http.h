/* A small HTTP/1.1 server on loopback, in a thread of the test: what it
 * answers, and how it breaks, is the handler's. */
#ifndef TESTS_SUPPORT_FAKE_HTTP_H
#define TESTS_SUPPORT_FAKE_HTTP_H
#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum fake_break { /* what happens instead of a whole answer */
    FAKE_WHOLE,
    FAKE_CLOSE,      /* hangs up without a byte */
    FAKE_CUT_HEAD,   /* hangs up within the head */
    FAKE_CUT_BODY,   /* hangs up within the body */
    FAKE_RESET_BODY, /* the same, by a reset */
    FAKE_STALL,      /* keeps silent */
    FAKE_ENDLESS     /* a body that does not end */
};

struct fake_request { /* borrowed */
    char method[16];
    char target[8192];   /* as it was sent */
    struct kt_span head; /* all header lines */
    struct kt_span body;
};
struct fake_reply {
    int status;          /* 200 at first */
    struct kt_buf head;  /* more header lines, each with CRLF; "Date" unless it is there */
    struct kt_buf body;
    enum fake_break breaks;
    bool close;          /* after it */
    bool stream;         /* chunked: the body is its beginning, fake_http_push goes on */
};

struct fake_http;
/* `on` is called on the server's thread, under the lock. Never fails. */
struct fake_http *fake_http_new(void (*on)(void *ctx, const struct fake_request *r, struct fake_reply *out), void *ctx);
void fake_http_free(struct fake_http *f);
int fake_http_port(const struct fake_http *f);
/* For a look at what the handler shares. */
void fake_http_lock(struct fake_http *f);
void fake_http_unlock(struct fake_http *f);
unsigned fake_http_connections(const struct fake_http *f); /* accepted so far */
/* To all streams that are open: the bytes, in chunks of `piece`; or their end
 * (by a reset). Returns when they were sent. How many streams are open. */
void fake_http_push(struct fake_http *f, const void *p, size_t n, size_t piece);
void fake_http_hang_up(struct fake_http *f, bool reset);
unsigned fake_http_streams(const struct fake_http *f);
/* Speaks TLS from now on, with a certificate made for `name` ("localhost" or
 * an address), valid from and for so many days from now, at most `version`
 * (0: any; 0x0302: TLS 1.1). Its certificate in PEM goes to `pem_path`. */
void fake_http_tls(struct fake_http *f, const char *name, int from_days, int days, int version, const char *pem_path);

struct kt_span fake_header(const struct fake_request *r, const char *name);
#endif
