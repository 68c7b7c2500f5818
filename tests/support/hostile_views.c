#include "hostile_stage.h"

#include "base/clock.h"
#include "tests/support/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- which code points ----------------------------------------------------- */

static bool special(uint32_t cp)
{
    return cp < 0x3100 || (cp >= 0xD7F0 && cp <= 0xE00F) || (cp >= 0xFD00 && cp <= 0xFFFF) || (cp & 0xFFFF) >= 0xFFF0 ||
           (cp >= 0x1BCA0 && cp <= 0x1BCAF) || (cp >= 0x1D150 && cp <= 0x1D180) || (cp >= 0x1F1E0 && cp <= 0x1F400) ||
           (cp >= 0x1F3F0 && cp <= 0x1F400) || (cp >= 0xE0000 && cp <= 0xE01FF);
}

void hostile_list(struct hostile_list *l, uint32_t every)
{
    l->n = 0;
    l->cp = malloc(0x110000 * sizeof *l->cp);
    assert_non_null(l->cp);
    for (uint32_t cp = 0; cp < 0x110000; cp++)
        if (cp % every == 0 || special(cp))
            l->cp[l->n++] = cp;
}

static uint32_t proof_every = 1; /* set before the tests begin */

void hostile_proof_every(int argc, char **argv)
{
    proof_every = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1;
}

int hostile_proof_set_up(void **state)
{
    struct hostile_proof *p = calloc(1, sizeof *p);
    *state = p;
    if (!p || !(p->tally = calloc(1, sizeof *p->tally)))
        return -1;
    hostile_list(&p->list, proof_every);
    return 0;
}

int hostile_proof_tear_down(void **state)
{
    struct hostile_proof *p = *state;
    free(p->list.cp);
    free(p->tally);
    free(p);
    return 0;
}

void hostile_thin(struct hostile_list *l, size_t every)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i += every)
        l->cp[n++] = l->cp[i];
    l->n = n;
}

/* --- records --------------------------------------------------------------- */

enum { SPOKEN = 1400, TEXT_MOST = 30, TEXT_BYTES = 92, REFUSED = 16, NEWEST = 2000000, FEWEST = 600 };

static const char *const shared[HOSTILE_FIELD_COUNT] = {
    [HOSTILE_ACTOR] = "shared-actor",     [HOSTILE_ADDRESS] = "198.51.100.1",   [HOSTILE_AGENT] = "curl/8.0.0",
    [HOSTILE_REQUEST] = "shared-target", [HOSTILE_RESPONSE] = "shared-target",
};

/* The same text in every field, except for one that is shared (-1: none). */
static void add(struct kt_buf *b, int n, enum hostile_shape shape, const char *text, int kept)
{
    const char *f[HOSTILE_FIELD_COUNT];
    for (int i = 0; i < HOSTILE_FIELD_COUNT; i++)
        f[i] = text;
    if (kept >= 0)
        f[kept] = shared[kept];
    if (kept == HOSTILE_REQUEST)
        f[HOSTILE_RESPONSE] = shared[HOSTILE_RESPONSE];
    f[HOSTILE_ACCOUNT] = kept >= 0 ? NULL : text; /* an entity belongs to its account */
    hostile_record(b, n, shape, f);
}

/* Marks are named in a row ("<+9 comb>") without one; tags would become one mark. */
static bool needs_a_letter(uint32_t cp)
{
    return hostile_combining(cp) || (cp >= 0xE0000 && cp <= 0xE007F);
}

static void put(struct kt_buf *b, uint32_t cp, bool escape)
{
    if (needs_a_letter(cp))
        kt_buf_addc(b, 'e');
    hostile_put(b, cp, escape);
}

/* As many as there is room for; returns how many. `escape`: -1: each other. */
static size_t put_some(struct kt_buf *b, const uint32_t *cp, size_t n, size_t most, size_t most_bytes, int escape)
{
    size_t k = 0, bytes = 0;
    kt_buf_reset(b);
    for (; k < n && k < most; k++) {
        size_t more = cp[k] < 0x80 ? 1 : cp[k] < 0x800 ? 2 : cp[k] < 0x10000 ? 3 : 4;
        bytes += more + needs_a_letter(cp[k]);
        if (bytes > most_bytes)
            break;
        put(b, cp[k], escape < 0 ? k % 2 == 1 : escape == 1);
    }
    return k;
}

static void add_spoken(struct kt_buf *b, int *at, const uint32_t *cp, size_t n, struct hostile_made *m)
{
    const char *f[HOSTILE_FIELD_COUNT] = {NULL};
    struct kt_buf text;
    kt_buf_init(&text, 1 << 20);
    for (size_t i = 0; i < n; m->spoken++) {
        i += put_some(&text, cp + i, n - i, SPOKEN, SIZE_MAX, 0);
        f[HOSTILE_MESSAGE] = kt_buf_str(&text);
        hostile_record(b, (*at)--, HOSTILE_DENIED, f);
    }
    assert_false(text.failed);
    kt_buf_free(&text);
}

static void add_rows(struct kt_buf *b, int *at, const uint32_t *cp, size_t n, struct hostile_made *m)
{
    static const int kept[] = {HOSTILE_ACTOR, HOSTILE_ADDRESS, HOSTILE_AGENT, HOSTILE_REQUEST};
    struct kt_buf text;
    kt_buf_init(&text, 4096);
    for (size_t i = 0; i < n; m->rows++) {
        i += put_some(&text, cp + i, n - i, 2, SIZE_MAX, m->rows / 4 % 2 ? 1 : 0);
        enum hostile_shape shape = (enum hostile_shape)(m->rows % HOSTILE_SHAPES);
        int same = kept[m->rows % 4];
        if (shape == HOSTILE_ROLE && same == HOSTILE_ACTOR)
            shape = HOSTILE_CREATED; /* a role's actor is its issuer */
        add(b, (*at)--, shape, kt_buf_str(&text), same);
    }
    assert_false(text.failed);
    kt_buf_free(&text);
}

static void add_texts(struct kt_buf *b, int *at, const uint32_t *cp, size_t n, struct hostile_made *m)
{
    struct kt_buf text;
    kt_buf_init(&text, 4096);
    for (size_t i = 0; i < n; m->texts++) {
        i += put_some(&text, cp + i, n - i, TEXT_MOST, TEXT_BYTES, -1);
        add(b, (*at)--, m->texts % 2 ? HOSTILE_ROLE : HOSTILE_CREATED, kt_buf_str(&text), -1);
        if (m->texts % REFUSED == 0)
            add(b, (*at)--, HOSTILE_DENIED, kt_buf_str(&text), -1);
    }
    assert_false(text.failed);
    kt_buf_free(&text);
}

void hostile_oldest(struct kt_buf *b)
{
    static const char *const f[HOSTILE_FIELD_COUNT] = {[HOSTILE_REQUEST] = "oldest-target"};
    hostile_record(b, 1, HOSTILE_CREATED, f);
}

void hostile_chunk(struct kt_buf *b, enum hostile_part part, const uint32_t *cp, size_t n, struct hostile_made *made)
{
    uint32_t *filled = calloc(n + FEWEST, sizeof *filled);
    int at = NEWEST;
    assert_non_null(filled);
    memcpy(filled, cp, n * sizeof *cp);
    for (uint32_t k = 0; n < FEWEST && part == HOSTILE_LISTS; k++, n++) /* long enough to be unfolded */
        filled[n] = 0x4E00 + k;
    *made = (struct hostile_made){.spoken = 0};
    kt_buf_reset(b);
    hostile_record(b, at--, HOSTILE_CREATED, shared);
    if (part == HOSTILE_LISTS) {
        add_spoken(b, &at, filled, n, made);
        add_rows(b, &at, filled, n, made);
    } else {
        add_texts(b, &at, filled, n, made);
    }
    hostile_oldest(b);
    made->records = (size_t)(NEWEST - at) + 1;
    assert_false(b->failed);
    free(filled);
}

static bool of_a_name(uint32_t cp)
{
    return cp && cp != '/';
}

size_t hostile_name(struct kt_buf *name, const uint32_t *cp, size_t n)
{
    size_t k = 0;
    kt_buf_reset(name);
    for (; k < n && k < HOSTILE_NAME; k++) {
        if (needs_a_letter(cp[k]))
            kt_buf_addc(name, 'e');
        if (cp[k] >= 0xD800 && cp[k] <= 0xDFFF)
            hostile_put_surrogate_bytes(name, cp[k]);
        else if (cp[k] < 0x80 && of_a_name(cp[k]))
            kt_buf_addc(name, (char)cp[k]);
        else if (cp[k] >= 0x80)
            hostile_put(name, cp[k], false);
    }
    kt_buf_adds(name, ".json");
    return k;
}

const char hostile_bad_record[] = "{\"eventName\":\"CreateAccessKey\",\"userAgent\":\"\x1b]0;x\x07\",}\n";

/* Bytes of `form` between letters, in every field. */
static void add_form(struct kt_buf *b, int n, const char *form, size_t size)
{
    struct kt_buf text;
    kt_buf_init(&text, 64);
    kt_buf_addc(&text, 'a');
    kt_buf_add(&text, form, size);
    if (n % 2)
        kt_buf_addc(&text, 'z'); /* otherwise the quote comes behind it */
    assert_false(text.failed);
    add(b, NEWEST - n, n % 3 == 2 ? HOSTILE_ROLE : HOSTILE_CREATED, kt_buf_str(&text), -1);
    kt_buf_free(&text);
}

size_t hostile_byte_forms(struct kt_buf *b)
{
    static const char *const long_forms[] = {
        /* longer than need be */
        "\xC0\x80", "\xC0\xAF", "\xC1\x9B", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x80\x9B", "\xE0\x9F\xBF",
        "\xF0\x80\x80\x9B", "\xF0\x82\x82\xAC", "\xF0\x8F\xBF\xBF", "\xF8\x80\x80\x80\x9B", "\xFC\x80\x80\x80\x80\x9B",
        /* beyond U+10FFFF */
        "\xF4\x90\x80\x80", "\xF7\xBF\xBF\xBF", "\xFB\xBF\xBF\xBF\xBF",
        /* cut short */
        "\xC3", "\xE2\x80", "\xE2\x82", "\xF0\x9F\x98", "\xF0\x9F", "\xE2\x80\xC3", "\x9B\x33\x31m",
    };
    int n = 0;
    for (int c = 0x80; c <= 0xFF; c++) /* alone, none of them is UTF-8 */
        add_form(b, n++, (char[]){(char)c}, 1);
    for (size_t i = 0; i < sizeof long_forms / sizeof *long_forms; i++)
        add_form(b, n++, long_forms[i], strlen(long_forms[i]));
    for (uint32_t cp = 0xD800; cp <= 0xDFFF; cp++) {
        struct kt_buf form;
        kt_buf_init(&form, 8);
        hostile_put_surrogate_bytes(&form, cp);
        add_form(b, n++, form.p, form.len);
        kt_buf_free(&form);
    }
    assert_false(b->failed);
    return (size_t)n;
}

/* --- walks ----------------------------------------------------------------- */

static void look(struct hostile_stage *s, enum hostile_view v)
{
    int64_t from = kt_mono_ms();
    s->ops->look(s, v, NULL);
    s->t->view[v].ms += kt_mono_ms() - from;
    s->t->view[v].frames++;
    s->t->view[v].cells += (uint64_t)s->rows * (uint64_t)s->cols;
}

static void look_until(struct hostile_stage *s, enum hostile_view v, const char *words)
{
    int64_t from = kt_mono_ms();
    s->ops->look(s, v, words);
    s->t->view[v].ms += kt_mono_ms() - from;
    s->t->view[v].frames++;
    s->t->view[v].cells += (uint64_t)s->rows * (uint64_t)s->cols;
}

static void pages(struct hostile_stage *s, enum hostile_view v, size_t lines)
{
    size_t a_page = s->rows > 100 ? (size_t)s->rows - 60 : (size_t)s->rows / 4;
    for (size_t i = 0; i <= lines / a_page; i++) {
        look(s, v);
        s->ops->keys(s, "PgDn");
    }
}

/* The table alone fills the screen. */
static void walk_table(struct hostile_stage *s, const struct hostile_made *m, bool all_widths)
{
    static const int widths[] = {240, 80, 132, 50, 24}; /* at 240 all columns are there, and wide */
    s->ops->keys(s, "1 z");
    for (int i = 0; i < (all_widths ? 5 : 1); i++) {
        s->ops->fit(s, 1000, widths[i]);
        s->ops->keys(s, "g");
        pages(s, HOSTILE_VIEW_TABLE, m->records);
    }
    s->ops->keys(s, "z g");
}

static void walk_records(struct hostile_stage *s, const struct hostile_made *m)
{
    s->ops->fit(s, 180, 200);
    s->ops->keys(s, "g 6");
    for (size_t i = 0; i < m->spoken; i++) {
        s->ops->keys(s, "j Enter w");
        look(s, HOSTILE_VIEW_RECORD);
        s->ops->keys(s, "Backspace");
    }
}

static void walk_panes_of(struct hostile_stage *s, bool role)
{
    s->ops->keys(s, "1 Enter");
    look(s, HOSTILE_VIEW_KEY);
    s->ops->keys(s, role ? "Backspace 3 Enter" : "Backspace 2 Enter");
    look(s, HOSTILE_VIEW_USER);
    s->ops->keys(s, "Backspace 4 Enter");
    look(s, HOSTILE_VIEW_ADDRESS);
    s->ops->keys(s, "Backspace 5 Enter");
    look(s, HOSTILE_VIEW_AGENT);
    s->ops->keys(s, "Backspace");
}

static void walk_panes(struct hostile_stage *s, const struct hostile_made *m)
{
    s->ops->fit(s, 14, 400);
    s->ops->keys(s, "g j");
    for (size_t i = 0; i < m->texts; i++) {
        walk_panes_of(s, i % 2);
        s->ops->keys(s, i % REFUSED ? "j" : "j j");
    }
}

static void walk_below(struct hostile_stage *s, const struct hostile_made *m)
{
    static const char *const tab[2][4] = {{"1", "2", "4", "5"}, {"1", "3", "4", "5"}};
    s->ops->fit(s, 20, 540);
    s->ops->keys(s, "g j");
    for (size_t i = 0; i < m->texts; i++) {
        s->ops->keys(s, tab[i % 2][i / 2 % 4]);
        look(s, HOSTILE_VIEW_BELOW);
        if (i % REFUSED == 0) {
            s->ops->keys(s, "j 1");
            look(s, HOSTILE_VIEW_BELOW);
            s->ops->keys(s, "6");
            look(s, HOSTILE_VIEW_BELOW);
        }
        s->ops->keys(s, "j");
    }
}

/* The panes of what all rows share: their lists, unfolded, hold every text. */
static void walk_shared(struct hostile_stage *s, const struct hostile_made *m, bool all_widths)
{
    static const char *const tab[] = {"2", "3", "4", "5"};
    static const int widths[] = {200, 100};
    for (int i = 0; i < (all_widths ? 2 : 1); i++) {
        s->ops->fit(s, 1000, widths[i]);
        for (int k = 0; k < 4; k++) {
            s->ops->keys(s, "g");
            s->ops->keys(s, tab[k]);
            s->ops->keys(s, "Enter");
            look_until(s, HOSTILE_VIEW_LISTS, "TIMELINE");
            for (int part = 0; part < (k < 2 ? 4 : 3); part++) /* a user's pane lists users too */
                s->ops->keys(s, "j j j j j j Enter Tab"); /* six are shown, then the line for the others */
            s->ops->keys(s, "g");
            pages(s, HOSTILE_VIEW_LISTS, m->rows / 4 * (k < 2 ? 5 : 4) + 40);
            s->ops->keys(s, "Backspace");
        }
    }
}

static void walk_others(struct hostile_stage *s)
{
    static const char *const keys[] = {"s", "Backspace ?", "PgDn", "Backspace S", "PgDn", "Backspace"};
    s->ops->fit(s, 50, 200);
    s->ops->keys(s, "g 1");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        s->ops->keys(s, keys[i]);
        look(s, HOSTILE_VIEW_OTHERS);
    }
    s->ops->keys(s, "C-f e Enter"); /* hits are marked in what is drawn */
    look(s, HOSTILE_VIEW_OTHERS);
    s->ops->keys(s, "n");
    look(s, HOSTILE_VIEW_OTHERS);
    s->ops->keys(s, "Backspace");
}

/* What a person makes of the table: rows put together, two beside each other,
 * columns that are there only where they are asked for, panes at the side. */
static void walk_views(struct hostile_stage *s, const struct hostile_made *m)
{
    static const char *const by[] = {"1", "2", "3", "6", "7", "8", "9", "0"};
    s->ops->fit(s, 300, 160);
    s->ops->keys(s, "g b");
    for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
        s->ops->keys(s, by[i]);
        look(s, HOSTILE_VIEW_VIEWS);
        s->ops->keys(s, "G");
        look(s, HOSTILE_VIEW_VIEWS);
    }
    s->ops->keys(s, "1 j Enter"); /* narrowed to one of them, which is named above the table */
    look(s, HOSTILE_VIEW_VIEWS);
    s->ops->keys(s, "Backspace");
    look(s, HOSTILE_VIEW_VIEWS);
    s->ops->keys(s, "Backspace H");
    look(s, HOSTILE_VIEW_VIEWS);
    s->ops->keys(s, "H C e C-u");
    s->ops->keys(s, "t i m e , e v e n t , s e s s i o n , e r r o r , t a g s , s o u r c e , a g e n t Enter Backspace");
    look(s, HOSTILE_VIEW_VIEWS);
    s->ops->keys(s, "C R g");
    for (size_t i = 0; i < m->spoken + 6; i++) {
        s->ops->keys(s, "U g Space");
        for (size_t k = 0; k <= i; k++)
            s->ops->keys(s, "j");
        s->ops->keys(s, "d =");
        look(s, HOSTILE_VIEW_VIEWS);
        s->ops->keys(s, "Backspace");
    }
    s->ops->keys(s, "U g");
}

void hostile_walk_lists(struct hostile_stage *s, const struct hostile_made *m, bool all_widths)
{
    walk_table(s, m, all_widths);
    walk_records(s, m);
    walk_shared(s, m, all_widths);
    walk_others(s);
    walk_views(s, m);
}

void hostile_walk_panes(struct hostile_stage *s, const struct hostile_made *m)
{
    walk_panes(s, m);
    walk_below(s, m);
}

static bool may_be_typed(uint32_t cp)
{
    return cp >= 0x20 && !(cp >= 0x7F && cp < 0xA0) && (cp < 0xD800 || cp > 0xDFFF);
}

/* What is written, what is complained of. A number at its end tells that all
 * of it has come. */
static void walk_prompt(struct hostile_stage *s, enum hostile_view v, const char *open, const uint32_t *cp, size_t n,
                        bool pasted)
{
    enum { AT_ONCE = 94 };
    static unsigned times;
    for (size_t i = 0; i < n; i += AT_ONCE) {
        uint32_t text[2 * AT_ONCE + 16];
        char number[16];
        size_t k = 0;
        for (size_t at = i; at < n && at < i + AT_ONCE; at++) {
            if (!may_be_typed(cp[at]))
                continue;
            if (needs_a_letter(cp[at]))
                text[k++] = 'e';
            text[k++] = cp[at];
        }
        snprintf(number, sizeof number, " %08u", ++times);
        for (const char *p = number; *p; p++)
            text[k++] = (unsigned char)*p;
        s->ops->keys(s, open);
        s->ops->text(s, text, k, pasted);
        look_until(s, v, number + 1);
        s->ops->keys(s, "C-u Enter");
    }
}

void hostile_walk_prompts(struct hostile_stage *s, const uint32_t *cp, size_t n)
{
    s->ops->fit(s, 8, 1000);
    walk_prompt(s, HOSTILE_VIEW_FILTER, "/", cp, n, true);
    walk_prompt(s, HOSTILE_VIEW_TYPED, "/", cp, n, false);
    walk_prompt(s, HOSTILE_VIEW_SEARCH, "C-f", cp, n / 2, true);
    walk_prompt(s, HOSTILE_VIEW_SEARCH, "C-f", cp + n / 2, n - n / 2, false);
}

void hostile_walk_names(struct hostile_stage *s, size_t files)
{
    s->ops->fit(s, 500, 1000);
    s->ops->keys(s, "S");
    pages(s, HOSTILE_VIEW_SOURCES, 2 * files + 40);
    s->ops->keys(s, "Backspace g 1");
    pages(s, HOSTILE_VIEW_MALFORMED, files);
    s->ops->fit(s, 20, 540);
    s->ops->keys(s, "g 6");
    for (size_t i = 0; i < files; i++) {
        s->ops->keys(s, "Enter");
        look(s, HOSTILE_VIEW_MALFORMED);
        s->ops->keys(s, i % 8 ? "Backspace j" : "Backspace j 1");
        if (i % 8 == 0) {
            look(s, HOSTILE_VIEW_MALFORMED);
            s->ops->keys(s, "6");
        }
    }
}

/* --- what was seen --------------------------------------------------------- */

static const char *const view_name[] = {
#define X(id, name) name,
    HOSTILE_VIEWS_ALL(X)
#undef X
};

const char *hostile_view_name(enum hostile_view v)
{
    return view_name[v];
}

void hostile_tally_print(const struct hostile_tally *t, const char *what)
{
    printf("%s: %" PRIu64 " code points, %" PRIu64 " of them twice, in %" PRIu64 " records", what, t->code_points,
           t->again, t->records);
    if (t->bytes)
        printf(", %" PRIu64 " bytes of which %" PRIu64 " sequences", t->bytes, t->sequences);
    printf("\n");
    for (int i = 0; i < HOSTILE_VIEWS; i++)
        if (t->view[i].frames)
            printf("  %-16s %8" PRIu64 " frames, %12" PRIu64 " cells, %7zu code points drawn or named, %6.1f s\n",
                   view_name[i], t->view[i].frames, t->view[i].cells, hostile_count(&t->view[i].seen),
                   (double)t->view[i].ms / 1e3);
    fflush(stdout);
}

/* Can this code point come to this view? */
static bool owed(enum hostile_view v, uint32_t cp)
{
    if (cp >= 0xD800 && cp <= 0xDFFF)
        return false;
    switch (v) {
    case HOSTILE_VIEW_RECORD: return cp >= 0x20 && cp != '"' && cp != '\\'; /* escapes in the record's own text */
    case HOSTILE_VIEW_FILTER: case HOSTILE_VIEW_TYPED: case HOSTILE_VIEW_SEARCH: return may_be_typed(cp);
    case HOSTILE_VIEW_SOURCES: case HOSTILE_VIEW_MALFORMED: return of_a_name(cp);
    case HOSTILE_VIEW_OTHERS: case HOSTILE_VIEW_VIEWS: return false;
    default: return true;
    }
}

void hostile_assert_seen(const struct hostile_tally *t, const struct hostile_list *l, enum hostile_view first,
                         enum hostile_view last)
{
    for (int v = (int)first; v <= (int)last; v++) {
        size_t missing = 0;
        uint32_t example = 0;
        for (size_t i = 0; i < l->n; i++) {
            uint32_t cp = l->cp[i];
            if (owed((enum hostile_view)v, cp) && !hostile_was_seen(&t->view[v].seen, cp))
                example = missing++ ? example : cp;
        }
        /* the thin lists of `make test` are for bytes, not for being complete: a busy machine skips frames of a
         * terminal. The proofs, over all code points, allow none to be missing. */
        bool thin = l->n < 100000;
        if (missing && thin)
            print_message("%s: %zu of %zu code points were not seen\n", view_name[v], missing, l->n);
        if (missing > (thin ? l->n / 2 : 0))
            fail_msg("%s: %zu of %zu code points were never seen, the first is U+%04X", view_name[v], missing, l->n,
                     example);
    }
}

void hostile_until_seen(const struct hostile_list *l, struct hostile_tally *t, enum hostile_view first,
                        enum hostile_view last, bool owed_all, void (*some)(void *ctx, const struct hostile_list *l),
                        void *ctx)
{
    struct hostile_list left = {malloc(l->n * sizeof *left.cp + 1), 0};
    assert_non_null(left.cp);
    some(ctx, l);
    t->code_points = l->n > t->code_points ? l->n : t->code_points;
    for (int tries = 0; owed_all && tries < 8; tries++) {
        left.n = 0;
        for (size_t i = 0; i < l->n; i++)
            for (int v = (int)first; v <= (int)last; v++)
                if (owed((enum hostile_view)v, l->cp[i]) && !hostile_was_seen(&t->view[v].seen, l->cp[i])) {
                    left.cp[left.n++] = l->cp[i];
                    break;
                }
        if (!left.n)
            break;
        t->again += left.n;
        some(ctx, &left);
    }
    free(left.cp);
}
