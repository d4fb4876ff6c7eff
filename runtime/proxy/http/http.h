/* Sessions of `mode proxy http`: each request of a client's connection is routed by itself.
 *
 *                    ┌──────────── the next request ◀───────────┐
 *      HEAD ─▶ DIALS ─▶ EXCHANGE ───────────────────────────────┤
 *       │        │        ├─▶ TUNNEL (101, CONNECT)              │
 *       └────────┴────────┴─▶ LAST: an answer's rest, an end  ───┘ or the end of the session
 *
 * One request at a time is with a server; what a client sends ahead (pipelining) waits in its buffer or its socket. */
#pragma once

#include "runtime/proxy/http/head_text.h"
#include "runtime/proxy/http/kept.h"
#include "runtime/proxy/http/message.h"
#include "runtime/proxy/http/rewrite.h"
#include "runtime/proxy/session.h"

#define HTTP_KEEP_NS UINT64_C(4000000000) /* a connection to a server is kept: most servers end theirs after 5 s */
enum {
    HTTP_INTERIMS_MAX = 32,     /* 1xx before an answer */
    HTTP_DROPPED_MAX = 1 << 18, /* bytes of a refused request that are read, so that its answer is not lost */
    HTTP_KEPT_MAX = 1024,       /* connections to servers that a loop keeps */
    HTTP_STEPS_MAX = 16,        /* of a session, before others have their turn */
};
#define HTTP_LINGER_NS UINT64_C(2000000000) /* … for so long */

/* What a loop has once. */
struct http_loop {
    struct http_head answer; /* the one that is read this moment */
    struct head_text text;   /* the head that is sent on */
    uint64_t program;        /* serial of the one whose numbers the kept connections have */
    struct kept kept;
    struct slab requests, noted; /* struct http; struct noted */
};

enum http_state { HTTP_HEAD, HTTP_DIALS, HTTP_EXCHANGE, HTTP_TUNNELS, HTTP_LAST, HTTP_STATES };

/* What a session of this kind holds beside. */
struct http {
    struct message up, down;
    struct first_at at;
    struct told told;
    struct noted *noted;             /* for the access log; NULL: the service has none */
    uint64_t from;                   /* s->up.moved, when this request began */
    uint64_t begun_ns;               /* mono, when the request's first byte was seen */
    uint64_t answer_ns;              /* … when its answer's was */
    uint64_t keep_ns;                /* how long the server's connection may be kept */
    uint16_t status;                 /* of the answer; 0: none yet */
    uint8_t state;                   /* enum http_state */
    uint8_t why;                     /* enum session_end: how the session ends after HTTP_LAST */
    uint8_t reason;                  /* enum stream_reason */
    uint8_t interims;                /* 1xx of this answer so far */
    bool waits;                      /* the time for its head has begun */
    bool opens;                      /* the connection's first request */
    bool late;                       /* the time for its head is over */
    bool was_head, was_connect, old; /* the request: HEAD, CONNECT, HTTP/1.0 */
    bool upgrades;                   /* it asks for another protocol */
    bool keeps;                      /* the client's connection goes on behind the answer */
    bool server_keeps;               /* the server's, too */
    bool sent;                       /* all of the request was written, or no more of it will be */
    bool broken;                     /* … no more will be: the server takes no more */
    bool answered;                   /* a final answer's head was laid down */
    bool mine;        /* the server may take more on its connection for this client's: nobody else gets it */
    bool counted;     /* its status is */
    bool again;       /* it was sent to a second server, since the first took no byte of it */
    bool shut;        /* HTTP_LAST: the client was told that no more comes */
    uint32_t dropped; /* HTTP_LAST: bytes of the client's that nobody reads */
};

/* Start a request over: all that belongs to the one before is gone. */
void http_renew(struct session *s);
uint64_t http_silence_ns(const struct session *s);

/* The steps of each state. False: it waits. */
bool http_read_request(struct session *s);
bool http_exchange(struct session *s);
bool http_tunnel(struct session *s);
bool http_last(struct session *s);
/* Answer with a page of ours instead of a server's; the session goes on behind it where that is possible. why: how it
 * ends where not. Once a server's answer has begun, the session ends at once. */
void http_answer(struct session *s, unsigned status, enum session_end why);
/* Nothing of the request was written yet: a server is asked for once more. False: it was, or that was done before. */
bool http_again(struct session *s);
/* No request is on its way, and none is to come any more: the client's connection ends in order (RFC 9112, 9.6). */
void http_leave(struct session *s, enum session_end why);
/* Count what became of an exchange and write its line, once. */
void http_count(struct session *s);
/* The exchange is over: count, log, go on with the next request or to the end. */
void http_over(struct session *s);

static inline struct http *http_of(const struct session *s) { return s->own; }
static inline struct http_loop *http_loop_of(const struct session *s) { return s->proxy->of_kind[KIND_http]; }
