#include "base/clock.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <stdio.h>
#include <time.h>

static int64_t system_now(void *ctx)
{
    (void)ctx;
    struct timespec ts;
    if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
        return 0;
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

const struct kt_clock kt_clock_system = {system_now, NULL};

int64_t kt_now(const struct kt_clock *c)
{
    return c ? c->now(c->ctx) : system_now(NULL);
}

static int64_t clock_ms(clockid_t which)
{
    struct timespec ts;
    if (clock_gettime(which, &ts) != 0)
        return 0;
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t kt_mono_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

int64_t kt_boot_ms(void)
{
    return clock_ms(CLOCK_BOOTTIME);
}

/* A timer of the real clock that is cancelled when that is set, as it is after
 * a sleep: timerfd_settime(2), TFD_TIMER_CANCEL_ON_SET. */
static bool arm(int fd)
{
    struct itimerspec never = {.it_value = {.tv_sec = (time_t)1 << 34}};
    return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) == 0 || errno == ECANCELED;
}

int kt_clock_watch(void)
{
    int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd >= 0 && !arm(fd)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

void kt_clock_jumped(int fd)
{
    uint64_t times;
    while (read(fd, &times, sizeof times) < 0 && errno == EINTR) /* ECANCELED: it was set */
        ;
    (void)arm(fd);
}

/* Days since 1970-01-01 of a proleptic Gregorian date. */
static int64_t days_of(int y, int m, int d)
{
    int64_t yy = m <= 2 ? y - 1 : y;
    int64_t era = (yy >= 0 ? yy : yy - 399) / 400;
    int64_t yoe = yy - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static int month_days(int y, int m)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return m == 2 && leap ? 29 : days[m - 1];
}

static int64_t make_time(const struct kt_civil *c)
{
    if (c->year < 0 || c->year > 9999 || c->month < 1 || c->month > 12 || c->day < 1 ||
        c->day > month_days(c->year, c->month) || c->hour > 23 || c->minute > 59 || c->second > 60)
        return KT_TIME_NONE;
    int64_t s = days_of(c->year, c->month, c->day) * 86400 + c->hour * 3600 + c->minute * 60 + c->second;
    return s * 1000 + c->ms;
}

struct kt_civil kt_civil_of(int64_t t)
{
    struct kt_civil c = {0};
    int64_t days = t / 86400000, rest = t % 86400000;
    if (rest < 0) {
        rest += 86400000;
        days--;
    }
    c.ms = (int)(rest % 1000);
    c.second = (int)(rest / 1000 % 60);
    c.minute = (int)(rest / 60000 % 60);
    c.hour = (int)(rest / 3600000);
    c.weekday = (int)(((days % 7) + 11) % 7);
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    c.day = (int)(doy - (153 * mp + 2) / 5 + 1);
    c.month = (int)(mp < 10 ? mp + 3 : mp - 9);
    c.year = (int)(yoe + era * 400 + (c.month <= 2));
    return c;
}

/* --- a cursor over the text ------------------------------------------------ */

struct cur {
    const char *p, *end;
};

static bool eat(struct cur *c, char ch)
{
    if (c->p < c->end && *c->p == ch) {
        c->p++;
        return true;
    }
    return false;
}

/* Between `lo` and `hi` digits. */
static bool digits(struct cur *c, int lo, int hi, int *out)
{
    int n = 0, v = 0;
    while (c->p < c->end && n < hi && *c->p >= '0' && *c->p <= '9') {
        v = v * 10 + (*c->p++ - '0');
        n++;
    }
    *out = v;
    return n >= lo;
}

static bool fraction(struct cur *c, int *ms)
{
    int n = 0, v = 0;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9') {
        if (n < 3)
            v = v * 10 + (*c->p - '0');
        n++;
        c->p++;
    }
    if (n == 0 || n > 9)
        return false;
    for (int i = n; i < 3; i++)
        v *= 10;
    *ms = v;
    return true;
}

/* "Z", "+02:00", "-0530" or nothing (UTC); minutes east of Greenwich. */
static bool zone(struct cur *c, int *minutes)
{
    *minutes = 0;
    if (c->p == c->end || eat(c, 'Z') || eat(c, 'z'))
        return true;
    int sign = eat(c, '+') ? 1 : eat(c, '-') ? -1 : 0;
    int h, m = 0;
    if (!sign || !digits(c, 2, 2, &h))
        return false;
    eat(c, ':');
    if (c->p < c->end && !digits(c, 2, 2, &m))
        return false;
    *minutes = sign * (h * 60 + m);
    return h < 24 && m < 60;
}

int64_t kt_time_parse(struct kt_span s)
{
    if (!s.p)
        return KT_TIME_NONE;
    struct cur c = {s.p, s.p + s.n};
    struct kt_civil t = {0};
    if (!digits(&c, 4, 4, &t.year) || !eat(&c, '-') || !digits(&c, 2, 2, &t.month) || !eat(&c, '-') ||
        !digits(&c, 2, 2, &t.day))
        return KT_TIME_NONE;
    if (!eat(&c, 'T') && !eat(&c, 't') && !eat(&c, ' '))
        return KT_TIME_NONE;
    if (!digits(&c, 2, 2, &t.hour) || !eat(&c, ':') || !digits(&c, 2, 2, &t.minute) || !eat(&c, ':') ||
        !digits(&c, 2, 2, &t.second))
        return KT_TIME_NONE;
    if (eat(&c, '.') && !fraction(&c, &t.ms))
        return KT_TIME_NONE;
    int east;
    if (!zone(&c, &east) || c.p != c.end)
        return KT_TIME_NONE;
    int64_t r = make_time(&t);
    return r == KT_TIME_NONE ? r : r - (int64_t)east * 60000;
}

static bool month_name(struct cur *c, int *month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (c->end - c->p < 3)
        return false;
    for (int i = 0; i < 12; i++) {
        if (memcmp(c->p, names + i * 3, 3) == 0) {
            c->p += 3;
            *month = i + 1;
            return true;
        }
    }
    return false;
}

/* One or more of: space, U+00A0, U+202F, U+2009. */
static bool blanks(struct cur *c)
{
    const char *start = c->p;
    for (;;) {
        size_t left = (size_t)(c->end - c->p);
        if (left >= 1 && *c->p == ' ')
            c->p++;
        else if (left >= 2 && memcmp(c->p, "\xc2\xa0", 2) == 0)
            c->p += 2;
        else if (left >= 3 && (memcmp(c->p, "\xe2\x80\xaf", 3) == 0 || memcmp(c->p, "\xe2\x80\x89", 3) == 0))
            c->p += 3;
        else
            return c->p > start;
    }
}

int64_t kt_time_parse_created(struct kt_span s)
{
    int64_t iso = kt_time_parse(s);
    if (iso != KT_TIME_NONE || !s.p)
        return iso;
    struct cur c = {s.p, s.p + s.n};
    struct kt_civil t = {0};
    if (!month_name(&c, &t.month) || !blanks(&c) || !digits(&c, 1, 2, &t.day) || !eat(&c, ',') || !blanks(&c) ||
        !digits(&c, 4, 4, &t.year))
        return KT_TIME_NONE;
    eat(&c, ',');
    if (!blanks(&c) || !digits(&c, 1, 2, &t.hour) || !eat(&c, ':') || !digits(&c, 2, 2, &t.minute) ||
        !eat(&c, ':') || !digits(&c, 2, 2, &t.second) || !blanks(&c))
        return KT_TIME_NONE;
    bool pm = eat(&c, 'P');
    if ((!pm && !eat(&c, 'A')) || !eat(&c, 'M') || c.p != c.end || t.hour < 1 || t.hour > 12)
        return KT_TIME_NONE;
    t.hour = t.hour % 12 + (pm ? 12 : 0);
    return make_time(&t);
}

size_t kt_time_format(int64_t t, char out[KT_TIME_TEXT])
{
    out[0] = '\0';
    if (t == KT_TIME_NONE)
        return 0;
    struct kt_civil c = kt_civil_of(t);
    if (c.year < 0 || c.year > 9999)
        return 0;
    int n = snprintf(out, KT_TIME_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute,
                     c.second);
    if (c.ms && n > 0)
        n += snprintf(out + n, KT_TIME_TEXT - (size_t)n, ".%03d", c.ms);
    if (n > 0)
        n += snprintf(out + n, KT_TIME_TEXT - (size_t)n, "Z");
    return n > 0 ? (size_t)n : 0;
}

int64_t kt_time_parse_ago(struct kt_span s, int64_t now)
{
    int64_t t = kt_time_parse(s);
    if (t != KT_TIME_NONE || !s.p)
        return t;
    struct cur c = {s.p, s.p + s.n};
    struct kt_civil d = {0};
    if (s.n == 10 && digits(&c, 4, 4, &d.year) && eat(&c, '-') && digits(&c, 2, 2, &d.month) && eat(&c, '-') &&
        digits(&c, 2, 2, &d.day))
        return make_time(&d);
    c = (struct cur){s.p, s.p + s.n};
    int v;
    if (!digits(&c, 1, 7, &v) || c.end - c.p != 1)
        return KT_TIME_NONE;
    static const struct { char unit; int64_t ms; } units[] = {
        {'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}, {'w', 604800000}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (*c.p == units[i].unit)
            return now - v * units[i].ms;
    return KT_TIME_NONE;
}
