/* `nat NAME { … }`: each statement an entry of NATS, in the order of the file; who is translated to what. */
#include <string.h>

#include "compiler/resolve/service.h"
#include "vm/packet/key.h"

static const struct number_kind port_kind = {.what = "a port to forward",
                                             .range = "forwarded ports go from 1 to 65535",
                                             .least = 1,
                                             .less = "`any` takes all ports",
                                             .most = 65535,
                                             .ports = true};

/* One host's address, or an address with a port where `port` is not NULL. False after a report. */
static bool host_of(struct compile *c, const struct node *n, struct addr *out, uint16_t *port)
{
    const struct node_value v = value_of(c, n);

    if (!v.node) return false;
    if (v.node->kind == N_NAME) {
        symbol_want(c, v.node, SYM(CONST), "constant");
        return false;
    }
    if (v.node->kind == N_ENDPOINT && port && !v.node->v.endpoint.is_self) {
        *out = v.node->v.endpoint.addr;
        *port = v.node->v.endpoint.port;
        if (*port == 0) {
            diag(c->diags, E_OUT_OF_RANGE, n->span, "0 is not %s: %s", port_kind.what, port_kind.range);
            diag_advise(c->diags, "without a port the one that was asked for is kept");
            return false;
        }
    } else if (v.node->kind == N_ADDR) {
        *out = v.node->v.addr;
    } else {
        mark_names_used(c, n);
        diag(c->diags, E_NAT_ADDRESS, n->span, "write one address here, not %s", value_name(v.node));
        return false;
    }
    if (addr_is_one_host(out)) return true;
    diag(c->diags, E_NAT_ADDRESS, n->span, "this address belongs to no single host");
    return false;
}

/* What is translated: `from`. False after a report. *families: KIND_IP4, KIND_IP6 that it holds. */
static bool nat_from(struct compile *c, const struct node *from, struct pbc_nat *nat, uint32_t *families)
{
    struct addr_list list = {0};
    bool good = from->first && addr_list_of(c, from->first, &list);

    *families = list.any ? KIND_IP4 | KIND_IP6 : (list.set.v4.n ? KIND_IP4 : 0) | (list.set.v6.n ? KIND_IP6 : 0);
    for (uint32_t i = 0; i < list.big_count; i++)
        *families |= (list.big[i]->set.v4.n ? KIND_IP4 : 0) | (list.big[i]->set.v6.n ? KIND_IP6 : 0);
    if (good && (list.self || says_not(from))) {
        diag(c->diags, E_NAT_FROM, from->span, "`from` lists the addresses inside; %s has no meaning here",
             list.self ? "`self`" : "`not`");
        if (!list.self) diag_advise(c->diags, "declare a set without them: `set inside = any except (…)`");
        good = false;
    } else if (good && !*families) {
        diag(c->diags, E_NAT_FROM, from->span, "no address is in this list, so nothing would ever be translated");
        good = false;
    }
    if (good && !list.any) good = addr_list_place(c, &list, from->span, &nat->from, &nat->from_count);
    set_fini(&list.set);
    return good;
}

static void report_families(struct compile *c, struct span at, struct span other, uint8_t family)
{
    diag(c->diags, E_NAT_FAMILY, at, "translation keeps the family, and this is %s", family == 4 ? "IPv4" : "IPv6");
    diag_note(c->diags, other, "this is not");
}

static void add_nat(struct compile *c, const struct pbc_nat *nat, struct span at)
{
    struct pbc_nat *slot = image_add_nats(c->image);

    if (slot)
        *slot = *nat;
    else
        report_full(c, at, "statements of nats", 1u << 12);
}

/* `masquerade from … out on IF [ports R]` and `source from … out on IF to ADDR [ports R]`. */
static void resolve_outbound(struct compile *c, const struct node *n, struct pbc_nat *nat)
{
    const struct node *from = node_child(n, N_C_FROM), *on = node_child(n, N_ON), *to = NULL, *ports = NULL;
    const struct symbol *name = NULL;
    struct addr addr = {0};
    uint32_t families = 0;

    node_each(child, n) if (child->kind == N_CLAUSE) * (is_clause(child, CL_TO) ? &to : &ports) = child;
    nat->kind = to ? PBC_NAT_SOURCE : PBC_NAT_MASQUERADE;
    nat->port_lo = to ? PBC_SOURCE_PORT_LO : PBC_OWN_PORT_LO;
    nat->port_hi = 65535;
    bool good = nat_from(c, from, nat, &families);
    nat->out = interface_of(c, on->first, &name);
    good = (!to || host_of(c, to->first, &addr, NULL)) && good;
    good = (!ports || port_range_of(c, ports, &nat->port_lo, &nat->port_hi)) && good;
    if (!good || nat->out == PBC_NONE) return;
    if (to) {
        nat->family = addr.family;
        addr_words(&addr, nat->to);
        if (!(families & (addr.family == 4 ? KIND_IP4 : KIND_IP6))) {
            report_families(c, to->first->span, from->span, addr.family);
            return;
        }
    }
    add_nat(c, nat, n->span);
}

/* The ports of one PROTO/PORTS from `nat->target_port` on, in order. False after a report. */
static bool target_ports(struct compile *c, const struct node *n, const struct number_set *ports, uint16_t first)
{
    if (!first) return true;
    if (ports->n > 1) {
        diag(c->diags, E_NAT_PORTS, n->span,
             "several ranges of ports can't be forwarded to the ports from %u on: their order is open", first);
        diag_advise(c->diags, "write a statement for each range, or leave out the target's port to keep them");
        return false;
    }
    const uint32_t last = first + (ports->r[0].hi - ports->r[0].lo);
    if (last <= 65535) return true;
    diag(c->diags, E_NAT_PORTS, n->span, "%u ports from %u on would end at %u; the last port is 65535",
         ports->r[0].hi - ports->r[0].lo + 1, first, last);
    return false;
}

/* One PROTO/PORTS of a `forward`. */
static void forward_ports(struct compile *c, const struct node *n, struct pbc_nat nat, struct span target)
{
    struct number_set ports = {0};

    nat.proto = endpoint_proto(n);
    nat.place = place_of(c, n->span);
    if (nat.proto == PBC_EP_ECHO4 || nat.proto == PBC_EP_ECHO6) {
        const uint8_t family = nat.proto == PBC_EP_ECHO4 ? 4 : 6;

        if (family != nat.family) {
            diag(c->diags, E_ECHO_FAMILY, n->span, "`%s` belongs to IPv%u", family == 4 ? "icmp" : "icmp6", family);
            diag_guess(c->diags, SPAN_NONE, "%s", family == 4 ? "icmp6" : "icmp");
            return;
        }
        if (nat.target_port) {
            diag(c->diags, E_NAT_PORTS, target, "an echo has no port that could be changed");
            diag_note(c->diags, n->span, "it is forwarded here");
            return;
        }
        add_nat(c, &nat, n->span);
        return;
    }
    if (!endpoint_ports(c, n, &port_kind, &ports) || !target_ports(c, n, &ports, nat.target_port)) return;
    for (uint32_t i = 0; i < ports.n; i++) {
        nat.port_lo = (uint16_t)ports.r[i].lo;
        nat.port_hi = (uint16_t)ports.r[i].hi;
        add_nat(c, &nat, n->span);
    }
}

/* `forward ADDR PROTO/PORTS, … -> ADDR[:PORT]`. */
static void resolve_forward(struct compile *c, const struct node *n, struct pbc_nat *nat)
{
    const struct node *to = n->first, *target = node_child(n, N_CLAUSE);
    struct addr addr = {0}, inside = {0};

    nat->kind = PBC_NAT_FORWARD;
    nat->out = PBC_NONE;
    const bool to_good = to->kind == N_SELF || host_of(c, to, &addr, NULL);
    if (!host_of(c, target->first, &inside, &nat->target_port) || !to_good) return;
    nat->family = inside.family;
    addr_words(&inside, nat->target);
    if (to->kind == N_SELF) {
        nat->flags = PBC_NAT_TO_SELF;
        c->image->meta->flags |= PBC_NEEDS_SELF;
    } else if (addr.family != inside.family) {
        report_families(c, target->first->span, to->span, inside.family);
        return;
    } else {
        addr_words(&addr, nat->to);
        if (memcmp(nat->to, nat->target, sizeof(nat->to)) == 0 && !nat->target_port) {
            diag(c->diags, E_NAT_ADDRESS, target->first->span, "this forwards an address to itself");
            return;
        }
    }
    for (const struct node *p = to->next; p; p = p->next)
        if (p != target) forward_ports(c, p, *nat, target->first->span);
}

static void resolve_nat(struct compile *c, const struct symbol *s)
{
    node_each(n, s->decl)
    {
        struct pbc_nat nat = {.name = text_of(c, s->name), .place = place_of(c, n->span)};

        if (n->kind != N_CLAUSE) continue;
        if (is_clause(n, CL_FORWARD))
            resolve_forward(c, n, &nat);
        else
            resolve_outbound(c, n, &nat);
    }
}

void resolve_nats(struct compile *c)
{
    for (const struct symbol *s = c->symbols->first; s; s = s->next)
        if (s->kind == SYM_NAT) resolve_nat(c, s);
    check_nats(c);
}
