/* The names of a service's certificates. A name that a client asks for is first looked for as it is, then as a
 * wildcard's (its first label is the star's: RFC 6125, 6.4.3); of two certificates with one name the first counts. */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

struct cert_names {
    struct cert_name *all; /* [count] */
    size_t count;
};

/* All of the certificate's names; false: memory is out. When all were added they are sorted once. */
bool cert_names_add(struct cert_names *n, X509 *x, unsigned cert);
void cert_names_sort(struct cert_names *n);
/* The number of the certificate; -1: none has the name. */
int cert_names_find(const struct cert_names *n, const char *host);
void cert_names_fini(struct cert_names *n);
