/* A bucket of S3: where it is asked, the paths of its questions, and what a
 * list of its objects says. Follows "GetObject" and "ListObjectsV2" of the S3
 * API reference. */
#ifndef KT_SOURCE_BUCKET_H
#define KT_SOURCE_BUCKET_H
#include "aws/aws.h"
#include "base/buf.h"

enum { BUCKET_KEY_MAX = 1024, BUCKET_OBJECT_MAX = 64 << 20 /* packed; CloudTrail's largest are 50 MB */, BUCKET_LIST_MAX = 8 << 20 };

struct bucket {
    struct kt_aws *aws;
    char name[64], profile[128];
    struct kt_endpoint endpoint;
    bool in_path; /* the name stands in the path, not in the host's name */
};
/* Letters, digits, dots and dashes: it becomes part of a host's name. */
bool bucket_is_name(const char *name);
enum kt_code bucket_open(struct bucket *b, struct kt_aws *aws, const char *name, const char *region, const char *profile,
                         struct kt_err *e);
/* S3 said that it is in that Region. False: we know, or it is none. */
bool bucket_moved(struct bucket *b, const char *region);
/* Path and query, encoded and sorted as they are signed and sent. */
void bucket_get_path(const struct bucket *b, struct kt_span key, struct kt_buf *out);
struct bucket_list {
    const char *prefix, *after, *token; /* "": none */
    bool folders; /* Delimiter=/ */
    int max;      /* 0: 1,000 */
};
void bucket_list_path(const struct bucket *b, const struct bucket_list *l, struct kt_buf *out);

/* A page of a list. `key` is called for each object and each folder (a common
 * prefix, which ends with '/'); false stops. */
struct bucket_page {
    bool understood, more;
    struct kt_buf token; /* of the next page; free it */
};
void bucket_read_list(struct kt_span xml,
                      bool (*key)(void *ctx, struct kt_span key, int64_t modified, uint64_t size, bool folder), void *ctx,
                      struct bucket_page *out);
/* As in a notice: %XX, and '+' for a space where `plus`. False: too long. */
bool bucket_decode(struct kt_span s, bool plus, struct kt_buf *out);
/* What of a bucket is read: what CloudTrail logs, no digests, nothing of others. */
bool bucket_is_log(struct kt_span key);
/* Does an object begin as gzip, zstd or JSON does? A proxy's login page does not. */
bool bucket_is_content(struct kt_span body);
#endif
