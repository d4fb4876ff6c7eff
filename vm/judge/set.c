/* Membership of an address in a set of sorted, disjoint ranges: the last range that starts at or below the address is
 * the only one that may hold it. The search halves without branches on the data, so no traffic can make it mispredict.
 * Large sets have a table that says where to search (set_index.h).
 */
#include "vm/judge/judge.h"
#include "vm/judge/set_walk.h"

static bool search4(const struct pbc_range *r, uint32_t n, uint32_t addr)
{
    if (n == 0) return false;
    while (n > 1) {
        uint32_t half = n / 2;
        r += r[half].lo <= addr ? half : 0;
        n -= half;
    }
    return r->lo <= addr && addr <= r->hi;
}

static bool search6(const struct pbc_range6 *r, uint32_t n, u128 addr)
{
    if (n == 0) return false;
    while (n > 1) {
        uint32_t half = n / 2;
        r += join64(r[half].lo_hi, r[half].lo_lo) <= addr ? half : 0;
        n -= half;
    }
    return join64(r->lo_hi, r->lo_lo) <= addr && addr <= join64(r->hi_hi, r->hi_lo);
}

bool set_has(const struct program *p, uint32_t set, const struct key *key, bool dst)
{
    const struct pbc_set *s = &p->sets[set];
    const uint32_t *a = dst ? key->dst : key->src;
    if (key->kind & KIND_IP4) {
        uint32_t node = node_of_set(p, set, false);
        struct few few = node ? walk4(p, node, a[0]) : (struct few){s->first4, s->count4};
        return search4(p->set4 + few.first, few.count, a[0]);
    }
    if (!(key->kind & KIND_IP6)) return false;
    uint32_t node = node_of_set(p, set, true);
    struct few few = node ? walk6(p, node, wide_of(a)) : (struct few){s->first6, s->count6};
    return search6(p->set6 + few.first, few.count, wide_of(a));
}

bool set_has_plain(const struct program *p, uint32_t set, const struct key *key, bool dst)
{
    const struct pbc_set *s = &p->sets[set];
    const uint32_t *a = dst ? key->dst : key->src;
    if (key->kind & KIND_IP4) return search4(p->set4 + s->first4, s->count4, a[0]);
    return key->kind & KIND_IP6 && search6(p->set6 + s->first6, s->count6, wide_of(a));
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
