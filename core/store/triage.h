/* Triage: what people did about a row or a key. Acknowledged, a note, tags, an
 * assignee: each act is an entry that is added and never changed, so that two
 * keytops cannot overwrite each other. What holds of a subject follows from its
 * entries in the order of their times (of equal times, of their uuids),
 * whatever order they came in.
 *
 * As text an entry is one line of JSON, all ASCII, which ends with the CRC-32
 * of what stands before it:
 *
 *   {"uuid":"…","at":"2026-11-24T14:33:02.123Z","who":"ann@jump1",
 *    "action":"note","event_id":"…","digest":"…","key":null,"text":"…",
 *    "crc":"89abcdef"}
 *
 * `digest` is the first half of the SHA-256 of the event's content (store.h),
 * which alone says which event is meant; `event_id` is for people. */
#ifndef KT_STORE_TRIAGE_H
#define KT_STORE_TRIAGE_H
#include "base/arena.h"
#include "base/buf.h"
#include "detect/row.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    KT_TRIAGE_TEXT = 1024, /* bytes of a note, of tags, of a name */
    KT_TRIAGE_WHO = 128,
    KT_TRIAGE_ID = 256,    /* bytes of an event id or a key that are kept */
    KT_TRIAGE_LINE = 16384,
    KT_TRIAGE_ENTRIES = 1 << 18, /* that are known at once */
    KT_TRIAGE_BYTES = 64 << 20   /* of all their texts */
};

/* X(id, "name", "what was done, before the text") */
#define KT_TRIAGE_ACTS(X)                    \
    X(ACK, "ack", "acknowledged")            \
    X(UNACK, "unack", "no longer acknowledged") \
    X(NOTE, "note", "noted")                 \
    X(TAG, "tag", "tagged")                  \
    X(ASSIGN, "assign", "assigned to")       \
    X(UNDO, "undo", "took back")

enum kt_triage_action {
#define X(id, name, words) KT_TRIAGE_##id,
    KT_TRIAGE_ACTS(X)
#undef X
    KT_TRIAGE_ACTIONS
};
const char *kt_triage_action_name(enum kt_triage_action a);
const char *kt_triage_action_words(enum kt_triage_action a);

struct kt_subject {
    uint8_t digest[16];      /* of an event */
    struct kt_span event_id; /* for people; may be unknown */
    struct kt_span key;      /* known: the subject is this key, and the others say nothing */
};

struct kt_triage_entry {
    uint8_t uuid[16];
    int64_t at;
    struct kt_span who; /* user@host */
    struct kt_subject about;
    enum kt_triage_action action;
    /* NOTE: the note. TAG: "+added -removed". ASSIGN: to whom; empty: to no one.
     * UNDO: the uuid of an entry of the same person and subject. */
    struct kt_span text;
    bool undone; /* only told by kt_book_history */
};

/* Adds the line with its newline. False where it is too long or memory ran out. */
bool kt_triage_write(struct kt_buf *b, const struct kt_triage_entry *e);
/* Reads a line without its newline; spans in `a`. False where it is not whole. */
bool kt_triage_read(struct kt_span line, struct kt_arena *a, struct kt_triage_entry *out);

/* --- all entries -------------------------------------------------------------
 * Not thread-safe: its owner locks. */

struct kt_book;
struct kt_book *kt_book_new(void); /* NULL: out of memory */
void kt_book_free(struct kt_book *b);
enum kt_book_added { KT_BOOK_ADDED, KT_BOOK_KNOWN, KT_BOOK_FULL };
/* Copies. FULL: at a maximum, or out of memory. */
enum kt_book_added kt_book_add(struct kt_book *b, const struct kt_triage_entry *e);
bool kt_book_has(const struct kt_book *b, const uint8_t uuid[16]);
size_t kt_book_count(const struct kt_book *b);
/* The i-th that was added; spans borrowed until the book is freed. */
struct kt_triage_entry kt_book_at(const struct kt_book *b, size_t i);
/* What holds of a subject now; spans in `a`. */
void kt_book_fold(const struct kt_book *b, const struct kt_subject *about, struct kt_arena *a,
                  struct kt_row_triage *out);
/* Its entries in their order, in `a`; NULL where there are none or memory ran out. */
struct kt_triage_entry *kt_book_history(const struct kt_book *b, const struct kt_subject *about, struct kt_arena *a,
                                        size_t *n);
/* The last entry of this person that can be taken back. */
bool kt_book_last_of(const struct kt_book *b, struct kt_span who, struct kt_triage_entry *out);
#endif
