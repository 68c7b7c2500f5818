/* The configuration, as it is changed while keytop runs. */
#include "tests/support/pty.h"
#include "tests/support/sample.h"
#include "tests/support/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static struct temp_dir d;

static void trail(const char *name, int first, int count)
{
    struct kt_buf b;
    kt_buf_init(&b, 1 << 20);
    sample_trail(&b, first, count);
    temp_write(&d, name, kt_buf_str(&b));
    kt_buf_free(&b);
}

static void more(const char *name, int n)
{
    struct kt_buf b;
    kt_buf_init(&b, 1 << 20);
    kt_buf_addc(&b, '\n');
    sample_record(&b, &(struct sample){.n = n});
    kt_buf_addc(&b, '\n');
    temp_append(&d, name, kt_buf_str(&b));
    kt_buf_free(&b);
}

static int set_up(void **state)
{
    (void)state;
    temp_dir_make(&d);
    trail("one.json", 1, 3);
    trail("two.json", 11, 2);
    temp_write(&d, "config.yaml", "sources:\n  - {address: one.json, name: first}\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_dir_remove(&d);
    return 0;
}

static struct pty *start(int rows, int cols)
{
    char config[300];
    snprintf(config, sizeof config, "%s", temp_path(&d, "config.yaml"));
    const char *const argv[] = {sample_keytop(), "--no-state", "--config", config, NULL};
    struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .rows = rows, .cols = cols});
    pty_wait_text(p, "svc-00003");
    pty_wait_text(p, "first");
    return p;
}

/* As editors do: a new file takes the old one's place. */
static void edit(const char *text)
{
    temp_write(&d, "config.yaml.new", text);
    temp_rename(&d, "config.yaml.new", "config.yaml");
}

static void sources_come_are_renamed_and_go(void **state)
{
    (void)state;
    struct pty *p = start(30, 140);
    edit("sources:\n  - {address: one.json, name: first}\n  - {address: two.json, name: second}\n");
    pty_wait_text(p, "second");
    pty_wait_text(p, "svc-00012");
    pty_wait_text(p, "5 rows");
    edit("sources:\n  - {address: one.json, name: other name}\n  - {address: two.json, name: second}\n");
    pty_wait_text(p, "other name");
    pty_wait_no_text(p, "first");
    edit("sources:\n  - {address: two.json, name: second}\n");
    pty_wait_no_text(p, "other name");
    pty_wait_text(p, "5 rows"); /* what it gave is there still */
    more("two.json", 13);
    pty_wait_text(p, "svc-backup");
    edit("sources:\n  - {address: two.json, name: second}\n  - {address: one.json, name: first}\n");
    pty_wait_text(p, "first");
    pty_wait_text(p, "6 rows"); /* it was read before: nothing twice */
    pty_quit(p);
}

static void a_broken_edit_leaves_the_old_one_in_force(void **state)
{
    (void)state;
    struct pty *p = start(30, 140);
    static const struct {
        const char *text, *says;
    } broken[] = {
        {"sources:\n  - {adress: one.json}\n", "config.yaml:2:6: "},
        {"sources:\n  - {address: one.json, name: x}\n  - none-such.json\n", "config.yaml:3:5: "},
        {"sources: [one.json]\noutput: {theme: nothing}\n", "nothing"},
        {"sources: []\n", "names no source"},
        {"sources: [one.json]\nrules: {folders: [none-such]}\n", "none-such"},
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        edit(broken[i].text);
        pty_wait_text(p, "configuration: a broken edit, the old one holds");
        pty_send(p, "S");
        pty_wait_text(p, "a broken edit, so that the one before holds");
        pty_wait_text(p, broken[i].says);
        pty_wait_text(p, "first");
        pty_send(p, "\x1b");
        edit("sources:\n  - {address: one.json, name: first}\n");
        pty_wait_no_text(p, "a broken edit");
    }
    temp_unlink(&d, "config.yaml");
    pty_wait_text(p, "a broken edit");
    pty_send(p, "S");
    pty_wait_text(p, "is not there any more");
    pty_send(p, "\x1b");
    pty_wait_no_text(p, "is not there any more");
    pty_quit(p);
}

static void weights_and_colours_change(void **state)
{
    (void)state;
    struct pty *p = start(30, 160);
    edit("sources:\n  - {address: one.json, name: first}\n"
         "risk:\n  target.other: {weight: 1}\noutput: {theme: keytop-light}\n");
    pty_wait_no_text(p, " 88 ");
    pty_wait_text(p, "the configuration has changed, and holds");
    pty_quit(p);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(sources_come_are_renamed_and_go),
        T(a_broken_edit_leaves_the_old_one_in_force),
        T(weights_and_colours_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
