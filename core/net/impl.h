/* What the files of core/net share. */
#ifndef KT_NET_IMPL_H
#define KT_NET_IMPL_H
#include "base/buf.h"
#include "net/net.h"

#include <curl/curl.h>

struct kt_net {
    CURLM *multi;
    int epoll;
    int64_t timer;  /* when libcurl wants to be called, kt_mono_ms(); 0: not */
    size_t calls;   /* under way */
    size_t watched; /* descriptors of others */
    int64_t until;  /* the soonest at which one of them is looked at anyway; 0: none */
    char ca[4096];
    bool ca_is_folder;
    struct kt_net_call *first;
    size_t held;    /* bytes of all bodies */
    size_t paused;  /* calls that wait for room */
    bool room;      /* there is some that they have not been told of */
    int64_t asleep;   /* ms that the machine had slept when that was last looked at */
    int64_t distrust; /* until then, kt_mono_ms(), no connection of before is used; 0 */
};

struct kt_net_call {
    struct kt_net *net;
    struct kt_net_call *next, *prev;
    CURL *easy; /* NULL: never sent */
    struct curl_slist *headers;
    char *sent;
    size_t sent_n;
    struct kt_buf head, body;
    bool done, too_large, paused;
    enum kt_net_fault fault;
    int status;
    char why[CURL_ERROR_SIZE + 64];
    char curl_says[CURL_ERROR_SIZE];
};

struct net_url {
    bool near; /* this machine, or its metadata: never through a proxy */
};
bool net_is_near(const char *host);
enum kt_code net_url_check(const char *url, struct net_url *out, struct kt_err *e);
/* Sets all options of a call; false where memory ran out. */
bool net_setup(struct kt_net_call *c, const struct kt_net_request *r, const struct net_url *u);
/* Its body has changed, or goes: who waited for room may go on. */
void net_count(struct kt_net_call *c, size_t before);
void net_finish(struct kt_net_call *c, CURLcode code);
void net_fail(struct kt_net_call *c, enum kt_net_fault fault, const char *why);
#endif
