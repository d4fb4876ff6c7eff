/* A step towards the rank of an address (pbc.h: struct pbc_rank), the same for native walks and the kernel. The
 * including file first defines NOT_BELOW(a, b), 1 if a is at least b, else 0; IS(a, b), 1 if they are equal, else 0;
 * and BOUND_AT(i), the index of a bound, which is below 8. */

/* An address as two numbers. */
struct address {
    uint64_t upper, lower;
};
/* Return the address whose first word in the key is `word`: the key holds the more significant slot first. */
static INLINE struct address address_of(const struct key *key, unsigned word)
{
    return (struct address){key->word[word] << 32 | key->word[word] >> 32,
                            key->word[word + 1] << 32 | key->word[word + 1] >> 32};
}

/* Return 1 if bound `i` of a node is at or below the address, else 0. lower: the node's line of lower halves; NULL:
 * the node is not wide. */
static INLINE uint32_t bound_up_to(const struct pbc_rank *node, const struct pbc_rank *lower, size_t i,
                                   struct address a)
{
    const uint64_t upper = node->word[i];
    if (!lower) return NOT_BELOW(a.upper, upper);
    return (NOT_BELOW(a.upper, upper) & (1 - IS(a.upper, upper))) |
           (IS(a.upper, upper) & NOT_BELOW(a.lower, lower->word[i]));
}

/* Return 1 if the address is in the range of bound `i` of a wide leaf, else 0; bound i is at or below it. */
static INLINE uint32_t bound_holds(const struct pbc_rank *node, const struct pbc_rank *lower, unsigned i,
                                   struct address a)
{
    const uint64_t bits = RANK_FREE(lower->word[RANK_REST], i), of_both = bits >> 6, ones = UINT64_MAX << (bits & 63);
    const uint64_t one_half = 0 - ((of_both - 1) >> 63), all = 0 - (of_both >> 1 & 1); /* masks of free bits */
    const uint64_t upper = (a.upper ^ node->word[i]) & (ones | one_half) & ~all,
                   below = (a.lower ^ lower->word[i]) & ones & one_half;
    return IS(upper | below, 0);
}

/* Return where a node leads with `at` bounds at or below the address: a line, or a leaf's rank. `lower` as above. */
static INLINE uint32_t rank_to(const struct pbc_rank *node, const struct pbc_rank *lower, uint32_t at, struct address a)
{
    const uint64_t rest = node->word[RANK_REST];
    if (!lower || RANK_KIND(rest) == RANK_INNER) return RANK_TO(rest, at);
    const uint32_t some = (at + 7) >> 3; /* 1 if any bound is below, else 0 */
    return RANK_BASE(rest) + 2 * at - (some & bound_holds(node, lower, (at - some) & 7, a));
}

/* Return the number of a node's bounds at or below the address. Bisects without a branch that an address could
 * mispredict; unused bounds are above all addresses but the last, for which the node's own number is right. */
static INLINE uint32_t bounds_halved(const struct pbc_rank *node, const struct pbc_rank *lower, struct address a)
{
    uint32_t at = bound_up_to(node, lower, 3, a) << 2;
    at |= bound_up_to(node, lower, BOUND_AT(at + 1), a) << 1;
    at |= bound_up_to(node, lower, BOUND_AT(at), a);
    const uint32_t count = RANK_COUNT(node->word[RANK_REST]);
    return at < count ? at : count;
}
