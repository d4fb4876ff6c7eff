/* Ports, then names and patterns of the rules, then all other devices, each with its gaps and the reason that shuts
 * it */
#include "runtime/live/carry/guard/unjudged.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/grown.h"
#include "runtime/host/device/tun.h"

struct search {
    const struct carry *carry;
    const struct program *p;
    const char *allows;
    bool *named; /* [ifaces_count] true for devices and patterns that the rules name themselves */
    unjudged_fn *fn;
    void *arg;
};

static bool is_allowed(const struct search *s, const char *device)
{
    const struct options *o = s->carry->o;
    bool is = served_listed(s->allows, device);
    for (unsigned i = 0; i < o->allow_count; i++) is |= served_listed(o->allows[i], device);
    return is;
}

/* True for a port of the kernel's bridge or bond: its packets come by the bridge or bond. A VRF is neither. */
static bool is_kernels_port(const struct search *s, const struct host_link *link)
{
    const struct host_link *master = link->master ? host_link(s->carry->host, link->master) : NULL;
    return master && !master->vrf_table;
}

/* Decide how a device is treated. */
static struct unjudged settled(const struct search *s, struct unjudged u)
{
    u.allowed = is_allowed(s, u.device);
    /* The hooks of this machine's stack do not see a port of the kernel's bridge or bond. */
    const struct host_link *link = u.why == WHY_NO_FIREWALL ? NULL : host_link_named(s->carry->host, u.device);
    const bool held = link && is_kernels_port(s, link);
    u.shut = u.named && u.gaps && !u.allowed && !held && !s->carry->o->monitor;
    return u;
}

static void found(const struct search *s, struct unjudged u)
{
    u = settled(s, u);
    s->fn(s->arg, &u);
}

static struct unjudged port_of(const struct search *s, unsigned at)
{
    const struct options *o = s->carry->o;
    const enum served_by by = o->peer[at] != OPTIONS_NO_PEER ? SERVED_BRIDGED : SERVED_PORT;
    return (struct unjudged){
        .device = o->ifaces[at], .gaps = served_gaps(s->p, o->ifaces[at], by), .why = WHY_NO_FIREWALL, .named = true};
}

static void find_ports(const struct search *s)
{
    for (unsigned i = 0; i < s->carry->o->iface_count; i++) {
        const struct unjudged u = port_of(s, i);
        if (u.gaps) found(s, u);
    }
}

static enum served_why why_of(const struct host_link *link)
{
    if (!link) return WHY_ABSENT;
    enum pkt_link kind;
    return host_link_reads(link, &kind) ? WHY_NOT_GIVEN : WHY_UNREADABLE;
}

static unsigned gaps_of(const struct search *s, const char *device)
{
    return served_gaps(s->p, device, s->carry->in_kernel ? SERVED_NOT_KERNEL : SERVED_NOT);
}

/* Find names and patterns of the rules. */
static void find_named(const struct search *s)
{
    for (uint32_t i = 0; i < s->p->ifaces_count; i++) {
        const char *device = program_str(s->p, s->p->ifaces[i].device);
        const struct host_link *link = host_link_named(s->carry->host, device);
        if (!s->named[i] || options_serve(s->carry->o, device) || (link && link->loopback)) continue;
        const struct unjudged u = {.device = device,
                                   .gaps = gaps_of(s, device),
                                   .why = why_of(link),
                                   .named = true,
                                   .pattern = iface_is_pattern(device)};
        if (u.gaps || (!link && !u.pattern)) found(s, u);
    }
}

/* True if the device's frames come by a served port, or this machine gets no packets by the device itself. */
static bool is_over_or_under(const struct search *s, const struct host_link *link)
{
    bool over = false;
    for (unsigned i = 0; i < s->carry->o->iface_count; i++) {
        const struct host_link *port = host_link_named(s->carry->host, s->carry->o->ifaces[i]);
        over |= port && (link->under == port->ifindex || port->master == link->ifindex ||
                         (s->carry->in_kernel && link->above == port->ifindex));
    }
    return over || is_kernels_port(s, link);
}

/* True if the rules name the device itself, and find_named has found it. */
static bool is_found(const struct search *s, const char *device)
{
    bool is = false;
    for (uint32_t i = 0; i < s->p->ifaces_count; i++)
        is |= s->named[i] && !strcmp(program_str(s->p, s->p->ifaces[i].device), device);
    return is;
}

static bool is_of_pattern(const struct search *s, const char *device)
{
    bool is = false;
    for (uint32_t i = 0; i < s->p->ifaces_count; i++)
        is |= s->named[i] && iface_holds(program_str(s->p, s->p->ifaces[i].device), device);
    return is;
}

/* Find devices of this machine for which the rules have no name. */
static void find_others(const struct search *s)
{
    unsigned count;
    const struct host_link *all = host_links(s->carry->host, &count);
    for (unsigned i = 0; i < count; i++) {
        const struct host_link *link = &all[i];
        const bool named = is_of_pattern(s, link->name);
        if (link->loopback || options_serve(s->carry->o, link->name) || is_found(s, link->name)) continue;
        if (!named && (!link->up || is_over_or_under(s, link) || tun_is_given(s->carry->host, link))) continue;
        const unsigned gaps = gaps_of(s, link->name);
        if (gaps) found(s, (struct unjudged){.device = link->name, .gaps = gaps, .why = why_of(link), .named = named});
    }
}

bool unjudged_each(const struct carry *carry, const struct program *p, const char *allows, unjudged_fn *fn, void *arg)
{
    const struct search s = {carry, p, allows, calloc(p->ifaces_count + 1u, sizeof(bool)), fn, arg};
    if (!s.named) return false;
    served_named(p, s.named);
    find_ports(&s);
    find_named(&s);
    find_others(&s);
    free(s.named);
    return true;
}

bool unjudged_knows(const struct carry *carry, const struct program *p, const char *name)
{
    unsigned count;
    const struct host_link *all = host_links(carry->host, &count);
    bool known = options_serve(carry->o, name);
    for (unsigned i = 0; i < count; i++) known |= !strcmp(all[i].name, name) || iface_holds(name, all[i].name);
    for (uint32_t i = 0; i < p->ifaces_count; i++) {
        const char *device = program_str(p, p->ifaces[i].device);
        known |= !strcmp(device, name) || iface_holds(name, device);
    }
    return known;
}

uint8_t unjudged_port(const struct carry *carry, unsigned at)
{
    const struct search s = {.carry = carry, .p = carry->now.program, .allows = carry->now.allows};
    const struct unjudged u = settled(&s, port_of(&s, at));
    if (!u.shut) return 0;
    return (uint8_t)((u.gaps & GAP_IN ? SHUT_ARRIVES : 0) | (u.gaps & GAP_OUT ? SHUT_SENT : 0) |
                     (u.gaps & GAP_FORWARD ? SHUT_CROSSES : 0));
}

struct shut_list {
    struct guard_shut *all;
    unsigned count, cap;
    const struct carry *carry;
    bool failed;
};

uint8_t unjudged_ways(const struct carry *carry, const struct unjudged *u)
{
    const bool port = u->why == WHY_NO_FIREWALL;
    /* In the kernel executor, packets that cross from a port to the device are judged as they arrive. */
    const unsigned to = carry->in_kernel ? SHUT_TO_PAST : SHUT_TO;
    unsigned ways = u->gaps & GAP_IN ? SHUT_IN : 0;
    if (u->gaps & GAP_OUT) ways |= SHUT_OUT;
    if (u->gaps & GAP_FORWARD) ways |= port ? SHUT_FROM : SHUT_FROM | to;
    if (u->gaps & GAP_PAST) ways |= SHUT_FROM_PAST | SHUT_TO_PAST;
    if (u->gaps & GAP_NAT) ways |= SHUT_TO;
    return (uint8_t)ways;
}

static void add(struct shut_list *l, struct guard_shut one)
{
    l->failed |= !grow(&l->all, l->count, &l->cap, 16, sizeof *l->all);
    if (!l->failed) l->all[l->count++] = one;
}

static struct guard_shut shut_of(const char *device, unsigned ways)
{
    struct guard_shut s;
    memset(&s, 0, sizeof s); /* entries pass between processes as bytes */
    snprintf(s.device, sizeof s.device, "%s", device);
    s.ways = (uint8_t)ways;
    return s;
}

struct guard_shut unjudged_shut_port(const char *device, unsigned judged)
{
    struct guard_shut s = shut_of(device, SHUT_IN | SHUT_OUT | SHUT_FROM | SHUT_TO);
    s.judged = judged;
    return s;
}

/* Add a device that is shut, or, without ways, one that is open although rules name it. */
static void take_shut(void *arg, const struct unjudged *u)
{
    struct shut_list *l = arg;
    if (!u->named || !(u->shut || u->allowed)) return;
    add(l, shut_of(u->device, u->shut ? unjudged_ways(l->carry, u) : 0));
}

struct guard_shut *unjudged_shut(const struct carry *carry, unsigned *count)
{
    struct shut_list l = {.all = malloc(sizeof *l.all), .cap = 1, .carry = carry};
    l.failed = !l.all || !unjudged_each(carry, carry->now.program, carry->now.allows, take_shut, &l);
    const bool judges = carry->now.program->firewalls_count && !carry->o->monitor;
    for (unsigned i = 0; i < carry->o->iface_count && !l.failed && judges; i++)
        add(&l, unjudged_shut_port(carry->o->ifaces[i], carry->guard.let_in[i]));
    if (l.failed) {
        free(l.all);
        return NULL;
    }
    bool any = false;
    for (unsigned i = 0; i < l.count; i++) any |= l.all[i].ways;
    *count = any ? l.count : 0;
    return l.all;
}
