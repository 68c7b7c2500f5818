/* Time: milliseconds since 1970-01-01T00:00:00Z, UTC, as int64_t; a time that
 * is not known is KT_TIME_NONE. Parsing never consults the locale or TZ. */
#ifndef KT_BASE_CLOCK_H
#define KT_BASE_CLOCK_H
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

#define KT_TIME_NONE INT64_MIN
enum { KT_TIME_TEXT = 32 }; /* room for any formatted time */

/* A clock that tests can replace; `now` is real time in ms. */
struct kt_clock {
    int64_t (*now)(void *ctx);
    void *ctx;
};
extern const struct kt_clock kt_clock_system;
int64_t kt_now(const struct kt_clock *c); /* NULL: the system's */
/* CLOCK_MONOTONIC in ms, for timers: it stands still while the machine sleeps. */
int64_t kt_mono_ms(void);
/* CLOCK_BOOTTIME in ms: it goes on. */
int64_t kt_boot_ms(void);
/* A descriptor that becomes readable when somebody sets the clock, or the
 * machine wakes up; nothing is looked at until then. -1: there is none. To be
 * taken with kt_clock_jumped, which makes it ready for the next time. */
int kt_clock_watch(void);
void kt_clock_jumped(int fd);

/* RFC 3339 ("2023-07-10T12:24:29Z", fractions, offsets) and the forms in
 * which records have been seen: a space for the T, no zone (taken as UTC), up
 * to nine decimals. KT_TIME_NONE where it is not a date that exists. */
int64_t kt_time_parse(struct kt_span s);
/* accessKey.createDate in any of its known spellings: "Jul 30, 2024 9:53:13
 * PM", "Feb 22, 2026, 4:11:47\u202fPM", and what kt_time_parse takes. */
int64_t kt_time_parse_created(struct kt_span s);
/* "2023-07-10T12:24:29Z", with ".123" where there are milliseconds. The empty
 * string for KT_TIME_NONE and years outside 0000..9999. Returns the length. */
size_t kt_time_format(int64_t t, char out[KT_TIME_TEXT]);
/* --since and --until: RFC 3339, "2023-07-10", or "90s 15m 24h 7d" before
 * `now`. KT_TIME_NONE where it is neither. */
int64_t kt_time_parse_ago(struct kt_span s, int64_t now);

struct kt_civil {
    int year, month, day, hour, minute, second, ms; /* month and day from 1 */
    int weekday;                                    /* 0 Sunday */
};
struct kt_civil kt_civil_of(int64_t t);
#endif
