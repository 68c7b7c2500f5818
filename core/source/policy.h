/* The least that a source's keys must be allowed to do. */
#ifndef KT_SOURCE_POLICY_H
#define KT_SOURCE_POLICY_H
#include "base/buf.h"
#include "base/err.h"

/* Adds an IAM policy as JSON, or for Splunk a role of authorize.conf, to `out`. `*note` (never NULL afterwards) is what
 * else a person must know, or "". KT_EUNSUPPORTED: not built for that kind of
 * source, by its name; KT_EUSAGE: it needs none, or the address is wrong. */
enum kt_code kt_source_policy(const char *address, struct kt_buf *out, const char **note, struct kt_err *e);
#endif
