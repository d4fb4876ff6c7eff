/* Replies from services' addresses: the table of addresses, the test for requests, the replies; see vips.h
 *
 * ARP: a probe (RFC 5227, sender 0.0.0.0) is answered, because the address is taken. An announcement, whose sender and
 * target are equal, is not a request. It is ignored, even if another host announces the address. The same holds in
 * neighbour discovery: duplicate detection is answered, advertisements are ignored. The host's own requests are not
 * answered. */
#include "vm/forward/vips.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vm/forward/edges.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"
#include "vm/packet/reply/frame.h"
#include "vm/program/program.h"

/* An address of a service */
struct vip {
    uint32_t addr[4]; /* as in struct key */
    uint8_t family;
    bool announced;
};
struct vips {
    struct vip *at; /* ascending, each address once */
    size_t count;
    struct address_range *outside; /* addresses that others see instead of this machine's or its servers': of pools'
                                    * `source` and of nat; ascending, disjoint */
    size_t outside_count;
};

static int vip_order(const void *left, const void *right)
{
    const struct vip *a = left, *b = right;
    return address_order(a->family, a->addr, b->family, b->addr);
}

/* Unite equal neighbours; the result is announced if one of them is. */
static void unite(struct vips *v)
{
    size_t kept = 0;
    for (size_t i = 0; i < v->count; i++) {
        if (kept && vip_order(&v->at[kept - 1], &v->at[i]) == 0)
            v->at[kept - 1].announced |= v->at[i].announced;
        else
            v->at[kept++] = v->at[i];
    }
    v->count = kept;
}

static void add_services(struct vips *v, const struct program *p)
{
    for (uint32_t i = 0; i < p->endpoints_count; i++) {
        const struct pbc_endpoint *e = &p->endpoints[i];
        if (e->to != PBC_TO_ADDRESS || e->wire) continue; /* in the wire, the host itself answers */
        struct vip *vip = &v->at[v->count++];
        memcpy(vip->addr, e->addr, sizeof vip->addr);
        vip->family = e->family;
        vip->announced = p->services[e->service].flags & PBC_SERVICE_ANNOUNCE;
    }
}

/* Add the sets' addresses; family: 4, 6, or 0 for both. */
static void add_sets(struct vips *v, const struct program *p, uint32_t sets, uint32_t count, uint8_t family)
{
    struct address_walk w = address_walk(p, sets, count, family);
    while (address_next(&w, &v->outside[v->outside_count])) v->outside_count++;
}

static void add_outside(struct vips *v, const struct program *p)
{
    for (uint32_t i = 0; i < p->pools_count; i++) add_sets(v, p, p->pools[i].sources, p->pools[i].source_count, 0);
    for (uint32_t i = 0; i < p->nats_count; i++) {
        const struct pbc_nat *n = &p->nats[i];
        add_sets(v, p, n->outside, n->outside_count, n->family);
        const bool map = n->kind == PBC_NAT_MAP;
        if (!map && !nat_to_one(n)) continue;
        v->outside[v->outside_count++] = address_prefix(n->to, map ? n->len : 128, n->family);
    }
}

/* Return an upper bound of the number of outside ranges. */
static size_t count_outside(const struct program *p)
{
    size_t count = p->nats_count;
    for (uint32_t i = 0; i < p->pools_count; i++)
        count += address_ranges(p, p->pools[i].sources, p->pools[i].source_count);
    for (uint32_t i = 0; i < p->nats_count; i++)
        count += address_ranges(p, p->nats[i].outside, p->nats[i].outside_count);
    return count;
}

struct vips *vips_new(const struct program *p)
{
    struct vips *v = calloc(1, sizeof *v);
    if (!v) return NULL;
    v->at = calloc((size_t)p->endpoints_count + 1, sizeof *v->at);
    v->outside = calloc(count_outside(p) + 1, sizeof *v->outside);
    if (!v->at || !v->outside) {
        vips_free(v);
        return NULL;
    }
    add_services(v, p);
    add_outside(v, p);
    qsort(v->at, v->count, sizeof *v->at, vip_order);
    unite(v);
    v->outside_count = address_join(v->outside, v->outside_count);
    return v;
}

void vips_free(struct vips *v)
{
    if (!v) return;
    free(v->at);
    free(v->outside);
    free(v);
}

bool vips_each(const struct program *p, vips_fn *fn, void *arg)
{
    struct vips *v = vips_new(p);
    if (!v) return false;
    for (size_t i = 0; i < v->count; i++) fn(arg, v->at[i].addr, v->at[i].addr, v->at[i].family == 6);
    for (size_t i = 0; i < v->outside_count; i++)
        fn(arg, v->outside[i].lo, v->outside[i].hi, v->outside[i].family == 6);
    vips_free(v);
    return true;
}

static const struct vip *vip_find(const struct vips *v, uint8_t family, const uint32_t addr[4])
{
    struct vip wanted = {.family = family};
    memcpy(wanted.addr, addr, sizeof wanted.addr);
    return bsearch(&wanted, v->at, v->count, sizeof wanted, vip_order);
}

static bool is_outside(const struct vips *v, uint8_t family, const uint32_t addr[4])
{
    size_t from = 0,
           count = v->outside_count; /* [from, from + count) may hold the last range that begins at or below addr */
    while (count > 0) {
        const struct address_range *o = &v->outside[from + count / 2];
        if (address_order(o->family, o->lo, family, addr) > 0) {
            count /= 2;
        } else {
            if (address_order(o->family, o->hi, family, addr) >= 0) return true;
            from += count / 2 + 1;
            count -= count / 2 + 1;
        }
    }
    return false;
}

static bool sent_by_group(const struct pkt *pkt) { return pkt_mac(pkt, false) >> 40 & 1; }

/* Read the target of an ARP request; *own: the host holds it. False: not a request. */
static bool arp_asks(const struct facts *f, const struct pkt *pkt, const struct key *key, uint32_t target[4], bool *own)
{
    struct arp_body arp;
    if (pkt->link != LINK_ETHER || !arp_read(pkt, key, &arp) || arp.op != ARP_REQUEST) return false;
    if (arp.sender_ip == arp.target_ip || sent_by_group(pkt)) return false;
    target[0] = arp.target_ip;
    target[1] = target[2] = target[3] = 0;
    *own = sides4(f, arp.sender_ip, arp.target_ip) & KIND_DST_SELF;
    return true;
}

static bool solicit_asks(const struct facts *f, const struct pkt *pkt, const struct key *key, uint32_t target[4],
                         bool *own)
{
    if (pkt->link != LINK_ETHER || !solicit_read(pkt, key, target) || sent_by_group(pkt)) return false;
    *own = sides6(f, key->src, target) & KIND_DST_SELF;
    return true;
}

static bool neighbour_asks(const struct facts *f, const struct pkt *pkt, const struct key *key, uint32_t target[4],
                           bool *own)
{
    if (key->kind & KIND_ARP) return arp_asks(f, pkt, key, target, own);
    return key->kind & KIND_ND && key->icmp_type == ICMP6_SOLICIT && solicit_asks(f, pkt, key, target, own);
}

/* Return the first service at the address, preferably one that announces it; PBC_NONE: none. */
static uint32_t service_at(const struct program *p, uint8_t family, const uint32_t addr[4])
{
    uint32_t found = PBC_NONE;
    for (uint32_t i = 0; i < p->endpoints_count; i++) {
        const struct pbc_endpoint *e = &p->endpoints[i];
        if (e->to != PBC_TO_ADDRESS || e->wire || address_order(e->family, e->addr, family, addr)) continue;
        if (p->services[e->service].flags & PBC_SERVICE_ANNOUNCE) return e->service;
        if (found == PBC_NONE) found = e->service;
    }
    return found;
}

struct vips_asked vips_who(const struct program *p, const struct facts *facts, const struct pkt *pkt,
                           const struct key *key)
{
    struct vips_asked a = {.service = PBC_NONE};
    bool own;
    if (!neighbour_asks(facts, pkt, key, a.target, &own)) return a;
    const uint8_t family = key->kind & KIND_ARP ? 4 : 6;
    struct vips *v = vips_new(p);
    a.service = service_at(p, family, a.target);
    if (own)
        a.answers = VIPS_HOST;
    else if (a.service != PBC_NONE && p->services[a.service].flags & PBC_SERVICE_ANNOUNCE)
        a.answers = VIPS_SERVICE;
    else if (v && is_outside(v, family, a.target))
        a.answers = VIPS_OUTSIDE;
    else
        a.answers = a.service != PBC_NONE ? VIPS_SILENT : VIPS_NOBODY;
    vips_free(v);
    return a;
}

static void answer_neighbour(const struct job *j, struct packet_ctx *c)
{
    const struct pkt *pkt = c->pkt;
    const struct key *key = c->key;
    const bool arp = key->kind & KIND_ARP;
    struct pkt *out = NULL;
    uint32_t target[4];
    bool own;
    if (!neighbour_asks(j->in->facts, pkt, key, target, &own) || own) return;
    const struct vip *vip = vip_find(j->vm->vips, arp ? 4 : 6, target);
    if (!(vip && vip->announced) && !is_outside(j->vm->vips, arp ? 4 : 6, target)) return;
    c->v->done = 1;
    if (!answer_begin(j, &j->vm->neighbours)) return;
    const uint64_t mac = edge_mac_for(j->in->facts, pkt->iface, target[arp ? 0 : 3]);
    struct pool *pool = j->vm->cfg.pool;
    const int err =
        arp ? build_arp_reply(pkt, key, mac, pool, &out) : build_neighbour_advert(pkt, key, mac, false, pool, &out);
    answer_leave(j, c, err ? NULL : out, TX_CAUSE_NEIGHBOUR);
}

/* Answer an echo request. A request that is cut, fragmented or has a wrong checksum gets no reply, as from a host; a
 * fragmented one, as from a host that does not hold the address. */
static void answer_echo(const struct job *j, struct packet_ctx *c)
{
    const struct pkt *pkt = c->pkt;
    const struct key *key = c->key;
    struct pkt *out = NULL;
    if (key->kind & KIND_DST_SELF || !vip_find(j->vm->vips, key->kind & KIND_IP4 ? 4 : 6, key->dst)) return;
    c->v->done = 1;
    if (!answer_allowed(pkt, key) || !answer_begin(j, &j->vm->echoes)) return;
    const int err = build_echo_reply(pkt, key, j->vm->cfg.pool, &out);
    if (err != -EINVAL) answer_leave(j, c, err ? NULL : out, TX_CAUSE_ECHO);
}

void vips_answer(const struct job *j, struct packet_ctx *c)
{
    const struct key *key = c->key;
    const struct verdict *v = c->v;
    const bool to_host = v->action == ACTION_ACCEPT || v->action == ACTION_PASS;
    if (!to_host || v->service != PBC_NONE || key->kind & KIND_OUT) return;
    if (key->kind & KIND_ICMP_HEADER && key->icmp_type == (key->kind & KIND_IP4 ? ICMP4_ECHO : ICMP6_ECHO)) {
        answer_echo(j, c);
    } else if (key->kind & KIND_ARP || (key->kind & KIND_ND && key->icmp_type == ICMP6_SOLICIT)) {
        if (!j->outer_bytes) answer_neighbour(j, c);
    }
}
