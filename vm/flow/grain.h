/* Networks by which flows are counted: `flows over N per source/24,/56`. A program lists the prefix lengths of its
 * conditions (GRAINS); each counted flow counts once for each of these networks of its opener. A key holds its
 * length, so several lengths share one table. Counts go on under another program with the same lengths. Inline, for
 * both executors. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/pbc.h"

/* The lengths in use; part of the kernel's flow head, too */
struct grains {
    uint32_t count;
    struct pbc_grain of[PBC_GRAINS_MAX];
};

/* Return the grains of a program, at most PBC_GRAINS_MAX. */
static inline struct grains grains_of(const struct pbc_grain *list, uint32_t count)
{
    struct grains g = {.count = count};
    for (uint32_t i = 0; i < count; i++) g.of[i] = list[i];
    return g;
}

static inline bool grain_equal(const struct pbc_grain *a, const struct pbc_grain *b)
{
    return a->len4 == b->len4 && a->len6 == b->len6;
}

/* True if g has all lengths of `other`. */
static inline bool grains_hold(const struct grains *g, const struct grains *other)
{
    for (uint32_t i = 0; i < other->count; i++) {
        uint32_t k = 0;
        while (k < g->count && !grain_equal(&g->of[k], &other->of[i])) k++;
        if (k == g->count) return false;
    }
    return true;
}

static inline unsigned grain_len(const struct pbc_grain *g, bool v6) { return v6 ? g->len6 : g->len4; }

/* True if an earlier grain names the same networks of that family. */
static inline bool grain_again(const struct grains *g, uint32_t i, bool v6)
{
    for (uint32_t k = 0; k < i && k < PBC_GRAINS_MAX; k++)
        if (grain_len(&g->of[k], v6) == grain_len(&g->of[i % PBC_GRAINS_MAX], v6)) return true;
    return false;
}

/* Cut an address, as in struct key, to its network. */
static inline void grain_cut(const uint32_t addr[4], unsigned len, uint32_t to[4])
{
    for (unsigned i = 0; i < 4; i++) {
        const unsigned bits = len <= 32 * i ? 0 : len - 32 * i;
        to[i] = bits == 0 ? 0 : bits >= 32 ? addr[i] : addr[i] & ~(UINT32_MAX >> bits);
    }
}

/* Return the number that distinguishes networks with equal address bits (sources.h, `of`). */
static inline unsigned grain_of(unsigned len, bool v6) { return len << 1 | v6; }

static inline bool grain_same(const uint32_t a[4], const uint32_t b[4], unsigned len)
{
    uint32_t x[4], y[4];
    grain_cut(a, len, x);
    grain_cut(b, len, y);
    return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3];
}
