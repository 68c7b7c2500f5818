#include "report.h"

#include "event/contain.h"
#include "text/markdown.h"

#include <stdlib.h>

enum {
    ARENA_MAX = 256 << 20,
    TEXT_MAX = 512 << 20,
    CELL = 60,            /* bytes of a text in the table */
    LINE = 400,           /* and in a line */
    MOMENTS_MAX = 256,    /* of one key's timeline */
    SOURCES_MAX = 200,
    TROUBLES_MAX = 50
};

struct chosen { /* a row, as far as it has to be known to sort */
    uint64_t seq;
    int risk;
    int64_t time;
    bool told; /* with another row of the same key */
};

struct report {
    const struct kt_report_opts *o;
    struct kt_arena *rows;    /* the row or key at hand */
    struct kt_buf text;       /* what is to be written next */
    struct chosen *row;
    size_t n, gone;
    const struct kt_rules *rules;
    FILE *out;
};

/* --- words --------------------------------------------------------------------- */

static void say(struct report *p, const char *text)
{
    (void)kt_buf_adds(&p->text, text);
}

static void data(struct report *p, struct kt_span s, enum kt_text_kind kind, const char *unknown)
{
    (void)kt_markdown_code(&p->text, s, kind, unknown, LINE, false);
}

/* A text of a rule's file, as one line. */
static void prose(struct report *p, struct kt_span s, size_t most, bool in_table)
{
    struct kt_buf line;
    kt_buf_init(&line, TEXT_MAX);
    for (size_t i = 0; i < s.n; i++) {
        bool blank = s.p[i] == '\n' || s.p[i] == ' ' || s.p[i] == '\t';
        if (!blank)
            (void)kt_buf_addc(&line, s.p[i]);
        else if (line.len && i + 1 < s.n && line.p[line.len - 1] != ' ')
            (void)kt_buf_addc(&line, ' ');
    }
    (void)kt_markdown_code(&p->text, kt_buf_span(&line), KT_TEXT_FREE, "", most, in_table);
    p->text.failed |= line.failed;
    kt_buf_free(&line);
}

static void name(struct report *p, struct kt_span s)
{
    data(p, s, KT_TEXT_IDENTITY, "(not known)");
}

static void cell(struct report *p, struct kt_span s)
{
    say(p, " ");
    (void)kt_markdown_code(&p->text, s, KT_TEXT_IDENTITY, "?", CELL, true);
    say(p, " |");
}

static void when(struct report *p, int64_t t)
{
    char s[KT_TIME_TEXT];
    say(p, kt_time_format(t, s) ? s : "(time not known)");
}

static bool flush(struct report *p)
{
    bool ok = !p->text.failed && (!p->text.len || fwrite(p->text.p, 1, p->text.len, p->out) == p->text.len);
    kt_buf_reset(&p->text);
    return ok;
}

static bool get(struct report *p, uint64_t seq, struct kt_row *r)
{
    if (!kt_store_row(kt_engine_store(p->o->engine), seq, false, p->rows, r))
        return false;
    if (p->o->judge)
        kt_judge_row(p->o->judge, r);
    return true;
}

/* --- choosing ------------------------------------------------------------------- */

static int by_risk(const void *a, const void *b)
{
    const struct chosen *x = a, *y = b;
    if (x->risk != y->risk)
        return x->risk < y->risk ? 1 : -1;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static bool goes_on(const struct report *p, size_t done)
{
    return !p->o->go_on || p->o->go_on(p->o->ctx, done);
}

static enum kt_code choose(struct report *p, struct kt_err *e)
{
    p->row = calloc(p->o->n + 1, sizeof *p->row);
    if (!p->row)
        return kt_fail(e, KT_ENOMEM, "memory ran out");
    for (size_t i = 0; i < p->o->n; i++) {
        struct kt_row r;
        if (!goes_on(p, i))
            return kt_fail(e, KT_ECANCELLED, "stopped");
        kt_arena_reset(p->rows);
        if (!get(p, p->o->seq[i], &r)) {
            p->gone++;
            continue;
        }
        p->row[p->n++] = (struct chosen){.seq = p->o->seq[i], .risk = r.verdict.risk, .time = r.ev.time};
    }
    qsort(p->row, p->n, sizeof *p->row, by_risk);
    return KT_OK;
}

static size_t told_in_full(const struct report *p)
{
    return p->n < KT_REPORT_ROWS ? p->n : KT_REPORT_ROWS;
}

/* --- head and table --------------------------------------------------------------- */

static void head(struct report *p)
{
    struct kt_counts c = kt_store_counts(kt_engine_store(p->o->engine));
    say(p, "# Permanent AWS access keys: incident report\n\nMade ");
    when(p, p->o->now - p->o->now % 1000);
    (void)kt_buf_addf(&p->text, " by keytop %s. All times are UTC. Text `like this` stands as in the records; what is not "
                                "printable ASCII there is escaped.\n\n",
                      KEYTOP_VERSION);
    (void)kt_buf_addf(&p->text, "- Rows: %zu of %llu that the sources hold", p->n, (unsigned long long)c.shown);
    if (p->o->chosen)
        (void)kt_buf_addf(&p->text, ", %s", p->o->chosen);
    say(p, "\n");
    if (p->o->filter && p->o->filter[0]) {
        say(p, "- Filter: ");
        data(p, kt_span_of(p->o->filter), KT_TEXT_FREE, "");
        say(p, "\n");
    }
    if (p->gone)
        (void)kt_buf_addf(&p->text, "- **%zu rows are no longer kept** and are missing here\n", p->gone);
    if (p->n > KT_REPORT_ROWS)
        (void)kt_buf_addf(&p->text, "- **Only the %d gravest are told here; %zu more are not.** Narrow the filter.\n",
                          KT_REPORT_ROWS, p->n - KT_REPORT_ROWS);
}

static void table(struct report *p)
{
    say(p, "\n## Summary\n\n| risk | time | what | actor | target | key | from | why |\n"
           "|---:|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < told_in_full(p); i++) {
        struct kt_row r;
        kt_arena_reset(p->rows);
        if (!get(p, p->row[i].seq, &r))
            continue;
        if (r.ev.kind == KT_KIND_MALFORMED) {
            say(p, "| ? | | malformed record | | | | | see below |\n");
            continue;
        }
        const char *result = kt_result_name(r.ev.result);
        (void)kt_buf_addf(&p->text, "| %d | ", r.verdict.risk);
        when(p, r.ev.time);
        say(p, " |");
        cell(p, r.ev.event_name);
        p->text.len -= p->text.failed ? 0 : 2;
        (void)kt_buf_addf(&p->text, " %s |", result ? result : "?");
        cell(p, r.ev.actor.name);
        cell(p, r.ev.target.name);
        cell(p, r.ev.key.id);
        cell(p, r.ev.source.address);
        say(p, " ");
        prose(p, kt_span_of(r.verdict.why[0] ? r.verdict.why : "-"), 0, true);
        say(p, " |\n");
    }
}

/* --- a timeline --------------------------------------------------------------------- */

struct moment {
    int64_t time;
    struct kt_span event_id, line; /* the line: Markdown, in the arena */
};
struct timeline {
    struct moment at[MOMENTS_MAX];
    size_t n, beyond;
};

/* What stands in the buffer becomes a moment. */
static void moment(struct report *p, struct timeline *t, int64_t time, struct kt_span id)
{
    struct kt_span line = kt_arena_span(p->rows, kt_buf_span(&p->text));
    kt_buf_reset(&p->text);
    if (t->n == MOMENTS_MAX || !kt_span_known(line))
        t->beyond++;
    else
        t->at[t->n++] = (struct moment){time, id, line};
}

static bool has_event(const struct timeline *t, struct kt_span id)
{
    for (size_t i = 0; i < t->n; i++)
        if (kt_span_eq(t->at[i].event_id, id))
            return true;
    return false;
}

static int by_time(const void *a, const void *b)
{
    const struct moment *x = a, *y = b;
    return x->time < y->time ? -1 : x->time > y->time;
}

static void agent(struct report *p, const struct kt_agent *g)
{
    data(p, kt_span_known(g->tool) ? g->tool : g->text, KT_TEXT_FREE, "an agent that is not known");
    if (kt_span_known(g->tool) && kt_span_known(g->version)) {
        say(p, " ");
        data(p, g->version, KT_TEXT_FREE, "");
    }
}

static void where(struct report *p, const struct kt_row *r)
{
    const struct kt_span part[] = {r->where.country, r->where.network, r->where.aws};
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        if (!kt_span_known(part[i]))
            continue;
        say(p, " ");
        data(p, part[i], KT_TEXT_FREE, "");
    }
}

static void actor(struct report *p, const struct kt_event *ev)
{
    name(p, ev->actor.name);
    if (kt_span_known(ev->actor.session)) {
        say(p, " (session ");
        data(p, ev->actor.session, KT_TEXT_IDENTITY, "");
        say(p, ")");
    }
}

static void of_row(struct report *p, struct timeline *t, const struct kt_row *r)
{
    const struct kt_event *ev = &r->ev;
    const char *result = kt_result_name(ev->result);
    name(p, ev->event_name);
    (void)kt_buf_addf(&p->text, " %s by ", result ? result : "(result not known)");
    actor(p, ev);
    if (ev->kind != KT_KIND_USE) {
        say(p, " for ");
        name(p, ev->target.name);
        say(p, ev->target.self == KT_YES ? " (itself)" : "");
    }
    say(p, " from ");
    name(p, ev->source.address);
    where(p, r);
    say(p, " with ");
    agent(p, &ev->agent);
    if (kt_span_known(ev->error_code)) {
        say(p, ", error ");
        data(p, ev->error_code, KT_TEXT_FREE, "");
    }
    say(p, "; event ");
    name(p, ev->event_id);
    moment(p, t, ev->time, ev->event_id);
}

static void of_use(struct report *p, struct timeline *t, const char *which, const struct kt_moment *m)
{
    if (has_event(t, m->event_id))
        return;
    (void)kt_buf_addf(&p->text, "%s used: ", which);
    name(p, m->event_source);
    say(p, " ");
    name(p, m->event_name);
    if (m->result == KT_RESULT_DENIED || m->result == KT_RESULT_FAILED)
        (void)kt_buf_addf(&p->text, " %s", kt_result_name(m->result));
    say(p, " from ");
    name(p, m->address);
    say(p, " with ");
    agent(p, &m->agent);
    say(p, "; event ");
    name(p, m->event_id);
    moment(p, t, m->time, m->event_id);
}

static void of_change(struct report *p, struct timeline *t, const struct kt_life_change *c)
{
    if (has_event(t, c->event_id))
        return;
    say(p, c->kind == KT_KIND_DELETION ? "deleted" : c->kind == KT_KIND_DEACTIVATION ? "switched off" : "switched on");
    say(p, " by ");
    name(p, c->actor);
    say(p, " from ");
    name(p, c->address);
    say(p, "; event ");
    name(p, c->event_id);
    moment(p, t, c->time, c->event_id);
}

static void of_creation(struct report *p, struct timeline *t, const struct kt_key_life *l)
{
    if (!l->created || has_event(t, l->creation.event_id))
        return;
    say(p, "made by ");
    name(p, l->creator);
    say(p, " from ");
    name(p, l->creation.address);
    say(p, "; event ");
    name(p, l->creation.event_id);
    moment(p, t, l->creation.time, l->creation.event_id);
}

static void of_life(struct report *p, struct timeline *t, const struct kt_key_life *l)
{
    of_creation(p, t, l);
    if (l->uses)
        of_use(p, t, "first", &l->first_use);
    if (l->uses > 1)
        of_use(p, t, "last", &l->last_use);
    for (size_t i = 0; i < l->n_change; i++)
        of_change(p, t, &l->change[i]);
}

static void tell(struct report *p, struct timeline *t)
{
    qsort(t->at, t->n, sizeof *t->at, by_time);
    say(p, "\nTimeline:\n\n");
    for (size_t i = 0; i < t->n; i++) {
        say(p, "- ");
        when(p, t->at[i].time);
        say(p, " ");
        (void)kt_buf_add(&p->text, t->at[i].line.p, t->at[i].line.n);
        say(p, "\n");
    }
    if (t->beyond)
        (void)kt_buf_addf(&p->text, "- and %zu more that are not told here\n", t->beyond);
}

/* --- what is made of it ----------------------------------------------------------------- */

static void risk(struct report *p, const struct kt_verdict *v)
{
    (void)kt_buf_addf(&p->text, "\nRisk %d, %s", v->risk, kt_level_name(v->level));
    if (v->why[0]) {
        say(p, ": ");
        prose(p, kt_span_of(v->why), 0, false);
    }
    say(p, "\n");
    if (v->n_signals || v->n_rules)
        say(p, "\n");
    for (size_t i = 0; i < v->n_signals; i++) {
        const struct kt_signal *s = &v->signal[i];
        struct kt_rule_info rule = {.title = s->name};
        (void)kt_rules_signal(p->rules, s->name, &rule);
        (void)kt_buf_addf(&p->text, "- %+d ", s->weight);
        data(p, rule.title, KT_TEXT_FREE, "");
        for (size_t k = 0; k < s->n_evidence; k++) {
            say(p, k ? ", " : ": ");
            when(p, s->evidence[k].time);
            say(p, " ");
            data(p, s->evidence[k].event_id, KT_TEXT_IDENTITY, "");
        }
        say(p, "\n");
    }
    for (size_t i = 0; i < v->n_rules; i++) {
        struct kt_rule_info rule = {.title = v->rule[i].id};
        (void)kt_rules_by_id(p->rules, v->rule[i].id, &rule);
        say(p, v->rule[i].correlation ? "- correlation " : "- rule ");
        data(p, kt_span_known(rule.title) ? rule.title : v->rule[i].id, KT_TEXT_FREE, "");
        say(p, "\n");
    }
}

static void triage(struct report *p, const struct kt_row_triage *t)
{
    if (t->acked) {
        say(p, "\nAcknowledged by ");
        name(p, t->who);
        say(p, " at ");
        when(p, t->at);
        say(p, ".\n");
    }
    if (kt_span_known(t->assigned) && t->assigned.n) {
        say(p, "\nAssigned to ");
        name(p, t->assigned);
        say(p, ".\n");
    }
    if (kt_span_known(t->tags) && t->tags.n) {
        say(p, "\nTags: ");
        data(p, t->tags, KT_TEXT_FREE, "");
        say(p, "\n");
    }
    if (t->notes) {
        (void)kt_buf_addf(&p->text, "\nThe last of %u %s: ", t->notes, t->notes == 1 ? "note" : "notes");
        data(p, t->note, KT_TEXT_FREE, "(not known)");
        say(p, "\n");
    }
}

/* What was said of the key where the row that made it was not known. */
static void triage_of_key(struct report *p, struct kt_span key)
{
    struct kt_state *state = kt_engine_state(p->o->engine);
    struct kt_row_triage t = {.at = KT_TIME_NONE};
    if (!state || !kt_span_known(key))
        return;
    kt_state_holds(state, &(struct kt_subject){.key = key}, p->rows, &t);
    triage(p, &t);
}

static void contain(struct report *p, const struct kt_row *r, const struct kt_key_life *l)
{
    struct kt_contain c;
    struct kt_contain_of of = {.key = r->ev.key.id, .region = r->ev.region, .profile = p->o->profile};
    bool target = r->ev.kind != KT_KIND_USE;
    of.user = l && (kt_span_known(l->user) || l->root) ? l->user : target ? r->ev.target.name : KT_SPAN_NONE;
    of.account = l && kt_span_known(l->account) ? l->account : r->ev.account;
    of.root = l && l->root;
    of.deleted = l && l->state == KT_KEY_DELETED;
    kt_contain_command(&of, &c);
    if (c.kind == KT_CONTAIN_NONE) {
        (void)kt_buf_addf(&p->text, "\nContain: %s.\n", c.why);
        return;
    }
    (void)kt_buf_addf(&p->text, "\nContain%s%s:\n\n    %s\n", c.why[0] ? ", " : "", c.why, c.command);
}

/* --- what is not known ------------------------------------------------------------------- */

static void unknown_of_signals(struct report *p, const struct kt_verdict *v)
{
    for (size_t i = 0; i < v->n_signals; i++) {
        struct kt_rule_info rule;
        if (!kt_rules_signal(p->rules, v->signal[i].name, &rule) || !kt_span_known(rule.unknown) || !rule.unknown.n)
            continue;
        say(p, "- ");
        data(p, rule.title, KT_TEXT_FREE, "");
        say(p, ": ");
        prose(p, rule.unknown, 0, false);
        say(p, "\n");
    }
}

static void unknown_of_life(struct report *p, const struct kt_key_life *l)
{
    if (!l) {
        say(p, "- the life of this key: none of it was seen\n");
        return;
    }
    if (!l->created)
        say(p, "- when and by whom it was made: its creation was not seen in these sources\n");
    if (!l->uses) {
        say(p, "- whether it was used: no use of it was seen in these sources");
        if (l->since != KT_TIME_NONE) {
            say(p, " since ");
            when(p, l->since);
        }
        say(p, "\n");
    }
    if (l->addresses_beyond || l->agents_beyond || l->changes_beyond)
        say(p, "- some of the addresses, agents or changes of its life: there were more than are kept\n");
    if (l->uses > 2)
        (void)kt_buf_addf(&p->text, "- what its other %llu uses did: only the first and the last are told here, unless they "
                                    "were chosen as rows\n",
                          (unsigned long long)(l->uses - 2));
}

static void unknown(struct report *p, const struct kt_row *r, const struct kt_key_life *l)
{
    const struct kt_event *ev = &r->ev;
    say(p, "\nNot known:\n\n");
    size_t before = p->text.len;
    if (ev->actor.mfa == KT_UNKNOWN)
        say(p, "- whether MFA was used: the call carried no session\n");
    if (!kt_span_known(ev->target.name) && ev->kind != KT_KIND_USE)
        say(p, "- whom it was for: the record does not say\n");
    if (!kt_span_known(ev->source.address))
        say(p, "- from where it was called\n");
    if (kt_span_known(ev->key.id))
        unknown_of_life(p, l);
    unknown_of_signals(p, &r->verdict);
    if (ev->flags & KT_FLAG_CONFLICT)
        say(p, "- which is right: another record has the same eventID and says otherwise\n");
    if (ev->flags & (KT_FLAG_REPAIRED | KT_FLAG_OMITTED))
        say(p, "- all that the record held: it was damaged, or CloudTrail left fields out\n");
    if (!p->text.failed && p->text.len == before)
        say(p, "- nothing that this record could have said\n");
}

/* --- a section ------------------------------------------------------------------------------ */

static void malformed(struct report *p, size_t number, const struct kt_row *r)
{
    (void)kt_buf_addf(&p->text, "\n## %zu. A record that could not be read\n\nRecord %llu of ", number,
                      (unsigned long long)r->origin.record);
    data(p, r->origin.source, KT_TEXT_FREE, "(not known)");
    say(p, ": ");
    data(p, r->malformed.reason, KT_TEXT_FREE, "(not known)");
    (void)kt_buf_addf(&p->text, ", %llu bytes.\n", (unsigned long long)r->malformed.bytes);
}

static void title(struct report *p, size_t number, const struct kt_row *r)
{
    (void)kt_buf_addf(&p->text, "\n## %zu. ", number);
    if (kt_span_known(r->ev.key.id)) {
        say(p, "Key ");
        name(p, r->ev.key.id);
        if (r->ev.kind != KT_KIND_USE) {
            say(p, " of ");
            name(p, r->ev.target.name);
        }
    } else {
        name(p, r->ev.event_name);
        say(p, " by ");
        name(p, r->ev.actor.name);
    }
    say(p, "\n\nAccount ");
    name(p, r->ev.account);
    say(p, ", region ");
    name(p, r->ev.region);
    say(p, ", in ");
    data(p, r->origin.source, KT_TEXT_FREE, "(not known)");
    say(p, ".");
}

static void state(struct report *p, const struct kt_key_life *l)
{
    const char *is = kt_key_state_name(l->state);
    (void)kt_buf_addf(&p->text, " State as far as seen: %s. Uses seen: %llu, of them denied: %llu.", is ? is : "not known",
                      (unsigned long long)l->uses, (unsigned long long)l->denied);
    if (kt_span_known(l->rotated_into)) {
        say(p, " Rotated into ");
        name(p, l->rotated_into);
        say(p, ".");
    }
    if (kt_span_known(l->rotation_of)) {
        say(p, " In the place of ");
        name(p, l->rotation_of);
        say(p, ".");
    }
}

static void places(struct report *p, const struct kt_key_life *l)
{
    if (!l->n_address)
        return;
    say(p, "\nUsed from:\n\n");
    for (size_t i = 0; i < l->n_address; i++) {
        const struct kt_life_place *a = &l->address[i];
        say(p, "- ");
        name(p, a->name);
        (void)kt_buf_addf(&p->text, ": %llu uses, %llu denied, ", (unsigned long long)a->uses,
                          (unsigned long long)a->denied);
        when(p, a->first);
        say(p, " to ");
        when(p, a->last);
        say(p, "\n");
    }
}

/* All chosen rows of a key are told together. */
static void others_of_key(struct report *p, struct timeline *t, struct kt_span key, size_t from)
{
    for (size_t i = from; i < told_in_full(p); i++) {
        struct kt_row r;
        if (p->row[i].told || !get(p, p->row[i].seq, &r) || !kt_span_eq(r.ev.key.id, key))
            continue;
        p->row[i].told = true;
        of_row(p, t, &r);
    }
}

/* False: writing failed. */
static bool section(struct report *p, size_t at, size_t number)
{
    struct kt_row r;
    struct kt_key_life life;
    struct timeline *t;
    kt_arena_reset(p->rows);
    if (!get(p, p->row[at].seq, &r) || !(t = kt_arena_alloc(p->rows, sizeof *t)))
        return true;
    if (r.ev.kind == KT_KIND_MALFORMED) {
        malformed(p, number, &r);
        return flush(p);
    }
    t->n = t->beyond = 0;
    bool lives = kt_span_known(r.ev.key.id) &&
                 kt_store_key_life(kt_engine_store(p->o->engine), r.ev.key.id, p->rows, &life);
    title(p, number, &r);
    if (lives)
        state(p, &life);
    say(p, "\n");
    risk(p, &r.verdict);
    triage(p, &r.triage);
    triage_of_key(p, r.ev.key.id);
    if (!flush(p))
        return false;
    of_row(p, t, &r);
    if (kt_span_known(r.ev.key.id))
        others_of_key(p, t, r.ev.key.id, at + 1);
    if (lives)
        of_life(p, t, &life);
    tell(p, t);
    if (lives)
        places(p, &life);
    if (kt_span_known(r.ev.key.id))
        contain(p, &r, lives ? &life : NULL);
    unknown(p, &r, lives ? &life : NULL);
    return flush(p);
}

/* --- sources ------------------------------------------------------------------------------- */

static void one_source(struct report *p, const struct kt_source_state *s)
{
    static const char *const states[] = {"starting", "still reading", "live", "read to its end", "stale", "FAILED"};
    say(p, "- ");
    data(p, kt_span_of(s->name), KT_TEXT_FREE, "");
    say(p, " (");
    data(p, kt_span_of(s->address), KT_TEXT_FREE, "");
    (void)kt_buf_addf(&p->text, "): %s, %llu rows, %llu troubles, of them %llu gaps", states[s->health.state],
                      (unsigned long long)s->rows, (unsigned long long)s->health.troubles,
                      (unsigned long long)s->health.gaps);
    if (s->health.note[0]) {
        say(p, "; ");
        data(p, kt_span_of(s->health.note), KT_TEXT_FREE, "");
    }
    say(p, "\n");
}

static void completeness(struct report *p)
{
    struct kt_completeness c = kt_engine_completeness(p->o->engine);
    struct kt_counts n = kt_store_counts(kt_engine_store(p->o->engine));
    say(p, "\n");
    if (c.complete_to != KT_TIME_NONE) {
        say(p, "Complete to ");
        when(p, c.complete_to);
        say(p, ". ");
    }
    (void)kt_buf_addf(&p->text, "Gaps, where events may be missing: %llu.%s\n\n", (unsigned long long)n.gaps,
                      c.reading ? " **Some source is still being read.**" : "");
    (void)kt_buf_addf(&p->text, "Records seen: %llu; received (of interest): %llu = shown %llu + filtered %llu + duplicate "
                                "%llu + malformed %llu. Rows no longer kept: %llu.\n",
                      (unsigned long long)n.records, (unsigned long long)n.received, (unsigned long long)n.shown,
                      (unsigned long long)n.filtered, (unsigned long long)n.duplicate, (unsigned long long)n.malformed,
                      (unsigned long long)n.dropped);
    if (n.oldest != KT_TIME_NONE && n.newest != KT_TIME_NONE) {
        say(p, "\nThe events are of ");
        when(p, n.oldest);
        say(p, " to ");
        when(p, n.newest);
        say(p, "; what was before or after is not known here.\n");
    }
}

static void troubles(struct report *p)
{
    struct kt_trouble *t = calloc(TROUBLES_MAX, sizeof *t);
    size_t n = t ? kt_engine_troubles(p->o->engine, t, TROUBLES_MAX) : 0;
    if (n)
        say(p, "\nWhat was not read, or repaired, the newest first:\n\n");
    for (size_t i = 0; i < n && i < TROUBLES_MAX; i++) {
        say(p, "- ");
        data(p, kt_span_of(t[i].place), KT_TEXT_FREE, "");
        say(p, ": ");
        data(p, kt_span_of(t[i].sentence), KT_TEXT_FREE, "");
        say(p, "\n");
    }
    free(t);
}

static void sources(struct report *p)
{
    struct kt_source_state *s = calloc(SOURCES_MAX, sizeof *s);
    size_t n = s ? kt_engine_sources(p->o->engine, s, SOURCES_MAX) : 0;
    say(p, "\n## Sources, and how complete they are\n\n");
    for (size_t i = 0; i < n && i < SOURCES_MAX; i++)
        one_source(p, &s[i]);
    if (n > SOURCES_MAX)
        (void)kt_buf_addf(&p->text, "- and %zu more\n", n - SOURCES_MAX);
    free(s);
    completeness(p);
    troubles(p);
}

static enum kt_code write_all(struct report *p, struct kt_err *e)
{
    static const char failed[] = "the report could not be written";
    size_t number = 0;
    head(p);
    table(p);
    if (!flush(p))
        return kt_fail(e, KT_EIO, failed);
    for (size_t i = 0; i < told_in_full(p); i++) {
        if (!goes_on(p, p->o->n))
            return kt_fail(e, KT_ECANCELLED, "stopped");
        if (p->row[i].told)
            continue;
        p->row[i].told = true;
        if (!section(p, i, ++number))
            return kt_fail(e, KT_EIO, failed);
    }
    sources(p);
    return flush(p) && fflush(p->out) == 0 ? KT_OK : kt_fail(e, KT_EIO, failed);
}

enum kt_code kt_report_write(FILE *out, const struct kt_report_opts *o, struct kt_err *e)
{
    struct report p = {.o = o, .out = out, .rows = kt_arena_new(ARENA_MAX), .rules = kt_engine_rules(o->engine)};
    kt_buf_init(&p.text, TEXT_MAX);
    enum kt_code c = p.rows ? choose(&p, e) : kt_fail(e, KT_ENOMEM, "memory ran out");
    if (c == KT_OK)
        c = write_all(&p, e);
    kt_rules_free(p.rules);
    if (p.rows)
        kt_arena_free(p.rows);
    kt_buf_free(&p.text);
    free(p.row);
    return c;
}
