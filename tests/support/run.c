#include "tests/support/run.h"

#include "base/clock.h"
#include "tests/support/fake_http.h"
#include "tests/support/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t run_launch(const struct run_job *j, int fds[3])
{
    int in[2], o[2], e[2];
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(o, O_CLOEXEC), 0);
    assert_int_equal(pipe2(e, O_CLOEXEC), 0);
    const char *keytop = sample_keytop();
    fake_http_see_all();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char *argv[64] = {(char *)"keytop"};
        for (int i = 0; j->words[i]; i++)
            argv[i + 1] = (char *)j->words[i];
        int to = j->stdout_path ? open(j->stdout_path, O_WRONLY) : o[1];
        int from = j->in ? in[0] : open("/dev/null", O_RDONLY);
        dup2(from, 0);
        dup2(to, 1);
        dup2(e[1], 2);
        signal(SIGPIPE, SIG_DFL);
        (void)setsid(); /* no terminal, whoever runs the tests has one */
        setenv("LC_ALL", j->locale ? j->locale : "C.UTF-8", 1);
        setenv("TZ", "UTC", 1);
        setenv("XDG_CONFIG_HOME", "/nonexistent", 0); /* nobody's own configuration */
        execv(keytop, argv);
        _exit(127);
    }
    close(in[0]);
    close(o[1]);
    close(e[1]);
    /* a reader that is held up by its own full output must not hold up its feeder */
    assert_int_equal(fcntl(in[1], F_SETFL, O_NONBLOCK), 0);
    fds[0] = in[1];
    fds[1] = o[0];
    fds[2] = e[0];
    return pid;
}

bool run_drain(int *fd, struct kt_buf *b)
{
    char bytes[65536];
    ssize_t n = read(*fd, bytes, sizeof bytes);
    if (n > 0) {
        assert_true(kt_buf_add(b, bytes, (size_t)n));
        return true;
    }
    close(*fd);
    *fd = -1;
    return false;
}

int run_job(const struct run_job *j, struct kt_buf *out, struct kt_buf *err)
{
    int fds[3], status = 0;
    kt_buf_reset(out);
    kt_buf_reset(err);
    pid_t pid = run_launch(j, fds);
    size_t fed = 0, all = !j->in ? 0 : j->in_n ? j->in_n : strlen(j->in);
    bool told = false;
    for (int64_t end = kt_mono_ms() + RUN_LIMIT_MS; fds[1] >= 0 || fds[2] >= 0;) {
        struct pollfd f[3] = {{.fd = fds[0], .events = POLLOUT},
                              {.fd = fds[1], .events = POLLIN},
                              {.fd = fds[2], .events = POLLIN}};
        poll(f, 3, 100);
        if (kt_mono_ms() > end) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
            fail_msg("keytop did not end; it said: %s", kt_buf_str(err));
        }
        if (f[0].revents) {
            ssize_t n = fed < all ? write(fds[0], j->in + fed, all - fed) : 0;
            fed += n > 0 ? (size_t)n : 0;
            if ((n <= 0 && !(n < 0 && errno == EAGAIN)) || fed == all) {
                close(fds[0]);
                fds[0] = -1;
            }
        }
        if (f[1].revents)
            run_drain(&fds[1], out);
        if (f[2].revents)
            run_drain(&fds[2], err);
        if (j->stop_after && !told && strstr(kt_buf_str(out), j->when))
            told = kill(pid, j->stop_after) == 0;
    }
    if (fds[0] >= 0)
        close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    fake_http_see_all();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int run_words(const char *const *words, struct kt_buf *out, struct kt_buf *err)
{
    kt_buf_reset(out);
    kt_buf_reset(err);
    return run_job(&(struct run_job){.words = words}, out, err);
}

size_t run_count(const struct kt_buf *b, const char *what)
{
    size_t n = 0;
    for (const char *p = kt_buf_str(b); (p = strstr(p, what)); p += strlen(what))
        n++;
    return n;
}

void run_says(const struct kt_buf *b, const char *what)
{
    if (!strstr(kt_buf_str(b), what))
        fail_msg("\"%s\" is not in: %s", what, kt_buf_str(b));
}

long run_number(const char *name, long usual)
{
    const char *s = getenv(name);
    long n = s ? strtol(s, NULL, 10) : 0;
    return n > 0 ? n : usual;
}
