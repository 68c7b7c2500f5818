/* CloudTrail records for tests, in the shapes of real ones, from a few facts.
 * All names, accounts, keys and addresses are made up: accounts 1111...,
 * 2222..., addresses of the documentation ranges. Allocation failures abort. */
#ifndef TESTS_SUPPORT_RECORDS_H
#define TESTS_SUPPORT_RECORDS_H
#include <jansson.h>
#include <stdbool.h>

#define RECORD_ACCOUNT "111122223333"

/* What is NULL is left to the shape of the record (record_build), and absent
 * where the shape has no such thing. */
struct record {
    const char *type;    /* userIdentity.type; NULL: IAMUser */
    const char *actor;   /* IAM user's name, or role's; NULL: alice */
    const char *session; /* role's session name; NULL: i-0abc1234def567890 */
    const char *target;  /* requestParameters.userName and the response's; NULL: null parameters */
    const char *error;   /* errorCode; "AccessDenied" gets IAM's own message, which names the target */
    const char *message; /* errorMessage */
    const char *key;     /* the new key's id */
    const char *time;    /* eventTime, RFC 3339 UTC */
    const char *id;      /* eventID */
    const char *agent, *address, *account, *region;
    const char *mfa;     /* "true", "false": the call carries a session; NULL: it does not (IAMUser, Root) */
    bool from_console;
};

/* A CreateAccessKey record. To be released with json_decref. */
json_t *record_build(const struct record *r);
/* Its text on one line, without a newline; to be freed. */
char *record_text(const struct record *r);
/* Sets the value at a dotted path to what `json` spells ("null", "\"x\"",
 * "{}"), making objects on the way; NULL removes it. Returns `root`. */
json_t *record_set(json_t *root, const char *path, const char *json);
/* As text, compact; to be freed. */
char *record_dump(const json_t *root);
#endif
