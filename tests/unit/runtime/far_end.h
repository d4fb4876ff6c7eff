/* A server for tests of checks: on the loopback, in a thread, it does one thing to each connection. */
#ifndef TESTS_UNIT_RUNTIME_FAR_END_H
#define TESTS_UNIT_RUNTIME_FAR_END_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum far_way {
    FAR_ANSWERS, /* sends its text and closes */
    FAR_SILENT,  /* accepts the connection and sends nothing */
    FAR_DRIPS,   /* sends its text byte by byte */
    FAR_CLOSES,  /* immediately */
    FAR_FLOODS,  /* sends its text without end */
    FAR_ECHO,    /* returns each datagram's text */
    FAR_TALKS,   /* its text in parts, cut at each `|`: the first immediately, each other after received data */
    FAR_WAITS,   /* sends its text, and then nothing */
    FAR_RESETS,  /* sends its text and resets the connection */
};

struct far_end {
    int fd;
    uint16_t port;
    _Atomic int way;
    const char *_Atomic text;
    SSL_CTX *tls; /* NULL: plain */
    atomic_int taken, answered;
    atomic_bool ends;
    pthread_t thread;
};

static void far_say(int fd, SSL *ssl, const char *s, size_t n)
{
    if (ssl)
        (void)!SSL_write(ssl, s, (int)n);
    else
        (void)!send(fd, s, n, MSG_NOSIGNAL);
}

/* Receive the client's first data, which may be empty. */
static void far_listen(int fd, SSL *ssl)
{
    char heard[2048];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, 20) <= 0) return;
    if (ssl)
        (void)!SSL_read(ssl, heard, sizeof heard);
    else
        (void)!recv(fd, heard, sizeof heard, 0);
}

static void far_talk(int fd, SSL *ssl, const char *text)
{
    char heard[2048];
    for (const char *part = text;; part++) {
        const size_t len = strcspn(part, "|");
        if (len) far_say(fd, ssl, part, len);
        part += len;
        if (!*part) return;
        const ssize_t n = ssl ? SSL_read(ssl, heard, sizeof heard) : recv(fd, heard, sizeof heard, 0);
        if (n <= 0) return;
    }
}

static void far_serve(struct far_end *f, int fd)
{
    const char *text = f->text;
    SSL *ssl = f->tls ? SSL_new(f->tls) : NULL;
    struct pollfd gone = {.fd = fd, .events = POLLRDHUP};
    if (ssl && (!SSL_set_fd(ssl, fd) || SSL_accept(ssl) != 1)) goto end;
    if (f->way == FAR_CLOSES) goto end;
    if (f->way == FAR_TALKS) {
        far_talk(fd, ssl, text);
        goto end;
    }
    far_listen(fd, ssl);
    if (f->way == FAR_WAITS || f->way == FAR_RESETS) far_say(fd, ssl, text, strlen(text));
    if (f->way == FAR_RESETS)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    if (f->way == FAR_ANSWERS) far_say(fd, ssl, text, strlen(text));
    for (size_t i = 0; f->way == FAR_DRIPS && i < strlen(text); i++) far_say(fd, ssl, text + i, 1);
    for (unsigned i = 0; f->way == FAR_FLOODS && i < 100000 && !f->ends; i++) {
        if (poll(&gone, 1, 0) > 0) break;
        far_say(fd, ssl, text, strlen(text));
    }
    f->answered++;
    while ((f->way == FAR_SILENT || f->way == FAR_WAITS) && !f->ends && poll(&gone, 1, 10) == 0) continue;
    if (ssl) SSL_shutdown(ssl);
end:
    SSL_free(ssl);
}

static void *far_run(void *arg)
{
    struct far_end *f = arg;
    struct pollfd p = {.fd = f->fd, .events = POLLIN};
    while (!f->ends) {
        if (poll(&p, 1, 10) <= 0) continue;
        f->taken++;
        if (f->way == FAR_ECHO) {
            struct sockaddr_in6 from;
            socklen_t len = sizeof from;
            char heard[2048];
            if (recvfrom(f->fd, heard, sizeof heard, 0, (struct sockaddr *)&from, &len) >= 0)
                (void)!sendto(f->fd, f->text, strlen(f->text), 0, (struct sockaddr *)&from, len);
            continue;
        }
        const int fd = accept(f->fd, NULL, NULL);
        if (fd < 0) continue;
        far_serve(f, fd);
        close(fd);
    }
    return NULL;
}

/* Start a server on 127.0.0.1 or ::1, at a port of the kernel's choice. */
static inline void far_begin(struct far_end *f, int family, int type)
{
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = family == AF_INET ? sizeof a4 : sizeof a6;
    struct sockaddr *a = family == AF_INET ? (struct sockaddr *)&a4 : (struct sockaddr *)&a6;
    f->fd = socket(family, type, 0);
    assert_true(f->fd >= 0);
    assert_int_equal(bind(f->fd, a, len), 0);
    assert_int_equal(getsockname(f->fd, a, &len), 0);
    f->port = ntohs(family == AF_INET ? a4.sin_port : a6.sin6_port);
    if (type == SOCK_STREAM) assert_int_equal(listen(f->fd, 16), 0);
    assert_int_equal(pthread_create(&f->thread, NULL, far_run, f), 0);
}

static inline void far_end(struct far_end *f)
{
    f->ends = true;
    pthread_join(f->thread, NULL);
    close(f->fd);
    SSL_CTX_free(f->tls);
}

/* Make a self-signed certificate for that name, and write its PEM text to the file. */
static inline SSL_CTX *far_certificate(const char *name, const char *file, long ends_in_seconds)
{
    char alt[128];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -86400);
    X509_gmtime_adj(X509_getm_notAfter(x), ends_in_seconds);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    snprintf(alt, sizeof alt, "DNS:%s", name);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(ctx, x), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, x), 1);
    fclose(f);
    X509_free(x);
    EVP_PKEY_free(key);
    return ctx;
}

#endif
