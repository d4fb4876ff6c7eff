/* See route_trie.h. Ways are the table's, as far as interfaces distinguish them; prefixes follow from its ranges
 * (maps/cover.h). A way keeps its number while any prefix has it, so prefixes that stay need no change. */
#include "runtime/kernel/run/route_trie.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernel/maps/cover.h"
#include "vm/judge/routes.h"
#include "vm/kernel/shapes.h"
#include "vm/packet/key.h"

/* A way with legs in a form valid for all tables: without numbers of devices, which change. */
struct route_names {
    uint8_t legs;
    bool used;
    uint32_t up_to[KERNEL_ROUTE_LEGS];
    char device[KERNEL_ROUTE_LEGS][sizeof((struct route_device *)0)->name]; /* device of each leg; "": not known */
};
struct route_prefix {
    struct kernel_route_to to;
    uint32_t entry;
};

/* State of the change from one table to the next. */
struct renewal {
    struct kernel_routing *routes;
    struct kernel *kernel;
    const struct facts *facts;
    uint32_t *numbers; /* [ways of the table]: number of each way in the map */
    bool taken[KERNEL_ROUTE_WAYS];
    struct route_prefix *prefixes; /* prefixes of the new table */
    size_t count, cap;
    uint8_t family;
    uint32_t view;
    int failed;
};

/* Name the legs; adjacent legs by one interface become one. False: too many. */
static bool name_legs(const struct routes *t, const struct route_way *way, struct route_names *names)
{
    for (unsigned i = 0; i < way->legs; i++) {
        const struct route_leg *leg = &t->legs[way->first + i];
        const char *name = leg->device ? t->devices[leg->device - 1u].name : "";
        if (!names->legs || strcmp(names->device[names->legs - 1], name) != 0) {
            if (names->legs == KERNEL_ROUTE_LEGS) return false;
            memcpy(names->device[names->legs++], name, strlen(name) + 1);
        }
        names->up_to[names->legs - 1] = leg->up_to;
    }
    return true;
}

/* Return the program's interfaces for a device name. */
static struct kernel_route_leg leg_named(const struct facts *f, const char *name)
{
    for (uint32_t i = 0; *name && i < f->routes->size.devices; i++)
        if (!strcmp(f->routes->devices[i].name, name))
            return (struct kernel_route_leg){.iface = f->devices[i].iface, .as = f->devices[i].as};
    return (struct kernel_route_leg){.iface = IFACE_NONE, .as = IFACE_NONE};
}

static struct kernel_route_way *ways(const struct kernel *kernel)
{
    return kernel_map(kernel, KERNEL_MAP_route_ways)->memory;
}

static void write_way(const struct renewal *n, uint32_t number, const struct route_names *names)
{
    struct kernel_route_way way = {.kind = ROUTE_VIA, .legs = names->legs};
    for (unsigned i = 0; i < names->legs; i++) {
        way.leg[i] = leg_named(n->facts, names->device[i]);
        way.leg[i].up_to = names->up_to[i];
    }
    ways(n->kernel)[number] = way;
}

/* Write the ways without legs. */
static void write_fixed(const struct kernel *kernel)
{
    static const uint8_t kinds[KERNEL_WAY_FIXED] = {
        [KERNEL_WAY_OWN] = ROUTE_OWN, [KERNEL_WAY_REFUSED] = ROUTE_REFUSED, [KERNEL_WAY_THROW] = ROUTE_THROW};
    for (uint16_t i = 0; i < KERNEL_WAY_FIXED; i++)
        ways(kernel)[i] = (struct kernel_route_way){.kind = kinds[i], .why = i < WAY_WHYS ? i : WAY_KNOWN};
}

/* Return the present number of a way with legs, or an unused one; WAY_TOO_MANY without room. */
static uint32_t number_named(const struct renewal *n, const struct route_names *names)
{
    struct route_names *all = n->routes->ways;
    uint32_t unused = 0;
    for (uint32_t i = KERNEL_WAY_FIXED; i < KERNEL_ROUTE_WAYS; i++) {
        if (all[i].used && !memcmp(&all[i], names, sizeof *names)) return i;
        if (!all[i].used && !unused) unused = i;
    }
    if (unused) all[unused] = *names;
    return unused ? unused : WAY_TOO_MANY;
}

static uint32_t way_number(const struct renewal *n, const struct route_way *way)
{
    struct route_names names;
    memset(&names, 0, sizeof names); /* names are compared as bytes */
    names.used = true;
    switch ((enum route_kind)way->kind) {
    case ROUTE_OWN: return KERNEL_WAY_OWN;
    case ROUTE_REFUSED: return KERNEL_WAY_REFUSED;
    case ROUTE_THROW: return KERNEL_WAY_THROW;
    case ROUTE_ASK: return way->why;
    default: return name_legs(n->facts->routes, way, &names) ? number_named(n, &names) : WAY_TOO_MANY;
    }
}

/* Number all ways of the table. */
static void number_ways(struct renewal *n)
{
    const struct routes *t = n->facts->routes;
    n->routes->hides = false;
    for (uint32_t i = 0; i < t->size.ways; i++) {
        const uint32_t number = n->numbers[i] = way_number(n, &t->ways[i]);
        n->routes->hides |= number == WAY_TOO_MANY && t->ways[i].legs;
        n->taken[number] = true;
        if (number >= KERNEL_WAY_FIXED) write_way(n, number, &n->routes->ways[number]);
    }
}

/* Ranges of one view, with the gaps between them. */
struct ranges {
    struct cover_range *v;
    size_t count;
};

static void ranges_add(struct ranges *r, cover_number lo, cover_number hi, uint32_t entry)
{
    struct cover_range *last = r->count ? &r->v[r->count - 1] : NULL;
    if (last && last->value == entry)
        last->hi = hi;
    else
        r->v[r->count++] = (struct cover_range){lo, hi, entry};
}

/* Collect the ranges, each with the gap before it, and the end. False: out of memory. */
static bool ranges_fill(const struct renewal *n, struct ranges *r)
{
    const struct routes *t = n->facts->routes;
    const struct route_view *v = &t->views[n->view];
    const bool v6 = n->family == 6;
    const uint32_t first = v6 ? v->first6 : v->first4, count = v6 ? v->count6 : v->count4;
    const uint32_t *entry = v6 ? t->way6 : t->way4;
    const uint32_t nowhere = n->view ? KERNEL_WAY_THROW : KERNEL_WAY_REFUSED | (uint32_t)UINT8_MAX << ROUTE_RANK_SHIFT;
    cover_number at = 0;
    bool ended = false;
    *r = (struct ranges){calloc(2 * (size_t)count + 1, sizeof *r->v), 0};
    if (!r->v) return false;
    for (uint32_t i = first; i < first + count; i++) {
        cover_number lo, hi;
        if (v6) {
            lo = (cover_number)t->range6[i].lo_hi << 64 | t->range6[i].lo_lo;
            hi = (cover_number)t->range6[i].hi_hi << 64 | t->range6[i].hi_lo;
        } else {
            lo = (cover_number)t->range4[i].lo << 96;
            hi = ((cover_number)t->range4[i].hi + 1) * ((cover_number)1 << 96) - 1;
        }
        if (lo != at) ranges_add(r, at, lo - 1, nowhere);
        ranges_add(r, lo, hi, n->numbers[entry[i] & ROUTE_WAY_MASK] | (entry[i] & ~(uint32_t)ROUTE_WAY_MASK));
        at = hi + 1;
        ended = at == 0;
    }
    if (!ended) ranges_add(r, at, ~(cover_number)0, nowhere);
    return true;
}

/* Add a prefix. Many prefixes come if most ranges do not begin and end at the bounds of large blocks. */
static void take_prefix(void *arg, cover_number first, unsigned bits, uint32_t entry)
{
    struct renewal *n = arg;
    if (n->count == n->cap && !n->failed) {
        const size_t cap = 2 * n->cap + 64;
        struct route_prefix *more = n->count < KERNEL_ROUTES ? reallocarray(n->prefixes, cap, sizeof *more) : NULL;
        if (!more) n->failed = n->count < KERNEL_ROUTES ? -ENOMEM : -E2BIG;
        if (more) n->prefixes = more, n->cap = cap;
    }
    if (n->failed) return;
    struct route_prefix *p = &n->prefixes[n->count++];
    *p = (struct route_prefix){
        .to = {.bits = KERNEL_ROUTE_FAMILY + bits, .family = n->view << KERNEL_ROUTE_VIEW | n->family}, .entry = entry};
    cover_bytes(first, p->to.addr);
}

/* Make the prefixes in the order of the trie's keys: view, family, address, then bits. */
static void make_prefixes(struct renewal *n)
{
    struct ranges r;
    for (n->view = 0; n->view < n->facts->routes->size.views; n->view++)
        for (n->family = 4; n->family <= 6 && !n->failed; n->family += 2) {
            const struct route_view *v = &n->facts->routes->views[n->view];
            if (n->view && !(n->family == 6 ? v->count6 : v->count4)) continue; /* view 0: the merged tables */
            if (!ranges_fill(n, &r))
                n->failed = -ENOMEM;
            else
                cover(r.v, r.count, take_prefix, n);
            free(r.v);
        }
}

static int prefix_compare(const struct route_prefix *a, const struct route_prefix *b)
{
    if (a->to.family != b->to.family) return a->to.family < b->to.family ? -1 : 1;
    const int order = memcmp(a->to.addr, b->to.addr, sizeof a->to.addr);
    return order ? order : a->to.bits < b->to.bits ? -1 : a->to.bits > b->to.bits;
}

/* Update the trie: new and changed prefixes first, then deletions, so that no address lacks its route meanwhile. */
static void change_trie(struct renewal *n)
{
    const struct kernel_routing *was = n->routes;
    const int map = kernel_map(n->kernel, KERNEL_MAP_routes)->fd;
    size_t old = 0;
    for (size_t i = 0; i < n->count && !n->failed; i++) {
        const struct route_prefix *p = &n->prefixes[i];
        while (old < was->count && prefix_compare(&was->prefixes[old], p) < 0) old++;
        const bool there = old < was->count && !prefix_compare(&was->prefixes[old], p);
        if (there && was->prefixes[old].entry == p->entry) continue;
        if (bpf_map_update_elem(map, &p->to, &p->entry, BPF_ANY)) n->failed = -errno;
    }
    for (size_t i = 0, now = 0; i < was->count && !n->failed; i++) {
        const struct route_prefix *p = &was->prefixes[i];
        while (now < n->count && prefix_compare(&n->prefixes[now], p) < 0) now++;
        if (now == n->count || prefix_compare(&n->prefixes[now], p)) bpf_map_delete_elem(map, &p->to);
    }
}

/* Write the rules, each with the id of its interface of arrival. */
static void write_rules(const struct renewal *n)
{
    const struct routes *t = n->facts->routes;
    struct route_rule *rules = kernel_map(n->kernel, KERNEL_MAP_route_rules)->memory;
    for (uint32_t i = 0; i < t->size.rules4 + t->size.rules6; i++) {
        struct route_rule x = t->rules[i];
        const struct facts_device *d = x.device ? &n->facts->devices[x.device - 1u] : NULL;
        x.iface = d ? d->iface : IFACE_NONE;
        x.tag = d ? d->tag : 0;
        rules[i] = x;
    }
    kernel_world(n->kernel)->route_rules4 = t->size.rules4;
    kernel_world(n->kernel)->route_rules6 = t->size.rules6;
}

/* True if the maps have other rules, so that the ranks of the table's ranges don't fit them. */
static bool rules_differ(const struct renewal *n)
{
    const struct routes *t = n->facts->routes;
    const struct kernel_world *w = kernel_world(n->kernel);
    const struct route_rule *rules = kernel_map(n->kernel, KERNEL_MAP_route_rules)->memory;
    if (w->route_rules4 != t->size.rules4 || w->route_rules6 != t->size.rules6) return true;
    for (uint32_t i = 0; i < t->size.rules4 + t->size.rules6; i++) {
        struct route_rule x = rules[i];
        x.iface = x.tag = 0;
        if (memcmp(&x, &t->rules[i], sizeof x) != 0) return true;
    }
    return false;
}

static void knows(struct kernel *kernel, bool known)
{
    __atomic_store_n(&kernel_world(kernel)->knows_routes, known, __ATOMIC_SEQ_CST);
}

/* Clear the maps, whichever process has filled them. */
static void routing_clear(struct kernel_routing *r, struct kernel *kernel)
{
    const int map = kernel_map(kernel, KERNEL_MAP_routes)->fd;
    struct kernel_route_to at;
    knows(kernel, false);
    while (!bpf_map_get_next_key(map, NULL, &at) && !bpf_map_delete_elem(map, &at)) continue;
    kernel_routing_fini(r);
}

/* Renew the maps. same: the same table, where only the program's interfaces may be new. */
static int maps_renew(struct renewal *n, bool same)
{
    struct kernel_routing *r = n->routes;
    write_fixed(n->kernel);
    number_ways(n);
    if (same) write_rules(n);
    if (same) return 0;
    if (rules_differ(n)) knows(n->kernel, false); /* no way is known until trie and rules agree again */
    make_prefixes(n);
    if (!n->failed) change_trie(n);
    write_rules(n);
    if (n->failed) return n->failed;
    /* Free the ways without a prefix. */
    for (uint32_t i = KERNEL_WAY_FIXED; i < KERNEL_ROUTE_WAYS; i++) n->routes->ways[i].used &= n->taken[i];
    struct route_prefix *before = r->prefixes;
    r->prefixes = n->prefixes;
    r->count = n->count;
    n->prefixes = before;
    return 0;
}

int kernel_routing_push(struct kernel_routing *r, struct kernel *kernel, const struct facts *facts)
{
    const struct routes *t = kernel_world(kernel)->flags & PBC_NEEDS_ROUTES ? facts->routes : NULL;
    struct renewal n = {.routes = r, .kernel = kernel, .facts = facts};
    if (!t && r->ways) routing_clear(r, kernel);
    if (!t) return 0;
    if (!r->ways) r->ways = calloc(KERNEL_ROUTE_WAYS, sizeof *r->ways);
    n.numbers = calloc((size_t)t->size.ways + 1, sizeof *n.numbers);
    const bool same = r->table == t && r->number == t->number;
    const int failed = r->ways && n.numbers ? maps_renew(&n, same) : -ENOMEM;
    free(n.numbers);
    free(n.prefixes);
    if (failed) {
        routing_clear(r, kernel);
        return failed;
    }
    r->table = t;
    r->number = t->number;
    knows(kernel, true);
    return 0;
}

void kernel_routing_fini(struct kernel_routing *r)
{
    free(r->ways);
    free(r->prefixes);
    *r = (struct kernel_routing){0};
}
