/* Check statements of nats: warn about those that never match because an earlier one, or a service, certainly takes
 * all their packets. Check also that each address of a map is in this map only, on one side only, and that no other
 * statement translates to it. */
#include <string.h>

#include "compiler/resolve/nat/nat.h"
#include "vm/program/program.h"

enum { WORK_MAX = 1 << 24 }; /* ranges compared; beyond it, covers stay undecided */

static bool holds4(const struct image *img, const struct pbc_nat *n, const struct pbc_range *r)
{
    for (uint32_t i = n->from; i < n->from + n->from_count; i++) {
        const struct pbc_range *all = img->set4 + img->sets[i].first4;
        for (uint32_t k = 0; k < img->sets[i].count4; k++)
            if (all[k].lo <= r->lo && r->hi <= all[k].hi) return true;
    }
    return false;
}

static bool below(uint64_t a_hi, uint64_t a_lo, uint64_t b_hi, uint64_t b_lo)
{
    return a_hi < b_hi || (a_hi == b_hi && a_lo <= b_lo);
}

static bool holds6(const struct image *img, const struct pbc_nat *n, const struct pbc_range6 *r)
{
    for (uint32_t i = n->from; i < n->from + n->from_count; i++) {
        const struct pbc_range6 *all = img->set6 + img->sets[i].first6;
        for (uint32_t k = 0; k < img->sets[i].count6; k++)
            if (below(all[k].lo_hi, all[k].lo_lo, r->lo_hi, r->lo_lo) &&
                below(r->hi_hi, r->hi_lo, all[k].hi_hi, all[k].hi_lo))
                return true;
    }
    return false;
}

static uint64_t size_of(const struct image *img, const struct pbc_nat *n)
{
    uint64_t size = 1;
    for (uint32_t i = n->from; i < n->from + n->from_count; i++) size += img->sets[i].count4 + img->sets[i].count6;
    return size;
}

/* True if every source of `n`, in its family, is a source of `by`. */
static bool sources_within(const struct image *img, const struct pbc_nat *n, const struct pbc_nat *by, uint64_t *work)
{
    if (!by->from_count) return true;
    if (!n->from_count) return false;
    *work += size_of(img, n) * size_of(img, by);
    if (*work > WORK_MAX) return false;
    for (uint32_t i = n->from; i < n->from + n->from_count; i++) {
        const struct pbc_set *s = &img->sets[i];
        for (uint32_t k = 0; n->family != 6 && k < s->count4; k++)
            if (!holds4(img, by, &img->set4[s->first4 + k])) return false;
        for (uint32_t k = 0; n->family != 4 && k < s->count6; k++)
            if (!holds6(img, by, &img->set6[s->first6 + k])) return false;
    }
    return true;
}

static bool protocol_within(uint8_t n, uint8_t by) { return n == by || (by == PBC_EP_PORTS && n < PBC_EP_PORTS); }

static bool is_outbound(const struct pbc_nat *n) { return n->kind == PBC_NAT_MASQUERADE || n->kind == PBC_NAT_SOURCE; }

/* True if all inside addresses of the map `n` are sources of `by`. */
static bool holds_map(const struct image *img, const struct pbc_nat *n, const struct pbc_nat *by)
{
    const struct address_range r = address_prefix(n->target, n->len, n->family);
    const struct pbc_range v4 = address_range4(&r);
    const struct pbc_range6 v6 = address_range6(&r);
    if (!by->from_count) return true;
    return n->family == 4 ? holds4(img, by, &v4) : holds6(img, by, &v6);
}

/* True if each of the ranges is in one of `by`. */
static bool ranges_within(const struct image *img, const struct pbc_cond *n, const struct pbc_cond *by)
{
    for (uint32_t i = n->first; i < n->first + n->count; i++) {
        bool held = false;
        for (uint32_t k = by->first; k < by->first + by->count && !held; k++)
            held = img->ranges[k].lo <= img->ranges[i].lo && img->ranges[i].hi <= img->ranges[k].hi;
        if (!held) return false;
    }
    return true;
}

/* True if the condition `by` holds whenever `n` does, as far as their lists show. */
static bool cond_within(const struct image *img, const struct pbc_cond *n, const struct pbc_cond *by)
{
    if (n->kind != by->kind || n->flags != by->flags || n->arg != by->arg) return false;
    if (n->first == by->first && n->count == by->count) return true;
    if (cond_info[n->kind].operands != OPERANDS_RANGES) return false;
    return n->flags & PBC_COND_NOT ? ranges_within(img, by, n) : ranges_within(img, n, by);
}

/* True if all further conditions of `by` certainly hold for what `n` takes. */
static bool conds_within(const struct image *img, const struct pbc_nat *n, const struct pbc_nat *by, uint64_t *work)
{
    for (uint32_t i = by->conds; i < by->conds + by->cond_count; i++) {
        bool held = false;
        for (uint32_t k = n->conds; k < n->conds + n->cond_count && !held && *work <= WORK_MAX; k++) {
            *work += 1 + (uint64_t)img->conds[i].count * img->conds[k].count;
            held = *work <= WORK_MAX && cond_within(img, &img->conds[k], &img->conds[i]);
        }
        if (!held) return false;
    }
    return true;
}

/* True if every destination of the forward `n` is one of `by`. `any` does not translate packets from and to its own
 * target. */
static bool destinations_within(const struct pbc_nat *n, const struct pbc_nat *by)
{
    if (n->flags != by->flags || memcmp(n->to, by->to, sizeof n->to) != 0) return false;
    return !(n->flags & PBC_NAT_TO_ANY) || memcmp(n->target, by->target, sizeof n->target) == 0;
}

static bool covers(const struct image *img, const struct pbc_nat *by, const struct pbc_nat *n, uint64_t *work)
{
    if ((by->family && by->family != n->family) || !conds_within(img, n, by, work)) return false;
    if (n->kind == PBC_NAT_MAP) return is_outbound(by) && n->iface == by->iface && holds_map(img, n, by);
    if (is_outbound(n) != is_outbound(by) || by->kind == PBC_NAT_MAP) return false;
    if (is_outbound(n)) return n->iface == by->iface && sources_within(img, n, by, work);
    if ((by->iface != PBC_NONE && by->iface != n->iface) || by->ip_proto != n->ip_proto) return false;
    if (!sources_within(img, n, by, work)) return false;
    return destinations_within(n, by) && protocol_within(n->proto, by->proto) && by->port_lo <= n->port_lo &&
           n->port_hi <= by->port_hi;
}

static bool is_nat_served(const struct pbc_endpoint *e, const struct pbc_nat *n)
{
    const bool to_self = n->flags & PBC_NAT_TO_SELF;
    if (e->iface || e->wire > PBC_WIRE_ALL || (e->wire && to_self)) return false;
    const bool here =
        e->to == PBC_TO_ANY || (e->to == PBC_TO_SELF && to_self) ||
        (e->to == PBC_TO_ADDRESS && !to_self && e->family == n->family && memcmp(e->addr, n->to, sizeof(e->addr)) == 0);
    return n->kind == PBC_NAT_FORWARD && here && protocol_within(n->proto, e->proto) && e->port_lo <= n->port_lo &&
           n->port_hi <= e->port_hi;
}

static bool warn_served(struct compile *c, const struct pbc_nat *n)
{
    const struct image *img = c->image;
    for (uint32_t i = 0; i < img->endpoints_count; i++) {
        if (!is_nat_served(&img->endpoints[i], n)) continue;
        diag(c->diags, W_NAT_SHADOWED, span_at(c, &n->place),
             "this statement forwards nothing, because the service `%s` takes all its traffic first",
             image_str(img, img->services[img->endpoints[i].service].name));
        diag_note(c->diags, span_at(c, &img->endpoints[i].place), "the service is here");
        return true;
    }
    return false;
}

/* True if the addresses and ports that nats translate to fit the program; else report. */
static bool outsides_fit(struct compile *c)
{
    const struct image *img = c->image;
    uint64_t all = 0, ranges = 0;
    for (uint32_t i = 0; i < img->nats_count; i++) {
        ranges += img->nats[i].port_count;
        if (ranges > PBC_NAT_PORTS_MAX) {
            diag(c->diags, E_NAT_PORTS, span_at(c, &img->nats[i].place),
                 "the nats up to this line have more than %u ranges in their `ports`", (unsigned)PBC_NAT_PORTS_MAX);
            return false;
        }
        const struct outside_size size = outside_size(img, &img->nats[i]);
        all += img->nats[i].family == 4 ? size.v4 : size.v6;
        if (all <= PBC_OUTSIDES_MAX) continue;
        diag(c->diags, E_ADDRESSES, span_at(c, &img->nats[i].place),
             "the nats up to this line translate to more than %u addresses", (unsigned)PBC_OUTSIDES_MAX);
        return false;
    }
    return true;
}

void check_nats(struct compile *c)
{
    const struct image *img = c->image;
    uint64_t work = 0;
    if (diags_errors(c->diags) || !outsides_fit(c) || !check_maps(c)) return;
    for (uint32_t i = 0; i < img->nats_count; i++) {
        work += img->endpoints_count;
        if (work > WORK_MAX || warn_served(c, &img->nats[i])) continue;
        for (uint32_t k = 0; k < i; k++) {
            if (!covers(img, &img->nats[k], &img->nats[i], &work)) continue;
            diag(c->diags, W_NAT_SHADOWED, span_at(c, &img->nats[i].place),
                 img->nats[i].kind == PBC_NAT_MAP
                     ? "this map translates no leaving packet, because an earlier statement takes all its packets; "
                       "write the map first"
                     : "this statement translates nothing, because an earlier statement takes all its packets");
            diag_note(c->diags, span_at(c, &img->nats[k].place), "the earlier statement is here");
            break;
        }
    }
}

static bool overlap(const uint32_t a[4], unsigned a_len, const uint32_t b[4], unsigned b_len)
{
    return address_in_prefix(a, a_len < b_len ? a_len : b_len, b);
}

static bool listed(const struct pbc_range *r, uint32_t count, uint32_t id)
{
    bool found = false;
    for (uint32_t i = 0; i < count; i++) found |= r[i].lo <= id && id <= r[i].hi;
    return found;
}

/* True if the list names the device, or a pattern that holds it. */
static bool lists_device(const struct image *img, const struct pbc_cond *c, uint32_t id)
{
    const char *device = image_str(img, img->ifaces[id].device);
    for (uint32_t of = 0; of < img->ifaces_count; of++) {
        const char *name = image_str(img, img->ifaces[of].device);
        const size_t len = strcspn(name, "*");
        if (!listed(&img->ranges[c->first], c->count, of)) continue;
        if (of == id || (name[len] && strncmp(device, name, len) == 0)) return true;
    }
    return false;
}

/* True if the map's packets leave by that interface; id ifaces_count: by one that the file does not name. */
static bool nat_goes_out(const struct image *img, const struct pbc_nat *n, uint32_t id)
{
    const struct pbc_cond *c = n->cond_count ? &img->conds[n->conds] : NULL; /* `out on`: a map has no other */
    if (!c) return n->iface == PBC_NONE || n->iface == id;
    return (id < img->ifaces_count && lists_device(img, c, id)) == !(c->flags & PBC_COND_NOT);
}

/* True if packets of both may leave by one interface. */
static bool share_way(const struct image *img, const struct pbc_nat *a, const struct pbc_nat *b)
{
    bool shared = false;
    for (uint32_t id = 0; id <= img->ifaces_count && !shared; id++)
        shared = nat_goes_out(img, a, id) && nat_goes_out(img, b, id);
    return shared;
}

static bool collide(const struct image *img, const struct pbc_nat *a, const struct pbc_nat *b)
{
    if (a->family != b->family) return false;
    return overlap(a->to, a->len, b->to, b->len) || overlap(a->to, a->len, b->target, b->len) ||
           overlap(a->target, a->len, b->to, b->len) ||
           (overlap(a->target, a->len, b->target, b->len) && share_way(img, a, b));
}

static bool report(struct compile *c, const struct pbc_nat *n, const struct pbc_nat *other, const char *what)
{
    diag(c->diags, E_NAT_MAP, span_at(c, &n->place), "%s", what);
    if (other) diag_note(c->diags, span_at(c, &other->place), "the other statement is here");
    return false;
}

/* True if the `source` translates to an outside address of the map. */
static bool is_source(const struct image *img, const struct pbc_nat *map, const struct pbc_nat *source)
{
    const struct address_range r = address_prefix(map->to, map->len, map->family);
    if (source->family != map->family) return false;
    for (uint32_t i = source->outside; i < source->outside + source->outside_count; i++) {
        const struct pbc_set *s = &img->sets[i];
        for (uint32_t k = s->first4; map->family == 4 && k < s->first4 + s->count4; k++)
            if (img->set4[k].lo <= r.hi[0] && r.lo[0] <= img->set4[k].hi) return true;
        for (uint32_t k = s->first6; map->family == 6 && k < s->first6 + s->count6; k++) {
            const struct addr_span of = span6(&img->set6[k]);
            if (of.lo <= words_number(r.hi, true) && words_number(r.lo, true) <= of.hi) return true;
        }
    }
    return false;
}

bool check_maps(struct compile *c)
{
    const struct image *img = c->image;
    for (uint32_t i = 0; i < img->nats_count; i++) {
        const struct pbc_nat *n = &img->nats[i];
        if (n->kind != PBC_NAT_MAP) continue;
        if (overlap(n->to, n->len, n->target, n->len)) return report(c, n, NULL, "both prefixes are the same");
        for (uint32_t k = 0; k < img->nats_count; k++) {
            const struct pbc_nat *other = &img->nats[k];
            if (other->kind == PBC_NAT_MAP && k < i && collide(img, n, other))
                return report(c, n, other, "an address of this map is also in another map");
            if (other->kind == PBC_NAT_SOURCE && is_source(img, n, other))
                return report(c, n, other, "a `source` translates to an outside address of this map");
        }
    }
    return true;
}
