/* Heads of forwarded messages: hop-by-hop fields are removed (RFC 9110, 7.6.1), an intermediary's fields are added,
 * all others stay */
#pragma once

#include "runtime/proxy/core.h"
#include "runtime/proxy/http/head_text.h"
#include "vm/stream/first.h"

/* Text that informs servers about a client: X-Forwarded-…, X-Real-IP, Forwarded (RFC 7239), Via (RFC 9110, 7.6.3).
 * It is made once per connection, again if a reload has changed it, and kept in the session, so that a request costs
 * no formatting. */
enum { TOLD_MAX = 360 };

/* The fields and the empty line that ends a head, in this order:
 *
 *      X-Forwarded-Proto: http\r\n X-Forwarded-Port: 80\r\n X-Real-IP: ADDR\r\n X-Forwarded-For: ADDR\r\n
 *      Forwarded: for=ADDR;proto=http\r\n Via: 1.1 prey\r\n \r\n
 */
struct told {
    char text[TOLD_MAX];
    struct view_span proto, port, real; /* the lines of X-Forwarded-Proto, -Port and X-Real-IP with their ends */
    struct view_span client;            /* ADDR of X-Forwarded-For, and for the log */
    struct view_span forwarded;         /* `for=ADDR;proto=http` */
    struct view_span via;               /* the line of Via with its end, and the empty line */
    bool tls;                           /* as given to told_make */
};

/* Make the text. client: its address, from an accepted PROXY header if any. port: the port that the client connected
 * to. tls: its TLS ended here, or at a trusted front. */
void told_make(struct told *t, const struct stream_addr *client, uint16_t port, bool tls);

/* Max-Forwards: how many more intermediaries an OPTIONS or a TRACE may pass (RFC 9110, 7.6.2) */
enum { FORWARDS_ANY = UINT32_MAX, FORWARDS_MOST = 1000000 };

/* Return a request's Max-Forwards, at most FORWARDS_MOST. FORWARDS_ANY: no number, or another method. 0: respond
 * here. */
uint32_t request_forwards(const struct http_head *h, const uint8_t *bytes);

/* Write the head of a request for a server; request_forwards must not be 0. `bytes`: source of the head; host: for an
 * HTTP/1.0 client that named none. `out` is overwritten.
 * - The version is 1.1. A target with a host becomes the path, and that host the `Host`.
 * - `Upgrade` is passed on with `Connection: upgrade`. Else, if the request is the last one of its connection, the
 *   server is notified (`Connection: close`).
 * - `X-Forwarded-Proto`, `-Port`, `-Host` and `X-Real-IP` are prey's only, unless the client is trusted. So is
 *   `X-Forwarded-For` if the rules trust other clients but not this one; otherwise prey appends the client's address.
 *   Names with `_`, which some servers take for these, are left out.
 * - `Max-Forwards` is one less. */
void request_rewrite(struct head_text *out, const struct http_head *h, const uint8_t *bytes, const struct told *told,
                     const char *host, enum name_trust trust, bool last);

/* True if the rewritten request asks for another protocol; never with a body, because its server would have to read
 * both */
bool request_upgrades(const struct http_head *h);

/* The client's connection after a response */
enum after {
    AFTER_KEEP,      /* stays, as usual in HTTP/1.1 */
    AFTER_KEEP_SAID, /* the connection stays, and an HTTP/1.0 client that asked for it is informed */
    AFTER_CLOSE,
    AFTER_SWITCH, /* 101: `Upgrade` stays, with `Connection: upgrade` */
};

/* Write the head of a response for a client. unchunk: the body goes to an HTTP/1.0 client without chunks, so
 * Transfer-Encoding is left out. added: further lines, with their ends. */
void response_rewrite(struct head_text *out, const struct http_head *h, const uint8_t *bytes, enum after after,
                      bool unchunk, const char *added);
