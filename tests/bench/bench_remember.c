/* How long it takes until the rows of an earlier run are on the screen again:
 * BENCH_ROWS of them (100,000), of 1 KB or so. Printed: when a first table
 * holds the newest of them, when it holds all, and when all are judged by what
 * is known. */
#include "engine.h"
#include "tests/support/scene.h"
#include "tests/support/temp_dir.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
    fprintf(stderr, "remember: %s\n", what);
    exit(1);
}

static uint32_t roll(uint32_t n)
{
    static uint64_t seed = 88172645463325252u;
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 20) % n;
}

static void write_trail(const char *path, int rows)
{
    static const char *const agents[] = {
        "Boto3/1.34.69 md/Botocore#1.34.69 ua/2.0 os/linux#6.1 md/arch#x86_64 lang/python#3.11.6 cfg/retry-mode#legacy",
        "aws-cli/2.17.32 md/awscrt#0.20.11 ua/2.0 os/linux#6.5.0 md/command#iam.create-access-key",
        "APN/1.0 HashiCorp/1.0 Terraform/1.9.5 (+https://www.terraform.io) terraform-provider-aws/5.63.1"};
    FILE *f = fopen(path, "w");
    if (!f)
        die(path);
    for (int i = 0; i < rows; i++) {
        char who[32], user[32], key[32], address[32];
        snprintf(who, sizeof who, roll(3) ? "role/deploy-%u" : "person-%u", roll(200));
        snprintf(user, sizeof user, "svc-%d", i / 2); /* nobody has more than two */
        snprintf(key, sizeof key, "AKIAEXAMPLE%09d", i);
        snprintf(address, sizeof address, "203.0.%u.%u", roll(8), roll(256));
        struct scene_call c = {.at = i * 60, .name = "CreateAccessKey", .who = who, .user = user, .makes = key,
                               .address = address, .agent = agents[roll(3)]};
        if (roll(8) == 0)
            c.error = "AccessDenied";
        char *text = scene_record(&c, i);
        fprintf(f, "%s\n", text);
        free(text);
    }
    if (fclose(f) != 0)
        die(path);
}

static struct kt_engine *engine(const char *state, const char *trail)
{
    struct kt_engine_opts o = {.since = KT_TIME_NONE, .until = KT_TIME_NONE, .ledger = true, .follow = true,
                               .store = {.keep_raw = true}, .memory = KT_MEMORY_FILE};
    struct kt_engine *g = NULL;
    struct kt_err e = {0};
    o.state.path = state;
    if (kt_engine_new(&g, &o, &e) != KT_OK || kt_engine_add(g, trail, NULL, &e) != KT_OK ||
        kt_engine_start(g, &e) != KT_OK)
        die(e.text);
    return g;
}

/* Something is new, or nothing for a while: false. */
static bool wait_for(struct kt_engine *g, int ms)
{
    struct pollfd p = {.fd = kt_engine_fd(g), .events = POLLIN};
    uint64_t count;
    return poll(&p, 1, ms) == 1 && read(p.fd, &count, sizeof count) == (ssize_t)sizeof count;
}

static uint64_t shown(struct kt_view *v)
{
    const struct kt_snapshot *s = kt_view_snapshot(v);
    uint64_t n = s ? s->n : 0;
    if (s)
        kt_snapshot_release(s);
    return n;
}

struct figures {
    int64_t first, all, settled; /* ms by the clock */
    int64_t cpu, settled_cpu;    /* ms of this process's by then: what else runs here does not count */
};

static int64_t cpu_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* `settled` is the time of the last news. */
static struct figures watch(struct kt_engine *g, int64_t from, uint64_t rows)
{
    struct kt_view *v = kt_view_open(kt_engine_views(g), &(struct kt_view_spec){.sort = KT_FIELD_TIME});
    struct figures f = {-1, -1, -1, -1, -1};
    int64_t cpu = cpu_ms();
    if (!v)
        die("out of memory");
    for (bool news = true; news || f.all < 0;) {
        news = wait_for(g, 1500);
        int64_t now = kt_mono_ms() - from;
        uint64_t n = shown(v);
        f.settled = news ? now : f.settled;
        f.settled_cpu = news ? cpu_ms() - cpu : f.settled_cpu;
        f.first = f.first < 0 && n > 0 ? now : f.first;
        if (f.all < 0 && n >= rows) {
            f.all = now;
            f.cpu = cpu_ms() - cpu;
        }
        if (now > 120000)
            die("it takes too long");
    }
    kt_view_close(v);
    return f;
}

int main(void)
{
    struct temp_dir d;
    const char *text = getenv("BENCH_ROWS");
    int rows = text ? atoi(text) : 100000;
    temp_dir_make(&d);
    char *state = strdup(temp_path(&d, "state.db")), *trail = strdup(temp_path(&d, "trail.jsonl"));
    if (!state || !trail)
        die("out of memory");
    write_trail(trail, rows);
    int64_t from = kt_mono_ms();
    struct kt_engine *g = engine(state, trail);
    struct figures f = watch(g, from, (uint64_t)rows);
    kt_engine_free(g);
    printf("remember: %d rows read from their file: all there after %lld ms (%lld ms of CPU), judged after %lld ms (%lld)\n",
           rows, (long long)f.all, (long long)f.cpu, (long long)f.settled, (long long)f.settled_cpu);

    from = kt_mono_ms();
    g = engine(state, trail);
    f = watch(g, from, (uint64_t)rows);
    printf("remember: %d rows out of state.db: a table after %lld ms, all there after %lld ms (%lld ms of CPU), "
           "judged after %lld ms (%lld)\n",
           rows, (long long)f.first, (long long)f.all, (long long)f.cpu, (long long)f.settled, (long long)f.settled_cpu);
    kt_engine_free(g);
    free(trail);
    free(state);
    temp_dir_remove(&d);
    return 0;
}
