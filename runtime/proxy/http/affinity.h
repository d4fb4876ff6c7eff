/* Affinity by cookie or header: what of a request names the client's server, and the cookie by which it will.
 *
 * `affinity cookie "N"`: the cookie is ours and says which server (chooser_cookie); a client that has none, or one of a
 * server that is gone, gets another with its answer. `affinity header "N"`: requests with one value of that field go to
 * one server, by the value's hash. */
#ifndef RUNTIME_PROXY_HTTP_AFFINITY_H
#define RUNTIME_PROXY_HTTP_AFFINITY_H

#include "vm/stream/http.h"

struct session;

enum { AFFINITY_COOKIE_MAX = 512 };

/* The value of a cookie of this name in `Cookie` of a request; at NULL: there is none (RFC 6265, 4.2). Names are as
 * written, upper case is other than lower. */
struct view cookie_value(const struct http_head *h, const uint8_t *bytes, const char *name);

/* What the request says to the session's balancing; 0: nothing. */
uint64_t affinity_heard(const struct session *s, const struct http_head *h, const uint8_t *bytes);
/* The line `Set-Cookie` for the answer of the session's server; empty where the client has it, or none is asked for. */
void affinity_say(const struct session *s, char line[AFFINITY_COOKIE_MAX]);

#endif
