/* Read `service NAME on … { mode …; when … -> POOLS; else -> POOLS }`: endpoints, mode and branches. */
#include <string.h>

#include "compiler/resolve/services/service_work.h"
#include "vm/packet/key.h"

static const struct number_kind port_kind = {.what = "a port to serve",
                                             .range = "ports of a service go from 1 to 65535",
                                             .least = 1,
                                             .less = "`any` takes all ports",
                                             .most = 65535,
                                             .ports = true};

static const struct number_kind variant_kind = {.what = "a variant of GUE", .range = "write 0 or 1", .most = 1};

/* Return the mode that the clause names; PBC_MODES: none. */
static unsigned mode_named(const struct node *word)
{
    unsigned i = 0;
    while (i < PBC_MODES && strcmp(node_words(word), mode_info[i].name)) i++;
    return i;
}

const char *mode_names(unsigned without, char buf[MODE_NAMES])
{
    size_t len = 0;
    *buf = '\0';
    for (unsigned i = 0; i < PBC_MODES && len < MODE_NAMES; i++)
        if (!mode_is(i, without) && i != PBC_MODE_PROXY_SPLICED) /* no rule file names this mode */
            len += (size_t)snprintf(buf + len, MODE_NAMES - len, "%s`%s%s`", len ? ", " : "", mode_info[i].name,
                                    mode_is(i, MODE_TAKES_PORT) ? " PORT" : "");
    return buf;
}

/* Read the mode; false after a report. */
static bool mode_of(struct compile *c, const struct symbol *s, const struct node *clause, struct pbc_service *service)
{
    const struct node *word = clause ? clause->first : NULL;
    if (!word) {
        if (c->symbols->text_at_fault) return false;
        diag(c->diags, E_MODE_MISSING, s->span, "the service `%s` has no `mode`", s->name.s);
        char all[MODE_NAMES];
        diag_advise(c->diags, "add `mode` with one of %s, `observe`", mode_names(0, all));
        return false;
    }
    const unsigned mode = mode_named(word);
    service->mode = (uint8_t)mode;
    if (mode_is(mode, MODE_TAKES_PORT)) {
        service->gue_port = (uint16_t)clause_number(c, word, &port_kind, 0);
        service->gue_variant = (uint8_t)clause_number(c, word->first ? word->first->next : NULL, &variant_kind, 0);
    }
    return true;
}

/* Read one address of a service, `self` or any. False after a report. */
static bool endpoint_to(struct compile *c, const struct node *n, struct pbc_endpoint *e)
{
    const struct node_value v = value_of(c, n);
    e->to = n->kind == N_SELF ? PBC_TO_SELF : PBC_TO_ANY;
    if (n->kind == N_SELF) c->image->meta->flags |= PBC_NEEDS_SELF;
    if (n->kind == N_SELF || n->kind == N_ANY) return true;
    if (!v.node) return false;
    if (v.node->kind == N_ADDR && addr_is_one_host(&v.node->v.addr)) {
        e->to = PBC_TO_ADDRESS;
        e->family = v.node->v.addr.family;
        addr_words(&v.node->v.addr, e->addr);
        return true;
    }
    if (v.node->kind == N_NAME && !symbol_find(c->symbols, SPACE_VALUES, v.node->v.str)) {
        symbol_want(c, v.node, SYM(CONST), "constant");
        return false;
    }
    mark_names_used(c, n);
    if (v.node->kind == N_ADDR) {
        diag(c->diags, E_ENDPOINT_ADDRESS, n->span,
             "a service needs the address of one host, not a multicast, broadcast or unspecified address");
        uint32_t w[4];
        addr_words(&v.node->v.addr, w);
        if (!(w[0] | (v.node->v.addr.family == 4 ? 0 : w[1] | w[2] | w[3])))
            diag_advise(c->diags, "write `self` for all addresses of this machine, `any` for every address");
        return false;
    }
    diag(c->diags, E_ENDPOINT_ADDRESS, n->span, "after `on`, a service takes single addresses, `self` or `any`");
    diag_advise(c->diags, "list the addresses one by one");
    return false;
}

uint8_t endpoint_proto(const struct node *n)
{
    static const uint8_t protos[CL_COUNT] = {
        [CL_TCP] = PBC_EP_TCP,   [CL_UDP] = PBC_EP_UDP,    [CL_SCTP] = PBC_EP_SCTP,
        [CL_ANY] = PBC_EP_PORTS, [CL_ICMP] = PBC_EP_ECHO4, [CL_ICMP6] = PBC_EP_ECHO6};
    return protos[clause_of(n)];
}

static bool is_endpoint_proto(const struct node *n) { return n->kind == N_PROTO_PORTS || n->kind == N_CHOICE; }

bool endpoint_ports(struct compile *c, const struct node *n, const struct number_kind *kind, struct number_set *ports)
{
    const struct symbol *name = NULL;
    if (n->first->kind == N_ANY) {
        numbers_add(c, ports, 1, 65535);
        return true;
    }
    if (!numbers_of(c, n->first, kind, NULL, ports, &name)) return false;
    if (ports->n && ports->r[0].lo == 0) {
        diag(c->diags, E_OUT_OF_RANGE, n->first->span, "0 isn't %s: %s", kind->what, kind->range);
        return false;
    }
    return true;
}

/* Add endpoints: one PROTO/PORTS with each address of its family. */
static void endpoints_of(struct service_work *w, const struct node *on, const struct node *n)
{
    struct compile *c = w->c;
    struct pbc_endpoint e = {.service = w->id, .place = place_of(c, n->span), .proto = endpoint_proto(n)};
    struct number_set ports = {0};
    bool used = false;
    const uint8_t family = e.proto == PBC_EP_ECHO4 ? 4 : e.proto == PBC_EP_ECHO6 ? 6 : 0;
    if (family)
        numbers_add(c, &ports, 0, 0);
    else if (!endpoint_ports(c, n, &port_kind, &ports))
        return;
    if (e.proto == PBC_EP_TCP || e.proto == PBC_EP_SCTP || e.proto == PBC_EP_PORTS) w->tcp_like = true;
    if (e.proto == PBC_EP_TCP || e.proto == PBC_EP_PORTS) w->tcp = true;
    node_each(to, on)
    {
        if (is_endpoint_proto(to)) break;
        struct pbc_endpoint one = e;
        if (!endpoint_to(c, to, &one)) {
            w->good = false;
            used = true;
            continue;
        }
        if (family && one.family && one.family != family) continue;
        used = true;
        w->families |= one.family == 4 || family == 4 ? KIND_IP4
                       : one.family || family         ? KIND_IP6
                                                      : KIND_IP4 | KIND_IP6;
        for (uint32_t i = 0; i < ports.n; i++) {
            one.port_lo = (uint16_t)ports.r[i].lo;
            one.port_hi = (uint16_t)ports.r[i].hi;
            wire_endpoints(w, &one, n->span);
        }
    }
    if (e.proto != PBC_EP_TCP && (w->observes || mode_is(w->mode, MODE_PROXIES))) {
        diag(c->diags, E_PROXY_TCP, n->span, "`mode %s` %s only TCP", w->observes ? "observe" : mode_info[w->mode].name,
             w->observes ? "observes" : "serves");
        if (!w->observes)
            diag_advise(c->diags, "write a second service for this protocol, in a mode such as `passthrough`");
        w->good = false;
    }
    if (used) return;
    diag(c->diags, E_ECHO_FAMILY, n->span, "`%s` belongs to IPv%u, but the service has no such address",
         family == 4 ? "icmp" : "icmp6", family);
    diag_guess(c->diags, SPAN_NONE, "%s", family == 4 ? "icmp6" : "icmp");
}

bool is_of_connections(const struct node *n)
{
    static const bool of[N_COUNT] = {[N_C_PROTO] = true, [N_C_PROTO_NUM] = true, [N_C_FROM] = true,  [N_C_TO] = true,
                                     [N_C_PORT] = true,  [N_C_SPORT] = true,     [N_C_DURING] = true};
    return of[n->kind];
}

/* Conditions that no `when` can ask */
static const struct {
    enum diag_code code;
    const char *why;
} unseen[N_COUNT] = {
    [N_C_OVER] = {E_UNSUPPORTED, "meters in a `when` aren't supported yet"},
    [N_C_WITHIN] = {E_UNSUPPORTED, "meters in a `when` aren't supported yet"},
    [N_C_STATE] = {E_UNSUPPORTED, "connection state in a `when` isn't supported yet"},
    [N_C_FLOWS] = {E_UNSUPPORTED, "connection state in a `when` isn't supported yet"},
    [N_C_OUT_ON] = {E_MODE_BLIND, "a `when` chooses the destination, so the outgoing interface isn't known yet"},
    [N_C_URPF] = {E_MODE_BLIND, "use this condition in a firewall: a `when` only chooses the destination"},
};

/* True if the mode can ask all conditions of the `when`; else report. */
static bool when_is_visible(struct service_work *w, const struct node *when)
{
    struct compile *c = w->c;
    bool good = true;
    node_each(n, when)
    {
        if (n->flags & NF_REPLY) {
            mark_names_used(c, n);
            diag(c->diags, E_MODE_BLIND, n->span,
                 "`reply` needs `mode observe`: other modes choose a server before the server sends anything");
            good = false;
        } else if (mode_is(w->mode, MODE_PROXIES)) {
            if (n->kind == N_CLAUSE || n->kind == N_C_BYTES) good = stream_cond_visible(w, n) && good;
            if (n->kind == N_CLAUSE || n->kind == N_C_BYTES || n->kind == N_POOLS || is_of_connections(n)) continue;
            mark_names_used(c, n);
            diag(c->diags, E_MODE_BLIND, n->span, "a proxy chooses a pool per connection or request, not per packet");
            good = false;
        } else if (n->kind == N_CLAUSE) {
            mark_names_used(c, n);
            diag(c->diags, E_MODE_BLIND, n->span,
                 "this mode chooses the pool by the first packet, which has no `%s` yet", node_words(n));
            diag_advise(c->diags, is_clause(n, CL_SNI) || is_clause(n, CL_ALPN) || is_clause(n, CL_INSTRUCTION)
                                      ? "use `mode proxy`"
                                      : "use `mode proxy http`");
            good = false;
        } else if (n->kind == N_C_BYTES && w->tcp_like && n->first && !str_is(n->first->v.str, "l3") &&
                   !str_is(n->first->v.str, "l2")) {
            diag(c->diags, E_MODE_BLIND, n->span,
                 "this mode chooses the pool by the first packet, which has no payload yet");
            diag_advise(c->diags, "use `mode proxy`");
            good = false;
        } else if (unseen[n->kind].why) {
            mark_names_used(c, n);
            diag(c->diags, unseen[n->kind].code, n->span, "%s", unseen[n->kind].why);
            good = false;
        }
    }
    return good;
}

static uint32_t percent_of(struct compile *c, const struct node *share)
{
    const struct node *n = node_child(share, N_PERCENT);
    return !n ? PBC_NONE : n->v.i > 100 ? 101 : (uint32_t)n->v.i;
}

static void check_shares(struct compile *c, const struct node *pools)
{
    const unsigned count = node_count(pools);
    unsigned sum = 0;
    node_each(share, pools)
    {
        const uint32_t percent = percent_of(c, share);
        node_each(other, pools)
        {
            if (other == share) break;
            if (other->first->v.str.len != share->first->v.str.len ||
                memcmp(other->first->v.str.s, share->first->v.str.s, share->first->v.str.len) != 0)
                continue;
            diag(c->diags, E_SHARES, share->span, "`%s` is twice in this list", share->first->v.str.s);
            diag_note(c->diags, other->span, "the first one is here");
            return;
        }
        if (percent == PBC_NONE && count > 1) {
            diag(c->diags, E_SHARES, share->span, "write a percentage for each pool, as in `a 90%%, b 10%%`");
            return;
        }
        sum += percent == PBC_NONE ? 100 : percent;
    }
    if (sum != 100)
        diag(c->diags, E_SHARES, pools->span, "the shares add up to %s%u %%, not 100 %%", sum > 200 ? "over " : "",
             sum > 200 ? 200 : sum);
}

static void shares_of(struct compile *c, const struct node *pools, struct pbc_branch *b)
{
    b->shares = c->image->shares_count;
    node_each(share, pools)
    {
        const struct symbol *pool = symbol_want(c, share->first, SYM(POOL), "pool");
        struct pbc_share *slot = image_add_shares(c->image);
        if (!slot) {
            report_full(c, share->span, "shares of pools", 1u << 20);
            return;
        }
        const uint32_t percent = percent_of(c, share);
        *slot = (struct pbc_share){pool ? pool->index : PBC_NONE, percent == PBC_NONE ? 100 : percent};
    }
    b->share_count = c->image->shares_count - b->shares;
    check_shares(c, pools);
}

static void add_branch(struct compile *c, const struct pbc_branch *b, struct span at)
{
    struct pbc_branch *slot = image_add_branches(c->image);
    if (slot)
        *slot = *b;
    else
        report_full(c, at, "branches of services", 1u << 20);
}

/* True for `-> target` in a `when` with an instruction; without one, report. */
static bool is_target(const struct service_work *w, const struct node *when, const struct node *pools)
{
    struct compile *c = w->c;
    const struct node *share = pools->first;
    if (!str_is(share->first->v.str, "target") || share->next || node_child(share, N_PERCENT)) return false;
    node_each(n, when) if (is_clause(n, CL_INSTRUCTION)) return true;
    if (symbol_find(c->symbols, SPACE_POOLS, share->first->v.str)) return false;
    diag(c->diags, E_INSTRUCTION, share->span, "`-> target` needs `when instruction`");
    diag_advise(c->diags, "write `when instruction to ADDRESSES -> target`");
    return true;
}

/* Report AH in a `when`: each IPv6 packet has AH or not, and the host removes it before a proxy reads. */
void check_no_ah(struct service_work *w, const struct node *when, uint32_t from)
{
    const struct image *img = w->c->image;
    bool asks = false;
    for (uint32_t i = from; i < img->conds_count; i++)
        asks |= img->conds[i].kind == COND_PROTO && img->conds[i].arg & KIND_AH;
    if (!asks) return;
    node_each(n, when)
    {
        if (n->kind != N_C_PROTO && n->kind != N_C_PROTO_NUM) continue;
        diag(w->c->diags, E_MODE_BLIND, n->span, "a branch applies to a connection, not to packets with AH");
        w->good = false;
        return;
    }
}

static void resolve_branch(struct service_work *w, const struct node *when)
{
    struct compile *c = w->c;
    struct rule_work conditions = {.c = c, .node = when};
    struct pbc_branch b = {.service = w->id, .place = place_of(c, when->span), .conds = c->image->conds_count};
    const struct node *pools = node_child(when, N_POOLS);
    if (w->good && !(when->flags & NF_ELSE)) {
        conditions.not_due = !when_is_visible(w, when);
        conditions_resolve(&conditions);
        if (mode_is(w->mode, MODE_PROXIES) && !conditions.not_due) {
            check_no_ah(w, when, b.conds);
            node_each(n, when) if (n->kind == N_CLAUSE) stream_cond_resolve(&conditions, w, n);
            stream_conds_settle(w, b.conds);
        }
    } else if (!(when->flags & NF_ELSE)) {
        mark_names_used(c, when);
    }
    b.cond_count = c->image->conds_count - b.conds;
    if (conditions.reach > c->image->meta->reach && !mode_is(w->mode, MODE_PROXIES))
        c->image->meta->reach = conditions.reach;
    if (pools && wire_destination(w, pools, &b))
        w->elsewhere |= b.shares != PBC_ORIGINAL && b.shares != PBC_PASSES;
    else if (pools && is_target(w, when, pools))
        b.shares = PBC_TARGET;
    else if (pools)
        shares_of(c, pools, &b);
    w->elsewhere |= branch_goes(&b) <= PBC_GOES_TARGET;
    add_branch(c, &b, when->span);
    if (w->good && pools && branch_goes(&b) == PBC_GOES_POOLS)
        check_branch_pools(w, &b, pools, (conditions.families ? conditions.families : KIND_IP4 | KIND_IP6) & w->left);
    if (b.cond_count == 1 && c->image->conds[b.conds].kind == COND_FAMILY) w->left &= ~conditions.families;
}

void report_after_else(struct compile *c, const struct node *n, const struct node *otherwise)
{
    diag(c->diags, E_AFTER_ELSE, n->span,
         n->flags & NF_ELSE ? "this second `else` has no effect" : "a `when` after the `else` has no effect");
    diag_note(c->diags, otherwise->span, "the `else` matches everything");
    mark_names_used(c, n);
}

/* Resolve the branches. The last always matches: the `else`, or a branch without a pool. */
static void resolve_branches(struct service_work *w, const struct symbol *s, struct pbc_service *service)
{
    struct compile *c = w->c;
    const struct node *otherwise = NULL, *last = NULL;
    service->branches = c->image->branches_count;
    w->left = KIND_IP4 | KIND_IP6;
    node_each(n, s->decl)
    {
        if (n->kind != N_WHEN) continue;
        if (otherwise) {
            report_after_else(c, n, otherwise);
            continue;
        }
        last = n;
        if (n->flags & NF_ELSE) otherwise = n;
        resolve_branch(w, n);
    }
    const bool wire = mode_is(w->mode, MODE_INLINE);
    if (!last && !wire && !c->symbols->text_at_fault) {
        diag(c->diags, E_SERVICE_EMPTY, s->span, "the service `%s` has no destination for its traffic", s->name.s);
        diag_advise(c->diags, "add `-> POOL`");
    }
    if (!otherwise)
        add_branch(c,
                   &(struct pbc_branch){.service = w->id,
                                        .place = place_of(c, s->span),
                                        .conds = c->image->conds_count,
                                        .shares = wire ? PBC_ORIGINAL : c->image->shares_count},
                   s->span);
    service->branch_count = c->image->branches_count - service->branches;
}

void resolve_endpoints(struct service_work *w, const struct node *on)
{
    if (!on) return;
    node_each(n, on) if (is_endpoint_proto(n)) endpoints_of(w, on, n);
}

static void resolve_service(struct compile *c, struct symbol *s)
{
    struct clauses clauses;
    struct pbc_service *slot = image_add_services(c->image), service = {0};
    struct service_work w = {.c = c, .node = s->decl, .id = c->image->services_count - 1, .good = true};
    const struct node *on = node_child(s->decl, N_ON);
    if (!slot) {
        report_full(c, s->span, "services", 1u << 16);
        return;
    }
    s->index = w.id;
    clauses_find(c, s->decl, &clauses, "service");
    service.name = text_of(c, s->name);
    service.place = place_of(c, s->span);
    w.good = mode_of(c, s, clauses.of[CL_MODE], &service);
    if (clauses.of[CL_SPLICE] && service.mode == PBC_MODE_PROXY) service.mode = PBC_MODE_PROXY_SPLICED;
    w.mode = (enum pbc_mode)service.mode;
    service.endpoints = c->image->endpoints_count;
    wire_read(&w);
    resolve_endpoints(&w, on);
    service.endpoint_count = c->image->endpoints_count - service.endpoints;
    service_options(&w, &clauses, &service);
    refuse_observe_options(&w, &clauses);
    c->image->services[w.id] = service; /* the branches are checked against it */
    const bool proxy = w.good && mode_is(w.mode, MODE_PROXIES);
    if (proxy)
        resolve_proxy(&w, &clauses);
    else if (w.good)
        refuse_proxy_options(&w, &clauses);
    service.proxy = c->image->services[w.id].proxy;
    resolve_branches(&w, s, &service);
    if (proxy && service.proxy) c->image->proxies[service.proxy - 1].wants = w.wants;
    wire_settle(&w, &clauses, service.proxy);
    splice_settle(&w, &clauses, &service);
    c->image->services[w.id] = service;
}

void resolve_services(struct compile *c)
{
    for (struct symbol *s = c->symbols->first; s; s = s->next)
        if (s->kind == SYM_SERVICE) (is_observe(s) ? resolve_observe : resolve_service)(c, s);
    observe_endpoints_sort(c);
    check_endpoints(c);
    check_slots(c);
    check_loops(c);
    check_capacity(c);
    check_proxy_pools(c);
    warn_retries(c);
}
