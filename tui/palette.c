#include "tui/palette.h"

#include "tui/arguments.h"

#include <stdio.h>
#include <stdlib.h>

static const char label[] = "command";

bool kt_palette_prompting(const struct kt_app *a)
{
    return a->prompt.label == label;
}

unsigned kt_palette_open(struct kt_app *a)
{
    unsigned did = kt_app_prompt(a, NULL, label, "");
    kt_palette_offer(a);
    return did;
}

/* --- what is offered -------------------------------------------------------- */

/* Where the command can be given from here: 2 here, 1 in the table, to which the
 * palette leads back, 0 elsewhere. */
static int reach(const struct kt_app *a, enum kt_command c)
{
    const struct kt_command_info *i = kt_command_info(c);
    return i->contexts & (unsigned)a->top->ops->context ? 2 : i->contexts & KT_CTX_TABLE ? 1 : 0;
}

struct ranked {
    int score;
    enum kt_command cmd;
};

static int by_score(const void *x, const void *y)
{
    const struct ranked *a = x, *b = y;
    return a->score != b->score ? (a->score < b->score ? 1 : -1) : (int)a->cmd - (int)b->cmd;
}

/* A hit in the name counts most, then being of use here. */
static int score(const struct kt_app *a, enum kt_command c, const char *p, size_t n)
{
    const struct kt_command_info *i = kt_command_info(c);
    int name = kt_fuzzy(p, n, i->name), r = reach(a, c);
    if (!n)
        return 1 + r * 1000 + (i->rank ? 100 - i->rank : 0);
    if (name)
        return 1000 + name + r * 60;
    const char *at = i->help;
    size_t len = strlen(at);
    for (; len >= n && n >= 3; at++, len--)
        if (strncasecmp(at, p, n) == 0)
            return 1 + r * 60;
    return 0;
}

static void offer_command(struct kt_app *a, enum kt_command c)
{
    const struct kt_command_info *i = kt_command_info(c);
    struct kt_choice *x = kt_choices_add(&a->choices);
    if (!x)
        return;
    enum kt_context ctx = reach(a, c) == 2 ? a->top->ops->context : KT_CTX_TABLE;
    for (unsigned bit = 1; !(i->contexts & (unsigned)ctx) && bit <= KT_CTX_ALL; bit <<= 1)
        if (i->contexts & bit)
            ctx = (enum kt_context)bit;
    const char *arg = kt_command_argument(c);
    snprintf(x->text, sizeof x->text, "%s%s", i->name, arg[0] ? " " : "");
    snprintf(x->show, sizeof x->show, "%s%s%s", i->name, arg[0] ? " " : "", arg);
    snprintf(x->note, sizeof x->note, "%s", kt_keymap_keys(a->opts.keys, c, ctx));
    x->help = i->help;
    x->id = (int)c;
    x->dim = reach(a, c) == 0;
}

static void offer_commands(struct kt_app *a, const char *p, size_t n)
{
    struct ranked all[KT_CMD_COUNT];
    size_t found = 0;
    for (int c = KT_CMD_NONE + 1; c < KT_CMD_COUNT; c++) {
        int s = score(a, (enum kt_command)c, p, n);
        if (s)
            all[found++] = (struct ranked){s, (enum kt_command)c};
    }
    qsort(all, found, sizeof *all, by_score);
    for (size_t i = 0; i < found; i++)
        offer_command(a, all[i].cmd);
}

void kt_palette_offer(struct kt_app *a)
{
    struct kt_prompt *p = &a->prompt;
    size_t name = strcspn(p->text, " ");
    kt_choices_clear(&a->choices);
    p->error[0] = '\0';
    if (p->text[name] != ' ') {
        a->choices.to = p->len;
        offer_commands(a, p->text, name);
        return;
    }
    enum kt_command c = kt_command_find(p->text, name);
    if (c == KT_CMD_NONE) {
        p->error_at = 0;
        snprintf(p->error, sizeof p->error, "no command has this name");
        return;
    }
    while (p->text[name] == ' ')
        name++;
    kt_argument_offer(a, c, name);
}

/* --- what is taken ---------------------------------------------------------- */

static bool complete(struct kt_app *a, const char *text)
{
    kt_prompt_set(&a->prompt, text);
    kt_palette_offer(a);
    return false;
}

bool kt_palette_taken(struct kt_app *a, enum kt_command *cmd, const char **arg)
{
    struct kt_prompt *p = &a->prompt;
    size_t name = strcspn(p->text, " "), at = name;
    *cmd = kt_command_find(p->text, name);
    bool marked = p->text[name] == '\0' && a->choices.n;
    if (marked && (*cmd == KT_CMD_NONE || a->choices.at))
        *cmd = (enum kt_command)a->choices.item[a->choices.at].id;
    if (*cmd == KT_CMD_NONE) {
        p->error_at = 0;
        snprintf(p->error, sizeof p->error, "no command has this name");
        return false;
    }
    while (p->text[at] == ' ')
        at++;
    *arg = p->text[at] && !marked ? p->text + at : NULL;
    const char *takes = kt_command_argument(*cmd);
    const char *called = kt_command_info(*cmd)->name;
    if (*arg && !takes[0]) {
        p->error_at = at;
        snprintf(p->error, sizeof p->error, "%s takes nothing behind it", called);
        return false;
    }
    if (!*arg && takes[0] && takes[0] != '[') {
        char text[KT_CHOICE_TEXT];
        snprintf(text, sizeof text, "%s ", called);
        bool there = strcmp(p->text, text) == 0;
        (void)complete(a, text);
        if (there) {
            p->error_at = p->len;
            snprintf(p->error, sizeof p->error, "%s is missing here", takes);
        }
        return false;
    }
    return true;
}
