/* demo: who there is. Accounts, addresses and mail names are those that
 * documentation may use; nobody here exists. */
#include "source/demo.h"

#include <stdio.h>
#include <stdlib.h>

#define SSO_PATH "/aws-reserved/sso.amazonaws.com/eu-west-1/"

const struct demo_account demo_accounts[] = {
    {"111122223333", "eu-west-1", "amzn-s3-demo-bucket-prod-ledger", "i-0abc1234de56f7890"},
    {"444455556666", "us-east-1", "amzn-s3-demo-bucket-dev-artifacts", "i-0d4c19be27f60a835"},
    {"777788889999", "us-west-2", "amzn-s3-demo-bucket-data-lake", "i-07e3b8c5a1f249d60"},
};

#define X(id, text) const char demo_agent_##id[] = text;
DEMO_AGENTS(X)
#undef X

static const struct {
    enum demo_kind kind;
    uint8_t account;
    const char *name, *path, *session, *address, *agent;
    uint32_t groups;
} table[DEMO_CAST] = {
#define X(id, kind, account, name, path, session, address, agent, groups) \
    [DEMO_##id] = {DEMO_##kind, account, name, path, session, address, demo_agent_##agent, groups},
    DEMO_PRINCIPALS(X)
#undef X
};

uint64_t demo_hash(const char *text, uint64_t more)
{
    uint64_t h = 0xcbf29ce484222325u ^ more; /* FNV-1a */
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    return h;
}

/* The identifiers of an account begin alike: their first 48 bits are a one,
 * the account's number in 40, and seven of chance. So these can be told to
 * belong to accounts that exist in documentation only. */
void demo_id(uint64_t *rng, const char *prefix, const char *account, size_t chars, char *out, size_t room)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint64_t number = strtoull(account, NULL, 10), chance = demo_random(rng);
    uint64_t head = (UINT64_C(1) << 47 | number << 7 | (chance & 0x7f)) << 16;
    size_t n = (size_t)snprintf(out, room, "%s", prefix);
    chance = demo_random(rng);
    for (size_t i = 0; i < chars && n + 1 < room; i++) {
        uint64_t *bits = i < 9 ? &head : &chance; /* nine letters hold 45 bits */
        out[n++] = alphabet[*bits >> 59];
        *bits <<= 5;
    }
    out[n] = '\0';
}

static void give_keys(struct demo *d, struct demo_principal *p)
{
    const char *account = demo_accounts[p->account].id;
    if (p->kind == DEMO_SERVICE || p->kind == DEMO_ROOT)
        return;
    uint64_t rng = demo_hash(p->name, p->account);
    demo_id(&rng, p->kind == DEMO_ROLE ? "AROA" : "AIDA", account, 17, p->id, sizeof p->id);
    if (p->kind != DEMO_USER || (p->groups & DEMO_KEYLESS))
        return;
    for (int i = 0; i < (p->groups & DEMO_TWO_KEYS ? 2 : 1); i++)
        demo_id(&d->rng, "AKIA", account, 16, p->keys[i], sizeof p->keys[i]);
}

void demo_cast_fill(struct demo *d)
{
    for (int i = 0; i < DEMO_CAST; i++) {
        struct demo_principal *p = &d->cast[i];
        *p = (struct demo_principal){.kind = table[i].kind, .account = table[i].account, .groups = table[i].groups,
                                     .path = table[i].path, .session = table[i].session,
                                     .address = table[i].address, .agent = table[i].agent};
        snprintf(p->name, sizeof p->name, "%s", table[i].name);
        give_keys(d, p);
    }
}
