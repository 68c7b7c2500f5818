/* demo: the simulated organization. Every record is parsed and held against
 * the shape of real ones; the stories are looked for record by record. */
#include "base/buf.h"
#include "base/clock.h"
#include "event/event.h"
#include "source/source.h"
#include "tests/support/nodes.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_SECONDS = 1795530760, RECORDS_MAX = 8192 };
#define NOW (INT64_C(1000) * NOW_SECONDS)
#define MINUTE INT64_C(60000)

/* --- a sink and a clock ------------------------------------------------------ */

struct stage {
    struct kt_buf out;
    int64_t now;
    int objects, ends, troubles;
    bool refuse_object, refuse_bytes;
    struct kt_clock clock;
    struct kt_source *source;
    struct kt_source_sink sink;
};

static uint64_t object(void *ctx, const char *name, uint64_t records, uint64_t bytes)
{
    struct stage *s = ctx;
    assert_string_equal(name, "demo:");
    assert_int_equal(records + bytes, 0);
    s->objects++;
    return s->refuse_object ? 0 : 7;
}

static bool bytes(void *ctx, uint64_t obj, const void *p, size_t n)
{
    struct stage *s = ctx;
    assert_int_equal(obj, 7);
    assert_true(n <= 1 << 20);
    assert_true(kt_buf_add(&s->out, p, n));
    return !s->refuse_bytes;
}

static void paused(void *ctx, uint64_t obj)
{
    (void)ctx;
    assert_int_equal(obj, 7);
}

static void ended(void *ctx, uint64_t obj)
{
    assert_int_equal(obj, 7);
    ((struct stage *)ctx)->ends++;
}

static bool at_rest(void *ctx, uint64_t obj, uint64_t *records, uint64_t *n)
{
    (void)ctx, (void)obj, (void)records, (void)n;
    return true;
}

static void trouble(void *ctx, const char *place, const char *sentence, bool gap)
{
    (void)place, (void)sentence, (void)gap;
    ((struct stage *)ctx)->troubles++;
}

static int64_t stage_now(void *ctx)
{
    return ((struct stage *)ctx)->now;
}

static void stage_open(struct stage *s, bool follow, uint64_t seed, int64_t now)
{
    *s = (struct stage){.now = now, .clock = {stage_now, s},
                        .sink = {s, object, bytes, paused, ended, at_rest, trouble}};
    kt_buf_init(&s->out, 64 << 20);
    struct kt_source_opts o = {.follow = follow, .clock = &s->clock, .seed = seed};
    struct kt_err e;
    assert_int_equal(kt_source_demo.open(&s->source, "demo:", &o, &e), KT_OK);
}

static void stage_close(struct stage *s)
{
    s->source->ops->close(s->source);
    kt_buf_free(&s->out);
}

/* Steps until there is nothing to do at once. */
static struct kt_wait settle(struct stage *s)
{
    struct kt_wait w = {.kind = KT_WAIT_NONE, .fd = -1};
    for (int i = 0; w.kind == KT_WAIT_NONE; i++) {
        assert_true(i < 1000);
        size_t before = s->out.len;
        s->source->ops->step(s->source, &s->sink, &w);
        assert_true(s->out.len - before <= 256 << 10); /* a bounded piece of work */
    }
    return w;
}

static enum kt_health_state state_of(const struct stage *s)
{
    struct kt_health h;
    s->source->ops->health(s->source, &h);
    assert_string_equal(h.note, "simulated");
    return h.state;
}

/* Follows for `minutes`, moving the clock from deadline to deadline. */
static void live_for(struct stage *s, int64_t minutes)
{
    int64_t until = s->now + minutes * MINUTE;
    for (;;) {
        struct kt_wait w = settle(s);
        assert_int_equal(w.kind, KT_WAIT_TIME);
        int64_t wait = w.deadline - kt_mono_ms();
        s->now += wait > 0 ? wait + 1 : 1;
        if (s->now > until)
            return;
    }
}

/* --- the records -------------------------------------------------------------- */

struct records {
    json_t *r[RECORDS_MAX];
    size_t n;
};

static void parse(struct records *rs, const struct kt_buf *b)
{
    rs->n = 0;
    for (const char *p = kt_buf_str(b), *end; *p; p = end + 1) {
        end = strchr(p, '\n');
        assert_non_null(end);
        json_error_t e;
        json_t *r = json_loadb(p, (size_t)(end - p), JSON_REJECT_DUPLICATES, &e);
        if (!r)
            fail_msg("%s: %.*s", e.text, (int)(end - p), p);
        assert_true(rs->n < RECORDS_MAX);
        rs->r[rs->n++] = r;
    }
}

static void records_free(struct records *rs)
{
    for (size_t i = 0; i < rs->n; i++)
        json_decref(rs->r[i]);
}

/* "a.b.c"; NULL where it is not there. */
static json_t *at(json_t *r, const char *path)
{
    char key[64];
    for (size_t n; r && *path; path += n + (path[n] == '.')) {
        n = strcspn(path, ".");
        assert_true(n < sizeof key);
        memcpy(key, path, n);
        key[n] = '\0';
        r = json_object_get(r, key);
    }
    return r;
}

static const char *text(json_t *r, const char *path)
{
    const char *s = json_string_value(at(r, path));
    return s ? s : "";
}

static int64_t time_of(json_t *r)
{
    int64_t t = kt_time_parse(kt_span_of(text(r, "eventTime")));
    assert_true(t != KT_TIME_NONE);
    return t;
}

static bool is_creation(json_t *r)
{
    return strcmp(text(r, "eventName"), "CreateAccessKey") == 0;
}

static const char *made_key(json_t *r)
{
    return is_creation(r) ? text(r, "responseElements.accessKey.accessKeyId") : "";
}

static const char *actor(json_t *r)
{
    const char *type = text(r, "userIdentity.type");
    return strcmp(type, "AssumedRole") == 0 ? text(r, "userIdentity.sessionContext.sessionIssuer.userName") :
           strcmp(type, "Root") == 0 ? "root" : text(r, "userIdentity.userName");
}

static struct records past(uint64_t seed, int64_t now)
{
    struct stage s;
    struct records rs;
    stage_open(&s, false, seed, now);
    assert_int_equal(state_of(&s), KT_HEALTH_STARTING);
    assert_int_equal(settle(&s).kind, KT_WAIT_DONE);
    assert_int_equal(state_of(&s), KT_HEALTH_DONE);
    assert_int_equal(s.objects, 1);
    assert_int_equal(s.ends, 1);
    assert_int_equal(s.troubles, 0);
    parse(&rs, &s.out);
    stage_close(&s);
    return rs;
}

/* --- shape ------------------------------------------------------------------- */

static void check_shape(json_t *r)
{
    static const char *const strings[] = {"eventVersion", "eventTime", "eventSource", "eventName", "awsRegion",
                                          "sourceIPAddress", "userAgent", "eventID", "eventType",
                                          "recipientAccountId", "eventCategory", "userIdentity.type"};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        if (!*text(r, strings[i]))
            fail_msg("%s is missing in %s", strings[i], json_dumps(r, 0));
    assert_true(json_is_boolean(at(r, "readOnly")));
    assert_true(json_is_true(at(r, "managementEvent")));
    assert_non_null(at(r, "requestParameters"));
    assert_non_null(at(r, "responseElements"));
    assert_int_equal(strlen(text(r, "eventID")), 36);
    const char *type = text(r, "userIdentity.type");
    bool service = strcmp(type, "AWSService") == 0, web = strcmp(type, "WebIdentityUser") == 0;
    bool sign_in = strcmp(text(r, "eventName"), "ConsoleLogin") == 0;
    if (!sign_in)
        assert_true(*text(r, "requestID"));
    if (!service && !web) {
        assert_string_equal(text(r, "userIdentity.accountId"), text(r, "recipientAccountId"));
        assert_non_null(strstr(text(r, "userIdentity.arn"), text(r, "recipientAccountId")));
        assert_true(*text(r, "userIdentity.principalId"));
        assert_true(sign_in || strlen(text(r, "userIdentity.accessKeyId")) == 20);
    }
    bool temporary = strncmp(text(r, "userIdentity.accessKeyId"), "ASIA", 4) == 0;
    assert_int_equal(at(r, "userIdentity.sessionContext") != NULL, temporary);
    if (temporary) {
        int64_t since = kt_time_parse(kt_span_of(text(r, "userIdentity.sessionContext.attributes.creationDate")));
        assert_true(since != KT_TIME_NONE && since <= time_of(r));
    }
    if (at(r, "errorCode"))
        assert_true(*text(r, "errorMessage") && json_is_null(at(r, "responseElements")));
}

static void every_record_has_the_fields_of_a_real_one(void **state)
{
    (void)state;
    struct records rs = past(0, NOW);
    assert_in_range(rs.n, 1000, 4000);
    for (size_t i = 0; i < rs.n; i++)
        check_shape(rs.r[i]);
    records_free(&rs);
}

static void times_ascend_within_the_day_before_now(void **state)
{
    (void)state;
    struct records rs = past(3, NOW);
    for (size_t i = 0; i < rs.n; i++) {
        int64_t t = time_of(rs.r[i]);
        assert_true(t >= NOW - 24 * 60 * MINUTE && t <= NOW);
        assert_true(i == 0 || t >= time_of(rs.r[i - 1]));
    }
    records_free(&rs);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void assert_distinct(const char **list, size_t n)
{
    qsort(list, n, sizeof *list, by_text);
    for (size_t i = 1; i < n; i++)
        assert_string_not_equal(list[i - 1], list[i]);
}

static void event_ids_and_key_ids_are_unique(void **state)
{
    (void)state;
    static const char *events[RECORDS_MAX], *keys[RECORDS_MAX];
    struct records rs = past(0, NOW);
    size_t n_keys = 0;
    for (size_t i = 0; i < rs.n; i++) {
        events[i] = text(rs.r[i], "eventID");
        const char *key = made_key(rs.r[i]);
        if (!*key)
            continue;
        assert_int_equal(strlen(key), 20);
        assert_memory_equal(key, "AKIA", 4);
        assert_int_equal(strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 20);
        assert_null(strstr(key, "EXAMPLE"));
        keys[n_keys++] = key;
    }
    assert_distinct(events, rs.n);
    assert_distinct(keys, n_keys);
    records_free(&rs);
}

static bool documentation_address(const char *a)
{
    static const char *const ranges[] = {"192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:", "10."};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (strncmp(a, ranges[i], strlen(ranges[i])) == 0)
            return true;
    size_t n = strlen(a), tail = strlen(".amazonaws.com");
    return n > tail && strcmp(a + n - tail, ".amazonaws.com") == 0; /* a service of AWS */
}

static void addresses_and_accounts_are_those_of_documentation(void **state)
{
    (void)state;
    struct stage s;
    struct records rs;
    stage_open(&s, true, 0, NOW);
    live_for(&s, 60);
    parse(&rs, &s.out);
    for (size_t i = 0; i < rs.n; i++) {
        const char *account = text(rs.r[i], "recipientAccountId");
        assert_true(documentation_address(text(rs.r[i], "sourceIPAddress")));
        assert_true(!strcmp(account, "111122223333") || !strcmp(account, "444455556666") ||
                    !strcmp(account, "777788889999"));
    }
    records_free(&rs);
    stage_close(&s);
}

/* The first 48 bits of an id hold its account's number, as in real ones. */
static void ids_belong_to_their_documentation_accounts(void **state)
{
    (void)state;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    struct records rs = past(0, NOW);
    for (size_t i = 0; i < rs.n; i++) {
        const char *key = text(rs.r[i], "userIdentity.accessKeyId");
        uint64_t bits = 0;
        if (!*key)
            continue;
        for (size_t k = 4; k < 14; k++)
            bits = bits << 5 | (uint64_t)(strchr(alphabet, key[k]) - alphabet);
        assert_int_equal(bits >> 9 & 0xffffffffff, strtoull(text(rs.r[i], "recipientAccountId"), NULL, 10));
    }
    records_free(&rs);
}

/* --- what happens ---------------------------------------------------------------- */

static void a_day_holds_some_fifty_attempts_of_every_sort(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct records rs = past(seed, NOW + (int64_t)seed * 97 * MINUTE);
        size_t keys = 0, denied = 0, quota = 0, by_role = 0, by_stack = 0, console = 0, untold = 0, shell = 0,
               narrow = 0, plain = 0, gone = 0;
        for (size_t i = 0; i < rs.n; i++) {
            json_t *r = rs.r[i];
            gone += strcmp(text(r, "eventName"), "DeleteAccessKey") == 0;
            if (!is_creation(r))
                continue;
            keys++;
            denied += strcmp(text(r, "errorCode"), "AccessDenied") == 0;
            quota += strcmp(text(r, "errorCode"), "LimitExceededException") == 0;
            by_role += strcmp(text(r, "userIdentity.type"), "AssumedRole") == 0;
            by_stack += strcmp(text(r, "userIdentity.invokedBy"), "cloudformation.amazonaws.com") == 0;
            console += strcmp(text(r, "sessionCredentialFromConsole"), "true") == 0;
            shell += strstr(text(r, "userAgent"), "exec-env/CloudShell") != NULL;
            untold += *made_key(r) && json_is_null(at(r, "requestParameters"));
            const char *date = text(r, "responseElements.accessKey.createDate");
            if (*made_key(r)) {
                assert_int_equal(kt_time_parse_created(kt_span_of(date)), time_of(r));
                narrow += strstr(date, "\u202f") != NULL;
                plain += strstr(date, "\u202f") == NULL;
            }
        }
        assert_in_range(keys, 40, 70);
        assert_true(denied >= 6 && quota >= 2 && by_role >= 12 && by_stack >= 1 && console >= 3 && untold >= 2);
        assert_true(shell >= 1 && narrow >= 5 && plain >= 5 && gone >= 10);
        records_free(&rs);
    }
}

/* What the ledger promises: every key is made before it is used, never used
 * once it is deleted, and no user has three. */
static void keys_are_used_only_while_they_exist(void **state)
{
    (void)state;
    struct stage s;
    struct records rs;
    stage_open(&s, true, 5, NOW);
    live_for(&s, 90);
    parse(&rs, &s.out);
    json_t *made = json_object(), *deleted = json_object();
    for (size_t i = 0; i < rs.n; i++) { /* keys that are made here are not used before */
        if (*made_key(rs.r[i]))
            json_object_set_new(made, made_key(rs.r[i]), json_integer((json_int_t)i));
    }
    for (size_t i = 0; i < rs.n; i++) {
        const char *used = text(rs.r[i], "userIdentity.accessKeyId");
        if (*used)
            assert_null(json_object_get(deleted, used));
        json_t *birth = json_object_get(made, used);
        assert_true(!birth || json_integer_value(birth) < (json_int_t)i);
        const char *ended_key = text(rs.r[i], "requestParameters.accessKeyId");
        if (strcmp(text(rs.r[i], "eventName"), "DeleteAccessKey") == 0) {
            assert_int_equal(strlen(ended_key), 20);
            assert_null(json_object_get(deleted, ended_key));
            json_object_set_new(deleted, ended_key, json_true());
        }
    }
    assert_true(json_object_size(deleted) > 40);
    json_decref(made);
    json_decref(deleted);
    records_free(&rs);
    stage_close(&s);
}

static void same_seed_and_clock_give_the_same_bytes(void **state)
{
    (void)state;
    struct stage a, b, other;
    stage_open(&a, true, 11, NOW);
    stage_open(&b, true, 11, NOW);
    stage_open(&other, true, 12, NOW);
    settle(&a);
    settle(&b);
    settle(&other);
    assert_int_equal(a.out.len, b.out.len);
    assert_memory_equal(a.out.p, b.out.p, a.out.len);
    assert_false(a.out.len == other.out.len && memcmp(a.out.p, other.out.p, a.out.len) == 0);
    for (int i = 0; i < 300; i++) { /* and so does the present, however often it is asked */
        a.now += 1000;
        settle(&a);
    }
    for (int i = 0; i < 30; i++) {
        b.now += 10000;
        settle(&b);
    }
    assert_int_equal(a.out.len, b.out.len);
    assert_memory_equal(a.out.p, b.out.p, a.out.len);
    stage_close(&a);
    stage_close(&b);
    stage_close(&other);
}

/* --- the stories ------------------------------------------------------------------- */

struct scene {
    const char *event, *who, *address, *error;
};

/* Finds the scenes one after the other and returns the last one's record. */
static json_t *follow_story(const struct records *rs, const struct scene *scenes, size_t n, json_t **out)
{
    size_t k = 0;
    for (size_t i = 0; i < rs->n && k < n; i++) {
        json_t *r = rs->r[i];
        if (strcmp(text(r, "eventName"), scenes[k].event) == 0 && strcmp(actor(r), scenes[k].who) == 0 &&
            strcmp(text(r, "sourceIPAddress"), scenes[k].address) == 0 &&
            strcmp(text(r, "errorCode"), scenes[k].error) == 0)
            out[k++] = r;
    }
    if (k < n)
        fail_msg("the story breaks off before %s by %s", scenes[k].event, scenes[k].who);
    return out[n - 1];
}
#define STORY(rs, scenes, out) follow_story(rs, scenes, sizeof(scenes) / sizeof *(scenes), out)

static void a_leaked_ci_key_makes_one_that_is_used_elsewhere(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"GetCallerIdentity", "ci-publish", "203.0.113.9", ""},
        {"AttachUserPolicy", "ci-publish", "203.0.113.9", "AccessDenied"},
        {"ListAccessKeys", "ci-publish", "203.0.113.9", ""},
        {"CreateAccessKey", "ci-publish", "203.0.113.9", ""},
        {"GetCallerIdentity", "legacy-admin", "198.51.100.77", ""},
        {"GetSecretValue", "legacy-admin", "198.51.100.77", ""}};
    json_t *at_scene[6];
    struct records rs = past(0, NOW);
    json_t *last = STORY(&rs, scenes, at_scene), *made = at_scene[3], *use = at_scene[4];
    assert_int_equal(time_of(made), NOW - 3 * MINUTE);
    assert_string_equal(text(made, "responseElements.accessKey.userName"), "legacy-admin");
    assert_string_equal(text(use, "userIdentity.accessKeyId"), made_key(made));
    assert_string_equal(text(last, "userIdentity.accessKeyId"), made_key(made));
    assert_int_equal(time_of(use) - time_of(made), 34000);
    assert_non_null(strstr(text(made, "userAgent"), "Boto3/1.28.0"));
    assert_non_null(strstr(text(use, "userAgent"), "kali"));
    for (size_t i = 0; i < rs.n; i++) /* on top at the start */
        assert_true(!is_creation(rs.r[i]) || time_of(rs.r[i]) <= time_of(made));
    records_free(&rs);
}

static void root_makes_itself_a_key_after_three_denied_spellings(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"CreateAccessKey", "eve", "192.0.2.77", "AccessDenied"},
        {"CreateAccessKey", "eve", "192.0.2.77", "AccessDenied"},
        {"CreateAccessKey", "eve", "192.0.2.77", "AccessDenied"},
        {"ConsoleLogin", "root", "198.51.100.4", ""},
        {"ConsoleLogin", "root", "198.51.100.4", ""},
        {"CreateAccessKey", "root", "198.51.100.4", ""},
        {"GetCallerIdentity", "root", "198.51.100.4", ""},
        {"StopLogging", "root", "198.51.100.4", ""}};
    static const char *const spelled[] = {"user admin ", "user Admin ", "user ADMIN "};
    json_t *r[8];
    struct records rs = past(0, NOW);
    STORY(&rs, scenes, r);
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(strstr(text(r[i], "errorMessage"),
                               "User: arn:aws:iam::444455556666:user/eve is not authorized to perform: "
                               "iam:CreateAccessKey on resource: user "));
        assert_non_null(strstr(text(r[i], "errorMessage"),
                               "because no identity-based policy allows the iam:CreateAccessKey action"));
        assert_non_null(strstr(text(r[i], "errorMessage"), spelled[i]));
        assert_true(json_is_null(at(r[i], "requestParameters")));
    }
    assert_string_equal(text(r[3], "errorMessage"), "Failed authentication");
    assert_string_equal(text(r[4], "responseElements.ConsoleLogin"), "Success");
    assert_string_equal(text(r[4], "additionalEventData.MFAUsed"), "No");
    assert_int_equal(time_of(r[5]), NOW - 50 * MINUTE);
    assert_true(json_is_null(at(r[5], "requestParameters")));
    assert_null(at(r[5], "responseElements.accessKey.userName"));
    assert_string_equal(text(r[5], "userIdentity.sessionContext.attributes.mfaAuthenticated"), "false");
    assert_string_equal(text(r[6], "userIdentity.accessKeyId"), made_key(r[5]));
    records_free(&rs);
}

static void a_role_makes_keys_for_one_user_after_the_other(void **state)
{
    (void)state;
    struct records rs = past(0, NOW);
    size_t made = 0, contained = 0;
    json_t *assumed = NULL, *quota = NULL, *missing = NULL;
    int64_t first = 0, last = 0;
    for (size_t i = 0; i < rs.n; i++) {
        json_t *r = rs.r[i];
        bool theirs = strcmp(text(r, "sourceIPAddress"), "203.0.113.171") == 0;
        if (theirs && strcmp(text(r, "eventName"), "AssumeRole") == 0)
            assumed = r;
        contained += strcmp(text(r, "eventName"), "DeleteAccessKey") == 0 && strstr(actor(r), "PowerUserAccess") &&
                     time_of(r) > NOW - 6 * 60 * MINUTE;
        if (!theirs || !is_creation(r))
            continue;
        assert_string_equal(actor(r), "data-pipeline");
        assert_non_null(strstr(text(r, "userAgent"), "Boto3"));
        made += *made_key(r) != '\0';
        first = first ? first : time_of(r);
        last = time_of(r);
        quota = strcmp(text(r, "errorCode"), "LimitExceededException") == 0 ? r : quota;
        missing = strcmp(text(r, "errorCode"), "NoSuchEntityException") == 0 ? r : missing;
    }
    assert_non_null(assumed);
    assert_true(made >= 4 && contained >= 4);
    assert_true(first > NOW - 365 * MINUTE && last < NOW - 355 * MINUTE);
    assert_non_null(quota);
    assert_string_equal(text(quota, "errorMessage"), "Cannot exceed quota for AccessKeysPerUser: 2");
    assert_string_equal(text(quota, "requestParameters.userName"), "y.tanaka");
    assert_non_null(missing);
    assert_string_equal(text(missing, "errorMessage"), "The user with name svc-warehouse-old cannot be found.");
    assert_string_equal(text(missing, "userIdentity.accessKeyId"),
                        text(assumed, "responseElements.credentials.accessKeyId"));
    records_free(&rs);
}

static void near_names_and_paths_are_among_the_cast(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct records rs = past(seed, NOW);
        bool own = false, near = false;
        for (size_t i = 0; i < rs.n; i++) {
            if (strcmp(text(rs.r[i], "responseElements.accessKey.userName"), "jack") != 0)
                continue;
            own |= strcmp(text(rs.r[i], "userIdentity.arn"), "arn:aws:iam::444455556666:user/team/jack") == 0;
            near |= strcmp(actor(rs.r[i]), "jackson") == 0;
        }
        assert_true(own && near);
        records_free(&rs);
    }
}

/* Held against the reader of real records: nothing in them is odd to it. */
static void every_key_is_understood_as_a_real_one_is(void **state)
{
    (void)state;
    struct stage s;
    struct records rs;
    stage_open(&s, true, 2, NOW);
    live_for(&s, 90);
    parse(&rs, &s.out);
    struct kt_arena *a = kt_arena_new(1 << 20);
    size_t classes[KT_AGENT_ATTACK_TOOL + 1] = {0}, from[KT_TARGET_CALLER + 1] = {0}, own = 0, other = 0;
    for (size_t i = 0; i < rs.n; i++) {
        struct kt_event e;
        kt_arena_reset(a);
        if (!is_creation(rs.r[i]))
            continue;
        kt_event_decode(node_of(rs.r[i]), 0, a, &e);
        assert_int_equal(e.kind, KT_KIND_CREATION);
        assert_true(e.actor.name.n && e.target.name.n && e.agent.tool.n);
        assert_true(kt_span_is(e.actor.name, actor(rs.r[i])));
        assert_int_equal(e.flags, 0);
        assert_int_not_equal(e.result, KT_RESULT_UNKNOWN);
        assert_int_not_equal(e.target.self, KT_UNKNOWN);
        if (e.result == KT_RESULT_CREATED)
            assert_int_equal(e.key.created, e.time);
        classes[e.agent.cls]++;
        from[e.target.from]++;
        own += e.target.self == KT_YES;
        other += e.target.self == KT_NO;
    }
    assert_int_equal(classes[KT_AGENT_UNKNOWN], 0);
    assert_true(classes[KT_AGENT_CONSOLE] && classes[KT_AGENT_CLI] && classes[KT_AGENT_SDK] &&
                classes[KT_AGENT_IAC] && classes[KT_AGENT_CLOUDSHELL] && classes[KT_AGENT_ATTACK_TOOL]);
    assert_true(from[KT_TARGET_RESPONSE] && from[KT_TARGET_REQUEST] && from[KT_TARGET_ERROR] &&
                from[KT_TARGET_CALLER]);
    assert_true(own > 20 && other > 20);
    kt_arena_free(a);
    records_free(&rs);
    stage_close(&s);
}

/* --- the present ---------------------------------------------------------------------- */

static void the_first_live_key_arrives_after_eight_seconds(void **state)
{
    (void)state;
    struct stage s;
    struct records rs;
    stage_open(&s, true, 0, NOW);
    assert_int_equal(settle(&s).kind, KT_WAIT_TIME);
    assert_int_equal(state_of(&s), KT_HEALTH_LIVE);
    kt_buf_reset(&s.out);
    s.now = NOW + 7900;
    settle(&s);
    assert_null(strstr(kt_buf_str(&s.out), "\"CreateAccessKey\""));
    s.now = NOW + 8000;
    settle(&s);
    parse(&rs, &s.out);
    assert_true(rs.n > 0);
    assert_true(is_creation(rs.r[rs.n - 1]));
    assert_int_equal(time_of(rs.r[rs.n - 1]), NOW + 8000);
    records_free(&rs);
    stage_close(&s);
}

static void something_is_written_at_every_deadline_and_nothing_before(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, true, 0, NOW);
    struct kt_wait w = settle(&s);
    size_t written = 0;
    for (int i = 0; i < 200; i++) {
        int64_t mono = kt_mono_ms(), due = s.now + (w.deadline - mono);
        assert_true(w.deadline > mono - 1000);
        size_t before = s.out.len;
        if (due - 100 > s.now) { /* called too early: nothing is due */
            s.now = due - 100;
            w = settle(&s);
            assert_int_equal(s.out.len, before);
        }
        s.now = due + 50;
        w = settle(&s);
        assert_int_equal(w.kind, KT_WAIT_TIME);
        written += s.out.len > before;
    }
    assert_true(written > 180); /* a deadline may only plan what comes later */
    stage_close(&s);
}

static void an_hour_brings_keys_every_minute_and_some_attacks(void **state)
{
    (void)state;
    struct stage s;
    struct records rs;
    stage_open(&s, true, 0, NOW);
    settle(&s);
    kt_buf_reset(&s.out);
    live_for(&s, 60);
    parse(&rs, &s.out);
    size_t keys = 0, used_elsewhere = 0, root = 0;
    int64_t longest = 0, previous = NOW;
    for (size_t i = 0; i < rs.n; i++) {
        int64_t t = time_of(rs.r[i]);
        check_shape(rs.r[i]);
        assert_true(t >= NOW - 1000 && t <= s.now);
        assert_true(i == 0 || t >= time_of(rs.r[i - 1]));
        used_elsewhere += strcmp(text(rs.r[i], "eventName"), "GetAccountAuthorizationDetails") == 0;
        if (!is_creation(rs.r[i]))
            continue;
        keys++;
        root += *made_key(rs.r[i]) && strcmp(actor(rs.r[i]), "root") == 0;
        longest = t - previous > longest ? t - previous : longest;
        previous = t;
    }
    assert_in_range(keys, 60, 180);
    assert_true(longest <= 61000);
    assert_true(used_elsewhere >= 1 && root >= 1);
    records_free(&rs);
    stage_close(&s);
}

static void a_sleep_of_the_machine_brings_no_flood(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, true, 0, NOW);
    settle(&s);
    live_for(&s, 2);
    size_t before = s.out.len;
    s.now += 8 * 60 * MINUTE;
    settle(&s);
    assert_true(s.out.len - before < 20000);
    before = s.out.len;
    s.now -= 3 * 60 * MINUTE; /* and a clock that is set back brings no silence */
    settle(&s);
    live_for(&s, 2);
    assert_true(s.out.len - before > 10000);
    assert_int_equal(s.troubles, 0);
    stage_close(&s);
}

static void a_day_of_following_leaves_no_call_out(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, true, 9, NOW);
    for (int hour = 0; hour < 24; hour++) {
        live_for(&s, 60);
        assert_true(s.out.len > 100000);
        kt_buf_reset(&s.out);
    }
    assert_int_equal(s.troubles, 0);
    stage_close(&s);
}

static void it_stops_when_the_engine_does(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, true, 0, NOW);
    s.refuse_object = true;
    assert_int_equal(settle(&s).kind, KT_WAIT_DONE);
    assert_int_equal(s.out.len, 0);
    stage_close(&s);
    stage_open(&s, true, 0, NOW);
    s.refuse_bytes = true;
    assert_int_equal(settle(&s).kind, KT_WAIT_DONE);
    size_t n = s.out.len;
    assert_int_equal(settle(&s).kind, KT_WAIT_DONE);
    assert_int_equal(s.out.len, n);
    stage_close(&s);
}

static void a_word_after_the_colon_is_refused(void **state)
{
    (void)state;
    struct kt_source *source = NULL;
    struct kt_source_opts o = {0};
    struct kt_err e = {0};
    assert_int_equal(kt_source_demo.open(&source, "demo:prod", &o, &e), KT_EUSAGE);
    assert_non_null(strstr(e.text, "demo:prod"));
    assert_null(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_has_the_fields_of_a_real_one),
        cmocka_unit_test(times_ascend_within_the_day_before_now),
        cmocka_unit_test(event_ids_and_key_ids_are_unique),
        cmocka_unit_test(addresses_and_accounts_are_those_of_documentation),
        cmocka_unit_test(ids_belong_to_their_documentation_accounts),
        cmocka_unit_test(a_day_holds_some_fifty_attempts_of_every_sort),
        cmocka_unit_test(keys_are_used_only_while_they_exist),
        cmocka_unit_test(same_seed_and_clock_give_the_same_bytes),
        cmocka_unit_test(a_leaked_ci_key_makes_one_that_is_used_elsewhere),
        cmocka_unit_test(root_makes_itself_a_key_after_three_denied_spellings),
        cmocka_unit_test(a_role_makes_keys_for_one_user_after_the_other),
        cmocka_unit_test(near_names_and_paths_are_among_the_cast),
        cmocka_unit_test(every_key_is_understood_as_a_real_one_is),
        cmocka_unit_test(the_first_live_key_arrives_after_eight_seconds),
        cmocka_unit_test(something_is_written_at_every_deadline_and_nothing_before),
        cmocka_unit_test(an_hour_brings_keys_every_minute_and_some_attacks),
        cmocka_unit_test(a_sleep_of_the_machine_brings_no_flood),
        cmocka_unit_test(a_day_of_following_leaves_no_call_out),
        cmocka_unit_test(it_stops_when_the_engine_does),
        cmocka_unit_test(a_word_after_the_colon_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
