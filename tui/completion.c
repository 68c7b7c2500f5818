#include "tui/completion.h"

#include "base/embedded.h"
#include "detect/row.h"
#include "source/source.h"
#include "tui/commands.h"
#include "tui/options.h"
#include "tui/theme.h"

#include <stdio.h>
#include <string.h>

/* --- what an option takes --------------------------------------------------- */

enum takes { TAKES_NOTHING, TAKES_WORDS, TAKES_LIST, TAKES_FILE, TAKES_FOLDER, TAKES_FILTER, TAKES_SOURCE, TAKES_TEXT };

static void add_word(struct kt_buf *b, const char *word, size_t n)
{
    if (b->len)
        (void)kt_buf_addc(b, ' ');
    (void)kt_buf_add(b, word, n);
}

static void add_fields(struct kt_buf *b, const char *after)
{
    for (int f = 0; f < KT_FIELD_COUNT; f++) {
        const char *name = kt_field_name((enum kt_field)f);
        add_word(b, name, strlen(name));
        (void)kt_buf_adds(b, after);
    }
}

static void add_themes(struct kt_buf *b)
{
    char name[KT_THEME_NAME];
    for (size_t i = 0; kt_theme_builtin(i, name); i++)
        add_word(b, name, strlen(name));
}

static void add_rules(struct kt_buf *b)
{
    for (const struct kt_embedded *r = kt_rules_builtin; r->name; r++)
        if (strncmp(r->name, "signal_", 7) != 0)
            add_word(b, r->name, strcspn(r->name, "."));
}

static void add_kinds(struct kt_buf *b)
{
    for (int k = 0; k < KT_KIND_COUNT; k++)
        if (KT_KINDS_ALL & KT_KIND_BIT(k) && kt_kind_name((enum kt_kind)k))
            add_word(b, kt_kind_name((enum kt_kind)k), strlen(kt_kind_name((enum kt_kind)k)));
    add_word(b, "all", 3);
}

static void add_schemes(struct kt_buf *b)
{
    const char *s;
    for (size_t i = 0; (s = kt_source_scheme(i)) != NULL; i++)
        add_word(b, s, strlen(s));
}

static void add_formats(struct kt_buf *b)
{
    const char *s;
    for (size_t i = 0; (s = kt_options_format(i)) != NULL; i++)
        add_word(b, s, strlen(s));
}

/* Commands of the screen, of which --help tells what they do. */
static void add_commands(struct kt_buf *b)
{
    add_word(b, "commands", 8);
    for (int c = KT_CMD_NONE + 1; c < KT_CMD_COUNT; c++) {
        const char *name = kt_command_info((enum kt_command)c)->name;
        add_word(b, name, strlen(name));
    }
}

/* The words into `b`, where there are any. */
static enum takes takes(const struct kt_option_info *o, struct kt_buf *b)
{
    static const struct {
        const char *name, *words;
    } few[] = {{"color", "auto always never"}, {"since", "15m 1h 24h 7d 30d"}, {"until", "15m 1h 24h 7d"},
               {"completion", "bash zsh fish"}, {"print-setup", "athena clickhouse insights sqs"}};
    kt_buf_reset(b);
    if (strcmp(o->name, "help") == 0)
        return add_commands(b), TAKES_WORDS;
    if (!o->argument)
        return TAKES_NOTHING;
    for (size_t i = 0; i < sizeof few / sizeof *few; i++)
        if (strcmp(o->name, few[i].name) == 0)
            return kt_buf_adds(b, few[i].words) ? TAKES_WORDS : TAKES_TEXT;
    if (strcmp(o->name, "output") == 0)
        return add_formats(b), TAKES_WORDS;
    if (strcmp(o->name, "kinds") == 0)
        return add_kinds(b), TAKES_LIST;
    if (strcmp(o->name, "columns") == 0)
        return add_fields(b, ""), TAKES_LIST;
    if (strcmp(o->name, "theme") == 0)
        return add_themes(b), TAKES_WORDS;
    if (strcmp(o->name, "rule") == 0)
        return add_rules(b), TAKES_WORDS;
    if (strcmp(o->name, "filter") == 0)
        return add_fields(b, ":"), TAKES_FILTER;
    if (strcmp(o->argument, "SOURCE") == 0)
        return add_schemes(b), TAKES_SOURCE;
    return strcmp(o->argument, "FILE") == 0 ? TAKES_FILE : strcmp(o->argument, "DIR") == 0 ? TAKES_FOLDER : TAKES_TEXT;
}

/* The help as one line without what a shell would take for its own. */
static void help_line(struct kt_buf *b, const char *help)
{
    for (; *help; help++) {
        char c = *help == '\n' ? ' ' : *help;
        if (!strchr("'\"`\\$[]{}:", c))
            (void)kt_buf_addc(b, c);
        else if (c == ':')
            (void)kt_buf_addc(b, ',');
    }
}

/* --- bash -------------------------------------------------------------------- */

static void bash_option(struct kt_buf *b, const struct kt_option_info *o, struct kt_buf *words)
{
    static const char *const how[] = {
        [TAKES_WORDS] = "_keytop_words '%s'", [TAKES_LIST] = "_keytop_list '%s'", [TAKES_FILE] = "_keytop_files -f",
        [TAKES_FOLDER] = "_keytop_files -d",  [TAKES_FILTER] = "_keytop_words '%s'; compopt -o nospace",
        [TAKES_SOURCE] = "_keytop_sources",   [TAKES_TEXT] = "COMPREPLY=()"};
    enum takes t = takes(o, words);
    if (t == TAKES_NOTHING)
        return;
    (void)kt_buf_addf(b, "    --%s", o->name);
    if (o->letter)
        (void)kt_buf_addf(b, "|-%c", o->letter);
    (void)kt_buf_adds(b, ") ");
    for (const char *p = how[t]; *p; p++) {
        if (p[0] == '%' && p[1] == 's') {
            (void)kt_buf_adds(b, kt_buf_str(words));
            p++;
        } else {
            (void)kt_buf_addc(b, *p);
        }
    }
    if (strcmp(o->name, "theme") == 0)
        (void)kt_buf_adds(b, "; _keytop_files -f");
    (void)kt_buf_adds(b, "; return ;;\n");
}

static void bash(struct kt_buf *b, struct kt_buf *words)
{
    struct kt_option_info o;
    (void)kt_buf_adds(b,
        "# bash completion for keytop, made by keytop --completion bash\n"
        "_keytop_words() { mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W \"$1\" -- \"$cur\"); }\n"
        "_keytop_files() { compopt -o filenames; mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen \"$1\" -- \"$cur\"); }\n"
        "_keytop_list() {\n"
        "    local before=${cur%\"${cur##*,}\"} cur=${cur##*,}\n"
        "    mapfile -t COMPREPLY < <(compgen -P \"$before\" -W \"$1\" -- \"$cur\")\n"
        "    compopt -o nospace\n"
        "}\n");
    takes(&(struct kt_option_info){.name = "", .argument = "SOURCE"}, words);
    (void)kt_buf_addf(b, "_keytop_sources() {\n    _keytop_files -f\n    _keytop_words '%s'\n"
                         "    [[ ${COMPREPLY[0]-} == *: ]] && compopt -o nospace\n}\n",
                      kt_buf_str(words));
    /* bash parts words at : and =, which sources and filters hold */
    (void)kt_buf_adds(b,
        "_keytop() {\n"
        "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
        "    COMPREPLY=()\n"
        "    if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
        "    case $prev in\n");
    for (size_t i = 0; kt_options_info(i, &o); i++)
        bash_option(b, &o, words);
    (void)kt_buf_adds(b, "    esac\n    if [[ $cur == -* ]]; then\n        _keytop_words '");
    for (size_t i = 0; kt_options_info(i, &o); i++) {
        if (o.letter)
            (void)kt_buf_addf(b, "-%c ", o.letter);
        (void)kt_buf_addf(b, "--%s ", o.name);
    }
    (void)kt_buf_adds(b, "'\n        return\n    fi\n    _keytop_sources\n}\ncomplete -F _keytop keytop\n");
}

/* --- zsh ---------------------------------------------------------------------- */

static void zsh_takes(struct kt_buf *b, const struct kt_option_info *o, struct kt_buf *words)
{
    enum takes t = takes(o, words);
    if (t == TAKES_NOTHING)
        return;
    (void)kt_buf_addf(b, o->argument ? ":%s:" : "::COMMAND:", o->argument); /* --help takes one that may be left out */
    switch (t) {
    case TAKES_WORDS: (void)kt_buf_addf(b, "_keytop_%s", o->name); break;
    case TAKES_LIST: (void)kt_buf_addf(b, "_keytop_%s", o->name); break;
    case TAKES_FILTER: (void)kt_buf_addf(b, "_keytop_%s", o->name); break;
    case TAKES_FILE: (void)kt_buf_adds(b, "_files"); break;
    case TAKES_FOLDER: (void)kt_buf_adds(b, "_files -/"); break;
    case TAKES_SOURCE: (void)kt_buf_adds(b, "_keytop_sources"); break;
    default: (void)kt_buf_addc(b, ' '); break;
    }
}

/* print-setup is a function's name as it stands. */
static void zsh_function(struct kt_buf *b, const struct kt_option_info *o, struct kt_buf *words)
{
    enum takes t = takes(o, words);
    const char *w = kt_buf_str(words);
    if (t == TAKES_LIST)
        (void)kt_buf_addf(b, "_keytop_%s() { _values -s , %s %s }\n", o->name, o->argument, w);
    else if (t == TAKES_FILTER)
        (void)kt_buf_addf(b, "_keytop_%s() { compadd -S '' -- %s }\n", o->name, w);
    else if (t == TAKES_WORDS)
        (void)kt_buf_addf(b, "_keytop_%s() { compadd -- %s%s }\n", o->name, w,
                          strcmp(o->name, "theme") == 0 ? "; _files -g '*.(yaml|yml)'" : "");
}

static void zsh(struct kt_buf *b, struct kt_buf *words)
{
    struct kt_option_info o;
    (void)kt_buf_adds(b, "#compdef keytop\n# zsh completion for keytop, made by keytop --completion zsh\n");
    for (size_t i = 0; kt_options_info(i, &o); i++)
        zsh_function(b, &o, words);
    takes(&(struct kt_option_info){.name = "", .argument = "SOURCE"}, words);
    (void)kt_buf_addf(b, "_keytop_sources() { compadd -S '' -- %s; _files }\n_keytop() {\n    _arguments -s -S \\\n",
                      kt_buf_str(words));
    for (size_t i = 0; kt_options_info(i, &o); i++) {
        struct kt_buf tail;
        kt_buf_init(&tail, 1 << 16);
        (void)kt_buf_addc(&tail, '[');
        help_line(&tail, o.help);
        (void)kt_buf_addc(&tail, ']');
        zsh_takes(&tail, &o, words);
        if (o.letter) /* -o FORMAT as well as --output=FORMAT and --output FORMAT */
            (void)kt_buf_addf(b, "        '*-%c%s%s' \\\n", o.letter, o.argument ? "+" : "", kt_buf_str(&tail));
        (void)kt_buf_addf(b, "        '*--%s%s%s' \\\n", o.name, o.argument ? "=" : "", kt_buf_str(&tail));
        kt_buf_free(&tail);
    }
    (void)kt_buf_adds(b, "        '*:SOURCE:_keytop_sources'\n}\n"
                         "if [ \"$funcstack[1]\" = _keytop ]; then _keytop \"$@\"; else compdef _keytop keytop; fi\n");
}

/* --- fish ----------------------------------------------------------------------- */

static void fish(struct kt_buf *b, struct kt_buf *words)
{
    struct kt_option_info o;
    (void)kt_buf_adds(b, "# fish completion for keytop, made by keytop --completion fish\n");
    for (size_t i = 0; kt_options_info(i, &o); i++) {
        enum takes t = takes(&o, words);
        (void)kt_buf_addf(b, "complete -c keytop -l %s", o.name);
        if (o.letter)
            (void)kt_buf_addf(b, " -s %c", o.letter);
        (void)kt_buf_adds(b, " -d '");
        help_line(b, o.help);
        (void)kt_buf_addc(b, '\'');
        if (t == TAKES_FILE)
            (void)kt_buf_adds(b, " -r -F");
        else if (t == TAKES_FOLDER)
            (void)kt_buf_adds(b, " -x -a '(__fish_complete_directories)'");
        else if (strcmp(o.name, "theme") == 0)
            (void)kt_buf_addf(b, " -r -F -a '%s'", kt_buf_str(words));
        else if (t == TAKES_LIST)
            (void)kt_buf_addf(b, " -x -a '(__fish_append , %s)'", kt_buf_str(words));
        else if (t != TAKES_NOTHING && !o.argument)
            (void)kt_buf_addf(b, "\ncomplete -c keytop -n '__fish_contains_opt -s %c %s' -f -a '%s'", o.letter, o.name, kt_buf_str(words));
        else if (t != TAKES_NOTHING)
            (void)kt_buf_addf(b, " -x%s%s%s", words->len ? " -a '" : "", kt_buf_str(words), words->len ? "'" : "");
        (void)kt_buf_addc(b, '\n');
    }
    takes(&(struct kt_option_info){.name = "", .argument = "SOURCE"}, words);
    (void)kt_buf_addf(b, "complete -c keytop -a '%s' -d 'a source'\n", kt_buf_str(words));
}

enum kt_code kt_completion_print(const char *shell, struct kt_buf *b, struct kt_err *e)
{
    static const struct {
        const char *name;
        void (*print)(struct kt_buf *b, struct kt_buf *words);
    } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    struct kt_buf words;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(shells[i].name, shell) != 0)
            continue;
        kt_buf_init(&words, 1 << 16);
        shells[i].print(b, &words);
        bool ok = !b->failed && !words.failed;
        kt_buf_free(&words);
        return ok ? KT_OK : kt_fail(e, KT_ENOMEM, "memory ran out");
    }
    return kt_fail(e, KT_EUSAGE, "--completion takes bash, zsh or fish, not \"%.60s\"", shell);
}
