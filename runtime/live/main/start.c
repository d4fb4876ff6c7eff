/* The start: checks before anything is changed, each fault in plain words with its remedy; then the opening of
 * sockets, which needs privileges. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/complain.h"
#include "runtime/base/files.h"
#include "runtime/copies/copies.h"
#include "runtime/exchange/begun/tuples.h"
#include "runtime/host/guard/served.h"
#include "runtime/host/hook/across.h"
#include "runtime/host/hook/hooks.h"
#include "runtime/host/hook/xmit.h"
#include "runtime/host/state.h"
#include "runtime/live/carry/copies/copied.h"
#include "runtime/live/carry/enforce.h"
#include "runtime/live/carry/guard/shared_ports.h"
#include "runtime/live/carry/guard/unjudged.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/observed.h"
#include "runtime/live/carry/proxy/inline_stack.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/live/carry/recorded.h"
#include "runtime/live/carry/steered.h"
#include "runtime/live/carry/way.h"
#include "runtime/live/carry/worker_ports.h"
#include "runtime/live/main/live_priv.h"
#include "runtime/live/main/take.h"
#include "runtime/live/rules/judged.h"
#include "runtime/live/rules/leased.h"
#include "runtime/live/rules/members/granted.h"
#include "runtime/live/rules/members/members.h"
#include "runtime/live/rules/names/names.h"
#include "runtime/live/rules/parts.h"
#include "runtime/live/rules/reload.h"
#include "runtime/live/rules/room.h"
#include "runtime/live/rules/translated.h"
#include "runtime/live/tell/log.h"
#include "runtime/live/world/links.h"
#include "runtime/live/world/routing.h"
#include "runtime/live/world/world.h"
#include "runtime/observe/thread.h"
#include "runtime/parent/parent.h"

/* Draw the seeds, or take over those by which the former instance dealt and found flows. */
static void settle_seeds(struct live *l)
{
    l->carry.seed = l->take ? l->take->hello.seed : l->o->seed;
    l->carry.owners_seed = l->take ? l->take->hello.owners_seed : l->o->seed;
    if (!l->carry.seed) (void)!getrandom(&l->carry.seed, sizeof l->carry.seed, 0);
    if (!l->carry.owners_seed) (void)!getrandom(&l->carry.owners_seed, sizeof l->carry.owners_seed, 0);
}

static int take_its_program(struct live *l)
{
    l->carry.takes = l->take->hello.workers;
    l->carry.takes_xdp = l->take->hello.xdp;
    l->carry.passed = l->take->hello.in_kernel ? &l->take->kernel : NULL;
    l->carry.now.program = take_program(l->take);
    if (!l->carry.now.program) return 2;
    l->carry.flows = l->take->hello.table ? l->take->hello.table : l->take->hello.flows;
    l->carry.now.name = strdup(l->take->hello.name);
    if (!l->carry.now.name) return complain("out of memory");
    memcpy(l->rules.file_digest, l->take->hello.file_digest, sizeof l->rules.file_digest);
    return ruling_init(&l->carry.now, l->o->ifaces, l->o->iface_count) ? 0 : complain("out of memory");
}

static int load_program(struct live *l)
{
    settle_seeds(l);
    if (l->take) return take_its_program(l);

    char err[600];
    if (!path_is_compiled(l->o->program, err, sizeof err)) return complain("%s", err);
    l->carry.now.program = program_load_file(l->o->program, err, sizeof err);
    if (!l->carry.now.program) return complain("%s", err);
    l->carry.now.name = strdup(l->o->program);
    memcpy(l->rules.file_digest, l->carry.now.program->digest, sizeof l->rules.file_digest);
    return ruling_init(&l->carry.now, l->o->ifaces, l->o->iface_count) ? 0 : complain("out of memory");
}

/* True if a setting such as net.ipv4.ip_forward is on. */
static bool sysctl_is_on(const char *sysctl)
{
    char c = '0';
    const int fd = open(sysctl, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) (void)!read(fd, &c, 1);
    if (fd >= 0) close(fd);
    return c != '0';
}

/* Find the number of connections for which there is room, and limit the program to it, before anything is built from
 * it. */
static void look_at_room(struct live *l)
{
    l->carry.worker_count = way_workers(&l->carry, worker_cpus());
    room_look(&l->rules);
    room_bound(&l->rules, l->carry.now.program);
    if (!l->take) l->carry.flows = l->carry.now.program->flows; /* a taker keeps the table that it has taken over */
}

/* Load the kernel executor. If it is refused, or turns out to gain nothing, the choice is made again. */
static int load_in_kernel(struct live *l)
{
    char err[500];
    look_at_room(l);
    const int failed = in_kernel_load(&l->carry, err, sizeof err);
    if (failed && !in_kernel_gives_way(&l->carry, err)) return complain("--exec kernel: %s", err);
    int status = way_choose(&l->carry);
    if (l->carry.in_kernel && in_kernel_refused(&l->carry, err, sizeof err) && in_kernel_gives_way(&l->carry, err))
        status = way_choose(&l->carry);
    if (!l->carry.in_kernel) loaded_free(&l->carry.loaded);
    return status;
}

/* Choose the executor and the way by which frames are received, and report rules that can't be enforced that way. */
static int look_at_rules(struct live *l)
{
    char err[600];
    int status = way_choose(&l->carry);
    if (l->carry.in_kernel) status |= look_at_kernel(l);
    if (l->carry.in_kernel && !status) status = load_in_kernel(l);
    way_tell(&l->carry);
    const struct program_change c = {.carry = &l->carry,
                                     .rules = &l->rules,
                                     .program = l->carry.now.program,
                                     .name = l->o->program,
                                     .unjudged = true, /* a start shuts interfaces that have no judge yet */
                                     .err = err,
                                     .err_len = sizeof err};
    if (!parts_look(&c)) status = complain("%s", err);
    if (judged_nameless(&l->rules)) return 2;
    translated_notice(&l->rules);
    if (l->o->preflight) judged_notice(&l->rules); /* a start reports it when it is ready */
    leased_notice(&l->rules);
    granted_notice(&l->rules);
    return status;
}

int start_load(struct live *l)
{
    char err[300];
    const int status = load_program(l);
    /* --preflight looks at the host anyway, and a closed start shuts it. */
    if (status && !l->o->preflight && l->o->on_exit != OPTIONS_END_CLOSED) return status;
    l->carry.host = host_open(err, sizeof err);
    return l->carry.host ? status : complain("%s", err);
}

/* Shut those of `all` that no other instance serves: an interface that an instance judges is neither shut nor opened
 * by another. */
static int shut_free(const struct live *l, struct parent *p, struct guard_shut all[], unsigned count, unsigned *kept)
{
    *kept = 0;
    for (unsigned i = 0; i < count; i++)
        if (!served_by_others(STATE_RUN, all[i].device, l->o->name)) all[(*kept)++] = all[i];
    if (*kept && !p) parent_shut_unrecorded(l->o, all, *kept);
    return *kept && p ? parent_shut(p, all, *kept) : 0;
}

/* Shut the interfaces that rules or -i name and the unjudged ones; without a program, all of -i. *kept: number of
 * interfaces shut. */
static int shut(struct live *l, struct parent *p, unsigned *kept)
{
    struct guard_shut ports[OPTIONS_IFACES] = {0};
    *kept = 0;
    if (!l->carry.now.program) {
        for (unsigned i = 0; i < l->o->iface_count; i++)
            ports[i] = unjudged_shut_port(l->o->ifaces[i], l->carry.guard.let_in[i]);
        return shut_free(l, p, ports, l->o->iface_count, kept);
    }
    unsigned count;
    struct guard_shut *all = unjudged_shut(&l->carry, &count);
    const int status = !all ? complain("out of memory") : shut_free(l, p, all, count, kept);
    free(all);
    return status;
}

/* Give up an interface that another instance serves: remove what a former run left there, and shut the others. */
static void yield(struct live *l, struct parent **p)
{
    unsigned kept;
    const int failed = shut(l, *p, &kept);
    if (failed) return;
    parent_drop_judges(*p);
    if (kept) return;
    parent_undo(*p);
    *p = NULL;
}

int start_shut(struct live *l, struct parent **p)
{
    if (!l->carry.host || l->take || state_owner(STATE_RUN, l->o->name)) return 0;
    const int status = parent_take(l->o, p);
    unsigned standing = 0, kept;
    if (status && *p) yield(l, p);
    if (status && !*p && !state_owner(STATE_RUN, l->o->name)) shut(l, NULL, &kept);
    if (status) return status;
    for (unsigned i = 0; i < l->o->iface_count; i++)
        standing += (l->carry.guard.let_in[i] = hooks_standing(l->o->name, l->o->ifaces[i])) != 0;
    /* True if the rules and judges are as the former run has left them. */
    const bool stands = !l->carry.now.program || standing == l->o->iface_count;
    return stands && parent_is_guarded(*p) ? 0 : shut(l, *p, &kept);
}

int start_shut_again(struct live *l, struct parent *p)
{
    if (l->carry.in_kernel) return 0;
    unsigned kept;
    memset(l->carry.guard.let_in, 0, sizeof l->carry.guard.let_in);
    const int status = shut(l, p, &kept);
    if (!status) parent_drop_judges(p);
    return status;
}

int start_look(struct live *l)
{
    int status = 0;
    if (!l->carry.host || look_at_privileges()) return 2;
    l->carry.forwards.ip4 = sysctl_is_on("/proc/sys/net/ipv4/ip_forward");
    l->carry.forwards.ip6 = sysctl_is_on("/proc/sys/net/ipv6/conf/all/forwarding");
    l->carry.forwards.any = l->carry.forwards.ip4 || l->carry.forwards.ip6;
    if (l->carry.now.program) status |= look_at_rules(l);
    if (l->carry.in_kernel) l->carry.xmit = xmit_open();
    if (l->carry.now.program) look_at_room(l);
    status |= look_at_host(l);
    if (l->o->on_exit == OPTIONS_END_OPEN && l->o->bridge_count && !across_possible())
        status = complain("this preyrun lacks --on-exit open, because it was built without clang (make KERNEL=0)");
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        const struct host_link *link = host_link_named(l->carry.host, l->o->ifaces[i]);
        /* look_at_host has reported missing and down interfaces. An interface that went down after another instance
         * had opened it is taken over. */
        const bool here = link && (link->up || l->take);
        if (here) l->carry.ifindex[i] = link->ifindex;
        /* A closed start lets in packets of each interface once its judge is attached (links_let_in). A takeover
         * changes nothing, because the other instance has let them in. */
        const bool let_in = l->take || l->o->on_exit != OPTIONS_END_CLOSED;
        if (here && let_in) l->carry.guard.let_in[i] = link->ifindex;
        if (here) continue;
        l->carry.away |= 1u << i;
    }
    links_begin(&l->world);
    l->carry.bare = ports_bare(&l->carry);
    if (!status) way_tell_workers(&l->carry, worker_cpus());
    if (!status && l->take && !take_fits(l->take, &l->carry)) return 2;
    if (!status && l->carry.forwards.any && !l->carry.in_kernel && enforce_routes(&l->carry, l->carry.now.program) &&
        enforce_elsewhere(&l->carry))
        complain("notice: packets that this machine forwards on interfaces without -i are only counted");
    if (!status && l->o->preflight) in_kernel_say(&l->carry);
    if (!status && l->o->preflight && l->carry.in_kernel) look_at_proof(l);
    return status;
}

/* Fill in a port, except for its sockets. */
static void describe_port(struct live *l, struct worker *w, unsigned at)
{
    struct port *p = &w->ports[at];
    const unsigned iface = at % l->o->iface_count;
    *p = (struct port){
        .ops = ports_ops(&l->carry, at), .at = (uint8_t)at, .peer = PORT_ANY, .iface = l->carry.now.iface[at]};
    p->hidden = p->ops != &io_PACKET;
    if (l->o->peer[iface] != OPTIONS_NO_PEER) p->peer = l->o->peer[iface];
}

static int open_port(struct live *l, struct worker *w, unsigned at, int *group)
{
    struct port *p = &w->ports[at];
    const unsigned iface = at % l->o->iface_count;
    describe_port(l, w, at);
    const bool away = l->carry.away >> iface & 1;
    char err[100];
    if (away) {
        p->ops = &io_AWAY;
        p->io = p->ops->open(NULL, NULL, NULL, err, sizeof err);
        if (!p->io) return complain("%s", err);
    } else if (!(p->io = ports_open(&l->carry, w, at, group))) {
        return 2;
    }
    w->egress.port_count = at + 1;
    return 0;
}

static int worker_make(struct live *l, const struct worker_cfg *cfg)
{
    struct worker *w = aligned_alloc(64, (sizeof *w + 63) / 64 * 64);
    if (!w) return complain("out of memory");
    l->carry.workers[cfg->worker] = w;
    const int failed = worker_init(w, cfg);
    if (!failed) return 0;
    if (failed != -ENOMEM) return complain("a worker can't be created: %s", strerror(-failed));
    const struct program *p = l->carry.now.program;
    if (!(p->meta->flags & PBC_KEEPS_FLOWS)) return complain("out of memory");
    return complain("out of memory: the rules need a table of %llu flows per worker; lower `limits { flows }`",
                    (unsigned long long)p->flows);
}

static int workers_make(struct live *l)
{
    struct worker_cfg cfg = {.program = l->carry.now.program,
                             .workers = l->carry.worker_count,
                             .owners = l->carry.now.owners,
                             .shared = l->carry.now.shared,
                             .seed = l->carry.seed,
                             .tun = l->carry.tun.fd,
                             .opened = l->carry.now.opened,
                             .routes = enforce_routed(&l->carry, l->carry.now.program),
                             .log = l->o->log != LOG_NONE,
                             .spins = l->o->busy_poll,
                             .cuts = enforce_cuts(l->carry.now.program),
                             .kernel = in_kernel_ops(&l->carry),
                             .flow_cuts = l->carry.cuts,
                             .world = in_kernel_told(&l->carry),
                             .forwards = l->carry.forwards.any,
                             .watches = l->carry.in_kernel && l->o->monitor};
    for (cfg.worker = 0; cfg.worker < l->carry.worker_count; cfg.worker++) {
        cfg.inline_tun = inline_stack_tun(&l->carry, cfg.worker);
        cfg.inline_memory = inline_stack_memory(&l->carry, cfg.worker);
        cfg.observed = observed_thread_out(l->carry.observed, cfg.worker);
        cfg.inline_share = tuples_share(l->carry.tuples, cfg.worker);
        cfg.inline_share.half_open = l->half_open;
        if (worker_make(l, &cfg)) return 2;
    }
    for (unsigned i = 0; i < l->carry.worker_count; i++) l->carry.workers[i]->others = l->carry.workers;
    return 0;
}

int start_open(struct live *l)
{
    int group[PORTS_MOST];
    if (l->carry.worker_count > 1 && !dealt_open(&l->carry)) return complain("out of memory");
    const struct owners_cfg owners = {l->carry.worker_count, l->carry.owners_seed, l->carry.ports.owners};
    if (l->take && take_owners(l, &owners)) return 2;
    if (l->carry.worker_count > 1) {
        if (!l->take) l->carry.now.owners = owners_new(l->carry.now.program, &owners, NULL, 0);
        l->carry.now.shared = shared_new(l->carry.now.program, NULL, NULL, clock_ns(CLOCK_MONOTONIC));
        if (!l->carry.now.owners || !l->carry.now.shared) return complain("out of memory");
        l->carry.now.shared->ports = l->carry.ports.owners;
    }
    char err[300];
    if (inline_stack_follow(&l->carry, l->carry.now.program, err, sizeof err)) return tell_fault(&l->tell, "%s", err);
    if (observed_open(&l->carry)) return 2;
    if (!members_begin(&l->rules)) return complain("out of memory");
    const bool restores = !l->take || l->take->hello.crashes;
    if (restores && !members_restore(&l->rules, l->take, err, sizeof err)) {
        tell_fault(&l->tell, "%s", err);
        if (!l->take) return 2;
    }
    if (!members_files_begin(&l->rules, err, sizeof err) && !l->take) return tell_fault(&l->tell, "%s", err);
    if (workers_make(l)) return 2;
    const bool given = l->take && take_gives_ports(l->take);
    for (unsigned at = 0; at < l->carry.ports.count && !given; at++) {
        group[at] = -1;
        for (unsigned i = 0; i < l->carry.worker_count; i++)
            if (open_port(l, l->carry.workers[i], at, &group[at])) return 2;
    }
    for (unsigned at = 0; at < l->carry.ports.count && given; at++)
        for (unsigned i = 0; i < l->carry.worker_count; i++) describe_port(l, l->carry.workers[i], at);
    if (recorded_open(&l->carry) || copied_open(&l->carry)) return 2;
    in_kernel_samples(&l->carry);
    l->world.hops = (struct hops){.host = l->carry.host,
                                  .channel = l->tell.channel,
                                  .ifindex = l->carry.ifindex,
                                  .port_count = l->o->iface_count,
                                  .bare = &l->carry.bare};
    if (!hops_init(&l->world.hops, l->carry.seed)) return complain("out of memory");
    if (l->take) take_hops(l);
    routing_stale(&l->world);
    routing_renew(&l->world);
    if (!world_publish(&l->world, true)) return complain("out of memory");
    if (proxied_open(&l->carry)) return 2;
    if (l->take ? steered_over(&l->carry, l->take->steered) : steered_begin(&l->carry)) return 2;
    l->carry.judges = true;
    links_let_in(&l->carry);
    return 0;
}

void start_close(struct live *l)
{
    observed_thread_free(l->carry.observed);
    proxied_close(&l->carry);
    inline_stack_close(&l->carry);
    for (unsigned i = 0; i < WORKERS_MOST && l->carry.workers[i]; i++) {
        worker_fini(l->carry.workers[i]);
        free(l->carry.workers[i]);
    }
    copies_free(l->carry.copies); /* after the workers, as all that follows */
    dealt_close(&l->carry);
    recorder_free(l->carry.record.to);
    reel_close(&l->carry.record.reel);
    if (l->carry.tun.fd >= 0) close(l->carry.tun.fd);
    in_kernel_close(&l->carry);
    loaded_free(&l->carry.loaded);
    reload_fini(&l->rules);
    names_end(&l->rules);
    members_fini(&l->rules);
    world_fini(&l->world);
    host_close(l->carry.host);
    shared_ports_fini(&l->carry);
    xmit_close(l->carry.xmit);
    ruling_fini(&l->carry.now);
    lingering_fini(&l->carry.guard.lingering);
    channel_free(l->tell.channel);
}
