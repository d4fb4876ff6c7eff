/* Number of flows that translation can hold (outside addresses times ports times servers, for each family), and size
 * of packets for which a tunnel leaves room. */
#include <string.h>

#include "compiler/resolve/services/service_work.h"
#include "vm/words/words.h"

/* Count addresses of each family. A large IPv6 range counts as most + 1. */
static void count_sets(const struct image *img, uint32_t sets, uint32_t count, uint64_t most, uint64_t *v4,
                       uint64_t *v6)
{
    *v4 = *v6 = 0;
    for (uint32_t i = sets; i < sets + count; i++) {
        const struct pbc_set *s = &img->sets[i];
        for (uint32_t k = s->first4; k < s->first4 + s->count4; k++)
            *v4 += (uint64_t)img->set4[k].hi - img->set4[k].lo + 1;
        for (uint32_t k = s->first6; k < s->first6 + s->count6; k++) {
            const struct addr_span r = span6(&img->set6[k]);
            *v6 += r.hi - r.lo < most ? (uint64_t)(r.hi - r.lo) + 1 : most + 1;
        }
    }
}

struct outside_size outside_size(const struct image *img, const struct pbc_nat *nat)
{
    struct outside_size size;
    count_sets(img, nat->outside, nat->outside_count, ADDRESSES_MOST, &size.v4, &size.v6);
    return size;
}

/* Return the capacity of one family. Without `source` it has the interface's own address. */
static struct capacity_part pool_capacity(const struct pbc_pool *pool, uint64_t addresses, uint64_t servers)
{
    struct capacity_part p = {.addresses = addresses, .servers = servers, .own = addresses == 0};
    if (p.own) p.addresses = 1;
    p.ports = p.own ? 65536u - PBC_OWN_PORT_LO : pool->source_port_hi - pool->source_port_lo + 1u;
    p.flows = p.addresses * p.ports * p.servers;
    return p;
}

struct capacity capacity_of(const struct image *img, const struct pbc_pool *pool)
{
    uint64_t servers[2] = {0}, v4, v6;
    for (uint32_t i = pool->servers; i < pool->servers + pool->server_count; i++)
        servers[img->servers[i].family == 6]++;
    count_sets(img, pool->sources, pool->source_count, PBC_SOURCES_MAX, &v4, &v6);
    struct capacity c = {.v4 = pool_capacity(pool, v4, servers[0]), .v6 = pool_capacity(pool, v6, servers[1])};
    c.addresses = v4 + v6;
    c.spaces = (v4 + v6) * pool->server_count;
    c.flows = c.v4.flows + c.v6.flows;
    return c;
}

/* Sum the capacity of the service's pools, each once. */
static uint64_t service_capacity(const struct image *img, const struct pbc_service *s, bool *seen)
{
    const struct pbc_branch *first = &img->branches[s->branches], *end = first + s->branch_count;
    uint64_t flows = 0;
    for (const struct pbc_branch *b = first; b < end; b++)
        for (uint32_t i = b->shares; i < b->shares + branch_shares(b); i++) {
            const uint32_t pool = img->shares[i].pool;
            if (pool >= img->pools_count || seen[pool]) continue;
            seen[pool] = true;
            flows += capacity_of(img, &img->pools[pool]).flows;
        }
    for (const struct pbc_branch *b = first; b < end; b++)
        for (uint32_t i = b->shares; i < b->shares + branch_shares(b); i++)
            if (img->shares[i].pool < img->pools_count) seen[img->shares[i].pool] = false;
    return flows;
}

static void warn_source_ports(struct compile *c, const struct pbc_service *s, bool *seen)
{
    if (!mode_is(s->mode, MODE_OWN_SOURCE) || !s->max_flows) return;
    const uint64_t flows = service_capacity(c->image, s, seen);
    if (s->max_flows <= flows) return;
    diag(c->diags, W_SOURCE_PORTS, span_at(c, &s->place),
         "`max flows %u` of the service `%s` exceeds the %llu flows for which its pools have source ports",
         s->max_flows, image_str(c->image, s->name), (unsigned long long)flows);
    diag_advise(c->diags, "add addresses (`source ADDR, …`) or servers to the pool, or lower `max flows`");
}

static bool takes_udp(const struct image *img, const struct pbc_service *s)
{
    bool takes = false;
    for (uint32_t i = s->endpoints; i < s->endpoints + s->endpoint_count; i++)
        takes |= img->endpoints[i].proto == PBC_EP_UDP || img->endpoints[i].proto == PBC_EP_PORTS;
    return takes;
}

struct service_ports service_ports(const struct image *img, struct arena *arena, const struct pbc_service *s)
{
    bool *seen = arena_alloc(arena, (size_t)img->pools_count + 1);
    struct service_ports p = {0};
    if (!mode_is(s->mode, MODE_OWN_SOURCE)) return p;
    p.flows = service_capacity(img, s, seen);
    p.udp_ns = takes_udp(img, s) ? s->idle_ns ? s->idle_ns : img->settings->udp_ns : 0;
    if (p.udp_ns) p.udp_a_second = p.flows * 1000000000u / p.udp_ns;
    return p;
}

/* Warn of a service that soon has no source port left. A TCP connection that has ended gives up its port
 * immediately, and so does a UDP query with its reply; other flows of UDP keep theirs until they are idle. */
static void warn_few_ports(struct compile *c, const struct pbc_service *s)
{
    enum { FEW_AT_ONCE = 100, FEW_A_SECOND = 10 };
    const struct service_ports p = service_ports(c->image, c->arena, s);
    const bool at_once = p.flows < FEW_AT_ONCE;
    if (!p.flows || (!at_once && (!p.udp_ns || p.udp_a_second >= FEW_A_SECOND))) return;
    if (at_once)
        diag(c->diags, W_FEW_PORTS, span_at(c, &s->place),
             "the service `%s` has %llu source port%s, and can't have more connections at the same time",
             image_str(c->image, s->name), (unsigned long long)p.flows, text_plural(p.flows));
    else
        diag(c->diags, W_FEW_PORTS, span_at(c, &s->place),
             "the service `%s` has %llu source ports, and a UDP flow keeps one for %llu s: prey refuses more than %llu "
             "new flows per second",
             image_str(c->image, s->name), (unsigned long long)p.flows, (unsigned long long)(p.udp_ns / 1000000000u),
             (unsigned long long)p.udp_a_second);
    diag_advise(c->diags, at_once ? "add addresses or ports (`source ADDR, … ports N-M`) or servers to the pool"
                                  : "add addresses or ports (`source ADDR, … ports N-M`) or servers to the pool, or "
                                    "shorten the service's `idle`");
}

/* Return the most bytes that a tunnel to one of the service's servers puts before a packet. */
static unsigned tunnel_bytes(const struct image *img, const struct pbc_service *s)
{
    static const unsigned IP4 = 20, IP6 = 40, UDP = 8, GUE = 4;
    bool v6 = false;
    for (uint32_t b = s->branches; b < s->branches + s->branch_count; b++)
        for (uint32_t i = img->branches[b].shares; i < img->branches[b].shares + branch_shares(&img->branches[b]);
             i++) {
            const uint32_t pool = img->shares[i].pool;
            if (pool >= img->pools_count) continue;
            const struct pbc_pool *p = &img->pools[pool];
            for (uint32_t k = p->servers; k < p->servers + p->server_count && !v6; k++)
                v6 = img->servers[k].family == 6;
        }
    const unsigned udp = !mode_is(s->mode, MODE_TAKES_PORT) ? 0 : s->gue_variant ? UDP : UDP + GUE;
    return (v6 ? IP6 : IP4) + udp;
}

/* Return the most bytes of the IP and TCP headers of the service's clients; 0: it takes no TCP. */
static unsigned header_bytes(const struct image *img, const struct pbc_service *s)
{
    enum { IP4_TCP = 40, IP6_TCP = 60 };
    unsigned most = 0;
    for (uint32_t i = 0; i < s->endpoint_count; i++) {
        const struct pbc_endpoint *e = &img->endpoints[s->endpoints + i];
        if (most < IP6_TCP && (e->proto == PBC_EP_TCP || e->proto == PBC_EP_PORTS))
            most = e->family == 4 ? IP4_TCP : IP6_TCP;
    }
    return most;
}

/* Warn about full packets in a tunnel. Links are taken to carry 1,500 bytes; the real size is known at run time. */
static void warn_tunnel(struct compile *c, const struct pbc_service *s)
{
    enum { LINK = 1500 };
    const unsigned headers = header_bytes(c->image, s);
    if (!mode_is(s->mode, MODE_TUNNELS) || s->mss == PBC_MSS_AUTO || !headers) return;
    const unsigned more = tunnel_bytes(c->image, s);
    if (s->mss && s->mss + headers + more <= LINK) return;
    diag(c->diags, W_TUNNEL_MTU, span_at(c, &s->place),
         "the tunnel of the service `%s` adds up to %u bytes, so full-size packets don't fit links of 1,500 bytes",
         image_str(c->image, s->name), more);
    diag_advise(c->diags, "add `mss clamp auto`, and prepare the servers as `preyc --server-setup` prints");
}

void check_capacity(struct compile *c)
{
    bool *seen = arena_alloc(c->arena, ((size_t)c->image->pools_count + 1) * sizeof(*seen));
    if (c->symbols->text_at_fault) return;
    for (uint32_t i = 0; i < c->image->services_count; i++) {
        warn_source_ports(c, &c->image->services[i], seen);
        warn_few_ports(c, &c->image->services[i]);
        warn_tunnel(c, &c->image->services[i]);
    }
}

bool sets_of_hosts(struct compile *c, uint32_t sets, uint32_t count, const struct node *clause)
{
    const struct image *img = c->image;
    bool good = true;
    for (uint32_t i = sets; i < sets + count; i++) {
        const struct pbc_set *s = &img->sets[i];
        for (uint32_t k = s->first4; k < s->first4 + s->count4; k++)
            good = good && img->set4[k].lo >> 24 != 0 && img->set4[k].hi < 0xe0000000u;
        for (uint32_t k = s->first6; k < s->first6 + s->count6; k++)
            good = good && (img->set6[k].lo_hi | img->set6[k].lo_lo) && img->set6[k].hi_hi >> 56 != 0xff;
    }
    if (!good)
        diag(c->diags, E_NAT_ADDRESS, clause->span, "this list has an address that doesn't belong to a single host");
    return good;
}

void check_sources(struct compile *c, const struct pbc_pool *pool, const struct node *clause, uint64_t *spaces)
{
    const struct capacity held = capacity_of(c->image, pool);
    if (!clause || !sets_of_hosts(c, pool->sources, pool->source_count, clause)) return;
    *spaces += held.addresses <= PBC_SOURCES_MAX ? held.spaces : 0;
    if (held.addresses > PBC_SOURCES_MAX)
        diag(c->diags, E_SOURCES, clause->span, "the list has more than %u addresses", (unsigned)PBC_SOURCES_MAX);
    else if (*spaces > PBC_PORT_SPACES_MAX)
        diag(c->diags, E_SOURCES, clause->span,
             "the file has %llu pairs of a source address and a server up to this line, but the limit is %u",
             (unsigned long long)*spaces, (unsigned)PBC_PORT_SPACES_MAX);
}
