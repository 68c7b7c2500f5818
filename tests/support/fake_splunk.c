#include "tests/support/fake_splunk.h"
#include "tests/support/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_MAX = 1 << 20 };
#define HOUR ((int64_t)3600000)

static void form_value(const struct fake_request *r, const char *name, char *out, size_t size)
{
    char key[64];
    size_t n = 0, k = (size_t)snprintf(key, sizeof key, "%s=", name);
    const char *p = r->body.p, *end = r->body.p + r->body.n;
    while (p && p < end && ((size_t)(end - p) < k || memcmp(p, key, k) != 0)) {
        p = memchr(p, '&', (size_t)(end - p));
        p = p ? p + 1 : end;
    }
    for (p = p && p < end ? p + k : end; p < end && *p != '&' && n < size - 1; p++) {
        if (*p == '%' && p + 2 < end) {
            char hex[3] = {p[1], p[2], 0};
            out[n++] = (char)strtol(hex, NULL, 16);
            p += 2;
        } else {
            out[n++] = *p == '+' ? ' ' : *p;
        }
    }
    out[n] = '\0';
}

static void message(struct fake_splunk *f, struct fake_reply *out, int status, const char *type, const char *text)
{
    f->refused++;
    out->status = status;
    kt_buf_addf(&out->body, "{\"messages\":[{\"type\":\"%s\",\"text\":\"%s\"}]}\n", type, text);
}

static bool authorized(struct fake_splunk *f, const struct fake_request *r, struct fake_reply *out)
{
    char expect[160];
    struct kt_span auth = fake_header(r, "Authorization");
    snprintf(f->auth, sizeof f->auth, "%.*s", (int)(auth.n < 100 ? auth.n : 100), auth.p ? auth.p : "");
    snprintf(expect, sizeof expect, "Bearer %s", f->token);
    if (f->token[0] && kt_span_is(auth, expect))
        return true;
    snprintf(expect, sizeof expect, "Splunk %s", f->session);
    if (f->session[0] && kt_span_is(auth, expect))
        return true;
    message(f, out, 401, "ERROR", "Unauthorized");
    return false;
}

static void write_row(struct kt_buf *b, struct splunk_event *e, size_t offset, bool preview, bool raw, bool last)
{
    kt_buf_addf(b, "{\"preview\":%s,\"offset\":%zu,%s\"result\":{\"%s\":\"", preview ? "true" : "false", offset,
                last ? "\"lastrow\":true," : "", raw ? "_raw" : "userName");
    if (raw)
        fake_aws_put_escaped(b, &e->event);
    else
        kt_buf_adds(b, "alice");
    kt_buf_addf(b, "\",\"_time\":\"%" PRId64 "\",\"_indextime\":\"%" PRId64 "\"}}\n", e->event.time / 1000, e->indexed / 1000);
}

static int newest_first(const void *a, const void *b)
{
    const struct splunk_event *x = *(struct splunk_event *const *)a, *y = *(struct splunk_event *const *)b;
    return (x->event.time < y->event.time) - (x->event.time > y->event.time);
}

static bool matches(const struct fake_splunk *f, const struct splunk_event *e)
{
    int64_t s = e->indexed / 1000, t = e->event.time / 1000;
    if (!strstr(f->search, "_index_latest=")) { /* a question, in the time of events: its words alone choose */
        char record[4096];
        fake_aws_record(record, sizeof record, &e->event);
        return e->event.available <= kt_now(f->clock) && t >= f->earliest && t < f->latest &&
               words_spl(f->search, record) == WORDS_YES;
    }
    return e->event.available <= kt_now(f->clock) && strstr(f->search, e->event.name) && s >= f->index_earliest &&
           s < f->index_latest && t >= f->earliest && t < f->latest;
}

static size_t hits_of(struct fake_splunk *f, struct splunk_event **hit)
{
    size_t n = 0;
    const int64_t *times = f->n_events ? &f->event[0].indexed : NULL;
    by_time_update(&f->order, times, sizeof *f->event, f->n_events);
    size_t first = by_time_from(&f->order, times, sizeof *f->event, f->index_earliest * 1000);
    for (size_t i = first; i < f->order.n && f->event[f->order.at[i]].indexed / 1000 < f->index_latest; i++)
        if (matches(f, &f->event[f->order.at[i]]))
            hit[n++] = &f->event[f->order.at[i]];
    qsort(hit, n, sizeof(struct splunk_event *), newest_first);
    return n;
}

static void rows(struct fake_splunk *f, struct fake_reply *out, enum splunk_fault fault)
{
    struct splunk_event **hit = calloc(f->n_events + 1, sizeof(struct splunk_event *));
    size_t n = hits_of(f, hit);
    for (size_t i = 0; i < n && fault == SPLUNK_PREVIEWS; i++)
        write_row(&out->body, hit[i], i, true, true, i + 1 == n);
    if (fault == SPLUNK_PARTIAL)
        kt_buf_adds(&out->body, "{\"preview\":false,\"messages\":[{\"type\":\"WARN\",\"text\":\"Search results may be incomplete: "
                                "peer idx2 is down\"}]}\n");
    size_t shown = fault == SPLUNK_PARTIAL ? n / 2 : n; /* the peer's are missing */
    for (size_t i = 0; i < shown; i++)
        write_row(&out->body, hit[i], i, false, fault != SPLUNK_NO_RAW, i + 1 == shown && fault != SPLUNK_NO_END);
    if (!shown && fault != SPLUNK_NO_END)
        kt_buf_adds(&out->body, "{\"preview\":false,\"lastrow\":true}\n");
    else if (!shown)
        kt_buf_adds(&out->body, "{\"preview\":false}\n");
    free(hit);
}

static void export(struct fake_splunk *f, const struct fake_request *r, struct fake_reply *out, enum splunk_fault fault)
{
    char earliest[32], latest[32], mode[16], preview[16];
    form_value(r, "search", f->search, sizeof f->search);
    form_value(r, "earliest_time", earliest, sizeof earliest);
    form_value(r, "latest_time", latest, sizeof latest);
    form_value(r, "output_mode", mode, sizeof mode);
    form_value(r, "preview", preview, sizeof preview);
    f->earliest = strtoll(earliest, NULL, 10);
    f->latest = latest[0] ? strtoll(latest, NULL, 10) : INT64_MAX;
    const char *from = strstr(f->search, "_index_earliest="), *to = strstr(f->search, "_index_latest=");
    f->index_earliest = from ? strtoll(from + 16, NULL, 10) : 0;
    f->index_latest = to ? strtoll(to + 14, NULL, 10) : INT64_MAX;
    if (strcmp(mode, "json") != 0 || strcmp(preview, "false") != 0)
        message(f, out, 400, "FATAL", "that is not how keytop asks");
    else if (strncmp(f->search, "search ", 7) != 0 && f->search[0] != '|')
        message(f, out, 400, "FATAL", "Unknown search command");
    else
        rows(f, out, fault);
    if (fault == SPLUNK_CUT)
        out->breaks = FAKE_CUT_BODY;
}

/* --- search jobs ------------------------------------------------------------------------- */

static void begin_job(struct fake_splunk *f, const struct fake_request *r, struct fake_reply *out)
{
    char text[64];
    struct splunk_job_state *j = &f->job[f->n_jobs];
    if (f->n_jobs == SPLUNK_JOBS)
        abort();
    form_value(r, "search", f->search, sizeof f->search);
    form_value(r, "exec_mode", text, sizeof text);
    if (words_spl(f->search, "") == WORDS_WRONG || strcmp(text, "normal") != 0) {
        f->misread++;
        message(f, out, 400, "FATAL", "Error in 'search' command");
        return;
    }
    *j = (struct splunk_job_state){.search = strdup(f->search)};
    form_value(r, "earliest_time", text, sizeof text);
    j->earliest = strtoll(text, NULL, 10);
    form_value(r, "latest_time", text, sizeof text);
    j->latest = strtoll(text, NULL, 10);
    if (f->n_fates) {
        j->fate = f->fate[0];
        memmove(f->fate, f->fate + 1, --f->n_fates * sizeof *f->fate);
    }
    out->status = 201;
    kt_buf_addf(&out->body, "{\"sid\":\"1700000000.%zu\"}", f->n_jobs++);
}

static size_t job_hits(struct fake_splunk *f, struct splunk_job_state *j, struct splunk_event **hit)
{
    for (size_t i = 0; j->known && i < j->n_hits; i++)
        hit[i] = &f->event[j->hit[i]];
    if (j->known)
        return j->n_hits;
    snprintf(f->search, sizeof f->search, "%s", j->search);
    f->earliest = j->earliest;
    f->latest = j->latest;
    f->index_earliest = 0;
    f->index_latest = INT64_MAX;
    j->n_hits = hits_of(f, hit);
    j->known = true;
    j->hit = calloc(j->n_hits + 1, sizeof *j->hit);
    for (size_t i = 0; i < j->n_hits; i++)
        j->hit[i] = (size_t)(hit[i] - f->event);
    return j->n_hits;
}

static void look_at_job(struct fake_splunk *f, struct splunk_job_state *j, struct fake_reply *out)
{
    struct splunk_event **hit = calloc(f->n_events + 1, sizeof(struct splunk_event *));
    size_t n = job_hits(f, j, hit);
    free(hit);
    bool over = j->looks++ >= f->running_looks && j->fate != SPLUNK_STAYS;
    const char *state = !over                        ? (j->looks == 1 ? "QUEUED" : "RUNNING")
                        : j->fate == SPLUNK_FAILS     ? "FAILED"
                        : j->fate == SPLUNK_CANCELLED ? "USER_CANCEL"
                                                      : "DONE";
    kt_buf_addf(&out->body, "{\"entry\":[{\"name\":\"search\",\"content\":{\"dispatchState\":\"%s\",\"doneProgress\":%.5f,"
                            "\"isDone\":%s,\"resultCount\":%zu,\"eventCount\":%zu,\"messages\":[%s]}}]}",
                state, over ? 1.0 : 0.2 * (j->looks - 1 < 4 ? j->looks - 1 : 4), over ? "true" : "false", n,
                j->fate == SPLUNK_TOO_MANY ? n + 1 : n,
                over && j->fate == SPLUNK_FAILS ? "{\"type\":\"FATAL\",\"text\":\"The search ran out of memory\"}" : "");
}

static void page_of_job(struct fake_splunk *f, struct splunk_job_state *j, const char *target, struct fake_reply *out)
{
    struct splunk_event **hit = calloc(f->n_events + 1, sizeof(struct splunk_event *));
    const char *at = strstr(target, "offset="), *many = strstr(target, "count=");
    size_t n = job_hits(f, j, hit), from = at ? strtoul(at + 7, NULL, 10) : 0, most = many ? strtoul(many + 6, NULL, 10) : 100;
    f->pages++;
    j->gone = j->fate == SPLUNK_EXPIRES && j->pages++ == 0;
    kt_buf_addf(&out->body, "{\"preview\":false,\"init_offset\":%zu,\"messages\":[],\"results\":[", from);
    for (size_t i = from; i < n && i < from + most; i++) {
        kt_buf_adds(&out->body, i > from ? ",{\"_raw\":\"" : "{\"_raw\":\"");
        fake_aws_put_escaped(&out->body, &hit[i]->event);
        kt_buf_addf(&out->body, "\",\"_time\":\"%" PRId64 "\"}", hit[i]->event.time / 1000);
    }
    kt_buf_adds(&out->body, "]}");
    free(hit);
}

/* False: it is about no job. */
static bool on_job(struct fake_splunk *f, const struct fake_request *r, struct fake_reply *out)
{
    const char *jobs = strstr(r->target, "/jobs"), *sid = jobs && jobs[5] == '/' ? jobs + 6 : NULL;
    bool post = strcmp(r->method, "POST") == 0;
    if (!jobs || (sid && strncmp(sid, "export", 6) == 0))
        return false;
    if (!sid) {
        begin_job(f, r, out);
        return true;
    }
    size_t i = strncmp(sid, "1700000000.", 11) == 0 ? strtoul(sid + 11, NULL, 10) : SPLUNK_JOBS;
    struct splunk_job_state *j = i < f->n_jobs && !f->job[i].gone ? &f->job[i] : NULL;
    if (!j) {
        message(f, out, 404, "FATAL", "Unknown sid.");
    } else if (strstr(sid, "/control")) {
        j->gone = true;
        f->cancelled++;
        kt_buf_adds(&out->body, "{\"messages\":[{\"type\":\"INFO\",\"text\":\"Search job cancelled.\"}]}");
    } else if (strstr(sid, "/results?") && !post) {
        page_of_job(f, j, r->target, out);
    } else {
        look_at_job(f, j, out);
    }
    return true;
}

static bool scripted(struct fake_splunk *f, enum splunk_fault fault, struct fake_reply *out)
{
    switch (fault) {
    case SPLUNK_500: message(f, out, 500, "ERROR", "Internal Server Error"); return true;
    case SPLUNK_BUSY: message(f, out, 503, "ERROR", "The maximum number of concurrent searches is reached"); return true;
    case SPLUNK_429: message(f, out, 429, "ERROR", "Too Many Requests"); return true;
    case SPLUNK_EMPTY: return true;
    case SPLUNK_HTML: kt_buf_adds(&out->body, "<html>login here</html>"); return true;
    case SPLUNK_DROP: out->breaks = FAKE_CLOSE; return true;
    case SPLUNK_FATAL: message(f, out, 200, "FATAL", "Error in 'fields' command"); return true;
    case SPLUNK_401: message(f, out, 401, "ERROR", "Unauthorized"); return true;
    case SPLUNK_403: message(f, out, 403, "ERROR", "insufficient permission to access this resource"); return true;
    default: return false;
    }
}

static void on_request(void *ctx, const struct fake_request *r, struct fake_reply *out)
{
    struct fake_splunk *f = ctx;
    bool v2 = strstr(r->target, "/search/v2/") != NULL, parser = strstr(r->target, "/parser") != NULL;
    snprintf(f->path, sizeof f->path, "%.200s", r->target);
    if (!authorized(f, r, out))
        return;
    f->authorized++;
    if ((v2 && f->old) || strncmp(r->target, "/services", 9) != 0) {
        message(f, out, 404, "ERROR", "Not Found");
        return;
    }
    if (!f->n_faults && on_job(f, r, out))
        return;
    if (strcmp(r->method, "POST") != 0 && !f->n_faults) {
        message(f, out, 404, "ERROR", "Not Found");
        return;
    }
    if (parser) {
        f->parsers++;
        if (f->bad_search)
            message(f, out, 400, "FATAL", "Unknown search command 'fileds'.");
        else
            kt_buf_adds(&out->body, "{\"remoteSearch\":\"litsearch\"}");
        return;
    }
    enum splunk_fault fault = SPLUNK_FINE;
    if (f->n_faults) {
        fault = f->fault[0];
        memmove(f->fault, f->fault + 1, --f->n_faults * sizeof *f->fault);
    }
    bool export_it = strstr(r->target, "/export") != NULL;
    f->exports += export_it;
    if (!scripted(f, fault, out) && (export_it || !on_job(f, r, out)))
        export(f, r, out, fault);
}

void fake_splunk_init(struct fake_splunk *f)
{
    *f = (struct fake_splunk){.token = "splunk-canary-token"};
    f->http = fake_http_new(on_request, f);
}

void fake_splunk_free(struct fake_splunk *f)
{
    fake_http_free(f->http);
    for (size_t i = 0; i < f->n_events; i++)
        free(f->event[i].event.escaped);
    for (size_t i = 0; i < f->n_jobs; i++) {
        free(f->job[i].search);
        free(f->job[i].hit);
    }
    free(f->event);
    by_time_free(&f->order);
}

void fake_splunk_event(struct fake_splunk *f, int number, int64_t time, int64_t indexed, int64_t available)
{
    fake_http_lock(f->http);
    if (!kt_grow(&f->event, &f->cap_events, f->n_events + 1, sizeof *f->event, EVENTS_MAX))
        abort();
    f->event[f->n_events++] = (struct splunk_event){
        .event = {.time = time, .available = available, .number = number, .name = "CreateAccessKey", .account = "111122223333"},
        .indexed = indexed};
    fake_http_unlock(f->http);
}

void fake_splunk_record(struct fake_splunk *f, const char *text, int64_t time)
{
    fake_splunk_event(f, 0, time, time, time);
    fake_http_lock(f->http);
    f->event[f->n_events - 1].event.text = text;
    fake_http_unlock(f->http);
}

void fake_splunk_fault(struct fake_splunk *f, enum splunk_fault fault)
{
    fake_http_lock(f->http);
    if (f->n_faults < SPLUNK_FAULTS)
        f->fault[f->n_faults++] = fault;
    fake_http_unlock(f->http);
}

/* --- storms ------------------------------------------------------------------------------- */

static void trouble_it(struct trail_rig *r, struct fake_splunk *f)
{
    enum splunk_fault what = (enum splunk_fault)rig_below(r, SPLUNK_PARTIAL + 1);
    for (uint64_t n = rig_below(r, 5); n > 0; n--) {
        fake_splunk_fault(f, SPLUNK_FINE);
        fake_splunk_fault(f, what);
    }
}

void splunk_storm(struct trail_rig *r, struct fake_splunk *f, size_t n, int64_t span)
{
    char address[128];
    int64_t burst = r->start;
    snprintf(address, sizeof address, "splunk://127.0.0.1:%d/?http=1&index=main&interval=120", fake_http_port(f->http));
    for (size_t i = 0; i < n; i++) {
        if (rig_below(r, 4))
            burst = r->start + (int64_t)rig_below(r, (uint64_t)span); /* else of the same second as the last one */
        for (int copy = 0; copy < 3; copy++) {
            int64_t indexed = burst + (int64_t)rig_below(r, rig_below(r, 10) ? 900000 : (uint64_t)(6 * HOUR));
            int64_t found = indexed + (int64_t)rig_below(r, rig_below(r, 10) ? 300000 : (uint64_t)(3 * HOUR)); /* an indexer was away */
            fake_splunk_event(f, (int)i + 1, burst, indexed, found);
        }
    }
    rig_open(r, address, true);
    while (r->now < r->start + span + 9 * HOUR) {
        rig_run(r, r->now + (int64_t)rig_below(r, 40 * 60000));
        trouble_it(r, f);
        if (rig_below(r, 6) == 0) { /* killed, in the middle of what it does, and started again */
            for (uint64_t k = rig_below(r, 12); k > 0; k--)
                rig_step(r);
            rig_close(r);
            r->now += (int64_t)rig_below(r, (uint64_t)HOUR);
            rig_open(r, address, true);
        }
    }
    f->n_faults = 0;
    rig_run(r, r->now + 2 * HOUR);
}
