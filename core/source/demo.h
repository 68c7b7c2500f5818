/* The simulated organization behind `demo:`, for core/source/demo*.c alone.
 *
 * A cast of principals in three accounts; a queue of calls that they will
 * make, each planned by a small script; and a writer that turns a call, when
 * its time has come, into the CloudTrail record it would have left. The writer
 * keeps a ledger of everyone's keys, so that whatever the scripts plan, the
 * records stay consistent: a deleted key is never used, a third one is refused.
 *
 * All chance comes from one generator: the same seed and the same clock give
 * the same bytes. Times are real time in ms. */
#ifndef KT_SOURCE_DEMO_H
#define KT_SOURCE_DEMO_H
#include "base/buf.h"
#include "source/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- who there is (demo_cast.c) ---------------------------------------------- */

enum demo_kind { DEMO_USER, DEMO_ROLE, DEMO_ROOT, DEMO_SERVICE };

struct demo_account {
    const char *id, *region, *bucket, *instance;
};
extern const struct demo_account demo_accounts[];

enum { /* struct demo_principal.groups */
    DEMO_PERSON = 1 << 0,    /* an IAM user with a face */
    DEMO_WORKLOAD = 1 << 1,  /* an IAM user of a program */
    DEMO_CI = 1 << 2,        /* a role that deploys */
    DEMO_SSO = 1 << 3,       /* an Identity Center role */
    DEMO_AWS = 1 << 4,       /* a service of AWS itself */
    DEMO_ROTATES = 1 << 5,   /* its key is replaced now and then */
    DEMO_TWO_KEYS = 1 << 6,  /* has two keys from the start */
    DEMO_ANALYST = 1 << 7,   /* for whom one role makes many keys */
    DEMO_JAVA = 1 << 8,      /* a program that replaces its own key */
    DEMO_KEYLESS = 1 << 9    /* has no key at the start */
};

enum { DEMO_KEY_ID = 20, DEMO_NAMES = 64, DEMO_TEMPORARY = 64 };

struct demo_principal {
    enum demo_kind kind;
    uint8_t account; /* index into demo_accounts */
    uint32_t groups;
    char name[DEMO_NAMES];
    const char *path;              /* "/", "/team/" */
    const char *session;           /* of a role */
    const char *address, *agent;   /* where its calls come from */
    char id[24];                   /* AIDA..., AROA... */
    char keys[2][DEMO_KEY_ID + 1]; /* the newest first; "" where there is none */
    bool retired;                  /* keys[1] is no longer used */
    int64_t busy_until;            /* some script still has to do with its keys */
};

#define DEMO_PRINCIPALS(X)                                                                                       \
    /* production */                                                                                             \
    X(ALICE, USER, 0, "alice", "/", "", "198.51.100.21", CLI_MAC, DEMO_PERSON | DEMO_ROTATES)                    \
    X(BOB, USER, 0, "bob", "/", "", "198.51.100.20", CLI_LINUX, DEMO_PERSON | DEMO_ROTATES)                      \
    X(CARMEN, USER, 0, "carmen", "/", "", "2001:db8:4f:12::3e", CLI_MAC, DEMO_PERSON | DEMO_ROTATES)             \
    X(LEGACY_ADMIN, USER, 0, "legacy-admin", "/", "", "198.51.100.20", CLI_OLD, 0)                               \
    X(CI_PUBLISH, USER, 0, "ci-publish", "/", "", "10.0.12.41", BOTO3, DEMO_WORKLOAD)                            \
    X(SVC_BACKUP, USER, 0, "svc-backup", "/", "", "10.0.3.52", BOTO3, DEMO_WORKLOAD | DEMO_ROTATES)              \
    X(SVC_MAILER, USER, 0, "svc-mailer", "/", "", "10.0.3.60", GO, DEMO_WORKLOAD | DEMO_ROTATES)                 \
    X(SVC_INVOICES, USER, 0, "svc-invoices", "/", "", "10.0.4.18", JAVA, DEMO_WORKLOAD | DEMO_JAVA)              \
    X(SVC_DEPLOY, USER, 0, "svc-deploy", "/", "", "10.0.12.88", BOTO3, DEMO_WORKLOAD | DEMO_ROTATES)             \
    X(SVC_ETL, USER, 0, "svc-legacy-etl", "/", "", "10.0.9.7", CLI_OLD, DEMO_WORKLOAD | DEMO_TWO_KEYS)           \
    X(ROOT_PROD, ROOT, 0, "root", "", "", "203.0.113.40", BROWSER, DEMO_KEYLESS)                                 \
    X(CI_DEPLOY, ROLE, 0, "ci-deploy", "/", "i-0abc1234de56f7890", "10.0.12.88", BOTO3, DEMO_CI)                 \
    X(TERRAFORM, ROLE, 0, "terraform", "/", "aws-go-sdk-1732442291094417000", "10.0.3.17", TERRAFORM, DEMO_CI)   \
    X(ROTATOR, ROLE, 0, "key-rotator", "/service-role/", "key-rotator", "10.0.20.5", LAMBDA, DEMO_CI)            \
    X(DAN, ROLE, 0, "AWSReservedSSO_AdministratorAccess_4be1f09c27a3d865", SSO_PATH, "dan.okafor@example.com",   \
      "203.0.113.40", CLI_MAC, DEMO_SSO)                                                                         \
    X(SAM, ROLE, 0, "AWSReservedSSO_SecurityOperations_90d27c5ab1e6f348", SSO_PATH, "sam.reyes@example.com",     \
      "203.0.113.41", CLI_LINUX, DEMO_SSO)                                                                       \
    X(SCALING, ROLE, 0, "AWSServiceRoleForAutoScaling", "/aws-service-role/autoscaling.amazonaws.com/",          \
      "AutoScaling", "autoscaling.amazonaws.com", SCALING, 0)                                                    \
    /* development */                                                                                            \
    X(JACK, USER, 1, "jack", "/team/", "", "198.51.100.33", CLI_LINUX, DEMO_PERSON)                              \
    X(JACKSON, USER, 1, "jackson", "/", "", "198.51.100.34", CLI_MAC, DEMO_PERSON | DEMO_ROTATES)                \
    X(PRIYA, USER, 1, "priya", "/", "", "2001:db8:4f:12::a7", CLI_MAC, DEMO_PERSON | DEMO_ROTATES)               \
    X(TOMASZ, USER, 1, "tomasz", "/team/", "", "198.51.100.36", CLI_LINUX, DEMO_PERSON | DEMO_ROTATES)           \
    X(EVE, USER, 1, "eve", "/", "", "198.51.100.38", CLI_LINUX, DEMO_PERSON)                                     \
    X(ADMIN, USER, 1, "admin", "/", "", "198.51.100.20", CLI_OLD, 0)                                             \
    X(SVC_CI, USER, 1, "svc-ci", "/", "", "192.0.2.140", GITHUB, DEMO_WORKLOAD | DEMO_ROTATES)                   \
    X(SVC_E2E, USER, 1, "svc-e2e", "/", "", "192.0.2.141", JS, DEMO_WORKLOAD | DEMO_ROTATES)                     \
    X(SVC_METRICS, USER, 1, "svc-metrics", "/", "", "10.1.6.22", GO, DEMO_WORKLOAD | DEMO_ROTATES)               \
    X(ROOT_DEV, ROOT, 1, "root", "", "", "203.0.113.40", BROWSER, DEMO_KEYLESS)                                  \
    X(GITHUB, ROLE, 1, "github-deploy", "/", "GitHubActions", "192.0.2.142", TERRAFORM_OLD, DEMO_CI)             \
    X(GRACE, ROLE, 1, "AWSReservedSSO_AdministratorAccess_c35d8e1f7b06a294", SSO_PATH, "grace.lin@example.com",  \
      "2001:db8:4f:12::5", BROWSER, DEMO_SSO)                                                                    \
    /* data */                                                                                                   \
    X(NADIA, USER, 2, "nadia", "/", "", "203.0.113.77", CLI_MAC, DEMO_PERSON | DEMO_ROTATES)                     \
    X(OLEG, USER, 2, "oleg", "/", "", "203.0.113.78", CLI_WINDOWS, DEMO_PERSON | DEMO_ROTATES)                   \
    X(CASTELLANO, USER, 2, "r.castellano", "/analysts/", "", "203.0.113.81", CLI_MAC, DEMO_ANALYST)              \
    X(DUARTE, USER, 2, "m.duarte", "/analysts/", "", "203.0.113.82", CLI_MAC, DEMO_ANALYST)                      \
    X(LINDQVIST, USER, 2, "h.lindqvist", "/analysts/", "", "203.0.113.83", CLI_MAC, DEMO_ANALYST)                \
    X(TANAKA, USER, 2, "y.tanaka", "/analysts/", "", "203.0.113.84", CLI_WINDOWS, DEMO_ANALYST | DEMO_TWO_KEYS)  \
    X(OSEI, USER, 2, "k.osei", "/analysts/", "", "203.0.113.85", CLI_LINUX, DEMO_ANALYST)                        \
    X(SVC_WAREHOUSE, USER, 2, "svc-warehouse", "/", "", "10.2.8.14", JAVA, DEMO_WORKLOAD | DEMO_JAVA)            \
    X(SVC_REDASH, USER, 2, "svc-redash", "/", "", "10.2.8.31", BOTO3, DEMO_WORKLOAD | DEMO_ROTATES)              \
    X(ROOT_DATA, ROOT, 2, "root", "", "", "203.0.113.40", BROWSER, DEMO_KEYLESS)                                 \
    X(PIPELINE, ROLE, 2, "data-pipeline", "/", "airflow-worker-3", "10.2.8.14", BOTO3, DEMO_CI)                  \
    X(INES, ROLE, 2, "AWSReservedSSO_PowerUserAccess_e7a41c08d95f3b62", SSO_PATH, "ines.moreau@example.com",     \
      "203.0.113.44", BROWSER, DEMO_SSO)                                                                         \
    /* AWS */                                                                                                    \
    X(CLOUDTRAIL, SERVICE, 0, "cloudtrail.amazonaws.com", "", "", "cloudtrail.amazonaws.com", TRAIL, DEMO_AWS)   \
    X(AUTOSCALING, SERVICE, 0, "autoscaling.amazonaws.com", "", "", "autoscaling.amazonaws.com", SCALING, 0)

enum demo_who {
    DEMO_NOBODY = -1,
#define X(id, ...) DEMO_##id,
    DEMO_PRINCIPALS(X)
#undef X
    DEMO_CAST
};
enum { DEMO_CAST_ALL = DEMO_CAST + DEMO_TEMPORARY };

/* User agents are templates of demo_record.c: $C is "iam.create-access-key". */
#define DEMO_AGENTS(X)                                                                                           \
    X(CLI_MAC, "aws-cli/2.17.32 md/awscrt#0.20.11 ua/2.0 os/macos#23.6.0 md/arch#arm64 lang/python#3.11.8 "      \
               "md/pyimpl#CPython cfg/retry-mode#standard md/installer#exe md/prompt#off md/command#$C")         \
    X(CLI_LINUX, "aws-cli/2.27.50 md/awscrt#0.26.1 ua/2.1 os/linux#6.8.0-60-generic md/arch#x86_64 "             \
                 "lang/python#3.13.4 md/pyimpl#CPython m/b,E,Z,g cfg/retry-mode#standard md/installer#exe "      \
                 "md/distrib#ubuntu.24 md/prompt#off md/command#$C")                                             \
    X(CLI_WINDOWS, "aws-cli/2.15.40 Python/3.11.8 Windows/10 exe/AMD64 prompt/off command/$C")                   \
    X(CLI_OLD, "aws-cli/1.29.62 Python/3.9.16 Linux/5.10.227-219.884.amzn2.x86_64 botocore/1.31.62")             \
    X(CLOUDSHELL, "aws-cli/2.17.18 md/awscrt#0.20.11 ua/2.0 os/linux#6.1.102-111.182.amzn2023.x86_64 "           \
                  "md/arch#x86_64 lang/python#3.11.8 md/pyimpl#CPython exec-env/CloudShell "                     \
                  "cfg/retry-mode#standard md/installer#exe md/distrib#amzn.2023 md/prompt#off md/command#$C")   \
    X(BOTO3, "Boto3/1.34.69 md/Botocore#1.34.69 ua/2.0 os/linux#6.1.102-111.182.amzn2023.x86_64 "                \
             "md/arch#x86_64 lang/python#3.11.6 md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.34.69")       \
    X(BOTO3_28, "Boto3/1.28.0 md/Botocore#1.31.0 ua/2.0 os/linux#5.15.0-91-generic md/arch#x86_64 "              \
                "lang/python#3.10.12 md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.31.0")                   \
    X(LAMBDA, "Boto3/1.34.145 md/Botocore#1.34.145 ua/2.0 os/linux#5.10.223-234.885.amzn2.x86_64 "               \
              "md/arch#x86_64 lang/python#3.12.6 md/pyimpl#CPython exec-env/AWS_Lambda_python3.12 "              \
              "cfg/retry-mode#standard Botocore/1.34.145")                                                       \
    X(TERRAFORM, "APN/1.0 HashiCorp/1.0 Terraform/1.9.5 (+https://www.terraform.io) terraform-provider-aws/"     \
                 "5.63.1 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.30.4 ua/2.0 "  \
                 "os/linux lang/go#1.22.6 md/GOOS#linux md/GOARCH#amd64 api/iam#1.35.0")                         \
    X(TERRAFORM_OLD, "APN/1.0 HashiCorp/1.0 Terraform/1.5.7 (+https://www.terraform.io) "                        \
                     "terraform-provider-aws/4.67.0 (+https://registry.terraform.io/providers/hashicorp/aws) "   \
                     "aws-sdk-go/1.44.261 (go1.19.8; linux; amd64) HashiCorp-terraform-exec/0.18.1 "             \
                     "preview-environments/3.2.0 (+https://git.example.com/platform/preview-environments; "      \
                     "module=iam-preview-user; ref=refs/heads/main; runner=github-hosted)")                      \
    X(GITHUB, "aws-sdk-js/3.621.0 ua/2.0 os/linux#6.5.0-1025-azure lang/js md/nodejs#20.13.1 api/sts#3.621.0 "   \
              "configure-aws-credentials-for-github-actions")                                                    \
    X(JS, "aws-sdk-js/3.609.0 ua/2.0 os/linux#6.5.0-1025-azure lang/js md/nodejs#20.13.1 api/s3#3.609.0")        \
    X(GO, "aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5 md/GOOS#linux md/GOARCH#arm64 api/iam#1.34.3")           \
    X(JAVA, "aws-sdk-java/2.25.70 Linux/5.10.223-212.873.amzn2.x86_64 OpenJDK_64-Bit_Server_VM/17.0.12+7-LTS "   \
            "Java/17.0.12 vendor/Amazon.com_Inc. io/sync http/Apache cfg/retry-mode/legacy cfg/auth-source#stat "\
            "md/internal md/scala/2.12.18 md/spark/3.5.1 md/kotlin/1.9.24 md/example-ledger-batch/7.14.2")       \
    X(BROWSER, "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "         \
               "Chrome/131.0.0.0 Safari/537.36")                                                                 \
    X(FIREFOX, "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0")                         \
    X(INTERNAL, "AWS Internal")                                                                                  \
    X(STACK, "cloudformation.amazonaws.com")                                                                     \
    X(TRAIL, "cloudtrail.amazonaws.com")                                                                         \
    X(SCALING, "autoscaling.amazonaws.com")                                                                      \
    X(KALI, "aws-cli/2.15.22 Python/3.11.8 Linux/6.6.9-amd64 source/x86_64.kali.2024 prompt/off command/$C")     \
    X(PACU, "Boto3/1.26.165 Python/3.11.8 Linux/6.5.0-kali3-amd64 Botocore/1.29.165")                            \
    X(S3_BROWSER, "S3 Browser/11.7.5 (https://s3browser.com)")                                                   \
    X(REQUESTS, "python-requests/2.31.0 auth-aws-sigv4/0.7")
#define X(id, text) extern const char demo_agent_##id[];
DEMO_AGENTS(X)
#undef X

/* --- the play ------------------------------------------------------------------ */

#define DEMO_VERBS(X)                                                                                            \
    X(CREATE_KEY) X(DEACTIVATE_KEY) X(DELETE_KEY) X(LIST_KEYS) X(KEY_LAST_USED)                                  \
    X(CREATE_USER) X(DELETE_USER) X(GET_USER) X(LIST_USERS) X(ATTACH_POLICY) X(ATTACH_ADMIN) X(DETACH_POLICY)    \
    X(LIST_POLICIES) X(AUTHORIZATION_DETAILS) X(ACCOUNT_SUMMARY) X(LIST_ROLES)                                   \
    X(CONSOLE_LOGIN) X(WHO_AM_I) X(ASSUME_ROLE) X(ASSUME_ROLE_WEB)                                               \
    X(LIST_BUCKETS) X(BUCKET_ACL) X(BUCKET_LOCATION) X(DESCRIBE_INSTANCES) X(DESCRIBE_GROUPS) X(RUN_INSTANCES)   \
    X(DECRYPT) X(GET_SECRET) X(LIST_SECRETS) X(LOG_GROUPS) X(LOG_STREAM) X(REGISTRY_TOKEN) X(LIST_FUNCTIONS)     \
    X(CREATE_STACK) X(DESCRIBE_STACKS) X(DESCRIBE_TRAILS) X(STOP_LOGGING) X(LOOKUP_EVENTS)
enum demo_verb {
#define X(id) DEMO_DO_##id,
    DEMO_VERBS(X)
#undef X
    DEMO_VERB_COUNT
};

enum demo_error { DEMO_FINE, DEMO_DENIED, DEMO_DENIED_SCP, DEMO_QUOTA, DEMO_NO_SUCH_USER, DEMO_BAD_PASSWORD };

enum { /* struct demo_call.flags */
    DEMO_CONSOLE = 1 << 0,  /* with the console's credentials */
    DEMO_MFA = 1 << 1,
    DEMO_STACK = 1 << 2,    /* CloudFormation calls on the actor's behalf */
    DEMO_UNSAID = 1 << 3,   /* no request parameters: the caller itself is meant */
    DEMO_NEWEST = 1 << 4    /* the newest key is used, or meant, not the older one */
};

struct demo_call {
    int64_t at;
    int64_t since;         /* when its session began; 0: within the last hour */
    uint32_t order;        /* among those of the same time; set by demo_plan */
    enum demo_verb verb;
    int who, target;       /* enum demo_who or a temporary one */
    const char *address, *agent; /* NULL: the actor's own */
    const char *name;      /* the target as it was typed, where that is not its name */
    enum demo_error error; /* planned; the ledger may refuse as well */
    uint32_t flags;
};

enum { DEMO_QUEUE_MAX = 1 << 14, DEMO_DECK_MAX = 64 };

struct demo {
    struct kt_source source;
    const struct kt_clock *clock;
    bool follow;
    bool begun;              /* the past is planned */
    bool live;               /* ... and told */
    bool done;
    uint64_t rng;
    struct demo_principal cast[DEMO_CAST_ALL];
    struct demo_call *queue; /* a heap, the earliest first */
    size_t queued, queue_cap;
    uint32_t order;
    bool full;               /* calls had to be left out */
    /* How slowly people work: 1 in the live part, more in the past. */
    int pace;
    uint8_t deck[DEMO_DECK_MAX];
    size_t deck_len, dealt;
    uint32_t preview;        /* number of the last preview environment */
    uint32_t provisioned;    /* service users made so far */
    size_t attacks;          /* live ones so far */
    int64_t start, last_now;
    int64_t next_chore, next_key, next_attack;
    uint64_t object;
    struct kt_buf out;
    struct kt_health health;
};

/* demo_cast.c: fills d->cast. */
void demo_cast_fill(struct demo *d);
/* A random identifier of that account, as AWS makes them: `prefix` and
 * `chars` of A-Z2-7, of which the first eight or so encode the account. */
void demo_id(uint64_t *rng, const char *prefix, const char *account, size_t chars, char *out, size_t room);
uint64_t demo_hash(const char *text, uint64_t more); /* the same on every run */

/* demo.c: chance and the queue. */
uint64_t demo_random(uint64_t *rng);
uint32_t demo_below(struct demo *d, uint32_t n); /* 0..n-1; n > 0 */
void demo_plan(struct demo *d, struct demo_call c);

/* demo_story.c */
void demo_plan_history(struct demo *d, int64_t now); /* the 24 h before `now` */
void demo_plan_chore(struct demo *d, int64_t at);    /* one ordinary call */
void demo_plan_key(struct demo *d, int64_t at);      /* a key that is made at `at` */
void demo_plan_rotation(struct demo *d, int64_t at); /* the same, with next to no lead-in */
void demo_plan_attack(struct demo *d, int64_t at);
enum { DEMO_LEAD = 15 }; /* seconds that a live script may begin before its key is made */

/* demo_record.c: settles the ledger and appends the record and a newline to
 * d->out. Writes nothing where the call cannot have taken place (its key is
 * gone). */
void demo_write(struct demo *d, const struct demo_call *c);
#endif
