/* The walk that needs nothing of a processor: lane by lane, and none further than to its first difference. */
#include "vm/judge/classify/walk_priv.h"

#define TARGET

static inline bool in_range(uint32_t range, uint32_t port)
{
    return port >= (range & 0xffff) && 65535 - port >= range >> 16;
}

static inline bool slot_matches(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                const struct key *key, unsigned slot, unsigned lane)
{
    return (key->slot[f->slot[slot]] & block_masks(b, size, slot)[lane]) == block_values(b, slot)[lane];
}

/* Do the other slots and the ports match? The caller has compared the first slot. */
static INLINE bool rest_matches(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                const struct key *key, unsigned lane)
{
    const uint32_t half = block_column(b, pbc_col_half(size))[lane];
    for (unsigned i = 1; i < pbc_format_slots(size); i++)
        if (!slot_matches(b, f, size, key, i, lane)) return false;
    return !((key->half[f->half] ^ half) & half >> 16) &&
           in_range(block_column(b, pbc_col_sport(size))[lane], key->src_port) &&
           in_range(block_column(b, pbc_col_dport(size))[lane], key->dst_port);
}

/* Few lanes match in their first slot; of the others nothing more is read. */
static INLINE unsigned matching(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                const struct key *key)
{
    unsigned first = 0, lanes = 0;
    for (unsigned lane = 0; lane < 8; lane++) first |= (unsigned)slot_matches(b, f, size, key, 0, lane) << lane;
    for (; first; first &= first - 1) {
        const unsigned lane = (unsigned)__builtin_ctz(first);
        lanes |= (unsigned)rest_matches(b, f, size, key, lane) << lane;
    }
    return lanes;
}

#include "vm/judge/classify/one.h"
#include "vm/judge/classify/batch.h"

const struct walk_ops walk_scalar = {.name = "scalar", .one = one, .batch = batch};
