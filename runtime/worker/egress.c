/* See egress.h. A packet that waits is a copy in a slot of the pool; egress_retry sends it and puts it back. */
#include "runtime/worker/egress.h"

#include <string.h>

#include "vm/judge/routes.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

#define WAIT_NS      UINT64_C(1000000000)
#define ASK_AGAIN_NS UINT64_C(200000000)

static void egress_lose(struct egress *e, enum egress_loss why) { e->counters.lost[why]++; }

/* True for a port whose device has no Ethernet, so that its neighbours have no MAC addresses. */
static bool is_bare_port(const struct egress *e, uint8_t port)
{
    const uint8_t device = snapshot_device(e->snapshot, port);
    return device < PORTS_MOST && e->snapshot->bare >> device & 1;
}

/* Return the port of an interface id, or PORT_ANY if none has it. */
static uint8_t egress_port(const struct egress *e, uint16_t iface)
{
    for (unsigned i = 0; i < e->port_count; i++)
        if (e->ports[i].iface == iface) return (uint8_t)i;
    return PORT_ANY;
}

/* Take the Ethernet header off a parsed packet. False: it is not IP. */
static bool link_off(struct pkt *pkt)
{
    if (pkt->link == LINK_RAW) return pkt->head_len;
    if (pkt->link != LINK_ETHER || pkt->l3 < ETHER_LEN || pkt->l3 >= pkt->head_len) return false;
    const uint16_t type = wire_get16(pkt->data + pkt->l3 - 2);
    if (type != ETHER_IP4 && type != ETHER_IP6) return false;
    edit_strip(pkt);
    return true;
}

/* Put an Ethernet header in front, or set the addresses of the present one; for a device without Ethernet, take it
 * off. */
static bool link_header(const struct egress *e, struct pkt *pkt, uint8_t port, uint64_t mac)
{
    if (is_bare_port(e, port)) return link_off(pkt);
    const uint64_t own = e->snapshot->port_mac[port];
    if (pkt->link == LINK_ETHER && pkt->head_len >= ETHER_LEN) {
        edit_macs(pkt, mac ? mac : pkt_mac(pkt, true), own);
        return true;
    }
    if (pkt->link != LINK_RAW || !pkt->head_len || !mac) return false;
    return edit_ether(pkt, mac, own, NULL, 0, pkt->data[0] >> 4 == 4 ? ETHER_IP4 : ETHER_IP6);
}

/* Send a packet by a port. mac 0: the frame keeps its destination. */
static void frame_leave(struct egress *e, struct pkt *pkt, uint8_t port, uint64_t mac)
{
    if (link_header(e, pkt, port, mac)) {
        copying_left(e->copying, pkt, port);
        port_send(&e->ports[port], pkt);
    } else
        egress_lose(e, LOSS_LINK);
}

void egress_flush(struct egress *e)
{
    for (unsigned i = 0; i < e->port_count; i++) e->ports[i].ops->flush(e->ports[i].io);
    while (e->spent_count) pool_put(e->spent[--e->spent_count]);
}

/* Note a queued packet of this machine, to be put back after the flush. */
static void spend(struct egress *e, struct pkt *pkt)
{
    e->spent[e->spent_count++] = pkt;
    if (e->spent_count == VM_BATCH) egress_flush(e);
}

/* A packet's next hop as far as it is known, and the key for which the packet waits until everything is known. */
struct aim {
    enum hop_state state;
    uint8_t port;
    bool answered; /* `state` is the main thread's answer */
    uint32_t mtu;  /* MTU of the way, for an IP packet, in bytes */
    uint64_t mac;
    struct hop_key key;
};

/* Fill in state, port, MAC and MTU as the snapshot has them. */
static void take_hop(const struct egress *e, struct aim *to)
{
    struct hop *hop = snapshot_hop(e->snapshot, &to->key);
    to->state = HOP_ASKED;
    to->answered = hop;
    if (!hop) return;
    if (!__atomic_load_n(&hop->used, __ATOMIC_RELAXED)) __atomic_store_n(&hop->used, 1, __ATOMIC_RELAXED);
    to->state = (enum hop_state)hop->state;
    to->port = hop->port;
    to->mac = hop->mac;
    if (to->key.kind == HOP_WAY) to->mtu = hop->mtu;
}

static void aim_leg(const struct egress *e, const struct route_query *q, const struct route_leg *leg, struct aim *to)
{
    const bool gateway = leg->family;
    *to = (struct aim){.state = HOP_NO_PORT, .answered = true, .mtu = leg->mtu};
    if (leg->port == ROUTE_NO_PORT) return;
    if (is_bare_port(e, leg->port)) {
        to->state = HOP_KNOWN;
        to->port = leg->port;
        return;
    }
    to->key = (struct hop_key){
        .family = gateway ? leg->family : q->family, .port = leg->port, .in = PORT_ANY, .kind = HOP_NEIGHBOUR};
    memcpy(to->key.addr, gateway ? leg->gateway : q->to, sizeof to->key.addr);
    take_hop(e, to);
}

static void packet_key(const struct egress *e, const struct pkt *pkt, struct key *key)
{
    struct pkt seen = *pkt;
    pkt_parse(&seen, &e->snapshot->facts, key);
}

static uint32_t leg_share(const struct egress *e, const struct route_query *q, const struct pkt *pkt)
{
    struct key key;
    packet_key(e, pkt, &key);
    return route_share(q->from, q->to, &key);
}

/* Find the next hop. port: port by which the packet leaves; PORT_ANY: according to the route. */
static void aim(const struct egress *e, const struct route_query *q, uint8_t port, const struct pkt *pkt,
                struct aim *to)
{
    const struct routes *r = e->snapshot->routes;
    const struct route_way *way = r ? routes_find(r, q) : NULL;
    const enum route_kind kind = way ? (enum route_kind)way->kind : ROUTE_ASK;
    const struct route_leg *leg = NULL;
    if (kind == ROUTE_VIA) leg = routes_leg(r, way, way->legs > 1 ? leg_share(e, q, pkt) : 0, port);
    if (leg) {
        aim_leg(e, q, leg, to);
    } else if (kind == ROUTE_OWN || kind == ROUTE_REFUSED || (way && way->why == WAY_IPSEC)) {
        *to = (struct aim){.state = HOP_NO_WAY, .answered = true};
    } else {
        *to = (struct aim){.key = {.family = q->family, .port = port, .in = PORT_ANY}};
        memcpy(to->key.addr, q->to, sizeof to->key.addr);
        if (e->snapshot->routes) {
            memcpy(to->key.from, q->from, sizeof to->key.from);
            to->key.in = q->in == ROUTE_IN_NONE ? PORT_ANY : (uint8_t)q->in;
        }
        take_hop(e, to);
    }
}

static void route(struct egress *e, struct pkt *pkt, const struct aim *to, uint64_t now_ns)
{
    static const enum egress_loss why[] = {
        [ROUTED_EXPIRED] = LOSS_EXPIRED, [ROUTED_TOO_BIG] = LOSS_TOO_BIG, [ROUTED_NO_SLOT] = LOSS_NO_SLOT};
    struct port *in = &e->ports[pkt->cookie];
    const struct routed r = routed_hop(&e->snapshot->facts, pkt, to->mtu, e->pool, &e->answers, now_ns);
    for (unsigned i = 0; i < r.count; i++) {
        r.pkts[i]->mirrors = pkt->mirrors;
        frame_leave(e, r.pkts[i], to->port, to->mac);
        if (r.pkts[i] != pkt) spend(e, r.pkts[i]);
    }
    if (r.answer) port_send(in, r.answer);
    if (r.answer) spend(e, r.answer);
    if (r.fate == ROUTED_LEAVES)
        e->counters.routed++;
    else
        egress_lose(e, why[r.fate]);
}

static void hop_ask_for(struct egress *e, struct waiter *w, uint64_t now_ns)
{
    const struct hop_ask question = {.key = w->key, .own = !w->routed};
    w->asked_ns = now_ns;
    e->asked |= ring_put(e->asks, &question);
}

/* True if one more packet may wait. Routed packets may not take all the room. *asked: the hop has been asked for. */
static bool waiter_has_room(const struct egress *e, const struct hop_key *key, bool routed, bool *asked)
{
    unsigned same = 0, crossing = 0, asking = 0;
    *asked = false;
    for (unsigned i = 0; i < e->waiting; i++) {
        const struct waiter *w = &e->waiters[i];
        const bool is_same = hop_key_same(&w->key, key);
        same += is_same;
        *asked |= is_same && w->asked_ns;
        crossing += w->routed;
        asking += w->routed && w->asked_ns;
    }
    if (same >= WAIT_EACH || e->waiting == WAIT_MOST) return false;
    return !routed || (crossing < WAIT_CROSSING && (*asked || asking < ASK_CROSSING));
}

static void wait(struct egress *e, const struct pkt *pkt, const struct aim *to, bool routed, uint64_t now_ns)
{
    bool asked;
    struct pkt *copy = waiter_has_room(e, &to->key, routed, &asked) ? pool_copy(e->pool, pkt) : NULL;
    if (!copy) {
        egress_lose(e, LOSS_CROWD);
        return;
    }
    struct waiter *w = &e->waiters[e->waiting++];
    *w = (struct waiter){.pkt = copy, .key = to->key, .mtu = to->mtu, .until_ns = now_ns + WAIT_NS, .routed = routed};
    e->counters.waited++;
    if (!asked) hop_ask_for(e, w, now_ns);
}

/* Send or give up a waiting packet. True: it keeps waiting. */
static bool try_again(struct egress *e, struct waiter *w, uint64_t now_ns)
{
    struct aim to = {.key = w->key, .mtu = w->mtu};
    take_hop(e, &to);
    const enum hop_state state = to.state;
    if (state == HOP_KNOWN && w->routed) {
        route(e, w->pkt, &to, now_ns);
    } else if (state == HOP_KNOWN) {
        frame_leave(e, w->pkt, to.port, to.mac);
    } else if (state == HOP_NO_PORT && w->routed) {
        e->counters.waited--; /* the host stack has sent the packet on */
    } else if (state == HOP_NO_WAY || state == HOP_NO_PORT) {
        egress_lose(e, state == HOP_NO_WAY ? LOSS_NO_WAY : LOSS_NO_PORT);
    } else if (now_ns >= w->until_ns) {
        egress_lose(e, LOSS_NEIGHBOUR);
    } else {
        if (w->asked_ns && now_ns - w->asked_ns >= ASK_AGAIN_NS) hop_ask_for(e, w, now_ns);
        return true;
    }
    return false;
}

void egress_retry(struct egress *e, uint64_t now_ns)
{
    struct pkt *done[WAIT_MOST];
    unsigned kept = 0, gone = 0;
    for (unsigned i = 0; i < e->waiting; i++) {
        if (try_again(e, &e->waiters[i], now_ns))
            e->waiters[kept++] = e->waiters[i];
        else
            done[gone++] = e->waiters[i].pkt;
    }
    e->waiting = kept;
    if (gone) egress_flush(e);
    for (unsigned i = 0; i < gone; i++) pool_put(done[i]);
}

void egress_forget_mirrors(struct egress *e)
{
    for (unsigned i = 0; i < e->waiting; i++) e->waiters[i].pkt->mirrors = 0;
}

static void archive_waiter(struct egress *e, struct waiter *w, struct archive *a)
{
    uint8_t routed = w->routed;
    ARCHIVE(a, w->key);
    ARCHIVE(a, w->mtu);
    ARCHIVE(a, w->until_ns);
    ARCHIVE(a, w->asked_ns);
    ARCHIVE(a, routed);
    w->routed = routed;
    if (pkt_archive(&w->pkt, e->pool, a)) e->waiting += a->reads;
}

bool egress_archive(struct egress *e, struct archive *a)
{
    uint32_t count = e->waiting;
    ARCHIVE(a, e->answers.next_ns);
    ARCHIVE(a, count);
    archive_sound(a, count <= WAIT_MOST);
    for (uint32_t i = 0; i < count && !a->bad; i++) archive_waiter(e, &e->waiters[i], a);
    return !a->bad;
}

void egress_fini(struct egress *e)
{
    for (unsigned i = 0; i < e->waiting; i++) pool_put(e->waiters[i].pkt);
    e->waiting = 0;
}

/* Return a port as questions about routes name it. */
static uint16_t came_by(uint8_t port) { return port == PORT_ANY ? ROUTE_IN_NONE : port; }

static struct route_query query_of(const struct egress *e, const struct key *key, const struct pkt *pkt)
{
    const uint8_t port = snapshot_device(e->snapshot, (uint8_t)pkt->cookie);
    return (struct route_query){
        .to = key->dst, .from = key->src, .key = key, .in = came_by(port), .family = key->kind & KIND_IP4 ? 4 : 6};
}

bool egress_crosses(const struct egress *e, const struct pkt *pkt, const struct key *key)
{
    const struct route_query q = query_of(e, key, pkt);
    struct aim to;
    aim(e, &q, PORT_ANY, pkt, &to);
    if (to.answered || to.key.kind == HOP_NEIGHBOUR) return to.state != HOP_NO_PORT;
    return !e->snapshot->elsewhere;
}

/* True if the host must route the packet, because only its stack can know the way: a mark decides, IPsec takes the
 * packet, or a route wraps it. If the way is unknown for another cause, the worker asks the kernel and sends the
 * packet itself, because a packet given back to the host would lose its incoming interface. */
static bool is_stacks(const struct egress *e, const struct route_query *q)
{
    const struct route_way *way = e->snapshot->routes ? routes_find(e->snapshot->routes, q) : NULL;
    if (!way || way->kind != ROUTE_ASK) return false;
    return way->why == WAY_MARK || way->why == WAY_IPSEC || way->why == WAY_ENCAPSULATED;
}

bool egress_is_shared(const struct egress *e, const struct pkt *pkt, const struct key *key)
{
    const struct route_query q = query_of(e, key, pkt);
    const struct route_way *way = e->snapshot->routes ? routes_find(e->snapshot->routes, &q) : NULL;
    return way && way->kind == ROUTE_VIA && way->legs > 1;
}

/* True if this machine's stack would send the packet on, and by another way than the one that is reported: it gets
 * the packet by a TUN device, so policy rules that ask where the packet came in don't fit there. */
static bool is_other_from_tun(const struct egress *e, const struct route_query *q)
{
    const struct routes *r = e->snapshot->routes;
    struct route_query from_tun = *q;
    from_tun.in = IFACE_OTHER;
    const struct route_way *way = r ? routes_find(r, q) : NULL, *other = r ? routes_find(r, &from_tun) : NULL;
    return way != other && (other->kind == ROUTE_VIA || other->kind == ROUTE_ASK);
}

bool egress_route(struct egress *e, struct pkt *pkt, const struct key *key, bool host_tells, uint64_t now_ns)
{
    struct route_query q = query_of(e, key, pkt);
    struct aim to;
    q.marked = host_tells;
    if (host_tells && is_stacks(e, &q)) return false;
    aim(e, &q, PORT_ANY, pkt, &to);
    const bool misled = host_tells && is_other_from_tun(e, &q);
    switch (to.state) {
    case HOP_NO_PORT:
        if (!misled) return false;
        egress_lose(e, LOSS_NO_PORT);
        break;
    case HOP_NO_WAY:
        if (host_tells && !misled) return false;
        egress_lose(e, LOSS_NO_WAY);
        break;
    case HOP_ASKED: wait(e, pkt, &to, true, now_ns); break;
    case HOP_KNOWN: route(e, pkt, &to, now_ns); break;
    }
    return true;
}

/* Get the source by which policy rules choose the way: the given one, or the one in the packet's header. */
static void entry_source(const struct tx_entry *entry, uint32_t from[4])
{
    const struct pkt *pkt = entry->pkt;
    const bool v4 = entry->family == 4, said = entry->from[0] | entry->from[1] | entry->from[2] | entry->from[3];
    const uint32_t at = pkt->l3 + (v4 ? (uint32_t)IP4_SRC : (uint32_t)IP6_SRC);
    memcpy(from, entry->from, sizeof entry->from);
    for (unsigned i = 0; i < (v4 ? 1 : 4) && !said; i++) from[i] = edit_get32(pkt, at + 4 * i);
}

static void aim_entry(const struct egress *e, const struct tx_entry *entry, uint8_t port, uint8_t from, struct aim *to)
{
    uint32_t source[4];
    struct key key = {0};
    entry_source(entry, source);
    if (e->snapshot->routes && routes_have_rules(e->snapshot->routes, entry->family)) packet_key(e, entry->pkt, &key);
    if (entry->from_port && key.kind & KIND_WITH_PORTS) key.src_port = entry->from_port;
    const struct route_query q = {.to = entry->next_hop,
                                  .from = source,
                                  .key = &key,
                                  .in = came_by(snapshot_device(e->snapshot, from)),
                                  .family = entry->family};
    aim(e, &q, port, entry->pkt, to);
}

void egress_send(struct egress *e, const struct tx_entry *entry, uint8_t from, uint64_t now_ns)
{
    const bool named = entry->out_if != IFACE_NONE;
    const uint8_t port = named ? egress_port(e, entry->out_if) : PORT_ANY;
    if (named && port == PORT_ANY)
        egress_lose(e, LOSS_NO_PORT);
    else if (named && !entry->family && entry->cause == TX_CAUSE_INLINE && !is_bare_port(e, port))
        port_send(&e->ports[port], entry->pkt); /* the packet's addresses are those of the ends, not this machine's */
    else if (!entry->family)
        frame_leave(e, entry->pkt, named ? port : from == PORT_ANY ? 0 : from, 0);
    else {
        struct aim to;
        aim_entry(e, entry, port, from, &to);
        switch (to.state) {
        case HOP_KNOWN: frame_leave(e, entry->pkt, to.port, to.mac); break;
        case HOP_ASKED: wait(e, entry->pkt, &to, false, now_ns); break;
        case HOP_NO_WAY: egress_lose(e, LOSS_NO_WAY); break;
        case HOP_NO_PORT: egress_lose(e, LOSS_NO_PORT); break;
        }
    }
}

bool egress_way(const struct egress *e, const struct tx_entry *entry, uint8_t from, uint8_t *port, uint64_t *mac)
{
    const bool named = entry->out_if != IFACE_NONE;
    const uint8_t by = named ? egress_port(e, entry->out_if) : PORT_ANY;
    struct aim to = {.state = HOP_NO_PORT};
    if (!named || by != PORT_ANY) aim_entry(e, entry, by, from, &to);
    *port = to.port;
    *mac = to.mac;
    return to.state == HOP_KNOWN && (to.mac || is_bare_port(e, to.port));
}
