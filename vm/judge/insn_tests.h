/* Tests of instructions on one packet, other than plain comparisons of a slot: the same for all ways to run code.
 * Nothing is checked: the verifier proved operands. */
#pragma once

#include "vm/judge/effects.h"

static inline bool same_prefix(const struct insn *n, const struct key *key)
{
    return (key->slot[n->a >> 5] ^ n->imm) >> (n->a & 31) == 0;
}

/* True if lo <= half <= hi, by one comparison: a half below lo wraps around to a large number. */
static inline bool half_in(const struct insn *n, const struct key *key)
{
    uint32_t lo = n->imm >> 16, hi = n->imm & 0xffff;
    return key->half[n->a] - lo <= hi - lo;
}

static inline bool mac_in_set(const struct program *p, const struct insn *n, const struct key *key,
                              const struct pkt *pkt)
{
    return key->kind & KIND_ETHER && mac_set_has(p, n->imm, pkt_mac(pkt, n->a));
}

static inline bool mac_of_kind(const struct insn *n, const struct key *key, const struct pkt *pkt)
{
    return key->kind & KIND_ETHER && mac_is(pkt_mac(pkt, n->a), n->imm);
}

static inline bool pattern_at(const struct program *p, const struct insn *n, const struct key *key,
                              const struct pkt *pkt)
{
    return pkt_pattern(pkt, key, &p->patterns[n->imm]);
}

static inline bool half_in_map(const struct program *p, const struct insn *n, const struct key *key)
{
    uint32_t half = key->half[n->a];
    return p->maps[n->imm].bits[half / 32] >> half % 32 & 1;
}

/* Test a number that the key has no room for (key.h). An unknown number is in no range. */
static inline bool header_in(const struct program *p, const struct insn *n, const struct key *key,
                             const struct pkt *pkt)
{
    const struct cond_info *const k = &cond_info[n->a];
    const struct pbc_range *const r = &p->ranges[n->imm];
    return (!k->has || key->kind & k->has) && cond_number(k, key, pkt) - r->lo <= r->hi - r->lo;
}
