/* Membership of an address in a set of sorted, disjoint ranges: the last range that starts at or below the address is
 * the only one that may hold it. The search halves without branches on the data, so no traffic can make it mispredict.
 * Large sets have a table that says where to search (set_index.h).
 */
#include "vm/judge/judge.h"
#include "vm/judge/set_walk.h"

static bool search4(const struct pbc_range *r, uint32_t n, uint32_t addr)
{
    if (n == 0) return false;
    while (LOOP(n > 1)) {
        const uint32_t half = n / 2;
        r += r[half].lo <= addr ? half : 0;
        n = LOOSE(n - half);
    }
    return r->lo <= addr && addr <= r->hi;
}

static bool search6(const struct pbc_range6 *r, uint32_t n, const struct wide *addr)
{
    if (n == 0) return false;
    while (LOOP(n > 1)) {
        const uint32_t half = n / 2;
        r += wide_up_to(r[half].lo_hi, r[half].lo_lo, addr) ? half : 0;
        n = LOOSE(n - half);
    }
    const struct wide last = {r->hi_hi, r->hi_lo};
    return wide_up_to(r->lo_hi, r->lo_lo, addr) && wide_up_to(addr->hi, addr->lo, &last);
}

/* `node`: of its table, 0: none. */
static bool has4(const struct program *p, const struct pbc_set *s, uint32_t node, uint32_t addr)
{
    if (!node) return search4(p->set4 + s->first4, s->count4, addr);
    const uint32_t few = walk4(p, node, addr);
    return search4(p->set4 + few_first(few), few_count(few), addr);
}

static bool has6(const struct program *p, const struct pbc_set *s, uint32_t node, const uint32_t a[4])
{
    struct wide addr;
    wide_of(a, &addr);
    if (!node) return search6(p->set6 + s->first6, s->count6, &addr);
    const uint32_t few = walk6(p, node, &addr);
    return search6(p->set6 + few_first(few), few_count(few), &addr);
}

bool set_has(const struct program *p, uint32_t set, const struct key *key, bool dst)
{
    const uint32_t *a = dst ? key->dst : key->src;
    if (key->kind & KIND_IP4) return has4(p, &p->sets[set], node_of_set(p, set, false), a[0]);
    return key->kind & KIND_IP6 && has6(p, &p->sets[set], node_of_set(p, set, true), a);
}

bool set_has_plain(const struct program *p, uint32_t set, const struct key *key, bool dst)
{
    const uint32_t *a = dst ? key->dst : key->src;
    if (key->kind & KIND_IP4) return has4(p, &p->sets[set], 0, a[0]);
    return key->kind & KIND_IP6 && has6(p, &p->sets[set], 0, a);
}

bool mac_set_has(const struct program *p, uint32_t set, uint64_t mac)
{
    const struct pbc_set *s = &p->macsets[set];
    const uint64_t *m = p->macs + s->first4;
    uint32_t n = s->count4;
    if (n == 0) return false;
    while (LOOP(n > 1)) {
        const uint32_t half = n / 2;
        m += m[half] <= mac ? half : 0;
        n = LOOSE(n - half);
    }
    return *m == mac;
}
