/* cloudtrail: the source. Asks CloudTrail's event history (LookupEvents) for
 * the events that keytop shows, in one Region of one or many accounts, at the
 * pace that the service allows. It needs no trail and no bucket.
 *
 *   cloudtrail:[?profile=NAME&region=REGION&role=ARN&external-id=ID&interval=S]
 *
 * region and role may be repeated. Without region it is the one where the
 * partition keeps the events of IAM. What one key or user did is asked of the
 * same accounts and Regions. Follows "LookupEvents" of the CloudTrail
 * API reference. */
#include "source/cloudtrail.h"
#include "source/cloudtrail_address.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    INTERVAL_MS = 15000,
    NAME_MS = 2000,        /* between two calls of an account: a quarter of a quota that others share */
    CALLS_A_SECOND = 40,   /* over all accounts: what a machine should do to itself */
    DELAY_MS = 15 * 60000, /* by which CloudTrail has its events, as a rule */
    STOCK_MS = 1000,
    SILENT_MS = 120000     /* without an answer for so long it is stale */
};

/* --- accounts and Regions ------------------------------------------------------------ */

static void account_of(const char *arn, char out[16])
{
    const char *p = arn;
    for (int colons = 0; p && colons < 4; colons++)
        p = strchr(p, ':') ? strchr(p, ':') + 1 : NULL;
    if (p)
        snprintf(out, 16, "%.*s", (int)(strcspn(p, ":") < 15 ? strcspn(p, ":") : 15), p);
}

static bool make_room(struct trail *t, size_t cap[2])
{
    return kt_grow(&t->lane, &cap[0], t->n_lanes + 1, sizeof *t->lane, TRAIL_LANES_MAX) &&
           kt_grow(&t->rest, &cap[1], t->n_lanes + 1, sizeof *t->rest, TRAIL_LANES_MAX);
}

static enum kt_code add_lane(struct trail *t, size_t cap[2], const struct trail_address *a, const char *role, const char *region,
                             struct kt_err *e)
{
    if (!make_room(t, cap))
        return kt_fail(e, KT_ELIMIT, "cloudtrail: more than %d accounts and Regions", TRAIL_LANES_MAX);
    struct trail_lane *l = &t->lane[t->n_lanes];
    *l = (struct trail_lane){.trail = t};
    t->rest[t->n_lanes] = 0;
    enum kt_code code = kt_aws_endpoint(t->aws, KT_SVC_CLOUDTRAIL, region, t->profile, &l->endpoint, e);
    if (code == KT_OK && role)
        code = kt_creds_role(&l->creds, t->base, role, a->external, region, e);
    if (code != KT_OK)
        return code;
    if (!role)
        l->creds = kt_creds_share(t->base);
    if (role)
        account_of(role, l->account);
    snprintf(l->region, sizeof l->region, "%s", region);
    snprintf(l->name, sizeof l->name, "cloudtrail:%s%s%s", l->account, l->account[0] ? "/" : "", region);
    trail_lane_start(l);
    t->n_lanes++;
    return KT_OK;
}

/* Where IAM's events are, in the partition of the Region one works in. */
static const char *iam_region(const struct trail *t)
{
    char room[64];
    const char *r = kt_aws_region(t->aws, NULL, t->profile, room, sizeof room);
    const struct kt_partition *p = r ? kt_partition_of(r) : NULL;
    return p ? p->iam_region : "us-east-1";
}

static enum kt_code add_lanes(struct trail *t, struct trail_address *a, struct kt_err *e)
{
    size_t cap[2] = {0};
    if (!a->n_regions)
        a->region[a->n_regions++] = iam_region(t);
    enum kt_code code = kt_creds_new(&t->base, t->aws, t->net, a->profile, a->region[0], e);
    for (size_t i = 0; code == KT_OK && i < a->n_regions; i++) {
        if (!a->n_roles)
            code = add_lane(t, cap, a, NULL, a->region[i], e);
        for (size_t j = 0; code == KT_OK && j < a->n_roles; j++)
            code = add_lane(t, cap, a, a->role[j], a->region[i], e);
    }
    return code;
}

/* --- the vtable ------------------------------------------------------------------------ */

static void trail_close(struct kt_source *s)
{
    struct trail *t = (struct trail *)s;
    if (!t)
        return;
    trail_unask_all(t);
    for (size_t i = 0; i < t->n_lanes; i++)
        trail_lane_drop(&t->lane[i]);
    free(t->lane);
    free(t->rest);
    kt_creds_free(t->base);
    kt_net_free(t->net);
    free(t->profile);
    for (size_t i = 0; i < t->n_names; i++)
        free(t->names[i]);
    free(t);
}

static bool is_name(const char *s)
{
    size_t n = strlen(s);
    return n && n < 128 && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == n;
}

static bool has_name(const struct trail *t, const char *name)
{
    for (size_t i = 0; i < t->n_names; i++)
        if (strcmp(t->names[i], name) == 0)
            return true;
    return false;
}

/* Names of events alone: what a use holds is the beginning of a key's id, and
 * LookupEvents has no search by that. */
static bool take_names(struct trail *t, const struct kt_source_opts *o)
{
    static const char *const creation[] = {"CreateAccessKey"};
    const char *const *names = o->n_event_names ? o->event_names : creation;
    size_t n = o->n_event_names ? o->n_event_names : 1;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], "AKIA") == 0)
            t->uses = true;
        else if (!is_name(names[i]) || t->n_names == TRAIL_NAMES)
            t->unasked++;
        else if (!has_name(t, names[i]) && !(t->names[t->n_names++] = strdup(names[i])))
            return false;
    }
    return true;
}

static enum kt_code set_up(struct trail *t, struct trail_address *a, struct kt_err *e)
{
    bool named;
    const char *profile = kt_aws_profile(t->aws, a->profile, &named);
    t->profile = strdup(profile);
    if (!t->profile)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    enum kt_code code = kt_net_new(&t->net, &(struct kt_net_opts){kt_aws_env(t->aws, "AWS_CA_BUNDLE")}, e);
    if (code == KT_OK)
        code = add_lanes(t, a, e);
    if (code == KT_OK && !t->n_names)
        code = kt_fail(e, KT_EUSAGE, "cloudtrail: cannot be asked for uses alone: LookupEvents finds no keys by their beginning");
    int64_t least = (int64_t)(t->n_lanes * t->n_names) * 1000 / CALLS_A_SECOND;
    int64_t share = (int64_t)t->n_names * NAME_MS;
    least = least > share ? least : share;
    t->interval = a->interval ? a->interval : INTERVAL_MS > least ? INTERVAL_MS : least;
    return code;
}

static enum kt_code trail_open(struct kt_source **out, const char *address, const struct kt_source_opts *o,
                               struct kt_err *e)
{
    struct trail_address a = {0};
    struct trail *t = o->aws ? calloc(1, sizeof *t) : NULL;
    struct kt_err own = {.code = KT_ENOMEM, .text = "out of memory"};
    if (t) {
        t->source.ops = &kt_source_cloudtrail;
        t->aws = o->aws;
        t->follow = o->follow;
        t->changed = true;
        t->since = o->since;
        t->until = o->until;
        t->health.state = KT_HEALTH_STARTING;
        own.code = !take_names(t, o) ? KT_ENOMEM : trail_address_parse(&a, address, &own);
        if (own.code == KT_OK)
            own.code = set_up(t, &a, &own);
    }
    trail_address_drop(&a);
    if (own.code != KT_OK) {
        trail_close((struct kt_source *)t);
        return kt_fail(e, own.code, "%s", own.text);
    }
    *out = &t->source;
    return KT_OK;
}

/* --- health ------------------------------------------------------------------------------ */

static void least(int64_t *to, int64_t v)
{
    if (*to == 0 || v < *to)
        *to = v;
}

static void note_time(char *out, size_t size, const char *before, int64_t t)
{
    char text[KT_TIME_TEXT];
    kt_time_format(t - t % 1000, text);
    snprintf(out, size, "%s%s", before, text);
}

/* The screen's part: how all lanes are together. It is as well as its worst
 * lane, and complete as far as the one that is furthest behind. */
static void assess(struct trail *t)
{
    struct kt_health *h = &t->health;
    int64_t now = kt_aws_now(t->aws), polled = 0, complete = 0, until = 0, patience = 3 * t->interval + SILENT_MS;
    bool first = false, silent = false, whole = true, slow = false, all_done = true;
    const struct trail_lane *ill = NULL;
    size_t n_ill = 0;
    uint64_t throttled = 0;
    for (size_t i = 0; i < t->n_lanes; i++) {
        const struct trail_lane *l = &t->lane[i];
        first |= l->answered != KT_TIME_NONE;
        silent |= l->answered != KT_TIME_NONE && now - l->answered > patience;
        whole &= l->complete != KT_TIME_NONE;
        all_done &= l->done;
        n_ill += l->ailing;
        ill = !ill && l->ailing ? l : ill;
        slow |= l->pace && l->pace->penalty > 0;
        throttled += l->pace ? l->pace->throttled : 0;
        if (l->answered != KT_TIME_NONE)
            least(&polled, l->answered);
        if (l->complete != KT_TIME_NONE)
            least(&complete, l->complete - DELAY_MS);
        if (kt_creds_until(l->creds) != KT_TIME_NONE)
            least(&until, kt_creds_until(l->creds));
    }
    h->state = all_done               ? (ill && n_ill == t->n_lanes && !first ? KT_HEALTH_FAILED : KT_HEALTH_DONE)
               : silent || n_ill      ? KT_HEALTH_STALE
               : !first               ? KT_HEALTH_STARTING
               : !whole               ? KT_HEALTH_READING
                                      : KT_HEALTH_LIVE;
    h->last_poll = polled;
    h->complete_to = whole ? complete : 0;
    h->credentials_until = until;
    h->throttled = throttled;
    h->slowed = slow;
    h->note[0] = '\0';
    if (ill && t->n_lanes > 1)
        snprintf(h->note, sizeof h->note, "%zu of %zu accounts: %.60s", n_ill, t->n_lanes, ill->says);
    else if (ill)
        snprintf(h->note, sizeof h->note, "%.119s", ill->says);
    else if (slow)
        snprintf(h->note, sizeof h->note, "throttled: asking less often");
    else if (until && until - now < 5 * 60000)
        note_time(h->note, sizeof h->note, "credentials end at ", until);
}

/* --- steps ------------------------------------------------------------------------------- */

static void remember(struct trail *t, const struct kt_source_sink *sink)
{
    char text[32];
    for (size_t i = 0; t->follow && sink->remember && i < t->n_lanes; i++) {
        struct trail_lane *l = &t->lane[i];
        if (l->complete == KT_TIME_NONE || l->complete == l->remembered)
            continue;
        l->remembered = l->complete;
        snprintf(text, sizeof text, "%lld", (long long)l->complete);
        sink->remember(sink->ctx, l->key, text);
    }
}

static void digest_names(const struct trail *t, char hex[KT_SHA256_HEX + 1])
{
    uint8_t all[TRAIL_NAMES][KT_SHA256], digest[KT_SHA256];
    for (size_t i = 0; i < t->n_names; i++)
        kt_sha256(t->names[i], strlen(t->names[i]), all[i]);
    kt_sha256(all, t->n_names * KT_SHA256, digest);
    kt_hex(digest, sizeof digest, hex);
}

/* At the first step: where an earlier run came to. Another choice of events
 * has not been read yet, however far one came with this one. */
static void recall(struct trail *t, const struct kt_source_sink *sink)
{
    char text[32], *end, names[KT_SHA256_HEX + 1];
    digest_names(t, names);
    for (size_t i = 0; i < t->n_lanes; i++) {
        struct trail_lane *l = &t->lane[i];
        snprintf(l->key, sizeof l->key, "%s %.200s %s", l->name, t->profile, names);
        if (!t->follow || !sink->recall || !sink->recall(sink->ctx, l->key, text, sizeof text))
            continue;
        long long at = strtoll(text, &end, 10);
        if (!*end && at > 0)
            l->complete = l->remembered = at;
    }
}

/* Of hundreds of lanes some change all the time. */
static int64_t stock_gap(const struct trail *t)
{
    return (int64_t)t->n_lanes / 10;
}

static void wait_for(struct trail *t, struct kt_wait *next)
{
    int64_t wake = 0, at, mono = kt_aws_mono(t->aws), asked;
    bool now = false, all_done = true, is_asked = trail_asked(t, &asked, &now);
    for (size_t i = 0; i < t->n_lanes; i++) {
        all_done &= t->rest[i] == INT64_MAX;
        bool held = t->rest[i] <= mono && !t->lane[i].busy;
        if (held && t->busy < TRAIL_BUSY)
            least(&wake, t->turn > mono ? t->turn : mono);
        else if (!held && t->rest[i] && t->rest[i] != INT64_MAX)
            least(&wake, t->rest[i]);
    }
    if (t->changed)
        least(&wake, t->assessed + stock_gap(t));
    if (all_done && !is_asked && !t->changed) {
        next->kind = KT_WAIT_DONE;
        return;
    }
    if (is_asked && asked)
        least(&wake, asked);
    bool network = kt_net_wait(t->net, &next->fd, &at);
    if (wake) {
        int64_t due = kt_mono_ms() + (wake > mono ? wake - mono : 0);
        at = network && at && at < due ? at : due;
    }
    next->kind = now ? KT_WAIT_NONE : network ? KT_WAIT_FD : KT_WAIT_TIME;
    next->deadline = at;
}

/* May a lane that has nothing under way begin? They do so one after the other,
 * and so many at once: to step all the others would be for nothing. */
static bool may_begin(const struct trail *t, int64_t now)
{
    return t->busy < TRAIL_BUSY && now >= t->turn;
}

/* Lanes whose time has come, from the one whose turn it is. True: one fed a page. */
static bool step_lanes(struct trail *t, const struct kt_source_sink *sink)
{
    bool fed = false;
    int64_t now = kt_aws_mono(t->aws);
    for (size_t i = 0, first = t->first; i < t->n_lanes && !fed; i++) {
        size_t k = (first + i) % t->n_lanes;
        if (now < t->rest[k] || (!t->lane[k].busy && !may_begin(t, now)))
            continue;
        fed = trail_step(&t->lane[k], sink);
        t->rest[k] = t->lane[k].done ? INT64_MAX : t->lane[k].wake;
    }
    return fed;
}

/* What is told of hundreds of lanes together: when one has changed, and each
 * second, for what grows old by itself. */
static void take_stock(struct trail *t, const struct kt_source_sink *sink)
{
    int64_t now = kt_aws_mono(t->aws);
    if (now < t->assessed + (t->changed ? stock_gap(t) : STOCK_MS))
        return;
    t->changed = false;
    t->assessed = now;
    remember(t, sink);
    assess(t);
}

static void trail_do(struct kt_source *s, const struct kt_source_sink *sink, struct kt_wait *next)
{
    struct trail *t = (struct trail *)s;
    *next = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
    if (!t->told) {
        t->told = true;
        recall(t, sink);
        if (t->uses)
            sink->trouble(sink->ctx, t->lane[0].name,
                          "uses of keys are not read from here: LookupEvents finds no keys by their beginning", false);
    }
    if (t->unasked) {
        char says[160];
        snprintf(says, sizeof says, "%zu event names that rules want are not looked up here", t->unasked);
        sink->trouble(sink->ctx, t->lane[0].name, says, false);
        t->unasked = 0;
    }
    kt_net_drive(t->net);
    bool fed = step_lanes(t, sink);
    t->changed |= t->question != NULL; /* that is answered at the same pace */
    fed |= trail_answer(t, sink);      /* behind what is read anyhow */
    take_stock(t, sink);
    if (!fed)
        wait_for(t, next);
}

static void trail_health(const struct kt_source *s, struct kt_health *out)
{
    *out = ((const struct trail *)s)->health;
}

const struct kt_source_ops kt_source_cloudtrail = {
    .scheme = "cloudtrail", .open = trail_open, .step = trail_do, .health = trail_health, .close = trail_close,
    .asks = 1 << KT_ASK_KEY | 1 << KT_ASK_USER, .asked_as = "LookupEvents", .ask = trail_ask, .unask = trail_unask};
