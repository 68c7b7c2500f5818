/* Buckets: lists in the order of keys, a thousand at a time, and objects. What
 * is asked must be encoded as it is signed. For fake_aws. */
#ifndef TESTS_SUPPORT_FAKE_S3_H
#define TESTS_SUPPORT_FAKE_S3_H
#include "tests/support/fake_aws.h"

struct fake_object_of_s3 {
    char *key;
    char *data;      /* NULL: made of `number` when it is asked for: a trail file with one record */
    size_t size;
    int number;
    int64_t time;    /* of its event */
    int64_t available, modified; /* ms */
    bool denied;
};
struct fake_s3 {
    char bucket[64], region[64]; /* the only one; asked for in another Region, it redirects */
    struct fake_object_of_s3 *object;
    size_t n, cap;
    bool sorted;
    size_t page;      /* keys a page; 0: 1,000 */
    unsigned lists, gets;
};
void fake_s3_init(struct fake_s3 *s, const char *bucket, const char *region);
void fake_s3_free(struct fake_s3 *s);
/* Under the server's lock. `data` is copied; NULL: of one event, as above. */
void fake_s3_put(struct fake_s3 *s, const char *key, const void *data, size_t n, int64_t available);
void fake_s3_event(struct fake_s3 *s, const char *key, int number, int64_t time, int64_t available);
void fake_s3_answer(struct fake_s3 *s, struct fake_aws *f, const struct fake_request *r, struct fake_reply *out);
/* gzip; free() it */
char *fake_gzip(const void *p, size_t n, size_t *out);
#endif
