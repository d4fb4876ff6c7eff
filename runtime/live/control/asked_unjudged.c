/* --on or the route gives the packet's device, which is then sought among the unjudged devices with their gaps */
#include "runtime/live/control/asked_unjudged.h"

#include <string.h>

#include "runtime/kernel/run/others.h"
#include "runtime/live/carry/guard/unjudged.h"
#include "runtime/report/text.h"
#include "vm/judge/routes.h"
#include "vm/words/words.h"

/* The search for a device among those that are not judged. */
struct sought {
    const struct program *p;
    const char *device;
    unsigned gaps; /* gaps that matter */
    char text[SERVED_TEXT];
    bool found, shut, dropped; /* the device was found; is shut; drops the packet (not ARP, ND and DHCP) */
};

static void seek(void *arg, const struct unjudged *u)
{
    struct sought *s = arg;
    if (u->pattern || strcmp(u->device, s->device) != 0 || !(u->gaps & s->gaps)) return;
    served_text(s->p, u->device, u->gaps, u->why, s->text, sizeof s->text);
    s->found = true;
    s->shut = u->shut;
}

/* Return the device by which a foreign address is reached; NULL: none, or it is not known. */
static const char *reached_by(const struct control *control, const uint32_t addr[4], uint32_t kind)
{
    const struct host_query q = {.to = host_addr_of(addr, kind & KIND_IP4 ? 4 : 6)};
    struct host_route route;
    if (host_route(control->carry->host, &q, &route) || route.local) return NULL;
    const struct host_link *link = host_link(control->carry->host, route.ifindex);
    return link ? link->name : NULL;
}

/* Find the device and the gap by which the packet may pass unjudged. False: it comes by a port, or its way is
 * unknown. */
static bool find_way(const struct control *control, const struct key *key, const char *on, struct sought *s)
{
    const char *out = key->kind & KIND_IN ? NULL : reached_by(control, key->dst, key->kind);
    if (key->kind & KIND_OUT) {
        s->device = on ? on : out;
        s->gaps = GAP_OUT;
        return s->device && !options_serve(control->o, s->device);
    }
    s->device = on ? on : reached_by(control, key->src, key->kind);
    s->gaps = key->kind & KIND_IN ? GAP_IN : GAP_FORWARD | (out && options_serve(control->o, out) ? 0 : GAP_PAST);
    return s->device && !options_serve(control->o, s->device);
}

static uint16_t port_iface(const struct control *control, const char *device)
{
    for (unsigned i = 0; i < control->o->iface_count && device; i++)
        if (!strcmp(control->o->ifaces[i], device)) return control->carry->now.iface[i];
    return IFACE_NONE;
}

/* Return the device's id in rules, as the kernel executor identifies arriving packets. */
static uint16_t known_as(const struct control *control, const char *device)
{
    const struct host_link *link = host_link_named(control->carry->host, device);
    const struct around *a = control->carry->latest->around;
    const struct other *other = link ? other_find(a->others, a->others_count, link->ifindex) : NULL;
    return other ? (uint16_t)(other->as - 1) : IFACE_OTHER;
}

void asked_crosses(const struct control *control, struct pkt *pkt, const char *on)
{
    const struct program *p = control->carry->now.program;
    const struct facts *facts = &control->carry->latest->facts;
    const struct iface_table t = program_ifaces(p);
    struct sought s = {.p = p};
    struct pkt copy = *pkt;
    struct key key;
    pkt->iface = IFACE_NONE;
    if (!control->carry->in_kernel || pkt_parse(&copy, facts, &key) != REASON_NONE) return;
    if (!(key.kind & KIND_FORWARD) || !find_way(control, &key, on, &s)) return;
    const uint16_t out = port_iface(control, reached_by(control, key.dst, key.kind));
    const uint16_t as = known_as(control, s.device);
    const bool judged = firewall_find(&t, p->firewalls, p->firewalls_count, PBC_DIR_FORWARD, as) != PBC_NONE;
    pkt->iface = out == IFACE_NONE || judged ? as : out;
    pkt->source = (uint8_t)ways_source(facts, &key, as);
    pkt->flags |= PKT_SOURCE_SAID;
}

/* True if a packet that comes by a device without a firewall crosses to an interface whose firewall judges it. */
static bool is_judged_there(const struct control *control, const struct key *key)
{
    const struct program *p = control->carry->now.program;
    const struct iface_table t = program_ifaces(p);
    if (!control->carry->in_kernel || !(key->kind & KIND_FORWARD)) return false;
    const uint16_t out = port_iface(control, reached_by(control, key->dst, key->kind));
    return out != IFACE_NONE && firewall_find(&t, p->firewalls, p->firewalls_count, PBC_DIR_FORWARD, out) != PBC_NONE;
}

static void say_unjudged(struct call *c, const struct sought *s, const char *packet)
{
    if (call_is_true(c, "json")) {
        cJSON *o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "packet", packet);
        cJSON_AddStringToObject(o, "verdict", s->dropped ? "drop" : "unjudged");
        cJSON_AddStringToObject(o, "reason", "unjudged");
        cJSON_AddStringToObject(o, "unjudged", s->text);
        call_document(c, o);
        cJSON_Delete(o);
    } else {
        call_text(c, "%s", packet);
        call_text(c, "  %s", s->text);
        call_text(c, "verdict: %s (%s is %s)", s->dropped ? "drop  reason unjudged" : "no firewall judges the packet",
                  s->device, served_becomes(s->shut));
    }
    call_end(c, 0, "%s", "");
}

bool asked_unjudged(struct control *control, struct call *c, const struct pkt *pkt, const char *on)
{
    const struct carry *carry = control->carry;
    struct sought s = {.p = carry->now.program};
    struct pkt copy = *pkt;
    struct key key;
    char what[200];
    if (pkt_parse(&copy, &carry->latest->facts, &key) != REASON_NONE || !(key.kind & KIND_IP)) return false;
    if (!find_way(control, &key, on, &s)) return false;
    unjudged_each(carry, carry->now.program, carry->now.allows, seek, &s);
    if (!s.found || (!s.shut && is_judged_there(control, &key))) return false;
    s.dropped = s.shut && !key_is_of_link(&key, false);
    pkt_describe(&copy, &key, what, sizeof what);
    say_unjudged(c, &s, text_clean(what));
    return true;
}

/* The search for the device that a packet goes to from a port. */
struct shut_sought {
    const struct carry *carry;
    const char *device;
    char *why;
    bool found;
};

static void seek_shut(void *arg, const struct unjudged *u)
{
    struct shut_sought *s = arg;
    char text[SERVED_TEXT];
    if (u->pattern || strcmp(u->device, s->device) != 0) return;
    if (!u->shut || !(unjudged_ways(s->carry, u) & SHUT_TO)) return;
    served_text(s->carry->now.program, u->device, u->gaps, u->why, text, sizeof text);
    snprintf(s->why, ASKED_SHUT, "%s is %s: %s", u->device, served_becomes(true), text);
    s->found = true;
}

bool asked_shut(const struct control *control, const struct pkt *pkt, char why[ASKED_SHUT])
{
    const struct carry *carry = control->carry;
    struct pkt copy = *pkt;
    struct key key;
    if (pkt_parse(&copy, &carry->latest->facts, &key) != REASON_NONE || !(key.kind & KIND_FORWARD)) return false;
    struct shut_sought s = {.carry = carry, .device = reached_by(control, key.dst, key.kind), .why = why};
    if (!s.device || options_serve(control->o, s.device)) return false;
    unjudged_each(carry, carry->now.program, carry->now.allows, seek_shut, &s);
    return s.found;
}
