/* JSON written piece by piece, ASCII only: what the JSON formats share.
 * Internal to output/. Failure is the buffer's, and sticky. A name is one of
 * ours and needs no escape. */
#ifndef KT_OUTPUT_JSON_H
#define KT_OUTPUT_JSON_H
#include "base/buf.h"
#include "base/clock.h"
#include "event/event.h"

/* A comma where something stands before in this object or list. */
void json_comma(struct kt_buf *b);
void json_key(struct kt_buf *b, const char *name);
/* An unknown span, a NULL word and an unknown truth or time are null. */
void json_text(struct kt_buf *b, const char *name, struct kt_span s);
void json_word(struct kt_buf *b, const char *name, const char *s);
void json_time(struct kt_buf *b, const char *name, int64_t t);
void json_tri(struct kt_buf *b, const char *name, enum kt_tri t);
void json_number(struct kt_buf *b, const char *name, uint64_t v);
/* Objects and lists; `name` NULL: an item of a list. */
void json_open_map(struct kt_buf *b, const char *name);
void json_open_list(struct kt_buf *b, const char *name);
void json_shut(struct kt_buf *b);
void json_shut_list(struct kt_buf *b);
void json_item(struct kt_buf *b, struct kt_span s);

/* The same for formats in which what is not known is not there. */
void json_text_if(struct kt_buf *b, const char *name, struct kt_span s);
void json_word_if(struct kt_buf *b, const char *name, const char *s);
void json_time_if(struct kt_buf *b, const char *name, int64_t t);
void json_tri_if(struct kt_buf *b, const char *name, enum kt_tri t);
/* Takes away an object or list that was opened as `name` and is empty. */
void json_shut_if(struct kt_buf *b, size_t before);
#endif
