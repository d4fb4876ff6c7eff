/* State of a loop and of a session, for the files of this room and the kinds of sessions below it. */
#pragma once

#include "runtime/exchange/moments.h"
#include "runtime/exchange/ring.h"
#include "runtime/exchange/snapshot.h"
#include "runtime/host/guard/transparent.h"
#include "runtime/proxy/loop/relay.h"
#include "runtime/proxy/proxy.h"
#include "runtime/proxy/tls/tls.h"
#include "runtime/proxy/told/lines.h"
#include "vm/forward/service.h"
#include "vm/stream/first.h"

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
    /* A connection to s->chosen that was kept, for the session; NULL: there is none, or (as the op) none ever. */
    struct side *(*kept)(struct session *s);
    /* What a loop has of this kind, for all sessions (proxy->of_kind); NULL: memory is out. As ops NULL: nothing. */
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
    uint32_t told_packets;   /* of the client's, and bytes: what was told of it (recorded.c) */
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

/* Sessions that wait for a place at a server (queue.c). */
struct queue {
    struct session *first, **last;
    struct task stirs;    /* somebody may have a place now */
    struct timer looks;   /* places that other loops gave back */
    uint32_t *of_service; /* [services of the program] how many wait */
    uint32_t *tried;      /* [branches] the last time that one of it found no place */
    uint32_t times;
};

struct listener {
    struct watcher watcher;
    struct proxy *proxy;
    struct proxy_listen at; /* its fd is the listener's own */
    uint32_t turn;          /* of the loop, in which it was ready last */
    uint32_t crowd;         /* so many were looked for then */
};

struct foreign { /* of a family, not used yet */
    int fds[TRANSPARENT_BATCH];
    unsigned count;
};

struct proxy {
    struct loop loop;
    struct proxy_cfg cfg;
    struct program *program; /* that runs; held */
    uint64_t number;         /* its number, for who records */
    struct chooser *chooser;
    const struct snapshot *world;
    struct tls_table *tls; /* of the program; held */
    uint64_t told_ns;      /* the turn in which the chooser was told the time and the world */
    uint64_t tables;       /* number of the balancing tables that it took last */
    uint64_t tables_ns;    /* when it takes the next ones */
    struct slab sessions, sides, buffers, ats;
    struct pipes pipes;
    struct first first;          /* of the session that reads now */
    struct session *all, *tells; /* tells: the next that tells what it carried; NULL: from the first on */
    uint64_t begun;              /* sessions, ever */
    struct foreign foreign[2];   /* of IPv4, of IPv6 */
    uint64_t random;             /* for source_socket: nobody foretells the next (RFC 6056) */
    struct queue queue;
    uint16_t iface[PORTS_MOST]; /* [iface_count] ids in the program, by the interfaces of the command line */
    unsigned iface_count;
    void *of_kind[SESSION_KINDS]; /* what kinds keep for all their sessions */
    struct listener *listeners;   /* [listener_count] */
    unsigned listener_count;
    bool closed; /* nothing is accepted for now: there is no room, or no descriptor */
    struct timer reopens, second;
    struct proxy_counted counted;

    /* shared with the main thread */
    struct lines lines;              /* of access logs, to it */
    struct ring refusals;            /* struct refusal, to it */
    struct snapshot *latest;         /* atomic; put by the main thread */
    uint64_t taken;                  /* atomic: number of the snapshot in use */
    struct proxy_change *change;     /* atomic: to take between two turns; NULL: none, or it is taken */
    struct session_listing *listing; /* atomic: to fill between two turns; NULL: none, or it is filled */
    int refused;                     /* of the last change: 0, or the negative errno for which it was not made */
    int stop;                        /* atomic */
    pthread_t thread;
};

/* What the service says as a proxy; one of a program before says nothing any more. */
static inline const struct pbc_proxy *proxy_says(const struct proxy *p, uint32_t service)
{
    static const struct pbc_proxy nothing;
    const uint32_t at = service == PBC_NONE ? 0 : p->program->services[service].proxy;
    return at ? &p->program->proxies[at - 1] : &nothing;
}
/* How long nothing may be sent in the session: as its service says, or all of them. */
static inline uint64_t session_idle_ns(const struct session *s)
{
    const struct program *p = s->proxy->program;
    const uint64_t own = p->services[s->service].idle_ns;
    return own ? own : p->settings->proxy_idle_ns;
}
/* Where what becomes of the session is counted. */
static inline struct proxy_counters *session_counts(const struct session *s)
{
    return proxy_counted_of(&s->proxy->counted, s->service);
}
/* Its TLS; where nobody said anything of TLS there is none. */
static inline struct tls_ends proxy_tls(const struct proxy *p, uint32_t service)
{
    return p->tls ? p->tls->of[service] : (struct tls_ends){NULL, NULL};
}
/* What TLS said that ended here, into p->first, behind first_read. */
static inline void proxy_tells_tls(struct session *s)
{
    if (s->client.tls) first_tls(&s->proxy->first, tls_name(&s->client), tls_protocol(&s->client));
}
/* A service of a program before, which takes nothing new. */
static inline bool proxy_is_past(const struct proxy *p, uint32_t service)
{
    return p->program->past && service >= p->program->past->services;
}
/* chooser.c: the chooser, told the time and the world in this turn. */
struct chooser *proxy_chooser(struct proxy *p);

/* A line for the access log of this path, or "syslog". */
void proxy_log(struct proxy *p, const char *path, const char *line, uint32_t len);

/* accept.c: others take the place of all listeners; those with fd -1 go on as they are. Descriptors are
 * taken: `all` has none afterwards. False: memory is out, and nothing has changed. */
bool listeners_set(struct proxy *p, struct proxy_listen *all, unsigned count);
void listeners_fini(struct proxy *p);
/* Whose connections to that address and port end here; PBC_NONE: nobody's. */
uint32_t listeners_service(const struct proxy *p, const struct stream_addr *a);
/* There is room again. */
void listeners_reopen(struct proxy *p);

/* session.c */
void sessions_rename(struct proxy *p, const struct remap *r);
/* What they count lies elsewhere from now on; what they said before may be freed at the next reload. */
void sessions_recount(struct proxy *p);
/* Those whose first packet the program would not let in end, where their service says `on reload close`. */
void sessions_rejudge(struct proxy *p);
/* Facts have changed: sessions of servers that are down end where their pool says so, and those whose time to drain is
 * over. */
void sessions_look(struct proxy *p);
void sessions_end(struct proxy *p, enum session_end why);

/* recorded.c: what the session's client has sent since it was told last, to the worker; and some of all sessions. */
void session_tell(struct session *s);
void sessions_tell(struct proxy *p);

/* To the flight recorder; and s->chosen is connected to: that, if it is another than before. */
void session_record(const struct session *s, enum moment_kind kind);
void session_served(struct session *s);

/* foreign.c: a socket for a connection to a server. The caller's, or a negative errno.
 *
 * It has the client's address, and no port yet. */
int client_socket(struct proxy *p, const struct stream_addr *client);
/* It has one of the addresses of the pool's `source`, and, where the pool says which, a port; each `turn` is another
 * pair, until all had theirs. -ENODATA: the pool has none of the family. */
int source_socket(struct proxy *p, const struct pbc_pool *pool, bool v6, uint32_t turn);
void foreign_fini(struct proxy *p);

/* listing.c: its two addresses, whomever a PROXY header named, and what it goes by. */
void session_flow(const struct session *s, struct flow_record *f);

/* name.c: the PROXY header of a session whose service accepts some. 0: there is none to come, or it was taken off;
 * -EAGAIN; or the session has ended, -EPROTO. A client of `mode proxy` who may send none is not waited for, as the
 * server may speak first: what he sends is looked at when it comes. */
int name_client(struct session *s);
/* May what the client sends be read? Not yet, as long as it may be a PROXY header that is none of his to send; if it is
 * one the session has ended. */
bool name_heard(struct session *s);
