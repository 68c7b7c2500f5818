/* Alerts: a row that has become as grave as the configuration's `alerts:` says,
 * by arriving or by what was learnt of it since, rings. What was there when
 * reading was over, or came back from memory, does not; nor what somebody has
 * acknowledged. A pause holds the table still, and not the bell.
 *
 * Bell, flash and notification come at most once in `every` seconds; what comes
 * between is told together, at its end. The hook is given each row. */
#ifndef KT_TUI_ALERTS_H
#define KT_TUI_ALERTS_H
#include "config/config.h"
#include "store/view.h"
#include "tui/hook.h"

enum { KT_ALERT_EVERY_S = 10, KT_ALERT_TIMEOUT_S = 10, KT_ALERT_LEVELS = KT_CONFIG_LEVELS, KT_ALERT_WINDOW = 1 << 22 };

struct kt_alerts_opts {
    unsigned actions[KT_ALERT_LEVELS]; /* KT_ALERT_*, by level */
    int every_s;
    struct kt_hook *hook; /* borrowed; NULL: none */
};
/* What the configuration says, and the usual where it says nothing: a flash for
 * high and critical. */
struct kt_alerts_opts kt_alerts_configured(const struct kt_config *c);

struct kt_alerts {
    bool started;
    struct {
        struct kt_view *view; /* rows of this level or above that nobody acknowledged */
        struct kt_filter *filter;
        const struct kt_snapshot *seen; /* what was looked at last, held; NULL: none yet */
    } watch[KT_ALERT_LEVELS];
    uint8_t *rung;        /* KT_ALERT_WINDOW of them, by seq: 1 + the level that it has rung for */
    uint64_t last;        /* the newest seq that has a place in it */
    uint64_t from;        /* rows up to here were there before */
    unsigned pending;     /* KT_ALERT_*, to be done when `due` */
    int64_t due, flash_until; /* kt_mono_ms(); 0: never, not */
    uint64_t pending_rows;
    int gravest;          /* level among those */
    uint64_t unseen;      /* rang since the last key */
    uint64_t told, failed, dropped; /* of the hook */
    char trouble[120];    /* the hook's last; "" */
    char title[40], notice[80];
};

struct kt_app;
void kt_alerts_free(struct kt_app *a);
unsigned kt_alerts_news(struct kt_app *a);
/* Somebody is at the keys. */
unsigned kt_alerts_key(struct kt_app *a);
/* ms until something is to be done; 0: never. */
int64_t kt_alerts_next(const struct kt_app *a);
unsigned kt_alerts_tick(struct kt_app *a);
bool kt_alerts_flashing(const struct kt_app *a);
#endif
