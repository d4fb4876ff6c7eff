/* A session: a client's connection that ends here, and the one to its server.
 *
 *      accepted ─▶ SHAKES ─▶ begin ─▶ step … ─▶ session_end
 *                  TLS of     of its kind; connect_… calls
 *                  the client connected
 *
 * Everything of a session happens in its task, which the loop runs when one of its sides has changed, its timer is due
 * or something asked for another turn. What is called there does what it can, and returns. session_end only notes why;
 * the session is gone once its task returns, so whoever has ended one returns. */
#pragma once

#include "runtime/proxy/loop/relay.h"
#include "runtime/proxy/told/counters.h"
#include "vm/packet/key.h"
#include "vm/stream/first.h"

enum end_class { END_GOOD, END_CLIENT, END_SERVER, END_RULES, END_TIME, END_OURS };
const char *session_end_name(enum session_end e);
enum end_class session_end_class(enum session_end e);

struct first_at; /* vm/stream/first.h */
struct proxy;
struct session;

/* A kind of session (kind.def). */
struct session_ops {
    const char *name;
    /* The client may speak: what it has sent so far can be read. */
    void (*begin)(struct session *s);
    /* Something has changed: go on until all says -EAGAIN. Not called before begin. */
    void (*step)(struct session *s);
    /* What connect_… was asked for: 0, s->server is there (its PROXY header sent or before all else in s->up, its TLS
     * handshake done); else it is not, and why. May be called from within connect_…. */
    void (*connected)(struct session *s, enum session_end failed, int err);
    /* The time of session_wait is over. NULL: the session ends as `idle`. */
    void (*late)(struct session *s);
    /* Its server is to be used no more: it is down (`on down reset`), its time to drain is over. NULL: it ends so. */
    void (*lost)(struct session *s, enum session_end why);
    /* It ends: give back what `own` holds. NULL: nothing. */
    void (*fini)(struct session *s);
    /* A connection to s->chosen that was kept, which the session gets; NULL: there is none, or (as the op) none ever.
     */
    struct side *(*kept)(struct session *s);
    /* What a loop has of this kind, whatever its sessions (proxy->of_kind); NULL: memory is out. As ops NULL: nothing.
     */
    void *(*start)(struct proxy *p);
    void (*stop)(void *of_kind);
    uint32_t bytes; /* of `own` */
};
enum session_kind {
#define KIND(ident, mode, doc) KIND_##ident,
#include "runtime/proxy/kind.def"
    SESSION_KINDS
};
#define KIND(ident, mode, doc) extern const struct session_ops session_##ident;
#include "runtime/proxy/kind.def"

enum session_state {
    SESSION_NAMES,  /* a PROXY header may come */
    SESSION_SHAKES, /* TLS of the client, or nothing */
    SESSION_GOES,   /* its kind's */
};

struct session {
    struct task task;
    struct timer timer;
    struct proxy *proxy; /* whose loop it is */
    const struct session_ops *ops;
    struct side client;
    struct side *server; /* of the proxy's slab of sides; NULL: none */
    struct way up, down; /* to the server, to the client */
    uint64_t seen_ns;    /* the loop's time when something of it changed last */
    struct key key;      /* the client's connection, as rules and balancing see it */
    struct first_at *at; /* how far the readers of first bytes are; NULL: they do not look */
    void *own;           /* of its kind */
    uint64_t begun_ns;
    uint64_t dials_ns; /* since when it dials */
    uint64_t affinity; /* what balancing keeps the client's server by, of its kind; 0: as the service says */
    uint32_t service;  /* numbers of the program that runs; PBC_NONE: it has no such service, and the session ends */
    uint32_t branch;   /* PBC_NONE: not chosen yet */
    uint32_t chosen;   /* the server that it is connected to, or about to be; PBC_NONE: none, or the target */
    uint32_t served;   /* the last server that it had, which the flight recorder was told of */
    uint64_t number;   /* of all sessions of its loop */
    uint32_t rule, firewall; /* who let it in, as in struct verdict */
    uint32_t told_packets;   /* of the client's, and bytes: what was told of it (carried.c) */
    uint64_t told_bytes;
    uint8_t state;        /* enum session_state */
    uint8_t ended;        /* enum session_end; SESSION_ENDS: it goes on */
    uint8_t lost;         /* likewise, of its server: noted for the next turn */
    uint8_t tries;        /* connects that have failed */
    bool dials;           /* connect_… was asked for, and `connected` not called yet */
    bool reached;         /* … and its socket is connected; TLS may still be shaken hands about */
    bool late;            /* the timer was due */
    bool runs;            /* its task does: what ends it there is seen at once */
    bool counted;         /* chooser_begin was called of `chosen` */
    bool admitted, known; /* chooser_admit was, and what it said */
    bool polite;          /* its client hears an end, not a reset, whatever becomes of it: it was answered */
    bool aged;            /* its connection to the server was made under a program before */
    bool instructed;      /* its first bytes said where it goes, and were taken off */
    uint8_t nat;          /* enum instruction_nat: whose address the target sees */
    bool unheard;         /* nothing of its client was looked at yet, who may send no PROXY header (name_heard) */
    bool mixed;           /* the PROXY header named a client of another family than the connection's: `named` */
    struct stream_addr named;
    struct stream_addr target;                /* `-> target`: whom its instruction names; port 0: nobody */
    struct stream_addr peer;                  /* the connection's other end, whomever a PROXY header names */
    struct session *queue_next, **queue_link; /* of those that wait for a place; link NULL: it does not */
    struct session *next, **link;             /* of all sessions of the proxy */
};

/* A connection was accepted: a session of the service's kind. fd is its from now on; key: of its first packet. False:
 * there is no room, and fd is closed. */
bool session_new(struct proxy *p, int fd, uint32_t service, const struct key *key);
/* It ends, for this reason (the first that is said counts). */
void session_end(struct session *s, enum session_end why);
/* Another turn soon. */
void session_again(struct session *s);
/* From now on ops->late is called when so much time passes; each call puts it off anew, which costs next to nothing.
 * 0: no more. As long as it dials the time is the connect's. */
void session_wait(struct session *s, uint64_t ns);

/* Its connection to the server is closed. */
void session_leave_server(struct session *s);
/* It is kept: the side is the caller's, whose task it gets. */
struct side *session_take_server(struct session *s, struct task *task);
/* It gets one that was kept. */
void session_give_server(struct session *s, struct side *server);
/* Was it made for this client alone (the server sees his address, or heard of it), or by what a program before said
 * (of TLS, too)? Then no other may have it. */
bool session_server_is_private(const struct session *s);

/* Who the client is, a PROXY header believed; and the address that he asked for. */
struct stream_addr session_client(const struct session *s);
struct stream_addr session_service(const struct session *s);
