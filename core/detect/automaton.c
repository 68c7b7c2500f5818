#include "detect/automaton.h"

#include "detect/rule.h"

#include <stdlib.h>

static void classes(struct automaton *a, const struct kt_span *text, size_t n)
{
    a->classes = 1;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < text[i].n; k++) {
            unsigned char c = pattern_fold(text[i].p[k]);
            if (!a->class_of[c])
                a->class_of[c] = (uint8_t)a->classes++;
        }
    for (int c = 'A'; c <= 'Z'; c++)
        a->class_of[c] = a->class_of[c + ('a' - 'A')];
}

static void add(struct automaton *a, struct kt_span text, uint32_t number)
{
    size_t at = 0;
    for (size_t k = 0; k < text.n; k++) {
        uint32_t *step = &a->next[at * a->classes + a->class_of[(unsigned char)text.p[k]]];
        if (!*step)
            *step = (uint32_t)a->nodes++;
        at = *step;
    }
    if (!a->number[at])
        a->number[at] = number;
}

/* Breadth first: where a text goes no further, the longest of its ends that
 * begins another one goes on in its place. */
static bool connect(struct automaton *a)
{
    uint32_t *queue = calloc(a->nodes, sizeof *queue), *fail = calloc(a->nodes, sizeof *fail);
    size_t head = 0, tail = 0;
    if (!queue || !fail) {
        free(queue);
        free(fail);
        return false;
    }
    for (size_t c = 1; c < a->classes; c++)
        if (a->next[c])
            queue[tail++] = a->next[c];
    while (head < tail) {
        uint32_t at = queue[head++];
        uint32_t *step = &a->next[at * a->classes], *other = &a->next[fail[at] * a->classes];
        a->also[at] = a->number[fail[at]] ? fail[at] : a->also[fail[at]];
        for (size_t c = 1; c < a->classes; c++) {
            if (!step[c]) {
                step[c] = other[c];
                continue;
            }
            fail[step[c]] = other[c];
            queue[tail++] = step[c];
        }
    }
    free(queue);
    free(fail);
    return true;
}

bool automaton_build(struct automaton *a, const struct kt_span *text, const uint32_t *number, size_t n)
{
    *a = (struct automaton){.nodes = 1};
    size_t bytes = 1;
    classes(a, text, n);
    for (size_t i = 0; i < n; i++)
        bytes += text[i].n;
    if (bytes > AUTOMATON_BYTES_MAX / sizeof *a->next / a->classes)
        return false;
    a->next = calloc(bytes * a->classes, sizeof *a->next);
    a->number = calloc(bytes, sizeof *a->number);
    a->also = calloc(bytes, sizeof *a->also);
    bool ok = a->next && a->number && a->also;
    for (size_t i = 0; ok && i < n; i++)
        add(a, text[i], number[i]);
    if (ok && connect(a))
        return true;
    automaton_free(a);
    return false;
}

void automaton_free(struct automaton *a)
{
    free(a->next);
    free(a->number);
    free(a->also);
    *a = (struct automaton){.nodes = 0};
}

void automaton_scan(const struct automaton *a, struct kt_span s, automaton_fn *f, void *ctx)
{
    uint32_t at = 0;
    for (size_t i = 0; i < s.n; i++) {
        at = a->next[at * a->classes + a->class_of[(unsigned char)s.p[i]]];
        for (uint32_t hit = a->number[at] ? at : a->also[at]; hit; hit = a->also[hit])
            f(ctx, a->number[hit], i + 1);
    }
}
