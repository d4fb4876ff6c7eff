/* Sending on, as bytes (forward.h, forward_archive). Resources of flows (ports, mappings, connections of servers) are
 * taken again for each flow that is read, so they always agree with the flows. */
#include "vm/forward/forward_priv.h"

/* The forward that flows are read into */
struct reading {
    struct forward *f;
    uint32_t ifaces;
};

/* An archive holds no unfinished search for flows of a server that is down. */
bool forward_rests(const struct forward *f) { return !f->sweeping; }

static bool serve_again(struct forward *f, const struct flow *flow, const struct flow_bind *b)
{
    const struct program *p = f->p;
    if (b->server >= p->servers_count || b->branch >= p->branches_count) return false;
    if ((b->flags & BIND_CLIENT_KNOWN && !f->held.clients) || (flow->joined && !f->cookies)) return false;
    if (!outside_hold(f->outside, b)) return false;
    conns_add(&f->held.conns, p->branches[b->branch].service, b->server);
    f->counters.bound++;
    return true;
}

static bool read_flow(void *arg, int32_t slot, const struct flow *flow, const struct flow_id *id,
                      const struct flow_bind *b)
{
    const struct reading *r = arg;
    struct forward *f = r->f;
    if (!b) return !flow->joined;
    if (!f || b->kind > BIND_NAT_BOTH) return false;
    if (b->client_iface != IFACE_NONE && b->client_iface >= r->ifaces) return false;
    if (b->kind == BIND_SERVICE) return serve_again(f, flow, b);
    if (!f->nat || flow->joined || b->nat >= program_all_nats(f->p)) return false;
    if (b->server != PBC_NONE || b->branch != PBC_NONE) return false;
    if (!nat_hold(f->nat, b, id, flow->flags & FLOW_OPENED_BY_HIGH)) return false;
    nat_hold_by(f->nat, b, id, slot);
    return true;
}

static void archive_cookies(struct forward *f, struct archive *a, uint32_t slots)
{
    uint8_t there = f->cookies != NULL;
    if (!ARCHIVE(a, there) || !there) return;
    if (archive_sound(a, f->cookies)) cookies_archive(f->cookies, a, slots);
}

static void archive_own(struct forward *f, struct archive *a)
{
    ARCHIVE(a, f->datagram);
    ARCHIVE(a, f->drained_ns);
    outside_archive(f->outside, a);
    if (f->nat) nat_archive(f->nat, a);
    const struct program *p = f->p;
    uint8_t there = f->held.clients != NULL;
    if (!ARCHIVE(a, there) || !there) return;
    if (!f->held.clients) f->held.clients = clients_new(1, 0); /* an earlier program asked for them */
    if (!archive_sound(a, f->held.clients)) return;
    clients_archive(f->held.clients, a, program_server_ids(p) - 1);
}

bool forward_archive(struct forward *f, struct track *t, struct archive *a, const struct facts *facts)
{
    struct reading r = {f, facts ? facts->ifaces_count : 0};
    if (f) archive_own(f, a);
    if (f && a->beside) forward_archive_recipes(f, a, facts);
    if (t && !a->bad) track_archive(t, a, read_flow, &r);
    if (f && t && !a->bad) archive_cookies(f, a, track_slots(t));
    if (!f || a->bad) return !a->bad;
    f->counters.ports = outside_used(f->outside);
    return archive_sound(a, !f->nat || nat_held(f->nat));
}
