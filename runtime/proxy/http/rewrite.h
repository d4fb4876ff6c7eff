/* Heads as they are sent on: what is between two ends alone is taken out (RFC 9110, 7.6.1), what an intermediary has to
 * add is added, all else is passed on as it came. */
#pragma once

#include "runtime/proxy/http/head_text.h"
#include "runtime/proxy/http/told.h"
#include "vm/stream/first.h"

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
