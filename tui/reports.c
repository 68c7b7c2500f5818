#include "tui/reports.h"

#include <stdbool.h>

enum { BYTES_MOST = 32, NUMBER_MOST = 100000, MOTION = 32, WHEEL = 64, PLACE_MOST = 4095 };

void kt_report_begin(struct kt_report *r, enum kt_report_kind kind)
{
    *r = (struct kt_report){.kind = kind};
}

static enum kt_report_state give_up(struct kt_report *r, enum kt_report_state s)
{
    r->kind = KT_REPORT_NONE;
    return s;
}

static enum kt_mouse button_of(uint32_t b, bool released)
{
    static const enum kt_mouse pressed[] = {KT_MOUSE_PRESS, KT_MOUSE_MIDDLE, KT_MOUSE_RIGHT, KT_MOUSE_NOTHING};
    if (b & WHEEL)
        return (b & 3) == 0 ? KT_MOUSE_WHEEL_UP : (b & 3) == 1 ? KT_MOUSE_WHEEL_DOWN : KT_MOUSE_NOTHING;
    if ((b & 3) != 0)
        return b & MOTION || released ? KT_MOUSE_NOTHING : pressed[b & 3];
    return released ? KT_MOUSE_RELEASE : b & MOTION ? KT_MOUSE_DRAG : KT_MOUSE_PRESS;
}

static enum kt_report_state mouse(struct kt_report *r, int byte, struct kt_key *k)
{
    if (r->at != 2 || r->n[1] < 1 || r->n[2] < 1 || r->n[1] > PLACE_MOST || r->n[2] > PLACE_MOST)
        return give_up(r, KT_REPORT_DROPPED);
    enum kt_mouse what = button_of(r->n[0], byte == 'm');
    *k = kt_mouse_key(what, (int)r->n[2] - 1, (int)r->n[1] - 1);
    return give_up(r, what == KT_MOUSE_NOTHING ? KT_REPORT_DROPPED : KT_REPORT_KEY);
}

enum kt_report_state kt_report_byte(struct kt_report *r, int byte, struct kt_key *k)
{
    if (++r->bytes > BYTES_MOST)
        return give_up(r, KT_REPORT_WRONG);
    if (byte >= '0' && byte <= '9') {
        uint32_t *n = &r->n[r->at];
        *n = *n < NUMBER_MOST ? *n * 10 + (uint32_t)(byte - '0') : *n;
        return KT_REPORT_MORE;
    }
    if (byte == ';')
        return ++r->at < 3 ? KT_REPORT_MORE : give_up(r, KT_REPORT_WRONG);
    if (r->kind == KT_REPORT_MODE && byte == '$')
        return KT_REPORT_MORE;
    if (r->kind == KT_REPORT_MODE && byte == 'y')
        return give_up(r, r->at == 1 ? KT_REPORT_TOLD : KT_REPORT_DROPPED);
    if (r->kind == KT_REPORT_MOUSE && (byte == 'M' || byte == 'm'))
        return mouse(r, byte, k);
    /* another answer that begins so: it ends with its letter */
    return give_up(r, byte >= 0x40 && byte <= 0x7E ? KT_REPORT_DROPPED : KT_REPORT_WRONG);
}
