/* Completion scripts: all that the program takes is in them, and the shells
 * take them. */
#include "tests/support/run.h"
#include "tests/support/sample.h"
#include "tests/support/temp_dir.h"
#include "tui/commands.h"
#include "tui/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kt_buf out, err;

#define RUN(...) run_job(&(struct run_job){.words = (const char *const[]){__VA_ARGS__, NULL}}, &out, &err)

static void every_option_and_format_is_in_each_script(void **state)
{
    (void)state;
    static const char *const shells[] = {"bash", "zsh", "fish"};
    for (size_t s = 0; s < 3; s++) {
        struct kt_option_info o;
        const char *format;
        assert_int_equal(RUN("--completion", shells[s]), 0);
        for (size_t i = 0; kt_options_info(i, &o); i++) {
            char word[80];
            snprintf(word, sizeof word, s == 2 ? "-l %s" : "--%s", o.name);
            if (!strstr(kt_buf_str(&out), word))
                fail_msg("%s lacks %s", shells[s], word);
            snprintf(word, sizeof word, s == 2 ? "-s %c" : "-%c", o.letter);
            if (o.letter && !strstr(kt_buf_str(&out), word))
                fail_msg("%s lacks %s", shells[s], word);
        }
        for (size_t i = 0; (format = kt_options_format(i)) != NULL; i++)
            assert_non_null(strstr(kt_buf_str(&out), format));
        for (int c = KT_CMD_NONE + 1; c < KT_CMD_COUNT; c++) { /* and every command of the screen */
            char word[80];
            snprintf(word, sizeof word, " %s", kt_command_info((enum kt_command)c)->name);
            if (!strstr(kt_buf_str(&out), word))
                fail_msg("%s lacks the command%s", shells[s], word);
        }
        assert_non_null(strstr(kt_buf_str(&out), "keytop-deuteranopia"));
        assert_non_null(strstr(kt_buf_str(&out), "cloudtrail:"));
        assert_non_null(strstr(kt_buf_str(&out), "actor.name"));
    }
    assert_int_equal(RUN("--completion", "tcsh"), 2);
    assert_non_null(strstr(kt_buf_str(&err), "bash, zsh or fish"));
}

static void help_tells_of_each_command(void **state)
{
    (void)state;
    for (int c = KT_CMD_NONE + 1; c < KT_CMD_COUNT; c++) {
        const struct kt_command_info *i = kt_command_info((enum kt_command)c);
        if (c % 8 && c != KT_CMD_ACK) /* a process each: some of them */
            continue;
        assert_int_equal(RUN("--help", i->name), 0);
        assert_non_null(strstr(kt_buf_str(&out), i->help));
        assert_non_null(strstr(kt_buf_str(&out), i->keys));
    }
    assert_int_equal(RUN("--help", "nonesuch"), 2);
    assert_string_equal(kt_buf_str(&out), "");
    assert_non_null(strstr(kt_buf_str(&err), "there is no command nonesuch; keytop --help commands lists them"));
    assert_int_equal(RUN("--help", "demo:"), 0); /* a source */
    assert_non_null(strstr(kt_buf_str(&out), "Usage: keytop"));
}

/* What a shell prints of a script of ours; fails where it fails. */
static const char *shell(const char *command)
{
    static char text[1 << 16];
    FILE *p = popen(command, "r");
    assert_non_null(p);
    size_t n = fread(text, 1, sizeof text - 1, p);
    text[n] = '\0';
    int status = pclose(p);
    if (status != 0)
        fail_msg("%s: status %d: %s", command, status, text);
    return text;
}

/* "keytop WORDS" with the cursor at the end of the last one. */
static const char *bash(const char *words)
{
    char command[2048];
    snprintf(command, sizeof command,
             "bash --norc -c 'source <(\"%s\" --completion bash); complete -p keytop >/dev/null || exit 1; "
             "COMP_WORDS=(keytop %s); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _keytop; printf \"%%s\\n\" \"${COMPREPLY[@]}\"' 2>/dev/null",
             sample_keytop(), words);
    return shell(command);
}

static void bash_completes_options_values_lists_and_sources(void **state)
{
    (void)state;
    if (system("command -v bash >/dev/null 2>&1") != 0)
        skip();
    assert_string_equal(bash("--outp"), "--output\n");
    assert_string_equal(bash("-o oc"), "ocsf\n");
    assert_string_equal(bash("--output = ec"), "ecs\n");
    assert_string_equal(bash("--kinds creation,del"), "creation,deletion\n");
    assert_string_equal(bash("--columns time,actor.na"), "time,actor.name\n");
    assert_string_equal(bash("--filter target.se"), "target.self:\n");
    assert_string_equal(bash("--theme keytop-trit"), "keytop-tritanopia\n");
    assert_string_equal(bash("cloudt"), "cloudtrail:\n");
    assert_string_equal(bash("--rules /us"), "/usr\n");
    assert_string_equal(bash("--color n"), "never\n");
    assert_string_equal(bash("--help ackn"), "acknowledge\n");
}

static void zsh_takes_its_script(void **state)
{
    (void)state;
    char command[1024];
    if (system("command -v zsh >/dev/null 2>&1") != 0)
        skip();
    snprintf(command, sizeof command,
             "zsh -f -c 'autoload -Uz compinit && compinit -u -D && source <(\"%s\" --completion zsh) && print $_comps[keytop]'",
             sample_keytop());
    assert_string_equal(shell(command), "_keytop\n");
}

static void fish_takes_its_script(void **state)
{
    (void)state;
    char command[2048];
    struct temp_dir home; /* fish makes folders in it */
    if (system("command -v fish >/dev/null 2>&1") != 0) {
        print_message("SKIP: there is no fish\n");
        skip();
    }
    temp_dir_make(&home);
    snprintf(command, sizeof command,
             "HOME='%s' XDG_CONFIG_HOME='%s' XDG_DATA_HOME='%s' XDG_CACHE_HOME='%s' fish --no-config -c '\"%s\" --completion fish | source; complete -C \"keytop -o oc\"; "
             "complete -C \"keytop --outp\" | string match -r \"^--output\"' 2>/dev/null",
             home.path, home.path, home.path, home.path, sample_keytop());
    const char *said = shell(command); /* words with a tab and their meaning */
    assert_int_equal(strncmp(said, "ocsf\t", 5), 0);
    assert_non_null(strstr(said, "\n--output\n"));
    temp_dir_remove(&home);
}

int main(void)
{
    kt_buf_init(&out, 1 << 20);
    kt_buf_init(&err, 1 << 20);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_and_format_is_in_each_script),
        cmocka_unit_test(help_tells_of_each_command),
        cmocka_unit_test(bash_completes_options_values_lists_and_sources),
        cmocka_unit_test(zsh_takes_its_script),
        cmocka_unit_test(fish_takes_its_script),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
