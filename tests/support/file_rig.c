#include "file_rig.h"

#include <stdlib.h>

int file_rig_set_up(void **state)
{
    struct file_rig *r = calloc(1, sizeof *r);
    if (!r)
        return -1;
    temp_dir_make(&r->dir);
    fake_sink_init(&r->sink);
    *state = r;
    return 0;
}

int file_rig_tear_down(void **state)
{
    struct file_rig *r = *state;
    if (r->source)
        r->source->ops->close(r->source);
    fake_sink_free(&r->sink);
    temp_dir_remove(&r->dir);
    free(r);
    return 0;
}
