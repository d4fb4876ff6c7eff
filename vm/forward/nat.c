/* Translation of flows that a nat's statement takes because no service does (forward/bind/nat.h), and of packets
 * that this machine's stack has routed, and that may be translated as they leave. The way of the latter was unknown
 * before (judge/ways.h), or they came by an interface that is not served. The rules have accepted them. */
#include <string.h>

#include "vm/forward/edges.h"
#include "vm/forward/forward_priv.h"
#include "vm/judge/routes.h"
#include "vm/packet/wire.h"

static struct nat_asker asker_of(const struct vm *vm, const struct packet_ctx *c)
{
    return (struct nat_asker){.key = c->key,
                              .pkt = c->pkt,
                              .query = track_query(&c->seen),
                              .stack = c->seen.id.stack,
                              .routed = c->routed,
                              .live = vm->cfg.live};
}

/* Set c->left for a packet of the original direction, which leaves by that interface. */
static void leave_by(const struct job *j, struct packet_ctx *c, const struct flow_bind *b, uint16_t iface)
{
    struct leave *l = &c->left;
    *l = (struct leave){.service = PBC_NONE,
                        .server = PBC_NONE,
                        .hash = (uint32_t)(c->seen.hash >> 8),
                        .iface = iface,
                        .way = LEAVE_ROUTED,
                        .mss = nat_mss(j->vm->forward->nat, b)};
    /* The host has chosen the next hop by the source as it came, and by marks. */
    const bool hosts = c->routed && iface == c->pkt->iface;
    if (hosts && c->pkt->link == LINK_ETHER) memcpy(l->mac, c->pkt->data, sizeof l->mac);
    l->to = forward_ends(b->to_src, b->to_src_port, b->to_dst, b->to_dst_port);
    l->to.what = forward_changes(c->key, &l->to, UINT8_MAX);
}

void forward_to_end(const struct job *j, struct packet_ctx *c, const struct flow_bind *b, const uint32_t from[4])
{
    struct key asks = *c->key;
    struct nat_asker of = asker_of(j->vm, c);
    memcpy(asks.src, from, sizeof asks.src);
    of.key = &asks;
    leave_by(j, c, b, nat_way_out(j->vm->forward->nat, &of, b));
}

/* True for a forwarded packet that this machine's stack must route if its way is otherwise unknown. */
static bool host_may_route(const struct job *j, const struct packet_ctx *c)
{
    return j->vm->cfg.live && j->vm->cfg.kernel && c->key->kind & KIND_FORWARD && c->key->kind & KIND_IP;
}

/* The same for a packet of a flow that a statement with `out on` translates, and whose way is unknown. */
static bool is_of_hosts_way(const struct job *j, const struct packet_ctx *c)
{
    const struct flow_bind *b = track_bound(j->vm->forward->track, &c->seen);
    const struct nat_asker of = asker_of(j->vm, c);
    return host_may_route(j, c) && nat_is_unknown(j->vm->forward->nat, &of, b);
}

/* Return the recipe that holds the next hop that the host chose for the flow; NULL: none, or the flow came from an
 * interface that is not served. */
static const struct recipe *hosts_hop(const struct job *j, const struct packet_ctx *c)
{
    const struct forward *f = j->vm->forward;
    if (wire_get48(track_bound(f->track, &c->seen)->client_mac) == BIND_UNSERVED) return NULL;
    return track_recipe(f->track, &c->seen, f->recipes);
}

/* True if a policy rule of the packet's family asks where packets came in, or for their mark. */
static bool rules_ask_more(const struct facts *f, const struct key *key)
{
    const struct routes *r = f ? f->routes : NULL;
    const bool v6 = key->kind & KIND_IP6;
    if (!r) return false;
    const struct route_rule *x = r->rules + (v6 ? r->size.rules4 : 0);
    for (uint32_t i = 0; i < (v6 ? r->size.rules6 : r->size.rules4); i++)
        if (x[i].asks & (ROUTE_ASKS_ARRIVAL | ROUTE_ASKS_MARK)) return true;
    return false;
}

/* Return the gateway that the opener's packets take on the interface by which an error leaves; NULL: none, or routes
 * lead the error there anyway. */
static const uint32_t *gateway_of_opener(const struct job *j, const struct packet_ctx *c, const struct flow_bind *b,
                                         const uint32_t from[4])
{
    const struct facts *f = j->in->facts;
    const uint8_t family = c->key->kind & KIND_IP6 ? 6 : 4;
    if (b->flags & BIND_BY_HOST || b->client_iface == c->pkt->iface || !rules_ask_more(f, c->key)) return NULL;
    if (!f->devices) return NULL;
    const struct route_query q = {
        .to = b->to_dst, .from = from, .devices = f->devices, .in = b->client_iface, .family = family};
    const struct route_way *way = routes_find(f->routes, &q);
    for (unsigned i = 0; way->kind == ROUTE_VIA && i < way->legs; i++) {
        const struct route_leg *leg = &f->routes->legs[way->first + i];
        const bool there = leg->device && f->devices[leg->device - 1].iface == c->left.iface;
        if (there && leg->family == family) return leg->gateway;
    }
    return NULL;
}

void forward_error_hop(const struct job *j, struct packet_ctx *c, const struct flow_bind *b, const uint32_t from[4])
{
    const struct forward *f = j->vm->forward;
    const struct recipe *r = track_recipe(f->track, &c->seen, f->recipes);
    /* The host's last choice of a hop holds even if routes have changed since, because routes alone can't know the
     * hop */
    const bool last = !r && b->flags & BIND_BY_HOST && rules_ask_more(j->in->facts, c->key);
    if (last) r = track_last_recipe(f->track, &c->seen);
    if (!r || !wire_get48(r->next_mac)) {
        c->via = gateway_of_opener(j, c, b, from);
    } else if (c->left.iface == IFACE_NONE || c->left.iface == r->out_if) {
        c->left.iface = r->out_if;
        memcpy(c->left.mac, r->next_mac, sizeof c->left.mac);
    }
}

bool forward_rerouted(const struct job *j, struct packet_ctx *c, const struct flow_bind *b)
{
    struct nat_asker of = asker_of(j->vm, c);
    if (b->kind == BIND_SERVICE || !nat_is_rerouted(j->vm->forward->nat, &of, c->seen.dir == FLOW_ORIGINAL, b))
        return false;
    track_end(j->vm->forward->track, &c->seen, FLOW_END_REROUTED);
    forward_refuse(c, REASON_REROUTED);
    return true;
}

/* True for a packet without a route, if this machine's stack notifies its sender: the destination is as it came, and
 * by whatever interface the stack gets the packet, it finds no way either. */
static bool host_may_tell(const struct job *j, const struct packet_ctx *c, const struct flow_bind *b)
{
    struct pkt given = *c->pkt;
    struct nat_asker of = asker_of(j->vm, c);
    given.iface = IFACE_NONE;
    of.pkt = &given;
    return host_may_route(j, c) && address_equal(b->to_dst, c->key->dst) &&
           nat_leads_nowhere(j->vm->forward->nat, &of, b->to_dst);
}

/* Return how many served interfaces rules know by that id. *iface: one of them. */
static unsigned served_as(const struct facts *f, uint16_t as, uint16_t *iface)
{
    unsigned found = 0;
    for (unsigned i = 0; f && i < f->ifaces_count; i++) {
        if (facts_known_as(f, (uint16_t)i) != as) continue;
        *iface = (uint16_t)i;
        found++;
    }
    return found;
}

/* True if the packet's next hop is that of its flow: it came by the interface that the flow began by, or, like the
 * opener, by one that is not served. No packet takes the express way by a recipe of such a flow: only errors ask for
 * its hop. */
static bool tells_hop(const struct job *j, const struct packet_ctx *c, const struct flow_bind *b)
{
    uint16_t iface;
    if (wire_get48(b->client_mac) != BIND_UNSERVED) return forward_is_clients(j, c, b);
    return c->routed && c->key->iface != IFACE_NONE && !served_as(j->in->facts, c->key->iface, &iface);
}

void forward_nat_on(const struct job *j, struct packet_ctx *c, struct flow_bind *b)
{
    struct nat_asker of = asker_of(j->vm, c);
    if (forward_rerouted(j, c, b)) return;
    if (bind_changes_source(b->kind) && !c->routed && nat_leads_nowhere(j->vm->forward->nat, &of, b->to_dst)) {
        forward_refuse(c, REASON_NO_WAY);
        if (host_may_tell(j, c, b)) c->v->flags |= VERDICT_HOSTS;
        return;
    }
    leave_by(j, c, b, nat_way_out(j->vm->forward->nat, &of, b));
    const struct recipe *r = !c->routed && is_of_hosts_way(j, c) ? hosts_hop(j, c) : NULL;
    if (r) {
        c->left.iface = r->out_if;
        memcpy(c->left.mac, r->next_mac, sizeof c->left.mac);
    }
    if (!forward_send(j, c, NULL)) return;
    nat_count(j->vm->forward->nat, b->nat, (struct counter){1, c->pkt->wire_len});
    forward_heard_client(j, c, b);
    if (tells_hop(j, c, b)) forward_keep_recipe(j, c, b);
    track_accept(j->vm->forward->track, c->key, c->pkt, &c->seen);
}

/* Note the interface by which the opener came of a flow that the host has routed, as far as it is known. */
static void note_routed(const struct job *j, const struct packet_ctx *c, struct flow_bind *b)
{
    uint16_t iface;
    b->flags |= BIND_BY_HOST;
    b->client_iface = IFACE_NONE;
    if (c->key->iface == IFACE_NONE) return;
    const unsigned found = served_as(j->in->facts, c->key->iface, &iface);
    if (found == 1) b->client_iface = iface;
    if (!found) wire_put48(b->client_mac, BIND_UNSERVED);
}

/* Begin the flow of that binding, whose mappings are held. If the flow cannot begin, the mappings are released. */
static enum pkt_reason nat_begin(const struct job *j, struct packet_ctx *c, const struct flow_bind *b)
{
    struct forward *f = j->vm->forward;
    const struct track_tuple other = track_bound_tuple(b);
    const struct flow_id id = c->seen.id;
    struct flow_tuple twin;
    const bool is_free = track_is_free(f->track, &c->seen, &other, &twin);
    const struct track_start start = {
        .idle_ns = c->key->kind & KIND_UDP ? f->udp_idle_ns : 0, .idle_one_way = true, .twin = &twin};
    struct flow_bind *kept = is_free ? track_begin(f->track, c->key, c->pkt, &c->seen, &start) : NULL;
    nat_begun(f->nat, b);
    if (!kept) {
        nat_leave(f->nat, b, &id, track_from_high(&c->seen), 0, 0);
        if (!is_free) nat_alike(f->nat);
        return is_free ? REASON_NO_FLOW : REASON_NO_SOURCE_PORT;
    }
    *kept = *b;
    kept->flags |= track_age(f->track);
    if (c->routed)
        note_routed(j, c, kept);
    else
        forward_note_client(c->pkt, kept);
    nat_hold_by(f->nat, b, &id, c->seen.slot);
    if (!track_pair(f->track, &c->seen, &twin)) return REASON_NO_FLOW;
    if (way_doubt(j->in->facts, c->key, c->pkt, b->to_dst) != WAY_KNOWN) nat_guessed(f->nat);
    forward_to_end(j, c, b, c->key->src);
    if (!forward_send(j, c, NULL)) return REASON_NONE;
    nat_count(f->nat, b->nat, (struct counter){1, c->pkt->wire_len});
    if (c->routed && tells_hop(j, c, kept)) forward_keep_recipe(j, c, kept);
    return REASON_NONE;
}

/* Give the packet's stack an id, in *held, if it has none, because mappings distinguish hosts by it. */
static bool know_stack(const struct job *j, struct packet_ctx *c, uint16_t *held)
{
    *held = STACK_UNKNOWN;
    if (c->seen.id.stack != STACK_UNKNOWN) return true;
    if (!track_take_stack(j->vm->forward->track, c->pkt, &c->seen)) return false;
    *held = c->seen.id.stack;
    return true;
}

static enum pkt_reason nat_take(const struct job *j, struct packet_ctx *c)
{
    struct flow_bind b;
    struct nat_asker of = asker_of(j->vm, c);
    of.asks_on = true;
    enum nat_fate fate = nat_choose(j->vm->forward->nat, &of, false, &b);
    of.asks_on = false;
    if (fate == NAT_NO_PORT) {
        forward_nat_yield(j, c, &of, &b);
        fate = nat_choose(j->vm->forward->nat, &of, false, &b);
    } else if (fate == NAT_BOUND && nat_is_short(j->vm->forward->nat, &b)) {
        forward_nat_note_short(j, c, &of, b);
    }
    return fate == NAT_BOUND ? nat_begin(j, c, &b) : REASON_NO_SOURCE_PORT;
}

static struct flow_record record_of(const struct key *key, const struct packet_ctx *c, const struct flow_bind *b)
{
    const bool ports = key->kind & KIND_PORTS;
    struct flow_record f = {.proto = (uint8_t)key->proto,
                            .family = key->kind & KIND_IP6 ? 6 : 4,
                            .service = PBC_NONE,
                            .server = PBC_NONE,
                            .nat = b->nat,
                            .src_port = ports ? key->src_port : track_query(&c->seen),
                            .dst_port = ports ? key->dst_port : track_query(&c->seen),
                            .to_src_port = b->to_src_port,
                            .to_dst_port = b->to_dst_port};
    memcpy(f.src, key->src, sizeof f.src);
    memcpy(f.dst, key->dst, sizeof f.dst);
    memcpy(f.to_src, b->to_src, sizeof f.to_src);
    memcpy(f.to_dst, b->to_dst, sizeof f.to_dst);
    return f;
}

/* True if the packet's ends are one address, or would be once it is translated: it would come back. */
static bool is_land(const struct key *key, const struct flow_bind *b)
{
    return forward_is_land(key) || address_equal(b->to_src, b->to_dst);
}

struct translated forward_explain_nat(struct vm *vm, const struct key *key, const struct pkt *pkt)
{
    struct translated t = {.nat = PBC_NONE};
    struct forward *f = vm->forward;
    struct key now = *key;
    struct pkt view = *pkt;
    struct packet_ctx c = {.key = &now, .pkt = &view};
    struct flow_bind b;
    if (!f->nat) return t;
    track_peek(vm->track, &now, pkt, &c.seen);
    struct nat_asker of = asker_of(vm, &c);
    const enum nat_fate fate = nat_tell(f->nat, &of, &b);
    if (fate != NAT_NOTHING) t.unknown = of.why;
    if (fate == NAT_NOTHING || fate == NAT_UNKNOWN) return t;
    const bool lacks = fate == NAT_NO_PORT && !forward_nat_may_yield(vm, &c, &of, b);
    t.nat = b.nat;
    t.to = record_of(&now, &c, &b);
    t.reason = !track_may_begin(&now, &c.seen) ? REASON_NO_FLOW
               : edge_in_vlan(&now)            ? REASON_VLAN_FRAME
               : now.ttl <= 1                  ? REASON_TTL_EXCEEDED
               : is_land(&now, &b)             ? REASON_SAME_ENDS
               : fate == NAT_NO_WAY            ? REASON_NO_WAY
               : lacks                         ? REASON_NO_SOURCE_PORT
                                               : REASON_NONE;
    return t;
}

/* Return the nat's decision for the packet; a later fragment is treated as if unfragmented. */
static enum nat_fate nat_fate_of(const struct job *j, const struct packet_ctx *c)
{
    struct flow_bind b;
    struct nat_asker of = asker_of(j->vm, c);
    struct key whole = *c->key;
    whole.kind &= ~(uint32_t)KIND_FRAG_LATER;
    of.key = &whole;
    return j->vm->forward->nat ? nat_choose(j->vm->forward->nat, &of, true, &b) : NAT_NOTHING;
}

bool forward_leads_nowhere(const struct job *j, const struct packet_ctx *c)
{
    const struct forward *f = j->vm->forward;
    const struct nat_asker of = asker_of(j->vm, c);
    const bool begins = c->seen.class == SEEN_NEW && c->key->kind & KIND_FORWARD && c->key->kind & KIND_IP;
    return f->nat && begins && nat_leads_nowhere(f->nat, &of, c->key->dst);
}

bool forward_is_hosts(const struct job *j, const struct packet_ctx *c)
{
    if (c->seen.class == SEEN_ORIGINAL) return is_of_hosts_way(j, c) && !hosts_hop(j, c);
    return host_may_route(j, c) && nat_fate_of(j, c) == NAT_UNKNOWN;
}

/* Refuse a packet of unknown way, if it can't be translated later: it would leave with its inside address. In kernel
 * mode the host routes it, and it comes back (forward_routed), but not if its destination is translated. True if it
 * is refused. */
static bool refuse_unknown(const struct job *j, struct packet_ctx *c, enum nat_fate fate)
{
    const struct vm_cfg *cfg = &j->vm->cfg;
    if (fate != NAT_NO_WAY && (!cfg->live || (cfg->kernel && !c->routed))) return false;
    forward_refuse(c, REASON_NO_WAY);
    return true;
}

/* Refuse a packet of a VLAN. In kernel mode the host gets it, if one of its devices takes such frames, and it is
 * translated as it leaves. True if it is refused. */
static bool refuse_vlan(const struct job *j, struct packet_ctx *c)
{
    if (host_may_route(j, c)) return false;
    forward_refuse(c, REASON_VLAN_FRAME);
    return true;
}

bool forward_nat_begin(const struct job *j, struct packet_ctx *c)
{
    struct forward *f = j->vm->forward;
    const bool may_begin = track_may_begin(c->key, &c->seen);
    struct flow_bind b;
    uint16_t held;
    enum pkt_reason reason = REASON_NO_FLOW;
    if (!f->nat) return false;
    struct nat_asker of = asker_of(j->vm, c);
    const enum nat_fate fate = nat_choose(f->nat, &of, true, &b);
    if (of.why != WAY_KNOWN) {
        uint64_t unknown[WAY_WHYS] = {0};
        unknown[of.why] = 1;
        nat_unknown(f->nat, unknown);
    }
    if (fate == NAT_NOTHING) return false;
    if (forward_refuse_group(j, c)) return true;
    if (edge_in_vlan(c->key)) return refuse_vlan(j, c);
    if (fate == NAT_UNKNOWN || fate == NAT_NO_WAY) return refuse_unknown(j, c, fate);
    if (may_begin && c->key->ttl <= 1 && !c->routed) { /* nothing is created for it; the host has counted its own hop */
        edge_expired(j, c);
        reason = REASON_TTL_EXCEEDED;
    } else if (is_land(c->key, &b)) {
        reason = REASON_SAME_ENDS;
    } else if (may_begin && know_stack(j, c, &held)) {
        reason = nat_take(j, c);
        if (held != STACK_UNKNOWN) track_drop_stack(f->track, held);
    }
    f->counters.exhausted += reason == REASON_NO_SOURCE_PORT;
    if (reason) forward_refuse(c, reason);
    return true;
}

/* Send the packet on as the host has routed it. */
static void leave_unchanged(const struct job *j, struct packet_ctx *c)
{
    struct pkt *copy = tx_has_room(j) ? pool_copy(j->vm->cfg.pool, c->pkt) : NULL;
    const struct hop hop = {.addr = c->key->dst};
    if (!copy) {
        forward_refuse(c, REASON_NO_BUFFER);
        return;
    }
    c->left = (struct leave){.service = PBC_NONE, .server = PBC_NONE, .iface = c->pkt->iface, .way = LEAVE_ROUTED};
    mode_leave(j, c, &hop, copy);
    c->v->action = ACTION_ACCEPT;
}

/* Translate a packet of no flow, or of an untranslated flow, which then ends. An error ends no flow, and an error
 * about an untranslated flow stays unchanged. Fragments are refused, so that none leaves with an inside address: a
 * later one has no ports, and nothing here remembers its first. */
static void begin_routed(const struct job *j, struct packet_ctx *c)
{
    struct forward *f = j->vm->forward;
    const bool error = track_is_error(&c->seen);
    if ((error && c->key->marks & MARK_RELATED) || nat_fate_of(j, c) == NAT_NOTHING) {
        leave_unchanged(j, c);
        return;
    }
    if (c->seen.slot != FLOW_NONE && !error) track_end(f->track, &c->seen, FLOW_END_TRANSLATED);
    if (c->key->kind & KIND_FRAGMENT) {
        forward_refuse(c, REASON_UNTRANSLATABLE);
        return;
    }
    if (c->seen.slot != FLOW_NONE && !error) track_look(f->track, c->key, c->pkt, &c->seen);
    forward_nat_begin(j, c);
}

void forward_routed_lost(struct forward *f)
{
    if (f->nat) nat_routed(f->nat, true);
}

/* True for a reply or an error that was translated before and given to the host. */
static bool was_turned(const struct packet_ctx *c) { return c->key->iface == IFACE_NONE && track_is_turned(&c->seen); }

void forward_routed(const struct job *j, struct packet_ctx *c)
{
    struct flow_bind *b = track_bound(j->vm->forward->track, &c->seen);
    c->v->action = ACTION_FORWARD;
    if (c->seen.class == SEEN_ORIGINAL && b->kind != BIND_SERVICE)
        forward_nat_on(j, c, b);
    else if (c->seen.class <= SEEN_UNBOUND && !was_turned(c))
        begin_routed(j, c);
    else if (c->seen.class == SEEN_ERROR)
        forward_error_on(j, c);
    else
        leave_unchanged(j, c);
    if (j->vm->forward->nat) nat_routed(j->vm->forward->nat, c->v->reason != REASON_NONE);
}
