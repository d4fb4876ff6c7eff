/* Impact of a program. Two packets are made from a flow's tuple: its first, and the opener's next. Both programs
 * judge them with the present facts. If the verdicts differ, the flow would be cut off, or could not begin now.
 * Conditions that both judgements leave out (a meter, an interface unknown to routes) make no difference. */
#include "runtime/live/control/flows/impact.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/exchange/first_frame.h"
#include "runtime/exchange/iface_id.h"
#include "runtime/live/rules/members/members.h"
#include "runtime/live/world/devices.h"
#include "runtime/live/world/world.h"
#include "runtime/proxy/listing.h"
#include "vm/flow/flow.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"

/* Make the facts of the interfaces with the ids of the next program. */
static bool ifaces_make(struct impact *im)
{
    const struct options *o = im->control->o;
    const struct ruling *now = &im->control->carry->now;
    im->ifaces_count = im->next->ifaces_count + o->iface_count;
    im->ifaces = calloc(im->ifaces_count + 1u, sizeof *im->ifaces);
    for (unsigned i = 0; im->ifaces && i < im->ifaces_count; i++) im->ifaces[i].peer = IFACE_NONE;
    for (unsigned at = 0; im->ifaces && at < o->iface_count; at++) {
        const uint16_t id = port_iface_id(im->next, o->ifaces[at], at);
        struct facts_iface *f = &im->ifaces[id];
        const uint8_t peer = o->peer[at];
        *f = now->ifaces[now->iface[at]];
        f->as = port_known_as(im->next, o->ifaces[at], id);
        im->patterns |= f->as != 0;
        f->peer = peer == OPTIONS_NO_PEER ? IFACE_NONE : port_iface_id(im->next, o->ifaces[peer], peer);
    }
    return im->ifaces;
}

bool impact_init(struct impact *im, const struct control *control, struct program *next, uint64_t flows)
{
    *im = (struct impact){
        .control = control, .now = program_get(control->carry->now.program), .every = flows / IMPACT_JUDGED_MOST + 1};
    im->remap = remap_new(control->carry->now.program, next, NULL, 0, NULL, clock_ns(CLOCK_MONOTONIC));
    if (!im->remap) return false;
    im->next = program_get(im->remap->program);
    im->of_server = calloc(im->now->servers_count + 1u, sizeof *im->of_server);
    im->changes = calloc((size_t)im->next->rules_count + im->next->firewalls_count + 1, sizeof *im->changes);
    if (im->next->lives_count) {
        im->lives = calloc(1, sizeof *im->lives);
        im->none = live_new(&(struct live_cfg){.size = 1});
        if (!im->lives || !im->none) return false;
    }
    return im->of_server && im->changes && ifaces_make(im);
}

void impact_fini(struct impact *im)
{
    remap_free(im->remap);
    program_put(im->now);
    program_put(im->next);
    free(im->lives);
    live_free(im->none);
    free(im->ifaces);
    free(im->devices);
    free(im->of_server);
    free(im->changes);
}

/* A program, and the facts as it sees them. */
struct judge {
    const struct program *program;
    struct facts facts;
};

static struct decision decide_first(const struct impact *im, const struct judge *j, const struct frame_spec *s,
                                    uint8_t port, uint32_t mark)
{
    const char *device = port == OPTIONS_NO_PEER ? NULL : im->control->o->ifaces[port];
    return first_frame_judge(j->program, &j->facts, s, device ? port_iface_id(j->program, device, port) : IFACE_NONE,
                             mark);
}

/* Return the entry that counts the decider of d. */
static struct impact_change *change_of(const struct impact *im, const struct decision *d)
{
    const uint32_t rules = im->next->rules_count, firewalls = im->next->firewalls_count;
    uint32_t at = rules + firewalls;
    if (d->rule < rules)
        at = d->rule;
    else if (d->firewall < firewalls)
        at = rules + d->firewall;
    im->changes[at].action = d->action;
    return &im->changes[at];
}

/* True if the next program decides differently on the packet. */
static bool differs(const struct impact *im, const struct judge by[2], const struct frame_spec *s, uint8_t port,
                    uint32_t mark, struct decision *next)
{
    const struct decision now = decide_first(im, &by[0], s, port, mark);
    *next = decide_first(im, &by[1], s, port, mark);
    return now.action != next->action;
}

/* Judge a flow and count a difference. True if its next packet would be refused. */
static bool judge_flow(struct impact *im, const struct judge by[2], const struct flow_record *f)
{
    const enum flow_class class = flow_state_class(f->state);
    const bool both = class >= FLOW_ANSWERED; /* both sides have sent packets */
    const uint8_t port = devices_opener(im->control->world, &by[0].facts, f);
    struct frame_spec s = first_frame(f);
    struct decision first, next;
    const bool begins = differs(im, by, &s, port, MARK_NEW, &first);
    s.flags = TCP_ACK;
    const bool goes_on = both ? differs(im, by, &s, port, MARK_ESTABLISHED, &next) : begins;
    if (!both) next = first;
    if (goes_on)
        change_of(im, &next)->flows += im->every;
    else if (begins)
        change_of(im, &first)->anew += im->every;
    im->judged++;
    return goes_on && (next.action == ACTION_DROP || next.action == ACTION_REJECT);
}

/* True if the session's service has `on reload close` in the next program, or in this one if the next lacks the
 * service. */
static bool closes(const struct impact *im, uint32_t service)
{
    const struct program *p = im->next;
    uint32_t at = im->remap->service[service];
    if (at == PBC_NONE || (p->past && at >= p->past->services)) {
        p = im->now;
        at = service;
    }
    const uint32_t proxy = p->services[at].proxy;
    return proxy && p->proxies[proxy - 1].flags & PBC_PROXY_RELOAD_CLOSE;
}

/* Judge a session by its first packet, because later ones pass in the kernel. True if it would be closed. */
static bool judge_session(struct impact *im, const struct judge by[2], const struct flow_record *f)
{
    const struct frame_spec s = first_frame(f);
    struct decision next;
    im->judged++;
    if (!differs(im, by, &s, devices_opener(im->control->world, &by[0].facts, f), MARK_NEW, &next)) return false;
    const bool ends = closes(im, f->service);
    *(ends ? &change_of(im, &next)->flows : &change_of(im, &next)->anew) += im->every;
    return ends && (next.action == ACTION_DROP || next.action == ACTION_REJECT);
}

/* True if the flow loses its server. Servers that are already past do not count. */
static bool loses_server(const struct impact *im, const struct flow_record *f)
{
    if (f->server >= im->now->servers_count || program_is_past(im->now, f->server)) return false;
    return program_is_past(im->next, im->remap->server[f->server]);
}

/* Make both judges, the next one with the present members. If memory is out, the next program knows no ways. */
static void judges_make(struct impact *im, struct judge by[2])
{
    const struct routes *routes = im->control->carry->latest->facts.routes;
    uint64_t until;
    free(im->devices);
    im->devices = routes ? devices_of(im->control->world, im->next, routes) : NULL;
    if (im->lives) members_lend(im->control->rules, im->next, im->lives, im->none);
    by[0] = (struct judge){im->now, im->control->carry->latest->facts};
    by[1] = (struct judge){im->next, im->control->carry->latest->facts};
    by[1].facts.ifaces = im->ifaces;
    by[1].facts.ifaces_count = im->ifaces_count;
    by[1].facts.patterns = im->patterns;
    by[1].facts.devices = im->devices;
    if (!im->devices) by[1].facts.routes = NULL;
    by[1].facts.schedules = world_schedules(im->control->world, im->next, &until);
}

typedef bool judge_fn(struct impact *im, const struct judge by[2], const struct flow_record *f);
static void one(struct impact *im, const struct judge by[2], judge_fn *judge, const struct flow_record *f)
{
    const bool judged = im->live++ % im->every == 0, refused = judged && judge(im, by, f);
    im->refused += refused ? im->every : 0;
    if (refused || !loses_server(im, f)) return;
    struct impact_server *s = &im->of_server[f->server];
    const bool drains = f->proto == IPPROTO_NR_TCP;
    *(drains ? &s->drain : &s->move) += 1;
    *(drains ? &im->drain : &im->move) += 1;
}

void impact_flows(struct impact *im, const struct flow_record flows[], unsigned count)
{
    struct judge by[2];
    judges_make(im, by);
    for (unsigned i = 0; i < count; i++) one(im, by, judge_flow, &flows[i]);
    program_members(im->next, NULL);
}

void impact_sessions(struct impact *im, const struct session_record *sessions, unsigned count)
{
    struct judge by[2];
    judges_make(im, by);
    for (unsigned i = 0; i < count; i++) one(im, by, judge_session, &sessions[i].flow);
    program_members(im->next, NULL);
}
