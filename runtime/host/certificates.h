/* Files of certificates, for a process that is to read nothing else. */
#ifndef RUNTIME_HOST_CERTIFICATES_H
#define RUNTIME_HOST_CERTIFICATES_H

#include <stddef.h>

/* Open a file that holds a certificate as text (PEM, RFC 7468) and no private key, for reading: a descriptor, or a
 * negative errno with one line in err. */
int certificates_open(const char *path, char *err, size_t err_len);

#endif
