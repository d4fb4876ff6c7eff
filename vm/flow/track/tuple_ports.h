/* Tuples of packets with ports, as most packets have. Inline, because the study of each packet (study.c) and the
 * kernel's express way make one. Private to this folder and to the express way. */
#pragma once

#include "vm/flow/track/track_priv.h"

static inline uint32_t two_ports(uint64_t low, uint64_t high) { return (uint32_t)(high << 16 | low); }

static inline uint64_t rest_of(uint32_t ports, uint16_t stack, uint16_t proto, uint32_t kind)
{
    return (uint64_t)kind << 56 | (uint64_t)(proto & 0xff) << 48 | (uint64_t)stack << 32 | ports;
}

static inline bool tuple_is_ports4(const struct key *key)
{
    return (key->kind & (KIND_IP4 | KIND_PORTS | KIND_FRAG_LATER)) == (KIND_IP4 | KIND_PORTS);
}

/* Set both sides' addresses. swap: all ones if the source is the high side, else 0. */
static inline void tuple_addresses(const struct key *key, uint32_t swap, struct flow_id *id)
{
    for (unsigned i = 0; i < 4; i++) {
        const uint32_t change = (key->src[i] ^ key->dst[i]) & swap;
        id->low[i] = key->src[i] ^ change;
        id->high[i] = key->dst[i] ^ change;
    }
}

static inline uint32_t tuple_two_ports(const struct key *key, uint32_t swap)
{
    const uint32_t change = (uint32_t)(key->src_port ^ key->dst_port) & swap;
    return two_ports(key->src_port ^ change, key->dst_port ^ change);
}

/* Make the tuple. Each side is one number of 48 bits, so that the two are compared and sorted without a branch, which
 * the kernel's verifier would follow twice. */
static inline enum track_how tuple_of_ports4(const struct key *key, uint16_t stack, struct flow_id *id, uint8_t *at)
{
    const uint64_t src = (uint64_t)key->src[0] << 16 | key->src_port, dst = (uint64_t)key->dst[0] << 16 | key->dst_port;
    const uint64_t differ = src ^ dst, above = (dst - src) >> 63, same = (differ - 1) >> 63;
    const uint64_t swap = differ & -above, low = src ^ swap, high = dst ^ swap;
    *at = (uint8_t)(above * AT_HIGH | same * AT_SAME | key_group4(key->dst[0]) * AT_GROUP);
    for (unsigned i = 1; i < 4; i++) id->low[i] = id->high[i] = 0;
    id->low[0] = (uint32_t)(low >> 16);
    id->high[0] = (uint32_t)(high >> 16);
    id->rest = rest_of(two_ports(low & UINT16_MAX, high & UINT16_MAX), stack, key->proto, 0);
    return key->kind & KIND_TCP ? HOW_TCP : HOW_PLAIN;
}

/* Return the borrow of x - y - borrow. */
static inline uint64_t borrow_of(uint64_t x, uint64_t y, uint64_t borrow)
{
    return ((~x & y) | (~(x ^ y) & (x - y - borrow))) >> 63;
}

/* Make the tuple of an IPv6 packet with ports. The sides, each an address and a port, are compared by subtraction,
 * without a branch here, too. */
static inline enum track_how tuple_of_ports6(const struct key *key, uint16_t stack, struct flow_id *id, uint8_t *at)
{
    uint64_t src[2], dst[2], above = ((uint64_t)key->dst_port - key->src_port) >> 63;
    for (unsigned i = 0; i < 2; i++) {
        src[i] = (uint64_t)key->src[2 * i] << 32 | key->src[2 * i + 1];
        dst[i] = (uint64_t)key->dst[2 * i] << 32 | key->dst[2 * i + 1];
    }
    above = borrow_of(dst[0], src[0], borrow_of(dst[1], src[1], above));
    const uint64_t differ = (src[0] ^ dst[0]) | (src[1] ^ dst[1]) | (uint32_t)(key->src_port ^ key->dst_port);
    const uint64_t same = (((differ | differ >> 32) & UINT32_MAX) - 1) >> 63;
    *at = (uint8_t)(above * AT_HIGH | same * AT_SAME | key_group6(key->dst[0]) * AT_GROUP);
    tuple_addresses(key, -(uint32_t)above, id);
    id->rest = rest_of(tuple_two_ports(key, -(uint32_t)above), stack, key->proto, FLOW_ID_IP6);
    return key->kind & KIND_TCP ? HOW_TCP : HOW_PLAIN;
}
