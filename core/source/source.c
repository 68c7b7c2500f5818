#include "source/source.h"

#include <string.h>

/* Those that ask a service. */
static const struct {
    const char *prefix;
    const struct kt_source_ops *ops;
} services[] = {
    {"athena:", &kt_source_athena},
    {"clickhouse:", &kt_source_clickhouse},
    {"cloudtrail:", &kt_source_cloudtrail},
    {"insights:", &kt_source_insights},
    {"logs:", &kt_source_logs},
    {"s3:", &kt_source_s3},
    {"splunk:", &kt_source_splunk},
    {"sqs:", &kt_source_sqs},
};

static const struct kt_source_ops *service_of(const char *address)
{
    for (size_t i = 0; i < sizeof services / sizeof *services; i++)
        if (strncmp(address, services[i].prefix, strlen(services[i].prefix)) == 0)
            return services[i].ops;
    return NULL;
}

bool kt_source_is_remote(const char *address)
{
    return service_of(address) != NULL;
}

const char *kt_source_scheme(size_t i)
{
    if (i < 2)
        return i ? "file:" : "demo:";
    return i - 2 < sizeof services / sizeof *services ? services[i - 2].prefix : NULL;
}

static bool is_demo(const char *address)
{
    return strncmp(address, "demo:", 5) == 0;
}

enum kt_code kt_source_open(struct kt_source **out, const char *address, const struct kt_source_opts *o,
                            struct kt_err *e)
{
    *out = NULL;
    if (!address || !*address)
        return kt_fail(e, KT_EUSAGE, "a source has no name: give a file, a folder, - or demo:");
    if (is_demo(address))
        return kt_source_demo.open(out, address, o, e);
    if (service_of(address))
        return service_of(address)->open(out, address, o, e);
    return kt_source_file.open(out, address, o, e);
}
