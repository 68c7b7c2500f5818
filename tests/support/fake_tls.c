#include "tests/support/fake_tls.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_tls {
    SSL_CTX *context;
};

static void must(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        abort();
    }
}

static X509 *make_certificate(EVP_PKEY *key, const char *name, int from_days, int days)
{
    char alt[256], first[64];
    struct in_addr any;
    X509 *x = X509_new();
    snprintf(first, sizeof first, "%.*s", (int)strcspn(name, ","), name);
    const char *more = name[strlen(first)] ? name + strlen(first) + 1 : NULL;
    snprintf(alt, sizeof alt, "%s:%s%s%s", inet_pton(AF_INET, first, &any) == 1 ? "IP" : "DNS", first, more ? ",DNS:" : "", more ? more : "");
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt);
    X509_EXTENSION *ca = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
    must(x && ext && ca, "certificate");
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), (long)from_days * 86400);
    X509_gmtime_adj(X509_getm_notAfter(x), (long)(from_days + days) * 86400);
    X509_NAME *subject = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)first, -1, -1, 0);
    must(X509_set_issuer_name(x, subject) == 1 && X509_set_pubkey(x, key) == 1 && X509_add_ext(x, ext, -1) == 1 &&
             X509_add_ext(x, ca, -1) == 1 && X509_sign(x, key, EVP_sha256()) > 0,
         "certificate");
    X509_EXTENSION_free(ext);
    X509_EXTENSION_free(ca);
    return x;
}

struct fake_tls *fake_tls_new(const char *name, int from_days, int days, int version, const char *pem_path)
{
    struct fake_tls *f = malloc(sizeof *f);
    EVP_PKEY *key = EVP_RSA_gen(2048);
    must(f && key, "key");
    X509 *x = make_certificate(key, name, from_days, days);
    SSL_CTX *t = f->context = SSL_CTX_new(TLS_server_method());
    must(t && SSL_CTX_use_certificate(t, x) == 1 && SSL_CTX_use_PrivateKey(t, key) == 1, "TLS");
    if (version) {
        SSL_CTX_set_security_level(t, 0);
        must(SSL_CTX_set_min_proto_version(t, TLS1_VERSION) == 1 && SSL_CTX_set_max_proto_version(t, version) == 1, "TLS");
    }
    FILE *out = pem_path ? fopen(pem_path, "w") : NULL;
    if (pem_path)
        must(out && PEM_write_X509(out, x) == 1 && fclose(out) == 0, pem_path);
    X509_free(x);
    EVP_PKEY_free(key);
    return f;
}

void fake_tls_free(struct fake_tls *t)
{
    if (t)
        SSL_CTX_free(t->context);
    free(t);
}

struct ssl_ctx_st *fake_tls_context(const struct fake_tls *t)
{
    return t->context;
}
