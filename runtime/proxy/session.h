/* A session: a client's connection that ends here, and the one to its server.
 *
 *      accepted ─▶ SHAKES ─▶ begin ─▶ step … ─▶ session_end
 *                  TLS of     of its kind; connect_… calls
 *                  the client connected
 *
 * Everything of a session happens in its task, which the loop runs when one of its sides has changed, its timer is due
 * or something asked for another turn. What is called there does what it can, and returns. session_end only notes why;
 * the session is gone once its task returns, so whoever has ended one returns. */
#ifndef RUNTIME_PROXY_SESSION_H
#define RUNTIME_PROXY_SESSION_H

#include "runtime/proxy/relay.h"
#include "vm/packet/key.h"

enum end_class { END_GOOD, END_CLIENT, END_SERVER, END_RULES, END_TIME, END_OURS };
enum session_end {
#define END(ident, name, class, doc) SESSION_##ident,
#include "runtime/proxy/end.def"
    SESSION_ENDS /* it goes on */
};
const char *session_end_name(enum session_end e);
enum end_class session_end_class(enum session_end e);

struct first_at; /* of the readers of first bytes */
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
    /* It ends: give back what `own` holds. NULL: nothing. */
    void (*fini)(struct session *s);
};
#define KIND(ident, name, doc) extern const struct session_ops session_##ident;
#include "runtime/proxy/kind.def"

enum session_state { SESSION_SHAKES, SESSION_GOES };

struct session {
    struct task task;
    struct timer timer;
    struct proxy *proxy; /* whose loop it is */
    const struct session_ops *ops;
    struct side client;
    struct side *server;     /* of the proxy's slab of sides; NULL: none */
    struct way up, down;     /* to the server, to the client */
    struct key key;          /* the client's connection, as rules and balancing see it */
    struct first_at *at;     /* how far the readers of first bytes are; NULL: they do not look */
    uint32_t service;        /* numbers of the program that runs */
    uint32_t branch;         /* PBC_NONE: not chosen yet */
    uint32_t chosen;         /* the server that it is connected to, or about to be; PBC_NONE: none, or the target */
    uint32_t rule, firewall; /* who let it in, as in struct verdict */
    uint64_t begun_ns;
    uint8_t state;                /* enum session_state */
    uint8_t ended;                /* enum session_end */
    bool dials;                   /* connect_… was asked for, and connected not called yet */
    bool late;                    /* the timer was due */
    uint8_t tries;                /* connects that have failed */
    bool counted;                 /* chooser_begin was called of `chosen` */
    struct session *next, **link; /* of all sessions of the proxy */
    void *own;                    /* of its kind */
};

/* A connection was accepted: a session of the service's kind. fd is its from now on; key: of its first packet. False:
 * there is no room, and fd is closed. */
bool session_new(struct proxy *p, int fd, uint32_t service, const struct key *key);
/* It ends, for this reason (the first that is said counts). */
void session_end(struct session *s, enum session_end why);
/* Another turn soon. */
void session_again(struct session *s);
/* From now on ops->late is called when so much time passes; each call puts it off anew, which costs next to nothing.
 * 0: no more. */
void session_wait(struct session *s, uint64_t ns);
/* It has no server any more: its connection is closed, or kept is where it goes (then the side is the caller's, whose
 * task it gets). */
void session_leave_server(struct session *s);
struct side *session_take_server(struct session *s, struct task *task);
/* It gets a connection that was kept. */
void session_give_server(struct session *s, struct side *server);

#endif
