/* One probe of one server, as the kinds of checks see it. */
#pragma once

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "runtime/check/checks.h"
#include "vm/program/program.h"

enum probe_result {
    PROBE_GOES_ON,
    PROBE_GOOD,
    PROBE_BAD,    /* and why says so */
    PROBE_CANNOT, /* it could not begin, through no fault of the server's */
};

struct probe;

/* What a connection says and hears. hear: bytes as they come, or their end (n is 0). */
struct talk {
    const uint8_t *say;
    size_t say_len;
    enum probe_result (*hear)(struct probe *p, const uint8_t *bytes, size_t n);
};

struct probe {
    const struct program *program;
    const struct pbc_check *check;
    const uint8_t *request; /* of HTTP: made once a check */
    size_t request_len;
    SSL_CTX *tls;                     /* of HTTPS */
    const struct checks_aside *aside; /* through a service: sockets are had from there; NULL: at its own address */
    int icmp;                         /* the raw socket for its family, or -1 */
    uint16_t id, seq;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } to, from;         /* from: family 0, the host's choice */
    int fd;             /* of its own; -1: none */
    bool reads, writes; /* what it waits for */

    SSL *ssl;
    struct talk talk;
    enum { STREAM_CONNECT, STREAM_TLS, STREAM_SAY, STREAM_HEAR } stage;
    size_t said, heard;
    struct {
        uint8_t part; /* of the answer: enum in http.c */
        uint16_t status;
        uint8_t line_len; /* of the status line so far */
        char line[64];
        char tail[256]; /* the end of the body so far, shorter than what is looked for */
        uint16_t tail_len;
        uint8_t blank; /* how much of an empty line has come */
    } http;
    char why[96];
};

struct probe_ops {
    const char *name;
    enum probe_result (*begin)(struct probe *p); /* a socket, and what can be said at once */
    enum probe_result (*step)(struct probe *p);  /* the socket is ready */
};

#define CHECK(IDENT, ident, doc) extern const struct probe_ops probe_##ident;
#include "runtime/check/check.def"

/* Of that kind (enum pbc_check_kind). */
const struct probe_ops *probe_ops(unsigned kind);

/* Its own socket of that type, or -1 and errno. */
int probe_socket(struct probe *p, int type);
/* The same to p->to, connected or about to be. PROBE_GOES_ON, or what became of it. */
enum probe_result probe_connect(struct probe *p, int type);
/* Its socket and what is above it are gone. */
void probe_end(struct probe *p);
enum probe_result probe_bad(struct probe *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As errno says: the server's fault or ours. */
enum probe_result probe_errno(struct probe *p, int err);

/* stream.c: p->talk on a connection, within TLS where p->ssl is there. */
enum probe_result stream_begin(struct probe *p);
enum probe_result stream_step(struct probe *p);

/* http.c */
enum probe_result http_hear(struct probe *p, const uint8_t *bytes, size_t n);
/* The request of a check; free it. NULL: memory is out. */
uint8_t *http_request(const struct program *p, const struct pbc_check *c, size_t *len);

/* https.c: settings of a check, and whom it trusts: those of `like`, which has read the same file, or where that is
 * NULL, of the file. NULL, with one line in err. */
SSL_CTX *https_context(const struct program *p, const struct pbc_check *c, SSL_CTX *like, int ca_fd, char *err,
                       size_t err_len);

/* icmp.c: the echo reply that lies there, 0 bytes or more. Is it one for this machine's probes? Then id and seq. */
bool icmp_reply(int family, const uint8_t *bytes, size_t n, uint16_t *id, uint16_t *seq);
