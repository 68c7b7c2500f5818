/* Any bytes as an MMDB file, and as AWS's list: facts within their bounds, or
 * an error. What begins with { is the list. */
#include "enrich/enrich.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void text(const char *s, size_t size)
{
    if (!memchr(s, '\0', size))
        abort();
}

static void look(struct kt_enrich *n)
{
    static const char *const address[] = {"203.0.113.9", "198.51.100.77", "192.0.2.1", "2001:db8:5::1", "::1",
                                          "255.255.255.255", "3.5.140.1", "2600:1f18::1", "0.0.0.0"};
    struct kt_whereabouts w;
    char line[KT_ENRICH_TEXT];
    for (size_t i = 0; i < sizeof address / sizeof *address; i++) {
        if (!kt_enrich_address(n, kt_span_of(address[i]), &w))
            abort();
        text(w.country, sizeof w.country);
        text(w.org, sizeof w.org);
        text(w.aws_service, sizeof w.aws_service);
        text(w.aws_region, sizeof w.aws_region);
        kt_whereabouts_network(&w, line);
        text(line, sizeof line);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct kt_enrich *n;
    struct kt_err e = {0};
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct kt_enrich_files list = {.aws = path}, mmdb = {.country = path, .network = path};
    if (kt_enrich_open(&n, size && data[0] == '{' ? &list : &mmdb, &e) == KT_OK) {
        look(n);
        kt_enrich_free(n);
    } else if (!e.text[0]) {
        abort();
    }
    close(fd);
    return 0;
}
