/* Maps of nats: each address stands in one of them, on one side, and nowhere else that is translated to. */
#include <string.h>

#include "compiler/resolve/service.h"
#include "vm/program/program.h"

static bool overlap(const uint32_t a[4], unsigned a_len, const uint32_t b[4], unsigned b_len)
{
    return address_in_prefix(a, a_len < b_len ? a_len : b_len, b);
}

/* By the same way out, or by any. */
static bool share_way(const struct pbc_nat *a, const struct pbc_nat *b)
{
    return a->iface == b->iface || a->iface == PBC_NONE || b->iface == PBC_NONE;
}

static bool collide(const struct pbc_nat *a, const struct pbc_nat *b)
{
    if (a->family != b->family) return false;
    return overlap(a->to, a->len, b->to, b->len) || overlap(a->to, a->len, b->target, b->len) ||
           overlap(a->target, a->len, b->to, b->len) ||
           (share_way(a, b) && overlap(a->target, a->len, b->target, b->len));
}

static bool report(struct compile *c, const struct pbc_nat *n, const struct pbc_nat *other, const char *what)
{
    diag(c->diags, E_NAT_MAP, span_at(c, &n->place), "%s", what);
    if (other) diag_note(c->diags, span_at(c, &other->place), "here");
    return false;
}

/* Does the `source` translate to an outside address of the map? */
static bool is_source(const struct image *img, const struct pbc_nat *map, const struct pbc_nat *source)
{
    const struct address_range r = address_prefix(map->to, map->len, map->family);
    if (source->family != map->family) return false;
    for (uint32_t i = source->outside; i < source->outside + source->outside_count; i++) {
        const struct pbc_set *s = &img->sets[i];
        for (uint32_t k = s->first4; map->family == 4 && k < s->first4 + s->count4; k++)
            if (img->set4[k].lo <= r.hi[0] && r.lo[0] <= img->set4[k].hi) return true;
        for (uint32_t k = s->first6; map->family == 6 && k < s->first6 + s->count6; k++) {
            const struct pbc_range6 *of = &img->set6[k];
            const u128 lo = (u128)of->lo_hi << 64 | of->lo_lo, hi = (u128)of->hi_hi << 64 | of->hi_lo;
            const u128 first = (u128)r.lo[0] << 96 | (u128)r.lo[1] << 64 | (u128)r.lo[2] << 32 | r.lo[3];
            const u128 last = (u128)r.hi[0] << 96 | (u128)r.hi[1] << 64 | (u128)r.hi[2] << 32 | r.hi[3];
            if (lo <= last && first <= hi) return true;
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
        if (overlap(n->to, n->len, n->target, n->len)) return report(c, n, NULL, "these prefixes are one and the same");
        for (uint32_t k = 0; k < img->nats_count; k++) {
            const struct pbc_nat *other = &img->nats[k];
            if (other->kind == PBC_NAT_MAP && k < i && collide(n, other))
                return report(c, n, other, "an address of this map stands in another");
            if (other->kind == PBC_NAT_SOURCE && is_source(img, n, other))
                return report(c, n, other, "a `source` translates to an outside address of this map");
        }
    }
    return true;
}
