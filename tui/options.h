/* The command line: one table of options yields the parser, --help and the
 * refusals. What is known but not built yet is refused by its name, never
 * taken and ignored. */
#ifndef KT_TUI_OPTIONS_H
#define KT_TUI_OPTIONS_H
#include "base/buf.h"
#include "base/err.h"
#include "ruleset.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kt_shape {
    KT_SHAPE_SCREEN, KT_SHAPE_TABLE, KT_SHAPE_JSONL, KT_SHAPE_CSV,
    KT_SHAPE_OCSF, KT_SHAPE_ECS, KT_SHAPE_SPLUNK, KT_SHAPE_REPORT
};
enum kt_color { KT_COLOR_AUTO, KT_COLOR_ALWAYS, KT_COLOR_NEVER };

struct kt_source_arg {
    const char *address, *name; /* name NULL: none was given */
};

struct kt_keymap;
struct kt_options { /* texts borrowed from argv, and from the configuration */
    bool help, version; /* then nothing else was looked at, but: */
    const char *help_about; /* --help commands; NULL */
    enum kt_shape shape;
    bool follow;
    bool follow_given, color_given;
    const char *filter, *rule, *columns, *theme, *config; /* NULL: not given */
    const struct kt_config *columns_of; /* they stand there; NULL: on the command line */
    const char *profile, *region;                /* of AWS; NULL: not given */
    bool ask, explain;                           /* explain: print what would be asked, and end */
    const char *print_setup;                     /* for that engine, and end */
    const char *completion;                      /* print it for that shell, and end */
    const char *print_policy;                    /* of that source, and end */
    const char *view;          /* to begin with; NULL: not given */
    const char *state;         /* --state; NULL: not given */
    bool no_state, read_only, wall;
    const struct kt_keymap *keys; /* borrowed; whoever runs a screen sets it */
    int64_t since, until;                        /* KT_TIME_NONE: not given */
    unsigned kinds;                              /* bits of KT_KIND_BIT */
    bool ascii;
    enum kt_color color;
    bool check;                                  /* --check: look, say and end */
    const char **rules, **filters, **disabled;   /* folders; names and ids */
    struct kt_rule_value *value;                 /* what they count for */
    size_t n_values;
    struct kt_placeholder *placeholder;
    size_t n_rules, cap_rules, n_filters, cap_filters, n_disabled, n_placeholders;
    struct kt_source_arg *source;
    size_t n_source, cap_source;
    bool sources_given;        /* on the command line */
    bool theme_given;  /* on the command line */
    int argc;                  /* as they were parsed: for reading them again */
    char **argv;
    bool terminal;
};

/* `terminal`: standard output is one; `now`: for --since 24h. KT_EUSAGE and
 * KT_EUNSUPPORTED name the option and what is allowed. Free after either. */
enum kt_code kt_options_parse(struct kt_options *o, int argc, char **argv, bool terminal, int64_t now,
                              struct kt_err *e);
/* Takes from the configuration, which must outlive them, what the command line
 * did not say: its sources where none was named, and defaults. Its folders of
 * rules come before those of the command line, which override them. */
enum kt_code kt_options_configure(struct kt_options *o, const struct kt_config *c, struct kt_err *e);
void kt_options_free(struct kt_options *o);
/* The rules that are asked for; borrows from `o`. */
struct kt_ruleset_opts kt_options_rules(const struct kt_options *o);
bool kt_options_help(struct kt_buf *b);
/* The table of options, for who describes them: the i-th; false: there are fewer. */
struct kt_option_info {
    int letter; /* 0: none */
    const char *name, *argument, *help; /* argument NULL: it takes none; help: lines */
};
bool kt_options_info(size_t i, struct kt_option_info *out);
const char *kt_options_format(size_t i); /* of --output; NULL: there are fewer */
/* What to type, for those who gave no SOURCE. */
extern const char kt_options_no_source[];
#endif
