/* Making recipes from packets that leave by the careful way, and the validity of recipes (forward_priv.h) */
#include <stdlib.h>
#include <string.h>

#include "vm/forward/edges.h"
#include "vm/forward/forward_priv.h"
#include "vm/forward/ordinary.h"
#include "vm/judge/routes.h"
#include "vm/judge/ways.h"
#include "vm/keyed/archive.h"
#include "vm/packet/wire.h"

/* Fill in the way to the server: the frame's next address, and a tunnel's outer header. */
static bool fill_to_server(const struct job *j, const struct packet_ctx *c, uint8_t *kind, struct recipe *r)
{
    const struct program *p = j->vm->program;
    const struct pbc_server *server = &p->servers[c->left.server];
    const bool v6 = server->family == 6;
    uint8_t made = mode_of(p, c->left.service)->recipe;
    if (made == RECIPE_GUE && tunnel_of(&p->services[c->left.service]) == TUNNEL_GUE1) made = RECIPE_GUE1;
    *kind = (uint8_t)(made | (v6 ? RECIPE_IP6 : 0));
    if (mode_knows_mac(j, c)) wire_put48(r->next_mac, server->mac);
    if (made == RECIPE_REWRITE) return true;
    memcpy(r->dst, server->addr, sizeof r->dst);
    r->dst_port = p->services[c->left.service].gue_port;
    if ((*kind & ~RECIPE_IP6) == RECIPE_FRAME) return true;
    if (!outside_address(j->vm->forward->outside, j->in->facts, c->left.server, r->src)) return false;
    recipe_outer(r, *kind, c->key->kind & KIND_IP6);
    return true;
}

/* Fill in a recipe from the packet that has just left by c->left. */
static bool recipe_fill(const struct job *j, const struct packet_ctx *c, const struct flow_bind *b, uint8_t *kind,
                        struct recipe *r)
{
    *r = (struct recipe){.generation = j->vm->forward->recipes, .out_if = c->left.iface, .heard_if = b->client_iface};
    memcpy(r->heard_mac, b->client_mac, sizeof r->heard_mac);
    r->server = (uint16_t)(b->kind == BIND_SERVICE ? b->server : b->nat);
    r->service = (uint16_t)(b->kind == BIND_SERVICE ? c->v->service : RECIPE_NAT);
    recipe_differ(r, c->key, &c->left.to);
    if (c->left.way == LEAVE_TO_SERVER) return fill_to_server(j, c, kind, r);
    *kind = (uint8_t)(RECIPE_REWRITE | (c->key->kind & KIND_IP6 ? RECIPE_IP6 : 0));
    memcpy(r->next_mac, c->left.mac, sizeof r->next_mac);
    return true;
}

/* True for numbers that do not fit into a recipe, or that belong to the past: such flows drain. */
static bool is_too_many(const struct job *j, const struct packet_ctx *c, const struct flow_bind *b)
{
    const struct program *p = j->vm->program;
    if (b->kind != BIND_SERVICE) return b->nat >= p->nats_count;
    if (c->v->service >= (p->past ? p->past->services : RECIPE_NAT)) return true;
    return b->server >= UINT16_MAX || c->v->service >= RECIPE_NAT || program_is_past(p, b->server);
}

/* Fill in the MAC address of the next hop of the last packet that left. False: not known yet, so the next packets try
 * again. */
static bool resolve(const struct job *j, const struct packet_ctx *c, struct recipe *r)
{
    const struct vm_ways *ways = j->in->ways;
    const struct tx_entry *e = j->tx->count ? &j->tx->entries[j->tx->count - 1] : NULL;
    if (!ways || wire_raw32(r->next_mac) | wire_raw32(r->next_mac + 2)) return true;
    if (!e || j->input == INPUT_NONE || e->input != j->input + c->at || e->kind != TX_SEND) return false;
    return e->family && ways->find(ways->arg, e, &r->out_if, r->next_mac);
}

/* True for a packet whose next hop the host has chosen. Later packets of its flow take the hop from the recipe, even
 * if none is ordinary. */
static bool has_hop(const struct packet_ctx *c) { return c->left.way == LEAVE_ROUTED && wire_get48(c->left.mac); }

/* True for packets that leave by recipes: Ethernet frames, and bare packets if the kernel applies recipes. */
static bool takes_recipes(const struct job *j, const struct pkt *pkt)
{
    return pkt->link == LINK_ETHER || (pkt->link == LINK_RAW && j->vm->cfg.kernel);
}

void forward_keep_recipe(const struct job *j, const struct packet_ctx *c, const struct flow_bind *b)
{
    struct forward *f = j->vm->forward;
    struct recipe made;
    uint8_t kind;
    if (!f->recipes || c->made || c->splice || !takes_recipes(j, c->pkt)) return;
    if (!ordinary_ports(c->key) && !has_hop(c)) return;
    /* The careful way follows the pool's `on down` for a server that is down; a change of health makes recipes stale */
    const bool down = b->kind == BIND_SERVICE && facts_down(j->in->facts, b->server, false);
    if (is_too_many(j, c, b) || down || !recipe_fill(j, c, b, &kind, &made)) return;
    if (resolve(j, c, &made)) track_keep_recipe(f->track, &c->seen, kind, &made);
}

static bool same_facts(const struct facts *a, const struct facts *b)
{
    return a->generation == b->generation && a->ways == b->ways && a->addr4 == b->addr4 && a->mac == b->mac &&
           a->mtu == b->mtu && memcmp(a->addr6, b->addr6, sizeof a->addr6) == 0;
}

/* Set the longest packet for each interface. Without memory for them, the longest for all applies. */
static void find_least(struct forward *f, const struct facts *facts)
{
    const unsigned count = facts ? facts->ifaces_count : 0;
    uint32_t *least = count ? realloc(f->least, count * sizeof *least) : NULL;
    f->least_count = least ? count : 0;
    if (!least) return;
    f->least = least;
    ways_least_mtus(facts, least, count);
    for (unsigned i = 0; i < count; i++)
        if (!least[i]) least[i] = EDGE_MTU;
}

/* Return the longest packet that all interfaces and the ways to all servers carry. */
static uint32_t least_of_all(const struct forward *f, const struct facts *facts)
{
    const uint32_t *servers = facts ? facts->server_mtu : NULL;
    uint32_t least = edge_mtu(facts, IFACE_NONE);
    for (unsigned i = 0; i < f->least_count; i++)
        if (f->least[i] < least) least = f->least[i];
    for (uint32_t i = 0; servers && i < f->p->servers_count; i++)
        if (servers[i] && servers[i] < least) least = servers[i];
    return least < UINT16_MAX ? least : UINT16_MAX;
}

/* Set the longest IP packet for each kind of recipe, whichever way it leaves, and for each interface; longer ones go
 * the careful way. */
static void find_longest(struct forward *f, const struct facts *facts)
{
    find_least(f, facts);
    const uint32_t mtu = least_of_all(f, facts);
    for (unsigned kind = 0; kind < RECIPE_KINDS; kind++) {
        const uint32_t over = recipe_overhead((uint8_t)kind);
        f->longest[kind] = (uint16_t)(mtu > over ? mtu - over : 0);
    }
    f->longest[RECIPE_FRAME] = f->longest[RECIPE_FRAME | RECIPE_IP6] = UINT16_MAX;
}

void forward_begin_recipes(struct forward *f)
{
    f->recipes = 1;
    find_longest(f, NULL);
}

/* Begin another generation if the facts have changed. After the last generation there are no recipes, because they
 * could not be distinguished from stale ones. */
void forward_renew_recipes(struct forward *f, const struct facts *facts)
{
    static const struct facts unknown;
    if (!facts) facts = &unknown;
    const uint64_t routes = facts->routes ? facts->routes->number : 0;
    if (!f->recipes || (same_facts(&f->seen_facts, facts) && f->seen_routes == routes)) return;
    f->seen_facts = *facts;
    f->seen_routes = routes;
    f->recipes++;
    find_longest(f, facts);
}

/* Most bytes of a routing table that is digested; a larger one would take long, and counts as changed each time */
enum { ROUTES_MOST = 1 << 20 };

/* Write a digest of all facts by which recipes are made, except next hops. */
static void digest_facts(const struct program *p, const struct facts *facts, uint8_t digest[PBC_DIGEST_LEN])
{
    struct {
        uint64_t mac;
        uint32_t mtu, addr4, addr6[4];
    } own = {facts->mac, facts->mtu, facts->addr4, {0}};
    uint8_t of[7][PBC_DIGEST_LEN] = {{0}};
    memcpy(own.addr6, facts->addr6, sizeof own.addr6);
    pbc_digest(&own, sizeof own, of[0]);
    if (facts->ifaces) pbc_digest(facts->ifaces, facts->ifaces_count * sizeof *facts->ifaces, of[1]);
    if (facts->server_out) pbc_digest(facts->server_out, p->servers_count * sizeof *facts->server_out, of[2]);
    if (facts->server_mtu) pbc_digest(facts->server_mtu, p->servers_count * sizeof *facts->server_mtu, of[3]);
    if (facts->target_out) pbc_digest(facts->target_out, p->nats_count * sizeof *facts->target_out, of[4]);
    if (facts->down) pbc_digest(facts->down, p->servers_count, of[5]);
    const struct routes *r = facts->routes;
    if (r && r->bytes <= ROUTES_MOST) pbc_digest(r->range6, r->bytes, of[6]);
    if (r && r->bytes > ROUTES_MOST) memcpy(of[6], &r, sizeof r);
    pbc_digest(of, sizeof of, digest);
}

void forward_archive_recipes(struct forward *f, struct archive *a, const struct facts *facts)
{
    static const struct facts unknown;
    uint32_t made = f->recipes;
    uint8_t by[PBC_DIGEST_LEN], now[PBC_DIGEST_LEN];
    digest_facts(f->p, facts ? facts : &unknown, now);
    memcpy(by, now, sizeof by);
    ARCHIVE(a, made);
    ARCHIVE(a, by);
    if (!a->reads || a->bad) return;
    f->recipes = made;
    if (made && memcmp(by, now, sizeof by) != 0) f->recipes++;
}

uint32_t forward_recipes(const struct forward *f, uint16_t longest[RECIPE_KINDS], uint32_t *datagram)
{
    memcpy(longest, f->longest, sizeof f->longest);
    *datagram = f->datagram;
    return f->recipes;
}

void forward_datagram(struct forward *f, uint32_t next) { f->datagram = next; }

void forward_count(struct forward *f, uint64_t replies, const struct counter nats[])
{
    f->counters.replies += replies;
    for (uint32_t i = 0; nats && i < f->p->nats_count; i++) nat_count(f->nat, i, nats[i]);
}

void forward_count_ways(struct forward *f, const uint64_t unknown[])
{
    if (f->nat) nat_unknown(f->nat, unknown);
}

bool forward_lend(const struct forward *f, uint64_t now_ns, const struct plain *p, struct loan *loan)
{
    if (!f->recipes || !track_lend(f->track, now_ns, p, f->recipes, loan)) return false;
    loan->longest = f->longest[loan->kind];
    return true;
}
