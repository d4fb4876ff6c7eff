/* Guarded packets in the steering program. A program with more than fit is refused, with both numbers */
#include "runtime/live/carry/steer_rules.h"

#include <stdio.h>

bool steered_routes(const struct program *p)
{
    bool forward = p->nats_count > 0;
    for (uint32_t i = 0; i < p->firewalls_count; i++) forward |= firewall_judges(&p->firewalls[i], PBC_DIR_FORWARD);
    for (uint32_t i = 0; i < p->services_count; i++) forward |= mode_is(p->services[i].mode, MODE_INLINE);
    return forward;
}

bool steered_translates(const struct program *p)
{
    bool own = p->nats_count > 0;
    for (uint32_t i = 0; i < p->services_count; i++) {
        const struct pbc_service *s = &p->services[i];
        if (!mode_is(s->mode, MODE_OWN_SOURCE)) continue;
        for (uint32_t e = s->endpoints; e < s->endpoints + s->endpoint_count; e++)
            own |= p->endpoints[e].proto == PBC_EP_ECHO4 || p->endpoints[e].proto == PBC_EP_ECHO6;
    }
    return own;
}

bool steered_guarded(struct steer_rules *r, struct guarded *g, const struct program *p, const struct program *before,
                     const struct facts_ports *host)
{
    *r = (struct steer_rules){.guarded = g,
                              .routed = steered_routes(p) || (before && steered_routes(before)),
                              .translates = steered_translates(p) || (before && steered_translates(before))};
    return guarded_init(g, p, before, host, false);
}

bool steered_fits(const struct program *p, char *why, size_t len)
{
    struct guarded g;
    struct steer_rules r;
    const bool made = steered_guarded(&r, &g, p, NULL, NULL);
    const unsigned count = made ? steer_count(&r) : 0;
    guarded_fini(&g);
    if (made && count <= STEER_RULES_MOST) return true;
    snprintf(why, len,
             made ? "the rules name %u addresses and ports of services and servers, but xdp takes at most %u"
                  : "out of memory",
             count, (unsigned)STEER_RULES_MOST);
    return false;
}
