#include "output/impl.h"

#include <string.h>
#include <strings.h>

static const char csv_columns[] = "kind,time,event_name,result,error.code,actor.type,actor.name,actor.session,"
                                  "target.name,target.self,key.id,source.address,agent.tool,agent.class,actor.via,"
                                  "account,region,risk,level,why,event_id,origin.source,origin.record";
static const char table_columns[] = "time,risk,actor.name,target.name,result,key.id,source.address,agent.tool,why";
static const char table_kinds_columns[] = "time,risk,kind,event_name,actor.name,target.name,result,key.id,"
                                          "source.address,agent.tool,why";

static bool word_char(char c)
{
    return c == '_' || c == '-' || c == '.' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* A CloudTrail key, or several with dots between. */
static bool is_path(struct kt_span s)
{
    if (s.n == 0 || s.p[0] == '.' || s.p[0] == '-' || (s.p[0] >= '0' && s.p[0] <= '9') || s.p[s.n - 1] == '.')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!word_char(s.p[i]) || (s.p[i] == '.' && s.p[i + 1] == '.'))
            return false;
    return true;
}

static struct column column_of(struct kt_span name)
{
    static const struct {
        const char *name;
        enum column_kind kind;
    } add_on[] = {{"userName", COLUMN_USER_NAME}, {"action", COLUMN_ACTION}, {"status", COLUMN_STATUS}};
    struct column c = {COLUMN_PATH, kt_field_find(name), name};
    for (size_t i = 0; i < sizeof add_on / sizeof *add_on; i++)
        if (kt_span_is(name, add_on[i].name))
            c.kind = add_on[i].kind;
    if (c.field != KT_FIELD_COUNT)
        c.kind = COLUMN_FIELD;
    return c;
}

/* A field's name in other letters ("Event_ID") is a slip, not a path. */
static const char *field_meant(struct kt_span name)
{
    for (int f = 0; f < KT_FIELD_COUNT; f++) {
        const char *is = kt_field_name((enum kt_field)f);
        if (strlen(is) == name.n && strncasecmp(is, name.p, name.n) == 0)
            return is;
    }
    return NULL;
}

static struct kt_span trim(struct kt_span s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = (struct kt_span){s.p + 1, s.n - 1};
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

static enum kt_code refuse(struct kt_err *e, const char *list, struct kt_span name)
{
    size_t at = (size_t)(name.p - list) + 1;
    if (name.n == 0)
        return kt_fail(e, KT_EUSAGE, "--columns: a name is missing at character %zu", at);
    return kt_fail(e, KT_EUSAGE,
                   "--columns: \"%.*s\" at character %zu is neither a field (actor.name, key.id, ...) nor a CloudTrail "
                   "path (userIdentity.arn)",
                   name.n > 100 ? 100 : (int)name.n, name.p, at);
}

static enum kt_code from_list(struct columns *cs, const char *list, struct kt_err *e)
{
    for (const char *p = list;; p++) {
        const char *end = p + strcspn(p, ",");
        struct kt_span name = trim((struct kt_span){p, (size_t)(end - p)});
        if (!is_path(name))
            return refuse(e, list, name);
        if (column_of(name).kind == COLUMN_PATH && field_meant(name))
            return kt_fail(e, KT_EUSAGE, "--columns: \"%.*s\" is spelled %s", (int)name.n, name.p, field_meant(name));
        if (cs->n == COLUMNS_MAX)
            return kt_fail(e, KT_EUSAGE, "--columns: at most %d columns can be shown", COLUMNS_MAX);
        cs->c[cs->n++] = column_of(name);
        if (!*end)
            return KT_OK;
        p = end;
    }
}

static enum kt_code from_rule(struct columns *cs, const struct kt_rules *rules, const char *rule, struct kt_err *e)
{
    int i = kt_rules_find(rules, rule);
    if (i < 0)
        return kt_fail(e, KT_EUSAGE, "there is no rule \"%s\"", rule);
    struct kt_rule_info info = kt_rules_info(rules, (size_t)i);
    for (size_t k = 0; k < info.n_fields && cs->n < COLUMNS_MAX; k++)
        cs->c[cs->n++] = column_of(info.fields[k]);
    return KT_OK;
}

enum kt_code columns_choose(struct columns *cs, const struct kt_output_opts *o, const struct kt_rules *rules,
                            struct kt_err *e)
{
    *cs = (struct columns){.n = 0};
    enum kt_code c = o->columns ? from_list(cs, o->columns, e) : o->rule ? from_rule(cs, rules, o->rule, e) : KT_OK;
    cs->chosen = cs->n > 0;
    if (c != KT_OK || cs->chosen)
        return c;
    if (o->format != KT_FORMAT_TABLE)
        return from_list(cs, csv_columns, e);
    return from_list(cs, o->kinds ? table_kinds_columns : table_columns, e);
}

static struct kt_span at_path(struct kt_node *root, struct kt_span path, struct kt_arena *a)
{
    struct kt_node *v = kt_json_path(root, path);
    return kt_node_is(v, KT_NODE_NULL) ? KT_SPAN_NONE : kt_json_text(v, a);
}

struct kt_span column_value(const struct column *c, const struct kt_row *r, struct kt_node *root, struct kt_arena *a)
{
    if (c->kind == COLUMN_FIELD)
        return kt_row_field(r, c->field, a);
    if (r->ev.kind == KT_KIND_MALFORMED)
        return KT_SPAN_NONE;
    switch (c->kind) {
    case COLUMN_USER_NAME: return at_path(root, KT_LIT("userIdentity.userName"), a);
    case COLUMN_ACTION: return r->ev.kind == KT_KIND_CREATION ? KT_LIT("created") : KT_SPAN_NONE;
    case COLUMN_STATUS:
        return r->ev.result == KT_RESULT_CREATED || r->ev.result == KT_RESULT_DONE ? KT_LIT("success") : KT_LIT("failure");
    default: return at_path(root, c->name, a);
    }
}

bool column_is_identity(const struct column *c)
{
    if (c->kind != COLUMN_FIELD)
        return c->kind != COLUMN_PATH;
    return c->field != KT_FIELD_ERROR_MESSAGE && c->field != KT_FIELD_AGENT_TEXT && c->field != KT_FIELD_WHY &&
           c->field != KT_FIELD_ORIGIN_SOURCE;
}
