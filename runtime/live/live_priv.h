/* What the main thread of live traffic holds. */
#ifndef RUNTIME_LIVE_LIVE_PRIV_H
#define RUNTIME_LIVE_LIVE_PRIV_H

#include "runtime/live/hops.h"
#include "runtime/live/worker.h"
#include "runtime/options.h"
#include "runtime/replay/text.h"

/* Of an interface that is served: as it was told last. */
enum link_state { LINK_UP, LINK_DOWN, LINK_GONE };

enum { OLDER_MOST = 64 };

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
    struct snapshot *older[OLDER_MOST + 1]; /* those that a worker may still use */
    unsigned older_count;
    bool forwards;       /* the host's stack forwards packets */
    bool guarded;        /* there is a table of guard rules */
    struct state *state; /* of what was changed on the host; NULL: nothing yet */
    const struct io_ops *io;
    struct steer *steers[PORTS_MOST]; /* of each port; NULL: io is not xdp */
    struct umem *umem;                /* of the one worker's ports */
    int tun;                          /* back to the host; -1: it sees all that comes */
    bool generic;                     /* some port's steering program is not in the driver */
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
    struct reload *reload; /* under way, or not all flows in line with it; NULL: none */
    bool wanted;           /* another one, when that is through */
    bool report;           /* counters, when it is made */
    int signal_fd;
};

/* One line on standard error; returns 2. */
int live_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* start.c: look before anything is changed: the program, the interfaces, what cannot be enforced. The exit status. */
int start_look(struct live *l);
/* The same of a program alone, which is loaded: what is not supported, what cannot be enforced. */
int start_look_at(const struct live *l, const struct program *p);
bool start_has_tunnels(const struct program *p);
uint16_t start_iface_id(const struct program *p, const char *device, unsigned at);
struct program *start_load(const char *path, char *err, size_t err_len);
/* Sockets and the worker, up to where it could run. */
int start_open(struct live *l);
/* A socket of that worker on the interface as it is now; *group as in struct io_cfg. NULL, and it is told why. */
struct io_port *start_open_io(struct live *l, const struct worker *w, unsigned at, int *group);
void start_close(struct live *l);

/* steered.c: which way frames come (the table of README.md); the steering programs of `xdp`. The exit status. */
int steered_choose(struct live *l);
int steered_open(struct live *l, unsigned at, struct io_cfg *cfg); /* before the port is opened */
int steered_tun(struct live *l);                                   /* before the worker is made */
int steered_begin(struct live *l);                                 /* when all else is ready */
bool steered_world(struct live *l);                                /* after facts have changed */
void steered_close(struct live *l);                                /* when the ports are closed */

/* claim.c: the instance's name, guard rules and ports on this host. The exit status. */
const char *claim_name(const struct options *o);
int claim_host(struct live *l);
/* Guard rules and ports for the program and, for flows that drain, the one before, which may be NULL. */
int claim_guard(struct live *l, struct program *p, struct program *before);
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
void world_drop_arrays(struct live *l); /* those that have the program's shape */
/* Once a second: schedules, neighbours. */
bool world_tick(struct live *l);

struct snapshot *world_snapshot(struct live *l, bool ways); /* the next, not published; NULL: memory is out */
void world_give(struct live *l, struct snapshot *s);        /* it is the latest from now on; workers are not told */

/* reload.c: the program's file again, in place of the one that runs. */
void reload_begin(struct live *l);
/* Is a change under way that some worker has not taken? Then nothing is published or printed. */
bool reload_pending(const struct live *l);
/* Workers may have taken it, or have brought all flows in line. */
void reload_step(struct live *l);
void reload_fini(struct live *l);

/* report.c: the counters, on standard output. 0 or 2. */
int live_report(struct live *l);

#endif
