/* State of a loop and of a session, for the files of this folder and the kinds of sessions below it */
#pragma once

#include "runtime/exchange/moments.h"
#include "runtime/exchange/ring.h"
#include "runtime/exchange/snapshot.h"
#include "runtime/host/socket/transparent.h"
#include "runtime/proxy/loop/relay.h"
#include "runtime/proxy/proxy.h"
#include "runtime/proxy/tls/tls.h"
#include "runtime/proxy/told/lines.h"
#include "vm/forward/service.h"
#include "vm/stream/first.h"

struct leave;
struct leaving;
struct middle;
struct session;

/* An accepted connection */
struct arrival {
    struct key key; /* key of its first packet */
    uint32_t service;
    struct inline_facts *inlined; /* facts of an inline connection, the session's from now on; NULL: not inline */
    uint32_t rule, firewall;      /* rule that accepted an inline connection, as in struct verdict */
};

/* Facts of an inline connection that its session keeps. Its ends are in the session's key. */
struct inline_facts {
    uint32_t number;                 /* identifies it in the inline stack */
    uint16_t vlan[2];                /* VIDs, outermost first; VLAN_UNTAGGED: none */
    uint16_t use;                    /* port at INLINE_CLIENT: a later connection of that number has a different one */
    uint8_t port;                    /* incoming interface, by its place in the command line; PORTS_MOST: unknown */
    uint64_t client_mac, server_mac; /* source and destination of its first frame; 0: no Ethernet */
    struct leave *leave;             /* state of leaving its sockets (inline/leave_sockets.h); NULL: it keeps them */
    struct session *next, **link;    /* sessions that wait to ask the worker; link NULL: not waiting */
};

/* A kind of session (kind.def) */
struct session_ops {
    /* Begin: the client may send, and bytes that it has sent can be read */
    void (*begin)(struct session *s);
    /* Go on after a change, until all calls return -EAGAIN. Not called before begin. */
    void (*step)(struct session *s);
    /* Report the result of connect_…. failed 0: s->server is connected, its TLS handshake is done, and its PROXY header
     * is sent or comes first in s->up. Else `failed` is the reason. May be called from within connect_…. */
    void (*connected)(struct session *s, enum session_end failed);
    /* Handle the end of session_wait's time. NULL: the session ends as `idle`. */
    void (*late)(struct session *s);
    /* Handle the loss of the server: it is down (`on down reset`), or its drain time has expired. NULL: the session
     * ends. */
    void (*lost)(struct session *s, enum session_end why);
    /* Notify others of the end, before freeing. False: the task runs once that can be tried again. NULL: no others. */
    bool (*ends)(struct session *s);
    /* Free what `own` holds, at the session's end. NULL: nothing to free. */
    void (*fini)(struct session *s);
    /* Return a kept connection to s->chosen for the session, or NULL. NULL as the op: this kind keeps no
     * connections. */
    struct side *(*kept)(struct session *s);
    /* Make the state of this kind for all sessions of a loop (proxy->of_kind). Return NULL if out of memory. NULL as
     * the op: this kind has no such state. */
    void *(*start)(struct proxy *p);
    void (*stop)(void *of_kind);
    uint32_t bytes; /* size of `own` */
};
enum session_kind {
#define KIND(ident, mode, doc) KIND_##ident,
#include "runtime/proxy/kind.def"
    SESSION_KINDS
};
#define KIND(ident, mode, doc) extern const struct session_ops session_##ident;
#include "runtime/proxy/kind.def"

enum session_state {
    SESSION_NAMES,  /* a PROXY header may arrive */
    SESSION_SHAKES, /* the client's TLS handshake, if any */
    SESSION_GOES,   /* run by its kind */
};

struct session {
    struct task task;
    struct timer timer;
    struct proxy *proxy; /* the loop that owns it */
    const struct session_ops *ops;
    struct side client;
    struct side *server;          /* from the proxy's slab of sides; NULL: none */
    struct way up, down;          /* to the server, to the client */
    uint64_t seen_ns;             /* loop time of the last change */
    struct key key;               /* the client's connection in the form for rules and balancing */
    struct first_at *at;          /* state of the readers of first bytes; NULL: not reading */
    void *own;                    /* state of its kind */
    struct inline_facts *inlined; /* facts of an inline connection; NULL: not inline */
    struct middle *middle;        /* streams to a user's process in its middle; NULL: none */
    uint64_t begun_ns;
    uint64_t dials_ns; /* start of connecting */
    uint64_t affinity; /* set by the kind: key of the client's affinity to a server; 0: according to the service */
    uint32_t service;  /* index in the running program; PBC_NONE: removed, and the session ends */
    uint32_t branch;   /* PBC_NONE: not chosen yet */
    uint32_t chosen;   /* the server connected to, or being connected; PBC_NONE: none, or the target */
    uint32_t served;   /* the last server reported to the flight recorder */
    uint64_t number;   /* number among all sessions of its loop */
    uint32_t rule, firewall; /* rule that accepted it, as in struct verdict */
    uint32_t told_packets;   /* the client's packets and bytes already reported (recorded.c) */
    uint64_t told_bytes;
    uint8_t state;        /* enum session_state */
    uint8_t ended;        /* enum session_end; SESSION_ENDS: not ended */
    uint8_t lost;         /* enum session_end, after the loss of its server; for the next turn */
    uint8_t tries;        /* number of failed connects */
    bool dials;           /* connect_… was called, but not yet `connected` */
    bool reached;         /* while `dials`: the socket is connected; the TLS handshake may go on */
    bool late;            /* the timer was due */
    bool runs;            /* its task runs, and handles an end itself */
    bool counted;         /* chooser_begin was called for `chosen` */
    bool admitted, known; /* chooser_admit was called; its result */
    bool polite;          /* the client has got a response: its side ends with FIN, not a reset */
    bool aged;            /* its server connection was made under a former program */
    bool instructed;      /* its first bytes named its target, and were removed */
    uint8_t nat;          /* enum instruction_nat: the address that the target sees */
    bool unheard;  /* the client must not send a PROXY header, and its bytes must still be checked (name_heard) */
    bool tls_said; /* its PROXY header states that the client came to the front by TLS (name_fronted) */
    bool mixed;    /* `named`, from the PROXY header, has the other address family */
    struct stream_addr named;
    uint16_t named_port;       /* the port that the PROXY header states the client connected to; 0: none */
    struct stream_addr target; /* `-> target`: named by its instruction; port 0: none */
    struct stream_addr peer;   /* the connection's real peer, whatever a PROXY header names */
    struct session *queue_next, **queue_link; /* sessions that wait for a place; link NULL: not waiting */
    struct session *next, **link;             /* all sessions of the proxy */
};

/* Sessions that wait for a place at a server (queue.c) */
struct queue {
    struct session *first, **last;
    struct task stirs;    /* runs when a place may be free */
    struct timer looks;   /* looks for places that other loops gave back */
    uint32_t *of_service; /* [services of the program]: number of waiting sessions */
    uint32_t *tried;      /* allocated behind the struct, [branches]: last time at which the branch was full */
    uint32_t times;
};

struct listener {
    struct watcher watcher;
    struct proxy *proxy;
    struct proxy_listen at; /* `fd` belongs to the listener */
    uint32_t turn;          /* last turn of the loop in which it was ready */
    uint32_t crowd;         /* number of connections tried in that turn */
    bool shut;              /* its service drains: the socket no longer listens, but keeps its port */
    bool hushed;            /* its inline connections are not accepted for now (listeners_hush) */
};

struct foreign { /* unused sockets of a family */
    int fds[TRANSPARENT_BATCH];
    unsigned count;
};

struct proxy {
    struct loop loop;
    struct proxy_cfg cfg;
    struct program *program; /* the running program; held */
    uint64_t number;         /* the program's number for the recording */
    struct chooser *chooser;
    const struct snapshot *world;
    struct tls_table *tls; /* the program's TLS; held */
    uint64_t told_ns;      /* time of the turn in which the chooser last got time and facts */
    uint64_t tables;       /* number of the last balancing tables taken */
    uint64_t tables_ns;    /* time at which the next tables are due */
    struct slab sessions, sides, buffers, ats, inline_facts, middles, leaves;
    struct pipes pipes;
    struct first first;              /* for the session that reads now */
    struct session *all, *tells;     /* next session that reports its bytes; NULL: the first */
    uint64_t begun;                  /* number of sessions since the start */
    struct foreign foreign[2];       /* IPv4, IPv6 */
    struct foreign stack_sockets[2]; /* the same, of the inline stack */
    struct leaving *leaving;         /* to and from the worker; NULL: no connection leaves its sockets */
    struct session **leavers;        /* [leaving->most]: sessions that have a struct leave, by their number */
    struct watcher told;             /* the watcher of leaving->told_fd */
    struct session *asks;            /* sessions with a request for the worker, for which there was no room */
    uint64_t random;                 /* for source_socket: unpredictable (RFC 6056) */
    struct queue queue;
    uint16_t iface[PORTS_MOST]; /* [iface_count]: the program's id of each interface of the command line */
    unsigned iface_count;
    struct {
        uint64_t program; /* serial of the program before */
        uint16_t iface[PORTS_MOST];
    } before;
    void *of_kind[SESSION_KINDS]; /* state that kinds share among their sessions */
    struct listener *listeners;   /* [listener_count] */
    unsigned listener_count;
    uint32_t cut_at; /* the session at which sessions_cut goes on */
    bool closed;     /* accepting pauses, because there is no room or no descriptor */
    bool left;       /* another process accepts, so each HTTP response is the last on its connection */
    struct timer reopens, second;
    struct proxy_counted counted;

    /* shared with the main thread */
    struct lines lines;              /* lines of access logs, to the main thread */
    struct ring refusals;            /* struct refusal, to the main thread */
    struct snapshot *latest;         /* atomic; set by the main thread */
    uint64_t taken;                  /* atomic: number of the snapshot in use */
    uint64_t marked, mark;           /* atomic: proxy_marked; the mark to take when the next turn begins */
    struct proxy_change *change;     /* atomic: snapshot or change to take between two turns; NULL: none, or taken */
    struct session_listing *listing; /* atomic: to fill between two turns; NULL: none, or filled */
    uint64_t portless;               /* atomic: connects for which no local port was left */
    uint32_t open;                   /* atomic: number of sessions that have not ended */
    struct archive *pack;            /* atomic: to write between two turns; NULL: none, or written */
    enum proxy_leaves {
        PROXY_STAYS,
        PROXY_LEAVES,  /* asked to leave */
        PROXY_RETURNS, /* asked to return, after proxy_pack, because no process has taken over */
        PROXY_LEFT
    } letting; /* atomic: progress of leaving its connections to another process */
    int stop;  /* atomic */
    pthread_t thread;
};

/* Return the proxy settings of a service; empty for a service of a former program */
static inline const struct pbc_proxy *proxy_says(const struct proxy *p, uint32_t service)
{
    static const struct pbc_proxy nothing;
    const uint32_t at = service == PBC_NONE ? 0 : p->program->services[service].proxy;
    return at ? &p->program->proxies[at - 1] : &nothing;
}
/* Return the longest allowed silence of one end: its service's setting in `own`, or the default of all services */
static inline uint64_t session_silence_ns(const struct session *s, uint64_t own)
{
    const struct program *p = s->proxy->program;
    const uint64_t of_both = p->services[s->service].idle_ns;
    return own ? own : of_both ? of_both : p->settings->proxy_idle_ns;
}
static inline uint64_t session_client_ns(const struct session *s)
{
    return session_silence_ns(s, proxy_says(s->proxy, s->service)->client_ns);
}
static inline uint64_t session_server_ns(const struct session *s)
{
    return session_silence_ns(s, proxy_says(s->proxy, s->service)->server_ns);
}
/* Return the longest allowed silence of both ends, if either may be the next to send */
static inline uint64_t session_idle_ns(const struct session *s)
{
    const uint64_t client = session_client_ns(s), server = session_server_ns(s);
    return client < server ? client : server;
}
/* Return the counters of the session's service */
static inline struct proxy_counters *session_counts(const struct session *s)
{
    return proxy_counted_of(&s->proxy->counted, s->service);
}
/* Return the TLS settings of a service; none if no service has TLS */
static inline struct tls_ends proxy_tls(const struct proxy *p, uint32_t service)
{
    return p->tls ? p->tls->of[service] : (struct tls_ends){NULL, NULL};
}
/* Add the facts of the client's TLS handshake to p->first, after first_read */
static inline void proxy_tells_tls(struct session *s)
{
    if (s->client.tls) first_tls(&s->proxy->first, tls_name(&s->client), tls_protocol(&s->client));
}
/* True for a service of a former program, which gets no new connections */
static inline bool proxy_is_past(const struct proxy *p, uint32_t service)
{
    return p->program->past && service >= p->program->past->services;
}
/* True for a service that drains by hand, or belongs to another process: it takes no new connection, and present
 * ones go on */
static inline bool proxy_drains(const struct proxy *p, uint32_t service)
{
    if (p->left) return true;
    return service != PBC_NONE && facts_service_drains(&p->world->facts, service);
}
/* chooser.c: return the chooser with time and world of this turn */
struct chooser *proxy_chooser(struct proxy *p);

/* Write a line to the access log at this path, or to "syslog" */
void proxy_log(struct proxy *p, const char *path, const char *line, uint32_t len);

/* accept.c: replace all listeners; a listener with fd -1 stays unchanged, and so does a spare one at the same
 * address. Takes the descriptors out of `all`. room: from listeners_room for that count and all spare ones (NULL:
 * out of memory); the proxy owns it from then on. */
struct listener *listeners_room(unsigned count);
void listeners_set(struct proxy *p, struct listener *room, struct proxy_listen *all, unsigned count);
void listeners_fini(struct proxy *p);
/* True if the kernel no longer gives the listener clients (struct proxy_listen) */
bool listener_is_spare(const struct listener *l);
/* Close all listeners, which another process has, too */
void listeners_leave(struct proxy *p);
/* Stop accepting inline connections for a while, or accept them again. */
void listeners_hush(struct proxy *p, bool hushed);
/* Return the service that accepts connections at that address and port; PBC_NONE: none */
uint32_t listeners_service(const struct proxy *p, const struct stream_addr *a);
/* Shut the listeners of services that drain, and open those again that no longer drain, according to the snapshot. A
 * listener that can't be opened stays shut until the next call. */
void listeners_follow(struct proxy *p);
/* Accept again, because there is room */
void listeners_reopen(struct proxy *p);

/* session.c: renumber sessions after a reload */
void sessions_rename(struct proxy *p, const struct remap *r);
/* Set the counters of all sessions again; the former settings may be freed at the next reload */
void sessions_recount(struct proxy *p);
/* End sessions whose first packet the new program refuses, if their service has `on reload close` */
void sessions_rejudge(struct proxy *p);
/* End sessions of servers that are down, if their pool requires it, and sessions whose drain time has expired. Call
 * it after a change of facts. */
void sessions_look(struct proxy *p);
void sessions_end(struct proxy *p, enum session_end why);
/* cut_sessions.c: end sessions that cuts concern, a part of them per turn. */
void sessions_cut(struct proxy *p);

/* recorded.c: report to the worker the bytes that the session's client has sent since the last report. Report those
 * of the next sessions in turn, at most 256 (second function). */
void session_tell(struct session *s);
void sessions_tell(struct proxy *p);

/* Report a moment to the flight recorder; or report that s->chosen is connected, if the server is new (second
 * function) */
void session_record(const struct session *s, enum moment_kind kind);
void session_served(struct session *s);

/* foreign.c: return a socket for a connection to a server, which the caller owns, or a negative errno.
 *
 * client_socket: it has the client's address, and no port yet. */
int client_socket(struct proxy *p, const struct stream_addr *client);
/* source_socket: its socket is bound to an address of the pool's `source`, and to a port if the pool names ports.
 * Each `turn` gives another pair, until all are used. -ENODATA: no address of the family. */
int source_socket(struct proxy *p, const struct pbc_pool *pool, bool v6, uint32_t turn);
/* own_socket: a socket of the inline stack, at this address. */
int own_socket(struct proxy *p, const struct stream_addr *own);
void foreign_fini(struct proxy *p);

/* listing.c: fill in the connection's real addresses, whatever a PROXY header names, and its service and server */
void session_flow(const struct session *s, struct flow_record *f);

/* name.c: read the PROXY header of a session whose service accepts some. 0: no header will come, or it was removed;
 * -EAGAIN; -EPROTO: the session has ended. A client of `mode proxy` that must not send a PROXY header is not waited
 * for, because the server may speak first; its bytes are checked when they arrive. */
int name_client(struct session *s);
/* Return whether the rules trust the request fields of the session's client, which a PROXY header may name (`trust
 * forwarded from`). UNSAID: the service has no such setting. */
enum name_trust { NAME_TRUST_UNSAID, NAME_UNTRUSTED, NAME_TRUSTED };
enum name_trust name_trust(const struct session *s);
/* True if the client came by TLS to a front whose own address the present rules trust. */
bool name_fronted(const struct session *s);
/* True if the client's bytes may be read. False as long as they may be a forbidden PROXY header; if they are one, the
 * session has ended. */
bool name_heard(struct session *s);
