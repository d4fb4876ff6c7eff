/* Read the options of a proxy service, apart from addresses and branches, into an entry of PROXIES. */
#include <string.h>

#include "compiler/resolve/services/service_work.h"
#include "vm/stream/first.h"

/* Check the number of sockets: the host listens at each pair of an address and a port. */
static void check_listeners(const struct service_work *w)
{
    const struct image *img = w->c->image;
    const struct pbc_service *s = &img->services[w->id];
    uint64_t ports = 0;
    if (mode_is(w->mode, MODE_INLINE_STACK)) return;
    for (uint32_t e = s->endpoints; e < s->endpoints + s->endpoint_count; e++)
        ports += 1u + img->endpoints[e].port_hi - img->endpoints[e].port_lo;
    if (ports <= PBC_PROXY_PORTS_MAX) return;
    diag(w->c->diags, E_PROXY_PORTS, span_at(w->c, &s->place),
         "`%s` would listen on %llu pairs of address and port, but a proxy service can have %u",
         image_str(img, s->name), (unsigned long long)ports, PBC_PROXY_PORTS_MAX);
    diag_advise(w->c->diags, "write only the ports to serve, or use `mode passthrough`");
}

static const enum clause proxy_options[] = {
    CL_TLS,       CL_TLS_TO_SERVER, CL_AFFINITY_COOKIE, CL_AFFINITY_HEADER, CL_QUEUE,       CL_ACCESS_LOG,
    CL_ON_RELOAD, CL_MAX_AGE,       CL_CONNECT_WITHIN,  CL_IDLE_CLIENT,     CL_IDLE_SERVER, CL_TRUST_FORWARDED};

static bool needs_requests(enum clause option)
{
    return option == CL_AFFINITY_COOKIE || option == CL_AFFINITY_HEADER || option == CL_TRUST_FORWARDED;
}

void refuse_proxy_options(const struct service_work *w, const struct clauses *block)
{
    for (size_t i = 0; i < sizeof(proxy_options) / sizeof(proxy_options[0]); i++) {
        const struct node *n = block->of[proxy_options[i]];
        if (!n) continue;
        diag(w->c->diags, E_MODE_OPTION, n->span,
             needs_requests(proxy_options[i]) ? "`%s` needs a mode that reads requests" : "`%s` needs a proxy mode",
             node_words(n));
        diag_advise(w->c->diags, needs_requests(proxy_options[i])
                                     ? "remove this option, or use `mode proxy http`"
                                     : "remove this option, or use `mode proxy` or `mode proxy http`");
    }
}

static void proxy_refuse(const struct service_work *w, const struct node *n, const char *why)
{
    if (!n) return;
    diag(w->c->diags, E_MODE_OPTION, n->span, "`%s` isn't possible in mode %s: %s", node_words(n),
         mode_info[w->mode].name, why);
    diag_suggest_removal(w->c->diags, whole_clause(n));
}

static void refuse_packet_options(const struct service_work *w, const struct clauses *block)
{
    const struct node *no_server = block->of[CL_ON_NO_SERVER];
    proxy_refuse(w, block->of[CL_MSS_CLAMP], "this machine's network stack chooses the segment size");
    if (no_server && no_server->first && !is_choice(no_server->first, CL_RESET))
        proxy_refuse(w, no_server, "the connection is already open, and prey can only close it");
    if (w->c->image->services[w->id].flags & PBC_SERVICE_ANNOUNCE && mode_is(w->mode, MODE_INLINE))
        proxy_refuse(w, block->of[CL_ANNOUNCE], "the addresses belong to other machines, which answer for them");
    if (mode_is(w->mode, MODE_REQUESTS)) return;
    proxy_refuse(w, block->of[CL_TRUST_FORWARDED], "prey doesn't read requests in this mode");
    for (unsigned i = CL_AFFINITY_COOKIE; i <= CL_AFFINITY_HEADER; i++)
        if (block->of[i]) {
            proxy_refuse(w, block->of[i], "prey doesn't read requests in this mode");
            diag_note(w->c->diags, block->of[CL_MODE]->first->span, "to read requests, write `%s http`",
                      mode_is(w->mode, MODE_INLINE) ? "mode proxy inline" : "mode proxy");
        }
}

static void add_certs(const struct service_work *w, const struct node *block, struct pbc_proxy *x)
{
    node_each(n, block)
    {
        if (!is_clause(n, CL_TLS) || !n->first || !n->first->next) continue;
        struct pbc_cert *slot = image_add_certs(w->c->image);
        if (!slot) {
            report_full(w->c, n->span, "certificates", 1u << 16);
            return;
        }
        const uint32_t at = w->c->image->certs_count - 1;
        const struct pbc_cert cert = {.cert = path_of_file(w->c, n->first, "a certificate"),
                                      .key = path_of_file(w->c, n->first->next, "a key"),
                                      .place = place_of(w->c, n->span)};
        w->c->image->certs[at] = cert;
        x->cert_count++;
    }
}

static void tls_to_server(const struct service_work *w, const struct node *n, struct pbc_proxy *x)
{
    struct clauses parts;
    struct compile *c = w->c;
    if (!n) return;
    clauses_find(c, n, &parts, "`tls to server`");
    const struct node *off = parts.of[CL_VERIFY_OFF], *ca = parts.of[CL_VERIFY_CA];
    x->flags |= PBC_PROXY_TLS_TO_SERVER | (off ? PBC_PROXY_TLS_NO_VERIFY : 0u);
    x->server_sni = clause_string(c, parts.of[CL_SNI]);
    x->server_ca = ca && ca->first ? path_of_file(c, ca->first, "`ca`") : 0;
    if (off && ca) {
        diag(c->diags, E_CHECK_VERIFY, off->span, "`verify off` and `verify ca` exclude each other");
        diag_note(c->diags, ca->span, "the other option is here");
    } else if (!off && !parts.of[CL_SNI]) {
        diag(c->diags, E_CHECK_VERIFY, n->span,
             "to verify the servers' certificate, add `sni`; to accept any certificate, write `verify off`");
    }
}

/* Place the addresses of trusted clients. False if there are none, or after a report. */
static bool trusted(const struct service_work *w, const struct node *n, uint32_t *from, uint32_t *count)
{
    struct addr_list list = {0};
    bool placed = false;
    if (!n || !addr_list_of(w->c, n->first, &list)) return false;
    if (list.any || list.self || n->first->flags & NF_NOT) {
        diag(w->c->diags, E_PROXY_TRUST, n->span, "`%s from` needs the addresses of trusted proxies: %s", node_words(n),
             list.any    ? "`any` would trust every sender"
             : list.self ? "`self` isn't possible"
                         : "`not` would trust all other senders");
        diag_advise(w->c->diags, "list the proxies in front of this machine");
    } else {
        placed = addr_list_place(w->c, &list, n->span, from, count);
    }
    set_fini(&list.set);
    return placed;
}

uint64_t time_above_0(struct compile *c, const struct node *clause, const struct node *n)
{
    const struct node_value v = value_of(c, n);
    if (!v.node) return 0;
    if (v.node->kind != N_DURATION) {
        if (v.node->kind == N_NAME)
            symbol_want(c, v.node, SYM(CONST), "constant");
        else
            report_wrong_value(c, n, v, "a duration");
        return 0;
    }
    if (!v.node->v.i) diag(c->diags, E_OUT_OF_RANGE, n->span, "`%s` must be longer than 0", node_words(clause));
    return v.node->v.i;
}

uint8_t send_proxy_of(const struct node *clause) { return !clause ? 0 : is_choice(clause->first, CL_V1) ? 1 : 2; }

static void mode_options(const struct service_work *w, const struct node *mode, struct pbc_proxy *x)
{
    struct clauses of;
    clauses_find(w->c, mode, &of, "mode");
    const struct node *send = of.of[CL_SEND_PROXY], *first = of.of[CL_FIRST_BYTES_WITHIN];
    if (mode_is(w->mode, MODE_INLINE))
        proxy_refuse(w, of.of[CL_TRANSPARENT], "servers see the client's address anyway");
    else if (of.of[CL_TRANSPARENT])
        x->flags |= PBC_PROXY_TRANSPARENT;
    if (of.of[CL_OVERLAPS])
        proxy_refuse(w, of.of[CL_OVERLAPS],
                     "this machine's network stack reassembles segments; only `mode observe` has this option");
    if (send) x->flags |= send_proxy_of(send) == 1 ? PBC_PROXY_SEND_V1 : PBC_PROXY_SEND_V2;
    if (trusted(w, of.of[CL_ACCEPT_PROXY], &x->accept_from, &x->accept_count)) x->flags |= PBC_PROXY_ACCEPT;
    if (first) x->first_ns = time_above_0(w->c, first, first->first);
}

static void affinity(const struct service_work *w, const struct clauses *block, struct pbc_proxy *x)
{
    const struct node *cookie = block->of[CL_AFFINITY_COOKIE], *header = block->of[CL_AFFINITY_HEADER],
                      *source = block->of[CL_AFFINITY_SOURCE], *n = cookie ? cookie : header;
    if (!n || !mode_is(w->mode, MODE_REQUESTS)) return;
    if ((cookie && header) || source) {
        const struct node *other = source ? source : header;
        diag(w->c->diags, E_CLAUSE_TWICE, n->span, "a service can have one kind of `affinity`");
        diag_note(w->c->diags, other->span, "the other option is here");
    }
    x->affinity_name = field_name(w->c, n->first);
    if (cookie && x->affinity_name) x->affinity_name = text_of(w->c, n->first->v.str); /* cookie names keep case */
    if (x->affinity_name) x->flags |= cookie ? PBC_PROXY_AFFINITY_COOKIE : PBC_PROXY_AFFINITY_HEADER;
    if (n->first->next) x->affinity_ns = time_above_0(w->c, n, n->first->next);
}

static void queue(const struct service_work *w, const struct node *n, struct pbc_proxy *x)
{
    static const struct number_kind kind = {
        .what = "a queue", .range = "from 1 to 1000000 connections", .least = 1, .most = 1000000};
    if (!n) return;
    if (!number_one(w->c, n->first, &kind, &x->queue)) return;
    const uint64_t ms = (time_above_0(w->c, n, n->first->next) + 999999) / 1000000;
    if (ms > UINT32_MAX) diag(w->c->diags, E_OUT_OF_RANGE, n->span, "the longest time is 49 days");
    x->queue_ms = (uint32_t)ms;
}

static void access_log(const struct service_work *w, const struct node *n, struct pbc_proxy *x)
{
    if (!n) return;
    x->flags |= is_choice(n->first, CL_JSON) ? PBC_PROXY_LOG_JSON : PBC_PROXY_LOG_COMMON;
    if (is_choice(n->first->next, CL_SYSLOG))
        x->flags |= PBC_PROXY_LOG_SYSLOG;
    else
        x->log_file = path_of_file(w->c, n->first->next, "an access log");
}

void resolve_proxy(struct service_work *w, const struct clauses *block)
{
    struct compile *c = w->c;
    const struct node *mode = block->of[CL_MODE]->first;
    struct pbc_proxy *slot = image_add_proxies(c->image);
    if (!slot) {
        report_full(c, mode->span, "proxy services", 1u << 16);
        return;
    }
    const uint32_t at = c->image->proxies_count - 1;
    struct pbc_proxy x = {.service = w->id, .certs = c->image->certs_count};
    c->image->services[w->id].proxy = at + 1;
    refuse_packet_options(w, block);
    mode_options(w, mode, &x);
    add_certs(w, mode, &x);
    add_certs(w, w->node, &x);
    tls_to_server(w, block->of[CL_TLS_TO_SERVER], &x);
    affinity(w, block, &x);
    queue(w, block->of[CL_QUEUE], &x);
    access_log(w, block->of[CL_ACCESS_LOG], &x);
    const struct node *connect = block->of[CL_CONNECT_WITHIN], *client = block->of[CL_IDLE_CLIENT],
                      *server = block->of[CL_IDLE_SERVER], *age = block->of[CL_MAX_AGE];
    if (connect) x.connect_ns = time_above_0(w->c, connect, connect->first);
    if (client) x.client_ns = time_above_0(w->c, client, client->first);
    if (server) x.server_ns = time_above_0(w->c, server, server->first);
    if (age) x.age_ns = time_above_0(w->c, age, age->first);
    if (mode_is(w->mode, MODE_REQUESTS)) trusted(w, block->of[CL_TRUST_FORWARDED], &x.trust_from, &x.trust_count);
    if (block->of[CL_ON_RELOAD]) x.flags |= PBC_PROXY_RELOAD_CLOSE;
    w->tls = x.cert_count != 0;
    w->wants = mode_is(w->mode, MODE_REQUESTS) ? FIRST_HTTP : 0;
    c->image->proxies[at] = x;
    check_listeners(w);
}

/* Report options of a pool that this service's mode does not have. */
static void check_pool(struct compile *c, const struct pbc_service *s, uint32_t pool, struct span at)
{
    const struct image *img = c->image;
    const struct pbc_pool *p = &img->pools[pool];
    const bool proxy = mode_is(s->mode, MODE_PROXIES);
    for (uint32_t i = p->servers; i < p->servers + p->server_count; i++) {
        if (img->servers[i].flags & PBC_SERVER_HAS_VLAN && !mode_is(s->mode, MODE_INLINE)) {
            diag(c->diags, E_MODE_OPTION, at, "`vlan` of the server `%s` needs `mode proxy inline`",
                 image_str(img, img->servers[i].name));
            return;
        }
        if (proxy || !img->servers[i].max_flows) continue;
        diag(c->diags, E_MODE_OPTION, at, "`max flows` of the server `%s` needs a proxy mode",
             image_str(img, img->servers[i].name));
        diag_advise(c->diags, "write `max flows` in the service");
        return;
    }
}

/* Report a pool with `source` if two would give out its addresses and ports: the vm for the service `s`, and the kernel
 * for the proxy service `of`. */
static void check_source(struct compile *c, const struct pbc_service *s, const struct pbc_service *of, uint32_t pool,
                         struct span at)
{
    const struct image *img = c->image;
    if (!of || !mode_is(s->mode, MODE_OWN_SOURCE) || !img->pools[pool].source_count) return;
    diag(c->diags, E_MODE_OPTION, at, "the pool `%s` has a `source`, but the proxy service `%s` also uses this pool",
         image_str(img, img->pools[pool].name), image_str(img, of->name));
    diag_note(c->diags, span_at(c, &of->place), "the proxy service is here");
    diag_advise(c->diags, "give each service its own pool, with its own addresses");
}

/* A pool, and the PROXY header that its servers get from services */
struct header_of {
    const struct pbc_service *first; /* service that used the pool first; NULL: none so far */
    bool own;                        /* the pool's own clause sets it */
};

/* Return the words for a service, or a pool, that sends such a header. */
static const char *version_words(uint8_t version)
{
    return version ? version == 1 ? "sends v1" : "sends v2" : "sends none";
}

/* Settle the PROXY header of a pool, with which its checks begin, too: report what contradicts it. */
static void settle_header(struct compile *c, const struct pbc_service *s, uint32_t pool, struct header_of *h,
                          struct span at)
{
    const struct image *img = c->image;
    struct pbc_pool *p = &c->image->pools[pool];
    const char *name = image_str(img, p->name);
    /* version: of the PROXY header that the service sends to all its servers; 0: none */
    const uint32_t flags = s->proxy ? img->proxies[s->proxy - 1].flags : 0;
    const uint8_t version = flags & PBC_PROXY_SEND_V1 ? 1 : flags & PBC_PROXY_SEND_V2 ? 2 : 0;
    if (!h->first) {
        h->first = s;
        h->own = p->send_proxy;
    }
    if (!h->own && h->first == s) p->send_proxy = version;
    if (h->own && !mode_is(s->mode, MODE_PROXIES)) {
        diag(c->diags, E_MODE_OPTION, at, "`send proxy` of the pool `%s` needs a service in a proxy mode", name);
    } else if (h->own && version && version != p->send_proxy) {
        diag(c->diags, E_MODE_OPTION, at, "the service and its pool `%s` differ in `send proxy`: the service %s", name,
             version_words(version));
        diag_note(c->diags, span_at(c, &p->place), "the pool is here, and %s", version_words(p->send_proxy));
        diag_advise(c->diags, "write `send proxy` only in the service, or only in the pool");
    } else if (!h->own && version != p->send_proxy) {
        diag(c->diags, E_MODE_OPTION, at, "services that share the pool `%s` differ in `send proxy`: this service %s",
             name, version_words(version));
        diag_note(c->diags, span_at(c, &h->first->place), "another service is here, and %s",
                  version_words(p->send_proxy));
        diag_advise(c->diags, "write `send proxy` in the pool, or give each service its own pool");
    }
}

static const struct pbc_service **proxies_of_pools(struct compile *c)
{
    const struct image *img = c->image;
    const struct pbc_service **of = arena_alloc(c->arena, ((size_t)img->pools_count + 1) * sizeof(*of));
    memset(of, 0, ((size_t)img->pools_count + 1) * sizeof(*of));
    for (uint32_t i = 0; i < img->branches_count; i++) {
        const struct pbc_branch *b = &img->branches[i];
        const struct pbc_service *s = &img->services[b->service];
        const bool kernels = mode_is(s->mode, MODE_PROXIES) && !mode_is(s->mode, MODE_OWN_SOURCE);
        for (uint32_t k = 0; kernels && k < branch_shares(b); k++)
            if (img->shares[b->shares + k].pool < img->pools_count) of[img->shares[b->shares + k].pool] = s;
    }
    return of;
}

/* Report `keep none` of pools of which no service sends requests to their servers. */
static void check_kept(struct compile *c)
{
    const struct image *img = c->image;
    bool *reads = arena_alloc(c->arena, ((size_t)img->pools_count + 1) * sizeof *reads), *used;
    used = arena_alloc(c->arena, ((size_t)img->pools_count + 1) * sizeof *used);
    memset(reads, 0, ((size_t)img->pools_count + 1) * sizeof *reads);
    memset(used, 0, ((size_t)img->pools_count + 1) * sizeof *used);
    for (uint32_t i = 0; i < img->branches_count; i++) {
        const struct pbc_branch *b = &img->branches[i];
        for (uint32_t k = 0; k < branch_shares(b); k++) {
            const uint32_t pool = img->shares[b->shares + k].pool;
            if (pool >= img->pools_count) continue;
            used[pool] = true;
            reads[pool] |= mode_is(img->services[b->service].mode, MODE_REQUESTS);
        }
    }
    for (uint32_t i = 0; i < img->pools_count; i++) {
        if (!img->pools[i].keep_none || !used[i] || reads[i]) continue;
        diag(c->diags, E_MODE_OPTION, span_at(c, &img->pools[i].place),
             "`keep none` of the pool `%s` needs a service in `mode proxy http`", image_str(img, img->pools[i].name));
        diag_advise(c->diags, "remove `keep none`: no other mode sends several requests over one connection");
    }
}

/* True if some server of the service's pools may be full: connections wait for such servers. */
static bool may_fill(const struct image *img, const struct pbc_service *s)
{
    for (uint32_t b = s->branches; b < s->branches + s->branch_count; b++)
        for (uint32_t k = 0; k < branch_shares(&img->branches[b]); k++) {
            const uint32_t at = img->shares[img->branches[b].shares + k].pool;
            const struct pbc_pool *pool = at < img->pools_count ? &img->pools[at] : NULL;
            for (uint32_t i = 0; pool && i < pool->server_count; i++)
                if (img->servers[pool->servers + i].max_flows) return true;
        }
    return false;
}

static void check_queues(struct compile *c)
{
    const struct image *img = c->image;
    for (uint32_t i = 0; i < img->services_count; i++) {
        const struct pbc_service *s = &img->services[i];
        if (!s->proxy || !img->proxies[s->proxy - 1].queue || may_fill(img, s)) continue;
        diag(c->diags, W_QUEUE, span_at(c, &s->place),
             "`queue` of the service `%s` has no effect, because no server of its pools has `max flows`",
             image_str(img, s->name));
        diag_advise(c->diags, "write `max flows N` after the servers, or remove `queue`");
    }
}

void check_proxy_pools(struct compile *c)
{
    const struct image *img = c->image;
    const struct pbc_service **of = proxies_of_pools(c);
    struct header_of *headers = arena_alloc(c->arena, ((size_t)img->pools_count + 1) * sizeof *headers);
    memset(headers, 0, ((size_t)img->pools_count + 1) * sizeof *headers);
    for (uint32_t i = 0; i < img->branches_count; i++) {
        const struct pbc_branch *b = &img->branches[i];
        const struct span at = span_at(c, &b->place);
        for (uint32_t k = 0; k < branch_shares(b); k++) {
            const uint32_t pool = img->shares[b->shares + k].pool;
            if (pool >= img->pools_count) continue;
            check_pool(c, &img->services[b->service], pool, at);
            check_source(c, &img->services[b->service], of[pool], pool, at);
            settle_header(c, &img->services[b->service], pool, &headers[pool], at);
        }
    }
    check_kept(c);
    check_queues(c);
}
