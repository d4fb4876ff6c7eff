/* Comparison of one lane of a block, up to its first difference: for the scalar walk and the kernel's. The including
 * file first defines OF_KEY(), LANE_IN_TURN(size) and the columns of a block. */

static inline bool in_range(uint32_t range, uint32_t port)
{
    return port >= (range & 0xffff) && 65535 - port >= range >> 16;
}

static inline bool slot_matches(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                const struct key *key, unsigned slot, unsigned lane)
{
    return (key->slot[OF_KEY(f->slot[slot], 15)] & block_masks(b, size, slot)[lane]) == block_values(b, slot)[lane];
}

/* Compare the ports and all slots but the first, which the caller has compared. Without a branch: a verifier would
 * follow each both ways, lane after lane. */
static inline uint32_t outside(uint32_t range, uint32_t port)
{
    return ((port - (range & 0xffff)) | (65535 - port - (range >> 16))) >> 31;
}
static INLINE bool rest_matches_at_once(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                        const struct key *key, unsigned lane)
{
    const uint32_t half = block_column(b, pbc_col_half(size))[lane];
    uint32_t differ = (key->half[OF_KEY(f->half, 31)] ^ half) & half >> 16;
    for (unsigned i = 1; i < pbc_format_slots(size); i++)
        differ |= (key->slot[OF_KEY(f->slot[i], 15)] & block_masks(b, size, i)[lane]) ^ block_values(b, i)[lane];
    differ |= outside(block_column(b, pbc_col_sport(size))[lane], key->src_port);
    differ |= outside(block_column(b, pbc_col_dport(size))[lane], key->dst_port);
    return !differ;
}

/* Compare one after the other, which is faster. */
static INLINE bool rest_matches_in_turn(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                        const struct key *key, unsigned lane)
{
    const uint32_t half = block_column(b, pbc_col_half(size))[lane];
    for (unsigned i = 1; i < pbc_format_slots(size); i++)
        if (!slot_matches(b, f, size, key, i, lane)) return false;
    return !((key->half[OF_KEY(f->half, 31)] ^ half) & half >> 16) &&
           in_range(block_column(b, pbc_col_sport(size))[lane], key->src_port) &&
           in_range(block_column(b, pbc_col_dport(size))[lane], key->dst_port);
}

static INLINE bool rest_matches(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                const struct key *key, unsigned lane)
{
    return LANE_IN_TURN(size) ? rest_matches_in_turn(b, f, size, key, lane)
                              : rest_matches_at_once(b, f, size, key, lane);
}
