#include "tui/offer.h"

#include "filter/filter.h"
#include "tui/format.h"

#include <stdio.h>
#include <string.h>

enum { PREFIX = 1000, INSIDE = 100 };

/* --- fields ------------------------------------------------------------------ */

static bool is_lower_equal(char a, char b)
{
    a = a >= 'A' && a <= 'Z' ? (char)(a + 32) : a;
    b = b >= 'A' && b <= 'Z' ? (char)(b + 32) : b;
    return a == b;
}

static size_t find(struct kt_span hay, struct kt_span needle)
{
    for (size_t i = 0; i + needle.n <= hay.n; i++) {
        size_t k = 0;
        while (k < needle.n && is_lower_equal(hay.p[i + k], needle.p[k]))
            k++;
        if (k == needle.n)
            return i;
    }
    return SIZE_MAX;
}

/* What begins so comes before what has it inside, then what is like it. */
static int score_of(const char *text, struct kt_span written)
{
    size_t at = find(kt_span_of(text), written);
    return at == 0 ? PREFIX : at != SIZE_MAX ? INSIDE : 0;
}

static void offer_name(struct kt_app *a, const char *name, const char *help, struct kt_span written, int less)
{
    int score = score_of(name, written);
    struct kt_choice *x = score ? kt_choices_add_scored(&a->choices, score - less) : NULL;
    if (!x)
        return;
    enum kt_field f = kt_field_find(kt_span_of(name));
    bool size = f == KT_FIELD_RISK || f == KT_FIELD_LEVEL, when = f == KT_FIELD_TIME || f == KT_FIELD_KEY_CREATED;
    snprintf(x->text, sizeof x->text, "%s%s", name, size ? ">=" : when ? ">" : ":");
    snprintf(x->show, sizeof x->show, "%s", name);
    x->help = help;
}

static void offer_fields(struct kt_app *a, struct kt_span written)
{
    static const struct {
        const char *name, *help;
    } shorts[] = {
        {"actor", "who did it (actor.name)"},          {"target", "for whom (target.name)"},
        {"key", "the access key's id (key.id)"},       {"from", "the source address (source.address)"},
        {"agent", "the whole user agent"},             {"tool", "the agent's tool"},
        {"risk", "0 to 100, as in risk>=50"},          {"level", "as in level>=high"},
        {"result", "created, denied, failed"},         {"error", "the error's code"},
        {"time", "as in time>2h"},                     {"session", "the role session's name"},
        {"country", "of the address"},                 {"network", "of the address"},
        {"tag", "what people tagged it"},              {"state", "open or acknowledged"},
    };
    for (size_t i = 0; i < sizeof shorts / sizeof *shorts; i++)
        offer_name(a, shorts[i].name, shorts[i].help, written, 0);
    for (int f = 0; f < KT_FIELD_COUNT; f++) {
        const char *name = kt_field_name((enum kt_field)f);
        bool is_short = false;
        for (size_t i = 0; i < sizeof shorts / sizeof *shorts; i++)
            is_short |= strcmp(shorts[i].name, name) == 0;
        if (!is_short)
            offer_name(a, name, kt_field_header((enum kt_field)f), written, 1);
    }
    const char *head;
    for (size_t i = 0; written.n && (head = kt_filter_path_head(i)); i++)
        offer_name(a, head, "in the record itself", written, 2);
}

/* --- values -------------------------------------------------------------------- */

static void offer_value(struct kt_app *a, struct kt_span value, const char *note, const char *help, struct kt_span written)
{
    size_t at = find(value, written);
    struct kt_buf b;
    if (at == SIZE_MAX)
        return;
    kt_buf_init(&b, KT_CHOICE_TEXT - 1);
    bool fits = kt_utf8_valid(value) && kt_filter_quote(&b, value) && b.len < KT_CHOICE_TEXT;
    struct kt_choice *x = fits ? kt_choices_add_scored(&a->choices, at == 0 ? PREFIX : INSIDE) : NULL;
    if (x) {
        memcpy(x->text, kt_buf_str(&b), b.len + 1);
        snprintf(x->show, sizeof x->show, "%.*s", (int)(value.n < sizeof x->show ? value.n : sizeof x->show - 1), value.p);
        snprintf(x->note, sizeof x->note, "%s", note);
        x->help = help;
    }
    kt_buf_free(&b);
}

static bool offer_known(struct kt_app *a, enum kt_field f, struct kt_span written)
{
    static const struct {
        enum kt_field of;
        const char *value, *help;
    } known[] = {
        {KT_FIELD_TIME, "15m", "15 minutes ago"},      {KT_FIELD_TIME, "1h", "an hour ago"},
        {KT_FIELD_TIME, "24h", "a day ago"},           {KT_FIELD_TIME, "7d", "a week ago"},
        {KT_FIELD_KEY_CREATED, "24h", "a day ago"},    {KT_FIELD_KEY_CREATED, "90d", "90 days ago"},
        {KT_FIELD_RISK, "90", "critical"},             {KT_FIELD_RISK, "70", "high"},
        {KT_FIELD_RISK, "40", "medium"},               {KT_FIELD_RISK, "20", "low"},
        {KT_FIELD_STATE, "open", "nobody acknowledged it"}, {KT_FIELD_STATE, "acknowledged", NULL},
    };
    bool any = false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].of != f)
            continue;
        offer_value(a, kt_span_of(known[i].value), "", known[i].help, written);
        any = true;
    }
    return any;
}

static void drop(struct kt_app *a)
{
    kt_snapshot_release(a->offer.snap);
    a->offer.snap = NULL;
}

/* The view that counts is asked for this field; what it said of another is let go. */
static void ask(struct kt_app *a, enum kt_field f)
{
    struct kt_view_spec spec = {.sort = KT_FIELD_TIME, .from = KT_TIME_NONE, .to = KT_TIME_NONE, .suppressed = a->suppressed,
                                .values_of = f, .values_max = KT_VALUES_MAX};
    if (a->offer.view && a->offer.of == f)
        return;
    drop(a);
    a->offer.of = f;
    if (!a->offer.view) {
        a->offer.view = kt_view_open(a->views, &spec);
        a->offer.generation = 1;
        return;
    }
    uint64_t g = kt_view_set(a->offer.view, &spec);
    a->offer.generation = g ? g : a->offer.generation;
}

static void take(struct kt_app *a)
{
    const struct kt_snapshot *s = a->offer.view ? kt_view_snapshot(a->offer.view) : NULL;
    if (!s || s == a->offer.snap || s->generation < a->offer.generation) {
        kt_snapshot_release(s);
        return;
    }
    drop(a);
    a->offer.snap = s;
}

static void offer_values(struct kt_app *a, enum kt_field f, struct kt_span written)
{
    if (f == KT_FIELD_COUNT || offer_known(a, f, written))
        return;
    ask(a, f);
    take(a);
    const struct kt_field_values *v = a->offer.snap ? &a->offer.snap->values : NULL;
    /* what begins so first: there may be more than are offered */
    for (size_t i = 0; v && v->of == f && i < 2 * v->n; i++) {
        char note[KT_FMT_TEXT];
        size_t k = i % v->n;
        if ((find(v->value[k].text, written) == 0) != (i < v->n))
            continue;
        offer_value(a, v->value[k].text, kt_fmt_plural(v->value[k].rows, "row", "rows", note), NULL, written);
    }
}

void kt_offer_filter(struct kt_app *a, size_t from)
{
    const struct kt_prompt *p = &a->prompt;
    struct kt_choices *c = &a->choices;
    if (from > p->len || p->at < from)
        return;
    struct kt_filter_place place = kt_filter_place((struct kt_span){p->text + from, p->len - from}, p->at - from);
    a->offer.from = from;
    struct kt_span written = {p->text + from + place.from, p->at - from - place.from};
    kt_choices_clear(c);
    c->from = from + place.from;
    c->to = from + place.to;
    if (place.what == KT_PLACE_FIELD) {
        offer_fields(a, written);
    } else if (place.what == KT_PLACE_VALUE) {
        written.p += place.quoted && written.n;
        written.n -= place.quoted && written.n;
        offer_values(a, place.field, written);
    }
    if (c->n == 1 && strcmp(c->item[0].text, "") != 0 && strlen(c->item[0].text) == c->to - c->from &&
        memcmp(c->item[0].text, p->text + c->from, c->to - c->from) == 0)
        kt_choices_clear(c); /* it stands there already */
}

bool kt_offer_news(struct kt_app *a)
{
    const struct kt_snapshot *before = a->offer.snap;
    if (!a->offer.view || !a->prompt.label)
        return false;
    take(a);
    if (a->offer.snap == before || a->choices.taken)
        return false;
    size_t at = a->choices.at;
    kt_offer_filter(a, a->offer.from);
    a->choices.at = at < a->choices.n ? at : 0;
    return true;
}

void kt_offer_end(struct kt_app *a)
{
    drop(a);
    if (a->offer.view)
        kt_view_close(a->offer.view);
    a->offer.view = NULL;
}

void kt_offer_settle(struct kt_app *a)
{
    if (a->offer.view)
        kt_view_settle(a->offer.view);
}
