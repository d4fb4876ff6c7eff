/* The verifier's part for proxy services: their options, their certificates, and conditions that only a connection's
 * first bytes can meet. */
#include "vm/packet/key.h"
#include "vm/program/verify/verify_priv.h"
#include "vm/stream/wants.h"
#include "vm/tables.h"

/* True if at most one of the flags is set. */
static bool is_one(uint32_t flags) { return (flags & (flags - 1)) == 0; }

static bool verify_flags(const struct verifier *v, uint32_t i)
{
    const struct pbc_proxy *x = &v->p->proxies[i];
    const uint32_t f = x->flags;
    const bool logs = f & (PBC_PROXY_LOG_COMMON | PBC_PROXY_LOG_JSON);
    if (!is_one(f & (PBC_PROXY_SEND_V1 | PBC_PROXY_SEND_V2)) ||
        !is_one(f & (PBC_PROXY_LOG_COMMON | PBC_PROXY_LOG_JSON)) ||
        logs != (!!(f & PBC_PROXY_LOG_SYSLOG) + !!x->log_file == 1) ||
        !is_one(f & (PBC_PROXY_AFFINITY_COOKIE | PBC_PROXY_AFFINITY_HEADER)))
        return fault(v, "proxy %u: flags 0x%x contradict each other, or don't fit the file of the access log", i, f);
    if (!(f & PBC_PROXY_ACCEPT) != !x->accept_count)
        return fault(v, "proxy %u: its %u sets don't fit `accept proxy`", i, x->accept_count);
    if (!(f & (PBC_PROXY_AFFINITY_COOKIE | PBC_PROXY_AFFINITY_HEADER)) != !x->affinity_name)
        return fault(v, "proxy %u: its affinity doesn't fit the affinity's name", i);
    return true;
}

/* Verify the options for services in the wire. A server can answer first only if the choice needs no client bytes.
 * The client's address is always kept there, without an option. */
static bool verify_wire(const struct verifier *v, uint32_t i)
{
    const struct pbc_proxy *x = &v->p->proxies[i];
    const unsigned mode = v->p->services[x->service].mode;
    const uint32_t others = PBC_PROXY_SERVER_FIRST | PBC_PROXY_OVERLOAD_PASS;
    if (!mode_is(mode, MODE_INLINE))
        return !(x->flags & others) ||
               fault(v, "proxy %u: flags 0x%x aren't possible in mode %s", i, x->flags, mode_info[mode].name);
    if (x->flags & PBC_PROXY_TRANSPARENT)
        return fault(v, "proxy %u: flags 0x%x aren't possible in mode %s", i, x->flags, mode_info[mode].name);
    const bool reads = x->wants || x->cert_count || x->flags & PBC_PROXY_ACCEPT || mode_is(mode, MODE_REQUESTS);
    return !(x->flags & PBC_PROXY_SERVER_FIRST && reads) ||
           fault(v, "proxy %u: the server sends first, but the client's first bytes are read", i);
}

/* Verify that the bytes of connections that leave for the packet path are not read: no TLS, requests or program.
 * `splice packets` makes all of a service's connections leave, so none of its branches leads to a program. */
static bool verify_leaves(const struct verifier *v, uint32_t i)
{
    const struct pbc_proxy *x = &v->p->proxies[i];
    const struct pbc_service *s = &v->p->services[x->service];
    const bool all = x->flags & PBC_PROXY_SPLICE;
    bool leaves = all;
    for (uint32_t b = s->branches; b < s->branches + s->branch_count; b++) {
        const enum pbc_goes goes = branch_goes(&v->p->branches[b]);
        leaves |= goes == PBC_GOES_PASS;
        if (all && goes == PBC_GOES_PROGRAM)
            return fault(v, "branch %u leads to a program, but its service has `splice packets`", b);
    }
    if (all != (s->mode == PBC_MODE_PROXY_SPLICED) && !mode_is(s->mode, MODE_INLINE))
        return fault(v, "proxy %u: flags 0x%x aren't possible in mode %s", i, x->flags, mode_info[s->mode].name);
    if (leaves != !!(x->flags & PBC_PROXY_LEAVES))
        return fault(v, "proxy %u: flags 0x%x contradict each other, or don't fit the branches' destinations", i,
                     x->flags);
    const bool reads = x->cert_count || x->flags & PBC_PROXY_TLS_TO_SERVER || mode_is(s->mode, MODE_REQUESTS);
    return !(leaves && reads) || fault(v, "proxy %u reads bytes of connections that it passes on as packets", i);
}

static bool verify_proxy(const struct verifier *v, uint32_t i, uint32_t *next)
{
    const struct program *p = v->p;
    const struct pbc_proxy *x = &p->proxies[i];
    if (!verify_fields(v, FIELDS_PROXY, i)) return false;
    if (x->service >= p->services_count || p->services[x->service].proxy != i + 1)
        return fault(v, "proxy %u: service %u doesn't have this proxy", i, x->service);
    if (!verify_flags(v, i) || !verify_wire(v, i) || !verify_leaves(v, i)) return false;
    const uint32_t reads = FIRST_TLS | FIRST_HTTP | FIRST_INSTRUCTION | FIRST_SUM;
    if (x->wants & ((1u << FIRST_BYTES_SHIFT) - 1) & ~reads)
        return fault(v, "proxy %u: unknown kind of first bytes", i);
    if (x->trust_count && !mode_is(p->services[x->service].mode, MODE_REQUESTS))
        return fault(v, "proxy %u trusts fields of requests that it doesn't read", i);
    if (x->certs != *next || !inside(x->certs, x->cert_count, p->certs_count))
        return fault(v,
                     "proxy %u: its certificates don't begin where the earlier certificates end, or their number isn't "
                     "possible",
                     i);
    *next = x->certs + x->cert_count;
    return true;
}

/* Bound the ports of a service: the host's sockets listen at each address and port, but none of the inline stack do. */
static bool verify_ports(const struct verifier *v, uint32_t service)
{
    const struct pbc_service *s = &v->p->services[service];
    const bool listens = !mode_is(s->mode, MODE_INLINE_STACK);
    uint32_t ports = 0;
    for (uint32_t e = s->endpoints; e < s->endpoints + s->endpoint_count; e++) {
        const struct pbc_endpoint *at = &v->p->endpoints[e];
        if (at->proto != PBC_EP_TCP) return fault(v, "endpoint %u isn't for TCP, but belongs to a proxy", e);
        ports += listens ? 1u + at->port_hi - at->port_lo : 0;
        if (ports > PBC_PROXY_PORTS_MAX)
            return fault(v, "service %u has more than %u ports", service, PBC_PROXY_PORTS_MAX);
    }
    return true;
}

bool verify_asks_stream(const struct program *p, uint32_t cond)
{
    const struct pbc_cond *c = &p->conds[cond];
    return cond_info[c->kind].traits & COND_STREAM ||
           (c->kind == COND_BYTES && p->patterns[c->first].layer == PBC_PAYLOAD);
}

/* Running counts of conditions by kind; windows may share conditions, so each condition is checked once. */
enum { OF_STREAM, OF_PACKET, OF_INSTRUCTION, OF_TLS, OF_REQUEST, TALLIES };
struct tally {
    uint32_t of[TALLIES]; /* conditions on first bytes, packets only, instructions, TLS, requests */
};
static uint32_t between(const struct tally *before, uint32_t conds, uint32_t count, unsigned what)
{
    return before[conds + count].of[what] - before[conds].of[what];
}

/* Verify that each item that a condition asks for has a reader, else its branch would wait forever. TLS that ends
 * here needs no reader: the handshake has the items. */
static bool verify_wants(const struct verifier *v, const struct tally *before, uint32_t branch)
{
    const struct program *p = v->p;
    const struct pbc_branch *b = &p->branches[branch];
    const struct pbc_proxy *x = &p->proxies[p->services[b->service].proxy - 1];
    const bool tls = between(before, b->conds, b->cond_count, OF_TLS) && !x->cert_count,
               request = between(before, b->conds, b->cond_count, OF_REQUEST),
               instruction = between(before, b->conds, b->cond_count, OF_INSTRUCTION);
    return ((!tls || x->wants & FIRST_TLS) && (!request || x->wants & FIRST_HTTP) &&
            (!instruction || x->wants & FIRST_INSTRUCTION)) ||
           fault(v, "branch %u needs first bytes that its service doesn't read", branch);
}

/* Verify that the service reads as many bytes as its `bytes` conditions ask for. Conditions shared by many branches
 * would take time beyond the file's size, so they are bounded; the compiler shares none. */
static bool verify_bytes(const struct verifier *v, uint32_t proxy, uint64_t *budget)
{
    const struct program *p = v->p;
    const struct pbc_proxy *x = &p->proxies[proxy];
    const struct pbc_service *s = &p->services[x->service];
    uint32_t most = 0;
    for (uint32_t i = s->branches; i < s->branches + s->branch_count; i++) {
        const struct pbc_branch *b = &p->branches[i];
        if (b->cond_count > *budget) return fault(v, "branch %u: too many branches share conditions", i);
        *budget -= b->cond_count;
        for (uint32_t c = b->conds; c < b->conds + b->cond_count; c++) {
            if (p->conds[c].kind != COND_BYTES) continue;
            const struct pbc_pattern *t = &p->patterns[p->conds[c].first];
            const uint32_t end = (uint32_t)t->at + t->len;
            if (most < end) most = end;
        }
    }
    const uint32_t reads = x->wants >> FIRST_BYTES_SHIFT;
    return reads == most || fault(v, "proxy %u reads %u bytes, but its branches need %u", proxy, reads, most);
}

static bool verify_whens(const struct verifier *v, const struct tally *before)
{
    const struct program *p = v->p;
    for (uint32_t i = 0; i < p->branches_count; i++) {
        const struct pbc_branch *b = &p->branches[i];
        const bool proxy = mode_is(p->services[b->service].mode, MODE_PROXIES);
        if (between(before, b->conds, b->cond_count, proxy ? OF_PACKET : OF_STREAM))
            return fault(v, "branch %u has a condition that no %s can meet", i, proxy ? "connection" : "packet");
        if (branch_goes(b) == PBC_GOES_TARGET && !between(before, b->conds, b->cond_count, OF_INSTRUCTION))
            return fault(v, "branch %u has a target, but no `instruction` condition", i);
        if (proxy && !verify_wants(v, before, i)) return false;
    }
    for (uint32_t i = 0; i < p->rules_count; i++)
        if (between(before, p->rules[i].conds, p->rules[i].cond_count, OF_STREAM))
            return fault(v, "rule %u has a condition on first bytes, which no packet can meet", i);
    return true;
}

static bool verify_conditions(const struct verifier *v)
{
    const struct program *p = v->p;
    struct tally *before __attribute__((cleanup(free_held))) = calloc((size_t)p->conds_count + 1, sizeof *before);
    if (!before) return fault_memory(v);
    for (uint32_t i = 0; i < p->conds_count; i++) {
        const struct pbc_cond *c = &p->conds[i];
        before[i + 1] = before[i];
        before[i + 1].of[OF_STREAM] += (cond_info[c->kind].traits & COND_STREAM) != 0;
        before[i + 1].of[OF_PACKET] += !pbc_asks_stream(c) && !verify_asks_stream(p, i);
        before[i + 1].of[OF_INSTRUCTION] += c->kind == COND_INSTRUCTION;
        before[i + 1].of[OF_TLS] += c->kind == COND_SNI || c->kind == COND_ALPN;
        before[i + 1].of[OF_REQUEST] +=
            c->kind == COND_HOST || c->kind == COND_PATH || c->kind == COND_METHOD || c->kind == COND_HEADER;
    }
    uint64_t budget = 256u + 64u * (uint64_t)p->conds_count;
    if (!verify_whens(v, before)) return false;
    for (uint32_t i = 0; i < p->proxies_count; i++)
        if (!verify_bytes(v, i, &budget)) return false;
    return true;
}

static bool verify_entry(const struct verifier *v)
{
    const struct program *p = v->p;
    if (p->funcs_count == 0) return true; /* the part for code reports missing functions */
    return ((p->meta->streams == 0) == (p->proxies_count == 0) &&
            (!p->meta->streams || (p->meta->streams < p->funcs_count && p->meta->streams != p->meta->services))) ||
           fault(v, "meta: function %u for first bytes doesn't fit the program's functions and proxies",
                 p->meta->streams);
}

bool verify_proxies(const struct verifier *v)
{
    const struct program *p = v->p;
    uint32_t proxies = 0, certs = 0;
    for (uint32_t i = 0; i < p->services_count; i++) {
        const struct pbc_service *s = &p->services[i];
        if (s->proxy != (mode_is(s->mode, MODE_PROXIES) ? proxies + 1 : 0))
            return fault(v, "service %u: proxy %u doesn't fit its mode, or belongs to another service", i, s->proxy);
        proxies += s->proxy != 0;
        if (s->proxy && !verify_ports(v, i)) return false;
    }
    if (proxies != p->proxies_count) return fault(v, "no service has proxy %u", proxies);
    for (uint32_t i = 0; i < p->proxies_count; i++)
        if (!verify_proxy(v, i, &certs)) return false;
    if (certs != p->certs_count) return fault(v, "no proxy has certificate %u", certs);
    for (uint32_t i = 0; i < p->certs_count; i++) {
        if (!verify_fields(v, FIELDS_CERT, i)) return false;
        if (!p->certs[i].cert || !p->certs[i].key)
            return fault(v, "certificate %u lacks the file of its chain or key", i);
    }
    return verify_entry(v) && verify_conditions(v);
}
