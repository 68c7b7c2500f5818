/* MMDB files through libmaxminddb. The library maps a file by its name, and a
 * file that shrinks while it is mapped kills the process: it gets a sealed copy
 * in memory instead. */
#include "enrich/impl.h"

#include "text/text.h"

#include <errno.h>
#include <fcntl.h>
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MMDB_BYTES_MAX = 1 << 30 };

struct mmdb {
    MMDB_s db;
    int fd;
};

static enum kt_code copy_all(int from, int to, const char *path, size_t max, size_t *size, struct kt_err *e)
{
    char bytes[65536];
    for (*size = 0;;) {
        ssize_t n = read(from, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return kt_fail(e, KT_EIO, "%s: %s", path, strerror(errno));
        if (n == 0)
            return KT_OK;
        *size += (size_t)n;
        if (*size > max)
            return kt_fail(e, KT_ELIMIT, "%s: larger than %zu MiB, the most that is read", path, max >> 20);
        for (ssize_t done = 0; done < n;) {
            ssize_t k = write(to, bytes + done, (size_t)(n - done));
            if (k < 0 && errno != EINTR)
                return kt_fail(e, KT_ENOMEM, "%s: no memory for it: %s", path, strerror(errno));
            done += k > 0 ? k : 0;
        }
    }
}

enum kt_code file_fd(const char *path, size_t max, int *fd, size_t *size, struct kt_err *e)
{
    struct stat st;
    *fd = -1;
    int from = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (from < 0)
        return kt_fail(e, errno == ENOENT ? KT_ENOTFOUND : KT_EIO, "%s: %s", path, strerror(errno));
    enum kt_code c = KT_OK;
    if (fstat(from, &st) != 0 || !S_ISREG(st.st_mode))
        c = kt_fail(e, KT_EIO, "%s: not a file", path);
    if (c == KT_OK && (*fd = memfd_create("keytop", MFD_CLOEXEC | MFD_ALLOW_SEALING)) < 0)
        c = kt_fail(e, KT_EIO, "%s: no memory for it: %s", path, strerror(errno));
    if (c == KT_OK)
        c = copy_all(from, *fd, path, max, size, e);
    if (c == KT_OK && fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
        c = kt_fail(e, KT_EIO, "%s: %s", path, strerror(errno));
    close(from);
    if (c != KT_OK && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return c;
}

enum kt_code mmdb_open(struct mmdb **out, const char *path, struct kt_err *e)
{
    char name[64];
    size_t size;
    *out = NULL;
    struct mmdb *m = calloc(1, sizeof *m);
    if (!m)
        return kt_fail(e, KT_ENOMEM, "%s: out of memory", path);
    enum kt_code c = file_fd(path, MMDB_BYTES_MAX, &m->fd, &size, e);
    if (c != KT_OK) {
        free(m);
        return c;
    }
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", m->fd);
    int rc = MMDB_open(name, MMDB_MODE_MMAP, &m->db);
    close(m->fd);
    m->fd = -1;
    if (rc != MMDB_SUCCESS) {
        free(m);
        return kt_fail(e, rc == MMDB_OUT_OF_MEMORY_ERROR ? KT_ENOMEM : KT_EFORMAT, "%s: not an MMDB file that can be read: %s",
                       path, MMDB_strerror(rc));
    }
    *out = m;
    return KT_OK;
}

void mmdb_free(struct mmdb *m)
{
    if (!m)
        return;
    MMDB_close(&m->db);
    free(m);
}

/* --- values -------------------------------------------------------------------- */

/* The value at a path of keys; false where there is none of this type. */
static bool value(MMDB_entry_s *entry, const char *const *path, uint32_t type, MMDB_entry_data_s *out)
{
    return MMDB_aget_value(entry, out, path) == MMDB_SUCCESS && out->has_data && out->type == type;
}

static struct kt_span string(MMDB_entry_s *entry, const char *const *path)
{
    MMDB_entry_data_s d;
    return value(entry, path, MMDB_DATA_TYPE_UTF8_STRING, &d) ? (struct kt_span){d.utf8_string, d.data_size} : KT_SPAN_NONE;
}

#define PATH(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Two letters, or it is no code. */
static bool take_country(struct kt_span s, char out[3])
{
    if (s.n != 2 || s.p[0] < 'A' || s.p[0] > 'Z' || s.p[1] < 'A' || s.p[1] > 'Z')
        return false;
    memcpy(out, s.p, 2);
    out[2] = '\0';
    return true;
}

/* Where the address is; where its network is registered is something else. */
static void look_country(MMDB_entry_s *entry, char out[3])
{
    if (!take_country(string(entry, PATH("country", "iso_code")), out) && /* GeoLite2, DB-IP */
        !take_country(string(entry, PATH("country_code")), out))          /* IPinfo Lite */
        (void)take_country(string(entry, PATH("country")), out);          /* IPinfo */
}

/* "AS64500" */
static uint32_t asn_of(struct kt_span s)
{
    uint64_t v = 0;
    if (s.n < 3 || s.n > 12 || s.p[0] != 'A' || s.p[1] != 'S')
        return 0;
    for (size_t i = 2; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return 0;
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    }
    return v <= UINT32_MAX ? (uint32_t)v : 0;
}

static void take_org(struct kt_span s, char out[KT_ENRICH_ORG])
{
    size_t n = s.n < KT_ENRICH_ORG - 1 ? s.n : KT_ENRICH_ORG - 1;
    while (n && n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--; /* not within a letter */
    if (!n || memchr(s.p, '\0', n) || !kt_utf8_valid((struct kt_span){s.p, n}))
        return;
    memcpy(out, s.p, n);
    out[n] = '\0';
}

static void look_network(MMDB_entry_s *entry, struct kt_whereabouts *w)
{
    MMDB_entry_data_s d;
    if (value(entry, PATH("autonomous_system_number"), MMDB_DATA_TYPE_UINT32, &d)) { /* GeoLite2, DB-IP */
        w->asn = d.uint32;
        take_org(string(entry, PATH("autonomous_system_organization")), w->org);
        return;
    }
    w->asn = asn_of(string(entry, PATH("asn"))); /* IPinfo */
    struct kt_span name = string(entry, PATH("as_name"));
    take_org(kt_span_known(name) ? name : string(entry, PATH("name")), w->org);
}

void mmdb_look(const struct mmdb *m, const struct ip *ip, bool country, bool network, struct kt_whereabouts *w)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    int rc = 0;
    memcpy(&v4.sin_addr, ip->b + 12, 4);
    memcpy(&v6.sin6_addr, ip->b, 16);
    MMDB_lookup_result_s r = MMDB_lookup_sockaddr(&m->db, ip->v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, &rc);
    if (rc != MMDB_SUCCESS || !r.found_entry)
        return;
    if (country)
        look_country(&r.entry, w->country);
    if (network)
        look_network(&r.entry, w);
}
