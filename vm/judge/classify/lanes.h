/* Comparison of one lane of a block, up to its first difference: for the scalar walk and the kernel's. The including
 * file first defines OF_KEY(), LANE_IN_TURN(size) and the columns of a block. */

static inline bool in_range(uint32_t range, uint32_t port)
{
    return port >= (range & 0xffff) && 65535 - port >= range >> 16;
}

static INLINE bool slot_matches(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                const struct key *key, unsigned slot, unsigned lane)
{
    return (key->slot[OF_KEY(f->slot[slot], 15)] & block_masks(b, size, slot)[lane]) == block_values(b, slot)[lane];
}

/* Return 1 if the rank lies outside the lane's range, else 0. */
static INLINE uint32_t rank_outside(const struct pbc_block *b, unsigned size, uint64_t rank, unsigned slot,
                                    unsigned lane)
{
    const uint64_t lo = block_values(b, slot)[lane], hi = block_masks(b, size, slot)[lane];
    return (uint32_t)(((rank - lo) | (hi - rank)) >> 63);
}
/* The first question of a lane: its first slot, or the ranks of both addresses. */
static INLINE bool begins(const struct pbc_block *b, const struct pbc_format *f, unsigned size, const struct key *key,
                          unsigned lane, unsigned ranks)
{
    if (!ranks) return slot_matches(b, f, size, key, 0, lane);
    return !(rank_outside(b, size, key->src[0], 0, lane) | rank_outside(b, size, key->dst[0], 1, lane));
}

/* Compare the ports and all slots from `first` on; the caller has compared those before. Without a branch: a verifier
 * would follow each both ways, lane after lane. */
static inline uint32_t outside(uint32_t range, uint32_t port)
{
    return ((port - (range & 0xffff)) | (65535 - port - (range >> 16))) >> 31;
}
static INLINE bool rest_matches_at_once(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                        const struct key *key, unsigned lane, unsigned first)
{
    const uint32_t half = block_column(b, pbc_col_half(size))[lane];
    uint32_t differ = (key->half[OF_KEY(f->half, 31)] ^ half) & half >> 16;
    for (unsigned i = first; i < pbc_format_slots(size); i++)
        differ |= (key->slot[OF_KEY(f->slot[i], 15)] & block_masks(b, size, i)[lane]) ^ block_values(b, i)[lane];
    differ |= outside(block_column(b, pbc_col_sport(size))[lane], key->src_port);
    differ |= outside(block_column(b, pbc_col_dport(size))[lane], key->dst_port);
    return !differ;
}

/* Compare one after the other, which is faster. */
static INLINE bool rest_matches_in_turn(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                        const struct key *key, unsigned lane, unsigned first)
{
    const uint32_t half = block_column(b, pbc_col_half(size))[lane];
    for (unsigned i = first; i < pbc_format_slots(size); i++)
        if (!slot_matches(b, f, size, key, i, lane)) return false;
    return !((key->half[OF_KEY(f->half, 31)] ^ half) & half >> 16) &&
           in_range(block_column(b, pbc_col_sport(size))[lane], key->src_port) &&
           in_range(block_column(b, pbc_col_dport(size))[lane], key->dst_port);
}

/* Compare what begins() has not. */
static INLINE bool rest_matches(const struct pbc_block *b, const struct pbc_format *f, unsigned size,
                                const struct key *key, unsigned lane, unsigned ranks)
{
    const unsigned first = ranks ? ranks : 1;
    return LANE_IN_TURN(size) ? rest_matches_in_turn(b, f, size, key, lane, first)
                              : rest_matches_at_once(b, f, size, key, lane, first);
}
