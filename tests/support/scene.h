/* Scenes: a handful of calls in the shape of CloudTrail's records, put to the
 * judge in any order, and what it makes of the keys in the end. All names,
 * accounts and addresses are made up. Failures of memory abort. */
#ifndef TESTS_SUPPORT_SCENE_H
#define TESTS_SUPPORT_SCENE_H
#include "judge.h"

#include <stdint.h>

#define SCENE_ACCOUNT "111122223333"
#define SCENE_DAY 86400
#define SCENE_MAX 64

/* What is NULL is left out, or usual: iam.amazonaws.com, 198.51.100.20, an
 * aws-cli on Linux. */
struct scene_call {
    int at;              /* seconds from the scene's beginning */
    const char *name;    /* eventName */
    const char *who;     /* "alice", "role/ci", "root" */
    const char *key;     /* accessKeyId of the caller; a user without one has a session */
    const char *user;    /* requestParameters.userName; of CreateAccessKey the response's too */
    const char *makes;   /* the new key's id; of Update/DeleteAccessKey: which */
    const char *params;  /* the rest of requestParameters, as JSON without braces */
    const char *error;   /* errorCode */
    const char *address, *agent, *source, *session, *mfa, *account, *invoked_by;
    bool console;
};
/* The record's JSON; its eventID is a UUID made of `number`. To be freed. */
char *scene_record(const struct scene_call *c, int number);

struct scene {
    struct kt_store *store;
    struct kt_judge *judge;
    struct kt_arena *arena;
};
void scene_begin(struct scene *s, const struct kt_rules *rules, const struct kt_places *places);
void scene_end(struct scene *s);
/* One record comes in, as the engine would have it; judged at once where asked. */
void scene_tell(struct scene *s, const char *record, bool at_once);
/* All that is left to be judged is. */
void scene_settle(struct scene *s);
/* The row of the record with this number, settled. False: it is none. Good
 * until the next one. */
bool scene_row(struct scene *s, int number, struct kt_row *out);
bool scene_has(const struct kt_verdict *v, const char *signal);
#endif
