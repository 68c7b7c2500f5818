/* The configuration file, keytop-config(5): one YAML document.
 *
 * It is read strictly: what is not known is refused by its name, with line,
 * column and the nearest name there is, and nothing of the file is taken. What
 * is not given is NULL, 0 or n == 0, for which each reader has its own default.
 * Of paths, `~/` is the home folder, and relative ones begin at the file's own
 * folder. Whether what they name is there is looked at by who opens
 * it, and so are names of columns, rules and signals by who knows them.
 *
 * Limits: those of base/yaml.h, and the counts below; a text is at most
 * KT_CONFIG_TEXT bytes and holds no control. */
#ifndef KT_CONFIG_CONFIG_H
#define KT_CONFIG_CONFIG_H
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KT_CONFIG_TEXT = 4096,
    KT_CONFIG_NAME = 63,       /* bytes of a source's name */
    KT_CONFIG_SOURCES = 1000,
    KT_CONFIG_ACCOUNTS = 5000, /* of a source; and as many roles */
    KT_CONFIG_REGIONS = 64,
    KT_CONFIG_COLUMNS = 64,
    KT_CONFIG_FOLDERS = 100,
    KT_CONFIG_DISABLED = 10000,
    KT_CONFIG_PLACEHOLDERS = 1000,
    KT_CONFIG_VALUES = 20000,  /* of all placeholders together */
    KT_CONFIG_OVERRIDES = 10000,
    KT_CONFIG_VIEWS = 64,
    KT_CONFIG_VIEW_PARTS = 7,
    KT_CONFIG_BINDINGS = 500,
    KT_CONFIG_KEYS = 16        /* of a command in a place */
};

/* Where something stands in the file, for later errors about it. */
struct kt_config_place {
    int line, column; /* from 1 */
};

/* What a source of AWS is told beside its address (profile, regions, role,
 * accounts, external-id, interval) is put behind the address, as the command
 * line has it: a `role` with {account} in it becomes a role for each account. */
struct kt_config_source {
    const char *address, *name; /* name NULL: none was given */
    struct kt_config_place place;
};

/* What %name% stands for in Sigma rules with `expand`. */
struct kt_config_placeholder {
    const char *name;
    const char *const *value;
    size_t n;
    const char *file; /* more values, one a line (ruleset.h); NULL: none */
    struct kt_config_place place;
};

struct kt_config_named {
    const char *name;
    struct kt_config_place place;
};

/* What a rule, correlation or signal counts for, in the user's view. */
struct kt_config_override {
    const char *name; /* id or name of a rule, or name of a signal */
    bool has_weight, has_risk;
    int weight;       /* -100..100: of a signal */
    int risk;         /* 0..100: of a rule */
    int level;        /* -1: not given; 0 informational .. 4 critical */
    struct kt_config_place place;
};

/* A view of the table under a name: its parts as texts, in the order of
 * kt_config_view_parts; NULL: not given. */
extern const char *const kt_config_view_parts[KT_CONFIG_VIEW_PARTS];
struct kt_config_view {
    const char *name;
    const char *part[KT_CONFIG_VIEW_PARTS];
    struct kt_config_place place;
};

/* How a role of the screen looks (tui/theme.h). */
struct kt_config_role {
    const char *name, *value;
    struct kt_config_place place;
};

/* What an alert does; bits of kt_config.alerts.actions. */
enum {
    KT_ALERT_BELL = 1, KT_ALERT_FLASH = 2, KT_ALERT_TITLE = 4, KT_ALERT_NOTIFY = 8, KT_ALERT_HOOK = 16,
    KT_CONFIG_LEVELS = 5, KT_CONFIG_HOOK_WORDS = 64
};

/* The keys of a command of the screen; names of commands, places and keys are
 * for the screen to know (tui/keymap.h). */
struct kt_config_key_list {
    const char *context; /* "table"; NULL: wherever the command is understood */
    const struct kt_config_named *key;
    size_t n;            /* 0: none */
    struct kt_config_place place;
};
struct kt_config_binding {
    const char *command;
    const struct kt_config_key_list *in;
    size_t n;
    struct kt_config_place place;
};

enum kt_config_tri { KT_CONFIG_UNSET, KT_CONFIG_NO, KT_CONFIG_YES };

struct kt_config {
    const char *path; /* of the file; NULL: there is none */

    const struct kt_config_source *source;
    size_t n_source;
    enum kt_config_tri follow;

    struct {
        const char *theme, *columns; /* columns: names with commas between, as --columns takes them */
        struct kt_config_place columns_place;
        enum kt_config_tri ascii;
        int color;                   /* -1: not given; 0 auto, 1 always, 2 never */
        const struct kt_config_role *role;
        size_t n_role;
        enum kt_config_tri clipboard; /* NO: nothing is ever copied */
    } output;

    struct {
        const char *const *folder;
        size_t n_folder;
        const struct kt_config_named *disabled; /* ids or names */
        size_t n_disabled;
        const struct kt_config_placeholder *placeholder;
        size_t n_placeholder;
    } rules;
    struct {
        const char *const *folder;
        size_t n_folder;
    } filters;
    const struct kt_config_override *override;
    size_t n_override;

    const struct kt_config_binding *binding;
    size_t n_binding;

    struct {
        uint64_t rows, bytes; /* kept in memory */
    } memory;
    struct {
        const char *file;
        enum kt_config_tri keep; /* NO: --no-state */
        uint64_t days, bytes;
    } state;
    struct {
        const char *country, *network; /* MMDB files */
        const char *aws;               /* AWS's ip-ranges.json */
    } enrichment;
    struct {
        const char *profile; /* event/contain.h */
    } contain;

    const struct kt_config_view *view;
    size_t n_view;
    struct {
        bool given[KT_CONFIG_LEVELS]; /* informational first */
        unsigned actions[KT_CONFIG_LEVELS];
        struct kt_config_place place[KT_CONFIG_LEVELS];
        int every_s;               /* 0: not given */
        int notify;                /* -1: not given; 0 OSC 9, 1 OSC 777 */
        const char *const *hook;   /* the words of a command; n_hook 0: none */
        size_t n_hook;
        int timeout_s;             /* of it; 0: not given */
    } alerts;

    void *memory_of; /* all of the above */
};

/* "$XDG_CONFIG_HOME/keytop/config.yaml", else ~/.config/...: false where
 * neither is an absolute path, or it is too long; then `out` is empty. */
bool kt_config_default_path(char *out, size_t size);

/* KT_ENOTFOUND: no such file; KT_EIO: it cannot be read; KT_EFORMAT, KT_ELIMIT,
 * KT_EUNSUPPORTED: "FILE:LINE:COLUMN: sentence". `out` is then as from
 * kt_config_none. Free after any. */
enum kt_code kt_config_load(struct kt_config *out, const char *path, struct kt_err *e);
/* The same, of a text; `path` is what errors call it and what relative paths
 * begin at. An empty document configures nothing. */
enum kt_code kt_config_parse(struct kt_config *out, const char *path, const char *p, size_t n, struct kt_err *e);
void kt_config_none(struct kt_config *out);
void kt_config_free(struct kt_config *c);
#endif
