/* What need not be read again: files that are as they were when an earlier run
 * had read and told all of them (source.h: index, known). That holds only
 * where this run would make the same of them, and nothing of what that run
 * wrote down has been let go of since; else all is read. */
#include "engine/impl.h"

#include <sys/stat.h>

enum { TROUBLED_MAX = 1 << 16, INDEX_MAX = 64 << 20 };

/* Indexes are made by who keeps rows as they are and shows them as they were. */
static bool may_know(const struct kt_engine *g)
{
    const struct kt_engine_opts *o = &g->opts;
    return g->state && o->memory == KT_MEMORY_FILE && o->follow && g->views && o->store.keep_raw && !o->filter && !o->rule &&
           o->since == KT_TIME_NONE && o->until == KT_TIME_NONE && !kt_rules_correlations(g->rules);
}

struct made { /* what an index goes by, beside the files */
    uint64_t config;  /* digest of what is looked for */
    uint64_t deleted; /* of state.db: rows, lives, traces */
};

static void add_file(struct kt_buf *b, const char *path)
{
    struct stat st = {0};
    if (path && stat(path, &st) == 0)
        kt_buf_addf(b, "%s %llu %lld.%09ld\n", path, (unsigned long long)st.st_size, (long long)st.st_mtim.tv_sec,
                    st.st_mtim.tv_nsec);
}

static bool made_of(struct kt_engine *g, struct made *m)
{
    const char *name[KT_EVENT_NAMES + KT_RULES_NAMES_MAX];
    struct kt_state_stats stats;
    struct kt_buf b;
    kt_buf_init(&b, 1 << 20);
    kt_buf_addf(&b, "%s %x %d\n", KEYTOP_VERSION, g->opts.kinds, g->opts.ledger);
    size_t n = engine_names_wanted(g, name);
    for (size_t i = 0; i < n; i++)
        kt_buf_addf(&b, "%s\n", name[i]);
    add_file(&b, g->opts.enrich.country);
    add_file(&b, g->opts.enrich.network);
    add_file(&b, g->opts.enrich.aws);
    kt_state_get_stats(g->state, &stats);
    uint8_t digest[KT_SHA256]; /* kt_hash is another one in each run */
    kt_sha256(b.p, b.len, digest);
    *m = (struct made){0, stats.deleted_age + stats.deleted_size + stats.deleted_lives + stats.deleted_traces};
    memcpy(&m->config, digest, sizeof m->config);
    bool ok = !b.failed && stats.file && !stats.failing && !stats.missed && !stats.damaged && !stats.set_aside;
    kt_buf_free(&b);
    return ok;
}

static bool key_of(const struct engine_source *s, struct kt_buf *key)
{
    kt_buf_init(key, 8192);
    return s->address && s->source && s->source->ops->known && kt_buf_addf(key, "read:%s", s->address);
}

void engine_recall_indexes(struct kt_engine *g)
{
    struct made now, then;
    if (!may_know(g) || !made_of(g, &now) || !(g->indexes = kt_arena_new(INDEX_MAX)))
        return;
    for (size_t i = 0; i < g->n_src; i++) {
        struct kt_buf key;
        struct kt_span x = KT_SPAN_NONE;
        if (key_of(&g->src[i], &key))
            x = kt_state_checkpoint_get(g->state, kt_buf_span(&key), g->indexes);
        kt_buf_free(&key);
        if (kt_span_take(&x, &then, sizeof then) && memcmp(&now, &then, sizeof now) == 0)
            g->src[i].source->ops->known(g->src[i].source, x);
    }
}

static uint64_t hash_of(const char *path, size_t n)
{
    return kt_hash(path, n);
}

void engine_note_troubled(struct kt_engine *g, const char *place)
{
    const char *path = strncmp(place, "file:", 5) == 0 ? place + 5 : place, *end = strstr(path, ", record ");
    if (g->n_troubled == TROUBLED_MAX ||
        !kt_grow(&g->troubled, &g->cap_troubled, g->n_troubled + 1, sizeof *g->troubled, TROUBLED_MAX)) {
        g->all_troubled = true;
        return;
    }
    g->troubled[g->n_troubled++] = hash_of(path, end ? (size_t)(end - path) : strlen(path));
}

static int by_hash(const void *pa, const void *pb)
{
    const uint64_t *a = pa, *b = pb;
    return *a < *b ? -1 : *a > *b;
}

static bool is_whole(void *ctx, const char *path)
{
    const struct kt_engine *g = ctx;
    uint64_t hash = hash_of(path, strlen(path));
    return !g->n_troubled || !bsearch(&hash, g->troubled, g->n_troubled, sizeof hash, by_hash);
}

static void keep_index(struct kt_engine *g, struct engine_source *s, const struct made *m)
{
    struct kt_buf key, index;
    kt_buf_init(&index, INDEX_MAX);
    (void)kt_buf_add(&index, m, sizeof *m);
    if (key_of(s, &key) && !s->untold && s->source->ops->index(s->source, is_whole, g, &index)) {
        /* what is not kept is read again, no more */
        (void)kt_state_checkpoint_put(g->state, kt_buf_span(&key), kt_buf_span(&index), kt_store_counts(g->store).last);
    }
    kt_buf_free(&index);
    kt_buf_free(&key);
}

void engine_keep_indexes(struct kt_engine *g)
{
    struct made m;
    if (!g->started || !may_know(g)) /* what never began may have no store */
        return;
    struct kt_counts c = kt_store_counts(g->store);
    if (g->all_troubled || c.facts_lost || c.keys_dropped ||
        (g->judge && kt_traces_stats(kt_judge_context(g->judge)).dropped) || g->rejudge < g->rejudge_end)
        return;
    /* all that was learnt is on disk before it is said that it need not be read again */
    kt_state_rows(g->state);
    if (!kt_state_settle(g->state) || !made_of(g, &m))
        return;
    if (g->n_troubled)
        qsort(g->troubled, g->n_troubled, sizeof *g->troubled, by_hash);
    for (size_t i = 0; i < g->n_src; i++)
        if (g->src[i].source && g->src[i].source->ops->index)
            keep_index(g, &g->src[i], &m);
}
