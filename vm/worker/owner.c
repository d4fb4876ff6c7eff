/* Which worker a packet belongs to, see owner.h. */
#include "vm/worker/owner.h"

#include <stdlib.h>
#include <string.h>

#include "vm/flow/track.h"
#include "vm/forward/bind/mappings.h"
#include "vm/judge/decide.h"
#include "vm/keyed/hash.h"
#include "vm/packet/edit/tunnel.h"
#include "vm/packet/parse/body.h"
#include "vm/packet/parse/fragment.h"
#include "vm/packet/parse/quoted.h"
#include "vm/packet/parse/sides.h"
#include "vm/worker/roles.h"

struct owners {
    struct program *p;
    struct owners_cfg cfg;
    struct owner_key key;
    struct roles *roles;
    struct hash_key hash;
    bool need_restart, inside;     /* inside: a nat translates sources */
    const struct pbc_rule **opens; /* a rule of each kind of tunnel and port that some rule opens */
    uint32_t opens_count;
};

struct owner_key owner_key_of(const struct pbc_meter *meters, uint32_t meters_count, const struct pbc_service *services,
                              uint32_t services_count, uint32_t flags)
{
    struct owner_key k = {.len4 = 32, .len6 = 128, .ports = !(flags & PBC_COUNTS_FLOWS)};
    for (uint32_t i = 0; i < meters_count; i++) {
        if (meters[i].per != PBC_PER_SOURCE) continue;
        k.ports = false;
        if (meters[i].len4 < k.len4) k.len4 = meters[i].len4;
        if (meters[i].len6 < k.len6) k.len6 = meters[i].len6;
    }
    for (uint32_t i = 0; i < services_count; i++)
        if (services[i].affinity_ns || services[i].max_flows_per_source) k.ports = false;
    return k;
}

static bool translates_sources(const struct program *p)
{
    for (uint32_t i = 0; i < p->nats_count; i++)
        if (p->nats[i].kind != PBC_NAT_FORWARD) return true;
    return false;
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

struct owners *owners_new(struct program *p, const struct owners_cfg *cfg, const struct owners *before, uint64_t now_ns)
{
    struct owners *o = calloc(1, sizeof *o);
    if (!o) return NULL;
    const struct owner_key wanted =
        owner_key_of(p->meters, p->meters_count, p->services, p->services_count, p->meta->flags);
    o->cfg = before ? before->cfg : *cfg;
    o->key = before ? before->key : wanted;
    o->need_restart = wanted.len4 < o->key.len4 || wanted.len6 < o->key.len6 || wanted.ports < o->key.ports;
    o->inside = translates_sources(p);
    o->roles = roles_new(p, before ? before->roles : NULL, now_ns);
    hash_key_init(&o->hash, o->cfg.seed);
    o->p = program_get(p);
    if (o->roles && list_opens(o, p)) return o;
    owners_free(o);
    return NULL;
}

void owners_free(struct owners *o)
{
    if (!o) return;
    program_put(o->p);
    roles_free(o->roles);
    free(o->opens);
    free(o);
}

bool owners_need_restart(const struct owners *o) { return o->need_restart; }

/* ---- the two sides ---- */

/* A conversation, as one packet of it shows it. Side 0 is where that packet came from. */
struct sides {
    struct key key; /* of that packet, or of one that would answer what an error quotes */
    const uint32_t *addr[2];
    uint16_t port[2];
    uint32_t role[2];
    uint8_t family, proto; /* enum role_proto */
    uint8_t asked;         /* of a query: the side that is asked, as 1 << side; else both */
    bool own[2];           /* is the side's address this machine's? */
};
enum { BOTH = 2, NEITHER = 3 };

static enum role_proto proto_of(const struct key *key)
{
    if (flow_query(key) != FLOW_QUERY_NONE) return ROLE_QUERY;
    if (!(key->kind & KIND_PORTS)) return ROLE_OTHER;
    if (key->kind & KIND_TCP) return ROLE_TCP;
    return key->kind & KIND_UDP ? ROLE_UDP : ROLE_SCTP;
}

static void sides_of_key(const struct owners *o, const struct facts *facts, uint16_t query, struct sides *s)
{
    const struct key *key = &s->key;
    s->family = key->kind & KIND_IP4 ? 4 : 6;
    s->proto = (uint8_t)proto_of(key);
    s->addr[0] = key->src;
    s->addr[1] = key->dst;
    s->port[0] = s->proto == ROLE_QUERY ? query : key->kind & KIND_PORTS ? key->src_port : 0;
    s->port[1] = s->proto == ROLE_QUERY ? query : key->kind & KIND_PORTS ? key->dst_port : 0;
    s->asked = s->proto != ROLE_QUERY ? 3 : flow_query(key) == FLOW_QUERY_ASKS ? 2 : 1;
    const uint32_t self = facts_have_self(facts) ? sides_of(facts, s->family, key->src, key->dst) : 0;
    s->own[0] = self & KIND_SRC_SELF;
    s->own[1] = self & KIND_DST_SELF;
    for (unsigned i = 0; i < 2; i++) s->role[i] = role_find(o->roles, s->family, s->addr[i]);
}

/* What an answer to the quoted packet would be: it would come from where the error comes from. */
static void turn_round(const struct key *quoted, uint16_t iface, struct key *key)
{
    *key = *quoted;
    for (unsigned i = 0; i < 4; i++) {
        key->src[i] = quoted->dst[i];
        key->dst[i] = quoted->src[i];
    }
    key->src_port = quoted->dst_port;
    key->dst_port = quoted->src_port;
    key->iface = iface;
}

/* ---- who is the client ---- */

/* Which of the sides it is true of. */
typedef bool side_fn(const struct owners *o, const struct facts *facts, const struct sides *s, unsigned side);

static unsigned which(side_fn *fn, const struct owners *o, const struct facts *facts, const struct sides *s)
{
    const bool first = fn(o, facts, s, 0), second = fn(o, facts, s, 1);
    if (first && second) return BOTH;
    return first ? 0 : second ? 1 : NEITHER;
}

static bool is_asked(const struct sides *s, unsigned side) { return s->asked >> side & 1; }

static bool has_role(const struct owners *o, const struct sides *s, unsigned side, enum role role)
{
    return role_is(o->roles, s->role[side], role, (enum role_proto)s->proto, s->port[side]);
}

static bool is_service(const struct owners *o, const struct facts *facts, const struct sides *s, unsigned side)
{
    static const uint32_t none[4];
    (void)facts;
    if (!is_asked(s, side)) return false;
    if (has_role(o, s, side, ROLE_SERVICE)) return true;
    const enum role_proto proto = (enum role_proto)s->proto;
    const unsigned self = s->family == 4 ? ROLE_SELF4 : ROLE_SELF6;
    if (s->own[side] && role_is(o->roles, role_find(o->roles, self, none), ROLE_SERVICE, proto, s->port[side]))
        return true;
    return role_is(o->roles, role_find(o->roles, ROLE_ANY, none), ROLE_SERVICE, proto, s->port[side]);
}

static bool same_address(const uint32_t a[4], const uint32_t b[4]) { return memcmp(a, b, 4 * sizeof *a) == 0; }

/* This machine's address of that family, that traffic out by the interface comes from. */
static bool is_our_address(const struct facts *facts, const struct sides *s, unsigned side, uint16_t out)
{
    uint32_t own[4];
    return facts_address(facts, out, s->family == 6, own) && same_address(own, s->addr[side]);
}

static bool is_mapped(const struct sides *s)
{
    return s->proto == ROLE_TCP || s->proto == ROLE_UDP || s->proto == ROLE_QUERY;
}

static bool is_masqueraded(const struct owners *o, const struct facts *facts, const struct sides *s, unsigned side)
{
    uint32_t count;
    const struct role_masquerade *all = roles_masquerades(o->roles, &count);
    for (uint32_t i = 0; i < count; i++) {
        const bool ranged = s->proto == ROLE_TCP || s->proto == ROLE_UDP;
        if (ranged && (s->port[side] < all[i].lo || s->port[side] > all[i].hi)) continue;
        if (is_our_address(facts, s, side, (uint16_t)all[i].out)) return true;
    }
    return false;
}

/* A port of this machine's own that a pool without `source` took for one of its servers. */
static bool is_own_pool(const struct owners *o, const struct facts *facts, const struct sides *s, unsigned side)
{
    if (s->port[side] < PBC_OWN_PORT_LO || !has_role(o, s, !side, ROLE_OWN_POOL)) return false;
    return s->own[side] || is_our_address(facts, s, side, IFACE_NONE);
}

static bool is_outside(const struct owners *o, const struct facts *facts, const struct sides *s, unsigned side)
{
    if (s->proto == ROLE_QUERY && is_asked(s, side)) return false;
    if (has_role(o, s, side, ROLE_OUTSIDE) || is_own_pool(o, facts, s, side)) return true;
    return is_mapped(s) && is_masqueraded(o, facts, s, side);
}

static bool is_kept(const struct owners *o, const struct facts *facts, const struct sides *s, unsigned side)
{
    return has_role(o, s, side, ROLE_KEPT) || (!is_mapped(s) && is_masqueraded(o, facts, s, side));
}

static bool is_server(const struct owners *o, const struct facts *facts, const struct sides *s, unsigned side)
{
    (void)facts;
    return is_asked(s, side) && has_role(o, s, side, ROLE_SERVER);
}

static bool is_own(const struct owners *o, const struct facts *facts, const struct sides *s, unsigned side)
{
    (void)o;
    (void)facts;
    return s->own[side];
}

/* Does a statement translate what comes from that side's address? One for any source takes what did not come in where
 * it goes out. */
static bool is_inside(const struct owners *o, const struct facts *facts, const struct sides *s, unsigned side)
{
    const struct program *p = o->p;
    (void)facts;
    for (uint32_t i = 0; i < p->nats_count; i++) {
        const struct pbc_nat *n = &p->nats[i];
        if (n->kind == PBC_NAT_FORWARD || (n->family && n->family != s->family)) continue;
        if (!n->from_count && (s->key.iface == n->out) == (side == 1)) return true;
        for (uint32_t set = n->from; set < n->from + n->from_count; set++)
            if (set_has(p, set, &s->key, side == 1)) return true;
    }
    return false;
}

/* ---- the owner ---- */

static unsigned one_of(const struct owners *o, uint64_t hash)
{
    return (unsigned)((hash >> 32) * o->cfg.workers >> 32);
}

/* Of one side: its address as far as it counts, and its port where it does. */
static uint64_t hash_side(const struct owners *o, const struct sides *s, unsigned side, bool ports)
{
    const unsigned bits = s->family == 4 ? o->key.len4 : o->key.len6;
    uint32_t cut[4] = {0};
    for (unsigned i = 0; i < 4 && 32 * i < bits; i++)
        cut[i] = s->addr[side][i] & (bits - 32 * i >= 32 ? UINT32_MAX : ~(UINT32_MAX >> (bits - 32 * i)));
    const bool counts = ports && o->key.ports && s->proto < ROLE_QUERY;
    const hash_word words[3] = {hash_pair(cut[0], cut[1]), hash_pair(cut[2], cut[3]),
                                hash_pair(s->family, counts ? s->port[side] : 0)};
    return hash_words(&o->hash, words, 3);
}

static unsigned by_client(const struct owners *o, const struct sides *s, unsigned side)
{
    return one_of(o, hash_side(o, s, side, true));
}

/* The same from either side. */
static unsigned by_both(const struct owners *o, const struct sides *s)
{
    const hash_word sum = hash_side(o, s, 0, true) + hash_side(o, s, 1, true);
    return one_of(o, hash_words(&o->hash, &sum, 1));
}

/* Whoever is at the other end, by its address alone. */
static unsigned by_other(const struct owners *o, const struct sides *s, unsigned side)
{
    return one_of(o, hash_side(o, s, !side, false));
}

static unsigned owner_of(const struct owners *o, const struct facts *facts, const struct sides *s)
{
    unsigned side = which(is_service, o, facts, s);
    if (side < BOTH) return by_client(o, s, !side);
    if (side == NEITHER) side = which(is_outside, o, facts, s);
    if (side < BOTH) return port_slice(s->port[side], o->cfg.workers);
    if (side == NEITHER) side = which(is_server, o, facts, s);
    if (side < BOTH) return by_client(o, s, !side);
    if (side == NEITHER) side = which(is_kept, o, facts, s);
    if (side < BOTH) return by_other(o, s, side);
    if (side == NEITHER) side = which(is_own, o, facts, s);
    if (side < BOTH) return by_client(o, s, !side);
    if (side == NEITHER && o->inside) side = which(is_inside, o, facts, s);
    if (side < BOTH) return is_mapped(s) ? by_client(o, s, side) : by_other(o, s, side);
    return by_both(o, s);
}

/* ---- what a packet shows ---- */

/* A rule that opens tunnels may open this one: what is inside. */
static bool inside_of(const struct owners *o, const struct pkt *pkt, const struct key *key, struct pkt *inner)
{
    struct tunnel_inner in;
    for (uint32_t i = 0; i < o->opens_count; i++) {
        const struct pbc_rule *r = o->opens[i];
        const enum tunnel_kind kind = verdict_is(r->verdict, VERDICT_TAKES_PORT) ? TUNNEL_GUE : TUNNEL_IPIP;
        if (!tunnel_inside(pkt, key, kind, r->port, &in) || in.at >= pkt->head_len) continue;
        const uint32_t there = pkt->head_len - in.at;
        pkt_view(inner, pkt->data + in.at, there < in.len ? there : in.len, in.len, in.v6 ? LINK_IP6 : LINK_IP4,
                 pkt->iface);
        return true;
    }
    return false;
}

static unsigned by_key(const struct owners *o, const struct facts *facts, const struct pkt *pkt, const struct key *key)
{
    struct sides s;
    struct quoted q;
    if (key->kind & (KIND_ICMP | KIND_ICMP6) && icmp_is_error(key) && quoted_read(pkt, key, &q)) {
        turn_round(&q.key, key->iface, &s.key);
        sides_of_key(o, facts, q.query, &s);
        if (s.proto == ROLE_QUERY) s.asked ^= 3;
    } else {
        s.key = *key;
        sides_of_key(o, facts, flow_query(key) != FLOW_QUERY_NONE ? icmp_query_read(pkt) : 0, &s);
    }
    return owner_of(o, facts, &s);
}

static uint64_t datagram_hash(const struct owners *o, const struct key *key, const struct fragment *f)
{
    const hash_word words[5] = {hash_pair(key->src[0], key->src[1]), hash_pair(key->src[2], key->src[3]),
                                hash_pair(key->dst[0], key->dst[1]), hash_pair(key->dst[2], key->dst[3]),
                                hash_pair(f->id, key->kind & KIND_IP4 ? key->proto : 0)};
    return hash_words(&o->hash, words, 5);
}

unsigned owner_of_whole(const struct owners *o, const struct facts *facts, const struct pkt *pkt, const struct key *key)
{
    struct pkt inner;
    struct key inner_key;
    if (!o->opens_count || key->kind & KIND_FRAGMENT || !inside_of(o, pkt, key, &inner))
        return by_key(o, facts, pkt, key);
    if (pkt_parse(&inner, facts, &inner_key) != REASON_NONE) return by_key(o, facts, pkt, key);
    return by_key(o, facts, &inner, &inner_key);
}

unsigned vm_owner(const struct owners *o, const struct facts *facts, struct pkt *pkt)
{
    struct key key;
    struct fragment f;
    if (pkt_parse(pkt, facts, &key) != REASON_NONE || !(key.kind & KIND_IP)) return 0;
    if (key.kind & KIND_FRAGMENT && fragment_read(pkt, &key, &f))
        return VM_OWNER_FRAGMENT | one_of(o, datagram_hash(o, &key, &f));
    return owner_of_whole(o, facts, pkt, &key);
}
