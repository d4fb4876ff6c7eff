/* An index of products by enclosing prefixes. All prefixes are known before the first product, so they form a fixed
 * forest: sorted, each with the next wider one as parent. A binary search and a walk up find all that enclose an
 * address. Each pair of source and destination prefix has lists of products: one for products without a single value,
 * and one for each single value of a field. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/rules/cover_priv.h"
#include "lang/hash.h"
#include "lang/heap.h"

enum { DEEP = 66 }; /* most prefixes around one address, `any` included */

/* bits: upper 64 of the address, an IPv4 address in the upper half; node 0 is any */
struct prefix_node {
    uint64_t bits;
    uint64_t partners; /* a bit, by hash, for each prefix of the other side that forms a pair with this one */
    uint32_t parent;
    uint8_t len, v6;
};

struct forest {
    struct prefix_node *node;
    uint32_t count, first6; /* nodes of IPv6 begin at first6 */
};

/* Fields whose single values, if few, have separate lists, in order of preference */
static const uint8_t selectors[] = {
    IR_DPORT, IR_SPORT, IR_SRC_MAC, IR_DST_MAC, IR_VLAN, IR_INNER, IR_IFACE, IR_TYPE, IR_CODE, IR_ETHER,
#define IP_NUMBERS_ALONE
#define IP_NUMBER(ident, ...) IR_##ident,
#include "vm/cond.def"
};
enum { SELECTORS = sizeof(selectors), NO_SELECTOR = SELECTORS, FEW = 4 };
static_assert(SELECTORS <= 16, "a bit each in chain.kinds");

/* Products with this pair of prefixes and this selector's value. The chain without a selector also has the selectors
 * that occur with its pair. */
struct chain {
    uint32_t src, dst, value, head; /* head: entry + 1 */
    uint16_t kinds;
    uint8_t selector;
};

struct entry {
    uint32_t next; /* entry + 1 */
    uint32_t coverer;
    uint16_t sport_lo, sport_hi, dport_lo, dport_hi; /* bounds of ports, which rule out most frames */
};

struct cover_index {
    const struct ir *ir;
    const struct coverers *all;
    struct forest side[2];
    struct entry *entries;
    struct chain *chains;
    uint32_t *slots;      /* chain + 1, by hash; the size is a power of two */
    uint32_t (*nodes)[2]; /* prefixes of each coverer */
    uint32_t count, chain_count, size;
};

static uint64_t mask_of(unsigned len) { return len ? ~(uint64_t)0 << (64 - len) : 0; }

/* Return the narrowest prefix around both sets of a side. */
static struct prefix_node enclose(const struct ir *ir, const struct ir_product *p, unsigned side)
{
    const enum ir_field f = side ? IR_DST : IR_SRC;
    const unsigned families = ir_families(ir, p);
    const bool v6 = families == IR_V6;
    uint64_t lo = UINT64_MAX, hi = 0;
    if (families != IR_V4 && families != IR_V6) return (struct prefix_node){0};
    for (enum ir_field k = f; k <= f + 1; k++) {
        const struct ir_addrs *x = ir_addrs(ir, p->field[k]);
        const uint32_t n = v6 ? x->count6 : x->count4;
        if (!n) continue;
        const uint64_t first = v6 ? x->r6[0].lo_hi : (uint64_t)x->r4[0].lo << 32;
        const uint64_t last = v6 ? x->r6[n - 1].hi_hi : (uint64_t)x->r4[n - 1].hi << 32;
        lo = first < lo ? first : lo;
        hi = last > hi ? last : hi;
    }
    unsigned len = lo == hi ? 64 : lo > hi ? 0 : (unsigned)__builtin_clzll(lo ^ hi);
    if (!v6 && len > 32) len = 32;
    return (struct prefix_node){.bits = lo & mask_of(len), .len = (uint8_t)len, .v6 = len && v6};
}

static int rule_place_order(const void *a, const void *b)
{
    const struct prefix_node *x = a, *y = b;
    if (x->v6 != y->v6) return x->v6 - y->v6;
    if (x->bits != y->bits) return x->bits < y->bits ? -1 : 1;
    return x->len - y->len;
}

static bool encloses(const struct prefix_node *outer, uint64_t bits, bool v6)
{
    return outer->len == 0 || (outer->v6 == v6 && (bits & mask_of(outer->len)) == outer->bits);
}

/* Sort the nodes and link parents. A prefix follows those that enclose it, so its parent is the node before it or an
 * ancestor of that node. */
static void forest_grow(struct forest *f)
{
    uint32_t n = 1;
    qsort(f->node, f->count, sizeof(*f->node), rule_place_order);
    for (uint32_t i = 1; i < f->count; i++)
        if (rule_place_order(&f->node[i], &f->node[n - 1]) != 0) f->node[n++] = f->node[i];
    f->count = f->first6 = n;
    for (uint32_t i = 1; i < n; i++) {
        struct prefix_node *x = &f->node[i];
        uint32_t up = i - 1;
        if (x->v6 && f->first6 == n) f->first6 = i;
        while (!encloses(&f->node[up], x->bits, x->v6)) up = f->node[up].parent;
        x->parent = up;
    }
}

/* Return the last node that is not behind the address. */
static uint32_t last_before(const struct forest *f, uint64_t bits, bool v6)
{
    uint32_t lo = v6 ? f->first6 : 1, hi = v6 ? f->count : f->first6;
    while (lo < hi) {
        const uint32_t mid = (lo + hi) / 2;
        if (f->node[mid].bits <= bits)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo - 1 >= (v6 ? f->first6 : 1) ? lo - 1 : 0;
}

static uint32_t node_of(const struct forest *f, const struct prefix_node *wanted)
{
    uint32_t i = wanted->len ? last_before(f, wanted->bits, wanted->v6) : 0;
    while (rule_place_order(&f->node[i], wanted) != 0) i = f->node[i].parent; /* a longer prefix at the same place */
    return i;
}

/* Fill `path` with the nodes around the address, from any to the narrowest; return their number. */
static uint32_t nodes_around(const struct forest *f, uint64_t bits, bool v6, uint32_t path[DEEP])
{
    uint32_t n = 0;
    for (uint32_t i = last_before(f, bits, v6);; i = f->node[i].parent) {
        if (encloses(&f->node[i], bits, v6)) path[DEEP - ++n] = i;
        if (i == 0) break;
    }
    memmove(path, path + DEEP - n, n * sizeof(*path));
    return n;
}

static uint32_t hash_chain(const struct chain *c)
{
    const uint64_t words[] = {c->src, c->dst, c->selector, c->value};
    return (uint32_t)hash_bytes(0, words, sizeof words);
}

static struct chain *find_chain(const struct cover_index *ix, const struct chain *wanted, uint32_t **slot)
{
    for (uint32_t h = hash_chain(wanted);; h++) {
        uint32_t *at = &ix->slots[h & (ix->size - 1)];
        struct chain *c = &ix->chains[*at ? *at - 1 : 0];
        if (slot) *slot = at;
        if (!*at) return NULL;
        if (c->src == wanted->src && c->dst == wanted->dst && c->value == wanted->value &&
            c->selector == wanted->selector)
            return c;
    }
}

static struct chain *chain_of(struct cover_index *ix, const struct chain *wanted)
{
    uint32_t *slot;
    struct chain *c = find_chain(ix, wanted, &slot);
    if (c) return c;
    c = &ix->chains[ix->chain_count++];
    *c = *wanted;
    *slot = ix->chain_count;
    return c;
}

/* Fold a MAC; MACs with one value share a list. */
static uint32_t mac_value(uint64_t mac) { return (uint32_t)(mac ^ mac >> 32); }

/* Return the number of single values that a field has, if at most FEW; 0: none, or more. */
static uint32_t few_values(const struct ir *ir, enum ir_field f, uint32_t id, uint32_t value[FEW])
{
    uint32_t n = 0;
    if (id == IR_ALL) return 0;
    if (ir_fields[f].sort == IR_SORT_MACS) {
        const struct ir_macs *m = ir_macs(ir, id);
        for (; !m->kinds && !m->negated && m->count <= FEW && n < m->count; n++) value[n] = mac_value(m->macs[n]);
        return n;
    }
    const struct ir_ranges r = ir_ranges(ir, id);
    for (; n < r.count && r.count <= FEW; n++) {
        if (r.r[n].lo != r.r[n].hi) return 0;
        value[n] = r.r[n].lo;
    }
    return n;
}

/* Return the number of lists of the product, at least 1; *selector and value: its lists. */
static uint32_t selector_of(const struct ir *ir, const struct ir_product *p, uint8_t *selector, uint32_t value[FEW])
{
    uint32_t n = 0;
    for (*selector = 0; *selector < SELECTORS; ++*selector)
        if ((n = few_values(ir, selectors[*selector], p->field[selectors[*selector]], value))) return n;
    value[0] = 0;
    return 1;
}

static uint32_t entries_of(const struct ir *ir, const struct ir_product *p)
{
    uint32_t value[FEW];
    uint8_t selector;
    return selector_of(ir, p, &selector, value);
}

struct cover_index *cover_index_new(const struct ir *ir, const struct coverers *all)
{
    struct cover_index *ix = heap_zeroed(1, sizeof(*ix));
    uint64_t entries = 0;
    ix->ir = ir;
    ix->all = all;
    ix->nodes = heap_zeroed(all->count, sizeof(*ix->nodes));
    for (uint32_t i = 0; i < all->count; i++) entries += entries_of(ir, &all->v[i].p);
    ix->entries = heap_zeroed(entries, sizeof(*ix->entries));
    ix->chains = heap_zeroed(entries + all->count + 1, sizeof(*ix->chains));
    for (ix->size = 16; ix->size < 2 * (entries + all->count); ix->size *= 2)
        ;
    ix->slots = heap_zeroed(ix->size, sizeof(*ix->slots));
    for (unsigned s = 0; s < 2; s++) {
        struct forest *f = &ix->side[s];
        f->node = heap_zeroed((size_t)all->count + 1, sizeof(*f->node));
        f->count = all->count + 1;
        for (uint32_t i = 0; i < all->count; i++) f->node[i + 1] = enclose(ir, &all->v[i].p, s);
        forest_grow(f);
        for (uint32_t i = 0; i < all->count; i++) {
            const struct prefix_node wanted = enclose(ir, &all->v[i].p, s);
            ix->nodes[i][s] = node_of(f, &wanted);
        }
    }
    return ix;
}

void cover_index_free(struct cover_index *ix)
{
    if (!ix) return;
    free(ix->side[0].node);
    free(ix->side[1].node);
    free(ix->nodes);
    free(ix->entries);
    free(ix->chains);
    free(ix->slots);
    free(ix);
}

static uint64_t partner_bit(uint32_t node) { return (uint64_t)1 << (node * 0x9e3779b9u >> 26); }

static void bounds_of(const struct ir *ir, uint32_t id, uint16_t *lo, uint16_t *hi)
{
    *lo = 0;
    *hi = 65535;
    if (id == IR_ALL || !ir_ranges(ir, id).count) return;
    *lo = (uint16_t)ir_ranges(ir, id).r[0].lo;
    *hi = (uint16_t)ir_ranges(ir, id).r[ir_ranges(ir, id).count - 1].hi;
}

static void add_entry(struct cover_index *ix, uint32_t coverer, const struct chain *wanted)
{
    const struct ir_product *p = &ix->all->v[coverer].p;
    struct chain *c = chain_of(ix, wanted);
    struct entry *e = &ix->entries[ix->count++];
    *e = (struct entry){.next = c->head, .coverer = coverer};
    bounds_of(ix->ir, p->field[IR_SPORT], &e->sport_lo, &e->sport_hi);
    bounds_of(ix->ir, p->field[IR_DPORT], &e->dport_lo, &e->dport_hi);
    c->head = ix->count;
}

void cover_index_add(struct cover_index *ix, uint32_t coverer)
{
    const uint32_t src = ix->nodes[coverer][0], dst = ix->nodes[coverer][1];
    uint32_t value[FEW] = {0};
    uint8_t selector;
    const uint32_t n = selector_of(ix->ir, &ix->all->v[coverer].p, &selector, value);
    struct chain *pair = chain_of(ix, &(struct chain){.src = src, .dst = dst, .selector = NO_SELECTOR});
    pair->kinds |= (uint16_t)(1u << selector);
    ix->side[0].node[src].partners |= partner_bit(dst);
    for (uint32_t i = 0; i < n; i++)
        add_entry(ix, coverer, &(struct chain){.src = src, .dst = dst, .selector = selector, .value = value[i]});
}

struct lookup {
    const struct cover_index *ix;
    const struct point *at;
    uint32_t *found, count, most, *candidates;
};

static void lookup_chain(struct lookup *l, const struct chain *c)
{
    const uint32_t sport = l->at->value[IR_SPORT], dport = l->at->value[IR_DPORT];
    for (uint32_t i = c->head; i && *l->candidates && l->count < l->most; i = l->ix->entries[i - 1].next) {
        const struct entry *e = &l->ix->entries[i - 1];
        --*l->candidates;
        if (sport < e->sport_lo || sport > e->sport_hi || dport < e->dport_lo || dport > e->dport_hi) continue;
        if (point_in(l->ix->ir, &l->ix->all->v[e->coverer].p, l->at)) l->found[l->count++] = e->coverer;
    }
}

static void walk_pair(struct lookup *l, uint32_t src, uint32_t dst)
{
    struct chain wanted = {.src = src, .dst = dst, .selector = NO_SELECTOR};
    const struct chain *pair = find_chain(l->ix, &wanted, NULL), *c;
    if (!pair) return;
    lookup_chain(l, pair);
    for (uint8_t s = 0; s < SELECTORS; s++) {
        if (!(pair->kinds >> s & 1)) continue;
        wanted.selector = s;
        wanted.value = selectors[s] == IR_SRC_MAC   ? mac_value(l->at->mac[0])
                       : selectors[s] == IR_DST_MAC ? mac_value(l->at->mac[1])
                                                    : l->at->value[selectors[s]];
        if ((c = find_chain(l->ix, &wanted, NULL))) lookup_chain(l, c);
    }
}

uint32_t cover_index_find(const struct cover_index *ix, const struct point *at, uint32_t *found, uint32_t most,
                          uint32_t *candidates)
{
    struct lookup l = {.ix = ix, .at = at, .found = found, .most = most, .candidates = candidates};
    uint32_t path[2][DEEP] = {{0}}, len[2] = {1, 1};
    for (unsigned s = 0; s < 2 && at->ip; s++) {
        const uint64_t bits = at->v6 ? (uint64_t)(at->addr[s] >> 64) : (uint64_t)at->addr[s] << 32;
        len[s] = nodes_around(&ix->side[s], bits, at->v6, path[s]);
    }
    for (uint32_t i = 0; i < len[0]; i++)
        for (uint32_t k = 0; k < len[1] && *candidates && l.count < most; k++)
            if (ix->side[0].node[path[0][i]].partners & partner_bit(path[1][k])) walk_pair(&l, path[0][i], path[1][k]);
    return l.count;
}
