/* bench_rules: what judging a record costs with 10 and with 1,000 rules.
 *
 * The rules are of the shapes of public ones: an event source and one or more
 * event names; parts of user agents and error messages; exclusions; regular
 * expressions beside an event name; a few that look at user agents alone. The
 * records are of many services. Both sets begin with the same ten rules.
 * Prints microseconds a record, and the ratio; fails where it is above 3.
 * BENCH_RECORDS: how many (default 20000). */
#include "base/buf.h"
#include "detect/rule.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SERVICES = 40, CALLS = 60, DISTINCT = 500, RUNS = 5 };

static unsigned long long dice = 88172645463325252ULL;
static unsigned roll(unsigned n)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (unsigned)((dice >> 20) % n);
}

static void die(const char *what)
{
    fprintf(stderr, "bench_rules: %s\n", what);
    exit(1);
}

/* Most event names are of one service alone; one in ten is of many. */
static const char *name_of(unsigned service, unsigned call, char out[40])
{
    int n = call % 10 ? snprintf(out, 40, "Call%uOfService%u", call, service) : snprintf(out, 40, "Call%u", call);
    return n > 0 ? out : (die("a name cannot be written"), out);
}

static void rule(struct kt_buf *b, unsigned i)
{
    char call[40];
    unsigned service = i % SERVICES;
    (void)name_of(service, roll(CALLS), call);
    kt_buf_addf(b, "---\ntitle: Rule %u\nid: r%u\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n", i, i);
    switch (i % 10) {
    case 0:
        kt_buf_addf(b, "  s:\n    eventSource: svc%u.amazonaws.com\n    eventName: %s\n    userAgent|contains: 'Tool%u/'\n"
                       "  condition: s\n", service, call, i);
        break;
    case 1:
        kt_buf_addf(b, "  s:\n    eventSource: svc%u.amazonaws.com\n    eventName|startswith: ['%sX', 'Delete%u']\n"
                       "  f: {userIdentity.arn|endswith: ':role/admin%u'}\n  condition: s and not f\n", service, call, i, i);
        break;
    case 2:
        kt_buf_addf(b, "  s:\n    eventName: [%s, Other%u, Other%u]\n    requestParameters|contains: 'secret-%u'\n"
                       "  condition: s\n", call, i, i + 1, i);
        break;
    case 3:
        kt_buf_addf(b, "  s:\n    userIdentity.arn|re: '^arn:aws:iam::\\d+:user/evil%u$'\n    eventName: %s\n"
                       "    eventSource: svc%u.amazonaws.com\n  condition: s\n", i, call, service);
        break;
    case 4: kt_buf_addf(b, "  s: {userAgent|contains: [scanner-%u, 'kit%u*linux']}\n  condition: s\n", i, i); break;
    case 5:
        kt_buf_addf(b, "  s: {eventSource: svc%u.amazonaws.com, eventName: %s}\n  a: {errorCode|exists: false}\n"
                       "  c: {sourceIPAddress|cidr: 198.51.%u.0/24}\n  condition: s and a and c\n", service, call, i % 256);
        break;
    case 6:
        kt_buf_addf(b, "  s: {eventName: %s, responseElements.key.status: Active}\n  t: {awsRegion: [us-east-1, eu-west-%u]}\n"
                       "  condition: all of them\n", call, i % 9);
        break;
    case 7: kt_buf_addf(b, "  s: {errorMessage|contains|all: [denied, 'user/name%u']}\n  condition: s\n", i); break;
    case 8:
        kt_buf_addf(b, "  s: {eventName: %s, userIdentity.type: IAMUser}\n  u: {eventName: Special%u}\n  condition: 1 of *\n", call, i);
        break;
    default: kt_buf_addf(b, "  s: {sourceIPAddress: 203.0.113.%u, eventName|endswith: '%s'}\n  condition: s\n", i % 256, call);
    }
}

/* Processor time: others may want the machine meanwhile. */
static double cpu_us(void)
{
    return (double)clock() * 1e6 / CLOCKS_PER_SEC;
}

static struct kt_rules *rules(unsigned n)
{
    struct kt_buf b;
    struct kt_rules *s;
    struct kt_err e = {KT_OK, ""};
    kt_buf_init(&b, 1 << 20);
    dice = 88172645463325252ULL;
    for (unsigned i = 0; i < n; i++)
        rule(&b, i);
    if (kt_rules_new(&s, &e) != KT_OK || kt_rules_add(s, "bench", kt_buf_str(&b), b.len, &e) != KT_OK)
        die(e.text);
    kt_buf_free(&b);
    return s;
}

static json_t *record(void)
{
    unsigned service = roll(SERVICES);
    char source[60], name[40], arn[90], address[40], agent[120];
    if (snprintf(source, sizeof source, "svc%u.amazonaws.com", service) < 0 ||
        snprintf(arn, sizeof arn, "arn:aws:iam::111122223333:user/person%u", roll(5000)) < 0 ||
        snprintf(address, sizeof address, "203.0.113.%u", roll(256)) < 0 ||
        snprintf(agent, sizeof agent, "aws-cli/2.17.%u md/awscrt#0.20.11 ua/2.0 os/linux#5.15 md/arch#x86_64 lang/python#3.11", roll(60)) < 0)
        die("a record cannot be written");
    (void)name_of(service, roll(CALLS), name);
    json_t *r = json_pack("{s:s,s:{s:s,s:s,s:s,s:s},s:s,s:s,s:s,s:s,s:s,s:s,s:{s:s,s:[{s:s,s:s},{s:s,s:s}],s:i},s:{s:{s:s,s:s}},s:s,s:s}",
                          "eventVersion", "1.09", "userIdentity", "type", "IAMUser", "arn", arn, "accountId", "111122223333",
                          "principalId", "AIDAEXAMPLEEXAMPLE", "eventTime", "2024-02-29T12:13:14Z", "eventSource", source,
                          "eventName", name, "awsRegion", "us-east-1", "sourceIPAddress", address, "userAgent", agent,
                          "requestParameters", "name", "some-bucket-name", "tags", "key", "team", "value", "platform", "key",
                          "stage", "value", "production", "limit", 100, "responseElements", "key", "status", "Inactive", "id",
                          "0123456789abcdef", "eventID", "11111111-2222-3333-4444-555555555555", "recipientAccountId",
                          "111122223333");
    if (r && roll(10) == 0)
        json_object_set_new(r, "errorMessage", json_string("User is not authorized: access denied with an explicit deny"));
    return r ? r : (die("memory ran out"), NULL);
}

static double judge_all(const struct kt_rules *s, struct kt_node **records, size_t n, size_t *matches)
{
    double best = 1e18;
    for (int run = 0; run < RUNS; run++) {
        double from = cpu_us();
        *matches = 0;
        for (size_t i = 0; i < n; i++) {
            struct kt_verdict v;
            *matches += kt_rules_match(s, records[i % DISTINCT], &v, NULL, 0);
        }
        double us = cpu_us() - from;
        best = us < best ? us : best;
    }
    return best / (double)n;
}

/* One rule after the other, as without the matcher. */
static double plainly(const struct kt_rules *s, struct kt_node **records, size_t *matches)
{
    struct trial t;
    double from = cpu_us();
    if (!trial_init(&t))
        die("memory ran out");
    *matches = 0;
    for (size_t i = 0; i < DISTINCT; i++) {
        t.root = records[i];
        for (size_t k = 0; k < s->rule.n; k++)
            *matches += rule_matches_plainly(s->rule.p[k], &t);
    }
    trial_free(&t);
    return (cpu_us() - from) / DISTINCT;
}

int main(void)
{
    static struct kt_tree trees[DISTINCT];
    static struct kt_node *records[DISTINCT];
    const char *text = getenv("BENCH_RECORDS");
    size_t n = text ? strtoul(text, NULL, 10) / DISTINCT * DISTINCT : 20000, few, many, plain;
    struct kt_rules *ten = rules(10), *thousand = rules(1000);
    for (size_t i = 0; i < DISTINCT; i++) {
        kt_tree_init(&trees[i]);
        records[i] = kt_tree_of(&trees[i], record());
    }
    n = n ? n : DISTINCT;
    double a = judge_all(ten, records, n, &few), b = judge_all(thousand, records, n, &many), c = plainly(thousand, records, &plain);
    printf("rules: %.2f us a record with 10, %.2f us with 1000: %.2f times; %.0f us one by one\n", a, b, b / a, c);
    if (plain * (n / DISTINCT) != many)
        die("the matches are not those found one by one");
    if (many < few || !many)
        die("nothing matched");
    for (size_t i = 0; i < DISTINCT; i++)
        kt_tree_free(&trees[i]);
    kt_rules_free(ten);
    kt_rules_free(thousand);
    return b / a <= 3 ? 0 : 1;
}
