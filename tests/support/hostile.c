#include "hostile.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include <wchar.h>

/* --- code points --------------------------------------------------------- */

static bool in(uint32_t cp, const uint32_t (*range)[2], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (cp >= range[i][0] && cp <= range[i][1])
            return true;
    return false;
}
#define IN(cp, range) in(cp, range, sizeof range / sizeof *range)

bool hostile_combining(uint32_t cp)
{
    int c = utf8proc_category((utf8proc_int32_t)cp);
    return c == UTF8PROC_CATEGORY_MN || c == UTF8PROC_CATEGORY_ME || c == UTF8PROC_CATEGORY_MC;
}

static const char *judge(uint32_t cp)
{
    static const uint32_t bidi[][2] = {{0x61C, 0x61C}, {0x200E, 0x200F}, {0x202A, 0x202E}, {0x2066, 0x2069}};
    static const uint32_t ignorable[][2] = {
        {0xAD, 0xAD},     {0x34F, 0x34F},   {0x61C, 0x61C},     {0x115F, 0x1160},   {0x17B4, 0x17B5},
        {0x180B, 0x180F}, {0x200B, 0x200F}, {0x202A, 0x202E},   {0x2060, 0x206F},   {0x3164, 0x3164},
        {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB},   {0x1BCA0, 0x1BCA3},
        {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}, {0x2800, 0x2800}};
    static const uint32_t space[][2] = {{0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029},
                                        {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};
    static const uint32_t none[][2] = {{0xFDD0, 0xFDEF}, {0xE000, 0xF8FF}, {0xF0000, 0x10FFFF}};
    if (cp < 0x20 || (cp >= 0x7F && cp < 0xA0))
        return "a control";
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
        return "a surrogate, or no code point";
    if (cp < 0x7F)
        return NULL;
    if (IN(cp, bidi))
        return "a bidi control";
    if (cp >= 0xE0000 && cp <= 0xE007F)
        return "a tag character";
    if (IN(cp, ignorable))
        return "zero-width or default-ignorable";
    if (IN(cp, space))
        return "a space or line separator";
    if (IN(cp, none) || (cp & 0xFFFE) == 0xFFFE)
        return "private or a non-character";
    const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)cp);
    if (p->category == UTF8PROC_CATEGORY_CN)
        return "unassigned";
    if (p->category == UTF8PROC_CATEGORY_CF || p->category == UTF8PROC_CATEGORY_CC)
        return "a format character";
    if (p->bidi_class == UTF8PROC_BIDI_CLASS_R || p->bidi_class == UTF8PROC_BIDI_CLASS_AL ||
        p->bidi_class == UTF8PROC_BIDI_CLASS_AN)
        return "right-to-left";
    int w = wcwidth((wchar_t)cp);
    if (hostile_combining(cp) ? w != 0 : w != 1 && w != 2)
        return "of a width that is not known";
    return NULL;
}

const char *hostile_why(uint32_t cp, bool ascii)
{
    return ascii && cp > 0x7E ? "not ASCII" : judge(cp);
}

/* RFC 3629 to the letter. Bytes that a lead byte asks for; 0: no lead byte. */
static size_t lead(unsigned char c)
{
    return c < 0x80 ? 1 : c >= 0xC2 && c <= 0xDF ? 2 : c >= 0xE0 && c <= 0xEF ? 3 : c >= 0xF0 && c <= 0xF4 ? 4 : 0;
}

static bool assemble(const unsigned char *p, size_t n, uint32_t *cp)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t c = n == 1 ? p[0] : p[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return false;
        c = c << 6 | (p[i] & 0x3F);
    }
    *cp = c;
    return c >= least[n] && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
}

/* --- what was seen ------------------------------------------------------- */

static void see(struct hostile_seen *s, uint32_t cp)
{
    if (s && cp < 0x110000)
        s->bit[cp / 8] |= (uint8_t)(1 << cp % 8);
}

bool hostile_was_seen(const struct hostile_seen *s, uint32_t cp)
{
    return s->bit[cp / 8] >> cp % 8 & 1;
}

size_t hostile_count(const struct hostile_seen *s)
{
    size_t n = 0;
    for (size_t i = 0; i < sizeof s->bit; i++)
        n += (size_t)__builtin_popcount(s->bit[i]);
    return n;
}

/* The end of a run of letters: "<U+202E>", "<U+200B×40>", "^[", "<TAG "ab">". */
static void see_run(struct hostile_seen *s, const char *p, size_t n)
{
    if (n >= 2 && p[n - 2] == '^' && ((p[n - 1] >= '@' && p[n - 1] <= '_') || p[n - 1] == '?'))
        see(s, (uint32_t)(p[n - 1] ^ 0x40));
    if (!n || p[n - 1] != '>')
        return;
    size_t from = n;
    while (from && p[from - 1] != '<')
        from--;
    const char *q = p + from;
    if (from && n - from > 5 && memcmp(q, "U+", 2) == 0)
        see(s, (uint32_t)strtoul(q + 2, NULL, 16));
    static const char tag[] = "<TAG \"";
    const char *hit = n > 8 && p[n - 2] == '"' ? memmem(p, n, tag, sizeof tag - 1) : NULL;
    for (const char *next; hit && (next = memmem(hit + 1, (size_t)(p + n - hit - 1), tag, sizeof tag - 1));)
        hit = next;
    if (hit)
        for (q = hit + sizeof tag - 1; q < p + n - 2; q++) /* the last quote is the mark's */
            see(s, 0xE0000u | (unsigned char)*q);
}

static void add_to_run(struct hostile_seen *s, char *run, size_t *n, size_t size, char c)
{
    if (*n + 2 > size) {
        memmove(run, run + *n - size / 2, size / 2);
        *n = size / 2;
    }
    run[(*n)++] = c;
    if (s && (c == '>' || (*n > 1 && run[*n - 2] == '^')))
        see_run(s, run, *n);
}

void hostile_see_canvas(struct hostile_seen *s, const struct kt_canvas *c)
{
    for (int row = 0; row < c->rows; row++) {
        const struct kt_grid_cell *g = c->cell + (size_t)row * (size_t)c->cols;
        char run[64];
        size_t n = 0;
        for (int col = 0; col < c->cols; col++) {
            const unsigned char *p = (const unsigned char *)g[col].cell.utf8;
            if (p[0] && p[0] < 0x80 && !p[1]) {
                see(s, p[0]);
                if (g[col].cell.mark)
                    add_to_run(s, run, &n, sizeof run, (char)p[0]);
                else
                    n = 0;
                continue;
            }
            for (uint32_t cp; *p && lead(*p) && assemble(p, lead(*p), &cp); p += lead(*p))
                see(s, cp);
        }
    }
}

static const char *judge_cell(const struct kt_cell *cell, bool ascii)
{
    const unsigned char *p = (const unsigned char *)cell->utf8;
    uint32_t cp;
    int marks = 0, width = 0;
    for (size_t at = 0, k; at < sizeof cell->utf8 && p[at]; at += k) {
        k = lead(p[at]);
        if (!k || at + k >= sizeof cell->utf8 || !assemble(p + at, k, &cp))
            return "not UTF-8";
        const char *why = hostile_why(cp, ascii);
        if (why)
            return why;
        if (at == 0 && hostile_combining(cp))
            return "a mark without its letter";
        if (at > 0 && (!hostile_combining(cp) || ++marks > 2))
            return "too much for one cell";
        if (at == 0)
            width = cp < 0x80 ? 1 : wcwidth((wchar_t)cp);
    }
    return width == cell->width ? NULL : "of another width than is said";
}

const char *hostile_canvas(const struct kt_canvas *c, int *row, int *col)
{
    for (*row = 0; *row < c->rows; (*row)++)
        for (*col = 0; *col < c->cols; (*col)++) {
            const struct kt_grid_cell *g = &c->cell[(size_t)*row * (size_t)c->cols + (size_t)*col];
            const struct kt_cell *cell = &g->cell;
            unsigned char first = (unsigned char)cell->utf8[0];
            if (first >= 0x20 && first < 0x7F && !cell->utf8[1] && cell->width == 1)
                continue;
            if (cell->width == 0) {
                if (*col == 0 || g[-1].cell.width != 2 || first)
                    return "half a wide letter";
                continue;
            }
            if (cell->width == 2 && (*col + 1 >= c->cols || g[1].cell.width != 0))
                return "a wide letter without its other half";
            const char *why = judge_cell(cell, c->ascii);
            if (!why && !kt_cell_safe(cell))
                why = "refused by kt_cell_safe";
            if (why)
                return why;
        }
    return NULL;
}

/* --- the bytes of a terminal ------------------------------------------- */

enum { TEXT, LETTER, ESCAPE, CSI, CHARSET, OSC, OSC_ESCAPE };

void hostile_scan_init(struct hostile_scan *s, int rows, int cols, bool ascii)
{
    *s = (struct hostile_scan){.rows = rows, .cols = cols, .ascii = ascii, .marks = -1};
}

static bool wrong(struct hostile_scan *s, const char *why)
{
    if (s->wrong[0])
        return false;
    int n = snprintf(s->wrong, sizeof s->wrong, "%s at byte %llu:", why, (unsigned long long)s->bytes);
    for (size_t i = 0; i < s->n && n + 4 < (int)sizeof s->wrong; i++)
        n += snprintf(s->wrong + n, sizeof s->wrong - (size_t)n, " %02x", (unsigned char)s->part[i]);
    return false;
}

/* The numbers of a CSI; more than 20, or one above 65535, is not ncurses'. */
static int numbers(const char *p, size_t n, int out[20])
{
    int k = 0;
    for (size_t i = 0; i <= n; i++) {
        int v = -1;
        while (i < n && isdigit((unsigned char)p[i])) {
            v = (v < 0 ? 0 : v) * 10 + p[i++] - '0';
            if (v > 65535)
                return -1;
        }
        if ((i < n && p[i] != ';') || k == 20)
            return -1;
        out[k++] = v;
    }
    return k;
}

static bool mode_is_known(const char *p, size_t n)
{
    static const char *const known[] = {"?1049h", "?1049l", "?1h", "?1l", "?25h", "?25l", "?12l", "?12;25h",
                                        "?2004h", "?2004l", "4h", "4l", "?7h", "?7l", "?1004h", "?1004l",
                                        "?1002h", "?1002l", "?1006h", "?1006l", "?2026h", "?2026l"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i]) == n && memcmp(known[i], p, n) == 0)
            return true;
    return false;
}

static bool sgr_is_known(const int *v, int k)
{
    for (int i = 0; i < k; i++) {
        if (v[i] == 38 || v[i] == 48) {
            if (i + 2 >= k || v[i + 1] != 5 || v[i + 2] < 0 || v[i + 2] > 255)
                return false;
            i += 2;
        } else if (!(v[i] <= 4 || v[i] == 7 || v[i] == 22 || v[i] == 24 || v[i] == 27 || (v[i] >= 30 && v[i] <= 37) ||
                     v[i] == 39 || (v[i] >= 40 && v[i] <= 47) || v[i] == 49 || (v[i] >= 90 && v[i] <= 97) ||
                     (v[i] >= 100 && v[i] <= 107))) {
            return false; /* neither blinking nor hidden (5, 6, 8) */
        }
    }
    return true;
}

static bool within(int v, int most)
{
    return v == -1 || (v >= 1 && v <= most);
}

static bool csi_is_known(struct hostile_scan *s)
{
    const char *p = s->part + 2; /* behind ESC [ */
    size_t n = s->n - 3;
    char final = s->part[s->n - 1];
    int v[20];
    if (final == 'h' || final == 'l')
        return mode_is_known(p, n + 1);
    if (final == 't') /* the title is kept and put back: part of smcup and rmcup */
        return n == 6 && (memcmp(p, "22;0;0", 6) == 0 || memcmp(p, "23;0;0", 6) == 0);
    if (final == 'p') /* does it know synchronised frames? */
        return n == 6 && memcmp(p, "?2026$", 6) == 0;
    if (final == 'n') /* has it drawn all of it? */
        return n == 1 && p[0] == '5';
    int k = numbers(p, n, v);
    if (k < 0)
        return false;
    switch (final) {
    case 'm': return sgr_is_known(v, k);
    case 'H': return k == 1 ? v[0] == -1 : k == 2 && within(v[0], s->rows) && within(v[1], s->cols);
    case 'r': return k == 2 && within(v[0], s->rows) && within(v[1], s->rows);
    case 'A': case 'B': case 'd': case 'L': case 'M': case 'S': case 'T': return k == 1 && within(v[0], s->rows);
    case 'C': case 'D': case 'G': case 'P': case '@': case 'X': case 'b': return k == 1 && within(v[0], s->cols);
    case 'Z': return k == 1 && v[0] == -1;
    case 'J':
        s->clears += v[0] == 2;
        s->ended = s->ended && v[0] != 2;
        return k == 1 && (v[0] == -1 || v[0] == 2);
    case 'K': return k == 1 && (v[0] == -1 || v[0] == 1);
    default: return false;
    }
}

static bool end_sequence(struct hostile_scan *s, bool known, const char *why)
{
    s->sequences++;
    if (s->n == 3 && memcmp(s->part, "\033[H", 3) == 0)
        s->ended = true; /* one before CSI 2 J is undone by that; within a frame there is none */
    bool ok = known || wrong(s, why);
    s->state = TEXT;
    s->n = 0;
    return ok;
}

static bool end_letter(struct hostile_scan *s)
{
    uint32_t cp = 0;
    const char *why = assemble((const unsigned char *)s->part, s->n, &cp) ? hostile_why(cp, s->ascii) : "not UTF-8";
    if (!why && hostile_combining(cp)) {
        if (s->marks < 0)
            why = "a mark without its letter";
        else if (++s->marks > 2)
            why = "a third mark on a letter";
    } else {
        s->marks = 0;
    }
    if (why)
        return wrong(s, why);
    see(s->seen, cp);
    s->n_run = 0;
    s->letters++;
    s->state = TEXT;
    s->n = 0;
    return true;
}

static bool plain(struct hostile_scan *s, unsigned char c)
{
    s->part[0] = (char)c;
    s->n = 1;
    if (c == 0x1B) {
        s->state = ESCAPE;
        return true;
    }
    if (c >= 0x20 && c < 0x7F) {
        s->marks = 0;
        s->letters++;
        s->n = 0;
        see(s->seen, c);
        add_to_run(s->seen, s->run, &s->n_run, sizeof s->run, (char)c);
        if (s->words && !s->found) {
            size_t n = strlen(s->words);
            s->found = s->n_run >= n && memcmp(s->run + s->n_run - n, s->words, n) == 0;
        }
        return true;
    }
    if (c < 0x80)
        s->marks = -1;
    if (c == '\r' || c == '\n' || c == '\b') { /* how ncurses moves the cursor */
        s->controls++;
        s->n_run = s->n = 0;
        return true;
    }
    if (c < 0x80 || !lead(c))
        return wrong(s, c < 0x80 ? "a control" : "not UTF-8");
    s->state = LETTER;
    return true;
}

static bool escape(struct hostile_scan *s, char c)
{
    static const char alone[] = "=>M78";
    if (c == '[')
        s->state = CSI;
    else if (c == '(')
        s->state = CHARSET;
    else if (c == ']' && s->clipboard)
        s->state = OSC;
    else
        return end_sequence(s, c && strchr(alone, c), "an escape that ncurses does not send");
    return true;
}

static bool step(struct hostile_scan *s, unsigned char c)
{
    if (s->state == TEXT)
        return plain(s, c);
    if (s->state == OSC || s->state == OSC_ESCAPE) {
        if (s->state == OSC_ESCAPE)
            return end_sequence(s, c == '\\', "an OSC that does not end");
        s->state = c == 0x1B ? OSC_ESCAPE : OSC;
        return c == 0x1B || (c >= 0x20 && c < 0x7F) || wrong(s, "a control in an OSC");
    }
    if (s->n + 1 >= sizeof s->part)
        return wrong(s, "a sequence without end");
    s->part[s->n++] = (char)c;
    switch (s->state) {
    case LETTER:
        return s->n < lead((unsigned char)s->part[0]) || end_letter(s);
    case ESCAPE:
        if (c != '[' && c != '(')
            s->n_run = 0;
        return escape(s, (char)c);
    case CHARSET:
        return end_sequence(s, c == 'B' || c == '0', "a character set");
    default:
        if (c >= 0x40 && c <= 0x7E) {
            if (c != 'm')
                s->n_run = 0; /* the cursor has moved */
            return end_sequence(s, csi_is_known(s), "a CSI that ncurses does not send");
        }
        return (c >= 0x30 && c <= 0x3F) || c == '$' || wrong(s, "a CSI with a strange byte");
    }
}

bool hostile_scan(struct hostile_scan *s, const char *p, size_t n)
{
    for (size_t i = 0; i < n && !s->wrong[0]; i++, s->bytes++)
        if (!step(s, (unsigned char)p[i]))
            return false;
    return !s->wrong[0];
}

/* --- records ------------------------------------------------------------- */

void hostile_put(struct kt_buf *b, uint32_t cp, bool escape_all)
{
    if (cp > 0xFFFF && escape_all) {
        kt_buf_addf(b, "\\u%04x\\u%04x", 0xD800 + ((cp - 0x10000) >> 10), 0xDC00 + ((cp - 0x10000) & 0x3FF));
    } else if (escape_all || cp < 0x20 || cp == '"' || cp == '\\' || (cp >= 0xD800 && cp <= 0xDFFF)) {
        kt_buf_addf(b, "\\u%04x", cp);
    } else if (cp < 0x80) {
        kt_buf_addc(b, (char)cp);
    } else {
        size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
        static const unsigned char first[] = {0, 0, 0xC0, 0xE0, 0xF0};
        for (size_t i = n; i--;)
            kt_buf_addc(b, (char)((cp >> 6 * i & (i + 1 == n ? 0xFF : 0x3F)) | (i + 1 == n ? first[n] : 0x80)));
    }
}

void hostile_put_surrogate_bytes(struct kt_buf *b, uint32_t cp)
{
    kt_buf_addc(b, (char)0xED);
    kt_buf_addc(b, (char)(0x80 | (cp >> 6 & 0x3F)));
    kt_buf_addc(b, (char)(0x80 | (cp & 0x3F)));
}

uint64_t hostile_random(uint64_t *x) /* xorshift64* */
{
    *x ^= *x >> 12;
    *x ^= *x << 25;
    *x ^= *x >> 27;
    return *x * UINT64_C(2685821657736338717) >> 16;
}

void hostile_text(struct kt_buf *b, uint64_t *random, int max)
{
    static const char *const piece[] = {
        "\\u001b]0;owned\\u0007", "\\u001b[2J\\u001b[H", "\\u001b[?1049l", "\\u009b31m", "\\u001bP+q544e\\u001b\\\\",
        "\\r", "\\n", "\\t", "\\b\\b\\b\\b", "\\u0000", "\\u007f", "\\u202e", "\\u2066", "\\u200b", "\\u200d",
        "\\ufeff", "\\u00ad", "\\u0301\\u0302\\u0303\\u0304", "e\\u0301", "\\udb40\\udc41\\udb40\\udc42", "\\ue000",
        "\\uffff", "\\ud800", "\\udfff", "\\ud83d\\ude00", "\\ud83c\\udde9\\ud83c\\uddea",
        "\\ud83d\\udc4d\\ud83c\\udffd", "\\u6f22\\u5b57", "\\u05d0\\u05d1", "\\u0627", "\\u1100\\u1161",
        "\\u0915\\u093f", "\\u3000", "\\u202f", "\\u2028", "\\u0430dmin", "AKIA", "<U+202E>", "^[", "\\u2026",
        "~", "`$(id)`", "'\\\"", "%s%n", "=cmd()", " ", "x", "root"};
    int parts = 1 + (int)(hostile_random(random) % (uint64_t)max);
    for (int i = 0; i < parts; i++) {
        uint64_t r = hostile_random(random);
        if (r % 4 == 0)
            hostile_put(b, (uint32_t)(r >> 8) % 0x110000, r & 16);
        else if (r % 16 == 1)
            hostile_put(b, (uint32_t)(r >> 8) % 0x3000, r & 16);
        else
            kt_buf_adds(b, piece[(r >> 8) % (sizeof piece / sizeof *piece)]);
    }
}

static void member(struct kt_buf *b, const char *name, const char *value, const char *usual)
{
    kt_buf_addf(b, "\"%s\":\"", name);
    kt_buf_adds(b, value ? value : usual);
    kt_buf_adds(b, "\",");
}

static void who(struct kt_buf *b, enum hostile_shape shape, const char *const f[])
{
    const char *account = f[HOSTILE_ACCOUNT] ? f[HOSTILE_ACCOUNT] : "111122223333";
    kt_buf_adds(b, "\"userIdentity\":{");
    member(b, "type", NULL, shape == HOSTILE_ROLE ? "AssumedRole" : "IAMUser");
    member(b, "accountId", f[HOSTILE_ACCOUNT], account);
    member(b, "accessKeyId", f[HOSTILE_ACTOR_KEY], "AKIAEXAMPLEACTOR0001");
    if (shape == HOSTILE_ROLE) {
        kt_buf_addf(b, "\"arn\":\"arn:aws:sts::%s:assumed-role/", account);
        kt_buf_adds(b, f[HOSTILE_ISSUER] ? f[HOSTILE_ISSUER] : "deploy");
        kt_buf_adds(b, "/");
        kt_buf_adds(b, f[HOSTILE_SESSION] ? f[HOSTILE_SESSION] : "i-0abc");
        kt_buf_adds(b, "\",\"sessionContext\":{\"sessionIssuer\":{\"type\":\"Role\",");
        member(b, "userName", f[HOSTILE_ISSUER], "deploy");
        member(b, "accountId", f[HOSTILE_ACCOUNT], account);
        kt_buf_adds(b, "\"x\":1}},");
    } else {
        member(b, "userName", f[HOSTILE_ACTOR], "alice");
    }
    kt_buf_adds(b, "\"principalId\":\"AIDAEXAMPLE0000000001\"},");
}

static void what(struct kt_buf *b, int n, enum hostile_shape shape, const char *const f[])
{
    char key[32];
    snprintf(key, sizeof key, "AKIAEXAMPLE%09d", n);
    if (shape == HOSTILE_DENIED) {
        member(b, "errorCode", f[HOSTILE_CODE], "AccessDenied");
        member(b, "errorMessage", f[HOSTILE_MESSAGE], "not allowed");
        if (!f[HOSTILE_REQUEST]) {
            kt_buf_adds(b, "\"requestParameters\":null,\"responseElements\":null,");
            return;
        }
    }
    kt_buf_adds(b, "\"requestParameters\":{");
    member(b, "userName", f[HOSTILE_REQUEST], "svc-backup");
    kt_buf_adds(b, "\"x\":1},");
    if (shape == HOSTILE_DENIED)
        return;
    kt_buf_adds(b, "\"responseElements\":{\"accessKey\":{");
    member(b, "userName", f[HOSTILE_RESPONSE], f[HOSTILE_REQUEST] ? f[HOSTILE_REQUEST] : "svc-backup");
    member(b, "accessKeyId", f[HOSTILE_KEY], key);
    kt_buf_adds(b, "\"status\":\"Active\"}},");
}

void hostile_record(struct kt_buf *b, int n, enum hostile_shape shape, const char *const f[HOSTILE_FIELD_COUNT])
{
    char id[48], time[40];
    snprintf(id, sizeof id, "00000000-0000-4000-8000-%012d", n);
    snprintf(time, sizeof time, "2026-11-%02dT%02d:%02d:%02dZ", 1 + n / 86400 % 24, n / 3600 % 24, n / 60 % 60, n % 60);
    kt_buf_adds(b, "{\"eventVersion\":\"1.08\",");
    who(b, shape, f);
    kt_buf_addf(b, "\"eventTime\":\"%s\",\"eventSource\":\"iam.amazonaws.com\",", time);
    member(b, "eventName", NULL, "CreateAccessKey");
    member(b, "awsRegion", f[HOSTILE_REGION], "us-east-1");
    member(b, "sourceIPAddress", f[HOSTILE_ADDRESS], "203.0.113.9");
    member(b, "userAgent", f[HOSTILE_AGENT], "aws-cli/2.17.0");
    what(b, n, shape, f);
    member(b, "eventID", f[HOSTILE_EVENT_ID], id);
    kt_buf_adds(b, "\"recipientAccountId\":\"111122223333\",\"eventType\":\"AwsApiCall\"}\n");
}
