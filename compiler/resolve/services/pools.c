/* Read `pool NAME { … }`: servers, and the balance of new flows. */
#include <stdio.h>
#include <string.h>

#include "compiler/resolve/services/service_work.h"
#include "lang/hash.h"
#include "vm/forward/service.h"

static const struct number_kind weight_kind = {
    .what = "a weight", .range = "weights go from 0 to 1000", .most = LB_WEIGHT_MAX};

enum { SERVERS_BY_NAME = 8 /* servers of a name without `max` */, SERVERS_BY_NAME_MOST = 256 };

static uint32_t check_of(struct compile *c, const struct node *clause)
{
    const struct symbol *s = clause && clause->first ? symbol_want(c, clause->first, SYM(CHECK), "check") : NULL;
    return s ? s->index : PBC_NONE;
}

static uint64_t mac_of(struct compile *c, const struct node *clause)
{
    uint64_t mac = 0;
    if (clause->first && mac_one(c, clause->first, &mac) && (!mac || mac >> 40 & 1))
        diag(c->diags, E_SERVER_ADDRESS, clause->first->span, "a server can't have this MAC address");
    return mac;
}

/* Read the address, and the port if there is one. */
static bool server_at(struct compile *c, const struct node *n, struct pbc_server *s)
{
    const struct node_value v = value_of(c, n);
    struct addr addr;
    if (!v.node) return false;
    if (v.node->kind == N_NAME) {
        symbol_want(c, v.node, SYM(CONST), "constant");
        return false;
    }
    if (v.node->kind == N_ADDR) {
        addr = v.node->v.addr;
    } else if (v.node->kind == N_ENDPOINT && !v.node->v.endpoint.is_self) {
        addr = v.node->v.endpoint.addr;
        s->port = v.node->v.endpoint.port;
        if (!server_port_good(c, n, s->port)) return false;
    } else {
        report_wrong_value(c, n, v, "an address, or an address with a port");
        return false;
    }
    s->family = addr.family;
    addr_words(&addr, s->addr);
    if (addr_is_one_host(&addr)) return true;
    diag(c->diags, E_SERVER_ADDRESS, n->span, "a server can't have this address");
    return false;
}

/* Enter the name of a service, which begins with `_`; 0 after a report. */
static uint32_t service_host(struct compile *c, const struct node *text)
{
    const struct str s = text->v.str;
    char *lower = arena_strndup(c->arena, s.s, s.len);
    for (char *at = lower; *at; at++) *at = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
    if (program_is_service(lower, s.len)) return text_of(c, (struct str){lower, s.len});
    diag(c->diags, E_HOST_SYNTAX, text->span, "this isn't a service's name such as \"_http._tcp.example.net\"");
    return 0;
}

/* Enter the name whose address a server has while rules run; *number: its port. False after a report. */
static bool name_read(struct compile *c, const struct node *n, uint32_t *host, uint32_t *number)
{
    static const struct number_kind port_kind = {
        .what = "a port", .range = "ports go from 1 to 65535", .least = 1, .most = 65535};
    const struct node *port = n->first->next;
    const bool service = is_clause(n, CL_SRV);
    *host = service ? service_host(c, n->first) : host_name(c, n->first);
    if (!*host) return false;
    if (!service) return !port || number_one(c, port, &port_kind, number);
    *number = PBC_NAMED_PORT;
    if (port)
        diag(c->diags, E_WRONG_VALUE, port->span,
             "remove the port: the records of a service have the ports of its servers");
    return !port;
}

/* Enter a server by name. row: its flags and number. */
static bool host_at(struct compile *c, const struct node *n, const struct node *six, struct pbc_named row,
                    struct pbc_server *s)
{
    uint32_t number = 0;
    row.server = c->image->servers_count;
    if (!name_read(c, n, &row.host, &number)) return false;
    s->port = (uint16_t)number;
    s->family = six ? 6 : 4;
    s->flags |= PBC_SERVER_NAMED | PBC_SERVER_UNKNOWN;
    program_named_place(image_str(c->image, row.host), &row, s->family, s->addr);
    struct pbc_named *to = image_add_named(c->image);
    if (!to) report_full(c, n->span, "servers by name", PBC_NAMED_MOST);
    if (to) *to = row;
    return to;
}

/* Read the server's address. */
static bool place_at(struct compile *c, const struct node *server, struct pbc_server *s)
{
    const struct node *n = server->first->next, *six = NULL, *most = NULL;
    if (!n) return false;
    node_each(clause, server)
    {
        if (is_clause(clause, CL_IP6)) six = clause;
        if (is_clause(clause, CL_MAX)) most = clause;
    }
    if (most) diag(c->diags, E_WRONG_VALUE, most->span, "`max` works only with `servers`: a `server` has one address");
    if (is_clause(n, CL_HOST)) return host_at(c, n, six, (struct pbc_named){0}, s);
    if (!six) return server_at(c, n, s);
    diag(c->diags, E_WRONG_VALUE, six->span,
         "remove `ip6`: it chooses among the addresses of a name, and this server has an address");
    return false;
}

static bool same_place(const struct pbc_server *a, const struct pbc_server *b)
{
    return a->family == b->family && a->port == b->port && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

/* Servers by name and by address, to find equals in linear time */
struct known {
    const struct node *node;
    uint32_t server, next;
    uint32_t named; /* 1 + its row in NAMED; 0: it has an address */
};
struct servers {
    struct known *known;
    uint32_t *by_name, *by_place, size, count; /* heads of hash chains, index + 1 */
    uint32_t *next_place;
};

static uint32_t server_hash(const void *bytes, size_t len, uint32_t size)
{
    return (uint32_t)hash_bytes(0, bytes, len) & (size - 1);
}

static void report_twice(struct compile *c, const struct node *n, const struct node *before, const char *what,
                         const char *instead)
{
    diag(c->diags, E_SERVER_TWICE, n->first->span, "two servers of this pool have the same %s", what);
    diag_advise(c->diags, "%s", instead);
    diag_note(c->diags, before->first->span, "the first one is here");
}

/* Find another server of the pool at the place; NULL if there is none. */
static const struct known *find_at_place(const struct image *img, const struct servers *all, const struct pbc_server *s)
{
    uint32_t i = all->by_place[server_hash(s->addr, sizeof(s->addr), all->size)];
    while (i && !same_place(&img->servers[all->known[i - 1].server], s)) i = all->next_place[i - 1];
    return i ? &all->known[i - 1] : NULL;
}

/* Move the server of the last row from its placeholder address to the next free one, if another name has that place:
 * different names are different servers, whatever their hashes. */
static void probe_place(struct compile *c, const struct servers *all, struct pbc_server *s)
{
    const struct image *img = c->image;
    struct pbc_named *row = &c->image->named[img->named_count - 1];
    for (const struct known *other; (other = find_at_place(img, all, s)) && other->named;) {
        const struct pbc_named *to = &img->named[other->named - 1];
        if (to->host == row->host && to->nth == row->nth) return;
        row->flags += PBC_NAMED_PROBES;
        program_named_place(image_str(img, row->host), row, s->family, s->addr);
    }
}

/* Check that no other server of the pool has the name or the place; false after a report. */
static bool check_apart(struct compile *c, struct servers *all, const struct node *n, const struct pbc_server *s,
                        uint32_t id)
{
    const struct image *img = c->image;
    const uint32_t name = server_hash(&s->name, sizeof(s->name), all->size);
    const uint32_t place = server_hash(s->addr, sizeof(s->addr), all->size);
    const struct node *twice = NULL;
    for (uint32_t i = all->by_name[name]; i && !twice; i = all->known[i - 1].next)
        if (img->servers[all->known[i - 1].server].name == s->name) twice = all->known[i - 1].node;
    if (twice) report_twice(c, n, twice, "name", "give this server its own name");
    const struct known *there = twice ? NULL : find_at_place(img, all, s);
    if (there) {
        twice = there->node;
        report_twice(c, n, twice, "address and port", "to give a server a larger share, raise its `weight`");
    }
    all->known[all->count] =
        (struct known){n, id, all->by_name[name], s->flags & PBC_SERVER_NAMED ? img->named_count : 0};
    all->next_place[all->count] = all->by_place[place];
    all->by_name[name] = all->by_place[place] = ++all->count;
    return !twice;
}

const struct number_kind max_flows_kind = {
    .what = "a bound on flows", .range = "from 1 to 4294967295 flows", .least = 1, .most = UINT32_MAX};

/* Read `vlan N [inner N]`, which with `mac` is the link layer of packets to the server. */
static void vlans_of(struct compile *c, const struct clauses *clauses, struct pbc_server *s)
{
    const struct node *n = clauses->of[CL_VLAN];
    uint32_t vlan = 0, inner = 0;
    if (!n || !n->first || !number_one(c, n->first, &vlan_kind, &vlan)) return;
    if (n->first->next && !number_one(c, n->first->next, &vlan_kind, &inner)) return;
    s->flags |= PBC_SERVER_HAS_VLAN | (n->first->next ? PBC_SERVER_HAS_INNER : 0);
    s->vlan = (uint16_t)vlan;
    s->inner = (uint16_t)inner;
    if (clauses->of[CL_MAC]) return;
    diag(c->diags, E_MODE_OPTION, n->span,
         "a server's `vlan` needs the server's `mac`, because prey doesn't look for neighbours in a VLAN");
    diag_advise(c->diags, "write `mac 02:00:00:00:00:01 vlan %u`", vlan);
}

/* Read a server, or a range of them, without name and address. */
static struct pbc_server written_server(struct compile *c, const struct node *n, uint32_t pool)
{
    struct clauses clauses;
    struct pbc_server s = {.pool = pool, .place = place_of(c, n->first->span)};
    clauses_find(c, n, &clauses, n->kind == N_SERVERS ? "range of servers" : "server");
    s.weight = (uint16_t)clause_number(c, clauses.of[CL_WEIGHT], &weight_kind, 1);
    s.flags = clauses.of[CL_BACKUP] ? PBC_SERVER_BACKUP : 0;
    s.check = check_of(c, clauses.of[CL_CHECK]);
    s.max_flows = clause_number(c, clauses.of[CL_MAX_FLOWS], &max_flows_kind, 0);
    if (clauses.of[CL_MAC]) {
        s.flags |= PBC_SERVER_HAS_MAC;
        s.mac = mac_of(c, clauses.of[CL_MAC]);
    }
    vlans_of(c, &clauses, &s);
    return s;
}

/* Add a server; false after a report. */
static bool add_server(struct compile *c, const struct node *n, const struct pbc_server *s, struct servers *all,
                       bool good)
{
    struct pbc_server *slot = image_add_servers(c->image);
    if (!slot) {
        report_full(c, n->span, "servers", 1u << 20);
        return false;
    }
    *slot = *s;
    if (good && s->flags & PBC_SERVER_NAMED) probe_place(c, all, slot);
    return !good || check_apart(c, all, n, slot, c->image->servers_count - 1);
}

/* Add NAME-1, NAME-2, ... for the addresses of a name, up to the first report. */
static void resolve_named_range(struct compile *c, const struct node *n, const struct server_range *r, uint32_t pool,
                                struct servers *all)
{
    const struct pbc_server written = written_server(c, n, pool);
    const struct node *six = NULL;
    bool good = true;
    node_each(clause, n)
    {
        if (is_clause(clause, CL_IP6)) six = clause;
        if (!is_clause(r->host, CL_SRV) || !(is_clause(clause, CL_WEIGHT) || is_clause(clause, CL_BACKUP))) continue;
        diag(c->diags, E_WRONG_VALUE, clause->span,
             "remove this option: the records of a service have the weight and order of its servers");
        return;
    }
    for (uint32_t i = 0; i < r->count && good; i++) {
        struct pbc_server s = written;
        s.name = text_of(c, server_range_name(c, n, i));
        good = host_at(c, r->host, six, (struct pbc_named){.flags = PBC_NAMED_ONE_OF, .nth = i}, &s);
        if (good) good = add_server(c, n, &s, all, true);
    }
}

/* Add servers NAME-1, NAME-2, ... up to the first report. */
static void resolve_range(struct compile *c, const struct node *n, const struct server_range *r, uint32_t pool,
                          struct servers *all)
{
    if (r->host) {
        resolve_named_range(c, n, r, pool, all);
        return;
    }
    struct pbc_server s = written_server(c, n, pool);
    bool good = true;
    s.family = r->first.family;
    s.port = r->port;
    addr_words(&r->first, s.addr);
    for (uint32_t i = 0; i < r->count && good; i++) {
        s.name = text_of(c, server_range_name(c, n, i));
        good = add_server(c, n, &s, all, true);
        for (unsigned w = s.family == 4 ? 1 : 4; w-- && !++s.addr[w];) {}
    }
}

/* Read `source ADDR, … [ports R]`. */
static void sources_of(struct compile *c, const struct node *clause, struct pbc_pool *pool)
{
    const struct node *ports = clause->first ? node_child(clause, N_CLAUSE) : NULL;
    struct addr_list list = {0};
    pool->source_port_lo = PBC_SOURCE_PORT_LO;
    pool->source_port_hi = 65535;
    if (!clause->first) return;
    if (clause->first->flags & NF_NOT)
        diag(c->diags, E_WRONG_VALUE, clause->first->span, "write the addresses after `source`, without `not`");
    else if (addr_list_of(c, clause->first, &list))
        addr_list_place(c, &list, clause->span, &pool->sources, &pool->source_count);
    set_fini(&list.set);
    if (ports) port_range_of(c, ports, &pool->source_port_lo, &pool->source_port_hi);
}

static void warn_weights(struct compile *c, const struct symbol *s, const struct pbc_pool *pool)
{
    for (uint32_t i = pool->servers; i < pool->servers + pool->server_count; i++)
        if (c->image->servers[i].weight) return;
    diag(c->diags, W_ZERO_WEIGHTS, s->span,
         "every server of the pool `%s` has weight 0, so the pool takes no new flows", s->name.s);
}

/* Read the address range of `servers`. Return their number. */
static uint32_t range_of(struct compile *c, const struct node *n, struct server_range *r)
{
    static const struct number_kind most_kind = {
        .what = "a number of servers", .range = "`max` goes from 1 to 256", .least = 1, .most = SERVERS_BY_NAME_MOST};
    const struct node *host = n->first->next, *most = NULL, *six = NULL;
    node_each(clause, n)
    {
        if (is_clause(clause, CL_MAX)) most = clause;
        if (is_clause(clause, CL_IP6)) six = clause;
    }
    if (host && (is_clause(host, CL_NAME) || is_clause(host, CL_SRV))) {
        *r = (struct server_range){.host = host};
        r->count = clause_number(c, most, &most_kind, SERVERS_BY_NAME);
        return r->count;
    }
    if (most || six)
        diag(c->diags, E_WRONG_VALUE, (most ? most : six)->span, "`%s` works only for servers by name",
             node_words(most ? most : six));
    return server_range_of(c, host, r);
}

static void resolve_servers(struct compile *c, const struct symbol *s, uint32_t id, struct pbc_pool *pool)
{
    struct servers all = {.size = 16};
    struct server_range *ranges, *range;
    uint32_t range_count = 0;
    pool->servers = c->image->servers_count;
    node_each(n, s->decl) range_count += n->kind == N_SERVERS;
    range = ranges = arena_alloc(c->arena, (range_count + 1) * sizeof(*ranges));
    node_each(n, s->decl)
    {
        if (n->kind == N_SERVERS) all.count += range_of(c, n, range++);
        all.count += n->kind == N_SERVER;
    }
    while (all.size < all.count) all.size *= 2;
    all.known = arena_alloc(c->arena, (all.count + 1) * sizeof(*all.known));
    all.next_place = arena_alloc(c->arena, (all.count + 1) * sizeof(*all.next_place));
    all.by_name = arena_alloc(c->arena, all.size * sizeof(*all.by_name));
    all.by_place = arena_alloc(c->arena, all.size * sizeof(*all.by_place));
    all.count = 0;
    range = ranges;
    node_each(n, s->decl)
    {
        if (n->kind == N_SERVER) {
            struct pbc_server server = written_server(c, n, id);
            server.name = text_of(c, n->first->v.str);
            const bool good = place_at(c, n, &server);
            add_server(c, n, &server, &all, good);
        }
        if (n->kind == N_SERVERS) resolve_range(c, n, range++, id, &all);
    }
    pool->server_count = c->image->servers_count - pool->servers;
    if (pool->server_count == 0 && !range_count && !c->symbols->text_at_fault) {
        diag(c->diags, E_POOL_EMPTY, s->span, "the pool `%s` has no server", s->name.s);
        diag_advise(c->diags, "add `server a 10.0.0.11:8080`");
    } else if (pool->server_count) {
        warn_weights(c, s, pool);
    }
}

static void resolve_pool(struct compile *c, struct symbol *s, uint64_t *spaces)
{
    static const struct number_kind retries = {
        .what = "a number of retries", .range = "retries go from 0 to 100", .most = 100};
    struct clauses clauses;
    struct pbc_pool *slot = image_add_pools(c->image), pool = {0};
    if (!slot) {
        report_full(c, s->span, "pools", 1u << 16);
        return;
    }
    s->index = c->image->pools_count - 1;
    clauses_find(c, s->decl, &clauses, "pool");
    const struct node *on_down = clauses.of[CL_ON_DOWN], *source = clauses.of[CL_SOURCE];
    wire_check_pool(c, s);
    pool.name = text_of(c, s->name);
    pool.place = place_of(c, s->span);
    pool.balance = balance_of(c, clauses.of[CL_BALANCE]);
    pool.check = check_of(c, clauses.of[CL_CHECK]);
    pool.drain_ns = clause_duration(c, clauses.of[CL_DRAIN], 0);
    pool.slow_start_ns = clause_duration(c, clauses.of[CL_SLOW_START], 0);
    pool.on_down = on_down && on_down->first && is_choice(on_down->first, CL_KEEP) ? PBC_DOWN_KEEP : PBC_DOWN_RESET;
    pool.retries = clause_number(c, clauses.of[CL_RETRIES], &retries, 1);
    pool.keep_none = clauses.of[CL_KEEP_CONNECTIONS] && clauses.of[CL_KEEP_CONNECTIONS]->first;
    pool.send_proxy = send_proxy_of(clauses.of[CL_SEND_PROXY]);
    if (source) sources_of(c, source, &pool);
    resolve_servers(c, s, s->index, &pool);
    check_sources(c, &pool, source, spaces);
    c->image->pools[s->index] = pool;
}

void resolve_pools(struct compile *c)
{
    uint64_t spaces = 0;
    for (struct symbol *s = c->symbols->first; s; s = s->next)
        if (s->kind == SYM_POOL) resolve_pool(c, s, &spaces);
}

bool server_port_good(struct compile *c, const struct node *n, uint16_t port)
{
    if (port) return true;
    diag(c->diags, E_OUT_OF_RANGE, n->span, "0 isn't a server's port: ports go from 1 to 65535");
    diag_advise(c->diags, "to use the client's port, remove the port");
    return false;
}

static void check_hosts(struct compile *c, const struct node *n, const struct addr *lo, const struct addr *hi)
{
    /* Both ends suffice: addresses that hosts can't have are at both ends of the number space. */
    if (!addr_is_one_host(lo) || !addr_is_one_host(hi))
        diag(c->diags, E_SERVER_ADDRESS, n->span, "this range has an address that a server can't have");
}

uint32_t server_range_of(struct compile *c, const struct node *n, struct server_range *r)
{
    const struct node_value v = n ? value_of(c, n) : (struct node_value){0};
    struct addr lo, hi;
    *r = (struct server_range){0};
    if (!v.node) return 0;
    if (v.node->kind == N_NAME) {
        symbol_want(c, v.node, SYM(CONST), "constant");
        return 0;
    }
    if (v.node->kind != N_ADDR_RANGE && v.node->kind != N_ENDPOINT_RANGE) {
        report_wrong_value(c, n, v, "a range of addresses, with a port or without");
        return 0;
    }
    if (!address_ends(c, v.node, &lo, &hi)) {
        const struct addr first = hi;
        hi = lo, lo = first;
    }
    check_hosts(c, n, &lo, &hi);
    if (v.node->kind == N_ENDPOINT_RANGE) server_port_good(c, n, v.node->v.addr_range->port);
    const u128 more = lo.family == 4 ? addr_v4(&hi) - addr_v4(&lo) : addr_v6(&hi) - addr_v6(&lo);
    if (more >= ADDRESSES_MOST)
        diag(c->diags, E_ADDRESSES, n->span, "the range has more than %u servers", (unsigned)ADDRESSES_MOST);
    r->first = lo;
    r->count = more < ADDRESSES_MOST ? (uint32_t)more + 1 : ADDRESSES_MOST;
    r->port = v.node->v.addr_range->port;
    return r->count;
}

struct str server_range_name(struct compile *c, const struct node *n, uint32_t i)
{
    const struct str name = n->first->v.str;
    const size_t room = name.len + sizeof "-4294967295";
    char *text = arena_alloc(c->arena, room);
    const int len = snprintf(text, room, "%.*s-%u", (int)name.len, name.s, i + 1);
    return (struct str){text, (size_t)len};
}

/* Names of IPVS' schedulers, and of HAProxy and nginx */
static const struct {
    const char *theirs;
    enum lb_kind ours;
} habits[] = {
    {"rr", LB_ROUND_ROBIN}, {"wrr", LB_ROUND_ROBIN}, {"roundrobin", LB_ROUND_ROBIN}, {"static-rr", LB_ROUND_ROBIN},
    {"lc", LB_LEAST_CONN},  {"wlc", LB_LEAST_CONN},  {"leastconn", LB_LEAST_CONN},   {"sed", LB_LEAST_CONN},
    {"nq", LB_LEAST_CONN},  {"sh", LB_SOURCE},       {"ip_hash", LB_SOURCE},         {"mh", LB_MAGLEV},
};

static void offer_balance(struct compile *c, struct str word)
{
    const char *names[LB_KINDS], *near = NULL;
    for (unsigned i = 0; i < LB_KINDS; i++) names[i] = lb_name((enum lb_kind)i);
    for (size_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++)
        if (str_is(word, habits[i].theirs)) near = names[habits[i].ours];
    if (near)
        diag_suggest(c->diags, SPAN_NONE, "%s", near);
    else if (str_is(word, "dh"))
        diag_advise(c->diags, "`balance` can't use the destination; `source` and `maglev` use the client's address");
    else if ((near = diag_nearest(word.s, names, LB_KINDS)))
        diag_guess(c->diags, SPAN_NONE, "%s", near);
    else
        diag_advise(c->diags, "write maglev, round_robin, least_conn, random or source");
}

uint8_t balance_of(struct compile *c, const struct node *clause)
{
    const struct node *word = clause ? clause->first : NULL;
    const int kind = word ? lb_by_name(word->v.str.s, word->v.str.len) : LB_MAGLEV;
    if (kind >= 0) return (uint8_t)kind;
    diag(c->diags, E_NO_SUCH_WORD, word->span, "no kind of `balance` is called `%s`", word->v.str.s);
    offer_balance(c, word->v.str);
    return LB_MAGLEV;
}
