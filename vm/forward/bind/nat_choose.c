/* Choice of an address and a port for a new flow (nat.h) */
#include <string.h>

#include "vm/flow/table/flow_table.h"
#include "vm/forward/bind/nat.h"
#include "vm/forward/bind/nat_priv.h"
#include "vm/forward/bind/routed.h"
#include "vm/forward/service.h"
#include "vm/judge/ways.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"

/* Return the class of ports or identifiers that the packet's source is taken from; MAP_CLASSES: none. */
static enum map_class source_class(const struct key *key)
{
    if (key->kind & KIND_PORTS && key->kind & KIND_TCP) return MAP_TCP;
    if (key->kind & KIND_PORTS && key->kind & KIND_UDP) return MAP_UDP;
    if (!(key->kind & KIND_ICMP_HEADER)) return MAP_CLASSES;
    if (key->kind & KIND_ICMP6) return key->icmp_type == ICMP6_ECHO ? MAP_ICMP : MAP_CLASSES;
    const bool later = key->icmp_type >= ICMP4_TIMESTAMP && key->icmp_type <= ICMP4_MASK_REPLY;
    return key->icmp_type == ICMP4_ECHO || (later && key->icmp_type % 2) ? MAP_ICMP : MAP_CLASSES;
}

static struct map_end map_end_of(const struct key *key, const uint32_t addr[4], uint16_t port)
{
    struct map_end e = {.port = port, .class = (uint8_t)source_class(key), .v6 = family_of(key) == 6};
    memcpy(e.addr, addr, sizeof e.addr);
    return e;
}

/* Write the address at the same place in the other prefix. */
static void mapped_to(const uint32_t prefix[4], unsigned len, const uint32_t addr[4], uint32_t to[4])
{
    for (unsigned w = 0; w < 4; w++) {
        const unsigned here = len < 32 ? len : 32;
        to[w] = here == 32 ? prefix[w] : prefix[w] | (addr[w] & UINT32_MAX >> here);
        len -= here;
    }
}

/* Find the new destination by statements only, without mappings. Ports that it does not translate stay in *t. */
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

/* True if the packet can be translated at all. */
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

/* True if a statement draws from the further ports of this machine's address, because it names no ports. */
static bool takes_more(const struct pbc_nat *one, uint8_t class)
{
    return one->kind == PBC_NAT_MASQUERADE && !(one->flags & PBC_NAT_QUERIES) && class != MAP_ICMP;
}

/* Translate the destination, if it is an outside end: to a forward's target, or to the owner of the mapping, which must
 * be in the same VLAN stack (a flow has only one). */
static bool turn_destination(struct nat *n, const struct key *key, uint16_t stack, bool look, struct flow_bind *b)
{
    struct turned t = {.dst_port = b->to_dst_port};
    if (turned(n->p, key, &t)) {
        memcpy(b->to_dst, t.dst, sizeof b->to_dst);
        b->to_dst_port = t.dst_port;
        b->nat = (uint16_t)t.nat;
        return true;
    }
    if (source_class(key) > MAP_UDP) return false;
    const struct map_end outside = map_end_of(key, key->dst, key->dst_port);
    const int32_t i = mapping_by_outside(n->mappings, &outside);
    if (i == MAPPING_NONE) return false;
    const struct mapping *m = mapping_at(n->mappings, i);
    if (m->stack != stack) return false;
    /* A lower port always belongs to this machine, because a socket may begin to listen there. */
    if (m->nat < n->p->nats_count && takes_more(&n->p->nats[m->nat], outside.class) &&
        outside.port < n->p->nats[m->nat].port_lo)
        return false;
    memcpy(b->to_dst, m->inside.addr, sizeof b->to_dst);
    b->to_dst_port = m->inside.port;
    b->nat = m->nat;
    b->flags |= BIND_HOLDS_DST;
    if (!look) mapping_hold(n->mappings, i);
    return true;
}

/* Set the part of this machine's own ports that translation shares with its own connections. */
static void share_ports(struct map_room *room, const struct facts_ports *host)
{
    const uint16_t lo = host->kept_lo > room->lo ? host->kept_lo : room->lo,
                   hi = host->kept_hi < room->hi ? host->kept_hi : room->hi;
    room->last_lo = host->chosen_lo;
    room->last_hi = host->chosen_hi;
    room->withheld = host->kept_hi && lo <= hi ? (uint16_t)(hi - lo + 1) : 0;
}

/* Return the room of a statement at an outside address: ports of its ranges; all identifiers, unless it names some. */
static struct map_room room_of(const struct nat *n, const struct pbc_nat *one, uint32_t space, uint8_t class,
                               const uint32_t outside[4])
{
    const bool ids = class == MAP_ICMP;
    struct map_room room = {.outside = outside, .space = space, .lo = one->port_lo, .hi = one->port_hi};
    if (ids && !(one->flags & PBC_NAT_QUERIES)) {
        room.lo = 0;
        room.hi = UINT16_MAX;
        return room;
    }
    if (!ids && one->kind == PBC_NAT_MASQUERADE && n->facts) share_ports(&room, &n->facts->ports);
    if (!one->port_count) return room;
    room.ranges = n->p->ranges + one->ports;
    room.range_count = one->port_count;
    room.withheld = (uint16_t)(room.hi - room.lo + 1);
    for (uint32_t i = 0; i < room.range_count; i++)
        room.withheld = (uint16_t)(room.withheld - (room.ranges[i].hi - room.ranges[i].lo + 1));
    return room;
}

static uint32_t further_ports(const struct nat *n)
{
    uint32_t has = 0;
    for (unsigned i = 0; i < n->more_count; i++) has += n->more[i].hi - n->more[i].lo + 1;
    return has;
}

/* Change the room to the further ports. */
static void take_further(const struct nat *n, struct map_room *room)
{
    const uint32_t before = (uint32_t)room->hi - room->lo + 1 - room->withheld;
    *room = (struct map_room){.outside = room->outside,
                              .space = room->space,
                              .lo = (uint16_t)n->more[0].lo,
                              .hi = (uint16_t)n->more[n->more_count - 1].hi,
                              .ranges = n->more,
                              .range_count = n->more_count,
                              .asks_on = room->asks_on,
                              .further = before};
    room->withheld = (uint16_t)(room->hi - room->lo + 1u - further_ports(n));
}

/* Find the mapping for that source, and make it unless `look`; false: no port. */
static bool take_mapping(struct nat *n, const struct nat_asker *of, uint32_t at, uint32_t space, bool look,
                         struct flow_bind *b)
{
    const struct key *key = of->key;
    const uint16_t stack = of->stack;
    const struct pbc_nat *one = &n->p->nats[at];
    const struct map_end inside = map_end_of(key, key->src, b->to_src_port);
    struct map_room room = room_of(n, one, space, inside.class, b->to_src);
    room.asks_on = of->asks_on;
    room.goes_on = n->more_count && takes_more(one, inside.class);
    if (room.goes_on) room.further = further_ports(n);
    int32_t i = mapping_by_inside(n->mappings, &inside, stack, b->to_src);
    b->to_src_port = 0;
    if (i == MAPPING_NONE && look) return true;
    if (i != MAPPING_NONE && !look)
        mapping_hold(n->mappings, i);
    else if (i == MAPPING_NONE)
        i = mapping_add(n->mappings, &inside, stack, &room);
    if (i == MAPPING_NONE && room.goes_on) {
        take_further(n, &room);
        i = mapping_add(n->mappings, &inside, stack, &room);
    }
    if (i == MAPPING_NONE) return false;
    struct mapping *m = mapping_at(n->mappings, i);
    b->to_src_port = m->outside.port;
    b->flags |= BIND_HOLDS_SRC;
    if (!look) m->nat = (uint16_t)at;
    return true;
}

/* Return the space of a client's outside address: always the same one of the statement (RFC 4787, REQ-2: paired), on
 * every machine with that hash key. */
static uint32_t space_of_client(const struct nat *n, uint32_t at, const struct key *key)
{
    const struct statement_spaces *s = &n->spaces[at];
    struct lb_flow f = {.family = family_of(key)};
    if (s->count == 1) return n->written[s->first];
    memcpy(f.src, key->src, sizeof f.src);
    return n->written[s->first + (uint32_t)((lb_hash_source(n->key, &f) >> 32) * s->count >> 32)];
}

bool nat_is_own(const struct nat *n, uint8_t family, const uint32_t addr[4])
{
    return n->facts && facts_have_self(n->facts) && sides_of(n->facts, family, addr, addr) & KIND_SRC_SELF;
}

/* Return the space of this machine's address on the statement's way out. way: outgoing interface, for a statement of
 * several interfaces. SPACE_NONE: no address is known there. */
static uint32_t space_of_way(const struct nat *n, uint32_t at, uint16_t way, bool v6)
{
    const struct outsides *o = &n->outsides;
    uint32_t i = n->spaces[at].first;
    if (n->p->nats[at].iface == PBC_NONE) i = way == IFACE_NONE ? o->ways : outsides_way(o, way);
    return i < o->ways ? o->way[i].own[v6] : SPACE_NONE;
}

/* Translate the source by statement `at`. way: as for space_of_way */
static enum nat_fate port_leave(struct nat *n, const struct nat_asker *of, uint32_t at, uint16_t way, bool look,
                                struct flow_bind *b)
{
    const struct key *key = of->key;
    const struct pbc_nat *one = &n->p->nats[at];
    b->nat = (uint16_t)at;
    if (one->kind == PBC_NAT_MAP) {
        mapped_to(one->to, one->len, key->src, b->to_src);
        if (!nat_is_own(n, family_of(key), b->to_src)) return NAT_BOUND;
        n->counters.no_address += !look && !of->asks_on;
        return NAT_NO_PORT;
    }
    const bool written = one->kind == PBC_NAT_SOURCE;
    const uint32_t space = written ? space_of_client(n, at, key) : space_of_way(n, at, way, family_of(key) == 6);
    if (space == SPACE_NONE) {
        n->counters.no_address += !look && !of->asks_on;
        return NAT_NO_PORT;
    }
    memcpy(b->to_src, n->outsides.all[space].addr, sizeof b->to_src);
    if (source_class(key) == MAP_CLASSES) return NAT_BOUND;
    return take_mapping(n, of, at, space, look, b) ? NAT_BOUND : NAT_NO_PORT;
}

/* Begin a binding with the packet's own ends. */
static void binding_begin(const struct key *key, uint16_t query, struct flow_bind *b)
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

/* Undo the mapping that was begun, and return `fate`. */
static enum nat_fate give_up(struct nat *n, const struct key *key, bool look, struct flow_bind *b, enum nat_fate fate)
{
    if (!look && b->flags & BIND_HOLDS_DST) {
        const struct map_end outside = map_end_of(key, key->dst, key->dst_port);
        mapping_drop(n->mappings, mapping_by_outside(n->mappings, &outside));
    }
    b->flags = 0;
    return fate;
}

void nat_lead_to(struct key *key, const struct flow_bind *b)
{
    memcpy(key->dst, b->to_dst, sizeof key->dst);
    if (key->kind & KIND_PORTS) key->dst_port = b->to_dst_port;
    key->kind &= ~(uint32_t)KIND_DST_SELF;
}

enum nat_fate nat_choose(struct nat *n, struct nat_asker *of, bool look, struct flow_bind *b)
{
    const struct key *key = of->key;
    if (!may_translate(key)) return NAT_NOTHING;
    binding_begin(key, of->query, b);
    const bool in = !of->routed && turn_destination(n, key, of->stack, look, b);
    if (!in && key->kind & KIND_DST_SELF) return NAT_NOTHING;
    struct key there = *key;
    if (in) nat_lead_to(&there, b);
    struct nat_leaving leaving = {.key = &there, .pkt = of->pkt, .facts = n->facts, .turned = in, .routed = of->routed};
    const uint32_t out = nat_statement_out(n->p, &leaving);
    const uint16_t way = leaving.way.out ? leaving.way.iface : IFACE_NONE;
    of->why = leaving.blind      ? WAY_ARRIVAL
              : !leaving.unknown ? WAY_KNOWN
              : leaving.unmarked ? WAY_MARK
                                 : leaving.way.why;
    if (!in && out == PBC_NONE) return leaving.unknown ? NAT_UNKNOWN : NAT_NOTHING;
    if (in && leaving.unknown && (of->live || !leaving.untold)) return give_up(n, key, look, b, NAT_NO_WAY);
    if (in) b->kind = out == PBC_NONE ? BIND_NAT_FORWARD : BIND_NAT_BOTH;
    if (out != PBC_NONE && port_leave(n, of, out, way, look, b) != NAT_BOUND)
        return give_up(n, key, look, b, NAT_NO_PORT);
    if (look) return NAT_BOUND;
    n->counters.out += !in;
    n->counters.in += in && out == PBC_NONE;
    n->counters.hairpins += in && out != PBC_NONE;
    return NAT_BOUND;
}

/* Return the room from which the statement b->nat gives the packet a port at b->to_src. */
static struct map_room room_at(const struct nat *n, const struct key *key, const struct flow_bind *b)
{
    return room_of(n, &n->p->nats[b->nat], outside_space(&n->outsides, b->to_src, family_of(key)),
                   (uint8_t)source_class(key), b->to_src);
}

/* Return the packet's source, as mappings have it. */
static struct map_end inside_of(const struct nat_asker *of)
{
    return map_end_of(of->key, of->key->src, of->key->kind & KIND_PORTS ? of->key->src_port : of->query);
}

/* Spares the packet's own target (a hairpin). */
int32_t nat_draw(struct nat *n, const struct nat_asker *of, uint64_t random, struct flow_bind *b)
{
    const struct map_end inside = inside_of(of);
    if (n->p->nats[b->nat].kind == PBC_NAT_MAP || inside.class == MAP_CLASSES) return FLOW_NONE;
    const struct map_room room = room_at(n, of->key, b);
    if (room.space == SPACE_NONE) return FLOW_NONE;
    const int32_t i = mapping_draw(n->mappings, &inside, &room, random, &b->to_src_port);
    if (i == MAPPING_NONE) return FLOW_NONE;
    const struct mapping *m = mapping_at(n->mappings, i);
    const bool target = b->to_src_port == of->key->dst_port && address_equal(b->to_src, of->key->dst);
    return m->users == 1 && !target ? m->holder : FLOW_NONE;
}

bool nat_is_short(const struct nat *n, const struct flow_bind *b)
{
    return b->flags & BIND_HOLDS_SRC && mappings_are_short(n->mappings);
}

enum nat_fate nat_tell(struct nat *n, struct nat_asker *of, struct flow_bind *b)
{
    const struct key *key = of->key;
    const enum nat_fate fate = nat_choose(n, of, true, b);
    if (fate != NAT_BOUND) return fate;
    const struct pbc_nat *one = &n->p->nats[b->nat];
    const bool draws = one->kind == PBC_NAT_MASQUERADE || one->kind == PBC_NAT_SOURCE;
    if (!draws || b->flags & BIND_HOLDS_SRC || source_class(key) == MAP_CLASSES) return NAT_BOUND;
    const struct map_end inside = inside_of(of);
    const struct map_room room = room_at(n, key, b);
    return mapping_may_add(n->mappings, &inside, &room, &b->to_src_port) ? NAT_BOUND : NAT_NO_PORT;
}
