/* What the files of the splunk: source share. */
#ifndef KT_SOURCE_SPLUNK_H
#define KT_SOURCE_SPLUNK_H
#include "aws/call.h"
#include "base/buf.h"
#include "source/deputy.h"
#include "source/poller.h"
#include "source/splunk_address.h"

#include <jansson.h>

enum {
    SPLUNK_SEARCH_MAX = 64 << 10,
    SPLUNK_FORM_MAX = 3 * SPLUNK_SEARCH_MAX + 1024,
    SPLUNK_LINE_MAX = 32 << 20, /* a record of 8 MiB, escaped */
    SPLUNK_SECRET_MAX = 16 << 10,
    SPLUNK_STEP = 1 << 20       /* bytes of an answer that one step looks at */
};

/* The next step of a search job (splunk_job.c). */
enum splunk_job { SPLUNK_JOB_START, SPLUNK_JOB_LOOK, SPLUNK_JOB_PAGE, SPLUNK_JOB_DROP };
enum { SPLUNK_JOB_ROWS = 500 /* a page */, SPLUNK_JOB_MOST = 500000 /* that Splunk keeps of one, as a rule */ };

/* What an export has said so far. One that is whole ends with a row, or an
 * empty one, that says lastrow. */
struct splunk_answer {
    size_t lines, rows, raws; /* raws: rows with _raw */
    size_t strange;           /* lines, or the beginning of one, that do not even begin as an object does */
    bool ended, incomplete;
    char refusal[300];        /* an ERROR or FATAL message in it */
    char warning[300];
};

struct splunk {
    struct kt_source source;
    struct kt_poller p;
    struct kt_aws *aws;
    struct kt_net *net;
    struct splunk_address a;
    struct kt_endpoint endpoint;
    struct kt_pace pace;
    struct kt_buf search;     /* without the window */
    size_t unasked;           /* names that are no words to search for */
    bool question;            /* of event time, and whatever the names of events */
    bool told, old;           /* old: has no search/v2 */
    bool parsing;             /* the call asks whether the search is one */
    enum splunk_job job;      /* what is next, of a question that wants one */
    bool jobs;                /* the call is about a job */
    bool no_job;              /* it has more than a job keeps: it is exported */
    char sid[160];            /* of the job that there is; "": none */
    size_t job_at, job_rows;  /* results so far, and in all */
    int looks, percent;
    struct kt_answer *asked;  /* who hears how far it is; NULL */
    struct kt_aws_call *call;
    struct splunk_answer answer;
    char warned[300];
    struct deputies deputies; /* who answer questions */
};

/* Adds the search for `o`'s events, or the user's own, to s->search. */
bool splunk_search(struct splunk *s, const struct kt_source_opts *o);
/* The form that asks for a pass's window; or whether the search is one. */
bool splunk_export_form(const struct splunk *s, const struct kt_pass *pass, struct kt_buf *out);
bool splunk_parser_form(const struct splunk *s, struct kt_buf *out);

/* Reads whole lines of `text` (with `last` also one without a newline), up to
 * SPLUNK_STEP bytes, and gives their records on. How many bytes were read;
 * `*going` is false when stopping. */
size_t splunk_read(struct splunk *s, struct kt_span text, bool last, const struct kt_source_sink *sink, bool *going);
/* The results of a page of a job: their number, and are they all there? */
bool splunk_page(struct splunk *s, struct kt_span body, size_t *n, const struct kt_source_sink *sink, bool *going);
/* [{"type":"FATAL","text":"..."}] */
void splunk_messages(struct splunk_answer *a, const json_t *messages);

/* --- splunk_job.c */
bool splunk_wants_job(const struct splunk *s, const struct kt_pass *pass);
/* What is put behind the path of all jobs, and a form's fields behind those of an export. */
bool splunk_job_path(const struct splunk *s, char *path, size_t size, const char **method);
bool splunk_job_form(const struct splunk *s, struct kt_buf *out);
/* An answer was heard. True: all its results were. */
bool splunk_job_take(struct splunk *s, struct kt_span body, const struct kt_source_sink *sink);
bool splunk_job_refused(struct splunk *s, int status, const struct kt_source_sink *sink);
void splunk_job_forget(struct splunk *s);
/* Waits until the call is over, at most a second. */
void splunk_job_goodbye(struct splunk *s);

/* The first message of an answer that is a refusal; "" where there is none. */
void splunk_refusal(struct kt_span body, char *out, size_t size);

/* The Authorization header, read anew: a token is renewed while one runs.
 * False: `why` says what is missing, and what to do. */
bool splunk_authorization(const struct splunk *s, struct kt_buf *out, char *why, size_t size);
#endif
