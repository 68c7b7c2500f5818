#include "tui/commands.h"

#include "tui/canvas.h"

#include <stdio.h>

static const struct kt_command_info table[KT_CMD_COUNT] = {
#define X(id, name, keys, contexts, rank, label, help) [KT_CMD_##id] = {name, keys, contexts, rank, label, help},
    KT_COMMANDS(X)
#undef X
};

const struct kt_command_info *kt_command_info(enum kt_command c)
{
    return c > KT_CMD_NONE && c < KT_CMD_COUNT ? &table[c] : NULL;
}

static const struct {
    const char *name;
    struct kt_key key;
    const char *glyph;
} named[] = {
    {"Enter", {KT_KEY_CHAR, 13}, "⏎"},  {"Esc", {KT_KEY_CHAR, 27}, "Esc"}, {"Tab", {KT_KEY_CHAR, 9}, "Tab"},
    {"Space", {KT_KEY_CHAR, ' '}, "Space"}, {"S-Tab", {KT_KEY_BACKTAB, 0}, "S-Tab"},
    {"Backspace", {KT_KEY_BACKSPACE, 0}, "⌫"}, {"Del", {KT_KEY_DELETE, 0}, "Del"},
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
    if (n == 1) {
        *out = KT_CHAR(name[0]);
    } else if (n == 3 && name[0] == 'C' && name[1] == '-') {
        *out = KT_CHAR(name[2] & 0x1F);
    } else if ((n == 2 || n == 3) && name[0] == 'F') {
        uint32_t f = (uint32_t)(name[1] - '0');
        *out = (struct kt_key){KT_KEY_FUNCTION, n == 3 ? f * 10 + (uint32_t)(name[2] - '0') : f};
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

/* Terminals differ in what Enter and Backspace send. */
static struct kt_key plain(struct kt_key k)
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
    struct kt_key k = plain(pressed), have;
    char name[KT_KEY_NAME];
    for (int c = KT_CMD_NONE + 1; c < KT_CMD_COUNT; c++) {
        if (!(table[c].contexts & (unsigned)ctx))
            continue;
        for (const char *p = table[c].keys; kt_key_next(&p, &have, name);)
            if (have.code == k.code && have.ch == k.ch)
                return (enum kt_command)c;
    }
    return KT_CMD_NONE;
}

/* --- the footer --------------------------------------------------------- */

static const char *cap_of(const struct kt_command_info *i, char name[KT_KEY_NAME])
{
    struct kt_key k;
    const char *p = i->keys;
    return kt_key_next(&p, &k, name) ? kt_key_glyph(name) : "";
}

static int part_width(const struct kt_canvas *c, enum kt_command cmd)
{
    char name[KT_KEY_NAME];
    return kt_canvas_text_width(c->ascii, cap_of(&table[cmd], name)) + 1 +
           kt_canvas_text_width(c->ascii, table[cmd].label) + 2;
}

/* Takes commands by rank as long as they fit. */
static void choose(const struct kt_canvas *c, unsigned ctx, bool taken[KT_CMD_COUNT])
{
    int left = c->cols - 1;
    for (int rank = 1; rank < 16; rank++) {
        for (int i = 1; i < KT_CMD_COUNT; i++) {
            if (table[i].rank != rank || !(table[i].contexts & ctx))
                continue;
            int w = part_width(c, (enum kt_command)i);
            if (w > left + 2) /* the last one needs no blanks after it */
                return;
            taken[i] = true;
            left -= w;
        }
    }
}

void kt_footer_draw(struct kt_canvas *c, int row, enum kt_context ctx)
{
    bool taken[KT_CMD_COUNT] = {false};
    char name[KT_KEY_NAME];
    choose(c, (unsigned)ctx, taken);
    int col = 1;
    for (int i = 1; i < KT_CMD_COUNT; i++) {
        if (!taken[i])
            continue;
        col += kt_canvas_text(c, row, col, c->cols - col, KT_STYLE(KEYCAP), cap_of(&table[i], name)) + 1;
        col += kt_canvas_text(c, row, col, c->cols - col, KT_STYLE(DIM), table[i].label) + 2;
    }
}
