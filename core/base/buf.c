#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void kt_buf_init(struct kt_buf *b, size_t max)
{
    *b = (struct kt_buf){.max = max};
}

void kt_buf_free(struct kt_buf *b)
{
    free(b->p);
    *b = (struct kt_buf){.max = b->max};
}

void kt_buf_reset(struct kt_buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->p)
        b->p[0] = '\0';
}

bool kt_buf_reserve(struct kt_buf *b, size_t n)
{
    if (b->failed)
        return false;
    if (n > b->max || b->len > b->max - n) {
        b->failed = true;
        return false;
    }
    size_t need = b->len + n + 1;
    if (need <= b->cap)
        return true;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    if (cap > b->max + 1)
        cap = b->max + 1;
    char *p = realloc(b->p, cap);
    if (!p) {
        b->failed = true;
        return false;
    }
    b->p = p;
    b->cap = cap;
    return true;
}

bool kt_buf_add(struct kt_buf *b, const void *p, size_t n)
{
    if (!kt_buf_reserve(b, n))
        return false;
    if (n)
        memcpy(b->p + b->len, p, n);
    b->len += n;
    b->p[b->len] = '\0';
    return true;
}

bool kt_buf_addc(struct kt_buf *b, char c)
{
    return kt_buf_add(b, &c, 1);
}

bool kt_buf_adds(struct kt_buf *b, const char *s)
{
    return kt_buf_add(b, s, strlen(s));
}

bool kt_buf_addf(struct kt_buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    bool ok = n >= 0 && kt_buf_reserve(b, (size_t)n);
    if (ok) {
        vsnprintf(b->p + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    } else {
        b->failed = true;
    }
    va_end(again);
    return ok;
}

void kt_buf_drop(struct kt_buf *b, size_t n)
{
    if (n >= b->len) {
        b->len = 0;
    } else if (n) {
        memmove(b->p, b->p + n, b->len - n);
        b->len -= n;
    }
    if (b->p)
        b->p[b->len] = '\0';
}

const char *kt_buf_str(const struct kt_buf *b)
{
    return b->p ? b->p : "";
}

bool kt_grow(void *p, size_t *cap, size_t need, size_t size, size_t max)
{
    if (need <= *cap)
        return true;
    if (need > max)
        return false;
    size_t n = *cap ? *cap : 8;
    while (n < need)
        n = n > max / 2 ? max : n * 2;
    if (size && n > SIZE_MAX / size)
        return false;
    void *old;
    memcpy(&old, p, sizeof old);
    void *q = realloc(old, n * size);
    if (!q)
        return false;
    memcpy(p, &q, sizeof q);
    *cap = n;
    return true;
}
