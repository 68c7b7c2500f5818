#include "options.h"

#include "base/clock.h"
#include "event/event.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* X(ID, letter, "long", "ARGUMENT" or NULL, "help") */
#define OPTIONS(X)                                                                                                   \
    X(OUTPUT, 'o', "output", "FORMAT",                                                                         \
      "screen (default on a terminal), table (default\nelsewhere), jsonl, csv, ocsf, ecs, splunk, report")                                    \
    X(FOLLOW, 'f', "follow", NULL, "keep going as records arrive (default for the screen)")                   \
    X(ONCE, 0, "once", NULL, "read what is there and end (default elsewhere)")                                 \
    X(FILTER, 'F', "filter", "EXPR", "show only what matches, as in 'risk:>=50 actor:alice'")                 \
    X(ASK, 0, "ask", NULL, "ask engines of the past, once, for what --filter lets\nthrough and no more")                  \
    X(EXPLAIN, 0, "explain", NULL, "print what --ask would ask, and what is decided here")                    \
    X(SINCE, 0, "since", "TIME", "by event time: RFC 3339, a date, or 90s 15m 24h 7d ago")                    \
    X(UNTIL, 0, "until", "TIME", "the same, for the end")                                                     \
    X(RULE, 0, "rule", "NAME",                                                                                 \
      "only what matches this rule (its file's name, or id);\ntable and csv take the rule's columns")               \
    X(RULES, 0, "rules", "DIR", "more rules, filters and correlations in Sigma format;\nmay be repeated")      \
    X(FILTERS, 0, "filters", "DIR", "more filters, and nothing but filters; may be repeated")                  \
    X(CHECK, 0, "check", NULL, "check rules, filters, theme and sources: a line each")                        \
    X(COLUMNS, 0, "columns", "LIST", "columns for table and csv: names, or dotted paths of\nthe record")      \
    X(KINDS, 0, "kinds", "LIST",                                                                               \
      "creation (default), use, deactivation, reactivation,\ndeletion, credential, or all")                         \
    X(PROFILE, 0, "profile", "NAME", "the profile of ~/.aws that sources of AWS use")                          \
    X(REGION, 0, "region", "NAME", "the AWS Region one works in, which says the partition")                     \
    X(PRINT_POLICY, 0, "print-policy", "SOURCE", "print the least IAM policy that SOURCE needs")               \
    X(PRINT_SETUP, 0, "print-setup", "ENGINE", "what to set up: athena, clickhouse, insights, sqs")  \
    X(NAME, 0, "name", "NAME", "call the SOURCE that follows by this name")                                    \
    X(THEME, 0, "theme", "NAME", "one of the fourteen built in (T shows them), or a\nBase16 or Base24 file")             \
    X(ASCII, 0, "ascii", NULL, "draw with ASCII alone")                                                        \
    X(COLOR, 0, "color", "WHEN", "auto, always or never; NO_COLOR is honoured")                               \
    X(STATE, 0, "state", "FILE",                                                                               \
      "remember rows and triage in FILE instead of\n$XDG_STATE_HOME/keytop/state.db (the screen's default)")        \
    X(NO_STATE, 0, "no-state", NULL, "keep nothing on disk")                                                  \
    X(WALL, 0, "wall", NULL, "large figures for a screen on the wall; needs no keys")                          \
    X(VIEW, 0, "view", "NAME", "begin with this saved view; with --wall, a wall of it")                        \
    X(READ_ONLY, 0, "read-only", NULL, "refuse to acknowledge, note or tag anything")                         \
    X(CONFIG, 0, "config", "FILE",                                                                             \
      "instead of $XDG_CONFIG_HOME/keytop/config.yaml")                                                              \
    X(COMPLETION, 0, "completion", "SHELL", "print a completion script for bash, zsh or fish")                 \
    X(HELP, 'h', "help", NULL, "this text; behind it a command of the screen:\nwhat that does, and on which keys")                    \
    X(VERSION, 'V', "version", NULL, "the version")


enum option_id {
#define X(id, letter, name, argument, help) OPT_##id,
    OPTIONS(X)
#undef X
    OPT_COUNT
};

static const struct option_row {
    int letter;
    const char *name, *argument, *help;
} rows[OPT_COUNT] = {
#define X(id, letter, name, argument, help) {letter, name, argument, help},
    OPTIONS(X)
#undef X
};

static const struct {
    const char *name;
    enum kt_shape shape;
} formats[] = {
    {"screen", KT_SHAPE_SCREEN}, {"table", KT_SHAPE_TABLE}, {"jsonl", KT_SHAPE_JSONL}, {"csv", KT_SHAPE_CSV},
    {"ocsf", KT_SHAPE_OCSF},     {"ecs", KT_SHAPE_ECS},     {"splunk", KT_SHAPE_SPLUNK}, {"report", KT_SHAPE_REPORT},
};

enum { SOURCES_MAX = 1 << 20, FOLDERS_MAX = 1000, LONG_BASE = 1000, HELP_COLUMN = 26 };

const char kt_options_no_source[] =
    "keytop: nothing to read: name a SOURCE\n"
    "  keytop demo:                    a simulated organization, live\n"
    "  keytop cloudtrail:              CloudTrail's event history, live\n"
    "  keytop s3://BUCKET/AWSLogs/     a trail's bucket, live\n"
    "  keytop sqs:QUEUE                events and notices of a queue of its own, live\n"
    "  keytop logs:LOG-GROUP           a group of CloudWatch Logs, live\n"
    "  keytop clickhouse://HOST/DB.TABLE          a table of ClickHouse, live\n"
    "  keytop splunk://HOST:8089/?index=NAME      a search of Splunk, live\n"
    "  keytop logs/ trail.json.gz      folders and files of CloudTrail records\n"
    "  zcat old.gz | keytop -          standard input\n"
    "  keytop --help                   all options\n";

/* --- parsing ------------------------------------------------------------- */

/* What the parser remembers between options. */
struct parse {
    struct kt_options *o;
    const char *name;  /* --name, for the next SOURCE */
    bool shape_given, once, follow;
    int64_t now;
    struct kt_err *e;
};

static enum kt_code add_source(struct parse *p, const char *address)
{
    struct kt_options *o = p->o;
    if (!*address)
        return kt_fail(p->e, KT_EUSAGE, "a SOURCE is empty; name a file, a folder, - or demo:");
    if (!kt_grow(&o->source, &o->cap_source, o->n_source + 1, sizeof *o->source, SOURCES_MAX))
        return kt_fail(p->e, KT_ELIMIT, "more than %d sources, or no memory for them", SOURCES_MAX);
    o->source[o->n_source++] = (struct kt_source_arg){address, p->name};
    p->name = NULL;
    return KT_OK;
}

static enum kt_code set_shape(struct parse *p, const char *text)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i].name, text) != 0)
            continue;
        p->o->shape = formats[i].shape;
        p->shape_given = true;
        return KT_OK;
    }
    return kt_fail(p->e, KT_EUSAGE, "--output takes screen, table, jsonl, csv, ocsf, ecs, splunk or report, not \"%s\"", text);
}

static enum kt_code set_color(struct parse *p, const char *text)
{
    static const char *const names[] = {"auto", "always", "never"};
    for (int i = 0; i < 3; i++)
        if (strcmp(names[i], text) == 0) {
            p->o->color = (enum kt_color)i;
            p->o->color_given = true;
            return KT_OK;
        }
    return kt_fail(p->e, KT_EUSAGE, "--color takes auto, always or never, not \"%s\"", text);
}

static enum kt_code set_time(struct parse *p, const char *option, const char *text, int64_t *out)
{
    *out = kt_time_parse_ago(kt_span_of(text), p->now);
    if (*out != KT_TIME_NONE)
        return KT_OK;
    return kt_fail(p->e, KT_EUSAGE,
                   "--%s takes a time as 2023-07-10T12:24:29Z, 2023-07-10, or 90s 15m 24h 7d ago, not \"%s\"", option,
                   text);
}

static enum kt_code set_text(struct parse *p, enum option_id id, const char *text, const char **out)
{
    if (!*text && id != OPT_FILTER)
        return kt_fail(p->e, KT_EUSAGE, "--%s takes %s, not nothing", rows[id].name, rows[id].argument);
    *out = text;
    return KT_OK;
}

static enum kt_code add_folder(struct parse *p, enum option_id id, const char *path, const char ***list, size_t *n,
                               size_t *cap)
{
    if (!*path)
        return kt_fail(p->e, KT_EUSAGE, "--%s takes a folder, not nothing", rows[id].name);
    if (!kt_grow(list, cap, *n + 1, sizeof **list, FOLDERS_MAX))
        return kt_fail(p->e, KT_ELIMIT, "more than %d times --%s, or no memory for them", FOLDERS_MAX, rows[id].name);
    (*list)[(*n)++] = path;
    return KT_OK;
}

static enum kt_code set_kinds(struct parse *p, const char *list)
{
    p->o->kinds = 0;
    for (const char *at = list;; at++) {
        size_t n = strcspn(at, ",");
        struct kt_span name = {at, n};
        enum kt_kind k = kt_kind_find(name);
        if (k == KT_KIND_NONE && !kt_span_is(name, "all"))
            return kt_fail(p->e, KT_EUSAGE,
                           "--kinds takes creation, use, deactivation, reactivation, deletion, credential or all, with "
                           "commas between, not \"%.*s\"", n > 100 ? 100 : (int)n, at);
        p->o->kinds |= k == KT_KIND_NONE ? (unsigned)KT_KINDS_ALL : KT_KIND_BIT(k);
        at += n;
        if (!*at)
            return KT_OK;
    }
}

static enum kt_code apply(struct parse *p, enum option_id id, const char *arg)
{
    struct kt_options *o = p->o;
    switch (id) {
    case OPT_OUTPUT: return set_shape(p, arg);
    case OPT_COLOR: return set_color(p, arg);
    case OPT_SINCE: return set_time(p, "since", arg, &o->since);
    case OPT_UNTIL: return set_time(p, "until", arg, &o->until);
    case OPT_FILTER: return set_text(p, id, arg, &o->filter);
    case OPT_RULE: return set_text(p, id, arg, &o->rule);
    case OPT_KINDS: return set_kinds(p, arg);
    case OPT_COLUMNS: return set_text(p, id, arg, &o->columns);
    case OPT_THEME: return set_text(p, id, arg, &o->theme);
    case OPT_CONFIG: return set_text(p, id, arg, &o->config);
    case OPT_PROFILE: return set_text(p, id, arg, &o->profile);
    case OPT_REGION: return set_text(p, id, arg, &o->region);
    case OPT_PRINT_SETUP: return set_text(p, id, arg, &o->print_setup);
    case OPT_PRINT_POLICY: return set_text(p, id, arg, &o->print_policy);
    case OPT_COMPLETION: return set_text(p, id, arg, &o->completion);
    case OPT_NAME: return set_text(p, id, arg, &p->name);
    case OPT_RULES: return add_folder(p, id, arg, &o->rules, &o->n_rules, &o->cap_rules);
    case OPT_FILTERS: return add_folder(p, id, arg, &o->filters, &o->n_filters, &o->cap_filters);
    case OPT_CHECK: o->check = true; break;
    case OPT_FOLLOW: p->follow = true; break;
    case OPT_ONCE: p->once = true; break;
    case OPT_ASK: o->ask = true; break;
    case OPT_EXPLAIN: o->ask = o->explain = true; break;
    case OPT_ASCII: o->ascii = true; break;
    case OPT_HELP: o->help = true; break;
    case OPT_VERSION: o->version = true; break;
    case OPT_STATE: return set_text(p, id, arg, &o->state);
    case OPT_NO_STATE: o->no_state = true; break;
    case OPT_WALL: o->wall = true; break;
    case OPT_VIEW: return set_text(p, id, arg, &o->view);
    case OPT_READ_ONLY: o->read_only = true; break;
    default: break;
    }
    return KT_OK;
}

static enum option_id option_of(int value)
{
    if (value >= LONG_BASE)
        return (enum option_id)(value - LONG_BASE);
    for (int i = 0; i < OPT_COUNT; i++)
        if (rows[i].letter && rows[i].letter == value)
            return (enum option_id)i;
    return OPT_COUNT;
}

/* getopt's '?' and ':' in words. `at` is the argument it was at. */
static enum kt_code refuse(struct parse *p, int what, const char *at)
{
    enum option_id id = option_of(optopt);
    if (what == ':' && id < OPT_COUNT)
        return kt_fail(p->e, KT_EUSAGE, "--%s needs its %s", rows[id].name, rows[id].argument);
    if (optopt >= LONG_BASE && id < OPT_COUNT)
        return kt_fail(p->e, KT_EUSAGE, "--%s takes no argument", rows[id].name);
    if (optopt)
        return kt_fail(p->e, KT_EUSAGE, "there is no option -%c; keytop --help lists them", optopt);
    return kt_fail(p->e, KT_EUSAGE, "there is no option %s, or it is short for several; keytop --help lists them", at);
}

static enum kt_code finish(struct parse *p, bool terminal)
{
    struct kt_options *o = p->o;
    if (p->name)
        return kt_fail(p->e, KT_EUSAGE, "--name %s stands before the SOURCE that it names", p->name);
    if (o->ask && (p->follow || !o->filter))
        return kt_fail(p->e, KT_EUSAGE, p->follow ? "--ask asks once: it cannot follow" : "--ask and --explain: what for? add --filter EXPR");
    p->once |= o->ask;
    if (p->once && p->follow)
        return kt_fail(p->e, KT_EUSAGE, "--once and --follow exclude each other");
    if (o->state && o->no_state)
        return kt_fail(p->e, KT_EUSAGE, "--state and --no-state exclude each other");
    if (o->since != KT_TIME_NONE && o->until != KT_TIME_NONE && o->since > o->until)
        return kt_fail(p->e, KT_EUSAGE, "--since is later than --until");
    if (!p->shape_given)
        o->shape = terminal ? KT_SHAPE_SCREEN : KT_SHAPE_TABLE;
    if (o->columns && o->shape != KT_SHAPE_TABLE && o->shape != KT_SHAPE_CSV)
        return kt_fail(p->e, KT_EUSAGE, "--columns goes with --output table or csv");
    o->follow = p->follow || (o->shape == KT_SHAPE_SCREEN && !p->once);
    if (o->shape == KT_SHAPE_REPORT && o->follow)
        return kt_fail(p->e, KT_EUSAGE, "--output report reads what is there and ends: it does not go with --follow");
    o->follow_given = p->follow || p->once;
    return KT_OK;
}

static void getopt_tables(struct option longs[OPT_COUNT + 1], char letters[2 * OPT_COUNT + 3])
{
    size_t n = 0;
    letters[n++] = '-'; /* SOURCEs come in their place, for --name */
    letters[n++] = ':';
    for (int i = 0; i < OPT_COUNT; i++) {
        longs[i] = (struct option){rows[i].name, rows[i].argument ? required_argument : no_argument, NULL, LONG_BASE + i};
        if (rows[i].letter)
            letters[n++] = (char)rows[i].letter;
        if (rows[i].letter && rows[i].argument)
            letters[n++] = ':';
    }
    longs[OPT_COUNT] = (struct option){0};
    letters[n] = '\0';
}

enum kt_code kt_options_parse(struct kt_options *o, int argc, char **argv, bool terminal, int64_t now, struct kt_err *e)
{
    struct option longs[OPT_COUNT + 1];
    char letters[2 * OPT_COUNT + 3];
    struct parse p = {.o = o, .now = now, .e = e};
    *o = (struct kt_options){.since = KT_TIME_NONE, .until = KT_TIME_NONE, .kinds = KT_KIND_BIT(KT_KIND_CREATION),
                             .argc = argc, .argv = argv, .terminal = terminal};
    getopt_tables(longs, letters);
    optind = 0; /* glibc: begin anew */
    opterr = 0;
    for (;;) {
        int before = optind ? optind : 1;
        int c = getopt_long(argc, argv, letters, longs, NULL);
        if (c == -1)
            break;
        enum kt_code rc = c == 1              ? add_source(&p, optarg)
                          : c == '?' || c == ':' ? refuse(&p, c, argv[before < argc ? before : argc - 1])
                                              : apply(&p, option_of(c), optarg);
        if (!rc && o->help && optind < argc && argv[optind][0] != '-')
            o->help_about = argv[optind];
        if (rc || o->help || o->version)
            return rc;
    }
    for (; optind < argc; optind++) {
        enum kt_code rc = add_source(&p, argv[optind]);
        if (rc)
            return rc;
    }
    return finish(&p, terminal);
}

/* Those of the configuration first. */
static bool put_first(const char ***list, size_t *n, size_t *cap, const char *const *first, size_t n_first)
{
    if (!n_first)
        return true;
    if (!kt_grow(list, cap, *n + n_first, sizeof **list, 2 * FOLDERS_MAX))
        return false;
    memmove(*list + n_first, *list, *n * sizeof **list);
    memcpy(*list, first, n_first * sizeof **list);
    *n += n_first;
    return true;
}

static enum kt_code configure_rules(struct kt_options *o, const struct kt_config *c, struct kt_err *e)
{
    o->disabled = calloc(c->rules.n_disabled + 1, sizeof *o->disabled);
    o->placeholder = calloc(c->rules.n_placeholder + 1, sizeof *o->placeholder);
    o->value = calloc(c->n_override + 1, sizeof *o->value);
    if (!o->disabled || !o->placeholder || !o->value ||
        !put_first(&o->rules, &o->n_rules, &o->cap_rules, c->rules.folder, c->rules.n_folder) ||
        !put_first(&o->filters, &o->n_filters, &o->cap_filters, c->filters.folder, c->filters.n_folder))
        return kt_fail(e, KT_ELIMIT, "%s: out of memory, or too many folders of rules", c->path);
    for (size_t i = 0; i < c->rules.n_disabled; i++)
        o->disabled[o->n_disabled++] = c->rules.disabled[i].name;
    for (size_t i = 0; i < c->rules.n_placeholder; i++) {
        const struct kt_config_placeholder *p = &c->rules.placeholder[i];
        o->placeholder[o->n_placeholders++] = (struct kt_placeholder){p->name, p->value, p->n, p->file};
    }
    for (size_t i = 0; i < c->n_override; i++) {
        const struct kt_config_override *v = &c->override[i];
        o->value[o->n_values++] = (struct kt_rule_value){v->name, v->has_weight, v->has_risk, v->weight, v->risk, v->level};
    }
    return KT_OK;
}

struct kt_ruleset_opts kt_options_rules(const struct kt_options *o)
{
    return (struct kt_ruleset_opts){.rules = o->rules,
                                    .filters = o->filters,
                                    .n_rules = o->n_rules,
                                    .n_filters = o->n_filters,
                                    .placeholder = o->placeholder,
                                    .n_placeholders = o->n_placeholders,
                                    .disabled = o->disabled,
                                    .n_disabled = o->n_disabled,
                                    .value = o->value,
                                    .n_values = o->n_values,
                                    .only = o->rule};
}

/* What the command line leaves open, the configuration decides. */
enum kt_code kt_options_configure(struct kt_options *o, const struct kt_config *c, struct kt_err *e)
{
    struct parse p = {.o = o, .e = e};
    bool given = o->sources_given = o->n_source > 0, table = o->shape == KT_SHAPE_TABLE || o->shape == KT_SHAPE_CSV;
    o->theme_given = o->theme != NULL;
    o->theme = o->theme ? o->theme : c->output.theme;
    o->ascii |= c->output.ascii == KT_CONFIG_YES;
    if (!o->color_given && c->output.color >= 0)
        o->color = (enum kt_color)c->output.color;
    if (!o->columns && !o->rule && table && c->output.columns) {
        o->columns = c->output.columns;
        o->columns_of = c;
    }
    if (!o->follow_given && c->follow != KT_CONFIG_UNSET)
        o->follow = c->follow == KT_CONFIG_YES;
    for (size_t i = 0; !given && i < c->n_source; i++) {
        p.name = c->source[i].name;
        enum kt_code rc = add_source(&p, c->source[i].address);
        if (rc)
            return rc;
    }
    return configure_rules(o, c, e);
}

void kt_options_free(struct kt_options *o)
{
    free(o->source);
    free(o->rules);
    free(o->filters);
    free(o->disabled);
    free(o->value);
    free(o->placeholder);
    o->source = NULL;
    o->rules = o->filters = o->disabled = NULL;
    o->placeholder = NULL;
    o->value = NULL;
    o->n_values = o->n_disabled = o->n_placeholders = 0;
    o->n_source = o->cap_source = o->n_rules = o->cap_rules = o->n_filters = o->cap_filters = 0;
}

/* --- described ----------------------------------------------------------- */

bool kt_options_info(size_t i, struct kt_option_info *out)
{
    if (i >= OPT_COUNT)
        return false;
    *out = (struct kt_option_info){rows[i].letter, rows[i].name, rows[i].argument, rows[i].help};
    return true;
}

const char *kt_options_format(size_t i)
{
    return i < sizeof formats / sizeof *formats ? formats[i].name : NULL;
}

/* --- help ---------------------------------------------------------------- */

static void help_row(struct kt_buf *b, const struct option_row *r)
{
    char letter[8] = "    ";
    if (r->letter)
        snprintf(letter, sizeof letter, "-%c, ", r->letter);
    size_t used = b->len;
    kt_buf_addf(b, "  %s--%s%s%s", letter, r->name, r->argument ? " " : "", r->argument ? r->argument : "");
    used = b->len - used;
    for (const char *line = r->help; *line; used = 0) {
        size_t n = strcspn(line, "\n");
        kt_buf_addf(b, "%*s%.*s\n", used < HELP_COLUMN ? HELP_COLUMN - (int)used : 1, "", (int)n, line);
        line += n + (line[n] == '\n');
    }
}

bool kt_options_help(struct kt_buf *b)
{
    kt_buf_adds(b, "Usage: keytop [OPTION]... [SOURCE]...\n"
                   "A live terminal monitor of permanent AWS access keys.\n\n"
                   "A SOURCE is a file or a folder of CloudTrail records (plain, gzip, zstd), - for\n"
                   "standard input, demo: for a simulated organization, or a service:\n"
                   "  cloudtrail:                       CloudTrail's event history\n"
                   "  s3://BUCKET/PREFIX                a trail's bucket\n"
                   "  sqs:QUEUE                         events, or notices of new files\n"
                   "  logs:LOG-GROUP                    a group of CloudWatch Logs\n"
                   "  athena://WORKGROUP/DB.TABLE       a table of Athena\n"
                   "  insights:LOG-GROUP                CloudWatch Logs Insights\n"
                   "  clickhouse://HOST/DB.TABLE        a table of ClickHouse\n"
                   "  splunk://HOST:8089/?index=NAME    a search of Splunk\n"
                   "file:PATH reads a PATH that looks like a scheme.\n\n");
    for (int i = 0; i < OPT_COUNT; i++)
        help_row(b, &rows[i]);
    kt_buf_adds(b, "\nExit status: 0 all was read; 1 something was not, named on standard error;\n"
                   "2 could not start. keytop(1) has the rest.\n");
    return !b->failed;
}
