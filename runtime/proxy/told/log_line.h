/* A line of the access log: the common format, or JSON. What a client or server wrote stands in it with every byte that
 * could be taken for something else escaped, so that a line is always one line. */
#pragma once

#include <stddef.h>

#include "runtime/proxy/told/lines.h"
#include "vm/stream/first.h"

enum { LOG_LINE_MAX = LINES_MOST };

/* What became of a request, or of a connection in which none was looked at. Views with `at` NULL: not said. */
struct log_entry {
    uint64_t at_ns;               /* CLOCK_REALTIME, when its first byte came */
    uint64_t wait_ns, took_ns;    /* to the first byte of the answer; to its last */
    uint64_t bytes_in, bytes_out; /* of the bodies */
    struct view client;           /* its address */
    uint16_t port;
    struct view line; /* the request line without its end */
    struct view host, referrer, agent;
    unsigned status;                     /* 0: no answer was sent */
    const char *service, *pool, *server; /* NULL: none was picked */
    struct view target;                  /* ADDR:PORT that an instruction named */
    const char *reason;                  /* why it ended otherwise than it should, NULL: it did not */
};

enum { LOG_ADDRESS_MAX = 46 };
/* An address as logs and fields of HTTP write it. */
void log_address(char text[LOG_ADDRESS_MAX], const struct stream_addr *a);
enum { LOG_TARGET_MAX = LOG_ADDRESS_MAX + sizeof "[]:65535" };
/* With its port, that of IPv6 in brackets; a view of `text`. */
struct view log_target(char text[LOG_TARGET_MAX], const struct stream_addr *a);

/* Write one line with its line feed; returns its length. What does not fit is cut off inside of its quotes.
 * Common: `ADDR - - [21/Nov/2026:20:45:23 +0000] "GET / HTTP/1.1" 200 2326`, times in UTC, `-` for no bytes. */
size_t log_common(char out[LOG_LINE_MAX], const struct log_entry *e);
/* One object: time (RFC 3339), client, service, host, request, status, bytes, server, milliseconds, reason. */
size_t log_json(char out[LOG_LINE_MAX], const struct log_entry *e);
