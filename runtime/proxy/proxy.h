/* Connections that end here: one loop, a thread beside each worker, accepts them and finds a server for each.
 *
 *      proxy_new ─▶ proxy_start ─▶ [ proxy_tell, proxy_change … ] ─▶ proxy_stop ─▶ proxy_free
 *
 * Loops share only what the workers' vms share (vm/shared): each has its own listeners on the same addresses, and the
 * kernel distributes connections over them. */
#pragma once

#include <pthread.h>

#include "runtime/exchange/refusal.h"
#include "runtime/proxy/told/lines.h"
#include "runtime/proxy/told/proxy_counters.h"
#include "vm/forward/service.h"
#include "vm/stream/first.h"

struct moments;
struct openers;
struct proxy;
struct proxy_room;
struct inlined;
struct leaving;
struct ring;
struct snapshot;
struct tls_table;

/* An address to listen on */
struct proxy_listen {
    struct stream_addr at; /* all 0: any address of the family */
    uint32_t service;      /* PBC_NONE: inline connections, from the inline stack, with services by cfg.inlined */
    uint32_t number; /* number of the loop that it was opened for. A listener of another loop is spare: the kernel no
                      * longer gives it clients, and it ends with its service */
    int fd;          /* non-blocking listening socket, the proxy's from now on; -1: keep its present socket */
};

/* Get a batch of at most TRANSPARENT_BATCH sockets for family 4 or 6. Return their number, or a negative errno. */
typedef int sockets_fn(void *with, unsigned family, int fds[]);

/* True if both are the same address; compares fields, because padding may differ */
static inline bool proxy_listen_same(const struct proxy_listen *a, const struct proxy_listen *b)
{
    const bool inlined = a->service == PBC_NONE;
    return address_equal(a->at.addr, b->at.addr) && a->at.port == b->at.port && a->at.v6 == b->at.v6 &&
           inlined == (b->service == PBC_NONE);
}

struct proxy_cfg {
    bool handed; /* its listeners also belong to another process, and stay unchanged until proxy_start */
    struct program *program;
    struct vm_cfg vm;                     /* for the chooser: seed, worker of workers, share */
    struct tls_table *tls;                /* TLS settings of services; held */
    const struct openers *const *openers; /* [vm.workers or 1]: connections that workers accepted; NULL: not recorded */
    struct moments *moments;              /* recorder of sessions; NULL: none */
    struct ring *carried;                 /* struct carried, to the loop's worker; NULL: not counted */
    const struct inlined *inlined;        /* its worker's inline connections; NULL: none */
    struct leaving *leaving;              /* to and from its worker, about connections that leave; NULL: none */
    /* Sockets that may have clients' addresses (runtime/host/socket/transparent.h), and sockets of the inline stack.
     * NULL: none. Called with `with`. */
    sockets_fn *foreign, *stack_sockets;
    /* Connect two streams to the socket of a user's process in the middle (runtime/host/file/middle.h). Return 0 or
     * a negative errno. NULL: not possible. Called with `with`. */
    int (*middle)(void *with, const char *path, int fds[2]);
    const char *const *iface_name; /* [iface_count]: for programs in the middle; NULL: not reported */
    uint32_t sessions_most;
    const uint16_t *iface; /* [iface_count]: ids of the interfaces in the program */
    unsigned iface_count;
    void (*called)(void *with); /* there is work for the main thread (proxy_refused) */
    void *with;
};

/* A change to another program, made by the main thread */
struct proxy_change {
    const struct remap *remap;
    struct chooser
        *fresh; /* chooser for remap->program, with facts; after the change the old chooser, for the caller to free */
    struct snapshot *world;
    struct tls_table *tls;        /* the caller's, which may release it once the change is made */
    struct proxy_listen *listens; /* [count] */
    unsigned count;
    const uint16_t *iface;         /* as in struct proxy_cfg */
    const struct inlined *inlined; /* as in struct proxy_cfg */
    struct leaving *leaving;       /* as in struct proxy_cfg; once not NULL, it stays */
    uint64_t number;               /* number of remap->program, for the recording */
    struct proxy_counters *
        *counted;            /* from proxy_counted_new, for remap->program; afterwards the old ones, as in `fresh` */
    struct proxy_room *room; /* from proxy_room_new; NULL once the change is made */
};

/* True if the mode (enum pbc_mode) has a kind of session */
bool proxy_serves(unsigned mode);

/* Make a proxy. listens: [count]. NULL, with a negative errno in *err: out of memory or descriptors. */
struct proxy *proxy_new(const struct proxy_cfg *cfg, struct snapshot *world, struct proxy_listen *listens,
                        unsigned count, int *err);
/* End all sessions and free. Not while its thread runs. */
void proxy_free(struct proxy *p);
/* Set the program's number for the recording. Not while its thread runs. */
void proxy_numbered(struct proxy *p, uint64_t number);
/* Start the thread. cpu: the only processor it runs on; negative: any. Return 0 or a negative errno. */
int proxy_start(struct proxy *p, int cpu);
void proxy_stop(struct proxy *p);
/* Do one turn without a thread: handle everything ready or due; wait at most most_ms */
void proxy_turn(struct proxy *p, int most_ms);

/* Publish a newer snapshot, which stays the caller's until proxy_taken is past its number */
void proxy_tell(struct proxy *p, struct snapshot *world);
uint64_t proxy_taken(const struct proxy *p);
/* Make the loop's next turn begin with this mark. Once proxy_marked returns it, the loop holds no pointers into the
 * program's tables from before. Marks grow. */
void proxy_mark(struct proxy *p, uint64_t mark);
uint64_t proxy_marked(const struct proxy *p);
/* Take the memory that a loop needs for a change to a program, so that the loop itself cannot run out of it. listens:
 * number of listeners. NULL: out of memory. The second function frees it; NULL is fine. */
struct proxy_room *proxy_room_new(const struct program *program, unsigned listens);
void proxy_room_free(struct proxy_room *room);
/* Make the loop look for cuts (vm/judge/lives.h; cfg.vm.cuts), as the walker FLOW_CUTS_LOOPS + cfg.vm.worker. When
 * it has finished, `called` announces that. */
void proxy_cut(struct proxy *p);
/* Start a change; c stays the caller's until proxy_changed is true. The loop refuses exactly the changes that
 * workers refuse (vm_swap). */
void proxy_change(struct proxy *p, struct proxy_change *c);
bool proxy_changed(const struct proxy *p);
/* Get the next part of its sessions (listing.h). False if another listing is being filled. The loop owns l until
 * proxy_listed is true; `called` announces that. */
struct session_listing;
bool proxy_list(struct proxy *p, struct session_listing *l);
bool proxy_listed(const struct proxy *p, const struct session_listing *l);
/* Take the oldest line of an access log. Return its length, 0: none. *target: lines_target of the log's path. */
uint32_t proxy_line(struct proxy *p, uint64_t *target, char line[LINES_MOST]);
/* Return the number of lines lost because there was no room */
uint64_t proxy_lines_lost(const struct proxy *p);
/* Take the next report of a refusal */
bool proxy_refused(struct proxy *p, struct refusal *r);

/* Let another process continue with the listeners, and this one with its sessions (runtime/live/control/takeover/):
 * proxy_listener: the socket of a listener, which stays the proxy's, with its place. False: no more. Not during a
 * change. proxy_spares: the number of spare ones.
 * proxy_pack: have the loop write what it remembers of clients into an archive, the loop's until proxy_packed is
 * true. proxy_pack_not: take that back; false: the loop writes already, or has written. From then on it accepts no
 * inline connection, until proxy_return, if no process has taken over.
 * proxies_unpack: read what so many loops have written into `count` loops that have no thread yet. If there are more
 * or fewer, each gets the memory of the clients that come to it from now on.
 * proxy_leave: have the loop accept nothing more, close its listeners, and refer to nothing of its worker; each HTTP
 * response is the last on its connection. Done once proxy_has_left is true.
 * proxy_sessions: sessions that go on, at any time. */
bool proxy_listener(const struct proxy *p, unsigned at, struct proxy_listen *l);
unsigned proxy_spares(const struct proxy *p);
void proxy_pack(struct proxy *p, struct archive *a);
bool proxy_pack_not(struct proxy *p, struct archive *a);
bool proxy_packed(const struct proxy *p);
bool proxies_unpack(struct proxy *const loops[], unsigned count, unsigned written, struct archive *a);
void proxy_return(struct proxy *p);
void proxy_leave(struct proxy *p);
bool proxy_has_left(const struct proxy *p);
uint32_t proxy_sessions(const struct proxy *p);
/* Add to the counters of a service; PBC_NONE: of no service. Not while its thread runs. */
void proxy_count_on(struct proxy *p, uint32_t service, const struct proxy_counters *more);

/* Return the number of connects for which no local port was left; at any time */
uint64_t proxy_portless(const struct proxy *p);
/* Return the live counters; the loop goes on. Not during a change. */
const struct proxy_counted *proxy_counted(const struct proxy *p);
const struct conns *proxy_conns(const struct proxy *p);
/* Return the user-space bytes of an idle session, and of a session with full buffers; and the additional bytes of an
 * inline connection's session, its worker's included (second function) */
void proxy_session_bytes(uint64_t first_bytes, uint64_t *idle, uint64_t *most);
uint64_t proxy_inline_bytes(void);
