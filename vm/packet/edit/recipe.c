/* Recipes: the change of checksums by a translation, computed once for a flow, and applied to its packets' headers. */
#include "vm/packet/edit/recipe.h"

#include "vm/packet/edit/apply.h"
#include "vm/packet/edit/edit.h"

/* Return a change in 16 bits. It is 0 only if nothing was added: words that are not all 0 never fold to 0. */
static uint16_t delta_of(uint64_t sum) { return (uint16_t)~csum_fold(sum); }

static uint64_t address_delta(const uint32_t from[4], const uint32_t to[4], unsigned words)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < words; i++) sum += csum_delta32(from[i], to[i]);
    return sum;
}

void recipe_differ(struct recipe *r, const struct key *key, const struct translation *to)
{
    const unsigned words = key->kind & KIND_IP4 ? 1 : 4;
    const bool src = to->what & TRANSLATE_SRC, dst = to->what & TRANSLATE_DST;
    const bool src_port = to->what & TRANSLATE_SRC_PORT, dst_port = to->what & TRANSLATE_DST_PORT;
    uint64_t sum = 0;
    for (unsigned i = 0; i < 4; i++) {
        r->src[i] = src ? to->src[i] : key->src[i];
        r->dst[i] = dst ? to->dst[i] : key->dst[i];
    }
    r->src_port = src_port ? to->src_port : key->src_port;
    r->dst_port = dst_port ? to->dst_port : key->dst_port;
    if (src) sum += address_delta(key->src, to->src, words);
    if (dst) sum += address_delta(key->dst, to->dst, words);
    r->l3_delta = delta_of(sum);
    if (src_port) sum += csum_delta16(key->src_port, to->src_port);
    if (dst_port) sum += csum_delta16(key->dst_port, to->dst_port);
    r->l4_delta = delta_of(sum);
}

void recipe_outer(struct recipe *r, uint8_t kind, bool inner6)
{
    const bool bare = (kind & ~RECIPE_IP6) == RECIPE_IPIP;
    const uint8_t proto = !bare ? IPPROTO_NR_UDP : inner6 ? IPPROTO_NR_IP6 : IPPROTO_NR_IP4;
    const uint16_t first = 4u << 12 | IP4_LEN / 4 << 8, ttl_proto = (uint16_t)(BUILD_TTL << 8 | proto);
    r->l3_delta = delta_of((uint64_t)first + ttl_proto + r->src[0] + r->dst[0]);
}

void recipe_apply(const struct recipe *r, uint32_t kind, uint8_t *ip, bool partial)
{
    recipe_rewrite(r, kind, ip, partial);
}

/* The inner packet, with the fields that the outer header takes from it. */
struct inner {
    uint32_t len;
    uint16_t frag; /* field of the outer IPv4 header: DF or nothing */
    uint8_t tos;
    uint8_t proto;
};

static void read_inner(uint8_t *ip, const struct key *key, struct inner *in)
{
    const bool v6 = key->kind & KIND_IP6;
    in->len = key->length;
    in->frag = v6 ? 0 : wire_get16(ip + IP4_FRAG) & IP4_DF;
    in->tos = v6 ? (uint8_t)(wire_get16(ip) >> 4) : ip[IP4_TOS];
    in->proto = v6 ? IPPROTO_NR_IP6 : IPPROTO_NR_IP4;
    if (v6)
        ip[IP6_HOPS]--;
    else
        wire_put64(ip + IP4_TTL, one_hop(wire_get64(ip + IP4_TTL), 0));
}

static void outer4(uint8_t *ip, const struct recipe *r, const struct inner *in, uint32_t len, uint8_t proto,
                   uint16_t id)
{
    const uint64_t first = 4u << 12 | IP4_LEN / 4 << 8 | in->tos, ttl_proto = BUILD_TTL << 8 | proto;
    if (in->frag) id = 0;
    const uint16_t sum = moved_sum(UINT16_MAX, (uint32_t)r->l3_delta + in->tos + len + id + in->frag);
    wire_put64(ip, first << 48 | (uint64_t)len << 32 | (uint32_t)id << 16 | in->frag);
    wire_put64(ip + IP4_TTL, ttl_proto << 48 | (uint64_t)sum << 32 | r->src[0]);
    wire_put32(ip + IP4_DST, r->dst[0]);
}

static void outer6(uint8_t *ip, const struct recipe *r, const struct inner *in, uint32_t len, uint8_t proto,
                   uint32_t hash)
{
    const uint32_t label = hash >> 8 & IP6_LABEL, first = 6u << 28 | (uint32_t)in->tos << 20 | (label ? label : 1);
    wire_put64(ip, (uint64_t)first << 32 | (uint64_t)(len - IP6_LEN) << 16 | (uint32_t)proto << 8 | BUILD_TTL);
    put_addr6(ip + IP6_SRC, r->src);
    put_addr6(ip + IP6_DST, r->dst);
}

static void outer_udp(uint8_t *udp, const struct recipe *r, const struct inner *in, uint8_t kind, uint32_t hash)
{
    const bool header = (kind & ~RECIPE_IP6) == RECIPE_GUE;
    const uint64_t port = GUE_PORTS_FROM | ((hash ^ hash >> 16) & GUE_PORTS_MASK);
    const uint32_t len = UDP_LEN + (header ? GUE_LEN : 0u) + in->len;
    wire_put64(udp, port << 48 | (uint64_t)r->dst_port << 32 | len << 16);
    if (header) wire_put32(udp + UDP_LEN, (uint32_t)in->proto << 16);
}

/* End the frame with the IP packet, and move the link header to the front. */
static void open_front(struct pkt *pkt, uint32_t by, uint32_t end)
{
    pkt->tailroom = (uint16_t)(pkt->tailroom + (pkt->head_len - end));
    pkt->head_len = pkt->cap_len = pkt->wire_len = end;
    if (pkt->l3 != ETHER_LEN) {
        edit_open(pkt, pkt->l3, by);
        return;
    }
    uint8_t *link = pkt->data, *to = link - by;
    const uint64_t first = wire_raw64(link);
    const uint32_t rest = wire_raw32(link + 8);
    memcpy(to, &first, sizeof first);
    memcpy(to + 8, &rest, sizeof rest);
    pkt->data = to;
    pkt->headroom = (uint16_t)(pkt->headroom - by);
    pkt->head_len = pkt->cap_len = pkt->wire_len = end + by;
}

void recipe_put_outer(const struct recipe *r, uint8_t kind, const struct key *key, uint8_t *outer,
                      const struct recipe_numbers *n)
{
    const uint32_t over = recipe_overhead(kind), ip_len = kind & RECIPE_IP6 ? IP6_LEN : IP4_LEN;
    struct inner in;
    read_inner(outer + over, key, &in);
    const uint32_t len = over + in.len;
    const uint8_t proto = over == ip_len ? in.proto : IPPROTO_NR_UDP;
    wire_put16(outer - 2, kind & RECIPE_IP6 ? ETHER_IP6 : ETHER_IP4);
    if (kind & RECIPE_IP6)
        outer6(outer, r, &in, len, proto, n->hash);
    else
        outer4(outer, r, &in, len, proto, n->id);
    if (over != ip_len) outer_udp(outer + ip_len, r, &in, kind, n->hash);
}

void recipe_wrap(const struct recipe *r, uint8_t kind, const struct key *key, struct pkt *pkt,
                 const struct recipe_numbers *n)
{
    const uint32_t over = recipe_overhead(kind), ip_len = kind & RECIPE_IP6 ? IP6_LEN : IP4_LEN;
    const uint32_t len = over + key->length;
    open_front(pkt, over, pkt->l3 + key->length);
    recipe_put_outer(r, kind, key, pkt->data + pkt->l3, n);
    pkt->l4 = (uint16_t)(pkt->l3 + ip_len);
    pkt->payload = (uint16_t)(over == ip_len ? 0 : pkt->l4 + UDP_LEN);
    pkt->l3_end = (uint16_t)(pkt->l3 + len < UINT16_MAX ? pkt->l3 + len : UINT16_MAX);
}
