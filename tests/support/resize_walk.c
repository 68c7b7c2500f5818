#include "resize_walk.h"

#include "base/clock.h"
#include "tests/support/hostile.h"
#include "tests/support/pty.h"
#include "tests/support/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct pty *start(const char *path, int rows, int cols)
{
    const char *argv[] = {sample_keytop(), path, NULL};
    return pty_start(&(struct pty_opts){.argv = argv, .rows = rows, .cols = cols});
}

/* From wherever it is: no prompt, no overlay, the table at its top, the pane
 * of the key below, nothing searched, no filter. Escapes are sent one by one:
 * two in a row are Alt-Escape to some. */
static void to_known_state(struct pty *p)
{
    for (int i = 0; i < 3; i++) { /* out of a prompt and an overlay; then back over every pane */
        pty_send(p, "\033");
        pty_settle(p, 40);
    }
    for (int i = 0; i < 70; i++)
        pty_send(p, "\177");
    pty_settle(p, 40);
    pty_send(p, "1g");
    pty_settle(p, 60);
    pty_send(p, "\x0c");
    pty_settle(p, 250);
}

static bool same(struct pty_cell a, struct pty_cell b)
{
    return (a.ch ? a.ch : ' ') == (b.ch ? b.ch : ' ') && a.width == b.width && a.bold == b.bold &&
           a.underline == b.underline && a.reverse == b.reverse && a.fg_default == b.fg_default &&
           a.bg_default == b.bg_default && a.fg == b.fg && a.bg == b.bg;
}

static void compare(struct pty *p, const char *path, int rows, int cols, struct resize_tally *t)
{
    struct pty *fresh = start(path, rows, cols);
    pty_wait_bytes(fresh, 0, "\033[");
    pty_settle(fresh, 300);
    to_known_state(fresh);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++)
            if (!same(pty_cell(p, r, c), pty_cell(fresh, r, c))) {
                printf("after %d resizes and %d keys:\n", t->resizes, t->keys);
                pty_dump(p);
                printf("fresh:\n");
                pty_dump(fresh);
                fail_msg("%dx%d: row %d, column %d differs", rows, cols, r, c);
            }
    t->compared++;
    t->cells += (long)rows * cols;
    pty_stop(fresh);
}

static void random_size(uint64_t *x, int *rows, int *cols)
{
    uint64_t r = hostile_random(x);
    *rows = 1 + (int)((r >> 4) % 200);
    *cols = 1 + (int)((r >> 20) % 500);
    if (r % 4 == 1) { /* the usual ones, and what is hardly one */
        *rows = 1 + *rows % 60;
        *cols = 1 + *cols % 160;
    } else if (r % 4 == 2) {
        *rows = 1 + *rows % 6;
        *cols = 1 + *cols % 12;
    }
}

static void random_keys(struct pty *p, uint64_t *x, struct resize_tally *t)
{
    static const char *const keys[] = {"j",  "k",  "\033[6~", "\033[5~", "\t", "1", "2", "3",        "4",    "5",  "6",
                                       "\r", "\r", "\177",    "?",       "S",  "s\033", "g", "G",        "w",    "-",  "+",
                                       "\x0c", "\033OB", "\033OA", "\033OC", "/svc\033", "\006ali\033", "n", "p", "p"};
    int n = (int)(hostile_random(x) % 4);
    for (int i = 0; i < n; i++) {
        pty_send(p, keys[hostile_random(x) % (sizeof keys / sizeof *keys)]);
        t->keys++;
    }
}

void resize_walk(int resizes, int compare_every, uint64_t seed, struct resize_tally *t)
{
    struct kt_buf b;
    char path[512], *folder = sample_folder();
    kt_buf_init(&b, 8 << 20);
    sample_trail(&b, 1, 300);
    sample_write(folder, "trail.json", b.p, b.len, false, path);
    int rows = 24, cols = 80, status;
    uint64_t x = seed;
    struct pty *p = start(path, rows, cols);
    pty_wait_text(p, "svc-00300");
    for (t->resizes = 1; t->resizes <= resizes; t->resizes++) {
        random_size(&x, &rows, &cols);
        pty_resize(p, rows, cols);
        random_keys(p, &x, t);
        uint64_t how = hostile_random(&x) % 8;
        if (how == 0) /* sometimes it has time to finish, mostly not */
            pty_settle(p, 15);
        else
            for (uint64_t i = 1; i < how && pty_read(p, 1); i++)
                ;
        if (pty_exits_within(p, 0, &status))
            fail_msg("gone with status %x after %d resizes, at %dx%d", (unsigned)status, t->resizes, rows, cols);
        if (t->resizes % compare_every == 0) {
            to_known_state(p);
            compare(p, path, rows, cols, t);
        }
    }
    t->resizes = resizes;
    pty_resize(p, 24, 80);
    to_known_state(p);
    pty_wait_text(p, "svc-00300");
    pty_send(p, "q");
    assert_int_equal(pty_wait_exit(p), 0);
    assert_true(pty_modes_restored(p));
    pty_stop(p);
    sample_remove(folder);
    kt_buf_free(&b);
}
