/* Membership in sets of addresses and of MACs, for the judge in the kernel: the walks of vm/judge/, over tables that
 * are named by index. */
#include "vm/kernel/bpf.h"
#include "vm/kernel/judge/mac.bpf.h"
#include "vm/kernel/loop.bpf.h"

SECTION(const struct pbc_set, sets);
SECTION(const struct pbc_set, macsets);
SECTION(const struct pbc_range, set4);
SECTION(const struct pbc_range6, set6);
SECTION(const uint64_t, macs);
SECTION(const uint32_t, lookup);

#define SET_PLACES
typedef uint32_t set4_at, set6_at, lookup_at, macs_at;
#define SET4(at)       (&ROW(set4, at))
#define SET6(at)       (&ROW(set6, at))
#define LOOKUP(at)     ROW(lookup, at)
#define MAC(at)        ROW(macs, at)
#define LOOKUP_NOWHERE 0
#include "vm/program/set_walk.h"

/* Return the set's outermost node in that family; 0: none. */
static inline uint32_t node_of(uint32_t set, bool six) { return LOOKUP(2 * set + six); }

static __always_inline bool has4(const struct pbc_set *s, uint32_t node, uint32_t addr)
{
    uint32_t first = s->first4, count = s->count4;
    if (node) {
        const uint32_t few = walk4(0, node, addr);
        first = few_first(few), count = few_count(few);
    }
    return among4(LOOSE(first), LOOSE(count), addr);
}

static __always_inline bool has6(const struct pbc_set *s, uint32_t node, const struct wide *addr)
{
    uint32_t first = s->first6, count = s->count6;
    if (node) {
        const uint32_t few = walk6(0, node, addr);
        first = few_first(few), count = few_count(few);
    }
    return among6(LOOSE(first), LOOSE(count), addr);
}

GLOBAL uint64_t kernel_set(struct kpkt *k NONNULL, uint32_t set, uint32_t dst)
{
    const struct pbc_set *s = &ROW(sets, set);
    if (k->key.kind & KIND_IP4) return has4(s, node_of(set, false), dst ? k->key.dst[0] : k->key.src[0]);
    if (!(k->key.kind & KIND_IP6)) return 0;
    struct wide addr;
    if (dst)
        wide_of(k->key.dst, &addr);
    else
        wide_of(k->key.src, &addr);
    return has6(s, node_of(set, true), &addr);
}

GLOBAL uint64_t kernel_mac_set(struct kpkt *k NONNULL, uint32_t set, uint32_t dst)
{
    if (!(k->key.kind & KIND_ETHER)) return 0;
    const struct pbc_set *s = &ROW(macsets, set);
    return mac_among(LOOSE(s->first4), LOOSE(s->count4), kernel_mac(k, dst));
}
