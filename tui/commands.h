/* Everything a person can ask for, in one table: it drives keys, the palette, the
 * footer, the help overlay, what --read-only refuses and a section of keytop(1),
 * so that none of them can say what another does not do. Which keys are meant
 * in the end is a keymap's to say (keymap.h): the table has the usual ones. */
#ifndef KT_TUI_COMMANDS_H
#define KT_TUI_COMMANDS_H
#include "tui/keys.h"

#include <stdbool.h>
#include <stddef.h>

/* Where a command is understood. */
enum kt_context {
    KT_CTX_TABLE = 1,
    KT_CTX_PANE = 2,    /* a key, user, address or agent */
    KT_CTX_RECORD = 4,
    KT_CTX_LINES = 8,   /* help, sources */
    KT_CTX_MENU = 16,   /* a chooser */
    KT_CTX_PROMPT = 32,
    KT_CTX_WALL = 64,
    KT_CTX_DIFF = 128,    /* two records beside each other */
    KT_CTX_COLUMNS = 256, /* the chooser of columns */
    KT_CTX_VIEWS = 512,   /* the list of views */
    KT_CTX_GROUPS = 1024,
    KT_CTX_TIME = 2048,   /* the histogram, when one moves in it */
    KT_CTX_LISTS = KT_CTX_TABLE | KT_CTX_PANE | KT_CTX_RECORD | KT_CTX_LINES | KT_CTX_MENU | KT_CTX_DIFF | KT_CTX_COLUMNS |
                   KT_CTX_VIEWS | KT_CTX_GROUPS,
    KT_CTX_DATA = KT_CTX_TABLE | KT_CTX_PANE | KT_CTX_RECORD,
    KT_CTX_ALL = 4095,
    KT_CONTEXTS = 12,
    /* Beside the contexts of a command: it changes what is remembered, writes a
     * file or runs something; --read-only refuses it. */
    KT_WRITES = 1 << 24
};

/* Behind a command's name: it takes an argument in the palette, and says what
 * it is called in the help: KT_ARG("EXPR"); in brackets where it can be left
 * out: KT_ARG("[NAME]"). kt_app_argument (screen.h) has it while the command
 * is done, NULL where a key asked. */
#define KT_ARG(what) "\0" what

/* X(id, name, keys, contexts, footer rank (0: not there; 1 stays longest),
 *   footer label, help). Keys are parted by blanks: a letter or sign as it
 * is, or Enter Esc Tab S-Tab Space Up Down Left Right Home End PgUp PgDn
 * Ins Backspace Del C-x F1..F12. The first one is shown in the footer. "": by
 * the palette alone. */
#define KT_COMMANDS(X)                                                                                               \
    X(OPEN, "open", "Enter", KT_CTX_TABLE | KT_CTX_PANE, 2, "open", "open what is under the cursor")                 \
    X(FOLD, "fold", "Enter Space", KT_CTX_RECORD, 2, "fold", "fold or unfold; on a known value: open it")            \
    X(CHOOSE, "choose", "Enter", KT_CTX_MENU, 2, "choose", "take what is under the cursor")                          \
    X(BACK, "back", "Backspace Esc", KT_CTX_PANE | KT_CTX_RECORD | KT_CTX_GROUPS, 1, "back", "go back the way you came")             \
    X(LEAVE, "leave", "Esc Backspace q ?", KT_CTX_LINES | KT_CTX_MENU | KT_CTX_DIFF | KT_CTX_COLUMNS | KT_CTX_VIEWS, 1, "back", "go back")              \
    X(VIEWS, "views" KT_ARG("[NAME]"), "v", KT_CTX_TABLE | KT_CTX_GROUPS, 0, "", "the saved views, and a number for one; to save this one")            \
    X(COLUMNS, "columns" KT_ARG("[LIST]"), "C", KT_CTX_TABLE, 0, "", "which columns, in which order, how wide")                        \
    X(VIEW_TAKE, "take-view", "Enter", KT_CTX_VIEWS, 2, "show", "show the table so")                                  \
    X(VIEW_PICK, "view" KT_ARG("N"), "0 1 2 3 4 5 6 7 8 9", KT_CTX_VIEWS, 3, "by number", "show the one with this number")        \
    X(VIEW_SAVE, "save-view", "s", KT_CTX_VIEWS, 4, "save", "save how the table is looked at now, under a name")      \
    X(VIEW_DROP, "drop-view", "d Del", KT_CTX_VIEWS, 5, "drop", "drop the one under the cursor")                      \
    X(COL_SHOW, "show-column", "Space Enter", KT_CTX_COLUMNS, 2, "show or hide", "show this column, or hide it")      \
    X(COL_UP, "column-up", "K", KT_CTX_COLUMNS, 0, "", "further to the left")                                         \
    X(COL_DOWN, "column-down", "J", KT_CTX_COLUMNS, 3, "move", "further to the right")                                \
    X(COL_WIDER, "wider", "Right + l", KT_CTX_COLUMNS, 4, "wider", "wider")                                           \
    X(COL_NARROWER, "narrower", "Left - h", KT_CTX_COLUMNS, 5, "narrower", "narrower")                                \
    X(COL_FIT, "fit-column", "0", KT_CTX_COLUMNS, 0, "", "as wide as it fits")                                        \
    X(COL_WRITE, "write-columns", "e", KT_CTX_COLUMNS, 6, "write", "write them: time, risk, actor:30")                \
    X(COL_RESET, "usual-columns", "R", KT_CTX_COLUMNS, 7, "as usual", "those that suit the width, as at the start")   \
    X(GROUPS, "groups" KT_ARG("[BY]"), "b", KT_CTX_TABLE, 0, "", "the rows put together: by user, address, rule, hour ...")         \
    X(GROUP_TAKE, "open-group", "Enter", KT_CTX_GROUPS, 2, "its rows", "the table, with only the rows of this group") \
    X(GROUP_NEXT, "group-next", "Tab Right", KT_CTX_GROUPS, 3, "by", "put them together by the next thing")           \
    X(GROUP_PREV, "group-previous", "S-Tab Left", KT_CTX_GROUPS, 0, "", "by the one before")                          \
    X(GROUP_PICK, "group" KT_ARG("N"), "1 2 3 4 5 6 7 8 9 0", KT_CTX_GROUPS, 0, "", "by user, target, address, network, country, agent, account, rule, signal, hour") \
    X(GROUP_SORT, "sort-groups", "s", KT_CTX_GROUPS, 4, "sort", "most rows first, or highest risk, newest, name")     \
    X(GROUP_PANE, "group-page", "p", KT_CTX_GROUPS, 6, "page", "the page of the user, address or agent")              \
    X(GROUP_RISK, "group-riskiest", "r", KT_CTX_GROUPS, 8, "riskiest", "the record with the highest risk in it")      \
    X(GROUP_COPY, "copy-group", "y Y", KT_CTX_GROUPS, 0, "", "copy its name")                                         \
    X(TIME, "histogram", "H", KT_CTX_TABLE, 0, "", "rows over time above the table; to go about in it")               \
    X(TIME_LEFT, "earlier-step", "Left h", KT_CTX_TIME, 2, "earlier", "one step earlier")                             \
    X(TIME_RIGHT, "later-step", "Right l", KT_CTX_TIME, 3, "later", "one step later")                                 \
    X(TIME_BACK, "earlier-steps", "PgUp", KT_CTX_TIME, 0, "", "ten steps earlier")                                    \
    X(TIME_ON, "later-steps", "PgDn", KT_CTX_TIME, 0, "", "ten steps later")                                          \
    X(TIME_FIRST, "first-step", "Home g", KT_CTX_TIME, 0, "", "to the first step")                                    \
    X(TIME_LAST, "last-step", "End G", KT_CTX_TIME, 0, "", "to the last step")                                        \
    X(TIME_IN, "zoom-in", "+ =", KT_CTX_TIME, 4, "finer", "finer steps, round this one")                              \
    X(TIME_OUT, "zoom-out", "-", KT_CTX_TIME, 5, "coarser", "coarser steps, until all of it is shown")                \
    X(TIME_RANGE, "range", "Space", KT_CTX_TIME, 6, "range", "begin a range here, or begin none")                     \
    X(TIME_TAKE, "take-range", "Enter", KT_CTX_TIME, 7, "only this", "the table, with only this step or range")       \
    X(TIME_LEAVE, "leave-histogram", "Esc Backspace q", KT_CTX_TIME, 1, "back", "back to the rows; it stays")         \
    X(TIME_OFF, "no-histogram", "H", KT_CTX_TIME, 8, "away", "back to the rows, and it goes away")                    \
    X(MOUSE, "mouse", "M", KT_CTX_DATA | KT_CTX_GROUPS, 0, "", "hear the mouse, or leave it to the terminal")                \
    X(MARK, "mark", "Space", KT_CTX_TABLE | KT_CTX_PANE, 0, "", "mark the row, or no longer; marked rows are compared or taken along") \
    X(UNMARK, "unmark-all", "U", KT_CTX_TABLE | KT_CTX_PANE, 0, "", "no row is marked any more")                                    \
    X(DIFF, "diff", "d", KT_CTX_TABLE | KT_CTX_PANE, 0, "", "what differs between the two rows marked last, or the one and this")   \
    X(DIFF_ALL, "same", "= w", KT_CTX_DIFF, 4, "what is the same", "show, or hide, what is the same in both")         \
    X(DIFF_COPY, "copy-both", "Y y", KT_CTX_DIFF, 5, "copy", "copy the field and its two values")                     \
    X(CLEAR, "clear", "Esc Backspace", KT_CTX_TABLE, 0, "", "end the search, or \"only ...\", or the pause")         \
    X(FILTER, "filter" KT_ARG("[EXPR]"), "/", KT_CTX_TABLE, 4, "filter", "show only rows that match; empty shows all")                \
    X(SUPPRESSED, "show-filtered", "F", KT_CTX_TABLE | KT_CTX_PANE, 0, "", "show, or hide again, what Sigma filters keep out") \
    X(SORT, "sort" KT_ARG("[FIELD]"), "s", KT_CTX_TABLE, 5, "sort", "choose the column to sort by")                                    \
    X(SORT_LEFT, "sort-left", "<", KT_CTX_TABLE, 0, "", "sort by the column to the left")                            \
    X(SORT_RIGHT, "sort-right", ">", KT_CTX_TABLE, 0, "", "sort by the column to the right")                         \
    X(REVERSE, "reverse", "r", KT_CTX_TABLE, 0, "", "turn the order round")                                          \
    X(PAUSE, "pause", "p", KT_CTX_TABLE, 6, "pause", "hold the table still; arrivals are counted")                   \
    X(TAB_NEXT, "tab-next", "Tab Right", KT_CTX_TABLE, 7, "next pane", "show the next pane below")                   \
    X(TAB_PREV, "tab-previous", "S-Tab Left", KT_CTX_TABLE, 0, "", "show the pane before")                           \
    X(TAB_PICK, "tab" KT_ARG("N"), "1 2 3 4 5 6", KT_CTX_TABLE, 0, "", "show the key, target, actor, address, agent, record")    \
    X(ALONE, "alone", "z", KT_CTX_TABLE, 0, "", "the table alone, with the panes at its side, or below")                          \
    X(SECTION_NEXT, "section-next", "Tab Right", KT_CTX_PANE, 8, "section", "go to the next section")                \
    X(SECTION_PREV, "section-previous", "S-Tab Left", KT_CTX_PANE, 0, "", "go to the section before")                \
    X(FILTER_TO, "filter-to", "f", KT_CTX_PANE, 8, "filter to this", "the table, with only what touches this")       \
    X(HISTORY, "history", "h", KT_CTX_PANE, 4, "history", "ask for all that it did, as far back as is kept; again: stop")     \
    X(FOLD_ALL, "fold-all", "-", KT_CTX_RECORD, 9, "fold all", "fold every object and list")                         \
    X(UNFOLD_ALL, "unfold-all", "+ =", KT_CTX_RECORD, 9, "unfold", "unfold every object and list")                   \
    X(WRAP, "wrap", "w", KT_CTX_RECORD, 9, "wrap", "wrap long lines, or clip them")                                  \
    X(SEARCH, "search" KT_ARG("[TEXT]"), "C-f \\", KT_CTX_TABLE, 8, "search", "find a text in any column; hits are marked")           \
    X(FIND, "find", "/ C-f \\", KT_CTX_PANE | KT_CTX_RECORD | KT_CTX_LINES | KT_CTX_DIFF | KT_CTX_GROUPS, 7, "search", "find a text on this page") \
    X(NEXT, "next-hit", "n", KT_CTX_DATA | KT_CTX_LINES | KT_CTX_DIFF | KT_CTX_GROUPS, 0, "", "go to the next hit")                                \
    X(PREVIOUS, "previous-hit", "N", KT_CTX_DATA | KT_CTX_LINES | KT_CTX_DIFF | KT_CTX_GROUPS, 0, "", "go to the hit before")                      \
    X(COPY, "copy", "y", KT_CTX_DATA, 7, "copy", "copy how to contain this key, or the value here (OSC 52)")         \
    X(COPY_VALUE, "copy-value", "Y", KT_CTX_DATA, 0, "", "copy the value under the cursor, a key's id too")          \
    X(COPY_ROW, "copy-row", "c", KT_CTX_DATA, 0, "", "copy the row as one line of JSON (OSC 52)")                    \
    X(EXPORT, "export" KT_ARG("[FORMAT FILE]"), "e", KT_CTX_DATA | KT_WRITES, 6, "export", "write the marked rows, or those shown, into a file; stop writing") \
    X(THEME, "theme" KT_ARG("[NAME]"), "T", KT_CTX_DATA, 0, "", "choose a theme, and see it while choosing")                      \
    X(ACK, "acknowledge", "a", KT_CTX_DATA | KT_WRITES, 5, "ack", "acknowledge, or no longer")                                   \
    X(NOTE, "note" KT_ARG("[TEXT]"), "m", KT_CTX_DATA | KT_WRITES, 6, "note", "write a note on it")                                               \
    X(TAG, "tag" KT_ARG("[TAGS]"), "t", KT_CTX_DATA | KT_WRITES, 0, "", "its tags, parted by blanks")                                             \
    X(ASSIGN, "assign" KT_ARG("[NAME]"), "A", KT_CTX_DATA | KT_WRITES, 0, "", "say whose it is to look into")                                     \
    X(UNDO, "undo", "u", KT_CTX_DATA | KT_WRITES, 0, "", "take back your last act")                                              \
    X(LOOKED, "looked", "l", KT_CTX_DATA, 0, "", "you have looked at all that is here: none of it is new")           \
    X(WALL, "wall", "W", KT_CTX_TABLE, 0, "", "the wall: large figures, to be read from across the room")    \
    X(WALL_LEAVE, "leave-wall", "Enter Esc Space Backspace", KT_CTX_WALL, 1, "table", "to the table")                \
    X(SOURCES, "sources", "S", KT_CTX_TABLE | KT_CTX_PANE, 10, "sources", "the sources, and what was not read")      \
    X(MFA, "mfa", "K", KT_CTX_TABLE | KT_CTX_PANE, 0, "", "ask again for the code of an MFA device")                       \
    X(UP, "up", "Up k", KT_CTX_LISTS, 0, "", "up")                                                                   \
    X(DOWN, "down", "Down j", KT_CTX_LISTS, 0, "", "down")                                                           \
    X(PAGE_UP, "page-up", "PgUp C-b", KT_CTX_LISTS, 0, "", "a page up")                                              \
    X(PAGE_DOWN, "page-down", "PgDn", KT_CTX_LISTS, 0, "", "a page down")                                            \
    X(HOME, "home", "Home g", KT_CTX_LISTS, 0, "", "to the top; a table at its top follows what is new")             \
    X(END, "end", "End G", KT_CTX_LISTS, 0, "", "to the end")                                                        \
    X(GOTO, "goto" KT_ARG("TIME"), "", KT_CTX_TABLE, 0, "", "to the row of this time, or the next older one")         \
    X(PALETTE, "command", ":", KT_CTX_ALL & ~(KT_CTX_PROMPT | KT_CTX_TIME), 6, "command", "any command by its name; Tab completes") \
    X(HELP, "help", "? F1", KT_CTX_DATA | KT_CTX_WALL | KT_CTX_GROUPS | KT_CTX_TIME, 3, "help", "this page")                                                     \
    X(QUIT, "quit", "q", KT_CTX_DATA | KT_CTX_WALL | KT_CTX_GROUPS, 11, "quit", "quit")                                                            \
    X(REPAINT, "repaint", "C-l", KT_CTX_ALL, 0, "", "draw the screen anew")                                          \
    X(SUSPEND, "suspend", "C-z", KT_CTX_ALL, 0, "", "suspend to the shell")                                          \
    X(P_ACCEPT, "accept", "Enter", KT_CTX_PROMPT, 1, "take", "take what is written")                                 \
    X(P_CANCEL, "cancel", "Esc", KT_CTX_PROMPT, 2, "leave as it was", "leave everything as it was")                  \
    X(P_LEFT, "cursor-left", "Left C-b", KT_CTX_PROMPT, 0, "", "one letter left")                                    \
    X(P_RIGHT, "cursor-right", "Right C-f", KT_CTX_PROMPT, 0, "", "one letter right")                                \
    X(P_START, "cursor-start", "Home C-a", KT_CTX_PROMPT, 0, "", "to the start")                                     \
    X(P_END, "cursor-end", "End C-e", KT_CTX_PROMPT, 0, "", "to the end")                                            \
    X(P_ERASE, "erase", "Backspace", KT_CTX_PROMPT, 0, "", "erase the letter before")                                \
    X(P_DELETE, "delete", "Del C-d", KT_CTX_PROMPT, 0, "", "erase the letter under the cursor")                      \
    X(P_KILL, "erase-all", "C-u", KT_CTX_PROMPT, 3, "empty", "erase all")                                            \
    X(P_WORD, "erase-word", "C-w", KT_CTX_PROMPT, 0, "", "erase the word before")                                    \
    X(P_COMPLETE, "complete", "Tab", KT_CTX_PROMPT, 5, "complete", "take the next of what is offered")                \
    X(P_UNCOMPLETE, "complete-back", "S-Tab", KT_CTX_PROMPT, 0, "", "take the one before")                           \
    X(P_OLDER, "older", "Up C-p", KT_CTX_PROMPT, 4, "earlier", "what was written here before")                       \
    X(P_NEWER, "newer", "Down C-n", KT_CTX_PROMPT, 0, "", "and back")

enum kt_command {
    KT_CMD_NONE,
#define X(id, name, keys, contexts, rank, label, help) KT_CMD_##id,
    KT_COMMANDS(X)
#undef X
    KT_CMD_COUNT
};

struct kt_command_info {
    const char *name, *keys;
    unsigned contexts; /* bits of enum kt_context, and KT_WRITES */
    int rank;
    const char *label, *help;
};
const struct kt_command_info *kt_command_info(enum kt_command c); /* NULL for KT_CMD_NONE and beyond */
/* "EXPR", "[NAME]"; "" where it takes none. */
const char *kt_command_argument(enum kt_command c);
/* By its name; KT_CMD_NONE. */
enum kt_command kt_command_find(const char *name, size_t n);
/* "table" for KT_CTX_TABLE: what the configuration calls it; NULL for none. */
const char *kt_context_name(enum kt_context ctx);
enum kt_context kt_context_find(const char *name); /* 0: none */
/* A line for each command: name, argument, keys, contexts, help, parted by tabs. */
struct kt_buf;
void kt_commands_list(struct kt_buf *b);
/* What one does, its keys, and where it is understood, in two lines. */
void kt_command_tell(enum kt_command c, struct kt_buf *b);

/* By the table's own keys, in exactly one context. */
enum kt_command kt_command_of(struct kt_key k, enum kt_context ctx);

enum { KT_KEY_NAME = 16 };
/* Reads one key's name out of `*keys` and steps over it; false at the end, and
 * where it is no key's name. */
bool kt_key_next(const char **keys, struct kt_key *out, char name[KT_KEY_NAME]);
/* Terminals differ in what Enter and Backspace send: the one that is meant. */
struct kt_key kt_key_plain(struct kt_key k);
/* The name as the footer shows it: "Enter" is a glyph there. */
const char *kt_key_glyph(const char *name);

struct kt_canvas;
struct kt_keymap;
/* The most useful commands of a context, as many as fit. `m` NULL: the usual keys. */
void kt_footer_draw(struct kt_canvas *c, int row, enum kt_context ctx, const struct kt_keymap *m);
#endif
