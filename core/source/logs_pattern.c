/* logs: what is asked for. Follows "Filter pattern syntax" of the CloudWatch
 * Logs user guide: { ($.eventName = "A") || ($.eventName = "B") } */
#include "source/logs.h"

#include <jansson.h>
#include <stdlib.h>

static bool is_word(const char *s)
{
    size_t n = strlen(s);
    return n && n < 128 && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == n;
}

static bool keep(struct logs *l, struct kt_buf *b)
{
    kt_buf_adds(b, " }");
    bool ok = !b->failed && l->n_patterns < LOGS_PATTERNS && (l->pattern[l->n_patterns] = strdup(kt_buf_str(b)));
    l->n_patterns += ok;
    kt_buf_reset(b);
    return ok;
}

/* As many terms into one pattern as fit. */
static bool add(struct logs *l, struct kt_buf *b, const char *name)
{
    char term[192];
    snprintf(term, sizeof term, strcmp(name, "AKIA") == 0 ? "($.userIdentity.accessKeyId = \"%s*\")" : "($.eventName = \"%s\")",
             name);
    if (b->len && b->len + strlen(term) + 6 > LOGS_PATTERN_MAX && !keep(l, b))
        return false;
    return kt_buf_addf(b, "%s%s", b->len ? " || " : "{ ", term);
}

bool logs_patterns(struct logs *l, const struct kt_source_opts *o)
{
    static const char *const creation[] = {"CreateAccessKey"};
    const char *const *names = o->n_event_names ? o->event_names : creation;
    size_t n = o->n_event_names ? o->n_event_names : 1;
    struct kt_buf b;
    kt_buf_init(&b, LOGS_PATTERN_MAX + 8);
    bool ok = true;
    for (size_t i = 0; ok && !l->a.pattern && i < n; i++) {
        l->unasked += !is_word(names[i]);
        ok = !is_word(names[i]) || add(l, &b, names[i]);
    }
    ok = ok && (!b.len || keep(l, &b));
    kt_buf_free(&b);
    if (!ok) { /* too many: everything is asked for, and what is not wanted left out by others */
        for (size_t i = 0; i < l->n_patterns; i++)
            free(l->pattern[i]);
        memset(l->pattern, 0, sizeof l->pattern);
        l->n_patterns = 0;
    }
    if (l->a.pattern && l->a.pattern[0] && !(l->pattern[0] = strdup(l->a.pattern)))
        return false;
    l->n_patterns += l->n_patterns == 0;
    return true;
}

void logs_json_string(struct kt_buf *b, const char *text)
{
    json_t *j = json_string(text);
    char *s = j ? json_dumps(j, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
    if (s)
        kt_buf_adds(b, s);
    else
        b->failed = true;
    free(s);
    json_decref(j);
}
