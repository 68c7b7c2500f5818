#include "tui/arguments.h"

#include "tui/columns.h"
#include "tui/offer.h"
#include "tui/theme.h"

#include <stdio.h>

void kt_argument_add(struct kt_app *a, size_t from, const char *text, const char *help)
{
    const struct kt_prompt *p = &a->prompt;
    int score = kt_fuzzy(p->text + from, p->len - from, text);
    struct kt_choice *x = score ? kt_choices_add_scored(&a->choices, score) : NULL;
    if (!x)
        return;
    snprintf(x->text, sizeof x->text, "%s", text);
    x->help = help;
}

static void offer_sort(struct kt_app *a, size_t from)
{
    for (int f = 0; f < KT_FIELD_COUNT; f++)
        kt_argument_add(a, from, kt_field_name((enum kt_field)f), kt_field_header((enum kt_field)f));
}

static void offer_tabs(struct kt_app *a, size_t from)
{
    static const char *const tab[] = {"1", "2", "3", "4", "5", "6"};
    static const char *const what[] = {"the key", "the target", "the actor", "the address", "the agent", "the record"};
    for (int i = 0; i < 6; i++)
        kt_argument_add(a, from, tab[i], what[i]);
}

static void offer_themes(struct kt_app *a, size_t from)
{
    char name[KT_THEME_NAME];
    for (size_t i = 0; kt_theme_builtin(i, name); i++)
        kt_argument_add(a, from, name, NULL);
}

static void offer_views(struct kt_app *a, size_t from)
{
    for (size_t i = 0; i < a->n_saved; i++)
        kt_argument_add(a, from, a->saved[i].name, NULL);
}

static void offer_groups(struct kt_app *a, size_t from)
{
    for (int by = 1; by < KT_GROUP_COUNT; by++)
        kt_argument_add(a, from, kt_group_name((enum kt_group_by)by), NULL);
}

/* The name behind the last comma. */
static void offer_columns(struct kt_app *a, size_t from)
{
    const struct kt_prompt *p = &a->prompt;
    for (size_t i = from; i < p->len; i++)
        if (p->text[i] == ',')
            from = i + 1;
    a->choices.from = from;
    for (int c = 0; c < KT_COLUMN_COUNT; c++)
        kt_argument_add(a, from, kt_field_name(kt_column_field((enum kt_column)c)), kt_column_head((enum kt_column)c));
}

/* As in the filter's own prompt, but that the table waits for Enter. */
static void offer_filter(struct kt_app *a, size_t from)
{
    struct kt_prompt *p = &a->prompt;
    struct kt_filter *f = NULL;
    struct kt_err e = {0};
    size_t column = 0;
    if (kt_filter_parse(&f, (struct kt_span){p->text + from, p->len - from}, kt_app_now(a), &column, &e) != KT_OK) {
        snprintf(p->error, sizeof p->error, "%s", e.text[0] ? e.text : "out of memory");
        p->error_at = from + column;
    }
    kt_filter_free(f);
    kt_offer_filter(a, from);
}

void kt_argument_offer(struct kt_app *a, enum kt_command c, size_t from)
{
    a->choices.from = from;
    a->choices.to = a->prompt.len;
    switch (c) {
    case KT_CMD_THEME: offer_themes(a, from); break;
    case KT_CMD_VIEWS: offer_views(a, from); break;
    case KT_CMD_GROUPS: offer_groups(a, from); break;
    case KT_CMD_COLUMNS: offer_columns(a, from); break;
    case KT_CMD_FILTER: offer_filter(a, from); break;
    case KT_CMD_SORT: offer_sort(a, from); break;
    case KT_CMD_TAB_PICK: offer_tabs(a, from); break;
    default: break;
    }
}
