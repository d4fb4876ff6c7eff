/* Shares of packets of several legs of a way, and the choice among them. */
#pragma once

#include <string.h>

#include "vm/keyed/hash.h"
#include "vm/packet/key.h"

/* The share of 2^32 of each leg in turn, by weight. Before the first leg all fields but `all` are 0. */
struct route_shares {
    uint64_t all, sum; /* all: the sum of all weights, above 0 */
};

/* Return up_to of struct route_leg for the next leg; that of the last is UINT32_MAX. */
static inline uint32_t route_shares_next(struct route_shares *s, uint32_t weight)
{
    s->sum += weight;
    return (uint32_t)((s->sum << 32) / s->all - 1);
}

/* Return the hash to be compared with up_to of struct route_leg, for a packet from `from` to `to` (as in struct key).
 * It is the same for all packets of a flow, in all workers and the kernel. key: the other fields; fragments have no
 * ports, so those of a first fragment do not count. */
static inline uint32_t route_share(const uint32_t from[4], const uint32_t to[4], const struct key *key)
{
    const uint64_t seed = UINT64_C(0x70726579);
    struct hash_key hash;
    uint32_t words[10] = {0};
    hash_key_init(&hash, seed);
    memcpy(words, from, 16);
    memcpy(words + 4, to, 16);
    words[8] = key->kind & KIND_PORTS && key->kind & KIND_FRAG_NO ? key->src_port | (uint32_t)key->dst_port << 16 : 0;
    words[9] = key->kind & KIND_PROTO ? key->proto : 0;
    return (uint32_t)(hash_words(&hash, (const hash_word *)(const void *)words, 5) >> 32);
}
