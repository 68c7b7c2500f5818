/* ingest FILE...: the reader of the library alone, on one thread: how many
 * records are CreateAccessKey by their eventName. */
#include "ingest/ingest.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool on_record(void *ctx, const struct kt_record *r)
{
    const char *name = json_string_value(json_object_get(r->json, "eventName"));
    *(unsigned long long *)ctx += name && strcmp(name, "CreateAccessKey") == 0;
    return true;
}

static bool on_malformed(void *ctx, const struct kt_malformed *m)
{
    (void)ctx;
    fprintf(stderr, "malformed: %s\n", m->reason);
    return true;
}

int main(int argc, char **argv)
{
    static char buf[256 << 10];
    static const char *const names[] = {"CreateAccessKey"};
    unsigned long long rows = 0;
    const struct kt_record_sink sink = {on_record, on_malformed, &rows, NULL, NULL};
    struct kt_ingest *g = kt_ingest_new(names, 1, &sink);
    if (!g)
        return 1;
    for (int i = 1; i < argc; i++) {
        struct kt_err why = {KT_OK, ""};
        int fd = open(argv[i], O_RDONLY);
        ssize_t n;
        if (fd < 0)
            return 1;
        while ((n = read(fd, buf, sizeof buf)) > 0 && kt_ingest_feed(g, buf, (size_t)n))
            ;
        close(fd);
        if (kt_ingest_finish(g, &why) != KT_END_WHOLE)
            fprintf(stderr, "%s: %s\n", argv[i], why.text);
        kt_ingest_reset(g);
    }
    kt_ingest_free(g);
    printf("%llu\n", rows);
    return 0;
}
