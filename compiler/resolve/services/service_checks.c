/* Checks between services, their pools and the firewall */
#include <stdlib.h>
#include <string.h>

#include "compiler/resolve/services/service_work.h"
#include "vm/packet/key.h"

/* Return the families of the service's own addresses; `self` and `any` add none. */
static uint32_t families_of(const struct image *img, const struct pbc_service *s)
{
    uint32_t families = 0;
    for (uint32_t i = s->endpoints; i < s->endpoints + s->endpoint_count; i++)
        families |= img->endpoints[i].family == 4 ? KIND_IP4 : img->endpoints[i].family == 6 ? KIND_IP6 : 0;
    return families;
}

/* True if the mode is a proxy's that shows servers the client's address (`transparent`, or in the wire). */
static bool keeps_address(const struct service_work *w)
{
    const struct image *img = w->c->image;
    const uint32_t proxy = img->services[w->id].proxy;
    if (mode_is(w->mode, MODE_INLINE)) return true;
    return proxy && img->proxies[proxy - 1].flags & PBC_PROXY_TRANSPARENT;
}

static void check_family(const struct service_work *w, const struct pbc_pool *pool, const struct node *share,
                         uint32_t families)
{
    const struct image *img = w->c->image;
    uint32_t have = 0;
    for (uint32_t i = pool->servers; i < pool->servers + pool->server_count; i++)
        have |= img->servers[i].family == 4 ? KIND_IP4 : KIND_IP6;
    families &= families_of(img, &img->services[w->id]) & ~have;
    if (!families || !have) return;
    diag(w->c->diags, E_POOL_FAMILY, share->span,
         "`%s` has no server for IPv%c clients, and %s can't change the family", image_str(img, pool->name),
         families & KIND_IP4 ? '4' : '6',
         mode_is(w->mode, MODE_OWN_SOURCE | MODE_REWRITES | MODE_INLINE) ? "this mode" : "`transparent`");
    diag_advise(w->c->diags, "add a server with an IPv%c address, or a branch to another pool: `when %s -> POOL`",
                families & KIND_IP4 ? '4' : '6', families & KIND_IP4 ? "ip" : "ip6");
}

/* True if every port of the service equals the server's, so that no port changes. */
static bool keeps_port(const struct image *img, const struct pbc_service *s, uint16_t port)
{
    for (uint32_t i = s->endpoints; i < s->endpoints + s->endpoint_count; i++) {
        const struct pbc_endpoint *e = &img->endpoints[i];
        if (e->proto < PBC_EP_ECHO4 && (e->port_lo != port || e->port_hi != port)) return false;
    }
    return true;
}

static void check_ports(const struct service_work *w, const struct pbc_pool *pool, const struct node *share)
{
    const struct image *img = w->c->image;
    for (uint32_t i = pool->servers; i < pool->servers + pool->server_count; i++) {
        const struct pbc_server *s = &img->servers[i];
        if (!s->port || keeps_port(img, &img->services[w->id], s->port)) continue;
        if (s->flags & PBC_SERVER_NAMED && s->port == PBC_NAMED_PORT) {
            diag(w->c->diags, E_PORT_CHANGED, share->span,
                 "servers of `%s` have the ports of their DNS records, but `%s` can't change the client's port",
                 image_str(img, pool->name), mode_info[w->mode].name);
            diag_advise(w->c->diags, "use `mode dsr rewrite`");
            return;
        }
        diag(w->c->diags, E_PORT_CHANGED, share->span,
             "the server `%s` of `%s` has port %u, but `%s` can't change the client's port", image_str(img, s->name),
             image_str(img, pool->name), s->port, mode_info[w->mode].name);
        diag_advise(w->c->diags, "remove the server's port, or use `mode dsr rewrite`");
        return;
    }
}

/* Report `source` of a pool beside `transparent`: both set the address that servers see. */
static void check_proxied(const struct service_work *w, const struct pbc_pool *pool, const struct node *share)
{
    const struct image *img = w->c->image;
    if (!pool->source_count || !keeps_address(w)) return;
    diag(w->c->diags, E_MODE_OPTION, share->span,
         "the pool `%s` has a `source`, but a %s service connects from the client's address",
         image_str(img, pool->name), mode_is(w->mode, MODE_INLINE) ? "`proxy inline`" : "`transparent`");
    diag_note(w->c->diags, span_at(w->c, &pool->place), "the pool is here");
    diag_advise(w->c->diags, "remove the pool's `source`, or give this service its own pool");
}

/* True for an address that each machine has for itself. */
static bool is_loopback(const struct pbc_server *s)
{
    const bool mapped = s->family == 6 && !(s->addr[0] | s->addr[1]) && s->addr[2] == 0xffff;
    if (s->family == 4 || mapped) return s->addr[mapped ? 3 : 0] >> 24 == 127;
    return !(s->addr[0] | s->addr[1] | s->addr[2]) && s->addr[3] == 1;
}

/* Report a server on this machine's loopback in a mode that sends packets on: these reach no socket of this machine. */
static void check_loopback(const struct service_work *w, const struct pbc_pool *pool, const struct node *share)
{
    const struct image *img = w->c->image;
    if (mode_is(w->mode, MODE_PROXIES) && !mode_is(w->mode, MODE_INLINE_STACK)) return;
    for (uint32_t i = pool->servers; i < pool->servers + pool->server_count; i++) {
        const struct pbc_server *s = &img->servers[i];
        if (!is_loopback(s)) continue;
        diag(w->c->diags, E_SERVER_LOOPBACK, share->span,
             "the server `%s` of `%s` is this machine, but `mode %s` sends packets only to other machines",
             image_str(img, s->name), image_str(img, pool->name), mode_info[w->mode].name);
        diag_note(w->c->diags, span_at(w->c, &s->place), "the server is here");
        diag_advise(w->c->diags, "use `mode proxy` without `splice packets`, or another machine's address");
        return;
    }
}

void check_branch_pools(const struct service_work *w, const struct pbc_branch *b, const struct node *pools,
                        uint32_t families)
{
    const struct image *img = w->c->image;
    const struct node *share = pools->first;
    for (uint32_t i = b->shares; i < b->shares + branch_shares(b) && share; i++, share = share->next) {
        const uint32_t pool = img->shares[i].pool;
        if (pool >= img->pools_count) continue;
        check_loopback(w, &img->pools[pool], share);
        if (mode_is(w->mode, MODE_PROXIES)) check_proxied(w, &img->pools[pool], share);
        if (mode_is(w->mode, MODE_REWRITES | MODE_INLINE_STACK) || keeps_address(w))
            check_family(w, &img->pools[pool], share, families);
        else if (mode_is(w->mode, MODE_ONE_SIDED))
            check_ports(w, &img->pools[pool], share);
    }
}

static int compare_endpoints(const struct pbc_endpoint *a, const struct pbc_endpoint *b)
{
    if (a->to != b->to) return a->to < b->to ? -1 : 1;
    if (a->family != b->family) return a->family < b->family ? -1 : 1;
    const int addr = memcmp(a->addr, b->addr, sizeof(a->addr));
    if (addr) return addr;
    if (a->proto != b->proto) return a->proto < b->proto ? -1 : 1;
    if (a->port_lo != b->port_lo) return a->port_lo < b->port_lo ? -1 : 1;
    if (a->port_hi != b->port_hi) return a->port_hi < b->port_hi ? -1 : 1;
    if (a->iface != b->iface) return a->iface < b->iface ? -1 : 1;
    const unsigned wire_a = a->wire > PBC_WIRE_ALL ? a->wire : 0, wire_b = b->wire > PBC_WIRE_ALL ? b->wire : 0;
    if (wire_a != wire_b) return wire_a < wire_b ? -1 : 1;
    if (a->vlan_lo != b->vlan_lo) return a->vlan_lo < b->vlan_lo ? -1 : 1;
    return a->vlan_hi == b->vlan_hi ? 0 : a->vlan_hi < b->vlan_hi ? -1 : 1;
}

static int by_endpoint(const void *pa, const void *pb)
{
    const struct pbc_endpoint *a = *(const struct pbc_endpoint *const *)pa,
                              *b = *(const struct pbc_endpoint *const *)pb;
    const int order = compare_endpoints(a, b);
    return order ? order : a < b ? -1 : 1;
}

/* Report endpoints of the array that are in two places; names come from `name_of`. */
static void check_twice(struct compile *c, const struct pbc_endpoint *all, uint32_t count,
                        const char *(*name_of)(const struct image *img, uint32_t service))
{
    const struct pbc_endpoint **sorted = arena_alloc(c->arena, (count + 1) * sizeof(const struct pbc_endpoint *));
    for (uint32_t i = 0; i < count; i++) sorted[i] = &all[i];
    if (count > 1) qsort(sorted, count, sizeof(const struct pbc_endpoint *), by_endpoint);
    for (uint32_t i = 1; i < count; i++) {
        const struct pbc_endpoint *a = sorted[i - 1], *b = sorted[i];
        if (compare_endpoints(a, b) != 0) continue;
        if (memcmp(&a->place, &b->place, sizeof(a->place)) == 0) {
            diag(c->diags, E_ENDPOINT_TWICE, span_at(c, &b->place),
                 "this service already has this address, protocol and port");
            continue;
        }
        diag(c->diags, E_ENDPOINT_TWICE, span_at(c, &b->place),
             "the service `%s` already has this address, protocol and port", name_of(c->image, a->service));
        diag_note(c->diags, span_at(c, &a->place), "the other endpoint is here");
    }
}

static const char *service_name(const struct image *img, uint32_t service)
{
    return image_str(img, img->services[service].name);
}

static const char *observe_name(const struct image *img, uint32_t observe)
{
    return image_str(img, img->observes[observe].name);
}

void check_endpoints(struct compile *c)
{
    check_twice(c, c->image->endpoints, c->image->endpoints_count, service_name);
    check_twice(c, c->image->observe_endpoints, c->image->observe_endpoints_count, observe_name);
}

static int by_address(const void *pa, const void *pb)
{
    const struct pbc_endpoint *a = *(const struct pbc_endpoint *const *)pa,
                              *b = *(const struct pbc_endpoint *const *)pb;
    return a->family != b->family ? (a->family < b->family ? -1 : 1) : memcmp(a->addr, b->addr, sizeof(a->addr));
}

void check_loops(struct compile *c)
{
    const struct image *img = c->image;
    const struct pbc_endpoint **sorted =
        arena_alloc(c->arena, (img->endpoints_count + 1) * sizeof(const struct pbc_endpoint *));
    size_t n = 0;
    for (uint32_t i = 0; i < img->endpoints_count; i++)
        if (img->endpoints[i].to == PBC_TO_ADDRESS && !img->endpoints[i].wire) sorted[n++] = &img->endpoints[i];
    if (n > 1) qsort(sorted, n, sizeof(*sorted), by_address);
    for (uint32_t i = 0; i < img->servers_count && n; i++) {
        const struct pbc_server *s = &img->servers[i];
        struct pbc_endpoint at = {.family = s->family};
        const struct pbc_endpoint *key = &at;
        memcpy(at.addr, s->addr, sizeof(at.addr));
        const struct pbc_endpoint *const *same = bsearch(&key, sorted, n, sizeof(*sorted), by_address);
        if (!same) continue;
        diag(c->diags, E_SERVER_LOOP, span_at(c, &s->place),
             "the server `%s` has the address of the service `%s`, so packets for the server would return to this "
             "machine",
             image_str(img, s->name), image_str(img, img->services[(*same)->service].name));
        diag_note(c->diags, span_at(c, &(*same)->place), "the service is here");
    }
}

/* Retries without effect ------------------------------------------------------------------------------------------- */

enum { USED_SEEN = 1, USED_UNSEEN = 2 }; /* users: a service that sees servers' replies; a service that sees none */

static uint8_t *uses_of_pools(struct compile *c)
{
    const struct image *img = c->image;
    uint8_t *uses = arena_alloc(c->arena, (size_t)img->pools_count + 1);
    for (uint32_t i = 0; i < img->branches_count; i++) {
        const struct pbc_branch *b = &img->branches[i];
        const bool unseen = mode_is(img->services[b->service].mode, MODE_ONE_SIDED);
        for (uint32_t k = b->shares; k < b->shares + branch_shares(b); k++)
            if (img->shares[k].pool < img->pools_count) uses[img->shares[k].pool] |= unseen ? USED_UNSEEN : USED_SEEN;
    }
    return uses;
}

void warn_retries(struct compile *c)
{
    const uint8_t *uses = uses_of_pools(c);
    for (const struct symbol *s = c->symbols->first; s && !c->symbols->text_at_fault; s = s->next) {
        if (s->kind != SYM_POOL || s->index >= c->image->pools_count || uses[s->index] != USED_UNSEEN) continue;
        node_each(n, s->decl)
        {
            if (!is_clause(n, CL_RETRIES) || !c->image->pools[s->index].retries) continue;
            diag(c->diags, W_RETRIES, n->span, "`retries` has no effect, because only `dsr` services use `%s`",
                 s->name.s);
            diag_advise(c->diags, "in `dsr`, servers reply to clients directly, so prey can't see a missing reply");
        }
    }
}

void check_slots(struct compile *c)
{
    const struct image *img = c->image;
    const uint64_t slots = pbc_pool_slots(img->pools, img->pools_count, img->servers,
                                          img->settings_count ? img->settings->maglev : LB_SLOTS_DEFAULT);
    if (slots <= PBC_SLOTS_MAX) return;
    diag(c->diags, E_SLOTS, span_at(c, &img->pools[img->pools_count - 1].place),
         "the pools of this file need %llu slots in Maglev tables, but the limit is %u", (unsigned long long)slots,
         (unsigned)PBC_SLOTS_MAX);
    diag_advise(c->diags, "lower `limits { maglev N }`, or use another `balance` in some pools");
}
