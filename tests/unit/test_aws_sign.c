/* Signatures: the published suite where it lies beside the clone, and cases of
 * our own that botocore computed. */
#include "aws/sign.h"
#include "base/buf.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#define SUITE "../shared/data/sigv4-suite/v4"

static const char id[] = "AKIDEXAMPLE", secret[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

static char *read_file(const char *folder, const char *name, const char *file)
{
    char path[1024];
    const char *root = getenv("KEYTOP_SOURCE");
    snprintf(path, sizeof path, "%s/%s/%s/%s", root ? root : ".", folder, name, file);
    FILE *f = fopen(path, "r");
    if (!f)
        return NULL;
    char *text = calloc(1, 1 << 16);
    size_t n = fread(text, 1, (1 << 16) - 1, f);
    fclose(f);
    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r') && strcmp(file, "request.txt") != 0)
        text[--n] = '\0';
    return text;
}

/* request.txt is a request as on the wire, with \n; a line that begins with a
 * blank goes on with the header before. */
static void read_request(char *text, struct kt_sign_request *r)
{
    char *line_end = strchr(text, '\n'), *target = strchr(text, ' ') + 1;
    char *version = line_end ? line_end : text + strlen(text);
    while (*version != ' ')
        version--;
    *version = '\0';
    target[-1] = '\0';
    r->method = text;
    char *q = strchr(target, '?');
    r->query = q ? kt_span_of(q + 1) : KT_LIT("");
    r->path = (struct kt_span){target, q ? (size_t)(q - target) : strlen(target)};
    char *p = line_end ? line_end + 1 : version + 1;
    while (*p && *p != '\n') {
        char *end = strchr(p, '\n');
        end = end ? end : p + strlen(p);
        if (*p == ' ') {
            struct kt_span *v = &r->header[r->n_header - 1].value;
            v->n = (size_t)(end - v->p);
        } else {
            char *colon = strchr(p, ':');
            r->header[r->n_header++] = (struct kt_sign_header){{p, (size_t)(colon - p)}, {colon + 1, (size_t)(end - colon - 1)}};
        }
        p = *end ? end + 1 : end;
    }
    r->body = *p ? kt_span_of(p + 1) : KT_LIT("");
}

static void run_case(const char *name)
{
    char *context = read_file(SUITE, name, "context.json"), *text = read_file(SUITE, name, "request.txt");
    char *canonical = read_file(SUITE, name, "header-canonical-request.txt");
    char *signature = read_file(SUITE, name, "header-signature.txt");
    assert_true(context && text && canonical && signature);
    json_t *c = json_loads(context, 0, NULL), *cr = json_object_get(c, "credentials");
    struct kt_keys *k = kt_keys_new(kt_span_of(json_string_value(json_object_get(cr, "access_key_id"))),
                                    kt_span_of(json_string_value(json_object_get(cr, "secret_access_key"))),
                                    kt_span_of(json_string_value(json_object_get(cr, "token"))), KT_SPAN_NONE, KT_TIME_NONE);
    assert_non_null(k);
    struct kt_sign_request r = {
        .region = json_string_value(json_object_get(c, "region")),
        .service = json_string_value(json_object_get(c, "service")),
        .keys = k,
        .time = kt_time_parse(kt_span_of(json_string_value(json_object_get(c, "timestamp")))),
        .normalize = json_is_true(json_object_get(c, "normalize")),
        .content_sha256 = json_is_true(json_object_get(c, "sign_body")),
        .token_unsigned = json_is_true(json_object_get(c, "omit_session_token")),
    };
    read_request(text, &r);
    struct kt_signature s;
    struct kt_buf b;
    kt_buf_init(&b, KT_SIGN_CANONICAL_MAX);
    assert_true(kt_sign(&r, &s, &b));
    if (strcmp(kt_buf_str(&b), canonical) != 0 || strcmp(s.signature, signature) != 0)
        fail_msg("%s:\n%s\n--- should be\n%s", name, kt_buf_str(&b), canonical);
    kt_buf_free(&b);
    kt_keys_free(k);
    json_decref(c);
    free(context);
    free(text);
    free(canonical);
    free(signature);
}

static void the_published_suite_passes(void **state)
{
    (void)state;
    char path[1024];
    const char *root = getenv("KEYTOP_SOURCE");
    snprintf(path, sizeof path, "%s/" SUITE, root ? root : ".");
    DIR *d = opendir(path);
    if (!d) {
        print_message("SKIP the published signing cases: no " SUITE " beside the clone\n");
        skip();
    }
    size_t n = 0;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') {
            run_case(e->d_name);
            n++;
        }
    closedir(d);
    assert_int_equal(n, 38);
}

struct own {
    const char *method, *path, *query, *body, *region, *service, *token;
    bool s3;
    const char *signature;
};

static void expect(const struct own *o)
{
    struct kt_keys *k = kt_keys_new(kt_span_of(id), kt_span_of(secret), kt_span_of(o->token), KT_SPAN_NONE, KT_TIME_NONE);
    struct kt_sign_request r = {
        .method = o->method, .path = kt_span_of(o->path), .query = kt_span_of(o->query), .body = kt_span_of(o->body),
        .header = {{KT_LIT("Host"), KT_LIT("service.example.com")}, {KT_LIT("Content-Type"), KT_LIT("application/x-amz-json-1.1")}},
        .n_header = 2, .region = o->region, .service = o->service, .keys = k,
        .time = kt_time_parse(KT_LIT("2026-08-22T10:20:30Z")), .normalize = !o->s3, .path_once = o->s3, .content_sha256 = o->s3};
    struct kt_signature s;
    assert_true(kt_sign(&r, &s, NULL));
    if (strcmp(s.signature, o->signature) != 0)
        fail_msg("%s %s?%s: %s", o->method, o->path, o->query, s.signature);
    kt_keys_free(k);
}

static void own_cases_agree_with_botocore(void **state)
{
    (void)state;
    static const struct own cases[] = {
#include "tests/unit/aws_sign_cases.h"
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(&cases[i]);
}

static void keys_that_are_none_are_refused(void **state)
{
    (void)state;
    assert_null(kt_keys_new(KT_LIT(""), KT_LIT("s"), KT_SPAN_NONE, KT_SPAN_NONE, KT_TIME_NONE));
    assert_null(kt_keys_new(KT_LIT("AKIA"), KT_SPAN_NONE, KT_SPAN_NONE, KT_SPAN_NONE, KT_TIME_NONE));
    assert_null(kt_keys_new(KT_LIT("AKIA\r\nX: y"), KT_LIT("s"), KT_SPAN_NONE, KT_SPAN_NONE, KT_TIME_NONE));
    assert_null(kt_keys_new(KT_LIT("AKIA"), KT_LIT("s"), KT_LIT("to\nken"), KT_SPAN_NONE, KT_TIME_NONE));
    struct kt_keys *k = kt_keys_new(KT_LIT("AKIA"), KT_LIT("s"), KT_LIT(""), KT_LIT("111122223333"), 5);
    assert_non_null(k);
    assert_false(kt_span_known(k->token));
    assert_string_equal(k->account, "111122223333");
    kt_keys_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_suite_passes),
        cmocka_unit_test(own_cases_agree_with_botocore),
        cmocka_unit_test(keys_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
