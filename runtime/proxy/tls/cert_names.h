/* Names of a service's certificates. A requested name is looked up exactly, then as a wildcard that replaces its
 * first label (RFC 6125, 6.4.3). If two certificates have a name, the first is used. */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

struct cert_names {
    struct cert_name *all; /* [count] */
    size_t count;
};

/* Add all names of a certificate; false: out of memory. Sort once after the last. */
bool cert_names_add(struct cert_names *n, X509 *x, unsigned cert);
void cert_names_sort(struct cert_names *n);
/* Return the index of the certificate with that name; -1: none */
int cert_names_find(const struct cert_names *n, const char *host);
void cert_names_fini(struct cert_names *n);
