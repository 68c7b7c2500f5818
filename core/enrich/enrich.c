#include "enrich/enrich.h"

#include "enrich/impl.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct data {
    struct mmdb *country, *network; /* network: the same one where the files are the same */
    struct aws_ranges *aws;
};

struct kt_enrich {
    char *country, *network, *aws;
    pthread_rwlock_t lock; /* of what data says; held for one look, or to exchange it */
    struct data data;
};

static void data_free(struct data *d)
{
    if (d->network != d->country)
        mmdb_free(d->network);
    mmdb_free(d->country);
    aws_free(d->aws);
}

static enum kt_code data_read(struct data *d, const struct kt_enrich *n, struct kt_err *e)
{
    enum kt_code c = KT_OK;
    *d = (struct data){0};
    if (n->country)
        c = mmdb_open(&d->country, n->country, e);
    if (c == KT_OK && n->network && n->country && strcmp(n->country, n->network) == 0)
        d->network = d->country;
    else if (c == KT_OK && n->network)
        c = mmdb_open(&d->network, n->network, e);
    if (c == KT_OK && n->aws)
        c = aws_open(&d->aws, n->aws, e);
    if (c != KT_OK) {
        data_free(d);
        *d = (struct data){0};
    }
    return c;
}

static bool copy(const char *s, char **out)
{
    *out = s ? strdup(s) : NULL;
    return !s || *out;
}

enum kt_code kt_enrich_open(struct kt_enrich **out, const struct kt_enrich_files *f, struct kt_err *e)
{
    *out = NULL;
    struct kt_enrich *n = calloc(1, sizeof *n);
    if (!n || pthread_rwlock_init(&n->lock, NULL) != 0) {
        free(n);
        return kt_fail(e, KT_ENOMEM, "out of memory");
    }
    bool ok = copy(f->country, &n->country);
    ok = copy(f->network, &n->network) && ok;
    ok = copy(f->aws, &n->aws) && ok;
    enum kt_code c = ok ? data_read(&n->data, n, e) : kt_fail(e, KT_ENOMEM, "out of memory");
    if (c != KT_OK) {
        kt_enrich_free(n);
        return c;
    }
    *out = n;
    return KT_OK;
}

void kt_enrich_free(struct kt_enrich *n)
{
    if (!n)
        return;
    data_free(&n->data);
    pthread_rwlock_destroy(&n->lock);
    free(n->country);
    free(n->network);
    free(n->aws);
    free(n);
}

enum kt_code kt_enrich_reload(struct kt_enrich *n, struct kt_err *e)
{
    struct data fresh, old;
    enum kt_code c = data_read(&fresh, n, e);
    if (c != KT_OK)
        return c;
    if (pthread_rwlock_wrlock(&n->lock) != 0) {
        data_free(&fresh);
        return kt_fail(e, KT_ENOMEM, "out of memory");
    }
    old = n->data;
    n->data = fresh;
    pthread_rwlock_unlock(&n->lock);
    data_free(&old);
    return KT_OK;
}

bool kt_enrich_address(struct kt_enrich *n, struct kt_span address, struct kt_whereabouts *out)
{
    struct ip ip;
    *out = (struct kt_whereabouts){0};
    if (!ip_parse(address, &ip))
        return false;
    out->range = ip_range(&ip);
    if (!n || pthread_rwlock_rdlock(&n->lock) != 0)
        return true;
    const struct data *d = &n->data;
    if (d->country)
        mmdb_look(d->country, &ip, true, d->network == d->country, out);
    if (d->network && d->network != d->country)
        mmdb_look(d->network, &ip, false, true, out);
    if (d->aws)
        aws_look(d->aws, &ip, out);
    pthread_rwlock_unlock(&n->lock);
    return true;
}

void kt_whereabouts_network(const struct kt_whereabouts *w, char out[KT_ENRICH_TEXT])
{
    out[0] = '\0';
    if (w->asn)
        (void)snprintf(out, KT_ENRICH_TEXT, "AS%u%s%s", w->asn, w->org[0] ? " " : "", w->org);
}

void kt_whereabouts_aws(const struct kt_whereabouts *w, char out[KT_ENRICH_TEXT])
{
    out[0] = '\0';
    if (w->aws_service[0])
        (void)snprintf(out, KT_ENRICH_TEXT, "%s %s", w->aws_service, w->aws_region);
}

static struct kt_span kept(struct kt_arena *a, const char *s)
{
    return s[0] ? kt_arena_span(a, kt_span_of(s)) : KT_SPAN_NONE;
}

void kt_enrich_look(void *enrich, struct kt_span address, struct kt_arena *a, struct kt_span *network,
                    struct kt_span *country)
{
    struct kt_whereabouts w;
    char text[KT_ENRICH_TEXT];
    *network = *country = KT_SPAN_NONE;
    if (!kt_enrich_address(enrich, address, &w))
        return;
    kt_whereabouts_network(&w, text);
    *network = kept(a, text);
    *country = kept(a, w.country);
}
