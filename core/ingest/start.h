/* What the start of a record looks like in this stream: where to go on after
 * damage.
 *
 * Records of one stream mostly begin with the same key. `{"key":` cannot occur
 * inside a valid JSON string, whose quotes are escaped, so that finding it is
 * finding an object. A key with which nested objects begin as well proves
 * nothing and is not used. */
#ifndef KT_INGEST_START_H
#define KT_INGEST_START_H
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KT_START_KEYS = 8,
    KT_START_KEY_MAX = 64,
    KT_START_BLANKS = 64, /* white space allowed between two tokens */
    KT_START_LOOK = 512   /* more than any start is long, and what is looked at before it */
};

struct kt_start_key {
    char text[KT_START_KEY_MAX];
    size_t n;
    bool nested; /* objects inside records begin with it, too */
};
/* All zero: nothing learned. */
struct kt_starts {
    struct kt_start_key key[KT_START_KEYS];
    size_t n;
    unsigned seen;
};

enum kt_start_kind { KT_START_NONE, KT_START_RECORD, KT_START_DOCUMENT };

/* Where to look, and what else counts there. */
struct kt_start_where {
    struct kt_span own; /* the first key of the damaged record itself, or unknown */
    bool top;           /* not inside an array: `{"` at the beginning of a line counts */
};

/* Learns from a whole record. */
void kt_starts_learn(struct kt_starts *t, const char *p, size_t n);
/* Has it seen so many that it learns nothing more? */
bool kt_starts_learned(const struct kt_starts *t);
/* The first start at or after `from` of which all lies before `n`; `n` where
 * there is none. A DOCUMENT begins with an array of records of its own. */
size_t kt_starts_find(const struct kt_starts *t, const struct kt_start_where *where, const char *p, size_t n,
                      size_t from, enum kt_start_kind *kind);
/* The first key of an object, as it stands between its quotes; unknown where
 * the text does not begin so. */
struct kt_span kt_first_key(const char *p, size_t n);
/* Names of keys whose arrays hold records. */
bool kt_is_envelope_key(struct kt_span key);
/* The key that stands before the bracket at `at` (`"key" : [`), looking back no
 * further than `from`; unknown where there is none. */
struct kt_span kt_key_before(const char *p, size_t from, size_t at);
static inline bool kt_is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
#endif
