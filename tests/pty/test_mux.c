/* Copying through a real tmux: what y copies is in its buffer. */
#include "base/clock.h"
#include "tests/support/sample.h"
#include "tests/support/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

static const char record[] =
    "{\"Records\":[{\"eventVersion\":\"1.08\",\"userIdentity\":{\"type\":\"IAMUser\",\"accountId\":\"111122223333\","
    "\"userName\":\"alice\"},\"eventTime\":\"2026-11-23T14:31:55Z\",\"eventSource\":\"iam.amazonaws.com\","
    "\"eventName\":\"CreateAccessKey\",\"awsRegion\":\"us-east-1\",\"sourceIPAddress\":\"203.0.113.9\","
    "\"requestParameters\":{\"userName\":\"svc-backup\"},\"responseElements\":{\"accessKey\":{\"userName\":"
    "\"svc-backup\",\"status\":\"Active\",\"accessKeyId\":\"AKIAIOSFODNN7EXAMPLE\"}},\"eventID\":\"e1\"}]}";
static const char wanted[] =
    "aws iam update-access-key --user-name='svc-backup' --access-key-id='AKIAIOSFODNN7EXAMPLE' --status='Inactive'";

static struct temp_dir dir;

/* What `tmux WORDS` prints. */
static void tmux(const char *words, char *out, size_t size)
{
    char line[1024];
    (void)snprintf(line, sizeof line, "tmux -S '%s/socket' -f /dev/null %s 2>/dev/null </dev/null", dir.path, words);
    FILE *f = popen(line, "r");
    assert_non_null(f);
    size_t n = fread(out, 1, size - 1, f);
    out[n] = '\0';
    pclose(f);
}

static bool comes(const char *words, const char *text)
{
    static char out[1 << 16];
    for (int64_t end = kt_mono_ms() + 15000; kt_mono_ms() < end; poll(NULL, 0, 20)) {
        tmux(words, out, sizeof out);
        if (strstr(out, text))
            return true;
    }
    return false;
}

static void what_is_copied_reaches_tmux(void **state)
{
    (void)state;
    char line[1024], out[256];
    temp_dir_make(&dir);
    temp_write(&dir, "a.json", record);
    (void)snprintf(line, sizeof line, "new-session -d -x 132 -y 43 \"'%s' -o screen '%s'\" ';' set -g set-clipboard on",
                   sample_keytop(), temp_path(&dir, "a.json"));
    tmux(line, out, sizeof out);
    bool shown = comes("capture-pane -p", "y copies");
    tmux("send-keys y", out, sizeof out);
    bool copied = comes("show-buffer", wanted);
    tmux("kill-server", out, sizeof out);
    temp_dir_remove(&dir);
    assert_true(shown);
    assert_true(copied);
}

int main(void)
{
    if (system("command -v tmux >/dev/null") != 0) {
        printf("SKIP tmux is not installed\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_copied_reaches_tmux)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
