/* Which column of a table holds which part of a record. */
#include "query/compile.h"

#define ID "userIdentity."
#define SESSION ID "sessionContext."
#define ISSUER SESSION "sessionIssuer."

/* path, name in Athena's table, kind */
#define PATHS(X)                                                            \
    X("eventVersion", "eventversion", TEXT)                                 \
    X(ID "type", "useridentity.type", TEXT)                                 \
    X(ID "principalId", "useridentity.principalid", TEXT)                   \
    X(ID "arn", "useridentity.arn", TEXT)                                   \
    X(ID "accountId", "useridentity.accountid", TEXT)                       \
    X(ID "invokedBy", "useridentity.invokedby", TEXT)                       \
    X(ID "accessKeyId", "useridentity.accesskeyid", TEXT)                   \
    X(ID "userName", "useridentity.username", TEXT)                         \
    X(SESSION "attributes.mfaAuthenticated", "useridentity.sessioncontext.attributes.mfaauthenticated", TEXT) \
    X(SESSION "attributes.creationDate", "useridentity.sessioncontext.attributes.creationdate", TEXT) \
    X(ISSUER "type", "useridentity.sessioncontext.sessionissuer.type", TEXT) \
    X(ISSUER "principalId", "useridentity.sessioncontext.sessionissuer.principalid", TEXT) \
    X(ISSUER "arn", "useridentity.sessioncontext.sessionissuer.arn", TEXT) \
    X(ISSUER "accountId", "useridentity.sessioncontext.sessionissuer.accountid", TEXT) \
    X(ISSUER "userName", "useridentity.sessioncontext.sessionissuer.username", TEXT) \
    X("eventTime", "eventtime", TEXT)                                       \
    X("eventSource", "eventsource", TEXT)                                   \
    X("eventName", "eventname", TEXT)                                       \
    X("awsRegion", "awsregion", TEXT)                                       \
    X("sourceIPAddress", "sourceipaddress", TEXT)                           \
    X("userAgent", "useragent", TEXT)                                       \
    X("errorCode", "errorcode", TEXT)                                       \
    X("errorMessage", "errormessage", TEXT)                                 \
    X("requestParameters", "requestparameters", JSON)                       \
    X("responseElements", "responseelements", JSON)                         \
    X("additionalEventData", "additionaleventdata", JSON)                   \
    X("requestID", "requestid", TEXT)                                       \
    X("eventID", "eventid", TEXT)                                           \
    X("readOnly", "readonly", TEXT)                                         \
    X("eventType", "eventtype", TEXT)                                       \
    X("apiVersion", "apiversion", TEXT)                                     \
    X("recipientAccountId", "recipientaccountid", TEXT)                     \
    X("serviceEventDetails", "serviceeventdetails", JSON)                   \
    X("sharedEventID", "sharedeventid", TEXT)                               \
    X("vpcEndpointId", "vpcendpointid", TEXT)

static const struct kt_column athena[] = {
#define X(path, name, kind) {{"" name, sizeof name - 1}, {"" path, sizeof path - 1}, KT_COLUMN_##kind, true},
    PATHS(X)
#undef X
};

struct kt_table kt_table_athena(void)
{
    return (struct kt_table){athena, sizeof athena / sizeof *athena, KT_SPAN_NONE};
}

static char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Case, '.' and '_' do not count. */
static bool same_name(struct kt_span a, struct kt_span b)
{
    size_t i = 0, j = 0;
    for (;;) {
        while (i < a.n && (a.p[i] == '.' || a.p[i] == '_'))
            i++;
        while (j < b.n && (b.p[j] == '.' || b.p[j] == '_'))
            j++;
        if (i == a.n || j == b.n)
            return i == a.n && j == b.n;
        if (folded(a.p[i++]) != folded(b.p[j++]))
            return false;
    }
}

/* What other tables may have besides. */
static const char *const more[] = {"sessionCredentialFromConsole", "managementEvent", "eventCategory", "insightDetails",
                                   ID "credentialId", ID "inScopeOf.credentialsIssuedTo", "addendum.reason",
                                   "addendum.updatedFields", "addendum.originalEventID"};

const char *kt_column_path(struct kt_span name)
{
    for (size_t i = 0; name.p && i < sizeof more / sizeof *more; i++)
        if (same_name(name, kt_span_of(more[i])))
            return more[i];
    for (size_t i = 0; i < sizeof athena / sizeof *athena; i++)
        if (name.p && same_name(name, athena[i].path))
            return athena[i].path.p;
    return NULL;
}

bool kt_column_is_raw(struct kt_span name)
{
    static const char *const names[] = {"raw", "record", "message", "cloudtrailevent", "rawevent", "rawlog", "json"};
    for (size_t i = 0; name.p && i < sizeof names / sizeof *names; i++)
        if (same_name(name, kt_span_of(names[i])))
            return true;
    return false;
}
