/* s3: the source. Reads a trail's bucket, an organization's as well: finds the
 * accounts and Regions below a prefix, reads each file once, and looks again
 * for those that come late. It only lists and gets. */
#include "source/s3.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

#define HOUR ((int64_t)3600000)

enum { INTERVAL_MS = 60000, LANE_MS = 25, TOLD_MS = 10, SILENT_MS = 300000, DELAY_MS = 15 * 60000, FED_MAX = 4 };

void s3_complain(struct s3 *s, const char *place, const char *says, bool gap, const struct kt_source_sink *sink)
{
    char text[700];
    snprintf(text, sizeof text, "%.300s: %.380s", place, says);
    uint64_t h = kt_hash(text, strlen(text));
    size_t most = sizeof s->complaints / sizeof *s->complaints, n = s->n_complaints < most ? s->n_complaints : most;
    for (size_t i = 0; i < n; i++)
        if (s->complaints[i] == h)
            return;
    s->complaints[s->n_complaints++ % most] = h;
    s->health.troubles++;
    s->health.gaps += gap;
    sink->trouble(sink->ctx, place, says, gap);
}

/* --- birth and death ------------------------------------------------------------------------ */

static void s3_close(struct kt_source *source)
{
    struct s3 *s = (struct s3 *)source;
    if (!s)
        return;
    for (size_t i = 0; i < S3_SLOTS; i++)
        ask_free(&s->slot[i].ask);
    for (size_t i = 0; i < S3_JOBS; i++) {
        s3_job_end(&s->job[i]);
        ask_free(&s->job[i].ask);
    }
    for (size_t i = 0; i < s->n_lanes; i++)
        s3_lane_drop(s->lane[i]);
    for (size_t i = 0; i < s->n_walks; i++)
        free(s->walk[i].folder);
    free(s->lane);
    free(s->walk);
    kt_creds_free(s->creds);
    kt_net_free(s->net);
    s3_address_drop(&s->address);
    free(s);
}

static void digest_names(struct s3 *s, const struct kt_source_opts *o)
{
    uint8_t digest[KT_SHA256];
    struct kt_buf b;
    kt_buf_init(&b, 1 << 20);
    for (size_t i = 0; i < o->n_event_names; i++)
        kt_buf_addf(&b, "%s\n", o->event_names[i]);
    kt_sha256(kt_buf_str(&b), b.len, digest);
    kt_hex(digest, sizeof digest, s->names);
    kt_buf_free(&b);
}

static enum kt_code make_creds(struct s3 *s, const char *region, struct kt_err *e)
{
    enum kt_code code = kt_creds_new(&s->creds, s->aws, s->net, s->address.profile, region, e);
    if (code != KT_OK || !s->address.role)
        return code;
    struct kt_creds *base = s->creds;
    s->creds = NULL;
    code = kt_creds_role(&s->creds, base, s->address.role, s->address.external, region, e);
    kt_creds_free(base);
    return code;
}

static enum kt_code set_up(struct s3 *s, const char *address, struct kt_err *e)
{
    bool named;
    char room[64];
    enum kt_code code = s3_address_parse(&s->address, address, e);
    if (code != KT_OK)
        return code;
    snprintf(s->profile, sizeof s->profile, "%s", kt_aws_profile(s->aws, s->address.profile, &named));
    const char *region = kt_aws_region(s->aws, s->address.region, s->profile, room, sizeof room);
    region = region ? region : "us-east-1"; /* S3 says where it is */
    snprintf(s->name, sizeof s->name, "s3://%s", s->address.bucket);
    code = kt_net_new(&s->net, &(struct kt_net_opts){kt_aws_env(s->aws, "AWS_CA_BUNDLE")}, e);
    if (code == KT_OK)
        code = bucket_open(&s->bucket, s->aws, s->address.bucket, region, s->profile, e);
    if (code == KT_OK)
        code = make_creds(s, region, e);
    for (size_t i = 0; i < S3_JOBS; i++)
        ask_init(&s->job[i].ask, s->aws, s->net, s->creds, 1);
    for (size_t i = 0; i < S3_SLOTS; i++)
        ask_init(&s->slot[i].ask, s->aws, s->net, s->creds, 1);
    return code;
}

static enum kt_code s3_open(struct kt_source **out, const char *address, const struct kt_source_opts *o, struct kt_err *e)
{
    struct s3 *s = o->aws ? calloc(1, sizeof *s) : NULL;
    if (!s)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    s->source.ops = &kt_source_s3;
    s->aws = o->aws;
    s->follow = o->follow;
    s->check = o->check;
    s->since = o->check ? KT_TIME_NONE : o->since;
    s->answered = KT_TIME_NONE;
    s->health.state = KT_HEALTH_STARTING;
    for (size_t i = 0; i < S3_JOBS; i++)
        kt_buf_init(&s->job[i].token, BUCKET_KEY_MAX * 4);
    digest_names(s, o);
    enum kt_code code = set_up(s, address, e);
    if (code != KT_OK) {
        s3_close(&s->source);
        return code;
    }
    s->floor = s->since != KT_TIME_NONE ? s->since : s->follow ? kt_aws_now(s->aws) - 24 * HOUR : 0;
    *out = &s->source;
    return KT_OK;
}

/* --- health ------------------------------------------------------------------------------------ */

static void assess(struct s3 *s)
{
    struct kt_health *h = &s->health;
    int64_t now = kt_aws_now(s->aws), complete = 0, until = kt_creds_until(s->creds);
    bool whole = s->found && s->n_lanes, ill = s->walk_failed;
    size_t n_ill = 0;
    for (size_t i = 0; i < s->n_lanes; i++) {
        const struct s3_lane *l = s->lane[i];
        whole &= l->complete != KT_TIME_NONE;
        n_ill += l->ailing;
        if (l->complete != KT_TIME_NONE && (!complete || l->complete < complete))
            complete = l->complete;
    }
    ill |= n_ill > 0;
    bool silent = s->answered != KT_TIME_NONE && now - s->answered > 3 * s->interval + SILENT_MS;
    h->state = s->done                       ? (s->answered == KT_TIME_NONE && ill ? KT_HEALTH_FAILED : KT_HEALTH_DONE)
               : ill || silent               ? KT_HEALTH_STALE
               : s->answered == KT_TIME_NONE ? KT_HEALTH_STARTING
               : whole                       ? KT_HEALTH_LIVE
                                             : KT_HEALTH_READING;
    h->last_poll = s->answered == KT_TIME_NONE ? 0 : s->answered;
    h->complete_to = whole && complete ? complete - DELAY_MS : 0;
    h->credentials_until = until == KT_TIME_NONE ? 0 : until;
    h->note[0] = '\0';
    if (n_ill)
        snprintf(h->note, sizeof h->note, "%zu of %zu accounts and Regions could not be read", n_ill, s->n_lanes);
    else if (s->walk_failed)
        snprintf(h->note, sizeof h->note, "the folders could not be listed");
}

/* --- steps --------------------------------------------------------------------------------------- */

static void sooner(int64_t *at, int64_t t, int64_t now)
{
    if (t > now && (!*at || t < *at))
        *at = t;
}

static void lanes_wait(const struct s3 *s, int64_t *at, int64_t now)
{
    for (size_t i = 0; i < s->n_lanes; i++)
        for (size_t p = 0; p < S3_PASSES && !s->lane[i]->busy && !s->lane[i]->done; p++)
            sooner(at, s->lane[i]->due[p], now);
    sooner(at, s->follow ? s->walk_due : 0, now);
}

static void wait_for(struct s3 *s, struct kt_wait *next)
{
    int64_t at = 0, net, mono = kt_aws_mono(s->aws), now = kt_mono_ms();
    bool telling = false;
    if (s->done) {
        next->kind = KT_WAIT_DONE;
        return;
    }
    lanes_wait(s, &at, s->stepped); /* not now: what has become due meanwhile is not past */
    for (size_t i = 0; i < S3_JOBS; i++) {
        const struct s3_job *j = &s->job[i];
        telling |= j->stage == S3_TELLING;
        sooner(&at, j->ask.busy ? j->ask.wake : j->wake, s->stepped);
        sooner(&at, j->retry, s->stepped);
    }
    for (size_t i = 0; i < S3_SLOTS; i++)
        sooner(&at, s->slot[i].job ? s->slot[i].ask.wake : 0, s->stepped);
    bool network = kt_net_wait(s->net, &next->fd, &net);
    int64_t due = at ? now + (at - mono) : 0;
    if (network && net && (!due || net < due))
        due = net;
    if (telling && (!due || now + TOLD_MS < due))
        due = now + TOLD_MS;
    next->kind = network ? KT_WAIT_FD : KT_WAIT_TIME;
    next->deadline = network || due ? due : now + TOLD_MS;
}

/* Accounts and Regions come to be: looked for each hour. */
static void look_for_lanes(struct s3 *s)
{
    int64_t mono = kt_aws_mono(s->aws);
    if (s->done || (s->told && (!s->follow || mono < s->walk_due)))
        return;
    s->told = true;
    s->walk_due = mono + HOUR;
    s3_walk_start(s);
    int64_t least = (int64_t)s->n_lanes * LANE_MS;
    s->interval = s->address.interval ? s->address.interval : least > INTERVAL_MS ? least : INTERVAL_MS;
    s->found |= s->n_lanes && !s->n_walks;
}

static bool all_done(const struct s3 *s)
{
    bool done = !s->follow && s->found && !s->n_walks;
    for (size_t i = 0; i < S3_JOBS; i++)
        done &= s->job[i].stage == S3_IDLE;
    for (size_t i = 0; i < s->n_lanes && !(s->check && i); i++)
        done &= s->lane[i]->done;
    return done;
}

static void s3_do(struct kt_source *source, const struct kt_source_sink *sink, struct kt_wait *next)
{
    struct s3 *s = (struct s3 *)source;
    *next = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
    s->stepped = kt_aws_mono(s->aws);
    kt_net_drive(s->net);
    look_for_lanes(s);
    int fed = 0;
    bool busy = false;
    for (size_t i = 0; i < S3_SLOTS && fed < FED_MAX; i++)
        fed += s3_slot_step(s, &s->slot[i], sink);
    for (size_t i = 0; i < S3_JOBS && !s->done; i++)
        busy |= s3_job_step(s, &s->job[i], sink);
    s->done |= all_done(s);
    assess(s);
    if (!fed && !busy)
        wait_for(s, next);
}

static void s3_health(const struct kt_source *s, struct kt_health *out)
{
    *out = ((const struct s3 *)s)->health;
}

const struct kt_source_ops kt_source_s3 = {
    .scheme = "s3", .open = s3_open, .step = s3_do, .health = s3_health, .close = s3_close};
