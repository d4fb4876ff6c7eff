/* A worker's balancing over all pools of a program: memory for each pool's algorithm, weights from facts, and the pick.
 *
 * Modes that rewrite addresses can only use servers of the client's family. So a pool with servers of both families
 * has a group for each, beside the group of all. In a pool with one family these groups are the same. */

#include "vm/forward/balance/balance_priv.h"

#include <stdlib.h>
#include <string.h>

#include "vm/program/swap.h"

enum { SLOW_STEPS = 10 }; /* steps in which a slowly starting server reaches its weight */

struct lb_hash_key balance_key(const struct program *p)
{
    struct lb_hash_key k;
    if (!p->settings_count) return lb_hash_key(LB_KEY_DEFAULT, strlen(LB_KEY_DEFAULT));
    memcpy(&k.k0, p->settings->hash_key, sizeof k.k0);
    memcpy(&k.k1, p->settings->hash_key + sizeof k.k0, sizeof k.k1);
    return k;
}

static bool name_servers(struct balance *b)
{
    const struct program *p = b->p;
    size_t len = 0, at = 0;
    for (uint32_t i = 0; i < p->servers_count; i++)
        len +=
            strlen(program_str(p, p->pools[p->servers[i].pool].name)) + strlen(program_str(p, p->servers[i].name)) + 2;
    b->names = malloc(len + 1);
    b->name = calloc((size_t)p->servers_count + 1, sizeof *b->name);
    b->mark = calloc((size_t)p->servers_count + 1, sizeof *b->mark);
    if (!b->names || !b->name || !b->mark) return false;
    for (uint32_t i = 0; i < p->servers_count; i++) {
        b->name[i] = b->names + at;
        at += (size_t)snprintf(b->names + at, len + 1 - at, "%s/%s", program_str(p, p->pools[p->servers[i].pool].name),
                               program_str(p, p->servers[i].name)) +
              1;
        b->mark[i] = lb_siphash(b->key, b->name[i], strlen(b->name[i]));
        if (!b->mark[i]) b->mark[i] = 1;
    }
    return true;
}

static bool group_lists(struct balance *b, struct group *g, const struct pbc_pool *pool, unsigned which)
{
    const struct program *p = b->p;
    g->names = calloc((size_t)pool->server_count + 1, sizeof *g->names);
    g->server = calloc((size_t)pool->server_count + 1, sizeof *g->server);
    g->weights = calloc((size_t)pool->server_count + 1, sizeof *g->weights);
    g->conns = calloc((size_t)pool->server_count + 1, sizeof *g->conns);
    if (!g->names || !g->server || !g->weights || !g->conns) return false;
    for (uint32_t i = pool->servers; i < pool->servers + pool->server_count; i++) {
        const struct pbc_server *s = &p->servers[i];
        if (which != ALL && s->family != (which == V4 ? 4 : 6)) continue;
        g->names[g->count] =
            (struct lb_server){.name = b->name[i], .weight = s->weight, .backup = s->flags & PBC_SERVER_BACKUP};
        g->server[g->count++] = i;
    }
    return true;
}

static bool group_init(struct balance *b, struct group *g, const struct pbc_pool *pool, unsigned which, uint64_t seed)
{
    if (!group_lists(b, g, pool, which)) return false;
    if (!g->count) return true;
    const struct lb_cfg cfg = {
        .kind = (enum lb_kind)pool->balance,
        .servers = g->names,
        .count = g->count,
        .slots = b->p->settings_count ? (uint32_t)b->p->settings->maglev : LB_SLOTS_DEFAULT,
        .key = b->key,
        .seed = seed,
    };
    void *memory = aligned_alloc(64, (lb_bytes(&cfg) + 63) / 64 * 64);
    if (!memory) return false;
    g->lb = lb_init(memory, &cfg);
    return true;
}

static bool groups_init(struct balance *b, uint32_t i, uint64_t seed)
{
    const struct pbc_pool *pool = &b->p->pools[i];
    struct group *g = b->pools[i];
    const unsigned families = pbc_pool_families(pool, b->p->servers);
    if (!group_init(b, &g[ALL], pool, ALL, seed)) return false;
    for (unsigned which = V4; which <= V6; which++) {
        if (families == 1u << (which - V4)) {
            g[which] = g[ALL];
            g[which].alias = true;
        } else if (families >> (which - V4) & 1 && !group_init(b, &g[which], pool, which, seed)) {
            return false;
        }
    }
    return true;
}

struct balance *balance_new(const struct program *p, uint64_t seed)
{
    struct balance *b = calloc(1, sizeof *b);
    if (!b) return NULL;
    b->p = p;
    b->key = balance_key(p);
    b->pools = calloc((size_t)p->pools_count + 1, sizeof *b->pools);
    bool good = b->pools && name_servers(b);
    for (uint32_t i = 0; good && i < p->pools_count; i++) good = groups_init(b, i, seed + i);
    if (good) return b;
    balance_free(b);
    return NULL;
}

static void group_free(struct group *g)
{
    if (g->alias) return;
    free(g->lb);
    free(g->names);
    free(g->server);
    free(g->weights);
    free(g->conns);
}

void balance_for_proxies(struct balance *b) { b->proxied = true; }

void balance_free(struct balance *b)
{
    if (!b) return;
    for (uint32_t i = 0; b->pools && i < b->p->pools_count; i++)
        for (unsigned g = 0; g < GROUPS; g++) group_free(&b->pools[i][g]);
    free(b->pools);
    free(b->names);
    free(b->name);
    free(b->mark);
    free(b);
}

static void name_group(const struct balance *b, const struct group *g)
{
    for (uint32_t i = 0; i < g->count && !g->alias; i++) g->names[i].name = b->name[g->server[i]];
}

/* Keep the old group's state, with the new numbers and names of its servers. */
static void keep_group(struct balance *to, struct group *a, struct group *b, const struct remap *r)
{
    SWAP(*a, *b);
    if (a->alias) return;
    for (uint32_t i = 0; i < a->count; i++) a->server[i] = r->server[a->server[i]];
    name_group(to, a);
}

void balance_keep(struct balance *to, struct balance *from, const struct remap *r)
{
    to->step_ns = 0; /* kept groups have weights by older facts */
    for (uint32_t i = 0; i < r->program->past->pools; i++)
        for (unsigned g = 0; r->pool[i] != PBC_NONE && g < GROUPS; g++)
            keep_group(to, &to->pools[i][g], &from->pools[r->pool[i]][g], r);
}

/* True if the pool's algorithm depends on weights only. */
static bool has_table(const struct program *p, uint32_t pool)
{
    return lb_wants((enum lb_kind)p->pools[pool].balance) != LB_HASH_NONE;
}

bool balance_has_tables(const struct program *p)
{
    bool any = false;
    for (uint32_t i = 0; i < p->pools_count; i++) any |= has_table(p, i);
    return any;
}

void balance_take(struct balance *b, struct balance *tables)
{
    b->step_ns = 0; /* vm_run then updates the tables; up-to-date tables cost nothing */
    for (uint32_t i = 0; i < b->p->pools_count; i++) {
        if (!has_table(b->p, i)) continue;
        for (unsigned g = 0; g < GROUPS; g++) {
            SWAP(b->pools[i][g], tables->pools[i][g]);
            name_group(b, &b->pools[i][g]);
            name_group(tables, &tables->pools[i][g]);
        }
    }
}

/* Return the current step of a server's slow start, 1 to SLOW_STEPS, and lower *next_ns to the time of its next
 * step. */
static unsigned slow_step(const struct balance *b, uint32_t server, uint64_t now_ns, uint64_t *next_ns)
{
    const uint64_t takes = b->p->pools[b->p->servers[server].pool].slow_start_ns, step = takes / SLOW_STEPS;
    const uint64_t since = b->facts && b->facts->up_since_ns ? b->facts->up_since_ns[server] : 0;
    const uint64_t passed = now_ns > since ? now_ns - since : 0, done = step ? passed / step : 0;
    if (!step || !since || passed >= takes) return SLOW_STEPS;
    if (done + 1 >= SLOW_STEPS) return SLOW_STEPS;
    if (since + (done + 1) * step < *next_ns) *next_ns = since + (done + 1) * step;
    return (unsigned)done + 1;
}

/* Update a group's weights. While a server starts slowly, all weights of its pool are multiplied, so that small
 * weights have steps, too. */
static void group_update(struct balance *b, const struct group *g, bool table, uint64_t now_ns)
{
    uint64_t next_ns = UINT64_MAX;
    uint32_t most = 1;
    if (!g->lb || g->alias) return;
    for (uint32_t i = 0; i < g->count; i++) {
        const bool down = facts_down(b->facts, g->server[i], b->proxied);
        g->weights[i] = down ? 0 : facts_weight(b->facts, g->server[i], b->p->servers[g->server[i]].weight);
        if (g->weights[i] > most) most = g->weights[i];
        slow_step(b, g->server[i], now_ns, &next_ns);
    }
    const uint32_t times = next_ns == UINT64_MAX               ? 1
                           : LB_WEIGHT_MAX / most < SLOW_STEPS ? LB_WEIGHT_MAX / most
                                                               : SLOW_STEPS;
    for (uint32_t i = 0; i < g->count; i++) {
        if (!g->weights[i] || next_ns == UINT64_MAX) continue;
        const uint32_t full = g->weights[i] * (times ? times : 1);
        const uint32_t now = full * slow_step(b, g->server[i], now_ns, &next_ns) / SLOW_STEPS;
        g->weights[i] = (uint16_t)(now ? now : 1);
    }
    b->built += lb_update(g->lb, g->weights) && table;
    if (next_ns < b->step_ns) b->step_ns = next_ns;
}

void balance_update(struct balance *b, const struct facts *facts, uint64_t now_ns)
{
    const bool same = facts == b->facts && (!facts || facts->generation == b->generation);
    if (!b->p->pools_count || (same && now_ns < b->step_ns)) return;
    b->facts = facts;
    b->generation = facts ? facts->generation : 0;
    b->step_ns = UINT64_MAX;
    for (uint32_t i = 0; i < b->p->pools_count; i++)
        for (unsigned g = 0; g < GROUPS; g++) group_update(b, &b->pools[i][g], has_table(b->p, i), now_ns);
}

void balance_archive(struct balance *b, struct archive *a)
{
    for (uint32_t i = 0; i < b->p->pools_count; i++)
        for (unsigned g = 0; g < GROUPS; g++)
            if (b->pools[i][g].lb && !b->pools[i][g].alias) lb_archive(b->pools[i][g].lb, a);
    if (a->reads) b->step_ns = 0;
}

uint64_t balance_until(const struct balance *b) { return b->p->pools_count ? b->step_ns : UINT64_MAX; }

void balance_by(struct balance *b, const uint32_t *conns) { b->conns = conns; }
void balance_share(struct balance *b, const struct share *s) { b->share = share_counts(s) ? s : NULL; }

/* True if all pools keep a client at its server; then the client also keeps its pool. */
static bool shared_by_source(const struct program *p, const struct pbc_branch *branch)
{
    for (uint32_t i = branch->shares; i < branch->shares + branch_shares(branch); i++)
        if (p->pools[p->shares[i].pool].balance != LB_SOURCE) return false;
    return true;
}

/* Choose a pool by the upper half of the hash; the lower half chooses among slots. */
static uint32_t pool_by_hash(const struct program *p, const struct pbc_branch *branch, uint64_t hash)
{
    uint32_t at = (uint32_t)((hash >> 32) * 100 >> 32), i = branch->shares;
    if (branch_shares(branch) == 0) return PBC_NONE;
    while (at >= p->shares[i].percent) at -= p->shares[i++].percent; /* the percentages add up to 100 */
    return p->shares[i].pool;
}

/* True if servers must have the client's family. */
static bool by_family(const struct program *p, uint32_t branch)
{
    const struct pbc_service *s = &p->services[p->branches[branch].service];
    return mode_is(s->mode, MODE_REWRITES | MODE_INLINE_STACK) ||
           (s->proxy && p->proxies[s->proxy - 1].flags & PBC_PROXY_TRANSPARENT);
}

/* Return the servers of the pool that the branch's mode can send such a packet to. */
static const struct group *group_of(const struct balance *b, uint32_t pool, uint32_t branch, const struct key *key)
{
    return &b->pools[pool][!by_family(b->p, branch) ? ALL : key->kind & KIND_IP4 ? V4 : V6];
}

struct chosen {
    uint32_t pool;
    const struct group *group;
    uint64_t hash;
};

static struct chosen balance_choose(const struct balance *b, uint32_t branch, const struct key *key)
{
    const struct pbc_branch *at = &b->p->branches[branch];
    struct lb_flow flow = {.proto = (uint8_t)key->proto, .family = key->kind & KIND_IP4 ? 4 : 6};
    memcpy(flow.src, key->src, sizeof flow.src);
    memcpy(flow.dst, key->dst, sizeof flow.dst);
    if (key->kind & KIND_PORTS) flow.src_port = key->src_port, flow.dst_port = key->dst_port;
    const uint64_t hash = branch_shares(at) <= 1       ? 0
                          : shared_by_source(b->p, at) ? lb_hash_source(b->key, &flow)
                                                       : lb_hash_flow(b->key, &flow);
    struct chosen c = {.pool = pool_by_hash(b->p, at, hash)};
    if (c.pool == PBC_NONE) return c;
    c.group = group_of(b, c.pool, branch, key);
    enum lb_hash wants = lb_wants((enum lb_kind)b->p->pools[c.pool].balance);
    if (wants == LB_HASH_FLOW) c.hash = lb_hash_flow(b->key, &flow);
    if (wants == LB_HASH_SOURCE) c.hash = lb_hash_source(b->key, &flow);
    return c;
}

/* Return the connections of a pool's servers, or NULL if its algorithm does not use them. */
static const uint32_t *conns_of(const struct balance *b, const struct chosen *c)
{
    const struct pbc_pool *pool = &b->p->pools[c->pool];
    if (!b->conns || pool->balance != LB_LEAST_CONN) return NULL;
    const struct shared *all = b->share ? b->share->all : NULL;
    for (uint32_t i = 0; all && i < c->group->count; i++)
        c->group->conns[i] = (uint32_t)shared_read(all->servers[c->group->server[i]]);
    if (all) return c->group->conns;
    if (c->group->count == pool->server_count) return b->conns + pool->servers;
    for (uint32_t i = 0; i < c->group->count; i++) c->group->conns[i] = b->conns[c->group->server[i]];
    return c->group->conns;
}

/* Record the pick, or return the recorded one in a replay, unless it is impossible. */
static uint32_t heard(const struct balance *b, const struct chosen *c, uint32_t branch, const struct key *key,
                      uint32_t server)
{
    if (!b->share || c->pool == PBC_NONE || b->p->pools[c->pool].balance != LB_LEAST_CONN) return server;
    const uint64_t was = share_hear(b->share, server);
    if (was == PBC_NONE) return PBC_NONE;
    const bool sound = was < b->p->servers_count && b->p->servers[was].pool == c->pool;
    return sound && balance_allows(b, branch, key, (uint32_t)was) ? (uint32_t)was : server;
}

struct pick balance_pick(struct balance *b, uint32_t branch, const struct key *key)
{
    const struct chosen c = balance_choose(b, branch, key);
    uint32_t at = c.group && c.group->lb ? lb_pick(c.group->lb, c.hash, conns_of(b, &c)) : LB_NONE;
    const uint32_t server = at == LB_NONE ? PBC_NONE : c.group->server[at];
    return (struct pick){.pool = c.pool, .server = heard(b, &c, branch, key, server)};
}

struct pick balance_pick_by_value(const struct balance *b, uint32_t branch, const struct key *key, uint64_t value)
{
    const uint64_t hash = lb_siphash(b->key, &value, sizeof value);
    const uint32_t pool = pool_by_hash(b->p, &b->p->branches[branch], hash);
    if (pool == PBC_NONE) return (struct pick){.pool = PBC_NONE, .server = PBC_NONE};
    const struct group *g = group_of(b, pool, branch, key);
    const uint32_t at = g->lb ? lb_by_value(g->lb, g->server, b->mark, hash) : LB_NONE;
    return (struct pick){.pool = pool, .server = at == LB_NONE ? PBC_NONE : g->server[at]};
}

uint64_t balance_mark(const struct balance *b, uint32_t server) { return b->mark[server]; }

uint32_t balance_marked(const struct balance *b, uint32_t branch, const struct key *key, uint64_t mark)
{
    const struct program *p = b->p;
    const struct pbc_branch *at = &p->branches[branch];
    for (uint32_t i = 0; i < branch_shares(at); i++) {
        const struct pbc_pool *pool = &p->pools[p->shares[at->shares + i].pool];
        for (uint32_t s = pool->servers; s < pool->servers + pool->server_count; s++)
            if (b->mark[s] == mark && balance_allows(b, branch, key, s)) return s;
    }
    return PBC_NONE;
}

uint32_t balance_next(const struct balance *b, uint32_t branch, const struct key *key, uint32_t server)
{
    const struct group *g = group_of(b, b->p->servers[server].pool, branch, key);
    uint32_t lo = 0, hi = g->count; /* servers ascend */
    while (lo < hi) {
        const uint32_t mid = (lo + hi) / 2;
        if (g->server[mid] < server)
            lo = mid + 1;
        else
            hi = mid;
    }
    const uint32_t next = g->lb && lo < g->count ? lb_next(g->lb, lo) : LB_NONE;
    return next == LB_NONE ? PBC_NONE : g->server[next];
}

bool balance_any(const struct balance *b, uint32_t branch, const struct key *key)
{
    const struct chosen c = balance_choose(b, branch, key);
    return c.group && c.group->lb && lb_any(c.group->lb);
}

uint32_t balance_pool(const struct balance *b, uint32_t branch, const struct key *key)
{
    return balance_choose(b, branch, key).pool;
}

uint32_t balance_explain(const struct balance *b, uint32_t branch, const struct key *key, char *buf, size_t len)
{
    const struct chosen c = balance_choose(b, branch, key);
    if (!c.group || !c.group->lb) {
        snprintf(buf, len, "no server has the client's address family");
        return PBC_NONE;
    }
    const uint32_t at = lb_explain(c.group->lb, c.hash, conns_of(b, &c), buf, len);
    return at == LB_NONE ? PBC_NONE : c.group->server[at];
}

bool balance_allows(const struct balance *b, uint32_t branch, const struct key *key, uint32_t server)
{
    const struct program *p = b->p;
    const struct pbc_branch *at = &p->branches[branch];
    const struct pbc_server *s = &p->servers[server];
    bool shared = false;
    for (uint32_t i = at->shares; i < at->shares + branch_shares(at); i++)
        shared |= p->shares[i].pool == s->pool && p->shares[i].percent;
    const bool down = facts_down(b->facts, server, b->proxied);
    const bool takes = facts_weight(b->facts, server, s->weight) || facts_drains(b->facts, server);
    if (!shared || down || !takes) return false;
    return !by_family(p, branch) || (s->family == 4) == !!(key->kind & KIND_IP4);
}
