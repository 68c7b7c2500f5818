#include "tests/support/shells.h"

#include "base/buf.h"
#include "event/contain.h"
#include "tests/support/temp_dir.h"
#include "text/shell.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCH = 50000, NAME_MAX_BYTES = 96, TEXT_MAX = 256 << 20 };

/* What reads the lines: the shells as they are, and with the options by which
 * they look into words more than they must. */
static const struct shell {
    const char *argv[8];
} shells[] = {
    {{"dash", NULL}},
    {{"bash", "--norc", "--noprofile", NULL}},
    {{"bash", "--norc", "--noprofile", "-O", "extglob", NULL}},
    {{"zsh", "-f", NULL}},
    {{"zsh", "-f", "-o", "extendedglob", "-o", "rcquotes", NULL}},
};
enum { SHELLS = sizeof shells / sizeof *shells };

/* The command is a function here: it prints how many arguments it got, and
 * each, with a NUL after it. There is no PATH, so whatever else a line runs is
 * an error on standard error; what is redirected leaves a file "canary". */
static const char prelude[] = "aws() { printf '%s\\0' \"$#\" \"$@\"; }\n"
                              "case ${BASH_VERSION-} in ?*) unset HISTFILE; set -o history; set -H;; esac\n"
                              "case ${ZSH_VERSION-} in ?*) setopt magicequalsubst;; esac\n";

/* --- names ------------------------------------------------------------------ */

static uint64_t next_random(uint64_t *x) /* xorshift64* */
{
    *x ^= *x >> 12;
    *x ^= *x << 25;
    *x ^= *x >> 27;
    return *x * UINT64_C(2685821657736338717);
}

static const char *const fragment[] = {
    "'", "\"", "`", "$(: >canary)", "`: >canary`", "${IFS}", ";: >canary;", "&&: >canary", "| : >canary", "\n: >canary\n",
    "\r", "\\", "'\\''", "''", "';: >canary;'", "!!", "!$", "!aws", "^a^b", "~", "~root", "=ls", "*", "?", "[a-z]",
    "{a,b}", "#", "--status=Active", "-", "--", "file://canary", "fileb://", "http://a", "\033[31m", "\033]52;c;AA\007",
    "\xE2\x80\xAE", "\xE2\x80\x99", "\xC3\xA9", "\xC2\xA0", "\x80", "\xFF", " ", "\t", "$'\\n'", "$HOME", "%s", "\\0",
    "<canary", ">canary", "<(: >canary)", "=(: >canary)", "(#q)", "a", "bob", "svc-backup", "@", "+", ",", ".", "_", "=",
};
enum { FRAGMENTS = sizeof fragment / sizeof *fragment };
static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-_+=,.@-_+=,.@-";

static bool iam_can_make(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!p[i] || !strchr(allowed, p[i]))
            return false;
    return n >= 1 && n <= 64;
}

static size_t make_name(uint64_t *x, char out[NAME_MAX_BYTES])
{
    size_t n = 0, want = 1 + next_random(x) % 70;
    unsigned way = (unsigned)(next_random(x) % 4);
    while (n < want) {
        if (way < 2) { /* what IAM allows, or nearly */
            out[n++] = allowed[next_random(x) % (sizeof allowed - 1)];
        } else if (way == 2) { /* fragments that shells look at */
            const char *f = fragment[next_random(x) % FRAGMENTS];
            size_t k = strlen(f);
            if (n + k > NAME_MAX_BYTES)
                break;
            memcpy(out + n, f, k);
            n += k;
        } else {
            out[n++] = (char)next_random(x);
        }
    }
    return n;
}

/* --- a batch ----------------------------------------------------------------- */

struct batch {
    struct kt_buf script, meant; /* what is run; what the function must print */
    struct shells_counts *counts;
    uint64_t *random;
};

static void meant(struct batch *b, const char *before, struct kt_span value)
{
    (void)kt_buf_adds(&b->meant, before);
    (void)kt_buf_add(&b->meant, value.p, value.n);
    (void)kt_buf_addc(&b->meant, '\0');
}

static void add_key(uint64_t *x, char key[21])
{
    memcpy(key, "AKIA", 4);
    for (int i = 4; i < 20; i++)
        key[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[next_random(x) % 32];
    key[20] = '\0';
}

static bool add_command(struct batch *b, struct kt_span name)
{
    char key[21];
    struct kt_contain c;
    add_key(b->random, key);
    kt_contain_command(&(struct kt_contain_of){.key = kt_span_of(key), .user = name}, &c);
    b->counts->names++;
    if ((c.kind == KT_CONTAIN_COMMAND) != iam_can_make(name.p, name.n)) {
        printf("a name is wrongly %s: %.*s\n", c.kind == KT_CONTAIN_COMMAND ? "written" : "refused", (int)name.n, name.p);
        return false;
    }
    if (c.kind != KT_CONTAIN_COMMAND) {
        b->counts->refused++;
        return c.kind == KT_CONTAIN_NONE && !c.command[0] && c.why[0];
    }
    b->counts->written++;
    (void)kt_buf_addf(&b->script, "%s\n", c.command);
    meant(b, "", KT_LIT("5"));
    meant(b, "", KT_LIT("iam"));
    meant(b, "", KT_LIT("update-access-key"));
    meant(b, "--user-name=", name);
    meant(b, "--access-key-id=", kt_span_of(key));
    meant(b, "--status=", KT_LIT("Inactive"));
    return true;
}

/* The quoting by itself: any text is a word, exactly, or is refused. */
static bool add_word(struct batch *b, struct kt_span text)
{
    size_t before = b->script.len;
    (void)kt_buf_adds(&b->script, "aws ");
    bool quoted = kt_shell_quote(&b->script, text);
    bool can = true;
    for (size_t i = 0; i < text.n; i++)
        can &= text.p[i] >= 0x20 && text.p[i] <= 0x7E;
    if (quoted != can) {
        printf("a text is wrongly %s\n", quoted ? "quoted" : "refused");
        return false;
    }
    if (!quoted) {
        b->script.len = before;
        return true;
    }
    b->counts->words++;
    (void)kt_buf_addc(&b->script, '\n');
    meant(b, "", KT_LIT("1"));
    meant(b, "", text);
    return true;
}

static void run_here(const struct shell *s, const struct temp_dir *d)
{
    const char *argv[10];
    int n = 0;
    while (s->argv[n]) {
        argv[n] = s->argv[n];
        n++;
    }
    argv[n] = "script";
    argv[n + 1] = NULL;
    if (chdir(d->path) != 0 || !freopen("out", "w", stdout) || !freopen("err", "w", stderr))
        _exit(126);
    char *environment[] = {(char *)"LC_ALL=C.UTF-8", (char *)"PATH=/nonexistent", NULL};
    static const char *const rooms[] = {"/bin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"};
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "%s/%s", rooms[i], argv[0]);
        execve(path, (char *const *)argv, environment);
    }
    _exit(127);
}

static bool same_file(const char *path, const struct kt_buf *b)
{
    char bytes[65536];
    size_t at = 0, n;
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    while ((n = fread(bytes, 1, sizeof bytes, f)) > 0) {
        if (n > b->len - at || memcmp(bytes, kt_buf_str(b) + at, n) != 0) {
            fclose(f);
            return false;
        }
        at += n;
    }
    fclose(f);
    return at == b->len;
}

static bool reads_it_back(const struct shell *s, const struct temp_dir *d, const struct batch *b)
{
    struct stat st;
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        run_here(s, d);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return false;
    const char *wrong = !WIFEXITED(status) || WEXITSTATUS(status) ? "ended badly (is it installed?)"
                        : stat(temp_path(d, "err"), &st) != 0 || st.st_size ? "had something to say"
                        : stat(temp_path(d, "canary"), &st) == 0            ? "ran something"
                        : !same_file(temp_path(d, "out"), &b->meant)        ? "saw other arguments"
                                                                            : NULL;
    if (wrong)
        printf("%s %s\n", s->argv[0], wrong);
    return !wrong;
}

static bool prove_batch(struct batch *b, uint64_t names, const struct temp_dir *d)
{
    char name[NAME_MAX_BYTES];
    (void)kt_buf_adds(&b->script, prelude);
    for (uint64_t i = 0; i < names; i++) {
        struct kt_span s = {name, make_name(b->random, name)};
        if (!add_command(b, s) || !add_word(b, s))
            return false;
    }
    FILE *f = fopen(temp_path(d, "script"), "wb");
    bool written = f && fwrite(kt_buf_str(&b->script), 1, b->script.len, f) == b->script.len;
    if (!f || fclose(f) != 0 || !written || b->script.failed || b->meant.failed)
        return false;
    fflush(stdout); /* or each shell writes it again */
    for (size_t i = 0; i < SHELLS; i++)
        if (!reads_it_back(&shells[i], d, b))
            return false;
    return true;
}

bool shells_prove(uint64_t seed, uint64_t names, struct shells_counts *out)
{
    struct temp_dir d;
    bool good = true;
    *out = (struct shells_counts){.shells = SHELLS};
    temp_dir_make(&d);
    for (uint64_t left = names; good && left;) {
        uint64_t n = left < BATCH ? left : BATCH;
        struct batch b = {.counts = out, .random = &seed};
        kt_buf_init(&b.script, TEXT_MAX);
        kt_buf_init(&b.meant, TEXT_MAX);
        good = prove_batch(&b, n, &d);
        kt_buf_free(&b.script);
        kt_buf_free(&b.meant);
        left -= n;
    }
    temp_dir_remove(&d);
    return good;
}
