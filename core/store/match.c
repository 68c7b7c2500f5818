#include "store/match.h"

#include "base/find.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { AHEAD = 16, SCRATCH = 1 << 20, RECORD = 64 << 20, FLAG_BITS = 16 /* KT_FLAG_ASKED */ };

enum component component_of(enum kt_field f)
{
    static const uint8_t of[KT_FIELD_COUNT] = {
        [KT_FIELD_KIND] = C_ENUMS, [KT_FIELD_TIME] = C_TIME, [KT_FIELD_EVENT_ID] = C_ID,
        [KT_FIELD_EVENT_NAME] = C_PLACE, [KT_FIELD_EVENT_SOURCE] = C_PLACE, [KT_FIELD_RESULT] = C_ENUMS,
        [KT_FIELD_ERROR_CODE] = C_ERROR, [KT_FIELD_ERROR_MESSAGE] = C_ERROR, [KT_FIELD_ACTOR_TYPE] = C_ACTOR,
        [KT_FIELD_ACTOR_NAME] = C_ACTOR, [KT_FIELD_ACTOR_ARN] = C_ACTOR, [KT_FIELD_ACTOR_ACCOUNT] = C_ACTOR,
        [KT_FIELD_ACTOR_PRINCIPAL_ID] = C_ACTOR, [KT_FIELD_ACTOR_SESSION] = C_ACTOR,
        [KT_FIELD_ACTOR_ACCESS_KEY_ID] = C_ACTOR, [KT_FIELD_ACTOR_MFA] = C_ACTOR, [KT_FIELD_ACTOR_VIA] = C_ACTOR,
        [KT_FIELD_TARGET_NAME] = C_TARGET, [KT_FIELD_TARGET_ACCOUNT] = C_PLACE, [KT_FIELD_TARGET_SELF] = C_ENUMS,
        [KT_FIELD_TARGET_FROM] = C_ENUMS, [KT_FIELD_KEY_ID] = C_KEY, [KT_FIELD_KEY_STATUS] = C_PLACE,
        [KT_FIELD_SOURCE_COUNTRY] = C_WHERE, [KT_FIELD_SOURCE_NETWORK] = C_WHERE, [KT_FIELD_SOURCE_AWS] = C_WHERE,
        [KT_FIELD_KEY_CREATED] = C_CREATED, [KT_FIELD_SOURCE_ADDRESS] = C_ADDRESS, [KT_FIELD_SOURCE_KIND] = C_ENUMS,
        [KT_FIELD_AGENT_TEXT] = C_AGENT, [KT_FIELD_AGENT_TOOL] = C_AGENT, [KT_FIELD_AGENT_VERSION] = C_AGENT,
        [KT_FIELD_AGENT_OS] = C_AGENT, [KT_FIELD_AGENT_CLASS] = C_AGENT, [KT_FIELD_ACCOUNT] = C_PLACE,
        [KT_FIELD_REGION] = C_PLACE, [KT_FIELD_RISK] = C_VERDICT, [KT_FIELD_LEVEL] = C_VERDICT,
        [KT_FIELD_SIGNALS] = C_VERDICT, [KT_FIELD_RULES] = C_VERDICT, [KT_FIELD_FLAGS] = C_FLAGS,
        [KT_FIELD_ORIGIN_SOURCE] = C_ORIGIN, [KT_FIELD_ORIGIN_RECORD] = C_RECORD, [KT_FIELD_WHY] = C_WHY,
        [KT_FIELD_STATE] = C_TRIAGE, [KT_FIELD_TAGS] = C_TRIAGE, [KT_FIELD_ASSIGNED] = C_TRIAGE,
        [KT_FIELD_NOTE] = C_TRIAGE};
    return (enum component)of[f];
}

const uint32_t *component_column(const struct chunk *c, enum component k)
{
    switch (k) {
    case C_ACTOR: return c->col[COL_ACTOR];
    case C_AGENT: return c->col[COL_AGENT];
    case C_PLACE: return c->col[COL_PLACE];
    case C_VERDICT: return c->col[COL_VERDICT];
    case C_WHY: return c->col[COL_WHY];
    case C_ORIGIN: return c->col[COL_ORIGIN];
    case C_TARGET: return c->col[COL_TARGET];
    case C_ADDRESS: return c->col[COL_ADDRESS];
    case C_KEY: return c->col[COL_KEY];
    case C_ERROR: return c->sparse[SPARSE_ERROR];
    case C_WHERE: return c->sparse[SPARSE_WHERE];
    default: return NULL;
    }
}

uint32_t component_at(const struct kt_store *s, const struct chunk *c, size_t row, enum component k)
{
    const uint32_t *column = component_column(c, k);
    switch (k) {
    case C_ENUMS: return c->bits[row].all & ((1u << ENUM_BITS) - 1);
    case C_FLAGS: return c->flags[row];
    case C_TRIAGE: return c->bits[row].triaged ? marks_find(s, c->digest[row]) : 0;
    default: return column ? component_index(k, column[row]) : 0;
    }
}

/* The same of a row out of its columns. */
static uint32_t component_number(const struct kt_store *s, const struct packed *p, enum component c)
{
    switch (c) {
    case C_ACTOR: return p->actor;
    case C_AGENT: return p->agent;
    case C_PLACE: return p->place;
    case C_ERROR: return p->error;
    case C_VERDICT: return p->verdict;
    case C_WHY: return p->why;
    case C_ORIGIN: return p->origin;
    case C_WHERE: return p->where;
    case C_TARGET: return p->target & PLACE_MASK;
    case C_ADDRESS: return p->address & PLACE_MASK;
    case C_KEY: return p->key & PLACE_MASK;
    case C_ENUMS: return p->bits.all & ((1u << ENUM_BITS) - 1);
    case C_FLAGS: return p->flags;
    case C_TRIAGE: return triage_number(s, p);
    default: return 0;
    }
}

size_t component_limit(const struct kt_store *s, enum component c)
{
    switch (c) {
    case C_ACTOR: return s->tab[T_ACTOR].top + 1;
    case C_AGENT: return s->tab[T_AGENT].top + 1;
    case C_PLACE: return s->tab[T_PLACE].top + 1;
    case C_ERROR: return s->tab[T_ERROR].top + 1;
    case C_VERDICT: return s->tab[T_VERDICT].top + 1;
    case C_ORIGIN: return s->tab[T_ORIGIN].top + 1;
    case C_WHERE: return s->tab[T_WHERE].top + 1;
    case C_TRIAGE: return s->tab[T_TRIAGE].top + 1;
    case C_WHY: return s->tab[T_TEXT].top + 1;
    case C_TARGET:
    case C_ADDRESS:
    case C_KEY: return s->ent.top + 1;
    case C_ENUMS: return 1 << ENUM_BITS;
    case C_FLAGS: return 1 << FLAG_BITS;
    default: return 0;
    }
}

/* A row of which only this component is known. */
static void unpack_component(const struct kt_store *s, const struct packed *p, enum component c, struct kt_row *r)
{
    r->ev.kind = (enum kt_kind)p->kind;
    switch (c) {
    case C_ACTOR: unpack_actor(s, p->actor, &r->ev); break;
    case C_AGENT: unpack_agent(s, p->agent, &r->ev); break;
    case C_PLACE: unpack_place(s, p->place, &r->ev); break;
    case C_ERROR: unpack_error(s, p->error, &r->ev); break;
    case C_VERDICT: unpack_verdict(s, p->verdict, &r->verdict); break;
    case C_WHY: unpack_why(s, p->why, &r->verdict); break;
    case C_ORIGIN: unpack_origin(s, p->origin, r); break;
    case C_WHERE: unpack_where(s, p->where, r); break;
    case C_ENUMS:
        r->ev.result = (enum kt_result)p->result;
        r->ev.target.self = (enum kt_tri)p->self;
        r->ev.target.from = (enum kt_target_from)p->from;
        r->ev.source.kind = (enum kt_address_kind)p->address_kind;
        break;
    case C_FLAGS: r->ev.flags = p->flags; break;
    case C_TRIAGE: unpack_triage(s, triage_number(s, p), r); break;
    case C_TIME: r->ev.time = p->time; break;
    case C_CREATED: r->ev.key.created = p->created; break;
    case C_RECORD: r->origin.record = p->record; break;
    default: break;
    }
}

struct kt_span component_text(const struct kt_store *s, const struct packed *p, enum kt_field f, struct kt_arena *a)
{
    enum component c = component_of(f);
    switch (c) {
    case C_TARGET: return ent_name(s, p->target);
    case C_ADDRESS: return ent_name(s, p->address);
    case C_KEY: return ent_name(s, p->key);
    case C_ID: {
        char *b = p->id_form == ID_UUID ? kt_arena_alloc(a, UUID_TEXT) : NULL;
        return b || p->id_form != ID_UUID ? unpack_id(s, p, b) : KT_SPAN_NONE;
    }
    default: break;
    }
    struct kt_row r = {.ev = {.time = KT_TIME_NONE, .key.created = KT_TIME_NONE}};
    unpack_component(s, p, c, &r);
    struct kt_span t = kt_row_field(&r, f, a);
    /* `why` lies in the row itself */
    return c == C_WHY ? kt_arena_span(a, t) : t;
}

struct kt_span row_text(const struct kt_store *s, const struct packed *p, enum kt_field f, struct kt_arena *a)
{
    if (p->kind != KT_KIND_MALFORMED)
        return component_text(s, p, f, a);
    struct kt_row r;
    char id[UUID_TEXT];
    unpack_row(s, p, id, &r);
    return kt_arena_span(a, kt_row_field(&r, f, a));
}

/* --- against a filter ------------------------------------------------------------ */

enum { NOT_ASKED, NO, YES };

struct term {
    const struct kt_filter_term *t;
    uint8_t order[COMPONENTS]; /* the components it looks into, those of few answers first */
    size_t n;
    uint8_t *answer[COMPONENTS];
    size_t limit[COMPONENTS];
    bool may_be_uuid; /* its text may be part of a UUID */
    bool completed[COMPONENTS], any[COMPONENTS]; /* any: some answer is yes, or not all are known */
    uint32_t done[COMPONENTS], text_at;          /* how far that is */
    size_t none_beyond[COMPONENTS];              /* how many there were when all were asked */
    uint8_t *text; /* answers by the number of a text; NULL: none is kept */
    size_t texts;
};

struct matcher {
    struct kt_store *s;
    const struct kt_filter *f;
    struct kt_arena *scratch;
    struct kt_arena *record; /* the record's text, where the filter looks into it; else NULL */
    bool opened;             /* it has the one of the row that is asked for now */
    bool slow;
    uint8_t *rows;           /* for each level of the tree, three times a chunk's rows */
    size_t levels;
    size_t n;
    uint64_t reuses; /* of entities' places, as of the answers */
    struct { /* of a chunk's rows; here, as it would be cleared for each chunk on the stack */
        uint8_t yes[CHUNK_ROWS], got[CHUNK_ROWS];
        uint16_t bad[CHUNK_ROWS];
        uint32_t number[CHUNK_ROWS];
    } of;
    struct term term[KT_FILTER_TERMS_MAX];
};

static bool part_of_uuid(struct kt_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!memchr("0123456789abcdef-", s.p[i], 17))
            return false;
    return true;
}

static bool term_init(struct matcher *m, struct term *x, const struct kt_filter_term *t, bool many)
{
    static const uint8_t cheap_first[COMPONENTS] = {C_ENUMS, C_FLAGS, C_TRIAGE, C_WHERE, C_PLACE, C_VERDICT, C_AGENT, C_ERROR, C_WHY,
                                                    C_ORIGIN, C_ADDRESS, C_TARGET, C_ACTOR, C_TIME, C_CREATED,
                                                    C_RECORD, C_KEY, C_ID};
    bool any = t->field == KT_FIELD_COUNT && !t->path.p;
    uint32_t wanted = t->field == KT_FIELD_COUNT ? 0 : 1u << component_of(t->field);
    for (int f = 0; any && f < KT_FIELD_COUNT; f++)
        if (kt_filter_is_text((enum kt_field)f))
            wanted |= 1u << component_of((enum kt_field)f);
    x->t = t;
    memset(x->any, true, sizeof x->any);
    x->may_be_uuid = t->op != KT_OP_CONTAINS || part_of_uuid(t->value->text);
    m->slow |= t->op == KT_OP_MATCHES;
    for (int i = 0; i < COMPONENTS; i++) {
        enum component c = (enum component)cheap_first[i];
        if (!(wanted & 1u << c))
            continue;
        x->order[x->n++] = c;
        size_t limit = many && c != C_KEY ? component_limit(m->s, c) : 0; /* a key is seldom seen twice */
        if (!limit)
            continue;
        x->answer[c] = mem_large(calloc(limit + 1, 1), limit + 1); /* the last: of numbers that came later */
        if (!x->answer[c])
            return false;
        x->limit[c] = limit;
    }
    return true;
}

static size_t levels_of(const struct kt_filter_node *n)
{
    size_t most = 0;
    for (size_t i = 0; n && i < n->n; i++) {
        size_t l = levels_of(n->child[i]);
        most = l > most ? l : most;
    }
    return most + 1;
}

/* Room for what is worked on; what does not look into records goes by chunks. */
static bool make_room(struct matcher *m)
{
    bool record = kt_filter_asks_record(m->f);
    m->scratch = kt_arena_new(SCRATCH);
    m->record = record ? kt_arena_new(RECORD) : NULL;
    m->slow = record;
    m->levels = levels_of(kt_filter_root(m->f));
    m->rows = record || !m->f ? NULL : malloc(3 * m->levels * CHUNK_ROWS);
    return m->scratch && (record ? m->record != NULL : m->rows || !m->f);
}

struct matcher *matcher_new(struct kt_store *s, const struct kt_filter *f, bool many)
{
    struct matcher *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    const struct kt_filter_term *const *t;
    m->s = s;
    m->f = f;
    m->reuses = s->ent.reuses;
    m->n = kt_filter_terms(f, &t);
    bool ok = make_room(m);
    for (size_t i = 0; ok && i < m->n; i++)
        ok = term_init(m, &m->term[i], t[i], many);
    if (!ok) {
        matcher_free(m);
        return NULL;
    }
    return m;
}

void matcher_free(struct matcher *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->n; i++) {
        for (int c = 0; c < COMPONENTS; c++)
            free(m->term[i].answer[c]);
        free(m->term[i].text);
    }
    kt_arena_free(m->scratch);
    kt_arena_free(m->record);
    free(m->rows);
    free(m);
}

size_t matcher_slice(const struct matcher *m)
{
    return m->record ? 32 : m->slow ? 128 : CHUNK_ROWS;
}

/* The component asked, without remembering. */
static bool ask(struct matcher *m, const struct term *x, const struct packed *p, enum component c)
{
    const struct kt_filter_term *t = x->t;
    const struct kt_store *s = m->s;
    if (c == C_TARGET || c == C_ADDRESS || c == C_KEY)
        return kt_filter_text_holds(m->f, t, ent_name(s, c == C_TARGET ? p->target : c == C_KEY ? p->key : p->address));
    if (c == C_ID) {
        char id[UUID_TEXT];
        return (x->may_be_uuid || p->id_form != ID_UUID) && kt_filter_text_holds(m->f, t, unpack_id(s, p, id));
    }
    bool compares = t->op == KT_OP_LT || t->op == KT_OP_LE || t->op == KT_OP_GT || t->op == KT_OP_GE;
    if (compares && (c == C_TIME || c == C_CREATED))
        return kt_filter_number_holds(t, c == C_TIME ? p->time : p->created);
    struct kt_row r = {.ev = {.time = KT_TIME_NONE, .key.created = KT_TIME_NONE}};
    unpack_component(s, p, c, &r);
    kt_arena_reset(m->scratch);
    if (t->field != KT_FIELD_COUNT)
        return kt_filter_text_holds(m->f, t, kt_row_field(&r, t->field, m->scratch));
    for (int f = 0; f < KT_FIELD_COUNT; f++)
        if (component_of((enum kt_field)f) == c && kt_filter_is_text((enum kt_field)f) &&
            kt_filter_text_holds(m->f, t, kt_row_field(&r, (enum kt_field)f, m->scratch)))
            return true;
    return false;
}

/* A place among the entities may have come to stand for another one. */
static void forget_reused(struct matcher *m)
{
    static const uint8_t of_places[] = {C_TARGET, C_ADDRESS};
    if (m->reuses == m->s->ent.reuses)
        return;
    for (size_t k = 0; k < m->n; k++)
        for (size_t i = 0; i < sizeof of_places; i++)
            if (m->term[k].limit[of_places[i]])
                memset(m->term[k].answer[of_places[i]], 0, m->term[k].limit[of_places[i]]);
    m->reuses = m->s->ent.reuses;
}

static bool holds(struct matcher *m, struct term *x, const struct packed *p)
{
    for (size_t i = 0; i < x->n; i++) {
        enum component c = (enum component)x->order[i];
        uint32_t number = x->limit[c] ? component_number(m->s, p, c) : 0;
        uint8_t *answer = number < x->limit[c] ? &x->answer[c][number] : NULL;
        bool yes = answer && *answer ? *answer == YES : ask(m, x, p, c);
        if (answer)
            *answer = yes ? YES : NO;
        if (yes)
            return true;
    }
    return false;
}

/* --- a chunk's rows ------------------------------------------------------------------ */

struct rows {
    const struct chunk *c;
    uint64_t seq0;
    size_t from, to;
    uint8_t *yes; /* 1: it may match */
    uint8_t *got; /* 1: this term holds */
};

static bool ask_row(struct matcher *m, const struct term *x, const struct rows *r, size_t i, enum component c)
{
    struct packed p;
    row_get(m->s, r->seq0 + i, &p);
    return ask(m, x, &p, c);
}

static const uint8_t *tuple_fields(enum component c, size_t *n)
{
    static const uint8_t of_actor[] = {KT_FIELD_ACTOR_TYPE, KT_FIELD_ACTOR_NAME, KT_FIELD_ACTOR_ARN,
                                       KT_FIELD_ACTOR_ACCOUNT, KT_FIELD_ACTOR_PRINCIPAL_ID, KT_FIELD_ACTOR_SESSION,
                                       KT_FIELD_ACTOR_ACCESS_KEY_ID, KT_FIELD_ACTOR_VIA},
                         of_error[] = {KT_FIELD_ERROR_CODE, KT_FIELD_ERROR_MESSAGE};
    *n = c == C_ACTOR ? sizeof of_actor : sizeof of_error;
    return c == C_ACTOR ? of_actor : of_error;
}

const uint32_t *component_texts(const struct kt_store *s, enum component c, uint32_t number)
{
    const struct symtab *t = &s->tab[c == C_ACTOR ? T_ACTOR : T_ERROR];
    return number && sym_is_there(t, number) ? (const uint32_t *)(const void *)sym_at(t, number)->bytes : NULL;
}

int component_text_place(enum component c, enum kt_field f)
{
    size_t n;
    const uint8_t *field = tuple_fields(c, &n);
    for (size_t i = 0; i < n && (c == C_ACTOR || c == C_ERROR); i++)
        if (field[i] == f)
            return (int)i;
    return -1;
}

static void prefetch_long(const void *p)
{
    __builtin_prefetch(p);
    __builtin_prefetch((const char *)p + 64);
}

/* The texts of an actor or an error are asked once each, whatever number of
 * tuples they are in. Where any of a tuple's texts will do, nearly all there are
 * are asked: in the order in which they lie. False: there are more, or no memory. */
static bool prepare_texts(struct matcher *m, struct term *x, size_t *left)
{
    const struct symtab *t = &m->s->tab[T_TEXT];
    if (!x->text) {
        size_t n = (size_t)t->top + 1;
        x->text = mem_large(calloc(n, 1), n);
        x->texts = x->text ? n : 0;
        x->text_at = 1;
    }
    if (x->t->field != KT_FIELD_COUNT)
        return true;
    for (; x->text_at < x->texts && *left; x->text_at++, --*left) {
        uint32_t n = x->text_at;
        if (n + AHEAD < x->texts) /* they lie anywhere: the next ones are on their way meanwhile, with what goes beyond a line */
            prefetch_long(sym_at(t, n + AHEAD));
        struct kt_span span = sym_is_there(t, n) ? sym_span(t, n) : KT_SPAN_NONE;
        x->text[n] = span.p && kt_filter_text_holds(m->f, x->t, span) ? YES : NO;
    }
    return x->text_at >= x->texts;
}

static bool text_holds(struct matcher *m, struct term *x, uint32_t n)
{
    if (n < x->texts && x->text[n] != NOT_ASKED)
        return x->text[n] == YES;
    bool yes = kt_filter_text_holds(m->f, x->t, n ? sym_span(&m->s->tab[T_TEXT], n) : KT_SPAN_NONE);
    if (n < x->texts)
        x->text[n] = yes ? YES : NO;
    return yes;
}

/* The tuples of *at and on, as far as `left` allows. */
static void complete_tuples(struct matcher *m, struct term *x, enum component c, uint32_t *at, size_t *left)
{
    size_t n;
    const uint8_t *field = tuple_fields(c, &n); /* as its texts stand in the tuple */
    const struct symtab *t = &m->s->tab[c == C_ACTOR ? T_ACTOR : T_ERROR];
    for (; *at < x->limit[c] && *left; ++*at, --*left) {
        if (*at + AHEAD < x->limit[c])
            prefetch_long(sym_at(t, *at + AHEAD)); /* one that is gone has no bytes */
        if (!sym_is_there(t, *at))
            continue;
        const uint32_t *text = (const uint32_t *)(const void *)sym_at(t, *at)->bytes;
        bool yes = false;
        for (size_t i = 0; i < n; i++)
            if (x->t->field == KT_FIELD_COUNT || x->t->field == (enum kt_field)field[i])
                yes |= text_holds(m, x, text[i]);
        x->answer[c][*at] = yes ? YES : NO;
        x->any[c] = x->any[c] || yes;
    }
}

static bool by_texts(const struct term *x, enum component c)
{
    return (c == C_ACTOR || c == C_ERROR) && x->t->field != KT_FIELD_ACTOR_MFA;
}

/* Answers for all that there is, so that a component of which nothing holds is
 * passed over: for who has more rows than kinds of them. As many as `left`
 * allows: true once it is done. */
static bool complete(struct matcher *m, struct term *x, enum component c, size_t *left)
{
    static const uint8_t table[COMPONENTS] = {
        [C_ACTOR] = T_ACTOR, [C_AGENT] = T_AGENT, [C_PLACE] = T_PLACE, [C_ERROR] = T_ERROR, [C_VERDICT] = T_VERDICT,
        [C_ORIGIN] = T_ORIGIN, [C_WHERE] = T_WHERE};
    const struct symtab *t = &m->s->tab[table[c]];
    if (x->t->op == KT_OP_MATCHES || !table[c] || x->limit[c] > m->s->next - m->s->first)
        return true; /* regular expressions are put to what comes by */
    if (!x->done[c])
        x->any[c] = false;
    if (by_texts(x, c) && !prepare_texts(m, x, left))
        return false;
    for (; x->done[c] < x->limit[c] && *left; x->done[c]++, --*left) {
        uint32_t n = x->done[c];
        if (n && by_texts(x, c)) {
            complete_tuples(m, x, c, &x->done[c], left);
            break;
        }
        struct packed p = {.time = KT_TIME_NONE, .created = KT_TIME_NONE};
        uint32_t *field = c == C_ACTOR ? &p.actor : c == C_AGENT ? &p.agent : c == C_PLACE ? &p.place :
                          c == C_ERROR ? &p.error : c == C_VERDICT ? &p.verdict : c == C_ORIGIN ? &p.origin : &p.where;
        if (n && !sym_is_there(t, n))
            continue;
        *field = n;
        p.kind = KT_KIND_CREATION;
        bool yes = ask(m, x, &p, c);
        x->answer[c][n] = yes ? YES : NO;
        x->any[c] = x->any[c] || yes;
    }
    if (x->done[c] < x->limit[c])
        return false;
    x->none_beyond[c] = x->limit[c];
    return true;
}

bool matcher_prepare(struct matcher *m)
{
    enum { AT_ONCE = 4096 };
    size_t left = AT_ONCE;
    for (size_t k = 0; k < m->n && !m->record; k++) {
        struct term *x = &m->term[k];
        for (size_t i = 0; i < x->n; i++) {
            enum component c = (enum component)x->order[i];
            if (!x->limit[c] || x->completed[c])
                continue;
            x->completed[c] = complete(m, x, c, &left);
            if (!x->completed[c])
                return false;
        }
    }
    return true;
}

/* The numbers of a chunk's rows; those that there is no answer for are `limit`. */
static void numbers(const struct matcher *m, const struct rows *r, enum component c, size_t limit, uint32_t *out)
{
    const uint32_t *column = component_column(r->c, c);
    const uint32_t mask = c == C_TARGET || c == C_ADDRESS ? PLACE_MASK : UINT32_MAX, most = (uint32_t)limit;
    size_t from = r->from, to = r->to;
    if (column) {
        for (size_t i = from; i < to; i++)
            out[i] = (column[i] & mask) < most ? column[i] & mask : most;
    } else if (c == C_ENUMS) {
        for (size_t i = from; i < to; i++)
            out[i] = r->c->bits[i].all & ((1u << ENUM_BITS) - 1);
    } else if (c == C_FLAGS) {
        for (size_t i = from; i < to; i++)
            out[i] = r->c->flags[i] < most ? r->c->flags[i] : most;
    } else {
        for (size_t i = from; i < to; i++) {
            uint32_t n = component_at(m->s, r->c, i, c);
            out[i] = n < most ? n : most;
        }
    }
}

/* No row of the chunk has anything in it. */
static bool is_empty(const struct matcher *m, const struct rows *r, enum component c)
{
    return (c == C_TRIAGE && !m->s->marks.used) || ((c == C_ERROR || c == C_WHERE) && !component_column(r->c, c));
}

/* Those that were not asked before. */
static void ask_unknown(struct matcher *m, struct term *x, const struct rows *r, enum component c, const uint32_t *number)
{
    uint8_t *answer = x->answer[c];
    for (size_t i = r->from; i < r->to; i++) {
        uint32_t n = number[i];
        if (!r->yes[i])
            continue;
        bool known = n < x->limit[c] && answer[n] != NOT_ASKED, yes = known ? answer[n] == YES : ask_row(m, x, r, i, c);
        if (!known && n < x->limit[c])
            answer[n] = yes ? YES : NO;
        r->got[i] |= yes;
    }
}

static void by_number(struct matcher *m, struct term *x, const struct rows *r, enum component c)
{
    uint32_t *number = m->of.number;
    const uint8_t *answer = x->answer[c];
    uint8_t *restrict got = r->got, unknown = 0;
    size_t from = r->from, to = r->to;
    if (!x->any[c] && component_limit(m->s, c) == x->none_beyond[c])
        return;
    if (is_empty(m, r, c) && answer[0] == NO)
        return;
    numbers(m, r, c, x->limit[c], number);
    for (size_t i = from; i < to; i++) {
        uint8_t a = answer[number[i]];
        unknown |= a == NOT_ASKED;
        got[i] |= a == YES;
    }
    if (unknown)
        ask_unknown(m, x, r, c, number);
}

static void by_key(struct matcher *m, struct term *x, const struct rows *r)
{
    const uint32_t *key = r->c->col[COL_KEY];
    bool contains = x->t->op == KT_OP_CONTAINS;
    for (size_t i = r->from; i < r->to; i++) {
        if (!r->yes[i] || r->got[i])
            continue;
        const struct entity *e = ent_at(m->s, key[i]);
        r->got[i] = e && e->inl && contains ? kt_find_no_case_32(e->inlined, e->len, x->t->value->text)
                                            : kt_filter_text_holds(m->f, x->t, ent_name(m->s, key[i]));
    }
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The first one or two pairs of digits of what is looked for. */
struct pairs {
    size_t n;
    uint8_t pair[2];
};

static struct pairs pairs_of(const struct kt_filter_term *t)
{
    struct pairs p = {0};
    struct kt_span text = t->value->text;
    for (size_t i = 0; t->op == KT_OP_CONTAINS && p.n < 2 && i + 1 < text.n; i += 2) {
        int a = digit_of(text.p[i]), b = digit_of(text.p[i + 1]);
        if (a < 0 || b < 0)
            break;
        p.pair[p.n++] = (uint8_t)(a << 4 | b);
    }
    return p;
}

/* Can a UUID of these bytes have them? Says no of most that have not. */
#ifdef __SSE2__
static bool may_have(const uint8_t id[16], const struct pairs *p)
{
    const __m128i even = _mm_loadu_si128((const __m128i *)(const void *)id), half = _mm_set1_epi8(0x0f);
    const __m128i odd = _mm_or_si128(_mm_andnot_si128(half, _mm_slli_epi16(even, 4)),
                                     _mm_and_si128(half, _mm_srli_epi16(_mm_srli_si128(even, 1), 4)));
    unsigned e = UINT_MAX, o = UINT_MAX;
    for (unsigned k = 0; k < p->n; k++) {
        const __m128i x = _mm_set1_epi8((char)p->pair[k]);
        e &= (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(even, x)) >> k;
        o &= (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(odd, x)) >> k;
    }
    return e || o;
}
#else
static bool may_have(const uint8_t id[16], const struct pairs *p)
{
    bool may = false;
    for (size_t i = 0; i < 16; i++)
        may |= id[i] == p->pair[0] || (i < 15 && (uint8_t)(id[i] << 4 | id[i + 1] >> 4) == p->pair[0]);
    return may;
}
#endif

static void by_id(struct matcher *m, struct term *x, const struct rows *r)
{
    const struct pairs p = pairs_of(x->t);
    for (size_t i = r->from; i < r->to; i++) {
        if (!r->yes[i] || r->got[i])
            continue;
        if (r->c->bits[i].id_form != ID_UUID) {
            r->got[i] = ask_row(m, x, r, i, C_ID);
            continue;
        }
        char id[UUID_TEXT];
        if (x->may_be_uuid && (!p.n || may_have(r->c->id[i], &p)))
            r->got[i] = kt_filter_text_holds(m->f, x->t, uuid_text(r->c->id[i], id));
    }
}

static void by_time(struct matcher *m, struct term *x, const struct rows *r, enum component c)
{
    bool number = c == C_TIME && (x->t->op == KT_OP_LT || x->t->op == KT_OP_LE || x->t->op == KT_OP_GT || x->t->op == KT_OP_GE);
    for (size_t i = r->from; i < r->to; i++)
        if (r->yes[i] && !r->got[i])
            r->got[i] = number ? kt_filter_number_holds(x->t, r->c->time[i]) : ask_row(m, x, r, i, c);
}

/* Of the rows that are yes, those for which the term holds stay so. */
static void term_rows(struct matcher *m, struct term *x, const struct rows *r)
{
    memset(r->got + r->from, 0, r->to - r->from);
    for (size_t i = 0; i < x->n; i++) {
        enum component c = (enum component)x->order[i];
        if (x->limit[c])
            by_number(m, x, r, c);
        else if (c == C_KEY)
            by_key(m, x, r);
        else if (c == C_ID)
            by_id(m, x, r);
        else
            by_time(m, x, r, c);
    }
    uint8_t *restrict yes = r->yes;
    for (size_t i = r->from; i < r->to; i++)
        yes[i] &= r->got[i];
}

static void node_rows(struct matcher *m, const struct kt_filter_node *n, struct rows r, size_t level);

static void not_rows(struct matcher *m, const struct kt_filter_node *n, const struct rows *r, size_t level)
{
    uint8_t *inner = m->rows + 3 * level * CHUNK_ROWS;
    struct rows in = *r;
    in.yes = inner;
    memcpy(inner + r->from, r->yes + r->from, r->to - r->from);
    node_rows(m, n->child[0], in, level + 1);
    for (size_t i = r->from; i < r->to; i++)
        r->yes[i] &= !inner[i];
}

/* Each child is asked of those rows that no child before it took. */
static void or_rows(struct matcher *m, const struct kt_filter_node *n, const struct rows *r, size_t level)
{
    uint8_t *inner = m->rows + 3 * level * CHUNK_ROWS, *left = inner + CHUNK_ROWS, *taken = left + CHUNK_ROWS;
    size_t from = r->from, size = r->to - r->from;
    struct rows in = *r;
    in.yes = inner;
    memcpy(left + from, r->yes + from, size);
    memset(taken + from, 0, size);
    for (size_t k = 0; k < n->n; k++) {
        memcpy(inner + from, left + from, size);
        node_rows(m, n->child[k], in, level + 1);
        for (size_t i = from; i < r->to; i++) {
            taken[i] |= inner[i];
            left[i] &= !inner[i];
        }
    }
    memcpy(r->yes + from, taken + from, size);
}

static void node_rows(struct matcher *m, const struct kt_filter_node *n, struct rows r, size_t level)
{
    switch (n->kind) {
    case KT_NODE_TERM: term_rows(m, &m->term[n->term->index], &r); break;
    case KT_NODE_NOT: not_rows(m, n, &r, level); break;
    case KT_NODE_OR: or_rows(m, n, &r, level); break;
    case KT_NODE_AND:
        for (size_t i = 0; i < n->n; i++)
            node_rows(m, n->child[i], r, level);
    }
}

static bool tree_holds(struct matcher *m, const struct packed *p);

/* Row by row: a record is unpacked once for all that is asked of it, and not
 * where the rest decides. */
static void heavy_rows(struct matcher *m, const struct rows *r)
{
    for (size_t i = r->from; i < r->to; i++) {
        struct packed p;
        if (!r->yes[i])
            continue;
        row_get(m->s, r->seq0 + i, &p);
        r->yes[i] = tree_holds(m, &p);
    }
}

static bool malformed_holds(struct matcher *m, const struct packed *p);

/* They are decided whole: those that match are told, and put to no term. */
static size_t malformed_rows(struct matcher *m, const struct rows *r, uint16_t *match)
{
    size_t n = 0;
    for (size_t i = r->from; i < r->to; i++) {
        struct packed p;
        if (!r->yes[i] || r->c->bits[i].kind != KT_KIND_MALFORMED)
            continue;
        r->yes[i] = 0;
        row_get(m->s, r->seq0 + i, &p);
        match[n] = (uint16_t)i;
        n += malformed_holds(m, &p);
    }
    return n;
}

size_t matcher_rows(struct matcher *m, const struct chunk *c, uint64_t seq0, size_t from, size_t to, bool suppressed,
                    uint16_t at[CHUNK_ROWS])
{
    uint8_t *restrict yes = m->of.yes;
    struct rows r = {c, seq0, from, to, yes, m->of.got};
    uint16_t *bad = m->of.bad;
    size_t n_bad = 0;
    bool any_bad = false;
    for (size_t i = from; i < to; i++) {
        union rowbits b = c->bits[i];
        yes[i] = (suppressed || !b.suppressed) && !(c->flags[i] & KT_FLAG_ASKED);
        any_bad |= b.kind == KT_KIND_MALFORMED;
    }
    if (m->n) {
        forget_reused(m);
        n_bad = any_bad ? malformed_rows(m, &r, bad) : 0;
        if (m->record)
            heavy_rows(m, &r);
        else
            node_rows(m, kt_filter_root(m->f), r, 0);
    }
    for (size_t i = 0; i < n_bad; i++)
        yes[bad[i]] = 1;
    size_t n = 0;
    for (size_t i = from; i < to; i++) {
        at[n] = (uint16_t)i;
        n += yes[i];
    }
    return n;
}

static bool malformed_holds(struct matcher *m, const struct packed *p)
{
    struct kt_row r;
    char id[UUID_TEXT];
    unpack_row(m->s, p, id, &r);
    kt_arena_reset(m->scratch);
    return kt_filter_row(m->f, &r, m->scratch);
}

bool matcher_row(struct matcher *m, const struct packed *p)
{
    forget_reused(m);
    if (p->kind == KT_KIND_MALFORMED && m->n)
        return malformed_holds(m, p);
    return tree_holds(m, p);
}

struct asked {
    struct matcher *m;
    const struct packed *p;
};

static bool term_holds(void *ctx, const struct kt_filter_term *t)
{
    struct asked *q = ctx;
    struct matcher *m = q->m;
    if (!t->path.p)
        return holds(m, &m->term[t->index], q->p);
    if (!m->opened) {
        kt_arena_reset(m->record);
        kt_filter_record(m->f, q->p->raw ? raw_unpack(m->s, q->p->raw, m->s->ddict, m->record) : KT_SPAN_NONE);
        m->opened = true;
    }
    return kt_filter_record_holds(m->f, t);
}

static bool tree_holds(struct matcher *m, const struct packed *p)
{
    struct asked q = {m, p};
    bool yes = kt_filter_eval(m->f, term_holds, &q);
    if (m->opened)
        kt_filter_record(m->f, KT_SPAN_NONE);
    m->opened = false;
    return yes;
}
