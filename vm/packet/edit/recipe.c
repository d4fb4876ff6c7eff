/* Recipes: how a translation changes checksums, worked out once for a flow, and applied to its packets' headers. */
#include "vm/packet/edit/recipe.h"

#include "vm/packet/csum.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

/* In 16 bits; 0 only where nothing was added, since a sum of words that are not all 0 folds to no 0. */
static uint16_t folded(uint64_t sum) { return (uint16_t)~csum_fold(sum); }

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
    r->l3_delta = folded(sum);
    if (src_port) sum += csum_delta16(key->src_port, to->src_port);
    if (dst_port) sum += csum_delta16(key->dst_port, to->dst_port);
    r->l4_delta = folded(sum);
}

/* ---- applying ---- */

/* The sum after a change: RFC 1624 in 16 bits; delta: of at most three terms. */
static uint16_t moved_sum(uint16_t sum, uint32_t delta)
{
    uint32_t s = (uint16_t)~sum + delta;
    s = (s & UINT16_MAX) + (s >> 16);
    return (uint16_t) ~(s + (s >> 16));
}

static void apply_ip4(uint8_t *ip, const struct recipe *r)
{
    enum { ONE_HOP = 1 << 8, HOP_DELTA = UINT16_MAX - ONE_HOP };
    wire_put16(ip + IP4_TTL, (uint16_t)(wire_get16(ip + IP4_TTL) - ONE_HOP));
    wire_put16(ip + IP4_SUM, moved_sum(wire_get16(ip + IP4_SUM), HOP_DELTA + (uint32_t)r->l3_delta));
    wire_put32(ip + IP4_SRC, r->src[0]);
    wire_put32(ip + IP4_DST, r->dst[0]);
}

static void apply_ip6(uint8_t *ip, const struct recipe *r)
{
    ip[IP6_HOPS]--;
    for (unsigned i = 0; i < 4; i++) {
        wire_put32(ip + IP6_SRC + 4 * i, r->src[i]);
        wire_put32(ip + IP6_DST + 4 * i, r->dst[i]);
    }
}

static void apply_ports(uint8_t *l4, const struct recipe *r)
{
    wire_put32(l4, (uint32_t)r->src_port << 16 | r->dst_port);
}

/* The L4 checksum; a partial one is a sum, not its complement. */
static inline uint16_t moved_l4(uint16_t sum, const struct recipe *r, bool partial)
{
    return partial ? (uint16_t)~moved_sum((uint16_t)~sum, r->l3_delta) : moved_sum(sum, r->l4_delta);
}

static void apply_tcp(uint8_t *l4, const struct recipe *r, bool partial)
{
    apply_ports(l4, r);
    wire_put16(l4 + TCP_SUM, moved_l4(wire_get16(l4 + TCP_SUM), r, partial));
}

/* 0 says that there is no sum, and stays; a computed 0 is 0xffff (RFC 768). */
static void apply_udp(uint8_t *l4, const struct recipe *r, bool partial)
{
    const uint16_t from = wire_get16(l4 + UDP_SUM), sum = moved_l4(from, r, partial);
    apply_ports(l4, r);
    if (from) wire_put16(l4 + UDP_SUM, sum ? sum : UINT16_MAX);
}

void recipe_apply(const struct recipe *r, uint32_t kind, uint8_t *ip, uint8_t *l4, bool partial)
{
    if (kind & KIND_IP4)
        apply_ip4(ip, r);
    else
        apply_ip6(ip, r);
    if (kind & KIND_TCP)
        apply_tcp(l4, r, partial);
    else
        apply_udp(l4, r, partial);
}
