/* See egress.h. A packet that waits is a copy in a slot of the pool; it is sent, and put back, by egress_retry. */
#include "runtime/worker/egress.h"

#include <string.h>

#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/header.h"

#define WAIT_NS      UINT64_C(1000000000)
#define ASK_AGAIN_NS UINT64_C(200000000)

uint16_t port_iface_id(const struct program *p, const char *device, unsigned at)
{
    for (uint32_t i = 0; i < p->ifaces_count; i++)
        if (!strcmp(program_str(p, p->ifaces[i].device), device)) return (uint16_t)i;
    return (uint16_t)(p->ifaces_count + at);
}

static void lose(struct egress *e, enum egress_loss why) { e->counters.lost[why]++; }

/* The port of an interface id; PORT_ANY: none of ours. */
static uint8_t port_of(const struct egress *e, uint16_t iface)
{
    for (unsigned i = 0; i < e->port_count; i++)
        if (e->ports[i].iface == iface) return (uint8_t)i;
    return PORT_ANY;
}

/* An Ethernet header in front, or the addresses of the one that is there. */
static bool link_header(const struct egress *e, struct pkt *pkt, uint8_t port, uint64_t mac)
{
    const uint64_t own = e->snapshot->port_mac[port];
    if (pkt->link == LINK_ETHER && pkt->head_len >= ETHER_LEN) {
        edit_macs(pkt, mac ? mac : pkt_mac(pkt, true), own);
        return true;
    }
    if (pkt->link != LINK_RAW || !pkt->head_len || !mac) return false;
    const uint16_t l4 = pkt->l4;
    if (!edit_ether(pkt, mac, own, NULL, 0, pkt->data[0] >> 4 == 4 ? ETHER_IP4 : ETHER_IP6)) return false;
    if (l4) pkt->l4 = (uint16_t)(l4 + ETHER_LEN);
    return true;
}

/* mac 0: the frame says whom it is for. */
static void leave(struct egress *e, struct pkt *pkt, uint8_t port, uint64_t mac)
{
    if (link_header(e, pkt, port, mac))
        port_send(&e->ports[port], pkt);
    else
        lose(e, LOSS_LINK);
}

/* ---- queued ---- */

void egress_flush(struct egress *e)
{
    for (unsigned i = 0; i < e->port_count; i++) e->ports[i].ops->flush(e->ports[i].io);
    while (e->spent_count) pool_put(e->spent[--e->spent_count]);
}

/* A packet of ours that is queued: nobody else puts it back. */
static void spend(struct egress *e, struct pkt *pkt)
{
    e->spent[e->spent_count++] = pkt;
    if (e->spent_count == VM_BATCH) egress_flush(e);
}

/* ---- routing ---- */

static void route(struct egress *e, struct pkt *pkt, const struct hop *hop, uint64_t now_ns)
{
    static const enum egress_loss why[] = {
        [ROUTED_EXPIRED] = LOSS_EXPIRED, [ROUTED_TOO_BIG] = LOSS_TOO_BIG, [ROUTED_NO_SLOT] = LOSS_NO_SLOT};
    const struct port *in = &e->ports[pkt->cookie];
    const struct routed r = routed_hop(&e->snapshot->facts, pkt, hop->mtu, e->pool, &e->answers, now_ns);
    for (unsigned i = 0; i < r.count; i++) {
        leave(e, r.pkts[i], hop->port, hop->mac);
        if (r.pkts[i] != pkt) spend(e, r.pkts[i]);
    }
    if (r.answer) in->ops->send(in->io, r.answer);
    if (r.answer) spend(e, r.answer);
    if (r.fate == ROUTED_LEAVES)
        e->counters.routed++;
    else
        lose(e, why[r.fate]);
}

/* Where routes depend on it. */
static void say_source(const struct egress *e, struct hop_key *key, const uint32_t from[4], uint8_t in)
{
    if (!e->snapshot->by_source) return;
    memcpy(key->from, from, sizeof key->from);
    key->in = in;
}

/* ---- waiting ---- */

static bool same(const struct hop_key *a, const struct hop_key *b) { return memcmp(a, b, sizeof *a) == 0; }

static void ask(struct egress *e, struct waiter *w, uint64_t now_ns)
{
    w->asked_ns = now_ns;
    e->asked |= ring_put(e->asks, &w->key);
}

static void wait(struct egress *e, const struct pkt *pkt, const struct hop_key *key, bool routed, uint64_t now_ns)
{
    unsigned others = 0;
    for (unsigned i = 0; i < e->waiting; i++) others += same(&e->waiters[i].key, key);
    struct pkt *copy = e->waiting < WAIT_MOST && others < WAIT_EACH ? pool_copy(e->pool, pkt) : NULL;
    if (!copy) {
        lose(e, LOSS_CROWD);
        return;
    }
    struct waiter *w = &e->waiters[e->waiting++];
    *w = (struct waiter){.pkt = copy, .key = *key, .until_ns = now_ns + WAIT_NS, .routed = routed};
    e->counters.waited++;
    if (!others) ask(e, w, now_ns);
}

/* Does it wait on? */
static bool try_again(struct egress *e, struct waiter *w, uint64_t now_ns)
{
    const struct hop *hop = snapshot_hop(e->snapshot, &w->key);
    const enum hop_state state = hop ? (enum hop_state)hop->state : HOP_ASKED;
    if (state == HOP_KNOWN && w->routed) {
        route(e, w->pkt, hop, now_ns);
    } else if (state == HOP_KNOWN) {
        leave(e, w->pkt, hop->port, hop->mac);
    } else if (state == HOP_NO_PORT && w->routed) {
        e->counters.waited--; /* the host's stack has sent it on */
    } else if (state == HOP_NO_WAY || state == HOP_NO_PORT) {
        lose(e, state == HOP_NO_WAY ? LOSS_NO_WAY : LOSS_NO_PORT);
    } else if (now_ns >= w->until_ns) {
        lose(e, LOSS_NEIGHBOUR);
    } else {
        if (w->asked_ns && now_ns - w->asked_ns >= ASK_AGAIN_NS) ask(e, w, now_ns);
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

void egress_fini(struct egress *e)
{
    for (unsigned i = 0; i < e->waiting; i++) pool_put(e->waiters[i].pkt);
    e->waiting = 0;
}

/* ---- sending ---- */

static struct hop_key key_across(const struct egress *e, const struct key *key, uint8_t in)
{
    struct hop_key to = {.family = key->kind & KIND_IP4 ? 4 : 6, .port = PORT_ANY};
    memcpy(to.addr, key->dst, sizeof to.addr);
    say_source(e, &to, key->src, in);
    return to;
}

bool egress_crosses(const struct egress *e, const struct key *key, uint8_t in)
{
    const struct hop_key to = key_across(e, key, in);
    const struct hop *hop = snapshot_hop(e->snapshot, &to);
    return hop ? hop->state != HOP_NO_PORT : !e->snapshot->elsewhere;
}

bool egress_route(struct egress *e, struct pkt *pkt, const struct key *key, uint64_t now_ns)
{
    const struct hop_key to = key_across(e, key, (uint8_t)pkt->cookie);
    const struct hop *hop = snapshot_hop(e->snapshot, &to);
    const enum hop_state state = hop ? (enum hop_state)hop->state : HOP_ASKED;
    switch (state) {
    case HOP_NO_PORT: return false;
    case HOP_NO_WAY: lose(e, LOSS_NO_WAY); break;
    case HOP_ASKED: wait(e, pkt, &to, true, now_ns); break;
    case HOP_KNOWN: route(e, pkt, hop, now_ns); break;
    }
    return true;
}

/* Its source as a packet of ours says it, where it stands. */
static void source_of(const struct pkt *pkt, uint8_t family, uint32_t from[4])
{
    const uint32_t at = pkt->l3 + (family == 4 ? (uint32_t)IP4_SRC : (uint32_t)IP6_SRC);
    from[0] = from[1] = from[2] = from[3] = 0;
    for (unsigned i = 0; i < (family == 4 ? 1 : 4); i++) from[i] = edit_get32(pkt, at + 4 * i);
}

static void resolve(struct egress *e, struct pkt *pkt, const struct hop_key *key, uint64_t now_ns)
{
    const struct hop *hop = snapshot_hop(e->snapshot, key);
    if (hop && hop->state == HOP_KNOWN)
        leave(e, pkt, hop->port, hop->mac);
    else if (hop && hop->state != HOP_ASKED)
        lose(e, hop->state == HOP_NO_WAY ? LOSS_NO_WAY : LOSS_NO_PORT);
    else
        wait(e, pkt, key, false, now_ns);
}

void egress_send(struct egress *e, const struct tx_entry *entry, uint8_t from, uint64_t now_ns)
{
    const bool named = entry->out_if != IFACE_NONE;
    const uint8_t port = named ? port_of(e, entry->out_if) : PORT_ANY;
    if (named && port == PORT_ANY) {
        lose(e, LOSS_NO_PORT);
    } else if (!entry->family) {
        leave(e, entry->pkt, named ? port : from == PORT_ANY ? 0 : from, 0);
    } else {
        struct hop_key key = {.family = entry->family, .port = port};
        uint32_t source[4];
        memcpy(key.addr, entry->next_hop, sizeof key.addr);
        source_of(entry->pkt, entry->family, source);
        say_source(e, &key, source, from);
        resolve(e, entry->pkt, &key, now_ns);
    }
}
