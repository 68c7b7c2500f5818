#include "tests/support/app_fixture.h"

#include "tui/commands.h"
#include "tui/screen.h"

#include <inttypes.h>
#include <locale.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* --- records ------------------------------------------------------------ */

static void field(struct kt_buf *b, const char *name, const char *value)
{
    if (!value)
        return;
    kt_buf_addf(b, ",\"%s\":", name);
    kt_text_json(b, kt_span_of(value));
}

static void identity(struct kt_buf *b, const struct fixture_record *r)
{
    bool role = r->type && strcmp(r->type, "AssumedRole") == 0;
    bool root = r->type && strcmp(r->type, "Root") == 0;
    kt_buf_adds(b, ",\"userIdentity\":{\"principalId\":\"AIDAEXAMPLE\"");
    field(b, "type", r->type);
    field(b, "accountId", r->account);
    if (role) {
        kt_buf_addf(b, ",\"arn\":\"arn:aws:sts::%s:assumed-role/%s/%s\"", r->account, r->actor, r->session);
        kt_buf_addf(b, ",\"sessionContext\":{\"sessionIssuer\":{\"type\":\"Role\",\"userName\":\"%s\","
                       "\"accountId\":\"%s\",\"arn\":\"arn:aws:iam::%s:role/%s\"}", r->actor, r->account, r->account,
                    r->actor);
        if (r->mfa_known)
            kt_buf_addf(b, ",\"attributes\":{\"mfaAuthenticated\":\"%s\"}", r->mfa ? "true" : "false");
        kt_buf_adds(b, "}");
    } else if (root) {
        kt_buf_addf(b, ",\"arn\":\"arn:aws:iam::%s:root\"", r->account);
    } else {
        field(b, "userName", r->actor);
        kt_buf_addf(b, ",\"accessKeyId\":\"AKIAEXAMPLEACTOR%04x\"", (unsigned)(strlen(r->actor) * 4099) & 0xFFFF);
    }
    kt_buf_adds(b, "}");
}

void fixture_json(struct kt_buf *b, const struct fixture_record *r)
{
    kt_buf_adds(b, "{\"eventVersion\":\"1.08\"");
    field(b, "eventTime", r->time);
    field(b, "eventSource", "iam.amazonaws.com");
    field(b, "eventName", "CreateAccessKey");
    field(b, "awsRegion", "us-east-1");
    field(b, "sourceIPAddress", r->address);
    field(b, "userAgent", r->agent);
    identity(b, r);
    field(b, "errorCode", r->error);
    field(b, "errorMessage", r->message);
    if (r->target && !r->error) {
        kt_buf_adds(b, ",\"requestParameters\":{\"userName\":");
        kt_text_json(b, kt_span_of(r->target));
        kt_buf_adds(b, "}");
    } else {
        kt_buf_adds(b, ",\"requestParameters\":null");
    }
    if (r->key) {
        kt_buf_addf(b, ",\"responseElements\":{\"accessKey\":{\"accessKeyId\":\"%s\",\"status\":\"Active\","
                       "\"createDate\":\"Nov 24, 2026 2:31:55 PM\",\"userName\":", r->key);
        kt_text_json(b, kt_span_of(r->target));
        kt_buf_adds(b, "}}");
    } else {
        kt_buf_adds(b, ",\"responseElements\":null");
    }
    field(b, "eventID", r->id);
    field(b, "recipientAccountId", r->account);
    kt_buf_adds(b, ",\"eventType\":\"AwsApiCall\",\"readOnly\":false}");
}

#define ACCOUNT "111122223333"
#define BOTO "Boto3/1.28.0 md/Botocore#1.31.0 ua/2.0 os/linux#6.1.0 md/arch#x86_64 lang/python#3.11.4 Botocore/1.31.0"
#define CLI "aws-cli/2.17.0 md/awscrt#0.20.11 ua/2.0 os/linux#6.8.0 md/arch#x86_64 lang/python#3.11.8"
#define BROWSER "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
#define TERRAFORM "APN/1.0 HashiCorp/1.0 Terraform/1.5.7 (+https://www.terraform.io) aws-sdk-go-v2/1.21.0"

static const struct fixture_record day[] = {
    {"e1", "2026-11-24T13:02:09Z", "IAMUser", "bob", NULL, ACCOUNT, "bob", "AKIAIOSFODNN7EXAX0LL", "198.51.100.20",
     BROWSER, NULL, NULL, false, false, 0},
    {"e2", "2026-11-24T13:58:30Z", "AssumedRole", "terraform", "ci-4711", ACCOUNT, "svc-metrics",
     "AKIAIOSFODNN7EXAR5ZK", "10.0.3.17", TERRAFORM, NULL, NULL, true, false, 0},
    {"e3", "2026-11-24T14:20:11Z", "IAMUser", "alice", NULL, ACCOUNT, "alice", "AKIAIOSFODNN7EXAM2PA",
     "198.51.100.20", BROWSER, NULL, NULL, false, false, 0},
    {"e4", "2026-11-24T14:29:31Z", "IAMUser", "eve", NULL, ACCOUNT, NULL, NULL, "192.0.2.77", CLI, "AccessDenied",
     "User: arn:aws:iam::111122223333:user/eve is not authorized to perform: iam:CreateAccessKey on resource: user "
     "admin because no identity-based policy allows the iam:CreateAccessKey action", false, false, 0},
    {"e5", "2026-11-24T14:29:40Z", "IAMUser", "eve", NULL, ACCOUNT, NULL, NULL, "192.0.2.77", CLI,
     "LimitExceededException", "Cannot exceed quota for AccessKeysPerUser: 2", false, false, 0},
    {"e6", "2026-11-24T14:31:02Z", "Root", NULL, NULL, ACCOUNT, NULL, "AKIAIOSFODNN7EXAPD04", "198.51.100.4",
     BROWSER, NULL, NULL, false, false, 0},
    {"e7", "2026-11-24T14:31:55Z", "AssumedRole", "ci-deploy", "i-0abc1234", ACCOUNT, "svc-backup",
     "AKIAIOSFODNN7EXA7QX2", "203.0.113.9", BOTO, NULL, NULL, true, false, 0},
    {"e8", "2026-11-23T22:10:00Z", "IAMUser", "eve", NULL, ACCOUNT, "svc-backup", "AKIAIOSFODNN7EXA9H2W",
     "2001:db8:85a3::8a2e:370:7334", "evil\x1b[2J\xe2\x80\xae tool/1.0", NULL, NULL, false, false, 0},
    {"e8", "2026-11-23T22:10:00Z", "IAMUser", "eve", NULL, ACCOUNT, "svc-backup", "AKIAIOSFODNN7EXA9H2X",
     "203.0.113.9", BOTO, NULL, NULL, false, false, 0},
};
enum { DAY = sizeof day / sizeof *day };

/* What became of the day's keys: one is used at once from elsewhere, one
 * replaces an older one. */
#define IAM_USER(name, key)                                                                                        \
    "\"userIdentity\":{\"type\":\"IAMUser\",\"accountId\":\"" ACCOUNT "\",\"userName\":\"" name "\","             \
    "\"accessKeyId\":\"" key "\"},\"recipientAccountId\":\"" ACCOUNT "\",\"awsRegion\":\"us-east-1\""
#define USE(id, time, service, name, address, agent, rest)                                                         \
    "{\"eventID\":\"" id "\",\"eventTime\":\"2026-11-24T" time "Z\",\"eventSource\":\"" service                   \
    ".amazonaws.com\",\"eventName\":\"" name "\",\"sourceIPAddress\":\"" address "\",\"userAgent\":\"" agent    \
    "\"," IAM_USER("svc-backup", "AKIAIOSFODNN7EXA7QX2") rest "}\n"
#define KALI "aws-cli/2.15.22 Python/3.11.8 Linux/6.6.9-amd64 source/x86_64.kali.2024 prompt/off command/"
#define CHANGE(id, time, name, params)                                                                             \
    "{\"eventID\":\"" id "\",\"eventTime\":\"2026-11-24T" time "Z\",\"eventSource\":\"iam.amazonaws.com\","         \
    "\"eventName\":\"" name "\",\"sourceIPAddress\":\"198.51.100.20\",\"userAgent\":\"" CLI "\",\"userIdentity\":{"  \
    "\"type\":\"IAMUser\",\"accountId\":\"" ACCOUNT "\",\"userName\":\"alice\",\"accessKeyId\":"                 \
    "\"ASIAIOSFODNN7EXAMPLE\"},\"recipientAccountId\":\"" ACCOUNT "\",\"requestParameters\":{" params "}}\n"
static const char lives[] =
    USE("u1", "14:32:29", "sts", "GetCallerIdentity", "198.51.100.77", KALI "sts.get-caller-identity", "")
    USE("u2", "14:32:33", "iam", "ListUsers", "198.51.100.77", KALI "iam.list-users", ",\"errorCode\":\"AccessDenied\"")
    USE("u3", "14:32:37", "s3", "ListBuckets", "198.51.100.77", KALI "s3.ls", "")
    CHANGE("c1", "14:22:05", "UpdateAccessKey", "\"userName\":\"alice\",\"status\":\"Inactive\",\"accessKeyId\":"
           "\"AKIAIOSFODNN7EXAM0LD\"")
    CHANGE("c2", "14:22:11", "DeleteAccessKey", "\"userName\":\"alice\",\"accessKeyId\":\"AKIAIOSFODNN7EXAM0LD\"");

static void feed_day(struct fixture *f)
{
    struct kt_buf b;
    struct kt_err e = {0};
    kt_buf_init(&b, 1 << 20);
    for (size_t i = 0; i < DAY; i++) {
        struct fixture_record r = day[i];
        if (!r.actor)
            r.actor = "root";
        fixture_json(&b, &r);
        kt_buf_addc(&b, '\n');
    }
    kt_buf_adds(&b, "{\"eventName\":\"CreateAccessKey\",\"eventTime\":\"2026-11-24T12:00:00Z\",\"awsRegion\":}\n");
    kt_buf_adds(&b, lives);
    assert_false(b.failed);
    assert_int_equal(kt_engine_feed(f->engine, "trail", b.p, b.len, &e), KT_OK);
    kt_buf_free(&b);
}

static void feed_many(struct fixture *f)
{
    static const char *const agents[] = {BOTO, CLI, BROWSER, TERRAFORM};
    struct kt_buf b;
    struct kt_err e = {0};
    kt_buf_init(&b, 8 << 20);
    for (int i = 0; i < 2000; i++) {
        char id[32], time[40], actor[32], target[32], key[32], address[32];
        snprintf(id, sizeof id, "many-%d", i);
        snprintf(time, sizeof time, "2026-11-%02dT%02d:%02d:%02dZ", 20 + i / 500, i / 60 % 24, i % 60, i * 7 % 60);
        snprintf(actor, sizeof actor, "user%d", i % 97);
        snprintf(target, sizeof target, "user%d", i % 89);
        snprintf(key, sizeof key, "AKIAEXAMPLE%09d", i);
        snprintf(address, sizeof address, "203.0.113.%d", i % 251);
        struct fixture_record r = {id, time, "IAMUser", actor, NULL, ACCOUNT, target, key, address, agents[i % 4],
                                   NULL, NULL, false, false, 0};
        fixture_json(&b, &r);
        kt_buf_addc(&b, '\n');
    }
    assert_false(b.failed);
    assert_int_equal(kt_engine_feed(f->engine, "trail", b.p, b.len, &e), KT_OK);
    kt_buf_free(&b);
}

/* --- life --------------------------------------------------------------- */

static int64_t fixed_now(void *ctx)
{
    return ((struct fixture *)ctx)->now;
}

static void follow_file(struct fixture *f)
{
    struct kt_err e = {0};
    snprintf(f->followed, sizeof f->followed, "/tmp/keytop-followed-XXXXXX");
    int fd = mkstemp(f->followed);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(kt_engine_add(f->engine, f->followed, "queue", &e), KT_OK);
}

/* Reading is over once the file is followed. */
static void wait_until_live(struct fixture *f)
{
    for (int i = 0; i < 500 && f->app->source[1].health.state != KT_HEALTH_LIVE; i++) {
        struct pollfd p = {.fd = kt_engine_fd(f->engine), .events = POLLIN};
        poll(&p, 1, 10);
        kt_app_news(f->app);
    }
    assert_int_equal(f->app->source[1].health.state, KT_HEALTH_LIVE);
}

static bool read_only;

static void open_all(struct fixture *f, enum fixture_records what, int rows, int cols, struct kt_app_opts a)
{
    struct kt_err e = {0};
    setlocale(LC_ALL, "C.UTF-8");
    *f = (struct fixture){.now = kt_time_parse(KT_LIT("2026-11-24T14:32:40Z"))};
    f->clock = (struct kt_clock){fixed_now, f};
    struct kt_engine_opts o = {.follow = what == FIXTURE_LIVE, .since = KT_TIME_NONE, .until = KT_TIME_NONE, .clock = &f->clock,
                               .ledger = true, .store = {.keep_raw = true},
                               .memory = KT_MEMORY_RUN, .state = {.who = "ann@jump1", .read_only = read_only}};
    assert_int_equal(kt_engine_new(&f->engine, &o, &e), KT_OK);
    if (what == FIXTURE_DAY || what == FIXTURE_LIVE)
        feed_day(f);
    else if (what == FIXTURE_MANY)
        feed_many(f);
    if (what == FIXTURE_LIVE)
        follow_file(f);
    assert_int_equal(kt_engine_start(f->engine, &e), KT_OK);
    a.engine = f->engine;
    a.clock = &f->clock;
    f->app = kt_app_new(&a);
    assert_non_null(f->app);
    assert_true(kt_canvas_init(&f->canvas, rows, cols, a.ascii));
    if (what == FIXTURE_LIVE)
        wait_until_live(f);
    fixture_settle(f);
}

void fixture_open(struct fixture *f, enum fixture_records what, int rows, int cols, bool ascii)
{
    open_all(f, what, rows, cols, (struct kt_app_opts){.ascii = ascii});
}

void fixture_open_with(struct fixture *f, enum fixture_records what, const char *filter, const char *rule)
{
    open_all(f, what, 24, 120, (struct kt_app_opts){.filter = filter, .rule = rule});
}

void fixture_open_read_only(struct fixture *f)
{
    read_only = true;
    open_all(f, FIXTURE_DAY, 24, 120, (struct kt_app_opts){.read_only = true});
    read_only = false;
}

void fixture_wait(struct fixture *f, const char *text)
{
    for (int i = 0; i < 500 && !fixture_shows(f, text); i++) {
        struct pollfd p = {.fd = kt_engine_fd(f->engine), .events = POLLIN};
        poll(&p, 1, 20);
        fixture_settle(f);
    }
    if (!fixture_shows(f, text))
        fail_msg("\"%s\" is not on the screen:\n%s", text, fixture_screen(f));
}

void fixture_wait_no(struct fixture *f, const char *text)
{
    for (int i = 0; i < 500 && fixture_shows(f, text); i++) {
        struct pollfd p = {.fd = kt_engine_fd(f->engine), .events = POLLIN};
        poll(&p, 1, 20);
        fixture_settle(f);
    }
    assert_false(fixture_shows(f, text));
}

void fixture_close(struct fixture *f)
{
    kt_app_free(f->app);
    kt_engine_free(f->engine);
    kt_canvas_free(&f->canvas);
    if (f->followed[0])
        unlink(f->followed);
}

void fixture_settle(struct fixture *f)
{
    kt_views_wake(f->app->views);
    kt_app_settle(f->app);
}

void fixture_append(struct fixture *f, const struct fixture_record *r)
{
    struct kt_buf b;
    kt_buf_init(&b, 1 << 16);
    fixture_json(&b, r);
    kt_buf_addc(&b, '\n');
    FILE *file = fopen(f->followed, "a");
    assert_non_null(file);
    assert_int_equal(fwrite(b.p, 1, b.len, file), b.len);
    assert_int_equal(fclose(file), 0);
    kt_buf_free(&b);
}

void fixture_arrive(struct fixture *f, const struct fixture_record *r, uint64_t *seq)
{
    struct kt_row row = {.ev = {.kind = KT_KIND_CREATION, .time = kt_time_parse(kt_span_of(r->time)),
                                .result = KT_RESULT_CREATED, .event_id = kt_span_of(r->id)}};
    uint8_t content[32] = {0};
    row.ev.actor.type = kt_span_of(r->type);
    row.ev.actor.name = kt_span_of(r->actor);
    row.ev.actor.account = row.ev.account = kt_span_of(r->account);
    row.ev.target.name = kt_span_of(r->target);
    row.ev.target.account = kt_span_of(r->account);
    row.ev.key.id = kt_span_of(r->key);
    row.ev.source.address = kt_span_of(r->address);
    row.ev.source.kind = KT_ADDRESS_IP;
    row.ev.agent.text = kt_span_of(r->agent);
    row.origin.source = KT_LIT("arrival");
    row.verdict.risk = r->risk;
    row.verdict.level = kt_level_of_risk(r->risk);
    snprintf((char *)content, sizeof content, "%.31s", r->id);
    assert_int_equal(kt_store_add(f->app->store, &row, content), KT_ADDED);
    if (seq)
        *seq = row.seq;
}

void fixture_resize(struct fixture *f, int rows, int cols)
{
    assert_true(kt_canvas_resize(&f->canvas, rows, cols));
}

/* --- keys --------------------------------------------------------------- */

static void type(struct fixture *f, const char *text)
{
    for (; *text; text++)
        f->did |= kt_app_key(f->app, KT_CHAR(*text));
}

void fixture_keys(struct fixture *f, const char *keys)
{
    char name[KT_KEY_NAME];
    struct kt_key k;
    f->did = 0;
    if (*keys == '\'') {
        type(f, keys + 1);
    } else {
        while (kt_key_next(&keys, &k, name))
            f->did |= kt_app_key(f->app, k);
    }
    fixture_settle(f);
}

/* --- what is seen ------------------------------------------------------- */

static size_t row_text(const struct kt_canvas *c, int row, char *out, size_t size)
{
    size_t n = 0;
    for (int i = 0; i < c->cols; i++) {
        const struct kt_cell *cell = &c->cell[(size_t)row * (size_t)c->cols + (size_t)i].cell;
        for (const char *p = cell->utf8; *p && n + 1 < size; p++)
            out[n++] = *p;
    }
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
    return n;
}

const char *fixture_line(struct fixture *f, int row)
{
    static char text[KT_CANVAS_COLS_MAX * 16];
    kt_app_draw(f->app, &f->canvas);
    row_text(&f->canvas, row, text, sizeof text);
    return text;
}

const char *fixture_screen(struct fixture *f)
{
    static char text[1 << 20];
    size_t n = 0;
    kt_app_draw(f->app, &f->canvas);
    for (int i = 0; i < f->canvas.rows && n + KT_CANVAS_COLS_MAX < sizeof text; i++) {
        n += row_text(&f->canvas, i, text + n, sizeof text - n - 1);
        text[n++] = '\n';
    }
    text[n] = '\0';
    return text;
}

bool fixture_shows(struct fixture *f, const char *text)
{
    return strstr(fixture_screen(f), text) != NULL;
}

const char *fixture_selected(struct fixture *f)
{
    static char text[KT_CANVAS_COLS_MAX * 16];
    kt_app_draw(f->app, &f->canvas);
    const struct kt_canvas *c = &f->canvas;
    for (int i = 0; i < c->rows; i++) {
        if (c->cell[(size_t)i * (size_t)c->cols].style.role != KT_ROLE_SELECTED)
            continue;
        row_text(c, i, text, sizeof text);
        return text;
    }
    return "";
}

/* --- goldens ------------------------------------------------------------ */

static bool same_style(struct kt_style a, struct kt_style b)
{
    return a.role == b.role && a.attr == b.attr;
}

/* "row: role+attrs@from-to ..." for all that is not plain text. */
static void dump_styles(const struct kt_canvas *c, struct kt_buf *b)
{
    static const char *const attr[] = {"bold", "reverse", "underline", "dim"};
    for (int y = 0; y < c->rows; y++) {
        bool any = false;
        for (int x = 0; x < c->cols;) {
            const struct kt_grid_cell *g = &c->cell[(size_t)y * (size_t)c->cols];
            struct kt_style s = g[x].style;
            int from = x;
            while (x < c->cols && same_style(g[x].style, s))
                x++;
            if (s.role == KT_ROLE_TEXT && s.attr == 0)
                continue;
            if (!any)
                kt_buf_addf(b, "%d:", y);
            any = true;
            kt_buf_addf(b, " %s", kt_role_name((enum kt_role)s.role));
            for (int k = 0; k < 4; k++)
                if (s.attr & 1 << k)
                    kt_buf_addf(b, "+%s", attr[k]);
            kt_buf_addf(b, "@%d-%d", from, x - 1);
        }
        if (any)
            kt_buf_addc(b, '\n');
    }
    if (c->cursor_row >= 0)
        kt_buf_addf(b, "cursor: %d,%d\n", c->cursor_row, c->cursor_col);
}

static void golden_path(const char *name, char *out, size_t size)
{
    const char *root = getenv("KEYTOP_SOURCE");
    snprintf(out, size, "%s/tests/screen/golden/%s.txt", root ? root : ".", name);
}

static char *read_whole(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);
    if (f && text)
        text[fread(text, 1, (1 << 20) - 1, f)] = '\0';
    if (f)
        fclose(f);
    return text;
}

static void print_diff(const char *want, const char *have)
{
    int line = 1;
    while (*want || *have) {
        size_t a = strcspn(want, "\n"), b = strcspn(have, "\n");
        if (a != b || memcmp(want, have, a) != 0)
            fprintf(stderr, "line %d\n  want |%.*s|\n  have |%.*s|\n", line, (int)a, want, (int)b, have);
        want += a + (want[a] != '\0');
        have += b + (have[b] != '\0');
        line++;
    }
}

void golden_text(const char *name, const char *text)
{
    char path[512];
    golden_path(name, path, sizeof path);
    if (getenv("UPDATE_GOLDEN")) {
        FILE *out = fopen(path, "wb");
        assert_non_null(out);
        assert_int_equal(fwrite(text, 1, strlen(text), out), strlen(text));
        assert_int_equal(fclose(out), 0);
        return;
    }
    char *want = read_whole(path);
    bool same = want && strcmp(want, text) == 0;
    if (!same) {
        fprintf(stderr, "%s differs (UPDATE_GOLDEN=1 writes it anew):\n", path);
        print_diff(want ? want : "", text);
    }
    free(want);
    assert_true(same);
}

void fixture_golden(struct fixture *f, const char *name)
{
    struct kt_buf b;
    kt_buf_init(&b, 1 << 20);
    kt_buf_adds(&b, fixture_screen(f));
    kt_buf_adds(&b, "--- styles\n");
    dump_styles(&f->canvas, &b);
    assert_false(b.failed);
    golden_text(name, kt_buf_str(&b));
    kt_buf_free(&b);
}
