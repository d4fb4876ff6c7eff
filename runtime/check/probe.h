/* One probe of one server, as the kinds of checks see it */
#pragma once

#include <openssl/ssl.h>

#include "runtime/base/sockaddr.h"
#include "runtime/check/checks.h"
#include "runtime/check/seek.h"
#include "vm/program/program.h"

enum probe_result {
    PROBE_GOES_ON,
    PROBE_GOOD,
    PROBE_BAD,    /* see `why` */
    PROBE_CANNOT, /* could not begin, through no fault of the server */
};

struct probe;

/* Bytes to send on a connection, and callbacks. The probe is good if everything is sent and `hear` is NULL. */
struct talk {
    const uint8_t *say;
    size_t say_len;
    /* Read received bytes. n is 0 at their end; the callback must not return PROBE_GOES_ON then */
    enum probe_result (*hear)(struct probe *p, const uint8_t *bytes, size_t n);
    enum probe_result (*endless)(struct probe *p); /* report that the reply is too long, and return PROBE_BAD */
    bool (*say_next)(struct probe *p);             /* set the next bytes to send; false: none now. NULL: never any */
};

struct probe {
    const struct program *program;
    const struct pbc_check *check;
    const uint8_t *request; /* request for HTTP, made once per check */
    size_t request_len;
    const struct seek *seeks;        /* [step_count]: searches of the check's steps of kind HAS */
    SSL_CTX *tls;                    /* TLS context for HTTPS */
    const struct check_stack *stack; /* source of sockets for a probe through a service; else NULL */
    int icmp;                        /* the caller's raw socket of the probe's family, or -1 */
    uint16_t id, seq;
    uint8_t header;              /* version of the PROXY header that a connection begins with; 0: none */
    union sockaddr_any to, from; /* from: if its family is 0, the host chooses */
    int fd;                      /* the probe's own socket; -1: none */
    bool reads, writes;          /* events that the probe waits for */

    SSL *ssl;
    struct talk talk;
    enum { STREAM_CONNECT, STREAM_TLS, STREAM_SAY, STREAM_HEAR } stage;
    size_t said, heard;
    struct {
        uint8_t part; /* part of the reply: enum in http.c */
        uint16_t status;
        uint8_t line_len; /* length of the status line so far */
        char line[64];
        uint32_t matched; /* state of the search in the body */
        uint8_t blank;    /* number of latest bytes that may form an empty line */
    } http;
    struct {
        uint8_t at, said; /* awaited step; step up to which everything was sent */
        uint32_t matched; /* bytes of the awaited step that the reply ends with */
        size_t heard;     /* bytes that the awaited step has read */
        size_t last;      /* number of the newest of these bytes, received at once; for an `expect`: all */
        uint8_t seen[24]; /* beginning of these newest bytes */
    } steps;
    char why[CHECK_WHY - 40]; /* room is left for the name of a service */
};

struct probe_ops {
    enum probe_result (*begin)(struct probe *p); /* open a socket and send the first bytes */
    enum probe_result (*step)(struct probe *p);  /* go on, as the socket is ready */
};

#define CHECK(IDENT, ident, doc) extern const struct probe_ops probe_##ident;
#include "runtime/check/check.def"

/* Return the ops of a kind (enum pbc_check_kind) */
const struct probe_ops *probe_ops(unsigned kind);

/* Open the probe's own socket of that type. Return it, or -1 with errno. */
int probe_socket(struct probe *p, int type);
/* Open the socket and connect it to p->to without waiting. Return PROBE_GOES_ON, or the result of a failure. */
enum probe_result probe_connect(struct probe *p, int type);
/* Free the probe's socket and its TLS state */
void probe_end(struct probe *p);
enum probe_result probe_bad(struct probe *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Return the result for an errno: PROBE_BAD for the server's fault, PROBE_CANNOT for this machine's */
enum probe_result probe_errno(struct probe *p, int err);

/* stream.c: run p->talk on a connection, over TLS if p->ssl is set */
enum probe_result stream_begin(struct probe *p);
enum probe_result stream_step(struct probe *p);

/* http.c: set p->talk to the request and to the functions that read the reply */
void http_talk(struct probe *p);
/* http.c: read a part of a reply, as talk.hear */
enum probe_result http_hear(struct probe *p, const uint8_t *bytes, size_t n);
/* http.c: return the request of a check, which the caller frees. NULL: out of memory. */
uint8_t *http_request(const struct program *p, const struct pbc_check *c, size_t *len);

/* https.c: make the TLS context of a check. Trusted certificates are those of `like`, or if NULL, read from ca_fd.
 * NULL, with one line in err. */
SSL_CTX *https_context(const struct program *p, const struct pbc_check *c, SSL_CTX *like, int ca_fd, char *err,
                       size_t err_len);

/* icmp.c: parse n bytes (0 or more) as an echo reply. True with id and seq set if they are one. */
bool icmp_reply(int family, const uint8_t *bytes, size_t n, uint16_t *id, uint16_t *seq);
