/* Outside addresses, see outside.h: the sources of each pool by family, and a space of ports for every source, server
 * and protocol. A family without a source uses this machine's address. */
#include "vm/forward/bind/outside.h"

#include <stdlib.h>
#include <string.h>

#include "vm/forward/bind/ports.h"
#include "vm/forward/bind/rest.h"
#include "vm/keyed/hash.h"
#include "vm/program/swap.h"
#include "vm/shared/shared.h"

/* Number of ports tried: a port that is free here may belong to another flow, of this machine or of another pool. */
enum { TRIES = 16 };

/* Spaces of ports, one per protocol */
enum { SPACE_TCP, SPACE_UDP, SPACE_OTHER, SPACE_QUERY, SPACE_CLASSES };

/* Addresses that a pool's servers of one family see */
struct side {
    uint32_t (*addr)[4]; /* [count] */
    uint32_t count;      /* 0: no `source`, but this machine's address by the facts */
    struct ports
        *ports; /* space: (source * servers + server) * classes + class; NULL: no service translates to this pool */
    uint16_t lo, hi;
    uint32_t ports_number; /* number of the facts that gave `ports` its further ranges */
};

struct pool_out {
    struct side side[2]; /* IPv4, IPv6 */
};

struct outside {
    const struct program *p;
    struct pool_out *pools;
    uint64_t used, random;
    unsigned worker, workers;
    struct rests rests;
};

/* List a pool's sources, at most PBC_SOURCES_MAX (verified). */
static bool list_sources(const struct program *p, const struct pbc_pool *pool, struct pool_out *out)
{
    for (unsigned six = 0; six < 2; six++) {
        struct side *side = &out->side[six];
        struct address_walk w = address_walk(p, pool->sources, pool->source_count, six ? 6 : 4);
        struct address_range one;
        side->addr =
            calloc(address_count(p, w.set, pool->source_count, w.family, PBC_SOURCES_MAX) + 1, sizeof *side->addr);
        if (!side->addr) return false;
        while (address_each(&w, &one)) memcpy(side->addr[side->count++], one.lo, sizeof one.lo);
    }
    return true;
}

/* Make the ports of a pool. The verifier bounds the spaces: addresses of both families times all servers. */
static bool make_ports(struct outside *o, uint32_t pool, const struct vm_cfg *cfg)
{
    const struct pbc_pool *pp = &o->p->pools[pool];
    for (unsigned six = 0; six < 2; six++) {
        struct side *out = &o->pools[pool].side[six];
        if (out->ports) continue;
        const uint32_t spaces = (out->count ? out->count : 1) * pp->server_count * SPACE_CLASSES;
        out->lo = out->count ? pp->source_port_lo : PBC_OWN_PORT_LO;
        out->hi = out->count ? pp->source_port_hi : UINT16_MAX;
        const uint64_t seed = cfg->seed + pool + ((uint64_t)six << 32);
        out->ports = ports_new(spaces, out->lo, out->hi, cfg, ports_are_lent(o->p), seed);
        if (!out->ports) return false;
        ports_count(out->ports, &o->used);
    }
    return true;
}

/* Make the ports of the pools that passthrough services send to. */
static bool make_all_ports(struct outside *o, const struct vm_cfg *cfg)
{
    const struct program *p = o->p;
    for (uint32_t i = 0; i < p->branches_count; i++) {
        const struct pbc_branch *b = &p->branches[i];
        if (!mode_is(p->services[b->service].mode, MODE_OWN_SOURCE)) continue;
        for (uint32_t s = b->shares; s < b->shares + branch_shares(b); s++)
            if (!make_ports(o, p->shares[s].pool, cfg)) return false;
    }
    return true;
}

struct outside *outside_new(const struct program *p, const struct vm_cfg *cfg)
{
    struct outside *o = calloc(1, sizeof *o);
    if (!o) return NULL;
    o->p = p;
    o->worker = cfg->worker;
    o->workers = cfg->workers;
    o->random = cfg->seed ^ 0x6f757473; /* differs from the numbers of `ports` */
    o->pools = calloc((size_t)p->pools_count + 1, sizeof *o->pools);
    o->rests.all = calloc(RESTS_MOST, sizeof *o->rests.all);
    bool good = o->pools && o->rests.all;
    for (uint32_t i = 0; good && i < p->pools_count; i++) good = list_sources(p, &p->pools[i], &o->pools[i]);
    if (good && make_all_ports(o, cfg)) return o;
    outside_free(o);
    return NULL;
}

void outside_free(struct outside *o)
{
    if (!o) return;
    for (uint32_t i = 0; o->pools && i < o->p->pools_count; i++) {
        for (unsigned six = 0; six < 2; six++) {
            free(o->pools[i].side[six].addr);
            ports_free(o->pools[i].side[six].ports);
        }
    }
    free(o->pools);
    free(o->rests.all);
    free(o);
}

/* Draw new ports from another random state, because the same draws would meet flows of the former ports. */
static void renew_ports(struct outside *to, struct side *side)
{
    if (side->ports) ports_draw(side->ports, random_next(&to->random));
}

static void keep_ports(struct outside *to, struct outside *from, struct side *a, struct side *b, uint32_t servers)
{
    const uint32_t spaces = (a->count ? a->count : 1) * servers * SPACE_CLASSES;
    if (!a->ports) return;
    if (!b->ports) {
        renew_ports(to, a);
        return;
    }
    SWAP(a->ports, b->ports);
    SWAP(a->ports_number, b->ports_number);
    ports_recount(a->ports, spaces, &to->used);
    ports_recount(b->ports, spaces, &from->used);
}

static void space_give(struct outside *o, uint32_t server, uint32_t space, uint16_t port)
{
    const struct pbc_server *s = &o->p->servers[server];
    struct ports *ports = o->pools[s->pool].side[s->family == 6].ports;
    if (ports) port_give(ports, space, port); /* NULL: services no longer translate for the pool */
}

/* Free ports whose rest has expired; return their number. */
static unsigned wake(struct outside *o, uint64_t now_ns, unsigned most)
{
    struct rest one;
    unsigned n = 0;
    for (; n < most && rests_leave(&o->rests, now_ns, false, &one); n++) space_give(o, one.server, one.space, one.port);
    return n;
}

void outside_at(struct outside *o, uint64_t now_ns) { wake(o, now_ns, TRIES); }

void outside_keep(struct outside *to, struct outside *from, const struct remap *r)
{
    wake(from, UINT64_MAX, RESTS_MOST); /* the server and space numbers of rests change */
    to->random = from->random;
    for (uint32_t i = 0; i < to->p->pools_count; i++) {
        const bool past = i >= r->program->past->pools;
        const uint32_t was = past ? r->pool_past[i] : r->pool_out[i];
        for (unsigned six = 0; six < 2; six++) {
            if (was == PBC_NONE)
                renew_ports(to, &to->pools[i].side[six]);
            else if (past) {
                SWAP(to->pools[i].side[six].addr, from->pools[was].side[six].addr);
                SWAP(to->pools[i].side[six].count, from->pools[was].side[six].count);
            } else
                keep_ports(to, from, &to->pools[i].side[six], &from->pools[was].side[six],
                           to->p->pools[i].server_count);
        }
    }
}

static bool address_at(const struct outside *o, const struct facts *facts, uint32_t server, uint32_t at,
                       uint32_t addr[4])
{
    const struct pbc_server *s = &o->p->servers[server];
    const bool v6 = s->family == 6;
    const struct side *out = &o->pools[s->pool].side[v6];
    if (!out->count) return facts && facts_address(facts, facts_way(facts->server_out, server), v6, addr);
    memcpy(addr, out->addr[at], sizeof *out->addr);
    return true;
}

bool outside_address(const struct outside *o, const struct facts *facts, uint32_t server, uint32_t addr[4])
{
    return address_at(o, facts, server, 0, addr);
}

/* Take a port of one space that is free in the flow table, too. A port that the flow table has is held until a free one
 * is found, so that each is tried once. */
static uint16_t take_port(struct ports *ports, uint32_t space, struct flow_bind *b, outside_free_fn *is_free, void *arg)
{
    uint16_t held[TRIES];
    unsigned n = 0;
    uint16_t port = 0;
    while (n < TRIES && (port = port_take(ports, space, 0))) {
        b->to_src_port = port;
        if (is_free(arg, b)) break;
        held[n++] = port;
        port = 0;
    }
    while (n) port_give(ports, space, held[--n]);
    return port;
}

/* Find a port when none is left: expired flows hold theirs until a look-up, so some are looked up. Only for the
 * first address: the cost of a packet must not grow with the number of addresses. */
static uint16_t wake_port(struct outside *o, const struct side *out, struct flow_bind *b, outside_free_fn *is_free,
                          void *arg)
{
    for (unsigned i = 0; i < TRIES; i++) {
        const uint32_t span = (uint32_t)out->hi - out->lo + 1;
        b->to_src_port = (uint16_t)(out->lo + (uint32_t)((random_next(&o->random) >> 32) * span >> 32));
        if (!is_free(arg, b)) continue;
        const uint16_t wanted = b->to_src_port, port = port_take(out->ports, b->space, wanted);
        if (!port) continue;
        b->to_src_port = port;
        if (port == wanted || is_free(arg, b)) return port;
        port_give(out->ports, b->space, port);
    }
    return 0;
}

static unsigned space_class(const struct key *key)
{
    if (key->kind & KIND_TCP) return SPACE_TCP;
    if (key->kind & KIND_UDP) return SPACE_UDP;
    return key->kind & (KIND_ICMP | KIND_ICMP6) ? SPACE_QUERY : SPACE_OTHER;
}

/* Return the space of a server's ports at source `at` of its pool. */
static uint32_t space_of(const struct outside *o, uint32_t server, uint32_t at, const struct key *key)
{
    const struct pbc_pool *pool = &o->p->pools[o->p->servers[server].pool];
    return (at * pool->server_count + (server - pool->servers)) * SPACE_CLASSES + space_class(key);
}

bool outside_take(struct outside *o, const struct facts *facts, const struct key *key, uint64_t hash,
                  struct flow_bind *b, outside_free_fn *is_free, void *arg)
{
    const struct pbc_server *server = &o->p->servers[b->server];
    const bool v6 = server->family == 6;
    struct side *out = &o->pools[server->pool].side[v6];
    const uint32_t count = out->count ? out->count : 1, start = (uint32_t)((hash >> 32) * count >> 32);
    if (!out->count && facts && out->ports_number != facts->ports.number) {
        /* the further ports of this machine's addresses */
        ports_more(out->ports, facts->ports.more, facts->ports.more_count);
        out->ports_number = facts->ports.number;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = start + i < count ? start + i : start + i - count;
        if (!address_at(o, facts, b->server, at, b->to_src)) return false;
        b->space = space_of(o, b->server, at, key);
        if (take_port(out->ports, b->space, b, is_free, arg)) return true;
        if (wake(o, UINT64_MAX, TRIES) && take_port(out->ports, b->space, b, is_free, arg)) return true;
        if (i == 0 && wake_port(o, out, b, is_free, arg)) return true;
    }
    return false;
}

bool outside_is_short(const struct outside *o, const struct flow_bind *b)
{
    const struct pbc_server *server = &o->p->servers[b->server];
    return ports_are_short(o->pools[server->pool].side[server->family == 6].ports, b->space);
}

/* Return the addresses that a binding to b->server may have, and the place of the first; NULL: none is known. */
static const struct side *source_side(const struct outside *o, const struct facts *facts, uint64_t hash,
                                      struct flow_bind *b, uint32_t *at)
{
    const struct pbc_server *server = &o->p->servers[b->server];
    const struct side *out = &o->pools[server->pool].side[server->family == 6];
    const uint32_t count = out->count ? out->count : 1;
    *at = (uint32_t)((hash >> 32) * count >> 32);
    return out->ports && address_at(o, facts, b->server, *at, b->to_src) ? out : NULL;
}

bool outside_draw(struct outside *o, const struct facts *facts, uint64_t hash, struct flow_bind *b)
{
    uint32_t at;
    const struct side *out = source_side(o, facts, hash, b, &at);
    if (out) b->to_src_port = ports_any(out->ports);
    return out;
}

bool outside_draw_taken(struct outside *o, const struct facts *facts, const struct key *key, uint64_t hash,
                        struct flow_bind *b)
{
    uint32_t at;
    const struct side *out = source_side(o, facts, hash, b, &at);
    if (out) b->to_src_port = ports_taken(out->ports, space_of(o, b->server, at, key));
    return out;
}

uint16_t outside_own_port(struct outside *o)
{
    const uint32_t span = UINT16_MAX - PBC_OWN_PORT_LO + 1;
    uint16_t port = PBC_OWN_PORT_LO;
    for (unsigned i = 0; i < 4 * (o->workers + 1); i++) { /* a draw hits the slice once in `workers` times */
        port = (uint16_t)(PBC_OWN_PORT_LO + (uint32_t)((random_next(&o->random) >> 32) * span >> 32));
        if (port_slice(port, o->workers) == o->worker) break;
    }
    return port;
}

void outside_give(struct outside *o, const struct flow_bind *b)
{
    if (b->space != PBC_NONE) space_give(o, b->server, b->space, b->to_src_port);
}

void outside_leave(struct outside *o, const struct flow_bind *b, uint64_t now_ns, uint64_t rests_ns)
{
    struct rest oldest;
    if (b->space == PBC_NONE) return;
    if (rests_ns <= now_ns) {
        space_give(o, b->server, b->space, b->to_src_port);
        return;
    }
    if (rests_leave(&o->rests, now_ns, true, &oldest)) space_give(o, oldest.server, oldest.space, oldest.port);
    rests_add(&o->rests,
              &(struct rest){.until_ns = rests_ns, .server = b->server, .space = b->space, .port = b->to_src_port});
}

uint64_t outside_used(const struct outside *o) { return o->used - o->rests.count; }

static bool space_hold(struct outside *o, uint32_t server, uint32_t space, uint16_t port)
{
    if (server >= o->p->servers_count) return false;
    const struct pbc_server *s = &o->p->servers[server];
    const struct side *side = &o->pools[s->pool].side[s->family == 6];
    const uint64_t spaces = (uint64_t)(side->count ? side->count : 1) * o->p->pools[s->pool].server_count;
    return side->ports && space < spaces * SPACE_CLASSES && port_hold(side->ports, space, port);
}

bool outside_hold(struct outside *o, const struct flow_bind *b)
{
    return b->space == PBC_NONE || space_hold(o, b->server, b->space, b->to_src_port);
}

void outside_move(struct outside *o, const struct outside *from)
{
    o->random = from->random;
    for (uint32_t i = 0; i < o->p->pools_count; i++)
        for (unsigned six = 0; six < 2; six++) {
            struct side *side = &o->pools[i].side[six];
            const struct side *was = &from->pools[i].side[six];
            if (side->ports && was->ports) ports_draw_on(side->ports, was->ports);
            if (!o->p->past || i < o->p->past->pools || was->count <= side->count) continue;
            void *addr =
                realloc(side->addr, ((size_t)was->count + 1) *
                                        sizeof *side->addr); /* the program no longer lists a past pool's sources */
            if (!addr) continue;
            side->addr = addr;
            side->count = was->count;
            memcpy(side->addr, was->addr, was->count * sizeof *side->addr);
        }
}

void outside_move_rests(struct outside *o, const struct outside *from)
{
    for (uint32_t n = 0; n < from->rests.count && o->rests.count < RESTS_MOST; n++) {
        const struct rest *one = &from->rests.all[(from->rests.first + n) % RESTS_MOST];
        if (space_hold(o, one->server, one->space, one->port)) rests_add(&o->rests, one);
    }
}

static void archive_rests(struct outside *o, struct archive *a)
{
    uint32_t count = o->rests.count;
    ARCHIVE(a, count);
    if (!archive_sound(a, count <= RESTS_MOST)) return;
    for (uint32_t i = 0; i < count; i++) {
        struct rest one = {0};
        if (!a->reads) one = o->rests.all[(o->rests.first + i) % RESTS_MOST];
        if (!ARCHIVE(a, one)) return;
        if (a->reads && archive_sound(a, space_hold(o, one.server, one.space, one.port))) rests_add(&o->rests, &one);
    }
}

/* Write or read the sources of a pool of the past, which only its own program lists. */
static void archive_sources(struct side *side, struct archive *a)
{
    uint32_t count = side->count;
    ARCHIVE(a, count);
    if (!archive_sound(a, count <= PBC_SOURCES_MAX)) return;
    if (a->reads) {
        void *addr = realloc(side->addr, ((size_t)count + 1) * sizeof *side->addr);
        if (!archive_sound(a, addr)) return;
        side->addr = addr;
    }
    if (archive_part(a, side->addr, count * sizeof *side->addr)) side->count = count;
}

void outside_archive(struct outside *o, struct archive *a)
{
    ARCHIVE(a, o->random);
    for (uint32_t i = 0; i < o->p->pools_count; i++)
        for (unsigned six = 0; six < 2; six++) {
            struct side *side = &o->pools[i].side[six];
            if (o->p->past && i >= o->p->past->pools)
                archive_sources(side, a);
            else if (side->ports)
                ports_archive(side->ports, a);
        }
    archive_rests(o, a);
}
