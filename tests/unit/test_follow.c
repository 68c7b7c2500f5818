/* Following files as they grow, rotate, shrink and go. */
#include "source/file.h"
#include "tests/support/file_rig.h"
#include "tests/support/follow_schedule.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

static struct kt_file_tuning *open_at(struct file_rig *r, const char *name)
{
    struct kt_err e = {0};
    struct kt_source_opts o = {.follow = true};
    if (kt_source_file.open(&r->source, temp_path(&r->dir, name), &o, &e) != KT_OK)
        fail_msg("%s", e.text);
    return kt_file_tuning(r->source);
}

static struct kt_wait settle(struct file_rig *r)
{
    return fake_settle(&r->sink, r->source, NULL);
}

static const char *place(struct file_rig *r, const char *name)
{
    static char text[8][4300];
    static unsigned turn;
    char *t = text[turn++ % 8];
    (void)snprintf(t, sizeof text[0], "file:%s", temp_path(&r->dir, name));
    return t;
}

static void assert_text(struct file_rig *r, const char *name, const char *expected)
{
    char *t = fake_text(&r->sink, place(r, name));
    assert_string_equal(t, expected);
    free(t);
}

static struct kt_health health(struct file_rig *r)
{
    struct kt_health h;
    r->source->ops->health(r->source, &h);
    return h;
}

static void assert_no_troubles(struct file_rig *r)
{
    for (size_t i = 0; i < r->sink.n_troubles; i++)
        print_message("%s: %s\n", r->sink.troubles[i].place, r->sink.troubles[i].sentence);
    assert_int_equal(r->sink.n_troubles, 0);
}

/* --- growth ------------------------------------------------------------ */

static void a_file_that_grows_continues_where_it_was(void **state)
{
    struct file_rig *r = *state;
    temp_write(&r->dir, "a", "one\n");
    open_at(r, "");
    (void)settle(r);
    assert_int_equal(health(r).state, KT_HEALTH_LIVE);
    temp_append(&r->dir, "a", "two\n");
    (void)settle(r);
    temp_append(&r->dir, "a", "three\n");
    (void)settle(r);
    assert_text(r, "a", "one\ntwo\nthree\n");
    struct fake_object *o = fake_object(&r->sink, place(r, "a"), NULL);
    assert_true(o->ended); /* at rest: let go of */
    o = fake_object(&r->sink, place(r, "a"), o);
    assert_int_equal(o->records, 1); /* and continued with its counts */
    assert_int_equal(o->bytes, 4);
    o = fake_object(&r->sink, place(r, "a"), o);
    assert_int_equal(o->records, 2);
    assert_int_equal(o->bytes, 8);
    assert_no_troubles(r);
}

static void a_partial_line_stays_in_its_object_until_it_is_whole(void **state)
{
    struct file_rig *r = *state;
    temp_write(&r->dir, "a", "on");
    open_at(r, "a");
    (void)settle(r);
    assert_false(fake_object(&r->sink, place(r, "a"), NULL)->ended);
    temp_append(&r->dir, "a", "e\n");
    (void)settle(r);
    assert_int_equal(r->sink.n_objects, 1);
    assert_true(r->sink.objects[0].ended);
    assert_text(r, "a", "one\n");
}

static bool first_has_ended(void *ctx)
{
    const struct file_rig *r = ctx;
    return r->sink.objects[0].ended;
}

/* As a compressed file is while it is being written. */
static void what_does_not_rest_is_ended_only_when_its_file_is_replaced(void **state)
{
    struct file_rig *r = *state;
    temp_write(&r->dir, "a.gz", "half of");
    open_at(r, "")->linger_ms = 0;
    (void)settle(r);
    for (int i = 0; i < 3; i++) {
        (void)settle(r);
        temp_append(&r->dir, "a.gz", " more");
    }
    (void)settle(r);
    assert_int_equal(r->sink.n_objects, 1);
    assert_false(r->sink.objects[0].ended);
    assert_no_troubles(r);
    temp_write(&r->dir, "new.tmp", "whole\n");
    temp_rename(&r->dir, "new.tmp", "a.gz");
    assert_true(fake_wait(&r->sink, r->source, first_has_ended, r, 5000));
    assert_int_equal(r->sink.n_objects, 2);
    assert_text(r, "a.gz", "half of more more morewhole\n");
}

static void with_nothing_to_do_the_source_waits_without_a_deadline(void **state)
{
    struct file_rig *r = *state;
    temp_write(&r->dir, "a", "one\n");
    open_at(r, "");
    struct kt_wait w = settle(r);
    assert_int_equal(w.kind, KT_WAIT_FD);
    assert_int_equal(w.deadline, 0);
    temp_append(&r->dir, "a", "two\n");
    size_t steps;
    w = fake_settle(&r->sink, r->source, &steps);
    assert_true(steps <= 3);
    assert_int_equal(w.kind, KT_WAIT_FD);
    assert_int_equal(w.deadline, 0);
    assert_string_equal(health(r).note, "");
}

static void what_others_write_beside_a_single_file_is_not_heard(void **state)
{
    struct file_rig *r = *state;
    temp_write(&r->dir, "a", "one\n");
    temp_write(&r->dir, "noise", "one\n");
    open_at(r, "a");
    struct kt_wait w = settle(r);
    for (int i = 0; i < 10; i++)
        temp_append(&r->dir, "noise", "more\n");
    struct pollfd p = {.fd = w.fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 0);
    temp_append(&r->dir, "a", "two\n");
    assert_int_equal(poll(&p, 1, 0), 1);
    (void)settle(r);
    assert_text(r, "a", "one\ntwo\n");
}

static void what_could_not_be_read_is_read_once_it_may(void **state)
{
    struct file_rig *r = *state;
    bool root = geteuid() == 0; /* who may read everything */
    temp_write(&r->dir, "a", "one\n");
    assert_int_equal(chmod(temp_path(&r->dir, "a"), 0), 0);
    assert_int_equal(chmod(temp_path(&r->dir, ""), 0755), 0);
    open_at(r, "a");
    assert_true(!root || seteuid(65534) == 0);
    (void)settle(r);
    (void)settle(r);
    assert_true(!root || seteuid(0) == 0);
    assert_int_equal(fake_troubles(&r->sink, place(r, "a"), true), 1);
    assert_int_equal(health(r).state, KT_HEALTH_FAILED);
    assert_int_equal(chmod(temp_path(&r->dir, "a"), 0644), 0);
    kt_file_tuning(r->source)->poll_ms = 0;
    ((struct kt_files *)r->source)->poll_at = 0; /* what may not be read cannot be watched */
    (void)settle(r);
    assert_text(r, "a", "one\n");
    assert_int_equal(health(r).state, KT_HEALTH_LIVE);
    assert_int_equal(r->sink.n_troubles, 1);
}

static void a_folder_that_cannot_be_listed_is_named_once_however_often_it_is_tried(void **state)
{
    struct file_rig *r = *state;
    bool root = geteuid() == 0;
    temp_mkdir(&r->dir, "closed");
    temp_write(&r->dir, "closed/a", "one\n");
    assert_int_equal(chmod(temp_path(&r->dir, "closed/a"), 0644), 0);
    assert_int_equal(chmod(temp_path(&r->dir, "closed"), 0), 0);
    assert_int_equal(chmod(temp_path(&r->dir, ""), 0755), 0);
    open_at(r, "");
    struct kt_files *s = (struct kt_files *)r->source;
    assert_true(!root || seteuid(65534) == 0);
    for (int i = 0; i < 5; i++) {
        s->rescan = true;
        (void)settle(r);
    }
    assert_true(!root || seteuid(0) == 0);
    assert_int_equal(r->sink.n_troubles, 1);
    assert_int_equal(fake_troubles(&r->sink, place(r, "closed"), true), 1);
    assert_int_equal(chmod(temp_path(&r->dir, "closed"), 0755), 0);
    s->rescan = true;
    (void)settle(r);
    assert_text(r, "closed/a", "one\n");
}

static void new_files_and_new_folders_are_found(void **state)
{
    struct file_rig *r = *state;
    temp_mkdir(&r->dir, "log");
    temp_mkdir(&r->dir, "ready");
    temp_mkdir(&r->dir, "ready/deep");
    temp_write(&r->dir, "ready/deep/r", "r\n");
    open_at(r, "log");
    (void)settle(r);
    temp_write(&r->dir, "log/a", "a\n");
    temp_mkdir(&r->dir, "log/sub");
    temp_mkdir(&r->dir, "log/sub/sub");
    temp_write(&r->dir, "log/sub/sub/b", "b\n");
    temp_write(&r->dir, "log/c.tmp", "c\n");
    temp_mkdir(&r->dir, "log/CloudTrail-Digest");
    temp_write(&r->dir, "log/CloudTrail-Digest/x", "x\n");
    (void)settle(r);
    temp_append(&r->dir, "log/sub/sub/b", "bb\n");
    temp_rename(&r->dir, "log/c.tmp", "log/c");
    temp_rename(&r->dir, "ready", "log/ready");
    (void)settle(r);
    temp_append(&r->dir, "log/ready/deep/r", "rr\n");
    (void)settle(r);
    assert_text(r, "log/a", "a\n");
    assert_text(r, "log/sub/sub/b", "b\nbb\n");
    assert_text(r, "log/c", "c\n");
    assert_text(r, "log/ready/deep/r", "r\nrr\n");
    assert_int_equal(r->sink.n_objects, 6);
    assert_no_troubles(r);
}

static void thousands_of_files_are_followed_with_few_open(void **state)
{
    struct file_rig *r = *state;
    enum { N = 3000, OPEN = 8 };
    char name[32];
    for (int i = 0; i < N; i++) {
        (void)snprintf(name, sizeof name, "f%d", i);
        temp_write(&r->dir, name, "one\n");
    }
    open_at(r, "")->open_max = OPEN;
    (void)settle(r);
    const struct kt_files *s = (const struct kt_files *)r->source;
    assert_int_equal(s->n_files, N);
    assert_true(s->n_opened <= OPEN);
    for (size_t i = 0; i < r->sink.n_objects; i++)
        assert_true(r->sink.objects[i].ended);
    for (int i = 0; i < N; i += 7) {
        (void)snprintf(name, sizeof name, "f%d", i);
        temp_append(&r->dir, name, "two\n");
    }
    (void)settle(r);
    for (int i = 0; i < N; i++) {
        (void)snprintf(name, sizeof name, "f%d", i);
        if (i < 100 || i % 7 == 0)
            assert_text(r, name, i % 7 ? "one\n" : "one\ntwo\n");
    }
    assert_true(s->n_opened <= OPEN);
    assert_no_troubles(r);
}

/* --- rotation ---------------------------------------------------------- */

static void rotation_by_rename_loses_and_doubles_nothing(void **state)
{
    struct file_rig *r = *state;
    temp_write(&r->dir, "a.log", "one\n");
    open_at(r, "");
    (void)settle(r);
    temp_append(&r->dir, "a.log", "two\n");
    temp_rename(&r->dir, "a.log", "a.log.1");
    temp_append(&r->dir, "a.log.1", "three\n"); /* its writer has not noticed */
    temp_write(&r->dir, "a.log", "four\n");
    (void)settle(r);
    temp_append(&r->dir, "a.log.1", "five\n");
    (void)settle(r);
    assert_text(r, "a.log.1", "two\nthree\nfive\n");
    assert_text(r, "a.log", "one\nfour\n");
    assert_no_troubles(r);
}

static void a_single_file_is_followed_through_rotation(void **state)
{
    struct file_rig *r = *state;
    temp_write(&r->dir, "a.log", "one\n");
    temp_write(&r->dir, "other", "no\n");
    open_at(r, "a.log");
    (void)settle(r);
    int writer = open(temp_path(&r->dir, "a.log"), O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(writer >= 0);
    assert_int_equal(write(writer, "two\n", 4), 4);
    temp_rename(&r->dir, "a.log", "a.log.1");
    (void)settle(r);
    assert_int_equal(write(writer, "three\n", 6), 6);
    (void)close(writer);
    temp_write(&r->dir, "a.log", "four\n");
    temp_append(&r->dir, "other", "no\n");
    struct kt_wait w = settle(r);
    assert_true(w.deadline > 0); /* the old one is looked at for some seconds */
    assert_true(fake_object(&r->sink, place(r, "a.log"), NULL) != NULL);
    temp_append(&r->dir, "a.log", "five\n");
    struct kt_files *s = (struct kt_files *)r->source;
    s->gone_at = 0;
    (void)settle(r);
    char *t = fake_text(&r->sink, place(r, "a.log"));
    static const char *const lines[] = {"one\n", "two\n", "three\n", "four\n", "five\n"};
    size_t n = 0;
    for (size_t i = 0; i < 5; i++) {
        const char *p = strstr(t, lines[i]);
        assert_non_null(p);
        assert_null(strstr(p + 1, lines[i]));
        n += strlen(lines[i]);
    }
    assert_int_equal(strlen(t), n);
    free(t);
    assert_null(fake_object(&r->sink, place(r, "other"), NULL));
    assert_no_troubles(r);
}

static void a_file_that_is_gone_is_let_go_of_after_a_while(void **state)
{
    struct file_rig *r = *state;
    temp_write(&r->dir, "a", "on");
    open_at(r, "")->linger_ms = 0;
    (void)settle(r);
    temp_append(&r->dir, "a", "e\ntw");
    temp_unlink(&r->dir, "a");
    assert_true(fake_wait(&r->sink, r->source, first_has_ended, r, 5000));
    assert_int_equal(settle(r).deadline, 0);
    assert_text(r, "a", "one\ntw"); /* what was written before was read */
    const struct kt_files *s = (const struct kt_files *)r->source;
    assert_int_equal(s->n_files, 0);
    assert_int_equal(s->n_opened, 0);
    assert_no_troubles(r);
}

static void a_name_that_comes_back_is_a_new_object(void **state)
{
    struct file_rig *r = *state;
    temp_write(&r->dir, "a", "one\n");
    open_at(r, "a")->linger_ms = 0;
    (void)settle(r);
    temp_unlink(&r->dir, "a");
    (void)settle(r);
    temp_write(&r->dir, "a", "1\n");
    (void)settle(r);
    struct fake_object *o = fake_object(&r->sink, place(r, "a"), fake_object(&r->sink, place(r, "a"), NULL));
    assert_non_null(o);
    assert_int_equal(o->records, 0);
    assert_text(r, "a", "one\n1\n");
    assert_no_troubles(r);
}

static void an_inode_number_that_is_given_again_is_another_file(void **state)
{
    struct file_rig *r = *state;
    temp_write(&r->dir, "a", "the first file\n");
    temp_write(&r->dir, "z", "z\n");
    open_at(r, "")->open_max = 1;
    (void)settle(r);
    struct kt_files *s = (struct kt_files *)r->source;
    struct kt_file *f = kt_file_by_path(s, temp_path(&r->dir, "a"));
    assert_int_equal(f->fd, -1); /* nothing holds its inode */
    temp_unlink(&r->dir, "a");
    temp_write(&r->dir, "b", "another file, and a longer one\n");
    struct stat st;
    assert_int_equal(stat(temp_path(&r->dir, "b"), &st), 0);
    /* Not every file system gives a number again at once, or says no time of birth. */
    kt_table_del(&s->by_id, kt_file_id_hash(f->id.dev, f->id.ino), f);
    f->id.ino = st.st_ino;
    f->id.born = 0;
    assert_true(kt_table_add(&s->by_id, kt_file_id_hash(f->id.dev, f->id.ino), f));
    (void)settle(r);
    assert_text(r, "b", "another file, and a longer one\n");
    assert_no_troubles(r);
}

static void a_folder_that_is_renamed_keeps_its_files_places(void **state)
{
    struct file_rig *r = *state;
    temp_mkdir(&r->dir, "d");
    temp_mkdir(&r->dir, "d/e");
    temp_write(&r->dir, "d/e/a", "one\n");
    open_at(r, "");
    (void)settle(r);
    temp_append(&r->dir, "d/e/a", "two\n");
    temp_rename(&r->dir, "d", "f");
    temp_append(&r->dir, "f/e/a", "three\n");
    (void)settle(r);
    temp_append(&r->dir, "f/e/a", "four\n");
    (void)settle(r);
    assert_text(r, "d/e/a", "one\n");
    assert_text(r, "f/e/a", "two\nthree\nfour\n");
    assert_no_troubles(r);
}

/* --- truncation -------------------------------------------------------- */

static void copytruncate_starts_anew_and_is_a_gap(void **state)
{
    struct file_rig *r = *state;
    temp_write(&r->dir, "a", "one\ntwo\n");
    open_at(r, "");
    (void)settle(r);
    temp_write(&r->dir, "a", "3\n");
    (void)settle(r);
    assert_text(r, "a", "one\ntwo\n3\n");
    struct fake_object *o = fake_object(&r->sink, place(r, "a"), fake_object(&r->sink, place(r, "a"), NULL));
    assert_int_equal(o->records, 0);
    assert_int_equal(fake_troubles(&r->sink, place(r, "a"), true), 1);
}

static void a_file_that_was_truncated_and_grew_beyond_its_old_end_is_noticed(void **state)
{
    struct file_rig *r = *state;
    temp_write(&r->dir, "a", "one\n");
    open_at(r, "a");
    (void)settle(r);
    temp_write(&r->dir, "a", "");
    temp_append(&r->dir, "a", "two\nthree\nfour\n");
    (void)settle(r);
    assert_text(r, "a", "one\ntwo\nthree\nfour\n");
    assert_int_equal(fake_troubles(&r->sink, place(r, "a"), true), 1);
}

/* --- when events are lost or not given --------------------------------- */

static void a_real_overflow_of_the_queue_is_made_good(void **state)
{
    struct file_rig *r = *state;
    temp_write(&r->dir, "a", "a0\n");
    temp_write(&r->dir, "b", "b0\n");
    open_at(r, "");
    (void)settle(r);
    int a = open(temp_path(&r->dir, "a"), O_WRONLY | O_APPEND | O_CLOEXEC);
    int b = open(temp_path(&r->dir, "b"), O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(a >= 0 && b >= 0);
    for (int i = 0; i < 20000; i++) /* by turns: equal events in a row are one */
        assert_int_equal(write(i % 2 ? a : b, "x\n", 2), 2);
    (void)close(a);
    (void)close(b);
    temp_mkdir(&r->dir, "sub"); /* nobody announces this one */
    temp_write(&r->dir, "sub/c", "c\n");
    (void)settle(r);
    char *t = fake_text(&r->sink, place(r, "a"));
    assert_int_equal(strlen(t), 3 + 20000);
    free(t);
    assert_text(r, "sub/c", "c\n");
    temp_append(&r->dir, "sub/c", "d\n");
    (void)settle(r);
    assert_text(r, "sub/c", "c\nd\n");
    assert_int_equal(fake_troubles(&r->sink, place(r, ""), true), 1);
    assert_int_equal(r->sink.n_troubles, 1);
}

struct expect {
    struct file_rig *r;
    const char *name, *text;
};
static bool has_text(void *ctx)
{
    const struct expect *e = ctx;
    char *t = fake_text(&e->r->sink, place(e->r, e->name));
    bool same = strcmp(t, e->text) == 0;
    free(t);
    return same;
}

static void polls(struct file_rig *r)
{
    temp_mkdir(&r->dir, "sub");
    temp_write(&r->dir, "sub/a", "one\n");
    (void)settle(r);
    struct kt_wait w = settle(r);
    assert_true(w.deadline > 0);
    assert_non_null(strstr(health(r).note, "looking every"));
    temp_append(&r->dir, "sub/a", "two\n");
    temp_write(&r->dir, "b", "b\n");
    assert_true(fake_wait(&r->sink, r->source, has_text, &(struct expect){r, "sub/a", "one\ntwo\n"}, 5000));
    assert_true(fake_wait(&r->sink, r->source, has_text, &(struct expect){r, "b", "b\n"}, 5000));
    temp_rename(&r->dir, "sub/a", "c");
    temp_append(&r->dir, "c", "three\n");
    assert_true(fake_wait(&r->sink, r->source, has_text, &(struct expect){r, "c", "three\n"}, 5000));
    assert_no_troubles(r);
}

static void on_a_remote_file_system_the_source_polls_and_says_so(void **state)
{
    struct file_rig *r = *state;
    struct kt_file_tuning *t = open_at(r, "");
    t->remote = true;
    t->poll_ms = 20;
    polls(r);
    assert_int_equal(health(r).state, KT_HEALTH_LIVE);
}

static void out_of_watches_the_source_polls_and_says_so(void **state)
{
    struct file_rig *r = *state;
    struct kt_file_tuning *t = open_at(r, "");
    t->watches_max = 1;
    t->poll_ms = 20;
    polls(r);
}

static void without_inotify_the_source_polls(void **state)
{
    struct file_rig *r = *state;
    struct kt_file_tuning *t = open_at(r, "");
    t->watches_max = 0;
    t->poll_ms = 20;
    polls(r);
}

/* --- links ------------------------------------------------------------- */

static void a_link_to_the_current_file_is_followed_to_the_next_one(void **state)
{
    struct file_rig *r = *state;
    temp_mkdir(&r->dir, "far");
    temp_mkdir(&r->dir, "log");
    temp_write(&r->dir, "far/1", "one\n");
    temp_symlink(&r->dir, "../far/1", "log/current");
    open_at(r, "log");
    (void)settle(r);
    temp_append(&r->dir, "far/1", "two\n");
    (void)settle(r);
    assert_text(r, "log/current", "one\ntwo\n");
    temp_write(&r->dir, "far/2", "three\n");
    temp_symlink(&r->dir, "../far/2", "log/.new");
    temp_rename(&r->dir, "log/.new", "log/current");
    (void)settle(r);
    temp_append(&r->dir, "far/2", "four\n");
    (void)settle(r);
    temp_rename(&r->dir, "far/2", "far/3"); /* the target itself is rotated */
    temp_write(&r->dir, "far/2", "five\n");
    (void)settle(r);
    temp_append(&r->dir, "far/2", "six\n");
    (void)settle(r);
    assert_text(r, "log/current", "one\ntwo\nthree\nfour\nfive\nsix\n");
    assert_no_troubles(r);
}

static void a_link_into_the_same_folder_does_not_double(void **state)
{
    struct file_rig *r = *state;
    temp_write(&r->dir, "app.1", "one\n");
    temp_symlink(&r->dir, "app.1", "a-current");
    open_at(r, "");
    (void)settle(r);
    temp_append(&r->dir, "app.1", "two\n");
    (void)settle(r);
    temp_write(&r->dir, "app.2", "three\n");
    temp_unlink(&r->dir, "a-current");
    temp_symlink(&r->dir, "app.2", "a-current");
    (void)settle(r);
    temp_append(&r->dir, "a-current", "four\n");
    (void)settle(r);
    assert_text(r, "app.1", "one\ntwo\n");
    assert_text(r, "app.2", "three\nfour\n");
    assert_text(r, "a-current", "");
    assert_no_troubles(r);
}

static void a_file_written_through_another_hard_link_grows(void **state)
{
    struct file_rig *r = *state;
    temp_mkdir(&r->dir, "in");
    temp_write(&r->dir, "in/a", "one\n");
    assert_int_equal(link(temp_path(&r->dir, "in/a"), temp_path(&r->dir, "b")), 0);
    open_at(r, "in");
    (void)settle(r);
    temp_append(&r->dir, "b", "two\n");
    (void)settle(r);
    assert_text(r, "in/a", "one\ntwo\n");
    assert_no_troubles(r);
}

/* --- what is gone before it was read ----------------------------------- */

static void a_file_that_came_and_went_unread_is_a_gap(void **state)
{
    struct file_rig *r = *state;
    open_at(r, "");
    (void)settle(r);
    temp_write(&r->dir, "a", "one\n");
    temp_unlink(&r->dir, "a");
    temp_write(&r->dir, "empty", "");
    temp_unlink(&r->dir, "empty");
    temp_write(&r->dir, "b", "one\n");
    temp_rename(&r->dir, "b", "c");
    (void)settle(r);
    assert_text(r, "c", "one\n");
    assert_int_equal(fake_troubles(&r->sink, place(r, "a"), true), 1);
    assert_int_equal(r->sink.n_troubles, 1);
}

static void the_source_s_folder_may_go_and_come_back(void **state)
{
    struct file_rig *r = *state;
    temp_mkdir(&r->dir, "log");
    temp_write(&r->dir, "log/a", "one\n");
    open_at(r, "log");
    (void)settle(r);
    temp_rename(&r->dir, "log", "old");
    (void)settle(r);
    assert_int_equal(health(r).state, KT_HEALTH_STALE);
    assert_non_null(strstr(health(r).note, "gone"));
    temp_mkdir(&r->dir, "log");
    temp_write(&r->dir, "log/b", "b\n");
    (void)settle(r);
    assert_int_equal(health(r).state, KT_HEALTH_LIVE);
    temp_append(&r->dir, "log/b", "c\n");
    (void)settle(r);
    assert_text(r, "log/a", "one\n");
    assert_text(r, "log/b", "b\nc\n");
    assert_no_troubles(r);
}

/* --- schedules --------------------------------------------------------- */

static void random_schedules_lose_and_double_nothing_unseen(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        char why[512];
        if (!follow_schedule(seed, why, sizeof why))
            fail_msg("schedule %llu: %s", (unsigned long long)seed, why);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, file_rig_set_up, file_rig_tear_down)
    const struct CMUnitTest tests[] = {
        T(a_file_that_grows_continues_where_it_was),
        T(a_partial_line_stays_in_its_object_until_it_is_whole),
        T(what_does_not_rest_is_ended_only_when_its_file_is_replaced),
        T(with_nothing_to_do_the_source_waits_without_a_deadline),
        T(what_others_write_beside_a_single_file_is_not_heard),
        T(what_could_not_be_read_is_read_once_it_may),
        T(a_folder_that_cannot_be_listed_is_named_once_however_often_it_is_tried),
        T(new_files_and_new_folders_are_found),
        T(thousands_of_files_are_followed_with_few_open),
        T(rotation_by_rename_loses_and_doubles_nothing),
        T(a_single_file_is_followed_through_rotation),
        T(a_file_that_is_gone_is_let_go_of_after_a_while),
        T(a_name_that_comes_back_is_a_new_object),
        T(an_inode_number_that_is_given_again_is_another_file),
        T(a_folder_that_is_renamed_keeps_its_files_places),
        T(copytruncate_starts_anew_and_is_a_gap),
        T(a_file_that_was_truncated_and_grew_beyond_its_old_end_is_noticed),
        T(a_real_overflow_of_the_queue_is_made_good),
        T(on_a_remote_file_system_the_source_polls_and_says_so),
        T(out_of_watches_the_source_polls_and_says_so),
        T(without_inotify_the_source_polls),
        T(a_link_to_the_current_file_is_followed_to_the_next_one),
        T(a_link_into_the_same_folder_does_not_double),
        T(a_file_written_through_another_hard_link_grows),
        T(a_file_that_came_and_went_unread_is_a_gap),
        T(the_source_s_folder_may_go_and_come_back),
        cmocka_unit_test(random_schedules_lose_and_double_nothing_unseen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
