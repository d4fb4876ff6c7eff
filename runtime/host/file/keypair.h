/* A certificate and its private key, from PEM files (RFC 7468). What is secret lies in OpenSSL's secure heap (locked,
 * and in no core), where keypair_init could make one: 16 MiB, for several thousand keys, or 1 MiB where so much may not
 * be locked. A process that has read a key makes no cores any more. */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stddef.h>

struct keypair {
    X509 *cert;
    STACK_OF(X509) * chain; /* what leads to an authority, as the file has it; may be empty */
    EVP_PKEY *key;
};

/* Once a process, before anything else of the library and while it may lock memory. */
void keypair_init(void);

/* Open both files for who reads them later, after a look at what they hold: regular files, a certificate, and the key
 * that belongs to it. One file may hold both. fds: certificate, key. 0, or a negative errno with one line in err that
 * names the file. */
int keypair_open(const char *cert, const char *key, int fds[2], char *err, size_t err_len);

/* What such descriptors hold, from the files' first byte. 0, or a negative errno with what is wrong in err, which names
 * neither file. keypair_fini in any case. */
int keypair_read(const int fds[2], struct keypair *k, char *err, size_t err_len);
void keypair_fini(struct keypair *k);
