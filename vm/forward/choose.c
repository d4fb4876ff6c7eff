/* A proxy loop's balancing, see service.h */
#include "vm/forward/choose_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "vm/forward/balance/lb.h"
#include "vm/forward/service.h"
#include "vm/program/swap.h"
#include "vm/stream/http.h"

static void chooser_attach(struct chooser *c)
{
    balance_by(c->balance, c->held.conns.servers);
    balance_share(c->balance, &c->held.conns.share);
}

struct chooser *chooser_new(struct program *p, const struct vm_cfg *cfg)
{
    struct chooser *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->p = program_get(p);
    c->balance = balance_new(p, cfg->seed);
    if (!held_init(&c->held, p, cfg) || !c->balance) {
        chooser_free(c);
        return NULL;
    }
    balance_for_proxies(c->balance);
    chooser_attach(c);
    return c;
}

void chooser_free(struct chooser *c)
{
    if (!c) return;
    balance_free(c->balance);
    held_fini(&c->held);
    program_put(c->p);
    free(c);
}

void chooser_facts(struct chooser *c, const struct vm_in *in)
{
    if (in->mono_ns > c->now_ns) c->now_ns = in->mono_ns;
    balance_update(c->balance, in->facts, c->now_ns);
}

void chooser_take_tables(struct chooser *c, struct balance *tables) { balance_take(c->balance, tables); }

enum pkt_reason chooser_admit(struct chooser *c, uint32_t service, const struct key *key, bool *known)
{
    const struct pbc_service *s = &c->p->services[service];
    const struct client_key k = held_client(c->p, service, key->src, key->kind & KIND_IP6);
    *known = false;
    if (s->max_flows_per_source && client_flows(c->held.clients, &k) >= s->max_flows_per_source)
        return REASON_MAX_FLOWS;
    if (!conns_enter(&c->held.conns, service, s->max_flows ? s->max_flows : UINT64_MAX)) return REASON_MAX_FLOWS;
    *known = held_by_client(s) && client_add(c->held.clients, &k, PBC_NONE);
    return REASON_NONE;
}

void chooser_leave(struct chooser *c, uint32_t service, const struct key *key, bool known)
{
    const struct client_key k = held_client(c->p, service, key->src, key->kind & KIND_IP6);
    conns_leave(&c->held.conns, service);
    if (known) client_drop(c->held.clients, &k, c->now_ns, c->p->services[service].affinity_ns);
}

static uint64_t server_most(const struct chooser *c, uint32_t server)
{
    const uint32_t most = c->p->servers[server].max_flows;
    return most ? most : UINT64_MAX;
}

static bool is_full(const struct chooser *c, uint32_t server)
{
    return conns_of_server(&c->held.conns, server) >= server_most(c, server);
}

/* Pick by the client's affinity value, or by its address. */
static struct pick pick_kept(const struct chooser *c, uint32_t branch, const struct key *key, uint64_t affinity)
{
    const uint32_t proxy = c->p->services[c->p->branches[branch].service].proxy;
    const uint32_t flags = affinity && proxy ? c->p->proxies[proxy - 1].flags : 0;
    if (flags & PBC_PROXY_AFFINITY_HEADER) return balance_pick_by_value(c->balance, branch, key, affinity);
    const uint32_t server = flags & PBC_PROXY_AFFINITY_COOKIE
                                ? balance_marked(c->balance, branch, key, affinity)
                                : held_server(&c->held, c->p, c->balance, branch, key, c->now_ns);
    return (struct pick){.pool = server == PBC_NONE ? PBC_NONE : c->p->servers[server].pool, .server = server};
}

struct choice chooser_pick(struct chooser *c, uint32_t branch, const struct key *key, uint64_t affinity)
{
    struct pick at = pick_kept(c, branch, key, affinity);
    if (at.server == PBC_NONE) at = balance_pick(c->balance, branch, key);
    if (at.server == PBC_NONE) return (struct choice){at.pool, PBC_NONE, REASON_NO_SERVER};
    if (is_full(c, at.server)) at.server = chooser_next(c, branch, key, at.server);
    return (struct choice){at.pool, at.server, at.server == PBC_NONE ? REASON_MAX_FLOWS : REASON_NONE};
}

uint64_t chooser_cookie(const struct chooser *c, uint32_t server) { return balance_mark(c->balance, server); }

uint64_t chooser_affinity(const struct chooser *c, uint32_t service, const struct first *f)
{
    const uint32_t at = c->p->services[service].proxy;
    const struct pbc_proxy *says = at ? &c->p->proxies[at - 1] : NULL;
    struct view v;
    unsigned next = 0;
    if (!says || f->http != FIRST_KNOWN) return 0;
    if (says->flags & PBC_PROXY_AFFINITY_COOKIE)
        return cookie_number(cookie_value(&f->head, f->bytes + f->skip, program_str(c->p, says->affinity_name)));
    if (!(says->flags & PBC_PROXY_AFFINITY_HEADER)) return 0;
    if (first_header(f, program_str(c->p, says->affinity_name), &next, &v) != FIRST_KNOWN) return 0;
    const uint64_t hash = lb_siphash((struct lb_hash_key){0}, v.at, v.len);
    return hash ? hash : 1;
}

uint32_t chooser_next(struct chooser *c, uint32_t branch, const struct key *key, uint32_t server)
{
    uint32_t at = server;
    for (uint32_t i = 0; i < c->p->pools[c->p->servers[server].pool].server_count; i++) {
        at = balance_next(c->balance, branch, key, at);
        if (at == PBC_NONE || at == server) return PBC_NONE;
        if (!is_full(c, at)) return at;
    }
    return PBC_NONE;
}

bool chooser_begin(struct chooser *c, uint32_t branch, uint32_t server, const struct key *key)
{
    const uint32_t service = c->p->branches[branch].service;
    const struct client_key k = held_client(c->p, service, key->src, key->kind & KIND_IP6);
    if (!conns_serve(&c->held.conns, server, server_most(c, server))) return false;
    if (c->p->services[service].affinity_ns) client_served(c->held.clients, &k, program_server_id(c->p, server));
    return true;
}

void chooser_end(struct chooser *c, uint32_t server) { conns_rest(&c->held.conns, server); }

int chooser_swap(struct chooser *c, struct chooser *fresh, const struct remap *r)
{
    if (c->p != r->from || fresh->p != r->program || !conns_spare(&c->held.conns, r)) return -EINVAL;
    held_keep(&fresh->held, &c->held, r);
    balance_keep(fresh->balance, c->balance, r);
    SWAP(c->p, fresh->p);
    SWAP(c->balance, fresh->balance);
    SWAP(c->held, fresh->held);
    chooser_attach(c);
    return 0;
}

bool chooser_archive(struct chooser *c, struct archive *a, uint64_t now_ns)
{
    uint8_t there = c->held.clients != NULL;
    balance_archive(c->balance, a);
    if (!ARCHIVE(a, there) || !there) return !a->bad;
    if (!c->held.clients) c->held.clients = clients_new(1, 0); /* an earlier program asked for them */
    if (!archive_sound(a, c->held.clients)) return false;
    if (clients_archive(c->held.clients, a, program_server_ids(c->p) - 1) && a->reads)
        clients_rest(c->held.clients, now_ns);
    return !a->bad;
}

bool chooser_remember(struct chooser *c, const struct chooser *from,
                      bool takes(void *with, const uint32_t addr[4], bool v6), void *with)
{
    struct client_key key;
    uint32_t at = 0;
    if (!from->held.clients) return true;
    if (!c->held.clients) c->held.clients = clients_new(1, 0); /* an earlier program asked for them */
    while (c->held.clients && client_next(from->held.clients, &at, &key))
        if (takes(with, key.addr, key.v6)) client_keep(c->held.clients, from->held.clients, &key);
    return c->held.clients;
}

const struct conns *chooser_conns(const struct chooser *c) { return &c->held.conns; }
