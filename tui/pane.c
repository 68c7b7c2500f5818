#include "tui/pane.h"

#include "base/hash.h"
#include "tui/format.h"
#include "tui/triage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SPARK_DAYS = 30,
    SHOWN_FEW = 6,
    SHOWN_BELOW = 3, /* below the table every line counts */
    DAY = 24 * 60 * 60 * 1000,
    LIFE_MAX = 1 << 20 /* bytes of a life's texts */
};

static const struct {
    const char *head;
    enum kt_entity_kind facet;
} sections[KT_SECTION_COUNT] = {
    [KT_SECTION_KEYS] = {"KEYS", KT_ENTITY_KEY},
    [KT_SECTION_ADDRESSES] = {"ADDRESSES", KT_ENTITY_ADDRESS},
    [KT_SECTION_AGENTS] = {"AGENTS", KT_ENTITY_AGENT},
    [KT_SECTION_USERS] = {"USERS", KT_ENTITY_USER},
    [KT_SECTION_TIMELINE] = {"TIMELINE", KT_ENTITY_KINDS},
};

const struct kt_pane_kind *kt_pane_kind_of(enum kt_entity_kind k)
{
    switch (k) {
    case KT_ENTITY_KEY: return &kt_pane_key;
    case KT_ENTITY_ADDRESS: return &kt_pane_address;
    case KT_ENTITY_AGENT: return &kt_pane_agent;
    default: return &kt_pane_user;
    }
}

/* --- the view behind it ------------------------------------------------- */

static struct kt_view_spec spec_of(const struct kt_pane *p)
{
    struct kt_view_spec spec = {.scope = p->entity, .sort = KT_FIELD_TIME, .facets = (1u << KT_ENTITY_KINDS) - 1,
                                .buckets = SPARK_DAYS, .from = KT_TIME_NONE, .to = KT_TIME_NONE,
                                .span = (int64_t)SPARK_DAYS * DAY,
                                .suppressed = p->app->suppressed};
    if (kt_app_ends_now(p->app, spec.span)) {
        int64_t now = kt_app_now(p->app);
        spec.to = now - now % DAY + DAY;
        spec.from = spec.to - spec.span;
    }
    return spec;
}

static void let_go(struct kt_pane *p)
{
    if (p->snap)
        kt_snapshot_release(p->snap);
    p->snap = NULL;
    p->parts = 0;
    p->lines = 0;
}

/* What a key was used from and with, in the order of its places. */
static const struct kt_life_place *lived(const struct kt_pane *p, enum kt_section s, size_t *n)
{
    bool addresses = s == KT_SECTION_ADDRESSES;
    *n = 0;
    if (!p->have_life || (!addresses && s != KT_SECTION_AGENTS))
        return NULL;
    *n = addresses ? p->life.n_address : p->life.n_agent;
    return addresses ? p->life.address : p->life.agent;
}

static void refresh_life(struct kt_pane *p)
{
    p->have_life = false;
    if (!p->have_info || p->info.kind != KT_ENTITY_KEY || (!p->arena && !(p->arena = kt_arena_new(LIFE_MAX))))
        return;
    kt_arena_reset(p->arena);
    p->have_life = kt_store_key_life(p->app->store, p->info.name, p->arena, &p->life);
}

/* Lines lie as the life was then: laid anew where there are more or fewer. */
static bool laid_differently(const struct kt_pane *p)
{
    for (int i = 0; p->snap && i < p->parts; i++) {
        size_t n;
        enum kt_section s = p->part[i].section;
        (void)lived(p, s, &n);
        if ((n > 0) != p->lived[s] || (n > 0 && n != p->part[i].n))
            return true;
    }
    return false;
}

static void refresh_info(struct kt_pane *p)
{
    p->have_info = p->entity && kt_store_entity(p->app->store, p->entity, p->app->arena, &p->info);
    if (p->have_info)
        p->kind = kt_pane_kind_of(p->info.kind);
    refresh_life(p);
    kt_pane_history_look(p);
}

bool kt_pane_open(struct kt_pane *p, struct kt_app *a, kt_entity e, uint64_t from_seq)
{
    *p = (struct kt_pane){.app = a, .entity = e, .from_seq = from_seq, .kind = &kt_pane_user};
    refresh_info(p);
    if (e) {
        struct kt_view_spec spec = spec_of(p);
        p->view = kt_view_open(a->views, &spec);
        if (!p->view)
            return false;
    }
    return true;
}

void kt_pane_close(struct kt_pane *p)
{
    let_go(p);
    if (p->view)
        kt_view_close(p->view);
    p->view = NULL;
    kt_arena_free(p->arena);
    p->arena = NULL;
    p->have_life = false;
}

void kt_pane_set(struct kt_pane *p, kt_entity e, uint64_t from_seq)
{
    p->from_seq = from_seq;
    if (e == p->entity)
        return;
    let_go(p);
    p->entity = e;
    p->list = (struct kt_list){0};
    refresh_info(p);
    if (!e)
        return;
    struct kt_view_spec spec = spec_of(p);
    if (p->view)
        p->generation = kt_view_set(p->view, &spec);
    else
        p->view = kt_view_open(p->app->views, &spec); /* NULL: its sections stay empty */
}

void kt_pane_anew(struct kt_pane *p)
{
    struct kt_view_spec spec = spec_of(p);
    if (p->view)
        p->generation = kt_view_set(p->view, &spec);
}

/* --- lines -------------------------------------------------------------- */

static size_t items_of(struct kt_pane *p, enum kt_section s, size_t *self)
{
    size_t uses;
    *self = SIZE_MAX;
    (void)lived(p, s, &uses);
    p->lived[s] = uses > 0;
    if (s == KT_SECTION_TIMELINE || uses)
        return uses ? uses : p->snap->n;
    enum kt_entity_kind k = sections[s].facet;
    size_t n = p->snap->n_facet[k];
    for (size_t i = 0; k == p->info.kind && i < n; i++) {
        if (p->snap->facet[k][i].entity == p->entity) {
            *self = i;
            return n - 1;
        }
    }
    return n;
}

/* Each part: its head, a line for each item shown, one for those that are
 * not, or one that says there are none; then a blank line. */
static void lay_parts(struct kt_pane *p)
{
    p->parts = 0;
    p->lines = 0;
    if (!p->snap)
        return;
    for (int i = 0; i < p->kind->sections; i++) {
        struct kt_part *part = &p->part[p->parts];
        enum kt_section s = p->kind->order[i];
        *part = (struct kt_part){.section = s, .first = p->lines};
        part->n = items_of(p, s, &part->self);
        size_t few = p->cursor ? SHOWN_FEW : SHOWN_BELOW;
        bool all = s == KT_SECTION_TIMELINE || p->expanded[s] || part->n <= few + 1;
        part->shown = all ? part->n : few;
        if (s != KT_SECTION_TIMELINE && !p->lived[s] && p->snap->distinct[sections[s].facet] > p->snap->n_facet[sections[s].facet])
            part->beyond = p->snap->distinct[sections[s].facet] - p->snap->n_facet[sections[s].facet];
        part->more = part->shown < part->n || part->beyond;
        part->none = part->n == 0;
        if (part->none && !p->cursor)
            continue;
        p->lines += 1 + part->shown + part->more + part->none + 1;
        p->parts++;
    }
    if (p->lines)
        p->lines--; /* no blank line at the very end */
}

enum line_kind { LINE_HEAD, LINE_ITEM, LINE_MORE, LINE_NONE, LINE_BLANK };

static enum line_kind line_at(const struct kt_pane *p, size_t line, const struct kt_part **part, size_t *item)
{
    int i = p->parts - 1;
    while (i > 0 && p->part[i].first > line)
        i--;
    const struct kt_part *t = *part = &p->part[i];
    size_t at = line - t->first;
    *item = 0;
    if (at == 0)
        return LINE_HEAD;
    if (at <= t->shown) {
        *item = at - 1 >= t->self ? at : at - 1;
        return LINE_ITEM;
    }
    if (at == t->shown + 1 && (t->more || t->none))
        return t->more ? LINE_MORE : LINE_NONE;
    return LINE_BLANK;
}

/* "boto3 1.28.0", as the entity is named; in the app's arena, or the life's. */
static struct kt_span place_name(const struct kt_pane *p, const struct kt_life_place *x)
{
    struct kt_buf b;
    if (kt_span_known(x->name) || !kt_span_known(x->agent.tool))
        return kt_span_known(x->name) ? x->name : x->agent.text;
    kt_buf_init(&b, 4096);
    kt_buf_add(&b, x->agent.tool.p, x->agent.tool.n);
    if (kt_span_known(x->agent.version)) {
        kt_buf_addc(&b, ' ');
        kt_buf_add(&b, x->agent.version.p, x->agent.version.n);
    }
    struct kt_span name = b.failed ? x->agent.tool : kt_arena_span(p->app->arena, kt_buf_span(&b));
    kt_buf_free(&b);
    return name;
}

static const struct kt_life_place *place_at(const struct kt_pane *p, enum kt_section s, size_t item)
{
    size_t n;
    const struct kt_life_place *x = p->lived[s] ? lived(p, s, &n) : NULL;
    return x && item < n ? &x[item] : NULL;
}

/* Two agents of one name may differ in their system. */
static uint64_t place_id(const struct kt_pane *p, enum kt_section s, size_t item)
{
    const struct kt_life_place *x = place_at(p, s, item);
    struct kt_span name = x ? place_name(p, x) : KT_SPAN_NONE;
    uint64_t h = name.p ? kt_hash(name.p, name.n) : 0;
    return x && x->agent.os.p ? h ^ kt_hash(x->agent.os.p, x->agent.os.n) : h;
}

/* section in the top bits, then what kind of line, then entity or row */
static uint64_t line_id(void *ctx, size_t line)
{
    struct kt_pane *p = ctx;
    const struct kt_part *part;
    size_t item;
    enum line_kind k = line_at(p, line, &part, &item);
    uint64_t value = 0;
    if (k == LINE_ITEM)
        value = p->lived[part->section]                ? place_id(p, part->section, item)
                : part->section == KT_SECTION_TIMELINE ? p->snap->seq[item]
                                                       : p->snap->facet[sections[part->section].facet][item].entity;
    return (uint64_t)part->section << 60 | (uint64_t)k << 56 | (value & 0xFFFFFFFFFFFFFF);
}

static ptrdiff_t find_item(const struct kt_pane *p, const struct kt_part *part, uint64_t value)
{
    ptrdiff_t at = -1;
    if (p->lived[part->section]) {
        for (size_t i = 0; i < part->n && at < 0; i++)
            if ((place_id(p, part->section, i) & 0xFFFFFFFFFFFFFF) == value)
                at = (ptrdiff_t)i;
    } else if (part->section == KT_SECTION_TIMELINE) {
        at = kt_snapshot_find(p->snap, value);
    } else {
        enum kt_entity_kind k = sections[part->section].facet;
        for (size_t i = 0; i < p->snap->n_facet[k] && at < 0; i++)
            if (p->snap->facet[k][i].entity == value)
                at = (ptrdiff_t)i;
        if (at >= 0 && (size_t)at > part->self)
            at--;
    }
    return at >= 0 && (size_t)at < part->shown ? at : -1;
}

static ptrdiff_t find_line(void *ctx, uint64_t id)
{
    struct kt_pane *p = ctx;
    enum kt_section s = (enum kt_section)(id >> 60);
    enum line_kind k = (enum line_kind)(id >> 56 & 0xF);
    for (int i = 0; i < p->parts; i++) {
        const struct kt_part *part = &p->part[i];
        if (part->section != s)
            continue;
        if (k == LINE_ITEM) {
            ptrdiff_t at = find_item(p, part, id & 0xFFFFFFFFFFFFFF);
            return at < 0 ? -1 : (ptrdiff_t)part->first + 1 + at;
        }
        if (k == LINE_HEAD)
            return (ptrdiff_t)part->first;
        return k == LINE_MORE && part->more ? (ptrdiff_t)(part->first + 1 + part->shown) : -1;
    }
    return -1;
}

static bool line_rests(void *ctx, size_t line)
{
    struct kt_pane *p = ctx;
    const struct kt_part *part;
    size_t item;
    enum line_kind k = line_at(p, line, &part, &item);
    return k == LINE_ITEM || k == LINE_MORE;
}

static void row_text(struct kt_pane *p, uint64_t seq, struct kt_buf *b)
{
    static const enum kt_field searched[] = {KT_FIELD_TIME, KT_FIELD_ACTOR_NAME, KT_FIELD_ACTOR_SESSION,
        KT_FIELD_TARGET_NAME, KT_FIELD_RESULT, KT_FIELD_KEY_ID, KT_FIELD_SOURCE_ADDRESS, KT_FIELD_AGENT_TOOL,
        KT_FIELD_ACCOUNT, KT_FIELD_REGION, KT_FIELD_WHY};
    struct kt_row r;
    kt_arena_reset(p->app->arena);
    if (!kt_app_row(p->app, seq, &r))
        return;
    for (size_t i = 0; i < sizeof searched / sizeof *searched; i++) {
        struct kt_span v = kt_row_field(&r, searched[i], p->app->arena);
        if (kt_span_known(v)) {
            kt_buf_add(b, v.p, v.n);
            kt_buf_addc(b, '\n');
        }
    }
}

static void line_text(void *ctx, size_t line, struct kt_buf *b)
{
    struct kt_pane *p = ctx;
    const struct kt_part *part;
    size_t item;
    if (line_at(p, line, &part, &item) != LINE_ITEM)
        return;
    if (part->section == KT_SECTION_TIMELINE) {
        row_text(p, p->snap->seq[item], b);
        return;
    }
    if (p->lived[part->section]) {
        const struct kt_life_place *x = place_at(p, part->section, item);
        struct kt_span name = x ? place_name(p, x) : KT_SPAN_NONE;
        kt_buf_add(b, name.p, name.n);
        return;
    }
    const struct kt_entity_info *i = &p->snap->facet[sections[part->section].facet][item].info;
    kt_buf_add(b, i->name.p, i->name.n);
    kt_buf_addc(b, '\n');
    kt_buf_add(b, i->type.p, i->type.n);
}

struct kt_list_items kt_pane_items(struct kt_pane *p)
{
    return (struct kt_list_items){p->lines, p, line_id, find_line, line_rests, NULL, line_text};
}

/* Has its life gone on since it was last looked at? Without one there are the
 * rows, and what they bring comes with a snapshot. */
static bool lived_on(const struct kt_pane *p)
{
    uint64_t version = 0;
    if (!p->have_life)
        return false;
    (void)kt_store_key_state(p->app->store, p->life.id, &version);
    return version != p->life.version;
}

bool kt_pane_news(struct kt_pane *p)
{
    const struct kt_snapshot *s = p->view ? kt_view_snapshot(p->view) : NULL;
    if (!s)
        return lived_on(p);
    if (s == p->snap || s->generation < p->generation || !p->entity) {
        kt_snapshot_release(s);
        return lived_on(p);
    }
    let_go(p);
    p->snap = s;
    refresh_info(p);
    if (p->have_info && p->kind == &kt_pane_user)
        kt_pane_user_count(p);
    lay_parts(p);
    struct kt_list_items it = kt_pane_items(p);
    kt_list_sync(&p->list, &it);
    return true;
}

/* --- facts that all kinds have ------------------------------------------ */

void kt_pane_name(const struct kt_pane *p, struct kt_pen *pen)
{
    if (p->cursor)
        return;
    enum kt_text_kind kind = p->info.kind == KT_ENTITY_AGENT ? KT_TEXT_FREE : KT_TEXT_IDENTITY;
    kt_pen_data(pen, (struct kt_style){KT_ROLE_BRIGHT, KT_ATTR_BOLD}, p->info.name, kind, "name not known");
    kt_pen_gap(pen, 2);
}

void kt_pane_counts(const struct kt_pane *p, struct kt_pen *pen)
{
    char b[KT_FMT_TEXT];
    kt_pen_text(pen, KT_STYLE(TEXT), kt_fmt_plural(p->info.created, "key created", "keys created", b));
    kt_pen_fmt(pen, p->info.denied ? KT_STYLE(WARN) : KT_STYLE(TEXT), " · %s denied", kt_fmt_count(p->info.denied, b));
    kt_pen_fmt(pen, p->info.failed ? KT_STYLE(WARN) : KT_STYLE(TEXT), " · %s failed", kt_fmt_count(p->info.failed, b));
    if (p->info.dropped)
        kt_pen_fmt(pen, KT_STYLE(WARN), " · %s rows no longer kept", kt_fmt_count(p->info.dropped, b));
}

void kt_pane_risk(const struct kt_pane *p, struct kt_pen *pen)
{
    if (p->info.risk)
        kt_pen_fmt(pen, KT_STYLE(TEXT), "risk of the last 7 d: %u%s", p->info.risk,
                   p->info.risk == KT_RISK_SUM_MAX ? " or more" : "");
}

static void draw_spark(const struct kt_pane *p, struct kt_pen *pen)
{
    static const uint32_t none[SPARK_DAYS];
    kt_pen_text(pen, KT_STYLE(DIM), "30d ");
    bool have = p->snap && p->snap->buckets == SPARK_DAYS;
    if (pen->c && pen->row < pen->end && pen->col < pen->right) {
        int room = pen->right - pen->col;
        kt_spark_draw(pen->c, pen->row, pen->col, room < SPARK_DAYS ? room : SPARK_DAYS, have ? p->snap->bucket : none,
                      SPARK_DAYS);
    }
    pen->col += SPARK_DAYS;
}

void kt_pane_seen(const struct kt_pane *p, struct kt_pen *pen)
{
    char a[KT_FMT_TEXT], b[KT_FMT_TEXT];
    int64_t now = kt_app_now(p->app);
    draw_spark(p, pen);
    kt_fmt_stamp(p->info.first, now, a);
    kt_fmt_stamp(p->info.last, now, b);
    kt_pen_keep(pen, (int)(strlen(a) + strlen(b)) + 15);
    kt_pen_fmt(pen, KT_STYLE(TEXT), "  first %s", a);
    kt_pen_fmt(pen, KT_STYLE(TEXT), "  last %s", b);
    kt_pen_line(pen);
    bool told = p->cursor && p->history.state != KT_HISTORY_NOBODY; /* below, with the way to know more */
    if (p->app->counts.oldest != KT_TIME_NONE && (p->cursor || p->side) && !told) {
        kt_pen_fmt(pen, KT_STYLE(DIM), "not known: anything before %s, where these sources begin",
                   kt_fmt_stamp(p->app->counts.oldest, now, a));
        kt_pen_line(pen);
    }
}

/* --- sections ----------------------------------------------------------- */

/* Where the facts of a facet's item stand, from the left edge of the pane. */
struct facet_columns {
    int name, seen, first, last, role, what, end;
};

static struct facet_columns facet_columns(const struct kt_pane *p)
{
    struct facet_columns f = {.name = 1, .end = p->width};
    int t = p->time_width;
    int name = p->width >= 110 ? 36 : p->width >= 76 ? 22 : p->width >= 38 ? p->width - 20 : p->width - 8;
    if (p->width >= 44 && p->width < 76)
        name = 20;
    f.seen = f.name + name + 1;
    if (p->width >= 38)
        f.last = f.seen + 6;
    if (p->width >= 60) {
        f.first = f.last;
        f.last = f.first + t + 2;
    }
    if (f.last && f.last + t + 2 + 10 <= p->width)
        f.what = f.last + t + 2;
    if (f.what && f.what + 16 + 12 <= p->width) {
        f.role = f.what + 16;
    }
    return f;
}

static void text_at(const struct kt_pane *p, struct kt_canvas *c, int row, int at, int width, struct kt_style s,
                    const char *text)
{
    int room = p->width - at;
    if (at > 0 && room > 0)
        kt_canvas_text(c, row, p->left + at, width < room ? width : room, s, text);
}

static void draw_section_head(const struct kt_pane *p, const struct kt_part *part, struct kt_canvas *c, int row)
{
    struct kt_style s = KT_STYLE(HEADER);
    struct facet_columns f = facet_columns(p);
    if (part->section == KT_SECTION_TIMELINE && p->columns.n && p->width >= 60) {
        kt_columns_head(&p->columns, c, row, KT_FIELD_COUNT, false);
        text_at(p, c, row, 1, p->time_width, s, sections[part->section].head);
        return;
    }
    text_at(p, c, row, 1, 12, s, sections[part->section].head);
    if (part->section == KT_SECTION_TIMELINE)
        return;
    bool uses = p->lived[part->section];
    text_at(p, c, row, f.seen, 5, s, uses ? " USES" : " ROWS");
    text_at(p, c, row, f.first, 8, s, "FIRST");
    text_at(p, c, row, f.last, 8, s, "LAST");
    text_at(p, c, row, f.what, 16, s, uses ? "AT CREATION" : part->section == KT_SECTION_USERS ? "PART"
                                      : part->section == KT_SECTION_KEYS ? "STATE" : "ELSEWHERE");
    text_at(p, c, row, f.role, 16, s, part->section == KT_SECTION_KEYS ? "WHOSE" : part->section == KT_SECTION_AGENTS ? "CLASS"
                                          : part->section == KT_SECTION_USERS ? "TYPE" : uses ? "DENIED" : "KIND");
}

/* What sets the item apart here: a user's part in it; of others, whether they
 * are met anywhere else. */
static void item_words(const struct kt_pane *p, const struct kt_part *part, const struct kt_facet_item *i, char *out,
                       size_t size)
{
    char b[KT_FMT_TEXT];
    if (part->section == KT_SECTION_KEYS) {
        const char *state = kt_key_state_name(kt_store_key_state(p->app->store, i->info.name, NULL));
        snprintf(out, size, "%s", state ? state : "not known");
    } else if (part->section == KT_SECTION_USERS) {
        if (i->as_actor && i->as_target)
            snprintf(out, size, "actor, target");
        else
            snprintf(out, size, "%s", i->as_actor ? "actor" : i->as_target ? "target" : "");
    } else if (i->info.rows > i->rows) {
        snprintf(out, size, "%s", kt_fmt_plural(i->info.rows - i->rows, "other row", "other rows", b));
    } else {
        snprintf(out, size, "%s", i->info.dropped ? "not known" : "only here");
    }
}

static void draw_facet_item(const struct kt_pane *p, const struct kt_part *part, const struct kt_facet_item *i,
                            struct kt_canvas *c, int row)
{
    struct facet_columns f = facet_columns(p);
    char b[KT_FMT_TEXT], words[KT_FMT_TEXT];
    int64_t now = kt_app_now(p->app);
    enum kt_text_kind kind = part->section == KT_SECTION_AGENTS ? KT_TEXT_FREE : KT_TEXT_IDENTITY;
    kt_canvas_data_middle(c, row, p->left + f.name, f.seen - f.name - 1, KT_STYLE(LINK), i->info.name, kind);
    snprintf(words, sizeof words, "%5s", kt_fmt_count(i->rows, b));
    text_at(p, c, row, f.seen, 6, KT_STYLE(TEXT), words);
    text_at(p, c, row, f.first, p->time_width, KT_STYLE(DIM), kt_fmt_when(i->first, now, p->time_width, b));
    text_at(p, c, row, f.last, p->time_width, KT_STYLE(TEXT), kt_fmt_when(i->last, now, p->time_width, b));
    item_words(p, part, i, words, sizeof words);
    text_at(p, c, row, f.what, 15, KT_STYLE(TEXT), words);
    if (f.role && part->section == KT_SECTION_KEYS) {
        struct kt_span whose = kt_store_key_user(p->app->store, i->info.name, p->app->arena);
        bool own = p->info.kind != KT_ENTITY_USER || kt_span_eq(whose, p->info.name);
        kt_canvas_data(c, row, p->left + f.role, p->width - f.role, own ? KT_STYLE(DIM) : KT_STYLE(TEXT),
                       kt_span_known(whose) ? whose : KT_LIT("not known"), KT_TEXT_IDENTITY);
    } else if (f.role) {
        bool attack = kt_span_is(i->info.type, "attack-tool");
        kt_canvas_data(c, row, p->left + f.role, p->width - f.role, attack ? KT_STYLE(BAD) : KT_STYLE(DIM),
                       i->info.type, KT_TEXT_IDENTITY);
    }
}

/* Was it where the key was made from, or with? */
static const char *at_creation(const struct kt_pane *p, const struct kt_part *part, const struct kt_life_place *x)
{
    const struct kt_moment *m = &p->life.creation;
    struct kt_life_place made = {.name = part->section == KT_SECTION_ADDRESSES ? m->address : KT_SPAN_NONE,
                                 .agent = m->agent};
    struct kt_span then = place_name(p, &made), now = place_name(p, x);
    if (!p->life.created || !kt_span_known(then))
        return "not known";
    bool same = kt_span_eq(then, now) &&
                (part->section == KT_SECTION_ADDRESSES || !kt_span_known(x->agent.os) || !kt_span_known(m->agent.os) ||
                 kt_span_eq(x->agent.os, m->agent.os));
    return same ? "yes" : "no";
}

static void draw_place(const struct kt_pane *p, const struct kt_part *part, const struct kt_life_place *x,
                       struct kt_canvas *c, int row)
{
    struct facet_columns f = facet_columns(p);
    char b[KT_FMT_TEXT], words[KT_FMT_TEXT];
    int64_t now = kt_app_now(p->app);
    bool agents = part->section == KT_SECTION_AGENTS, attack = x->agent.cls == KT_AGENT_ATTACK_TOOL;
    int room = f.seen - f.name - 1;
    int used = kt_canvas_data_middle(c, row, p->left + f.name, room, KT_STYLE(LINK), place_name(p, x),
                                     agents ? KT_TEXT_FREE : KT_TEXT_IDENTITY);
    if (agents && kt_span_known(x->agent.os) && used + 4 < room)
        kt_canvas_data(c, row, p->left + f.name + used + 1, room - used - 1, KT_STYLE(DIM), x->agent.os, KT_TEXT_FREE);
    snprintf(words, sizeof words, "%5s", kt_fmt_count(x->uses, b));
    text_at(p, c, row, f.seen, 6, KT_STYLE(TEXT), words);
    text_at(p, c, row, f.first, p->time_width, KT_STYLE(DIM), kt_fmt_when(x->first, now, p->time_width, b));
    text_at(p, c, row, f.last, p->time_width, KT_STYLE(TEXT), kt_fmt_when(x->last, now, p->time_width, b));
    const char *same = at_creation(p, part, x);
    text_at(p, c, row, f.what, 15, strcmp(same, "no") == 0 ? KT_STYLE(WARN) : KT_STYLE(TEXT), same);
    if (agents)
        text_at(p, c, row, f.role, 16, attack ? KT_STYLE(BAD) : KT_STYLE(DIM), kt_agent_class_name(x->agent.cls));
    else
        text_at(p, c, row, f.role, 16, x->denied ? KT_STYLE(WARN) : KT_STYLE(DIM), kt_fmt_count(x->denied, b));
}

static void draw_timeline_item(struct kt_pane *p, uint64_t seq, struct kt_canvas *c, int row)
{
    struct kt_row r;
    if (kt_app_row(p->app, seq, &r))
        kt_columns_row(&p->columns, c, row, &r, kt_app_now(p->app),
                       kt_app_is_new(p->app, seq) && !(r.ev.flags & KT_FLAG_ASKED), false);
    else
        kt_canvas_text(c, row, p->left + 1, p->width - 1, KT_STYLE(DIM), "no longer kept");
    if (p->cursor && kt_marks_has(&p->app->marks, seq))
        kt_canvas_text(c, row, p->left, 1, (struct kt_style){KT_ROLE_BRIGHT, KT_ATTR_BOLD}, "*");
}

static void draw_line(void *ctx, size_t line, struct kt_canvas *c, int row, int lines, bool first, bool selected)
{
    (void)lines;
    (void)first;
    struct kt_pane *p = ctx;
    const struct kt_part *part;
    size_t item;
    switch (line_at(p, line, &part, &item)) {
    case LINE_HEAD:
        draw_section_head(p, part, c, row);
        return;
    case LINE_ITEM:
        if (part->section == KT_SECTION_TIMELINE)
            draw_timeline_item(p, p->snap->seq[item], c, row);
        else if (p->lived[part->section] && place_at(p, part->section, item))
            draw_place(p, part, place_at(p, part->section, item), c, row);
        else if (!p->lived[part->section])
            draw_facet_item(p, part, &p->snap->facet[sections[part->section].facet][item], c, row);
        break;
    case LINE_MORE:
        kt_canvas_printf(c, row, p->left + 1, p->width - 1, KT_STYLE(DIM), "… %" PRIu64 " more",
                         (uint64_t)(part->n - part->shown) + part->beyond);
        break;
    case LINE_NONE:
        kt_canvas_text(c, row, p->left + 1, p->width - 1, KT_STYLE(DIM), "none");
        return;
    case LINE_BLANK:
        return;
    }
    if (p->cursor)
        kt_canvas_match(c, row, p->left, p->width, kt_app_needle(p->app));
    if (selected && p->cursor) {
        bool marked = part->section == KT_SECTION_TIMELINE && line_at(p, line, &part, &item) == LINE_ITEM &&
                      kt_marks_has(&p->app->marks, p->snap->seq[item]);
        if (!marked)
            kt_canvas_text(c, row, p->left, 1, KT_STYLE(SELECTED), "▌");
        kt_canvas_tint(c, row, p->left, p->width, KT_STYLE(SELECTED));
    }
}

/* --- drawing ------------------------------------------------------------ */

static int count_facts(const struct kt_pane *p, bool ascii, int width)
{
    struct kt_pen pen;
    kt_pen_begin(&pen, NULL, ascii, 0, 0, 0, width);
    p->kind->facts(p, &pen);
    return pen.row;
}

static int time_width(const struct kt_pane *p, int width)
{
    if (kt_app_all_today(p->app, p->info.first))
        return 8;
    return width >= 100 ? 19 : width >= 60 ? 16 : 10;
}

static void draw_sections(struct kt_pane *p, struct kt_canvas *c, int row, int height, int left, int width)
{
    if (!p->lines || height < (p->cursor ? 1 : 3))
        return;
    p->left = left;
    p->width = width;
    p->time_width = time_width(p, width);
    kt_columns_fit(&p->columns, NULL, left + 1, width > 2 ? width - 2 : width, p->time_width);
    struct kt_list_items it = kt_pane_items(p);
    kt_store_hold(p->app->store);
    kt_list_draw(&p->list, &it, c, row, height, draw_line);
    kt_store_release(p->app->store);
}

void kt_pane_draw(struct kt_pane *p, struct kt_canvas *c, int row, int height, int left, int width)
{
    refresh_info(p);
    if (laid_differently(p)) {
        lay_parts(p);
        struct kt_list_items it = kt_pane_items(p);
        kt_list_sync(&p->list, &it);
    }
    if (!p->have_info) {
        kt_canvas_text(c, row, left + 1, width - 1, KT_STYLE(DIM), "no row that is kept touches this any more");
        return;
    }
    int part = p->side ? width / 2 : width;
    int inner = part > 2 ? part - 2 : part;
    /* by itself the lists below it keep eight lines, or half of it */
    int most = p->cursor ? (height >= 16 ? height - 8 : height >= 12 ? height / 2 : height >= 6 ? 2 : 0) : height;
    p->room = most;
    int facts = count_facts(p, c->ascii, inner);
    facts = facts < most ? facts : most;
    struct kt_pen pen;
    kt_pen_begin(&pen, c, c->ascii, row, facts, left + 1, inner);
    p->kind->facts(p, &pen);
    if (p->side) {
        for (int y = 0; y < height && p->lines; y++)
            kt_canvas_text(c, row + y, left + part - 1, 1, KT_STYLE(RULE), "│");
        draw_sections(p, c, row, height, left + part, width - part);
        return;
    }
    int gap = facts && height - facts > 3 ? 1 : 0;
    draw_sections(p, c, row + facts + gap, height - facts - gap, left, width);
}

/* --- as a screen -------------------------------------------------------- */

struct pane_screen {
    struct kt_screen s;
    struct kt_pane pane;
    size_t origin; /* where a search began */
    struct kt_list_seek seek;
};

static struct kt_pane *pane_of(struct kt_screen *s)
{
    return &((struct pane_screen *)s)->pane;
}

/* The cursor goes to the first of those that were not shown. */
static unsigned expand(struct kt_pane *p, const struct kt_part *part)
{
    size_t at = p->list.cursor;
    if (part->shown == part->n)
        return kt_app_hint(p->app, "only the %d with the most rows are listed", KT_VIEW_FACETS_MAX);
    p->expanded[part->section] = true;
    lay_parts(p);
    struct kt_list_items it = kt_pane_items(p);
    kt_list_goto(&p->list, &it, at);
    return KT_APP_REDRAW;
}

/* A place is known by name; its pane tells of rows that touch it. */
static unsigned open_place(struct kt_pane *p, enum kt_section s, size_t item)
{
    const struct kt_life_place *x = place_at(p, s, item);
    kt_entity e = x ? kt_store_find(p->app->store, sections[s].facet, place_name(p, x)) : 0;
    return e ? kt_app_push(p->app, kt_screen_pane(p->app, e, 0))
             : kt_app_hint(p->app, "no row is kept of it: only uses of this key are known");
}

static unsigned open_line(struct kt_pane *p)
{
    const struct kt_part *part;
    size_t item;
    if (p->list.cursor >= p->lines)
        return kt_app_hint(p->app, "nothing to open here");
    switch (line_at(p, p->list.cursor, &part, &item)) {
    case LINE_MORE:
        return expand(p, part);
    case LINE_ITEM:
        if (part->section == KT_SECTION_TIMELINE)
            return kt_app_push(p->app, kt_screen_record(p->app, p->snap->seq[item]));
        if (p->lived[part->section])
            return open_place(p, part->section, item);
        return kt_app_push(
            p->app, kt_screen_pane(p->app, p->snap->facet[sections[part->section].facet][item].entity, 0));
    default:
        return kt_app_hint(p->app, "nothing to open here");
    }
}

/* The first line of the next (or previous) part that the cursor can rest in. */
static unsigned go_section(struct kt_pane *p, bool forward)
{
    const struct kt_part *here;
    size_t item;
    if (!p->parts)
        return 0;
    line_at(p, p->list.cursor < p->lines ? p->list.cursor : 0, &here, &item);
    int at = (int)(here - p->part);
    for (int k = 1; k <= p->parts; k++) {
        int i = (at + (forward ? k : p->parts - k)) % p->parts;
        if (!p->part[i].shown)
            continue;
        struct kt_list_items it = kt_pane_items(p);
        kt_list_goto(&p->list, &it, p->part[i].first + 1);
        if (i == 0)
            p->list.top = 0;
        return KT_APP_REDRAW;
    }
    return 0;
}

/* The cursor's item: its value for the clipboard, its row. */
static bool line_value(struct kt_pane *p, struct kt_span *value, uint64_t *seq)
{
    const struct kt_part *part;
    size_t item;
    *value = KT_SPAN_NONE;
    *seq = 0;
    if (p->list.cursor >= p->lines || line_at(p, p->list.cursor, &part, &item) != LINE_ITEM)
        return false;
    if (p->lived[part->section]) {
        const struct kt_life_place *x = place_at(p, part->section, item);
        *value = x ? place_name(p, x) : KT_SPAN_NONE;
        return x != NULL;
    }
    if (part->section != KT_SECTION_TIMELINE) {
        *value = p->snap->facet[sections[part->section].facet][item].info.name;
        return true;
    }
    struct kt_row r;
    *seq = p->snap->seq[item];
    if (kt_app_row(p->app, *seq, &r))
        *value = kt_span_known(r.ev.key.id) ? r.ev.key.id : r.ev.event_id;
    return true;
}

static unsigned copy(struct kt_pane *p, bool row)
{
    struct kt_span value;
    uint64_t seq;
    if (!line_value(p, &value, &seq))
        return kt_app_hint(p->app, "nothing to copy here");
    if (!row)
        return kt_app_copy_value(p->app, value, KT_TEXT_FREE);
    return seq ? kt_app_copy_row(p->app, seq) : kt_app_hint(p->app, "c copies rows of the timeline; Y copies a value");
}

/* The row of the timeline under the cursor; 0: it is on something else. */
static uint64_t row_here(struct kt_pane *p)
{
    struct kt_span value;
    uint64_t seq = 0;
    return line_value(p, &value, &seq) ? seq : 0;
}

static unsigned mark(struct kt_pane *p)
{
    struct kt_list_items it = kt_pane_items(p);
    uint64_t seq = row_here(p);
    if (!seq)
        return kt_app_hint(p->app, "only rows of the timeline can be marked: Tab leads there");
    (void)kt_list_move(&p->list, &it, KT_LIST_DOWN);
    return kt_app_mark(p->app, seq);
}

/* A piece of the search; the next one is a tick's. `say`: what came of it. */
static unsigned seek_on(struct pane_screen *n, bool say)
{
    enum { AT_ONCE = 1000 };
    struct kt_pane *p = &n->pane;
    struct kt_list_items it = kt_pane_items(p);
    enum kt_list_sought is = kt_list_seek(&n->seek, &p->list, &it, kt_app_needle(p->app), AT_ONCE);
    if (is == KT_LIST_FOUND)
        p->app->hint[0] = '\0';
    if (is == KT_LIST_FOUND || !say)
        return KT_APP_REDRAW;
    return kt_app_hint(p->app, is == KT_LIST_SEEKING ? "searching; any key stops it" : "not found on this page");
}

static unsigned search(struct pane_screen *n, bool backwards)
{
    struct kt_pane *p = &n->pane;
    struct kt_list_items it = kt_pane_items(p);
    if (!p->app->needle[0])
        return kt_app_hint(p->app, "nothing was searched for yet: / begins");
    kt_list_seek_begin(&n->seek, &p->list, &it, backwards, false);
    return seek_on(n, true);
}

static int64_t next(const struct kt_screen *s)
{
    return ((const struct pane_screen *)s)->seek.on ? 1 : 0;
}

static void tick(struct kt_screen *s)
{
    struct pane_screen *n = (struct pane_screen *)s;
    if (n->seek.on)
        (void)seek_on(n, !s->app->prompt.label);
}

/* A row of the timeline, or that by which the key of this pane was made. */
static bool triage(struct kt_screen *s, enum kt_command cmd, unsigned *did)
{
    struct kt_pane *p = pane_of(s);
    struct kt_subject about = {0};
    struct kt_span value;
    struct kt_row r;
    uint64_t seq = 0;
    bool have = line_value(p, &value, &seq) && seq && kt_app_row(p->app, seq, &r);
    if (have)
        about = kt_triage_row(&r);
    else
        have = kt_pane_key_subject(p, &about);
    return kt_triage_command(s, cmd, have ? &about : NULL, did);
}

static unsigned command(struct kt_screen *s, enum kt_command cmd, struct kt_key k)
{
    struct pane_screen *n = (struct pane_screen *)s;
    struct kt_pane *p = &n->pane;
    unsigned did;
    (void)k;
    n->seek.on = false; /* who presses a key has something else in mind */
    if (triage(s, cmd, &did))
        return did;
    struct kt_list_items it = kt_pane_items(p);
    switch (cmd) {
    case KT_CMD_OPEN: return open_line(p);
    case KT_CMD_BACK: return KT_SCREEN_POP;
    case KT_CMD_SECTION_NEXT: return go_section(p, true);
    case KT_CMD_SECTION_PREV: return go_section(p, false);
    case KT_CMD_HISTORY: return kt_pane_history_command(p);
    case KT_CMD_FILTER_TO:
        kt_table_scope(p->app->table, p->entity, (struct kt_span){s->title, s->title_n});
        return kt_app_to_table(p->app);
    case KT_CMD_FIND:
        n->origin = p->list.cursor;
        return kt_app_prompt(p->app, s, "search", "");
    case KT_CMD_NEXT: return search(n, false);
    case KT_CMD_PREVIOUS: return search(n, true);
    case KT_CMD_MARK: return mark(p);
    case KT_CMD_UNMARK: return kt_app_unmark(p->app);
    case KT_CMD_DIFF: return kt_app_diff(p->app, row_here(p));
    case KT_CMD_COPY: return p->kind == &kt_pane_key ? kt_pane_copy_contain(p) : copy(p, false);
    case KT_CMD_COPY_VALUE: return copy(p, false);
    case KT_CMD_COPY_ROW: return copy(p, true);
    case KT_CMD_UP: return kt_list_move(&p->list, &it, KT_LIST_UP) ? KT_APP_REDRAW : 0;
    case KT_CMD_DOWN: return kt_list_move(&p->list, &it, KT_LIST_DOWN) ? KT_APP_REDRAW : 0;
    case KT_CMD_PAGE_UP: return kt_list_move(&p->list, &it, KT_LIST_PAGE_UP) ? KT_APP_REDRAW : 0;
    case KT_CMD_PAGE_DOWN: return kt_list_move(&p->list, &it, KT_LIST_PAGE_DOWN) ? KT_APP_REDRAW : 0;
    case KT_CMD_HOME: return kt_list_move(&p->list, &it, KT_LIST_HOME) ? KT_APP_REDRAW : 0;
    case KT_CMD_END: return kt_list_move(&p->list, &it, KT_LIST_END) ? KT_APP_REDRAW : 0;
    default: return 0;
    }
}

static unsigned prompted(struct kt_screen *s, enum kt_prompt_event e)
{
    struct pane_screen *n = (struct pane_screen *)s;
    struct kt_pane *p = pane_of(s);
    struct kt_prompt *prompt = &p->app->prompt;
    struct kt_list_items it = kt_pane_items(p);
    if (kt_pane_history_prompting(p))
        return kt_pane_history_prompted(p, e);
    n->seek.on = false;
    kt_list_goto(&p->list, &it, n->origin);
    if (e == KT_PROMPT_CANCELLED) {
        p->app->needle[0] = '\0';
        return KT_APP_REDRAW;
    }
    memcpy(p->app->needle, prompt->text, prompt->len + 1);
    prompt->error[0] = '\0';
    if (!prompt->len)
        return KT_APP_REDRAW;
    kt_list_seek_begin(&n->seek, &p->list, &it, false, true);
    return seek_on(n, e == KT_PROMPT_ACCEPTED);
}

static unsigned news(struct kt_screen *s)
{
    struct kt_pane *p = pane_of(s);
    struct kt_history was = p->history;
    bool rows = kt_pane_news(p);
    kt_pane_history_news(p);
    return rows || memcmp(&was, &p->history, sizeof was) != 0 ? KT_APP_REDRAW : 0;
}

static void draw(struct kt_screen *s, struct kt_canvas *c, int row, int height)
{
    struct kt_pane *p = pane_of(s);
    int below = height >= 4 ? kt_pane_history_draw(p, c, row, height, 0, c->cols) : 0;
    kt_pane_draw(p, c, row, height - below, 0, c->cols);
}

/* A page that is not seen costs no work: its view is closed, what it showed
 * is kept until it is seen again. */
static void cover(struct kt_screen *s, bool covered)
{
    struct kt_pane *p = pane_of(s);
    if (covered) {
        if (p->view)
            kt_view_close(p->view);
        p->view = NULL;
        return;
    }
    refresh_info(p);
    struct kt_view_spec spec = spec_of(p);
    p->view = kt_view_open(p->app->views, &spec);
    p->generation = 0;
}

static void free_screen(struct kt_screen *s)
{
    kt_pane_close(pane_of(s));
    free(s);
}

static void settle(struct kt_screen *s)
{
    if (pane_of(s)->view)
        kt_view_settle(pane_of(s)->view);
}

static void anew(struct kt_screen *s)
{
    kt_pane_anew(pane_of(s));
}

static bool awaits(struct kt_screen *s)
{
    return kt_pane_awaits(pane_of(s));
}

static const uint64_t *rows(struct kt_screen *s, size_t *n)
{
    const struct kt_snapshot *snap = pane_of(s)->snap;
    *n = snap ? snap->n : 0;
    return snap ? snap->seq : NULL;
}

static unsigned mouse(struct kt_screen *s, struct kt_key k)
{
    struct kt_list_items it = kt_pane_items(pane_of(s));
    return kt_app_click(s, &pane_of(s)->list, &it, k, KT_CMD_OPEN);
}

static const struct kt_screen_ops ops = {
    .rows = rows, .context = KT_CTX_PANE, .command = command, .news = news, .draw = draw, .prompted = prompted, .cover = cover,
    .settle = settle, .anew = anew, .awaits = awaits, .next = next, .tick = tick, .mouse = mouse, .free = free_screen,
};

struct kt_screen *kt_screen_pane(struct kt_app *a, kt_entity e, uint64_t from_seq)
{
    struct pane_screen *n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    n->s = (struct kt_screen){.ops = &ops, .app = a};
    if (!kt_pane_open(&n->pane, a, e, from_seq)) {
        free(n);
        return NULL;
    }
    n->pane.cursor = true;
    kt_screen_title(&n->s, n->pane.have_info ? n->pane.info.name : KT_LIT("(no longer kept)"));
    n->s.note = n->pane.kind->word;
    return &n->s;
}
