/* s3: one list, page by page, and what becomes of the objects in it. */
#include "source/s3.h"

#include <stdio.h>
#include <stdlib.h>

enum { LIST_MS = 60000, MOVES_MAX = 3, TRIES = 5, WALK_AGAIN_MS = 60000 };

static void drop_entries(struct s3_job *j)
{
    for (size_t i = 0; i < j->n_entries; i++)
        free(j->entry[i].key);
    j->n_entries = j->next = j->open = 0;
}

void s3_job_end(struct s3_job *j)
{
    drop_entries(j);
    free(j->entry);
    free(j->folder);
    free(j->after);
    ask_end(&j->ask);
    kt_buf_free(&j->token);
    struct ask ask = j->ask;
    *j = (struct s3_job){.ask = ask};
    kt_buf_init(&j->token, BUCKET_KEY_MAX * 4);
}

static void ask_page(struct s3 *s, struct s3_job *j)
{
    struct kt_buf path;
    kt_buf_init(&path, 16 << 10);
    bucket_list_path(&s->bucket,
                     &(struct bucket_list){.prefix = j->folder, .after = j->after, .token = kt_buf_str(&j->token),
                                           .folders = !j->lane, .max = s->check && j->lane ? 1 : 0},
                     &path);
    ask_start(&j->ask, &(struct kt_aws_request){.endpoint = &s->bucket.endpoint, .method = "GET", .path = kt_buf_str(&path),
                                                .max_body = BUCKET_LIST_MAX, .total_ms = LIST_MS});
    kt_buf_free(&path);
    j->stage = S3_LISTING;
}

/* Something to do, if there is: folders first. */
static bool begin(struct s3 *s, struct s3_job *j, const struct kt_source_sink *sink)
{
    if (s->n_walks) {
        struct s3_walk w = s->walk[--s->n_walks];
        j->folder = w.folder;
        j->depth = w.depth;
        ask_page(s, j);
        return true;
    }
    for (size_t i = 0; i < s->n_lanes; i++) {
        struct s3_lane *l = s->lane[s->next_lane++ % s->n_lanes];
        if (!s3_lane_next(s, l, j, sink))
            continue;
        ask_page(s, j);
        return true;
    }
    return false;
}

struct taking {
    struct s3 *s;
    struct s3_job *j;
};

static bool take_key(void *ctx, struct kt_span key, int64_t modified, uint64_t size, bool folder)
{
    struct taking *t = ctx;
    struct s3_job *j = t->j;
    (void)size;
    if (!j->lane)
        return !folder || s3_walk_folder(t->s, j, key);
    if (folder || !bucket_is_log(key))
        return true;
    char *copy = strndup(key.p, key.n);
    if (!copy || !kt_grow(&j->entry, &j->cap_entries, j->n_entries + 1, sizeof *j->entry, S3_ENTRIES_MAX)) {
        free(copy);
        j->no_room = true;
        return false;
    }
    j->entry[j->n_entries++] = (struct s3_entry){.key = copy, .hash = s3_hash(key), .modified = modified};
    return true;
}

static void fail(struct s3 *s, struct s3_job *j, const char *says, bool hopeless, const struct kt_source_sink *sink)
{
    if (j->lane) {
        s3_lane_failed(s, j, says, hopeless, sink);
        s3_job_end(j);
        return;
    }
    s->walk_failed = true;
    s->walk_due = kt_aws_mono(s->aws) + WALK_AGAIN_MS;
    s3_complain(s, s->name, says, true, sink);
    s3_walk_took(s, j, sink);
    s3_job_end(j);
}

/* From the first page again, a few times. */
static void again(struct s3 *s, struct s3_job *j, const char *says, bool hopeless, const struct kt_source_sink *sink)
{
    char text[400];
    snprintf(text, sizeof text, "%.399s", says);
    if (hopeless || ++j->failures > TRIES) {
        fail(s, j, text, hopeless, sink);
        return;
    }
    drop_entries(j);
    if (!j->all)
        kt_buf_reset(&j->token);
    j->wake = kt_aws_mono(s->aws) + ask_backoff(s->aws, j->failures);
    ask_end(&j->ask);
}

static void listed(struct s3 *s, struct s3_job *j, const struct kt_source_sink *sink)
{
    if (!j->lane) {
        s3_walk_took(s, j, sink);
        s3_job_end(j);
        return;
    }
    s3_lane_listed(s, j);
    j->next = 0;
    j->stage = S3_GETTING;
}

static void take_page(struct s3 *s, struct s3_job *j, const struct kt_source_sink *sink)
{
    struct bucket_page page;
    bucket_read_list(j->ask.result->body, take_key, &(struct taking){s, j}, &page);
    if (!page.understood || j->no_room) {
        again(s, j, j->no_room ? "too many objects in one day, or out of memory" : "the answer is not one of S3: is there a proxy that wants a login?",
              j->no_room, sink);
        kt_buf_free(&page.token);
        return;
    }
    s->answered = kt_aws_now(s->aws);
    kt_buf_free(&j->token);
    j->token = page.token;
    j->more = page.more && !(s->check && j->lane);
    ask_end(&j->ask);
    if (j->more && !j->all)
        ask_page(s, j);
    else
        listed(s, j, sink);
}

static void hear(struct s3 *s, struct s3_job *j, const struct kt_source_sink *sink)
{
    const struct kt_aws_result *r = j->ask.result;
    char says[480], needs[200];
    if (r->end == KT_AWS_OK) {
        take_page(s, j, sink);
        return;
    }
    if (j->moves < MOVES_MAX && r->region[0] && (bucket_moved(&s->bucket, r->region) || strcmp(r->region, s->bucket.endpoint.region) == 0) &&
        (r->status == 301 || r->status == 307 || r->status == 400)) {
        j->moves++;
        ask_page(s, j);
        return;
    }
    snprintf(needs, sizeof needs, "s3://%s/%.100s", s->address.bucket, s->address.prefix);
    ask_says(&j->ask, needs, says, sizeof says);
    s->health.throttled += r->end == KT_AWS_THROTTLED;
    bool token = r->end == KT_AWS_REFUSED && j->token.len; /* it is too old: from the beginning */
    if (token)
        kt_buf_reset(&j->token);
    again(s, j, says, ((r->end == KT_AWS_DENIED || r->end == KT_AWS_REFUSED) && !token) || (r->lasting && !s->follow), sink);
}

bool s3_job_step(struct s3 *s, struct s3_job *j, const struct kt_source_sink *sink)
{
    if (j->stage == S3_IDLE && !begin(s, j, sink))
        return false;
    if (j->stage == S3_LISTING && kt_aws_mono(s->aws) >= j->wake) {
        if (!j->ask.busy)
            ask_page(s, j);
        if (!ask_poll(&j->ask))
            return false;
        hear(s, j, sink);
        return true;
    }
    if (j->stage == S3_GETTING && !j->open) {
        if (j->more) { /* of all: the next page */
            drop_entries(j);
            ask_page(s, j);
        } else {
            j->mark = sink->mark ? sink->mark(sink->ctx) : 0;
            j->stage = S3_TELLING;
        }
        return true;
    }
    if (j->stage == S3_TELLING && (!sink->told || sink->told(sink->ctx, j->mark))) {
        s3_lane_finished(s, j, sink);
        s3_job_end(j);
        return true;
    }
    return false;
}
