/* See filter.h. The program comes from outside and was verified like any other. A program that asks for state of the
 * running program, or that takes too long, is rejected. */
#include "runtime/exchange/filter.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/exchange/first_frame.h"
#include "runtime/exchange/iface_id.h"

/* Return why the program is not a filter, or NULL if it is one. */
static const char *why_not(const struct program *p)
{
    if (p->services_count || p->nats_count || p->pools_count || p->servers_count || p->checks_count)
        return "no services, translation, pools or checks";
    if (p->meters_count) return "no meters";
    if (p->schedules_count) return "no schedules";
    if (p->meta->flags & (PBC_KEEPS_FLOWS | PBC_COUNTS_FLOWS)) return "no `state` or `flows over`";
    if (p->meta->flags & PBC_ASKS_ROUTES) return "no `out on` or `urpf-failed`";
    if (p->meta->flags & PBC_OPENS) return "no `decap`";
    if (p->rules_count > FILTER_RULES_MOST) return "64 rules at most";
    return NULL;
}

bool filter_init(struct filter *f, struct program *p, const char *const devices[], unsigned count, char *err,
                 size_t err_len)
{
    const char *why = why_not(p);
    *f = (struct filter){.program = p};
    if (why) {
        snprintf(err, err_len, "a filter takes only conditions on packets: %s", why);
        filter_fini(f);
        return false;
    }
    for (unsigned at = 0; at < PORTS_MOST; at++)
        f->iface[at] = port_iface_id(f->program, devices[at % count], at % count);
    return true;
}

void filter_fini(struct filter *f)
{
    program_put(f->program);
    f->program = NULL;
}

bool filter_suits_flows(const struct filter *f, char *err, size_t err_len)
{
    static const bool suits[] = {
        [COND_FAMILY] = true, [COND_PROTO] = true,       [COND_FROM] = true, [COND_TO] = true,
        [COND_PORT] = true,   [COND_SOURCE_PORT] = true, [COND_VLAN] = true, [COND_VLAN_INNER] = true,
    };
    for (uint32_t i = 0; f->program && i < f->program->conds_count; i++) {
        const unsigned kind = f->program->conds[i].kind;
        if (kind < sizeof suits / sizeof *suits && suits[kind]) continue;
        snprintf(err, err_len, "`%s` can't be asked of flows, which have only protocols, addresses, ports and VLANs",
                 cond_info[kind].name);
        return false;
    }
    return true;
}

/* True if a rule accepts. Packets that pass because no firewall judges them do not match. */
static bool accepts(const struct filter *f, const struct key *key, const struct pkt *pkt)
{
    const struct decision d = program_decide(f->program, key, pkt);
    return d.action == ACTION_ACCEPT && d.rule < f->program->rules_count;
}

bool filter_takes(const struct filter *f, const struct pkt *pkt, const struct key *key, unsigned port)
{
    struct key as = *key;
    if (!f->program) return true;
    as.iface = f->iface[port];
    return pkt->reason == REASON_NONE && accepts(f, &as, pkt);
}

bool filter_takes_flow(const struct filter *f, const struct facts *facts, const struct flow_record *flow)
{
    uint8_t frame[FRAME_MOST];
    struct pkt pkt;
    struct key key;
    if (!f->program) return true;
    const struct frame_spec s = first_frame(flow);
    const uint32_t len = frame_write(&s, frame);
    pkt_view(&pkt, frame, len, len, LINK_ETHER, IFACE_NONE);
    return pkt_parse(&pkt, facts, &key) == REASON_NONE && accepts(f, &key, &pkt);
}
