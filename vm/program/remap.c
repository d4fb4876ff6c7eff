/* Making of a remap (remap.h). */
#include "vm/program/remap.h"
#include "vm/program/remap_priv.h"

#include <stdlib.h>
#include <string.h>

#include "vm/packet/key.h"

static int by_pool_and_name(const void *x, const void *y, void *arg)
{
    const struct program *p = arg;
    const struct pbc_server *a = &p->servers[*(const uint32_t *)x], *b = &p->servers[*(const uint32_t *)y];
    const int pool = strcmp(program_str(p, p->pools[a->pool].name), program_str(p, p->pools[b->pool].name));
    return pool ? pool : strcmp(program_str(p, a->name), program_str(p, b->name));
}

static int compare_server(const struct making *m, const struct pbc_server *a, const struct pbc_server *b)
{
    const int pool =
        strcmp(program_str(m->from, m->from->pools[a->pool].name), program_str(m->to, m->to->pools[b->pool].name));
    return pool ? pool : strcmp(program_str(m->from, a->name), program_str(m->to, b->name));
}

/* Return the server of `to` that continues a server of `from`, or PBC_NONE. */
static uint32_t server_in_to(const struct making *m, const struct pbc_server *s)
{
    uint32_t lo = 0, hi = m->to->servers_count;
    while (lo < hi) {
        const uint32_t mid = lo + (hi - lo) / 2, at = m->by_name[mid];
        const int order = compare_server(m, s, &m->to->servers[at]);
        if (order == 0) {
            const struct pbc_server *t = &m->to->servers[at];
            return s->family == t->family && memcmp(s->addr, t->addr, sizeof s->addr) == 0 ? at : PBC_NONE;
        }
        if (order < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return PBC_NONE;
}

static void map_ifaces(struct making *m, const uint16_t *ifaces, uint32_t count)
{
    for (uint32_t i = 0; i < m->r->ifaces; i++) {
        m->r->iface[i] = IFACE_NONE;
        for (uint32_t k = 0; i < m->from->ifaces_count && k < m->to->ifaces_count; k++)
            if (remap_same_iface(m->from, i, m->to, k)) m->r->iface[i] = (uint16_t)k;
        if (i < count) m->r->iface[i] = ifaces[i];
    }
}

static void map_servers(struct making *m)
{
    for (uint32_t i = 0; i < m->from->servers_count; i++) {
        const uint32_t at = server_in_to(m, &m->from->servers[i]);
        m->r->server[i] = at != PBC_NONE || !remap_uses_server(m, i) ? at : remap_past_server(m, i);
    }
}

/* Return the service that flows of s can continue with, or PBC_NONE. */
static uint32_t service_in(const struct making *m, const struct pbc_service *s)
{
    for (uint32_t i = 0; i < m->view->services_count; i++)
        if (remap_same(FIELDS_SERVICE, KEEPS_SERVICE, m->from, s, m->view, &m->services[i])) return i;
    return PBC_NONE;
}

/* Return the branch of t that sends to the same pools as branch b of s: the one in the same place, or else the first.
 * If none does, the one in the same place, or the last. */
static uint32_t branch_in(const struct making *m, const struct pbc_service *s, uint32_t b, const struct pbc_service *t)
{
    const struct pbc_branch *was = &m->from->branches[s->branches + b], *all = &m->branches[t->branches];
    const uint32_t place = b < t->branch_count ? b : t->branch_count - 1;
    if (remap_same_shares(m->from, was, m->view, &all[place])) return t->branches + place;
    for (uint32_t i = 0; i < t->branch_count; i++)
        if (remap_same_shares(m->from, was, m->view, &all[i])) return t->branches + i;
    return t->branches + place;
}

static void map_services(struct making *m)
{
    for (uint32_t i = 0; i < m->from->services_count; i++) {
        const struct pbc_service *s = &m->from->services[i];
        uint32_t at = service_in(m, s);
        if (at == PBC_NONE && remap_uses_service(m, i)) at = remap_past_service(m, i);
        m->r->service[i] = at;
        for (uint32_t b = 0; at != PBC_NONE && b < s->branch_count; b++)
            m->r->branch[s->branches + b] = branch_in(m, s, b, &m->services[at]);
    }
}

/* True if flows of the statement `nat` continue with statement `at` of the view. */
static bool same_nat(const struct making *m, uint32_t nat, uint32_t at)
{
    return remap_same(FIELDS_NAT, KEEPS_NAT, m->from, &m->from->nats[nat], m->view, &m->nats[at]);
}

static void map_nats(struct making *m)
{
    m->r->nats = m->from->nats_count == m->to->nats_count;
    for (uint32_t i = 0; i < program_all_nats(m->from); i++) {
        const uint32_t there = m->to->nats_count + m->past->nats_count;
        uint32_t at = i;
        if (i >= m->from->nats_count || i >= m->to->nats_count || !same_nat(m, i, i))
            for (at = 0; at < there && !same_nat(m, i, at); at++) {}
        if (i < m->from->nats_count) m->r->nats &= at == i;
        if (at == there) at = remap_uses_nat(m, i) ? remap_past_nat(m, i) : PBC_NONE;
        m->r->nat[i] = at;
    }
}

static void map_pools(struct making *m)
{
    for (uint32_t i = 0; i < m->to->pools_count; i++) {
        for (uint32_t k = 0; k < m->from->pools_count; k++) {
            if (!remap_same_pool(m->from, &m->from->pools[k], m->to, &m->to->pools[i]) || !m->to->pools[i].server_count)
                continue;
            m->r->pool[i] = k;
            if (remap_same(FIELDS_POOL, KEEPS_SOURCES, m->from, &m->from->pools[k], m->to, &m->to->pools[i]))
                m->r->pool_out[i] = k;
            break;
        }
    }
}

static int by_meter(const void *a, const void *b, void *program)
{
    const struct program *p = program;
    const uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
    const int order = remap_meter_order(p, &p->meters[i], p, &p->meters[k]);
    return order ? order : (i > k) - (i < k);
}

/* Map each meter to the first equal one. */
static void map_meters(struct making *m)
{
    const struct program *f = m->from, *t = m->to;
    for (uint32_t i = 0; i < f->meters_count; i++) m->by_meter[i] = i;
    qsort_r(m->by_meter, f->meters_count, sizeof *m->by_meter, by_meter, (void *)(uintptr_t)f);
    for (uint32_t i = 0; i < t->meters_count; i++) {
        uint32_t lo = 0, hi = f->meters_count;
        while (lo < hi) {
            const uint32_t mid = lo + (hi - lo) / 2;
            if (remap_meter_order(f, &f->meters[m->by_meter[mid]], t, &t->meters[i]) < 0)
                lo = mid + 1;
            else
                hi = mid;
        }
        if (lo < f->meters_count && !remap_meter_order(f, &f->meters[m->by_meter[lo]], t, &t->meters[i]))
            m->r->meter[i] = m->by_meter[lo];
    }
}

static void number_ids(struct making *m)
{
    const struct program_past *before = m->from->past;
    uint32_t services = before ? before->service_ids : m->from->services_count,
             servers = before ? before->server_ids : m->from->servers_count;
    for (uint32_t i = 0; i < m->from->services_count; i++) {
        const uint32_t at = m->r->service[i];
        if (at == PBC_NONE) continue;
        if (remap_same(FIELDS_SERVICE, KEEPS_CLIENTS, m->from, &m->from->services[i], m->view, &m->services[at]))
            m->service_id[at] = program_service_id(m->from, i);
    }
    for (uint32_t i = 0; i < m->from->servers_count; i++)
        if (m->r->server[i] != PBC_NONE) m->server_id[m->r->server[i]] = program_server_id(m->from, i);
    for (uint32_t i = 0; i < m->view->services_count; i++)
        if (m->service_id[i] == PBC_NONE) m->service_id[i] = services++;
    for (uint32_t i = 0; i < m->view->servers_count; i++)
        if (m->server_id[i] == PBC_NONE) m->server_id[i] = servers++;
    for (uint32_t i = 0; i < m->view->servers_count; i++) m->server_of[m->server_id[i]] = i;
    m->past->service_ids = services;
    m->past->server_ids = servers;
}

static uint32_t *nones(size_t count)
{
    uint32_t *all = malloc((count + 1) * sizeof *all);
    if (all) memset(all, 0xff, (count + 1) * sizeof *all);
    return all;
}

/* Copy a section of `to`, with room for `more` entries behind it. */
static void *longer(const void *of, size_t count, size_t more, size_t bytes)
{
    void *all = calloc(count + more + 1, bytes);
    if (all && count) memcpy(all, of, count * bytes);
    return all;
}

static size_t name_bytes(const struct program *p)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < p->servers_count; i++) bytes += strlen(program_str(p, p->servers[i].name)) + 1;
    for (uint32_t i = 0; i < p->pools_count; i++) bytes += strlen(program_str(p, p->pools[i].name)) + 1;
    for (uint32_t i = 0; i < p->services_count; i++) bytes += strlen(program_str(p, p->services[i].name)) + 1;
    for (uint32_t i = 0; i < program_all_nats(p); i++) bytes += strlen(program_str(p, p->nats[i].name)) + 1;
    return bytes;
}

struct view_room remap_room(const struct program *f)
{
    return (struct view_room){.pools = f->pools_count,
                              .servers = f->servers_count,
                              .services = f->services_count,
                              .nats = program_all_nats(f),
                              .strings = name_bytes(f),
                              .server_ids = f->past ? f->past->server_ids : 0};
}

/* The view owns all its parts, itself or in its past, so that program_put frees them. */
bool remap_view(struct making *m, struct program *to, const struct view_room *room)
{
    m->view = calloc(1, sizeof *m->view);
    m->past = calloc(1, sizeof *m->past);
    if (!m->view || !m->past) {
        free(m->view);
        free(m->past);
        m->view = NULL;
        return false;
    }
    *m->view = *to;
    m->view->refs = 1;
    m->view->serial = program_serial();
    m->view->past = m->past;
    m->past->under = program_get(to);
    m->view->pools = m->pools = longer(to->pools, to->pools_count, room->pools, sizeof *m->pools);
    m->view->servers = m->servers = longer(to->servers, to->servers_count, room->servers, sizeof *m->servers);
    m->view->services = m->services = longer(to->services, to->services_count, room->services, sizeof *m->services);
    m->view->branches = m->branches = longer(to->branches, to->branches_count, room->services, sizeof *m->branches);
    m->view->nats = m->nats = longer(to->nats, to->nats_count, room->nats, sizeof *m->nats);
    m->view->strings = m->strings = longer(to->strings, to->strings_count, room->strings, 1);
    m->past->until_ns = m->until_ns = calloc(room->servers + 1, sizeof *m->until_ns);
    const size_t services = to->services_count + room->services, servers = to->servers_count + room->servers;
    m->past->service_id = m->service_id = nones(services);
    m->past->server_id = m->server_id = nones(servers);
    m->past->server_of = m->server_of = nones(room->server_ids + servers);
    m->past->pools = to->pools_count;
    m->past->servers = to->servers_count;
    m->past->services = to->services_count;
    m->past->branches = to->branches_count;
    m->past->nats = to->nats_count;
    return m->pools && m->servers && m->services && m->branches && m->nats && m->strings && m->until_ns &&
           m->service_id && m->server_id && m->server_of;
}

/* Make all maps in one block, which the remap owns, with each entry PBC_NONE. */
static bool make_maps(struct making *m, uint32_t ifaces_count)
{
    const struct program *f = m->from, *t = m->to;
    struct remap *r = m->r;
    const struct {
        uint32_t **map;
        size_t count;
    } maps[] = {
        {&r->server, f->servers_count},
        {&r->service, f->services_count},
        {&r->branch, f->branches_count},
        {&r->nat, program_all_nats(f)},
        {&r->rule, f->rules_count},
        {&r->firewall, f->firewalls_count},
        {&r->would_rule, f->would_rules_count},
        {&r->would_firewall, f->would_firewalls_count},
        {&r->pool, t->pools_count},
        {&r->pool_out, t->pools_count},
        {&r->meter, t->meters_count},
        {&r->pool_past, (size_t)t->pools_count + f->pools_count},
        {&m->by_name, t->servers_count},
        {&m->past_pool, f->pools_count},
        {&m->by_meter, f->meters_count},
    };
    size_t words = 0;
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) words += maps[i].count;
    r->ifaces = f->ifaces_count > ifaces_count ? f->ifaces_count : ifaces_count;
    r->iface = calloc((size_t)r->ifaces + 1, sizeof *r->iface);
    uint32_t *next = r->maps = nones(words);
    for (size_t i = 0; next && i < sizeof maps / sizeof *maps; next += maps[i++].count) *maps[i].map = next;
    return r->iface && r->maps;
}

static void map_all(struct making *m, const uint16_t *ifaces, uint32_t ifaces_count)
{
    const struct pbc_settings *a = m->from->settings, *b = m->to->settings;
    for (uint32_t i = 0; i < m->to->servers_count; i++) m->by_name[i] = i;
    qsort_r(m->by_name, m->to->servers_count, sizeof *m->by_name, by_pool_and_name, (void *)(uintptr_t)m->to);
    map_ifaces(m, ifaces, ifaces_count);
    map_servers(m);
    map_services(m);
    map_nats(m);
    map_pools(m);
    map_meters(m);
    number_ids(m);
    m->r->limits =
        m->from->settings_count && m->to->settings_count &&
        (m->from->flows != m->to->flows || m->from->half_open != m->to->half_open || a->fragments != b->fragments ||
         a->first_bytes != b->first_bytes || a->proxy_sessions != b->proxy_sessions || a->observed != b->observed ||
         a->observed_bytes != b->observed_bytes || a->macs != b->macs);
}

struct remap *remap_new(struct program *from, struct program *to, const uint16_t *ifaces, uint32_t ifaces_count,
                        const uint8_t *gone, uint64_t now_ns)
{
    struct remap *r = calloc(1, sizeof *r);
    struct making m = {.from = from, .to = to, .r = r, .gone = gone, .now_ns = now_ns};
    if (!r) return NULL;
    r->from = program_get(from);
    const struct view_room room = remap_room(from);
    const bool good =
        remap_view(&m, to, &room) && make_maps(&m, ifaces_count) && remap_names(from, to, r->rule, r->firewall) &&
        (!from->would || !to->would || remap_names(from->would, to->would, r->would_rule, r->would_firewall));
    r->program = m.view;
    if (good) map_all(&m, ifaces, ifaces_count);
    if (good) return r;
    remap_free(r);
    return NULL;
}

void remap_free(struct remap *r)
{
    if (!r) return;
    program_put(r->program);
    program_put(r->from);
    free(r->maps);
    free(r->iface);
    free(r);
}
