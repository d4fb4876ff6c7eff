/* See egress.h. A packet that waits is a copy in a slot of the pool; it is sent, and put back, by egress_retry. */
#include "runtime/worker/egress.h"

#include <string.h>

#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/header.h"

#define WAIT_NS      UINT64_C(1000000000)
#define ASK_AGAIN_NS UINT64_C(200000000)

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
        e->ports[port].ops->send(e->ports[port].io, pkt);
    else
        lose(e, LOSS_LINK);
}

/* ---- waiting ---- */

static bool same(const struct hop_key *a, const struct hop_key *b) { return memcmp(a, b, sizeof *a) == 0; }

static void ask(struct egress *e, struct waiter *w, uint64_t now_ns)
{
    w->asked_ns = now_ns;
    e->asked |= ring_put(e->asks, &w->key);
}

static void wait(struct egress *e, const struct pkt *pkt, const struct hop_key *key, uint64_t now_ns)
{
    unsigned others = 0;
    for (unsigned i = 0; i < e->waiting; i++) others += same(&e->waiters[i].key, key);
    struct pkt *copy = e->waiting < WAIT_MOST && others < WAIT_EACH ? pool_copy(e->pool, pkt) : NULL;
    if (!copy) {
        lose(e, LOSS_CROWD);
        return;
    }
    struct waiter *w = &e->waiters[e->waiting++];
    *w = (struct waiter){.pkt = copy, .key = *key, .until_ns = now_ns + WAIT_NS};
    e->counters.waited++;
    if (!others) ask(e, w, now_ns);
}

/* Does it wait on? */
static bool try_again(struct egress *e, struct waiter *w, uint64_t now_ns)
{
    const struct hop *hop = snapshot_hop(e->snapshot, &w->key);
    const enum hop_state state = hop ? (enum hop_state)hop->state : HOP_ASKED;
    if (state == HOP_KNOWN) {
        leave(e, w->pkt, hop->port, hop->mac);
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
    for (unsigned i = 0; gone && i < e->port_count; i++) e->ports[i].ops->flush(e->ports[i].io);
    for (unsigned i = 0; i < gone; i++) pool_put(done[i]);
}

void egress_fini(struct egress *e)
{
    for (unsigned i = 0; i < e->waiting; i++) pool_put(e->waiters[i].pkt);
    e->waiting = 0;
}

/* ---- sending ---- */

static void resolve(struct egress *e, struct pkt *pkt, const struct hop_key *key, uint64_t now_ns)
{
    const struct hop *hop = snapshot_hop(e->snapshot, key);
    if (hop && hop->state == HOP_KNOWN)
        leave(e, pkt, hop->port, hop->mac);
    else if (hop && hop->state != HOP_ASKED)
        lose(e, hop->state == HOP_NO_WAY ? LOSS_NO_WAY : LOSS_NO_PORT);
    else
        wait(e, pkt, key, now_ns);
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
        memcpy(key.addr, entry->next_hop, sizeof key.addr);
        resolve(e, entry->pkt, &key, now_ns);
    }
}
