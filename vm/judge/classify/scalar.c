/* The walk that needs nothing of a processor: every lane by itself. */
#include "vm/judge/classify/walk_priv.h"

#define TARGET

static inline bool lane_matches(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                const struct key *key, unsigned lane)
{
    uint32_t differs = 0;
    for (unsigned i = 0; i < pbc_format_slots(size); i++)
        differs |= (key->slot[f->slot[i]] & block_masks(b, size, i)[lane]) ^ block_values(b, i)[lane];
    const uint32_t sport = block_column(b, pbc_col_sport(size))[lane],
                   dport = block_column(b, pbc_col_dport(size))[lane];
    const uint32_t half = block_column(b, pbc_col_half(size))[lane];
    differs |= (key->half[f->half] ^ half) & half >> 16;
    return !differs && key->src_port >= (sport & 0xffff) && 65535 - key->src_port >= (int)(sport >> 16) &&
           key->dst_port >= (dport & 0xffff) && 65535 - key->dst_port >= (int)(dport >> 16);
}

static INLINE unsigned matching(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                const struct key *key)
{
    unsigned lanes = 0;
    for (unsigned lane = 0; lane < 8; lane++) lanes |= (unsigned)lane_matches(b, f, size, key, lane) << lane;
    return lanes;
}

#include "vm/judge/classify/one.h"
#include "vm/judge/classify/batch.h"

const struct walk_ops walk_scalar = {.name = "scalar", .one = one, .batch = batch};
