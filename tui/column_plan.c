/* What a person wants of the columns, as a text and back. */
#include "tui/columns.h"

#include <stdio.h>

static const struct {
    const char *head;
    enum kt_field field;
} named[KT_COLUMN_COUNT] = {
#define X(id, head, field, least, wanted, most, from, order) {head, field},
    KT_COLUMNS(X)
#undef X
};

const char *kt_column_head(enum kt_column c)
{
    return named[c].head;
}

enum kt_field kt_column_field(enum kt_column c)
{
    return named[c].field;
}

static char lower(char ch)
{
    return ch >= 'A' && ch <= 'Z' ? (char)(ch + 32) : ch;
}

static int column_named(struct kt_span name)
{
    for (int i = 0; i < KT_COLUMN_COUNT; i++) {
        const char *head = kt_column_head((enum kt_column)i);
        size_t k = 0;
        while (k < name.n && head[k] && lower(name.p[k]) == lower(head[k]))
            k++;
        if (k == name.n && !head[k])
            return i;
    }
    return -1;
}

static enum kt_code no_column(struct kt_span name, struct kt_err *e)
{
    char names[400];
    size_t n = 0;
    for (int i = 0; i < KT_COLUMN_COUNT && n < sizeof names; i++) {
        if (i)
            n += (size_t)snprintf(names + n, sizeof names - n, " ");
        for (const char *h = kt_column_head((enum kt_column)i); *h && n + 1 < sizeof names; h++)
            names[n++] = lower(*h);
    }
    names[n < sizeof names ? n : sizeof names - 1] = '\0';
    return kt_fail(e, KT_EUSAGE, "no column is called \"%.*s\"; there are: %s", (int)(name.n < 40 ? name.n : 40), name.p,
                   names);
}

static enum kt_code read_one(struct kt_column_plan *p, struct kt_span word, struct kt_err *e)
{
    struct kt_span name = word;
    int width = 0;
    const char *colon = memchr(word.p, ':', word.n);
    if (colon) {
        name.n = (size_t)(colon - word.p);
        for (const char *d = colon + 1; d < word.p + word.n; d++) {
            if (*d < '0' || *d > '9')
                return kt_fail(e, KT_EUSAGE, "a width is a number: actor:30");
            width = width < 10000 ? width * 10 + (*d - '0') : width;
        }
        if (width < 1 || width > KT_COLUMN_WIDEST)
            return kt_fail(e, KT_EUSAGE, "a column is 1 to %d wide", KT_COLUMN_WIDEST);
    }
    int c = column_named(name);
    if (c < 0)
        return no_column(name, e);
    for (int i = 0; i < p->n; i++)
        if (p->at[i].column == (enum kt_column)c)
            return kt_fail(e, KT_EUSAGE, "%s stands there twice", kt_column_head((enum kt_column)c));
    p->at[p->n].column = (enum kt_column)c;
    p->at[p->n++].width = width;
    return KT_OK;
}

enum kt_code kt_column_plan_read(struct kt_column_plan *p, struct kt_span text, size_t *place, struct kt_err *e)
{
    struct kt_column_plan plan = {.n = 0};
    for (size_t i = 0; i < text.n;) {
        size_t from = i;
        while (i < text.n && text.p[i] != ',' && text.p[i] != ' ')
            i++;
        enum kt_code rc = i > from ? read_one(&plan, (struct kt_span){text.p + from, i - from}, e) : KT_OK;
        if (rc) {
            if (place)
                *place = from;
            return rc;
        }
        while (i < text.n && (text.p[i] == ',' || text.p[i] == ' '))
            i++;
    }
    *p = plan;
    return KT_OK;
}

bool kt_column_plan_write(const struct kt_column_plan *p, struct kt_buf *b)
{
    for (int i = 0; i < p->n; i++) {
        kt_buf_adds(b, i ? ", " : "");
        for (const char *h = kt_column_head(p->at[i].column); *h; h++)
            kt_buf_addc(b, lower(*h));
        if (p->at[i].width)
            kt_buf_addf(b, ":%d", p->at[i].width);
    }
    return !b->failed;
}

void kt_columns_plan(const struct kt_columns *k, struct kt_column_plan *out)
{
    *out = (struct kt_column_plan){.n = k->n};
    for (int i = 0; i < k->n; i++)
        out->at[i].column = k->at[i].column;
}

int kt_columns_at(const struct kt_columns *k, int col)
{
    for (int i = 0; i < k->n; i++)
        if (col >= k->at[i].col && col < k->at[i].col + k->at[i].width + k->gap)
            return i;
    return -1;
}
