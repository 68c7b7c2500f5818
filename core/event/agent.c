#include "event/event.h"

#include <string.h>

/* A user agent is a list of products ("NAME/VERSION", in newer SDKs also
 * "md/NAME#VERSION") and remarks. The first mark of the table that is found
 * decides; what is more telling stands first. */
enum how {
    PRODUCT, /* at the start of a product's name, which goes on to its end */
    WORD,    /* no letter before or after it */
    SPACED,  /* as WORD, and the version may follow after a blank */
    UNNUMBERED, /* as WORD, and what number follows is not this tool's version */
    FAMILY,  /* as PRODUCT, for the start of a name: the tool is that whole name */
    BROWSER  /* as PRODUCT, in a text that begins as browsers' do */
};

struct mark {
    const char *text; /* lower case */
    const char *tool;
    enum kt_agent_class cls;
    enum how how;
};

static const struct mark marks[] = {
    {"stratus-red-team", "stratus-red-team", KT_AGENT_ATTACK_TOOL, UNNUMBERED},
    {"pacu", "pacu", KT_AGENT_ATTACK_TOOL, WORD},
    {"trufflehog", "trufflehog", KT_AGENT_ATTACK_TOOL, WORD},
    {"s3 browser", "s3-browser", KT_AGENT_ATTACK_TOOL, SPACED},

    {"apn/1.0 pulumi/1.0", "pulumi", KT_AGENT_IAC, UNNUMBERED}, /* a partner's tag, the same for all versions */
    {"pulumi", "pulumi", KT_AGENT_IAC, WORD},
    {"opentofu", "opentofu", KT_AGENT_IAC, PRODUCT},
    {"terraform", "terraform", KT_AGENT_IAC, PRODUCT},
    {"terraform-provider-aws", "terraform", KT_AGENT_IAC, UNNUMBERED},
    {"hashicorp-terraform-exec", "terraform", KT_AGENT_IAC, UNNUMBERED},
    {"cloudformation.amazonaws.com", "cloudformation", KT_AGENT_IAC, UNNUMBERED},
    {"awscloudformation", "cloudformation", KT_AGENT_IAC, UNNUMBERED},
    {"apn/1.0 ansible/1.0", "ansible", KT_AGENT_IAC, UNNUMBERED},
    {"ansible", "ansible", KT_AGENT_IAC, WORD},
    {"aws-cdk", "aws-cdk", KT_AGENT_IAC, PRODUCT},
    {"serverless-framework", "serverless", KT_AGENT_IAC, PRODUCT},
    {"serverless", "serverless", KT_AGENT_IAC, PRODUCT},
    {"aws-sam-cli", "aws-sam-cli", KT_AGENT_IAC, PRODUCT},
    {"crossplane", "crossplane", KT_AGENT_IAC, WORD},

    {"signin.amazonaws.com", "console", KT_AGENT_CONSOLE, UNNUMBERED},
    {"console.amazonaws.com", "console", KT_AGENT_CONSOLE, UNNUMBERED},
    {"signin.aws.amazon.com", "console", KT_AGENT_CONSOLE, UNNUMBERED},
    {"console.aws.amazon.com", "console", KT_AGENT_CONSOLE, UNNUMBERED},
    {"s3console", "console", KT_AGENT_CONSOLE, UNNUMBERED},
    {"console, aws-internal", "console", KT_AGENT_CONSOLE, UNNUMBERED}, /* "RDS Console, aws-internal/3 ..." */
    {"aws-internal", "aws-internal", KT_AGENT_SERVICE, PRODUCT},
    {"aws internal", "aws-internal", KT_AGENT_SERVICE, UNNUMBERED},
    {"coral", "coral", KT_AGENT_SERVICE, PRODUCT},

    {"aws-cli", "aws-cli", KT_AGENT_CLI, PRODUCT},
    {"awspowershell", "aws-powershell", KT_AGENT_CLI, WORD},
    {"aws-powershell", "aws-powershell", KT_AGENT_CLI, WORD},
    {"eksctl", "eksctl", KT_AGENT_CLI, PRODUCT},
    {"rclone", "rclone", KT_AGENT_CLI, PRODUCT},
    {"cyberduck", "cyberduck", KT_AGENT_CLI, WORD},
    {"s3cmd", "s3cmd", KT_AGENT_CLI, PRODUCT},
    {"s5cmd", "s5cmd", KT_AGENT_CLI, PRODUCT},

    {"boto3", "boto3", KT_AGENT_SDK, PRODUCT},
    {"aiobotocore", "aiobotocore", KT_AGENT_SDK, PRODUCT},
    {"botocore", "botocore", KT_AGENT_SDK, PRODUCT},
    {"boto", "boto", KT_AGENT_SDK, PRODUCT},
    {"aws-sdk-", NULL, KT_AGENT_SDK, FAMILY},
    {"aws-chalice", "aws-chalice", KT_AGENT_SDK, PRODUCT},
    {"aws-amplify", "aws-amplify", KT_AGENT_SDK, PRODUCT},
    {"minio-go", "minio-go", KT_AGENT_SDK, PRODUCT},

    {"windowspowershell", "powershell", KT_AGENT_UNKNOWN, PRODUCT}, /* they begin as browsers' do */
    {"powershell", "powershell", KT_AGENT_UNKNOWN, PRODUCT},

    {"edg", "edge", KT_AGENT_BROWSER, BROWSER},
    {"edge", "edge", KT_AGENT_BROWSER, BROWSER},
    {"opr", "opera", KT_AGENT_BROWSER, BROWSER},
    {"firefox", "firefox", KT_AGENT_BROWSER, BROWSER},
    {"fxios", "firefox", KT_AGENT_BROWSER, BROWSER},
    {"headlesschrome", "chrome", KT_AGENT_BROWSER, BROWSER},
    {"chrome", "chrome", KT_AGENT_BROWSER, BROWSER},
    {"crios", "chrome", KT_AGENT_BROWSER, BROWSER},
    {"version", "safari", KT_AGENT_BROWSER, BROWSER},
    {"mozilla", "mozilla", KT_AGENT_BROWSER, UNNUMBERED},

    /* plain HTTP clients, last: SDKs name the one they are built on. Nobody
     * signs requests to IAM with one of the first two by routine. */
    {"python-requests", "python-requests", KT_AGENT_ATTACK_TOOL, PRODUCT},
    {"curl", "curl", KT_AGENT_ATTACK_TOOL, WORD},
    {"python-urllib", "python-urllib", KT_AGENT_UNKNOWN, PRODUCT},
    {"go-http-client", "go-http-client", KT_AGENT_UNKNOWN, PRODUCT},
    {"postmanruntime", "postman", KT_AGENT_UNKNOWN, PRODUCT},
};

static const struct {
    const char *word, *os;
    bool attack; /* a distribution made for it */
} systems[] = {
    {"kali", "kali", true},         {"parrot", "parrot", true},     {"pentoo", "pentoo", true},
    {"blackarch", "blackarch", true}, {"android", "android", false}, {"iphone", "ios", false},
    {"ipad", "ios", false},         {"cros", "chromeos", false},    {"windows", "windows", false},
    {"win32", "windows", false},    {"macos", "macos", false},      {"darwin", "macos", false},
    {"mac_os_x", "macos", false},   {"mac os x", "macos", false},   {"macintosh", "macos", false},
    {"linux", "linux", false},      {"freebsd", "freebsd", false},  {"openbsd", "openbsd", false},
};

/* The text that is looked at: in its own letters and in lower case, in step; and which
 * pairs of letters it may have, since most marks are in no text. */
struct view {
    struct kt_span text;
    uint64_t pairs[16];
    char low[KT_AGENT_READ + 1];
};

static unsigned pair_of(char a, char b)
{
    return ((unsigned char)a * 37u + (unsigned char)b) & 1023;
}

static bool letter(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool name_char(char c)
{
    return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

static void view_of(struct view *v, struct kt_span text)
{
    if (text.n >= 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
        text = (struct kt_span){text.p + 1, text.n - 2};
    if (text.n > KT_AGENT_READ)
        text.n = KT_AGENT_READ;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        v->low[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    v->low[text.n] = '\0';
    memset(v->pairs, 0, sizeof v->pairs);
    for (size_t i = 1; i < text.n; i++) {
        unsigned pair = pair_of(v->low[i - 1], v->low[i]);
        v->pairs[pair / 64] |= UINT64_C(1) << pair % 64;
    }
    v->text = text;
}

static bool has_pair(const struct view *v, const char *p)
{
    unsigned pair = pair_of(p[0], p[1]);
    return v->pairs[pair / 64] >> pair % 64 & 1;
}

/* Where the mark, of two letters at least, begins, from `at` on; false where there is none. */
static bool find(const struct view *v, const char *mark, size_t at, size_t *out)
{
    size_t n = strlen(mark);
    if (!has_pair(v, mark) || !has_pair(v, mark + n - 2))
        return false;
    const char *p = at <= v->text.n ? memmem(v->low + at, v->text.n - at, mark, n) : NULL;
    if (p)
        *out = (size_t)(p - v->low);
    return p != NULL;
}

static bool fits(const struct view *v, size_t at, size_t n, enum how how)
{
    char prev = at ? v->low[at - 1] : ' ', next = v->low[at + n];
    if (how == WORD || how == SPACED || how == UNNUMBERED)
        return !letter(prev) && !letter(next);
    if (how == BROWSER && !kt_span_starts((struct kt_span){v->low, v->text.n}, "mozilla"))
        return false;
    return !name_char(prev) && (how == FAMILY ? name_char(next) : !name_char(next));
}

static bool find_word(const struct view *v, const char *word, enum how how, size_t *out)
{
    for (size_t at = 0; find(v, word, at, out); at = *out + 1)
        if (fits(v, *out, strlen(word), how))
            return true;
    return false;
}

static size_t name_end(const struct view *v, size_t at)
{
    while (name_char(v->low[at]))
        at++;
    return at;
}

/* "/1.28.0", "#1.34", "/v1.61.1", and " 9.5.5" where a blank may part them. */
static struct kt_span version_after(const struct view *v, size_t at, bool spaced)
{
    at = name_end(v, at);
    if (v->low[at] != '/' && v->low[at] != '#' && !(spaced && v->low[at] == ' '))
        return KT_SPAN_NONE;
    at++;
    if (v->low[at] == 'v')
        at++;
    if (v->low[at] < '0' || v->low[at] > '9')
        return KT_SPAN_NONE;
    size_t end = at;
    while (name_char(v->low[end]) || v->low[end] == '+')
        end++;
    return (struct kt_span){v->text.p + at, end - at};
}

static void take(const struct view *v, const struct mark *m, size_t at, struct kt_arena *a, struct kt_agent *out)
{
    out->cls = m->cls;
    if (m->how == FAMILY)
        out->tool = kt_arena_span(a, (struct kt_span){v->low + at, name_end(v, at) - at});
    else
        out->tool = kt_span_of(m->tool);
    if (m->how != UNNUMBERED)
        out->version = version_after(v, at + strlen(m->text), m->how == SPACED);
}

/* A text that is nothing but a service's DNS name: "lambda.amazonaws.com". */
static bool service(const struct view *v, struct kt_arena *a, struct kt_agent *out)
{
    static const char *const domains[] = {".amazonaws.com.cn", ".amazonaws.com"};
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
        size_t n = strlen(domains[i]);
        if (v->text.n <= n || memcmp(v->low + v->text.n - n, domains[i], n) != 0 ||
            name_end(v, 0) != v->text.n)
            continue;
        out->tool = kt_arena_span(a, (struct kt_span){v->low, v->text.n - n});
        out->cls = KT_AGENT_SERVICE;
        return true;
    }
    return false;
}

/* Of no known family: the first product, if the text begins with one. */
static void first_product(const struct view *v, struct kt_arena *a, struct kt_agent *out)
{
    static const char partner[] = "apn/1.0 "; /* a tag of AWS's partners, no tool */
    if (kt_span_starts((struct kt_span){v->low, v->text.n}, partner))
        return;
    size_t n = name_end(v, 0);
    struct kt_span version = n > 0 && n <= 40 && v->low[n] == '/' ? version_after(v, 0, false) : KT_SPAN_NONE;
    if (!kt_span_known(version))
        return;
    out->tool = kt_arena_span(a, (struct kt_span){v->low, n});
    out->version = version;
}

static void read_tool(const struct view *v, struct kt_arena *a, struct kt_agent *out)
{
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t at;
        if (find_word(v, marks[i].text, marks[i].how, &at)) {
            take(v, &marks[i], at, a, out);
            return;
        }
    }
    if (!service(v, a, out))
        first_product(v, a, out);
}

static bool read_system(const struct view *v, struct kt_agent *out)
{
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++) {
        size_t at;
        if (find_word(v, systems[i].word, WORD, &at)) {
            out->os = kt_span_of(systems[i].os);
            return systems[i].attack;
        }
    }
    return false;
}

void kt_agent_parse(struct kt_span text, bool from_console, struct kt_span via, struct kt_arena *a,
                    struct kt_agent *out)
{
    *out = (struct kt_agent){.text = text};
    struct view v;
    view_of(&v, text);
    read_tool(&v, a, out);
    if (!kt_span_known(out->tool) && kt_span_known(via)) {
        struct view by;
        view_of(&by, via);
        read_tool(&by, a, out);
    }
    size_t at;
    if (read_system(&v, out))
        out->cls = KT_AGENT_ATTACK_TOOL;
    if (out->cls == KT_AGENT_ATTACK_TOOL)
        return;
    if (find_word(&v, "cloudshell", WORD, &at) || (from_console && out->cls == KT_AGENT_CLI)) {
        out->cls = KT_AGENT_CLOUDSHELL;
    } else if (from_console) {
        if (out->cls == KT_AGENT_SERVICE) { /* the console's own back end */
            out->tool = KT_LIT("console");
            out->version = KT_SPAN_NONE;
        }
        out->cls = KT_AGENT_CONSOLE;
    }
}
