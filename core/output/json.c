#include "output/json.h"

#include "text/text.h"

void json_comma(struct kt_buf *b)
{
    if (b->len && b->p[b->len - 1] != '{' && b->p[b->len - 1] != '[' && b->p[b->len - 1] != '\n')
        (void)kt_buf_addc(b, ',');
}

void json_key(struct kt_buf *b, const char *name)
{
    json_comma(b);
    if (name)
        (void)kt_buf_addf(b, "\"%s\":", name);
}

void json_text(struct kt_buf *b, const char *name, struct kt_span s)
{
    json_key(b, name);
    (void)kt_text_json(b, s);
}

void json_word(struct kt_buf *b, const char *name, const char *s)
{
    json_text(b, name, kt_span_of(s));
}

void json_number(struct kt_buf *b, const char *name, uint64_t v)
{
    json_key(b, name);
    (void)kt_buf_addf(b, "%llu", (unsigned long long)v);
}

void json_time(struct kt_buf *b, const char *name, int64_t t)
{
    char s[KT_TIME_TEXT];
    size_t n = kt_time_format(t, s);
    json_text(b, name, n ? (struct kt_span){s, n} : KT_SPAN_NONE);
}

void json_tri(struct kt_buf *b, const char *name, enum kt_tri t)
{
    json_key(b, name);
    (void)kt_buf_adds(b, t == KT_YES ? "true" : t == KT_NO ? "false" : "null");
}

void json_open_map(struct kt_buf *b, const char *name)
{
    json_key(b, name);
    (void)kt_buf_addc(b, '{');
}

void json_open_list(struct kt_buf *b, const char *name)
{
    json_key(b, name);
    (void)kt_buf_addc(b, '[');
}

void json_shut(struct kt_buf *b)
{
    (void)kt_buf_addc(b, '}');
}

void json_shut_list(struct kt_buf *b)
{
    (void)kt_buf_addc(b, ']');
}

void json_item(struct kt_buf *b, struct kt_span s)
{
    json_comma(b);
    (void)kt_text_json(b, s);
}

void json_text_if(struct kt_buf *b, const char *name, struct kt_span s)
{
    if (kt_span_known(s))
        json_text(b, name, s);
}

void json_word_if(struct kt_buf *b, const char *name, const char *s)
{
    if (s)
        json_word(b, name, s);
}

void json_time_if(struct kt_buf *b, const char *name, int64_t t)
{
    char s[KT_TIME_TEXT];
    if (kt_time_format(t, s))
        json_word(b, name, s);
}

void json_tri_if(struct kt_buf *b, const char *name, enum kt_tri t)
{
    if (t != KT_UNKNOWN)
        json_tri(b, name, t);
}

void json_shut_if(struct kt_buf *b, size_t before)
{
    if (b->failed)
        return;
    if (b->len && b->p[b->len - 1] == '{')
        b->len = before;
    else
        json_shut(b);
}
