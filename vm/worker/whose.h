/* What the decision whose a conversation is (whose_owner.h) is made of: shapes of the tables, and of a conversation. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/forward/bind/mappings.h"
#include "vm/keyed/hash.h"
#include "vm/pbc.h"
#include "vm/worker/roles.h"

/* What is no array. */
struct whose {
    struct hash_key hash;
    uint32_t workers;
    uint32_t mask;                              /* of slots */
    uint32_t masquerades, anys, froms4, froms6; /* how many there are */
    uint8_t len4, len6;                         /* by how much of a client's address it is hashed */
    uint8_t ports;                              /* whether its port counts */
    uint8_t reserved[5];
};

/* What a nat translates the sources of: a range of addresses, or whatever does not come in where it goes out. */
struct whose_from4 {
    uint32_t lo, hi;
};
struct whose_from6 {
    uint64_t lo_hi, lo_lo, hi_hi, hi_lo;
};
struct whose_any {
    uint16_t out;
    uint8_t family; /* 0: both */
    uint8_t reserved;
};

/* A conversation, as one packet of it shows it. Side 0 is where that packet came from. */
struct whose_talk {
    uint32_t addr[2][4]; /* as in struct key */
    uint32_t role[2];
    uint16_t port[2];
    uint16_t iface;
    uint8_t family, proto; /* enum role_proto */
    uint8_t asked;         /* of a query: the side that is asked, as 1 << side; else both */
    uint8_t own[2];        /* is the side's address this machine's? */
    uint8_t reserved;
};

/* A piece of a datagram that is in no other. */
struct whose_piece {
    uint32_t src[4], dst[4], id;
    uint32_t proto; /* of IPv4; else 0 */
};

/* The halves of an address. */
static inline uint64_t whose_high(const uint32_t a[4]) { return (uint64_t)a[0] << 32 | a[1]; }
static inline uint64_t whose_low(const uint32_t a[4]) { return (uint64_t)a[2] << 32 | a[3]; }

/* Where the look-up of an address begins. */
static inline uint32_t whose_slot(uint32_t mask, unsigned family, uint64_t high, uint64_t low)
{
    uint64_t h = high * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 29 ^ low ^ family) * 0xbf58476d1ce4e5b9u;
    return (uint32_t)(h >> 32) & mask;
}

/* The worker, of a hash. */
static inline unsigned whose_one_of(const struct whose *w, uint64_t hash)
{
    return (unsigned)((hash >> 32) * w->workers >> 32);
}

/* Who puts the datagram's pieces in order. */
static inline unsigned whose_datagram(const struct whose *w, const struct whose_piece *f)
{
    const hash_word words[5] = {hash_pair(f->src[0], f->src[1]), hash_pair(f->src[2], f->src[3]),
                                hash_pair(f->dst[0], f->dst[1]), hash_pair(f->dst[2], f->dst[3]),
                                hash_pair(f->id, f->proto)};
    return whose_one_of(w, hash_words(&w->hash, words, 5));
}
