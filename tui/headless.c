#include "headless.h"

#include "base/clock.h"
#include "output/output.h"
#include "report.h"
#include "signals.h"
#include "text/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { QUIET_MS = 500 /* what takes less shows no progress */, LINE = 160, ROWS_MAX = 1 << 24 };

struct headless {
    struct kt_output *output;
    const struct kt_rules *rules; /* held: the output's columns are of one of them */
    bool progress;  /* standard error is a terminal */
    size_t shown;   /* columns of the line of progress that stands there */
    int width;
    int64_t began;
    bool failed;    /* standard output took no more, for this reason: */
    int why;
    uint64_t *seq;  /* of a report's rows */
    size_t n_seq, cap_seq;
};

bool kt_wants_color(const struct kt_options *o, int fd)
{
    const char *none = getenv("NO_COLOR"), *term = getenv("TERM");
    if (o->color != KT_COLOR_AUTO)
        return o->color == KT_COLOR_ALWAYS;
    return !(none && *none) && isatty(fd) && term && strcmp(term, "dumb") != 0;
}

static int terminal_width(int fd)
{
    struct winsize w = {0};
    return isatty(fd) && ioctl(fd, TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}

/* --- progress ------------------------------------------------------------ */

static const char *unit_of(uint64_t bytes, double *scale)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    size_t i = 0;
    for (*scale = 1; bytes / *scale >= 1000 && i < 5; i++)
        *scale *= 1000;
    return units[i];
}

static size_t add(char *out, size_t size, size_t at, const char *text)
{
    size_t n = strlen(text);
    if (at + n + 1 > size)
        return at;
    memcpy(out + at, text, n + 1);
    return at + n;
}

static void time_left(char *out, size_t size, double seconds)
{
    if (seconds < 100)
        snprintf(out, size, ", %.0f s left", seconds);
    else if (seconds < 6000)
        snprintf(out, size, ", %.0f min left", seconds / 60);
    else
        snprintf(out, size, ", %.1f h left", seconds / 3600);
}

void kt_progress_text(char *out, size_t size, const struct kt_health *h, int64_t ms)
{
    char part[80];
    size_t at = 0;
    double scale, rate = ms > 0 ? (double)h->bytes_done * 1000 / (double)ms : 0;
    uint64_t whole = h->bytes_total > h->bytes_done ? h->bytes_total : h->bytes_done;
    const char *unit = unit_of(whole, &scale);
    out[0] = '\0';
    if (h->files_total > 1) {
        snprintf(part, sizeof part, "%llu of %llu files, ", (unsigned long long)h->files_done,
                 (unsigned long long)h->files_total);
        at = add(out, size, at, part);
    }
    if (h->bytes_total)
        snprintf(part, sizeof part, "%.1f of %.1f %s", (double)h->bytes_done / scale, (double)whole / scale, unit);
    else
        snprintf(part, sizeof part, "%.1f %s", (double)h->bytes_done / scale, unit);
    at = add(out, size, at, part);
    snprintf(part, sizeof part, ", %.0f MB/s", rate / 1e6);
    at = add(out, size, at, part);
    if (h->bytes_total > h->bytes_done && rate > 0) {
        time_left(part, sizeof part, (double)(h->bytes_total - h->bytes_done) / rate);
        add(out, size, at, part);
    }
}

static void to_stderr(const char *p, size_t n)
{
    ssize_t k;
    do
        k = write(STDERR_FILENO, p, n);
    while (k < 0 && errno == EINTR && !kt_signals_stopped_by());
}

static void clear_progress(struct headless *h)
{
    if (!h->shown)
        return;
    char line[LINE + 3];
    memset(line, ' ', sizeof line);
    line[0] = line[h->shown + 1] = '\r';
    to_stderr(line, h->shown + 2);
    h->shown = 0;
}

static void on_tick(void *ctx, const struct kt_health *total)
{
    struct headless *h = ctx;
    char text[LINE - 10], line[2 * LINE + 3];
    int64_t ms = kt_mono_ms() - h->began;
    if (!h->progress || ms < QUIET_MS)
        return;
    kt_progress_text(text, sizeof text, total, ms);
    int n = snprintf(line + 1, LINE, "keytop: %s", text);
    size_t width = h->width > 1 && h->width - 1 < LINE ? (size_t)h->width - 1 : 79;
    size_t used = n > 0 && (size_t)n < width ? (size_t)n : width, pad = h->shown > used ? h->shown - used : 0;
    line[0] = '\r';
    memset(line + 1 + used, ' ', pad);
    to_stderr(line, 1 + used + pad);
    h->shown = used + pad;
}

/* --- rows and troubles --------------------------------------------------- */

static bool on_row(void *ctx, const struct kt_row *r, struct kt_node *root)
{
    struct headless *h = ctx;
    clear_progress(h);
    errno = 0;
    if (kt_output_row(h->output, r, root))
        return !kt_signals_stopped_by();
    h->failed = true;
    h->why = errno;
    return false;
}

static void on_trouble(void *ctx, const char *place, const char *sentence)
{
    clear_progress(ctx);
    kt_text_complain("%s: %s", place, sentence);
}

/* Nothing that was to be printed may be lost without a word. A reader who has
 * gone (EPIPE) knows that he has. */
static bool finish_output(struct headless *h)
{
    errno = 0;
    if (!h->failed && (!kt_output_finish(h->output) || fflush(stdout) != 0)) {
        h->failed = true;
        h->why = errno;
    }
    if (h->failed && h->why != EPIPE && !kt_signals_stopped_by())
        kt_text_complain("standard output: %s", h->why ? strerror(h->why) : "writing failed");
    return !h->failed;
}

static bool on_flush(void *ctx)
{
    clear_progress(ctx);
    return finish_output(ctx);
}

static enum kt_code open_output(struct headless *h, const struct kt_options *o, struct kt_engine *g, bool ascii,
                                struct kt_err *e)
{
    static const enum kt_format formats[] = {
        [KT_SHAPE_TABLE] = KT_FORMAT_TABLE, [KT_SHAPE_JSONL] = KT_FORMAT_JSONL, [KT_SHAPE_CSV] = KT_FORMAT_CSV,
        [KT_SHAPE_OCSF] = KT_FORMAT_OCSF, [KT_SHAPE_ECS] = KT_FORMAT_ECS, [KT_SHAPE_SPLUNK] = KT_FORMAT_SPLUNK};
    struct kt_output_opts opts = {
        .format = formats[o->shape],
        .columns = o->columns,
        .rule = o->rule,
        .kinds = o->kinds != KT_KIND_BIT(KT_KIND_CREATION),
        .follow = o->follow,
        .ascii = ascii,
        .width = terminal_width(STDOUT_FILENO),
        .color = kt_wants_color(o, STDOUT_FILENO),
    };
    /* who follows wants each row as it comes */
    setvbuf(stdout, NULL, o->follow || isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, 1 << 16);
    h->rules = kt_engine_rules(g);
    return kt_output_new(&h->output, &opts, h->rules, stdout, e);
}

/* --- a report ------------------------------------------------------------ */

static bool note_row(void *ctx, const struct kt_row *r, struct kt_node *root)
{
    struct headless *h = ctx;
    (void)root;
    if (!kt_grow(&h->seq, &h->cap_seq, h->n_seq + 1, sizeof *h->seq, ROWS_MAX)) {
        h->failed = true;
        h->why = ENOMEM;
        return false;
    }
    h->seq[h->n_seq++] = r->seq;
    return !kt_signals_stopped_by();
}

static bool flush_nothing(void *ctx)
{
    (void)ctx;
    return false; /* nothing is out before the end: a queue must not forget it */
}

static int run_report(const struct kt_options *o, struct kt_engine *g, const char *profile, bool missed, int *signo)
{
    struct kt_err e = {0};
    struct headless h = {.progress = isatty(STDERR_FILENO), .width = terminal_width(STDERR_FILENO), .began = kt_mono_ms()};
    int stop_fd = kt_signals_stop_fd(), status = 0;
    if (stop_fd < 0) {
        kt_text_complain("signals cannot be caught: %s", strerror(errno));
        return 2;
    }
    struct kt_engine_sink sink = {.row = note_row, .trouble = on_trouble, .tick = on_tick, .flush = flush_nothing,
                                  .ctx = &h, .at_end = true, .no_json = true};
    bool all = kt_engine_run(g, &sink, stop_fd);
    clear_progress(&h);
    struct kt_report_opts opts = {.engine = g, .judge = kt_engine_judge(g), .seq = h.seq, .n = h.n_seq,
                                  .filter = o->filter, .profile = profile, .now = kt_now(NULL)};
    errno = 0;
    if (h.failed) {
        kt_text_complain("the report: memory ran out");
        status = 1;
    } else if (!kt_signals_stopped_by() && kt_report_write(stdout, &opts, &e) != KT_OK) {
        if (errno != EPIPE)
            kt_text_complain("%s%s%s", e.text, errno ? ": " : "", errno ? strerror(errno) : "");
        status = 1;
    }
    free(h.seq);
    *signo = kt_signals_stopped_by();
    return all && !missed ? status : 1;
}

int kt_headless_run(const struct kt_options *o, struct kt_engine *g, bool ascii, const char *profile, bool missed,
                    int *signo)
{
    struct kt_err e = {0};
    if (o->shape == KT_SHAPE_REPORT)
        return run_report(o, g, profile, missed, signo);
    struct headless h = {.progress = isatty(STDERR_FILENO) && !o->follow, .width = terminal_width(STDERR_FILENO)};
    *signo = 0;
    if (open_output(&h, o, g, ascii, &e)) {
        const struct kt_config *c = o->columns_of;
        if (c)
            kt_text_complain("%s:%d:%d: %s", c->path, c->output.columns_place.line, c->output.columns_place.column, e.text);
        else
            kt_text_complain("%s", e.text);
        kt_rules_free(h.rules);
        return 2;
    }
    int stop_fd = kt_signals_stop_fd();
    if (stop_fd < 0) {
        kt_text_complain("signals cannot be caught: %s", strerror(errno));
        kt_output_free(h.output);
        kt_rules_free(h.rules);
        return 2;
    }
    struct kt_engine_sink sink = {.row = on_row, .trouble = on_trouble, .tick = on_tick, .flush = on_flush, .ctx = &h,
                                  .at_end = true,
                                  .plain = !kt_output_asks_verdict(h.output),
                                  .no_json = !kt_output_asks_record(h.output)};
    h.began = kt_mono_ms();
    bool all = kt_engine_run(g, &sink, stop_fd);
    clear_progress(&h);
    bool written = finish_output(&h);
    kt_output_free(h.output);
    kt_rules_free(h.rules);
    *signo = kt_signals_stopped_by();
    return all && written && !missed ? 0 : 1;
}
