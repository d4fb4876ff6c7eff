/* State of address translation: outside addresses, mappings, counts, and flows' holds (nat.h) */
#include "vm/forward/bind/nat.h"
#include "vm/forward/bind/nat_priv.h"

#include <stdlib.h>
#include <string.h>

#include "vm/forward/bind/ports.h"
#include "vm/judge/routes.h"
#include "vm/judge/ways.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"
#include "vm/program/swap.h"

enum { UDP_IDLE_S = 240 };

/* Return the greatest number of mappings: one for each slot for flows, but no more than there are outside ends. */
static uint32_t most_mappings(const struct program *p, uint32_t spaces)
{
    const uint64_t slots = p->flows * 3 / 2 + 32, ends = (uint64_t)spaces * MAP_CLASSES << 16;
    return slots < ends ? (uint32_t)slots : ends < INT32_MAX ? (uint32_t)ends : INT32_MAX;
}

/* List the spaces of a statement's addresses in n->written from `at` on; return the index after them. */
static uint32_t settle_source(struct nat *n, uint32_t i, uint32_t at)
{
    const struct pbc_nat *one = &n->p->nats[i];
    struct address_walk w = address_walk(n->p, one->outside, one->outside_count, one->family);
    struct address_range addr;
    n->spaces[i].first = at;
    while (address_each(&w, &addr)) n->written[at++] = outside_written(&n->outsides, addr.lo, addr.family);
    n->spaces[i].count = at - n->spaces[i].first;
    return at;
}

/* Fill in the tables that follow from outside addresses and mappings. */
static void settle_spaces(struct nat *n)
{
    const struct program *p = n->p;
    n->counters.mappings = mappings_counters(n->mappings);
    uint32_t at = 0;
    for (uint32_t i = 0; i < p->nats_count; i++)
        if (p->nats[i].kind == PBC_NAT_SOURCE)
            at = settle_source(n, i, at);
        else if (p->nats[i].kind == PBC_NAT_MASQUERADE)
            n->spaces[i].first = outsides_way(&n->outsides, p->nats[i].iface);
    outsides_reserve(&n->outsides, p, n->mappings);
}

struct nat *nat_new(const struct program *p, const struct vm_cfg *cfg)
{
    struct nat *n = calloc(1, sizeof *n);
    if (!n) return NULL;
    n->p = p;
    n->spaces = calloc((size_t)p->nats_count + 1, sizeof *n->spaces);
    n->written = calloc((size_t)outsides_written(p) + 1, sizeof *n->written);
    n->key = balance_key(p);
    n->statements = calloc((size_t)program_all_nats(p) + 1, sizeof *n->statements);
    n->flows = calloc((size_t)program_all_nats(p) + 1, sizeof *n->flows);
    if (outsides_init(&n->outsides, p)) {
        const uint32_t spaces = outsides_count(&n->outsides);
        n->mappings = mappings_new(&(struct mappings_cfg){.most = most_mappings(p, spaces),
                                                          .spaces = spaces,
                                                          .seed = cfg->seed,
                                                          .vm = cfg,
                                                          .borrows = ports_are_lent(p)});
    }
    if (!n->spaces || !n->written || !n->statements || !n->flows || !n->mappings) {
        nat_free(n);
        return NULL;
    }
    n->counters.statements = n->statements;
    n->counters.flows = n->flows;
    settle_spaces(n);
    return n;
}

void nat_free(struct nat *n)
{
    if (!n) return;
    mappings_free(n->mappings);
    outsides_fini(&n->outsides);
    free(n->spaces);
    free(n->written);
    free(n->statements);
    free(n->flows);
    free(n);
}

static void keep_mappings(struct nat *to, struct nat *from, const struct remap *r)
{
    SWAP(to->mappings, from->mappings);
    SWAP(to->outsides, from->outsides);
    for (uint32_t i = 0; i < to->outsides.ways; i++) {
        uint16_t *iface = &to->outsides.way[i].iface;
        *iface = *iface < r->ifaces ? r->iface[*iface] : IFACE_NONE;
    }
    for (uint32_t i = 0; i < outsides_count(&to->outsides); i++) mappings_unreserve(to->mappings, i);
    settle_spaces(to);
    outsides_reserve_own(&to->outsides, to->p, to->mappings, NULL);
    to->ports_number = 0; /* the host's ports come with the next facts */
}

void nat_keep(struct nat *to, struct nat *from, const struct remap *r)
{
    to->counters = from->counters;
    to->counters.statements = to->statements;
    to->counters.flows = to->flows;
    to->counters.mappings = mappings_counters(to->mappings);
    for (uint32_t i = 0; i < program_all_nats(r->from); i++) {
        if (r->nat[i] == PBC_NONE) continue;
        to->flows[r->nat[i]] += from->flows[i];
        counter_sum(&to->statements[r->nat[i]], &from->statements[i]);
    }
    if (r->nats)
        keep_mappings(to, from, r);
    else
        mappings_draw_on(to->mappings, from->mappings);
}

const struct nat_counters *nat_counters(const struct nat *n) { return &n->counters; }

void nat_facts(struct nat *n, const struct facts *facts)
{
    const struct facts_ports *host = facts ? &facts->ports : NULL;
    n->facts = facts;
    outsides_find(&n->outsides, n->p, facts);
    for (uint32_t i = 0; i < n->outsides.ways; i++) {
        uint32_t addr[4] = {0};
        for (unsigned six = 0; six < 2; six++) {
            if (i < n->outsides.named || n->outsides.way[i].iface != IFACE_NONE)
                facts_address(facts, n->outsides.way[i].iface, six, addr);
            outsides_own(&n->outsides, n->p, n->mappings, host, i, six ? 6 : 4, addr);
        }
    }
    if (!host || n->ports_number == host->number) return;
    n->ports_number = host->number;
    n->more_count = host->more_count;
    for (unsigned i = 0; i < n->more_count; i++) n->more[i] = (struct pbc_range){host->more[i].lo, host->more[i].hi};
    outsides_reserve_own(&n->outsides, n->p, n->mappings, host);
}

void nat_unknown(struct nat *n, const uint64_t packets[WAY_WHYS])
{
    for (unsigned why = WAY_KNOWN + 1; why < WAY_WHYS; why++)
        *way_why_counter(&n->counters, (enum way_why)why) += packets[why];
}

void nat_routed(struct nat *n, bool lost)
{
    n->counters.routed++;
    n->counters.routed_lost += lost;
}
void nat_guessed(struct nat *n) { n->counters.guessed++; }
void nat_alike(struct nat *n) { n->counters.alike++; }

void nat_count(struct nat *n, uint32_t statement, struct counter of) { counter_sum(&n->statements[statement], &of); }

uint64_t program_udp_idle_ns(const struct program *p)
{
    return p->settings->written >> PBC_SETTING_udp_ns & 1 ? 0 : UDP_IDLE_S * 1000000000ull;
}

static int32_t owner_of(const struct nat *n, const uint32_t addr[4], uint16_t port, const struct flow_id *id)
{
    const uint8_t class = id->proto == IPPROTO_NR_TCP ? MAP_TCP : id->proto == IPPROTO_NR_UDP ? MAP_UDP : MAP_ICMP;
    struct map_end end = {.port = port, .class = class, .v6 = id->kind & FLOW_ID_IP6};
    memcpy(end.addr, addr, sizeof end.addr);
    return mapping_by_outside(n->mappings, &end);
}

/* Return the mapping of the flow's new source; that of its original destination (second function). */
static int32_t source_mapping(const struct nat *n, const struct flow_bind *b, const struct flow_id *id)
{
    return owner_of(n, b->to_src, b->to_src_port, id);
}
static int32_t target_mapping(const struct nat *n, const struct flow_id *id, bool high)
{
    return owner_of(n, high ? id->low : id->high, high ? id->low_port : id->high_port, id);
}

void nat_begun(struct nat *n, const struct flow_bind *b) { n->flows[b->nat]++; }

void nat_hold_by(struct nat *n, const struct flow_bind *b, const struct flow_id *id, int32_t slot)
{
    if (b->flags & BIND_HOLDS_SRC) mapping_at(n->mappings, source_mapping(n, b, id))->holder = slot;
}

void nat_leave(struct nat *n, const struct flow_bind *b, const struct flow_id *id, bool high, uint64_t now_ns,
               uint64_t rests_ns)
{
    if (b->flags & BIND_HOLDS_SRC) mapping_leave(n->mappings, source_mapping(n, b, id), now_ns, rests_ns);
    if (b->flags & BIND_HOLDS_DST) mapping_leave(n->mappings, target_mapping(n, id, high), now_ns, rests_ns);
    n->flows[b->nat]--;
}

void nat_at(struct nat *n, uint64_t now_ns) { mappings_at(n->mappings, now_ns); }

void nat_archive(struct nat *n, struct archive *a)
{
    struct outsides *o = &n->outsides;
    const uint32_t count = outsides_count(o);
    archive_part(a, o->all + o->written, (count - o->written) * sizeof *o->all);
    for (uint32_t i = 0; i < o->ways; i++) {
        ARCHIVE(a, o->way[i].own);
        for (unsigned six = 0; six < 2; six++)
            archive_sound(a, o->way[i].own[six] == SPACE_NONE || o->way[i].own[six] < count);
    }
    mappings_archive(n->mappings, a, n->p->nats_count);
    if (a->reads && !a->bad) outsides_reserve_own(o, n->p, n->mappings, NULL);
}

bool nat_hold(struct nat *n, const struct flow_bind *b, const struct flow_id *id, bool high)
{
    const bool src = b->flags & BIND_HOLDS_SRC, dst = b->flags & BIND_HOLDS_DST;
    const int32_t one = src ? source_mapping(n, b, id) : MAPPING_NONE,
                  other = dst ? target_mapping(n, id, high) : MAPPING_NONE;
    if ((src && one == MAPPING_NONE) || (dst && other == MAPPING_NONE)) return false;
    if (src) mapping_hold(n->mappings, one);
    if (dst) mapping_hold(n->mappings, other);
    nat_begun(n, b);
    return true;
}

/* Hold that mapping of `from` here; add it first if it is not here yet. */
static bool hold_moved(struct nat *n, const struct nat *from, int32_t was, uint16_t stack, bool led)
{
    const struct mapping *one = was == MAPPING_NONE ? NULL : mapping_at(from->mappings, was);
    if (!one) return false;
    int32_t i = mapping_by_outside(n->mappings, &one->outside);
    if (i == MAPPING_NONE) {
        const uint32_t space = outside_space(&n->outsides, one->outside.addr, one->outside.v6 ? 6 : 4);
        i = mapping_move(n->mappings, one, space, stack, led);
    } else if (memcmp(&mapping_at(n->mappings, i)->inside, &one->inside, sizeof one->inside) != 0) {
        return false; /* happens only if the archive is wrong */
    }
    if (i != MAPPING_NONE) mapping_hold(n->mappings, i);
    return i != MAPPING_NONE;
}

bool nat_move_hold(struct nat *n, const struct nat *from, const struct flow_bind *b, const struct flow_id *id,
                   bool high, const struct nat_move *m)
{
    const bool src = b->flags & BIND_HOLDS_SRC, dst = b->flags & BIND_HOLDS_DST;
    const int32_t one = src ? source_mapping(from, b, id) : MAPPING_NONE;
    if (src && !hold_moved(n, from, one, m->stack, m->leads_src)) return false;
    if (dst && !hold_moved(n, from, target_mapping(from, id, high), m->stack, m->leads_dst)) {
        if (src) mapping_drop(n->mappings, source_mapping(n, b, id));
        return false;
    }
    nat_begun(n, b);
    return true;
}

bool nat_has_target(const struct nat *n, const struct flow_id *id, bool high, bool led)
{
    const int32_t i = target_mapping(n, id, high);
    return i != MAPPING_NONE && (!led || mapping_is_led(mapping_at(n->mappings, i)));
}

void nat_move(struct nat *n, const struct nat *from) { mappings_draw_on(n->mappings, from->mappings); }

bool nat_rest(const struct nat *from, uint32_t i, const struct mapping **one, const struct map_end **end,
              uint64_t *until_ns)
{
    int32_t at;
    if (!mapping_rest(from->mappings, i, &at, until_ns)) return false;
    *one = mapping_at(from->mappings, at);
    *end = &(*one)->inside;
    return true;
}

bool nat_move_rest(struct nat *n, const struct nat *from, const struct mapping *one, uint64_t until_ns, uint64_t now_ns)
{
    if (!hold_moved(n, from, mapping_by_outside(from->mappings, &one->outside), one->stack, true)) return false;
    mapping_leave(n->mappings, mapping_by_outside(n->mappings, &one->outside), now_ns, until_ns);
    return true;
}

const struct mapping *nat_next_mapping(const struct nat *n, uint32_t *at)
{
    const int32_t i = mapping_next(n->mappings, at);
    return i == MAPPING_NONE ? NULL : mapping_at(n->mappings, i);
}

bool nat_held(const struct nat *n) { return mappings_held(n->mappings); }

static const struct pbc_nat *statement_of(const struct nat *n, const struct flow_bind *b)
{
    return &n->p->nats[b->nat];
}

/* True if an earlier program has the flow's statement, and its interfaces for leaving packets are no longer known:
 * the flow goes on wherever it has its outside address. */
static bool way_is_past(const struct nat *n, const struct flow_bind *b)
{
    return n->p->past && b->nat >= n->p->past->nats && nat_leaves_anywhere(n->p, statement_of(n, b));
}

/* Return the way of a packet whose flow also translates the destination. *hairpin: the way leads back to the
 * source's side, so the statement does not ask for it. */
static struct way_found turned_way_now(const struct nat *n, const struct nat_asker *of, const struct flow_bind *b,
                                       bool *hairpin)
{
    struct key there = *of->key;
    struct nat_leaving l = {.key = &there, .pkt = of->pkt, .facts = n->facts, .turned = true};
    nat_lead_to(&there, b);
    *hairpin = nat_is_hairpin(n->p, statement_of(n, b), &l);
    return *nat_leaving_way(&l);
}

static struct way_found way_now(const struct nat *n, const struct nat_asker *of, const struct flow_bind *b,
                                bool *hairpin)
{
    *hairpin = false;
    if (b->kind == BIND_NAT_BOTH) return turned_way_now(n, of, b, hairpin);
    struct way_found way = way_find(n->facts, of->key, of->pkt, b->to_dst);
    if (of->routed) way.iface = of->pkt->iface; /* the interface itself, which rules may know by a pattern */
    return way;
}

/* Return the interface with that outside address, if the statement lets packets leave by it, or the statement is
 * past; IFACE_NONE: none. */
static uint16_t way_of_address(const struct nat *n, const struct pbc_nat *one, const struct nat_asker *of,
                               const struct flow_bind *b)
{
    uint32_t addr[4];
    for (unsigned i = 0; n->facts && i < n->facts->ifaces_count; i++)
        if ((way_is_past(n, b) || nat_leaves(n->p, one, facts_known_as(n->facts, (uint16_t)i))) &&
            facts_address(n->facts, (uint16_t)i, of->key->kind & KIND_IP6, addr) && address_equal(addr, b->to_src))
            return (uint16_t)i;
    return IFACE_NONE;
}

/* A masqueraded flow whose packets leave by another interface ends (nat_is_rerouted); a flow of a `source` goes on. */
uint16_t nat_way_out(const struct nat *n, const struct nat_asker *of, const struct flow_bind *b)
{
    const struct pbc_nat *one = statement_of(n, b);
    if (!bind_changes_source(b->kind))
        return n->facts && one->kind == PBC_NAT_FORWARD ? facts_way(n->facts->target_out, b->nat) : IFACE_NONE;
    bool hairpin;
    if (b->kind == BIND_NAT_SOURCE && one->kind == PBC_NAT_MASQUERADE && one->iface != PBC_NONE)
        return (uint16_t)one->iface;
    const struct way_found way = way_now(n, of, b, &hairpin);
    if (way.out) return way.iface;
    const bool several = one->kind == PBC_NAT_MASQUERADE && one->iface == PBC_NONE;
    return several ? way_of_address(n, one, of, b) : (uint16_t)one->iface;
}

/* True if the flow's outside address is still this machine's, as far as is known: any of its addresses, or that of
 * the statement's interface. */
static bool has_address(const struct nat *n, const struct pbc_nat *one, uint8_t family, const struct flow_bind *b)
{
    uint32_t addr[4];
    if (!facts_have_self(n->facts) || nat_is_own(n, family, b->to_src)) return true;
    return facts_address(n->facts, (uint16_t)one->iface, family == 6, addr) && address_equal(addr, b->to_src);
}

/* True if the statement names one interface, or if the flow's outside address is that of the interface by which its
 * packet leaves. */
static bool has_address_of(const struct nat *n, const struct pbc_nat *one, uint8_t family, uint16_t iface,
                           const struct flow_bind *b)
{
    uint32_t addr[4];
    if (one->iface != PBC_NONE) return true;
    return facts_address(n->facts, iface, family == 6, addr) && address_equal(addr, b->to_src);
}

bool nat_is_rerouted(const struct nat *n, const struct nat_asker *of, bool original, const struct flow_bind *b)
{
    const struct pbc_nat *one = statement_of(n, b);
    const uint8_t family = family_of(of->key);
    if (!bind_changes_source(b->kind) || one->kind != PBC_NAT_MASQUERADE || !n->facts) return false;
    if (!has_address(n, one, family, b)) return true;
    if (!original) return false;
    bool hairpin;
    const struct way_found way = way_now(n, of, b, &hairpin);
    if (way.kind == ROUTE_ASK || way.kind == ROUTE_REFUSED) return false;
    const bool leaves = hairpin || (way.out && (way_is_past(n, b) || nat_leaves(n->p, one, (uint16_t)(way.out - 1))));
    return !leaves || !has_address_of(n, one, family, way.iface, b);
}

bool nat_leads_nowhere(const struct nat *n, const struct nat_asker *of, const uint32_t to[4])
{
    return way_find(n->facts, of->key, of->pkt, to).kind == ROUTE_REFUSED;
}

bool nat_is_unknown(const struct nat *n, const struct nat_asker *of, const struct flow_bind *b)
{
    bool hairpin;
    if (b->kind != BIND_NAT_SOURCE) return false;
    if (nat_leaves_anywhere(n->p, statement_of(n, b)) && !way_is_past(n, b)) return false;
    const struct way_found way = way_now(n, of, b, &hairpin);
    return address_equal(b->to_dst, of->key->dst) && way.kind == ROUTE_ASK && way.why != WAY_SEVERAL;
}

uint16_t nat_mss(const struct nat *n, const struct flow_bind *b) { return n->p->nats[b->nat].mss; }
