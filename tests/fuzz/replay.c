/* Runs a fuzz target over every file of the folders named: the corpora as
 * ordinary tests, with any compiler and sanitizer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return -1;
    static uint8_t data[1 << 20];
    size_t n = fread(data, 1, sizeof data, f);
    fclose(f);
    /* an exact allocation, so that a sanitizer sees a read past the end */
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy)
        return -1;
    memcpy(copy, data, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
    return 0;
}

int main(int argc, char **argv)
{
    int n = 0;
    for (int i = 1; i < argc; i++) {
        DIR *d = opendir(argv[i]);
        if (!d) {
            perror(argv[i]);
            return 1;
        }
        for (struct dirent *e; (e = readdir(d));) {
            char path[4096];
            if (e->d_name[0] == '.')
                continue;
            int len = snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
            if (len < 0 || (size_t)len >= sizeof path || run_file(path) != 0)
                return 1;
            n++;
        }
        closedir(d);
    }
    printf("%d inputs\n", n);
    return n ? 0 : 1;
}
