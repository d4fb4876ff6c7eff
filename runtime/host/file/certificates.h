/* Files of certificates, for a process that is to read nothing else. */
#pragma once

#include <openssl/x509.h>
#include <stddef.h>

/* The path is another's word, and to open a device may do something (a watchdog begins): what it leads to is looked at
 * first, and that is opened, for reading. A descriptor or a negative errno; -EINVAL: it is no regular file. */
int file_open_regular(const char *path);

/* Open a file that holds a certificate as text (PEM, RFC 7468) and no private key, for reading: a descriptor, or a
 * negative errno with one line in err. */
int certificates_open(const char *path, char *err, size_t err_len);

/* All certificates of such a file, from its first byte, into what is trusted. fd stays the caller's. How many. */
unsigned certificates_trust(int fd, X509_STORE *store);
