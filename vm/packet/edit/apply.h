/* Apply a recipe to a packet in place, inline for the express way of both executors. */
#pragma once

#include "vm/packet/edit/recipe.h"
#include "vm/packet/wire.h"

/* Return the checksum after a change (RFC 1624), in 16 bits. */
static inline uint16_t moved_sum(uint16_t sum, uint32_t delta)
{
    uint32_t s = (uint16_t)~sum + delta;
    s = (s & UINT16_MAX) + (s >> 16);
    return (uint16_t) ~(s + (s >> 16));
}

/* Take one hop in the eight bytes of an IPv4 header from its TTL on (TTL, protocol, sum, source). */
enum { HOP_DELTA = UINT16_MAX - (1 << 8) };
static inline uint64_t one_hop(uint64_t word, uint16_t delta)
{
    const uint16_t sum = moved_sum((uint16_t)(word >> 32), HOP_DELTA + (uint32_t)delta);
    return ((word & ~((uint64_t)UINT16_MAX << 32)) - ((uint64_t)1 << 56)) | (uint64_t)sum << 32;
}

static inline void apply_ip4(uint8_t *ip, const struct recipe *r)
{
    const uint64_t word = one_hop(wire_get64(ip + IP4_TTL), r->l3_delta);
    wire_put64(ip + IP4_TTL, (word & ~(uint64_t)UINT32_MAX) | r->src[0]);
    wire_put32(ip + IP4_DST, r->dst[0]);
}

static inline void put_addr6(uint8_t *p, const uint32_t addr[4])
{
    wire_put64(p, (uint64_t)addr[0] << 32 | addr[1]);
    wire_put64(p + 8, (uint64_t)addr[2] << 32 | addr[3]);
}

static inline void apply_ip6(uint8_t *ip, const struct recipe *r)
{
    ip[IP6_HOPS]--;
    put_addr6(ip + IP6_SRC, r->src);
    put_addr6(ip + IP6_DST, r->dst);
}

/* Return the L4 checksum after the change. A partial checksum is the plain sum, a complete one its complement. */
static inline uint16_t moved_l4(uint16_t sum, const struct recipe *r, bool partial)
{
    return partial ? (uint16_t)~moved_sum((uint16_t)~sum, r->l3_delta) : moved_sum(sum, r->l4_delta);
}

static inline void apply_tcp(uint8_t *tcp, const struct recipe *r, bool partial)
{
    wire_put16(tcp + TCP_SUM, moved_l4(wire_get16(tcp + TCP_SUM), r, partial));
}

/* Update UDP's sum. 0 means no sum, and stays; a computed 0 is 0xffff (RFC 768). */
static inline void apply_udp(uint8_t *udp, const struct recipe *r, bool partial)
{
    const uint16_t from = wire_get16(udp + UDP_SUM), sum = moved_l4(from, r, partial);
    if (from) wire_put16(udp + UDP_SUM, sum ? sum : UINT16_MAX);
}

static inline __attribute__((always_inline)) void recipe_rewrite(const struct recipe *r, uint32_t kind, uint8_t *ip,
                                                                 bool partial)
{
    uint8_t *l4 = ip + (kind & KIND_IP4 ? IP4_LEN : IP6_LEN);
    if (kind & KIND_IP4)
        apply_ip4(ip, r);
    else
        apply_ip6(ip, r);
    wire_put32(l4, (uint32_t)r->src_port << 16 | r->dst_port);
    if (kind & KIND_TCP)
        apply_tcp(l4, r, partial);
    else
        apply_udp(l4, r, partial);
}
