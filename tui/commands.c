#include "tui/commands.h"

#include "base/buf.h"
#include "tui/canvas.h"
#include "tui/keymap.h"

#include <stdio.h>

static const struct kt_command_info table[KT_CMD_COUNT] = {
#define X(id, name, keys, contexts, rank, label, help) [KT_CMD_##id] = {name "\0", keys, contexts, rank, label, help},
    KT_COMMANDS(X)
#undef X
};

const struct kt_command_info *kt_command_info(enum kt_command c)
{
    return c > KT_CMD_NONE && c < KT_CMD_COUNT ? &table[c] : NULL;
}

const char *kt_command_argument(enum kt_command c)
{
    const struct kt_command_info *i = kt_command_info(c);
    return i ? i->name + strlen(i->name) + 1 : ""; /* each name has a second end behind it */
}

enum kt_command kt_command_find(const char *name, size_t n)
{
    for (int c = KT_CMD_NONE + 1; c < KT_CMD_COUNT; c++)
        if (strlen(table[c].name) == n && memcmp(table[c].name, name, n) == 0)
            return (enum kt_command)c;
    return KT_CMD_NONE;
}

static const struct {
    enum kt_context ctx;
    const char *name;
} contexts[] = {
    {KT_CTX_TABLE, "table"}, {KT_CTX_PANE, "pane"},       {KT_CTX_RECORD, "record"},   {KT_CTX_LINES, "page"},
    {KT_CTX_MENU, "menu"},   {KT_CTX_PROMPT, "prompt"},   {KT_CTX_WALL, "wall"},       {KT_CTX_DIFF, "diff"},
    {KT_CTX_COLUMNS, "columns"}, {KT_CTX_VIEWS, "views"}, {KT_CTX_GROUPS, "groups"},   {KT_CTX_TIME, "time"},
};
_Static_assert(sizeof contexts / sizeof *contexts == KT_CONTEXTS && KT_CTX_ALL == (1 << KT_CONTEXTS) - 1,
               "each context has a name");

const char *kt_context_name(enum kt_context ctx)
{
    for (int i = 0; i < KT_CONTEXTS; i++)
        if (contexts[i].ctx == ctx)
            return contexts[i].name;
    return NULL;
}

enum kt_context kt_context_find(const char *name)
{
    for (int i = 0; i < KT_CONTEXTS; i++)
        if (strcmp(contexts[i].name, name) == 0)
            return contexts[i].ctx;
    return (enum kt_context)0;
}

void kt_commands_list(struct kt_buf *b)
{
    for (int c = KT_CMD_NONE + 1; c < KT_CMD_COUNT; c++) {
        const char *between = "";
        kt_buf_addf(b, "%s\t%s\t%s\t", table[c].name, kt_command_argument((enum kt_command)c), table[c].keys);
        for (int i = 0; i < KT_CONTEXTS; i++) {
            if (!(table[c].contexts & (unsigned)contexts[i].ctx))
                continue;
            kt_buf_addf(b, "%s%s", between, contexts[i].name);
            between = ",";
        }
        kt_buf_addf(b, "\t%s\n", table[c].help);
    }
}

void kt_command_tell(enum kt_command c, struct kt_buf *b)
{
    const char *between = "", *argument = kt_command_argument(c);
    kt_buf_addf(b, ":%s%s%s  %s\n  keys: %s  in: ", table[c].name, *argument ? " " : "", argument, table[c].help,
                *table[c].keys ? table[c].keys : "none of its own");
    for (int i = 0; i < KT_CONTEXTS; i++) {
        if (!(table[c].contexts & (unsigned)contexts[i].ctx))
            continue;
        kt_buf_addf(b, "%s%s", between, contexts[i].name);
        between = ", ";
    }
    kt_buf_addf(b, "%s\n", table[c].contexts & KT_WRITES ? "; not with --read-only" : "");
}

static const struct {
    const char *name;
    struct kt_key key;
    const char *glyph;
} named[] = {
    {"Enter", {KT_KEY_CHAR, 13}, "⏎"},  {"Esc", {KT_KEY_CHAR, 27}, "Esc"}, {"Tab", {KT_KEY_CHAR, 9}, "Tab"},
    {"Space", {KT_KEY_CHAR, ' '}, "Space"}, {"S-Tab", {KT_KEY_BACKTAB, 0}, "S-Tab"},
    {"Backspace", {KT_KEY_BACKSPACE, 0}, "⌫"}, {"Del", {KT_KEY_DELETE, 0}, "Del"}, {"Ins", {KT_KEY_INSERT, 0}, "Ins"},
    {"Up", {KT_KEY_UP, 0}, "↑"}, {"Down", {KT_KEY_DOWN, 0}, "↓"}, {"Left", {KT_KEY_LEFT, 0}, "←"},
    {"Right", {KT_KEY_RIGHT, 0}, "→"}, {"Home", {KT_KEY_HOME, 0}, "Home"}, {"End", {KT_KEY_END, 0}, "End"},
    {"PgUp", {KT_KEY_PAGE_UP, 0}, "PgUp"}, {"PgDn", {KT_KEY_PAGE_DOWN, 0}, "PgDn"},
};
enum { NAMED = sizeof named / sizeof *named };

static const char caret[26][3] = {"^A", "^B", "^C", "^D", "^E", "^F", "^G", "^H", "^I", "^J", "^K", "^L", "^M",
                                  "^N", "^O", "^P", "^Q", "^R", "^S", "^T", "^U", "^V", "^W", "^X", "^Y", "^Z"};

const char *kt_key_glyph(const char *name)
{
    for (size_t i = 0; i < NAMED; i++)
        if (strcmp(named[i].name, name) == 0)
            return named[i].glyph;
    if (name[0] == 'C' && name[1] == '-' && name[2] >= 'a' && name[2] <= 'z')
        return caret[name[2] - 'a'];
    return name;
}

static bool key_of(const char *name, size_t n, struct kt_key *out)
{
    for (size_t i = 0; i < NAMED; i++) {
        if (strlen(named[i].name) == n && memcmp(named[i].name, name, n) == 0) {
            *out = named[i].key;
            return true;
        }
    }
    uint32_t ch;
    size_t used = kt_utf8_decode(name, n, &ch);
    if (used == n && ch > 0x20 && ch != 0x7F) {
        *out = KT_CHAR(ch);
    } else if (n == 3 && name[0] == 'C' && name[1] == '-' && name[2] >= 'a' && name[2] <= 'z') {
        *out = kt_key_plain(KT_CHAR(name[2] & 0x1F));
    } else if ((n == 2 || n == 3) && name[0] == 'F' && name[1] >= '1' && name[1] <= '9') {
        uint32_t f = (uint32_t)(name[1] - '0');
        *out = (struct kt_key){KT_KEY_FUNCTION, n == 3 ? f * 10 + (uint32_t)(name[2] - '0') : f};
        return out->ch <= 12 && (n == 2 || (name[2] >= '0' && name[2] <= '9'));
    } else {
        return false;
    }
    return true;
}

bool kt_key_next(const char **keys, struct kt_key *out, char name[KT_KEY_NAME])
{
    const char *p = *keys;
    while (*p == ' ')
        p++;
    size_t n = strcspn(p, " ");
    *keys = p + n;
    if (n == 0 || n >= KT_KEY_NAME)
        return false;
    memcpy(name, p, n);
    name[n] = '\0';
    return key_of(p, n, out);
}

struct kt_key kt_key_plain(struct kt_key k)
{
    if (k.code != KT_KEY_CHAR)
        return k.code == KT_KEY_FUNCTION ? k : (struct kt_key){k.code, 0};
    if (k.ch == 10)
        k.ch = 13;
    if (k.ch == 127 || k.ch == 8)
        k = (struct kt_key){KT_KEY_BACKSPACE, 0};
    return k;
}

enum kt_command kt_command_of(struct kt_key pressed, enum kt_context ctx)
{
    return kt_keymap_command(NULL, pressed, ctx, NULL);
}

/* --- the footer --------------------------------------------------------- */

struct bar {
    struct kt_canvas *c;
    enum kt_context ctx;
    const struct kt_keymap *map;
};

static const char *cap_of(const struct bar *b, int cmd, char name[KT_KEY_NAME])
{
    struct kt_key k;
    const char *p = kt_keymap_keys(b->map, (enum kt_command)cmd, b->ctx);
    return kt_key_next(&p, &k, name) ? kt_key_glyph(name) : "";
}

static int part_width(const struct bar *b, int cmd)
{
    char name[KT_KEY_NAME];
    return kt_canvas_text_width(b->c->ascii, cap_of(b, cmd, name)) + 1 +
           kt_canvas_text_width(b->c->ascii, table[cmd].label) + 2;
}

/* Takes commands by rank as long as they fit. What has no key is not there. */
static void choose(const struct bar *b, bool taken[KT_CMD_COUNT])
{
    int left = b->c->cols - 1;
    char name[KT_KEY_NAME];
    for (int rank = 1; rank < 16; rank++) {
        for (int i = 1; i < KT_CMD_COUNT; i++) {
            if (table[i].rank != rank || !(table[i].contexts & (unsigned)b->ctx) || !cap_of(b, i, name)[0])
                continue;
            int w = part_width(b, i);
            if (w > left + 2) /* the last one needs no blanks after it */
                return;
            taken[i] = true;
            left -= w;
        }
    }
}

void kt_footer_draw(struct kt_canvas *c, int row, enum kt_context ctx, const struct kt_keymap *m)
{
    bool taken[KT_CMD_COUNT] = {false};
    char name[KT_KEY_NAME];
    struct bar b = {c, ctx, m};
    choose(&b, taken);
    int col = 1;
    for (int i = 1; i < KT_CMD_COUNT; i++) {
        if (!taken[i])
            continue;
        col += kt_canvas_text(c, row, col, c->cols - col, KT_STYLE(KEYCAP), cap_of(&b, i, name)) + 1;
        col += kt_canvas_text(c, row, col, c->cols - col, KT_STYLE(DIM), table[i].label) + 2;
    }
}
