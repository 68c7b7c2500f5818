/* What a test of the source of files stands on: a folder of its own, a sink
 * that remembers, and the source it opens. */
#ifndef TESTS_SUPPORT_FILE_RIG_H
#define TESTS_SUPPORT_FILE_RIG_H
#include "tests/support/fake_sink.h"
#include "tests/support/temp_dir.h"

struct file_rig {
    struct temp_dir dir;
    struct fake_sink sink;
    struct kt_source *source; /* NULL until the test opens it; closed with the rig */
};
/* For cmocka_unit_test_setup_teardown(): *state is the rig. */
int file_rig_set_up(void **state);
int file_rig_tear_down(void **state);
#endif
