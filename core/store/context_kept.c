/* Traces as bytes, and which of them are to be kept. An image is
 *
 *     form, what (1 byte each), news (8), number of entries (2), entries,
 *     CRC-32 of all before (4)
 *
 * an entry: flags (1), its value where it has one (16), its event (16), first
 * (8), last where it is another (8). Numbers stand as this machine has them. */
#include "store/context_impl.h"

#include <string.h>
#include <zlib.h>

enum { FORM = 1, HAS_UUID = 1, HAS_VALUE = 2, HAS_LAST = 4 };

/* --- what is to be kept -------------------------------------------------------- */

bool traces_note_room(struct kt_traces *c, size_t pages)
{
    uint32_t *note = mem_resize(&c->mem, c->note, (pages ? pages : 1) * TRACE_PAGE * sizeof *note);
    c->note = note ? note : c->note;
    return note != NULL;
}

void traces_note(struct kt_traces *c, uint32_t i)
{
    struct trace *t = trace_at(c, i);
    if (!t->dirty)
        c->note[c->n_note++] = i;
    t->dirty = true;
}

bool kt_traces_keep(struct kt_traces *c)
{
    (void)pthread_mutex_lock(&c->lock);
    c->keep = traces_note_room(c, c->n_pages);
    bool ok = c->keep;
    (void)pthread_mutex_unlock(&c->lock);
    return ok;
}

bool kt_traces_changed(struct kt_traces *c)
{
    (void)pthread_mutex_lock(&c->lock);
    bool yes = c->n_note > 0;
    (void)pthread_mutex_unlock(&c->lock);
    return yes;
}

/* Under the lock. */
static void note_one(struct kt_traces *c, uint32_t i)
{
    if (c->keep && i && i <= c->top && trace_at(c, i)->n)
        traces_note(c, i);
}

void kt_traces_again(struct kt_traces *c, uint32_t number)
{
    (void)pthread_mutex_lock(&c->lock);
    note_one(c, number);
    (void)pthread_mutex_unlock(&c->lock);
}

void kt_traces_all(struct kt_traces *c)
{
    (void)pthread_mutex_lock(&c->lock);
    for (uint32_t i = 1; i <= c->top; i++)
        note_one(c, i);
    (void)pthread_mutex_unlock(&c->lock);
}

/* --- as bytes ------------------------------------------------------------------------- */

static bool is_zero(const struct kt_digest *d)
{
    static const struct kt_digest none;
    return memcmp(d, &none, sizeof none) == 0;
}

static void put_entry(struct kt_buf *b, const struct kt_trace_entry *e)
{
    bool value = !is_zero(&e->value), last = e->last != e->first;
    kt_buf_addc(b, (char)((e->uuid ? HAS_UUID : 0) | (value ? HAS_VALUE : 0) | (last ? HAS_LAST : 0)));
    if (value)
        kt_buf_add(b, &e->value, sizeof e->value);
    kt_buf_add(b, &e->mark, sizeof e->mark);
    kt_buf_add(b, &e->first, sizeof e->first);
    if (last)
        kt_buf_add(b, &e->last, sizeof e->last);
}

static bool put_image(struct kt_buf *b, const struct trace *t)
{
    size_t from = b->len;
    uint16_t n = (uint16_t)t->n;
    kt_buf_addc(b, FORM);
    kt_buf_addc(b, (char)t->what);
    kt_buf_add(b, &t->news, sizeof t->news);
    kt_buf_add(b, &n, sizeof n);
    for (uint32_t i = 0; i < t->n; i++)
        put_entry(b, &t->e[i]);
    uint32_t crc = b->failed ? 0 : (uint32_t)crc32(0, (const uint8_t *)b->p + from, (unsigned)(b->len - from));
    return kt_buf_add(b, &crc, sizeof crc);
}

static bool take_entry(struct kt_span *rest, struct kt_trace_entry *e)
{
    uint8_t flags;
    *e = (struct kt_trace_entry){0};
    if (!kt_span_take(rest, &flags, 1) || ((flags & HAS_VALUE) && !kt_span_take(rest, &e->value, sizeof e->value)) ||
        !kt_span_take(rest, &e->mark, sizeof e->mark) || !kt_span_take(rest, &e->first, sizeof e->first))
        return false;
    e->uuid = (flags & HAS_UUID) != 0;
    e->last = e->first;
    return !(flags & HAS_LAST) || kt_span_take(rest, &e->last, sizeof e->last);
}

/* Its head, with the entries left in `rest`. */
static bool open_image(const struct kt_trace_key *key, struct kt_span image, struct kt_span *rest, int64_t *news,
                       uint16_t *n)
{
    uint32_t crc;
    uint8_t form, what;
    if (!image.p || image.n < sizeof crc || image.n > KT_TRACE_IMAGE_MAX)
        return false;
    *rest = (struct kt_span){image.p, image.n - sizeof crc};
    memcpy(&crc, image.p + rest->n, sizeof crc);
    return crc == (uint32_t)crc32(0, (const uint8_t *)image.p, (unsigned)rest->n) && kt_span_take(rest, &form, 1) &&
           form == FORM && kt_span_take(rest, &what, 1) && what == key->what && what < KT_TRACES && kt_span_take(rest, news, sizeof *news) &&
           kt_span_take(rest, n, sizeof *n) && *n <= KT_TRACE_VALUES;
}

/* Under the lock; the trace's number, 0 where there is none. */
static uint32_t put_back(struct kt_traces *c, const struct kt_trace_key *key, struct kt_span image, bool *whole)
{
    struct kt_span rest;
    int64_t news = KT_TIME_NONE;
    uint16_t n = 0;
    uint32_t i = 0;
    *whole = open_image(key, image, &rest, &news, &n);
    for (uint16_t k = 0; *whole && k < n; k++) {
        struct kt_trace_entry e, was;
        *whole = take_entry(&rest, &e) && e.first != KT_TIME_NONE &&
                 traces_put(c, &key->subject, key->what, &e, &was, &i) != KT_TRACES_NOT;
    }
    *whole = *whole && rest.n == 0;
    struct trace *t = i ? trace_at(c, i) : NULL;
    if (t)
        t->news = news > t->news ? news : t->news;
    return i;
}

bool kt_traces_take(struct kt_traces *c, const struct kt_trace_key *key, struct kt_span image)
{
    bool whole;
    (void)pthread_mutex_lock(&c->lock);
    uint32_t i = put_back(c, key, image, &whole);
    if (i)
        trace_at(c, i)->told = trace_at(c, i)->news;
    (void)pthread_mutex_unlock(&c->lock);
    return whole;
}

bool kt_trace_join(const struct kt_trace_key *key, struct kt_span x, struct kt_span y, struct kt_buf *out)
{
    struct kt_traces *both = kt_traces_new(UINT64_MAX);
    bool whole = false;
    uint32_t i = both ? put_back(both, key, x, &whole) : 0;
    if (whole)
        i = put_back(both, key, y, &whole);
    whole = whole && i && put_image(out, trace_at(both, i));
    kt_traces_free(both);
    return whole;
}

uint32_t kt_traces_next(struct kt_traces *c, struct kt_trace_key *key, struct kt_buf *image)
{
    uint32_t number = 0;
    (void)pthread_mutex_lock(&c->lock);
    while (c->n_note && !number) {
        uint32_t i = c->note[--c->n_note];
        struct trace *t = trace_at(c, i);
        t->dirty = false;
        if (!t->n) /* dropped since */
            continue;
        number = i;
        t->told = t->news;
        *key = (struct kt_trace_key){t->subject, (enum kt_trace)t->what, t->hour};
        if (!put_image(image, t)) {
            traces_note(c, i);
            number = 0;
            break;
        }
    }
    (void)pthread_mutex_unlock(&c->lock);
    return number;
}
