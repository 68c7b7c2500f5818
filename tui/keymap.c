#include "tui/keymap.h"

#include "base/buf.h"
#include "base/nearest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1 << 16 };

void kt_keymap_init(struct kt_keymap *m)
{
    *m = (struct kt_keymap){0};
}

void kt_keymap_free(struct kt_keymap *m)
{
    free(m->text);
    kt_keymap_init(m);
}

static int index_of(enum kt_context ctx)
{
    int i = 0;
    while (i < KT_CONTEXTS && 1u << i != (unsigned)ctx)
        i++;
    return i;
}

const char *kt_keymap_keys(const struct kt_keymap *m, enum kt_command c, enum kt_context ctx)
{
    const struct kt_command_info *i = kt_command_info(c);
    int at = index_of(ctx);
    if (!i || at >= KT_CONTEXTS || !(i->contexts & (unsigned)ctx))
        return "";
    return m && m->keys[at][c] ? m->keys[at][c] : i->keys;
}

static int key_among(const char *keys, struct kt_key k)
{
    struct kt_key have;
    char name[KT_KEY_NAME];
    for (int n = 1; kt_key_next(&keys, &have, name); n++)
        if (have.code == k.code && have.ch == k.ch)
            return n;
    return 0;
}

enum kt_command kt_keymap_command(const struct kt_keymap *m, struct kt_key pressed, enum kt_context ctx, int *nth)
{
    struct kt_key k = kt_key_plain(pressed);
    for (int c = KT_CMD_NONE + 1; c < KT_CMD_COUNT; c++) {
        int n = key_among(kt_keymap_keys(m, (enum kt_command)c, ctx), k);
        if (nth && n)
            *nth = n;
        if (n)
            return (enum kt_command)c;
    }
    return KT_CMD_NONE;
}

/* --- from the configuration ---------------------------------------------- */

struct binding { /* what was given, until it is known to be sound */
    struct kt_keymap map;
    struct kt_buf text;
    struct { /* where it stands */
        size_t offset;
        const struct kt_config_key_list *list;
    } given[KT_CONTEXTS][KT_CMD_COUNT];
    const struct kt_config *c;
    struct kt_err *e;
};

static enum kt_code refuse(struct binding *b, struct kt_config_place at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static enum kt_code refuse(struct binding *b, struct kt_config_place at, const char *fmt, ...)
{
    char sentence[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    return kt_fail(b->e, KT_EFORMAT, "%s:%d:%d: keys: %s", b->c->path, at.line, at.column, sentence);
}

static enum kt_code no_command(struct binding *b, const struct kt_config_binding *x)
{
    size_t least = SIZE_MAX;
    const char *best = "";
    for (int c = KT_CMD_NONE + 1; c < KT_CMD_COUNT; c++) {
        const char *name = kt_command_info((enum kt_command)c)->name;
        size_t d = kt_name_distance(kt_span_of(x->command), kt_span_of(name));
        if (d < least) {
            least = d;
            best = name;
        }
    }
    if (kt_name_is_near(least, kt_span_of(best)))
        return refuse(b, x->place, "there is no command \"%s\"; did you mean \"%s\"?", x->command, best);
    return refuse(b, x->place, "there is no command \"%s\"; keytop --help commands lists them", x->command);
}

static bool is_letter(struct kt_key k)
{
    return k.code == KT_KEY_CHAR && k.ch >= 0x20;
}

static enum kt_code check_key(struct binding *b, const struct kt_config_named *key, unsigned contexts)
{
    const char *p = key->name;
    char name[KT_KEY_NAME];
    struct kt_key k;
    if (!kt_key_next(&p, &k, name) || *p)
        return refuse(b, key->place, "there is no key \"%s\": a key is a letter or sign, F1 to F12, C-a to C-z, or Enter Esc Tab "
                      "S-Tab Space Up Down Left Right Home End PgUp PgDn Ins Del Backspace", key->name);
    if (k.code == KT_KEY_CHAR && (k.ch == 3 || k.ch == 17 || k.ch == 19))
        return refuse(b, key->place, "%s belongs to the terminal", key->name);
    if (contexts & KT_CTX_PROMPT && is_letter(k))
        return refuse(b, key->place, "\"%s\" is a letter to be written where one writes", key->name);
    return KT_OK;
}

/* Puts the list's keys where the command is understood and the list means. */
static enum kt_code bind_list(struct binding *b, enum kt_command cmd, const struct kt_config_key_list *l)
{
    const struct kt_command_info *i = kt_command_info(cmd);
    unsigned all = i->contexts & KT_CTX_ALL, in = all;
    if (l->context) {
        in = (unsigned)kt_context_find(l->context);
        if (!in)
            return refuse(b, l->place, "there is no place \"%s\" for keys", l->context);
        if (!(in & all))
            return refuse(b, l->place, "%s is not understood in \"%s\"", i->name, l->context);
    }
    size_t offset = b->text.len;
    for (size_t k = 0; k < l->n; k++) {
        enum kt_code rc = check_key(b, &l->key[k], in);
        if (rc)
            return rc;
        kt_buf_addf(&b->text, "%s%s", k ? " " : "", l->key[k].name);
    }
    kt_buf_addc(&b->text, '\0');
    for (int at = 0; at < KT_CONTEXTS; at++) {
        if (!(in & 1u << at))
            continue;
        if (b->given[at][cmd].list && (!l->context || b->given[at][cmd].list->context))
            continue; /* a place of its own counts more than everywhere */
        b->given[at][cmd].offset = offset;
        b->given[at][cmd].list = l;
    }
    return KT_OK;
}

/* The place of a command's nth key; of the list where it has fewer. */
static struct kt_config_place place_of(const struct kt_config_key_list *l, int nth)
{
    return nth >= 1 && (size_t)nth <= l->n ? l->key[nth - 1].place : l->place;
}

static enum kt_code check_conflicts(struct binding *b, int at, int cmd)
{
    enum kt_context ctx = (enum kt_context)(1u << at);
    struct kt_key k;
    char name[KT_KEY_NAME];
    int nth = 0;
    for (const char *p = kt_keymap_keys(&b->map, (enum kt_command)cmd, ctx); kt_key_next(&p, &k, name);) {
        nth++;
        for (int c = KT_CMD_NONE + 1; c < KT_CMD_COUNT; c++) {
            if (c == cmd || !key_among(kt_keymap_keys(&b->map, (enum kt_command)c, ctx), k))
                continue;
            return refuse(b, place_of(b->given[at][cmd].list, nth), "%s is \"%s\" in the %s as well; give that another key",
                          name, kt_command_info((enum kt_command)c)->name, kt_context_name(ctx));
        }
    }
    return KT_OK;
}

/* No page, prompt or screen without a way out. */
static enum kt_code check_exit(struct binding *b, int at, int cmd)
{
    static const enum kt_command exits[] = {KT_CMD_BACK, KT_CMD_LEAVE, KT_CMD_QUIT, KT_CMD_WALL_LEAVE, KT_CMD_P_ACCEPT,
                                            KT_CMD_P_CANCEL};
    for (size_t i = 0; i < sizeof exits / sizeof *exits; i++)
        if ((int)exits[i] == cmd && !kt_keymap_keys(&b->map, (enum kt_command)cmd, (enum kt_context)(1u << at))[0])
            return refuse(b, b->given[at][cmd].list->place, "%s needs a key: it is the way out",
                          kt_command_info((enum kt_command)cmd)->name);
    return KT_OK;
}

static enum kt_code bind_all(struct binding *b)
{
    enum kt_code rc = KT_OK;
    for (size_t i = 0; i < b->c->n_binding && !rc; i++) {
        const struct kt_config_binding *x = &b->c->binding[i];
        enum kt_command cmd = kt_command_find(x->command, strlen(x->command));
        if (cmd == KT_CMD_NONE)
            return no_command(b, x);
        for (size_t k = 0; k < x->n && !rc; k++)
            rc = bind_list(b, cmd, &x->in[k]);
    }
    if (!rc && b->text.failed)
        rc = kt_fail(b->e, KT_ELIMIT, "%s: keys: more than can be kept", b->c->path);
    for (int at = 0; at < KT_CONTEXTS && !rc; at++)
        for (int c = 0; c < KT_CMD_COUNT; c++)
            if (b->given[at][c].list)
                b->map.keys[at][c] = b->text.p + b->given[at][c].offset;
    for (int at = 0; at < KT_CONTEXTS && !rc; at++)
        for (int c = 0; c < KT_CMD_COUNT && !rc; c++)
            if (b->given[at][c].list) {
                rc = check_exit(b, at, c);
                rc = rc ? rc : check_conflicts(b, at, c);
            }
    return rc;
}

enum kt_code kt_keymap_configure(struct kt_keymap *m, const struct kt_config *c, struct kt_err *e)
{
    kt_keymap_init(m);
    if (!c->n_binding)
        return KT_OK;
    struct binding *b = calloc(1, sizeof *b);
    if (!b)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    b->c = c;
    b->e = e;
    kt_buf_init(&b->text, TEXT_MAX);
    enum kt_code rc = bind_all(b);
    if (rc) {
        kt_buf_free(&b->text);
    } else {
        *m = b->map;
        m->text = b->text.p;
    }
    free(b);
    return rc;
}
