#include "loop.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

enum {
    FRAME_MS = 100,  /* between frames that only news asked for */
    LONELY_MS = 500, /* where nobody has been at the keys for a while */
    EAGER_MS = 400,  /* after a key, its answer may come as news (a sorted view): */
    ANSWER_MS = 8,   /* it is looked for this often */
    SETTLE_MS = 12,  /* news bring more news (a new row under the cursor has another pane): one frame for both */
    GLANCE_MS = 3,   /* looks within that time */
    AWAIT_MS = 8,    /* a key's frame waits so long for its pane, so as not to be drawn twice */
    KEYS_AT_ONCE = 2000
};

struct loop {
    const struct kt_loop_opts *o;
    struct kt_canvas canvas;
    bool dirty;     /* what is shown is not what is */
    int64_t paint;  /* not before then; 0: at once */
    bool stalled;   /* the terminal did not take all of the last frame */
    bool more_keys; /* some were left, which poll does not see */
    int64_t look;   /* when to look at news again */
    int64_t eager;  /* until then, soon */
    int64_t due;    /* what the app said before the wait: once it is past, it says the one after; 0: never */
    bool done;
    int result;
};

static void end(struct loop *l, int result)
{
    if (!l->done)
        l->result = result;
    l->done = true;
}

static void fit(struct loop *l)
{
    int rows, cols;
    kt_term_size(l->o->term, &rows, &cols);
    if (rows != l->canvas.rows || cols != l->canvas.cols) {
        if (!kt_canvas_resize(&l->canvas, rows, cols)) {
            end(l, KT_LOOP_NOMEM);
            return;
        }
        kt_app_key(l->o->app, (struct kt_key){KT_KEY_RESIZE, 0});
    }
    l->dirty = true;
}

static void suspend(struct loop *l)
{
    if (l->o->signals->stop_ignored)
        return;
    kt_term_suspend(l->o->term);
    kt_signals_stop_here();
    kt_term_resume(l->o->term);
    l->stalled = false;
    fit(l);
}

static void obey(struct loop *l, unsigned flags)
{
    kt_term_mouse(l->o->term, kt_app_wants_mouse(l->o->app));
    if (flags & KT_APP_QUIT)
        end(l, KT_LOOP_QUIT);
    if (flags & KT_APP_CONFIGURED && l->o->configured)
        l->o->configured(l->o->configured_ctx);
    if (flags & KT_APP_REPAINT)
        kt_term_repaint(l->o->term);
    if (flags & (KT_APP_REDRAW | KT_APP_REPAINT))
        l->dirty = true;
    if (flags & KT_APP_COPY) {
        const char *text = kt_app_clipboard(l->o->app);
        if (text)
            kt_term_copy(l->o->term, text);
    }
    if (flags & KT_APP_THEME)
        kt_term_theme(l->o->term, kt_app_theme(l->o->app));
    if (flags & KT_APP_BELL)
        kt_term_bell(l->o->term);
    if (flags & KT_APP_TITLE)
        kt_term_title(l->o->term, kt_app_title(l->o->app));
    if (flags & KT_APP_NOTIFY)
        kt_term_notify(l->o->term, kt_app_notice(l->o->app), l->o->osc777);
    if (flags & KT_APP_SUSPEND && !l->done)
        suspend(l);
}

static void signals(struct loop *l)
{
    for (int signo; !l->done && (signo = kt_signals_next(l->o->signals));) {
        switch (signo) {
        case SIGWINCH:
            kt_term_resized(l->o->term);
            fit(l);
            break;
        case SIGTSTP:
            suspend(l);
            break;
        case SIGCONT: /* stopped by someone else: the shell has had the terminal since */
            kt_term_suspend(l->o->term);
            kt_term_resume(l->o->term);
            fit(l);
            break;
        default:
            end(l, signo);
        }
    }
}

static void keys(struct loop *l)
{
    struct kt_key k;
    bool gone = false;
    int n = 0;
    while (!l->done && n < KEYS_AT_ONCE && kt_term_key(l->o->term, &k, &gone)) {
        obey(l, kt_app_key(l->o->app, k));
        n++;
    }
    l->more_keys = n == KEYS_AT_ONCE;
    if (n) {
        /* at once, unless what the key asked for will be there in a moment */
        l->paint = kt_app_awaits(l->o->app) ? kt_mono_ms() + AWAIT_MS : 0;
        l->eager = kt_mono_ms() + EAGER_MS;
        l->look = 0;
    }
    if (gone)
        end(l, KT_LOOP_GONE);
}

static void news(struct loop *l, int64_t now)
{
    uint64_t count;
    ssize_t n;
    do
        n = read(kt_engine_fd(l->o->engine), &count, sizeof count);
    while (n < 0 && errno == EINTR);
    bool dirty = l->dirty;
    obey(l, kt_app_news(l->o->app));
    if (!dirty && l->dirty && now >= l->eager)
        l->paint = now + SETTLE_MS;
    else if (now < l->eager && !kt_app_awaits(l->o->app))
        l->paint = 0;
    bool awaits = kt_app_awaits(l->o->app);
    l->look = awaits ? 0 : now + (l->dirty && l->paint ? GLANCE_MS : now < l->eager ? ANSWER_MS : FRAME_MS);
}

static int64_t between(const struct loop *l)
{
    return kt_app_unattended(l->o->app) ? LONELY_MS : FRAME_MS;
}

static void draw(struct loop *l)
{
    /* a frame goes out in pieces, and none of them is worth drawing another for */
    l->stalled = !kt_term_flush(l->o->term);
    if (l->stalled || !l->dirty || kt_term_behind(l->o->term))
        return;
    kt_app_draw(l->o->app, &l->canvas);
    l->stalled = !kt_term_present(l->o->term, &l->canvas);
    l->dirty = false;
    if (l->paint && kt_mono_ms() >= l->eager) /* it was news that asked: the next may wait */
        l->look = kt_mono_ms() + between(l);
    l->paint = 0;
}

/* How long nothing can happen by itself: -1 for ever. */
static int patience(struct loop *l, int64_t now)
{
    int64_t until = 0, deadline = l->due = kt_app_deadline(l->o->app);
    if (l->more_keys)
        return 0;
    if (l->look > now)
        until = l->look;
    if (deadline && (!until || deadline < until))
        until = deadline;
    int behind = l->dirty ? kt_term_behind(l->o->term) : 0;
    int64_t paint = behind && l->paint < now + behind ? now + behind : l->paint;
    if (l->dirty && !l->stalled && (!until || paint < until))
        until = paint;
    if (!until && !(l->dirty && !l->stalled))
        return -1;
    int64_t ms = until - now;
    return ms < 0 ? 0 : ms > 3600000 ? 3600000 : (int)ms;
}

static void turn(struct loop *l)
{
    enum { TERM, SIGNAL, NEWS, OTHER, FDS = OTHER + KT_APP_FDS };
    int64_t now = kt_mono_ms();
    struct pollfd f[FDS] = {
        [TERM] = {.fd = kt_term_fd(l->o->term), .events = (short)(POLLIN | (l->stalled ? POLLOUT : 0))},
        [SIGNAL] = {.fd = l->o->signals->fd, .events = POLLIN},
        [NEWS] = {.fd = now >= l->look ? kt_engine_fd(l->o->engine) : -1, .events = POLLIN},
    };
    for (int i = 0; i < KT_APP_FDS; i++)
        f[OTHER + i] = (struct pollfd){.fd = kt_app_fd(l->o->app, i), .events = POLLIN};
    if (poll(f, FDS, patience(l, now)) < 0 && errno != EINTR) {
        end(l, KT_LOOP_NOMEM);
        return;
    }
    now = kt_mono_ms();
    if (f[SIGNAL].revents)
        signals(l);
    if (!l->done && (l->more_keys || f[TERM].revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL)))
        keys(l);
    if (!l->done && (f[NEWS].revents || (f[OTHER + KT_APP_FD_HOOK].revents | f[OTHER + KT_APP_FD_THEME].revents) & POLLIN))
        news(l, now);
    if (!l->done && l->due && now >= l->due)
        obey(l, kt_app_tick(l->o->app));
    /* a terminal that is behind gets its next frame when it can take one */
    bool writable = !l->stalled || f[TERM].revents & POLLOUT;
    bool due = l->stalled || (l->dirty && now >= l->paint);
    if (!l->done && writable && due)
        draw(l);
}

int kt_loop_run(const struct kt_loop_opts *o)
{
    struct loop l = {.o = o, .dirty = true};
    int rows, cols;
    kt_term_size(o->term, &rows, &cols);
    if (!kt_canvas_init(&l.canvas, rows, cols, o->ascii))
        return KT_LOOP_NOMEM;
    draw(&l);
    while (!l.done)
        turn(&l);
    kt_canvas_free(&l.canvas);
    return l.result;
}
