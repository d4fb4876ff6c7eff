/* Membership of an address in a set of sorted, disjoint ranges. Large sets have a table that shows where to search
 * (set_index.h). */
#include "vm/judge/effects.h"
#include "vm/judge/lives.h"
#include "vm/program/set_walk.h"

/* True if the set holds the address. node: of the set's look-up table; 0: it has none. */
static bool has4(const struct program *p, const struct pbc_set *s, uint32_t node, uint32_t addr)
{
    if (!node) return among4(p->set4 + s->first4, s->count4, addr);
    const uint32_t few = walk4(p->lookup, node, addr);
    return among4(p->set4 + few_first(few), few_count(few), addr);
}

static bool has6(const struct program *p, const struct pbc_set *s, uint32_t node, const uint32_t a[4])
{
    struct wide addr;
    wide_of(a, &addr);
    if (!node) return among6(p->set6 + s->first6, s->count6, &addr);
    const uint32_t few = walk6(p->lookup, node, &addr);
    return among6(p->set6 + few_first(few), few_count(few), &addr);
}

/* Return the set without live parts that has the address if `set` has it now. */
static uint32_t set_now(const struct program *p, uint32_t set, const struct key *key, bool dst)
{
    while (p->sets[set].live) {
        const struct pbc_live_node *n = &p->live_nodes[p->sets[set].live - 1];
        set = lives_have(p->members, n->live, key, dst) ? n->in : n->out;
    }
    return set;
}

bool set_has(const struct program *p, uint32_t set, const struct key *key, bool dst)
{
    const uint32_t *a = dst ? key->dst : key->src;
    set = set_now(p, set, key, dst);
    if (key->kind & KIND_IP4) return has4(p, &p->sets[set], node_of_set(p->lookup, set, false), a[0]);
    return key->kind & KIND_IP6 && has6(p, &p->sets[set], node_of_set(p->lookup, set, true), a);
}

bool set_has_plain(const struct program *p, uint32_t set, const struct key *key, bool dst)
{
    const uint32_t *a = dst ? key->dst : key->src;
    set = set_now(p, set, key, dst);
    if (key->kind & KIND_IP4) return has4(p, &p->sets[set], 0, a[0]);
    return key->kind & KIND_IP6 && has6(p, &p->sets[set], 0, a);
}

bool mac_set_has(const struct program *p, uint32_t set, uint64_t mac)
{
    const struct pbc_set *s = &p->macsets[set];
    return mac_among(p->macs + s->first4, s->count4, mac);
}
