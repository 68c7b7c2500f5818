/* Messages of application/vnd.amazon.eventstream, as services of AWS send them
 * on one answer that stays open. Follows the event stream encoding of the AWS
 * SDKs: total length, length of headers and a CRC of both; headers; payload; a
 * CRC of all. Pure: bytes in, at any chunking, messages out. */
#ifndef KT_AWS_EVENTSTREAM_H
#define KT_AWS_EVENTSTREAM_H
#include "base/span.h"

enum { KT_STREAM_HEADERS_MAX = 128 << 10, KT_STREAM_PAYLOAD_MAX = 24 << 20 };

enum kt_stream_got {
    KT_STREAM_MORE,    /* a message is not whole yet */
    KT_STREAM_MESSAGE,
    KT_STREAM_CORRUPT  /* a CRC or a length is wrong: nothing after it can be told */
};
struct kt_stream_message { /* borrowed from the bytes; unknown where it has none */
    struct kt_span kind;    /* :message-type: event, exception, error */
    struct kt_span type;    /* :event-type, :exception-type or :error-code */
    struct kt_span text;    /* :error-message */
    struct kt_span payload;
};
/* The first message of `bytes`; `*used` is then its length. */
enum kt_stream_got kt_stream_read(struct kt_span bytes, struct kt_stream_message *out, size_t *used);
#endif
