#include "event/event.h"

#include <string.h>
#include <strings.h>

/* One step down: a key of an object, or a number into a list. */
static json_t *child(json_t *v, const char *p, size_t n)
{
    if (json_is_object(v))
        return json_object_getn(v, p, n);
    if (!json_is_array(v) || n == 0 || n > 9)
        return NULL;
    size_t i = 0;
    for (size_t k = 0; k < n; k++) {
        if (p[k] < '0' || p[k] > '9')
            return NULL;
        i = i * 10 + (size_t)(p[k] - '0');
    }
    return json_array_get(v, i);
}

json_t *kt_json_path(json_t *root, struct kt_span path)
{
    json_t *v = root;
    const char *p = path.p, *end = p ? p + path.n : NULL;
    if (!p)
        return NULL;
    while (v) {
        json_t *whole = child(v, p, (size_t)(end - p));
        if (whole)
            return whole;
        const char *dot = memchr(p, '.', (size_t)(end - p));
        if (!dot)
            return NULL;
        v = child(v, p, (size_t)(dot - p));
        p = dot + 1;
    }
    return NULL;
}

/* `flags` for a real: the shortest of its spellings that reads back equal. */
static size_t real_flags(const json_t *v)
{
    char text[64];
    size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);
    size_t n = json_dumpb(v, text, sizeof text, flags);
    if (n == 0 || n > sizeof text)
        return JSON_ENCODE_ANY;
    json_t *back = json_loadb(text, n, JSON_DECODE_ANY, NULL);
    bool same = json_is_real(back) && json_real_value(back) == json_real_value(v);
    json_decref(back);
    return same ? flags : JSON_ENCODE_ANY;
}

struct kt_span kt_json_text(json_t *v, struct kt_arena *a)
{
    if (!v)
        return KT_SPAN_NONE;
    if (json_is_string(v))
        return (struct kt_span){json_string_value(v), json_string_length(v)};
    size_t flags = json_is_real(v) ? real_flags(v) : JSON_ENCODE_ANY | JSON_COMPACT;
    size_t n = json_dumpb(v, NULL, 0, flags);
    char *p = n ? kt_arena_alloc(a, n + 1) : NULL;
    if (!p || json_dumpb(v, p, n, flags) != n)
        return KT_SPAN_NONE;
    p[n] = '\0';
    return (struct kt_span){p, n};
}

/* --- secrets ----------------------------------------------------------------- */

static bool names_a_secret(const char *key)
{
    static const char *const names[] = {"secretAccessKey", "sessionToken", "password",       "newPassword",
                                        "oldPassword",     "servicePassword", "serviceCredentialSecret"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(key, names[i]) == 0)
            return true;
    return false;
}

static bool hidden_already(const json_t *v)
{
    const char *s = json_string_value(v);
    return json_is_null(v) || (s && (!*s || !strcmp(s, "***") || !strcmp(s, "HIDDEN_DUE_TO_SECURITY_REASONS")));
}

/* As deep as jansson lets a document be (2048). */
static bool redact(json_t *v)
{
    bool found = false;
    if (json_is_array(v)) {
        for (size_t i = 0; i < json_array_size(v); i++)
            found |= redact(json_array_get(v, i));
        return found;
    }
    for (void *it = json_object_iter(v); it; it = json_object_iter_next(v, it)) {
        json_t *value = json_object_iter_value(it);
        if (!names_a_secret(json_object_iter_key(it))) {
            found |= redact(value);
        } else if (!hidden_already(value)) {
            /* without memory for three stars the value goes all the same */
            json_t *stars = json_string("***");
            (void)json_object_iter_set_new(v, it, stars ? stars : json_null());
            found = true;
        }
    }
    return found;
}

bool kt_event_redact(json_t *root)
{
    return redact(root);
}
