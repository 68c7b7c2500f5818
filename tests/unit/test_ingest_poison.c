/* One poisoned record among a thousand: the others must all be there. */
#include "ingest_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { N = 1000, DEEP = 3000 };

enum outcome {
    FINE,      /* a valid record */
    REPAIRED,  /* delivered with the flag */
    DOUBLED,   /* delivered, a key twice */
    MALFORMED, /* not delivered, told */
    EXTRA      /* delivered, and the excess told */
};

struct poison {
    const char *name;
    const char *find, *put; /* in the record's text; find NULL: the whole record */
    size_t put_n;           /* 0: strlen */
    enum outcome want;
    const char *reason;     /* a part of what is told; NULL: any */
};

static const struct poison poisons[] = {
    {"a lone high surrogate", "Boto3/1", "Boto3\\ud800/1", 0, REPAIRED, NULL},
    {"a lone low surrogate", "Boto3/1", "Boto3\\udc00/1", 0, REPAIRED, NULL},
    {"a byte that is not UTF-8", "Boto3/1", "Boto3\xff/1", 0, REPAIRED, NULL},
    {"overlong UTF-8", "Boto3/1", "Boto3\xc0\xaf/1", 0, REPAIRED, NULL},
    {"a NUL in a value", "Boto3/1", "Boto3\\u0000/1", 0, FINE, NULL},
    {"an integer beyond 64 bits", "false", "99999999999999999999999", 0, FINE, NULL},
    {"record starts inside a string", "Boto3/1", "}]},{\\\"eventVersion\\\":\\\"1\\\"},{[/1", 0, FINE, NULL},
    {"escaped backslashes before a quote", "Boto3/1", "x\\\\\\\\\\\"},{\\\\\\\"/1", 0, FINE, NULL},
    {"a key twice", "\"awsRegion\"", "\"eventName\":\"x\",\"eventName\":\"CreateAccessKey\",\"awsRegion\"", 0, DOUBLED, NULL},
    {"a NUL in a key", "\"awsRegion\"", "\"aws\\u0000Region\"", 0, MALFORMED, "NUL in a key"},
    {"a raw control character in a string", "Boto3/1", "Boto3\x01/1", 0, MALFORMED, "control character in a string"},
    {"a raw NUL in a string", "Boto3/1", "Boto3\0/1", 8, MALFORMED, "control character in a string"},
    {"a raw newline in a string", "Boto3/1", "Boto3\n/1", 0, MALFORMED, "newline in a string"},
    {"a real that overflows", "false", "1e999", 0, MALFORMED, "number too large"},
    {"nesting without bottom", "false", NULL, 0, MALFORMED, "nested deeper"},
    {"a byte order mark inside", "\"awsRegion\"", "\xef\xbb\xbf\"awsRegion\"", 0, MALFORMED, "not ASCII"},
    {"a missing quote at the end of a string", "os/linux\"", "os/linux", 0, MALFORMED, NULL},
    {"a missing quote at the end of a key", "\"awsRegion\"", "\"awsRegion", 0, MALFORMED, NULL},
    {"a missing quote at the beginning of a string", "\"Boto3/1", "Boto3/1", 0, MALFORMED, NULL},
    {"a missing closing brace", "}", "", 0, MALFORMED, NULL}, /* the last one: see poison_record */
    {"a missing closing bracket", "}]", "}", 0, MALFORMED, NULL},
    {"a missing inner brace", "\"alice\"}", "\"alice\"", 0, MALFORMED, NULL},
    {"a missing opening brace", "{\"userName\"", "\"userName\"", 0, MALFORMED, NULL},
    {"an extra closing brace", NULL, "}", 0, EXTRA, "extra }"},
    {"an extra closing brace inside", "\"alice\"}", "\"alice\"}}", 0, MALFORMED, NULL},
    {"a missing comma between members", "\"IAMUser\",", "\"IAMUser\"", 0, MALFORMED, "not valid JSON"},
    {"a missing colon", "\"awsRegion\":", "\"awsRegion\"", 0, MALFORMED, "not valid JSON"},
    {"a bare word", "false", "NaN", 0, MALFORMED, "bare word"},
    {"an undefined", "false", "undefined", 0, MALFORMED, "not valid JSON"},
    {"a short escape", "Boto3/1", "Boto3\\u12/1", 0, MALFORMED, "invalid escape"},
    {"an unknown escape", "Boto3/1", "Boto3\\x41/1", 0, MALFORMED, "invalid escape"},
    {"a comment", "\"awsRegion\"", "/* here */ \"awsRegion\"", 0, MALFORMED, NULL},
    {"a record cut in the middle", "\"eventSource\"", NULL, 1, MALFORMED, NULL},
    {"a number for a record", NULL, "17", 2, MALFORMED, "not an object"},
    {"a null for a record", NULL, "null", 4, MALFORMED, "not an object"},
};
enum { N_POISONS = sizeof poisons / sizeof *poisons };

static char *last_of(char *text, const char *what)
{
    char *found = NULL;
    for (char *p = text; (p = strstr(p, what)); p++)
        found = p;
    return found;
}

/* Record `i`, poisoned, appended to `out`. */
static void poison_record(struct kt_buf *out, const struct poison *x, unsigned i, bool pretty)
{
    struct kt_buf r;
    kt_buf_init(&r, 1 << 20);
    kit_record(&r, i, "CreateAccessKey", pretty);
    if (!x->find) {
        if (!x->put_n)
            kt_buf_add(out, r.p, r.len);
        kt_buf_adds(out, x->put);
        kt_buf_free(&r);
        return;
    }
    char *at = strcmp(x->find, "}") == 0 ? last_of(r.p, "}") : strstr(r.p, x->find);
    if (!at && pretty) { /* the same with the blanks of pretty printing */
        at = strstr(r.p, x->find[0] == '{' ? "{ \"userName\"" : x->find);
        if (!at && strcmp(x->find, "\"awsRegion\":") == 0)
            at = strstr(r.p, "\"awsRegion\":");
    }
    assert_non_null(at);
    kt_buf_add(out, r.p, (size_t)(at - r.p));
    size_t rest = (size_t)(at - r.p) + strlen(x->find);
    if (x->put) {
        kt_buf_add(out, x->put, x->put_n ? x->put_n : strlen(x->put));
    } else if (!x->put_n) {
        for (int k = 0; k < DEEP; k++)
            kt_buf_addc(out, '[');
        for (int k = 0; k < DEEP; k++)
            kt_buf_addc(out, ']');
    } else {
        rest = r.len; /* cut */
    }
    kt_buf_add(out, r.p + rest, r.len - rest);
    kt_buf_free(&r);
}

static void trail_with(struct kt_buf *b, const struct poison *x, enum shape how, unsigned at, const char *others)
{
    kt_buf_init(b, LOG_MAX);
    kit_open(b, how);
    for (unsigned i = 0; i < N; i++) {
        if (i)
            kit_between(b, how);
        if (i == at)
            poison_record(b, x, i, how == SHAPE_PRETTY);
        else
            kit_record(b, i, others, how == SHAPE_PRETTY);
    }
    kit_close(b, how);
}

/* Every record but `at` once and in order; whether `at` is there, too. */
static bool others_are_there(const struct seen *s, unsigned at, bool *poisoned)
{
    const char *p = kt_buf_str(&s->ids);
    *poisoned = false;
    for (unsigned i = 0; i < N; i++) {
        char id[32];
        int n = snprintf(id, sizeof id, "id-%u ", i);
        bool here = strncmp(p, id, (size_t)n) == 0;
        if (here)
            p += n;
        if (i == at)
            *poisoned = here;
        else if (!here)
            return false;
    }
    return *p == '\0';
}

static bool as_wanted(const struct poison *x, const struct seen *s, bool delivered)
{
    unsigned flags = 0;
    const char *f = strstr(kt_buf_str(&s->log), "flags 1");
    const char *d = strstr(kt_buf_str(&s->log), "flags 2");
    flags = (f ? KT_RECORD_REPAIRED : 0u) | (d ? KT_RECORD_DUPLICATE_KEYS : 0u);
    bool told = s->malformed >= 1 && s->malformed <= 2;
    if (told && x->reason)
        told = strstr(kt_buf_str(&s->log), x->reason) != NULL;
    switch (x->want) {
    case FINE:
        return delivered && !s->malformed && !flags && s->end == KT_END_WHOLE;
    case REPAIRED:
        return delivered && !s->malformed && flags == KT_RECORD_REPAIRED && s->end == KT_END_WHOLE;
    case DOUBLED:
        return delivered && !s->malformed && flags == KT_RECORD_DUPLICATE_KEYS && s->end == KT_END_WHOLE;
    case MALFORMED:
        return !delivered && (told || (s->malformed == 0 && s->end == KT_END_TRUNCATED));
    case EXTRA:
        return delivered && told;
    }
    return false;
}

static unsigned check(const struct poison *x, enum shape how, unsigned at)
{
    struct kt_buf b;
    struct seen s, t;
    bool delivered;
    trail_with(&b, x, how, at, "CreateAccessKey");
    kit_feed(&s, b.p, b.len, 0);
    kit_feed_random(&t, b.p, b.len, at + (unsigned)how, 3000);
    bool others = others_are_there(&s, at, &delivered);
    bool same = strcmp(kt_buf_str(&s.log), kt_buf_str(&t.log)) == 0;
    bool ok = others && same && as_wanted(x, &s, delivered);
    if (!ok) {
        print_error("%s at %u, %s: %s%s%zu records, %zu malformed (%s), end %d %s\n", x->name, at, shape_names[how],
                    others ? "" : "neighbours lost; ", same ? "" : "depends on the chunks; ", s.records, s.malformed,
                    s.reason, (int)s.end, s.why.text);
    }
    seen_free(&s);
    seen_free(&t);
    kt_buf_free(&b);
    return !ok;
}

static void a_poisoned_record_hides_none_of_its_999_neighbours(void **state)
{
    (void)state;
    static const unsigned places[] = {0, N / 2, N - 1};
    unsigned bad = 0;
    for (size_t i = 0; i < N_POISONS; i++)
        for (int how = 0; how < SHAPE_COUNT; how++)
            for (size_t k = 0; k < 3; k++)
                bad += check(&poisons[i], (enum shape)how, places[k]);
    assert_int_equal(bad, 0);
}

/* What is damaged and of no interest is still told where its structure shows
 * it, and a record of interest beside it is found. */
static void damage_among_records_of_no_interest_is_told(void **state)
{
    (void)state;
    static const char *const structural[] = {"a raw newline in a string", "a bare word", "a missing closing brace",
                                             "a byte order mark inside", "nesting without bottom"};
    for (size_t i = 0; i < sizeof structural / sizeof *structural; i++) {
        for (int how = 0; how < SHAPE_COUNT; how++) {
            const struct poison *x = poisons;
            while (strcmp(x->name, structural[i]) != 0)
                x++;
            struct kt_buf b;
            struct seen s;
            trail_with(&b, x, (enum shape)how, 500, "ListUsers");
            char *name = strstr(strstr(b.p, "id-499\""), "CreateAccessKey");
            memcpy(name, "DeleteAccessKey", 15); /* of no interest either */
            char *other = strstr(strstr(b.p, "id-600\""), "ListUsers");
            assert_non_null(other);
            kit_feed(&s, b.p, b.len, 0);
            assert_int_equal(s.malformed, 1);
            assert_false(s.last.names_event);
            assert_int_equal(s.stats.records, 1000);
            seen_free(&s);
            kt_buf_free(&b);
        }
    }
}

/* Records whose first keys differ, as from a tool that sorts keys. */
static void sorted_keys_are_no_obstacle(void **state)
{
    (void)state;
    static const char *const flaws[] = {"\"x\":NaN", "\"x\":\"\x01\"", "\"x\":\"open", "\"x\":[1,2", "\"x\":{\"y\":1"};
    for (size_t f = 0; f < sizeof flaws / sizeof *flaws; f++) {
        struct kt_buf b;
        struct seen s;
        kt_buf_init(&b, LOG_MAX);
        kt_buf_adds(&b, "{\"Records\":[");
        for (int i = 0; i < 100; i++)
            kt_buf_addf(&b, "%s{%s\"awsRegion\":\"r\",\"eventID\":\"%d\",\"eventName\":\"CreateAccessKey\"%s%s}", i ? "," : "",
                        i % 3 ? "" : "\"additionalEventData\":{\"a\":1},", i, i == 50 ? "," : "", i == 50 ? flaws[f] : "");
        kt_buf_adds(&b, "]}");
        kit_feed(&s, b.p, b.len, 0);
        if (s.records != 99)
            print_error("%s\n%s", flaws[f], kt_buf_str(&s.log));
        assert_int_equal(s.records, 99);
        assert_in_range(s.malformed, 1, 2);
        seen_free(&s);
        kt_buf_free(&b);
    }
}

/* Seven records, byte `at` of the one in the middle replaced, or dropped. */
static bool spoil(struct kt_buf *b, enum shape how, size_t at, const char *with)
{
    bool valid = true;
    kt_buf_init(b, LOG_MAX);
    kit_open(b, how);
    for (unsigned j = 0; j < 7; j++) {
        if (j)
            kit_between(b, how);
        size_t start = b->len;
        kit_record(b, j, "CreateAccessKey", false);
        if (j != 3)
            continue;
        if (with) {
            b->p[start + at] = *with;
        } else {
            memmove(b->p + start + at, b->p + start + at + 1, b->len - start - at);
            b->len--;
        }
        json_t *json = json_loadb(b->p + start, b->len - start, 0, NULL);
        valid = json != NULL;
        json_decref(json);
    }
    kit_close(b, how);
    return valid;
}

static bool neighbours_are_there(const struct seen *s)
{
    static const char before[] = "id-0 id-1 id-2 ", after[] = "id-4 id-5 id-6 ";
    const char *ids = kt_buf_str(&s->ids);
    return strncmp(ids, before, strlen(before)) == 0 && s->ids.len >= 2 * strlen(after) &&
           strcmp(ids + s->ids.len - strlen(after), after) == 0;
}

static void no_single_byte_hides_a_neighbour(void **state)
{
    (void)state;
    static const char replace[] = "\"\\{}[],:\n\x01x\xff";
    struct kt_buf r;
    kt_buf_init(&r, 1 << 20);
    kit_record(&r, 3, "CreateAccessKey", false);
    const size_t name = (size_t)(strstr(r.p, kit_names[0]) - r.p);
    for (size_t i = 0; i < r.len; i++) {
        for (size_t k = 0; k < sizeof replace; k++) { /* the last time it is dropped */
            enum shape how = (enum shape[]){SHAPE_ONE_LINE, SHAPE_LINES}[(i + k) % 2];
            struct kt_buf b;
            struct seen s;
            bool valid = spoil(&b, how, i, k + 1 < sizeof replace ? &replace[k] : NULL);
            kit_feed(&s, b.p, b.len, 0);
            /* a name that is no longer spelled out makes a record of no interest */
            valid |= i - name < strlen(kit_names[0]);
            bool ok = neighbours_are_there(&s) && (valid || s.malformed || s.records == 7 || s.end != KT_END_WHOLE);
            if (!ok)
                print_error("%s, byte %zu by %c: %.40s\n%s", shape_names[how], i, replace[k], r.p + i,
                            kt_buf_str(&s.log));
            assert_true(ok);
            seen_free(&s);
            kt_buf_free(&b);
        }
    }
    kt_buf_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_poisoned_record_hides_none_of_its_999_neighbours),
        cmocka_unit_test(damage_among_records_of_no_interest_is_told),
        cmocka_unit_test(sorted_keys_are_no_obstacle),
        cmocka_unit_test(no_single_byte_hides_a_neighbour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
