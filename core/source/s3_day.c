/* s3: which objects of a day were read; a lane's days as text. */
#include "source/s3.h"

#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY_MS ((int64_t)86400000)

/* The same in every run: not keyed. The names are CloudTrail's, and whoever may
 * put others in could change the files themselves. */
uint64_t s3_hash(struct kt_span key)
{
    uint8_t digest[KT_SHA256];
    uint64_t h;
    kt_sha256(key.p, key.n, digest);
    memcpy(&h, digest, sizeof h);
    return h ? h : 1; /* 0 is an empty place */
}

int s3_day_of(int64_t t)
{
    return (int)(t / DAY_MS);
}

void s3_day_path(int day, char out[16])
{
    struct kt_civil c = kt_civil_of((int64_t)day * DAY_MS);
    snprintf(out, 16, "%04d/%02d/%02d/", c.year % 10000, c.month % 100, c.day % 100);
}

bool s3_day_has(const struct s3_day *d, uint64_t h)
{
    for (size_t i = d->cap ? h & (d->cap - 1) : 0; d->cap && d->seen[i]; i = (i + 1) & (d->cap - 1))
        if (d->seen[i] == h)
            return true;
    return false;
}

static void place(struct s3_day *d, uint64_t h)
{
    size_t i = h & (d->cap - 1);
    while (d->seen[i])
        i = (i + 1) & (d->cap - 1);
    d->seen[i] = h;
    d->used++;
}

bool s3_day_add(struct s3_day *d, uint64_t h)
{
    if (2 * (d->used + 1) > d->cap) {
        struct s3_day bigger = {.cap = d->cap ? d->cap * 2 : 64};
        bigger.seen = calloc(bigger.cap, sizeof *bigger.seen);
        if (!bigger.seen)
            return false;
        for (size_t i = 0; i < d->cap; i++)
            if (d->seen[i])
                place(&bigger, d->seen[i]);
        free(d->seen);
        d->seen = bigger.seen;
        d->cap = bigger.cap;
        d->used = bigger.used;
    }
    place(d, h);
    d->n++;
    d->sum += h;
    return true;
}

void s3_day_forget(struct s3_day *d)
{
    free(d->seen);
    d->seen = NULL;
    d->cap = d->used = 0;
}

struct s3_day *s3_lane_day(struct s3_lane *l, int number, bool make)
{
    for (size_t i = l->n_days; i-- > 0;)
        if (l->day[i].number == number)
            return &l->day[i];
    if (!make || !kt_grow(&l->day, &l->cap_days, l->n_days + 1, sizeof *l->day, S3_DAYS_MAX))
        return NULL;
    l->day[l->n_days] = (struct s3_day){.number = number};
    return &l->day[l->n_days++];
}

bool s3_lane_write(const struct s3_lane *l, char *out, size_t size)
{
    struct kt_buf b;
    kt_buf_init(&b, size);
    kt_buf_addf(&b, "1 %" PRId64 " %d", l->floor, l->caught_up);
    for (size_t i = 0; i < l->n_days; i++)
        if (l->day[i].n)
            kt_buf_addf(&b, " %d:%" PRIu64 ":%" PRIx64, l->day[i].number, l->day[i].n, l->day[i].sum);
    bool ok = !b.failed && b.len < size;
    if (ok)
        memcpy(out, kt_buf_str(&b), b.len + 1);
    kt_buf_free(&b);
    return ok;
}

bool s3_lane_read(struct s3_lane *l, const char *text)
{
    int64_t floor;
    int whole, used = 0, number;
    uint64_t n, sum;
    if (sscanf(text, "1 %" SCNd64 " %d%n", &floor, &whole, &used) != 2)
        return false;
    l->floor = floor;
    l->caught_up = whole == 1;
    for (text += used; sscanf(text, " %d:%" SCNu64 ":%" SCNx64 "%n", &number, &n, &sum, &used) == 3; text += used) {
        struct s3_day *d = s3_lane_day(l, number, true);
        if (!d)
            return false;
        d->n = n;
        d->sum = sum;
    }
    return !*text;
}

void s3_lane_drop(struct s3_lane *l)
{
    for (size_t i = 0; i < l->n_days; i++)
        s3_day_forget(&l->day[i]);
    free(l->day);
    free(l->prefix);
    free(l);
}
