/* Rows that a screen shows, into a file, on a thread of its own: what -o writes
 * headless, of these rows, in their order.
 *
 * The file is written beside its place, with mode 0600, and put there when it is
 * whole: who looks sees all of it or what was there before. A file that is there
 * is replaced only where that was asked for. While it works and when it has
 * ended, kt_engine_fd becomes readable (at most some four times a second). */
#ifndef KT_EXPORTING_H
#define KT_EXPORTING_H
#include "engine.h"
#include "output/output.h"

enum kt_export_format { /* as of kt_format, and what is none of those */
    KT_EXPORT_JSONL, KT_EXPORT_CSV, KT_EXPORT_TABLE, KT_EXPORT_OCSF, KT_EXPORT_ECS, KT_EXPORT_SPLUNK,
    KT_EXPORT_REPORT, KT_EXPORT_FORMATS
};
const char *kt_export_format_name(enum kt_export_format f); /* "jsonl" */
/* What such a file's name ends in: "md". */
const char *kt_export_ending(enum kt_export_format f);
/* By name; KT_EXPORT_FORMATS: there is none. */
enum kt_export_format kt_export_format_find(struct kt_span name);

enum { KT_EXPORT_PATH = 4096, KT_EXPORT_SENTENCE = 480 };

struct kt_export_opts { /* all of it is copied */
    struct kt_engine *engine;
    enum kt_export_format format;
    const char *path;       /* "~/" is the home folder */
    bool replace;           /* what is there may go */
    const uint64_t *seq;
    size_t n;
    const char *columns;    /* of table and csv; NULL: the usual ones */
    bool kinds, ascii;      /* as of kt_output_opts */
    const char *chosen, *filter, *profile; /* as of kt_report_opts */
    int64_t now;
};
struct kt_export;
/* Is something there, be it a link to nothing? */
bool kt_export_is_there(const char *path);
/* KT_EIO: it cannot be written there; KT_EUSAGE; KT_ENOMEM. */
enum kt_code kt_export_start(struct kt_export **out, const struct kt_export_opts *o, struct kt_err *e);
/* Asks it to stop; what was written goes. */
void kt_export_cancel(struct kt_export *x);
/* Cancels, waits and frees. */
void kt_export_free(struct kt_export *x);

struct kt_export_state {
    bool running, failed, cancelled;
    size_t done, total;  /* rows */
    size_t gone;         /* were no longer kept */
    char path[KT_EXPORT_PATH]; /* where it is, "~" resolved */
    char sentence[KT_EXPORT_SENTENCE]; /* why it failed; "" else */
};
void kt_export_look(struct kt_export *x, struct kt_export_state *out);
#endif
