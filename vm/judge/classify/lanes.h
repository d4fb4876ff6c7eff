/* Comparison of one lane of a block, for the scalar walk and the kernel's. The including file first defines
 * OF_KEY(), a part of the key that a format names, and the columns of a block. It also defines LANE_IN_TURN: whether
 * a comparison ends at the first column that differs, or has no branch, because a verifier follows each branch both
 * ways. With LANE_BY_BRANCH a range is compared by a branch, in half of the instructions. */

/* Return 0 if the column's word holds the half. */
static inline uint32_t outside(uint32_t range, uint32_t half)
{
    if (LANE_BY_BRANCH) return half < (range & 0xffff) || half + (range >> 16) > 65535;
    return ((half - (range & 0xffff)) | (65535 - half - (range >> 16))) >> 31;
}
static inline uint32_t other_bits(uint32_t masked, uint32_t half) { return (masked ^ half) & masked >> 16; }

/* Return 0 if the rank is in the lane's range, which is in columns `at` and `at` + 1. */
static INLINE uint32_t rank_outside(const struct pbc_line *b, uint64_t rank, unsigned at, unsigned lane)
{
    const uint64_t lo = block_column(b, at)[lane], hi = block_column(b, at + 1)[lane];
    return (uint32_t)(((rank - lo) | (hi - rank)) >> 63);
}

static INLINE uint32_t half_of(const struct pbc_format *f, const struct key *key, unsigned column)
{
    return key->half[OF_KEY(PBC_HALF(f->half[OF_KEY(column - 1, 31)]), 31)];
}

/* Return 0 if the slot matches the lane's value and mask. */
static INLINE uint32_t pair_differs(const struct pbc_line *b, const struct pbc_format *f, const struct key *key,
                                    unsigned at, unsigned lane)
{
    const uint32_t slot = key->slot[OF_KEY(PBC_HALF(f->half[OF_KEY(at - 1, 31)]) / 2, 15)];
    return (slot & block_column(b, at + 1)[lane]) ^ block_column(b, at)[lane];
}

/* Return 0 if the half matches the lane's column. */
static INLINE uint32_t half_differs(const struct pbc_line *b, const struct pbc_format *f, const struct key *key,
                                    unsigned at, unsigned lane, bool masked)
{
    const uint32_t word = block_column(b, at)[lane], half = half_of(f, key, at);
    return masked ? other_bits(word, half) : outside(word, half);
}

/* Make the first comparison of a lane: the ranks of both addresses, a pair, or column 1. */
static INLINE bool begins(const struct pbc_line *b, const struct pbc_format *f, enum masked masked,
                          const struct key *key, unsigned lane, bool ranked)
{
    if (ranked) return !(rank_outside(b, key->src[0], 1, lane) | rank_outside(b, key->dst[0], 3, lane));
    if (masked == ANY_MASKED && f->pairs) return !pair_differs(b, f, key, 1, lane);
    return !half_differs(b, f, key, 1, lane, false);
}

/* Compare the columns that begins() has not compared, and in formats with pairs the first pair again. */
static INLINE bool rest_matches(const struct pbc_line *b, const struct pbc_format *f, unsigned lines,
                                enum masked masked, const struct key *key, unsigned lane, bool ranked)
{
    const unsigned wide = wide_columns(f, masked, ranked);
    uint32_t differ = 0;
    for (unsigned i = 1; !ranked && i < wide; i += 2) {
        const uint32_t other = pair_differs(b, f, key, i, lane);
        if (LANE_IN_TURN && other) return false;
        differ |= other;
    }
    for (unsigned i = wide ? wide + 1 : 2; i <= pbc_columns(lines); i++) {
        const uint32_t other = half_differs(b, f, key, i, lane, is_masked(f, i, lines, masked));
        if (LANE_IN_TURN && other) return false;
        differ |= other;
    }
    return LANE_IN_TURN || !differ;
}
