/* What the main thread of live traffic holds. */
#ifndef RUNTIME_LIVE_LIVE_PRIV_H
#define RUNTIME_LIVE_LIVE_PRIV_H

#include "runtime/live/hops.h"
#include "runtime/live/worker.h"
#include "runtime/options.h"
#include "runtime/replay/text.h"

/* Of an interface that is served: as it was told last. */
enum link_state { LINK_UP, LINK_DOWN, LINK_GONE };

struct live {
    const struct options *o;
    struct program *program;
    struct labels labels;
    struct host *host;
    unsigned ifindex[PORTS_MOST];
    struct hops hops;
    struct facts facts; /* as published last; arrays are the host's */
    uint64_t until_ns;  /* the schedules hold for earlier times, of the clock on the wall */
    struct snapshot *latest;
    struct snapshot *older[64]; /* those that a worker may still use */
    unsigned older_count;
    bool forwards;       /* the host's stack forwards packets */
    struct state *state; /* of what was changed on the host; NULL: nothing yet */
    struct worker *workers[WORKERS_MOST];
    unsigned worker_count;
    struct owners *owners;      /* NULL: there is one worker */
    uint16_t iface[PORTS_MOST]; /* ids of the ports */
    struct facts_iface *ifaces; /* [ifaces_count], as published last */
    unsigned ifaces_count;
    uint16_t *server_out, *target_out;
    bool stale;                 /* what is published is not the latest */
    bool announced[PORTS_MOST]; /* addresses were claimed since the link came up */
    enum link_state links[PORTS_MOST];
    int signal_fd;
};

/* One line on standard error; returns 2. */
int live_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* start.c: look before anything is changed: the program, the interfaces, what cannot be enforced. The exit status. */
int start_look(struct live *l);
/* Sockets and the worker, up to where it could run. */
int start_open(struct live *l);
/* A socket of that worker on the interface as it is now; *group as in struct io_cfg. NULL, and it is told why. */
struct io_port *start_open_io(const struct live *l, const struct worker *w, unsigned at, int *group);
void start_close(struct live *l);

/* claim.c: the instance's name, guard rules and ports on this host. The exit status. */
const char *claim_name(const struct options *o);
int claim_host(struct live *l);
int claim_guard(struct live *l); /* guard rules anew, for interfaces that have come back */
void claim_end(struct live *l);
int claim_cleanup(const struct options *o); /* of dead instances: of --name, else of all in this namespace */

/* look.c: rights, interfaces, ways to servers; each finding is a line with what mends it. The exit status. */
int look_at_host(struct live *l);

/* links.c: interfaces have changed; those that are back get new sockets. */
void links_follow(struct live *l);

/* announced.c: claim addresses by the links that have come up since the last call. */
void announced_links(struct live *l);

/* world.c: facts and next hops, as the kernel tells them, become snapshots. ways: routes may have changed. False:
 * memory is out. */
bool world_publish(struct live *l, bool ways);
/* Read what the kernel tells, and publish where it matters. False: memory is out, or the socket failed. */
bool world_read(struct live *l);
/* Next hops that a worker asks for. */
bool world_asked(struct live *l, struct worker *w);
void world_fini(struct live *l);
/* Once a second: schedules, neighbours. */
bool world_tick(struct live *l);

/* report.c: the counters, on standard output. 0 or 2. */
int live_report(struct live *l);

#endif
