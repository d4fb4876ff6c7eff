/* Preflight gets the program's servers, memory and devices; --preflight also tries steering and pins */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/complain.h"
#include "runtime/base/obstacle.h"
#include "runtime/host/device/tun.h"
#include "runtime/host/guard/program/guarded.h"
#include "runtime/host/hook/hooks.h"
#include "runtime/host/look/preflight.h"
#include "runtime/io/steer/gate.h"
#include "runtime/io/steer/steer.h"
#include "runtime/live/carry/guard/shared_ports.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/proxy/look_tls.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/live/carry/steered.h"
#include "runtime/live/main/live.h"
#include "runtime/live/main/live_priv.h"
#include "vm/flow/flow.h"
#include "vm/vm.h"

/* Servers in the form that preflight takes, with their names in one block. */
struct servers {
    struct preflight_server *all; /* [program->servers_count + nats_count] */
    char (*names)[128];
    unsigned count;
    bool bridged; /* true if packets come by bridges only */
};

static void server_add(struct servers *s, const char *name, const uint32_t addr[4], uint8_t family, unsigned overhead)
{
    struct preflight_server *to = &s->all[s->count];
    to->addr = host_addr_of(addr, family);
    to->overhead = overhead;
    to->sent_on = true;
    to->name = s->names[s->count++];
    snprintf(s->names[s->count - 1], sizeof *s->names, "%s", name);
}

static unsigned overhead_of(const struct pbc_service *s, const struct pbc_server *server)
{
    if (!mode_is(s->mode, MODE_TUNNELS)) return 0;
    const unsigned kind = s->mode == PBC_MODE_DSR_IPIP ? RECIPE_IPIP : s->gue_variant ? RECIPE_GUE1 : RECIPE_GUE;
    return recipe_overhead((uint8_t)(kind | (server->family == 6 ? RECIPE_IP6 : 0)));
}

/* Add the servers of a pool, each once. Its tunnel overhead is the largest among its services. */
static void add_pool(struct servers *s, const struct program *p, const struct pbc_service *service, uint32_t pool,
                     uint32_t *place)
{
    const bool sent_on = !mode_is(service->mode, MODE_PROXIES) || mode_is(service->mode, MODE_INLINE_STACK);
    for (uint32_t i = p->pools[pool].servers; i < p->pools[pool].servers + p->pools[pool].server_count; i++) {
        const struct pbc_server *server = &p->servers[i];
        const unsigned overhead = overhead_of(service, server);
        char name[128];
        /* On a bridge, frames reach an inline server without a route, by its MAC address. */
        if (s->bridged && mode_is(service->mode, MODE_INLINE) && server->flags & PBC_SERVER_HAS_MAC) continue;
        if (server->flags & PBC_SERVER_UNKNOWN) continue;
        if (place[i]) {
            if (sent_on) s->all[place[i] - 1].sent_on = true;
            if (overhead > s->all[place[i] - 1].overhead) s->all[place[i] - 1].overhead = overhead;
            continue;
        }
        snprintf(name, sizeof name, "%.60s/%.60s", program_str(p, p->pools[pool].name), program_str(p, server->name));
        server_add(s, name, server->addr, server->family, overhead);
        s->all[s->count - 1].sent_on = sent_on;
        place[i] = s->count;
    }
}

static bool find_servers(struct servers *s, const struct program *p)
{
    const size_t most = (size_t)p->servers_count + p->nats_count + 1;
    uint32_t *place = calloc(most, sizeof *place);
    s->all = calloc(most, sizeof *s->all);
    s->names = calloc(most, sizeof *s->names);
    const bool good = place && s->all && s->names;
    for (uint32_t i = 0; good && i < p->services_count; i++) {
        const struct pbc_service *service = &p->services[i];
        for (uint32_t b = service->branches; b < service->branches + service->branch_count; b++)
            for (uint32_t k = 0; k < branch_shares(&p->branches[b]); k++)
                add_pool(s, p, service, p->shares[p->branches[b].shares + k].pool, place);
    }
    for (uint32_t i = 0; good && i < p->nats_count; i++)
        if (p->nats[i].kind == PBC_NAT_FORWARD)
            server_add(s, program_str(p, p->nats[i].name), p->nats[i].target, p->nats[i].family, 0);
    free(place);
    return good;
}

static void say_finding(void *arg, bool fatal, const char *what, const char *mend)
{
    complain("%s%s%s%s", fatal ? "" : "notice: ", what, *mend ? "; to fix it: " : "", mend);
}

/* Warn of translation to an own address: replies to this machine's connections would be taken for translated ones. */
static void look_at_sources(const struct live *l)
{
    const struct program *p = l->carry.now.program;
    const struct host_self self = host_self(l->carry.host);
    for (uint32_t i = 0; i < p->pools_count; i++) {
        const struct pbc_pool *pool = &p->pools[i];
        bool own = false;
        for (uint32_t k = 0; k < pool->source_count; k++) own |= host_self_meets(&self, p, &p->sets[pool->sources + k]);
        if (own && pool->source_port_lo < PBC_OWN_PORT_LO)
            complain("notice: pool %.60s translates to an address of this machine itself and to ports from %u on; this "
                     "machine's own connections to the pool's servers then can't use these ports; to fix it, leave out "
                     "`source`",
                     program_str(p, pool->name), pool->source_port_lo);
    }
}

/* Return the served interface on whose subnet the address is; NULL: none. */
static const char *subnet_of(const struct live *l, const struct host_addr *a)
{
    unsigned count;
    const struct host_address *all = host_addresses(l->carry.host, &count);
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        const struct host_link *link = host_link_named(l->carry.host, l->o->ifaces[i]);
        for (unsigned k = 0; link && k < count; k++)
            if (all[k].ifindex == link->ifindex && host_is_in_subnet(&all[k], a)) return l->o->ifaces[i];
    }
    return NULL;
}

static bool is_of_this_machine(const struct live *l, const struct host_addr *a)
{
    const struct host_query q = {.to = *a};
    struct host_route route;
    return !host_route(l->carry.host, &q, &route) && route.local;
}

/* Report services whose clients in a subnet ask for an address there, and get no reply to ARP or a solicitation. */
static void look_at_addresses(const struct live *l)
{
    const struct program *p = l->carry.now.program;
    for (uint32_t i = 0; i < p->endpoints_count; i++) {
        const struct pbc_endpoint *e = &p->endpoints[i];
        const struct pbc_service *s = &p->services[e->service];
        const struct host_addr a = host_addr_of(e->addr, e->family);
        char text[HOST_ADDR_TEXT];
        bool again = false;
        if (e->to != PBC_TO_ADDRESS || s->flags & PBC_SERVICE_ANNOUNCE || mode_is(s->mode, MODE_INLINE)) continue;
        for (uint32_t k = s->endpoints; k < i && !again; k++)
            again = p->endpoints[k].to == PBC_TO_ADDRESS && p->endpoints[k].family == e->family &&
                    !memcmp(p->endpoints[k].addr, e->addr, sizeof e->addr);
        const char *on = again || is_of_this_machine(l, &a) ? NULL : subnet_of(l, &a);
        if (!on) continue;
        host_addr_text(&a, text);
        complain("notice: service %.60s has %s, in the subnet of %s, but this machine doesn't answer ARP or ND for "
                 "that address; to "
                 "fix it, write "
                 "`announce` in the service, or run: ip addr add %s/%u dev %s",
                 program_str(p, s->name), text, on, text, e->family == 4 ? 32 : 128, on);
    }
}

/* Return the memory of full flow tables of all workers. */
static uint64_t tables_of(const struct live *l)
{
    const struct program *p = l->carry.now.program;
    const struct flow_table_cfg cfg = track_table_cfg(p, true);
    const uint64_t tables = program_begins_flows(p) ? flow_table_reserves(&cfg) : 0;
    return tables * (l->carry.worker_count ? l->carry.worker_count : 1);
}

/* Return the memory of receive rings. Workers on packet sockets share it, but each gets a minimum. */
static uint64_t rings_of(const struct live *l)
{
    const uint64_t workers = l->carry.worker_count ? l->carry.worker_count : 1, least = workers * OPTIONS_RING_LEAST;
    const uint64_t each = l->carry.io != &io_PACKET ? l->o->ring * workers : l->o->ring > least ? l->o->ring : least;
    return each * l->o->iface_count;
}

/* Add the program's needs to the look at the host. False: out of memory. */
static bool add_program(struct preflight *look, struct live *l, struct guarded *g, struct servers *s)
{
    shared_ports_look(&l->carry, l->carry.now.program);
    if (!guarded_init(g, l->carry.now.program, NULL, NULL, true) || !find_servers(s, l->carry.now.program))
        return false;
    look->servers = s->all;
    look->server_count = s->count;
    look->sends_on = s->count > 0;
    look->ports = g->ports;
    look->port_count = g->port_count;
    look->bound = l->carry.guard.ports.host.bound;
    look->bound_count = l->carry.guard.ports.host.bound_count;
    look->matches = g->matches;
    look->match_count = g->match_count;
    look->table_bytes = tables_of(l);
    look->ring_bytes = rings_of(l);
    return true;
}

/* Warn if traffic control cannot hold back the proxy's stray packets, as it should with `packet`. */
static void look_at_gate(const struct live *l, const struct program *p)
{
    const char *lacks = l->carry.io == &io_PACKET && proxied_any(p) ? gate_lacks() : NULL;
    if (lacks)
        complain("notice: prey can't hold back stray packets for `mode proxy`, so this machine replies to them "
                 "with resets: %s",
                 lacks);
}

/* Load the steering program once as a check, attached to nothing. Only for --preflight, because a start finds out by
 * itself. */
static int look_at_steering(const struct live *l)
{
    char err[500];
    if (!l->o->preflight || l->carry.io != &io_XDP || l->carry.in_kernel) return 0;
    struct steer *s = steer_open(0, err, sizeof err);
    steer_close(s);
    return s ? 0 : complain("--io xdp: %s", err);
}

int look_at_privileges(void) { return host_lacks_rights(say_finding, NULL) ? 2 : 0; }

int look_at_host(struct live *l)
{
    struct servers s = {.bridged = true};
    struct guarded g = {0};
    char err[300];
    bool bridged[OPTIONS_IFACES];
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        bridged[i] = l->o->peer[i] != OPTIONS_NO_PEER;
        s.bridged &= bridged[i];
    }
    struct preflight look = {.interfaces = l->o->ifaces,
                             .interface_count = l->o->iface_count,
                             .bridged = bridged,
                             .waits = l->o->wait || l->take,
                             .name = l->o->name,
                             .takes_over = l->take,
                             .log = l->o->log_to,
                             .record = l->o->record,
                             .stats = l->o->stats && !l->take ? &l->o->stats_at.any : NULL,
                             .stats_text = l->o->stats,
                             .xdp = l->carry.io == &io_XDP ? ~l->carry.by_tc : 0,
                             .xdp_replace = l->o->xdp_replace,
                             .guarded = true,
                             .looks_only = l->o->preflight};
    const struct program *p = l->carry.now.program;
    const bool good = !p || add_program(&look, l, &g, &s);
    int status = !good ? complain("out of memory") : host_preflight(l->carry.host, &look, say_finding, NULL) ? 2 : 0;
    guarded_fini(&g);
    free(s.all);
    free(s.names);
    if (!p) return status;
    if (!status) look_at_sources(l);
    if (!status) look_at_addresses(l);
    look_at_gate(l, p);
    /* The TUN device returns the host's own packets to the host. */
    if (steered_needs_tun(&l->carry, p) && tun_lack(err, sizeof err)) status |= complain("%s", err);
    return status | look_at_steering(l) | look_at_tls(p);
}

/* Check that judges can be pinned. A pinned judge keeps judging after a kill, and after an end with --on-exit closed.
 * --monitor loses nothing without pins. */
static int look_at_pins(const struct live *l)
{
    const bool closed = l->o->on_exit == OPTIONS_END_CLOSED;
    if (hooks_last() || (l->o->monitor && !closed)) return 0;
    const char *whose = closed ? "--on-exit closed: " : "notice: ",
               *lost = closed ? "no rules would filter packets after preyrun ends"
                              : "no rules would filter packets if preyrun were killed";
    const int status =
        hooks_hidden()
            ? complain("%sthe BPF file system at %s is hidden, for example by `ip netns exec`, so %s; to fix it, use "
                       "nsenter --net=/run/netns/NAME instead",
                       whose, HOOKS_FILES, lost)
            : complain("%s%s isn't a writable BPF file system, so %s; to fix it, run: mount -t bpf bpf %s", whose,
                       HOOKS_FILES, lost, HOOKS_FILES);
    return closed ? status : 0;
}

int look_at_kernel(const struct live *l)
{
    struct obstacle o;
    char why[OBSTACLE_TEXT];
    if (in_kernel_look(&l->carry, 0, &o))
        return complain("--exec kernel: %s; use --exec user", obstacle_text(&o, why, sizeof why));
    int status = 0;
    for (unsigned i = 1; i < IN_KERNEL_LOOKS; i++)
        if (in_kernel_look(&l->carry, i, &o))
            status = complain("--exec kernel: %s", obstacle_text(&o, why, sizeof why));
    return status | look_at_pins(l);
}

void look_at_proof(const struct live *l)
{
    char frames[TEXT_NUMBER], lasted[TEXT_NUMBER];
    const struct proof *proof = &l->carry.loaded.proof;
    complain("notice: tcpdump on this machine doesn't show packets that the kernel executor drops; to see these "
             "packets, run: preyctl capture -w FILE");
    if (proof->frames)
        fprintf(stderr, "preflight: the kernel accepts the program, and both executors agree on %s test frames (%s)\n",
                text_number(proof->frames, frames), text_duration(proof->ns, lasted));
    else
        fprintf(stderr, "preflight: the kernel accepts the program, which has no rule to check\n");
}
