/* Codes of MFA devices: wanted on the engine's thread, typed on the screen's. */
#include "engine/impl.h"

enum { TAKEN_MS = 8000 /* so long others wait for the session that comes of it, before they ask */ };

static struct engine_mfa *find(struct kt_engine *g, const char *serial)
{
    for (size_t i = 0; i < g->n_mfa; i++)
        if (strcmp(g->mfa[i].serial, serial) == 0)
            return &g->mfa[i];
    return NULL;
}

static struct engine_mfa *want(struct kt_engine *g, const char *serial)
{
    if (g->n_mfa == MFA_MAX || strlen(serial) >= KT_MFA_SERIAL)
        return NULL;
    struct engine_mfa *x = &g->mfa[g->n_mfa++];
    *x = (struct engine_mfa){.state = MFA_WANTED};
    engine_copy_cut(x->serial, sizeof x->serial, serial);
    return x;
}

static enum kt_asked look(struct engine_mfa *x, char *code, size_t size)
{
    switch (x->state) {
    case MFA_WANTED:
        return KT_ASKED_WAITING;
    case MFA_GIVEN:
        engine_copy_cut(code, size, x->code);
        explicit_bzero(x->code, sizeof x->code);
        x->state = MFA_TAKEN;
        x->at = kt_mono_ms();
        return KT_ASKED_OK;
    case MFA_TAKEN:
        if (kt_mono_ms() - x->at >= TAKEN_MS)
            x->state = MFA_WANTED;
        return KT_ASKED_WAITING;
    case MFA_REFUSED:
        break;
    }
    return KT_ASKED_NO;
}

enum kt_asked engine_mfa(void *ctx, const char *serial, char *code, size_t size)
{
    struct kt_engine *g = ctx;
    pthread_mutex_lock(&g->lock);
    struct engine_mfa *x = find(g, serial);
    bool was = x && x->state == MFA_WANTED;
    if (!x)
        x = want(g, serial);
    enum kt_asked asked = x ? look(x, code, size) : KT_ASKED_NOBODY;
    bool news = x && x->state == MFA_WANTED && !was;
    pthread_mutex_unlock(&g->lock);
    if (news)
        engine_notify(g->news_fd);
    return asked;
}

bool kt_engine_mfa(struct kt_engine *g, char serial[KT_MFA_SERIAL])
{
    bool any = false;
    pthread_mutex_lock(&g->lock);
    for (size_t i = 0; i < g->n_mfa && !any; i++)
        if (g->mfa[i].state == MFA_WANTED) {
            memcpy(serial, g->mfa[i].serial, KT_MFA_SERIAL);
            any = true;
        }
    pthread_mutex_unlock(&g->lock);
    return any;
}

void kt_engine_mfa_answer(struct kt_engine *g, const char *serial, const char *code)
{
    pthread_mutex_lock(&g->lock);
    struct engine_mfa *x = find(g, serial);
    if (x && code && strlen(code) < sizeof x->code) {
        engine_copy_cut(x->code, sizeof x->code, code);
        x->state = MFA_GIVEN;
    } else if (x) {
        x->state = MFA_REFUSED;
    }
    pthread_mutex_unlock(&g->lock);
}

size_t kt_engine_mfa_again(struct kt_engine *g)
{
    size_t n = 0;
    pthread_mutex_lock(&g->lock);
    for (size_t i = 0; i < g->n_mfa; i++)
        if (g->mfa[i].state == MFA_REFUSED) {
            g->mfa[i].state = MFA_WANTED; /* what needs it looks again by itself */
            n++;
        }
    pthread_mutex_unlock(&g->lock);
    return n;
}
