/* The verifier's part for destinations of accepted traffic: checks, pools and servers, services with their endpoints
 * and branches. Each entry names its owner, so one pass proves that runs neither overlap nor leave an entry out. */
#include <string.h>

#include "vm/packet/key.h"
#include "vm/program/program.h"
#include "vm/program/verify/verify_priv.h"
#include "vm/tables.h"

enum { VID_MAX = 4094 };

/* True for one line "Name: value": control characters could make it several. */
static bool is_header(const uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        if ((bytes[i] < ' ' && bytes[i] != '\t') || bytes[i] == 0x7f) return false;
    const uint8_t *colon = memchr(bytes, ':', len);
    return colon && colon > bytes && colon + 1 < bytes + len && colon[1] == ' ';
}

static bool verify_steps(const struct verifier *v)
{
    const struct program *p = v->p;
    uint32_t next = 0;
    for (uint32_t i = 0; i < p->steps_count; i++) {
        const struct pbc_step *s = &p->steps[i];
        if (s->kind >= PBC_STEP_KINDS) return fault(v, "step %u: unknown kind %u", i, s->kind);
        if (s->bytes != next || s->len == 0 || s->len > PBC_STEP_BYTES_MAX)
            return fault(
                v, "step %u: its bytes don't begin where the earlier bytes end, or their number isn't possible", i);
        if (!inside(s->bytes, s->len, p->said_count))
            return fault(v, "step %u: its bytes go past the end of `said`", i);
        if (s->reserved) return fault(v, "step %u: reserved bytes aren't zero", i);
        if (s->kind == PBC_STEP_HEADER && !is_header(p->said + s->bytes, s->len))
            return fault(v, "step %u isn't one header line of a request", i);
        next = s->bytes + s->len;
    }
    return next == p->said_count || fault(v, "byte %u of `said` belongs to no step", next);
}

/* True if the check's steps are those that its kind may have (enum pbc_step_kind). */
static bool steps_in_order(const struct program *p, const struct pbc_check *c)
{
    const bool http = c->kind == PBC_CHECK_HTTP || c->kind == PBC_CHECK_HTTPS;
    if (c->kind == PBC_CHECK_ICMP) return c->step_count == 0;
    if (c->kind == PBC_CHECK_UDP && c->step_count != 2) return false;
    for (uint32_t i = 0; i < c->step_count; i++) {
        const uint8_t kind = p->steps[c->steps + i].kind;
        const bool last = i + 1 == c->step_count;
        if (c->kind == PBC_CHECK_UDP && (kind == PBC_STEP_SEND) == last) return false;
        if (http ? kind != PBC_STEP_HEADER && !(kind == PBC_STEP_HAS && last) : kind == PBC_STEP_HEADER) return false;
    }
    return true;
}

/* Verify a check. *next: first step that no earlier check has. */
static bool verify_check(const struct verifier *v, uint32_t i, uint32_t *next)
{
    const struct program *p = v->p;
    const struct pbc_check *c = &p->checks[i];
    if (!verify_fields(v, FIELDS_CHECK, i)) return false;
    if (c->steps != *next || c->step_count > PBC_CHECK_STEPS_MAX)
        return fault(v, "check %u: its steps don't begin where the earlier steps end, or are too many", i);
    if (!inside(c->steps, c->step_count, p->steps_count))
        return fault(v, "check %u: its steps go past the end of `steps`", i);
    *next = c->steps + c->step_count;
    return steps_in_order(p, c) || fault(v, "check %u: its steps aren't possible for its kind", i);
}

static bool verify_pool(const struct verifier *v, uint32_t i, uint32_t *next)
{
    const struct program *p = v->p;
    const struct pbc_pool *pool = &p->pools[i];
    if (!verify_fields(v, FIELDS_POOL, i)) return false;
    if (pool->servers != *next || pool->server_count == 0)
        return fault(v, "pool %u: its servers are missing, or don't begin where the earlier servers end", i);
    if (!inside(pool->servers, pool->server_count, p->servers_count))
        return fault(v, "pool %u: its servers go past the end of `servers`", i);
    *next = pool->servers + pool->server_count;
    for (uint32_t s = pool->servers; s < *next; s++)
        if (p->servers[s].pool != i) return fault(v, "pool %u: server %u belongs to another pool", i, s);
    const bool has = pool->source_count;
    return (pool->source_port_lo <= pool->source_port_hi && has == (pool->source_port_lo != 0) &&
            (has || !pool->source_port_hi)) ||
           fault(v, "pool %u: source ports %u-%u aren't a range, or don't fit its sources", i, pool->source_port_lo,
                 pool->source_port_hi);
}

bool verify_server(const struct verifier *v, uint32_t i)
{
    const struct pbc_server *s = &v->p->servers[i];
    if (!verify_fields(v, FIELDS_SERVER, i)) return false;
    const bool vlan = s->flags & PBC_SERVER_HAS_VLAN, inner = s->flags & PBC_SERVER_HAS_INNER;
    return (s->vlan <= VID_MAX && s->inner <= VID_MAX && (!s->vlan || vlan) && (!s->inner || inner) &&
            (!inner || vlan)) ||
           fault(v, "server %u: VLANs %u and %u aren't possible with flags 0x%x", i, s->vlan, s->inner, s->flags);
}

static bool is_host_or_service(const char *text)
{
    char normal[HOST_MAX + 1];
    if (*text == '_') return program_is_service(text, strnlen(text, HOST_MAX + 1));
    return *text != '*' && host_normal(text, strnlen(text, HOST_MAX + 1), normal) == HOST_GOOD && !strcmp(text, normal);
}

/* Verify the rows of servers by name. Lists of names have been verified before. */
static bool verify_named(const struct verifier *v)
{
    const struct program *p = v->p;
    uint32_t flagged = 0;
    for (uint32_t i = 0; i < p->named_count; i++) {
        const struct pbc_named *n = &p->named[i];
        if (n->server >= p->servers_count || (i && n->server <= p->named[i - 1].server))
            return fault(v, "named %u: server doesn't exist, or isn't after the previous server", i);
        if (!verify_string(v, n->host, "named", i)) return false;
        if (!is_host_or_service(program_str(p, n->host)))
            return fault(v, "named %u: its name isn't a host or service in normal form", i);
        if (n->flags % PBC_NAMED_PROBES & ~(uint32_t)PBC_NAMED_FLAGS)
            return fault(v, "named %u: unknown flags 0x%x", i, n->flags);
        if (n->nth && !(n->flags & PBC_NAMED_ONE_OF))
            return fault(v, "named %u has number %u, but isn't one of several servers", i, n->nth);
        const struct pbc_server *s = &p->servers[n->server];
        uint32_t place[4];
        program_named_place(program_str(p, n->host), n, s->family, place);
        if (!(s->flags & PBC_SERVER_NAMED))
            return fault(v, "named %u: server %u doesn't have flag NAMED", i, n->server);
        if (s->flags & PBC_SERVER_UNKNOWN && memcmp(place, s->addr, sizeof place) != 0)
            return fault(v, "named %u: the address isn't the place of its name", i);
    }
    for (uint32_t i = 0; i < p->servers_count; i++) {
        const uint8_t flags = p->servers[i].flags;
        flagged += (flags & PBC_SERVER_NAMED) != 0;
        if (flags & PBC_SERVER_UNKNOWN && !(flags & PBC_SERVER_NAMED))
            return fault(v, "server %u: flag UNKNOWN is set without flag NAMED", i);
    }
    if (flagged != p->named_count)
        return fault(v, "section `named` has %u rows for %u servers", p->named_count, flagged);
    return p->origin_count == 0 || (p->origin_count == PBC_DIGEST_LEN && p->named_count) ||
           fault(v, "section `origin` has %u bytes, or no server has a name to look up", p->origin_count);
}

/* Bound the tables that a worker makes for pools: a small file must not ask for much memory. */
static bool verify_slots(const struct verifier *v)
{
    const struct program *p = v->p;
    const uint64_t slots = p->settings_count ? p->settings->maglev : LB_SLOTS_DEFAULT;
    if (p->pools_count == 0) return true;
    if (slots < 2 || slots > LB_SLOTS_MAX)
        return fault(v, "settings: Maglev tables can't have %llu slots", (unsigned long long)slots);
    return pbc_pool_slots(p->pools, p->pools_count, p->servers, slots) <= PBC_SLOTS_MAX ||
           fault(v, "the tables of all pools together have more than %u slots", (unsigned)PBC_SLOTS_MAX);
}

/* Bound the servers' names: a worker holds each in full, while in the file many may share one text. */
static bool verify_server_names(const struct verifier *v)
{
    const struct program *p = v->p;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < p->servers_count; i++) {
        bytes +=
            strlen(program_str(p, p->pools[p->servers[i].pool].name)) + strlen(program_str(p, p->servers[i].name)) + 2;
        if (bytes > PBC_SERVER_NAMES_MAX)
            return fault(v, "servers up to %u have more than %u bytes of names together", i,
                         (unsigned)PBC_SERVER_NAMES_MAX);
    }
    return true;
}

/* Bound the pairs of source address and server, each with port counts: a small file must not ask for much memory. */
static bool verify_sources(const struct verifier *v)
{
    const struct program *p = v->p;
    uint64_t spaces = 0;
    for (uint32_t i = 0; i < p->pools_count; i++) {
        const struct pbc_pool *pool = &p->pools[i];
        if (!pool->source_count) continue;
        if (pool->source_count > PBC_SOURCES_MAX)
            return fault(v, "pool %u has more than %u sets of source addresses", i, PBC_SOURCES_MAX);
        const uint64_t all = address_count(p, pool->sources, pool->source_count, 0, PBC_SOURCES_MAX);
        if (all > PBC_SOURCES_MAX) return fault(v, "pool %u has more than %u source addresses", i, PBC_SOURCES_MAX);
        spaces += all * pool->server_count;
        if (spaces > PBC_PORT_SPACES_MAX)
            return fault(v, "pools up to %u have more than %u pairs of a source address and a server together", i,
                         PBC_PORT_SPACES_MAX);
    }
    return true;
}

static bool verify_pools(const struct verifier *v)
{
    const struct program *p = v->p;
    uint32_t next = 0, next_step = 0;
    if (!verify_steps(v)) return false;
    for (uint32_t i = 0; i < p->checks_count; i++)
        if (!verify_check(v, i, &next_step)) return false;
    if (next_step != p->steps_count) return fault(v, "step %u belongs to no check", next_step);
    for (uint32_t i = 0; i < p->pools_count; i++)
        if (!verify_pool(v, i, &next)) return false;
    if (next != p->servers_count) return fault(v, "server %u belongs to no pool", next);
    for (uint32_t i = 0; i < p->servers_count; i++)
        if (!verify_server(v, i)) return false;
    return verify_named(v) && verify_slots(v) && verify_server_names(v) && verify_sources(v);
}

bool verify_endpoint(const struct verifier *v, const struct pbc_endpoint *e, const char *what, uint32_t i)
{
    if (!verify_string(v, e->place.file, what, i)) return false;
    if (e->to > PBC_TO_ANY) return fault(v, "%s %u: unknown destination %u", what, i, e->to);
    if (e->to == PBC_TO_ADDRESS ? e->family != 4 && e->family != 6 : e->family != 0)
        return fault(v, "%s %u: unknown family %u", what, i, e->family);
    if (e->proto >= PBC_EP_IP) return fault(v, "%s %u: unknown protocol %u", what, i, e->proto);
    if (e->port_lo > e->port_hi) return fault(v, "%s %u: ports run backwards", what, i);
    if (e->wire >= PBC_WIRES) return fault(v, "%s %u: unknown tags %u", what, i, e->wire);
    if (e->vlan_lo > e->vlan_hi || e->vlan_hi > VID_MAX || (e->vlan_hi && e->wire != PBC_WIRE_VLAN))
        return fault(v, "%s %u: VLANs %u-%u run backwards or past %u, or its kind of tags takes none", what, i,
                     e->vlan_lo, e->vlan_hi, (unsigned)VID_MAX);
    return e->iface <= v->p->ifaces_count || fault(v, "%s %u: interface %u doesn't exist", what, i, e->iface - 1);
}

/* Verify an endpoint of a service. Interfaces and tags belong to services in the wire, which have nothing to do with
 * this host's own addresses. */
static bool verify_endpoint_of(const struct verifier *v, uint32_t i, uint32_t service)
{
    const struct pbc_endpoint *e = &v->p->endpoints[i];
    const bool wire = mode_is(v->p->services[service].mode, MODE_INLINE);
    if (e->service != service) return fault(v, "service %u: endpoint %u belongs to another service", service, i);
    if (wire != (e->wire != PBC_WIRE_NOT) || (!wire && e->iface))
        return fault(v, "endpoint %u: its interface or tags don't fit the mode of its service", i);
    return !wire || e->to != PBC_TO_SELF || fault(v, "endpoint %u is `self`, but its service is in the wire", i);
}

/* work[i]: work of the conditions before i, with METER added for each that asks a meter. Branches may share conditions,
 * so they are not walked branch by branch. */
#define METER (1ull << 39) /* above all allowed work, and 2^24 of them fit */

static bool verify_socket(const struct verifier *v, uint32_t path, uint32_t branch)
{
    if (!verify_string(v, path, "branch", branch)) return false;
    const size_t len = strlen(program_str(v->p, path));
    return (len > 0 && len <= PBC_SOCKET_MAX) ||
           fault(v, "branch %u: the path of a socket can't have %zu bytes", branch, len);
}

/* Verify a branch. Conditions of a `when` look at the packet only: a meter is for rules. */
static bool verify_branch(const struct verifier *v, uint32_t i, const uint64_t *work, uint32_t *next)
{
    const struct program *p = v->p;
    const struct pbc_branch *b = &p->branches[i];
    uint32_t percent = 0;
    if (!verify_string(v, b->place.file, "branch", i)) return false;
    if (!inside(b->conds, b->cond_count, p->conds_count))
        return fault(v, "branch %u: its conditions go past the end of `conds`", i);
    if (work[b->conds + b->cond_count] - work[b->conds] >= METER)
        return fault(v, "branch %u has a meter as condition", i);
    const enum pbc_goes goes = branch_goes(b);
    if (goes == PBC_GOES_PROGRAM)
        return b->share_count ? verify_socket(v, b->share_count, i) : fault(v, "branch %u names no socket", i);
    if (goes != PBC_GOES_POOLS && goes != PBC_GOES_NOWHERE)
        return b->share_count == 0 || fault(v, "branch %u has shares and another destination", i);
    if (b->shares != *next) return fault(v, "branch %u: its shares don't begin where the earlier shares end", i);
    if (!inside(b->shares, b->share_count, p->shares_count))
        return fault(v, "branch %u: its shares go past the end of `shares`", i);
    *next = b->shares + b->share_count;
    for (uint32_t s = b->shares; s < *next; s++) {
        if (p->shares[s].pool >= p->pools_count) return fault(v, "branch %u: pool doesn't exist", i);
        if (p->shares[s].percent > 100) return fault(v, "branch %u: a share can't be %u %%", i, p->shares[s].percent);
        percent += p->shares[s].percent;
    }
    return percent == (b->share_count ? 100 : 0) ||
           fault(v, "branch %u: its shares are %u %% together, but must be 100 %%", i, percent);
}

struct taken {
    uint32_t endpoints, branches;
};

/* Verify that only the last branch is without conditions, and bound the conditions that one packet may try. */
static bool verify_service_branches(const struct verifier *v, uint32_t i, const uint64_t *work)
{
    const struct program *p = v->p;
    const struct pbc_service *s = &p->services[i];
    uint64_t sum = 0;
    for (uint32_t b = s->branches; b < s->branches + s->branch_count; b++) {
        const struct pbc_branch *branch = &p->branches[b];
        bool last = b + 1 == s->branches + s->branch_count;
        if (branch->service != i) return fault(v, "service %u: branch %u belongs to another service", i, b);
        if (branch_goes(branch) >= PBC_GOES_ORIGINAL && !mode_is(s->mode, MODE_INLINE))
            return fault(v, "branch %u: its destination isn't possible in mode %s", b, mode_info[s->mode].name);
        if (last != (branch->cond_count == 0))
            return fault(v, "service %u: branch %u: the last branch must be the `else`, and no other branch can be", i,
                         b);
        sum += work[branch->conds + branch->cond_count] - work[branch->conds];
    }
    return sum <= PBC_WALK_MAX ||
           fault(v, "service %u has more than %u conditions and operands to try", i, PBC_WALK_MAX);
}

static bool verify_options(const struct verifier *v, uint32_t i)
{
    const struct program *p = v->p;
    const struct pbc_service *s = &p->services[i];
    if (mode_is(s->mode, MODE_TAKES_PORT) != (s->gue_port != 0))
        return fault(v, "service %u: GUE port %u doesn't fit its mode", i, s->gue_port);
    if (s->gue_variant > mode_is(s->mode, MODE_TAKES_PORT))
        return fault(v, "service %u: GUE variant %u doesn't fit its mode", i, s->gue_variant);
    if (s->rate && p->meters[s->rate - 1].unit != PBC_METER_PACKETS)
        return fault(v, "service %u: its meter %u doesn't count packets", i, s->rate - 1);
    if (s->flags & PBC_SERVICE_CUT && !mode_is(s->mode, MODE_INLINE))
        return fault(v, "service %u takes over observed connections, which isn't possible in mode %s", i,
                     mode_info[s->mode].name);
    if (s->flags & PBC_SERVICE_COOKIES && mode_is(s->mode, MODE_ONE_SIDED | MODE_PROXIES))
        return fault(v, "service %u: `syn cookies` isn't possible in mode %s", i, mode_info[s->mode].name);
    for (uint32_t e = s->endpoints;
         s->flags & PBC_SERVICE_ANNOUNCE && inside(e, 1, p->endpoints_count) && e - s->endpoints < s->endpoint_count;
         e++)
        if (p->endpoints[e].to != PBC_TO_ADDRESS)
            return fault(v, "service %u announces an endpoint without an address", i);
    return true;
}

static bool verify_service(const struct verifier *v, uint32_t i, const uint64_t *work, struct taken *t)
{
    const struct program *p = v->p;
    const struct pbc_service *s = &p->services[i];
    if (!verify_fields(v, FIELDS_SERVICE, i) || !verify_options(v, i)) return false;
    if (s->endpoints != t->endpoints || (s->endpoint_count == 0) != (s->flags & PBC_SERVICE_CUT ? 1 : 0) ||
        !inside(s->endpoints, s->endpoint_count, p->endpoints_count))
        return fault(
            v, "service %u: its endpoints don't begin where the earlier endpoints end, or their number isn't possible",
            i);
    if (s->branches != t->branches || s->branch_count == 0 || !inside(s->branches, s->branch_count, p->branches_count))
        return fault(
            v, "service %u: its branches don't begin where the earlier branches end, or their number isn't possible",
            i);
    t->endpoints += s->endpoint_count;
    t->branches += s->branch_count;
    for (uint32_t e = s->endpoints; e < t->endpoints; e++)
        if (!verify_endpoint_of(v, e, i)) return false;
    return verify_service_branches(v, i, work);
}

static bool verify_services_entry(const struct verifier *v)
{
    const struct program *p = v->p;
    if (p->funcs_count == 0) return true; /* the part for code reports missing functions */
    if ((p->meta->services == 0) != (p->services_count == 0) ||
        (p->meta->services && p->meta->services >= p->funcs_count))
        return fault(v, "meta: function %u for services doesn't fit the program's functions and services",
                     p->meta->services);
    return true;
}

static bool verify_all(const struct verifier *v, const uint64_t *work)
{
    const struct program *p = v->p;
    struct taken t = {0};
    uint32_t next = 0;
    for (uint32_t i = 0; i < p->endpoints_count; i++)
        if (!verify_endpoint(v, &p->endpoints[i], "endpoint", i)) return false;
    for (uint32_t i = 0; i < p->branches_count; i++)
        if (!verify_branch(v, i, work, &next)) return false;
    if (next != p->shares_count) return fault(v, "share %u belongs to no branch", next);
    for (uint32_t i = 0; i < p->services_count; i++)
        if (!verify_service(v, i, work, &t)) return false;
    if (t.endpoints != p->endpoints_count) return fault(v, "endpoint %u belongs to no service", t.endpoints);
    if (t.branches != p->branches_count) return fault(v, "branch %u belongs to no service", t.branches);
    return true;
}

bool verify_services(const struct verifier *v)
{
    const struct program *p = v->p;
    if (!verify_pools(v) || !verify_services_entry(v)) return false;
    if (!p->services_count && !p->branches_count && !p->endpoints_count) return verify_all(v, NULL);
    uint64_t *work __attribute__((cleanup(free_held))) = malloc(((size_t)p->conds_count + 1) * sizeof *work);
    if (!work) return fault_memory(v);
    work[0] = 0;
    for (uint32_t i = 0; i < p->conds_count; i++) {
        bool metered = p->conds[i].kind == COND_OVER || p->conds[i].kind == COND_WITHIN;
        work[i + 1] = work[i] + 1 + p->conds[i].count + (metered ? METER : 0);
    }
    return verify_all(v, work);
}
