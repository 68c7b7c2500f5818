/* demo: from a call to its CloudTrail record.
 *
 * Records are written from templates: an apostrophe stands for a quotation
 * mark, $ and a letter for a fact of the scene (fact(), part() and chance()
 * below say which). No value that is filled in needs escaping: all of them
 * are ours, and the tests parse every record. */
#include "source/demo.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { READ = 1 << 0, GLOBAL = 1 << 1 /* answered in us-east-1 */ };

struct verb {
    const char *service, *name;
    uint32_t flags;
    const char *request, *response; /* NULL: null */
    const char *extra;              /* further members, after readOnly */
};

#define FOR_TARGET "{'userName':'$t'}"
#define RESOURCE_ROLE ",'resources':[{'accountId':'$a','type':'AWS::IAM::Role','ARN':'arn:aws:iam::$a:role$Q$t'}]"
#define RESOURCE_BUCKET ",'resources':[{'accountId':'$a','type':'AWS::S3::Bucket','ARN':'arn:aws:s3:::$b'}]"
#define BUCKET(what) "{'bucketName':'$b','Host':'$h'," what "}"
#define MADE_KEY "'accessKeyId':'$k','status':'Active',"
#define ROLE_GIVEN                                                                                        \
    "{'credentials':{'accessKeyId':'$K','sessionToken':'IQoJb3JpZ2luX2VjE$j','expiration':'$X'},"         \
    "'assumedRoleUser':{'assumedRoleId':'$i:$z','arn':'arn:aws:sts::$a:assumed-role/$t/$z'}$W}"
#define POLICY(name) "{'userName':'$t','policyArn':'arn:aws:iam::aws:policy/" name "'}"

static const struct verb verbs[DEMO_VERB_COUNT] = {
    [DEMO_DO_CREATE_KEY] = {"iam", "CreateAccessKey", GLOBAL, FOR_TARGET,
                            "{'accessKey':{" MADE_KEY "'userName':'$t','createDate':'$D'}}", NULL},
    [DEMO_DO_DEACTIVATE_KEY] = {"iam", "UpdateAccessKey", GLOBAL,
                                "{$f'status':'Inactive','accessKeyId':'$k'}", NULL, NULL},
    [DEMO_DO_DELETE_KEY] = {"iam", "DeleteAccessKey", GLOBAL, "{$f'accessKeyId':'$k'}", NULL, NULL},
    [DEMO_DO_LIST_KEYS] = {"iam", "ListAccessKeys", READ | GLOBAL, FOR_TARGET, NULL, NULL},
    [DEMO_DO_KEY_LAST_USED] = {"iam", "GetAccessKeyLastUsed", READ | GLOBAL, "{'accessKeyId':'$k'}", NULL, NULL},
    [DEMO_DO_CREATE_USER] = {"iam", "CreateUser", GLOBAL, "{'path':'$Q','userName':'$t'}",
                             "{'user':{'path':'$Q','userName':'$t','userId':'$i','arn':'arn:aws:iam::$a:user$Q$t',"
                             "'createDate':'$D'}}", NULL},
    [DEMO_DO_DELETE_USER] = {"iam", "DeleteUser", GLOBAL, FOR_TARGET, NULL, NULL},
    [DEMO_DO_GET_USER] = {"iam", "GetUser", READ | GLOBAL, FOR_TARGET, NULL, NULL},
    [DEMO_DO_LIST_USERS] = {"iam", "ListUsers", READ | GLOBAL, "{'maxItems':1000}", NULL, NULL},
    [DEMO_DO_ATTACH_POLICY] = {"iam", "AttachUserPolicy", GLOBAL, POLICY("AmazonS3ReadOnlyAccess"), NULL, NULL},
    [DEMO_DO_ATTACH_ADMIN] = {"iam", "AttachUserPolicy", GLOBAL, POLICY("AdministratorAccess"), NULL, NULL},
    [DEMO_DO_DETACH_POLICY] = {"iam", "DetachUserPolicy", GLOBAL, POLICY("AmazonS3ReadOnlyAccess"), NULL, NULL},
    [DEMO_DO_LIST_POLICIES] = {"iam", "ListAttachedUserPolicies", READ | GLOBAL, FOR_TARGET, NULL, NULL},
    [DEMO_DO_AUTHORIZATION_DETAILS] = {"iam", "GetAccountAuthorizationDetails", READ | GLOBAL, NULL, NULL, NULL},
    [DEMO_DO_ACCOUNT_SUMMARY] = {"iam", "GetAccountSummary", READ | GLOBAL, NULL, NULL, NULL},
    [DEMO_DO_LIST_ROLES] = {"iam", "ListRoles", READ | GLOBAL, NULL, NULL, NULL},
    [DEMO_DO_CONSOLE_LOGIN] = {"signin", "ConsoleLogin", GLOBAL, NULL, NULL, NULL},
    [DEMO_DO_WHO_AM_I] = {"sts", "GetCallerIdentity", READ, NULL, NULL, NULL},
    [DEMO_DO_ASSUME_ROLE] = {"sts", "AssumeRole", READ,
                             "{'roleArn':'arn:aws:iam::$a:role$Q$t','roleSessionName':'$z','durationSeconds':3600}",
                             ROLE_GIVEN, RESOURCE_ROLE},
    [DEMO_DO_ASSUME_ROLE_WEB] = {"sts", "AssumeRoleWithWebIdentity", READ,
                                 "{'roleArn':'arn:aws:iam::$a:role$Q$t','roleSessionName':'$z'}", ROLE_GIVEN,
                                 RESOURCE_ROLE},
    [DEMO_DO_LIST_BUCKETS] = {"s3", "ListBuckets", READ, "{'Host':'s3.amazonaws.com'}", NULL, NULL},
    [DEMO_DO_BUCKET_ACL] = {"s3", "GetBucketAcl", READ, BUCKET("'acl':''"), NULL, RESOURCE_BUCKET},
    [DEMO_DO_BUCKET_LOCATION] = {"s3", "GetBucketLocation", READ, BUCKET("'location':''"), NULL, RESOURCE_BUCKET},
    [DEMO_DO_DESCRIBE_INSTANCES] = {"ec2", "DescribeInstances", READ,
                                    "{'instancesSet':{'items':[{'instanceId':'$I'}]},'filterSet':{}}", NULL, NULL},
    [DEMO_DO_DESCRIBE_GROUPS] = {"ec2", "DescribeSecurityGroups", READ,
                                 "{'securityGroupSet':{},'securityGroupIdSet':{},'filterSet':{}}", NULL, NULL},
    [DEMO_DO_RUN_INSTANCES] = {"ec2", "RunInstances", 0,
                               "{'instancesSet':{'items':[{'imageId':'ami-0c1f5a3d7e9b24680','minCount':1,"
                               "'maxCount':1}]},'instanceType':'t4g.small'}",
                               "{'requestId':'$g','instancesSet':{'items':[{'instanceId':'$I',"
                               "'instanceState':{'code':0,'name':'pending'}}]}}", NULL},
    [DEMO_DO_DECRYPT] = {"kms", "Decrypt", READ,
                         "{'encryptionAlgorithm':'SYMMETRIC_DEFAULT','encryptionContext':{'service':'ledger'}}",
                         NULL, NULL},
    [DEMO_DO_GET_SECRET] = {"secretsmanager", "GetSecretValue", READ, "{'secretId':'ledger/database'}", NULL, NULL},
    [DEMO_DO_LIST_SECRETS] = {"secretsmanager", "ListSecrets", READ, "{'maxResults':100}", NULL, NULL},
    [DEMO_DO_LOG_GROUPS] = {"logs", "DescribeLogGroups", READ, "{'limit':50}", NULL, NULL},
    [DEMO_DO_LOG_STREAM] = {"logs", "CreateLogStream", 0,
                            "{'logGroupName':'/aws/lambda/thumbnails','logStreamName':'worker/$G'}", NULL, NULL},
    [DEMO_DO_REGISTRY_TOKEN] = {"ecr", "GetAuthorizationToken", READ, NULL, NULL, NULL},
    [DEMO_DO_LIST_FUNCTIONS] = {"lambda", "ListFunctions20150331", READ, "{'maxItems':50}", NULL, NULL},
    [DEMO_DO_CREATE_STACK] = {"cloudformation", "CreateStack", 0,
                              "{'stackName':'$t-user','capabilities':['CAPABILITY_NAMED_IAM']}",
                              "{'stackId':'arn:aws:cloudformation:$R:$a:stack/$t-user/$g'}", NULL},
    [DEMO_DO_DESCRIBE_STACKS] = {"cloudformation", "DescribeStacks", READ, NULL, NULL, NULL},
    [DEMO_DO_DESCRIBE_TRAILS] = {"cloudtrail", "DescribeTrails", READ,
                                 "{'includeShadowTrails':true,'trailNameList':[]}", NULL, NULL},
    [DEMO_DO_STOP_LOGGING] = {"cloudtrail", "StopLogging", 0, "{'name':'org-trail'}", NULL, NULL},
    [DEMO_DO_LOOKUP_EVENTS] = {"cloudtrail", "LookupEvents", READ,
                               "{'lookupAttributes':[{'attributeKey':'EventName',"
                               "'attributeValue':'CreateAccessKey'}]}", NULL, NULL},
};

#define RECORD                                                                                            \
    "{'eventVersion':'$v','userIdentity':{$u},'eventTime':'$T','eventSource':'$e.amazonaws.com',"         \
    "'eventName':'$N','awsRegion':'$R','sourceIPAddress':'$A','userAgent':'$U'$x,'requestParameters':$q," \
    "'responseElements':$o$d,'requestID':'$y','eventID':'$g','readOnly':$r$E,'eventType':'AwsApiCall',"   \
    "'managementEvent':true,'recipientAccountId':'$a','eventCategory':'Management'$l$O}\n"
/* A sign-in has no request, no session yet and a type of its own. */
#define SIGN_IN                                                                                           \
    "{'eventVersion':'$v','userIdentity':{$u},'eventTime':'$T','eventSource':'$e.amazonaws.com',"         \
    "'eventName':'$N','awsRegion':'$R','sourceIPAddress':'$A','userAgent':'$U'$x,"                        \
    "'requestParameters':null,'responseElements':{'ConsoleLogin':'$L'},'additionalEventData':{'LoginTo':" \
    "'https://console.aws.amazon.com/console/home','MobileVersion':'No','MFAUsed':'$M'},'eventID':'$g',"  \
    "'readOnly':false,'eventType':'AwsConsoleSignIn','managementEvent':true,'recipientAccountId':'$a',"   \
    "'eventCategory':'Management'$l}\n"

#define SESSION ",'sessionContext':{'attributes':{'creationDate':'$s','mfaAuthenticated':'$m'}}"
#define ROLE_SESSION                                                                                      \
    ",'sessionContext':{'sessionIssuer':{'type':'Role','principalId':'$p',"                               \
    "'arn':'arn:aws:iam::$a:role$P$n','accountId':'$a','userName':'$n'},$F"                               \
    "'attributes':{'creationDate':'$s','mfaAuthenticated':'false'}$2}"
#define GITHUB_PROVIDER "arn:aws:iam::$a:oidc-provider/token.actions.githubusercontent.com"

/* What is known while one record is written. */
struct scene {
    struct demo *d;
    const struct demo_call *call;
    const struct verb *verb;
    const struct demo_principal *actor, *target; /* target: the actor where none is named */
    const struct demo_account *account;
    enum demo_error error;
    bool session;                         /* the call is made with temporary credentials */
    int64_t since;
    char key[DEMO_KEY_ID + 1];            /* the one made, changed or asked about */
    char credential[DEMO_KEY_ID + 1], given[DEMO_KEY_ID + 1];
    char time[KT_TIME_TEXT], since_time[KT_TIME_TEXT], date[48], expiration[48], command[64], host[96];
};

/* --- the ledger ------------------------------------------------------------------ */

static bool key_in_use(const struct demo_principal *p, bool newest, char out[DEMO_KEY_ID + 1])
{
    const char *key = p->keys[1][0] && !p->retired && !newest ? p->keys[1] : p->keys[0];
    memcpy(out, key, DEMO_KEY_ID + 1);
    return out[0];
}

static void make_key(struct scene *s, struct demo_principal *p)
{
    demo_id(&s->d->rng, "AKIA", s->account->id, 16, s->key, sizeof s->key);
    memcpy(p->keys[1], p->keys[0], sizeof p->keys[1]);
    memcpy(p->keys[0], s->key, sizeof s->key);
    p->retired = false;
}

/* The key that is to be switched off or deleted: the older of two, or the
 * newest where the call says so. */
static bool end_key(struct scene *s, struct demo_principal *p)
{
    bool newest = s->call->flags & DEMO_NEWEST;
    memcpy(s->key, newest ? p->keys[0] : p->keys[1], sizeof s->key);
    if (!s->key[0])
        return false;
    if (s->call->verb == DEMO_DO_DEACTIVATE_KEY) {
        p->retired = p->retired || !newest;
        return true;
    }
    if (newest)
        memcpy(p->keys[0], p->keys[1], sizeof p->keys[0]);
    p->keys[1][0] = '\0';
    p->retired = false;
    return true;
}

/* Takes the call to the ledger: false where it cannot be. */
static bool settle(struct scene *s)
{
    struct demo_principal *p = &s->d->cast[s->call->target >= 0 ? s->call->target : s->call->who];
    switch (s->call->verb) {
    case DEMO_DO_CREATE_KEY:
        if (s->error == DEMO_FINE && p->keys[1][0])
            s->error = DEMO_QUOTA;
        if (s->error == DEMO_FINE)
            make_key(s, p);
        return true;
    case DEMO_DO_DEACTIVATE_KEY:
    case DEMO_DO_DELETE_KEY:
        return end_key(s, p);
    case DEMO_DO_KEY_LAST_USED:
        return key_in_use(p, s->call->flags & DEMO_NEWEST, s->key);
    default:
        return true;
    }
}

/* --- who calls ------------------------------------------------------------------- */

/* A session is told by its principal and its beginning. */
static void session_key(const struct demo_principal *p, int64_t since, char out[DEMO_KEY_ID + 1])
{
    uint64_t rng = demo_hash(p->name, (uint64_t)(since / 1000) * 4 + p->account);
    demo_id(&rng, "ASIA", demo_accounts[p->account].id, 16, out, DEMO_KEY_ID + 1);
}

static bool identify(struct scene *s)
{
    const struct demo_call *c = s->call;
    s->since = c->since;
    if (!s->since) {
        int64_t seconds = c->at / 1000;
        s->since = (seconds - (seconds + (int64_t)(demo_hash(s->actor->name, 0) % 3600)) % 3600) * 1000;
    }
    s->session = s->actor->kind == DEMO_ROLE || (c->flags & (DEMO_CONSOLE | DEMO_STACK));
    if (s->actor->kind == DEMO_SERVICE || c->verb == DEMO_DO_CONSOLE_LOGIN || c->verb == DEMO_DO_ASSUME_ROLE_WEB)
        return true;
    if (s->session) {
        session_key(s->actor, s->since, s->credential);
        return true;
    }
    return key_in_use(s->actor, c->flags & DEMO_NEWEST, s->credential);
}

/* --- texts ----------------------------------------------------------------------- */

/* "iam.create-access-key" */
static void command_name(struct scene *s)
{
    size_t n = (size_t)snprintf(s->command, sizeof s->command, "%s.", s->verb->service), start = n;
    for (const char *p = s->verb->name; *p && n + 2 < sizeof s->command; p++) {
        if (isupper((unsigned char)*p) && n > start)
            s->command[n++] = '-';
        s->command[n++] = (char)tolower((unsigned char)*p);
    }
    s->command[n] = '\0';
}

/* IAM and STS have changed how they write a date: newer records have a comma
 * after the year and a narrow no-break space before AM or PM. */
static void long_date(int64_t t, bool newer, char *out, size_t room)
{
    static const char months[] = "Jan\0Feb\0Mar\0Apr\0May\0Jun\0Jul\0Aug\0Sep\0Oct\0Nov\0Dec";
    struct kt_civil c = kt_civil_of(t);
    snprintf(out, room, "%s %d, %04d%s %d:%02d:%02d%s%s", months + 4 * (c.month - 1), c.day, c.year,
             newer ? "," : "", c.hour % 12 ? c.hour % 12 : 12, c.minute, c.second, newer ? "\u202f" : " ",
             c.hour < 12 ? "AM" : "PM");
}

static bool newest_version(const struct scene *s)
{
    return s->actor->account == 0;
}

static void fill_texts(struct scene *s)
{
    bool newer = newest_version(s);
    kt_time_format(s->call->at / 1000 * 1000, s->time);
    kt_time_format(s->since / 1000 * 1000, s->since_time);
    long_date(s->call->at, newer, s->date, sizeof s->date);
    long_date(s->call->at + 3600000, newer, s->expiration, sizeof s->expiration);
    command_name(s);
    const char *service = s->verb->service, *region = s->account->region;
    if (strcmp(service, "s3") == 0 && s->call->verb != DEMO_DO_LIST_BUCKETS)
        snprintf(s->host, sizeof s->host, "%s.s3.%s.amazonaws.com", s->account->bucket, region);
    else if ((s->verb->flags & GLOBAL) || strcmp(service, "s3") == 0)
        snprintf(s->host, sizeof s->host, "%s.%s", service, *service == 's' && service[1] == 'i' ?
                 "aws.amazon.com" : "amazonaws.com");
    else
        snprintf(s->host, sizeof s->host, "%s.%s.amazonaws.com", service, region);
}

/* --- the templates' letters -------------------------------------------------------- */

/* A fact that is one plain text; NULL where the letter means no such one. */
static const char *fact(const struct scene *s, char letter)
{
    static const char *const versions[] = {"1.11", "1.10", "1.09"};
    uint32_t flags = s->call->flags;
    switch (letter) {
    case 'a': return s->account->id;
    case 'b': return s->account->bucket;
    case 'c': return s->credential;
    case 'e': return s->verb->service;
    case 'h': return s->host;
    case 'i': return s->target->id;
    case 'k': return s->key;
    case 'm': return flags & DEMO_MFA ? "true" : "false";
    case 'n': return s->actor->name;
    case 'p': return s->actor->kind == DEMO_ROOT ? s->account->id : s->actor->id;
    case 'r': return s->verb->flags & READ ? "true" : "false";
    case 's': return s->since_time;
    case 't': return s->call->name ? s->call->name : s->target->name;
    case 'v': return versions[s->actor->account];
    case 'z': return s->target->session;
    case 'A': return s->call->address ? s->call->address : s->actor->address;
    case 'C': return s->command;
    case 'D': return s->date;
    case 'I': return s->account->instance;
    case 'K': return s->given;
    case 'L': return s->error == DEMO_FINE ? "Success" : "Failure";
    case 'M': return flags & DEMO_MFA ? "Yes" : "No";
    case 'N': return s->verb->name;
    case 'P': return s->actor->path;
    case 'Q': return s->target->path;
    case 'R': return s->verb->flags & GLOBAL ? "us-east-1" : s->account->region;
    case 'S': return s->actor->session;
    case 'T': return s->time;
    case 'X': return s->expiration;
    default: return NULL;
    }
}

static const char *identity(const struct scene *s)
{
    bool signing_in = s->call->verb == DEMO_DO_CONSOLE_LOGIN;
    if (s->call->verb == DEMO_DO_ASSUME_ROLE_WEB)
        return "'type':'WebIdentityUser','principalId':'" GITHUB_PROVIDER
               ":sts.amazonaws.com:repo:example-org/platform:ref:refs/heads/main',"
               "'userName':'repo:example-org/platform:ref:refs/heads/main','identityProvider':'" GITHUB_PROVIDER "'";
    switch (s->actor->kind) {
    case DEMO_SERVICE:
        return "'type':'AWSService','invokedBy':'$n'";
    case DEMO_ROLE:
        return "'type':'AssumedRole','principalId':'$p:$S','arn':'$w','accountId':'$a','accessKeyId':'$c'"
               ROLE_SESSION "$3$B";
    case DEMO_ROOT:
        if (signing_in)
            return "'type':'Root','principalId':'$a','arn':'$w','accountId':'$a','accessKeyId':''";
        return s->session ? "'type':'Root','principalId':'$a','arn':'$w','accountId':'$a','accessKeyId':'$c'" SESSION
                          : "'type':'Root','principalId':'$a','arn':'$w','accountId':'$a','accessKeyId':'$c'";
    case DEMO_USER:
        break;
    }
    if (signing_in)
        return "'type':'IAMUser','principalId':'$p','arn':'$w','accountId':'$a','userName':'$n'";
    return s->session ? "'type':'IAMUser','principalId':'$p','arn':'$w','accountId':'$a','accessKeyId':'$c',"
                        "'userName':'$n'" SESSION "$B"
                      : "'type':'IAMUser','principalId':'$p','arn':'$w','accountId':'$a','accessKeyId':'$c',"
                        "'userName':'$n'";
}

static const char *actor_arn(const struct scene *s)
{
    return s->actor->kind == DEMO_ROLE ? "arn:aws:sts::$a:assumed-role/$n/$S" :
           s->actor->kind == DEMO_ROOT ? "arn:aws:iam::$a:root" : "arn:aws:iam::$a:user$P$n";
}

#define DENIED ",'errorCode':'AccessDenied','errorMessage':'User: $w is not authorized to perform: $e:$N on " \
               "resource: user $t "
static const char *error_text(const struct scene *s)
{
    switch (s->error) {
    case DEMO_FINE: break;
    case DEMO_DENIED: return DENIED "because no identity-based policy allows the $e:$N action'";
    case DEMO_DENIED_SCP: return DENIED "with an explicit deny in a service control policy'";
    case DEMO_QUOTA: return ",'errorCode':'LimitExceededException','errorMessage':"
                            "'Cannot exceed quota for AccessKeysPerUser: 2'";
    case DEMO_NO_SUCH_USER: return ",'errorCode':'NoSuchEntityException','errorMessage':"
                                   "'The user with name $t cannot be found.'";
    case DEMO_BAD_PASSWORD: return ",'errorMessage':'Failed authentication'";
    }
    return "";
}

static const char *request(const struct scene *s)
{
    bool untold = (s->call->flags & DEMO_UNSAID) || s->error == DEMO_DENIED || s->error == DEMO_DENIED_SCP;
    return untold || !s->verb->request ? "null" : s->verb->request;
}

static const char *response(const struct scene *s)
{
    if (s->error != DEMO_FINE || !s->verb->response)
        return "null";
    if (s->call->verb == DEMO_DO_CREATE_KEY && s->target->kind == DEMO_ROOT)
        return "{'accessKey':{" MADE_KEY "'createDate':'$D'}}"; /* root has no user name */
    return s->verb->response;
}

static const char *tls(const struct scene *s)
{
    if (s->actor->kind == DEMO_SERVICE || (s->call->flags & DEMO_STACK) || s->call->who == DEMO_SCALING)
        return ""; /* AWS's own calls say nothing of it */
    return newest_version(s) ? ",'tlsDetails':{'tlsVersion':'TLSv1.3','cipherSuite':'TLS_AES_128_GCM_SHA256',"
                               "'clientProvidedHostHeader':'$h','keyExchange':'X25519MLKEM768'}"
                             : ",'tlsDetails':{'tlsVersion':'TLSv1.3','cipherSuite':'TLS_AES_128_GCM_SHA256',"
                               "'clientProvidedHostHeader':'$h'}";
}

/* A part that is a template itself; NULL where the letter means none. */
static const char *part(const struct scene *s, char letter)
{
    bool on_instance = s->call->who == DEMO_CI_DEPLOY, s3 = !strcmp(s->verb->service, "s3");
    switch (letter) {
    case 'd': return s3 ? ",'additionalEventData':{'SignatureVersion':'SigV4','CipherSuite':"
                          "'TLS_AES_128_GCM_SHA256','bytesTransferredIn':0,'AuthenticationMethod':'AuthHeader',"
                          "'x-amz-id-2':'$j=','bytesTransferredOut':552}" : "";
    case 'f': return s->target->kind == DEMO_ROOT ? "" : "'userName':'$t',";
    case 'l': return tls(s);
    case 'o': return response(s);
    case 'q': return request(s);
    case 'u': return identity(s);
    case 'w': return actor_arn(s);
    case 'x': return error_text(s);
    case 'y': return s3 ? "$G" : "$g";
    case 'B': return s->call->flags & DEMO_STACK ? ",'invokedBy':'cloudformation.amazonaws.com'" :
                     s->call->who == DEMO_SCALING ? ",'invokedBy':'autoscaling.amazonaws.com'" : "";
    case 'E': return s->verb->extra ? s->verb->extra : "";
    case 'F': return s->call->who == DEMO_GITHUB ?
                     "'webIdFederationData':{'federatedProvider':'" GITHUB_PROVIDER "','attributes':{}}," : "";
    case 'O': return s->call->flags & DEMO_CONSOLE ? ",'sessionCredentialFromConsole':'true'" : "";
    case 'U': return s->call->agent ? s->call->agent : s->actor->agent;
    case 'W': return s->call->verb == DEMO_DO_ASSUME_ROLE_WEB ?
                     ",'subjectFromWebIdentityToken':'repo:example-org/platform:ref:refs/heads/main',"
                     "'provider':'" GITHUB_PROVIDER "','audience':'sts.amazonaws.com'" : "";
    case '2': return on_instance ? ",'ec2RoleDelivery':'2.0'" : "";
    case '3': return on_instance ? ",'inScopeOf':{'issuerType':'AWS::EC2::Instance','credentialsIssuedTo':"
                                   "'arn:aws:ec2:eu-west-1:$a:instance/$I'}" : "";
    default: return NULL;
    }
}

static void uuid(uint64_t *rng, char out[36])
{
    static const char hex[] = "0123456789abcdef";
    uint64_t bits[2] = {demo_random(rng), demo_random(rng)};
    size_t n = 0;
    for (size_t i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            out[n++] = '-';
        out[n++] = hex[bits[i / 16] >> (i % 16 * 4) & 15];
    }
    out[14] = '4'; /* version and variant: made of chance */
    out[19] = "89ab"[bits[0] >> 60 & 3];
}

/* g: a UUID; G: an S3 request id; j: 96 letters of base64. */
static void chance(struct scene *s, char letter)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz+/";
    char text[96];
    size_t n = letter == 'g' ? 36 : letter == 'G' ? 16 : sizeof text;
    if (letter == 'g')
        uuid(&s->d->rng, text);
    uint64_t bits = 0;
    for (size_t i = 0; i < n && letter != 'g'; i++) {
        bits = i % 10 ? bits >> 6 : demo_random(&s->d->rng);
        text[i] = base64[letter == 'G' ? bits % 36 : bits % 64];
    }
    kt_buf_add(&s->d->out, text, n);
}

/* Failure stays in d->out. */
static void expand(struct scene *s, const char *template)
{
    struct kt_buf *b = &s->d->out;
    for (const char *p = template; *p;) {
        size_t plain = strcspn(p, "'$");
        kt_buf_add(b, p, plain);
        p += plain;
        if (*p == '\'') {
            kt_buf_addc(b, '"');
            p++;
        } else if (*p == '$' && p[1]) {
            const char *text = fact(s, p[1]), *inner = text ? NULL : part(s, p[1]);
            if (text)
                kt_buf_adds(b, text);
            else if (inner)
                expand(s, inner);
            else
                chance(s, p[1]);
            p += 2;
        }
    }
}

void demo_write(struct demo *d, const struct demo_call *c)
{
    const struct demo_principal *actor = &d->cast[c->who];
    struct scene s = {.d = d, .call = c, .verb = &verbs[c->verb], .actor = actor, .error = c->error,
                      .target = c->target >= 0 ? &d->cast[c->target] : actor,
                      .account = &demo_accounts[actor->account]};
    /* The credential comes first: who makes himself a key signs with an older one. */
    if (!identify(&s) || !settle(&s))
        return;
    if (s.target->kind == DEMO_ROLE)
        session_key(s.target, c->at, s.given);
    fill_texts(&s);
    expand(&s, c->verb == DEMO_DO_CONSOLE_LOGIN ? SIGN_IN : RECORD);
}
