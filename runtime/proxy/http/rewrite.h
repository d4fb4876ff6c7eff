/* Heads as they are sent on: what is between two ends alone is taken out (RFC 9110, 7.6.1), what an intermediary has to
 * add is added, all else is passed on as it came. */
#pragma once

#include "runtime/proxy/http/head_text.h"
#include "vm/stream/first.h"

/* What servers are told of a client: X-Forwarded-Proto, X-Forwarded-For, Forwarded (RFC 7239), Via (RFC 9110, 7.6.3).
 * Made once a connection; the text stays in the session, so that a request costs no formatting. */
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

/* Max-Forwards: how many more intermediaries an OPTIONS or a TRACE may pass (RFC 9110, 7.6.2). */
enum { FORWARDS_ANY = UINT32_MAX, FORWARDS_MOST = 1000000 };

/* What the request says; more than FORWARDS_MOST is that. FORWARDS_ANY: it says nothing that is a number, or has
 * another method. 0: who reads it answers it. */
uint32_t request_forwards(const struct http_head *h, const uint8_t *bytes);

/* A request that may go on (request_forwards is not 0), towards a server. `bytes`: what the head was read from; host:
 * what to send where an HTTP/1.0 client named none. `out` is overwritten.
 * - Its version is ours, 1.1, whatever the client's. A target with a host becomes the path, and that host the `Host`.
 * - `Upgrade` is passed on with `Connection: upgrade`.
 * - `X-Forwarded-Proto` is ours alone. `X_Forwarded_For`, which some servers take for ours, is left out.
 * - `Max-Forwards` is one less. */
void request_rewrite(struct head_text *out, const struct http_head *h, const uint8_t *bytes, const struct told *told,
                     const char *host);

/* Does the rewritten request ask for another protocol? Not one with a body: its server would have to read both. */
bool request_upgrades(const struct http_head *h);

/* How the client's connection goes on behind an answer. */
enum after {
    AFTER_KEEP,      /* as is usual in HTTP/1.1 */
    AFTER_KEEP_SAID, /* said to a client of HTTP/1.0 that asked for it */
    AFTER_CLOSE,
    AFTER_SWITCH, /* 101: `Upgrade` stays, with `Connection: upgrade` */
};

/* An answer, towards a client. unchunk: its body is sent without chunks, to a client of HTTP/1.0, so the field that
 * says it has them is left out. added: lines of ours, with their ends. */
void response_rewrite(struct head_text *out, const struct http_head *h, const uint8_t *bytes, enum after after,
                      bool unchunk, const char *added);
