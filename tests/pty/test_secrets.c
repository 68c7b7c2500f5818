/* Nine kinds of secrets, one for each member of the chain of credentials, one for Splunk
 * and one for ClickHouse, in the real program on a terminal; and ten places where none of them may be. */
#include "tests/support/fake_clickhouse.h"
#include "tests/support/fake_logs.h"
#include "tests/support/fake_splunk.h"
#include "tests/support/pty.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MINE "111122223333"
#define MFA "271828"

enum { NOBODY = 65534, ENVIRONMENT = 24, CANARIES = 4, READ_MAX = 64 << 20 };

enum place { AT_COMMAND_LINE, AT_ENVIRONMENT, AT_CHILDREN, AT_STDERR, AT_STATE, AT_TRIAGE, AT_STDOUT, AT_SCREEN, AT_CORE, AT_MEMORY, PLACES };
static const char *const place_names[PLACES] = {"command line", "environment", "children", "standard error", "state.db and its journal",
                                                "triage.log", "standard output", "screen", "core file", "memory, for others of the user's"};

struct fix {
    struct fake_aws aws;
    struct fake_logs logs;
    struct fake_splunk splunk;
    struct fake_clickhouse *house; /* NULL: there is none */
    struct temp_dir home;
    char address[300];
    char text[ENVIRONMENT][300];
    const char *env[ENVIRONMENT + 1];
    size_t n_env;
    const char *canary[CANARIES + 1];
    bool asks_mfa;
    struct kt_buf found;
    int looked, hits;
};

static void set(struct fix *x, const char *name, const char *value)
{
    assert_true(x->n_env < ENVIRONMENT);
    snprintf(x->text[x->n_env], sizeof x->text[0], value ? "%s=%s" : "%s", name, value);
    x->env[x->n_env] = x->text[x->n_env];
    x->n_env++;
}

static int set_up(void **state)
{
    static const char *const gone[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_CA_BUNDLE",
                                       "AWS_ENDPOINT_URL_STS", "AWS_CONTAINER_CREDENTIALS_FULL_URI"};
    struct fix *x = *state = calloc(1, sizeof *x);
    fake_aws_init(&x->aws);
    fake_logs_init(&x->logs, &x->aws);
    x->logs.quota_ms = 0;
    fake_splunk_init(&x->splunk);
    temp_dir_make(&x->home);
    temp_mkdir(&x->home, ".aws");
    kt_buf_init(&x->found, READ_MAX);
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        set(x, gone[i], NULL);
    set(x, "HOME", x->home.path);
    set(x, "AWS_ENDPOINT_URL", fake_aws_url(&x->aws));
    set(x, "AWS_EC2_METADATA_DISABLED", "true");
    snprintf(x->address, sizeof x->address, "logs:%s?region=us-east-1&interval=2", FAKE_GROUP);
    int64_t now = kt_now(NULL);
    for (int i = 0; i < 3; i++) {
        fake_logs_event(&x->logs, i + 1, now - (i + 1) * 60000, 0);
        fake_splunk_event(&x->splunk, i + 1, now - (i + 1) * 60000, now - 30000, 0);
    }
    return 0;
}

static int tear_down(void **state)
{
    struct fix *x = *state;
    fake_aws_free(&x->aws);
    fake_logs_free(&x->logs);
    fake_splunk_free(&x->splunk);
    temp_dir_remove(&x->home);
    kt_buf_free(&x->found);
    free(x);
    return 0;
}

/* --- places ------------------------------------------------------------------------------- */

static bool slurp(const char *path, struct kt_buf *b)
{
    char piece[1 << 16];
    ssize_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    kt_buf_reset(b);
    while (fd >= 0 && (n = read(fd, piece, sizeof piece)) > 0)
        assert_true(kt_buf_add(b, piece, (size_t)n));
    if (fd >= 0)
        close(fd);
    return fd >= 0 && n == 0;
}

static void hit(struct fix *x, enum place where, const char *what)
{
    print_message("FOUND in the %s: %s\n", place_names[where], what);
    x->hits++;
}

/* The chain's own secrets, and all that the services gave out for them. */
static void look(struct fix *x, enum place where, const void *p, size_t n)
{
    char given[sizeof x->aws.secrets];
    for (size_t i = 0; x->canary[i]; i++)
        if (n && memmem(p, n, x->canary[i], strlen(x->canary[i])))
            hit(x, where, x->canary[i]);
    fake_http_lock(x->aws.http);
    snprintf(given, sizeof given, "%s", x->aws.secrets);
    fake_http_unlock(x->aws.http);
    char *rest = given;
    for (char *s; (s = strsep(&rest, "\n"));)
        if (*s && n && memmem(p, n, s, strlen(s)))
            hit(x, where, s);
    x->looked |= 1 << where;
}

static void look_in_file(struct fix *x, enum place where, const char *path, bool must_be)
{
    bool there = slurp(path, &x->found);
    if (must_be && !there)
        fail_msg("%s: %s", path, strerror(errno));
    if (there)
        look(x, where, x->found.p, x->found.len);
}

static void look_in_proc(struct fix *x, enum place where, pid_t pid, const char *what)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
    if (!slurp(path, &x->found) && errno != EACCES && errno != EPERM)
        fail_msg("%s: %s", path, strerror(errno));
    look(x, where, x->found.p, x->found.len);
}

/* Those that it has now; what its programs saw of it they wrote down themselves. */
static void look_at_children(struct fix *x, pid_t pid)
{
    DIR *d = opendir("/proc");
    char path[64], line[512];
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        int child = (int)strtol(e->d_name, NULL, 10), parent = 0;
        snprintf(path, sizeof path, "/proc/%d/stat", child);
        FILE *f = child > 0 ? fopen(path, "r") : NULL;
        const char *p = f && fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
        if (f)
            fclose(f);
        if (p && sscanf(p, ") %*c %d", &parent) == 1 && parent == pid) {
            look_in_proc(x, AT_CHILDREN, child, "cmdline");
            look_in_proc(x, AT_CHILDREN, child, "environ");
        }
    }
    closedir(d);
    look_in_file(x, AT_CHILDREN, temp_path(&x->home, "child"), false);
    x->looked |= 1 << AT_CHILDREN;
}

/* As another program of the same user's: how many ways to its memory are open. */
static int ways_in(pid_t pid)
{
    static const char *const files[] = {"mem", "environ", "maps", "fd", "auxv"};
    char path[64], byte;
    int open_ways = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, files[i]);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        open_ways += fd >= 0 && (strcmp(files[i], "fd") == 0 || read(fd, &byte, 1) >= 0);
    }
    struct iovec to = {&byte, 1}, from = {&byte, 1};
    open_ways += process_vm_readv(pid, &to, 1, &from, 1, 0) >= 0 || (errno != EPERM && errno != EACCES);
    open_ways += ptrace(PTRACE_ATTACH, pid, NULL, NULL) == 0;
    return open_ways;
}

static int ways_in_as_user(pid_t pid)
{
    int status;
    pid_t other = fork();
    if (other == 0) {
        if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
            _exit(99);
        _exit(ways_in(pid));
    }
    assert_int_equal(waitpid(other, &status, 0), other);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static void look_into_memory(struct fix *x, pid_t pid)
{
    if (ways_in_as_user(pid))
        hit(x, AT_MEMORY, "it can be read");
    x->looked |= 1 << AT_MEMORY;
}

/* --- runs ------------------------------------------------------------------------------------ */

/* As nobody, where we are root: root sees through everything. */
static struct pty *run_as_user(struct fix *x, const char *line)
{
    char whole[2048], own[400];
    snprintf(own, sizeof own, "chown -R %d '%s' && chmod 755 '%s'", NOBODY, x->home.path, x->home.path);
    if (geteuid() == 0)
        assert_int_equal(system(own), 0);
    snprintf(whole, sizeof whole, "cd '%s' && ulimit -c unlimited && exec %s \"$KEYTOP\" %s", x->home.path,
             geteuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups" : "", line);
    const char *const argv[] = {"/bin/sh", "-c", whole, NULL};
    struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .env = x->env, .rows = 24, .cols = 120});
    if (x->asks_mfa) {
        pty_wait_text(p, "MFA");
        pty_send(p, MFA "\r");
    }
    return p;
}

static void look_for_cores(struct fix *x, int status)
{
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV)
        fail_msg("it ended with %x", (unsigned)status);
    if (WCOREDUMP(status))
        hit(x, AT_CORE, "it was written");
    DIR *d = opendir(x->home.path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        if (strncmp(e->d_name, "core", 4) == 0)
            hit(x, AT_CORE, e->d_name);
    closedir(d);
    x->looked |= 1 << AT_CORE;
}

/* On the screen, with a row that somebody judged, until it crashes. */
static void run_on_screen(struct fix *x)
{
    char line[700];
    int status;
    snprintf(line, sizeof line, "--state state.db '%s' 2>errors", x->address);
    struct pty *p = run_as_user(x, line);
    pty_wait_text(p, "bob");
    pty_send(p, "a");
    for (int i = 0; access(temp_path(&x->home, "triage.log"), F_OK) != 0; i++) {
        assert_true(i < PTY_LIMIT_MS / 20);
        (void)pty_read(p, 20);
    }
    pty_settle(p, 300);
    look_in_proc(x, AT_COMMAND_LINE, pty_pid(p), "cmdline");
    look_in_proc(x, AT_ENVIRONMENT, pty_pid(p), "environ");
    look_at_children(x, pty_pid(p));
    look_into_memory(x, pty_pid(p));
    pty_signal(p, SIGSEGV);
    status = pty_wait_exit(p);
    look_for_cores(x, status);
    look(x, AT_SCREEN, pty_log(p), pty_log_size(p));
    pty_stop(p);
    look_in_file(x, AT_STDERR, temp_path(&x->home, "errors"), true);
    look_in_file(x, AT_STATE, temp_path(&x->home, "state.db"), true);
    look_in_file(x, AT_STATE, temp_path(&x->home, "state.db-journal"), false);
    look_in_file(x, AT_TRIAGE, temp_path(&x->home, "triage.log"), true);
}

/* In each format; and where its service refuses it, which is when one says most. */
static void run_for_pipes(struct fix *x, bool refused)
{
    static const char *const formats[] = {"jsonl", "csv", "table"};
    char line[700];
    for (size_t i = 0; i < (refused ? 1 : 3); i++) {
        snprintf(line, sizeof line, "--once -o %s '%s' >output 2>errors </dev/null", formats[i], x->address);
        struct pty *p = run_as_user(x, line);
        int status = pty_wait_exit(p);
        look(x, AT_SCREEN, pty_log(p), pty_log_size(p));
        pty_stop(p);
        look_in_file(x, AT_STDOUT, temp_path(&x->home, "output"), true);
        size_t n = x->found.len;
        look_in_file(x, AT_STDERR, temp_path(&x->home, "errors"), true);
        if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0) != refused || (!refused && !n))
            fail_msg("exit status %x, %zu bytes, %s", (unsigned)status, n, kt_buf_str(&x->found));
    }
}

static void refuse_all(struct fix *x)
{
    fake_http_lock(x->aws.http);
    for (size_t i = 0; i < x->aws.n_keys; i++)
        x->aws.key[i].expires = 1;
    x->aws.keys_live = -3600000;
    fake_http_unlock(x->aws.http);
    fake_http_lock(x->splunk.http);
    x->splunk.token[0] = '\0';
    fake_http_unlock(x->splunk.http);
    if (x->house) {
        fake_http_lock(x->house->http);
        snprintf(x->house->password, sizeof x->house->password, "another");
        fake_http_unlock(x->house->http);
    }
}

static void is_nowhere(struct fix *x)
{
    if (geteuid() == 0 && access("/usr/bin/setpriv", X_OK) != 0) {
        print_message("SKIP secrets: this is root, and there is no setpriv\n");
        skip();
    }
    run_on_screen(x);
    run_for_pipes(x, false);
    refuse_all(x);
    run_for_pipes(x, true);
    assert_int_equal(x->looked, (1 << PLACES) - 1);
    print_message("%d of %d found\n", x->hits, PLACES);
    assert_int_equal(x->hits, 0);
}

/* Another program's memory is open to the same user, and so is its environment: else there
 * would be nothing to see above. */
static void what_is_looked_for_can_be_seen(void **state)
{
    struct fix *x = *state;
    const char *const as_user[] = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c",
                                   "echo $AWS_SECRET_ACCESS_KEY; exec cat", NULL};
    set(x, "AWS_SECRET_ACCESS_KEY", "canary-in-the-open");
    x->canary[0] = "canary-in-the-open";
    struct pty *p = pty_start(&(struct pty_opts){.argv = as_user + (geteuid() == 0 ? 0 : 4), .env = x->env});
    pty_wait_text(p, "canary-in-the-open");
    assert_true(ways_in_as_user(pty_pid(p)) > 0);
    look_in_proc(x, AT_ENVIRONMENT, pty_pid(p), "environ");
    look(x, AT_SCREEN, pty_log(p), pty_log_size(p));
    assert_int_equal(x->hits, 2);
    pty_stop(p);
}

/* --- the chain --------------------------------------------------------------------------------- */

static void the_secret_of_an_access_key(void **state)
{
    struct fix *x = *state;
    fake_aws_key(&x->aws, "AKIDSECRET", "canary-of-the-access-key", NULL, MINE);
    set(x, "AWS_ACCESS_KEY_ID", "AKIDSECRET");
    set(x, "AWS_SECRET_ACCESS_KEY", "canary-of-the-access-key");
    x->canary[0] = "canary-of-the-access-key";
    is_nowhere(x);
}

static void a_session_token(void **state)
{
    struct fix *x = *state;
    fake_aws_key(&x->aws, "ASIASESSION", "canary-of-the-session", "canary-of-its-token", MINE);
    temp_write(&x->home, ".aws/credentials", "[default]\naws_access_key_id = ASIASESSION\naws_secret_access_key = canary-of-the-session\n"
                                             "aws_session_token = canary-of-its-token\n");
    x->canary[0] = "canary-of-the-session";
    x->canary[1] = "canary-of-its-token";
    is_nowhere(x);
}

static void identity_center_s_tokens(void **state)
{
    struct fix *x = *state;
    char text[1024], soon[KT_TIME_TEXT], until[KT_TIME_TEXT];
    int64_t now = kt_now(NULL) / 1000 * 1000;
    kt_time_format(now + 60000, soon);
    kt_time_format(now + 8 * 3600000, until);
    temp_write(&x->home, ".aws/config", "[sso-session my]\nsso_region = us-east-1\nsso_start_url = https://x.awsapps.com/start\n"
                                        "[profile s]\nsso_session = my\nsso_account_id = 111122223333\nsso_role_name = soc\n");
    temp_mkdir(&x->home, ".aws/sso");
    temp_mkdir(&x->home, ".aws/sso/cache");
    snprintf(text, sizeof text, "{\"accessToken\":\"old-sso-canary\",\"expiresAt\":\"%s\",\"refreshToken\":\"refresh-canary\",\"clientId\":\"c\","
                                "\"clientSecret\":\"canary-of-the-client\",\"registrationExpiresAt\":\"%s\"}", soon, until);
    temp_write(&x->home, ".aws/sso/cache/3ece1471f44f63177cbc35ba0b904e0c096b6783.json", text); /* sha1("my") */
    set(x, "AWS_PROFILE", "s");
    x->canary[0] = "sso-canary";
    x->canary[1] = "refresh-canary";
    x->canary[2] = "canary-of-the-client";
    is_nowhere(x);
    assert_true(x->aws.refreshed >= 1);
}

static void a_web_identity(void **state)
{
    struct fix *x = *state;
    temp_write(&x->home, "token", "web-canary\n");
    set(x, "AWS_WEB_IDENTITY_TOKEN_FILE", temp_path(&x->home, "token"));
    set(x, "AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/irsa");
    x->canary[0] = "web-canary";
    is_nowhere(x);
    assert_true(x->aws.web >= 1);
}

static void a_container_s_token(void **state)
{
    struct fix *x = *state;
    char url[128];
    snprintf(url, sizeof url, "%s/container", fake_aws_url(&x->aws));
    set(x, "AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    set(x, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-canary");
    x->canary[0] = "container-canary";
    is_nowhere(x);
    assert_true(x->aws.container >= 1);
}

static void what_a_program_prints(void **state)
{
    struct fix *x = *state;
    char text[1024];
    fake_aws_key(&x->aws, "AKIDPROC", "canary-of-the-program", "canary-of-its-token", MINE);
    temp_write(&x->home, "keys", "{\"Version\":1,\"AccessKeyId\":\"AKIDPROC\",\"SecretAccessKey\":\"canary-of-the-program\",\"SessionToken\":"
                                 "\"canary-of-its-token\",\"Expiration\":\"2100-01-01T00:00:00Z\"}");
    snprintf(text, sizeof text, "[profile p]\ncredential_process = sh -c 'cat /proc/$$/environ /proc/$$/cmdline > \"$0/child\"; cat \"$0/keys\"' %s\n",
             x->home.path);
    temp_write(&x->home, ".aws/config", text);
    set(x, "AWS_PROFILE", "p");
    set(x, "SPLUNK_TOKEN", "canary-of-splunk"); /* which is none of the program's business */
    x->canary[0] = "canary-of-the-program";
    x->canary[1] = "canary-of-its-token";
    x->canary[2] = "canary-of-splunk";
    is_nowhere(x);
    assert_int_equal(access(temp_path(&x->home, "child"), F_OK), 0);
}

static void the_code_of_an_mfa_device(void **state)
{
    struct fix *x = *state;
    fake_aws_key(&x->aws, "AKIDBASE", "canary-of-the-base", NULL, MINE);
    temp_write(&x->home, ".aws/config", "[profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = canary-of-the-base\n"
                                        "[profile m]\nrole_arn = arn:aws:iam::111122223333:role/m\nsource_profile = base\n"
                                        "mfa_serial = arn:aws:iam::111122223333:mfa/me\n");
    snprintf(x->aws.mfa, sizeof x->aws.mfa, MFA);
    set(x, "AWS_PROFILE", "m");
    x->asks_mfa = true;
    x->canary[0] = MFA;
    x->canary[1] = "canary-of-the-base";
    is_nowhere(x);
    assert_true(x->aws.assumed >= 1);
}

static void splunk_s_token(void **state)
{
    struct fix *x = *state;
    snprintf(x->address, sizeof x->address, "splunk://127.0.0.1:%d/?http=1&index=main&interval=2", fake_http_port(x->splunk.http));
    set(x, "SPLUNK_TOKEN", "splunk-canary-token");
    x->canary[0] = "splunk-canary-token";
    is_nowhere(x);
    assert_true(x->splunk.authorized >= 1);
}

static void clickhouse_s_password(void **state)
{
    struct fix *x = *state;
    struct fake_clickhouse house;
    int64_t now = kt_now(NULL);
    fake_clickhouse_init(&house);
    x->house = &house;
    snprintf(house.user, sizeof house.user, "soc");
    snprintf(house.password, sizeof house.password, "clickhouse-canary-password");
    for (int i = 0; i < 3; i++)
        fake_clickhouse_event(&house, i + 1, now - (i + 1) * 60000, 0);
    snprintf(x->address, sizeof x->address, "clickhouse://127.0.0.1:%d/trail?http=1&user=soc&interval=5", fake_http_port(house.http));
    set(x, "CLICKHOUSE_PASSWORD", "clickhouse-canary-password");
    x->canary[0] = "clickhouse-canary-password";
    is_nowhere(x);
    assert_true(house.queries >= 1);
    x->house = NULL;
    fake_clickhouse_free(&house);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_secret_of_an_access_key), T(a_session_token),       T(identity_center_s_tokens),  T(a_web_identity),
        T(a_container_s_token),         T(what_a_program_prints), T(the_code_of_an_mfa_device), T(splunk_s_token),
        T(clickhouse_s_password),
        T(what_is_looked_for_can_be_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
