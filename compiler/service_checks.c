/* What must hold between services, their pools and the firewall. */
#include <stdlib.h>
#include <string.h>

#include "compiler/gen_priv.h"
#include "compiler/service_priv.h"
#include "vm/key.h"
#include "vm/lb.h"
#include "vm/service.h"

/* Families of the service's own addresses; `self` and any say nothing certain. */
static uint32_t families_of(const struct image *img, const struct pbc_service *s)
{
    uint32_t families = 0;

    for (uint32_t i = s->endpoints; i < s->endpoints + s->endpoint_count; i++)
        families |= img->endpoints[i].family == 4 ? KIND_IP4 : img->endpoints[i].family == 6 ? KIND_IP6 : 0;
    return families;
}

static bool rewrites(enum pbc_mode mode)
{
    return mode == PBC_MODE_PASSTHROUGH || mode == PBC_MODE_KEEP_SOURCE || mode == PBC_MODE_DSR_REWRITE;
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
         "`%s` has no server for IPv%c clients, and this mode does not change the family", image_str(img, pool->name),
         families & KIND_IP4 ? '4' : '6');
    diag_fix(w->c->diags, "add a server with an IPv%c address, or send them elsewhere: `when %s -> POOL`",
             families & KIND_IP4 ? '4' : '6', families & KIND_IP4 ? "ip" : "ip6");
}

/* Every port that the service takes is the server's, so that nothing changes. */
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
    const char *mode = w->mode == PBC_MODE_DSR_L2 ? "l2" : w->mode == PBC_MODE_DSR_IPIP ? "ipip" : "gue";

    for (uint32_t i = pool->servers; i < pool->servers + pool->server_count; i++) {
        const struct pbc_server *s = &img->servers[i];

        if (!s->port || keeps_port(img, &img->services[w->id], s->port)) continue;
        diag(w->c->diags, E_PORT_CHANGED, share->span,
             "the server `%s` of `%s` has port %u, but `dsr %s` leaves the client's port as it is",
             image_str(img, s->name), image_str(img, pool->name), s->port, mode);
        diag_fix(w->c->diags, "leave out the server's port, or use `mode dsr rewrite`");
        return;
    }
}

void check_branch_pools(const struct service_work *w, const struct pbc_branch *b, const struct node *pools,
                        uint32_t families)
{
    const struct image *img = w->c->image;
    const struct node *share = pools->first;

    for (uint32_t i = b->shares; i < b->shares + b->share_count && share; i++, share = share->next) {
        const uint32_t pool = img->shares[i].pool;

        if (pool >= img->pools_count) continue;
        if (rewrites(w->mode)) check_family(w, &img->pools[pool], share, families);
        if (w->mode == PBC_MODE_DSR_L2 || w->mode == PBC_MODE_DSR_IPIP || w->mode == PBC_MODE_DSR_GUE)
            check_ports(w, &img->pools[pool], share);
    }
}

/* Equal endpoints -----------------------------------------------------------------------------------------------------
 */

static int compare_endpoints(const struct pbc_endpoint *a, const struct pbc_endpoint *b)
{
    if (a->to != b->to) return a->to < b->to ? -1 : 1;
    if (a->family != b->family) return a->family < b->family ? -1 : 1;
    const int addr = memcmp(a->addr, b->addr, sizeof(a->addr));
    if (addr) return addr;
    if (a->proto != b->proto) return a->proto < b->proto ? -1 : 1;
    if (a->port_lo != b->port_lo) return a->port_lo < b->port_lo ? -1 : 1;
    return a->port_hi == b->port_hi ? 0 : a->port_hi < b->port_hi ? -1 : 1;
}

static int by_endpoint(const void *pa, const void *pb)
{
    const struct pbc_endpoint *a = *(const struct pbc_endpoint *const *)pa,
                              *b = *(const struct pbc_endpoint *const *)pb;
    const int order = compare_endpoints(a, b);

    return order ? order : a < b ? -1 : 1;
}

/* The place of an entry of the image, as a span of its source. */
static struct span span_of(struct compile *c, const struct pbc_place *place)
{
    const char *path = image_str(c->image, place->file);

    for (uint32_t f = 0; f < c->sources.count; f++)
        if (strcmp(c->sources.files[f].path, path) == 0) {
            const char *text = c->sources.files[f].text;
            uint32_t at = 0;

            for (uint32_t line = 1; line < place->line && at < c->sources.files[f].len; at++) line += text[at] == '\n';
            return (struct span){f, at + place->col - 1, at + place->col - 1 + place->len};
        }
    return SPAN_NONE;
}

void check_endpoints(struct compile *c)
{
    const struct image *img = c->image;
    const struct pbc_endpoint **sorted =
        arena_alloc(c->arena, (img->endpoints_count + 1) * sizeof(const struct pbc_endpoint *));

    for (uint32_t i = 0; i < img->endpoints_count; i++) sorted[i] = &img->endpoints[i];
    if (img->endpoints_count > 1) qsort(sorted, img->endpoints_count, sizeof(const struct pbc_endpoint *), by_endpoint);
    for (uint32_t i = 1; i < img->endpoints_count; i++) {
        const struct pbc_endpoint *a = sorted[i - 1], *b = sorted[i];

        if (compare_endpoints(a, b) != 0) continue;
        if (memcmp(&a->place, &b->place, sizeof(a->place)) == 0) {
            diag(c->diags, E_ENDPOINT_TWICE, span_of(c, &b->place),
                 "one of the addresses before this stands there twice");
            continue;
        }
        diag(c->diags, E_ENDPOINT_TWICE, span_of(c, &b->place),
             "the same address, protocol and ports belong to the service `%s` already",
             image_str(img, img->services[a->service].name));
        diag_note(c->diags, span_of(c, &a->place), "here");
    }
}

void check_slots(struct compile *c)
{
    const struct image *img = c->image;
    const uint64_t slots = balance_slots(img->pools, img->pools_count, img->servers,
                                         img->settings_count ? img->settings->maglev : LB_SLOTS_DEFAULT);

    if (slots > PBC_SLOTS_MAX)
        diag(c->diags, E_SLOTS, span_of(c, &img->pools[img->pools_count - 1].place),
             "the pools of this file need %llu slots of Maglev tables together; at most %u may be",
             (unsigned long long)slots, (unsigned)PBC_SLOTS_MAX);
}

/* Services that no rule lets in ----------------------------------------------------------------------------------- */

static struct ir_product product_of(struct compile *c, const struct pbc_endpoint *e)
{
    static const uint32_t numbers[] = {[PBC_EP_TCP] = 6, [PBC_EP_UDP] = 17, [PBC_EP_SCTP] = 132};
    struct ir_product p = {{0}};
    struct pbc_range r4 = {e->addr[0], e->addr[0]};
    const uint64_t hi = (uint64_t)e->addr[0] << 32 | e->addr[1], lo = (uint64_t)e->addr[2] << 32 | e->addr[3];
    struct pbc_range6 r6 = {hi, lo, hi, lo};
    const struct pbc_range port = {e->port_lo, e->port_hi};
    struct pbc_range what[2];
    uint32_t n = 0;

    if (e->to == PBC_TO_ADDRESS)
        p.field[IR_DST] = p.field[IR_DST_SELF] = ir_intern_addrs(c->ir, &(struct ir_addrs){.r4 = &r4,
                                                                                           .r6 = &r6,
                                                                                           .count4 = e->family == 4,
                                                                                           .count6 = e->family == 6,
                                                                                           .set = PBC_NONE,
                                                                                           .mirror = PBC_NONE,
                                                                                           .complement = PBC_NONE});
    if (e->proto < PBC_EP_ECHO4) p.field[IR_DPORT] = ir_intern_ranges(c->ir, &port, 1, 65535);
    if (e->proto == PBC_EP_PORTS) return p;
    const uint32_t proto = e->proto == PBC_EP_ECHO4 ? 1 : e->proto == PBC_EP_ECHO6 ? 58 : numbers[e->proto];
    if (e->family != 6 && e->proto != PBC_EP_ECHO6) what[n++] = (struct pbc_range){WHAT_IP4 + proto, WHAT_IP4 + proto};
    if (e->family != 4 && e->proto != PBC_EP_ECHO4) what[n++] = (struct pbc_range){WHAT_IP6 + proto, WHAT_IP6 + proto};
    p.field[IR_WHAT] = ir_intern_ranges(c->ir, what, n, WHAT_MOST);
    return p;
}

/* Is every frame that comes in judged by a firewall whose default keeps it out? */
static bool is_closed(const struct image *img)
{
    bool general = false;

    for (uint32_t i = 0; i < img->firewalls_count; i++) {
        const struct pbc_firewall *f = &img->firewalls[i];

        if (f->direction != PBC_DIR_ANY && f->direction != PBC_DIR_IN) continue;
        if (f->default_verdict == PBC_V_ACCEPT) return false;
        general |= f->iface == PBC_NONE;
    }
    return general;
}

static bool may_enter(struct compile *c, const struct pbc_endpoint *e)
{
    const struct ir_product p = product_of(c, e);

    for (uint32_t i = 0; i < c->image->rules_count; i++)
        if (c->image->rules[i].verdict == PBC_V_ACCEPT && c->ir->rules[i].state == IR_LIVE &&
            ir_may_meet(c->ir, &c->ir->rules[i].product, &p))
            return true;
    return false;
}

void warn_services(struct compile *c)
{
    const struct image *img = c->image;

    if (!is_closed(img)) return;
    for (uint32_t i = 0; i < img->services_count; i++) {
        const struct pbc_service *s = &img->services[i];
        bool enters = false;

        for (uint32_t e = s->endpoints; e < s->endpoints + s->endpoint_count && !enters; e++)
            enters = may_enter(c, &img->endpoints[e]);
        if (enters) continue;
        diag(c->diags, W_SERVICE_CLOSED, span_of(c, &s->place),
             "no rule of the firewall lets traffic to the service `%s` in", image_str(img, s->name));
        diag_fix(c->diags, "a service does not open the firewall: add an `accept` for its address and ports");
    }
}
