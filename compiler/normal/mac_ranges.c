/* MACs as ranges. The difference of two predicates is seldom a predicate that a rule could express ("multicast, but
 * not these"), so regions keep their results as ranges. The group bit comes first in the numbers, which makes
 * unicast and multicast one range each, and a number past them all represents frames without a MAC. */
#include <stdlib.h>
#include <string.h>

#include "compiler/normal/normal.h"
#include "lang/heap.h"
#include "lang/order.h"
#include "vm/judge/decide.h"

#define GROUP_BIT  ((uint64_t)1 << 40) /* group bit of the MAC, first octet first */
#define MAC_GROUPS ((uint64_t)1 << 47)
#define MAC_NOBODY ((uint64_t)1 << 48)
#define BROADCAST  (MAC_NOBODY - 1) /* a group address, too */

/* Pairs of first and last number, for the time of a computation: lists of MACs are long, and intermediate results are
 * freed. */
struct list {
    uint64_t *v;
    uint32_t count;
};

static void list_free(struct list *l) { free(l->v); }
#define SCRATCH __attribute__((cleanup(list_free)))

uint64_t mac_number(uint64_t mac)
{
    return (mac & (GROUP_BIT - 1)) | (mac >> 41) << 40 | (mac & GROUP_BIT ? MAC_GROUPS : 0);
}

uint64_t mac_of_number(uint64_t number)
{
    const uint64_t low = number & (GROUP_BIT - 1), high = (number & (MAC_GROUPS - 1)) >> 40;
    return low | high << 41 | (number & MAC_GROUPS ? GROUP_BIT : 0);
}

static void range_append(struct list *l, uint64_t lo, uint64_t hi)
{
    if (l->count && l->v[2 * l->count - 1] + 1 >= lo) {
        if (l->v[2 * l->count - 1] < hi) l->v[2 * l->count - 1] = hi;
        return;
    }
    l->v[2 * l->count] = lo;
    l->v[2 * l->count++ + 1] = hi;
}

static struct list list_of(uint32_t count)
{
    return (struct list){.v = heap_resized(NULL, (size_t)count + 1, 2 * sizeof(uint64_t))};
}

/* Return all numbers up to `most` that are not in the list. */
static struct list ranges_outside(const struct list *a, uint64_t most)
{
    struct list out = list_of(a->count + 1);
    uint64_t next = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->v[2 * i] > next) range_append(&out, next, a->v[2 * i] - 1);
        next = a->v[2 * i + 1] + 1;
    }
    if (next <= most) range_append(&out, next, most);
    return out;
}

/* Return a rule's predicate: some MACs and kinds, or, negated, all other MACs. */
static struct list list_of_macs(const struct ir_macs *m)
{
    struct list out = list_of(m->count + 2);
    SCRATCH struct list numbers = list_of(m->count / 2);
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->count; i++) numbers.v[n++] = mac_number(m->macs[i]);
    if (n > 1) qsort(numbers.v, n, sizeof(*numbers.v), order_u64);
    for (uint32_t i = 0; i < n; i++)
        if (!(m->kinds & MAC_MULTICAST) || numbers.v[i] < MAC_GROUPS) range_append(&out, numbers.v[i], numbers.v[i]);
    if (m->kinds & MAC_MULTICAST)
        range_append(&out, MAC_GROUPS, MAC_NOBODY - 1);
    else if (m->kinds & MAC_BROADCAST)
        range_append(&out, MAC_NOBODY - 1, MAC_NOBODY - 1);
    if (!m->negated) return out;
    const struct list others = ranges_outside(&out, MAC_NOBODY - 1);
    list_free(&out);
    return others;
}

static struct list list_by_id(const struct ir *ir, uint32_t id)
{
    const struct ir_macs *m = ir_macs(ir, id);
    if (id == IR_ALL) {
        struct list all = list_of(1);
        range_append(&all, 0, MAC_NOBODY);
        return all;
    }
    if (m->kinds != MACS_ARE_RANGES) return list_of_macs(m);
    struct list out = list_of(m->count / 2);
    memcpy(out.v, m->macs, m->count * sizeof(*out.v));
    out.count = m->count / 2;
    return out;
}

static bool lists_same(const struct list *a, const struct list *b)
{
    return a->count == b->count && (a->count == 0 || memcmp(a->v, b->v, 2 * a->count * sizeof(*a->v)) == 0);
}

static struct list and_of(const struct list *a, const struct list *b)
{
    struct list out = list_of(a->count + b->count);
    for (uint32_t i = 0, j = 0; i < a->count && j < b->count;) {
        const uint64_t lo = a->v[2 * i] > b->v[2 * j] ? a->v[2 * i] : b->v[2 * j];
        const uint64_t hi = a->v[2 * i + 1] < b->v[2 * j + 1] ? a->v[2 * i + 1] : b->v[2 * j + 1];
        if (lo <= hi) range_append(&out, lo, hi);
        if (a->v[2 * i + 1] < b->v[2 * j + 1])
            i++;
        else
            j++;
    }
    return out;
}

static uint32_t intern(struct ir *ir, const struct list *l)
{
    if (l->count == 0) return IR_EMPTY;
    if (l->count == 1 && l->v[0] == 0 && l->v[1] == MAC_NOBODY) return IR_ALL;
    return ir_intern_macs(
        ir, &(struct ir_macs){.macs = l->v, .count = 2 * l->count, .kinds = MACS_ARE_RANGES, .set = PBC_NONE});
}

uint32_t macs_and(struct ir *ir, uint32_t a, uint32_t b)
{
    if (a == b || b == IR_ALL) return a;
    if (a == IR_ALL) return b;
    SCRATCH struct list x = list_by_id(ir, a), y = list_by_id(ir, b), both = and_of(&x, &y);
    return lists_same(&both, &x) ? a : lists_same(&both, &y) ? b : intern(ir, &both);
}

uint32_t macs_minus(struct ir *ir, uint32_t a, uint32_t b)
{
    if (a == b || b == IR_ALL) return IR_EMPTY;
    SCRATCH struct list x = list_by_id(ir, a), y = list_by_id(ir, b), not_y = ranges_outside(&y, MAC_NOBODY);
    SCRATCH struct list left = and_of(&x, &not_y);
    return lists_same(&left, &x) ? a : intern(ir, &left);
}

static bool in_pairs(const struct ir_macs *m, uint64_t number)
{
    for (uint32_t i = 0; i < m->count; i += 2)
        if (m->macs[i] <= number && number <= m->macs[i + 1]) return true;
    return false;
}

bool macs_have(const struct ir *ir, uint32_t id, uint64_t mac)
{
    const struct ir_macs *m = ir_macs(ir, id);
    if (id == IR_ALL) return true;
    if (m->kinds == MACS_ARE_RANGES) return in_pairs(m, mac == MAC_NONE ? MAC_NOBODY : mac_number(mac));
    if (mac == MAC_NONE) return false;
    const bool found = (m->count && bsearch(&mac, m->macs, m->count, sizeof(mac), order_u64)) || mac_is(mac, m->kinds);
    return found != m->negated;
}

bool macs_some(const struct ir *ir, uint32_t id)
{
    const struct ir_macs *m = ir_macs(ir, id);
    if (id == IR_ALL) return true;
    if (m->kinds == MACS_ARE_RANGES) return m->macs[0] < MAC_NOBODY;
    return m->count || m->kinds || m->negated;
}

bool macs_pick(const struct ir *ir, uint32_t id, uint64_t seed, uint64_t *mac)
{
    const struct ir_macs *m = ir_macs(ir, id);
    const uint64_t tries[] = {seed & (BROADCAST & ~GROUP_BIT), (seed & BROADCAST) | GROUP_BIT, BROADCAST};
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        *mac = tries[i];
        if (macs_have(ir, id, *mac)) return true;
    }
    for (uint32_t i = 0; m->kinds == MACS_ARE_RANGES && i < m->count; i += 2)
        if (m->macs[i] < MAC_NOBODY) {
            *mac = mac_of_number(m->macs[i]);
            return true;
        }
    if (!m->count || m->negated || m->kinds == MACS_ARE_RANGES) return false;
    *mac = m->macs[seed % m->count];
    return true;
}

double macs_part(const struct ir *ir, uint32_t id)
{
    SCRATCH struct list l = list_by_id(ir, id);
    double n = 0;
    for (uint32_t i = 0; i < l.count; i++) n += (double)(l.v[2 * i + 1] - l.v[2 * i]) + 1;
    return n / (double)(MAC_NOBODY + 1);
}
