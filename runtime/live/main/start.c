/* The start: what is looked at before anything is changed, each fault in plain words with what mends it; then what
 * needs a right: sockets. */
#include "runtime/live/main/start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/compiled.h"
#include "runtime/host/hook/across.h"
#include "runtime/host/hook/xmit.h"
#include "runtime/live/carry/dealt.h"
#include "runtime/live/carry/guard/shared_ports.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/live/carry/recorded.h"
#include "runtime/live/carry/steered.h"
#include "runtime/live/carry/way.h"
#include "runtime/live/main/look.h"
#include "runtime/live/main/look_kernel.h"
#include "runtime/live/rules/judged.h"
#include "runtime/live/rules/reload.h"
#include "runtime/live/rules/room.h"
#include "runtime/live/tell/log.h"
#include "runtime/live/world/routing.h"
#include "runtime/live/world/world.h"
#include "runtime/parent/parent.h"
#include "runtime/schedule/schedule.h"
#include "runtime/worker/watched.h"

struct program *start_load_again(const struct live *l, char *err, size_t err_len)
{
    int fd;
    if (ask_rules(l->tell.channel, &fd, err, err_len)) return NULL;
    struct program *p = program_load_open(fd, l->o->program, err, err_len);
    close(fd);
    if (p) room_bound(l, p);
    return p;
}

static int look_at_program(struct live *l)
{
    char err[600];
    if (!rules_are_compiled(l->o->program, err, sizeof err)) return live_complain("%s", err);
    l->carry.now.program = program_load_file(l->o->program, err, sizeof err);
    if (!l->carry.now.program) return live_complain("%s", err);
    l->carry.now.name = strdup(l->o->program);
    memcpy(l->rules.file_digest, l->carry.now.program->digest, sizeof l->rules.file_digest);
    return ruling_init(&l->carry.now, l->o->ifaces, l->o->iface_count) ? 0 : live_complain("out of memory");
}

/* One that is not there look_at_host has told of. */
static void find_interface(struct live *l, unsigned at)
{
    const struct host_link *link = host_link_named(l->carry.host, l->o->ifaces[at]);
    if (link) l->carry.ifindex[at] = link->ifindex;
}

/* One of net.ipv4.ip_forward and its like. */
static bool is_on(const char *sysctl)
{
    char c = '0';
    const int fd = open(sysctl, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) (void)!read(fd, &c, 1);
    if (fd >= 0) close(fd);
    return c != '0';
}

bool start_watched(const struct live *l, const struct program *p, char *what, size_t len)
{
    char place[300];
    bool host = false; /* it hears something of an interface */
    for (unsigned i = 0; i < l->o->iface_count; i++) host |= l->o->peer[i] == OPTIONS_NO_PEER;
    /* else we take what crosses; the kernel is asked about as if it were not taken */
    const bool forwards = l->carry.forwards && (l->carry.in_kernel || l->carry.io != &io_XDP) && !start_routes(l, p);
    const struct host_self self = host_self(l->carry.host);
    if (!host || !watched_place(p, &self, forwards, place, sizeof place)) return false;
    snprintf(what, len, "%s may drop what is for this machine itself, or from it%s", place,
             forwards ? ", or what it forwards" : "");
    return true;
}

bool start_enforces(const struct live *l, const struct program *p, char *why, size_t len)
{
    char what[400];
    if (l->o->monitor || l->carry.in_kernel || !start_watched(l, p, what, sizeof what)) return true;
    const char *no = l->o->exec == OPTIONS_EXEC_USER ? NULL : in_kernel_obstacle(l);
    snprintf(why, len,
             "%s, and that cannot be enforced here%s%s: --monitor judges and counts it, and enforces the rest", what,
             no ? ", nor in the kernel, for " : "", no ? no : "");
    return false;
}

void start_watched_now(struct live *l)
{
    char what[400];
    const bool now = !l->o->monitor && !l->carry.in_kernel && start_watched(l, l->carry.now.program, what, sizeof what);
    if (now && !l->carry.watched)
        live_complain("%s, for this machine has such an address now: that is only watched", what);
    l->carry.watched = now;
}

/* A bridge whose firewalls say nothing of what crosses it would let all of it through, and seem to judge it. */
static bool judges_bridge(const struct live *l, const struct program *p, char *why, size_t len)
{
    bool judges = !p->firewalls_count || !l->o->bridge_count;
    for (uint32_t i = 0; i < p->firewalls_count; i++) judges |= firewall_judges(&p->firewalls[i], PBC_DIR_FORWARD);
    if (judges) return true;
    snprintf(why, len,
             "--bridge: what crosses a bridge is judged by `forward` rules, and `%.60s` has none: this judges it: "
             "firewall %.60s forward",
             program_str(p, p->firewalls[0].name), program_str(p, p->firewalls[0].name));
    return false;
}

bool start_look_at(const struct live *l, const struct program *p, const char *name, bool again, char *why, size_t len)
{
    const char *zone = schedules_unknown_zone(p);
    if (!zone)
        return proxied_runs(p, why, len) && way_look_at(l, p, why, len) && judges_bridge(l, p, why, len) &&
               (again || start_enforces(l, p, why, len));
    snprintf(why, len, "%.200s: this machine does not know the time zone `%s` (package tzdata)", name, zone);
    return false;
}

/* The way that frames come, and what cannot be enforced by it. */
static int look_at_rules(struct live *l)
{
    char err[600];
    int status = way_choose(l);
    if (!start_look_at(l, l->carry.now.program, l->o->program, false, err, sizeof err))
        status = live_complain("%s", err);
    judged_notice(l);
    if (!judged_all(l, l->carry.now.program, err, sizeof err)) status = live_complain("%s", err);
    return status;
}

int start_look(struct live *l)
{
    char err[300];
    int status = look_at_program(l);
    if (status && !l->o->preflight) return status; /* which looks at the host all the same */
    l->carry.forwards4 = is_on("/proc/sys/net/ipv4/ip_forward");
    l->carry.forwards6 = is_on("/proc/sys/net/ipv6/conf/all/forwarding");
    l->carry.forwards = l->carry.forwards4 || l->carry.forwards6;
    l->carry.host = host_open(err, sizeof err);
    if (!l->carry.host) return live_complain("%s", err);
    if (l->carry.now.program) status |= look_at_rules(l);
    if (l->carry.in_kernel) status |= look_at_kernel(l);
    if (l->carry.in_kernel) l->carry.xmit = xmit_open();
    if (!status) l->carry.worker_count = way_workers(l, worker_cpus());
    room_look(l);
    if (l->carry.now.program) room_bound(l, l->carry.now.program);
    status |= look_at_host(l);
    if (l->o->on_exit == OPTIONS_END_OPEN && !across_possible())
        status = live_complain("this preyrun was built without clang (make KERNEL=0), so --on-exit open is not in it");
    for (unsigned i = 0; i < l->o->iface_count; i++) find_interface(l, i);
    if (!status) way_tell_workers(l, worker_cpus());
    if (!status && l->carry.forwards && !l->carry.in_kernel && start_routes(l, l->carry.now.program) &&
        world_elsewhere(l))
        live_complain("notice: what crosses this machine by interfaces that -i does not name is only watched");
    return status;
}

/* Flows of the host itself are known only if what it sends is seen. */
static bool needs_outgoing(const struct program *p)
{
    bool host = false, state = false;
    for (uint32_t i = 0; i < p->firewalls_count; i++) {
        if (p->firewalls[i].direction == PBC_DIR_OUT) return true;
        host |= p->firewalls[i].direction != PBC_DIR_FORWARD;
    }
    for (uint32_t i = 0; i < p->conds_count; i++)
        state |= p->conds[i].kind == COND_STATE || p->conds[i].kind == COND_FLOWS_OVER;
    return host && state;
}

struct io_port *start_open_io(struct live *l, const struct worker *w, unsigned at, int *group)
{
    char err[200];
    const struct io_ops *ops = w->ports[at].ops;
    const unsigned iface = at % l->o->iface_count;
    struct io_made made;
    const struct host_link *link = host_link(l->carry.host, l->carry.ifindex[iface]);
    if (!link) {
        live_fault(l, "%s: it is gone", l->o->ifaces[iface]);
        return NULL;
    }
    /* Workers share what is for the interface; where each has queues of a card, it needs as much for each. */
    const uint64_t share = ops == &io_PACKET ? l->o->ring / l->carry.worker_count : l->o->ring;
    struct io_ask ask = {.ring_bytes = share > OPTIONS_RING_LEAST ? share : OPTIONS_RING_LEAST,
                         .ifindex = l->carry.ifindex[iface],
                         .mtu = link->mtu,
                         .group = *group,
                         .worker = (uint8_t)w->cfg.worker,
                         .port = (uint8_t)iface,
                         .busy = l->o->busy_poll,
                         .beside = at >= l->o->iface_count,
                         .outgoing = needs_outgoing(l->carry.now.program),
                         .all = l->o->peer[iface] != OPTIONS_NO_PEER,
                         .shared = l->carry.worker_count > 1,
                         .hurried = l->tell.ready};
    if (!ask.beside && steered_open(l, iface, &ask)) return NULL;
    struct io_port *io = NULL;
    if (!ask_port(l->tell.channel, &ask, &made, err, sizeof err)) {
        *group = made.group;
        dealt_take(l, &made);
        io = ops->open(&ask, &made, &l->carry.umems[w->cfg.worker], err, sizeof err);
    }
    if (io && ops->bind && ask_bind(l->tell.channel, err, sizeof err)) {
        ops->close(io);
        io = NULL;
    }
    if (!io) live_fault(l, "%s: %s", l->o->ifaces[iface], err);
    return io;
}

static int open_port(struct live *l, struct worker *w, unsigned at, int *group)
{
    struct port *p = &w->ports[at];
    const unsigned iface = at % l->o->iface_count;
    *p = (struct port){.ops = at == iface ? l->carry.io : &io_PACKET,
                       .at = (uint8_t)at,
                       .peer = PORT_ANY,
                       .iface = l->carry.now.iface[at]};
    p->hidden = p->ops == &io_XDP;
    if (l->o->peer[iface] != OPTIONS_NO_PEER) p->peer = l->o->peer[iface];
    p->io = start_open_io(l, w, at, group);
    if (!p->io) return 2;
    w->egress.port_count = at + 1;
    return 0;
}

static uint64_t seed_of(const struct options *o)
{
    uint64_t seed = o->seed;
    if (seed) return seed;
    (void)!getrandom(&seed, sizeof seed, 0);
    return seed;
}

bool start_routes(const struct live *l, const struct program *p)
{
    unsigned plain = 0;
    for (unsigned i = 0; i < l->o->iface_count; i++) plain += l->o->peer[i] == OPTIONS_NO_PEER;
    return routed_wanted(p, plain, l->carry.forwards);
}

/* Nobody cuts a packet behind an outer header. */
bool start_has_tunnels(const struct program *p)
{
    for (uint32_t i = 0; i < p->services_count; i++)
        if (mode_is(p->services[i].mode, MODE_TUNNELS)) return true;
    return false;
}

static int worker_make(struct live *l, const struct worker_cfg *cfg)
{
    struct worker *w = aligned_alloc(64, (sizeof *w + 63) / 64 * 64);
    if (!w) return live_complain("out of memory");
    l->carry.workers[cfg->worker] = w;
    const int failed = worker_init(w, cfg);
    if (!failed) return 0;
    if (failed != -ENOMEM) return live_complain("a worker cannot be made: %s", strerror(-failed));
    return live_complain("out of memory: the rules ask for a table of %llu flows (`limits`), for each worker",
                         (unsigned long long)l->carry.now.program->flows);
}

static int workers_make(struct live *l)
{
    struct worker_cfg cfg = {.program = l->carry.now.program,
                             .workers = l->carry.worker_count,
                             .owners = l->carry.now.owners,
                             .shared = l->carry.now.shared,
                             .seed = seed_of(l->o),
                             .tun = l->carry.tun,
                             .opened = l->carry.now.opened,
                             .routes = start_routes(l, l->carry.now.program),
                             .log = l->o->log != LOG_NONE,
                             .spins = l->o->busy_poll,
                             .cuts = start_has_tunnels(l->carry.now.program),
                             .kernel = in_kernel_ops(l),
                             .world = in_kernel_told(l),
                             .forwards = l->carry.forwards,
                             .watches = l->carry.in_kernel && l->o->monitor};
    for (cfg.worker = 0; cfg.worker < l->carry.worker_count; cfg.worker++)
        if (worker_make(l, &cfg)) return 2;
    for (unsigned i = 0; i < l->carry.worker_count; i++) l->carry.workers[i]->others = l->carry.workers;
    return 0;
}

int start_open(struct live *l)
{
    int group[PORTS_MOST];
    if (l->carry.worker_count > 1) {
        l->carry.now.owners =
            owners_new(l->carry.now.program, &(struct owners_cfg){l->carry.worker_count, seed_of(l->o)}, NULL, 0);
        l->carry.now.shared = shared_new(l->carry.now.program, NULL, NULL, clock_ns(CLOCK_MONOTONIC));
        if (!l->carry.now.owners || !l->carry.now.shared) return live_complain("out of memory");
    }
    char err[300];
    if (steered_tun(l, l->carry.now.program, err, sizeof err)) return live_fault(l, "%s", err);
    if (workers_make(l)) return 2;
    for (unsigned at = 0; at < l->carry.port_count; at++) {
        group[at] = -1;
        for (unsigned i = 0; i < l->carry.worker_count; i++)
            if (open_port(l, l->carry.workers[i], at, &group[at])) return 2;
    }
    if (recorded_open(l)) return 2;
    l->world.hops = (struct hops){.host = l->carry.host,
                                  .channel = l->tell.channel,
                                  .ifindex = l->carry.ifindex,
                                  .port_count = l->o->iface_count};
    if (!hops_init(&l->world.hops, seed_of(l->o))) return live_complain("out of memory");
    routing_stale(l);
    routing_renew(l);
    if (!world_publish(l, true)) return live_complain("out of memory");
    return proxied_open(l) ? 2 : steered_begin(l);
}

void start_close(struct live *l)
{
    proxied_close(l);
    for (unsigned i = 0; i < WORKERS_MOST && l->carry.workers[i]; i++) {
        worker_fini(l->carry.workers[i]);
        free(l->carry.workers[i]);
    }
    dealt_close(l);
    recorder_free(l->carry.recorder);
    reel_close(&l->carry.reel);
    steered_close(l);
    in_kernel_close(l);
    reload_fini(l);
    world_fini(l);
    host_close(l->carry.host);
    shared_ports_fini(l);
    xmit_close(l->carry.xmit);
    ruling_fini(&l->carry.now);
    lingering_fini(&l->carry.lingering);
    channel_free(l->tell.channel);
}
