/* A certificate and its private key, from PEM files (RFC 7468). Secrets are in OpenSSL's secure heap (locked, in no
 * core), if keypair_init could make one: 16 MiB, for several thousand keys, or 1 MiB if the process may not lock
 * that much. A process that has read a key no longer dumps core. */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stddef.h>

struct keypair {
    X509 *cert;
    STACK_OF(X509) * chain; /* chain to an authority, as in the file; may be empty */
    EVP_PKEY *key;
};

/* Make the secure heap, once per process, before any other use of OpenSSL and while the process may lock memory */
void keypair_init(void);

/* Open both files for a later reader, and check them: regular files, with a certificate and its key. One file may have
 * both. fds: certificate, key. Return 0, or a negative errno with one line in err that names the file. */
int keypair_open(const char *cert, const char *key, int fds[2], char *err, size_t err_len);

/* Read the descriptors of keypair_open, from the files' first byte. Return 0, or a negative errno with the fault in
 * err, without a file name. Call keypair_fini in any case. */
int keypair_read(const int fds[2], struct keypair *k, char *err, size_t err_len);
void keypair_fini(struct keypair *k);
