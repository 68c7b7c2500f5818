/* What is left of a frame's bytes where colours are on already. */
#include "tui/squeeze.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FG "\033[38;5;252m"
#define FG2 "\033[38;5;203m"
#define BG "\033[48;5;234m"

/* The bytes end where the memory does: a read beyond them is a fault. */
static const char *at_the_edge(const char *bytes, size_t n, void **pages)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED);
    assert_int_equal(mprotect(p + page, page, PROT_NONE), 0);
    memcpy(p + page - n, bytes, n);
    *pages = p;
    return p + page - n;
}

static void squeezes(struct kt_squeeze *s, const char *bytes, const char *to)
{
    struct kt_buf out;
    void *pages;
    size_t n = strlen(bytes);
    kt_buf_init(&out, 4096);
    kt_squeeze(s, at_the_edge(bytes, n, &pages), n, &out);
    assert_string_equal(kt_buf_str(&out), to);
    kt_buf_free(&out);
    assert_int_equal(munmap(pages, 2 * (size_t)sysconf(_SC_PAGESIZE)), 0);
}

static void a_colour_that_is_on_is_left_out(void **state)
{
    (void)state;
    struct kt_squeeze s = {0};
    squeezes(&s, FG BG "a" FG2 BG "b" FG2 BG "c" FG BG "d", FG BG "a" FG2 "bc" FG "d");
    squeezes(&s, FG BG "e", "e"); /* in the next frame as well */
}

static void after_a_reset_nothing_is_taken_to_be_on(void **state)
{
    (void)state;
    struct kt_squeeze s = {0};
    squeezes(&s, FG BG "a\033[m" FG BG "b", FG BG "a\033[m" FG BG "b");
    squeezes(&s, FG "\033[39;49m" FG "\033[1m" FG "\033(B\033[m", "\033[39;49m" FG "\033[1m" FG "\033(B\033[m");
    squeezes(&s, FG BG, FG BG);
    kt_squeeze_forget(&s);
    squeezes(&s, FG BG, FG BG);
}

static void nothing_is_read_beyond_the_end(void **state)
{
    (void)state;
    struct kt_squeeze s = {0};
    static const char *const ends[] = {"\033[m", "x\033[m", "\033[0m", "\033[38m", "\033[3", "\033[",
                                       "\033",  "\033[38;5;2", "\033[38;5", "\033(", ""};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        squeezes(&s, ends[i], ends[i]);
}

static void what_is_longer_than_a_colour_passes(void **state)
{
    (void)state;
    struct kt_squeeze s = {0};
    static const char longest[] = "\033[38;2;255;255;255m", beyond[] = "\033[38;2;0000255;0000255;0000255m";
    squeezes(&s, longest, longest);
    squeezes(&s, longest, "");
    squeezes(&s, beyond, beyond);
    squeezes(&s, beyond, beyond);
    squeezes(&s, longest, longest); /* what was on is not known any more */
}

static void a_number_goes_out_as_the_colour_that_it_stands_for(void **state)
{
    (void)state;
    int32_t rgb[256];
    memset(rgb, -1, sizeof rgb);
    rgb[17] = 0x102030;
    rgb[255] = 0xffffff;
    struct kt_squeeze s = {.rgb = rgb};
    squeezes(&s, "\033[38;5;17m\033[48;5;255ma\033[38;5;17m", "\033[38;2;16;32;48m\033[48;2;255;255;255ma");
    squeezes(&s, "\033[38;5;18m\033[38;5;256m\033[38;5;m\033[31m", "\033[38;5;18m\033[38;5;256m\033[38;5;m\033[31m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_colour_that_is_on_is_left_out),
        cmocka_unit_test(after_a_reset_nothing_is_taken_to_be_on),
        cmocka_unit_test(nothing_is_read_beyond_the_end),
        cmocka_unit_test(what_is_longer_than_a_colour_passes),
        cmocka_unit_test(a_number_goes_out_as_the_colour_that_it_stands_for),
    };
    return cmocka_run_group_tests_name("squeeze", tests, NULL, NULL);
}
