/* Address translation of new flows (nat.h). */
#include "vm/forward/bind/nat.h"
#include "vm/forward/bind/nat_priv.h"

#include <stdlib.h>
#include <string.h>

#include "vm/forward/balance/key.h"
#include "vm/forward/bind/routed.h"
#include "vm/forward/service.h"
#include "vm/judge/decide.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"

enum { UDP_IDLE_S = 240 };

/* No more than there are slots for flows, or ends. */
static uint32_t most_mappings(const struct program *p, uint32_t spaces)
{
    const uint64_t slots = p->flows * 3 / 2 + 32, ends = (uint64_t)spaces * MAP_CLASSES << 16;
    return slots < ends ? (uint32_t)slots : ends < INT32_MAX ? (uint32_t)ends : INT32_MAX;
}

/* The spaces of a statement's addresses, in n->written from `at` on; returns the place behind them. */
static uint32_t settle_source(struct nat *n, uint32_t i, uint32_t at)
{
    const struct pbc_nat *one = &n->p->nats[i];
    struct address_walk w = address_walk(n->p, one->outside, one->outside_count, one->family);
    struct address_range r;
    n->spaces[i].first = at;
    while (address_next(&w, &r))
        for (uint64_t k = 0; k < address_range_size(&r); k++) {
            uint32_t addr[4];
            address_range_at(&r, k, addr);
            n->written[at++] = outside_written(&n->outsides, addr, r.family);
        }
    n->spaces[i].count = at - n->spaces[i].first;
    return at;
}

/* What follows from outside addresses and mappings. */
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
                                                          .worker = cfg->worker,
                                                          .workers = cfg->workers,
                                                          .prefault = cfg->prefault});
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
    struct mappings *mappings = to->mappings;
    const struct outsides outsides = to->outsides;
    to->mappings = from->mappings;
    to->outsides = from->outsides;
    from->mappings = mappings;
    from->outsides = outsides;
    for (uint32_t i = 0; i < to->outsides.ways; i++) to->outsides.way[i].iface = r->iface[to->outsides.way[i].iface];
    for (uint32_t i = 0; i < outsides_count(&to->outsides); i++) mappings_unreserve(to->mappings, i);
    settle_spaces(to);
    outsides_reserve_own(&to->outsides, to->p, to->mappings, NULL);
    to->ports_number = 0; /* the host's come with the next facts */
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
        to->statements[r->nat[i]].packets += from->statements[i].packets;
        to->statements[r->nat[i]].bytes += from->statements[i].bytes;
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
    for (uint32_t i = 0; i < n->outsides.ways; i++) {
        uint32_t addr[4];
        for (unsigned six = 0; six < 2; six++) {
            facts_address(facts, n->outsides.way[i].iface, six, addr);
            outsides_own(&n->outsides, n->p, n->mappings, host, i, six ? 6 : 4, addr);
        }
    }
    if (!host || n->ports_number == host->number) return;
    n->ports_number = host->number;
    outsides_reserve_own(&n->outsides, n->p, n->mappings, host);
}

void nat_alike(struct nat *n) { n->counters.alike++; }

void nat_count_all(struct nat *n, uint32_t statement, struct counter of)
{
    n->statements[statement].packets += of.packets;
    n->statements[statement].bytes += of.bytes;
}

void nat_count(struct nat *n, uint32_t statement, uint32_t bytes)
{
    n->statements[statement].packets++;
    n->statements[statement].bytes += bytes;
}

uint64_t nat_udp_idle_ns(const struct program *p)
{
    return p->settings->written >> PBC_SETTING_udp_ns & 1 ? 0 : UDP_IDLE_S * 1000000000ull;
}

/* Whose ports or identifiers its source takes; MAP_CLASSES: none. */
static enum map_class class_of(const struct key *key)
{
    if (key->kind & KIND_PORTS && key->kind & KIND_TCP) return MAP_TCP;
    if (key->kind & KIND_PORTS && key->kind & KIND_UDP) return MAP_UDP;
    if (!(key->kind & KIND_ICMP_HEADER)) return MAP_CLASSES;
    if (key->kind & KIND_ICMP6) return key->icmp_type == ICMP6_ECHO ? MAP_ICMP : MAP_CLASSES;
    const bool later = key->icmp_type >= ICMP4_TIMESTAMP && key->icmp_type <= ICMP4_MASK_REPLY;
    return key->icmp_type == ICMP4_ECHO || (later && key->icmp_type % 2) ? MAP_ICMP : MAP_CLASSES;
}

static struct map_end end_of(const struct key *key, const uint32_t addr[4], uint16_t port)
{
    struct map_end e = {.port = port, .class = (uint8_t)class_of(key), .v6 = family_of(key) == 6};
    memcpy(e.addr, addr, sizeof e.addr);
    return e;
}

/* The address at the same place in the other prefix. */
static void mapped_to(const uint32_t prefix[4], unsigned len, const uint32_t addr[4], uint32_t to[4])
{
    for (unsigned w = 0; w < 4; w++) {
        const unsigned here = len < 32 ? len : 32;
        to[w] = here == 32 ? prefix[w] : prefix[w] | (addr[w] & UINT32_MAX >> here);
        len -= here;
    }
}

/* By a statement alone. Ports that it leaves as they are stay in *t. */
static bool turned(const struct program *p, const struct key *key, struct turned *t)
{
    t->nat = nat_statement_in(p, key);
    if (t->nat == PBC_NONE) return false;
    const struct pbc_nat *f = &p->nats[t->nat];
    if (f->kind == PBC_NAT_MAP)
        mapped_to(f->target, f->len, key->dst, t->dst);
    else
        memcpy(t->dst, f->target, sizeof t->dst);
    if (f->target_port) t->dst_port = (uint16_t)(f->target_port + (key->dst_port - f->port_lo));
    return true;
}

/* Can it be translated at all? */
static bool may_translate(const struct key *key)
{
    const bool v6 = family_of(key) == 6;
    if (!(key->kind & KIND_IP) || key->kind & (KIND_SRC_SELF | KIND_FRAG_LATER)) return false;
    return is_routed(key->src, v6) && is_routed(key->dst, v6);
}

bool program_turned(const struct program *p, const struct key *key, struct turned *t)
{
    *t = (struct turned){.dst_port = key->dst_port};
    return may_translate(key) && turned(p, key, t);
}

/* The destination, if it is an outside end: to a forward's target, or to the owner of the mapping, who sits in the same
 * VLAN stack (a flow has one alone). */
static bool turn(struct nat *n, const struct key *key, uint16_t stack, bool look, struct flow_bind *b)
{
    struct turned t = {.dst_port = b->to_dst_port};
    if (turned(n->p, key, &t)) {
        memcpy(b->to_dst, t.dst, sizeof b->to_dst);
        b->to_dst_port = t.dst_port;
        b->nat = (uint16_t)t.nat;
        return true;
    }
    if (class_of(key) > MAP_UDP) return false;
    const struct map_end outside = end_of(key, key->dst, key->dst_port);
    const int32_t i = mapping_by_outside(n->mappings, &outside);
    if (i == MAPPING_NONE) return false;
    const struct mapping *m = mapping_at(n->mappings, i);
    if (m->stack != stack) return false;
    memcpy(b->to_dst, m->inside.addr, sizeof b->to_dst);
    b->to_dst_port = m->inside.port;
    b->nat = m->nat;
    b->flags |= BIND_HOLDS_DST;
    if (!look) mapping_hold(n->mappings, i);
    return true;
}

/* Those of this machine's own address, with its own connections. */
static void share_ports(struct map_room *room, const struct facts_ports *host)
{
    const uint16_t lo = host->kept_lo > room->lo ? host->kept_lo : room->lo,
                   hi = host->kept_hi < room->hi ? host->kept_hi : room->hi;
    room->last_lo = host->chosen_lo;
    room->last_hi = host->chosen_hi;
    room->withheld = host->kept_hi && lo <= hi ? (uint16_t)(hi - lo + 1) : 0;
}

/* What a statement gives out of an outside address: ports of its range, identifiers all. */
static struct map_room room_of(const struct nat *n, const struct pbc_nat *one, uint32_t space, uint8_t class,
                               const uint32_t outside[4])
{
    const bool ids = class == MAP_ICMP;
    struct map_room room = {
        .outside = outside, .space = space, .lo = ids ? 0 : one->port_lo, .hi = ids ? UINT16_MAX : one->port_hi};
    if (!ids && one->kind == PBC_NAT_MASQUERADE && n->facts) share_ports(&room, &n->facts->ports);
    return room;
}

/* The mapping for that source, which is made unless it is only looked for; false: no port. */
static bool take_mapping(struct nat *n, const struct key *key, uint16_t stack, uint32_t at, uint32_t space, bool look,
                         struct flow_bind *b)
{
    const struct pbc_nat *one = &n->p->nats[at];
    const struct map_end inside = end_of(key, key->src, b->to_src_port);
    const struct map_room room = room_of(n, one, space, inside.class, b->to_src);
    int32_t i = mapping_by_inside(n->mappings, &inside, stack, b->to_src);
    b->to_src_port = 0;
    if (i == MAPPING_NONE && look) return true;
    if (i != MAPPING_NONE && !look)
        mapping_hold(n->mappings, i);
    else if (i == MAPPING_NONE)
        i = mapping_add(n->mappings, &inside, stack, &room);
    if (i == MAPPING_NONE) return false;
    struct mapping *m = mapping_at(n->mappings, i);
    b->to_src_port = m->outside.port;
    b->flags |= BIND_HOLDS_SRC;
    if (!look) m->nat = (uint16_t)at;
    return true;
}

/* Which of a statement's addresses a client leaves from: always the same one (RFC 4787, REQ-2: paired), on every
 * machine with that hash key. */
static uint32_t space_of_client(const struct nat *n, uint32_t at, const struct key *key)
{
    const struct statement_spaces *s = &n->spaces[at];
    struct lb_flow f = {.family = family_of(key)};
    if (s->count == 1) return n->written[s->first];
    memcpy(f.src, key->src, sizeof f.src);
    return n->written[s->first + (uint32_t)((lb_hash_source(n->key, &f) >> 32) * s->count >> 32)];
}

/* Whoever got an address of this machine would meet its own connections. */
static bool is_own(const struct nat *n, uint8_t family, const uint32_t addr[4])
{
    return n->facts && facts_have_self(n->facts) && sides_of(n->facts, family, addr, addr) & KIND_SRC_SELF;
}

/* The source, as statement `at` says. */
static enum nat_fate leave(struct nat *n, const struct key *key, uint16_t stack, uint32_t at, bool look,
                           struct flow_bind *b)
{
    const struct pbc_nat *one = &n->p->nats[at];
    b->nat = (uint16_t)at;
    if (one->kind == PBC_NAT_MAP) {
        mapped_to(one->to, one->len, key->src, b->to_src);
        if (!is_own(n, family_of(key), b->to_src)) return NAT_BOUND;
        n->counters.no_address += !look;
        return NAT_NO_PORT;
    }
    const bool written = one->kind == PBC_NAT_SOURCE;
    const uint32_t space =
        written ? space_of_client(n, at, key) : n->outsides.way[n->spaces[at].first].own[family_of(key) == 6];
    if (space == SPACE_NONE) {
        n->counters.no_address += !look;
        return NAT_NO_PORT;
    }
    memcpy(b->to_src, n->outsides.all[space].addr, sizeof b->to_src);
    if (class_of(key) == MAP_CLASSES) return NAT_BOUND;
    return take_mapping(n, key, stack, at, space, look, b) ? NAT_BOUND : NAT_NO_PORT;
}

/* As it came. */
static void begin(const struct key *key, uint16_t query, struct flow_bind *b)
{
    *b = (struct flow_bind){.server = PBC_NONE,
                            .branch = PBC_NONE,
                            .space = PBC_NONE,
                            .to_src_port = key->kind & KIND_PORTS ? key->src_port : query,
                            .to_dst_port = key->kind & KIND_PORTS ? key->dst_port : query,
                            .kind = BIND_NAT_SOURCE};
    memcpy(b->to_src, key->src, sizeof b->to_src);
    memcpy(b->to_dst, key->dst, sizeof b->to_dst);
}

/* What was begun comes to nothing. */
static enum nat_fate give_up(struct nat *n, const struct key *key, bool look, struct flow_bind *b)
{
    if (!look && b->flags & BIND_HOLDS_DST) {
        const struct map_end outside = end_of(key, key->dst, key->dst_port);
        mapping_drop(n->mappings, mapping_by_outside(n->mappings, &outside));
    }
    b->flags = 0;
    return NAT_NO_PORT;
}

enum nat_fate nat_choose(struct nat *n, const struct key *key, uint16_t query, uint16_t stack, bool look,
                         struct flow_bind *b)
{
    const uint8_t family = family_of(key);
    if (!may_translate(key)) return NAT_NOTHING;
    begin(key, query, b);
    const bool in = turn(n, key, stack, look, b);
    if (!in && (key->kind & KIND_DST_SELF || outside_space(&n->outsides, key->dst, family) != SPACE_NONE))
        return NAT_NOTHING;
    const uint32_t out = nat_statement_out(n->p, key, in);
    if (!in && out == PBC_NONE) return NAT_NOTHING;
    if (in) b->kind = BIND_NAT_FORWARD;
    if (out != PBC_NONE && leave(n, key, stack, out, look, b) != NAT_BOUND) return give_up(n, key, look, b);
    if (look) return NAT_BOUND;
    n->counters.out += !in;
    n->counters.in += in && out == PBC_NONE;
    n->counters.hairpins += in && out != PBC_NONE;
    return NAT_BOUND;
}

enum nat_fate nat_tell(struct nat *n, const struct key *key, uint16_t query, uint16_t stack, struct flow_bind *b)
{
    const enum nat_fate fate = nat_choose(n, key, query, stack, true, b);
    if (fate != NAT_BOUND) return fate;
    const struct pbc_nat *one = &n->p->nats[b->nat];
    const bool draws = one->kind == PBC_NAT_MASQUERADE || one->kind == PBC_NAT_SOURCE;
    if (!draws || b->flags & BIND_HOLDS_SRC || class_of(key) == MAP_CLASSES) return NAT_BOUND;
    const struct map_end inside = end_of(key, key->src, key->kind & KIND_PORTS ? key->src_port : query);
    const struct map_room room =
        room_of(n, one, outside_space(&n->outsides, b->to_src, family_of(key)), inside.class, b->to_src);
    return mapping_may_add(n->mappings, &inside, &room, &b->to_src_port) ? NAT_BOUND : NAT_NO_PORT;
}

static int32_t owner_of(const struct nat *n, const uint32_t addr[4], uint16_t port, const struct flow_id *id)
{
    const uint8_t class = id->proto == IPPROTO_NR_TCP ? MAP_TCP : id->proto == IPPROTO_NR_UDP ? MAP_UDP : MAP_ICMP;
    struct map_end end = {.port = port, .class = class, .v6 = id->kind & FLOW_ID_IP6};
    memcpy(end.addr, addr, sizeof end.addr);
    return mapping_by_outside(n->mappings, &end);
}

/* The mapping of the source that the flow got; of the destination that it had. */
static int32_t source_of(const struct nat *n, const struct flow_bind *b, const struct flow_id *id)
{
    return owner_of(n, b->to_src, b->to_src_port, id);
}
static int32_t target_of(const struct nat *n, const struct flow_id *id, bool high)
{
    return owner_of(n, high ? id->low : id->high, high ? id->low_port : id->high_port, id);
}

/* What its binding held. */
static void leave_mappings(struct nat *n, const struct flow_bind *b, const struct flow_id *id, bool high,
                           uint64_t now_ns, uint64_t rests_ns)
{
    if (b->flags & BIND_HOLDS_SRC) mapping_leave(n->mappings, source_of(n, b, id), now_ns, rests_ns);
    if (b->flags & BIND_HOLDS_DST) mapping_leave(n->mappings, target_of(n, id, high), now_ns, rests_ns);
}

void nat_drop(struct nat *n, const struct flow_bind *b, const struct flow_id *id, bool high)
{
    leave_mappings(n, b, id, high, 0, 0);
}

void nat_begun(struct nat *n, const struct flow_bind *b) { n->flows[b->nat]++; }

void nat_leave(struct nat *n, const struct flow_bind *b, const struct flow_id *id, bool high, uint64_t now_ns,
               uint64_t rests_ns)
{
    leave_mappings(n, b, id, high, now_ns, rests_ns);
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
    const int32_t one = src ? source_of(n, b, id) : MAPPING_NONE, other = dst ? target_of(n, id, high) : MAPPING_NONE;
    if ((src && one == MAPPING_NONE) || (dst && other == MAPPING_NONE)) return false;
    if (src) mapping_hold(n->mappings, one);
    if (dst) mapping_hold(n->mappings, other);
    nat_begun(n, b);
    return true;
}

bool nat_held(const struct nat *n) { return mappings_held(n->mappings); }

uint16_t nat_way_out(const struct nat *n, const struct facts *facts, const struct flow_bind *b)
{
    const struct pbc_nat *one = &n->p->nats[b->nat];
    if (b->kind == BIND_NAT_SOURCE) return (uint16_t)one->iface;
    return facts && one->kind == PBC_NAT_FORWARD ? facts_way(facts->target_out, b->nat) : IFACE_NONE;
}

uint16_t nat_mss(const struct nat *n, const struct flow_bind *b) { return n->p->nats[b->nat].mss; }
