/* The worker that a packet belongs to, see owner.h */
#include "vm/worker/owner.h"

#include <stdlib.h>
#include <string.h>

#include "vm/flow/inquiry.h"
#include "vm/flow/track/track.h"
#include "vm/forward/bind/ports.h"
#include "vm/judge/decide.h"
#include "vm/keyed/archive.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/fragment.h"
#include "vm/packet/parse/read.h"
#include "vm/worker/guests.h"

/* A map of a nat */
struct map_range {
    struct address_range out; /* must be the first member, because address_by_lo compares it */
    uint32_t inside[4], mask[4];
};

struct owners {
    struct program *p;
    struct owners_cfg cfg;
    struct owner_key key;
    struct roles *roles;
    struct whose_tables tables;
    bool need_restart;
    struct map_range *maps; /* maps of nats, sorted by outside address */
    uint32_t maps_count;
    const struct pbc_rule **opens; /* one rule for each tunnel kind and port that rules open */
    uint32_t opens_count;
    struct guests *guests; /* NULL: each flow is at the worker of its port */
};

/* Inputs of the decision, with its tables */
struct asked {
    const struct whose_tables *tables;
    const struct facts *facts;
    const struct port_owners *ports; /* NULL: each worker has its slice */
};
#define WHOSE_T                const struct asked *
#define WHOSE_NUMBERS(t)       (&(t)->tables->numbers)
#define WHOSE_SLOT(t, i)       ((t)->tables->roles->slots[i])
#define WHOSE_ADDRESS(t, i)    (&(t)->tables->roles->addresses[i])
#define WHOSE_PART(t, i)       (&(t)->tables->roles->parts[i])
#define WHOSE_MASQUERADE(t, i) (&(t)->tables->roles->masquerades[i])
#define WHOSE_ANY(t, i)        (&(t)->tables->anys[i])
#define WHOSE_FROM4(t, i)      (&(t)->tables->froms4[i])
#define WHOSE_FROM6(t, i)      (&(t)->tables->froms6[i])
#define WHOSE_MASQUERADES_MOST UINT32_MAX
#define WHOSE_ANYS_MOST        UINT32_MAX
#define WHOSE_HALVINGS         32

/* True if this machine has that address for traffic that leaves by the interface. */
static bool whose_ours(const struct asked *t, uint16_t out, bool v6, uint64_t high, uint64_t low)
{
    uint32_t own[4];
    return facts_address(t->facts, out, v6, own) && whose_high(own) == high && whose_low(own) == low;
}

static bool whose_taken(const struct asked *t, uint16_t port) { return t->ports && port_entry(t->ports, port); }

#include "vm/worker/whose_owner.h"

struct owner_key owner_key_of(const struct pbc_meter *meters, uint32_t meters_count, const struct pbc_grain *grains,
                              uint32_t grains_count, const struct pbc_service *services, uint32_t services_count,
                              uint32_t flags)
{
    struct owner_key k = {.len4 = 32, .len6 = 128, .ports = !(flags & PBC_COUNTS_FLOWS)};
    for (uint32_t i = 0; i < meters_count; i++) {
        if (meters[i].per != PBC_PER_SOURCE) continue;
        k.ports = false;
        if (meters[i].len4 < k.len4) k.len4 = meters[i].len4;
        if (meters[i].len6 < k.len6) k.len6 = meters[i].len6;
    }
    for (uint32_t i = 0; i < grains_count; i++) {
        if (grains[i].len4 < k.len4) k.len4 = grains[i].len4;
        if (grains[i].len6 < k.len6) k.len6 = grains[i].len6;
    }
    for (uint32_t i = 0; i < services_count; i++)
        if (services[i].affinity_ns || services[i].max_flows_per_source) k.ports = false;
    return k;
}

/* Return the greatest number of ranges of sources. */
static size_t count_froms(const struct program *p)
{
    size_t count = 0;
    for (uint32_t i = 0; i < p->nats_count; i++) count += address_ranges(p, p->nats[i].from, p->nats[i].from_count);
    return count;
}

/* Put the sources that nats translate into `ranges`, sorted and disjoint, and statements for any source into
 * t->anys. Return the number of ranges. A statement for any source that leaves by several interfaces defines no
 * inside: packets that it leaves untouched go either way. */
static size_t find_froms(struct whose_tables *t, const struct program *p, struct address_range *ranges)
{
    size_t count = 0;
    for (uint32_t i = 0; i < p->nats_count; i++) {
        const struct pbc_nat *n = &p->nats[i];
        if (n->kind == PBC_NAT_FORWARD || n->kind == PBC_NAT_MAP) continue;
        if (!n->from_count && n->iface != PBC_NONE)
            t->anys[t->numbers.anys++] = (struct whose_any){.out = (uint16_t)n->iface, .family = n->family};
        struct address_walk w = address_walk(p, n->from, n->from_count, n->family);
        while (address_next(&w, &ranges[count])) count++;
    }
    return address_join(ranges, count);
}

static bool list_froms(struct whose_tables *t, const struct program *p)
{
    const size_t most = count_froms(p) + 1;
    struct address_range *ranges = calloc(most, sizeof *ranges);
    t->anys = calloc((size_t)p->nats_count + 1, sizeof *t->anys);
    t->froms4 = calloc(most, sizeof *t->froms4);
    t->froms6 = calloc(most, sizeof *t->froms6);
    const bool good = ranges && t->anys && t->froms4 && t->froms6;
    const size_t count = good ? find_froms(t, p, ranges) : 0;
    for (size_t i = 0; i < count; i++) {
        const struct address_range *r = &ranges[i];
        if (r->family == 4)
            t->froms4[t->numbers.froms4++] = (struct whose_from4){r->lo[0], r->hi[0]};
        else
            t->froms6[t->numbers.froms6++] =
                (struct whose_from6){whose_high(r->lo), whose_low(r->lo), whose_high(r->hi), whose_low(r->hi)};
    }
    free(ranges);
    return good;
}

static bool make_tables(struct owners *o, const struct program *p)
{
    struct whose *w = &o->tables.numbers;
    o->tables.roles = o->roles;
    w->workers = o->cfg.workers;
    w->mask = o->roles->mask;
    w->masquerades = o->roles->masquerades_count;
    w->len4 = o->key.len4;
    w->len6 = o->key.len6;
    w->ports = o->key.ports;
    hash_key_init(&w->hash, o->cfg.seed);
    return list_froms(&o->tables, p);
}

static bool is_listed(const struct owners *o, const struct pbc_rule *r)
{
    for (uint32_t i = 0; i < o->opens_count; i++)
        if (o->opens[i]->verdict == r->verdict && o->opens[i]->port == r->port) return true;
    return false;
}

static bool list_opens(struct owners *o, const struct program *p)
{
    if (!(p->meta->flags & PBC_OPENS)) return true;
    o->opens = calloc((size_t)p->rules_count + 1, sizeof *o->opens);
    for (uint32_t i = 0; o->opens && i < p->rules_count; i++)
        if (verdict_is(p->rules[i].verdict, VERDICT_OPENS) && !is_listed(o, &p->rules[i]))
            o->opens[o->opens_count++] = &p->rules[i];
    return o->opens;
}

/* List the program's maps. A map that a reload removes is not kept: with several workers, its flows may find another
 * owner. */
static bool list_maps(struct owners *o, const struct program *p)
{
    o->maps = calloc((size_t)p->nats_count + 1, sizeof *o->maps);
    for (uint32_t i = 0; o->maps && i < p->nats_count; i++) {
        const struct pbc_nat *n = &p->nats[i];
        if (n->kind != PBC_NAT_MAP) continue;
        struct map_range *m = &o->maps[o->maps_count++];
        m->out = address_prefix(n->to, n->len, n->family);
        memcpy(m->inside, n->target, sizeof m->inside);
        for (unsigned w = 0; w < 4; w++) m->mask[w] = ~(m->out.lo[w] ^ m->out.hi[w]);
    }
    if (o->maps_count > 1) qsort(o->maps, o->maps_count, sizeof *o->maps, address_by_lo);
    return o->maps;
}

/* True if connections of the wire go on to servers of pools, or connections of the inline stack to targets that
 * their clients name: no table shows to whom such a packet replies. */
static bool leads_inline(const struct program *p)
{
    for (uint32_t i = 0; i < p->branches_count; i++) {
        const struct pbc_branch *b = &p->branches[i];
        const unsigned mode = p->services[b->service].mode;
        if (mode_is(mode, MODE_INLINE) && branch_shares(b)) return true;
        if (mode_is(mode, MODE_INLINE_STACK) && branch_goes(b) == PBC_GOES_TARGET) return true;
    }
    return false;
}

/* True if each worker's slice has a port of the statement. */
static bool all_draw(const struct program *p, const struct pbc_nat *n, unsigned workers)
{
    enum { BLOCKS = 65536 / 64 };
    bool has[BLOCKS] = {false};
    const struct pbc_range alone = {n->port_lo, n->port_hi}, *r = n->port_count ? p->ranges + n->ports : &alone;
    unsigned count = 0;
    if (n->kind != PBC_NAT_MASQUERADE && n->kind != PBC_NAT_SOURCE) return true;
    for (uint32_t i = 0; i < (n->port_count ? n->port_count : 1); i++)
        for (uint32_t block = r[i].lo / 64; block <= r[i].hi / 64; block++)
            has[port_slice((uint16_t)(block * 64), workers)] = true;
    for (unsigned i = 0; i < workers && i < BLOCKS; i++) count += has[i];
    return count == workers;
}

const struct pbc_nat *owners_too_narrow(const struct program *p, unsigned workers)
{
    const struct pbc_nat *narrow = NULL;
    for (uint32_t i = 0; i < p->nats_count && !narrow && !ports_are_lent(p); i++)
        if (!all_draw(p, &p->nats[i], workers)) narrow = &p->nats[i];
    return narrow;
}

static struct owner_key key_wanted(const struct program *p)
{
    if (leads_inline(p)) return (struct owner_key){.len4 = 0, .len6 = 0, .ports = false};
    return owner_key_of(p->meters, p->meters_count, p->grains, p->grains_count, p->services, p->services_count,
                        p->meta->flags);
}

/* Make the owners, which take over the roles (NULL: out of memory). */
static struct owners *owners_make(struct program *p, const struct owners_cfg *cfg, const struct owner_key *key,
                                  struct roles *roles)
{
    const struct owner_key wanted = key_wanted(p);
    struct owners *o = calloc(1, sizeof *o);
    if (!o) {
        roles_free(roles);
        return NULL;
    }
    o->cfg = *cfg;
    o->key = key ? *key : wanted;
    o->need_restart = wanted.len4 < o->key.len4 || wanted.len6 < o->key.len6 || wanted.ports < o->key.ports;
    o->roles = roles;
    o->p = program_get(p);
    if (o->roles && make_tables(o, p) && list_opens(o, p) && list_maps(o, p)) return o;
    owners_free(o);
    return NULL;
}

struct owners *owners_new(struct program *p, const struct owners_cfg *cfg, const struct owners *before, uint64_t now_ns)
{
    struct owners *o = owners_make(p, before ? &before->cfg : cfg, before ? &before->key : NULL,
                                   roles_new(p, before ? before->roles : NULL, now_ns));
    if (o && before) o->guests = guests_get(before->guests);
    return o;
}

void owners_write(const struct owners *o, struct archive *a)
{
    uint8_t key[3] = {o->key.len4, o->key.len6, o->key.ports};
    ARCHIVE(a, key);
    roles_write(o->roles, o->p, a);
    if (guests_count(o->guests)) guests_archive(o->guests, a, o->cfg.workers); /* else nothing, as in old versions */
}

static struct owners *owners_sound(struct owners *o, const struct archive *a)
{
    if (o && !a->bad) return o;
    owners_free(o);
    return NULL;
}

struct owners *owners_read(struct program *p, const struct owners_cfg *cfg, struct archive *a)
{
    uint8_t said[3];
    if (!ARCHIVE(a, said) || !archive_sound(a, said[0] <= 32 && said[1] <= 128 && said[2] <= 1)) return NULL;
    const struct owner_key key = {said[0], said[1], said[2]};
    struct owners *o = owners_make(p, cfg, &key, roles_read(p, a));
    if (!o || !a->left) return owners_sound(o, a);
    o->guests = guests_new(cfg->seed);
    archive_sound(a, o->guests && guests_archive(o->guests, a, UINT8_MAX + 1));
    return owners_sound(o, a);
}

void owners_free(struct owners *o)
{
    if (!o) return;
    program_put(o->p);
    roles_free(o->roles);
    free(o->tables.anys);
    free(o->tables.froms4);
    free(o->tables.froms6);
    free(o->opens);
    free(o->maps);
    guests_put(o->guests);
    free(o);
}

void owners_guests(struct owners *o, struct guests *guests)
{
    guests_put(o->guests);
    o->guests = guests_get(guests);
}

bool owners_by_ends(const struct owners *o) { return !o->opens_count; }
bool owners_need_restart(const struct owners *o) { return o->need_restart; }
bool owners_part_answers(const struct owners *o) { return leads_inline(o->p) && (o->key.len4 || o->key.len6); }

const struct whose_tables *owners_tables(const struct owners *o)
{
    return o->opens_count || o->maps_count ? NULL : &o->tables;
}

/* Make a view of the inner packet, if some rule may open the tunnel. False: none. */
static bool inner_of(const struct owners *o, const struct pkt *pkt, const struct key *key, struct pkt *inner)
{
    struct tunnel_inner in;
    for (uint32_t i = 0; i < o->opens_count; i++) {
        const struct pbc_rule *r = o->opens[i];
        const enum tunnel_kind kind = verdict_is(r->verdict, VERDICT_TAKES_PORT) ? TUNNEL_GUE : TUNNEL_IPIP;
        if (!tunnel_inner(pkt, key, kind, r->port, &in) || in.at >= pkt->head_len) continue;
        const uint32_t there = pkt->head_len - in.at;
        pkt_view(inner, pkt->data + in.at, there < in.len ? there : in.len, in.len, in.v6 ? LINK_IP6 : LINK_IP4,
                 pkt->iface);
        return true;
    }
    return false;
}

static enum role_proto proto_of(const struct key *key)
{
    if (flow_query(key) != FLOW_QUERY_NONE) return ROLE_QUERY;
    if (!(key->kind & KIND_PORTS)) return ROLE_OTHER;
    if (key->kind & KIND_TCP) return ROLE_TCP;
    return key->kind & KIND_UDP ? ROLE_UDP : ROLE_SCTP;
}

/* Describe the packet's conversation. turned: that of a reply to the packet. */
static void talk_of(const struct key *key, uint16_t query, uint16_t iface, bool turned, struct whose_talk *s)
{
    *s = (struct whose_talk){.iface = iface, .family = key->kind & KIND_IP4 ? 4 : 6, .proto = (uint8_t)proto_of(key)};
    memcpy(s->addr[turned], key->src, sizeof s->addr[0]);
    memcpy(s->addr[!turned], key->dst, sizeof s->addr[0]);
    s->asked = 3;
    if (s->proto == ROLE_QUERY) {
        s->port[0] = s->port[1] = query;
        s->asked = (flow_query(key) == FLOW_QUERY_ASKS) != turned ? 2 : 1;
    } else if (key->kind & KIND_PORTS) {
        s->port[turned] = key->src_port;
        s->port[!turned] = key->dst_port;
    }
}

/* Return the map with that outside address; NULL: none. */
static const struct map_range *map_of(const struct owners *o, unsigned family, const uint32_t addr[4])
{
    uint32_t lo = 0, hi = o->maps_count;
    while (lo < hi) { /* finds the last map that begins at or before the address */
        const uint32_t mid = lo + (hi - lo) / 2;
        if (address_order(o->maps[mid].out.family, o->maps[mid].out.lo, (uint8_t)family, addr) > 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    const struct map_range *m = lo ? &o->maps[lo - 1] : NULL;
    return m && address_order((uint8_t)family, addr, m->out.family, m->out.hi) <= 0 ? m : NULL;
}

/* Replace an outside address of a map by its inside one, unless a service has it: then both identify one conversation.
 * Return the mapped sides as bits 1 and 2. */
static unsigned settle_mapped(const struct owners *o, const struct asked *t, struct whose_talk *s)
{
    unsigned settled = 0;
    for (unsigned i = 0; i < 2; i++) {
        const struct map_range *m = s->own[i] ? NULL : map_of(o, s->family, s->addr[i]);
        if (!m || whose_has(t, s, i, ROLE_SERVICE)) continue;
        for (unsigned w = 0; w < 4; w++) s->addr[i][w] = m->inside[w] | (s->addr[i][w] & ~m->mask[w]);
        s->role[i] = whose_find(t, s->family, whose_high(s->addr[i]), whose_low(s->addr[i]));
        settled |= 1u << i;
    }
    return settled;
}

static bool is_mapped_inside(const struct owners *o, unsigned family, const uint32_t addr[4])
{
    bool inside = false;
    for (uint32_t i = 0; i < o->maps_count && !inside; i++) {
        const struct map_range *m = &o->maps[i];
        inside = m->out.family == family;
        for (unsigned w = 0; w < 4; w++) inside &= (addr[w] & m->mask[w]) == m->inside[w];
    }
    return inside;
}

/* True if an unmapped inside host reaches a mapped one's outside address by a protocol without a mapping, from this
 * machine's address. A reply shows that address and the mapped host, which identifies both. through: mapped side. */
static bool turns_back(const struct owners *o, const struct asked *t, const struct whose_talk *s, unsigned through)
{
    if (whose_mapped(s) || is_mapped_inside(o, s->family, s->addr[!through])) return false;
    for (unsigned i = 0; i < 2; i++)
        if (s->own[i] || whose_service(t, s, i) || whose_outside(t, s, i) || whose_server(t, s, i) ||
            whose_kept(t, s, i) || !whose_inside(t, s, i))
            return false;
    return true;
}

/* True for packets of DHCP, DHCPv6 and router solicitation. A reply to a group, from an address that was not asked,
 * or to one that is not yet this machine's, belongs to no flow. Such a reply is for the worker that saw the
 * question. */
static bool is_inquiry(const struct key *key)
{
    if (key->kind & KIND_UDP) return key_is_dhcp(key);
    return key->kind & (KIND_IN | KIND_OUT) && inquiry_may_be(key);
}

/* Return the worker that has a flow with those ends, of a port that no single worker has; negative: none. */
static int guest_of(const struct owners *o, const struct asked *t, const struct whose_talk *s)
{
    int worker = -1;
    for (unsigned side = 0; side < 2 && worker < 0; side++) {
        const uint32_t entry = o->cfg.ports ? port_entry(o->cfg.ports, s->port[side]) : 0;
        struct guest ends = {.port = s->port[side], .other_port = s->port[!side], .proto = s->proto};
        if ((entry && !port_is_shared(entry)) || !whose_outside(t, s, side)) continue;
        ends.v6 = s->family == 6;
        memcpy(ends.own, s->addr[side], sizeof ends.own);
        memcpy(ends.other, s->addr[!side], sizeof ends.other);
        worker = guests_find(o->guests, &ends);
    }
    return worker < (int)o->cfg.workers ? worker : -1; /* guests may come from another process */
}

/* True for a service's packets, and for its servers' packets to addresses other than this machine's. */
static bool is_serviced(const struct asked *t, const struct whose_talk *s)
{
    return whose_service(t, s, 0) || whose_service(t, s, 1) || (!s->own[1] && whose_server(t, s, 0));
}

static unsigned owner_of(const struct owners *o, const struct facts *facts, struct whose_talk *s, bool inquiry)
{
    const struct asked t = {&o->tables, facts, o->cfg.ports};
    const uint32_t self = facts_have_self(facts) ? sides_of(facts, s->family, s->addr[0], s->addr[1]) : 0;
    s->own[0] = (self & KIND_SRC_SELF) != 0;
    s->own[1] = (self & KIND_DST_SELF) != 0;
    for (unsigned i = 0; i < 2; i++)
        s->role[i] = whose_find(&t, s->family, whose_high(s->addr[i]), whose_low(s->addr[i]));
    if (inquiry && !is_serviced(&t, s)) return 0;
    const struct whose_talk seen = *s;
    const unsigned settled = o->maps_count ? settle_mapped(o, &t, s) : 0, through = settled >> 1;
    if ((settled == 1 || settled == 2) && turns_back(o, &t, s, through))
        return whose_other(&o->tables.numbers, s, !through);
    const unsigned owner = whose_owner(&t, s);
    if (!(owner & WHOSE_OF_PORT)) return owner;
    const int guest = guests_count(o->guests) ? guest_of(o, &t, &seen) : -1;
    return guest < 0 ? VM_OWNER_OF_PORT | (owner & UINT16_MAX) : VM_OWNER_GUEST | (unsigned)guest;
}

/* Return the owner. An error belongs to the owner of a reply to the packet that it quotes. */
static unsigned by_key(const struct owners *o, const struct facts *facts, const struct pkt *pkt, const struct key *key)
{
    struct whose_talk s;
    struct quoted q;
    if (key->kind & (KIND_ICMP | KIND_ICMP6) && icmp_is_error(key) && quoted_read(pkt, key, &q))
        talk_of(&q.key, q.query, key->iface, true, &s);
    else
        talk_of(key, flow_query(key) != FLOW_QUERY_NONE ? icmp_query_read(pkt) : 0, key->iface, false, &s);
    return owner_of(o, facts, &s, is_inquiry(key));
}

static unsigned by_datagram(const struct owners *o, const struct key *key, const struct fragment *f)
{
    struct whose_fragment fragment = {.id = f->id, .proto = key->kind & KIND_IP4 ? key->proto : 0};
    memcpy(fragment.src, key->src, sizeof fragment.src);
    memcpy(fragment.dst, key->dst, sizeof fragment.dst);
    return whose_datagram(&o->tables.numbers, &fragment);
}

static unsigned whole_or_port(const struct owners *o, const struct facts *facts, const struct pkt *pkt,
                              const struct key *key)
{
    struct pkt inner;
    struct key inner_key;
    if (!o->opens_count || key->kind & KIND_FRAGMENT || !inner_of(o, pkt, key, &inner))
        return by_key(o, facts, pkt, key);
    if (pkt_parse(&inner, facts, &inner_key) != REASON_NONE) return by_key(o, facts, pkt, key);
    return by_key(o, facts, &inner, &inner_key);
}

unsigned owners_of_port(const struct owners *o, uint16_t port)
{
    return port_owner(o->cfg.ports ? port_entry(o->cfg.ports, port) : 0, port, o->cfg.workers);
}

static unsigned owner_settled(const struct owners *o, unsigned owner)
{
    return owner & VM_OWNER_OF_PORT ? owners_of_port(o, (uint16_t)owner) : owner & ~VM_OWNER_GUEST;
}

unsigned owner_of_ends(const struct owners *o, const struct facts *facts, const struct owner_ends *e)
{
    const struct key ports = {.kind =
                                  KIND_PORTS | (e->proto == ROLE_UDP ? KIND_UDP : 0) | (e->v6 ? KIND_IP6 : KIND_IP4),
                              .src_port = e->src_port,
                              .dst_port = e->dst_port};
    struct whose_talk s = {.iface = e->iface,
                           .family = e->v6 ? 6 : 4,
                           .proto = e->proto,
                           .asked = e->proto != ROLE_QUERY ? 3
                                    : e->answers           ? 1
                                                           : 2,
                           .port = {e->src_port, e->dst_port}};
    memcpy(s.addr[0], e->src, sizeof s.addr[0]);
    memcpy(s.addr[1], e->dst, sizeof s.addr[1]);
    return owner_of(o, facts, &s, key_is_dhcp(&ports));
}

unsigned owner_of_client(const struct owners *o, const uint32_t addr[4], uint16_t port, uint8_t proto, bool v6)
{
    struct whose_talk s = {.family = v6 ? 6 : 4, .proto = proto, .port = {port}};
    memcpy(s.addr[0], addr, sizeof s.addr[0]);
    return whose_client(&o->tables.numbers, &s, 0);
}

bool owners_port_is_apart(const struct owners *o, uint16_t port, unsigned worker)
{
    const uint32_t entry = o->cfg.ports ? port_entry(o->cfg.ports, port) : 0;
    return port_is_shared(entry) || (!entry && owners_of_port(o, port) != worker);
}

bool owners_know_clients(const struct owners *o) { return !o->key.ports && !o->need_restart; }

unsigned owners_ifaces(const struct owners *o, uint16_t ifaces[OWNER_IFACES])
{
    unsigned n = 0;
    ifaces[n++] = IFACE_NONE;
    for (uint32_t i = 0; i < o->tables.numbers.anys && n < OWNER_IFACES; i++) ifaces[n++] = o->tables.anys[i].out;
    return n;
}

unsigned owner_of_whole(const struct owners *o, const struct facts *facts, const struct pkt *pkt, const struct key *key)
{
    return owner_settled(o, whole_or_port(o, facts, pkt, key));
}

unsigned vm_owner_or_port(const struct owners *o, const struct facts *facts, const struct pkt *pkt,
                          const struct key *key)
{
    struct fragment f;
    if (pkt->reason != REASON_NONE || !(key->kind & KIND_IP)) return 0;
    if (key->kind & KIND_FRAGMENT && fragment_read(pkt, key, &f)) return VM_OWNER_FRAGMENT | by_datagram(o, key, &f);
    return whole_or_port(o, facts, pkt, key);
}

unsigned vm_owner_of(const struct owners *o, const struct facts *facts, const struct pkt *pkt, const struct key *key)
{
    const unsigned owner = vm_owner_or_port(o, facts, pkt, key);
    return owner & VM_OWNER_FRAGMENT ? owner : owner_settled(o, owner);
}

unsigned vm_owner(const struct owners *o, const struct facts *facts, struct pkt *pkt)
{
    struct key key;
    pkt_parse(pkt, facts, &key);
    return vm_owner_of(o, facts, pkt, &key);
}
