#include "tui/narrow.h"

#include "base/hash.h"
#include "filter/filter.h"
#include "tui/format.h"

#include <stdio.h>

enum { HOUR = 60 * 60 * 1000 };

bool kt_narrow_quote(struct kt_span text, struct kt_buf *b)
{
    kt_buf_addc(b, '"');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"' || text.p[i] == '\\')
            kt_buf_addc(b, '\\');
        kt_buf_addc(b, text.p[i]);
    }
    return kt_buf_addc(b, '"');
}

uint64_t kt_narrow_id(const struct kt_group *g)
{
    if (g->hour != KT_TIME_NONE)
        return (uint64_t)g->hour;
    uint64_t id = kt_span_known(g->name) ? kt_hash(g->name.p, g->name.n) : 1;
    if (kt_span_known(g->type))
        id = id * 31 + kt_hash(g->type.p, g->type.n);
    if (kt_span_known(g->account))
        id = id * 31 + kt_hash(g->account.p, g->account.n);
    return id;
}

static void write_range(struct kt_buf *b, int64_t from, int64_t to)
{
    char a[KT_TIME_TEXT], z[KT_TIME_TEXT];
    kt_time_format(from, a);
    kt_time_format(to, z);
    kt_buf_addf(b, "time:>=%s time:<%s", a, z);
}

/* A field that has the value, or is not known. */
static void write_field(struct kt_buf *b, const char *field, bool whole, struct kt_span value)
{
    kt_buf_addf(b, "%s%s:", b->len ? " " : "", field);
    if (!kt_span_known(value))
        return;
    kt_buf_adds(b, whole ? "=" : "");
    kt_narrow_quote(value, b);
}

static void write_user(struct kt_buf *b, const char *name, const char *account, const struct kt_group *g, bool typed)
{
    write_field(b, name, true, g->name);
    if (kt_span_known(g->name) && kt_span_known(g->account))
        write_field(b, account, true, g->account);
    if (kt_span_known(g->name) && typed && kt_span_known(g->type))
        write_field(b, "actor.type", true, g->type);
}

/* Rows of no rule or signal, and those of which that cannot be said: in a
 * language with `or` as it is; else by the sign that every one has. */
static void write_none(struct kt_buf *b, enum kt_group_by by, const char *field)
{
    struct kt_filter *f = NULL;
    kt_buf_addf(b, "(%s: or %s:=\"\")", field, field);
    if (kt_filter_parse(&f, kt_buf_span(b), 0, NULL, NULL) != KT_OK) {
        kt_buf_reset(b);
        kt_buf_addf(b, "-%s:%s", field, by == KT_GROUP_SIGNAL ? "." : "-");
    }
    kt_filter_free(f);
}

static bool write_group(struct kt_narrow *out, enum kt_group_by by, const struct kt_group *g, bool scoped, struct kt_buf *b)
{
    const char *field = kt_field_name(kt_group_field(by));
    bool known = kt_span_known(g->name);
    switch (by) {
    case KT_GROUP_USER: write_user(b, field, "actor.account", g, true); break;
    case KT_GROUP_TARGET: write_user(b, field, "target.account", g, false); break;
    case KT_GROUP_AGENT: /* a tool with its version, or the whole text: no one field says it */
        if (known && scoped)
            return false;
        out->scope = known ? g->entity : 0;
        if (!known)
            write_field(b, "agent.text", true, KT_SPAN_NONE);
        break;
    case KT_GROUP_HOUR:
        if (g->hour == KT_TIME_NONE)
            write_field(b, field, true, KT_SPAN_NONE);
        else
            write_range(b, g->hour, g->hour + HOUR);
        break;
    case KT_GROUP_RULE:
    case KT_GROUP_SIGNAL: /* one of several */
        if (known)
            write_field(b, field, false, g->name);
        else
            write_none(b, by, field);
        break;
    default: write_field(b, field, true, g->name); break;
    }
    return !b->failed;
}

static void set_name(struct kt_narrow *out, const char *what, struct kt_span name)
{
    int n = snprintf(out->name, sizeof out->name, "%s%s", what, what[0] ? " " : "");
    size_t room = sizeof out->name - (size_t)n;
    out->name_n = (size_t)n + (name.n < room ? name.n : room);
    if (kt_span_known(name))
        memcpy(out->name + n, name.p, out->name_n - (size_t)n);
}

bool kt_narrow_group(struct kt_narrow *out, enum kt_group_by by, const struct kt_group *g, bool scoped)
{
    struct kt_buf b;
    char when[KT_FMT_TEXT];
    *out = (struct kt_narrow){.by = by, .group = kt_narrow_id(g)};
    kt_buf_init(&b, KT_NARROW_TEXT - 1);
    bool ok = write_group(out, by, g, scoped, &b) && b.len < sizeof out->filter;
    if (ok)
        snprintf(out->filter, sizeof out->filter, "%s", kt_buf_str(&b));
    kt_buf_free(&b);
    struct kt_span name = kt_span_known(g->name) ? g->name : KT_LIT("not known");
    if (g->hour != KT_TIME_NONE) {
        kt_fmt_when(g->hour, KT_TIME_NONE, 16, when);
        name = kt_span_of(when);
    }
    set_name(out, kt_group_name(by), name);
    return ok;
}

void kt_narrow_range(struct kt_narrow *out, int64_t from, int64_t to, int64_t now)
{
    char a[KT_FMT_TEXT], z[KT_FMT_TEXT], both[2 * KT_FMT_TEXT + 8];
    struct kt_buf b;
    *out = (struct kt_narrow){.by = KT_GROUP_NONE};
    kt_buf_init(&b, KT_NARROW_TEXT - 1);
    write_range(&b, from, to);
    snprintf(out->filter, sizeof out->filter, "%s", kt_buf_str(&b));
    kt_buf_free(&b);
    bool today = kt_fmt_same_day(from, now) && kt_fmt_same_day(to - 1, now);
    snprintf(both, sizeof both, "%s to %s", kt_fmt_when(from, now, today ? 8 : 16, a), kt_fmt_when(to, now, today ? 8 : 16, z));
    set_name(out, "", kt_span_of(both));
}

bool kt_narrow_write(const struct kt_narrowing *n, const char *filter, bool ranges, bool paren, struct kt_buf *b)
{
    for (int i = 0; i < n->n; i++)
        if (n->at[i].filter[0] && (ranges || n->at[i].by))
            kt_buf_addf(b, "%s%s", b->len ? " " : "", n->at[i].filter);
    if (filter[0])
        kt_buf_addf(b, b->len && paren ? "%s(%s)" : "%s%s", b->len ? " " : "", filter);
    return !b->failed;
}

void kt_narrow_names(const struct kt_narrowing *n, struct kt_buf *b)
{
    for (int i = 0; i < n->n; i++) {
        kt_buf_adds(b, i ? ", " : "");
        kt_buf_add(b, n->at[i].name, n->at[i].name_n);
    }
}
