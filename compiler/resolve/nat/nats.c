/* Read `nat NAME { … }` into entries of NATS, one or more for each statement, in the order of the file. */
#include <string.h>

#include "compiler/resolve/nat/nat.h"
#include "vm/packet/key.h"

static const struct number_kind port_kind = {.what = "a port to forward",
                                             .range = "forwarded ports go from 1 to 65535",
                                             .least = 1,
                                             .less = "`any` takes all ports",
                                             .most = 65535,
                                             .ports = true};

/* Read one host's address or, if port is not NULL, an address with a port. False after a report. */
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
            diag(c->diags, E_OUT_OF_RANGE, n->span, "0 isn't %s: %s", port_kind.what, port_kind.range);
            diag_advise(c->diags, "to keep the client's port, remove this port");
            return false;
        }
    } else if (v.node->kind == N_ADDR) {
        *out = v.node->v.addr;
    } else if (v.node->kind == N_ENDPOINT && port) {
        diag(c->diags, E_NAT_ADDRESS, n->span, "`self` can't be the target: forwarded packets go to other machines");
        diag_advise(c->diags, "name another host; to accept packets for this machine, write a rule in a firewall `in`");
        return false;
    } else {
        mark_names_used(c, n);
        diag(c->diags, E_NAT_ADDRESS, n->span, "write one address here, not %s", value_name(v.node));
        return false;
    }
    if (addr_is_one_host(out)) return true;
    diag(c->diags, E_NAT_ADDRESS, n->span, "this address doesn't belong to a single host");
    return false;
}

static bool holds_any(const struct image *img, const struct pbc_cond *cond)
{
    bool any = cond->flags & (PBC_COND_ANY | PBC_COND_NOT);
    for (uint32_t i = cond->first; i < cond->first + cond->count; i++)
        any |= img->sets[i].count4 || img->sets[i].count6;
    return any;
}

/* True if the addresses of a `from` or `to` can be those of packets that are translated; else report. */
static bool ends_good(struct compile *c, const struct pbc_cond *cond, struct span at)
{
    const bool from = cond->kind == COND_FROM;
    if (cond->arg) {
        diag(c->diags, E_NAT_FROM, at,
             from ? "remove `from self`: a nat doesn't translate packets that this machine sends"
                  : "remove `to self`: packets to this machine leave by no interface");
    } else if (!holds_any(c->image, cond)) {
        diag(c->diags, E_NAT_FROM, at, "this list has no address, so the statement translates nothing");
    } else {
        return true;
    }
    return false;
}

/* Move a condition into the statement's own field, if that can express it: sources to `from`, one device to `iface`. */
static bool cond_absorbed(struct compile *c, struct pbc_nat *nat, const struct pbc_cond *cond)
{
    const struct image *img = c->image;
    const uint8_t device = nat->kind == PBC_NAT_FORWARD ? COND_ON : COND_OUT_ON;
    if (cond->flags & (PBC_COND_NOT | PBC_COND_LIVE)) return false;
    if (cond->kind == COND_FROM) {
        nat->from = cond->count && !(cond->flags & PBC_COND_ANY) ? cond->first : 0;
        nat->from_count = cond->flags & PBC_COND_ANY ? 0 : cond->count;
        return true;
    }
    if (cond->kind == COND_TO) return cond->flags & PBC_COND_ANY;
    if (cond->kind != device || cond->count != 1) return false;
    const struct pbc_range ids = img->ranges[cond->first];
    if (ids.lo != ids.hi || strchr(image_str(img, img->ifaces[ids.lo].device), '*')) return false;
    nat->iface = ids.lo;
    if (cond->kind == COND_OUT_ON) c->outs = c->outs->next;
    return true;
}

static bool is_cond(const struct pbc_nat *nat, const struct node *n)
{
    if (nat->kind == PBC_NAT_FORWARD) return n->kind == N_C_FROM || n->kind == N_C_ON;
    return n->kind >= N_C_PROTO && n->kind <= N_C_FLOWS;
}

/* Read the statement's conditions. *families: KIND_IP4, KIND_IP6 that they leave. False after a report. */
static bool nat_conds(struct compile *c, const struct node *n, struct pbc_nat *nat, uint32_t *families)
{
    struct image *img = c->image;
    struct node asked = {.kind = n->kind, .span = n->span};
    struct rule_work w = {.c = c, .node = &asked};
    const bool told = c->told_others;
    const unsigned errors = diags_errors(c->diags);
    node_each(child, n)
    {
        if (!is_cond(nat, child)) continue;
        struct node *copy = arena_alloc(c->arena, sizeof(*copy));
        *copy = *child;
        copy->next = NULL;
        node_add(&asked, copy);
    }
    nat->iface = PBC_NONE;
    nat->conds = img->conds_count;
    c->told_others = true; /* earlier compilers read `not` in a nat in the same way */
    conditions_resolve(&w);
    c->told_others = told;
    *families = w.families & (KIND_IP4 | KIND_IP6);
    if (diags_errors(c->diags) != errors) return false;
    for (uint32_t i = nat->conds; i < img->conds_count;) {
        const struct pbc_cond *cond = &img->conds[i];
        if ((cond->kind == COND_FROM || cond->kind == COND_TO) && !ends_good(c, cond, img->cond_span[i])) return false;
        if (cond_absorbed(c, nat, cond)) {
            /* Remove the condition from the image: only `behind` conditions follow it. */
            const uint32_t behind = img->conds_count - i - 1;
            memmove(&img->conds[i], &img->conds[i + 1], behind * sizeof(*img->conds));
            memmove(&img->cond_span[i], &img->cond_span[i + 1], behind * sizeof(*img->cond_span));
            img->conds[--img->conds_count] = (struct pbc_cond){0}; /* zeroed, like a new one */
        } else {
            i++;
        }
    }
    nat->cond_count = img->conds_count - nat->conds;
    if (!nat->cond_count) nat->conds = 0;
    if (*families) return true;
    if (!w.never) diag(c->diags, E_NAT_FAMILY, n->span, "no IP packet meets these conditions");
    return w.never;
}

static void report_families(struct compile *c, struct span at, struct span other, uint8_t family)
{
    diag(c->diags, E_NAT_FAMILY, at, "translation can't change the family, and this address is %s",
         family == 4 ? "IPv4" : "IPv6");
    diag_note(c->diags, other, "the other address is here");
}

static void add_nat(struct compile *c, const struct pbc_nat *nat, struct span at)
{
    struct pbc_nat *slot = image_add_nats(c->image);
    if (slot)
        *slot = *nat;
    else
        report_full(c, at, "nat statements", 1u << 12);
}

/* Check that the addresses are hosts' and not too many. *families: their KIND_IP4, KIND_IP6. False after a report. */
static bool outside_good(struct compile *c, const struct node *to, const struct pbc_nat *nat, uint32_t *families)
{
    const struct outside_size size = outside_size(c->image, nat);
    *families = (size.v4 ? KIND_IP4 : 0) | (size.v6 ? KIND_IP6 : 0);
    if (!sets_of_hosts(c, nat->outside, nat->outside_count, to->first)) return false;
    if (!*families)
        diag(c->diags, E_NAT_ADDRESS, to->first->span, "this list has no address to translate to");
    else if (size.v4 + size.v6 > ADDRESSES_MOST)
        diag(c->diags, E_ADDRESSES, to->first->span, "the list has more than %u addresses", (unsigned)ADDRESSES_MOST);
    else
        return true;
    return false;
}

/* Read `-> ADDRS` of a `source`. False after a report. */
static bool nat_outside(struct compile *c, const struct node *to, struct pbc_nat *nat, uint32_t *families)
{
    struct addr_list list = {0};
    bool good = to->first && addr_list_of(c, to->first, &list);
    if (good && says_not(to)) {
        diag(c->diags, E_NAT_ADDRESS, to->first->span, "write the addresses after `->`, without `not`");
        good = false;
    }
    if (good) good = addr_list_place(c, &list, to->first->span, &nat->outside, &nat->outside_count);
    set_fini(&list.set);
    return good && outside_good(c, to, nat, families);
}

/* Add an entry for each family that is on both sides. */
static void add_source(struct compile *c, const struct node *n, struct pbc_nat nat, uint32_t inside, uint32_t outside)
{
    const struct node *from = node_child(n, N_C_FROM), *to = NULL;
    node_each(child, n) if (is_clause(child, CL_TO)) to = child;
    if (outside & ~inside) {
        report_families(c, to->first->span, (from ? from : n)->span, outside & ~inside & KIND_IP4 ? 4 : 6);
        return;
    }
    for (nat.family = 4; nat.family <= 6; nat.family = (uint8_t)(nat.family + 2))
        if (outside & (nat.family == 4 ? KIND_IP4 : KIND_IP6)) add_nat(c, &nat, n->span);
}

/* Read `ports R, …`, from which identifiers of queries are drawn, too. False after a report. */
static bool nat_ports(struct compile *c, const struct node *ports, struct pbc_nat *nat)
{
    struct number_set numbers = {0};
    if (!port_ranges_of(c, ports, &numbers)) return false;
    nat->flags |= PBC_NAT_QUERIES;
    nat->port_lo = (uint16_t)numbers.r[0].lo;
    nat->port_hi = (uint16_t)numbers.r[numbers.n - 1].hi;
    if (numbers.n == 1) return true;
    nat->ports = image_share(c->image, PBC_RANGES, numbers.r, numbers.n);
    nat->port_count = numbers.n;
    if (nat->ports != PBC_NONE) return true;
    report_full(c, ports->span, "ranges of numbers", 1u << 24);
    return false;
}

/* Read `masquerade CONDITIONS out on IF [ports R]` or `source CONDITIONS out on IF -> ADDRS [ports R]`. */
static void resolve_outbound(struct compile *c, const struct node *n, struct pbc_nat *nat)
{
    const struct node *to = NULL, *ports = NULL;
    uint32_t inside = 0, outside = 0;
    node_each(child, n) if (child->kind == N_CLAUSE) * (is_clause(child, CL_TO) ? &to : &ports) = child;
    nat->kind = to ? PBC_NAT_SOURCE : PBC_NAT_MASQUERADE;
    nat->port_lo = to ? PBC_SOURCE_PORT_LO : PBC_OWN_PORT_LO;
    nat->port_hi = 65535;
    bool good = nat_conds(c, n, nat, &inside);
    if (!node_child(n, N_C_OUT_ON)) {
        diag(c->diags, E_NAT_WAY, n->span, "`%s` needs the interface by which packets leave",
             to ? "source" : "masquerade");
        diag_advise(c->diags, "add `out on \"eth0\"`, or `out on not \"eth1\"` for all other interfaces");
        good = false;
    }
    good = (!to || nat_outside(c, to, nat, &outside)) && good;
    good = (!ports || nat_ports(c, ports, nat)) && good;
    if (!good) return;
    if (to)
        add_source(c, n, *nat, inside, outside);
    else
        add_nat(c, nat, n->span);
}

/* Check that the ports of one PROTO/PORTS map, in order, to ports from `first` on. False after a report. */
static bool target_ports(struct compile *c, const struct node *n, const struct number_set *ports, uint16_t first)
{
    if (!first) return true;
    if (ports->n > 1) {
        diag(c->diags, E_NAT_PORTS, n->span,
             "several port ranges can't be forwarded to ports from %u on, because their order is unclear", first);
        diag_advise(c->diags, "write a statement for each range; or remove the target's port, to keep all ports");
        return false;
    }
    const uint32_t last = first + (ports->r[0].hi - ports->r[0].lo);
    if (last <= 65535) return true;
    diag(c->diags, E_NAT_PORTS, n->span, "%u ports from %u on would end at %u, but the last port is 65535",
         ports->r[0].hi - ports->r[0].lo + 1, first, last);
    return false;
}

/* True for an IPv6 header that precedes the protocol. */
static bool is_between(uint32_t proto)
{
    static const uint8_t headers[] = {0, 43, 44, 51, 60, 135, 139, 140};
    for (size_t i = 0; i < sizeof(headers); i++)
        if (headers[i] == proto) return true;
    return false;
}

/* Add a forward of a protocol without ports: `gre`, `proto N`. */
static void forward_protocol(struct compile *c, const struct node *n, struct pbc_nat nat, struct span target)
{
    const uint32_t number = protocol_of(c, n->first);
    const struct upper *said = NULL;
    if (number == PBC_NONE) return;
    for (unsigned i = 0; i < UPPERS; i++)
        if (uppers[i].number == number) said = &uppers[i];
    nat.proto = PBC_EP_IP;
    nat.ip_proto = (uint8_t)number;
    if (said) {
        diag(c->diags, E_NAT_PROTOCOL, n->span, "write this protocol by its name");
        diag_suggest(c->diags, SPAN_NONE, "%s%s", said->name, said->there & KIND_PORTS ? "/any" : "");
    } else if (number == 51) {
        diag(c->diags, E_NAT_PROTOCOL, n->span,
             "AH can't be translated: it signs the addresses, so receivers reject translated packets");
        diag_advise(c->diags, "use ESP inside UDP (RFC 3948): `udp/500, udp/4500`");
    } else if (nat.family == 6 && is_between(number)) {
        diag(c->diags, E_NAT_PROTOCOL, n->span, "%u is an extension header in IPv6, not a protocol", number);
    } else if (nat.target_port) {
        diag(c->diags, E_NAT_PORTS, target, "this protocol has no ports: remove the target's port");
        diag_note(c->diags, n->span, "the protocol is named here");
    } else {
        add_nat(c, &nat, n->span);
    }
}

/* Add a forward of one PROTO/PORTS, or of another protocol. */
static void forward_ports(struct compile *c, const struct node *n, struct pbc_nat nat, struct span target)
{
    struct number_set ports = {0};
    nat.place = place_of(c, n->span);
    if (n->kind == N_C_PROTO_NUM) {
        forward_protocol(c, n, nat, target);
        return;
    }
    nat.proto = endpoint_proto(n);
    if (nat.proto == PBC_EP_ECHO4 || nat.proto == PBC_EP_ECHO6) {
        /* echo requests: `icmp`, `icmp6` */
        const uint8_t family = nat.proto == PBC_EP_ECHO4 ? 4 : 6;
        if (family != nat.family) {
            diag(c->diags, E_ECHO_FAMILY, n->span, "`%s` belongs to IPv%u, but the target's address is IPv%u",
                 family == 4 ? "icmp" : "icmp6", family, nat.family);
            diag_guess(c->diags, SPAN_NONE, "%s", family == 4 ? "icmp6" : "icmp");
        } else if (nat.target_port) {
            diag(c->diags, E_NAT_PORTS, target, "an echo has no port: remove the target's port");
            diag_note(c->diags, n->span, "the protocol is named here");
        } else {
            add_nat(c, &nat, n->span);
        }
        return;
    }
    if (!endpoint_ports(c, n, &port_kind, &ports) || !target_ports(c, n, &ports, nat.target_port)) return;
    for (uint32_t i = 0; i < ports.n; i++) {
        nat.port_lo = (uint16_t)ports.r[i].lo;
        nat.port_hi = (uint16_t)ports.r[i].hi;
        add_nat(c, &nat, n->span);
    }
}

/* Read the conditions of a `forward`. False after a report. */
static bool forward_limits(struct compile *c, const struct node *n, struct pbc_nat *nat)
{
    const struct node *from = node_child(n, N_C_FROM);
    uint32_t families = 0;
    if (!nat_conds(c, n, nat, &families)) return false;
    if (!from || families & (nat->family == 4 ? KIND_IP4 : KIND_IP6)) return true;
    report_families(c, node_child(n, N_CLAUSE)->first->span, from->span, nat->family);
    return false;
}

/* Read `forward ADDR [CONDITIONS] PROTO/PORTS, … -> ADDR[:PORT]`. */
static void resolve_forward(struct compile *c, const struct node *n, struct pbc_nat *nat)
{
    const struct node *to = n->first, *target = node_child(n, N_CLAUSE);
    struct addr addr = {0}, inside = {0};
    nat->kind = PBC_NAT_FORWARD;
    const bool to_good = to->kind == N_SELF || to->kind == N_ANY || host_of(c, to, &addr, NULL);
    if (!host_of(c, target->first, &inside, &nat->target_port) || !to_good) return;
    nat->family = inside.family;
    addr_words(&inside, nat->target);
    if (to->kind == N_SELF) {
        nat->flags = PBC_NAT_TO_SELF;
        c->image->meta->flags |= PBC_NEEDS_SELF;
    } else if (to->kind == N_ANY) {
        nat->flags = PBC_NAT_TO_ANY;
    } else if (addr.family != inside.family) {
        report_families(c, target->first->span, to->span, inside.family);
        return;
    } else {
        addr_words(&addr, nat->to);
        if (memcmp(nat->to, nat->target, sizeof(nat->to)) == 0 && !nat->target_port) {
            diag(c->diags, E_NAT_ADDRESS, target->first->span,
                 "this statement forwards an address to itself: name another target, or a port");
            return;
        }
    }
    if (!forward_limits(c, n, nat)) return;
    for (const struct node *p = to->next; p; p = p->next)
        if (p != target && !is_cond(nat, p)) forward_ports(c, p, *nat, target->first->span);
}

/* Read a prefix, or an address as a prefix of full length. False after a report. */
static bool prefix_of(struct compile *c, const struct node *n, struct addr *lo, uint8_t *len)
{
    const struct node_value v = value_of(c, n);
    struct addr hi;
    if (!v.node) return false;
    if (v.node->kind == N_NAME) {
        symbol_want(c, v.node, SYM(CONST), "constant");
        return false;
    }
    if (v.node->kind != N_PREFIX && v.node->kind != N_ADDR) {
        report_wrong_value(c, n, v, "a prefix or an address");
        return false;
    }
    if (!address_ends(c, v.node, lo, &hi)) return false;
    *len = v.node->kind == N_PREFIX ? v.node->v.prefix.len : lo->family == 4 ? 32 : 128;
    if (*len && addr_is_one_host(lo) && addr_is_one_host(&hi)) return true;
    diag(c->diags, E_NAT_ADDRESS, n->span, "this prefix has an address that doesn't belong to a single host");
    return false;
}

/* Read `map OUTSIDE <-> INSIDE [out on IF]`. */
static void resolve_map(struct compile *c, const struct node *n, struct pbc_nat *nat)
{
    const struct node *outside = n->first, *inside = outside->next;
    struct addr out, in;
    uint32_t families = 0;
    uint8_t len = 0;
    nat->kind = PBC_NAT_MAP;
    bool good = nat_conds(c, n, nat, &families);
    good = prefix_of(c, outside, &out, &nat->len) && good;
    good = prefix_of(c, inside, &in, &len) && good;
    if (!good) return;
    if (out.family != in.family) {
        report_families(c, inside->span, outside->span, in.family);
        return;
    }
    if (len != nat->len) {
        diag(c->diags, E_NAT_MAP, inside->span, "mapped prefixes need the same length, but this prefix is /%u", len);
        diag_note(c->diags, outside->span, "the other prefix is /%u", nat->len);
        return;
    }
    nat->family = out.family;
    addr_words(&out, nat->to);
    addr_words(&in, nat->target);
    add_nat(c, nat, n->span);
}

/* Enter a clamp for all packets that cross by these interfaces. */
static void clamp_ways(struct compile *c, const struct node *clause)
{
    const struct node *ways = node_child(clause, N_C_OUT_ON);
    const uint16_t mss = mss_clamp_of(c, clause);
    const struct symbol *name = NULL;
    if (says_not(ways)) {
        diag(c->diags, E_NAT_WAY, ways->span, "name the interfaces of `mss clamp`, without `not`");
        return;
    }
    c->image->meta->flags |= PBC_NEEDS_SELF;
    node_each(way, ways)
    {
        const uint32_t id = interface_of(c, way, &name);
        if (id == PBC_NONE || !mss) continue;
        if (c->image->ifaces[id].mss && c->image->ifaces[id].mss != mss)
            diag(c->diags, E_CLAUSE_TWICE, way->span, "this interface already has another `mss clamp`");
        c->image->ifaces[id].mss = mss;
    }
}

/* Return the `mss clamp` of the block, which holds for all its statements. */
static uint16_t nat_mss(struct compile *c, const struct node *block)
{
    const struct node *clause = NULL;
    node_each(n, block)
    {
        if (!is_clause(n, CL_MSS_CLAMP)) continue;
        if (node_child(n, N_C_OUT_ON)) {
            clamp_ways(c, n);
            continue;
        }
        if (clause) {
            diag(c->diags, E_CLAUSE_TWICE, n->span, "`mss clamp` without `out on` is written twice in this nat");
            diag_note(c->diags, clause->span, "the first one is here");
            return 0;
        }
        clause = n;
    }
    return mss_clamp_of(c, clause);
}

static void resolve_nat(struct compile *c, const struct symbol *s)
{
    const uint16_t mss = nat_mss(c, s->decl);
    node_each(n, s->decl)
    {
        struct pbc_nat nat = {.name = text_of(c, s->name), .place = place_of(c, n->span), .mss = mss};
        if (n->kind != N_CLAUSE || is_clause(n, CL_MSS_CLAMP)) continue;
        if (is_clause(n, CL_FORWARD))
            resolve_forward(c, n, &nat);
        else if (is_clause(n, CL_MAP))
            resolve_map(c, n, &nat);
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
