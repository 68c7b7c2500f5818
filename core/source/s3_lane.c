/* s3: a lane's passes over its days, and which objects of a day are new. Within
 * a minute keys do not come in their order, and a file may come up to 30 days
 * late: the last two hours are looked at each time, today and yesterday each
 * hour, 30 days each day. */
#include "source/s3.h"

#include <stdio.h>
#include <stdlib.h>

#define HOUR ((int64_t)3600000)
#define DAY (24 * HOUR)

enum { DENIED_AGAIN_MS = 600000 };

void s3_lane_plan(struct s3 *s, struct s3_lane *l)
{
    int64_t now = kt_aws_mono(s->aws);
    l->floor = s->floor;
    l->pass = S3_PASSES;
    l->complete = KT_TIME_NONE;
    for (size_t i = 0; i < S3_PASSES; i++)
        l->due[i] = now;
}

static void memory_key(const struct s3 *s, const struct s3_lane *l, char *out, size_t size)
{
    snprintf(out, size, "s3://%s/%.300s %.16s", s->address.bucket, l->prefix, s->names);
}

/* Where an earlier run came to. Who now wants what lies before its beginning
 * has those days read anew. */
static void recall(struct s3 *s, struct s3_lane *l, const struct kt_source_sink *sink)
{
    char key[480], *text = malloc(S3_POSITION_MAX);
    memory_key(s, l, key, sizeof key);
    l->recalled = true;
    if (text && s->follow && sink->recall && sink->recall(sink->ctx, key, text, S3_POSITION_MAX)) {
        if (!s3_lane_read(l, text)) {
            l->n_days = 0;
            l->caught_up = false;
            l->floor = s->floor;
        }
        if (s->since != KT_TIME_NONE && s->since < l->floor) {
            for (size_t i = 0; i < l->n_days; i++)
                if (l->day[i].number <= s3_day_of(l->floor))
                    l->day[i].n = l->day[i].sum = 0;
            l->floor = s->since;
            l->caught_up = false;
        }
    }
    free(text);
}

static void remember(struct s3 *s, struct s3_lane *l, const struct kt_source_sink *sink)
{
    char key[480], *text = malloc(S3_POSITION_MAX);
    memory_key(s, l, key, sizeof key);
    if (text && s->follow && sink->remember && s3_lane_write(l, text, S3_POSITION_MAX))
        sink->remember(sink->ctx, key, text);
    free(text);
}

/* --- passes ------------------------------------------------------------------------------ */

static bool begin_pass(struct s3 *s, struct s3_lane *l)
{
    int64_t mono = kt_aws_mono(s->aws), now = kt_aws_now(s->aws);
    int today = s3_day_of(now);
    enum s3_pass p = S3_SWEEP; /* the widest that is due */
    while (p > S3_RECENT && mono < l->due[p])
        p--;
    if (mono < l->due[p])
        return false;
    l->pass = p;
    l->began = now;
    l->clean = true;
    l->next_day = s3_day_of(now + HOUR); /* near midnight, whatever the clocks say */
    l->last_day = p == S3_RECENT ? s3_day_of(now - 2 * HOUR) : p == S3_RECENT_WHOLE ? today - 1 : today - S3_SWEEP_DAYS;
    if (!l->caught_up && s3_day_of(l->floor) < l->last_day)
        l->last_day = s3_day_of(l->floor) > today - S3_DAYS_MAX ? s3_day_of(l->floor) : today - S3_DAYS_MAX;
    return true;
}

/* Days that no pass looks at any more, and hashes that none needs. */
static void tidy(struct s3_lane *l, int today)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->n_days; i++) {
        if (l->day[i].number < today - 1)
            s3_day_forget(&l->day[i]);
        if (l->day[i].number >= today - S3_SWEEP_DAYS - 1)
            l->day[kept++] = l->day[i];
    }
    l->n_days = kept;
}

static void end_pass(struct s3 *s, struct s3_lane *l, int64_t again)
{
    static const int64_t period[S3_PASSES] = {[S3_RECENT_WHOLE] = HOUR, [S3_SWEEP] = DAY};
    int64_t mono = kt_aws_mono(s->aws);
    for (enum s3_pass p = S3_RECENT; p <= l->pass && l->clean; p++)
        l->due[p] = mono + (p == S3_RECENT ? s->interval : period[p]);
    if (l->clean) {
        l->complete = l->began;
        l->ailing = false;
        l->failures = 0;
        l->caught_up |= l->pass == S3_SWEEP;
        if (l->pass == S3_SWEEP)
            tidy(l, s3_day_of(l->began));
    } else {
        for (enum s3_pass p = S3_RECENT; p <= l->pass; p++)
            l->due[p] = l->due[p] > mono + again ? l->due[p] : mono + again;
    }
    l->pass = S3_PASSES;
}

static char *text_of(const char *a, const char *b, const char *c)
{
    char *t;
    return asprintf(&t, "%s%s%s", a, b, c) < 0 ? NULL : t;
}

/* The name that a file of that minute begins with. */
static void minute_name(const struct s3_lane *l, int64_t t, char *out, size_t size)
{
    struct kt_civil c = kt_civil_of(t);
    snprintf(out, size, "%s_CloudTrail_%s_%04d%02d%02dT%02d%02dZ", l->account, l->region, c.year % 10000, c.month % 100,
             c.day % 100, c.hour % 100, c.minute % 100);
}

static bool plan_day(struct s3 *s, struct s3_lane *l, struct s3_job *j)
{
    char path[16], name[160] = "";
    struct s3_day *d = s3_lane_day(l, l->next_day, true);
    int64_t from = kt_aws_now(s->aws) - 2 * HOUR;
    j->day = l->next_day--;
    s3_day_path(j->day, path);
    j->whole = l->pass != S3_RECENT || !d || !d->seen;
    j->folder = text_of(l->prefix, path, "");
    if (!j->whole && j->day == s3_day_of(from) && l->account[0]) {
        minute_name(l, from, name, sizeof name);
        j->after = j->folder ? text_of(j->folder, name, "") : NULL;
    }
    return d && j->folder;
}

/* Without following: all that there is, from the first day that is wanted on. */
static bool plan_all(struct s3_lane *l, struct s3_job *j)
{
    char path[16];
    j->all = j->whole = true;
    j->folder = text_of(l->prefix, "", "");
    s3_day_path(s3_day_of(l->floor), path);
    j->after = l->floor > 0 ? text_of(l->prefix, path, "") : NULL;
    return j->folder;
}

bool s3_lane_next(struct s3 *s, struct s3_lane *l, struct s3_job *j, const struct kt_source_sink *sink)
{
    if (l->busy || l->done || (s->check && l != s->lane[0]))
        return false;
    if (!l->recalled)
        recall(s, l, sink);
    if (!s->follow && kt_aws_mono(s->aws) < l->due[S3_RECENT])
        return false;
    if (s->follow && l->pass == S3_PASSES && !begin_pass(s, l))
        return false;
    j->lane = l;
    l->busy = true;
    bool ok = s->follow ? plan_day(s, l, j) : plan_all(l, j);
    if (!ok)
        s3_lane_failed(s, j, "out of memory, or too many days", true, sink);
    return ok;
}

/* --- what is new ----------------------------------------------------------------------------- */

static int by_age(const void *a, const void *b)
{
    const struct s3_entry *x = a, *y = b;
    return x->modified != y->modified ? (x->modified > y->modified) - (x->modified < y->modified) : strcmp(x->key, y->key);
}

/* Those that were there when the day was last read, if they still come first. */
static void skip_known(struct s3_day *d, struct s3_job *j)
{
    uint64_t n = d->n, sum = 0;
    qsort(j->entry, j->n_entries, sizeof *j->entry, by_age);
    for (size_t i = 0; i < n && i < j->n_entries; i++)
        sum += j->entry[i].hash;
    bool same = n <= j->n_entries && sum == d->sum;
    d->n = d->sum = 0;
    for (size_t i = 0; i < n && same; i++)
        j->entry[i].state = s3_day_add(d, j->entry[i].hash) ? S3_SKIPPED : S3_NEW;
}

void s3_lane_listed(struct s3 *s, struct s3_job *j)
{
    struct s3_day *d = j->all ? NULL : s3_lane_day(j->lane, j->day, true);
    bool before = d && !d->n && j->day < s3_day_of(j->lane->floor); /* nothing of it was asked for */
    (void)s;
    if (d && !d->seen && d->n)
        skip_known(d, j);
    for (size_t i = 0; d && i < j->n_entries; i++) {
        struct s3_entry *e = &j->entry[i];
        if (e->state == S3_NEW && s3_day_has(d, e->hash))
            e->state = S3_SKIPPED;
        else if (e->state == S3_NEW && before && e->modified != KT_TIME_NONE && e->modified < j->lane->floor)
            e->state = s3_day_add(d, e->hash) ? S3_SKIPPED : S3_NEW;
    }
    j->open = 0;
    for (size_t i = 0; i < j->n_entries; i++)
        j->open += j->entry[i].state == S3_NEW;
    s->health.files_total += j->open;
}

/* --- ends --------------------------------------------------------------------------------------- */

void s3_lane_finished(struct s3 *s, struct s3_job *j, const struct kt_source_sink *sink)
{
    struct s3_lane *l = j->lane;
    struct s3_day *d = j->all ? NULL : s3_lane_day(l, j->day, true);
    bool first = !l->caught_up;
    for (size_t i = 0; d && i < j->n_entries; i++)
        if (j->entry[i].state == S3_READ && !s3_day_add(d, j->entry[i].hash))
            break; /* it is read again */
    l->clean &= j->failed == 0;
    l->busy = false;
    l->done = j->all;
    bool last = !j->all && l->next_day < l->last_day;
    if (j->all && !j->failed)
        l->complete = kt_aws_now(s->aws);
    if (last)
        end_pass(s, l, j->denied ? DENIED_AGAIN_MS : ask_backoff(s->aws, l->failures++) + s->interval);
    if (j->read || first)
        remember(s, l, sink);
}

void s3_lane_failed(struct s3 *s, struct s3_job *j, const char *says, bool hopeless, const struct kt_source_sink *sink)
{
    struct s3_lane *l = j->lane;
    bool over = !s->follow && (hopeless || l->failures >= 5);
    int64_t again = ask_backoff(s->aws, l->failures++);
    s3_complain(s, l->name, says, over, sink);
    l->ailing = true;
    l->busy = false;
    l->done |= over;
    l->clean = false;
    if (s->follow)
        end_pass(s, l, hopeless ? DENIED_AGAIN_MS : again);
    else
        l->due[S3_RECENT] = kt_aws_mono(s->aws) + again;
}
