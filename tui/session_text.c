/* The session's text: written, and read strictly. Knows nothing of the screen, so
 * that it can be given any bytes (tests/fuzz/fuzz_session.c). */
#include "tui/session.h"

static const char first_line[] = "keytop session 1\n", last_line[] = "end\n";

static bool one_line(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            return false;
    return true;
}

bool kt_session_write(const struct kt_session *s, struct kt_buf *b)
{
    kt_buf_adds(b, first_line);
    kt_setup_write(&s->setup, "", b);
    if (s->view[0])
        kt_buf_addf(b, "shown: %s\n", s->view);
    if (s->mouse)
        kt_buf_adds(b, "mouse: yes\n");
    if (s->theme[0] && s->instead[0] && one_line(s->theme) && one_line(s->instead))
        kt_buf_addf(b, "theme: %s\ninstead of theme: %s\n", s->theme, s->instead);
    for (size_t i = 0; i < s->n_written; i++)
        kt_buf_addf(b, "wrote: %s: %s\n", s->written[i].label, s->written[i].text);
    for (size_t i = 0; i < s->n_saved; i++) {
        if (s->saved[i].configured)
            continue;
        kt_buf_addf(b, "view: %s\n", s->saved[i].name);
        kt_setup_write(&s->saved[i].setup, "  ", b);
    }
    kt_buf_adds(b, last_line);
    return !b->failed;
}

struct reading {
    struct kt_session *s;
    struct kt_saved *in;  /* the view whose lines these are; NULL: none */
    bool skip;            /* a view that can no longer be had */
    int64_t now;
    size_t line, *lost;
    struct kt_err *e;
};

static enum kt_code wrong(struct reading *r, const char *what)
{
    return kt_fail(r->e, KT_EFORMAT, "line %zu: %s", r->line, what);
}

/* What was a filter once may be none for a newer keytop: that costs the one view. */
static enum kt_code take_part(struct reading *r, struct kt_setup *l, struct kt_span name, struct kt_span value)
{
    struct kt_err e = {0};
    enum kt_code rc = kt_setup_set(l, name, value, r->now, &e);
    if (!rc)
        return KT_OK;
    if (rc == KT_ENOTFOUND || !r->in)
        return wrong(r, e.text);
    r->skip = true;
    r->s->n_saved--;
    (*r->lost)++;
    return KT_OK;
}

static enum kt_code begin_view(struct reading *r, struct kt_span name)
{
    r->skip = false;
    if (!kt_saved_names(name) || r->s->n_saved == KT_SAVED_MAX ||
        kt_saved_find(r->s->saved, r->s->n_saved, name))
        return wrong(r, "no name for a view");
    r->in = &r->s->saved[r->s->n_saved++];
    *r->in = (struct kt_saved){.configured = false};
    kt_setup_usual(&r->in->setup);
    memcpy(r->in->name, name.p, name.n);
    return KT_OK;
}

/* "filter: risk>50": the prompt's label, and what was written. */
static enum kt_code take_written(struct reading *r, struct kt_span value)
{
    struct kt_session *s = r->s;
    const char *colon = memmem(value.p, value.n, ": ", 2);
    size_t label = colon ? (size_t)(colon - value.p) : 0, n = colon ? value.n - label - 2 : 0;
    if (!label || label >= KT_PROMPT_LABEL || !n || n >= KT_PROMPT_MAX || !kt_utf8_valid(value) ||
        s->n_written == KT_PROMPT_HISTORY)
        return wrong(r, "nothing that was written into a prompt");
    struct kt_written *w = &s->written[s->n_written++];
    memcpy(w->label, value.p, label);
    memcpy(w->text, colon + 2, n);
    w->label[label] = w->text[n] = '\0';
    return KT_OK;
}

static enum kt_code take_text(struct reading *r, char *out, size_t size, struct kt_span value)
{
    if (!value.n || value.n >= size)
        return wrong(r, "no name of a theme");
    memcpy(out, value.p, value.n);
    out[value.n] = '\0';
    return KT_OK;
}

static enum kt_code take_line(struct reading *r, struct kt_span line)
{
    bool inner = kt_span_starts(line, "  ");
    struct kt_span name = inner ? (struct kt_span){line.p + 2, line.n - 2} : line;
    const char *colon = memchr(name.p, ':', name.n);
    for (size_t i = 0; i < line.n; i++)
        if ((unsigned char)line.p[i] < 0x20 || line.p[i] == 0x7F)
            return wrong(r, "a control stands in it");
    if (!colon || colon + 1 == name.p + name.n || colon[1] != ' ' || (inner && !r->in))
        return wrong(r, "no line of a session");
    struct kt_span value = {colon + 2, (size_t)(name.p + name.n - colon - 2)};
    name.n = (size_t)(colon - name.p);
    if (inner)
        return r->skip ? KT_OK : take_part(r, &r->in->setup, name, value);
    if (kt_span_is(name, "view"))
        return begin_view(r, value);
    if (r->in)
        return wrong(r, "a line of the session stands among those of views");
    if (kt_span_is(name, "mouse")) {
        r->s->mouse = kt_span_is(value, "yes");
        return KT_OK;
    }
    if (kt_span_is(name, "theme"))
        return take_text(r, r->s->theme, sizeof r->s->theme, value);
    if (kt_span_is(name, "instead of theme"))
        return take_text(r, r->s->instead, sizeof r->s->instead, value);
    if (kt_span_is(name, "wrote"))
        return take_written(r, value);
    if (kt_span_is(name, "shown")) {
        if (!kt_saved_names(value))
            return wrong(r, "no name of a view");
        memcpy(r->s->view, value.p, value.n);
        r->s->view[value.n] = '\0';
        return KT_OK;
    }
    return take_part(r, &r->s->setup, name, value);
}

enum kt_code kt_session_read(struct kt_session *s, struct kt_span text, int64_t now, size_t *lost, struct kt_err *e)
{
    struct reading r = {.s = s, .now = now, .line = 1, .lost = lost, .e = e};
    size_t head = sizeof first_line - 1, tail = sizeof last_line - 1;
    *s = (struct kt_session){.n_saved = 0};
    *lost = 0;
    kt_setup_usual(&s->setup);
    if (text.n > KT_SESSION_MAX)
        return wrong(&r, "it is too long");
    if (!kt_span_starts(text, first_line))
        return wrong(&r, "not a session of this version");
    if (text.n < head + tail || memcmp(text.p + text.n - tail, last_line, tail) != 0)
        return wrong(&r, "its end is missing");
    for (size_t i = head; i < text.n - tail;) {
        const char *end = memchr(text.p + i, '\n', text.n - i);
        size_t n = (size_t)(end - (text.p + i));
        r.line++;
        enum kt_code rc = take_line(&r, (struct kt_span){text.p + i, n});
        if (rc)
            return rc;
        i += n + 1;
    }
    return KT_OK;
}
