/* Files of certificates, for a process that may read no other files */
#pragma once

#include <openssl/x509.h>
#include <stddef.h>

/* Open a regular file for reading by an untrusted path. Opening a device can have effects (starting a watchdog), so
 * the target is checked first. Return a descriptor, or a negative errno with one line in err; -EINVAL: not a regular
 * file. */
int file_open_regular(const char *path, char *err, size_t err_len);

/* The certificates of Debian's package ca-certificates, trusted if the rules have no `ca`. */
#define CERTIFICATES_TRUSTED "/etc/ssl/certs/ca-certificates.crt"

/* Open a file for reading that has a certificate as text (PEM, RFC 7468) and no private key. Return a descriptor, or a
 * negative errno with one line in err. */
int certificates_open(const char *path, char *err, size_t err_len);

/* Add all certificates of an open file, from its first byte, to the trusted ones; fd stays open. Return their
 * number. */
unsigned certificates_trust(int fd, X509_STORE *store);
