/* What servers are told of a client: X-Forwarded-Proto, X-Forwarded-For, Forwarded (RFC 7239), Via (RFC 9110, 7.6.3).
 * Made once a connection; the text stays in the session, so that a request costs no formatting. */
#pragma once

#include "vm/stream/first.h"

enum { TOLD_MAX = 240 };

/* The four fields and the empty line that ends a head, in this order:
 *
 *      X-Forwarded-Proto: http\r\n X-Forwarded-For: ADDR\r\n Forwarded: for=ADDR;proto=http\r\n Via: 1.1 prey\r\n \r\n
 */
struct told {
    char text[TOLD_MAX];
    struct view_span proto;     /* the line of X-Forwarded-Proto with its end */
    struct view_span client;    /* ADDR, as X-Forwarded-For writes it, and the log */
    struct view_span forwarded; /* `for=ADDR;proto=http` */
    struct view_span via;       /* the line of Via with its end, and the empty line */
};

/* client: as the PROXY header says, where one was accepted. tls: it came by TLS that ended here. */
void told_make(struct told *t, const struct stream_addr *client, bool tls);
