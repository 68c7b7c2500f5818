/* The one HTTP client, over libcurl's multi interface. It never blocks: calls
 * are started, driven when their descriptor is readable or their time has
 * come, and read when they are done. Without a call under way it makes no
 * system call.
 *
 * What nobody can switch off: TLS 1.2 or later with the certificate and its
 * name verified; no redirect is followed; no .netrc; paths are sent as they
 * are; plain http goes to loopback and to the instance metadata addresses
 * alone, and those never through a proxy. Bodies, headers and time are
 * limited. Proxies are those of the environment (https_proxy, no_proxy).
 *
 * Follows libcurl-multi(3), libcurl-security(3). */
#ifndef KT_NET_NET_H
#define KT_NET_NET_H
#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KT_NET_BODY_MAX = 16 << 20, /* of a reply, unless the request says less */
    KT_NET_HEAD_MAX = 64 << 10, /* of all header lines of a reply */
    KT_NET_HEADERS = 24,        /* of a request */
    KT_NET_CALLS = 64,          /* under way at once */
    KT_NET_HELD = 4 << 20       /* of all bodies but the oldest: who would hold more has to wait */
};

/* Removes from the environment what would change TLS, write its keys to a
 * file, or load code into it: SSLKEYLOGFILE, SSL_CERT_FILE, SSL_CERT_DIR,
 * OPENSSL_CONF, OPENSSL_MODULES, OPENSSL_ENGINES, CURL_HOME, NETRC. To be
 * called first thing, before threads. Returns how many there were. */
size_t kt_net_scrub(void);

struct kt_net_opts {
    const char *ca_bundle; /* a file or folder instead of the system's; NULL or "": the system's */
};
struct kt_net;
enum kt_code kt_net_new(struct kt_net **out, const struct kt_net_opts *o, struct kt_err *e);
/* Ends the calls under way; their handles are invalid afterwards. */
void kt_net_free(struct kt_net *n);

struct kt_net_request { /* all is copied */
    const char *method; /* "GET", "POST", "PUT" */
    const char *url;
    const char *header[KT_NET_HEADERS]; /* "Name: value"; ends with NULL if fewer */
    struct kt_span body;                /* known: sent with its length */
    size_t max_body;                    /* 0: KT_NET_BODY_MAX */
    int connect_ms, total_ms;           /* 0: 10 s, 90 s */
    bool packed;                        /* the body may come gzipped; its limits are of what it is unpacked */
    int stall_s;                        /* with less than 16 bytes of body a second for so long it is given up; 0: 60 s */
};

enum kt_net_fault {
    KT_NET_OK,       /* there is a status; it may be any */
    KT_NET_POLICY,   /* not sent: see the sentence */
    KT_NET_RESOLVE, KT_NET_CONNECT, KT_NET_TLS, KT_NET_TIMEOUT,
    KT_NET_BROKEN,   /* ended early, or was not HTTP */
    KT_NET_TOO_LARGE, KT_NET_NOMEM
};
struct kt_net_call;
struct kt_net_reply {
    enum kt_net_fault fault;
    int status;
    struct kt_span body;
    int64_t date;     /* its Date, ms; KT_TIME_NONE */
    const char *why;  /* a sentence's part, where there is a fault */
};

/* NULL where memory ran out or too many are under way. A request against
 * the policy is a call that is done at once, with that fault. */
struct kt_net_call *kt_net_start(struct kt_net *n, const struct kt_net_request *r);
bool kt_net_done(const struct kt_net_call *c);
/* Once done; borrowed until kt_net_end. */
struct kt_net_reply kt_net_reply(const struct kt_net_call *c);
/* A header of the reply, the last of that name; unknown where there is none. */
struct kt_span kt_net_header(const struct kt_net_call *c, const char *name);
/* For replies that are read as they come: the status, 0 before there is a
 * body or an end; what has come of the body and was not taken; and taking its
 * first `n` bytes. `max_body` is then what may lie there at once. */
int kt_net_status(const struct kt_net_call *c);
struct kt_span kt_net_part(const struct kt_net_call *c);
void kt_net_take(struct kt_net_call *c, size_t n);
/* Wipes and frees; gives up a call that is under way. NULL is nothing. */
void kt_net_end(struct kt_net_call *c);

/* The machine slept, or moved to another network: calls under way end as
 * KT_NET_BROKEN at once, and connections of before are not used any more. Done
 * by itself when kt_net_start or kt_net_drive find that it has slept. */
void kt_net_woke(struct kt_net *n);

/* Does what can be done without waiting. */
void kt_net_drive(struct kt_net *n);
/* What to wait for: *fd readable (-1: nothing), or *deadline in kt_mono_ms()
 * time (0: none). False where nothing is under way and nothing watched. */
bool kt_net_wait(const struct kt_net *n, int *fd, int64_t *deadline);
/* Another descriptor that makes kt_net_wait's readable, as of a child; `until`: a time by
 * which its deadline is, too, as long as any is watched; 0: none. */
bool kt_net_watch(struct kt_net *n, int fd, int64_t until);
void kt_net_unwatch(struct kt_net *n, int fd);

/* The policy alone: may this URL be asked? `e` says why not. */
enum kt_code kt_net_allows(const char *url, struct kt_err *e);
#endif
