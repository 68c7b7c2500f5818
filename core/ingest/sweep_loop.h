/* The loop of a sweep, once for each way: included by sweep.c with
 *   SWEEP_NAME       what to call it
 *   SWEEP_TARGET     attributes
 *   SWEEP_MASKS(p, a, m)  fills struct sweep_masks of the 64 bytes at p
 *   SWEEP_SETUP(a, w)     what the anchors need before the loop
 *   SWEEP_PARITY(x)  bit i: is an odd number of bits at or below i set?
 *   SWEEP_PUT(to, at, bits)  writes at + i for each bit i; may write 64 */

SWEEP_TARGET static size_t SWEEP_NAME(const struct kt_sweep *w, const char *text, size_t low, size_t from, size_t to,
                                      struct kt_scan *s, struct kt_swept *out)
{
    SWEEP_SETUP(anchors, w);
    uint64_t in_string = s->in_string, escaped = s->escaped;
    uint16_t *bracket = out->bracket;
    size_t at = from;
    for (; at + KT_SCAN_BLOCK <= to; at += KT_SCAN_BLOCK) {
        UNSET struct sweep_masks m;
        SWEEP_MASKS(text + at, anchors, &m);
        uint64_t next, marked = mark_escaped(m.backslash, escaped, &next);
        uint64_t inside = SWEEP_PARITY(m.quote & ~marked) ^ in_string;
        if ((m.control & inside) | (m.stray & ~inside))
            break;
        escaped = next;
        in_string = (uint64_t)((int64_t)inside >> 63);
        uint64_t b = m.bracket & ~inside;
        SWEEP_PUT(bracket, (unsigned)(at - from), b);
        bracket += __builtin_popcountll(b);
        if ((m.name | m.key) && !found(w, text, low, from, at, to, m.name, m.key, out)) {
            at += KT_SCAN_BLOCK;
            break;
        }
    }
    out->n_brackets = (size_t)(bracket - out->bracket);
    *s = (struct kt_scan){in_string, escaped};
    return at;
}
#undef SWEEP_NAME
#undef SWEEP_TARGET
#undef SWEEP_MASKS
#undef SWEEP_SETUP
#undef SWEEP_PARITY
#undef SWEEP_PUT
