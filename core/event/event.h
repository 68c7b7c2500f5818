/* A record's meaning: one plain struct of what a CloudTrail record says of an
 * access key, each field by its stated rule. Absent facts are unknown
 * (KT_SPAN_NONE, KT_UNKNOWN, KT_TIME_NONE), never guessed.
 *
 * Follows the CloudTrail record reference (userIdentity, requestParameters,
 * responseElements) and IAM's CreateAccessKey. The rules of each field stand
 * beside it; keytop(1) documents them for users. */
#ifndef KT_EVENT_EVENT_H
#define KT_EVENT_EVENT_H
#include "base/arena.h"
#include "base/clock.h"
#include "base/span.h"
#include "base/tree.h"

#include <stdbool.h>
#include <stdint.h>

/* creation: CreateAccessKey of any event source. Of iam.amazonaws.com alone:
 * deactivation and reactivation (UpdateAccessKey to Inactive and Active),
 * deletion (DeleteAccessKey), credential (what makes another long-lived
 * credential: a password for the console, a service-specific credential, an
 * SSH key, a signing certificate). use: any other call that was made with a
 * long-lived access key. UpdateAccessKey that does not say which way, as when
 * it was denied, is none of the two. context: what is never a row, and says
 * why a key matters: a user made, full rights given, a quarantine. other: a
 * call of none of these, that somebody asked for (kt_event_decode_any). */
enum kt_kind {
    KT_KIND_NONE, KT_KIND_CREATION, KT_KIND_MALFORMED, KT_KIND_USE, KT_KIND_DEACTIVATION, KT_KIND_REACTIVATION,
    KT_KIND_DELETION, KT_KIND_CREDENTIAL, KT_KIND_CONTEXT, KT_KIND_OTHER, KT_KIND_COUNT
};
#define KT_KIND_BIT(k) (1u << (k))
enum {
    KT_KINDS_ALL = (1u << KT_KIND_COUNT) - 1 - KT_KIND_BIT(KT_KIND_NONE) - KT_KIND_BIT(KT_KIND_MALFORMED) -
                   KT_KIND_BIT(KT_KIND_CONTEXT) - KT_KIND_BIT(KT_KIND_OTHER)
};
/* Nothing but a call: of no one, and no credential came of it. */
static inline bool kt_kind_is_call(enum kt_kind k)
{
    return k == KT_KIND_USE || k == KT_KIND_OTHER;
}
/* created (creation, credential), done (all others): no errorCode; denied:
 * AccessDenied and its like; failed: other errors */
enum kt_result { KT_RESULT_UNKNOWN, KT_RESULT_CREATED, KT_RESULT_DENIED, KT_RESULT_FAILED, KT_RESULT_DONE };
/* Of kind context, where the call succeeded:
 * user    CreateUser
 * admin   AttachUserPolicy, AttachRolePolicy, AttachGroupPolicy of
 *         AdministratorAccess or IAMFullAccess; PutUserPolicy, PutRolePolicy,
 *         PutGroupPolicy of a document that allows * or iam:* on *
 * member  AddUserToGroup
 * quarantine  AttachUserPolicy of AWSCompromisedKeyQuarantine*, PutUserPolicy
 *         of a policy of that name or of AWSExposedCredentialPolicy* */
enum kt_context_what {
    KT_CONTEXT_NONE, KT_CONTEXT_USER, KT_CONTEXT_ADMIN, KT_CONTEXT_MEMBER, KT_CONTEXT_QUARANTINE
};
enum kt_tri { KT_UNKNOWN, KT_NO, KT_YES };
enum kt_target_from { KT_TARGET_NONE, KT_TARGET_RESPONSE, KT_TARGET_REQUEST, KT_TARGET_ERROR, KT_TARGET_CALLER };
enum kt_address_kind { KT_ADDRESS_UNKNOWN, KT_ADDRESS_IP, KT_ADDRESS_SERVICE, KT_ADDRESS_INTERNAL };
enum kt_agent_class {
    KT_AGENT_UNKNOWN, KT_AGENT_CONSOLE, KT_AGENT_CLI, KT_AGENT_SDK, KT_AGENT_IAC, KT_AGENT_CLOUDSHELL,
    KT_AGENT_BROWSER, KT_AGENT_SERVICE, KT_AGENT_ATTACK_TOOL
};

enum { /* kt_event.flags: what a reader must know of the record itself */
    KT_FLAG_REPAIRED = 1 << 0,           /* "repaired": text was not valid; replaced by U+FFFD */
    KT_FLAG_OMITTED = 1 << 1,            /* "omitted": CloudTrail left fields out for size */
    KT_FLAG_CONFLICT = 1 << 2,           /* "conflict": another record has this eventID */
    KT_FLAG_NON_ASCII_IDENTITY = 1 << 3, /* "non-ascii-identity": IAM cannot produce it */
    KT_FLAG_HIDDEN_TEXT = 1 << 4,        /* "hidden-text": control, bidi, zero-width, tags */
    KT_FLAG_ADDENDUM = 1 << 5,           /* "addendum": CloudTrail's own late correction */
    KT_FLAG_OTHER_SOURCE = 1 << 6,       /* "other-event-source": not iam.amazonaws.com */
    KT_FLAG_NO_EVENT_ID = 1 << 7,        /* "no-event-id": told apart by content alone */
    KT_FLAG_NO_TIME = 1 << 8,            /* "no-time": eventTime missing or not a date */
    KT_FLAG_DUPLICATE_KEYS = 1 << 9,     /* "duplicate-keys": a JSON key twice, the last counts */
    KT_FLAG_REDACTED = 1 << 10,          /* "redacted": it held a secret, which is not kept */
    KT_FLAG_COUNT = 11,
    /* Not printed: it is of no kind that is shown, and was read because all
     * that somebody did was asked for. The store keeps it from the table. */
    KT_FLAG_ASKED = 1 << 15
};
/* The flag's name as printed; NULL for one that is not printed. */
const char *kt_flag_name(uint32_t single_flag);

struct kt_agent {
    struct kt_span text;    /* userAgent as it stands */
    struct kt_span tool;    /* "boto3", "aws-cli", "terraform", ... */
    struct kt_span version; /* of that tool */
    struct kt_span os;      /* "linux", "macos", "windows", "kali", ... */
    enum kt_agent_class cls;
};

struct kt_event {
    enum kt_kind kind;
    int64_t time; /* eventTime */
    struct kt_span event_id, event_name, event_source;
    enum kt_result result;
    struct kt_span error_code, error_message;
    struct {
        struct kt_span type;    /* userIdentity.type as it stands */
        struct kt_span name;    /* user; role's own name; "root"; a service's invokedBy */
        struct kt_span arn, account, principal_id;
        struct kt_span session; /* a role's session name */
        struct kt_span access_key_id;
        enum kt_tri mfa;        /* unknown where the call carried no session */
        struct kt_span via;     /* invokedBy, or the service named as address */
    } actor;
    struct {
        struct kt_span name, account;
        enum kt_tri self;       /* same account and exactly equal names */
        enum kt_target_from from;
    } target;
    struct {                    /* the credential that it is about; of a use, the key that made the call */
        struct kt_span id, status; /* status: made or set to; unknown for uses and deletions */
        int64_t created;
    } key;
    struct {
        struct kt_span address;
        enum kt_address_kind kind;
    } source;
    struct kt_agent agent;
    struct {                    /* of kind context */
        enum kt_context_what what;
        struct kt_span user, role, group; /* whom it is about, in `account` */
    } context;
    struct kt_span account, region; /* recipientAccountId (else userIdentity's), awsRegion */
    uint32_t flags;
};

/* Decodes `root`, an object. All spans point into `a`, are borrowed from
 * `root`, or are literals; they live as long as both. KT_KIND_NONE where the
 * record is of no kind that keytop shows. `record_flags` are kt_record.flags.
 * Secrets in `root` are overwritten first (kt_event_redact): what is to be
 * kept or shown of a record is to be taken from `root` afterwards. */
void kt_event_decode(struct kt_node *root, uint32_t record_flags, struct kt_arena *a, struct kt_event *out);
/* The same, but that a record of no such kind is decoded as one of kind other.
 * KT_KIND_NONE only where it has no eventName. */
void kt_event_decode_any(struct kt_node *root, uint32_t record_flags, struct kt_arena *a, struct kt_event *out);

/* Overwrites the values of secretAccessKey, sessionToken, password and their
 * like, at any depth, with "***". Returns whether there was one. Values that
 * CloudTrail itself has hidden, and null, stay. */
bool kt_event_redact(struct kt_node *root);

/* What an event of another kind is besides: a use of the long-lived key that
 * made the call. False, and nothing changed, where it was made with none. */
bool kt_event_as_use(struct kt_event *ev);
/* What is never a row becomes a use, or a call of kind other. */
void kt_event_as_call(struct kt_event *ev);
/* Does this id name a long-lived access key (AKIA...)? */
bool kt_event_long_lived(struct kt_span access_key_id);

/* The rules of single fields, for who has these fields without the record. */
enum kt_result kt_event_result(struct kt_span error_code, enum kt_kind kind); /* empty: no error */
enum kt_address_kind kt_event_address_kind(struct kt_span address);
struct kt_span kt_event_arn_account(struct kt_span arn);
/* actor.name of a call made with a long-lived key */
struct kt_span kt_event_caller(struct kt_span type, struct kt_span user_name, struct kt_span arn);

/* What a record's bytes must hold to be of one of `kinds` (bits of
 * KT_KIND_BIT): event names, and for uses the beginning of a key's id. Writes
 * at most KT_EVENT_NAMES of them and returns how many. */
enum { KT_EVENT_NAMES = 24 };
size_t kt_event_names(unsigned kinds, const char *out[KT_EVENT_NAMES]);

/* Reads a user agent alone; `from_console` is sessionCredentialFromConsole.
 * `via` is actor.via: where the text says nothing, the service that called
 * does. A user agent is chosen by the caller: a hint, never a proof. Only its
 * first KT_AGENT_READ bytes are looked at. Spans borrow from `text`, `a`, or
 * are literals. */
enum { KT_AGENT_READ = 4096 };
void kt_agent_parse(struct kt_span text, bool from_console, struct kt_span via, struct kt_arena *a,
                    struct kt_agent *out);

/* The value at a dotted path ("userIdentity.sessionContext.sessionIssuer.arn");
 * a key that itself holds dots is tried whole first. NULL where absent. List
 * items are reached by number. */
struct kt_node *kt_json_path(struct kt_node *root, struct kt_span path);
/* A value as text: strings as they are, numbers and true/false/null as JSON
 * spells them, containers as compact JSON. Unknown for NULL. */
struct kt_span kt_json_text(struct kt_node *v, struct kt_arena *a);

const char *kt_kind_name(enum kt_kind k);
/* By name; KT_KIND_NONE where there is none, or none to ask for. */
enum kt_kind kt_kind_find(struct kt_span name);
const char *kt_result_name(enum kt_result r);           /* NULL: unknown */
const char *kt_target_from_name(enum kt_target_from f); /* NULL: none */
const char *kt_address_kind_name(enum kt_address_kind k);
const char *kt_agent_class_name(enum kt_agent_class c);
#endif
