/* Services, branches and pools are searched for the flow's server and addresses */
#include "runtime/record/again/bound.h"

#include <string.h>

#include "vm/forward/service.h"
#include "vm/packet/parse/header.h"

static bool is_at(const struct program *p, uint32_t server, const uint32_t addr[4])
{
    return memcmp(p->servers[server].addr, addr, sizeof p->servers[server].addr) == 0;
}

static bool rewrites(const struct pbc_service *s) { return mode_is(s->mode, MODE_REWRITES); }

bool bound_is_of(const struct program *p, const struct flow_met *m)
{
    if (m->kind != BIND_SERVICE) return m->kind <= BIND_NAT_BOTH && m->nat < program_all_nats(p);
    if (m->branch >= p->branches_count || m->server >= p->servers_count) return false;
    return !rewrites(&p->services[p->branches[m->branch].service]) || is_at(p, m->server, m->to_dst);
}

static bool translates(const struct program *p, enum bind_kind kind)
{
    for (uint32_t i = 0; i < p->nats_count; i++) {
        const uint8_t is = p->nats[i].kind;
        if (is == PBC_NAT_MAP || (is != PBC_NAT_FORWARD) == bind_changes_source((uint8_t)kind)) return true;
    }
    return false;
}

/* Return a key for a flow's first packet, with all fields that services' endpoints match. */
static struct key met_key(const struct flow_met *m)
{
    const struct track_tuple t = met_own(m);
    const bool v6 = m->own.kind & FLOW_ID_IP6;
    struct key key = {.kind = KIND_PROTO | KIND_IN | KIND_DST_SELF | (v6 ? KIND_IP6 : KIND_IP4), .proto = m->own.proto};
    switch (m->own.proto) {
    case IPPROTO_NR_TCP: key.kind |= KIND_TCP | KIND_PORTS; break;
    case IPPROTO_NR_UDP: key.kind |= KIND_UDP | KIND_PORTS; break;
    case IPPROTO_NR_SCTP: key.kind |= KIND_SCTP | KIND_PORTS; break;
    case IPPROTO_NR_ICMP: key.kind |= KIND_ICMP | KIND_ICMP_HEADER; break;
    case IPPROTO_NR_ICMP6: key.kind |= KIND_ICMP6 | KIND_ICMP_HEADER; break;
    default: break;
    }
    memcpy(key.src, t.src, sizeof key.src);
    memcpy(key.dst, t.dst, sizeof key.dst);
    key.src_port = t.src_port;
    key.dst_port = t.dst_port;
    key.icmp_type = v6 ? ICMP6_ECHO : ICMP4_ECHO; /* the only type that services take */
    return key;
}

static bool pool_has(const struct program *p, uint32_t pool, const struct flow_met *m)
{
    for (uint32_t i = 0; i < p->servers_count; i++)
        if (p->servers[i].pool == pool && is_at(p, i, m->to_dst)) return true;
    return false;
}

static bool service_has(const struct program *p, const struct pbc_service *s, const struct flow_met *m)
{
    if (!rewrites(s)) return true; /* the flow keeps its own destination address */
    for (uint32_t b = s->branches; b < s->branches + s->branch_count; b++) {
        const struct pbc_branch *branch = &p->branches[b];
        for (uint32_t i = branch->shares; i < branch->shares + branch_shares(branch); i++)
            if (pool_has(p, p->shares[i].pool, m)) return true;
    }
    return false;
}

bool bound_could_be(const struct program *p, const struct flow_met *m)
{
    const struct key key = met_key(m);
    if (m->kind != BIND_SERVICE) return translates(p, (enum bind_kind)m->kind);
    const uint32_t endpoint = service_endpoint(p, &key);
    return endpoint != PBC_NONE && service_has(p, &p->services[p->endpoints[endpoint].service], m);
}

bool bound_may_begin(const struct program *p, uint32_t branch, uint32_t server)
{
    const struct pbc_branch *b = &p->branches[branch];
    for (uint32_t i = b->shares; i < b->shares + branch_shares(b); i++)
        if (p->shares[i].pool == p->servers[server].pool) return true;
    return false;
}
