/* Membership of an address in a set of sorted, disjoint ranges: the last range that starts at or below the address is
 * the only one that may hold it. The search halves without branches on the data, so no traffic can make it mispredict.
 */
#include "vm/exec_priv.h"

typedef unsigned __int128 u128;

static u128 join(uint64_t hi, uint64_t lo) { return (u128)hi << 64 | lo; }

static bool has4(const struct pbc_range *r, uint32_t n, uint32_t addr)
{
    if (n == 0) return false;
    while (n > 1) {
        uint32_t half = n / 2;
        r += r[half].lo <= addr ? half : 0;
        n -= half;
    }
    return r->lo <= addr && addr <= r->hi;
}

static bool has6(const struct pbc_range6 *r, uint32_t n, u128 addr)
{
    if (n == 0) return false;
    while (n > 1) {
        uint32_t half = n / 2;
        r += join(r[half].lo_hi, r[half].lo_lo) <= addr ? half : 0;
        n -= half;
    }
    return join(r->lo_hi, r->lo_lo) <= addr && addr <= join(r->hi_hi, r->hi_lo);
}

bool set_has(const struct program *p, uint32_t set, const struct key *key, bool dst)
{
    const struct pbc_set *s = &p->sets[set];
    const uint32_t *a = dst ? key->dst : key->src;
    if (key->kind & KIND_IP4) return has4(p->set4 + s->first4, s->count4, a[0]);
    if (!(key->kind & KIND_IP6)) return false;
    return has6(p->set6 + s->first6, s->count6, join((uint64_t)a[0] << 32 | a[1], (uint64_t)a[2] << 32 | a[3]));
}

bool mac_set_has(const struct program *p, uint32_t set, uint64_t mac)
{
    const struct pbc_set *s = &p->macsets[set];
    const uint64_t *m = p->macs + s->first4;
    uint32_t n = s->count4;
    if (n == 0) return false;
    while (n > 1) {
        uint32_t half = n / 2;
        m += m[half] <= mac ? half : 0;
        n -= half;
    }
    return *m == mac;
}
