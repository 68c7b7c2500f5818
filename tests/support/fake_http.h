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
    FAKE_ENDLESS,    /* a body that does not end */
    FAKE_RESET,      /* a reset without a byte */
    FAKE_RESET_HEAD, /* within the head */
    FAKE_ALERT_BODY, /* within the body, over TLS: an alert */
    FAKE_SLOW_HEAD,  /* a byte a second, from the first one on */
    FAKE_SLOW_BODY   /* the same, from half of the body on */
};
enum fake_door {
    FAKE_DOOR_OPEN,
    FAKE_DOOR_SHUT, /* nobody listens */
    FAKE_DOOR_FULL  /* nobody answers: connections hang */
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
/* Asked before `on`, which is left out where it returns true: it has answered. What it sets
 * of `breaks` stands all the same. As it, called under the lock. */
void fake_http_before(struct fake_http *f, bool (*before)(void *ctx, const struct fake_request *r, struct fake_reply *out), void *ctx);
/* All connections end, and the door is so from now on. From within a handler: as soon as
 * it has answered. */
void fake_http_door(struct fake_http *f, enum fake_door door);
void fake_http_door_soon(struct fake_http *f, enum fake_door door);
/* For a look at what the handler shares. */
void fake_http_lock(struct fake_http *f);
void fake_http_unlock(struct fake_http *f);
/* Of all fakes: what handlers have done so far is seen from here on, and what was set before by
 * them. Where a client begins and where it has ended. */
void fake_http_see_all(void);
unsigned fake_http_connections(const struct fake_http *f); /* accepted so far */
/* To all streams that are open: the bytes, in chunks of `piece`; or their end
 * (by a reset). Returns when they were sent. How many streams are open. */
void fake_http_push(struct fake_http *f, const void *p, size_t n, size_t piece);
void fake_http_hang_up(struct fake_http *f, bool reset);
unsigned fake_http_streams(const struct fake_http *f);
/* Speaks TLS from now on, as that (borrowed); connections that there are end. */
struct fake_tls;
void fake_http_speak(struct fake_http *f, const struct fake_tls *t);
void fake_http_speak_soon(struct fake_http *f, const struct fake_tls *t); /* as of fake_http_door_soon */
/* The same for good, with one made as by fake_tls_new. */
void fake_http_tls(struct fake_http *f, const char *name, int from_days, int days, int version, const char *pem_path);

struct kt_span fake_header(const struct fake_request *r, const char *name);
#endif
