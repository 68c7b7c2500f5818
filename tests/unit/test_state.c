/* state: what keytop remembers, and what it must not lose. */
#include "store/state.h"
#include "tests/support/rows.h"
#include "tests/support/state_torture.h"
#include "tests/support/temp_dir.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct temp_dir dir;
static struct kt_arena *arena;
static bool two_writers;
static int64_t fake = 1790000000000;

static int64_t fake_now(void *ctx)
{
    (void)ctx;
    return fake;
}
static const struct kt_clock clock_fake = {fake_now, NULL};

static int set_up(void **state)
{
    (void)state;
    temp_dir_make(&dir);
    arena = kt_arena_new(64 << 20);
    fake = 1790000000000;
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    kt_arena_free(arena);
    temp_dir_remove(&dir);
    return 0;
}

/* --- a state and a store ------------------------------------------------------------- */

struct life {
    struct kt_state *state;
    struct kt_store *store;
    int restored;
    bool ordered;
    uint64_t last_record;
};

static bool count_row(void *ctx, const struct kt_state_row *r)
{
    struct life *l = ctx;
    assert_string_equal(kt_arena_span(arena, r->address).p, "file:/logs");
    if (l->ordered)
        assert_true(r->record > l->last_record);
    l->last_record = r->record;
    l->restored++;
    return true;
}

static struct life begin_with(struct kt_state_opts o)
{
    static const char *const address[] = {"file:/logs"};
    struct life l = {.ordered = !two_writers};
    struct kt_err e = {0};
    o.path = o.path ? o.path : temp_path(&dir, "keytop/state.db");
    o.clock = o.clock ? o.clock : &clock_fake;
    if (kt_state_open(&l.state, &o, &e) != KT_OK)
        fail_msg("%s", e.text);
    l.store = kt_store_new(&(struct kt_store_opts){.keep_raw = true});
    assert_non_null(l.store);
    kt_state_load(l.state, address, 1, count_row, &l);
    assert_int_equal(kt_state_start(l.state, l.store, &e), KT_OK);
    return l;
}

static struct life begin(void)
{
    return begin_with((struct kt_state_opts){0});
}

static void end(struct life *l)
{
    kt_state_close(l->state);
    kt_store_free(l->store);
}

/* Row number `n`: its content is made of its number. */
static void add_row(struct life *l, int n, enum kt_level level, size_t pad)
{
    struct kt_row r;
    uint8_t content[32] = {0};
    char id[32], *raw = malloc(pad + 64);
    assert_non_null(raw);
    snprintf(id, sizeof id, "event-%d", n);
    rowgen_plain(&r, id, fake);
    r.verdict.level = level;
    r.origin.source = KT_LIT("file:/logs/a.json");
    r.origin.name = KT_LIT("logs");
    r.origin.address = KT_LIT("file:/logs");
    r.origin.record = (uint64_t)n + 1;
    int at = snprintf(raw, 64, "{\"n\":%d,\"pad\":\"", n);
    for (size_t i = 0; i < pad; i++)
        raw[at++] = (char)('a' + rand() % 26);
    raw[at++] = '"';
    raw[at++] = '}';
    r.raw = (struct kt_span){raw, (size_t)at};
    memcpy(content, &n, sizeof n);
    assert_int_equal(kt_store_add(l->store, &r, content), KT_ADDED);
    free(raw);
    kt_state_rows(l->state);
}

static struct kt_subject event_of(int n)
{
    struct kt_subject s = {.event_id = KT_LIT("event"), .key = KT_SPAN_NONE};
    memcpy(s.digest, &n, sizeof n);
    return s;
}

static struct kt_row_triage holds(struct life *l, int n)
{
    struct kt_row_triage t;
    struct kt_subject s = event_of(n);
    kt_state_holds(l->state, &s, arena, &t);
    return t;
}

static enum kt_code act(struct life *l, enum kt_triage_action a, int n, const char *text)
{
    struct kt_subject s = event_of(n);
    struct kt_err e = {0};
    return kt_state_triage(l->state, a, &s, kt_span_of(text), true, &e);
}

static struct kt_state_stats stats(struct life *l)
{
    struct kt_state_stats s;
    kt_state_get_stats(l->state, &s);
    return s;
}

static void assert_text(struct kt_span s, const char *want)
{
    if (!kt_span_is(s, want))
        fail_msg("\"%.*s\" is not \"%s\"", (int)s.n, s.p ? s.p : "(unknown)", want);
}

static long size_of(const char *name)
{
    struct stat st;
    return stat(temp_path(&dir, name), &st) == 0 ? (long)st.st_size : -1;
}

/* --- triage ----------------------------------------------------------------------------- */

static void what_was_done_is_there_after_a_new_start(void **state)
{
    (void)state;
    struct life l = begin();
    assert_int_equal(act(&l, KT_TRIAGE_ACK, 7, NULL), KT_OK);
    assert_int_equal(act(&l, KT_TRIAGE_NOTE, 7, "asked Bob\x1b[31m"), KT_OK);
    assert_int_equal(act(&l, KT_TRIAGE_TAG, 7, "+ir-12 +benign"), KT_OK);
    assert_int_equal(act(&l, KT_TRIAGE_TAG, 7, "-benign +known"), KT_OK);
    assert_int_equal(act(&l, KT_TRIAGE_ASSIGN, 7, "carol"), KT_OK);
    assert_int_equal(act(&l, KT_TRIAGE_ACK, 8, NULL), KT_OK);
    assert_int_equal(act(&l, KT_TRIAGE_UNACK, 8, NULL), KT_OK);
    end(&l);
    for (int i = 0; i < 2; i++) {
        l = begin();
        struct kt_row_triage t = holds(&l, 7);
        assert_true(t.acked);
        assert_text(t.who, stats(&l).who);
        assert_true(t.at >= fake && t.at < fake + 10);
        assert_text(t.note, "asked Bob\x1b[31m");
        assert_text(t.tags, "ir-12 known");
        assert_text(t.assigned, "carol");
        assert_false(holds(&l, 8).acked);
        assert_false(holds(&l, 9).acked);
        assert_int_equal(stats(&l).triage, 7);
        end(&l);
        if (i == 0) /* the log alone is enough */
            temp_unlink(&dir, "keytop/state.db");
    }
}

static void the_table_alone_is_enough_as_well(void **state)
{
    (void)state;
    struct life l = begin();
    assert_int_equal(act(&l, KT_TRIAGE_ACK, 7, NULL), KT_OK);
    end(&l);
    temp_unlink(&dir, "keytop/triage.log");
    l = begin();
    assert_true(holds(&l, 7).acked);
    end(&l);
}

static void one_takes_back_ones_own_last_act_and_that_alone(void **state)
{
    (void)state;
    struct life l = begin();
    struct kt_triage_entry what;
    struct kt_err e = {0};
    assert_int_equal(kt_state_undo(l.state, arena, NULL, &e), KT_EUSAGE);
    assert_int_equal(act(&l, KT_TRIAGE_NOTE, 7, "first"), KT_OK);
    assert_int_equal(act(&l, KT_TRIAGE_ACK, 7, NULL), KT_OK);
    assert_int_equal(kt_state_undo(l.state, arena, &what, &e), KT_OK);
    assert_int_equal(what.action, KT_TRIAGE_ACK);
    assert_true(kt_state_settle(l.state));
    assert_false(holds(&l, 7).acked);
    assert_text(holds(&l, 7).note, "first");
    assert_int_equal(kt_state_undo(l.state, arena, &what, &e), KT_OK);
    assert_int_equal(what.action, KT_TRIAGE_NOTE);
    assert_true(kt_state_settle(l.state));
    assert_int_equal(holds(&l, 7).notes, 0);
    assert_int_equal(kt_state_undo(l.state, arena, NULL, &e), KT_EUSAGE);
    end(&l);
    l = begin();
    size_t n;
    struct kt_subject s = event_of(7);
    const struct kt_triage_entry *all = kt_state_history(l.state, &s, arena, &n);
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++) /* nothing is ever taken out */
        assert_true(all[i].undone == (all[i].action != KT_TRIAGE_UNDO));
    end(&l);
}

static void what_a_read_only_keytop_is_asked_it_refuses(void **state)
{
    (void)state;
    struct life l = begin_with((struct kt_state_opts){.read_only = true});
    assert_int_equal(act(&l, KT_TRIAGE_ACK, 7, NULL), KT_EUSAGE);
    assert_false(holds(&l, 7).acked);
    end(&l);
    assert_int_equal(size_of("keytop/triage.log"), 0);
}

static void a_line_that_was_changed_is_not_believed(void **state)
{
    (void)state;
    struct life l = begin();
    assert_int_equal(act(&l, KT_TRIAGE_NOTE, 1, "one"), KT_OK);
    end(&l);
    temp_unlink(&dir, "keytop/state.db");
    char text[2048] = "";
    FILE *f = fopen(temp_path(&dir, "keytop/triage.log"), "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    *strstr(text, "one") = 'O';
    temp_append(&dir, "keytop/triage.log", text);
    temp_append(&dir, "keytop/triage.log", "{\"uuid\":\"cut off he");
    l = begin();
    assert_int_equal(stats(&l).triage, 1);
    assert_int_equal(stats(&l).damaged, 1);
    /* what somebody could not finish does not swallow the next line */
    assert_int_equal(act(&l, KT_TRIAGE_NOTE, 2, "two"), KT_OK);
    end(&l);
    temp_unlink(&dir, "keytop/state.db");
    l = begin();
    assert_text(holds(&l, 1).note, "one");
    assert_text(holds(&l, 2).note, "two");
    end(&l);
}

static void files_are_for_their_owner_alone(void **state)
{
    (void)state;
    struct life l = begin();
    assert_int_equal(act(&l, KT_TRIAGE_ACK, 7, NULL), KT_OK);
    end(&l);
    static const char *const names[] = {"keytop/state.db", "keytop/triage.log", "keytop/state.db.lock", "keytop"};
    for (size_t i = 0; i < 4; i++) {
        struct stat st;
        assert_int_equal(stat(temp_path(&dir, names[i]), &st), 0);
        assert_int_equal(st.st_mode & 0777, i == 3 ? 0700 : 0600);
    }
}

static enum kt_code refused(const char *path)
{
    struct kt_state *s;
    struct kt_err e = {0};
    enum kt_code c = kt_state_open(&s, &(struct kt_state_opts){.path = path}, &e);
    assert_true(c == KT_OK || e.text[0]);
    if (c == KT_OK)
        kt_state_close(s);
    return c;
}

static void what_is_not_its_own_is_left_alone(void **state)
{
    (void)state;
    temp_write(&dir, "photo.jpg", "not a data base");
    assert_int_equal(refused(temp_path(&dir, "photo.jpg")), KT_EFORMAT);
    assert_int_equal(size_of("photo.jpg"), 15);
    temp_symlink(&dir, temp_path(&dir, "photo.jpg"), "link.db");
    assert_int_equal(refused(temp_path(&dir, "link.db")), KT_EIO);
    temp_write(&dir, "open.db", "");
    assert_int_equal(chmod(temp_path(&dir, "open.db"), 0666), 0);
    assert_int_equal(refused(temp_path(&dir, "open.db")), KT_EFORMAT);
    assert_int_equal(mkfifo(temp_path(&dir, "pipe.db"), 0600), 0);
    assert_int_equal(refused(temp_path(&dir, "pipe.db")), KT_EFORMAT);
}

/* --- rows --------------------------------------------------------------------------------- */

static void rows_come_back_in_their_order_and_once(void **state)
{
    (void)state;
    struct life l = begin();
    for (int i = 0; i < 5000; i++)
        add_row(&l, i, KT_LEVEL_LOW, 100);
    kt_state_look(l.state, 3000);
    assert_true(kt_state_settle(l.state));
    assert_int_equal(stats(&l).rows, 5000);
    end(&l);
    l = begin();
    assert_int_equal(l.restored, 5000);
    assert_int_equal(kt_state_looked(l.state), 3000);
    for (int i = 4990; i < 5010; i++)
        add_row(&l, i, KT_LEVEL_LOW, 100);
    end(&l);
    l = begin();
    assert_int_equal(l.restored, 5010);
    end(&l);
}

static void old_rows_go_and_are_counted(void **state)
{
    (void)state;
    struct life l = begin();
    for (int i = 0; i < 1500; i++)
        add_row(&l, i, KT_LEVEL_HIGH, 50);
    end(&l);
    fake += KT_STATE_KEEP_MS + 1000;
    l = begin();
    add_row(&l, 5000, KT_LEVEL_LOW, 50);
    assert_true(kt_state_settle(l.state));
    assert_int_equal(stats(&l).deleted_age, 1500);
    assert_int_equal(stats(&l).rows, 1);
    end(&l);
}

static void the_file_stays_below_its_size_and_keeps_what_matters_most(void **state)
{
    (void)state;
    struct life l = begin_with((struct kt_state_opts){.bytes_max = KT_STATE_BYTES_MIN});
    for (int i = 0; i < 6000; i++) {
        add_row(&l, i, i < 100 ? KT_LEVEL_CRITICAL : KT_LEVEL_LOW, 1000);
        if (i % 500 == 499)
            assert_true(kt_state_settle(l.state));
        assert_true(size_of("keytop/state.db") <= (long)KT_STATE_BYTES_MIN);
    }
    assert_true(kt_state_settle(l.state));
    struct kt_state_stats s = stats(&l);
    assert_true(s.deleted_size > 4000);
    assert_int_equal(s.rows + s.deleted_size, 6000);
    end(&l);
    l = begin_with((struct kt_state_opts){.bytes_max = KT_STATE_BYTES_MIN});
    assert_int_equal(l.restored, s.rows);
    assert_int_equal(stats(&l).rows, s.rows);
    end(&l);
}

static void malformed_rows_are_kept_up_to_a_number(void **state)
{
    (void)state;
    struct life l = begin();
    add_row(&l, 0, KT_LEVEL_LOW, 10);
    for (int n = 1; n <= 1500; n++) {
        struct kt_row r = {.ev = {.kind = KT_KIND_MALFORMED, .time = KT_TIME_NONE, .key.created = KT_TIME_NONE}};
        uint8_t content[32] = {0};
        r.malformed.reason = KT_LIT("a string without an end");
        r.malformed.bytes = 100;
        memcpy(r.malformed.sha256, &n, sizeof n);
        r.origin.source = KT_LIT("file:/logs/a.json");
        r.origin.name = KT_LIT("logs");
        r.origin.address = KT_LIT("file:/logs");
        r.origin.record = (uint64_t)n + 1;
        r.raw = KT_LIT("{\"eventName\":\"Create");
        assert_int_equal(kt_store_add(l.store, &r, content), KT_ADDED);
    }
    kt_state_rows(l.state);
    assert_true(kt_state_settle(l.state));
    assert_int_equal(stats(&l).rows, 1001);
    assert_int_equal(stats(&l).deleted_size, 500);
    end(&l);
    l = begin();
    assert_int_equal(l.restored, 1001);
    end(&l);
}

/* A principal was seen somewhere; each has a trace of its own. */
static void put_trace(struct kt_traces *c, int who, int64_t time)
{
    struct kt_trace_entry e = {.first = time, .last = time};
    struct kt_digest subject = {{0}};
    uint32_t mixed = (uint32_t)who * 2654435761u; /* digests are anywhere */
    memcpy(subject.b, &mixed, sizeof mixed);
    memcpy(e.mark.b, &time, sizeof time);
    assert_int_not_equal(kt_traces_put(c, &subject, KT_TRACE_SEEN, &e, NULL), KT_TRACES_NOT);
}

static bool has_trace(struct kt_traces *c, int who)
{
    struct kt_digest subject = {{0}};
    uint32_t mixed = (uint32_t)who * 2654435761u;
    memcpy(subject.b, &mixed, sizeof mixed);
    return kt_traces_least(c, &subject, KT_TRACE_SEEN, NULL, NULL) != NULL;
}

static struct kt_state *state_of_traces(struct kt_traces *c, struct kt_store *store)
{
    struct kt_state *s;
    struct kt_err e = {0};
    struct kt_state_opts o = {.path = temp_path(&dir, "keytop/state.db"), .clock = &clock_fake,
                              .bytes_max = KT_STATE_BYTES_MIN};
    if (kt_state_open(&s, &o, &e) != KT_OK)
        fail_msg("%s", e.text);
    assert_true(kt_state_keep_traces(s, c));
    kt_state_load(s, NULL, 0, NULL, NULL);
    assert_int_equal(kt_state_start(s, store, &e), KT_OK);
    return s;
}

static void what_is_known_beside_the_rows_stays_within_its_share(void **state)
{
    enum { MANY = 20000 };
    struct kt_state_stats st;
    (void)state;
    struct kt_store *store = kt_store_new(&(struct kt_store_opts){.keep_raw = true});
    struct kt_traces *c = kt_traces_new(UINT64_MAX);
    struct kt_state *s = state_of_traces(c, store);
    for (int i = 0; i < MANY; i++) {
        put_trace(c, i, fake);
        fake += i % 1000 == 999;
        if (i % 1000 == 999)
            assert_true(kt_state_settle(s));
    }
    kt_state_get_stats(s, &st);
    kt_state_close(s);
    kt_traces_free(c);
    assert_true(st.deleted_traces > 0);
    assert_true(st.bytes <= KT_STATE_BYTES_MIN);
    c = kt_traces_new(UINT64_MAX);
    s = state_of_traces(c, store);
    size_t n = kt_traces_stats(c).traces;
    assert_int_equal(n + st.deleted_traces, MANY);
    assert_true(n > 2000 && n * 96 <= KT_STATE_BYTES_MIN / 4);
    assert_true(has_trace(c, MANY - 1) && !has_trace(c, 0)); /* the oldest went */
    kt_state_close(s);
    kt_traces_free(c);
    kt_store_free(store);
}

static void who_is_seen_again_stays_known_and_who_is_not_goes(void **state)
{
    const int64_t day = 86400000;
    (void)state;
    struct kt_store *store = kt_store_new(&(struct kt_store_opts){.keep_raw = true});
    struct kt_traces *c = kt_traces_new(UINT64_MAX);
    struct kt_state *s = state_of_traces(c, store);
    int64_t begun = fake;
    put_trace(c, 1, fake);
    put_trace(c, 2, fake);
    kt_traces_see(c, fake);
    for (int i = 0; i < 120; i++, fake += day) {
        put_trace(c, 1, fake);
        kt_state_rows(s);
        assert_true(kt_state_settle(s));
    }
    kt_state_close(s);
    kt_traces_free(c);
    c = kt_traces_new(UINT64_MAX);
    s = state_of_traces(c, store);
    assert_true(has_trace(c, 1) && !has_trace(c, 2));
    assert_int_equal(kt_traces_newest(c), begun);
    kt_state_close(s);
    kt_traces_free(c);
    kt_store_free(store);
}

static void a_checkpoint_is_never_ahead_of_its_rows(void **state)
{
    (void)state;
    struct life l = begin();
    add_row(&l, 1, KT_LEVEL_LOW, 10);
    assert_true(kt_state_checkpoint_put(l.state, KT_LIT("queue"), KT_LIT("early"), 1));
    assert_true(kt_state_checkpoint_put(l.state, KT_LIT("trail"), KT_LIT("far"), 5));
    assert_true(kt_state_settle(l.state));
    end(&l);
    l = begin();
    assert_text(kt_state_checkpoint_get(l.state, KT_LIT("queue"), arena), "early");
    assert_false(kt_span_known(kt_state_checkpoint_get(l.state, KT_LIT("trail"), arena)));
    end(&l);
}

/* --- two of them ------------------------------------------------------------------------------ */

static void wait_for(bool (*yes)(struct life *l), struct life *l)
{
    for (int i = 0; i < 2000 && !yes(l); i++) {
        struct timespec t = {.tv_nsec = 5000000};
        nanosleep(&t, NULL);
    }
    assert_true(yes(l));
}

static bool seven_is_acked(struct life *l)
{
    return holds(l, 7).acked;
}

/* Born before this one has any thread that could hold a lock then; it begins
 * when the pipe is closed. */
static pid_t start_other(int *go)
{
    int fd[2];
    char c;
    assert_int_equal(pipe(fd), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fd[1]);
        ssize_t n = read(fd[0], &c, 1);
        struct life other = begin();
        bool ok = n == 0 && act(&other, KT_TRIAGE_ACK, 7, NULL) == KT_OK;
        for (int i = 0; i < 300; i++)
            add_row(&other, 2 * i, KT_LEVEL_LOW, 200);
        end(&other);
        _exit(ok ? 0 : 1);
    }
    close(fd[0]);
    *go = fd[1];
    return pid;
}

static void one_sees_what_the_other_did(void **state)
{
    (void)state;
    int go;
    pid_t pid = start_other(&go);
    struct life l = begin();
    close(go);
    for (int i = 0; i < 300; i++)
        add_row(&l, 3 * i, KT_LEVEL_LOW, 200);
    wait_for(seven_is_acked, &l);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    end(&l);
    two_writers = true;
    l = begin();
    two_writers = false;
    int want = 0;
    for (int i = 0; i < 900; i++)
        want += i % 3 == 0 || (i % 2 == 0 && i < 600);
    assert_int_equal(stats(&l).rows, want);
    end(&l);
}

/* --- damage -------------------------------------------------------------------------------------- */

static void overwrite(const char *name, long at, const char *with, size_t n)
{
    int fd = open(temp_path(&dir, name), O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, with, n, at), (ssize_t)n);
    close(fd);
}

static void a_damaged_file_is_set_aside_named_and_rebuilt(void **state)
{
    (void)state;
    struct life l = begin();
    for (int i = 0; i < 2000; i++)
        add_row(&l, i, KT_LEVEL_LOW, 300);
    assert_int_equal(act(&l, KT_TRIAGE_ACK, 7, NULL), KT_OK);
    end(&l);
    static const char junk[8192] = "junk";
    overwrite("keytop/state.db", size_of("keytop/state.db") / 8192 * 4096, junk, sizeof junk);
    l = begin();
    assert_true(holds(&l, 7).acked);
    assert_int_equal(stats(&l).set_aside, 1);
    assert_true(strncmp(stats(&l).aside, "state.db.damaged-", 17) == 0);
    assert_true(size_of(kt_arena_span(arena, kt_span_of(stats(&l).aside)).p) < 0); /* beside it, not here */
    assert_true(l.restored > 200); /* some can be saved */
    end(&l);
    overwrite("keytop/state.db", 0, junk, 100);
    l = begin();
    assert_true(holds(&l, 7).acked);
    assert_int_equal(stats(&l).set_aside, 1);
    assert_string_equal(stats(&l).trouble, "");
    end(&l);
}

static void kills_of_two_writers_lose_nothing_acknowledged(void **state)
{
    (void)state;
    struct state_kills k = {0};
    struct rowgen g = {.state = 11};
    state_kill_writers(dir.path, 40, &g, &k);
    assert_int_equal(k.failed, 0);
    assert_int_equal(k.lost, 0);
    assert_int_equal(k.corrupt, 0);
    assert_true(k.acked > 0);
}

static void flipped_bits_cost_no_triage(void **state)
{
    (void)state;
    struct state_flips f = {0};
    struct rowgen g = {.state = 12};
    state_flip_bits(dir.path, STATE_FLIP_DB, 40, &g, &f);
    state_flip_bits(dir.path, STATE_FLIP_LOG, 10, &g, &f);
    assert_int_equal(f.flips, 50);
    assert_int_equal(f.crashed, 0);
    assert_int_equal(f.triage_lost, 0);
}

/* No file may grow: as a full disk, and without one. */
static void limit_files(rlim_t most)
{
    struct rlimit r;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
    r.rlim_cur = most < r.rlim_max ? most : r.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void a_disk_that_takes_nothing_is_told_and_waited_for(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    struct life l = begin();
    assert_int_equal(act(&l, KT_TRIAGE_ACK, 1, NULL), KT_OK);
    assert_true(kt_state_settle(l.state));
    limit_files(0);
    for (int i = 0; i < 50; i++)
        add_row(&l, i, KT_LEVEL_LOW, 400);
    bool written = kt_state_settle(l.state);
    enum kt_code refused_one = act(&l, KT_TRIAGE_ACK, 2, NULL);
    struct kt_state_stats s = stats(&l);
    limit_files(RLIM_INFINITY);
    assert_false(written);
    assert_true(s.failing && s.trouble[0]);
    assert_int_equal(s.waiting, 50);
    assert_int_equal(refused_one, KT_EIO); /* neither logged nor stored: never shown as done */
    assert_int_equal(s.refused, 1);
    assert_true(s.refusal[0]);
    assert_false(holds(&l, 2).acked);
    assert_true(kt_state_settle(l.state));
    assert_int_equal(stats(&l).rows, 50);
    assert_string_equal(stats(&l).trouble, "");
    end(&l);
    l = begin();
    assert_int_equal(l.restored, 50);
    assert_true(holds(&l, 1).acked);
    end(&l);
}

static void all_is_in_memory_where_there_is_no_file(void **state)
{
    (void)state;
    struct kt_err e = {0};
    struct life l = {0};
    assert_int_equal(kt_state_open(&l.state, &(struct kt_state_opts){.clock = &clock_fake}, &e), KT_OK);
    l.store = kt_store_new(&(struct kt_store_opts){0});
    kt_state_load(l.state, NULL, 0, NULL, NULL);
    assert_int_equal(kt_state_start(l.state, l.store, &e), KT_OK);
    assert_int_equal(act(&l, KT_TRIAGE_ACK, 7, NULL), KT_OK);
    assert_true(holds(&l, 7).acked);
    assert_false(stats(&l).file);
    end(&l);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(what_was_done_is_there_after_a_new_start),
        T(the_table_alone_is_enough_as_well),
        T(one_takes_back_ones_own_last_act_and_that_alone),
        T(what_a_read_only_keytop_is_asked_it_refuses),
        T(a_line_that_was_changed_is_not_believed),
        T(files_are_for_their_owner_alone),
        T(what_is_not_its_own_is_left_alone),
        T(rows_come_back_in_their_order_and_once),
        T(old_rows_go_and_are_counted),
        T(the_file_stays_below_its_size_and_keeps_what_matters_most),
        T(malformed_rows_are_kept_up_to_a_number),
        T(what_is_known_beside_the_rows_stays_within_its_share),
        T(who_is_seen_again_stays_known_and_who_is_not_goes),
        T(a_checkpoint_is_never_ahead_of_its_rows),
        T(one_sees_what_the_other_did),
        T(a_damaged_file_is_set_aside_named_and_rebuilt),
        T(kills_of_two_writers_lose_nothing_acknowledged),
        T(flipped_bits_cost_no_triage),
        T(a_disk_that_takes_nothing_is_told_and_waited_for),
        T(all_is_in_memory_where_there_is_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
