#include "tests/support/mmdb.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 20000, EMPTY = -1, MAP = 7, TEXT = 2, U16 = 5, U32 = 6, U64 = 9, ARRAY = 11 };

struct tree {
    int64_t child[NODES_MAX][2]; /* EMPTY; a node; or -2 - offset of its data */
    int n;
};

/* --- data ---------------------------------------------------------------------- */

static void control(struct kt_buf *b, int type, size_t size)
{
    size_t shown = size < 29 ? size : 29;
    kt_buf_addc(b, (char)((type < 8 ? type << 5 : 0) | (int)shown));
    if (type >= 8)
        kt_buf_addc(b, (char)(type - 7));
    if (size >= 29)
        kt_buf_addc(b, (char)(size - 29));
}

static void text(struct kt_buf *b, const char *s)
{
    control(b, TEXT, strlen(s));
    kt_buf_adds(b, s);
}

static void number(struct kt_buf *b, int type, uint64_t v)
{
    int n = 0;
    while (n < 8 && v >> (8 * n))
        n++;
    control(b, type, (size_t)n);
    while (n--)
        kt_buf_addc(b, (char)(v >> (8 * n)));
}

static void put_geolite(struct kt_buf *b, const struct mmdb_net *net)
{
    control(b, MAP, (size_t)(net->country != NULL) + (net->asn != 0) + (net->org != NULL));
    if (net->country) {
        text(b, "country");
        control(b, MAP, 1);
        text(b, "iso_code");
        text(b, net->country);
    }
    if (net->asn) {
        text(b, "autonomous_system_number");
        number(b, U32, net->asn);
    }
    if (net->org) {
        text(b, "autonomous_system_organization");
        text(b, net->org);
    }
}

static void put_ipinfo(struct kt_buf *b, const struct mmdb_net *net)
{
    char asn[16];
    control(b, MAP, (size_t)(net->country != NULL) + (net->asn != 0) + (net->org != NULL));
    if (net->country) {
        text(b, "country");
        text(b, net->country);
    }
    if (net->asn) {
        snprintf(asn, sizeof asn, "AS%u", net->asn);
        text(b, "asn");
        text(b, asn);
    }
    if (net->org) {
        text(b, "as_name");
        text(b, net->org);
    }
}

/* --- the tree --------------------------------------------------------------------- */

static void insert(struct tree *t, const char *cidr, int64_t leaf)
{
    char address[64];
    uint8_t ip[16] = {0};
    const char *slash = strchr(cidr, '/');
    int bits = atoi(slash + 1), at = 0; /* NOLINT: a test's own words */
    snprintf(address, sizeof address, "%.*s", (int)(slash - cidr), cidr);
    if (inet_pton(AF_INET, address, ip + 12) == 1)
        bits += 96;
    else if (inet_pton(AF_INET6, address, ip) != 1)
        abort();
    for (int i = 0; i < bits; i++) {
        int64_t *c = &t->child[at][ip[i / 8] >> (7 - i % 8) & 1];
        if (i == bits - 1) {
            *c = leaf;
            return;
        }
        if (*c == EMPTY) {
            if (t->n == NODES_MAX)
                abort();
            t->child[t->n][0] = t->child[t->n][1] = EMPTY;
            *c = t->n++;
        }
        at = (int)*c;
    }
}

static uint32_t record_of(const struct tree *t, int64_t c)
{
    return c == EMPTY ? (uint32_t)t->n : c >= 0 ? (uint32_t)c : (uint32_t)(t->n + 16 - 2 - c);
}

static void put_node(struct kt_buf *b, uint32_t l, uint32_t r, int record)
{
    int bytes = record == 32 ? 4 : 3;
    for (int i = bytes; i--;)
        kt_buf_addc(b, (char)(l >> (8 * i)));
    if (record == 28)
        kt_buf_addc(b, (char)((l >> 24 & 15) << 4 | (r >> 24 & 15)));
    for (int i = bytes; i--;)
        kt_buf_addc(b, (char)(r >> (8 * i)));
}

static void put_metadata(struct kt_buf *b, int nodes, int record)
{
    kt_buf_adds(b, "\xAB\xCD\xEFMaxMind.com");
    control(b, MAP, 9);
    text(b, "binary_format_major_version");
    number(b, U16, 2);
    text(b, "binary_format_minor_version");
    number(b, U16, 0);
    text(b, "build_epoch");
    number(b, U64, 1700000000);
    text(b, "database_type");
    text(b, "keytop-test");
    text(b, "description");
    control(b, MAP, 0);
    text(b, "ip_version");
    number(b, U16, 6);
    text(b, "languages");
    control(b, ARRAY, 0);
    text(b, "node_count");
    number(b, U32, (uint64_t)nodes);
    text(b, "record_size");
    number(b, U16, (uint64_t)record);
}

void mmdb_make(struct kt_buf *out, const struct mmdb_net *nets, size_t n, int record)
{
    struct tree *t = calloc(1, sizeof *t);
    struct kt_buf data;
    if (!t)
        abort();
    kt_buf_init(&data, 1 << 20);
    t->n = 1;
    t->child[0][0] = t->child[0][1] = EMPTY;
    for (size_t i = 0; i < n; i++) {
        insert(t, nets[i].cidr, -2 - (int64_t)data.len);
        (nets[i].ipinfo ? put_ipinfo : put_geolite)(&data, &nets[i]);
    }
    for (int i = 0; i < t->n; i++)
        put_node(out, record_of(t, t->child[i][0]), record_of(t, t->child[i][1]), record);
    for (int i = 0; i < 16; i++)
        kt_buf_addc(out, 0);
    kt_buf_add(out, data.p, data.len);
    put_metadata(out, t->n, record);
    kt_buf_free(&data);
    free(t);
}
