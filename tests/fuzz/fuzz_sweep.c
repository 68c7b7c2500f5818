/* Any bytes, swept in every way that this machine can go: all must tell the same,
 * and the same as the plainest reading; and what a sweep says of names must be
 * what the search says. */
#include "ingest/pick.h"
#include "ingest/sweep.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"CreateAccessKey", "Foo", "UpdateAccessKey", "A"}, *const keys[] = {"AKIA"};

struct told {
    size_t to;
    struct kt_scan scan;
    struct kt_swept *swept;
};

static void sweep(struct kt_sweep *w, enum kt_sweep_way way, const char *p, size_t n, struct told *t)
{
    w->way = way;
    t->scan = (struct kt_scan){0};
    t->to = kt_sweep(w, p, 0, 0, n - w->margin, &t->scan, t->swept);
}

static void must(bool ok, const char *what, enum kt_sweep_way way)
{
    if (ok)
        return;
    fprintf(stderr, "%s: %s\n", kt_sweep_name(way), what);
    abort();
}

static void compare(const struct told *a, const struct told *b, enum kt_sweep_way way)
{
    const struct kt_swept *x = a->swept, *y = b->swept;
    must(a->to == b->to, "where it stops", way);
    must(a->scan.in_string == b->scan.in_string && a->scan.escaped == b->scan.escaped, "how it stands there", way);
    must(x->n_brackets == y->n_brackets && memcmp(x->bracket, y->bracket, x->n_brackets * 2) == 0, "brackets", way);
    must(x->n_names == y->n_names && memcmp(x->name, y->name, x->n_names * 2) == 0, "names", way);
    must(x->n_keys == y->n_keys && memcmp(x->key, y->key, x->n_keys * 2) == 0, "keys", way);
}

/* By the step, which has its own tests. */
static void compare_with_steps(const char *p, size_t n, const struct told *t, enum kt_sweep_way way)
{
    struct kt_scan s = {0};
    struct kt_scan_hits h;
    size_t brackets = 0;
    for (size_t at = 0; at < t->to; at += KT_SCAN_BLOCK) {
        kt_scan_step(&s, p + at, KT_SCAN_BLOCK, &h);
        must(!h.damage, "damage was swept over", way);
        for (; h.bracket; h.bracket &= h.bracket - 1, brackets++)
            must(brackets < t->swept->n_brackets &&
                     t->swept->bracket[brackets] == at + (unsigned)__builtin_ctzll(h.bracket), "a bracket's place", way);
    }
    must(brackets == t->swept->n_brackets, "how many brackets", way);
    (void)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kt_sweep w;
    static struct kt_pick *pick, *key;
    static struct told one, other;
    if (!pick) {
        pick = kt_pick_new(names, sizeof names / sizeof *names);
        key = kt_pick_new(keys, 1);
        one.swept = malloc(sizeof *one.swept);
        other.swept = malloc(sizeof *other.swept);
        if (!pick || !key || !one.swept || !other.swept)
            abort();
        kt_sweep_init(&w, pick, key);
    }
    if (size <= w.margin)
        return 0;
    const char *p = (const char *)data;
    sweep(&w, KT_SWEEP_PORTABLE, p, size, &one);
    compare_with_steps(p, size, &one, KT_SWEEP_PORTABLE);
    must((one.swept->n_names > 0) == (one.to > 0 && kt_pick_next(pick, p, one.to + w.margin, 0) < one.to),
         "whether there is a name", KT_SWEEP_PORTABLE);
    for (int way = KT_SWEEP_PORTABLE + 1; way < KT_SWEEP_WAYS; way++) {
        if (!kt_sweep_can((enum kt_sweep_way)way))
            continue;
        sweep(&w, (enum kt_sweep_way)way, p, size, &other);
        compare(&one, &other, (enum kt_sweep_way)way);
    }
    return 0;
}
