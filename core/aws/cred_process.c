/* credential_process: a program of the user's prints keys. It is run without
 * a shell, without this terminal, and with nothing on its standard input. */
#include "aws/cred_impl.h"
#include "base/clock.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { WORDS_MAX = 64, LIMIT_MS = 60000, COMPLAINT_MAX = 4096, REAP_MS = 20, ENV_MAX = 1 << 16 };

/* As a shell would, quotes and backslashes, and nothing else of it. `line` is
 * changed. False where a quote is open or there are too many words. */
static bool split(char *line, char *word[WORDS_MAX + 1])
{
    size_t n = 0;
    char *to = line;
    for (const char *p = line; *p;) {
        while (*p == ' ' || *p == '\t')
            p++;
        if (!*p)
            break;
        if (n == WORDS_MAX)
            return false;
        word[n++] = to;
        char quote = 0;
        for (; *p && (quote || (*p != ' ' && *p != '\t')); p++) {
            if (quote ? *p == quote : *p == '"' || *p == '\'')
                quote = quote ? 0 : *p;
            else if (*p == '\\' && p[1] && (!quote || (quote == '"' && (p[1] == '"' || p[1] == '\\'))))
                *to++ = *++p;
            else
                *to++ = *p;
        }
        if (quote)
            return false;
        const char *rest = *p ? p + 1 : p;
        *to++ = '\0'; /* never beyond p: the blank, or the end, is there */
        p = rest;
    }
    word[n] = NULL;
    return n > 0;
}

static void drop(struct kt_creds *c)
{
    int *const fd[] = {&c->child.out, &c->child.err};
    for (size_t i = 0; i < 2; i++)
        if (*fd[i] >= 0) {
            kt_net_unwatch(c->net, *fd[i]);
            close(*fd[i]);
            *fd[i] = -1;
        }
    if (c->child.pid > 0) {
        (void)kill(-c->child.pid, SIGKILL); /* it leads a group of its own */
        while (waitpid(c->child.pid, NULL, 0) < 0 && errno == EINTR)
            ;
        c->child.pid = 0;
    }
    kt_secret_wipe(&c->child.text);
    kt_secret_wipe(&c->child.complaint);
}

/* Ours, with the secrets that were taken out of it: the program may need them. */
static char **child_env(struct kt_creds *c)
{
    const char *secret[8];
    size_t n = 0, s = kt_aws_env_secrets(c->aws, secret, 8);
    while (environ && environ[n] && n < ENV_MAX)
        n++;
    char **env = calloc(n + s + 1, sizeof *env);
    for (size_t i = 0; env && i < n; i++)
        env[i] = environ[i];
    for (size_t i = 0; env && i < s; i++)
        env[n + i] = (char *)(uintptr_t)secret[i]; /* posix_spawn does not write to them */
    return env;
}

static int spawn(struct kt_creds *c, char **word, int out, int err)
{
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    sigset_t none, all;
    char **env = child_env(c);
    if (!env)
        return ENOMEM;
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawn_file_actions_init(&fa);
    if (rc == 0 && (rc = posix_spawnattr_init(&at)) != 0)
        posix_spawn_file_actions_destroy(&fa);
    if (rc == 0) {
        rc = posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        rc = rc ? rc : posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
        rc = rc ? rc : posix_spawn_file_actions_adddup2(&fa, err, STDERR_FILENO);
        rc = rc ? rc : posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        rc = rc ? rc : posix_spawnattr_setsigmask(&at, &none);
        rc = rc ? rc : posix_spawnattr_setsigdefault(&at, &all);
        rc = rc ? rc : posix_spawnp(&c->child.pid, word[0], &fa, &at, word, env);
        posix_spawnattr_destroy(&at);
        posix_spawn_file_actions_destroy(&fa);
    }
    free(env);
    return rc;
}

static enum cred_got start(struct kt_creds *c)
{
    char line[sizeof c->child.line];
    char *word[WORDS_MAX + 1];
    int out[2] = {-1, -1}, err[2] = {-1, -1};
    memcpy(line, c->child.line, sizeof line);
    if (!split(line, word))
        return cred_fail(c, "credential_process of profile %s: a quote is open, or there are too many words", c->profile);
    int rc = pipe2(out, O_CLOEXEC | O_NONBLOCK) == 0 && pipe2(err, O_CLOEXEC | O_NONBLOCK) == 0 ? 0 : errno;
    c->child.out = out[0];
    c->child.err = err[0];
    kt_buf_init(&c->child.text, CRED_REPLY_MAX);
    kt_buf_init(&c->child.complaint, COMPLAINT_MAX);
    c->child.until = kt_mono_ms() + LIMIT_MS;
    if (rc == 0 && (!kt_buf_reserve(&c->child.text, CRED_REPLY_MAX - 1) || !kt_net_watch(c->net, out[0], c->child.until) ||
                    !kt_net_watch(c->net, err[0], c->child.until)))
        rc = ENOMEM;
    if (rc == 0) { /* the child's ends block, as programs expect */
        (void)fcntl(out[1], F_SETFL, 0);
        (void)fcntl(err[1], F_SETFL, 0);
        rc = spawn(c, word, out[1], err[1]);
    }
    if (out[1] >= 0)
        close(out[1]);
    if (err[1] >= 0)
        close(err[1]);
    if (rc != 0) {
        c->child.pid = 0;
        drop(c);
        return cred_fail(c, "credential_process of profile %s: %.120s: %s", c->profile, word[0], strerror(rc));
    }
    return CRED_PENDING;
}

/* What is there now; at its end the descriptor is closed. */
static void drain(struct kt_creds *c, int *fd, struct kt_buf *b)
{
    char piece[4096];
    while (*fd >= 0) {
        ssize_t n = read(*fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n <= 0) {
            kt_net_unwatch(c->net, *fd);
            close(*fd);
            *fd = -1;
            break;
        }
        (void)kt_buf_add(b, piece, (size_t)n); /* a flood is cut off: it is no keys then */
    }
    explicit_bzero(piece, sizeof piece);
}

static enum cred_got judge(struct kt_creds *c, int status)
{
    struct kt_span why = kt_buf_span(&c->child.complaint);
    while (why.n && (why.p[why.n - 1] == '\n' || why.p[why.n - 1] == '\r'))
        why.n--;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return cred_fail(c, "credential_process of profile %s failed: %.*s", c->profile, (int)(why.n < 200 ? why.n : 200), why.p);
    json_t *o = c->child.text.failed ? NULL : cred_json(kt_buf_span(&c->child.text));
    const json_t *version = json_object_get(o, "Version");
    bool ok = json_is_integer(version) && json_integer_value(version) == 1 &&
              cred_take_json(c, o, "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration");
    cred_json_free(o);
    return ok ? CRED_GOT : cred_fail(c, "credential_process of profile %s printed no keys of Version 1", c->profile);
}

static enum cred_got fetch_process(struct kt_creds *c, int64_t *wake)
{
    int status = 0;
    if (!c->child.pid) {
        enum cred_got got = start(c);
        if (got != CRED_PENDING)
            return got;
    }
    drain(c, &c->child.out, &c->child.text);
    drain(c, &c->child.err, &c->child.complaint);
    bool over = kt_mono_ms() >= c->child.until;
    pid_t got = over || (c->child.out < 0 && c->child.err < 0) ? waitpid(c->child.pid, &status, WNOHANG) : 0;
    if (got != c->child.pid && !over) {
        bool heard = c->child.out < 0 && c->child.err < 0;
        *wake = heard ? kt_aws_mono(c->aws) + REAP_MS : 0; /* else what it says, or the time that it has, is waited for */
        return CRED_PENDING;
    }
    enum cred_got end = CRED_FAILED;
    if (got == c->child.pid) {
        c->child.pid = 0;
        end = judge(c, status);
    } else {
        cred_fail(c, "credential_process of profile %s gave no answer in %d s", c->profile, LIMIT_MS / 1000);
    }
    drop(c);
    return end;
}
const struct cred_kind cred_process = {fetch_process, drop};
