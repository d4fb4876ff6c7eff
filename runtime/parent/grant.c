/* The parent's handlers of requests, here those about packets that the host must leave to the service. A request's
 * contents are hostile input. sound.c has checked the contents by themselves; a handler checks them against the
 * parent's state. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host/device/tun.h"
#include "runtime/host/view/here.h"
#include "runtime/io/steer/gate.h"
#include "runtime/parent/parent_priv.h"

unsigned parent_ifindex(struct parent *p, uint32_t port)
{
    const unsigned now = if_nametoindex(p->o->ifaces[port]);
    if (now) p->ifindex[port] = now;
    return p->ifindex[port];
}

int grant_PORTS_LOOK(struct parent *p, const struct host_ports *all, uint32_t count, struct answer *a, int fds[])
{
    struct host_kept kept = p->kept;
    return ports_look(p->state, all, count, &kept, a->err, sizeof a->err);
}

int grant_PORTS(struct parent *p, const struct host_ports *all, uint32_t count, struct answer *a, int fds[])
{
    const int failed = ports_reserve(p->state, all, count, &p->kept, a->err, sizeof a->err);
    a->kept = p->kept;
    return failed;
}

static bool steers_all(const struct parent *p)
{
    for (unsigned i = 0; i < p->o->iface_count; i++)
        if (!p->maker.steers[i]) return false;
    return true;
}

/* Print once that the gate is missing. If the kernel can have no gate, the start has printed it for a program with
 * services in `mode proxy`; else the first reload to such a program does. Steering programs on all interfaces
 * replace the gate. */
static void lack_gate(struct parent *p, const char *why)
{
    const bool never = !p->kernel && !io_filter(&p->maker);
    const char *lacks = never && !p->no_gate && !p->told_gate ? gate_lacks() : NULL;
    if (!p->no_gate && (!never || (!p->told_gate && !steers_all(p))))
        complain("notice: prey can't hold back stray packets for `mode proxy`, so this machine replies to them "
                 "with resets: %s",
                 lacks ? lacks : why);
    p->no_gate = true;
}

/* Make the gate, over the maps of the kernel executor if it judges: its judge then lets the proxy's packets pass */
static struct gate *gate_make(struct parent *p)
{
    if (!p->kernel) return gate_open(io_filter(&p->maker));
    return gate_over(&(struct gate_maps){.ends = kernel_map(p->kernel, KERNEL_MAP_gate_ends)->fd,
                                         .wides = kernel_map(p->kernel, KERNEL_MAP_gate_wides)->fd,
                                         .counts = kernel_map(p->kernel, KERNEL_MAP_gate_counts)->fd,
                                         .config = kernel_map(p->kernel, KERNEL_MAP_gate)->memory});
}

/* Let the proxy's packets pass in the kernel. Without a gate they still pass, and strays with them. */
static int gate_follow(struct parent *p, const struct guard_match *all, uint32_t count, char *err, size_t err_len)
{
    bool any = p->maker.gate;
    for (uint32_t i = 0; i < count; i++) any |= all[i].proxied;
    if (any && !p->maker.gate) p->maker.gate = gate_make(p);
    if (any && !p->maker.gate) lack_gate(p, strerror(errno));
    if (!any || !p->maker.gate) return 0;
    const int failed = gate_rules(p->maker.gate, all, count, !p->o->bridge_count && !p->kernel);
    for (unsigned i = 0; i < p->o->iface_count && !failed && !p->kernel; i++) {
        const unsigned ifindex = p->maker.steers[i] ? 0 : parent_ifindex(p, i);
        char why[300];
        if (ifindex && gate_attach(p->maker.gate, p->state, i, p->o->ifaces[i], ifindex, why, sizeof why))
            lack_gate(p, why);
    }
    if (failed == -E2BIG)
        snprintf(err, err_len,
                 "services in `mode proxy` have too many ports: at most %d endpoints may have more than 256 ports, or "
                 "`self`, `any` or a network as address, and the other endpoints and the servers may have %d pairs of "
                 "address and port; use fewer or smaller ranges of ports",
                 GATE_WIDE, GATE_ENDS);
    else if (failed)
        snprintf(err, err_len, "the filter for the proxy's packets can't be set: %s", strerror(-failed));
    return failed;
}

int grant_SHUT(struct parent *p, const struct guard_shut *all, uint32_t count, struct answer *a, int fds[])
{
    struct guard_shut *shut = malloc((count + 1) * sizeof *shut);
    if (!shut) return -ENOMEM;
    memcpy(shut, all, count * sizeof *shut);
    free(p->shut);
    p->shut = shut;
    p->shut_count = count;
    return 0;
}

int grant_OPEN(struct parent *p, struct answer *a, int fds[])
{
    p->opens = true;
    return 0;
}

int grant_GUARD(struct parent *p, const struct request_guard *asked, const struct guard_match *all, uint32_t count,
                struct answer *a, int fds[])
{
    const struct options *o = p->o;
    const char *bridged[OPTIONS_IFACES];
    char given[IF_NAMESIZE];
    tun_name(o->name, given);
    struct guard g = {.ports = o->ifaces,
                      .port_count = o->iface_count,
                      .bridged = bridged,
                      .matches = all,
                      .match_count = count,
                      .routed = asked->routed,
                      .given = given,
                      .shut = p->shut,
                      .shut_count = p->shut_count};
    bool any = false; /* a match belongs to the proxy */
    for (uint32_t i = 0; i < count; i++) any |= all[i].proxied;
    for (unsigned i = 0; i < o->iface_count; i++)
        if (o->peer[i] != OPTIONS_NO_PEER) bridged[g.bridged_count++] = o->ifaces[i];
    if (!g.match_count && !g.bridged_count && !g.routed && !g.shut_count && !p->guarded) return 0;
    int failed = guard_set(p->state, o->name, &g, a->err, sizeof a->err);
    p->guarded |= !failed;
    if (!failed && (any || p->here)) failed = here_set(p->state, o->name, all, count, a->err, sizeof a->err);
    p->here |= any;
    return failed ? failed : gate_follow(p, all, count, a->err, sizeof a->err);
}

/* Each handler, called with the values of its row */
#define OF_NO_BODY
#define OF_BODY(shape) , r->body
#define OF_PATH(of)    , r->body
#define OF_ALONE
#define OF_LIST(thing, most) , r->elements, r->count
#define OF_BYTES(most)       , r->elements, r->count
#define REQUEST(ident, asks, behind, gives, doc)                                                                       \
    static int do_##ident(struct parent *p, const struct request *r, struct answer *a, int fds[])                      \
    {                                                                                                                  \
        return grant_##ident(p OF_##asks OF_##behind, a, fds);                                                         \
    }
#include "runtime/parent/request.def"

bool grant(struct parent *p, enum request_kind kind, const struct request *r, struct answer *a, int fds[])
{
    static int (*const by_kind[REQUEST_COUNT])(struct parent *, const struct request *, struct answer *, int[]) = {
#define REQUEST(ident, ...) [REQUEST_##ident] = do_##ident,
#include "runtime/parent/request.def"
    };
    const int given =
        request_is_sound(p, kind, r) && (!p->drains || grant_drained(kind)) ? by_kind[kind](p, r, a, fds) : NEVER;
    if (given == NEVER) return false;
    a->failed = given < 0 ? given : 0;
    a->fd_count = given < 0 ? 0 : (uint32_t)given;
    return true;
}
