/* Decide `never reach ADDRS: CLAIM`: find packets that the firewall lets in and that may finally go to one of these
 * addresses. Packets go there as addressed, by a service to a server, by a `forward` or by a `map`. The region is
 * never too small; the program then shows where a packet of it goes. */
#include <stdlib.h>

#include "compiler/analysis/claim/claim.h"
#include "compiler/analysis/directions.h"
#include "compiler/normal/normal.h"
#include "compiler/normal/what.h"
#include "lang/heap.h"
#include "vm/forward/service.h"
#include "vm/judge/decide.h"

static unsigned family_bit(uint8_t family) { return family == 6 ? IR_V6 : IR_V4; }

static void number_words(uint8_t family, u128 n, uint32_t w[4])
{
    for (unsigned i = 0; i < 4; i++) w[i] = family == 6 ? (uint32_t)(n >> (96 - 32 * i)) : 0;
    if (family != 6) w[0] = (uint32_t)n;
}

static bool target_holds(const struct ir *ir, const struct claim_target *to, uint8_t family, const uint32_t addr[4])
{
    return addr_held(ir_addrs(ir, to->addrs), family_bit(family), words_number(addr, family == 6));
}

static bool holds_port(const struct ir *ir, const struct claim_target *to, const struct key *key, uint16_t port)
{
    return to->ports == IR_ALL || (key->kind & KIND_PORTS && ir_ranges_have(ir, to->ports, port));
}

/* Return the service ports that lead to a server of the target in the pool. A server that keeps the port has the
 * target's ports. */
static uint32_t ports_to_pool(const struct claims *all, const struct claim_target *to, uint32_t pool)
{
    const struct program *p = all->program;
    uint32_t ports = IR_EMPTY;
    for (uint32_t i = 0; i < p->servers_count; i++) {
        const struct pbc_server *s = &p->servers[i];
        if (s->pool != pool || !target_holds(all->c->ir, to, s->family, s->addr)) continue;
        if (to->ports == IR_ALL || (s->port && ir_ranges_have(all->c->ir, to->ports, s->port))) return IR_ALL;
        if (!s->port) ports = to->ports;
    }
    return ports;
}

static void by_services(struct claims *all, const struct ir_product *product, const struct claim_target *to,
                        struct region_budget *budget, struct region *out)
{
    for (uint32_t i = 0; i < all->program->pools_count && !budget->spent; i++) {
        struct ir_product ports, here;
        bool loose = false;
        product_all(&ports);
        ports.field[IR_DPORT] = ports_to_pool(all, to, i);
        if (ports.field[IR_DPORT] == IR_EMPTY || !product_and(all->c->ir, product, &ports, &here, &loose)) continue;
        claim_reaches(all->c, loose ? product : &here, i, budget, out);
    }
}

/* Return one protocol by its number, in the family of the statement. */
static uint32_t protocol_of(struct ir *ir, const struct pbc_nat *n)
{
    struct pbc_range r[WHAT_BASES];
    uint32_t count = 0;
    for (unsigned b = n->family == 6 ? 1 : 0; b < (n->family == 6 ? WHAT_BASES : 1u); b++)
        r[count++] = (struct pbc_range){what_bases[b] + n->ip_proto, what_bases[b] + n->ip_proto};
    return ir_intern_ranges(ir, r, count, WHAT_MOST);
}

/* Return the forwarded ports that lead to one of the target's ports. */
static uint32_t ports_there(struct ir *ir, const struct pbc_nat *n, uint32_t ports)
{
    const struct ir_ranges all = ir_ranges(ir, ports);
    struct pbc_range *r = heap_resized(NULL, all.count + 1, sizeof(*r));
    const uint32_t first = n->target_port ? n->target_port : n->port_lo, last = first + n->port_hi - n->port_lo;
    uint32_t count = 0;
    for (uint32_t i = 0; i < all.count; i++) {
        const uint32_t lo = all.r[i].lo > first ? all.r[i].lo : first, hi = all.r[i].hi < last ? all.r[i].hi : last;
        if (lo <= hi) r[count++] = (struct pbc_range){lo - first + n->port_lo, hi - first + n->port_lo};
    }
    const uint32_t id = ir_intern_ranges(ir, r, count, UINT16_MAX);
    free(r);
    return id;
}

/* Return the packets that the `forward` translates; *exact becomes false if the product holds more. */
static struct ir_product forwarded(struct claims *all, const struct pbc_nat *n, bool *exact)
{
    struct ir *ir = all->c->ir;
    struct pbc_endpoint e = {.to = nat_endpoint_to(n),
                             .family = n->family,
                             .proto = n->proto == PBC_EP_IP ? PBC_EP_PORTS : n->proto,
                             .port_lo = n->port_lo,
                             .port_hi = n->port_hi};
    for (unsigned i = 0; i < 4; i++) e.addr[i] = n->to[i];
    struct ir_product p = endpoint_opened(all->c, &e);
    p.field[IR_STATE] = IR_ALL;
    p.field[IR_SRC] = nat_sources(ir, all->program, n);
    p.field[IR_SRC_SELF] = IR_EMPTY;
    if (e.to == PBC_TO_SELF) p.field[IR_DST] = IR_EMPTY;
    if (e.to == PBC_TO_ANY) {
        /* Leave out packets from and to the target, which a `forward any` does not lead there. */
        const unsigned families = n->family == 4 ? IR_V4 : IR_V6;
        const uint32_t others =
            ir_addrs_of_families(ir, ir_addrs_not(ir, ir_addrs_one(ir, n->family, n->target)), families);
        p.field[IR_SRC] = ir_addrs_and(ir, p.field[IR_SRC], others);
        p.field[IR_DST] = ir_addrs_and(ir, p.field[IR_DST], others);
    }
    if (n->iface != PBC_NONE) p.field[IR_IFACE] = ir_field_range(ir, IR_IFACE, n->iface, n->iface);
    if (n->proto == PBC_EP_IP) {
        p.field[IR_DPORT] = IR_ALL;
        p.field[IR_WHAT] = protocol_of(ir, n);
    }
    if (!n->cond_count) return p;
    struct ir_product asks, both = p;
    bool loose = false;
    normal_when(all->c, n->conds, n->cond_count, &asks);
    if (!product_and(ir, &p, &asks, &both, &loose)) both.field[IR_DST] = both.field[IR_DST_SELF] = IR_EMPTY;
    *exact &= !loose;
    return both;
}

/* Return the packets that a `map` translates to addresses of `inner`: the same places in the outer prefix. */
static struct ir_product mapped(struct ir *ir, const struct pbc_nat *n, uint32_t inner)
{
    const struct ir_addrs *addrs = ir_addrs(ir, inner);
    const unsigned bits = n->family == 6 ? 128 : 32;
    const u128 inside = words_number(n->target, n->family == 6), outside = words_number(n->to, n->family == 6),
               last = n->len < bits ? ((u128)1 << (bits - n->len - 1) << 1) - 1 : 0;
    struct ir_product p;
    product_all(&p);
    p.field[IR_SRC_SELF] = p.field[IR_DST_SELF] = p.field[IR_DST] = IR_EMPTY;
    /* later fragments follow the first one */
    p.field[IR_FRAGMENT] = ir_field_range(ir, IR_FRAGMENT, FRAGMENT_NO, FRAGMENT_FIRST);
    for (uint32_t i = 0; i < addr_count(addrs, family_bit(n->family)); i++) {
        const struct addr_span s = addr_span(addrs, family_bit(n->family), i);
        if (s.hi < inside || s.lo > inside + last) continue;
        uint32_t lo[4], hi[4];
        number_words(n->family, outside + (s.lo > inside ? s.lo - inside : 0), lo);
        number_words(n->family, outside + (s.hi < inside + last ? s.hi - inside : last), hi);
        const struct pbc_range r4 = {lo[0], hi[0]};
        const struct pbc_range6 r6 = range6_of_words(lo, hi);
        const uint32_t there = ir_addrs_ranges(ir, &r4, n->family == 4, &r6, n->family == 6);
        p.field[IR_DST] = ir_addrs_or(ir, p.field[IR_DST], there);
        addrs = ir_addrs(ir, inner);
    }
    return p;
}

/* Return the packets that the statement translates; *there: those that go to the target. *exact is false if both may
 * hold more. */
static struct ir_product turned_by(struct claims *all, const struct pbc_nat *n, const struct claim_target *to,
                                   struct ir_product *there, bool *exact)
{
    struct ir *ir = all->c->ir;
    if (n->kind == PBC_NAT_MAP) {
        *there = mapped(ir, n, to->addrs);
        there->field[IR_DPORT] = to->ports;
        return mapped(ir, n, IR_ALL);
    }
    const struct ir_product p = *there = forwarded(all, n, exact);
    if (!target_holds(ir, to, n->family, n->target) || (to->ports != IR_ALL && n->proto >= PBC_EP_ECHO4))
        there->field[IR_DST] = there->field[IR_DST_SELF] = IR_EMPTY;
    else if (to->ports != IR_ALL)
        there->field[IR_DPORT] = ports_there(ir, n, to->ports);
    return p;
}

/* Add packets led to the target by nats: the first matching statement translates a packet and takes it from `rest`. */
static void by_nats(struct claims *all, struct region *rest, const struct claim_target *to,
                    struct region_budget *budget, struct region *out)
{
    const struct program *program = all->program;
    for (const struct pbc_nat *n = program->nats; n < program->nats + program->nats_count && !budget->spent; n++) {
        if (n->kind != PBC_NAT_FORWARD && n->kind != PBC_NAT_MAP) continue;
        region_spend(budget, 1 + rest->count);
        bool exact = true;
        struct ir_product there, p = turned_by(all, n, to, &there, &exact);
        for (uint32_t i = 0; i < rest->count && !ir_is_empty(&there); i++)
            region_add_both(all->c->ir, &rest->p[i], &there, out);
        if (exact && product_is_plain(all->c->ir, &p)) region_minus(all->c->ir, rest, &p, budget);
    }
}

static bool takes_all(const struct program *p, const struct pbc_endpoint *e)
{
    const struct pbc_service *s = &p->services[e->service];
    for (uint32_t b = s->branches; b < s->branches + s->branch_count; b++)
        if (!p->branches[b].cond_count) return true;
    return false;
}

/* True if the service of every endpoint that these packets may meet takes all of them. A service in the wire may
 * send them on to their original destination. */
static bool is_taken_elsewhere(struct claims *all, const struct ir_product *here, const struct region_budget *budget)
{
    const struct program *p = all->program;
    for (uint32_t i = 0; i < p->endpoints_count && !budget->spent; i++) {
        const struct ir_product other = claim_taken_by(all->c, &p->endpoints[i]);
        if ((p->endpoints[i].wire || !takes_all(p, &p->endpoints[i])) && ir_may_meet(all->c->ir, here, &other))
            return false;
    }
    return true;
}

static void without_services(struct claims *all, struct region *rest, struct region_budget *budget)
{
    const struct program *p = all->program;
    for (uint32_t i = 0; i < p->endpoints_count && !budget->spent; i++) {
        const struct ir_product here = claim_taken_by(all->c, &p->endpoints[i]);
        region_spend(budget, 1 + p->endpoints_count);
        if (is_taken_elsewhere(all, &here, budget) && product_is_plain(all->c->ir, &here))
            region_minus(all->c->ir, rest, &here, budget);
    }
}

static void as_written(struct claims *all, const struct region *rest, const struct claim_target *to, struct region *out)
{
    struct ir_product p;
    product_all(&p);
    p.field[IR_DST] = to->addrs;
    p.field[IR_DST_SELF] = IR_EMPTY;
    p.field[IR_DPORT] = to->ports;
    for (uint32_t i = 0; i < rest->count; i++) region_add_both(all->c->ir, &rest->p[i], &p, out);
}

void claim_goes(struct claims *all, const struct ir_product *product, const struct claim_target *to,
                enum pbc_direction direction, struct region_budget *budget, struct region *out)
{
    struct region rest;
    region_init(&rest);
    region_add(&rest, product);
    if (direction != PBC_DIR_OUT) { /* packets that this machine sends meet no service and no nat */
        by_services(all, product, to, budget, out);
        without_services(all, &rest, budget);
        by_nats(all, &rest, to, budget, out);
    }
    as_written(all, &rest, to, out);
    region_fini(&rest);
}

static bool pool_leads(const struct claims *all, const struct claim_target *to, const struct key *key, uint32_t pool)
{
    const struct program *p = all->program;
    for (uint32_t i = 0; i < p->servers_count; i++) {
        const struct pbc_server *s = &p->servers[i];
        if (s->pool != pool || !target_holds(all->c->ir, to, s->family, s->addr)) continue;
        if (holds_port(all->c->ir, to, key, s->port ? s->port : key->dst_port)) return true;
    }
    return false;
}

/* Return the branch that leads to a server of the target, if the client sends the right data. */
static uint32_t branch_there(const struct claims *all, const struct claim_target *to, const struct key *key,
                             uint32_t branch)
{
    const struct program *p = all->program;
    const bool proxy = p->services[p->branches[branch].service].proxy;
    for (uint32_t i = 0; i < p->pools_count; i++) {
        if (!pool_leads(all, to, key, i)) continue;
        if (proxy) {
            const uint32_t one = stream_branch_to(p, p->branches[branch].service, key, i, 0);
            if (one != PBC_NONE) return one;
            continue;
        }
        const struct pbc_branch *b = &p->branches[branch];
        for (uint32_t k = b->shares; k < b->shares + branch_shares(b); k++)
            if (p->shares[k].pool == i) return branch;
    }
    return PBC_NONE;
}

static bool is_in_wire(const struct program *p, uint32_t branch)
{
    return mode_is(p->services[p->branches[branch].service].mode, MODE_INLINE);
}

/* True for a packet that a service in the wire lets by: it opens no connection. */
static bool passes_by(const struct program *p, uint32_t branch, const struct key *key)
{
    return is_in_wire(p, branch) && (key->marks & (TCP_SYN | TCP_ACK)) != TCP_SYN;
}

/* True if the connection may go on to its original destination, provided that the client sends the right data. */
static bool stream_leads_on(const struct program *p, uint32_t branch, const struct key *key)
{
    return is_in_wire(p, branch) && stream_branch_to(p, p->branches[branch].service, key, PBC_ORIGINAL, 0) != PBC_NONE;
}

/* True if a branch, translation or its own address leads the packet to the target. Notes the first two in `by`. */
static bool target_reached(const struct claims *all, const struct claim_target *to, const struct key *key,
                           const struct pkt *pkt, struct claim_gone *by)
{
    const struct program *p = all->program;
    const uint32_t branch = key->kind & KIND_SRC_SELF ? PBC_NONE : program_serve(p, key, pkt);
    const uint8_t family = key->kind & KIND_IP6 ? 6 : 4;
    struct turned t;
    *by = (struct claim_gone){PBC_NONE, PBC_NONE};
    const bool taken = branch < p->branches_count && !passes_by(p, branch, key);
    if (taken && (by->branch = branch_there(all, to, key, branch)) != PBC_NONE) return true;
    if (taken && !stream_leads_on(p, branch, key)) return false;
    if (!taken && program_turned(p, key, &t)) {
        by->nat = t.nat;
        return target_holds(all->c->ir, to, family, t.dst) && holds_port(all->c->ir, to, key, t.dst_port);
    }
    return !(key->kind & KIND_DST_SELF) && target_holds(all->c->ir, to, family, key->dst) &&
           holds_port(all->c->ir, to, key, key->dst_port);
}

bool claim_gone(struct claims *all, const struct frame_spec *packet, const struct facts *own, uint32_t schedules,
                const struct claim_target *to, struct claim_gone *by)
{
    uint8_t *frame = heap_resized(NULL, FRAME_MOST, 1);
    struct facts facts = *own;
    struct pkt pkt;
    struct key key;
    facts.generation = 1;
    facts.schedules = schedules;
    const bool there =
        sample_parse(all->program, packet, &facts, frame, &pkt, &key) && target_reached(all, to, &key, &pkt, by);
    free(frame);
    return there;
}
