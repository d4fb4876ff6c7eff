/* The table of routes: memory, check and look-ups (vm/judge/routes.h). */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "vm/judge/routes.h"
#include "vm/program/set_walk.h"

#define NO_ENTRY UINT32_MAX
static_assert(ROUTE_RANK_NONE == NO_ENTRY >> ROUTE_RANK_SHIFT, "no entry has the rank of no rule");
enum { RANGES_MOST = 1 << 25, LEGS_MOST = 1 << 24 };

size_t routes_bytes(const struct routes_size *n)
{
    if (n->ranges4 > RANGES_MOST || n->ranges6 > RANGES_MOST || n->ways > ROUTE_WAY_MASK || n->legs > LEGS_MOST ||
        n->rules4 > ROUTE_RULES_MOST || n->rules6 > ROUTE_RULES_MOST || n->views > 1 + ROUTE_VIEWS_MOST ||
        n->devices > ROUTE_DEVICES_MOST)
        return SIZE_MAX;
    return n->ranges6 * (sizeof(struct pbc_range6) + sizeof(uint32_t)) +
           n->ranges4 * (sizeof(struct pbc_range) + sizeof(uint32_t)) + n->ways * sizeof(struct route_way) +
           n->legs * sizeof(struct route_leg) + (n->rules4 + n->rules6) * sizeof(struct route_rule) +
           n->views * sizeof(struct route_view) + n->devices * sizeof(struct route_device);
}

static void lay_out(struct routes *r, uint8_t *at)
{
    const struct routes_size *n = &r->size;
    r->range6 = (void *)at, at += n->ranges6 * sizeof *r->range6;
    r->range4 = (void *)at, at += n->ranges4 * sizeof *r->range4;
    r->way6 = (void *)at, at += n->ranges6 * sizeof *r->way6;
    r->way4 = (void *)at, at += n->ranges4 * sizeof *r->way4;
    r->ways = (void *)at, at += n->ways * sizeof *r->ways;
    r->legs = (void *)at, at += n->legs * sizeof *r->legs;
    r->rules = (void *)at, at += (n->rules4 + n->rules6) * sizeof *r->rules;
    r->views = (void *)at, at += n->views * sizeof *r->views;
    r->devices = (void *)at;
}

struct routes *routes_alloc(const struct routes_size *n)
{
    const size_t bytes = routes_bytes(n);
    struct routes *r = bytes == SIZE_MAX ? NULL : calloc(1, sizeof *r);
    if (!r) return NULL;
    r->refs = 1;
    r->size = *n;
    r->bytes = bytes;
    uint8_t *block = calloc(1, bytes + 1);
    if (block) lay_out(r, block);
    if (block) return r;
    free(r);
    return NULL;
}

struct routes *routes_get(struct routes *r)
{
    if (r) r->refs++;
    return r;
}

void routes_put(struct routes *r)
{
    if (!r || --r->refs) return;
    if (r->lookup) munmap((void *)(uintptr_t)r->lookup, r->lookup_bytes);
    free(r->range6);
    free(r);
}

static bool way_fits(const struct routes *r, const struct route_way *w)
{
    if (w->kind >= ROUTE_KINDS || w->why >= WAY_WHYS) return false;
    if ((w->kind == ROUTE_ASK) != (w->why != WAY_KNOWN) || (w->kind == ROUTE_VIA) != (w->legs != 0)) return false;
    return w->first <= r->size.legs && w->legs <= ROUTE_LEGS_MOST && w->legs <= r->size.legs - w->first &&
           (!w->legs || r->legs[w->first + w->legs - 1u].up_to == UINT32_MAX);
}

static bool leg_fits(const struct route_leg *l, unsigned ports, uint32_t devices)
{
    return (l->family == 0 || l->family == 4 || l->family == 6) && (l->port < ports || l->port == ROUTE_NO_PORT) &&
           l->device <= devices;
}

/* True if the rule is valid as rule i of the `count` rules of its family. */
static bool rule_fits(const struct routes *r, const struct route_rule *x, uint32_t i, uint32_t count, uint8_t family)
{
    const unsigned most = family == 4 ? 32 : 128;
    if (x->family != family || x->from_bits > most || x->to_bits > most || x->does >= ROUTE_DOES) return false;
    if (x->why >= WAY_WHYS || x->device > r->size.devices || x->rank == ROUTE_RANK_NONE) return false;
    if (i && x->rank <= x[-1].rank) return false;
    if (x->does == ROUTE_GOES_TO) return x->next > i && x->next <= count;
    return x->does != ROUTE_LOOKS_UP || (x->view && x->view < r->size.views);
}

static bool rules_fit(const struct routes *r)
{
    bool fits = true;
    for (uint32_t i = 0; i < r->size.rules4; i++) fits &= rule_fits(r, &r->rules[i], i, r->size.rules4, 4);
    for (uint32_t i = 0; i < r->size.rules6; i++)
        fits &= rule_fits(r, &r->rules[r->size.rules4 + i], i, r->size.rules6, 6);
    return fits;
}

static bool ranges4_fit(const struct routes *r, const struct route_view *v)
{
    for (uint32_t i = v->first4; i < v->first4 + v->count4; i++) {
        const struct pbc_range *x = &r->range4[i];
        if (x->lo > x->hi || (i > v->first4 && x->lo <= x[-1].hi)) return false;
        if ((r->way4[i] & ROUTE_WAY_MASK) >= r->size.ways) return false;
    }
    return true;
}

static bool ranges6_fit(const struct routes *r, const struct route_view *v)
{
    const struct wide none = {0};
    for (uint32_t i = v->first6; i < v->first6 + v->count6; i++) {
        const struct pbc_range6 *x = &r->range6[i];
        const bool first = i == v->first6;
        const struct wide hi = {x->hi_hi, x->hi_lo}, before = first ? none : (struct wide){x[-1].hi_hi, x[-1].hi_lo};
        if (!wide_up_to(x->lo_hi, x->lo_lo, &hi) || (!first && wide_up_to(x->lo_hi, x->lo_lo, &before))) return false;
        if ((r->way6[i] & ROUTE_WAY_MASK) >= r->size.ways) return false;
    }
    return true;
}

/* True if the views follow one another, and each is in order. */
static bool views_fit(const struct routes *r)
{
    uint64_t four = 0, six = 0;
    if (!r->size.views) return false;
    for (uint32_t i = 0; i < r->size.views; i++) {
        const struct route_view *v = &r->views[i];
        if (v->first4 != four || v->first6 != six) return false;
        four += v->count4, six += v->count6;
        if (four > r->size.ranges4 || six > r->size.ranges6 || !ranges4_fit(r, v) || !ranges6_fit(r, v)) return false;
    }
    return four == r->size.ranges4 && six == r->size.ranges6;
}

int routes_close(struct routes *r, unsigned ports)
{
    struct pbc_set sets[1 + ROUTE_VIEWS_MOST];
    bool fits = views_fit(r) && rules_fit(r);
    for (uint32_t i = 0; i < r->size.legs; i++) fits &= leg_fits(&r->legs[i], ports, r->size.devices);
    for (uint32_t i = 0; i < r->size.devices; i++)
        fits &= r->devices[i].name[0] && !r->devices[i].name[sizeof r->devices[i].name - 1];
    for (uint32_t i = 0; fits && i < r->size.ways; i++) fits = way_fits(r, &r->ways[i]);
    if (!fits) return -EINVAL;
    for (uint32_t i = 0; i < r->size.views; i++) {
        const struct route_view *v = &r->views[i];
        sets[i] = (struct pbc_set){.first4 = v->first4, .count4 = v->count4, .first6 = v->first6, .count6 = v->count6};
    }
    const struct set_ranges ranges = {sets, r->range4, r->range6, r->size.views, r->size.ranges4, r->size.ranges6};
    return set_index_of(&ranges, &r->lookup, &r->lookup_bytes);
}

static uint32_t entry4(const struct routes *r, uint32_t view, uint32_t addr)
{
    const struct route_view *v = &r->views[view];
    const uint32_t node = node_of_set(r->lookup, view, false);
    const uint32_t few = node ? walk4(r->lookup, node, addr) : 0;
    const struct pbc_range *at = node ? search4(r->range4 + few_first(few), few_count(few), addr)
                                      : search4(r->range4 + v->first4, v->count4, addr);
    return at ? r->way4[at - r->range4] : NO_ENTRY;
}

static uint32_t entry6(const struct routes *r, uint32_t view, const uint32_t *addr)
{
    const struct route_view *v = &r->views[view];
    struct wide wide;
    wide_of(addr, &wide);
    const uint32_t node = node_of_set(r->lookup, view, true);
    const uint32_t few = node ? walk6(r->lookup, node, &wide) : 0;
    const struct pbc_range6 *at = node ? search6(r->range6 + few_first(few), few_count(few), &wide)
                                       : search6(r->range6 + v->first6, v->count6, &wide);
    return at ? r->way6[at - r->range6] : NO_ENTRY;
}

static uint32_t view_entry(const struct routes *r, uint32_t view, const struct route_query *q)
{
    return q->family == 4 ? entry4(r, view, q->to[0]) : entry6(r, view, q->to);
}

static const struct route_way refused = {.kind = ROUTE_REFUSED};

/* Return the way of an entry. */
static const struct route_way *way_at(const struct routes *r, uint32_t entry)
{
    return entry == NO_ENTRY ? &refused : &r->ways[entry & ROUTE_WAY_MASK];
}

static const struct route_way *way_asks(uint32_t why)
{
#define WHY(ident, name, doc, next) {.kind = ROUTE_ASK, .why = WAY_##ident},
    static const struct route_way all[] = {
#include "vm/judge/why.def"
    };
    return &all[why];
}

static struct route_seen seen_of(const struct route_query *q)
{
    struct route_seen s = {.in = q->in, .family = q->family, .marked = q->marked};
    for (unsigned i = 0; i < (q->family == 4 ? 1 : 4); i++) s.from[i] = q->from[i], s.to[i] = q->to[i];
    if (q->key) route_seen_key(&s, q->key, q->returns);
    return s;
}

/* Return how the packet's arrival fits (route_rule.h). */
static uint32_t arrives(const struct route_query *q, const struct route_rule *x, const struct route_seen *s)
{
    if (!(x->asks & ROUTE_ASKS_ARRIVAL)) return FIT_YES;
    if (!q->devices) return route_arrival_fits(x->port == ROUTE_NO_PORT ? IFACE_NONE : x->port, 0, s);
    const struct facts_device *d = x->device ? &q->devices[x->device - 1] : NULL;
    return d ? route_arrival_fits(d->iface, d->tag, s) : FIT_NO;
}

/* Return the device by which all legs of the way lead; 0: several, or an unknown one. */
static uint16_t only_device(const struct routes *r, const struct route_way *way)
{
    const struct route_leg *legs = r->legs + way->first;
    for (unsigned i = 1; i < way->legs; i++)
        if (legs[i].device != legs[0].device) return 0;
    return way->legs ? legs[0].device : 0;
}

/* Return a number for an entry's way: the same for all ways that refuse and, with `iface`, for all by one device. */
static uint32_t way_number(const struct routes *r, uint32_t entry, bool iface)
{
    const struct route_way *way = way_at(r, entry);
    const uint16_t device = iface ? only_device(r, way) : 0;
    if (device) return ROUTE_WAY_MASK + device;
    return way->kind == ROUTE_REFUSED ? ROUTE_WAY_MASK : (uint32_t)(way - r->ways);
}

/* Return the way by the rules that fit; an unknown way if a rule that may fit leads another way. */
static const struct route_way *settled_way(const struct routes *r, const struct route_branch *b, uint32_t entry,
                                           bool iface)
{
    return b->way && b->way != way_number(r, entry, iface) + 1 ? way_asks(b->why) : way_at(r, entry);
}

/* Walk the rules that come before the result of the merged tables. A rule that may fit changes nothing if its table
 * holds no route to the address, or leads the same way as all other rules. */
static const struct route_way *walk_policy(const struct routes *r, const struct route_query *q, uint32_t merged)
{
    const struct route_rule *rules = r->rules + (q->family == 4 ? 0 : r->size.rules4);
    const uint32_t count = q->family == 4 ? r->size.rules4 : r->size.rules6, rank = merged >> ROUTE_RANK_SHIFT;
    const struct route_seen s = seen_of(q);
    struct route_branch b = {0};
    for (uint32_t i = 0; i < count && rules[i].rank < rank;) {
        const struct route_rule *x = &rules[i++];
        const uint32_t fit = route_is_past(&b, x) ? FIT_NO : route_rule_fits(x, &s, arrives(q, x, &s));
        const uint32_t entry = fit && x->does == ROUTE_LOOKS_UP ? view_entry(r, x->view, q) : NO_ENTRY;
        if (!fit || (x->does == ROUTE_LOOKS_UP && entry == NO_ENTRY)) continue;
        if (fit >= FIT_UNKNOWN && x->does >= ROUTE_GOES_TO) return way_asks(b.way ? b.why : fit - FIT_UNKNOWN);
        if (fit < FIT_UNKNOWN && x->does <= ROUTE_REFUSES) return settled_way(r, &b, entry, q->iface);
        if (fit >= FIT_UNKNOWN && !route_branches(&b, x, fit, way_number(r, entry, q->iface))) return way_asks(b.why);
        if (fit < FIT_UNKNOWN && x->does == ROUTE_ASKS) return way_asks(x->why);
        if (fit < FIT_UNKNOWN) i = x->next;
    }
    return settled_way(r, &b, merged, q->iface);
}

const struct route_way *routes_find(const struct routes *r, const struct route_query *q)
{
    const uint32_t merged = view_entry(r, 0, q);
    return routes_have_rules(r, q->family) ? walk_policy(r, q, merged) : way_at(r, merged);
}

/* True if the way of an entry cannot be known, or its legs use several devices or an unknown one. */
static bool hides(const struct routes *r, uint32_t entry)
{
    const struct route_way *way = &r->ways[entry & ROUTE_WAY_MASK];
    const struct route_leg *legs = r->legs + way->first;
    bool differ = way->kind == ROUTE_ASK;
    for (unsigned i = 0; i < way->legs; i++) differ |= !legs[i].device || legs[i].device != legs[0].device;
    return differ;
}

/* True if routers do not forward to that address: link-local addresses and groups, for which IPv6 has routes on each
 * interface. */
static bool stays_on_link(const struct pbc_range6 *x)
{
    const uint64_t lo = x->lo_hi >> 48, hi = x->hi_hi >> 48;
    return (lo >= 0xfe80 && hi <= 0xfebf) || lo >= 0xff00;
}

bool routes_may_hide(const struct routes *r)
{
    if (!r) return true;
    bool may = false;
    for (uint32_t i = 0; i < r->size.ranges4; i++) may |= hides(r, r->way4[i]);
    for (uint32_t i = 0; i < r->size.ranges6; i++) may |= !stays_on_link(&r->range6[i]) && hides(r, r->way6[i]);
    for (uint32_t i = 0; i < r->size.rules4 + r->size.rules6; i++)
        may |= r->rules[i].does == ROUTE_ASKS || (r->rules[i].tos && r->rules[i].family == 4) ||
               r->rules[i].asks & (ROUTE_ASKS_MARK | ROUTE_ASKS_UNSEEN | ROUTE_ASKS_ARRIVAL);
    return may;
}

const struct route_leg *routes_leg(const struct routes *r, const struct route_way *way, uint32_t hash, uint8_t port)
{
    const struct route_leg *legs = r->legs + way->first, *first = NULL;
    for (unsigned i = 0; i < way->legs; i++) {
        if (port != ROUTE_NO_PORT && legs[i].port != port) continue;
        if (hash <= legs[i].up_to) return &legs[i];
        if (!first) first = &legs[i];
    }
    return first;
}
