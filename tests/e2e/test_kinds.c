/* The real program: --kinds in every output, and what it leaves alone. */
#include "tests/support/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define WHO(key)                                                                                                     \
    "\"userIdentity\":{\"type\":\"IAMUser\",\"userName\":\"alice\",\"accountId\":\"111122223333\",\"accessKeyId\":\"" \
    key "\"},\"recipientAccountId\":\"111122223333\",\"sourceIPAddress\":\"203.0.113.9\",\"userAgent\":\"Boto3/1.28.0\","
#define IAM(id, name, rest)                                                                                          \
    "{" WHO("ASIAEXAMPLEEXAMPLE1") "\"eventID\":\"" id "\",\"eventTime\":\"2026-11-24T10:00:00Z\",\"eventSource\":"  \
    "\"iam.amazonaws.com\",\"eventName\":\"" name "\"" rest "}"
#define KEY "AKIAEXAMPLEEXAMPLE42"

static const char life[] =
    "{\"Records\":["
    IAM("1", "CreateAccessKey", ",\"requestParameters\":{\"userName\":\"bob\"},\"responseElements\":{\"accessKey\":{"
        "\"accessKeyId\":\"" KEY "\",\"userName\":\"bob\",\"status\":\"Active\"}}") ","
    "{" WHO(KEY) "\"eventID\":\"2\",\"eventTime\":\"2026-11-24T10:00:34Z\",\"eventSource\":\"sts.amazonaws.com\","
    "\"eventName\":\"GetCallerIdentity\"},"
    IAM("3", "UpdateAccessKey", ",\"requestParameters\":{\"userName\":\"bob\",\"status\":\"Inactive\",\"accessKeyId\":\"" KEY "\"}")
    "," IAM("4", "UpdateAccessKey", ",\"requestParameters\":{\"userName\":\"bob\",\"status\":\"Active\",\"accessKeyId\":\"" KEY "\"}")
    "," IAM("5", "DeleteAccessKey", ",\"requestParameters\":{\"userName\":\"bob\",\"accessKeyId\":\"" KEY "\"}")
    "," IAM("6", "UploadSSHPublicKey", ",\"requestParameters\":{\"userName\":\"bob\"},\"responseElements\":{\"sSHPublicKey\":{"
            "\"userName\":\"bob\",\"sSHPublicKeyId\":\"APKAEXAMPLE\",\"status\":\"Active\"}}")
    "," IAM("7", "ListUsers", "") "]}";

static char *folder;
static char out[1 << 20];

static int setup(void **state)
{
    char path[512];
    (void)state;
    folder = sample_folder();
    sample_write(folder, "life.json", life, sizeof life - 1, false, path);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sample_remove(folder);
    return 0;
}

/* Standard output goes to `out`; returns the exit status. */
static int keytop(const char *words)
{
    char command[2048];
    snprintf(command, sizeof command, "'%s' --no-state %s '%s' 2>&1", sample_keytop(), words, folder);
    FILE *f = popen(command, "r"); /* no word here comes from outside */
    assert_non_null(f);
    size_t n = fread(out, 1, sizeof out - 1, f);
    out[n] = '\0';
    int status = pclose(f);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* "kind/result/key.id/target" of each line, in their order. */
static const char *lines(void)
{
    static char text[4096];
    size_t n = 0;
    text[0] = '\0';
    for (const char *p = out; *p;) {
        size_t len = strcspn(p, "\n");
        json_t *o = json_loadb(p, len, 0, NULL);
        assert_non_null(o);
        const char *kind = json_string_value(json_object_get(o, "kind"));
        const char *result = json_string_value(json_object_get(o, "result"));
        const char *id = json_string_value(json_object_get(json_object_get(o, "key"), "id"));
        const char *target = json_string_value(json_object_get(json_object_get(o, "target"), "name"));
        assert_non_null(kind);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s/%s/%s/%s ", kind, result ? result : "-", id ? id : "-",
                              target ? target : "-");
        json_decref(o);
        p += len + (p[len] == '\n');
    }
    return text;
}

static void creations_alone_unless_asked(void **state)
{
    (void)state;
    assert_int_equal(keytop("-o jsonl"), 0);
    assert_string_equal(lines(), "creation/created/" KEY "/bob ");
}

static void all_kinds_have_the_same_object_with_the_same_keys(void **state)
{
    (void)state;
    assert_int_equal(keytop("-o jsonl --kinds all"), 0);
    char *first = NULL;
    for (const char *p = out; *p;) {
        size_t len = strcspn(p, "\n");
        json_t *o = json_loadb(p, len, 0, NULL);
        char keys[2048] = "";
        for (void *it = json_object_iter(o); it; it = json_object_iter_next(o, it)) {
            size_t n = strlen(keys);
            snprintf(keys + n, sizeof keys - n, "%s ", json_object_iter_key(it));
        }
        if (!first)
            first = strdup(keys);
        assert_string_equal(keys, first);
        json_decref(o);
        p += len + (p[len] == '\n');
    }
    free(first);
    assert_string_equal(lines(), "creation/created/" KEY "/bob use/done/" KEY "/- deactivation/done/" KEY "/bob "
                                 "reactivation/done/" KEY "/bob deletion/done/" KEY "/bob credential/created/APKAEXAMPLE/bob ");
}

static void kinds_can_be_chosen_and_filtered_by(void **state)
{
    (void)state;
    assert_int_equal(keytop("-o jsonl --kinds deactivation,deletion"), 0);
    assert_string_equal(lines(), "deactivation/done/" KEY "/bob deletion/done/" KEY "/bob ");
    assert_int_equal(keytop("-o jsonl --kinds all -F kind:use"), 0);
    assert_string_equal(lines(), "use/done/" KEY "/- ");
    assert_int_equal(keytop("-o jsonl --kinds all -F 'kind:=reactivation'"), 0);
    assert_string_equal(lines(), "reactivation/done/" KEY "/bob ");
    assert_int_equal(keytop("-o jsonl --kinds credential"), 0);
    assert_string_equal(lines(), "credential/created/APKAEXAMPLE/bob ");
}

static void the_table_says_which_kind_once_there_are_several(void **state)
{
    (void)state;
    assert_int_equal(keytop("-o table"), 0);
    assert_null(strstr(out, "KIND"));
    assert_int_equal(keytop("-o table --kinds all"), 0);
    assert_non_null(strstr(out, "KIND"));
    assert_non_null(strstr(out, "EVENT"));
    assert_non_null(strstr(out, "GetCallerIdentity"));
    assert_non_null(strstr(out, "deactivation"));
    assert_int_equal(keytop("-o csv --kinds use"), 0);
    assert_int_equal(strncmp(out, "kind,time,event_name,result,", 28), 0);
    assert_non_null(strstr(out, "\nuse,2026-11-24T10:00:34Z,GetCallerIdentity,done,"));
}

static void a_kind_that_is_none_is_refused_with_those_that_are(void **state)
{
    (void)state;
    assert_int_equal(keytop("-o jsonl --kinds used"), 2);
    assert_non_null(strstr(out, "--kinds takes creation, use, deactivation, reactivation, deletion, credential or all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creations_alone_unless_asked),
        cmocka_unit_test(all_kinds_have_the_same_object_with_the_same_keys),
        cmocka_unit_test(kinds_can_be_chosen_and_filtered_by),
        cmocka_unit_test(the_table_says_which_kind_once_there_are_several),
        cmocka_unit_test(a_kind_that_is_none_is_refused_with_those_that_are),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
