/* Guard matches by the conditions of a nat's statement (narrowed.h): each condition as a list of values, its
 * complement for `not`; a match for each combination. Devices behind `not` have no complement and are in the match. */
#include "runtime/host/guard/program/narrowed.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host/guard/program/opened.h"
#include "vm/packet/key.h"
#include "vm/pbc.h"

enum { PROTOCOLS = 256, PORTS = 65535, MATCHES_MOST = 1 << 16 };

/* The conditions of a statement as lists; a count of 0: no condition */
struct asked {
    struct address_range *ends[2]; /* sources, destinations: disjoint, in order */
    size_t end_count[2];
    bool asks_end[2];
    struct pbc_range *ports[2]; /* source and destination ports */
    uint32_t port_count[2];
    bool asks_port[2];
    bool proto[PROTOCOLS], asks_proto;
    uint8_t family; /* 0: both */
    bool never;
    char device[2][GUARD_DEVICES_MOST][IFNAMSIZ]; /* devices of `on` and `out on`, one per entry */
    unsigned device_count[2];
    struct guard_devices but[2];
    bool failed;
};

/* Step to the address after, or before, this one. False if none exists. */
static bool step(uint32_t addr[4], uint8_t family, bool up)
{
    for (int w = family == 4 ? 0 : 3; w >= 0; w--) {
        addr[w] += up ? 1u : UINT32_MAX;
        if (addr[w] != (up ? 0 : UINT32_MAX)) return true;
    }
    return false;
}

static struct address_range whole(uint8_t family)
{
    struct address_range r = {.family = family};
    for (unsigned w = 0; w < (family == 4 ? 1 : 4); w++) r.hi[w] = UINT32_MAX;
    return r;
}

/* Write the addresses of both families that are in none of the ranges. Return the number of ranges. */
static size_t complement(const struct address_range *in, size_t count, struct address_range *out)
{
    size_t n = 0;
    for (uint8_t family = 4; family <= 6; family = (uint8_t)(family + 2)) {
        struct address_range rest = whole(family);
        bool left = true;
        for (size_t i = 0; i < count; i++) {
            if (in[i].family != family) continue;
            struct address_range before = rest;
            memcpy(before.hi, in[i].lo, sizeof before.hi);
            if (step(before.hi, family, false) && address_order(family, before.lo, family, before.hi) <= 0)
                out[n++] = before;
            memcpy(rest.lo, in[i].hi, sizeof rest.lo);
            left = step(rest.lo, family, true);
        }
        if (left) out[n++] = rest;
    }
    return n;
}

/* Require an address of these sets at an end or, if negated, an address outside of them. */
static void ask_end(struct asked *a, const struct program *p, unsigned end, uint32_t sets, uint32_t count, bool negated)
{
    const size_t most = address_ranges(p, sets, count);
    struct address_range *r = calloc(most + 1, sizeof *r), *other = calloc(most + 3, sizeof *other);
    struct address_walk w = address_walk(p, sets, count, 0);
    size_t n = 0;
    a->failed |= !r || !other;
    while (!a->failed && address_next(&w, &r[n])) n++;
    if (!a->failed) n = address_join(r, n);
    const size_t others = a->failed || !negated ? 0 : complement(r, n, other);
    free(a->ends[end]);
    a->ends[end] = negated ? other : r;
    a->end_count[end] = negated ? others : n;
    a->asks_end[end] = true;
    free(negated ? r : other);
}

/* Leave one address out of an end. */
static void leave_out(struct asked *a, unsigned end, const uint32_t addr[4], uint8_t family)
{
    struct address_range one = {.family = family}, others[4];
    memcpy(one.lo, addr, sizeof one.lo);
    memcpy(one.hi, addr, sizeof one.hi);
    const size_t parts = complement(&one, 1, others);
    const size_t count = a->asks_end[end] ? a->end_count[end] : 0;
    struct address_range *r = calloc(count + 4, sizeof *r);
    size_t n = 0;
    a->failed |= !r;
    for (size_t k = 0; r && k < parts && !count && !a->asks_end[end]; k++) r[n++] = others[k];
    for (size_t i = 0; r && i < count; i++) {
        const struct address_range *x = &a->ends[end][i];
        for (size_t k = 0; k < parts; k++) {
            struct address_range both = *x;
            if (others[k].family != x->family) continue;
            if (address_order(x->family, both.lo, x->family, others[k].lo) < 0)
                memcpy(both.lo, others[k].lo, sizeof both.lo);
            if (address_order(x->family, both.hi, x->family, others[k].hi) > 0)
                memcpy(both.hi, others[k].hi, sizeof both.hi);
            if (address_order(x->family, both.lo, x->family, both.hi) <= 0) r[n++] = both;
            if (n >= count + 4) break; /* only one range has the address, so leaving it out adds at most one range */
        }
    }
    free(a->ends[end]);
    a->ends[end] = r;
    a->end_count[end] = n;
    a->asks_end[end] = true;
}

static void ask_ports(struct asked *a, const struct program *p, const struct pbc_cond *c)
{
    const unsigned side = c->kind == COND_PORT;
    struct pbc_range *r = calloc((size_t)c->count + 1, sizeof *r);
    uint32_t n = 0, from = 0;
    a->failed |= !r;
    for (uint32_t i = 0; r && i < c->count; i++) {
        const struct pbc_range one = p->ranges[c->first + i];
        if (!(c->flags & PBC_COND_NOT))
            r[n++] = one;
        else if (one.lo > from)
            r[n++] = (struct pbc_range){from, one.lo - 1};
        from = one.hi + 1;
    }
    if (r && c->flags & PBC_COND_NOT && from <= PORTS) r[n++] = (struct pbc_range){from, PORTS};
    free(a->ports[side]);
    a->ports[side] = r;
    a->port_count[side] = n;
    a->asks_port[side] = true;
}

static void ask_protocols(struct asked *a, const struct program *p, const struct pbc_cond *c)
{
    bool in[PROTOCOLS] = {false};
    for (unsigned u = 0; u < UPPERS; u++) in[uppers[u].number] |= (uppers[u].kind & c->arg) != 0;
    in[IPPROTO_AH] |= (c->arg & KIND_AH) != 0;
    for (uint32_t i = c->first; i < c->first + c->count; i++)
        for (uint32_t n = p->ranges[i].lo; n <= p->ranges[i].hi && n < 2 * PROTOCOLS; n++) in[n % PROTOCOLS] = true;
    for (unsigned n = 1; n < PROTOCOLS; n++) {
        const bool asked = in[n] != (c->flags & PBC_COND_NOT);
        a->proto[n] = a->asks_proto ? a->proto[n] && asked : asked;
    }
    a->asks_proto = true;
}

static void ask_family(struct asked *a, const struct pbc_cond *c)
{
    const uint32_t both = KIND_IP4 | KIND_IP6;
    const uint32_t asked = (c->flags & PBC_COND_NOT ? ~c->arg : c->arg) & both;
    a->never |= !asked;
    if (asked == both) return;
    const uint8_t family = asked == KIND_IP4 ? 4 : 6;
    a->never |= a->family && a->family != family;
    a->family = family;
}

static unsigned devices_most(const struct pbc_cond *c)
{
    return c->flags & PBC_COND_NOT ? GUARD_BUT_MOST : GUARD_DEVICES_MOST;
}

/* True if a match has room for all devices of the condition, or the condition has none. */
static bool cond_fits(const struct program *p, const struct pbc_cond *c)
{
    uint64_t n = 0;
    if (c->kind != COND_ON && c->kind != COND_OUT_ON) return true;
    for (uint32_t i = c->first; i < c->first + c->count; i++) n += p->ranges[i].hi - p->ranges[i].lo + 1;
    return n <= devices_most(c);
}

bool narrowed_fits(const struct program *p, bool spares_sent, char *why, size_t len)
{
    for (const struct pbc_nat *n = p->nats; n < p->nats + p->nats_count; n++)
        for (const struct pbc_cond *c = &p->conds[n->conds]; c < &p->conds[n->conds + n->cond_count]; c++) {
            if (cond_fits(p, c) || (spares_sent && n->kind != PBC_NAT_FORWARD)) continue;
            snprintf(why, len,
                     "%.200s:%u asks for more than %u devices%s, more than guard rules can hold; to fix it, write a "
                     "pattern, such as \"eth*\", in place of several names",
                     program_str(p, n->place.file), n->place.line, devices_most(c),
                     c->flags & PBC_COND_NOT ? " behind `not`" : "");
            return false;
        }
    return true;
}

/* Require one of the devices of a list (narrowed_fits). */
static void ask_devices(struct asked *a, const struct program *p, const struct pbc_cond *c)
{
    const unsigned side = c->kind == COND_OUT_ON, most = devices_most(c);
    unsigned n = 0;
    for (uint32_t i = c->first; i < c->first + c->count; i++)
        for (uint32_t id = p->ranges[i].lo; id <= p->ranges[i].hi && id < p->ifaces_count && n < most; id++) {
            char *to = c->flags & PBC_COND_NOT ? a->but[side].name[n] : a->device[side][n];
            n += snprintf(to, IFNAMSIZ, "%s", program_str(p, p->ifaces[id].device)) < IFNAMSIZ;
        }
    if (!(c->flags & PBC_COND_NOT)) a->device_count[side] = n;
    a->never |= !n && !(c->flags & PBC_COND_NOT);
}

static void ask(struct asked *a, const struct program *p, const struct pbc_cond *c)
{
    const bool negated = c->flags & PBC_COND_NOT;
    switch ((enum cond_kind)c->kind) {
    case COND_FAMILY: ask_family(a, c); break;
    case COND_PROTO: ask_protocols(a, p, c); break;
    case COND_FROM: ask_end(a, p, 0, c->first, c->count, negated); break;
    case COND_TO: ask_end(a, p, 1, c->first, c->count, negated); break;
    case COND_PORT:
    case COND_SOURCE_PORT: ask_ports(a, p, c); break;
    case COND_ON:
    case COND_OUT_ON: ask_devices(a, p, c); break;
    default: break;
    }
}

/* A combination in the making: `step` counts the lists that have been applied */
struct giving {
    const struct asked *a;
    narrowed_give *give;
    void *arg;
};

enum { BY_SOURCE, BY_DESTINATION, BY_PROTOCOL, BY_SPORT, BY_DPORT, BY_DEVICE_IN, BY_DEVICE_OUT, BY_ALL };

static void combine(const struct giving *g, const struct guard_match *m, unsigned by);

static void by_end(const struct giving *g, const struct guard_match *m, unsigned end)
{
    const struct asked *a = g->a;
    for (size_t i = 0; i < a->end_count[end]; i++) {
        struct guard_match one = *m;
        struct guard_addresses *at = end ? &one.to : &one.from;
        const uint8_t other = end ? one.from.lo.family : one.to.lo.family, family = a->ends[end][i].family;
        if ((other && other != family) || (a->family && a->family != family)) continue;
        *at = guard_range(&a->ends[end][i]);
        combine(g, &one, BY_SOURCE + end + 1);
    }
}

/* Apply only the family, as all its sources. */
static void by_family(const struct giving *g, const struct guard_match *m, unsigned end)
{
    struct guard_match one = *m;
    const struct address_range all = whole(g->a->family);
    const uint8_t said = one.from.lo.family ? one.from.lo.family : one.to.lo.family;
    if (said && said != g->a->family) return;
    if (!said && !end && !g->a->asks_end[1]) one.from = guard_range(&all);
    combine(g, &one, BY_SOURCE + end + 1);
}

static void by_protocol(const struct giving *g, const struct guard_match *m)
{
    static const uint8_t with_ports[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
    const bool ports = g->a->asks_port[0] || g->a->asks_port[1];
    for (unsigned n = 1; n < PROTOCOLS; n++) {
        struct guard_match one = *m;
        if ((g->a->asks_proto && !g->a->proto[n]) || (m->proto && m->proto != n)) continue;
        if (ports && !memchr(with_ports, (int)n, sizeof with_ports)) continue;
        one.proto = (uint8_t)n;
        combine(g, &one, BY_PROTOCOL + 1);
    }
}

static void by_ports(const struct giving *g, const struct guard_match *m, unsigned side)
{
    for (uint32_t i = 0; i < g->a->port_count[side]; i++) {
        struct guard_match one = *m;
        struct guard_ports *at = side ? &one.to_ports : &one.from_ports;
        *at = (struct guard_ports){(uint16_t)g->a->ports[side][i].lo, (uint16_t)g->a->ports[side][i].hi};
        combine(g, &one, BY_SPORT + side + 1);
    }
}

static void by_device(const struct giving *g, const struct guard_match *m, unsigned side)
{
    for (unsigned i = 0; i < g->a->device_count[side]; i++) {
        struct guard_match one = *m;
        memcpy(side ? one.out : one.in, g->a->device[side][i], IFNAMSIZ);
        combine(g, &one, BY_DEVICE_IN + side + 1);
    }
}

/* Apply the lists from `by` on. */
static void combine(const struct giving *g, const struct guard_match *m, unsigned by)
{
    const struct asked *a = g->a;
    const unsigned end = by - BY_SOURCE, side = by - BY_SPORT, device = by - BY_DEVICE_IN;
    if (by == BY_ALL)
        g->give(g->arg, m);
    else if (by <= BY_DESTINATION && a->asks_end[end])
        by_end(g, m, end);
    else if (by <= BY_DESTINATION && a->family)
        by_family(g, m, end);
    else if (by == BY_PROTOCOL && (a->asks_proto || a->asks_port[0] || a->asks_port[1]))
        by_protocol(g, m);
    else if ((by == BY_SPORT || by == BY_DPORT) && a->asks_port[side])
        by_ports(g, m, side);
    else if (by >= BY_DEVICE_IN && a->device_count[device])
        by_device(g, m, device);
    else
        combine(g, m, by + 1);
}

static uint64_t matches_of(const struct asked *a)
{
    const bool ports = a->asks_port[0] || a->asks_port[1];
    uint64_t n = a->asks_proto ? PROTOCOLS : ports ? 3 : 1;
    for (unsigned i = 0; i < 2 && n <= MATCHES_MOST; i++) {
        if (a->asks_end[i]) n *= a->end_count[i];
        if (a->asks_port[i]) n *= a->port_count[i];
        if (a->device_count[i]) n *= a->device_count[i];
    }
    return n;
}

/* Leave out conditions until there are few enough matches; they then hide more than the statement takes. */
static void bound(struct asked *a)
{
    if (matches_of(a) > MATCHES_MOST) a->asks_port[0] = a->asks_port[1] = false;
    if (matches_of(a) > MATCHES_MOST) a->asks_proto = false;
    if (matches_of(a) > MATCHES_MOST) a->asks_end[1] = false;
}

bool narrowed(const struct program *p, const struct pbc_nat *n, const struct guard_match *m, narrowed_give *give,
              void *arg)
{
    struct asked a = {.family = n->kind == PBC_NAT_SOURCE ? n->family : 0};
    struct guard_match all = *m;
    if (n->from_count) ask_end(&a, p, 0, n->from, n->from_count, false);
    for (uint32_t i = n->conds; i < n->conds + n->cond_count; i++) ask(&a, p, &p->conds[i]);
    for (unsigned end = 0; end < 2 && n->flags & PBC_NAT_TO_ANY; end++) leave_out(&a, end, n->target, n->family);
    if (n->kind == PBC_NAT_FORWARD && a.asks_end[0]) a.family = n->family;
    bound(&a);
    all.not_in = a.but[0];
    all.not_out = a.but[1];
    if (!a.failed && !a.never) combine(&(struct giving){&a, give, arg}, &all, 0);
    for (unsigned i = 0; i < 2; i++) {
        free(a.ends[i]);
        free(a.ports[i]);
    }
    return !a.failed;
}
