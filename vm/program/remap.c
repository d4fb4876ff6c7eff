/* From one program to the next, see remap.h. */
#include "vm/program/remap.h"

#include <stdlib.h>
#include <string.h>

#include "vm/packet/key.h"
#include "vm/program/remap_names.h"

/* What is being made. */
struct making {
    const struct program *from, *to;
    struct remap *r;
    struct program *view;
    struct program_past *past;
    struct pbc_pool *pools;
    struct pbc_server *servers;
    struct pbc_service *services;
    struct pbc_branch *branches;
    struct pbc_nat *nats;
    char *strings;
    uint64_t *until_ns;
    uint32_t *service_id, *server_id, *server_of;
    uint32_t *by_name;   /* servers of `to`, sorted */
    uint32_t *by_meter;  /* meters of `from`, sorted */
    uint32_t *past_pool; /* by pool of `from`: its number in the past; PBC_NONE */
    const uint8_t *gone;
    uint64_t now_ns;
};

static bool same_text(const struct program *a, uint32_t x, const struct program *b, uint32_t y)
{
    return strcmp(program_str(a, x), program_str(b, y)) == 0;
}

static int by_name(const void *x, const void *y, void *arg)
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

/* The server of `to` that a server of `from` goes on as; PBC_NONE. */
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

/* Flows of the one may go on as flows of the other. */
static bool same_service(const struct program *a, const struct pbc_service *s, const struct program *b,
                         const struct pbc_service *t)
{
    return s->mode == t->mode && s->gue_port == t->gue_port && s->gue_variant == t->gue_variant &&
           same_text(a, s->name, b, t->name);
}

static bool same_sets(const struct program *a, uint32_t i, const struct program *b, uint32_t k, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        const struct pbc_set *s = &a->sets[i + n], *t = &b->sets[k + n];
        if (s->count4 != t->count4 || s->count6 != t->count6) return false;
        if (memcmp(a->set4 + s->first4, b->set4 + t->first4, s->count4 * sizeof *a->set4) != 0) return false;
        if (memcmp(a->set6 + s->first6, b->set6 + t->first6, s->count6 * sizeof *a->set6) != 0) return false;
    }
    return true;
}

static bool same_iface(const struct program *a, uint32_t i, const struct program *b, uint32_t k)
{
    if (i == PBC_NONE || k == PBC_NONE) return i == k;
    return i < a->ifaces_count && k < b->ifaces_count && same_text(a, a->ifaces[i].device, b, b->ifaces[k].device);
}

static bool same_nat(const struct program *a, const struct pbc_nat *s, const struct program *b, const struct pbc_nat *t)
{
    if (s->kind != t->kind || s->family != t->family || s->proto != t->proto || s->flags != t->flags) return false;
    if (s->ip_proto != t->ip_proto || s->len != t->len || s->mss != t->mss) return false;
    if (s->port_lo != t->port_lo || s->port_hi != t->port_hi || s->target_port != t->target_port) return false;
    if (memcmp(s->to, t->to, sizeof s->to) != 0 || memcmp(s->target, t->target, sizeof s->target) != 0) return false;
    if (s->from_count != t->from_count || !same_sets(a, s->from, b, t->from, s->from_count)) return false;
    if (s->outside_count != t->outside_count || !same_sets(a, s->outside, b, t->outside, s->outside_count))
        return false;
    return same_iface(a, s->iface, b, t->iface) && same_text(a, s->name, b, t->name);
}

static int order_of(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

/* By all that makes meters one: 0 means that counts go on. One without a name is known by its place. */
static int meter_order(const struct program *a, const struct pbc_meter *s, const struct program *b,
                       const struct pbc_meter *t)
{
    const uint64_t x[] = {s->entries, s->per, s->unit, s->len4, s->len6, s->count, s->per_ns, s->burst};
    const uint64_t y[] = {t->entries, t->per, t->unit, t->len4, t->len6, t->count, t->per_ns, t->burst};
    const char *name = program_str(a, s->name);
    int order = strcmp(name, program_str(b, t->name));
    for (unsigned i = 0; i < sizeof x / sizeof *x && !order; i++) order = order_of(x[i], y[i]);
    if (*name || order) return order;
    order = order_of(s->place.line, t->place.line);
    if (!order) order = order_of(s->place.col, t->place.col);
    return order ? order : strcmp(program_str(a, s->place.file), program_str(b, t->place.file));
}

static bool same_pool(const struct program *a, const struct pbc_pool *s, const struct program *b,
                      const struct pbc_pool *t)
{
    if (s->balance != t->balance || s->server_count != t->server_count || !same_text(a, s->name, b, t->name))
        return false;
    if (a->settings_count != b->settings_count) return false;
    if (a->settings_count && memcmp(a->settings->hash_key, b->settings->hash_key, PBC_DIGEST_LEN) != 0) return false;
    if (a->settings_count && a->settings->maglev != b->settings->maglev) return false;
    for (uint32_t i = 0; i < s->server_count; i++) {
        const struct pbc_server *x = &a->servers[s->servers + i], *y = &b->servers[t->servers + i];
        if (x->weight != y->weight || (x->flags ^ y->flags) & PBC_SERVER_BACKUP || x->family != y->family) return false;
        if (memcmp(x->addr, y->addr, sizeof x->addr) != 0 || !same_text(a, x->name, b, y->name)) return false;
    }
    return true;
}

static bool same_sources(const struct program *a, const struct pbc_pool *s, const struct program *b,
                         const struct pbc_pool *t)
{
    return s->source_count == t->source_count && s->source_port_lo == t->source_port_lo &&
           s->source_port_hi == t->source_port_hi && same_sets(a, s->sources, b, t->sources, s->source_count);
}

/* What is of the past already: does anybody use it still? */
static bool service_used(const struct making *m, uint32_t i)
{
    const struct program_past *past = m->from->past;
    return !m->gone || !past || i < past->services || !m->gone[i];
}
static bool server_used(const struct making *m, uint32_t i)
{
    return !m->gone || !program_is_past(m->from, i) || !m->gone[m->from->services_count + i];
}
static bool nat_used(const struct making *m, uint32_t i)
{
    return !m->gone || i < m->from->nats_count || !m->gone[m->from->services_count + m->from->servers_count + i];
}

/* A name of `from`, in the strings of the view. */
static uint32_t keep_name(struct making *m, uint32_t name)
{
    const char *text = program_str(m->from, name);
    const uint32_t at = m->view->strings_count;
    memcpy(m->strings + at, text, strlen(text) + 1);
    m->view->strings_count += (uint32_t)strlen(text) + 1;
    return name ? at : 0;
}

static uint32_t past_pool(struct making *m, uint32_t pool)
{
    if (m->past_pool[pool] != PBC_NONE) return m->past_pool[pool];
    const uint32_t at = m->view->pools_count++;
    struct pbc_pool *p = &m->pools[at];
    *p = m->from->pools[pool];
    p->name = keep_name(m, p->name);
    p->place = (struct pbc_place){0};
    p->servers = p->server_count = p->sources = p->source_count = 0;
    p->check = PBC_NONE;
    m->r->pool_past[at] = pool;
    return m->past_pool[pool] = at;
}

static uint64_t drained_ns(const struct making *m, uint32_t server)
{
    const struct program *p = m->from;
    if (program_is_past(p, server)) return p->past->until_ns[server - p->past->servers];
    const uint64_t drain = p->pools[p->servers[server].pool].drain_ns;
    return drain > UINT64_MAX - m->now_ns ? UINT64_MAX : m->now_ns + drain;
}

static uint32_t past_server(struct making *m, uint32_t server)
{
    const uint64_t until = drained_ns(m, server);
    const uint32_t at = m->view->servers_count++;
    struct pbc_server *s = &m->servers[at];
    *s = m->from->servers[server];
    s->name = keep_name(m, s->name);
    s->pool = past_pool(m, s->pool);
    s->place = (struct pbc_place){0};
    s->check = PBC_NONE;
    s->weight = 0;
    m->until_ns[at - m->past->servers] = until;
    return at;
}

/* It sends on as it did, and takes nothing. */
static uint32_t past_service(struct making *m, uint32_t service)
{
    const struct pbc_service *was = &m->from->services[service];
    const uint32_t at = m->view->services_count++, branch = m->view->branches_count++;
    m->services[at] = (struct pbc_service){.name = keep_name(m, was->name),
                                           .branches = branch,
                                           .branch_count = 1,
                                           .mode = was->mode,
                                           .no_server = was->no_server,
                                           .gue_port = was->gue_port,
                                           .gue_variant = was->gue_variant,
                                           .mss = was->mss,
                                           .idle_ns = was->idle_ns};
    m->branches[branch] = (struct pbc_branch){.service = at};
    return at;
}

static uint32_t past_nat(struct making *m, uint32_t nat)
{
    const uint32_t at = m->to->nats_count + m->past->nats_count++;
    struct pbc_nat *n = &m->nats[at];
    *n = m->from->nats[nat];
    n->name = keep_name(m, n->name);
    n->place = (struct pbc_place){0};
    n->from = n->from_count = n->outside = n->outside_count = 0;
    if (n->iface != PBC_NONE) n->iface = m->r->iface[n->iface];
    return at;
}

static void map_ifaces(struct making *m, const uint16_t *ifaces, uint32_t count)
{
    for (uint32_t i = 0; i < m->r->ifaces; i++) {
        m->r->iface[i] = IFACE_NONE;
        for (uint32_t k = 0; i < m->from->ifaces_count && k < m->to->ifaces_count; k++)
            if (same_iface(m->from, i, m->to, k)) m->r->iface[i] = (uint16_t)k;
        if (i < count) m->r->iface[i] = ifaces[i];
    }
}

static void map_servers(struct making *m)
{
    for (uint32_t i = 0; i < m->from->servers_count; i++) {
        const uint32_t at = server_in_to(m, &m->from->servers[i]);
        m->r->server[i] = at != PBC_NONE || !server_used(m, i) ? at : past_server(m, i);
    }
}

/* A service whose flows can go on as this one's. */
static uint32_t service_in(const struct making *m, const struct pbc_service *s)
{
    for (uint32_t i = 0; i < m->view->services_count; i++)
        if (same_service(m->from, s, m->view, &m->services[i])) return i;
    return PBC_NONE;
}

/* Of their pools, by name; or the target, or none. */
static bool same_shares(const struct program *a, const struct pbc_branch *s, const struct program *b,
                        const struct pbc_branch *t)
{
    if (s->share_count != t->share_count) return false;
    for (uint32_t i = 0; i < s->share_count; i++) {
        const struct pbc_pool *in_a = &a->pools[a->shares[s->shares + i].pool],
                              *in_b = &b->pools[b->shares[t->shares + i].pool];
        if (!same_text(a, in_a->name, b, in_b->name)) return false;
    }
    return s->share_count || (s->shares == PBC_TARGET) == (t->shares == PBC_TARGET);
}

bool remap_keeps_branch(const struct remap *r, uint32_t branch)
{
    const struct program *to = r->program;
    const uint32_t at = branch < r->from->branches_count ? r->branch[branch] : PBC_NONE;
    return at != PBC_NONE && same_shares(r->from, &r->from->branches[branch], to, &to->branches[at]);
}

/* Of t, the one that sends to the same pools as the b-th of s: in its place, or else the first; where none does, what
 * stands in its place now. */
static uint32_t branch_in(const struct making *m, const struct pbc_service *s, uint32_t b, const struct pbc_service *t)
{
    const struct pbc_branch *was = &m->from->branches[s->branches + b], *all = &m->branches[t->branches];
    const uint32_t place = b < t->branch_count ? b : t->branch_count - 1;
    if (same_shares(m->from, was, m->view, &all[place])) return t->branches + place;
    for (uint32_t i = 0; i < t->branch_count; i++)
        if (same_shares(m->from, was, m->view, &all[i])) return t->branches + i;
    return t->branches + place;
}

static void map_services(struct making *m)
{
    for (uint32_t i = 0; i < m->from->services_count; i++) {
        const struct pbc_service *s = &m->from->services[i];
        uint32_t at = service_in(m, s);
        if (at == PBC_NONE && service_used(m, i)) at = past_service(m, i);
        m->r->service[i] = at;
        for (uint32_t b = 0; at != PBC_NONE && b < s->branch_count; b++)
            m->r->branch[s->branches + b] = branch_in(m, s, b, &m->services[at]);
    }
}

static void map_nats(struct making *m)
{
    m->r->nats = m->from->nats_count == m->to->nats_count;
    for (uint32_t i = 0; i < program_all_nats(m->from); i++) {
        const uint32_t there = m->to->nats_count + m->past->nats_count;
        uint32_t at = i;
        if (i >= m->from->nats_count || i >= m->to->nats_count ||
            !same_nat(m->from, &m->from->nats[i], m->view, &m->nats[i]))
            for (at = 0; at < there && !same_nat(m->from, &m->from->nats[i], m->view, &m->nats[at]); at++) {}
        if (i < m->from->nats_count) m->r->nats &= at == i;
        if (at == there) at = nat_used(m, i) ? past_nat(m, i) : PBC_NONE;
        m->r->nat[i] = at;
    }
}

static void map_pools(struct making *m)
{
    for (uint32_t i = 0; i < m->to->pools_count; i++) {
        for (uint32_t k = 0; k < m->from->pools_count; k++) {
            if (!same_pool(m->from, &m->from->pools[k], m->to, &m->to->pools[i]) || !m->to->pools[i].server_count)
                continue;
            m->r->pool[i] = k;
            if (same_sources(m->from, &m->from->pools[k], m->to, &m->to->pools[i])) m->r->pool_out[i] = k;
            break;
        }
    }
}

static int by_meter(const void *a, const void *b, void *program)
{
    const struct program *p = program;
    const uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
    const int order = meter_order(p, &p->meters[i], p, &p->meters[k]);
    return order ? order : order_of(i, k);
}

/* Each of the first of the same. */
static void map_meters(struct making *m)
{
    const struct program *f = m->from, *t = m->to;
    for (uint32_t i = 0; i < f->meters_count; i++) m->by_meter[i] = i;
    qsort_r(m->by_meter, f->meters_count, sizeof *m->by_meter, by_meter, (void *)(uintptr_t)f);
    for (uint32_t i = 0; i < t->meters_count; i++) {
        uint32_t lo = 0, hi = f->meters_count;
        while (lo < hi) {
            const uint32_t mid = lo + (hi - lo) / 2;
            if (meter_order(f, &f->meters[m->by_meter[mid]], t, &t->meters[i]) < 0)
                lo = mid + 1;
            else
                hi = mid;
        }
        if (lo < f->meters_count && !meter_order(f, &f->meters[m->by_meter[lo]], t, &t->meters[i]))
            m->r->meter[i] = m->by_meter[lo];
    }
}

static bool same_clients(const struct pbc_service *a, const struct pbc_service *b)
{
    return a->affinity_ns == b->affinity_ns && a->max_flows_per_source == b->max_flows_per_source;
}

static void number(struct making *m)
{
    const struct program_past *before = m->from->past;
    uint32_t services = before ? before->service_ids : m->from->services_count,
             servers = before ? before->server_ids : m->from->servers_count;
    for (uint32_t i = 0; i < m->from->services_count; i++) {
        const uint32_t at = m->r->service[i];
        if (at == PBC_NONE) continue;
        if (same_clients(&m->from->services[i], &m->services[at])) m->service_id[at] = program_service_id(m->from, i);
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

/* A section of `to`, with room for as much again as all of `from`. */
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

/* All that the view owns is in it or in its past, so that program_put frees it. */
static bool make_view(struct making *m, struct program *to)
{
    const struct program *f = m->from;
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
    m->view->pools = m->pools = longer(to->pools, to->pools_count, f->pools_count, sizeof *m->pools);
    m->view->servers = m->servers = longer(to->servers, to->servers_count, f->servers_count, sizeof *m->servers);
    m->view->services = m->services = longer(to->services, to->services_count, f->services_count, sizeof *m->services);
    m->view->branches = m->branches = longer(to->branches, to->branches_count, f->services_count, sizeof *m->branches);
    m->view->nats = m->nats = longer(to->nats, to->nats_count, program_all_nats(f), sizeof *m->nats);
    m->view->strings = m->strings = longer(to->strings, to->strings_count, name_bytes(f), 1);
    m->past->until_ns = m->until_ns = calloc((size_t)f->servers_count + 1, sizeof *m->until_ns);
    const size_t services = (size_t)to->services_count + f->services_count;
    const size_t servers = (size_t)to->servers_count + f->servers_count;
    m->past->service_id = m->service_id = nones(services);
    m->past->server_id = m->server_id = nones(servers);
    m->past->server_of = m->server_of = nones((f->past ? f->past->server_ids : 0) + servers);
    m->past->pools = to->pools_count;
    m->past->servers = to->servers_count;
    m->past->services = to->services_count;
    m->past->branches = to->branches_count;
    m->past->nats = to->nats_count;
    return m->pools && m->servers && m->services && m->branches && m->nats && m->strings && m->until_ns &&
           m->service_id && m->server_id && m->server_of;
}

static bool make_maps(struct making *m, uint32_t ifaces_count)
{
    const struct program *f = m->from, *t = m->to;
    struct remap *r = m->r;
    r->ifaces = f->ifaces_count > ifaces_count ? f->ifaces_count : ifaces_count;
    r->server = nones(f->servers_count);
    r->service = nones(f->services_count);
    r->branch = nones(f->branches_count);
    r->nat = nones(program_all_nats(f));
    r->rule = nones(f->rules_count);
    r->firewall = nones(f->firewalls_count);
    r->iface = calloc((size_t)r->ifaces + 1, sizeof *r->iface);
    r->pool = nones(t->pools_count);
    r->pool_out = nones(t->pools_count);
    r->pool_past = nones((size_t)t->pools_count + f->pools_count);
    r->meter = nones(t->meters_count);
    m->by_name = nones(t->servers_count);
    m->past_pool = nones(f->pools_count);
    m->by_meter = nones(f->meters_count);
    return r->server && r->service && r->branch && r->nat && r->rule && r->firewall && r->iface && r->pool &&
           r->pool_out && r->pool_past && r->meter && m->by_name && m->past_pool && m->by_meter;
}

static void fill(struct making *m, const uint16_t *ifaces, uint32_t ifaces_count)
{
    const struct pbc_settings *a = m->from->settings, *b = m->to->settings;
    for (uint32_t i = 0; i < m->to->servers_count; i++) m->by_name[i] = i;
    qsort_r(m->by_name, m->to->servers_count, sizeof *m->by_name, by_name, (void *)(uintptr_t)m->to);
    map_ifaces(m, ifaces, ifaces_count);
    map_servers(m);
    map_services(m);
    map_nats(m);
    map_pools(m);
    map_meters(m);
    number(m);
    m->r->limits =
        m->from->settings_count && m->to->settings_count &&
        (m->from->flows != m->to->flows || m->from->half_open != m->to->half_open || a->fragments != b->fragments ||
         a->first_bytes != b->first_bytes || a->proxy_sessions != b->proxy_sessions || a->macs != b->macs);
}

struct remap *remap_new(struct program *from, struct program *to, const uint16_t *ifaces, uint32_t ifaces_count,
                        const uint8_t *gone, uint64_t now_ns)
{
    struct remap *r = calloc(1, sizeof *r);
    struct making m = {.from = from, .to = to, .r = r, .gone = gone, .now_ns = now_ns};
    if (!r) return NULL;
    r->from = program_get(from);
    const bool good = make_view(&m, to) && make_maps(&m, ifaces_count) && remap_names(from, to, r->rule, r->firewall);
    r->program = m.view;
    if (good) fill(&m, ifaces, ifaces_count);
    free(m.by_name);
    free(m.past_pool);
    free(m.by_meter);
    if (good) return r;
    remap_free(r);
    return NULL;
}

void remap_free(struct remap *r)
{
    if (!r) return;
    program_put(r->program);
    program_put(r->from);
    free(r->server);
    free(r->service);
    free(r->branch);
    free(r->nat);
    free(r->rule);
    free(r->firewall);
    free(r->iface);
    free(r->pool);
    free(r->pool_out);
    free(r->pool_past);
    free(r->meter);
    free(r);
}

static void release(const void *p) { free((void *)(uintptr_t)p); }

bool program_is_plain(const struct program *p)
{
    const struct program_past *past = p->past;
    if (!past) return true;
    bool plain = p->pools_count == past->pools && p->servers_count == past->servers &&
                 p->services_count == past->services && p->branches_count == past->branches && !past->nats_count &&
                 past->service_ids == p->services_count && past->server_ids == p->servers_count;
    for (uint32_t i = 0; plain && i < p->services_count; i++) plain = past->service_id[i] == i;
    for (uint32_t i = 0; plain && i < p->servers_count; i++) plain = past->server_id[i] == i;
    return plain;
}

void program_past_free(const struct program *p)
{
    const struct program_past *past = p->past;
    release(p->pools);
    release(p->servers);
    release(p->services);
    release(p->branches);
    release(p->nats);
    release(p->strings);
    release(past->until_ns);
    release(past->service_id);
    release(past->server_id);
    release(past->server_of);
    program_put(past->under);
    release(past);
}
