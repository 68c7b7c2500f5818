#include "detect/rule.h"

unsigned char pattern_fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : (unsigned char)c;
}

/* Backslash takes the meaning from * ? and itself; before others it is one. */
size_t pattern_compile(struct kt_span s, uint16_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        char next = i + 1 < s.n ? s.p[i + 1] : '\0';
        if (c == '\\' && (next == '*' || next == '?' || next == '\\'))
            out[n++] = (unsigned char)s.p[++i];
        else if (c == '*')
            out[n++] = PATTERN_ANY;
        else if (c == '?')
            out[n++] = PATTERN_ONE;
        else
            out[n++] = c;
    }
    return n;
}

static bool literal_between(const struct pattern *p, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (p->p[i] >= PATTERN_ANY)
            return false;
    return true;
}

static void keep_literal(struct pattern *p, size_t from, size_t to, char *text)
{
    for (size_t i = from; i < to; i++)
        text[i - from] = (char)p->p[i];
    p->literal = (struct kt_span){text, to - from};
}

static void longest_literal(struct pattern *p, char *text)
{
    size_t best = 0, best_at = 0, from = 0;
    for (size_t i = 0; i <= p->n; i++) {
        if (i < p->n && p->p[i] < PATTERN_ANY)
            continue;
        if (i - from > best) {
            best = i - from;
            best_at = from;
        }
        from = i + 1;
    }
    keep_literal(p, best_at, best_at + best, text);
}

/* Several * in a row are one. */
static void fold_elements(struct pattern *p)
{
    uint16_t *e = (uint16_t *)(uintptr_t)p->p;
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        uint16_t c = e[i];
        if (c == PATTERN_ANY && n && e[n - 1] == PATTERN_ANY)
            continue;
        e[n++] = !p->cased && c < PATTERN_ANY ? pattern_fold((char)c) : c;
    }
    p->n = n;
}

void pattern_finish(struct pattern *p, char *text)
{
    fold_elements(p);
    bool head = p->n && p->p[0] == PATTERN_ANY, tail = p->n && p->p[p->n - 1] == PATTERN_ANY;
    size_t from = head ? 1 : 0, to = p->n - (tail && p->n > from ? 1 : 0);
    p->floating = head && tail;
    if (p->n == 1 && head) {
        p->shape = SHAPE_ANY;
        p->literal = (struct kt_span){text, 0};
    } else if (literal_between(p, from, to)) {
        p->shape = head && tail ? SHAPE_CONTAINS : head ? SHAPE_SUFFIX : tail ? SHAPE_PREFIX : SHAPE_EXACT;
        keep_literal(p, from, to, text);
    } else {
        p->shape = SHAPE_GLOB;
        longest_literal(p, text);
    }
}

/* The length of the code point at `at`: continuation bytes go with it. */
static size_t one(struct kt_span s, size_t at)
{
    size_t n = 1;
    while (at + n < s.n && ((unsigned char)s.p[at + n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* The length of the dash at `at`; 0: there is none. U+2013 to U+2015. */
static size_t dash(struct kt_span s, size_t at)
{
    if (s.p[at] == '-' || s.p[at] == '/')
        return 1;
    return at + 2 < s.n && memcmp(s.p + at, "\xe2\x80", 2) == 0 && (unsigned char)s.p[at + 2] >= 0x93 &&
                   (unsigned char)s.p[at + 2] <= 0x95
               ? 3
               : 0;
}

/* The length of text that the element takes; 0: it does not hold here. */
static size_t takes(const struct pattern *p, size_t k, struct kt_span s, size_t at)
{
    if (k >= p->n)
        return 0;
    if (p->p[k] == PATTERN_ONE)
        return one(s, at);
    if (p->p[k] == PATTERN_DASH)
        return dash(s, at);
    unsigned char c = p->cased ? (unsigned char)s.p[at] : pattern_fold(s.p[at]);
    return p->p[k] == c ? 1 : 0;
}

/* On a mismatch the last * takes one byte more: linear but for stars, and
 * never worse than text times pattern. */
static bool glob_matches(const struct pattern *p, struct kt_span s)
{
    size_t i = 0, k = 0, star = SIZE_MAX, resume = 0, n;
    while (i < s.n) {
        if (k < p->n && p->p[k] == PATTERN_ANY) {
            star = k++;
            resume = i;
        } else if ((n = takes(p, k, s, i)) > 0) {
            i += n;
            k++;
        } else if (star != SIZE_MAX) {
            k = star + 1;
            i = ++resume;
        } else {
            return false;
        }
    }
    while (k < p->n && p->p[k] == PATTERN_ANY)
        k++;
    return k == p->n;
}

bool pattern_matches(const struct pattern *p, struct kt_span s)
{
    return p->shape == SHAPE_ANY || glob_matches(p, s);
}
