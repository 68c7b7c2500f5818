/* demo: what happens. A script plans the calls of one affair around the time
 * at which its key is made; the past is a day of dealt scripts and three
 * attacks, the present deals on. */
#include "source/demo.h"

#include <stdio.h>
#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
/* In the past, people take their time; live, a newcomer should see the end. */
enum { PAST_PACE = 6 };

/* The credentials and tools of someone who does not belong here. */
struct place {
    const char *address, *agent;
};

static int64_t between(struct demo *d, int64_t lo, int64_t hi)
{
    return lo + (int64_t)demo_below(d, (uint32_t)(hi - lo + 1));
}

/* `seconds` (at most DEMO_LEAD) before the key, at the pace of the day. */
static int64_t ahead(const struct demo *d, int64_t at, int seconds)
{
    return at - (int64_t)seconds * SECOND * d->pace;
}

static int64_t after(struct demo *d, int64_t at, int lo_seconds, int hi_seconds)
{
    return at + between(d, (int64_t)lo_seconds * SECOND, (int64_t)hi_seconds * SECOND) * d->pace;
}

/* Someone of any of the groups, who is also of the group `too` (0: no
 * matter), with whose keys no script is busy at that time; DEMO_NOBODY where
 * there is none. */
static int pick(struct demo *d, uint32_t groups, uint32_t too, int64_t at)
{
    uint32_t seen = 0;
    bool unused = false; /* some who had no affair yet: they come first */
    int chosen = DEMO_NOBODY;
    for (int i = 0; i < DEMO_CAST; i++) {
        const struct demo_principal *p = &d->cast[i];
        if (!(p->groups & groups) || (p->groups & too) != too || p->busy_until >= at || (unused && p->busy_until))
            continue;
        if (!unused && !p->busy_until) {
            unused = true;
            seen = 0;
        }
        if (demo_below(d, ++seen) == 0)
            chosen = i;
    }
    return chosen;
}

/* Any one of a group, busy or not. */
static int anyone(struct demo *d, uint32_t groups)
{
    uint32_t seen = 0;
    int chosen = DEMO_NOBODY;
    for (int i = 0; i < DEMO_CAST; i++)
        if ((d->cast[i].groups & groups) && demo_below(d, ++seen) == 0)
            chosen = i;
    return chosen;
}

/* The second half of a rotation, in the way of `c`: the old key is switched
 * off, and deleted once nobody missed it. */
static void retire(struct demo *d, struct demo_call c)
{
    c.flags &= ~(uint32_t)DEMO_UNSAID;
    c.at = after(d, c.at, 60, 240);
    c.verb = DEMO_DO_DEACTIVATE_KEY;
    demo_plan(d, c);
    c.at = after(d, c.at, 60, 720);
    c.verb = DEMO_DO_DELETE_KEY;
    demo_plan(d, c);
    d->cast[c.target].busy_until = c.at;
}

static void replace_key(struct demo *d, struct demo_call c)
{
    c.verb = DEMO_DO_CREATE_KEY;
    demo_plan(d, c);
    struct demo_call use = {.at = after(d, c.at, 5, 40), .verb = DEMO_DO_WHO_AM_I, .who = c.target,
                            .target = DEMO_NOBODY, .flags = DEMO_NEWEST};
    demo_plan(d, use);
    retire(d, c);
}

/* --- the ordinary scripts ----------------------------------------------------- */

static bool own_key_by_cli(struct demo *d, int64_t at)
{
    int who = pick(d, DEMO_ROTATES, 0, at);
    if (who == DEMO_NOBODY)
        return false;
    demo_plan(d, (struct demo_call){.at = ahead(d, at, 3), .verb = DEMO_DO_LIST_KEYS, .who = who, .target = who,
                                    .flags = DEMO_UNSAID});
    replace_key(d, (struct demo_call){.at = at, .who = who, .target = who,
                                      .flags = demo_below(d, 2) ? DEMO_UNSAID : 0});
    return true;
}

static bool own_key_by_program(struct demo *d, int64_t at)
{
    int who = pick(d, DEMO_JAVA, 0, at);
    if (who == DEMO_NOBODY)
        return false;
    replace_key(d, (struct demo_call){.at = at, .who = who, .target = who});
    return true;
}

static bool own_key_in_console(struct demo *d, int64_t at)
{
    int who = pick(d, DEMO_PERSON, DEMO_ROTATES, at);
    if (who == DEMO_NOBODY)
        return false;
    struct demo_call c = {.at = ahead(d, at, 14), .verb = DEMO_DO_CONSOLE_LOGIN, .who = who, .target = who,
                          .since = ahead(d, at, 14), .agent = demo_agent_BROWSER, .flags = DEMO_CONSOLE | DEMO_MFA};
    demo_plan(d, c);
    c.at = ahead(d, at, 8);
    c.verb = DEMO_DO_LIST_KEYS;
    c.agent = demo_below(d, 3) ? demo_agent_INTERNAL : demo_agent_BROWSER;
    demo_plan(d, c);
    c.at = at;
    replace_key(d, c);
    return true;
}

/* /team/jack makes a key for himself: his name is the last part of his ARN. */
static bool own_key_of_jack(struct demo *d, int64_t at)
{
    if (d->cast[DEMO_JACK].busy_until >= at)
        return false;
    replace_key(d, (struct demo_call){.at = at, .who = DEMO_JACK, .target = DEMO_JACK});
    return true;
}

/* jackson is not jack, though one name holds the other. */
static bool key_for_near_name(struct demo *d, int64_t at)
{
    if (d->cast[DEMO_JACK].busy_until >= at)
        return false;
    replace_key(d, (struct demo_call){.at = at, .who = DEMO_JACKSON, .target = DEMO_JACK});
    return true;
}

static bool key_by_rotator(struct demo *d, int64_t at)
{
    static const int served[] = {DEMO_SVC_BACKUP, DEMO_SVC_MAILER, DEMO_SVC_DEPLOY};
    int who = served[demo_below(d, sizeof served / sizeof *served)];
    if (d->cast[who].busy_until >= at)
        return false;
    replace_key(d, (struct demo_call){.at = at, .who = DEMO_ROTATOR, .target = who});
    return true;
}

static bool key_by_instance(struct demo *d, int64_t at)
{
    if (d->cast[DEMO_SVC_DEPLOY].busy_until >= at)
        return false;
    demo_plan(d, (struct demo_call){.at = ahead(d, at, 2), .verb = DEMO_DO_WHO_AM_I, .who = DEMO_CI_DEPLOY,
                                    .target = DEMO_NOBODY});
    replace_key(d, (struct demo_call){.at = at, .who = DEMO_CI_DEPLOY, .target = DEMO_SVC_DEPLOY});
    return true;
}

static bool key_from_cloudshell(struct demo *d, int64_t at)
{
    static const struct { int who, target; } pairs[] = {{DEMO_DAN, DEMO_SVC_MAILER}, {DEMO_GRACE, DEMO_SVC_CI},
                                                        {DEMO_INES, DEMO_SVC_REDASH}, {DEMO_GRACE, DEMO_SVC_E2E}};
    size_t i = demo_below(d, sizeof pairs / sizeof *pairs);
    if (d->cast[pairs[i].target].busy_until >= at)
        return false;
    struct demo_call c = {.at = ahead(d, at, 6), .verb = DEMO_DO_LIST_KEYS, .who = pairs[i].who,
                          .target = pairs[i].target, .agent = demo_agent_CLOUDSHELL, .flags = DEMO_CONSOLE};
    demo_plan(d, c);
    c.at = at;
    replace_key(d, c);
    return true;
}

/* --- users that come into being --------------------------------------------------- */

/* A user who does not exist yet; DEMO_NOBODY where all places are taken. */
static int newcomer(struct demo *d, int maker, const char *name, int64_t at, int64_t until)
{
    for (int i = DEMO_CAST; i < DEMO_CAST_ALL; i++) {
        struct demo_principal *p = &d->cast[i];
        /* The past is planned before any of it is written: no place is given twice. */
        if (p->name[0] && (!d->live || p->busy_until >= at))
            continue;
        *p = (struct demo_principal){.kind = DEMO_USER, .account = d->cast[maker].account, .path = "/",
                                     .session = "", .busy_until = until};
        p->address = p->account == 1 ? "10.1.6.22" : "10.0.4.33";
        p->agent = demo_agent_GO;
        snprintf(p->name, sizeof p->name, "%s", name);
        demo_id(&d->rng, "AIDA", demo_accounts[p->account].id, 17, p->id, sizeof p->id);
        return i;
    }
    return DEMO_NOBODY;
}

static void user_with_key(struct demo *d, int64_t at, struct demo_call c)
{
    c.at = ahead(d, at, 4);
    c.verb = DEMO_DO_CREATE_USER;
    demo_plan(d, c);
    c.at = ahead(d, at, 2);
    c.verb = DEMO_DO_ATTACH_POLICY;
    demo_plan(d, c);
    c.at = at;
    c.verb = DEMO_DO_CREATE_KEY;
    demo_plan(d, c);
    struct demo_call use = {.at = after(d, at, 60, 180), .verb = DEMO_DO_BUCKET_LOCATION, .who = c.target,
                            .target = DEMO_NOBODY};
    demo_plan(d, use);
}

static void session_begins(struct demo *d, struct demo_call *c, enum demo_verb verb, int by)
{
    struct demo_call assume = {.at = c->at, .verb = verb, .who = by, .target = c->who};
    demo_plan(d, assume);
    c->since = c->at;
}

/* A user per pull request, gone with its environment. */
static bool preview_environment(struct demo *d, int64_t at)
{
    char name[DEMO_NAMES];
    int64_t ends = after(d, at, 900, 1500);
    d->preview += 1 + demo_below(d, 3);
    snprintf(name, sizeof name, "preview-pr-%u", d->preview);
    int user = newcomer(d, DEMO_GITHUB, name, at - DEMO_LEAD * SECOND * d->pace, ends + MINUTE);
    if (user == DEMO_NOBODY)
        return false;
    struct demo_call c = {.at = ahead(d, at, 8), .who = DEMO_GITHUB, .target = user};
    session_begins(d, &c, DEMO_DO_ASSUME_ROLE_WEB, DEMO_GITHUB);
    user_with_key(d, at, c);
    static const enum demo_verb undo[] = {DEMO_DO_DETACH_POLICY, DEMO_DO_DELETE_KEY, DEMO_DO_DELETE_USER};
    for (size_t i = 0; i < sizeof undo / sizeof *undo; i++) {
        demo_plan(d, (struct demo_call){.at = ends + (int64_t)i * 2 * SECOND, .verb = undo[i], .who = DEMO_GITHUB,
                                        .target = user, .flags = DEMO_NEWEST});
    }
    return true;
}

/* Terraform makes a service user; such users stay. */
static bool provisioned_user(struct demo *d, int64_t at)
{
    static const char *const what[] = {"billing", "orders", "search", "catalog", "audit", "webhooks"};
    static const char *const use[] = {"export", "reader", "sync", "archive"};
    enum { WHAT = sizeof what / sizeof *what, USE = sizeof use / sizeof *use };
    if (d->provisioned == WHAT * USE)
        return preview_environment(d, at);
    char name[DEMO_NAMES];
    uint32_t n = d->provisioned++;
    snprintf(name, sizeof name, "svc-%s-%s", what[n % WHAT], use[(n + n / WHAT) % USE]);
    int user = newcomer(d, DEMO_TERRAFORM, name, at - DEMO_LEAD * SECOND * d->pace, INT64_MAX);
    if (user == DEMO_NOBODY)
        return false;
    struct demo_call c = {.at = ahead(d, at, 8), .who = DEMO_TERRAFORM, .target = user};
    session_begins(d, &c, DEMO_DO_ASSUME_ROLE, DEMO_CI_DEPLOY);
    user_with_key(d, at, c);
    return true;
}

/* A person's stack makes the user: CloudFormation calls on her behalf. */
static bool user_by_stack(struct demo *d, int64_t at)
{
    char name[DEMO_NAMES];
    snprintf(name, sizeof name, "feature-%u-uploader", 300 + demo_below(d, 600));
    int64_t ends = after(d, at, 900, 1500);
    int user = newcomer(d, DEMO_GRACE, name, at - DEMO_LEAD * SECOND * d->pace, ends + MINUTE);
    if (user == DEMO_NOBODY)
        return false;
    struct demo_call c = {.at = ahead(d, at, 9), .verb = DEMO_DO_CREATE_STACK, .who = DEMO_GRACE, .target = user,
                          .flags = DEMO_CONSOLE};
    demo_plan(d, c);
    c.agent = c.address = demo_agent_STACK;
    c.flags = DEMO_STACK;
    user_with_key(d, at, c);
    c.flags |= DEMO_NEWEST;
    c.at = ends;
    c.verb = DEMO_DO_DELETE_KEY;
    demo_plan(d, c);
    c.at = ends + 2 * SECOND;
    c.verb = DEMO_DO_DELETE_USER;
    demo_plan(d, c);
    return true;
}

/* --- calls that fail ---------------------------------------------------------------- */

static bool denied_call(struct demo *d, int64_t at)
{
    static const struct { int who, target; enum demo_error error; } tries[] = {
        {DEMO_BOB, DEMO_SVC_BACKUP, DEMO_DENIED},       {DEMO_PRIYA, DEMO_SVC_CI, DEMO_DENIED},
        {DEMO_OLEG, DEMO_SVC_WAREHOUSE, DEMO_DENIED},   {DEMO_GITHUB, DEMO_SVC_CI, DEMO_DENIED_SCP},
        {DEMO_INES, DEMO_NADIA, DEMO_DENIED_SCP},       {DEMO_TOMASZ, DEMO_SVC_METRICS, DEMO_DENIED}};
    size_t i = demo_below(d, sizeof tries / sizeof *tries);
    struct demo_call c = {.at = at, .verb = DEMO_DO_CREATE_KEY, .who = tries[i].who, .target = tries[i].target,
                          .error = tries[i].error};
    if (tries[i].who == DEMO_INES)
        c.flags = DEMO_CONSOLE;
    demo_plan(d, c);
    return true;
}

static bool quota_reached(struct demo *d, int64_t at)
{
    int who = demo_below(d, 2) ? DEMO_ALICE : DEMO_SVC_ETL;
    struct demo_call c = {.at = ahead(d, at, 5), .verb = DEMO_DO_LIST_KEYS, .who = who, .target = DEMO_SVC_ETL,
                          .flags = who == DEMO_SVC_ETL ? DEMO_UNSAID : 0};
    demo_plan(d, c);
    c.at = at;
    c.verb = DEMO_DO_CREATE_KEY; /* the ledger refuses: there are two */
    demo_plan(d, c);
    return true;
}

/* --- attacks --------------------------------------------------------------------------- */

static const struct place attacker[] = {
    {"203.0.113.9", demo_agent_BOTO3_28},  {"192.0.2.201", demo_agent_PACU},
    {"203.0.113.171", demo_agent_REQUESTS}, {"198.51.100.143", demo_agent_S3_BROWSER}};
static const struct place buyer[] = {
    {"198.51.100.77", demo_agent_KALI}, {"203.0.113.218", demo_agent_KALI},
    {"192.0.2.19", demo_agent_S3_BROWSER}, {"2001:db8:bad:5::66", demo_agent_KALI}};

/* Security switches the newest key off and deletes it. */
static void contain(struct demo *d, int64_t at, int by, int target)
{
    struct demo_call c = {.at = at, .verb = DEMO_DO_DEACTIVATE_KEY, .who = by, .target = target,
                          .flags = DEMO_NEWEST};
    if (d->cast[by].agent == demo_agent_BROWSER)
        c.flags |= DEMO_CONSOLE;
    if (d->cast[by].kind == DEMO_ROOT)
        c.flags |= DEMO_MFA;
    demo_plan(d, c);
    c.at += 70 * SECOND;
    c.verb = DEMO_DO_DELETE_KEY;
    demo_plan(d, c);
}

struct step {
    int seconds; /* from the making of the key */
    enum demo_verb verb;
    enum demo_error error;
};

/* Plans steps whose other particulars are those of `c`. */
static void walk(struct demo *d, int64_t at, struct demo_call c, const struct step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        c.at = at + (int64_t)steps[i].seconds * SECOND;
        c.verb = steps[i].verb;
        c.error = steps[i].error;
        demo_plan(d, c);
    }
}
#define WALK(d, at, c, steps) walk(d, at, c, steps, sizeof(steps) / sizeof *(steps))

/* The key of the build leaked. Whoever has it makes one for an administrator
 * whom nobody remembers, and someone else uses that within the minute. */
static void leaked_key(struct demo *d, int64_t at, size_t variant)
{
    static const struct { int who, target, responder; } prey[] = {
        {DEMO_CI_PUBLISH, DEMO_LEGACY_ADMIN, DEMO_SAM}, {DEMO_SVC_CI, DEMO_ADMIN, DEMO_GRACE}};
    static const struct step make[] = {
        {-96, DEMO_DO_WHO_AM_I, 0},     {-81, DEMO_DO_LIST_USERS, 0}, {-64, DEMO_DO_LIST_POLICIES, 0},
        {-52, DEMO_DO_ATTACH_ADMIN, DEMO_DENIED}, {-31, DEMO_DO_LIST_KEYS, 0}, {0, DEMO_DO_CREATE_KEY, 0}};
    static const struct step use[] = {
        {34, DEMO_DO_WHO_AM_I, 0},  {41, DEMO_DO_LIST_BUCKETS, 0},       {55, DEMO_DO_LIST_USERS, 0},
        {71, DEMO_DO_AUTHORIZATION_DETAILS, 0}, {96, DEMO_DO_LIST_SECRETS, 0}, {104, DEMO_DO_GET_SECRET, 0},
        {131, DEMO_DO_DESCRIBE_INSTANCES, 0}};
    size_t p = variant % (sizeof prey / sizeof *prey), m = variant % (sizeof attacker / sizeof *attacker);
    struct demo_call c = {.who = prey[p].who, .target = prey[p].target, .address = attacker[m].address,
                          .agent = attacker[m].agent};
    WALK(d, at, c, make);
    c = (struct demo_call){.who = prey[p].target, .target = DEMO_NOBODY, .address = buyer[m].address,
                           .agent = buyer[m].agent, .flags = DEMO_NEWEST};
    WALK(d, at, c, use);
    contain(d, at + between(d, 9 * MINUTE, 12 * MINUTE), prey[p].responder, prey[p].target);
}

/* Someone tries eve's credentials on every spelling of the administrator's
 * name, then comes back as root, whose sign-in needs no second factor. */
static void console_takeover(struct demo *d, int64_t at, size_t variant)
{
    static const struct { int root, user; const char *address, *browser, *names[3]; } prey[] = {
        {DEMO_ROOT_DEV, DEMO_EVE, "198.51.100.4", demo_agent_FIREFOX, {"admin", "Admin", "ADMIN"}},
        {DEMO_ROOT_DATA, DEMO_OLEG, "192.0.2.166", demo_agent_FIREFOX, {"nadia", "Nadia", "NADIA"}},
        {DEMO_ROOT_PROD, DEMO_BOB, "203.0.113.190", demo_agent_BROWSER, {"alice", "Alice", "ALICE"}}};
    static const int seconds[] = {-252, -243, -231};
    size_t p = variant % (sizeof prey / sizeof *prey);
    for (size_t i = 0; i < 3; i++)
        demo_plan(d, (struct demo_call){.at = at + (int64_t)seconds[i] * SECOND, .verb = DEMO_DO_CREATE_KEY,
                                        .who = prey[p].user, .target = DEMO_NOBODY, .name = prey[p].names[i],
                                        .address = "192.0.2.77", .error = DEMO_DENIED});
    struct demo_call c = {.who = prey[p].root, .target = prey[p].root, .address = prey[p].address,
                          .agent = prey[p].browser, .flags = DEMO_CONSOLE | DEMO_UNSAID,
                          .since = at - 70 * SECOND};
    static const struct step in_console[] = {
        {-98, DEMO_DO_CONSOLE_LOGIN, DEMO_BAD_PASSWORD}, {-70, DEMO_DO_CONSOLE_LOGIN, 0},
        {-44, DEMO_DO_ACCOUNT_SUMMARY, 0}, {-38, DEMO_DO_LIST_KEYS, 0}, {0, DEMO_DO_CREATE_KEY, 0}};
    WALK(d, at, c, in_console);
    static const struct step with_key[] = {{48, DEMO_DO_WHO_AM_I, 0}, {66, DEMO_DO_DESCRIBE_TRAILS, 0},
                                           {79, DEMO_DO_STOP_LOGGING, 0}, {140, DEMO_DO_RUN_INSTANCES, 0}};
    c.flags = DEMO_NEWEST;
    c.agent = demo_agent_CLI_LINUX;
    WALK(d, at, c, with_key);
    contain(d, at + between(d, 7 * MINUTE, 10 * MINUTE), prey[p].root, prey[p].root);
}

/* A role of a batch system makes keys for one analyst after the other. */
static void spree(struct demo *d, int64_t at, size_t variant)
{
    static const struct place from[] = {{"203.0.113.171", demo_agent_BOTO3_28}, {"192.0.2.201", demo_agent_PACU}};
    size_t p = variant % (sizeof from / sizeof *from);
    struct demo_call c = {.at = at - 40 * SECOND, .verb = DEMO_DO_ASSUME_ROLE, .who = DEMO_SVC_WAREHOUSE,
                          .target = DEMO_PIPELINE, .address = from[p].address, .agent = from[p].agent};
    demo_plan(d, c);
    c.who = DEMO_PIPELINE;
    c.since = c.at;
    static const struct step look[] = {{-36, DEMO_DO_WHO_AM_I, 0}, {-31, DEMO_DO_LIST_USERS, 0},
                                       {-12, DEMO_DO_LIST_ROLES, 0}};
    c.target = DEMO_NOBODY;
    WALK(d, at, c, look);
    c.verb = DEMO_DO_CREATE_KEY;
    c.at = at;
    int64_t ends = at + between(d, 14 * MINUTE, 18 * MINUTE) * d->pace;
    for (int i = 0; i < DEMO_CAST; i++) {
        const struct demo_principal *analyst = &d->cast[i];
        if (!(analyst->groups & DEMO_ANALYST))
            continue;
        c.target = i;
        demo_plan(d, c);
        c.at += between(d, 18 * SECOND, 33 * SECOND);
        if (!(analyst->groups & DEMO_TWO_KEYS))
            contain(d, ends += 5 * SECOND, DEMO_INES, i);
    }
    static const int programs[] = {DEMO_SVC_WAREHOUSE, DEMO_SVC_REDASH};
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        if (d->cast[programs[i]].busy_until >= at)
            continue;
        c.target = programs[i];
        d->cast[programs[i]].busy_until = ends + 10 * MINUTE;
        demo_plan(d, c);
        c.at += between(d, 18 * SECOND, 33 * SECOND);
        contain(d, ends += 5 * SECOND, DEMO_INES, programs[i]);
    }
    c.target = DEMO_NOBODY;
    c.name = "svc-warehouse-old";
    c.error = DEMO_NO_SUCH_USER;
    demo_plan(d, c);
}

void demo_plan_attack(struct demo *d, int64_t at)
{
    static void (*const attacks[])(struct demo *, int64_t, size_t) = {leaked_key, console_takeover, spree};
    enum { KINDS = sizeof attacks / sizeof *attacks };
    size_t n = ++d->attacks; /* those of the past were the first of each kind */
    attacks[(n - 1) % KINDS](d, at, (n - 1) / KINDS + 1);
}

/* --- the deck: which script comes when ---------------------------------------------------- */

static const struct {
    bool (*script)(struct demo *d, int64_t at);
    uint8_t copies;
    bool human; /* keeps office hours */
} cards[] = {
    {own_key_by_cli, 6, true},      {own_key_in_console, 4, true},  {own_key_by_program, 2, false},
    {own_key_of_jack, 1, true},     {key_for_near_name, 1, true},   {key_by_rotator, 3, false},
    {key_by_instance, 2, false},    {key_from_cloudshell, 2, true}, {provisioned_user, 5, false},
    {preview_environment, 3, true}, {user_by_stack, 2, true},       {denied_call, 3, true},
    {quota_reached, 2, true},
};

static void shuffle(struct demo *d)
{
    d->deck_len = d->dealt = 0;
    for (size_t i = 0; i < sizeof cards / sizeof *cards; i++)
        for (uint8_t k = 0; k < cards[i].copies && d->deck_len < DEMO_DECK_MAX; k++)
            d->deck[d->deck_len++] = (uint8_t)i;
    for (size_t i = d->deck_len - 1; i > 0; i--) {
        size_t j = demo_below(d, (uint32_t)i + 1);
        uint8_t t = d->deck[i];
        d->deck[i] = d->deck[j];
        d->deck[j] = t;
    }
}

/* Whoever is busy gives way to a newcomer, so that a key is made in any case. */
static void play(struct demo *d, size_t card, int64_t at)
{
    if (!cards[card].script(d, at) && !own_key_by_cli(d, at) && !preview_environment(d, at))
        denied_call(d, at);
}

void demo_plan_key(struct demo *d, int64_t at)
{
    if (d->dealt == d->deck_len)
        shuffle(d);
    play(d, d->deck[d->dealt++], at);
}

void demo_plan_rotation(struct demo *d, int64_t at)
{
    if (!own_key_by_cli(d, at))
        denied_call(d, at);
}

/* --- the day ---------------------------------------------------------------------------- */

/* How much happens in each hour, UTC. */
static const uint8_t by_hour[24] = {2, 2, 2, 2, 2, 3, 5, 8, 11, 12, 12, 11, 9, 11, 12, 12, 11, 9, 6, 4, 3, 3, 2, 2};

static uint32_t busyness(int64_t at)
{
    int64_t hour = at / HOUR % 24;
    return by_hour[hour < 0 ? hour + 24 : hour];
}

static const struct {
    enum demo_verb verb;
    uint32_t groups;
    uint8_t weight;
    bool human;
    uint32_t flags;
} chores[] = {
    {DEMO_DO_WHO_AM_I, DEMO_WORKLOAD | DEMO_CI, 10, false, 0},
    {DEMO_DO_WHO_AM_I, DEMO_PERSON, 4, true, 0},
    {DEMO_DO_BUCKET_LOCATION, DEMO_WORKLOAD, 12, false, 0},
    {DEMO_DO_BUCKET_ACL, DEMO_AWS, 6, false, 0},
    {DEMO_DO_DECRYPT, DEMO_WORKLOAD | DEMO_CI, 10, false, 0},
    {DEMO_DO_GET_SECRET, DEMO_WORKLOAD, 5, false, 0},
    {DEMO_DO_LOG_STREAM, DEMO_WORKLOAD, 6, false, 0},
    {DEMO_DO_REGISTRY_TOKEN, DEMO_CI, 4, false, 0},
    {DEMO_DO_DESCRIBE_INSTANCES, DEMO_CI | DEMO_PERSON, 8, false, 0},
    {DEMO_DO_DESCRIBE_GROUPS, DEMO_SSO, 4, true, DEMO_CONSOLE},
    {DEMO_DO_DESCRIBE_STACKS, DEMO_CI | DEMO_SSO, 4, false, 0},
    {DEMO_DO_LIST_BUCKETS, DEMO_PERSON | DEMO_SSO, 3, true, 0},
    {DEMO_DO_LIST_USERS, DEMO_SSO, 2, true, DEMO_CONSOLE},
    {DEMO_DO_LIST_KEYS, DEMO_PERSON, 2, true, DEMO_UNSAID},
    {DEMO_DO_GET_USER, DEMO_PERSON, 2, true, DEMO_UNSAID},
    {DEMO_DO_KEY_LAST_USED, DEMO_PERSON, 1, true, 0},
    {DEMO_DO_LOG_GROUPS, DEMO_SSO, 3, true, DEMO_CONSOLE},
    {DEMO_DO_LIST_FUNCTIONS, DEMO_PERSON | DEMO_SSO, 2, true, 0},
    {DEMO_DO_LOOKUP_EVENTS, DEMO_SSO, 1, true, DEMO_CONSOLE},
    {DEMO_DO_CONSOLE_LOGIN, DEMO_PERSON, 2, true, DEMO_MFA},
};

static size_t draw_chore(struct demo *d)
{
    uint32_t total = 0;
    for (size_t i = 0; i < sizeof chores / sizeof *chores; i++)
        total += chores[i].weight;
    uint32_t drawn = demo_below(d, total);
    size_t i = 0;
    while (drawn >= chores[i].weight)
        drawn -= chores[i++].weight;
    return i;
}

void demo_plan_chore(struct demo *d, int64_t at)
{
    if (demo_below(d, 20) == 0) { /* services take their roles all day long */
        demo_plan(d, (struct demo_call){.at = at, .verb = DEMO_DO_ASSUME_ROLE, .who = DEMO_AUTOSCALING,
                                        .target = DEMO_SCALING});
        demo_plan(d, (struct demo_call){.at = at + SECOND, .verb = DEMO_DO_DESCRIBE_INSTANCES, .who = DEMO_SCALING,
                                        .target = DEMO_NOBODY, .since = at});
        return;
    }
    size_t i = draw_chore(d);
    if (chores[i].human && demo_below(d, 12) >= busyness(at))
        i = 2; /* the workloads never sleep */
    int who = anyone(d, chores[i].groups);
    struct demo_call c = {.at = at, .verb = chores[i].verb, .who = who, .target = who, .flags = chores[i].flags};
    if (chores[i].verb == DEMO_DO_CONSOLE_LOGIN || (c.flags & DEMO_CONSOLE))
        c.agent = demo_agent_BROWSER;
    demo_plan(d, c);
}

/* A time between the two, at the k-th of n parts of what happens between
 * them; `human`: as offices are busy, else evenly. */
static int64_t part_of_day(struct demo *d, int64_t from, int64_t to, size_t k, size_t n, bool human)
{
    enum { STEP = 10 * MINUTE };
    uint64_t total = 0;
    for (int64_t t = from; t < to; t += STEP)
        total += human ? busyness(t) : 1;
    uint64_t wanted = total * (k * 1000 + demo_below(d, 1000)) / (n * 1000);
    for (int64_t t = from; t < to; t += STEP) {
        uint64_t here = human ? busyness(t) : 1;
        if (wanted < here)
            return between(d, t, t + STEP <= to ? t + STEP - 1 : to);
        wanted -= here;
    }
    return to;
}

struct slot {
    int64_t at;
    uint8_t card;
};

static void plan_deck(struct demo *d, int64_t from, int64_t to)
{
    struct slot slots[DEMO_DECK_MAX];
    size_t count[2] = {0, 0}, n = 0, k[2] = {0, 0};
    shuffle(d);
    for (size_t i = 0; i < d->deck_len; i++)
        count[cards[d->deck[i]].human]++;
    for (size_t i = 0; i < d->deck_len; i++) {
        bool human = cards[d->deck[i]].human;
        struct slot s = {part_of_day(d, from, to, k[human]++, count[human], human), d->deck[i]};
        size_t j = n++;
        for (; j > 0 && slots[j - 1].at > s.at; j--)
            slots[j] = slots[j - 1];
        slots[j] = s;
    }
    d->dealt = d->deck_len;
    /* In the order of time: who is busy depends on what was before. */
    for (size_t i = 0; i < n; i++)
        play(d, slots[i].card, slots[i].at);
}

void demo_plan_history(struct demo *d, int64_t now)
{
    int64_t from = now - 24 * HOUR + 5 * MINUTE;
    d->pace = PAST_PACE;
    d->preview = 1400 + demo_below(d, 400);
    for (int64_t t = from; t < now - 2 * MINUTE; t += 10 * MINUTE)
        for (uint32_t n = busyness(t) * 3 / 2 + demo_below(d, 5); n > 0; n--)
            demo_plan_chore(d, between(d, t, t + 10 * MINUTE < now ? t + 10 * MINUTE : now - 2 * SECOND));
    own_key_of_jack(d, now - 9 * HOUR - between(d, 0, 40 * MINUTE));
    key_for_near_name(d, now - 4 * HOUR - between(d, 0, 40 * MINUTE));
    plan_deck(d, from, now - 12 * MINUTE);
    spree(d, now - 6 * HOUR - 4 * MINUTE, 0);
    console_takeover(d, now - 50 * MINUTE, 0);
    leaked_key(d, now - 3 * MINUTE, 0);
    d->pace = 1;
}
