/* What a source would be asked, in its own words, and what is decided here:
 * --explain. Nobody is asked for it. */
#ifndef KT_SOURCE_EXPLAIN_H
#define KT_SOURCE_EXPLAIN_H
#include "base/buf.h"
#include "source/source.h"

/* The query of a question (`o->where`) over o->since to o->until, with comments
 * for people, is added. KT_EUNSUPPORTED: of no source that can be asked. */
enum kt_code kt_source_explain(const char *address, const struct kt_source_opts *o, struct kt_buf *out, struct kt_err *e);
#endif
