/* Who a fake server says it is: a certificate, and the versions of TLS it speaks. */
#ifndef TESTS_SUPPORT_FAKE_TLS_H
#define TESTS_SUPPORT_FAKE_TLS_H

struct fake_tls;
/* A certificate made for `name` ("localhost", an address, or "one.test,other.test"), valid from and
 * for so many days from now; at most `version` (0: any; 0x0302: TLS 1.1). Its
 * certificate in PEM goes to `pem_path` (NULL: nowhere). Never fails. */
struct fake_tls *fake_tls_new(const char *name, int from_days, int days, int version, const char *pem_path);
void fake_tls_free(struct fake_tls *t);
struct ssl_ctx_st *fake_tls_context(const struct fake_tls *t);
#endif
