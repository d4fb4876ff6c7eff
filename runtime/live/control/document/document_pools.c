/* The document's services, pools and servers: the report's numbers and their state. */
#include <stdlib.h>
#include <string.h>

#include "runtime/host/host.h"
#include "runtime/live/control/document/document_priv.h"
#include "runtime/live/rules/byhand.h"
#include "runtime/live/world/here.h"
#include "vm/forward/service.h"
#include "vm/words/words.h"

static void pool_name(const struct moment *m, cJSON *to, const char *key, uint32_t pool)
{
    const struct program *p = m->t->program;
    json_text(to, key, program_str(p, p->pools[pool].name));
}

static void name_add(cJSON *names, const char *name) { cJSON_AddItemToArray(names, cJSON_CreateString(name)); }

static void endpoint_add(const struct program *p, const struct pbc_endpoint *e, cJSON *to)
{
    char text[HOST_ADDR_TEXT + 40 + WIRE_TEXT], addr[HOST_ADDR_TEXT], wire[WIRE_TEXT];
    const struct host_addr a = host_addr_of(e->addr, e->family);
    const char *where = e->to == PBC_TO_ADDRESS ? host_addr_text(&a, addr) : e->to == PBC_TO_SELF ? "self" : "any";
    int used = snprintf(text, sizeof text, "%s %s", where, endpoint_info[e->proto].name);
    if (e->proto < PBC_EP_ECHO4)
        used += snprintf(text + used, sizeof text - (size_t)used, e->port_lo == e->port_hi ? "/%u" : "/%u-%u",
                         e->port_lo, e->port_hi);
    snprintf(text + used, sizeof text - (size_t)used, "%s", endpoint_wire_text(p, e, wire));
    name_add(to, text);
}

static void name_add_once(cJSON *names, const char *text)
{
    char name[PBC_NAME_MAX + 1];
    const cJSON *one;
    snprintf(name, sizeof name, "%s", text);
    text_clean(name);
    cJSON_ArrayForEach(one, names) if (!strcmp(one->valuestring, name)) return;
    name_add(names, name);
}

/* Add each pool that the service's branches name, once, and the branches' other targets. */
static void service_goes(const struct moment *m, const struct pbc_service *s, cJSON *pools, cJSON *others)
{
    const struct program *p = m->t->program;
    char text[DESTINATION_TEXT];
    for (const struct pbc_branch *b = p->branches + s->branches; b < p->branches + s->branches + s->branch_count; b++) {
        const char *other = destination_text(p, b, text);
        if (other) name_add_once(others, other);
        for (uint32_t i = b->shares; i < b->shares + branch_shares(b); i++)
            name_add_once(pools, program_str(p, p->pools[p->shares[i].pool].name));
    }
}

static bool is_past(uint32_t at, const struct program *p, uint32_t from) { return p->past && at >= from; }

/* Add the rates of proxy counters, for one service or all. */
static void proxy_rates(const struct moment *m, cJSON *proxy, const struct proxy_counters *now,
                        const struct proxy_counters *before)
{
    static const struct proxy_counters none;
    if (!cJSON_IsObject(proxy)) return;
    if (!now) now = &none;
    if (!before) before = &none;
    document_rate(m, proxy, "sessions_per_s", m->before, now->sessions, before->sessions);
    document_rate(m, proxy, "requests_per_s", m->before, now->http[HTTP_COUNT_REQUESTS],
                  before->http[HTTP_COUNT_REQUESTS]);
    document_rate(m, proxy, "up_bytes_per_s", m->before, now->up_bytes, before->up_bytes);
    document_rate(m, proxy, "down_bytes_per_s", m->before, now->down_bytes, before->down_bytes);
}

/* Add whether the service drains, and the origin of that setting. */
static void drain_add(const struct moment *m, uint32_t i, cJSON *one)
{
    const struct drained *d = drained_find(m->control->rules, label_service(&m->control->carry->now.labels, i));
    cJSON_AddBoolToObject(one, "drains", m->control->carry->now.drains[i]);
    if (!m->control->carry->now.drains[i] || !d) {
        cJSON_AddNullToObject(one, "by_hand");
        return;
    }
    cJSON *set = cJSON_AddObjectToObject(one, "by_hand");
    cJSON_AddStringToObject(set, "state", "drain");
    json_time(set, "time", d->at_ns);
    json_number(set, "uid", d->by);
}

static void service_add(const struct moment *m, uint32_t i, cJSON *one)
{
    const struct program *p = m->t->program;
    const struct pbc_service *s = &p->services[i];
    cJSON_AddStringToObject(one, "mode", mode_info[s->mode].name);
    cJSON_AddBoolToObject(one, "past", is_past(i, p, p->past ? p->past->services : 0));
    cJSON *endpoints = cJSON_AddArrayToObject(one, "endpoints");
    for (uint32_t e = s->endpoints; e < s->endpoints + s->endpoint_count; e++)
        endpoint_add(p, &p->endpoints[e], endpoints);
    cJSON *pools = cJSON_AddArrayToObject(one, "pools");
    service_goes(m, s, pools, cJSON_AddArrayToObject(one, "others"));
    json_number(one, "flows", m->c->service_flows[i]);
    document_rates(m, one, &m->c->services[i], m->before ? &m->before->services[i] : NULL);
    drain_add(m, i, one);
    proxy_rates(m, cJSON_GetObjectItem(one, "proxy"), m->t->proxy_of[i], m->before ? m->earlier->proxy_of[i] : NULL);
}

static const char *why_unknown(const struct pbc_named *n)
{
    return n && n->flags & PBC_NAMED_ONE_OF ? "its name has no address for this server" : "its address isn't known yet";
}

/* Add a server's health and its reason. */
static void health_add(const struct moment *m, uint32_t i, cJSON *one)
{
    const struct ruling *now = &m->control->carry->now;
    const struct check_state *s = now->checks ? checks_of(now->checks, i) : NULL;
    const bool past = program_is_past(now->program, i), checked = !past && s && s->checked;
    const char *health = past ? "past" : now->down[i] ? "down" : !checked ? "unchecked" : s->known ? "up" : "unknown";
    cJSON_AddStringToObject(one, "health", health);
    const bool here = !past && now->down[i] & FACTS_HERE_ANY;
    const bool unknown = !past && now->down[i] & FACTS_UNKNOWN;
    json_text(one, "why",
              here      ? HERE_WHY
              : unknown ? why_unknown(program_named(now->program, i))
              : checked ? s->why
                        : "");
    document_since(m, one, "since", checked ? s->since_ns : 0);
    json_number(one, "changes", checked ? s->changes : 0);
    if (checked && s->latency_us)
        json_number(one, "latency_us", s->latency_us);
    else
        cJSON_AddNullToObject(one, "latency_us");
    json_number(one, "probes_good", checked ? s->good : 0);
    json_number(one, "probes_bad", checked ? s->bad : 0);
}

/* Add the weight in force, the file's weight, and the setting by hand with its time. */
static void by_hand_add(const struct moment *m, uint32_t i, cJSON *one)
{
    const struct ruling *now = &m->control->carry->now;
    const struct by_hand *h = now->by_hand[i];
    json_number(one, "weight", by_hand_weight(now, i));
    json_number(one, "weight_of_file", now->program->servers[i].weight);
    if (!h) {
        cJSON_AddNullToObject(one, "by_hand");
        return;
    }
    cJSON *set = cJSON_AddObjectToObject(one, "by_hand");
    cJSON_AddStringToObject(set, "state", by_hand_word(h));
    json_time(set, "time", h->at_ns);
    json_number(set, "uid", h->by);
    if (h->state == BY_HAND_DRAIN && h->bound_ns)
        json_number(set, "left_s", h->until_ns > m->t->mono_ns ? (h->until_ns - m->t->mono_ns) / 1000000000 : 0);
}

static void server_add(const struct moment *m, uint32_t i, cJSON *one)
{
    const struct program *p = m->t->program;
    const struct pbc_server *s = &p->servers[i];
    const struct pbc_named *named = program_named(p, i);
    char text[HOST_ADDR_TEXT];
    const struct host_addr a = host_addr_of(s->addr, s->family);
    pool_name(m, one, "pool", s->pool);
    json_text(one, "name", program_str(p, s->name));
    cJSON_AddStringToObject(one, "address", s->flags & PBC_SERVER_UNKNOWN ? "" : host_addr_text(&a, text));
    json_text(one, "host", named ? program_str(p, named->host) : "");
    json_number(one, "port", s->port);
    by_hand_add(m, i, one);
    cJSON_AddBoolToObject(one, "backup", s->flags & PBC_SERVER_BACKUP);
    health_add(m, i, one);
    json_number(one, "flows", m->c->server_flows[i]);
    json_number(one, "flows_total", m->c->server_begun[i]);
    document_rates(m, one, &m->c->servers[i], m->before ? &m->before->servers[i] : NULL);
}

/* Sums of a pool, made while servers are added, because past pools have lost the range of their servers. */
struct pool_of {
    cJSON *one, *servers;
    uint64_t flows;
    uint32_t up, draining, count; /* draining: up, with a weight of 0, so that no new connection goes there */
};

static void pool_begin(const struct moment *m, uint32_t i, cJSON *pools, struct pool_of *to)
{
    const struct program *p = m->t->program;
    to->one = json_object(pools);
    pool_name(m, to->one, "pool", i);
    cJSON_AddStringToObject(to->one, "balance", lb_name((enum lb_kind)p->pools[i].balance));
    cJSON_AddBoolToObject(to->one, "past", is_past(i, p, p->past ? p->past->pools : 0));
    to->servers = cJSON_CreateArray();
}

static void pool_end(struct pool_of *of)
{
    json_number(of->one, "servers_up", of->up);
    json_number(of->one, "servers_draining", of->draining);
    json_number(of->one, "servers_count", of->count);
    json_number(of->one, "flows", of->flows);
    cJSON_AddItemToObject(of->one, "servers", of->servers);
}

/* True for a past server by name that never had an address: no connection went there. */
static bool is_past_unknown(const struct program *p, uint32_t i)
{
    return program_is_past(p, i) && p->servers[i].flags & PBC_SERVER_UNKNOWN;
}

/* Move each server of the report's flat list into its pool. */
static void servers_deal(const struct moment *m, cJSON *servers, struct pool_of *of)
{
    const struct program *p = m->t->program;
    for (uint32_t i = 0; i < p->servers_count && servers && servers->child; i++) {
        cJSON *one = cJSON_DetachItemViaPointer(servers, servers->child);
        if (is_past_unknown(p, i)) {
            cJSON_Delete(one);
            continue;
        }
        struct pool_of *to = &of[p->servers[i].pool];
        server_add(m, i, one);
        cJSON_AddItemToArray(to->servers, one);
        to->flows += m->c->server_flows[i];
        const bool up = !m->control->carry->now.down[i] && !program_is_past(p, i);
        to->up += up;
        to->draining += up && !by_hand_weight(&m->control->carry->now, i);
        to->count++;
    }
}

void document_services(const struct moment *m, cJSON *root)
{
    const struct program *p = m->t->program;
    uint32_t i = 0;
    cJSON *one, *flat = cJSON_DetachItemFromObject(root, "servers");
    cJSON_ArrayForEach(one, cJSON_GetObjectItem(root, "services")) service_add(m, i++, one);
    proxy_rates(m, cJSON_GetObjectItem(root, "proxy"), &m->t->proxy, m->before ? &m->earlier->proxy : NULL);
    struct pool_of *of = calloc(p->pools_count + 1u, sizeof *of);
    cJSON *pools = cJSON_AddArrayToObject(root, "pools");
    for (i = 0; of && i < p->pools_count; i++) pool_begin(m, i, pools, &of[i]);
    if (of) servers_deal(m, flat, of);
    for (i = 0; of && i < p->pools_count; i++) pool_end(&of[i]);
    cJSON_Delete(flat);
    free(of);
}
