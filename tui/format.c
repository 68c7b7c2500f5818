#include "tui/format.h"

#include <inttypes.h>
#include <stdio.h>

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

const char *kt_fmt_count(uint64_t n, char out[KT_FMT_TEXT])
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    size_t o = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            out[o++] = ',';
        out[o++] = digits[i];
    }
    out[o] = '\0';
    return out;
}

const char *kt_fmt_plural(uint64_t n, const char *one, const char *many, char out[KT_FMT_TEXT])
{
    char count[KT_FMT_TEXT];
    snprintf(out, KT_FMT_TEXT, "%s %s", kt_fmt_count(n, count), n == 1 ? one : many);
    return out;
}

const char *kt_fmt_bytes(uint64_t n, char out[KT_FMT_TEXT])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double x = (double)n;
    size_t u = 0;
    for (; x >= 1000 && u + 1 < sizeof units / sizeof *units; u++)
        x /= 1000;
    snprintf(out, KT_FMT_TEXT, u ? "%.1f %s" : "%.0f %s", x, units[u]);
    return out;
}

const char *kt_fmt_clock(int64_t t, char out[KT_FMT_TEXT])
{
    struct kt_civil v;
    if (t == KT_TIME_NONE)
        return "no time";
    v = kt_civil_of(t);
    snprintf(out, KT_FMT_TEXT, "%02d:%02d:%02d", v.hour, v.minute, v.second);
    return out;
}

const char *kt_fmt_day(int64_t t, char out[KT_FMT_TEXT])
{
    static const char *const day[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const month[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (t == KT_TIME_NONE)
        return "time not known";
    struct kt_civil v = kt_civil_of(t);
    snprintf(out, KT_FMT_TEXT, "%s %d %s %d", day[v.weekday % 7], v.day, month[(v.month + 11) % 12], v.year);
    return out;
}

bool kt_fmt_same_day(int64_t a, int64_t b)
{
    if (a == KT_TIME_NONE || b == KT_TIME_NONE)
        return a == b;
    struct kt_civil x = kt_civil_of(a), y = kt_civil_of(b);
    return x.year == y.year && x.month == y.month && x.day == y.day;
}

const char *kt_fmt_when(int64_t t, int64_t now, int width, char out[KT_FMT_TEXT])
{
    if (t == KT_TIME_NONE)
        return "no time";
    struct kt_civil v = kt_civil_of(t);
    if (width >= 19)
        snprintf(out, KT_FMT_TEXT, "%04d-%02d-%02d %02d:%02d:%02d", v.year, v.month, v.day, v.hour, v.minute, v.second);
    else if (width >= 16)
        snprintf(out, KT_FMT_TEXT, "%04d-%02d-%02d %02d:%02d", v.year, v.month, v.day, v.hour, v.minute);
    else if (kt_fmt_same_day(t, now))
        return kt_fmt_clock(t, out);
    else if (width >= 10)
        snprintf(out, KT_FMT_TEXT, "%04d-%02d-%02d", v.year, v.month, v.day);
    else
        snprintf(out, KT_FMT_TEXT, "%02d-%02d-%02d", v.year % 100, v.month, v.day);
    return out;
}

const char *kt_fmt_stamp(int64_t t, int64_t now, char out[KT_FMT_TEXT])
{
    if (t == KT_TIME_NONE)
        return "not known";
    struct kt_civil v = kt_civil_of(t);
    if (kt_fmt_same_day(t, now))
        snprintf(out, KT_FMT_TEXT, "%02d:%02d:%02dZ", v.hour, v.minute, v.second);
    else
        snprintf(out, KT_FMT_TEXT, "%04d-%02d-%02d %02d:%02dZ", v.year, v.month, v.day, v.hour, v.minute);
    return out;
}

const char *kt_fmt_age(int64_t ms, char out[KT_FMT_TEXT], int64_t *next)
{
    int64_t unit = ms < MINUTE ? MINUTE : ms < HOUR ? MINUTE : ms < DAY ? HOUR : DAY;
    if (ms < 0)
        ms = 0;
    if (next)
        *next = unit - ms % unit;
    if (ms < MINUTE)
        return "now";
    snprintf(out, KT_FMT_TEXT, "%" PRId64 "%c", ms / unit, unit == MINUTE ? 'm' : unit == HOUR ? 'h' : 'd');
    return out;
}

const char *kt_fmt_duration(int64_t ms, char out[KT_FMT_TEXT])
{
    int64_t s = ms > 0 ? ms / 1000 : 0, m = s / 60, h = m / 60;
    if (s < 120)
        snprintf(out, KT_FMT_TEXT, "%" PRId64 " s", s);
    else if (m < 120)
        snprintf(out, KT_FMT_TEXT, "%" PRId64 " min", m);
    else if (h < 48 && m % 60)
        snprintf(out, KT_FMT_TEXT, "%" PRId64 " h %" PRId64 " min", h, m % 60);
    else if (h < 48)
        snprintf(out, KT_FMT_TEXT, "%" PRId64 " h", h);
    else
        snprintf(out, KT_FMT_TEXT, "%" PRId64 " d", h / 24);
    return out;
}

const char *kt_fmt_level(enum kt_level l)
{
    static const char *const glyph[] = {" ", "·", "△", "▲", "◆"};
    return (unsigned)l < sizeof glyph / sizeof *glyph ? glyph[l] : " ";
}

enum kt_role kt_fmt_level_role(enum kt_level l)
{
    static const enum kt_role role[] = {KT_ROLE_DIM, KT_ROLE_LOW, KT_ROLE_MEDIUM, KT_ROLE_HIGH, KT_ROLE_CRITICAL};
    return (unsigned)l < sizeof role / sizeof *role ? role[l] : KT_ROLE_DIM;
}

int kt_spark_draw(struct kt_canvas *c, int row, int col, int width, const uint32_t *bucket, int n)
{
    static const char *const glyph[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    uint64_t sum[KT_CANVAS_COLS_MAX] = {0}, most = 0;
    if (n <= 0 || width <= 0)
        return 0;
    int per = (n + width - 1) / width, cols = (n + per - 1) / per;
    for (int i = 0; i < n; i++) {
        /* the newest bucket stands at the right end of a whole column */
        int k = cols - 1 - (n - 1 - i) / per;
        sum[k] += bucket[i];
        most = sum[k] > most ? sum[k] : most;
    }
    for (int k = 0; k < cols; k++) {
        int g = most ? (int)((sum[k] * 7 + most - 1) / most) : 0;
        kt_canvas_text(c, row, col + k, 1, (struct kt_style){g ? KT_ROLE_SPARK : KT_ROLE_DIM, 0}, glyph[g > 7 ? 7 : g]);
    }
    return cols;
}
