/* Stories: tests/stories/NAME.jsonl, whose first line says what keys are to
 * come to, and whose others are CloudTrail's records. Read from the folder
 * that KEYTOP_SOURCE names. Failures abort. */
#ifndef TESTS_SUPPORT_STORY_H
#define TESTS_SUPPORT_STORY_H
#include "base/buf.h"
#include "tests/support/scene.h"

enum { STORY_RECORDS = 64, STORY_EXPECTED = 16 };
struct story {
    char name[256];
    char *record[STORY_RECORDS];
    size_t n;
    json_t *expect; /* a list of {event, at_least, at_most, why} */
    json_t *head;
};
/* All of them; returns how many. Each to be freed. */
size_t stories_read(struct story *out, size_t max);
void story_free(struct story *s);

/* The records in the order of `order` (numbers, which may come twice), judged
 * after each where `at_once`. The verdicts of all rows, by event, as text: to
 * be compared, and freed. */
char *story_play(const struct story *s, const struct kt_rules *rules, const size_t *order, size_t n, bool at_once);
/* A row's verdict with its evidence, as one line. */
void story_put_verdict(struct kt_buf *b, const struct kt_row *r);
/* What the story expects and did not get, as text; NULL: nothing. To be freed. */
char *story_wrong(const struct story *s, const struct kt_rules *rules);

/* `times` orders of all records, some of them doubled, against the first
 * verdicts. NULL: all are the same; else what differs. To be freed. */
char *story_shuffle(const struct story *s, const struct kt_rules *rules, uint64_t seed, int times);
#endif
