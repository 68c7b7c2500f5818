/* splunk: search jobs, for questions about long times: they run in Splunk by
 * themselves, and say how far they are. Follows search/v2/jobs: a POST begins
 * one, its own resource says how it stands, its results come a page at a time,
 * and a control ends it and frees what it holds. */
#include "source/splunk.h"

#include "aws/sign.h"

#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>

#define DAY ((int64_t)24 * 3600000)

enum { LOOK_MS = 500, LOOK_MAX_MS = 5000, GOODBYE_MS = 1000, WAIT_MS = 50 };

bool splunk_wants_job(const struct splunk *s, const struct kt_pass *pass)
{
    return s->question && !s->no_job && pass->to - pass->from > DAY;
}

static bool add(struct kt_buf *b, const char *name, const char *value)
{
    kt_buf_addf(b, "%s%s=", b->len ? "&" : "", name);
    return kt_uri_encode(b, kt_span_of(value), false);
}

bool splunk_job_path(const struct splunk *s, char *path, size_t size, const char **method)
{
    static const char *const behind[] = {[SPLUNK_JOB_LOOK] = "?output_mode=json", [SPLUNK_JOB_PAGE] = "/results", [SPLUNK_JOB_DROP] = "/control"};
    char page[96] = "";
    *method = s->job == SPLUNK_JOB_START || s->job == SPLUNK_JOB_DROP ? "POST" : "GET";
    if (s->job == SPLUNK_JOB_PAGE)
        snprintf(page, sizeof page, "?output_mode=json&offset=%zu&count=%d", s->job_at, SPLUNK_JOB_ROWS);
    size_t n = strlen(path);
    int m = s->job == SPLUNK_JOB_START ? 0 : snprintf(path + n, size - n, "/%s%s%s", s->sid, behind[s->job], page);
    return m >= 0 && (size_t)m < size - n;
}

/* `out` has the search and its window already, as an export is asked. */
bool splunk_job_form(const struct splunk *s, struct kt_buf *out)
{
    char most[24];
    if (s->job == SPLUNK_JOB_DROP)
        return add(out, "action", "cancel") && add(out, "output_mode", "json");
    snprintf(most, sizeof most, "%d", SPLUNK_JOB_MOST);
    return add(out, "exec_mode", "normal") && add(out, "max_count", most) && add(out, "timeout", "600") && !out->failed;
}

void splunk_job_forget(struct splunk *s)
{
    s->job = SPLUNK_JOB_START;
    s->sid[0] = '\0';
    s->job_at = s->job_rows = 0;
    s->looks = 0;
    if (s->asked)
        s->asked->percent = 0;
}

static void not_splunk(struct splunk *s, const struct kt_source_sink *sink)
{
    splunk_job_forget(s);
    kt_poller_put_off(&s->p, "the answer is not Splunk's: is there a proxy that wants a login?", 0, false, sink);
}

/* A sid goes into paths: nothing that means something there. */
static bool take_sid(struct splunk *s, const json_t *root)
{
    const char *sid = json_string_value(json_object_get(root, "sid"));
    size_t n = sid ? strlen(sid) : 0;
    if (!n || n >= sizeof s->sid ||
        strspn(sid, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-@") != n)
        return false;
    snprintf(s->sid, sizeof s->sid, "%s", sid);
    s->job = SPLUNK_JOB_LOOK;
    return true;
}

static size_t count(const json_t *content, const char *name)
{
    const json_t *v = json_object_get(content, name);
    return json_is_integer(v) && json_integer_value(v) > 0 ? (size_t)json_integer_value(v) : 0;
}

static void take_state(struct splunk *s, const json_t *content, const struct kt_source_sink *sink)
{
    const char *state = json_string_value(json_object_get(content, "dispatchState"));
    double done = json_number_value(json_object_get(content, "doneProgress"));
    char says[360];
    splunk_messages(&s->answer, json_object_get(content, "messages"));
    if (!state) {
        not_splunk(s, sink);
        return;
    }
    s->percent = done > 0 && done <= 1 ? (int)(done * 100) : 0;
    if (s->asked)
        s->asked->percent = s->percent;
    if (strcmp(state, "FAILED") == 0 || strcmp(state, "INTERNAL_CANCEL") == 0 || strcmp(state, "USER_CANCEL") == 0 ||
        strcmp(state, "BAD_INPUT_CANCEL") == 0 || strcmp(state, "QUIT") == 0) {
        snprintf(says, sizeof says, "Splunk's search job %s%s%.240s", state[0] == 'F' ? "failed" : "was cancelled",
                 s->answer.refusal[0] ? ": " : "", s->answer.refusal);
        splunk_job_forget(s);
        kt_poller_put_off(&s->p, says, 30000, true, sink);
    } else if (strcmp(state, "DONE") == 0) {
        s->job_rows = count(content, "resultCount");
        s->no_job = count(content, "eventCount") > s->job_rows || s->job_rows >= SPLUNK_JOB_MOST;
        s->job = s->no_job || !s->job_rows ? SPLUNK_JOB_DROP : SPLUNK_JOB_PAGE; /* a job keeps no more: an export does */
        kt_poller_well(&s->p);
    } else {
        int64_t wait = LOOK_MS * (int64_t)++s->looks;
        s->p.wake = kt_aws_mono(s->aws) + (wait < LOOK_MAX_MS ? wait : LOOK_MAX_MS);
        kt_poller_well(&s->p);
    }
}

/* True: all its rows are here, and it is let go of; the question is answered. */
bool splunk_job_take(struct splunk *s, struct kt_span body, const struct kt_source_sink *sink)
{
    size_t n = 0;
    bool whole, going = true;
    json_t *root = s->job == SPLUNK_JOB_START || s->job == SPLUNK_JOB_LOOK ? json_loadb(body.p ? body.p : "", body.n, 0, NULL) : NULL;
    switch (s->job) {
    case SPLUNK_JOB_START:
        if (!take_sid(s, root))
            not_splunk(s, sink);
        break;
    case SPLUNK_JOB_LOOK:
        take_state(s, json_object_get(json_array_get(json_object_get(root, "entry"), 0), "content"), sink);
        break;
    case SPLUNK_JOB_PAGE:
        whole = splunk_page(s, body, &n, sink, &going);
        kt_poller_end(&s->p, sink);
        s->job_at += n;
        if (!whole)
            not_splunk(s, sink);
        else if (n == 0)
            snprintf(s->answer.warning, sizeof s->answer.warning, "Splunk gave %zu of %zu results of a search job", s->job_at, s->job_rows);
        s->answer.incomplete |= whole && n == 0;
        if (whole && going && (n == 0 || s->job_at >= s->job_rows))
            s->job = SPLUNK_JOB_DROP;
        break;
    case SPLUNK_JOB_DROP:
        splunk_job_forget(s);
        return !s->no_job;
    }
    json_decref(root);
    return false;
}

/* True: it was about the job, and is dealt with. */
bool splunk_job_refused(struct splunk *s, int status, const struct kt_source_sink *sink)
{
    if (s->job == SPLUNK_JOB_DROP) /* it will expire by itself */
        return true;
    if (status != 404 || s->job == SPLUNK_JOB_START)
        return false;
    splunk_job_forget(s);
    kt_poller_put_off(&s->p, "Splunk has the search job no longer: it is begun again", 0, false, sink);
    return true;
}

void splunk_job_goodbye(struct splunk *s)
{
    int64_t wake, until = kt_mono_ms() + GOODBYE_MS;
    while (s->call && kt_aws_call_poll(s->call, &wake)->end == KT_AWS_PENDING && kt_mono_ms() < until) {
        int fd = -1;
        int64_t at = 0;
        if (!kt_net_wait(s->net, &fd, &at))
            break;
        struct pollfd p = {fd, POLLIN, 0};
        (void)poll(&p, fd >= 0, WAIT_MS);
    }
}
