/* event: each field by its stated rule. The rules are keytop(1)'s. */
#include "event/event.h"
#include "ingest/ingest.h"
#include "tests/support/records.h"
#include "tests/support/nodes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* One record and its meaning, until the next. */
static struct {
    struct kt_arena *arena;
    json_t *root;
    struct kt_node *node;
    struct kt_event ev;
} now;

static int setup(void **state)
{
    (void)state;
    now.arena = kt_arena_new(1 << 20);
    now.root = NULL;
    return now.arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    json_decref(now.root);
    kt_arena_free(now.arena);
    return 0;
}

static const struct kt_event *again(void)
{
    now.node = node_of(now.root);
    kt_event_decode(now.node, 0, now.arena, &now.ev);
    return &now.ev;
}

/* The record as it is kept after it was decoded. */
static char *said_by_node(void)
{
    json_t *said = node_json(now.node);
    char *text = record_dump(said);
    json_decref(said);
    return text;
}

static const struct kt_event *decode(const struct record *r)
{
    json_decref(now.root);
    now.root = record_build(r);
    return again();
}

/* The record at hand with one value changed. */
static const struct kt_event *with(const char *path, const char *json)
{
    record_set(now.root, path, json);
    return again();
}

static void is(struct kt_span got, const char *want)
{
    if (want ? !kt_span_is(got, want) : kt_span_known(got))
        fail_msg("\"%.*s\" is not \"%s\"", (int)got.n, got.p ? got.p : "", want ? want : "(unknown)");
}

static void target_is(const struct kt_event *ev, const char *name, enum kt_target_from from, enum kt_tri self)
{
    is(ev->target.name, name);
    assert_int_equal(ev->target.from, from);
    assert_int_equal(ev->target.self, self);
}

/* --- the frame --------------------------------------------------------------- */

static void a_creation_says_when_what_and_where(void **state)
{
    (void)state;
    const struct kt_event *ev = decode(&(struct record){.target = "bob", .time = "2023-07-10T12:24:29Z"});
    assert_int_equal(ev->kind, KT_KIND_CREATION);
    assert_true(ev->time == kt_time_parse(KT_LIT("2023-07-10T12:24:29Z")));
    is(ev->event_id, "5a5a5a5a-1111-4222-8333-000000000001");
    is(ev->event_name, "CreateAccessKey");
    is(ev->event_source, "iam.amazonaws.com");
    is(ev->account, RECORD_ACCOUNT);
    is(ev->region, "us-east-1");
    is(ev->key.id, "AKIAEXAMPLEEXAMPLE99");
    is(ev->key.status, "Active");
    assert_true(ev->key.created == ev->time);
    is(ev->agent.tool, "boto3");
    assert_int_equal(ev->flags, 0);
}

static void other_events_are_of_no_kind(void **state)
{
    (void)state;
    decode(&(struct record){.target = "bob"});
    with("userIdentity.accessKeyId", "\"ASIAEXAMPLEEXAMPLE01\"");
    assert_int_equal(with("eventName", "\"DeleteUser\"")->kind, KT_KIND_NONE);
    assert_int_equal(with("eventName", "\"CreateAccessKeyX\"")->kind, KT_KIND_NONE);
    assert_int_equal(with("eventName", "null")->kind, KT_KIND_NONE);
    assert_int_equal(with("eventName", NULL)->kind, KT_KIND_NONE);
    assert_int_equal(with("eventName", "7")->kind, KT_KIND_NONE);
}

/* --- a key's life ------------------------------------------------------------ */

/* A call of IAM, made by alice with a long-lived key. */
static const struct kt_event *call(const char *name, const char *params, const char *answer)
{
    decode(&(struct record){.actor = "alice"});
    record_set(now.root, "eventName", name);
    record_set(now.root, "requestParameters", params);
    record_set(now.root, "responseElements", answer);
    return again();
}

static void a_key_switched_off_or_on_is_told_by_the_status_asked_for(void **state)
{
    (void)state;
    const struct kt_event *ev = call("\"UpdateAccessKey\"",
                                     "{\"userName\":\"bob\",\"status\":\"Inactive\",\"accessKeyId\":\"AKIAEXAMPLEEXAMPLE07\"}", "null");
    assert_int_equal(ev->kind, KT_KIND_DEACTIVATION);
    assert_int_equal(ev->result, KT_RESULT_DONE);
    is(ev->key.id, "AKIAEXAMPLEEXAMPLE07");
    is(ev->key.status, "Inactive");
    target_is(ev, "bob", KT_TARGET_REQUEST, KT_NO);
    assert_int_equal(with("requestParameters.status", "\"Active\"")->kind, KT_KIND_REACTIVATION);
    is(now.ev.key.status, "Active");
}

static void a_status_change_that_does_not_say_which_way_is_neither(void **state)
{
    (void)state;
    static const char *const params[] = {"null", "{}", "{\"status\":null}", "{\"status\":\"inactive\"}", "[]"};
    for (size_t i = 0; i < sizeof params / sizeof *params; i++)
        assert_int_equal(call("\"UpdateAccessKey\"", params[i], "null")->kind, KT_KIND_USE);
    assert_int_equal(with("userIdentity.accessKeyId", "\"ASIAEXAMPLEEXAMPLE01\"")->kind, KT_KIND_NONE);
}

static void a_deleted_key_is_named_by_the_parameters(void **state)
{
    (void)state;
    const struct kt_event *ev = call("\"DeleteAccessKey\"", "{\"accessKeyId\":\"AKIAEXAMPLEEXAMPLE07\"}", "null");
    assert_int_equal(ev->kind, KT_KIND_DELETION);
    is(ev->key.id, "AKIAEXAMPLEEXAMPLE07");
    is(ev->key.status, NULL);
    target_is(ev, "alice", KT_TARGET_CALLER, KT_YES);
    record_set(now.root, "errorCode", "\"AccessDenied\"");
    ev = with("requestParameters", "null");
    assert_int_equal(ev->kind, KT_KIND_DELETION);
    assert_int_equal(ev->result, KT_RESULT_DENIED);
    is(ev->key.id, NULL);
    target_is(ev, NULL, KT_TARGET_NONE, KT_UNKNOWN);
}

static void other_long_lived_credentials_have_their_own_ids(void **state)
{
    (void)state;
    static const struct {
        const char *name, *params, *answer, *id;
    } cases[] = {
        {"\"CreateLoginProfile\"", "{\"userName\":\"bob\",\"passwordResetRequired\":true}",
         "{\"loginProfile\":{\"userName\":\"bob\",\"createDate\":\"Jul 10, 2023 12:24:29 PM\"}}", NULL},
        {"\"UpdateLoginProfile\"", "{\"userName\":\"bob\"}", "null", NULL},
        {"\"CreateServiceSpecificCredential\"", "{\"userName\":\"bob\",\"serviceName\":\"bedrock.amazonaws.com\"}",
         "{\"serviceSpecificCredential\":{\"userName\":\"bob\",\"serviceSpecificCredentialId\":\"ACCAEXAMPLE1\","
         "\"status\":\"Active\",\"servicePassword\":\"not to be kept\",\"createDate\":\"Jul 10, 2023 12:24:29 PM\"}}",
         "ACCAEXAMPLE1"},
        {"\"ResetServiceSpecificCredential\"",
         "{\"userName\":\"bob\",\"serviceSpecificCredentialId\":\"ACCAEXAMPLE2\"}", "null", "ACCAEXAMPLE2"},
        {"\"UploadSSHPublicKey\"", "{\"userName\":\"bob\"}",
         "{\"sSHPublicKey\":{\"userName\":\"bob\",\"sSHPublicKeyId\":\"APKAEXAMPLE3\",\"uploadDate\":"
         "\"Jul 10, 2023 12:24:29 PM\"}}", "APKAEXAMPLE3"},
        {"\"UploadSigningCertificate\"", "{\"userName\":\"bob\"}",
         "{\"certificate\":{\"userName\":\"bob\",\"certificateId\":\"EXAMPLE4\",\"status\":\"Active\"}}", "EXAMPLE4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct kt_event *ev = call(cases[i].name, cases[i].params, cases[i].answer);
        assert_int_equal(ev->kind, KT_KIND_CREDENTIAL);
        assert_int_equal(ev->result, KT_RESULT_CREATED);
        is(ev->key.id, cases[i].id);
        is(ev->target.name, "bob");
        char *text = said_by_node();
        assert_null(strstr(text, "not to be kept"));
        free(text);
    }
    assert_int_equal(call("\"CreateVirtualMFADevice\"", "null", "null")->kind, KT_KIND_USE);
}

static void events_of_that_name_from_another_service_are_not_of_a_key(void **state)
{
    (void)state;
    call("\"DeleteAccessKey\"", "{\"accessKeyId\":\"AKIAEXAMPLEEXAMPLE07\"}", "null");
    with("userIdentity.accessKeyId", "null");
    assert_int_equal(with("eventSource", "\"lightsail.amazonaws.com\"")->kind, KT_KIND_NONE);
    assert_int_equal(with("eventSource", "null")->kind, KT_KIND_NONE);
    assert_int_equal(with("eventSource", "\"iam.amazonaws.com\"")->kind, KT_KIND_DELETION);
}

static void a_call_made_with_a_long_lived_key_is_its_use(void **state)
{
    (void)state;
    decode(&(struct record){.actor = "alice"});
    record_set(now.root, "userIdentity.accessKeyId", "\"AKIAEXAMPLEEXAMPLE02\"");
    record_set(now.root, "eventSource", "\"sts.amazonaws.com\"");
    const struct kt_event *ev = with("eventName", "\"GetCallerIdentity\"");
    assert_int_equal(ev->kind, KT_KIND_USE);
    assert_int_equal(ev->result, KT_RESULT_DONE);
    is(ev->key.id, "AKIAEXAMPLEEXAMPLE02");
    is(ev->actor.name, "alice");
    target_is(ev, NULL, KT_TARGET_NONE, KT_UNKNOWN);
    assert_int_equal(ev->flags, 0);
    assert_int_equal(with("errorCode", "\"AccessDenied\"")->result, KT_RESULT_DENIED);
    assert_int_equal(with("userIdentity.accessKeyId", "\"ASIAEXAMPLEEXAMPLE02\"")->kind, KT_KIND_NONE);
}

static void an_event_of_another_kind_can_be_taken_as_the_use_it_is_besides(void **state)
{
    (void)state;
    decode(&(struct record){.target = "bob"});
    with("userIdentity.accessKeyId", "\"AKIAEXAMPLEEXAMPLE02\"");
    assert_int_equal(now.ev.kind, KT_KIND_CREATION);
    assert_true(kt_event_as_use(&now.ev));
    assert_int_equal(now.ev.kind, KT_KIND_USE);
    assert_int_equal(now.ev.result, KT_RESULT_DONE);
    is(now.ev.key.id, "AKIAEXAMPLEEXAMPLE02");
    target_is(&now.ev, NULL, KT_TARGET_NONE, KT_UNKNOWN);
    assert_true(now.ev.key.created == KT_TIME_NONE);
    with("userIdentity.accessKeyId", "\"ASIAEXAMPLEEXAMPLE02\"");
    assert_false(kt_event_as_use(&now.ev));
    assert_int_equal(now.ev.kind, KT_KIND_CREATION);
}

static void names_to_look_for_are_those_of_the_kinds_asked_for(void **state)
{
    (void)state;
    const char *n[KT_EVENT_NAMES];
    assert_int_equal(kt_event_names(KT_KIND_BIT(KT_KIND_CREATION), n), 1);
    assert_string_equal(n[0], "CreateAccessKey");
    assert_int_equal(kt_event_names(KT_KIND_BIT(KT_KIND_REACTIVATION), n), 1);
    assert_string_equal(n[0], "UpdateAccessKey");
    assert_int_equal(kt_event_names(KT_KIND_BIT(KT_KIND_USE), n), 1);
    assert_string_equal(n[0], "AKIA");
    assert_int_equal(kt_event_names(KT_KINDS_ALL, n), 10);
    assert_int_equal(kt_kind_find(KT_LIT("use")), KT_KIND_USE);
    assert_int_equal(kt_kind_find(KT_LIT("malformed")), KT_KIND_NONE);
}

/* --- hostile shapes ---------------------------------------------------------- */

static void a_record_of_nothing_but_its_name_is_all_unknown(void **state)
{
    (void)state;
    json_decref(now.root);
    now.root = json_pack("{s:s}", "eventName", "CreateAccessKey");
    const struct kt_event *ev = again();
    assert_int_equal(ev->kind, KT_KIND_CREATION);
    assert_true(ev->time == KT_TIME_NONE);
    assert_int_equal(ev->actor.mfa, KT_UNKNOWN);
    is(ev->actor.type, NULL);
    is(ev->actor.name, NULL);
    is(ev->account, NULL);
    is(ev->agent.text, NULL);
    target_is(ev, NULL, KT_TARGET_NONE, KT_UNKNOWN);
    assert_true(ev->key.created == KT_TIME_NONE);
    assert_int_equal(ev->source.kind, KT_ADDRESS_UNKNOWN);
    assert_int_equal(ev->flags, KT_FLAG_NO_EVENT_ID | KT_FLAG_NO_TIME);
}

static void values_of_the_wrong_type_are_unknown_not_a_crash(void **state)
{
    (void)state;
    static const char *const paths[] = {"userIdentity", "userIdentity.sessionContext", "requestParameters",
                                        "responseElements", "responseElements.accessKey", "eventTime", "eventID",
                                        "errorCode", "errorMessage", "userAgent", "sourceIPAddress", "userIdentity.arn",
                                        "userIdentity.type", "recipientAccountId", "responseElements.accessKey.userName"};
    static const char *const wrong[] = {"null", "7", "true", "[]", "{}", "[[1]]", "\"\"", "\"x\"", "1e300"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
            decode(&(struct record){.type = "AssumedRole", .target = "bob"});
            assert_int_equal(with(paths[i], wrong[k])->kind, KT_KIND_CREATION);
        }
    }
}

static void times_are_read_in_every_known_spelling(void **state)
{
    (void)state;
    decode(&(struct record){.target = "bob"});
    int64_t t = kt_time_parse(KT_LIT("2022-09-27T17:09:18Z"));
    assert_true(with("eventTime", "\"2022-09-27 17:09:18\"")->time == t);
    assert_true(with("eventTime", "\"2022-09-27 17:09:18.000000000\"")->time == t);
    assert_true(with("eventTime", "\"2022-09-27T19:09:18+02:00\"")->time == t);
    const struct kt_event *ev = with("eventTime", "\"2022-13-27T17:09:18Z\"");
    assert_true(ev->time == KT_TIME_NONE);
    assert_true(ev->flags & KT_FLAG_NO_TIME);
    const char *created = "responseElements.accessKey.createDate";
    assert_true(with(created, "\"Sep 27, 2022 5:09:18 PM\"")->key.created == t);
    assert_true(with(created, "\"Sep 27, 2022, 5:09:18 PM\"")->key.created == t);
    assert_true(with(created, "\"Sep 27, 2022, 5:09:18\\u202fPM\"")->key.created == t);
    assert_true(with(created, "\"2022-09-27T17:09:18Z\"")->key.created == t);
    assert_true(with(created, "\"Jan 01, 2019 0:00:00 PM\"")->key.created == KT_TIME_NONE);
    assert_true(with(created, "\"2019-01-00T00:00:00Z\"")->key.created == KT_TIME_NONE);
}

/* --- result ------------------------------------------------------------------ */

static void result_is_created_denied_or_failed_by_the_error_code_alone(void **state)
{
    (void)state;
    static const char *const denied[] = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation",
                                         "Client.UnauthorizedOperation"};
    assert_int_equal(decode(&(struct record){.target = "bob"})->result, KT_RESULT_CREATED);
    for (size_t i = 0; i < sizeof denied / sizeof *denied; i++)
        assert_int_equal(decode(&(struct record){.target = "bob", .error = denied[i]})->result, KT_RESULT_DENIED);
    static const char *const failed[] = {"LimitExceededException", "NoSuchEntityException", "accessdenied",
                                         "AccessDeniedX", "ThrottlingException", "InvalidClientTokenId"};
    for (size_t i = 0; i < sizeof failed / sizeof *failed; i++)
        assert_int_equal(decode(&(struct record){.target = "bob", .error = failed[i]})->result, KT_RESULT_FAILED);
    is(now.ev.error_code, "InvalidClientTokenId");
    assert_int_equal(with("errorCode", "null")->result, KT_RESULT_CREATED);
    is(now.ev.error_code, NULL);
}

/* --- actor ------------------------------------------------------------------- */

static void an_iam_users_name_is_userName_else_the_arns_last_part(void **state)
{
    (void)state;
    const struct kt_event *ev = decode(&(struct record){.actor = "alice", .target = "bob"});
    is(ev->actor.type, "IAMUser");
    is(ev->actor.name, "alice");
    is(ev->actor.arn, "arn:aws:iam::" RECORD_ACCOUNT ":user/alice");
    is(ev->actor.account, RECORD_ACCOUNT);
    is(ev->actor.principal_id, "AIDAEXAMPLEEXAMPLE001");
    is(ev->actor.access_key_id, "AKIAEXAMPLEEXAMPLE01");
    is(ev->actor.session, NULL);
    is(ev->actor.via, NULL);
    record_set(now.root, "userIdentity.userName", NULL);
    is(with("userIdentity.arn", "\"arn:aws:iam::111122223333:user/team/jack\"")->actor.name, "jack");
    is(with("userIdentity.arn", "\"arn:aws-cn:iam::111122223333:user/jo\"")->actor.name, "jo");
    is(with("userIdentity.arn", "\"arn:aws:iam::111122223333:user/\"")->actor.name, NULL);
    is(with("userIdentity.arn", "\"alice\"")->actor.name, NULL);
    is(with("userIdentity.arn", NULL)->actor.name, NULL);
}

static void roots_name_is_root_whatever_the_alias(void **state)
{
    (void)state;
    is(decode(&(struct record){.type = "Root", .target = "bob"})->actor.name, "root");
    is(now.ev.actor.type, "Root");
    is(with("userIdentity.userName", "\"our-account-alias\"")->actor.name, "root");
    is(now.ev.target.name, "bob");
}

static void a_roles_name_is_its_own_and_its_session_stands_beside_it(void **state)
{
    (void)state;
    const struct record r = {.type = "AssumedRole", .actor = "ci-deploy", .session = "run-17", .target = "bob"};
    const struct kt_event *ev = decode(&r);
    is(ev->actor.name, "ci-deploy");
    is(ev->actor.session, "run-17");
    is(with("userIdentity.sessionContext.sessionIssuer.userName", NULL)->actor.name, "ci-deploy");
    is(with("userIdentity.sessionContext.sessionIssuer.arn", "\"arn:aws:iam::1:role/a/path/deployer\"")->actor.name,
       "deployer");
    is(with("userIdentity.sessionContext.sessionIssuer", "{}")->actor.name, "ci-deploy"); /* the arn's */
    ev = with("userIdentity.arn", NULL);
    is(ev->actor.name, NULL);
    is(ev->actor.session, "run-17"); /* principalId's */
    is(with("userIdentity.principalId", "\"AROAEXAMPLE\"")->actor.session, NULL);
}

static void an_identity_center_session_is_a_role_with_its_users_session(void **state)
{
    (void)state;
    const struct record r = {.type = "AssumedRole",
                             .actor = "AWSReservedSSO_Admin_0123456789abcdef",
                             .session = "dan@example.com",
                             .target = "svc"};
    const struct kt_event *ev = decode(&r);
    is(ev->actor.name, "AWSReservedSSO_Admin_0123456789abcdef");
    is(ev->actor.session, "dan@example.com");
    decode(&(struct record){.type = "IdentityCenterUser", .target = "svc"});
    record_set(now.root, "userIdentity",
               "{\"type\":\"IdentityCenterUser\",\"accountId\":\"111122223333\",\"onBehalfOf\":{\"userId\":\"u-1\"}}");
    ev = again();
    is(ev->actor.type, "IdentityCenterUser");
    is(ev->actor.name, NULL);
    target_is(ev, "svc", KT_TARGET_RESPONSE, KT_NO);
}

static void a_federated_users_name_is_the_iam_user_who_asked(void **state)
{
    (void)state;
    decode(&(struct record){.target = "alice"});
    record_set(now.root, "userIdentity",
               "{\"type\":\"FederatedUser\",\"principalId\":\"111122223333:guest\","
               "\"arn\":\"arn:aws:sts::111122223333:federated-user/guest\",\"accountId\":\"111122223333\","
               "\"sessionContext\":{\"sessionIssuer\":{\"type\":\"IAMUser\",\"userName\":\"alice\"},"
               "\"attributes\":{\"mfaAuthenticated\":\"false\"}}}");
    const struct kt_event *ev = again();
    is(ev->actor.name, "alice");
    is(ev->actor.session, "guest");
    target_is(ev, "alice", KT_TARGET_RESPONSE, KT_YES);
    ev = with("userIdentity.sessionContext.sessionIssuer", NULL);
    is(ev->actor.name, "guest");
    target_is(ev, "alice", KT_TARGET_RESPONSE, KT_UNKNOWN);
}

static void a_services_name_is_invokedBy(void **state)
{
    (void)state;
    decode(&(struct record){.target = "bob"});
    record_set(now.root, "userIdentity", "{\"type\":\"AWSService\",\"invokedBy\":\"quick.amazonaws.com\"}");
    const struct kt_event *ev = again();
    is(ev->actor.name, "quick.amazonaws.com");
    is(ev->actor.via, "quick.amazonaws.com");
    is(ev->actor.arn, NULL);
    target_is(ev, "bob", KT_TARGET_RESPONSE, KT_NO);
    is(ev->account, RECORD_ACCOUNT);
}

static void another_account_is_named_by_what_it_gives(void **state)
{
    (void)state;
    decode(&(struct record){.target = "bob"});
    record_set(now.root, "userIdentity",
               "{\"type\":\"AWSAccount\",\"principalId\":\"AIDAX\",\"accountId\":\"444455556666\"}");
    const struct kt_event *ev = again();
    is(ev->actor.name, NULL);
    is(ev->actor.account, "444455556666");
    is(ev->account, RECORD_ACCOUNT);
    target_is(ev, "bob", KT_TARGET_RESPONSE, KT_NO);
}

static void an_actor_without_a_type_has_none(void **state)
{
    (void)state;
    decode(&(struct record){.actor = "alice", .target = "alice"});
    const struct kt_event *ev = with("userIdentity.type", NULL);
    is(ev->actor.type, NULL);
    is(ev->actor.name, "alice");
    target_is(ev, "alice", KT_TARGET_RESPONSE, KT_YES); /* the arn says user/alice */
    ev = with("userIdentity.arn", NULL);
    is(ev->actor.name, "alice");
    target_is(ev, "alice", KT_TARGET_RESPONSE, KT_UNKNOWN);
    static const char *const nothing[] = {"null", "\"alice\"", "[]", NULL};
    for (size_t i = 0; i < 4; i++) {
        ev = with("userIdentity", nothing[i]);
        is(ev->actor.name, NULL);
        is(ev->actor.account, NULL);
        target_is(ev, "alice", KT_TARGET_RESPONSE, KT_UNKNOWN);
        is(ev->account, RECORD_ACCOUNT);
    }
}

static void mfa_is_the_sessions_and_unknown_for_a_long_lived_key(void **state)
{
    (void)state;
    assert_int_equal(decode(&(struct record){.target = "bob"})->actor.mfa, KT_UNKNOWN);
    const struct kt_event *ev = decode(&(struct record){.target = "bob", .mfa = "true"});
    is(ev->actor.access_key_id, "ASIAEXAMPLEEXAMPLE01");
    assert_int_equal(ev->actor.mfa, KT_YES);
    assert_int_equal(decode(&(struct record){.target = "bob", .mfa = "false"})->actor.mfa, KT_NO);
    const char *mfa = "userIdentity.sessionContext.attributes.mfaAuthenticated";
    assert_int_equal(with(mfa, "true")->actor.mfa, KT_YES);
    assert_int_equal(with(mfa, "false")->actor.mfa, KT_NO);
    assert_int_equal(with(mfa, "\"maybe\"")->actor.mfa, KT_UNKNOWN);
    assert_int_equal(with(mfa, "null")->actor.mfa, KT_UNKNOWN);
    assert_int_equal(with(mfa, NULL)->actor.mfa, KT_UNKNOWN);
}

static void via_is_invokedBy_else_the_service_named_as_address(void **state)
{
    (void)state;
    decode(&(struct record){.target = "bob", .address = "cloudformation.amazonaws.com"});
    is(now.ev.actor.via, "cloudformation.amazonaws.com");
    is(with("userIdentity.invokedBy", "\"servicecatalog.amazonaws.com\"")->actor.via, "servicecatalog.amazonaws.com");
    decode(&(struct record){.target = "bob", .address = "AWS Internal"});
    is(now.ev.actor.via, NULL);
}

/* --- target ------------------------------------------------------------------ */

static void the_target_is_the_responses_before_the_requests(void **state)
{
    (void)state;
    decode(&(struct record){.target = "bob"});
    target_is(&now.ev, "bob", KT_TARGET_RESPONSE, KT_NO);
    target_is(with("requestParameters.userName", "\"Bob\""), "bob", KT_TARGET_RESPONSE, KT_NO);
    target_is(with("responseElements.accessKey.userName", NULL), "Bob", KT_TARGET_REQUEST, KT_NO);
    target_is(with("responseElements", "null"), "Bob", KT_TARGET_REQUEST, KT_NO);
}

static void a_failed_call_shows_its_target_from_the_request(void **state)
{
    (void)state;
    const struct record r = {.target = "bob", .error = "NoSuchEntityException",
                             .message = "The user with name bob cannot be found."};
    target_is(decode(&r), "bob", KT_TARGET_REQUEST, KT_NO);
}

static void a_denied_call_shows_its_target_from_the_error(void **state)
{
    (void)state;
    static const struct {
        const char *tail, *name;
    } forms[] = {
        {"user bob because no identity-based policy allows the iam:CreateAccessKey action", "bob"},
        {"user bob with an explicit deny in an identity-based policy", "bob"},
        {"user bob", "bob"},
        {"user /team/jack with an explicit deny in a service control policy", "jack"},
        {"user team/red/jack because x", "jack"},
        {"user j.o+e=x,y@z-w_1", "j.o+e=x,y@z-w_1"},
        {"arn:aws:iam::111122223333:user/path/jack because no identity-based policy allows it", "jack"},
        {"arn:aws:iam::111122223333:user/jack", "jack"},
        {"user ", NULL},
        {"user / because", NULL},
        {"*", NULL},
        {"role bob", NULL},
        {"arn:aws:iam::111122223333:role/jack", NULL},
    };
    decode(&(struct record){.actor = "mallory", .target = "bob", .error = "AccessDenied"});
    target_is(&now.ev, "bob", KT_TARGET_ERROR, KT_NO);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char json[512];
        assert_true(snprintf(json, sizeof json,
                             "\"User: arn:aws:iam::111122223333:user/mallory is not authorized to perform: "
                             "iam:CreateAccessKey on resource: %s\"",
                             forms[i].tail) > 0);
        const struct kt_event *ev = with("errorMessage", json);
        target_is(ev, forms[i].name, forms[i].name ? KT_TARGET_ERROR : KT_TARGET_NONE,
                  forms[i].name ? KT_NO : KT_UNKNOWN);
    }
}

static void a_denied_call_for_oneself_is_seen_as_such(void **state)
{
    (void)state;
    target_is(decode(&(struct record){.actor = "alice", .target = "alice", .error = "AccessDenied"}), "alice",
              KT_TARGET_ERROR, KT_YES);
    target_is(decode(&(struct record){.actor = "alice", .target = "Alice", .error = "AccessDenied"}), "Alice",
              KT_TARGET_ERROR, KT_NO);
}

static void a_denied_calls_null_parameters_prove_nothing(void **state)
{
    (void)state;
    static const char *const codes[] = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation",
                                        "Client.UnauthorizedOperation"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        target_is(decode(&(struct record){.error = codes[i], .message = "Access denied"}), NULL, KT_TARGET_NONE,
                  KT_UNKNOWN);
        target_is(with("errorMessage", NULL), NULL, KT_TARGET_NONE, KT_UNKNOWN);
        target_is(decode(&(struct record){.type = "Root", .error = codes[i], .message = "x"}), NULL, KT_TARGET_NONE,
                  KT_UNKNOWN);
    }
    is(now.ev.target.account, RECORD_ACCOUNT);
}

static void a_message_without_an_error_code_names_no_target(void **state)
{
    (void)state;
    decode(&(struct record){.type = "AssumedRole"});
    record_set(now.root, "responseElements", "null");
    target_is(with("errorMessage", "\"x on resource: user bob\""), NULL, KT_TARGET_NONE, KT_UNKNOWN);
}

static void with_null_parameters_the_caller_is_the_target(void **state)
{
    (void)state;
    decode(&(struct record){.actor = "alice"});
    target_is(&now.ev, "alice", KT_TARGET_RESPONSE, KT_YES); /* the response says so too */
    target_is(with("responseElements.accessKey.userName", NULL), "alice", KT_TARGET_CALLER, KT_YES);
    target_is(with("requestParameters", "{}"), "alice", KT_TARGET_CALLER, KT_YES);
    target_is(with("requestParameters.userName", "null"), "alice", KT_TARGET_CALLER, KT_YES);
    target_is(with("requestParameters", NULL), "alice", KT_TARGET_CALLER, KT_YES);
    record_set(now.root, "userIdentity.arn", NULL);
    target_is(with("userIdentity.userName", NULL), NULL, KT_TARGET_NONE, KT_UNKNOWN);
}

static void a_quota_error_without_parameters_is_the_callers_own(void **state)
{
    (void)state;
    const struct record r = {.actor = "alice", .error = "LimitExceededException",
                             .message = "Cannot exceed quota for AccessKeysPerUser: 2"};
    target_is(decode(&r), "alice", KT_TARGET_CALLER, KT_YES);
    target_is(with("requestParameters", NULL), "alice", KT_TARGET_CALLER, KT_YES);
}

static void root_makes_a_key_for_itself_with_null_parameters(void **state)
{
    (void)state;
    target_is(decode(&(struct record){.type = "Root"}), "root", KT_TARGET_CALLER, KT_YES);
    target_is(with("userIdentity.userName", "\"our-alias\""), "root", KT_TARGET_CALLER, KT_YES);
}

static void root_for_a_named_user_is_another_even_a_user_called_root(void **state)
{
    (void)state;
    target_is(decode(&(struct record){.type = "Root", .target = "bob"}), "bob", KT_TARGET_RESPONSE, KT_NO);
    target_is(decode(&(struct record){.type = "Root", .target = "root"}), "root", KT_TARGET_RESPONSE, KT_NO);
}

static void a_role_cannot_be_its_own_target(void **state)
{
    (void)state;
    decode(&(struct record){.type = "AssumedRole", .actor = "alice", .target = "alice"});
    target_is(&now.ev, "alice", KT_TARGET_RESPONSE, KT_NO);
    record_set(now.root, "responseElements", "null");
    target_is(with("requestParameters", "null"), NULL, KT_TARGET_NONE, KT_UNKNOWN);
    decode(&(struct record){.type = "AssumedRole", .error = "LimitExceededException", .message = "quota"});
    target_is(&now.ev, NULL, KT_TARGET_NONE, KT_UNKNOWN);
}

static void self_needs_exactly_equal_names_never_a_substring(void **state)
{
    (void)state;
    static const struct {
        const char *actor, *target;
        enum kt_tri self;
    } pairs[] = {{"jack", "jack", KT_YES},    {"jackson", "jack", KT_NO}, {"jack", "jackson", KT_NO},
                 {"Jack", "jack", KT_NO},     {"jack", "JACK", KT_NO},    {"j.ck", "jack", KT_NO},
                 {"user/jack", "jack", KT_NO}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_int_equal(decode(&(struct record){.actor = pairs[i].actor, .target = pairs[i].target})->target.self,
                         pairs[i].self);
    decode(&(struct record){.actor = "jack", .target = "jack"});
    record_set(now.root, "userIdentity.userName", NULL);
    assert_int_equal(with("userIdentity.arn", "\"arn:aws:iam::111122223333:user/team/jack\"")->target.self, KT_YES);
}

static void self_needs_the_same_account(void **state)
{
    (void)state;
    decode(&(struct record){.actor = "alice", .target = "alice"});
    const struct kt_event *ev = with("recipientAccountId", "\"444455556666\"");
    is(ev->target.account, "444455556666");
    is(ev->actor.account, RECORD_ACCOUNT);
    assert_int_equal(ev->target.self, KT_NO);
    ev = with("recipientAccountId", NULL);
    is(ev->account, RECORD_ACCOUNT);
    assert_int_equal(ev->target.self, KT_YES);
    record_set(now.root, "userIdentity.accountId", NULL);
    is(again()->actor.account, RECORD_ACCOUNT); /* the arn's */
    ev = with("userIdentity.arn", NULL);
    is(ev->account, NULL);
    target_is(ev, "alice", KT_TARGET_RESPONSE, KT_UNKNOWN);
}

static void parameters_left_out_for_size_prove_nothing(void **state)
{
    (void)state;
    decode(&(struct record){.actor = "alice"});
    record_set(now.root, "responseElements", "{\"omitted\":true,\"originalSize\":120000,\"reasonForOmission\":\"size\"}");
    const struct kt_event *ev = with("requestParameters", "{\"omitted\":true,\"originalSize\":120000}");
    assert_true(ev->flags & KT_FLAG_OMITTED);
    target_is(ev, NULL, KT_TARGET_NONE, KT_UNKNOWN);
    ev = with("requestParameters", "null");
    assert_true(ev->flags & KT_FLAG_OMITTED);
    target_is(ev, "alice", KT_TARGET_CALLER, KT_YES);
    assert_false(with("responseElements", "{\"omitted\":false}")->flags & KT_FLAG_OMITTED);
    target_is(with("requestParameters", "\"{}\""), NULL, KT_TARGET_NONE, KT_UNKNOWN);
    target_is(with("requestParameters", "{\"userName\":7}"), NULL, KT_TARGET_NONE, KT_UNKNOWN);
}

/* --- source ------------------------------------------------------------------ */

static void addresses_are_told_apart_by_what_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        enum kt_address_kind kind;
    } forms[] = {
        {"203.0.113.9", KT_ADDRESS_IP},
        {"211.9.016.253", KT_ADDRESS_IP},
        {"075.050.255.67", KT_ADDRESS_IP},
        {"2001:db8::1", KT_ADDRESS_IP},
        {"::ffff:203.0.113.9", KT_ADDRESS_IP},
        {"203.0.113.256", KT_ADDRESS_UNKNOWN},
        {"203.0.113", KT_ADDRESS_UNKNOWN},
        {"203.0.113.9.", KT_ADDRESS_UNKNOWN},
        {"203.0.113.9.1", KT_ADDRESS_UNKNOWN},
        {"203..113.9", KT_ADDRESS_UNKNOWN},
        {"0203.0.113.9", KT_ADDRESS_UNKNOWN},
        {"2001:db8::g", KT_ADDRESS_UNKNOWN},
        {"cloudformation.amazonaws.com", KT_ADDRESS_SERVICE},
        {"ec2.amazonaws.com.cn", KT_ADDRESS_SERVICE},
        {"AWS Internal", KT_ADDRESS_INTERNAL},
        {"AWS Internal/7", KT_ADDRESS_INTERNAL},
        {"AWS Internally", KT_ADDRESS_UNKNOWN},
        {"evil amazonaws.com", KT_ADDRESS_UNKNOWN},
        {"amazonaws.com.example.org", KT_ADDRESS_UNKNOWN},
        {"notamazonaws.com", KT_ADDRESS_UNKNOWN},
        {"", KT_ADDRESS_UNKNOWN},
        {"-", KT_ADDRESS_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const struct kt_event *ev = decode(&(struct record){.target = "bob", .address = forms[i].address});
        is(ev->source.address, forms[i].address);
        if (ev->source.kind != forms[i].kind)
            fail_msg("%s is %s", forms[i].address, kt_address_kind_name(ev->source.kind));
    }
    assert_int_equal(with("sourceIPAddress", NULL)->source.kind, KT_ADDRESS_UNKNOWN);
}

static void the_console_flag_is_a_word_or_a_truth(void **state)
{
    (void)state;
    const struct record r = {.target = "bob", .agent = "AWS Internal", .from_console = true};
    assert_int_equal(decode(&r)->agent.cls, KT_AGENT_CONSOLE);
    assert_int_equal(with("sessionCredentialFromConsole", "true")->agent.cls, KT_AGENT_CONSOLE);
    assert_int_equal(with("sessionCredentialFromConsole", "\"false\"")->agent.cls, KT_AGENT_SERVICE);
    assert_int_equal(with("sessionCredentialFromConsole", NULL)->agent.cls, KT_AGENT_SERVICE);
    record_set(now.root, "sessionCredentialFromConsole", "\"true\"");
    assert_int_equal(with("userAgent", "\"aws-cli/2.15.0\"")->agent.cls, KT_AGENT_CLOUDSHELL);
}

/* --- flags ------------------------------------------------------------------- */

static void flags_tell_of_the_record_itself(void **state)
{
    (void)state;
    decode(&(struct record){.target = "bob"});
    kt_event_decode(node_of(now.root), KT_RECORD_REPAIRED | KT_RECORD_DUPLICATE_KEYS, now.arena, &now.ev);
    assert_int_equal(now.ev.flags, KT_FLAG_REPAIRED | KT_FLAG_DUPLICATE_KEYS);
    assert_int_equal(with("addendum", "{\"reason\":\"UPDATED_DATA\"}")->flags, KT_FLAG_ADDENDUM);
    record_set(now.root, "addendum", NULL);
    assert_int_equal(with("eventSource", "\"sso-directory.amazonaws.com\"")->flags, KT_FLAG_OTHER_SOURCE);
    record_set(now.root, "eventSource", "\"iam.amazonaws.com\"");
    assert_int_equal(with("eventID", NULL)->flags, KT_FLAG_NO_EVENT_ID);
    record_set(now.root, "eventID", "\"x\"");
    assert_int_equal(with("eventTime", NULL)->flags, KT_FLAG_NO_TIME);
}

static void text_that_hides_is_flagged(void **state)
{
    (void)state;
    static const char *const hiding[] = {"\"a\\u202eb\"", "\"a\\u200bb\"", "\"a\\u001b[2Jb\"", "\"a\\u0085b\""};
    for (size_t i = 0; i < sizeof hiding / sizeof *hiding; i++) {
        decode(&(struct record){.target = "bob"});
        assert_int_equal(with("userAgent", hiding[i])->flags, KT_FLAG_HIDDEN_TEXT);
        record_set(now.root, "userAgent", "\"x\"");
        assert_int_equal(with("responseElements.accessKey.userName", hiding[i])->flags & KT_FLAG_HIDDEN_TEXT,
                         KT_FLAG_HIDDEN_TEXT);
    }
    decode(&(struct record){.target = "bob"});
    assert_int_equal(with("userAgent", "\"Werkzeug \\u00e4\"")->flags, 0);
    assert_int_equal(with("responseElements.accessKey.userName", "\"b\\u043eb\"")->flags, KT_FLAG_NON_ASCII_IDENTITY);
}

static void every_flag_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < KT_FLAG_COUNT; i++) {
        const char *name = kt_flag_name(1u << i);
        assert_non_null(name);
        for (uint32_t k = 0; k < i; k++)
            assert_string_not_equal(name, kt_flag_name(1u << k));
    }
    assert_null(kt_flag_name(KT_FLAG_REPAIRED | KT_FLAG_OMITTED));
}

static void secrets_are_overwritten_at_any_depth(void **state)
{
    (void)state;
    decode(&(struct record){.target = "bob"});
    record_set(now.root, "responseElements.accessKey.secretAccessKey", "\"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\"");
    record_set(now.root, "requestParameters.list", "[{\"a\":{\"sessionToken\":\"FwoGZXIvYXdzEXAMPLE\"}}]");
    record_set(now.root, "requestParameters.Password", "{\"deep\":\"hunter2\"}");
    record_set(now.root, "additionalEventData", "{\"password\":null,\"newPassword\":\"HIDDEN_DUE_TO_SECURITY_REASONS\"}");
    assert_int_equal(again()->flags, KT_FLAG_REDACTED);
    json_t *said = node_json(now.node);
    json_decref(now.root);
    now.root = said;
    char *text = record_dump(now.root);
    assert_null(strstr(text, "wJalrXUtn"));
    assert_null(strstr(text, "FwoGZXIv"));
    assert_null(strstr(text, "hunter2"));
    assert_non_null(strstr(text, "\"secretAccessKey\":\"***\""));
    assert_non_null(strstr(text, "\"password\":null"));
    assert_non_null(strstr(text, "HIDDEN_DUE_TO_SECURITY_REASONS"));
    free(text);
    assert_int_equal(again()->flags, 0); /* there is none any more */
    json_t *plain = json_pack("{s:s,s:b}", "accessKeyId", "AKIA", "passwordResetRequired", 1);
    assert_false(kt_event_redact(node_of(plain)));
    json_decref(plain);
}

/* --- paths ------------------------------------------------------------------- */

static void path_is(const char *path, const char *want)
{
    is(kt_json_text(kt_json_path(node_of(now.root), kt_span_of(path)), now.arena), want);
}

static void paths_reach_objects_lists_and_keys_with_dots(void **state)
{
    (void)state;
    json_decref(now.root);
    now.root = json_loads("{\"a\":{\"b\":{\"c\":\"deep\"},\"x.y\":\"dotted\",\"l\":[10,{\"k\":true}]},\"a.b\":\"whole\","
                          "\"n\":null,\"r\":1.1,\"i\":-5,\"e\":\"\",\"big\":12345678901234567890.0}",
                          0, NULL);
    path_is("a.b.c", "deep");
    path_is("a.b", "whole");
    path_is("a.x.y", "dotted");
    path_is("a.l.0", "10");
    path_is("a.l.1.k", "true");
    path_is("a.l", "[10,{\"k\":true}]");
    path_is("n", "null");
    path_is("r", "1.1");
    path_is("i", "-5");
    path_is("e", "");
    path_is("a.l.2", NULL);
    path_is("a.l.x", NULL);
    path_is("a.l.99999999999999999999", NULL);
    path_is("a.b.c.d", NULL);
    path_is("zz", NULL);
    path_is("", NULL);
    path_is("a.", NULL);
    path_is(".", NULL);
    assert_null(kt_json_path(node_of(now.root), KT_SPAN_NONE));
    assert_null(kt_json_path(NULL, KT_LIT("a")));
}

/* --- records that others published --------------------------------------------- */

static json_t *load_published(const char *folder, const char *name)
{
    char path[4200];
    const char *source = getenv("KEYTOP_SOURCE");
    assert_true(snprintf(path, sizeof path, "%s/../shared/data/cloudtrail/%s/%s", source ? source : ".", folder, name) > 0);
    return json_load_file(path, 0, NULL);
}

static void published(const char *name, const char *actor, const char *target, enum kt_target_from from,
                      enum kt_tri self, enum kt_result result)
{
    json_decref(now.root);
    now.root = load_published("panther", name);
    if (!now.root) {
        print_message("SKIP: the published records are not at hand\n");
        skip();
    }
    const struct kt_event *ev = again();
    is(ev->actor.name, actor);
    target_is(ev, target, from, self);
    assert_int_equal(ev->result, result);
}

static void published_records_mean_what_their_authors_say(void **state)
{
    (void)state;
    published("panther__13_CreateAccessKey_IAMUser.json", "user1", "user1", KT_TARGET_RESPONSE, KT_YES, KT_RESULT_CREATED);
    published("panther__14_CreateAccessKey_IAMUser.json", "user1", "user2", KT_TARGET_RESPONSE, KT_NO, KT_RESULT_CREATED);
    published("panther__17_CreateAccessKey_IAMUser.json", "some_iam_user", "some_iam_user", KT_TARGET_CALLER, KT_YES,
              KT_RESULT_FAILED);
    published("panther__20_CreateAccessKey_Root.json", "root", "root", KT_TARGET_CALLER, KT_YES, KT_RESULT_CREATED);
    assert_true(now.ev.key.created == KT_TIME_NONE); /* "Jan 01, 2019 0:00:00 PM" is no time */
    published("panther__30_CreateAccessKey_Root.json", "root", "tracy_stone", KT_TARGET_RESPONSE, KT_NO, KT_RESULT_CREATED);
    assert_int_equal(now.ev.agent.cls, KT_AGENT_CLI);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_creation_says_when_what_and_where),
        TEST(other_events_are_of_no_kind),
        TEST(a_key_switched_off_or_on_is_told_by_the_status_asked_for),
        TEST(a_status_change_that_does_not_say_which_way_is_neither),
        TEST(a_deleted_key_is_named_by_the_parameters),
        TEST(other_long_lived_credentials_have_their_own_ids),
        TEST(events_of_that_name_from_another_service_are_not_of_a_key),
        TEST(a_call_made_with_a_long_lived_key_is_its_use),
        TEST(an_event_of_another_kind_can_be_taken_as_the_use_it_is_besides),
        TEST(names_to_look_for_are_those_of_the_kinds_asked_for),
        TEST(a_record_of_nothing_but_its_name_is_all_unknown),
        TEST(values_of_the_wrong_type_are_unknown_not_a_crash),
        TEST(times_are_read_in_every_known_spelling),
        TEST(result_is_created_denied_or_failed_by_the_error_code_alone),
        TEST(an_iam_users_name_is_userName_else_the_arns_last_part),
        TEST(roots_name_is_root_whatever_the_alias),
        TEST(a_roles_name_is_its_own_and_its_session_stands_beside_it),
        TEST(an_identity_center_session_is_a_role_with_its_users_session),
        TEST(a_federated_users_name_is_the_iam_user_who_asked),
        TEST(a_services_name_is_invokedBy),
        TEST(another_account_is_named_by_what_it_gives),
        TEST(an_actor_without_a_type_has_none),
        TEST(mfa_is_the_sessions_and_unknown_for_a_long_lived_key),
        TEST(via_is_invokedBy_else_the_service_named_as_address),
        TEST(the_target_is_the_responses_before_the_requests),
        TEST(a_failed_call_shows_its_target_from_the_request),
        TEST(a_denied_call_shows_its_target_from_the_error),
        TEST(a_denied_call_for_oneself_is_seen_as_such),
        TEST(a_denied_calls_null_parameters_prove_nothing),
        TEST(a_message_without_an_error_code_names_no_target),
        TEST(with_null_parameters_the_caller_is_the_target),
        TEST(a_quota_error_without_parameters_is_the_callers_own),
        TEST(root_makes_a_key_for_itself_with_null_parameters),
        TEST(root_for_a_named_user_is_another_even_a_user_called_root),
        TEST(a_role_cannot_be_its_own_target),
        TEST(self_needs_exactly_equal_names_never_a_substring),
        TEST(self_needs_the_same_account),
        TEST(parameters_left_out_for_size_prove_nothing),
        TEST(addresses_are_told_apart_by_what_they_are),
        TEST(the_console_flag_is_a_word_or_a_truth),
        TEST(flags_tell_of_the_record_itself),
        TEST(text_that_hides_is_flagged),
        TEST(every_flag_has_a_name_of_its_own),
        TEST(secrets_are_overwritten_at_any_depth),
        TEST(paths_reach_objects_lists_and_keys_with_dots),
        TEST(published_records_mean_what_their_authors_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
