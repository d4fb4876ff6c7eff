/* A device that rules do not name may be above one that is served, like a bond, so its packets are not reported as
 * lost. */
#include "compiler/traffic/unserved.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/device.h"
#include "vm/judge/routes.h"
#include "vm/words/words.h"

/* Return the device of a name in the rules, or the name. */
static const char *device_found(const struct program *p, const char *name)
{
    for (uint32_t i = 0; i < p->ifaces_count; i++)
        if (p->ifaces[i].name && !strcmp(program_str(p, p->ifaces[i].name), name))
            return program_str(p, p->ifaces[i].device);
    return name;
}

static bool serves_device(const struct unserved *u, const char *device)
{
    return !*device || !u->asked->serves || served_listed(u->asked->serves, device);
}

static bool is_allowed(const struct unserved *u, const char *device)
{
    bool is = false;
    for (unsigned i = 0; i < u->asked->allow_count; i++) is |= served_listed(u->asked->allows[i], device);
    return is;
}

/* True if the rules name the device, by itself or by a pattern. */
static bool names_device(const struct program *p, const char *device)
{
    bool *named = calloc(p->ifaces_count + 1, sizeof *named), is = !named; /* without memory: taken to be shut */
    if (named) served_named(p, named);
    for (uint32_t i = 0; i < p->ifaces_count && named; i++) {
        const char *one = program_str(p, p->ifaces[i].device);
        is |= named[i] && (!strcmp(one, device) || iface_holds(one, device));
    }
    free(named);
    return is;
}

static uint16_t known_as(const struct unserved *u, const char *device)
{
    const struct iface_table t = program_ifaces(u->program);
    const uint32_t known = iface_match(&t, device);
    return known == PBC_NONE ? IFACE_OTHER : (uint16_t)known;
}

void unserved_settle(const struct unserved *u, struct known_routes *r)
{
    for (uint32_t i = 0; r->table && i < r->table->size.devices; i++) {
        const char *device = r->table->devices[i].name;
        if (serves_device(u, device) || !names_device(u->program, device)) continue;
        const uint16_t id = r->devices[i].iface;
        if (id < r->addresses.facts_count) r->addresses.facts[id] = (struct facts_iface){.peer = IFACE_NONE};
        r->devices[i].iface = IFACE_NONE;
    }
}

/* Return the device by which routes lead to an address; "": none, several, or it is not known. */
static const char *route_said(const struct unserved *u, const struct route_query *ask)
{
    const struct routes *r = u->facts->routes;
    struct route_query q = *ask;
    if (!r) return "";
    q.devices = u->facts->devices;
    q.in = ROUTE_IN_UNKNOWN;
    q.iface = true;
    const struct route_way *way = routes_find(r, &q);
    const struct route_leg *legs = &r->legs[way->first];
    if (way->kind != ROUTE_VIA || !legs->device) return "";
    for (unsigned i = 1; i < way->legs; i++)
        if (legs[i].device != legs->device) return "";
    return r->devices[legs->device - 1].name;
}

static const char *key_way_out(const struct unserved *u, const struct key *key)
{
    return route_said(
        u, &(struct route_query){.to = key->dst, .from = key->src, .key = key, .family = key->kind & KIND_IP4 ? 4 : 6});
}

static const char *way_back(const struct unserved *u, const struct key *key)
{
    return route_said(u,
                      &(struct route_query){.to = key->src, .from = key->dst, .family = key->kind & KIND_IP4 ? 4 : 6});
}

void unserved_find(const struct unserved *u, const struct key *key, const char *const names[2],
                   struct unserved_way *way)
{
    const char *on = device_found(u->program, names[0]), *out = device_found(u->program, names[1]);
    if (!*out && !(key->kind & KIND_IN)) out = key_way_out(u, key);
    if (!*on && !(key->kind & KIND_OUT)) on = way_back(u, key);
    *way = (struct unserved_way){.device = key->kind & KIND_OUT && (*names[1] || !*on) ? out : on, .out = out};
    way->served = serves_device(u, way->device);
    way->shut = !is_allowed(u, way->device) && (way->served || names_device(u->program, way->device));
}

/* Return the gaps that the packet may fall through. */
static unsigned gaps_for(const struct unserved *u, const struct key *key, const struct unserved_way *way)
{
    if (key->kind & KIND_OUT) return GAP_OUT;
    if (key->kind & KIND_IN) return GAP_IN;
    return GAP_FORWARD | (serves_device(u, way->out) ? 0 : GAP_PAST);
}

static bool judges_device(const struct unserved *u, const char *device)
{
    const struct program *p = u->program;
    const struct iface_table t = program_ifaces(p);
    return firewall_find(&t, p->firewalls, p->firewalls_count, PBC_DIR_FORWARD, known_as(u, device)) != PBC_NONE;
}

/* True if the packet crosses from a device that is not served to a served one. */
static bool crosses(const struct unserved *u, const struct key *key, const struct unserved_way *way)
{
    return !way->served && key->kind & KIND_FORWARD && *way->out && serves_device(u, way->out);
}

bool unserved_judges_none(const struct unserved *u, const struct key *key, const struct unserved_way *way,
                          char text[SERVED_TEXT])
{
    const struct program *p = u->program;
    const unsigned gaps = *way->device ? served_gaps(p, way->device, way->served ? SERVED_PORT : SERVED_NOT_KERNEL) : 0;
    if (!(gaps & gaps_for(u, key, way))) return false;
    if (!way->shut && crosses(u, key, way) && judges_device(u, way->out)) return false;
    const enum served_why left = device_link(way->device) == DEVICE_UNREADABLE ? WHY_UNREADABLE : WHY_NOT_GIVEN;
    served_text(p, way->device, gaps, way->served ? WHY_NO_FIREWALL : left, text, SERVED_TEXT);
    return true;
}

void unserved_crosses(const struct unserved *u, const struct key *key, const struct unserved_way *way, struct pkt *pkt)
{
    const uint16_t as = known_as(u, way->device);
    if (!crosses(u, key, way)) return;
    pkt->iface = judges_device(u, way->device) ? as : known_as(u, way->out);
    pkt->source = (uint8_t)ways_source(u->facts, key, as);
    pkt->flags |= PKT_SOURCE_SAID;
}

void unserved_lost(const struct unserved *u, const struct pkt *left, char why[UNSERVED_LOST])
{
    struct pkt pkt = *left;
    struct key key;
    char addr[64];
    if (pkt_parse(&pkt, u->facts, &key) != REASON_NONE || !(key.kind & KIND_IP)) return;
    const char *out = key_way_out(u, &key);
    if (serves_device(u, out) || !names_device(u->program, out)) return;
    snprintf(why, UNSERVED_LOST, "the route to %s leaves by %s, which -i doesn't name",
             address_text(key.kind & KIND_IP4 ? 4 : 6, key.dst, addr), out);
}
