/* Rendezvous by weight (Thaler and Ravishankar 1998; the logarithms by Schindelhauer and Schomaker, SPAA 2005): each
 * server draws a number from its name and the client's value, and the least wins. A server that goes leaves its clients
 * to all others by weight, and no other client moves. */
#include "vm/forward/balance/balance_priv.h"

/* Return 2^20 times -log2(h / 2^64), rounded up, for h above 0. */
static uint64_t minus_log2(uint64_t h)
{
    const unsigned zeros = (unsigned)__builtin_clzll(h);
    uint64_t m = h << zeros, part = 0; /* m / 2^63 is 1 to 2 */
    for (unsigned i = 0; i < 20; i++) {
        const unsigned __int128 square = (unsigned __int128)m * m;
        const bool two = square >> 127;
        part = part << 1 | two;
        m = (uint64_t)(square >> (two ? 64 : 63));
    }
    return ((uint64_t)(zeros + 1) << 20) - part;
}

uint32_t lb_by_value(const struct lb *lb, const uint32_t *server, const uint64_t *names, uint64_t hash)
{
    uint32_t best = LB_NONE;
    uint64_t least = 0;
    for (uint32_t i = 0; i < lb->cfg.count; i++) {
        if (!lb->weights[i]) continue;
        const uint64_t drawn = minus_log2(lb_siphash((struct lb_hash_key){names[server[i]], hash}, "", 0) | 1);
        if (best != LB_NONE && drawn * lb->weights[best] >= least * lb->weights[i]) continue;
        best = i;
        least = drawn;
    }
    return best;
}
