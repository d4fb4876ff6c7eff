/* One token bucket: its arithmetic, and a packet's key for it; the same for both executors (meter.h). The executors
 * differ in where buckets are and how they change them. */
#pragma once

#include "vm/judge/meters/meter.h"
#include "vm/keyed/keyed.h"

/* Return the units that a clock counts in that many nanoseconds, rounded down; it wraps. There is one division, and
 * no product of 128 bits is divided: the estimate by `part` is right or one too small, as the remainder shows. */
static inline uint64_t rate_units(const struct meter_rate *r, uint64_t since_ns)
{
    const uint64_t units = since_ns * r->whole;
    if (r->den == 1) return units;
    const uint64_t times = since_ns / r->den, left = since_ns - times * r->den;
    struct hash_sum product = {0, 0};
    hash_add(&product, left, r->part);
    const uint64_t remainder = left * r->rest - product.high * r->den;
    return units + times * r->rest + product.high + (remainder >= r->den);
}

/* Return how far the bucket is ahead of the clock. */
static inline uint64_t bucket_ahead(uint64_t bucket, uint64_t now) { return bucket > now ? bucket - now : 0; }

/* Return the bucket after `cost` units are taken from it, or BUCKET_LACKS: not enough units. Another clock may be a
 * little ahead, so a bucket may be more than `limit` ahead. A live bucket is never 0 or BUCKET_LACKS. */
#define BUCKET_LACKS UINT64_MAX
static inline uint64_t bucket_after(uint64_t bucket, uint64_t now, uint64_t limit, uint64_t cost)
{
    const uint64_t before = bucket_ahead(bucket, now);
    return before > limit || cost > limit - before ? BUCKET_LACKS : now + before + cost;
}

static inline uint64_t meter_tokens(const struct pbc_meter *def, const struct key *key)
{
    return def->unit == PBC_METER_BYTES ? key->length : 1;
}

enum { METER_ADDR_WORDS = 3, METER_FLOW_WORDS = 6 };
struct meter_key {
    uint64_t w[METER_FLOW_WORDS];
};

static inline uint32_t meter_key_words(uint8_t per)
{
    return per == PBC_PER_FLOW ? METER_FLOW_WORDS : METER_ADDR_WORDS;
}

static inline uint64_t meter_mask(unsigned bits) { return bits == 0 ? 0 : UINT64_MAX << (64 - bits); }

static inline void meter_key_of_address(const struct pbc_meter *def, const uint32_t a[4], bool v6, struct meter_key *k)
{
    const unsigned len = v6 ? def->len6 : def->len4;
    k->w[0] = hash_pair(a[1], a[0]) & meter_mask(len < 64 ? len : 64);
    k->w[1] = hash_pair(a[3], a[2]) & meter_mask(len > 64 ? len - 64 : 0);
    k->w[2] = v6 ? 6 : 4;
}

static inline void meter_key_of_flow(const struct key *key, struct meter_key *k)
{
    const uint32_t told_by = key->kind & (KIND_IP | KIND_PROTO | KIND_VLAN | KIND_VLAN2);
    for (unsigned i = 0; i < 4; i++) k->w[i] = hash_pair(key->slot[2 * i + 1], key->slot[2 * i]);
    k->w[4] = hash_pair(key->proto, (uint32_t)key->src_port << 16 | key->dst_port);
    k->w[5] = hash_pair(told_by, (uint32_t)key->vlan_outer << 16 | key->vlan_inner);
}

/* True if the packet has the fields that the meter counts by. */
static inline bool meter_has_key(const struct pbc_meter *def, const struct key *key)
{
    return (!def->per && def->unit != PBC_METER_BYTES) || key->kind & KIND_IP;
}

/* Set the packet's key, in a zeroed struct. False: the packet has none. */
static inline bool meter_key_of(const struct pbc_meter *def, const struct key *key, struct meter_key *k)
{
    const bool v6 = key->kind & KIND_IP6;
    if (!meter_has_key(def, key)) return false;
    switch ((enum pbc_per)def->per) {
    case PBC_PER_NONE: break;
    case PBC_PER_SOURCE: meter_key_of_address(def, key->src, v6, k); break;
    case PBC_PER_DESTINATION: meter_key_of_address(def, key->dst, v6, k); break;
    case PBC_PER_FLOW: meter_key_of_flow(key, k); break;
    }
    return true;
}
