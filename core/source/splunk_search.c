/* splunk: what is asked. */
#include "source/splunk.h"

#include "query/compile.h"

#include "aws/sign.h"
#include "base/secret.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY ((int64_t)24 * 3600000)

/* --- the search ------------------------------------------------------------------------- */

static bool is_word(const char *s)
{
    size_t n = strlen(s);
    return n && n < 128 && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == n;
}

static void one_of(struct kt_buf *b, const char *field, const char *const *value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        kt_buf_addf(b, "%s%s=\"%s\"", i ? " OR " : "(", field, value[i]);
    kt_buf_adds(b, n ? ") " : "");
}

/* Where to search. */
static void base(struct splunk *s)
{
    one_of(&s->search, "index", s->a.index, s->a.n_indexes);
    one_of(&s->search, "sourcetype", s->a.sourcetype, s->a.n_sourcetypes);
    if (!s->a.n_indexes && !s->a.n_sourcetypes)
        kt_buf_adds(&s->search, "`aws_cloudwatchlogs_eks` ");
}

/* A question: its words, in the time of events. */
static bool question(struct splunk *s, const struct kt_cond *where)
{
    bool whole;
    struct kt_buf words;
    kt_buf_init(&words, SPLUNK_SEARCH_MAX);
    s->question = true;
    base(s);
    bool good = kt_query_condition(KT_DIALECT_SPL, NULL, where, &words, &whole, NULL);
    kt_buf_add(&s->search, kt_buf_str(&words), words.len);
    kt_buf_adds(&s->search, " | fields _raw _time _indextime");
    kt_buf_free(&words);
    return good && !s->search.failed;
}

/* The base of the analytic "AWS Detect Permanent Key Creation": its macro and
 * its word, for every event that is wanted. What it tests then, and the table
 * it makes, would leave out roles, denied calls and the record itself. */
bool splunk_search(struct splunk *s, const struct kt_source_opts *o)
{
    static const char *const creation[] = {"CreateAccessKey"};
    const char *const *names = o->n_event_names ? o->event_names : creation;
    size_t n = o->n_event_names ? o->n_event_names : 1, words = 0;
    struct kt_buf *b = &s->search;
    if (o->where)
        return question(s, o->where);
    if (s->a.search)
        return kt_buf_adds(b, s->a.search);
    base(s);
    for (size_t i = 0; i < n; i++) {
        if (!is_word(names[i]))
            s->unasked++;
        else
            kt_buf_addf(b, "%s%s%s", words++ ? " OR " : "(", names[i], strcmp(names[i], "AKIA") == 0 ? "*" : "");
    }
    kt_buf_adds(b, words ? ") | fields _raw _time _indextime" : "| fields _raw _time _indextime");
    return !b->failed;
}

/* --- forms ---------------------------------------------------------------------------------- */

static void field(struct kt_buf *b, const char *name, struct kt_span value)
{
    kt_buf_addf(b, "%s%s=", b->len ? "&" : "", name);
    kt_uri_encode(b, value, false);
}

static void number(struct kt_buf *b, const char *name, int64_t ms)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, ms > 0 ? ms / 1000 : 0);
    field(b, name, kt_span_of(text));
}

/* The window is one of index time: what is indexed late has an index time
 * that is new. The times of events are bounded generously, so that not all
 * that Splunk keeps is looked at each time; wider passes look further. */
static int64_t earliest(const struct splunk *s, const struct kt_pass *pass)
{
    if (pass->from == 0 || s->question)
        return pass->from;
    return pass->from - (s->p.asked == 0 ? 2 * DAY : 30 * DAY);
}

bool splunk_export_form(const struct splunk *s, const struct kt_pass *pass, struct kt_buf *out)
{
    struct kt_buf text;
    kt_buf_init(&text, SPLUNK_SEARCH_MAX + 256);
    kt_buf_adds(&text, "search ");
    if (pass->from > 0 && !s->question)
        kt_buf_addf(&text, "_index_earliest=%" PRId64 " ", pass->from / 1000);
    if (!s->question)
        kt_buf_addf(&text, "_index_latest=%" PRId64 " ", pass->to / 1000 + 1);
    kt_buf_add(&text, s->search.p, s->search.len);
    field(out, "search", kt_buf_span(&text));
    field(out, "output_mode", KT_LIT("json"));
    field(out, "preview", KT_LIT("false"));
    number(out, "earliest_time", earliest(s, pass));
    int64_t until = s->p.until != KT_TIME_NONE ? s->p.until : pass->to;
    number(out, "latest_time", (until < pass->to ? until : pass->to) + DAY);
    bool ok = !text.failed && !out->failed;
    kt_buf_free(&text);
    return ok;
}

bool splunk_parser_form(const struct splunk *s, struct kt_buf *out)
{
    struct kt_buf text;
    kt_buf_init(&text, SPLUNK_SEARCH_MAX + 256);
    kt_buf_adds(&text, "search ");
    kt_buf_add(&text, s->search.p, s->search.len);
    field(out, "q", kt_buf_span(&text));
    field(out, "output_mode", KT_LIT("json"));
    bool ok = !text.failed && !out->failed;
    kt_buf_free(&text);
    return ok;
}

/* --- who asks ------------------------------------------------------------------------------- */

bool splunk_authorization(const struct splunk *s, struct kt_buf *out, char *why, size_t size)
{
    const char *path = s->a.token_file ? s->a.token_file : s->a.session_file;
    const char *token = path ? NULL : kt_aws_env(s->aws, "SPLUNK_TOKEN");
    const char *session = path || token ? NULL : kt_aws_env(s->aws, "SPLUNK_SESSION_KEY");
    char *text = path ? kt_secret_alloc(SPLUNK_SECRET_MAX) : NULL;
    const char *secret = path ? text : token ? token : session;
    bool ok = secret && kt_buf_reserve(out, SPLUNK_SECRET_MAX + 64); /* so that no copy is left behind */
    if (!secret && !path)
        snprintf(why, size, "no token: put it into a file and add token-file=FILE to the address, or set SPLUNK_TOKEN");
    else if (!ok)
        snprintf(why, size, "out of memory");
    ok = ok && (!path || kt_secret_read(path, text, SPLUNK_SECRET_MAX, why, size));
    if (ok && !kt_secret_is_word(secret)) {
        ok = false;
        snprintf(why, size, "%.160s holds no token: it is one line of letters, digits and signs",
                 path ? path : token ? "SPLUNK_TOKEN" : "SPLUNK_SESSION_KEY");
    }
    if (ok)
        kt_buf_addf(out, "Authorization: %s %s", s->a.token_file || token ? "Bearer" : "Splunk", secret);
    kt_secret_free(text);
    return ok && !out->failed;
}
