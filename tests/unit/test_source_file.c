/* Reading what is there: files, folders, standard input, FIFOs. */
#include "source/file.h"
#include "tests/support/file_rig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void open_at(struct file_rig *r, const char *address, bool follow)
{
    struct kt_err e = {0};
    struct kt_source_opts o = {.follow = follow};
    if (kt_source_file.open(&r->source, address, &o, &e) != KT_OK)
        fail_msg("%s", e.text);
    assert_non_null(r->source);
}

static void read_all(struct file_rig *r, const char *name)
{
    open_at(r, temp_path(&r->dir, name), false);
    assert_true(fake_run(&r->sink, r->source));
}

static const char *place(struct file_rig *r, const char *name)
{
    static char text[8][4300];
    static unsigned turn;
    char *t = text[turn++ % 8];
    (void)snprintf(t, sizeof text[0], "file:%s", temp_path(&r->dir, name));
    return t;
}

/* The names of all objects below the folder, in order, one a line. */
static void assert_names(struct file_rig *r, const char *expected)
{
    struct kt_buf b;
    kt_buf_init(&b, 1 << 20);
    size_t skip = strlen(place(r, "")) + 1;
    for (size_t i = 0; i < r->sink.n_objects; i++)
        kt_buf_addf(&b, "%s ", r->sink.objects[i].name + skip);
    assert_string_equal(kt_buf_str(&b), expected);
    kt_buf_free(&b);
}

static void assert_text(struct file_rig *r, const char *name, const char *expected)
{
    char *t = fake_text(&r->sink, name);
    assert_string_equal(t, expected);
    free(t);
}

static struct kt_health health(struct file_rig *r)
{
    struct kt_health h;
    r->source->ops->health(r->source, &h);
    return h;
}

/* --- files and folders ------------------------------------------------- */

static void a_file_is_one_object_with_its_bytes_as_stored(void **state)
{
    struct file_rig *r = *state;
    temp_write(&r->dir, "a.json", "{\"Records\":[]}");
    read_all(r, "a.json");
    assert_int_equal(r->sink.n_objects, 1);
    assert_string_equal(r->sink.objects[0].name, place(r, "a.json"));
    assert_true(r->sink.objects[0].ended);
    assert_text(r, place(r, "a.json"), "{\"Records\":[]}");
    struct kt_health h = health(r);
    assert_int_equal(h.state, KT_HEALTH_DONE);
    assert_int_equal(h.files_done, 1);
    assert_int_equal(h.files_total, 1);
    assert_int_equal(h.bytes_done, 14);
    assert_int_equal(h.bytes_total, 14);
    assert_int_equal(h.troubles, 0);
}

static void a_path_may_be_written_with_the_scheme(void **state)
{
    struct file_rig *r = *state;
    temp_write(&r->dir, "s3:x", "1\n");
    open_at(r, place(r, "s3:x"), false);
    assert_true(fake_run(&r->sink, r->source));
    assert_text(r, place(r, "s3:x"), "1\n");
}

static void a_folder_is_read_in_the_order_of_its_paths(void **state)
{
    struct file_rig *r = *state;
    temp_mkdir(&r->dir, "b");
    temp_mkdir(&r->dir, "b/d");
    temp_write(&r->dir, "c.json", "c\n");
    temp_write(&r->dir, "b/z", "z\n");
    temp_write(&r->dir, "b/d/e", "e\n");
    temp_write(&r->dir, "a.json", "a\n");
    temp_write(&r->dir, "b.json", "b\n");
    temp_write(&r->dir, "empty", "");
    char with_slashes[200];
    (void)snprintf(with_slashes, sizeof with_slashes, "%s//", r->dir.path);
    open_at(r, with_slashes, false);
    assert_true(fake_run(&r->sink, r->source));
    assert_names(r, "a.json b.json b/d/e b/z c.json ");
    assert_int_equal(health(r).files_done, 6);
    assert_int_equal(health(r).files_total, 6);
}

static void many_files_are_sorted_across_folders(void **state)
{
    struct file_rig *r = *state;
    char name[64];
    for (int i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof name, "d%d", i * 7 % 20);
        temp_mkdir(&r->dir, name);
        for (int j = 0; j < 97; j++) {
            (void)snprintf(name, sizeof name, "d%d/f%d", i * 7 % 20, j * 31 % 97);
            temp_write(&r->dir, name, "x\n");
        }
    }
    read_all(r, "");
    assert_int_equal(r->sink.n_objects, 20 * 97);
    for (size_t i = 1; i < r->sink.n_objects; i++)
        assert_true(strcmp(r->sink.objects[i - 1].name, r->sink.objects[i].name) < 0);
}

static void hidden_and_unfinished_files_are_skipped_in_folders_and_read_when_named(void **state)
{
    struct file_rig *r = *state;
    static const char *const skipped[] = {".hidden", "a.json~", "b.tmp", ".c.swp", "d.swp", "e.part"};
    for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++)
        temp_write(&r->dir, skipped[i], "no\n");
    temp_mkdir(&r->dir, ".git");
    temp_write(&r->dir, ".git/x", "no\n");
    temp_mkdir(&r->dir, "CloudTrail-Digest");
    temp_write(&r->dir, "CloudTrail-Digest/x", "no\n");
    temp_write(&r->dir, "tmp", "yes\n");
    read_all(r, "");
    assert_names(r, "tmp ");
    assert_int_equal(r->sink.n_troubles, 0);
    r->source->ops->close(r->source);
    read_all(r, "b.tmp");
    assert_text(r, place(r, "b.tmp"), "no\n");
}

static void links_are_followed_and_nothing_is_read_twice(void **state)
{
    struct file_rig *r = *state;
    temp_mkdir(&r->dir, "in");
    temp_mkdir(&r->dir, "in/sub");
    temp_mkdir(&r->dir, "out");
    temp_write(&r->dir, "out/far", "far\n");
    temp_write(&r->dir, "lone", "lone\n");
    temp_write(&r->dir, "in/z", "z\n");
    temp_write(&r->dir, "in/sub/y", "y\n");
    temp_symlink(&r->dir, "z", "in/a-link-to-z");
    temp_symlink(&r->dir, "../lone", "in/link-to-lone");
    temp_symlink(&r->dir, "../lone", "in/link-to-lone-again");
    temp_symlink(&r->dir, "..", "in/sub/loop");
    temp_symlink(&r->dir, "sub", "in/a-link-to-sub");
    temp_symlink(&r->dir, "../out", "in/link-to-out");
    assert_int_equal(link(temp_path(&r->dir, "in/z"), temp_path(&r->dir, "in/z2")), 0);
    read_all(r, "in");
    struct kt_buf b;
    kt_buf_init(&b, 4096);
    for (size_t i = 0; i < r->sink.n_objects; i++)
        kt_buf_addf(&b, "%s ", r->sink.objects[i].name + strlen(place(r, "in/")));
    assert_string_equal(kt_buf_str(&b), "link-to-lone link-to-out/far sub/y z ");
    kt_buf_free(&b);
    assert_int_equal(health(r).files_total, 4);
    assert_int_equal(r->sink.n_troubles, 0);
}

static void special_files_in_folders_are_skipped(void **state)
{
    struct file_rig *r = *state;
    assert_int_equal(mkfifo(temp_path(&r->dir, "fifo"), 0600), 0);
    temp_symlink(&r->dir, "/dev/zero", "zero");
    temp_write(&r->dir, "a", "a\n");
    read_all(r, "");
    assert_names(r, "a ");
    assert_int_equal(r->sink.n_troubles, 0);
}

static void a_link_that_leads_nowhere_is_named_and_the_rest_goes_on(void **state)
{
    struct file_rig *r = *state;
    temp_symlink(&r->dir, "nowhere", "a");
    temp_write(&r->dir, "b", "b\n");
    read_all(r, "");
    assert_names(r, "b ");
    assert_int_equal(fake_troubles(&r->sink, place(r, "a"), true), 1);
}

static void what_cannot_be_read_is_named_and_the_rest_goes_on(void **state)
{
    struct file_rig *r = *state;
    bool root = geteuid() == 0; /* who may read everything */
    temp_mkdir(&r->dir, "b");
    temp_write(&r->dir, "a", "a\n");
    temp_write(&r->dir, "c", "c\n");
    assert_int_equal(chmod(temp_path(&r->dir, "a"), 0), 0);
    assert_int_equal(chmod(temp_path(&r->dir, "b"), 0), 0);
    assert_int_equal(chmod(temp_path(&r->dir, "c"), 0644), 0);
    assert_int_equal(chmod(temp_path(&r->dir, ""), 0755), 0);
    assert_true(!root || seteuid(65534) == 0);
    read_all(r, "");
    assert_true(!root || seteuid(0) == 0);
    assert_names(r, "c ");
    assert_int_equal(fake_troubles(&r->sink, place(r, "a"), true), 1);
    assert_int_equal(fake_troubles(&r->sink, place(r, "b"), true), 1);
    assert_int_equal(health(r).troubles, 2);
    assert_int_equal(health(r).state, KT_HEALTH_DONE);
    assert_int_equal(chmod(temp_path(&r->dir, "b"), 0700), 0);
}

static void a_file_that_is_gone_before_its_turn_is_named(void **state)
{
    struct file_rig *r = *state;
    temp_write(&r->dir, "a", "a\n");
    temp_write(&r->dir, "b", "b\n");
    open_at(r, temp_path(&r->dir, ""), false);
    struct kt_wait w;
    for (int i = 0; i < 4; i++) /* start, list, sort, unique */
        r->source->ops->step(r->source, &r->sink.sink, &w);
    assert_int_equal(health(r).files_total, 2);
    assert_int_equal(r->sink.n_objects, 0);
    temp_unlink(&r->dir, "a");
    assert_true(fake_run(&r->sink, r->source));
    assert_names(r, "b ");
    assert_int_equal(fake_troubles(&r->sink, place(r, "a"), true), 1);
}

static void a_file_that_shrinks_while_it_is_read_is_named(void **state)
{
    struct file_rig *r = *state;
    char *big = malloc(3 << 20);
    assert_non_null(big);
    memset(big, 'x', 3 << 20);
    big[(3 << 20) - 1] = '\0';
    temp_write(&r->dir, "a", big);
    open_at(r, temp_path(&r->dir, "a"), false);
    struct kt_wait w;
    while (!r->sink.n_objects)
        r->source->ops->step(r->source, &r->sink.sink, &w);
    temp_write(&r->dir, "a", "short");
    assert_true(fake_run(&r->sink, r->source));
    assert_int_equal(fake_troubles(&r->sink, place(r, "a"), true), 1);
    free(big);
}

static void a_step_reads_a_mebibyte_at_most_in_slices(void **state)
{
    struct file_rig *r = *state;
    char *big = malloc(5 << 20);
    assert_non_null(big);
    for (int i = 0; i < 5 << 20; i++)
        big[i] = (char)('a' + i % 23);
    big[(5 << 20) - 1] = '\0';
    temp_write(&r->dir, "a", big);
    open_at(r, temp_path(&r->dir, "a"), false);
    struct kt_wait w;
    uint64_t before = 0;
    do {
        r->source->ops->step(r->source, &r->sink.sink, &w);
        uint64_t now = health(r).bytes_done;
        assert_true(now - before <= KT_FILE_STEP + KT_FILE_SLICE);
        before = now;
    } while (w.kind == KT_WAIT_NONE);
    assert_int_equal(w.kind, KT_WAIT_DONE);
    assert_int_equal(r->sink.largest, KT_FILE_SLICE);
    assert_text(r, place(r, "a"), big);
    free(big);
}

static void a_sink_that_says_stop_is_obeyed(void **state)
{
    struct file_rig *r = *state;
    char *big = malloc(2 << 20);
    assert_non_null(big);
    memset(big, 'x', 2 << 20);
    big[(2 << 20) - 1] = '\0';
    temp_write(&r->dir, "a", big);
    free(big);
    open_at(r, temp_path(&r->dir, "a"), false);
    r->sink.stop_after = 1;
    struct kt_wait w;
    while (!r->sink.pieces)
        r->source->ops->step(r->source, &r->sink.sink, &w);
    assert_int_equal(r->sink.pieces, 1);
}

/* --- what can be told at once ------------------------------------------ */

static void a_path_that_does_not_exist_is_refused_with_what_to_do(void **state)
{
    struct file_rig *r = *state;
    struct kt_err e = {0};
    struct kt_source *s;
    assert_int_equal(kt_source_file.open(&s, temp_path(&r->dir, "nowhere"), NULL, &e), KT_ENOTFOUND);
    assert_null(s);
    assert_non_null(strstr(e.text, "nowhere"));
    assert_non_null(strstr(e.text, "check the spelling"));
    temp_write(&r->dir, "a", "a\n");
    assert_int_equal(kt_source_file.open(&s, temp_path(&r->dir, "a/b"), NULL, &e), KT_ENOTFOUND);
    assert_int_equal(kt_source_file.open(&s, "file:", NULL, &e), KT_EUSAGE);
    char *long_path = malloc(6000);
    assert_non_null(long_path);
    memset(long_path, 'a', 5999);
    long_path[5999] = '\0';
    assert_int_equal(kt_source_file.open(&s, long_path, NULL, &e), KT_EUSAGE);
    free(long_path);
}

static void a_socket_is_named_as_what_it_is(void **state)
{
    struct file_rig *r = *state;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", temp_path(&r->dir, "sock"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    read_all(r, "sock");
    assert_int_equal(fake_troubles(&r->sink, place(r, "sock"), true), 1);
    assert_non_null(strstr(r->sink.troubles[0].sentence, "socket"));
    assert_int_equal(health(r).state, KT_HEALTH_FAILED);
    (void)close(fd);
}

/* --- the registry ------------------------------------------------------ */

static void an_address_finds_its_source(void **state)
{
    struct file_rig *r = *state;
    struct kt_err e = {0};
    struct kt_source_opts o = {0};
    temp_write(&r->dir, "a", "a\n");
    assert_int_equal(kt_source_open(&r->source, place(r, "a"), &o, &e), KT_OK);
    assert_ptr_equal(r->source->ops, &kt_source_file);
    r->source->ops->close(r->source);
    assert_int_equal(kt_source_open(&r->source, "-", &o, &e), KT_OK);
    assert_ptr_equal(r->source->ops, &kt_source_file);
    r->source->ops->close(r->source);
    assert_int_equal(kt_source_open(&r->source, "demo:", &o, &e), KT_OK);
    assert_ptr_equal(r->source->ops, &kt_source_demo);
}

static void a_word_before_a_colon_that_is_no_scheme_is_part_of_a_name(void **state)
{
    struct file_rig *r = *state;
    struct kt_err e = {0};
    struct kt_source_opts o = {0};
    temp_write(&r->dir, "trail:2023", "1\n");
    char cwd[4096];
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_int_equal(chdir(r->dir.path), 0);
    enum kt_code code = kt_source_open(&r->source, "trail:2023", &o, &e);
    bool done = code == KT_OK && fake_run(&r->sink, r->source);
    assert_int_equal(chdir(cwd), 0);
    assert_true(done);
    assert_text(r, "file:trail:2023", "1\n");
    assert_int_equal(kt_source_open(&(struct kt_source *){NULL}, "", &o, &e), KT_EUSAGE);
}

/* --- streams ----------------------------------------------------------- */

static int stdin_from_pipe(int *saved)
{
    int p[2];
    assert_int_equal(pipe(p), 0);
    *saved = dup(STDIN_FILENO);
    assert_true(dup2(p[0], STDIN_FILENO) == STDIN_FILENO);
    (void)close(p[0]);
    return p[1];
}

static void restore_stdin(int saved)
{
    (void)dup2(saved, STDIN_FILENO);
    (void)close(saved);
}

static void standard_input(struct file_rig *r, const char *address, const char *name, bool follow)
{
    int saved, out = stdin_from_pipe(&saved);
    open_at(r, address, follow);
    struct kt_wait w = fake_settle(&r->sink, r->source, NULL);
    assert_int_equal(w.kind, KT_WAIT_FD); /* and did not block */
    assert_int_equal(w.fd, STDIN_FILENO);
    assert_int_equal(r->sink.n_objects, 0);
    assert_int_equal(write(out, "one\ntw", 6), 6);
    w = fake_settle(&r->sink, r->source, NULL);
    assert_int_equal(w.kind, KT_WAIT_FD);
    assert_int_equal(health(r).state, follow ? KT_HEALTH_LIVE : KT_HEALTH_READING);
    assert_text(r, name, "one\ntw");
    assert_false(r->sink.objects[0].ended);
    assert_int_equal(write(out, "o\n", 2), 2);
    (void)close(out);
    assert_true(fake_run(&r->sink, r->source));
    assert_text(r, name, "one\ntwo\n");
    assert_int_equal(r->sink.n_objects, 1);
    assert_true(r->sink.objects[0].ended);
    assert_int_equal(health(r).state, KT_HEALTH_DONE);
    restore_stdin(saved);
}

static void standard_input_is_read_as_it_comes_until_its_end(void **state)
{
    standard_input(*state, "-", "-", false);
}

static void standard_input_has_an_end_when_followed_too(void **state)
{
    standard_input(*state, "-", "-", true);
}

static void dev_stdin_is_standard_input(void **state)
{
    standard_input(*state, "/dev/stdin", "file:/dev/stdin", false);
}

static void a_fifo_that_is_named_is_read_to_the_end_of_its_writer(void **state)
{
    struct file_rig *r = *state;
    assert_int_equal(mkfifo(temp_path(&r->dir, "fifo"), 0600), 0);
    open_at(r, temp_path(&r->dir, "fifo"), false);
    struct kt_wait w = fake_settle(&r->sink, r->source, NULL);
    assert_int_equal(w.kind, KT_WAIT_FD); /* no writer yet is not the end */
    int out = open(temp_path(&r->dir, "fifo"), O_WRONLY | O_CLOEXEC);
    assert_true(out >= 0);
    assert_int_equal(write(out, "one\n", 4), 4);
    w = fake_settle(&r->sink, r->source, NULL);
    assert_int_equal(w.kind, KT_WAIT_FD);
    (void)close(out);
    assert_true(fake_run(&r->sink, r->source));
    assert_text(r, place(r, "fifo"), "one\n");
    assert_true(r->sink.objects[0].ended);
}

static void a_fifo_that_is_followed_hears_its_next_writer(void **state)
{
    struct file_rig *r = *state;
    assert_int_equal(mkfifo(temp_path(&r->dir, "fifo"), 0600), 0);
    open_at(r, temp_path(&r->dir, "fifo"), true);
    for (int i = 0; i < 3; i++) {
        (void)fake_settle(&r->sink, r->source, NULL);
        temp_append(&r->dir, "fifo", "one\n");
        struct kt_wait w = fake_settle(&r->sink, r->source, NULL);
        assert_int_equal(w.kind, KT_WAIT_FD);
    }
    assert_text(r, place(r, "fifo"), "one\none\none\n");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, file_rig_set_up, file_rig_tear_down)
    const struct CMUnitTest tests[] = {
        T(a_file_is_one_object_with_its_bytes_as_stored),
        T(a_path_may_be_written_with_the_scheme),
        T(a_folder_is_read_in_the_order_of_its_paths),
        T(many_files_are_sorted_across_folders),
        T(hidden_and_unfinished_files_are_skipped_in_folders_and_read_when_named),
        T(links_are_followed_and_nothing_is_read_twice),
        T(special_files_in_folders_are_skipped),
        T(a_link_that_leads_nowhere_is_named_and_the_rest_goes_on),
        T(what_cannot_be_read_is_named_and_the_rest_goes_on),
        T(a_file_that_is_gone_before_its_turn_is_named),
        T(a_file_that_shrinks_while_it_is_read_is_named),
        T(a_step_reads_a_mebibyte_at_most_in_slices),
        T(a_sink_that_says_stop_is_obeyed),
        T(a_path_that_does_not_exist_is_refused_with_what_to_do),
        T(a_socket_is_named_as_what_it_is),
        T(an_address_finds_its_source),
        T(a_word_before_a_colon_that_is_no_scheme_is_part_of_a_name),
        T(standard_input_is_read_as_it_comes_until_its_end),
        T(standard_input_has_an_end_when_followed_too),
        T(dev_stdin_is_standard_input),
        T(a_fifo_that_is_named_is_read_to_the_end_of_its_writer),
        T(a_fifo_that_is_followed_hears_its_next_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
