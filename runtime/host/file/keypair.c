/* See keypair.h. Texts are read into the secure heap and wiped there. A key with a passphrase is refused, because no
 * person can be asked for it. */
#include "runtime/host/file/keypair.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/host/file/certificates.h"

enum { LONGEST = 1 << 18, HEAP = 16 << 20, SMALL_HEAP = 1 << 20, ROOM = 1 << 14, LEAST = 64 };

/* ---- memory of the library ----
 *
 * While OpenSSL decodes a file, it copies secrets into ordinary memory and frees that unwiped, so all memory that it
 * frees meanwhile is wiped. */

static _Thread_local bool wipes;

static void *memory_take(size_t n, const char *file, int line) { return malloc(n); }

static void memory_give(void *p, const char *file, int line)
{
    if (wipes && p) explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

static void *take_again(void *p, size_t n, const char *file, int line)
{
    if (!wipes || !p) return realloc(p, n);
    const size_t before = malloc_usable_size(p);
    void *to = n ? malloc(n) : NULL;
    if (n && !to) return NULL;
    if (to) memcpy(to, p, before < n ? before : n);
    memory_give(p, file, line);
    return to;
}

void keypair_init(void)
{
    static bool ready;
    if (ready) return;
    ready = true;
    CRYPTO_set_mem_functions(memory_take, take_again, memory_give);
    /* Pages are locked when used. If the limit on locked memory is lower, the heap is smaller. */
    if (CRYPTO_secure_malloc_init(HEAP, LEAST) != 1 && CRYPTO_secure_malloc_done())
        CRYPTO_secure_malloc_init(SMALL_HEAP, LEAST);
    ERR_clear_error();
}

/* Exclude a process that has read a key from core dumps, and from tracing except with the privilege to trace any
 * process. Keys are also in ordinary memory while OpenSSL computes (the primes of RSA). Sanitizers inspect their
 * process. */
static void hide_process(void)
{
#if !defined(PREY_LOOSE) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

/* Read the complete file, *len bytes. NULL: unreadable, or too long. */
static char *secret_read(int fd, size_t *len)
{
    struct stat s;
    *len = 0;
    if (fstat(fd, &s) || s.st_size <= 0 || s.st_size > LONGEST) return NULL;
    char *text = OPENSSL_secure_malloc((size_t)s.st_size);
    while (text && *len < (size_t)s.st_size) {
        const ssize_t n = pread(fd, text + *len, (size_t)s.st_size - *len, (off_t)*len);
        if (n <= 0) break;
        *len += (size_t)n;
    }
    return text;
}

static int passphrase(char *buf, int size, int writes, void *asked)
{
    *(bool *)asked = true;
    return -1;
}

/* True if the secure heap is full, which OpenSSL does not report for a key it failed to read */
static bool heap_is_full(void)
{
    void *room = OPENSSL_secure_malloc(ROOM);
    OPENSSL_secure_free(room);
    return !room;
}

static bool read_certificates(const char *text, size_t len, struct keypair *k)
{
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    X509 *one;
    k->chain = sk_X509_new_null();
    if (bio) k->cert = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
    while (k->cert && k->chain && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
        if (!sk_X509_push(k->chain, one)) X509_free(one);
    BIO_free(bio);
    return k->cert && k->chain;
}

static void read_key(const char *text, size_t len, struct keypair *k, bool *locked)
{
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    *locked = false;
    if (bio) k->key = PEM_read_bio_PrivateKey(bio, NULL, passphrase, locked);
    BIO_free(bio);
}

static int keypair_fault(char *err, size_t err_len, const char *what)
{
    snprintf(err, err_len, "%s", what);
    ERR_clear_error(); /* the end of a file counts as an error */
    return -EINVAL;
}

int keypair_read(const int fds[2], struct keypair *k, char *err, size_t err_len)
{
    size_t cert_len, key_len;
    bool locked = false;
    *k = (struct keypair){0};
    hide_process();
    wipes = true;
    char *cert = secret_read(fds[0], &cert_len), *key = secret_read(fds[1], &key_len);
    if (cert) read_certificates(cert, cert_len, k);
    if (key) read_key(key, key_len, k, &locked);
    OPENSSL_secure_clear_free(cert, cert_len);
    OPENSSL_secure_clear_free(key, key_len);
    wipes = false;
    if (!k->key && heap_is_full())
        return keypair_fault(err, err_len, "no locked memory is left for another private key");
    if (!k->cert)
        return keypair_fault(err, err_len,
                             "the certificate file has no PEM certificate; to convert a DER file, run: openssl x509 "
                             "-inform DER -in FILE -out NEW");
    if (locked)
        return keypair_fault(err, err_len,
                             "the private key has a passphrase; to remove it, run: openssl pkey -in FILE -out NEW");
    if (!k->key)
        return keypair_fault(err, err_len,
                             "the key file has no private key in PEM; to convert a DER key, run: openssl pkey -inform "
                             "DER -in FILE -out NEW");
    if (!X509_check_private_key(k->cert, k->key))
        return keypair_fault(
            err, err_len,
            "the private key doesn't belong to the certificate: compare `openssl x509 -noout -pubkey` with "
            "`openssl pkey -pubout`");
    ERR_clear_error();
    return 0;
}

void keypair_fini(struct keypair *k)
{
    X509_free(k->cert);
    sk_X509_pop_free(k->chain, X509_free);
    EVP_PKEY_free(k->key);
    *k = (struct keypair){0};
}

int keypair_open(const char *cert, const char *key, int fds[2], char *err, size_t err_len)
{
    char what[200];
    struct keypair k;
    fds[0] = file_open_regular(cert, err, err_len);
    if (fds[0] < 0) return fds[0];
    fds[1] = file_open_regular(key, err, err_len);
    if (fds[1] < 0) {
        close(fds[0]);
        return fds[1];
    }
    const int failed = keypair_read(fds, &k, what, sizeof what);
    keypair_fini(&k);
    if (!failed) return 0;
    snprintf(err, err_len, "%.300s and %.300s: %s", cert, key, what);
    close(fds[0]);
    close(fds[1]);
    return failed;
}
