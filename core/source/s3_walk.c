/* s3: from a prefix to the lanes below it, folder by folder:
 * [prefix/]AWSLogs/[o-ID/]ACCOUNT/CloudTrail/REGION/. Digests, Insights and
 * what other services put there are not looked into. */
#include "source/s3.h"

#include <stdio.h>
#include <stdlib.h>

enum { UNKNOWN_DEEP = 5 /* folders above AWSLogs */ };

static struct kt_span last_part(struct kt_span folder)
{
    size_t end = folder.n && folder.p[folder.n - 1] == '/' ? folder.n - 1 : folder.n, i = end;
    while (i > 0 && folder.p[i - 1] != '/')
        i--;
    return (struct kt_span){folder.p + i, end - i};
}

static bool is_account(struct kt_span s)
{
    bool ok = s.n == 12;
    for (size_t i = 0; i < s.n && ok; i++)
        ok = s.p[i] >= '0' && s.p[i] <= '9';
    return ok;
}

static bool holds(struct kt_span s, const char *what)
{
    return memmem(s.p, s.n, what, strlen(what)) != NULL;
}

static void add_walk(struct s3 *s, struct kt_span folder, int depth)
{
    if (!kt_grow(&s->walk, &s->cap_walks, s->n_walks + 1, sizeof *s->walk, S3_WALKS_MAX)) {
        s->walk_failed = true;
        return;
    }
    char *copy = strndup(folder.p ? folder.p : "", folder.n);
    if (copy)
        s->walk[s->n_walks++] = (struct s3_walk){copy, depth};
    else
        s->walk_failed = true;
}

static bool wanted(const struct s3 *s, struct kt_span region)
{
    bool any = !s->address.n_trail_regions;
    for (size_t i = 0; i < s->address.n_trail_regions && !any; i++)
        any = kt_span_is(region, s->address.trail_region[i]);
    return any;
}

/* ".../ACCOUNT/CloudTrail/REGION/" */
static void add_lane(struct s3 *s, struct kt_span folder, struct kt_span region)
{
    struct kt_span above = {folder.p, (size_t)(region.p - folder.p)};     /* .../ACCOUNT/CloudTrail/ */
    struct kt_span trail = last_part(above), before = {folder.p, (size_t)(trail.p - folder.p)};
    struct kt_span account = last_part(before);
    if (!wanted(s, region) || region.n >= sizeof((struct s3_lane *)0)->region)
        return;
    for (size_t i = 0; i < s->n_lanes; i++)
        if (strlen(s->lane[i]->prefix) == folder.n && memcmp(s->lane[i]->prefix, folder.p, folder.n) == 0)
            return;
    struct s3_lane *l = calloc(1, sizeof *l);
    if (!l || !(l->prefix = strndup(folder.p, folder.n)) ||
        !kt_grow(&s->lane, &s->cap_lanes, s->n_lanes + 1, sizeof(struct s3_lane *), S3_LANES_MAX)) {
        s->walk_failed = true;
        if (l)
            s3_lane_drop(l);
        return;
    }
    snprintf(l->account, sizeof l->account, "%.*s", is_account(account) ? (int)account.n : 0, account.p);
    snprintf(l->region, sizeof l->region, "%.*s", (int)region.n, region.p);
    snprintf(l->name, sizeof l->name, "s3://%.63s %s/%s", s->address.bucket, l->account, l->region);
    s->lane[s->n_lanes++] = l;
    s3_lane_plan(s, l);
}

/* A folder in the one that job `j` looks into. */
bool s3_walk_folder(struct s3 *s, struct s3_job *j, struct kt_span folder)
{
    struct kt_span part = last_part(folder), parent = last_part(kt_span_of(j->folder));
    bool below = holds(folder, "AWSLogs/") && !kt_span_is(part, "AWSLogs");
    if (kt_span_is(parent, "CloudTrail"))
        add_lane(s, folder, part);
    else if (kt_span_is(part, "CloudTrail") || kt_span_is(part, "AWSLogs") || (part.n > 2 && part.p[0] == 'o' && part.p[1] == '-'))
        add_walk(s, folder, j->depth + 1);
    else if (below ? is_account(part) : j->depth < UNKNOWN_DEEP)
        add_walk(s, folder, j->depth + 1);
    return true;
}

void s3_walk_start(struct s3 *s)
{
    static const char trail[] = "/CloudTrail/";
    struct kt_span p = kt_span_of(s->address.prefix);
    char folder[BUCKET_KEY_MAX];
    snprintf(folder, sizeof folder, "%s%s", p.p, p.n && p.p[p.n - 1] != '/' ? "/" : "");
    s->walk_failed = false;
    const char *at = strstr(folder, trail);
    const char *region = at ? at + strlen(trail) : NULL;
    if (region && *region) /* a Region, or a day in it: all of that Region is read */
        add_lane(s, (struct kt_span){folder, (size_t)(strchrnul(region, '/') + 1 - folder)},
                 (struct kt_span){region, strcspn(region, "/")});
    else
        add_walk(s, kt_span_of(folder), 0);
}

/* The last folder was looked into. */
void s3_walk_took(struct s3 *s, struct s3_job *j, const struct kt_source_sink *sink)
{
    bool busy = false;
    for (size_t i = 0; i < S3_JOBS; i++)
        busy |= &s->job[i] != j && s->job[i].stage != S3_IDLE && !s->job[i].lane;
    if (s->n_walks || busy)
        return;
    if (!s->n_lanes && !s->walk_failed)
        s3_complain(s, s->name, "there is no trail: no folder AWSLogs/[o-ID/]ACCOUNT/CloudTrail/REGION/ below the prefix", true, sink);
    s->found = true;
}
