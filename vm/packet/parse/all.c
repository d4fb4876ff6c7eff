/* pkt_parse and pkt_parse_all: the express parser (express.h), then facts about the world. */
#include "vm/packet/parse/express.h"

/* Fetch the cache lines of a frame's headers some packets before it is parsed: the first, and the one in which a plain
 * TCP header ends. (A macro: gcc takes a function that only prefetches for one without effect, and drops the call.) */
#define PREFETCH(pkt) (__builtin_prefetch((pkt)->data), __builtin_prefetch((pkt)->data + PLAIN_HEADERS))
enum { PREFETCH_AHEAD = 16, PLAIN_HEADERS = ETHER_LEN + IP4_LEN + TCP_LEN };

/* Mark a frame from a bridge's port as forwarded, whatever its destination. */
static void cross_bridge(const struct facts *facts, struct key *key)
{
    const struct facts_iface *from = facts_iface(facts, key->iface);
    if (!from || from->peer == IFACE_NONE) return;
    key->kind &= ~(uint32_t)(KIND_IN | KIND_OUT | KIND_SRC_SELF | KIND_DST_SELF);
    key->kind |= KIND_FORWARD;
}

/* Set the reason of a well-formed packet whose interface is shut. True if it is one. */
static bool shut_out(const struct facts *facts, struct pkt *pkt, const struct key *key)
{
    const struct facts_iface *at = facts_iface(facts, pkt->iface);
    const bool shut =
        at && at->shut && pkt->reason == REASON_NONE && key_is_shut(key, at->shut, at->peer != IFACE_NONE);
    if (shut) pkt->reason = REASON_UNJUDGED;
    return shut;
}

uint64_t pkt_parse_all(struct pkt *const pkts[], unsigned n, const struct facts *facts, struct key *keys,
                       uint32_t *kinds)
{
    uint64_t good = 0;
    uint32_t all = 0;
    for (unsigned i = 0; i < n && i < PREFETCH_AHEAD; i++) PREFETCH(pkts[i]);
    for (unsigned i = 0; i < n; i++) {
        if (i + PREFETCH_AHEAD < n) PREFETCH(pkts[i + PREFETCH_AHEAD]);
        good |= (uint64_t)(parse_express(pkts[i], facts, &keys[i]) == REASON_NONE) << i;
        all |= keys[i].kind;
    }
    if (unlikely(facts && facts->bridges))
        for (unsigned i = 0; i < n; i++) cross_bridge(facts, &keys[i]);
    if (unlikely(facts && facts->shuts))
        for (unsigned i = 0; i < n; i++)
            if (shut_out(facts, pkts[i], &keys[i])) good &= ~(UINT64_C(1) << i);
    if (unlikely(facts && facts->patterns))
        for (unsigned i = 0; i < n; i++) keys[i].iface = facts_known_as(facts, keys[i].iface);
    if (unlikely(facts && facts->schedules))
        for (unsigned i = 0; i < n; i++) keys[i].marks |= facts->schedules << MARK_SCHEDULES;
    *kinds = all;
    return good;
}

enum pkt_reason pkt_parse(struct pkt *pkt, const struct facts *facts, struct key *key)
{
    enum pkt_reason reason = parse_express(pkt, facts, key);
    if (unlikely(facts && facts->bridges)) cross_bridge(facts, key);
    if (unlikely(facts && facts->shuts) && shut_out(facts, pkt, key)) reason = REASON_UNJUDGED;
    if (unlikely(facts && facts->patterns)) key->iface = facts_known_as(facts, key->iface);
    if (unlikely(facts && facts->schedules)) key->marks |= facts->schedules << MARK_SCHEDULES;
    return reason;
}
