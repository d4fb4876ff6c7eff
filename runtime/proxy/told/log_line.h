/* A line of the access log: the common format, or JSON. Ambiguous bytes from a client or server are escaped, so an
 * entry is always one line. */
#pragma once

#include <stddef.h>

#include "runtime/proxy/told/lines.h"
#include "vm/stream/first.h"

enum { LOG_LINE_MAX = LINES_MOST };

/* Result of a request, or of a connection without requests. A view with `at` NULL is unset. */
struct log_entry {
    uint64_t at_ns;               /* CLOCK_REALTIME of its first byte */
    uint64_t wait_ns, took_ns;    /* time until the response's first byte, and until its last */
    uint64_t bytes_in, bytes_out; /* bytes of bodies */
    struct view client;           /* the client's address */
    uint16_t port;
    struct view line; /* the request line without its end */
    struct view host, referrer, agent;
    unsigned status;                     /* 0: no response was sent */
    const char *service, *pool, *server; /* NULL: not chosen */
    struct view target;                  /* ADDR:PORT named by an instruction */
    const char *reason;                  /* reason of a bad end; NULL: a good end */
};

enum { LOG_ADDRESS_MAX = 46 };
/* Write an address in the form of logs and HTTP fields */
void log_address(char text[LOG_ADDRESS_MAX], const struct stream_addr *a);
enum { LOG_TARGET_MAX = LOG_ADDRESS_MAX + sizeof "[]:65535" };
/* Write address and port, IPv6 in brackets; return a view of `text` */
struct view log_target(char text[LOG_TARGET_MAX], const struct stream_addr *a);

/* Write one line with its line feed; return its length. Text that does not fit is cut within its quotes. Common: `ADDR
 * - - [21/Nov/2026:20:45:23 +0000] "GET / HTTP/1.1" 200 2326`, times in UTC, `-` for no bytes. */
size_t log_common(char out[LOG_LINE_MAX], const struct log_entry *e);
/* Write one object: time (RFC 3339), client, service, host, request, status, bytes, server, milliseconds, reason */
size_t log_json(char out[LOG_LINE_MAX], const struct log_entry *e);
