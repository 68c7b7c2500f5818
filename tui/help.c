#include "tui/help.h"

static const struct {
    enum kt_context ctx;
    const char *head;
} parts[] = {
    {KT_CTX_TABLE, "IN THE TABLE"},          {KT_CTX_PANE, "IN A KEY, USER, ADDRESS OR AGENT"},
    {KT_CTX_RECORD, "IN A RECORD"},          {KT_CTX_MENU, "IN A CHOOSER"},
    {KT_CTX_PROMPT, "WHILE WRITING"},        {KT_CTX_LINES, "ON A PAGE LIKE THIS"},
    {KT_CTX_WALL, "ON THE WALL"},            {KT_CTX_DIFF, "OVER TWO RECORDS"},
    {KT_CTX_GROUPS, "AMONG GROUPS"},         {KT_CTX_TIME, "IN THE HISTOGRAM"},
    {KT_CTX_VIEWS, "IN THE LIST OF VIEWS"},  {KT_CTX_COLUMNS, "IN THE CHOOSER OF COLUMNS"},
};
enum { PARTS = sizeof parts / sizeof *parts };

static void head(struct kt_page *p, const char *text)
{
    if (p->n)
        kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_BLANK});
    kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_HEAD, .left = text});
}

/* Its keys in this context, what it is called in the palette, and what it does. */
static void keys(struct kt_page *p, int c, enum kt_context ctx)
{
    const struct kt_command_info *i = kt_command_info((enum kt_command)c);
    const char *arg = kt_command_argument((enum kt_command)c);
    kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_KEYS, .data = kt_span_of(i->help),
                                         .left = kt_keymap_keys(p->s.app->opts.keys, (enum kt_command)c, ctx),
                                         .name = kt_page_fmt(p, "%s%s%s", i->name, arg[0] ? " " : "", arg)});
}

static bool everywhere(const struct kt_command_info *i)
{
    return (i->contexts & KT_CTX_LISTS) == KT_CTX_LISTS;
}

static void part(struct kt_page *p, size_t k)
{
    head(p, parts[k].head);
    for (int c = 1; c < KT_CMD_COUNT; c++) {
        const struct kt_command_info *i = kt_command_info((enum kt_command)c);
        if (i->contexts & parts[k].ctx && !everywhere(i))
            keys(p, c, parts[k].ctx);
    }
}

static void words(struct kt_page *p, const char *text)
{
    kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_WORDS, .left = text, .style = KT_STYLE(TEXT)});
}

static void say_signs(struct kt_page *p)
{
    head(p, "SIGNS");
    words(p, "◆ critical 90 and more   ▲ high 70   △ medium 40   · low 20   below: informational");
    words(p, "● a source in order   ▲ stale, or with troubles   ✗ failed   ○ starting");
    words(p, "Times are UTC. What is not known is said: \"not known\", never left to be guessed.");
    words(p, "A mark in reverse inside a value, such as ^[ or <U+202E>, stands for what cannot be shown.");
    head(p, "FILTER");
    words(p, "words and tests, joined by and (or a blank), or, not, ( ); \"quotes\" keep blanks; Tab completes");
    words(p, "actor:alice  actor:ci-*  target=svc-backup  agent~^Boto  risk>=50  time>2h  level>=high  key: (not known)");
    words(p, "actor in (alice, bob)  from:10.0.0.0/8  requestParameters.userName:bob  -tool:terraform");
}

static void fill(struct kt_page *p)
{
    /* where the person is comes first */
    for (size_t k = 0; k < PARTS; k++)
        if (parts[k].ctx == p->about)
            part(p, k);
    head(p, "EVERYWHERE");
    for (int c = 1; c < KT_CMD_COUNT; c++)
        if (everywhere(kt_command_info((enum kt_command)c)))
            keys(p, c, p->about & KT_CTX_LISTS ? p->about : KT_CTX_TABLE);
    for (size_t k = 0; k < PARTS; k++)
        if (parts[k].ctx != p->about)
            part(p, k);
    say_signs(p);
}

struct kt_screen *kt_screen_help(struct kt_app *a, enum kt_context ctx)
{
    return kt_page_new(a, "help", fill, ctx);
}
