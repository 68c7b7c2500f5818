#include "store/triage.h"

#include "base/clock.h"
#include "base/hash.h"
#include "text/text.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

static const struct {
    const char *name, *words;
} acts[] = {
#define X(id, name, words) {name, words},
    KT_TRIAGE_ACTS(X)
#undef X
};

const char *kt_triage_action_name(enum kt_triage_action a)
{
    return (unsigned)a < KT_TRIAGE_ACTIONS ? acts[a].name : NULL;
}

const char *kt_triage_action_words(enum kt_triage_action a)
{
    return (unsigned)a < KT_TRIAGE_ACTIONS ? acts[a].words : NULL;
}

/* --- as a line ----------------------------------------------------------------- */

enum { HEX16 = 32, CRC_AT = sizeof(",\"crc\":\"01234567\"}") - 1 };

static void field(struct kt_buf *b, const char *name, struct kt_span value)
{
    kt_buf_addf(b, ",\"%s\":", name);
    kt_text_json(b, value);
}

static struct kt_span cut(struct kt_span s, size_t most)
{
    return s.n > most ? (struct kt_span){s.p, most} : s;
}

bool kt_triage_write(struct kt_buf *b, const struct kt_triage_entry *e)
{
    char uuid[HEX16 + 1], digest[HEX16 + 1], at[KT_TIME_TEXT];
    bool key = kt_span_known(e->about.key);
    size_t from = b->len;
    kt_hex(e->uuid, 16, uuid);
    kt_hex(e->about.digest, 16, digest);
    if (!kt_time_format(e->at, at))
        return false;
    kt_buf_addf(b, "{\"uuid\":\"%s\",\"at\":\"%s\"", uuid, at);
    field(b, "who", cut(e->who, KT_TRIAGE_WHO));
    field(b, "action", kt_span_of(kt_triage_action_name(e->action)));
    field(b, "event_id", key ? KT_SPAN_NONE : cut(e->about.event_id, KT_TRIAGE_ID));
    field(b, "digest", key ? KT_SPAN_NONE : kt_span_of(digest));
    field(b, "key", cut(e->about.key, KT_TRIAGE_ID));
    field(b, "text", cut(e->text, KT_TRIAGE_TEXT));
    if (b->failed)
        return false;
    unsigned long crc = crc32(0, (const unsigned char *)b->p + from, (unsigned)(b->len - from));
    kt_buf_addf(b, ",\"crc\":\"%08lx\"}\n", crc & 0xffffffff);
    return !b->failed && b->len - from <= KT_TRIAGE_LINE;
}

static bool hex_read(struct kt_span s, uint8_t out[16])
{
    if (!s.p || s.n != HEX16)
        return false;
    for (size_t i = 0; i < 16; i++) {
        int high = kt_hex_value(s.p[2 * i]), low = kt_hex_value(s.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool crc_holds(struct kt_span line)
{
    char want[CRC_AT + 1];
    if (line.n <= CRC_AT || line.n > KT_TRIAGE_LINE)
        return false;
    unsigned long crc = crc32(0, (const unsigned char *)line.p, (unsigned)(line.n - CRC_AT));
    snprintf(want, sizeof want, ",\"crc\":\"%08lx\"}", crc & 0xffffffff);
    return memcmp(line.p + line.n - CRC_AT, want, CRC_AT) == 0;
}

static struct kt_span text_of(const json_t *root, const char *name)
{
    const json_t *v = json_object_get(root, name);
    return json_is_string(v) ? (struct kt_span){json_string_value(v), json_string_length(v)} : KT_SPAN_NONE;
}

static bool action_of(struct kt_span s, enum kt_triage_action *out)
{
    for (int i = 0; i < KT_TRIAGE_ACTIONS; i++) {
        *out = (enum kt_triage_action)i;
        if (kt_span_is(s, acts[i].name))
            return true;
    }
    return false;
}

static bool keep(struct kt_arena *a, struct kt_span from, struct kt_span *to)
{
    *to = kt_arena_span(a, from);
    return to->p || !from.p;
}

static bool read_root(const json_t *root, struct kt_arena *a, struct kt_triage_entry *e)
{
    bool kept = keep(a, text_of(root, "who"), &e->who) && keep(a, text_of(root, "text"), &e->text) &&
                keep(a, text_of(root, "event_id"), &e->about.event_id) && keep(a, text_of(root, "key"), &e->about.key);
    e->at = kt_time_parse(text_of(root, "at"));
    return kept && e->at != KT_TIME_NONE && hex_read(text_of(root, "uuid"), e->uuid) &&
           action_of(text_of(root, "action"), &e->action) && kt_span_known(e->who) &&
           (kt_span_known(e->about.key) || hex_read(text_of(root, "digest"), e->about.digest));
}

bool kt_triage_read(struct kt_span line, struct kt_arena *a, struct kt_triage_entry *out)
{
    *out = (struct kt_triage_entry){.at = KT_TIME_NONE};
    if (!crc_holds(line))
        return false;
    json_t *root = json_loadb(line.p, line.n, JSON_ALLOW_NUL, NULL);
    bool ok = root && read_root(root, a, out);
    json_decref(root);
    return ok;
}

/* --- all entries ------------------------------------------------------------------ */

struct item {
    uint8_t uuid[16], id[16]; /* id: of the subject */
    int64_t at;
    enum kt_triage_action action;
    uint32_t before; /* of the same subject: index + 1, 0 none */
    size_t who, event_id, key, text; /* lengths + 1; 0: unknown */
    char bytes[];
};

struct kt_book {
    struct item **item;
    size_t n, cap, bytes;
    uint32_t *by_uuid, *by_id; /* index + 1: of the item; of the subject's last item */
    size_t slots;
};

/* A key and an event are told apart by what is hashed. */
static void subject_id(const struct kt_subject *s, uint8_t out[16])
{
    uint8_t sha[KT_SHA256];
    if (!kt_span_known(s->key)) {
        memcpy(out, s->digest, 16);
        return;
    }
    struct kt_span key = cut(s->key, KT_TRIAGE_ID);
    char named[KT_TRIAGE_ID + 4] = "key:";
    if (key.n)
        memcpy(named + 4, key.p, key.n);
    kt_sha256(named, 4 + key.n, sha);
    memcpy(out, sha, 16);
}

struct kt_book *kt_book_new(void)
{
    return calloc(1, sizeof(struct kt_book));
}

void kt_book_free(struct kt_book *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->n; i++)
        free(b->item[i]);
    free(b->item);
    free(b->by_uuid);
    free(b->by_id);
    free(b);
}

/* The slot of this uuid (or subject), or the free one where it would stand. */
static size_t find(const struct kt_book *b, const uint32_t *table, const uint8_t id[16], bool uuid)
{
    size_t at = kt_hash(id, 16) & (b->slots - 1);
    for (; table[at]; at = (at + 1) & (b->slots - 1)) {
        const struct item *x = b->item[table[at] - 1];
        if (memcmp(uuid ? x->uuid : x->id, id, 16) == 0)
            break;
    }
    return at;
}

static bool grow_slots(struct kt_book *b)
{
    if ((b->n + 1) * 2 <= b->slots)
        return true;
    size_t slots = b->slots ? b->slots * 2 : 64;
    uint32_t *by_uuid = calloc(slots, sizeof *by_uuid), *by_id = calloc(slots, sizeof *by_id);
    if (!by_uuid || !by_id) {
        free(by_uuid);
        free(by_id);
        return false;
    }
    free(b->by_uuid);
    free(b->by_id);
    b->by_uuid = by_uuid;
    b->by_id = by_id;
    b->slots = slots;
    for (size_t i = 0; i < b->n; i++) { /* later ones of a subject replace its earlier ones */
        b->by_uuid[find(b, b->by_uuid, b->item[i]->uuid, true)] = (uint32_t)i + 1;
        b->by_id[find(b, b->by_id, b->item[i]->id, false)] = (uint32_t)i + 1;
    }
    return true;
}

static void put(struct item *x, size_t *at, size_t *len, struct kt_span s)
{
    *len = s.p ? s.n + 1 : 0;
    if (s.n)
        memcpy(x->bytes + *at, s.p, s.n);
    *at += s.n;
}

static struct item *item_of(const struct kt_triage_entry *e)
{
    struct kt_span who = cut(e->who, KT_TRIAGE_WHO), id = cut(e->about.event_id, KT_TRIAGE_ID);
    struct kt_span key = cut(e->about.key, KT_TRIAGE_ID), text = cut(e->text, KT_TRIAGE_TEXT);
    struct item *x = malloc(sizeof *x + who.n + id.n + key.n + text.n);
    if (!x)
        return NULL;
    size_t at = 0;
    *x = (struct item){.at = e->at, .action = e->action};
    memcpy(x->uuid, e->uuid, 16);
    subject_id(&e->about, x->id);
    put(x, &at, &x->who, who);
    put(x, &at, &x->event_id, id);
    put(x, &at, &x->key, key);
    put(x, &at, &x->text, text);
    return x;
}

static size_t item_size(const struct item *x)
{
    return sizeof *x + x->who + x->event_id + x->key + x->text;
}

enum kt_book_added kt_book_add(struct kt_book *b, const struct kt_triage_entry *e)
{
    if (kt_book_has(b, e->uuid))
        return KT_BOOK_KNOWN;
    struct item *x = b->n < KT_TRIAGE_ENTRIES ? item_of(e) : NULL;
    if (!x || b->bytes + item_size(x) > KT_TRIAGE_BYTES || !grow_slots(b) ||
        !kt_grow(&b->item, &b->cap, b->n + 1, sizeof(struct item *), KT_TRIAGE_ENTRIES)) {
        free(x);
        return KT_BOOK_FULL;
    }
    uint32_t *last = &b->by_id[find(b, b->by_id, x->id, false)];
    x->before = *last;
    b->item[b->n++] = x;
    b->bytes += item_size(x);
    *last = (uint32_t)b->n;
    b->by_uuid[find(b, b->by_uuid, x->uuid, true)] = (uint32_t)b->n;
    return KT_BOOK_ADDED;
}

bool kt_book_has(const struct kt_book *b, const uint8_t uuid[16])
{
    return b->slots && b->by_uuid[find(b, b->by_uuid, uuid, true)];
}

size_t kt_book_count(const struct kt_book *b)
{
    return b->n;
}

static struct kt_span take(const char **p, size_t len)
{
    struct kt_span s = len ? (struct kt_span){*p, len - 1} : KT_SPAN_NONE;
    *p += s.n;
    return s;
}

struct kt_triage_entry kt_book_at(const struct kt_book *b, size_t i)
{
    const struct item *x = b->item[i];
    const char *p = x->bytes;
    struct kt_triage_entry e = {.at = x->at, .action = x->action};
    memcpy(e.uuid, x->uuid, 16);
    e.who = take(&p, x->who);
    e.about.event_id = take(&p, x->event_id);
    e.about.key = take(&p, x->key);
    e.text = take(&p, x->text);
    if (!kt_span_known(e.about.key))
        memcpy(e.about.digest, x->id, 16);
    return e;
}

/* --- one subject -------------------------------------------------------------------- */

static int by_time(const void *va, const void *vb)
{
    const struct kt_triage_entry *a = va, *b = vb;
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return memcmp(a->uuid, b->uuid, 16);
}

static bool takes_back(const struct kt_triage_entry *undo, const struct kt_triage_entry *e)
{
    char uuid[HEX16 + 1];
    if (undo->action != KT_TRIAGE_UNDO || e->action == KT_TRIAGE_UNDO || !kt_span_eq(undo->who, e->who))
        return false;
    kt_hex(e->uuid, 16, uuid);
    return kt_span_is(undo->text, uuid);
}

struct kt_triage_entry *kt_book_history(const struct kt_book *b, const struct kt_subject *about, struct kt_arena *a,
                                        size_t *n)
{
    uint8_t id[16];
    *n = 0;
    subject_id(about, id);
    uint32_t last = b->slots ? b->by_id[find(b, b->by_id, id, false)] : 0;
    size_t count = 0, k = 0;
    for (uint32_t i = last; i; i = b->item[i - 1]->before)
        count++;
    struct kt_triage_entry *e = count ? kt_arena_alloc(a, count * sizeof *e) : NULL;
    if (!e)
        return NULL;
    bool undoes = false;
    for (uint32_t i = last; i; i = b->item[i - 1]->before) {
        e[k] = kt_book_at(b, i - 1);
        undoes |= e[k].action == KT_TRIAGE_UNDO;
        k++;
    }
    qsort(e, count, sizeof *e, by_time);
    for (size_t i = 0; undoes && i < count; i++)
        for (size_t j = 0; j < count && !e[i].undone; j++)
            e[i].undone = takes_back(&e[j], &e[i]);
    *n = count;
    return e;
}

enum { TAGS_MAX = 32 };

static void tag_one(struct kt_span tag[TAGS_MAX], size_t *n, struct kt_span word)
{
    struct kt_span name = {word.p + 1, word.n - 1};
    size_t at = 0;
    while (at < *n && !kt_span_eq(tag[at], name))
        at++;
    if (word.p[0] == '+' && at == *n && *n < TAGS_MAX)
        tag[(*n)++] = name;
    if (word.p[0] == '-' && at < *n)
        memmove(&tag[at], &tag[at + 1], (--*n - at) * sizeof *tag);
}

static void tag_all(struct kt_span tag[TAGS_MAX], size_t *n, struct kt_span text)
{
    for (size_t i = 0; i < text.n;) {
        size_t from = i;
        while (i < text.n && text.p[i] != ' ')
            i++;
        if (i - from > 1)
            tag_one(tag, n, (struct kt_span){text.p + from, i - from});
        i++;
    }
}

static struct kt_span join(const struct kt_span *tag, size_t n, struct kt_arena *a)
{
    struct kt_buf b;
    kt_buf_init(&b, 2 * KT_TRIAGE_TEXT);
    for (size_t i = 0; i < n; i++) {
        if (i)
            kt_buf_addc(&b, ' ');
        kt_buf_add(&b, tag[i].p, tag[i].n);
    }
    struct kt_span s = n && !b.failed ? kt_arena_span(a, kt_buf_span(&b)) : KT_SPAN_NONE;
    kt_buf_free(&b);
    return s;
}

static void apply(const struct kt_triage_entry *e, struct kt_row_triage *out, struct kt_span tag[TAGS_MAX], size_t *n)
{
    switch (e->action) {
    case KT_TRIAGE_ACK:
    case KT_TRIAGE_UNACK:
        out->acked = e->action == KT_TRIAGE_ACK;
        out->who = out->acked ? e->who : KT_SPAN_NONE;
        out->at = out->acked ? e->at : KT_TIME_NONE;
        break;
    case KT_TRIAGE_NOTE:
        out->note = e->text;
        out->notes++;
        break;
    case KT_TRIAGE_TAG:
        tag_all(tag, n, e->text);
        break;
    case KT_TRIAGE_ASSIGN:
        out->assigned = e->text.n ? e->text : KT_SPAN_NONE;
        break;
    case KT_TRIAGE_UNDO:
    case KT_TRIAGE_ACTIONS:
        break;
    }
}

void kt_book_fold(const struct kt_book *b, const struct kt_subject *about, struct kt_arena *a,
                  struct kt_row_triage *out)
{
    struct kt_span tag[TAGS_MAX];
    size_t n, tags = 0;
    *out = (struct kt_row_triage){.at = KT_TIME_NONE};
    struct kt_triage_entry *e = kt_book_history(b, about, a, &n);
    for (size_t i = 0; i < n; i++)
        if (!e[i].undone)
            apply(&e[i], out, tag, &tags);
    out->tags = join(tag, tags, a);
    out->who = kt_arena_span(a, out->who);
    out->note = kt_arena_span(a, out->note);
    out->assigned = kt_arena_span(a, out->assigned);
}

/* Entries of one person come in the order in which they were made. */
bool kt_book_last_of(const struct kt_book *b, struct kt_span who, struct kt_triage_entry *out)
{
    enum { SCRATCH = 8 << 20 };
    struct kt_arena *a = kt_arena_new(SCRATCH);
    bool found = false;
    for (size_t i = b->n; a && !found && i-- > 0;) {
        size_t n;
        *out = kt_book_at(b, i);
        if (out->action == KT_TRIAGE_UNDO || !kt_span_eq(out->who, who))
            continue;
        kt_arena_reset(a);
        const struct kt_triage_entry *e = kt_book_history(b, &out->about, a, &n);
        for (size_t k = 0; k < n && !found; k++)
            found = memcmp(e[k].uuid, out->uuid, 16) == 0 && !e[k].undone;
    }
    kt_arena_free(a);
    return found;
}
