/* Sessions of `mode proxy http`: each request of a client's connection is routed separately.
 *
 *                    ┌──────────── the next request ◀───────────┐
 *      HEAD ─▶ DIALS ─▶ EXCHANGE ───────────────────────────────┤
 *       │        │        ├─▶ TUNNEL (101, CONNECT)              │
 *       └────────┴────────┴─▶ LAST: an answer's rest, an end  ───┘ or the end of the session
 *
 * One request at a time is at a server; pipelined requests wait in the client's buffer or socket. */
#pragma once

#include "runtime/proxy/http/head_text.h"
#include "runtime/proxy/http/kept.h"
#include "runtime/proxy/http/message.h"
#include "runtime/proxy/http/rewrite.h"
#include "runtime/proxy/session.h"

#define HTTP_KEEP_NS UINT64_C(4000000000) /* longest idle time of a server connection: most servers close after 5 s */
enum {
    HTTP_INTERIMS_MAX = 32,     /* most 1xx before a response */
    HTTP_DROPPED_MAX = 1 << 18, /* most bytes read of a refused request, so that its response is not lost */
    HTTP_KEPT_MAX = 1024,       /* most kept server connections of a loop */
    HTTP_STEPS_MAX = 16,        /* most steps of a session in one turn */
};
#define HTTP_LINGER_NS UINT64_C(2000000000) /* longest time to read HTTP_DROPPED_MAX bytes */

/* State of a loop for this kind */
struct http_loop {
    struct http_head answer; /* response being read */
    struct head_text text;   /* head being written */
    uint64_t program;        /* serial of the program that the kept connections' keys belong to */
    struct kept kept;
    struct slab requests, noted; /* struct http; struct noted */
};

enum http_state { HTTP_HEAD, HTTP_DIALS, HTTP_EXCHANGE, HTTP_TUNNELS, HTTP_LAST, HTTP_STATES };

/* State of a session of this kind */
struct http {
    struct message up, down;
    struct first_at at;
    struct told told;
    struct noted *noted;             /* for the access log; NULL: no log */
    uint64_t from;                   /* s->up.moved at the request's start */
    uint64_t begun_ns;               /* monotonic, first byte of the request */
    uint64_t answer_ns;              /* monotonic, first byte of the response */
    uint64_t keep_ns;                /* longest time to keep the server's connection */
    uint16_t status;                 /* status of the response; 0: none yet */
    uint8_t state;                   /* enum http_state */
    uint8_t why;                     /* enum session_end: the end after HTTP_LAST */
    uint8_t reason;                  /* enum stream_reason */
    uint8_t interims;                /* number of 1xx for this request */
    bool waits;                      /* the time for its head has begun */
    bool opens;                      /* the connection's first request */
    bool late;                       /* the time for its head has expired */
    bool was_head, was_connect, old; /* the request: HEAD, CONNECT, HTTP/1.0 */
    bool expects;                    /* its client sends the body once it gets 100, or has waited long enough for it */
    bool upgrades;                   /* the request asks for another protocol */
    bool keeps;                      /* the client's connection stays after the response */
    bool server_keeps;               /* the server's connection stays, too */
    bool sent;                       /* the request is written, or cut off */
    bool broken;                     /* cut off, because the server takes no more of it */
    bool answered;                   /* the final response's head was written */
    struct kept_key own;             /* connection kept only for this inline connection; session 0: none */
    bool mine;    /* the server's connection is not shared, because of a login or a body that the server may misread */
    bool counted; /* its status is counted */
    bool reused;  /* the request goes over a kept connection */
    bool idempotent;  /* its method is idempotent (RFC 9110, 9.2.2) */
    bool again;       /* sent once more, over a new connection */
    bool shut;        /* HTTP_LAST: the client's side was shut for writing */
    uint32_t dropped; /* HTTP_LAST: number of the client's bytes discarded */
};

/* Reset the state for a new request */
void http_renew(struct session *s);
/* True if the client's connection uses TLS, which ends here or at a front that the present rules trust. */
bool http_is_https(const struct session *s);
/* Make the text for requests again if a reload has changed its content. */
void http_tell(struct session *s);
uint64_t http_silence_ns(const struct session *s);

/* Run the step of the session's state. False if the session waits. */
bool http_read_request(struct session *s);
bool http_exchange(struct session *s);
/* True if the exchange waits for the client: to send more of its request, or to read on */
bool http_awaits_client(const struct session *s);
bool http_tunnel(struct session *s);
bool http_last(struct session *s);
/* Respond with a page of prey; the session then goes on if possible, else ends with `why`. If a server's response
 * has begun, the session ends at once. */
void http_reply(struct session *s, unsigned status, enum session_end why);
/* Put own bytes in place of a response, as the last for this request. False: no buffer, and the session ends. */
bool http_say(struct session *s, const void *text, size_t n);
/* Request a server once more, over a new connection. This is possible if no byte of the request was written, or if
 * the request is idempotent, still in the buffer, and the kept connection has not responded. False otherwise, or if
 * this was done before. */
bool http_again(struct session *s);
/* End the client's connection in order between two requests (RFC 9112, 9.6) */
void http_leave(struct session *s, enum session_end why);
/* Count the result of an exchange and write its line, once */
void http_count(struct session *s);
/* End an exchange: count, log, go on with the next request or to the end */
void http_over(struct session *s);

static inline struct http *http_of(const struct session *s) { return s->own; }
static inline struct http_loop *http_loop_of(const struct session *s) { return s->proxy->of_kind[KIND_http]; }
