/* Risk: each signal with calls that raise it and calls that do not; stories
 * in any order; the score itself. */
#include "tests/support/story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct kt_rules *rules;

static int setup(void **state)
{
    struct kt_err e;
    struct kt_rules *r;
    (void)state;
    if (kt_rules_load_builtin(&r, &e) != KT_OK) {
        (void)fprintf(stderr, "%s\n", e.text);
        return -1;
    }
    rules = r;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kt_rules_free(rules);
    return 0;
}

/* --- signals ----------------------------------------------------------------------- */

#define K(s) "AKIAEXAMPLE" s
#define MAKE "CreateAccessKey"
#define WHO_AM_I "GetCallerIdentity"
#define STS .source = "sts.amazonaws.com"
#define BOTO .agent = "Boto3/1.34.69 md/Botocore#1.34.69 os/linux#6.1 lang/python#3.11.6"
#define TERRAFORM .agent = "APN/1.0 HashiCorp/1.0 Terraform/1.9.5 (+https://www.terraform.io) terraform-provider-aws/5.63.1"
#define LAMBDA .agent = "Boto3/1.34.69 md/Botocore#1.34.69 os/linux#5.10 lang/python#3.12 exec-env/AWS_Lambda_python3.12"
#define KALI .agent = "aws-cli/2.15.22 Python/3.11.8 Linux/6.6.9-amd64 source/x86_64.kali.2024 prompt/off"
#define BROWSER .agent = "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0", .console = true
#define ADMIN .params = "\"policyArn\":\"arn:aws:iam::aws:policy/AdministratorAccess\""
#define DAY SCENE_DAY
/* a key that bob made, which its user alice has used for long */
#define OLD {-30 * DAY, MAKE, "bob", .user = "alice", .makes = K("OLD000001")}, {-29 * DAY, WHO_AM_I, "alice", K("OLD000001"), STS}

enum { CALLS = 8 };
/* The first call at time 0 is the one that is looked at. */
struct proof {
    const char *signal;
    struct scene_call with[CALLS], without[CALLS];
};

static const struct proof proofs[] = {
    {"target.other", {{0, MAKE, "jackson", .user = "jack", .makes = K("A")}}, {{0, MAKE, "jack", .user = "jack", .makes = K("A")}}},
    {"actor.root", {{0, MAKE, "root", .makes = K("A")}}, {{0, MAKE, "alice", .makes = K("A")}}},
    {"result.denied", {{0, MAKE, "eve", .user = "admin", .error = "AccessDenied"}},
     {{0, MAKE, "eve", .user = "admin", .error = "NoSuchEntityException"}}},
    {"result.failed", {{0, MAKE, "eve", .user = "admin", .error = "NoSuchEntityException"}},
     {{0, MAKE, "eve", .user = "admin", .error = "AccessDenied"}}},
    {"denied.then_created",
     {{-60, MAKE, "eve", .user = "admin", .error = "AccessDenied"}, {0, MAKE, "eve", .user = "Admin", .makes = K("A")}},
     {{-7200, MAKE, "eve", .user = "admin", .error = "AccessDenied"}, {0, MAKE, "eve", .user = "admin", .makes = K("A")},
      {60, MAKE, "eve", .user = "admin", .error = "AccessDenied"}}},
    {"quota.reached",
     {{0, MAKE, "alice", .user = "bob", .error = "LimitExceededException"}},
     {{-60, MAKE, "alice", .user = "carol", .error = "LimitExceededException"}, {0, MAKE, "alice", .user = "bob", .makes = K("A")}}},
    {"key.second",
     {OLD, {0, MAKE, "alice", .makes = K("NEW000001")}},
     {OLD, {-60, "DeleteAccessKey", "bob", .user = "alice", .makes = K("OLD000001")}, {0, MAKE, "alice", .makes = K("NEW000001")}}},
    {"actor_key.new",
     {{-3600, MAKE, "alice", .makes = K("FIRST0001")}, {0, MAKE, "alice", K("FIRST0001"), .user = "bob", .makes = K("SECOND001")}},
     {{-8 * DAY, MAKE, "alice", .makes = K("FIRST0001")}, {0, MAKE, "alice", K("FIRST0001"), .user = "bob", .makes = K("SECOND001")}}},
    {"actor_key.long_lived", {{0, MAKE, "alice", K("OLD000001"), .makes = K("A")}}, {{0, MAKE, "alice", .makes = K("A")}}},
    {"mfa.absent", {{0, MAKE, "alice", .makes = K("A")}}, {{0, MAKE, "alice", .mfa = "true", .makes = K("A")}}},
    {"mfa.impossible",
     {{-DAY, "ListAccessKeys", "alice", .mfa = "true"}, {-DAY, MAKE, "alice", .mfa = "true", .error = "AccessDenied"},
      {0, MAKE, "alice", K("OLD000001"), .makes = K("A")}},
     {{0, MAKE, "alice", K("OLD000001"), .makes = K("A")}}},
    {"target.new",
     {{-30, "CreateUser", "role/ci", .user = "svc"}, {0, MAKE, "role/ci", .user = "svc", .makes = K("A")}},
     {{-7200, "CreateUser", "role/ci", .user = "svc"}, {30, "CreateUser", "role/ci", .user = "other"},
      {0, MAKE, "role/ci", .user = "svc", .makes = K("A")}}},
    {"target.admin",
     {{0, MAKE, "role/ci", .user = "svc", .makes = K("A")}, {60, "AttachUserPolicy", "role/ci", .user = "svc", ADMIN}},
     {{-2 * DAY, "AttachUserPolicy", "role/ci", .user = "svc", ADMIN},
      {-1, "AttachUserPolicy", "role/ci", .user = "svc", .params = "\"policyArn\":\"arn:aws:iam::aws:policy/ReadOnlyAccess\""},
      {-1, "AttachUserPolicy", "role/ci", .user = "svc", ADMIN, .error = "NoSuchEntityException"},
      {0, MAKE, "role/ci", .user = "svc", .makes = K("A")}}},
    {"address.new",
     {{-2 * DAY, WHO_AM_I, "alice", K("OLD000001"), STS},
      {-60, WHO_AM_I, "alice", K("OLD000001"), STS, .address = "203.0.113.9"},
      {0, MAKE, "alice", K("OLD000001"), .makes = K("A"), .address = "203.0.113.9"}},
     {{-7200, WHO_AM_I, "alice", K("OLD000001"), STS}, {0, MAKE, "alice", K("OLD000001"), .makes = K("A"), .address = "203.0.113.9"}}},
    {"network.new",
     {{-2 * DAY, WHO_AM_I, "alice", K("OLD000001"), STS}, {0, MAKE, "alice", K("OLD000001"), .makes = K("A"), .address = "203.0.113.9"}},
     {{-2 * DAY, WHO_AM_I, "alice", K("OLD000001"), STS}, {0, MAKE, "alice", K("OLD000001"), .makes = K("A"), .address = "198.51.100.9"}}},
    {"country.new",
     {{-2 * DAY, WHO_AM_I, "alice", K("OLD000001"), STS}, {0, MAKE, "alice", K("OLD000001"), .makes = K("A"), .address = "203.0.113.9"}},
     {{-2 * DAY, WHO_AM_I, "alice", K("OLD000001"), STS}, {0, MAKE, "alice", K("OLD000001"), .makes = K("A"), .address = "192.0.2.1"}}},
    {"agent.new",
     {{-2 * DAY, WHO_AM_I, "alice", K("OLD000001"), STS}, {0, MAKE, "alice", K("OLD000001"), .makes = K("A"), BOTO}},
     {{-2 * DAY, WHO_AM_I, "alice", K("OLD000001"), STS, BOTO}, {0, MAKE, "alice", K("OLD000001"), .makes = K("A"), BOTO}}},
    {"actor.first_key",
     {{-2 * DAY, WHO_AM_I, "alice", K("OLD000001"), STS}, {0, MAKE, "alice", K("OLD000001"), .makes = K("A")}},
     {{-2 * DAY, MAKE, "alice", K("OLD000001"), .makes = K("B")}, {0, MAKE, "alice", K("OLD000001"), .makes = K("A")}}},
    {"actor.burst",
     {{-60, MAKE, "role/x", .user = "u1", .makes = K("A1")}, {0, MAKE, "role/x", .user = "u2", .makes = K("A2")},
      {3000, MAKE, "role/x", .user = "u3", .error = "NoSuchEntityException"}},
     {{-60, MAKE, "role/x", .user = "u1", .makes = K("A1")}, {0, MAKE, "role/x", .user = "u2", .makes = K("A2")},
      {30, MAKE, "role/x", .user = "u2", .makes = K("A3")}, {7200, MAKE, "role/x", .user = "u3", .makes = K("A4")}}},
    {"agent.out_of_band",
     {{-2 * DAY, MAKE, "bob", .makes = K("B")}, {0, MAKE, "alice", .makes = K("A"), BOTO}},
     {{-2 * DAY, MAKE, "bob", .makes = K("B"), BOTO}, {0, MAKE, "alice", .makes = K("A"), BOTO}}},
    {"agent.attack_tool", {{0, MAKE, "alice", .makes = K("A"), KALI}}, {{0, MAKE, "alice", .makes = K("A")}}},
    {"agent.cloudshell", {{0, MAKE, "alice", .makes = K("A"), .console = true}}, {{0, MAKE, "alice", .makes = K("A"), BROWSER}}},
    {"actor.via_service", {{0, MAKE, "alice", .user = "svc", .makes = K("A"), .invoked_by = "servicecatalog.amazonaws.com"}},
     {{0, MAKE, "alice", .user = "svc", .makes = K("A")}}},
    {"actor.instance", {{0, MAKE, "role/web", .session = "i-0abc1234de56f7890", .user = "u", .makes = K("A")}},
     {{0, MAKE, "role/web", .session = "i-am-a-person", .user = "u", .makes = K("A")}}},
    {"actor.lambda", {{0, MAKE, "role/fn", .session = "rotate-keys", .user = "u", .makes = K("A"), LAMBDA}},
     {{0, MAKE, "role/fn", .session = "rotate-keys", .user = "u", .makes = K("A")}}},
    {"agent.iac", {{0, MAKE, "role/tf", .user = "svc", .makes = K("A"), TERRAFORM}},
     {{-60, "AttachUserPolicy", "role/tf", .user = "svc", ADMIN}, {0, MAKE, "role/tf", .user = "svc", .makes = K("A"), TERRAFORM}}},
    {"use.soon", {{0, MAKE, "alice", .makes = K("NEW000001")}, {60, WHO_AM_I, "alice", K("NEW000001"), STS}},
     {{0, MAKE, "alice", .makes = K("NEW000001")}, {3000, WHO_AM_I, "alice", K("NEW000001"), STS}}},
    {"use.elsewhere",
     {{0, MAKE, "bob", .user = "alice", .makes = K("NEW000001")}, {34, WHO_AM_I, "alice", K("NEW000001"), STS, .address = "203.0.113.9"}},
     {{-DAY, WHO_AM_I, "alice", K("OLD000001"), STS, .address = "203.0.113.9"}, {0, MAKE, "bob", .user = "alice", .makes = K("NEW000001")},
      {34, WHO_AM_I, "alice", K("NEW000001"), STS, .address = "203.0.113.9"}}},
    {"use.elsewhere_later",
     {{0, MAKE, "bob", .user = "alice", .makes = K("NEW000001")}, {7200, WHO_AM_I, "alice", K("NEW000001"), STS, .address = "203.0.113.9"}},
     {{0, MAKE, "bob", .user = "alice", .makes = K("NEW000001")}, {34, WHO_AM_I, "alice", K("NEW000001"), STS, .address = "203.0.113.9"}}},
    {"use.other_tool",
     {{0, MAKE, "alice", .makes = K("NEW000001"), BROWSER}, {34, WHO_AM_I, "alice", K("NEW000001"), STS}},
     {{0, MAKE, "alice", .makes = K("NEW000001")}, {34, WHO_AM_I, "alice", K("NEW000001"), STS}}},
    {"use.attack_tool", {{0, MAKE, "alice", .makes = K("NEW000001")}, {9000, WHO_AM_I, "alice", K("NEW000001"), STS, KALI}},
     {{0, MAKE, "alice", .makes = K("NEW000001")}, {34, WHO_AM_I, "alice", K("NEW000001"), STS}, {60, WHO_AM_I, "alice", K("NEW000001"), STS, KALI}}},
    {"use.never", {{0, MAKE, "alice", .makes = K("NEW000001")}, {8 * DAY, WHO_AM_I, "bob", K("OTHER0001"), STS}},
     {{0, MAKE, "alice", .makes = K("NEW000001")}, {6 * DAY, WHO_AM_I, "bob", K("OTHER0001"), STS}}},
    {"key.reactivated",
     {{0, MAKE, "alice", .makes = K("NEW000001")}, {60, "UpdateAccessKey", "alice", .makes = K("NEW000001"), .params = "\"status\":\"Inactive\""},
      {90, "UpdateAccessKey", "eve", .user = "alice", .makes = K("NEW000001"), .params = "\"status\":\"Active\""}},
     {{0, MAKE, "alice", .makes = K("NEW000001")}, {60, "UpdateAccessKey", "alice", .makes = K("NEW000001"), .params = "\"status\":\"Inactive\""}}},
    {"user.quarantined",
     {{0, MAKE, "alice", .makes = K("A")},
      {2 * DAY, "AttachUserPolicy", "root", .user = "alice", .params = "\"policyArn\":\"arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3\""}},
     {{0, MAKE, "alice", .makes = K("A")},
      {8 * DAY, "AttachUserPolicy", "root", .user = "alice", .params = "\"policyArn\":\"arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3\""}}},
    {"user.phantom", {{0, MAKE, "alice", .user = "BedrockAPIKey-1x2y", .makes = K("A")}},
     {{0, MAKE, "alice", .user = "my-BedrockAPIKey-", .makes = K("A")}}},
    {"credentials.beside",
     {{0, MAKE, "alice", .user = "bob", .makes = K("A")}, {600, "CreateLoginProfile", "alice", .user = "bob"}},
     {{0, MAKE, "alice", .user = "bob", .makes = K("A")}, {600, "CreateLoginProfile", "alice", .user = "carol"},
      {700, "CreateLoginProfile", "alice", .user = "bob", .error = "AccessDenied"}}},
    {"account.cross", {{0, MAKE, "role/x", .account = "999988887777", .user = "u", .makes = K("A")}}, {{0, MAKE, "role/x", .user = "u", .makes = K("A")}}},
    {"rotation.self",
     {OLD, {0, MAKE, "alice", K("OLD000001"), .makes = K("NEW000001")}, {600, "DeleteAccessKey", "alice", .makes = K("OLD000001")}},
     {OLD, {0, MAKE, "alice", K("OLD000001"), .makes = K("NEW000001")},
      {30, WHO_AM_I, "alice", K("NEW000001"), STS, .address = "203.0.113.9"}, {600, "DeleteAccessKey", "alice", .makes = K("OLD000001")}}},
    {"rotation.by_other",
     {OLD, {0, MAKE, "role/rotator", .user = "alice", .makes = K("NEW000001"), .address = "10.0.0.5"},
      {60, WHO_AM_I, "alice", K("NEW000001"), STS}, {600, "DeleteAccessKey", "role/rotator", .user = "alice", .makes = K("OLD000001")}},
     {OLD, {0, MAKE, "role/rotator", .user = "alice", .makes = K("NEW000001"), .address = "10.0.0.5"},
      {600, "DeleteAccessKey", "role/rotator", .user = "alice", .makes = K("OLD000001")}}},
};
enum { PROOFS = sizeof proofs / sizeof *proofs };

/* 203.0.113.0/24 is of one network in DE, 198.51.100.0/24 of another in NL,
 * all else is of a third one in NL. */
static void look(void *ctx, struct kt_span address, struct kt_arena *a, struct kt_span *network, struct kt_span *country)
{
    (void)ctx;
    (void)a;
    bool far = kt_span_starts(address, "203.0.113.");
    *network = far ? KT_LIT("AS64500") : kt_span_starts(address, "198.51.100.") ? KT_LIT("AS64501") : KT_LIT("AS64502");
    *country = far ? KT_LIT("DE") : KT_LIT("NL");
}

static void play(const struct scene_call *call, const char *signal, bool expected)
{
    struct scene s;
    struct kt_row r;
    int about = -1;
    scene_begin(&s, rules, &(struct kt_places){look, NULL});
    for (int i = 0; i < CALLS && call[i].name; i++) {
        char *record = scene_record(&call[i], i + 1);
        about = about < 0 && call[i].at == 0 ? i + 1 : about;
        scene_tell(&s, record, true);
        free(record);
    }
    scene_settle(&s);
    assert_true(scene_row(&s, about, &r));
    if (scene_has(&r.verdict, signal) != expected)
        fail_msg("%s is %s: risk %d, %s", signal, expected ? "missing" : "there", r.verdict.risk, r.verdict.why);
    scene_end(&s);
}

static void each_signal_is_raised_by_what_it_is_about_and_by_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < PROOFS; i++) {
        play(proofs[i].with, proofs[i].signal, true);
        play(proofs[i].without, proofs[i].signal, false);
    }
}

static void every_signal_has_a_proof_a_weight_and_says_what_it_cannot_know(void **state)
{
    (void)state;
    size_t signals = 0;
    for (size_t i = 0; i < kt_rules_count(rules); i++) {
        struct kt_rule_info r = kt_rules_info(rules, i);
        if (!r.signal.n)
            continue;
        bool proved = false;
        for (size_t k = 0; k < PROOFS; k++)
            proved |= kt_span_is(r.signal, proofs[k].signal);
        if (!proved || !r.weight || r.unknown.n < 10 || !r.why.n || r.id.n != 36 || !r.description.n)
            fail_msg("%.*s lacks something", (int)r.name.n, r.name.p);
        signals++;
    }
    assert_int_equal(signals, PROOFS);
}

/* --- what the manual says ------------------------------------------------------------ */

/* A man page with its requests, each run of blanks as one. */
static char *page(const char *name)
{
    char path[4096];
    const char *source = getenv("KEYTOP_SOURCE");
    (void)snprintf(path, sizeof path, "%s/man/%s", source ? source : ".", name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *text = calloc(1, 1 << 18);
    size_t n = fread(text, 1, (1 << 18) - 1, f), to = 0;
    (void)fclose(f);
    for (size_t i = 0; i < n; i++) {
        char c = text[i] == '\n' ? ' ' : text[i];
        if (c != ' ' || (to && text[to - 1] != ' '))
            text[to++] = c;
    }
    text[to] = '\0';
    return text;
}

static void squeeze(struct kt_span s, char *out)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i] == '\n' ? ' ' : s.p[i];
        if (c != ' ' || i == 0 || out[-1] != ' ')
            *out++ = c;
    }
    while (out[-1] == ' ')
        out--;
    *out = '\0';
}

static void the_manual_tells_of_each_signal_and_fact_as_it_is(void **state)
{
    (void)state;
    static const char *const facts[] = {
#define X(name, says) name,
        KT_RISK_FACTS(X)
#undef X
    };
    char *keytop = page("keytop.1"), *guide = page("keytop-rules.5"), want[4096];
    for (size_t i = 0; i < kt_rules_count(rules); i++) {
        struct kt_rule_info r = kt_rules_info(rules, i);
        if (!r.signal.n)
            continue;
        int n = snprintf(want, sizeof want, ".It Li %.*s %s%d %.*s. ", (int)r.signal.n, r.signal.p, r.weight < 0 ? "\\-" : "+",
                         abs(r.weight), (int)r.title.n, r.title.p);
        squeeze(r.unknown, want + n);
        if (!strstr(keytop, want))
            fail_msg("keytop(1) does not say: %s", want);
    }
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        (void)snprintf(want, sizeof want, ".It Li %s ", facts[i]);
        if (!strstr(guide, want))
            fail_msg("keytop-rules(5) does not name the fact %s", facts[i]);
    }
    free(keytop);
    free(guide);
}

/* --- stories ------------------------------------------------------------------------- */

enum { STORIES = 32 };

static void stories_end_as_they_say(void **state)
{
    (void)state;
    struct story s[STORIES];
    size_t n = stories_read(s, STORIES);
    assert_true(n >= 8);
    for (size_t i = 0; i < n; i++) {
        char *wrong = story_wrong(&s[i], rules);
        if (wrong)
            fail_msg("%s: %s", s[i].name, wrong);
        story_free(&s[i]);
    }
}

static void stories_end_the_same_in_any_order_and_with_doubled_records(void **state)
{
    (void)state;
    struct story s[STORIES];
    size_t n = stories_read(s, STORIES);
    for (size_t i = 0; i < n; i++) {
        char *differs = story_shuffle(&s[i], rules, i + 1, 200);
        if (differs)
            fail_msg("%s, %s", s[i].name, differs);
        story_free(&s[i]);
    }
}

/* --- the score ------------------------------------------------------------------------ */

static struct kt_verdict judge_facts(const struct kt_rules *set, struct kt_facts *f, struct kt_verdict v)
{
    kt_risk_judge(set, KT_KIND_CREATION, f, &v);
    return v;
}

static void the_score_is_the_base_and_the_weights_within_bounds(void **state)
{
    (void)state;
    struct kt_facts *f = kt_facts_new();
    kt_facts_text(f, "kind", KT_LIT("creation"));
    assert_int_equal(judge_facts(rules, f, (struct kt_verdict){0}).risk, KT_RISK_BASE);
    kt_facts_truth(f, "target.self", KT_NO);
    struct kt_verdict v = judge_facts(rules, f, (struct kt_verdict){0});
    assert_int_equal(v.risk, 63);
    assert_int_equal(v.n_signals, 1);
    assert_string_equal(v.why, "for another user");
    /* a graver rule of the record or a correlation takes the base's place */
    struct kt_verdict graver = {.n_rules = 1};
    graver.rule[0] = (struct kt_matched){.id = KT_LIT("a-correlation"), .risk = 50, .correlation = true};
    assert_int_equal(judge_facts(rules, f, graver).risk, 88);
    kt_facts_text(f, "actor.type", KT_LIT("Root"));
    kt_facts_text(f, "agent.class", KT_LIT("attack-tool"));
    assert_int_equal(judge_facts(rules, f, (struct kt_verdict){0}).risk, 100);
    kt_facts_reset(f);
    kt_facts_text(f, "kind", KT_LIT("creation"));
    kt_facts_truth(f, "target.self", KT_YES);
    kt_facts_text(f, "life.rotation_of", KT_LIT("AKIAEXAMPLEOLD"));
    assert_int_equal(judge_facts(rules, f, (struct kt_verdict){0}).risk, 0);
    kt_facts_free(f);
}

static void why_fills_in_numbers_alone_and_keeps_to_its_room(void **state)
{
    (void)state;
    static const char yaml[] = "title: T\nlogsource: {product: keytop}\ndetection: {s: {kind: creation}, condition: s}\n"
                               "custom: {signal: x, weight: 1, unknown: none, "
                               "why: \"after {life.first_use.seconds}, {life.addresses} of {target.name}{no.such} {\"}\n";
    struct kt_rules *set;
    struct kt_err e;
    assert_int_equal(kt_rules_new(&set, &e), KT_OK);
    assert_int_equal(kt_rules_add(set, "mine", yaml, sizeof yaml - 1, &e), KT_OK);
    struct kt_facts *f = kt_facts_new();
    static const struct {
        int64_t seconds;
        const char *says;
    } t[] = {{34, "34 s"}, {119, "119 s"}, {120, "2 min"}, {7200, "2 h"}, {172800, "2 d"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char want[64];
        kt_facts_reset(f);
        kt_facts_text(f, "kind", KT_LIT("creation"));
        kt_facts_text(f, "target.name", KT_LIT("\x1b[31mevil"));
        kt_facts_number(f, "life.addresses", 3);
        kt_facts_number(f, "life.first_use.seconds", t[i].seconds);
        struct kt_verdict v = judge_facts(set, f, (struct kt_verdict){0});
        (void)snprintf(want, sizeof want, "after %s, 3 of ?? {", t[i].says);
        assert_string_equal(v.why, want);
    }
    kt_facts_free(f);
    kt_rules_free(set);
}

static void a_signal_can_be_disabled_overridden_and_filtered(void **state)
{
    (void)state;
    static const char filter[] = "title: CI\nid: f\nlogsource: {product: keytop}\nfilter: {rules: [signal_target_other], "
                                 "selection: {actor.name|startswith: ci-}, condition: selection}\n";
    struct kt_rules *set;
    struct kt_err e;
    struct kt_rule_info info = {0};
    char yaml[600];
    assert_int_equal(kt_rules_load_builtin(&set, &e), KT_OK);
    struct kt_facts *f = kt_facts_new();
    kt_facts_text(f, "kind", KT_LIT("creation"));
    kt_facts_truth(f, "target.self", KT_NO);
    kt_facts_text(f, "actor.name", KT_LIT("ci-deploy"));
    for (size_t i = 0; i < kt_rules_count(set); i++)
        if (kt_span_is(kt_rules_info(set, i).signal, "target.other"))
            info = kt_rules_info(set, i);
    (void)snprintf(yaml, sizeof yaml, "title: T\nid: %.*s\nlogsource: {product: keytop}\n"
                                      "detection: {s: {target.self: false}, condition: s}\n"
                                      "custom: {signal: target.other, weight: 5, unknown: nothing}\n", (int)info.id.n, info.id.p);
    assert_int_equal(kt_rules_add(set, "signal_target_other", yaml, strlen(yaml), &e), KT_OK);
    assert_int_equal(judge_facts(set, f, (struct kt_verdict){0}).risk, 30);
    assert_int_equal(kt_rules_add(set, "f", filter, sizeof filter - 1, &e), KT_OK);
    assert_int_equal(judge_facts(set, f, (struct kt_verdict){0}).risk, 25);
    assert_true(kt_rules_disable(set, "f"));
    assert_true(kt_rules_disable(set, "signal_target_other"));
    assert_int_equal(judge_facts(set, f, (struct kt_verdict){0}).risk, 25);
    kt_facts_free(f);
    kt_rules_free(set);
}

static void what_a_signal_may_not_be_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *says;
    } t[] = {
        {"title: T\nlogsource: {product: keytop}\ndetection: {s: {no.such.fact: 1}, condition: s}\n", "mine.yml:3:17: "},
        {"title: T\nlogsource: {product: keytop}\ndetection: {s: {risk: 1}, condition: s}\n", "no such fact"},
        {"title: T\nlogsource: {product: aws}\ndetection: {s: {a: 1}, condition: s}\ncustom: {signal: x, weight: 1}\n", "product: keytop"},
        {"title: T\nlogsource: {product: keytop}\ndetection: {s: {kind: a}, condition: s}\ncustom: {signal: x}\n", "a weight"},
        {"title: T\nlogsource: {product: keytop}\ndetection: {s: {kind: a}, condition: s}\ncustom: {signal: x, weight: 101}\n", "-100 to 100"},
        {"title: T\nlogsource: {product: keytop, service: x}\ndetection: {s: {kind: a}, condition: s}\n", "no service"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct kt_rules *set;
        struct kt_err e = {0};
        assert_int_equal(kt_rules_new(&set, &e), KT_OK);
        assert_int_not_equal(kt_rules_add(set, "mine", t[i].yaml, strlen(t[i].yaml), &e), KT_OK);
        if (!strstr(e.text, t[i].says))
            fail_msg("%s: %s", t[i].says, e.text);
        kt_rules_free(set);
    }
}

/* --- rows that change by themselves ------------------------------------------------------ */

static void a_correlation_raises_a_row_and_lets_it_go(void **state)
{
    (void)state;
    struct scene s;
    struct kt_row r;
    scene_begin(&s, rules, NULL);
    char *record = scene_record(&(struct scene_call){0, MAKE, "alice", .mfa = "true", .user = "bob", .makes = K("A")}, 1);
    scene_tell(&s, record, true);
    const struct kt_matched m = {KT_LIT("my-correlation"), 60, true};
    kt_judge_match(s.judge, 1, &m, true);
    scene_settle(&s);
    assert_true(scene_row(&s, 1, &r));
    assert_int_equal(r.verdict.risk, 98);
    assert_int_equal(r.verdict.n_rules, 1);
    kt_judge_match(s.judge, 1, &m, false);
    scene_settle(&s);
    assert_true(scene_row(&s, 1, &r));
    assert_int_equal(r.verdict.risk, 63);
    free(record);
    scene_end(&s);
}

static void uses_that_change_nothing_revise_nothing(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, rules, NULL);
    for (int i = 0; i < 60; i++) {
        struct scene_call c = {i * 60, i ? WHO_AM_I : MAKE, "alice", i ? K("NEW000001") : NULL, STS};
        c.source = i ? "sts.amazonaws.com" : NULL;
        c.makes = i ? NULL : K("NEW000001");
        char *record = scene_record(&c, i + 1);
        scene_tell(&s, record, true);
        free(record);
        if (i == 1)
            assert_int_equal(kt_store_counts(s.store).revised, 2);
    }
    assert_int_equal(kt_store_counts(s.store).revised, 2);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_signal_is_raised_by_what_it_is_about_and_by_nothing_else),
        cmocka_unit_test(every_signal_has_a_proof_a_weight_and_says_what_it_cannot_know),
        cmocka_unit_test(the_manual_tells_of_each_signal_and_fact_as_it_is),
        cmocka_unit_test(stories_end_as_they_say),
        cmocka_unit_test(stories_end_the_same_in_any_order_and_with_doubled_records),
        cmocka_unit_test(the_score_is_the_base_and_the_weights_within_bounds),
        cmocka_unit_test(why_fills_in_numbers_alone_and_keeps_to_its_room),
        cmocka_unit_test(a_signal_can_be_disabled_overridden_and_filtered),
        cmocka_unit_test(what_a_signal_may_not_be_is_refused_with_its_place),
        cmocka_unit_test(a_correlation_raises_a_row_and_lets_it_go),
        cmocka_unit_test(uses_that_change_nothing_revise_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
