/* Any bytes as JSON: what is read into nodes is what jansson reads, and is written
 * letter by letter as jansson writes it. */
#include "tests/support/nodes.h"

#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool sure;
    const char *wrong = tree_holds((const char *)data, size, &sure);
    if (wrong) {
        (void)fprintf(stderr, "fuzz_tree: %s\n", wrong);
        abort();
    }
    return 0;
}
