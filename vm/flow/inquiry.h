/* Inquiries of this machine whose replies belong to no flow, because they come from an address that was not asked,
 * or go to one that is not yet this machine's: DHCP (RFC 2131), DHCPv6 (RFC 8415) and router solicitations (RFC
 * 4861). A reply by the interface of its inquiry is *related* for INQUIRY_NS.
 *
 * A table of fixed size, written for packets of this machine: one per worker, and one in the kernel, where
 * processors share it without a lock. If all places for an inquiry are in use, the oldest inquiry makes way. */
#pragma once

#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/pkt.h"

#define INQUIRY_NS UINT64_C(30000000000)

enum inquiry_part { INQUIRY_NONE, INQUIRY_ASKS, INQUIRY_ANSWERS };

/* Words that an inquiry and its replies have in common: kind, interface and VLANs; number of the transaction and the
 * host that asked. */
enum { INQUIRY_WORDS = 4, INQUIRY_WAYS = 4, INQUIRY_SETS = 16 };
struct inquiry_id {
    uint64_t word[INQUIRY_WORDS];
};
struct inquiry {
    uint64_t until_ns; /* 0: the place is free, or being written */
    struct inquiry_id id;
    uint64_t zero[3];
};
static_assert(sizeof(struct inquiry) == 64, "a power of two, as it stands in arrays");
struct inquiries {
    struct inquiry at[INQUIRY_SETS * INQUIRY_WAYS];
};

static inline bool inquiry_is_port(unsigned port) { return port - DHCP_SERVER <= 1u || port - DHCP6_CLIENT <= 1u; }

/* True for a packet that may be an inquiry or a reply, by its header key. This first test is cheap, and other
 * packets need no further one. */
static inline bool inquiry_may_be(const struct key *key)
{
    if (key->kind & KIND_UDP) return inquiry_is_port(key->dst_port);
    return key->kind & KIND_ND && key->icmp_type < ICMP6_SOLICIT;
}

/* True for a unicast packet whose destination is not, or not yet, an address of this machine. */
static inline bool inquiry_is_elsewhere(const struct key *key)
{
    return !(key->kind & KIND_DST_SELF) && !key_is_to_group(key);
}

/* Read a well-formed packet that may be an inquiry. *id is written unless INQUIRY_NONE is returned. */
enum inquiry_part inquiry_read(const struct pkt *pkt, const struct key *key, struct inquiry_id *id);

/* True if an inquiry with that id is held. */
bool inquiries_hold(const struct inquiries *q, const struct inquiry_id *id, uint64_t now_ns);
void inquiries_put(struct inquiries *q, const struct inquiry_id *id, uint64_t now_ns);

/* Sender of a packet that may be an inquiry */
enum inquiry_sender { INQUIRY_OTHERS, INQUIRY_OWN, INQUIRY_UNKNOWN };

/* Recognise this machine's inquiries by the MAC of the interface, because they may not have a source address yet.
 * mac: 0 if unknown, as in a replay; the sender of an inquiry without an address is then unknown, too. */
enum inquiry_sender inquiry_sender(const struct pkt *pkt, const struct key *key, uint64_t mac);

/* Return the sender of a packet that may be an inquiry. The key of an inquiry of this machine is marked as outgoing. */
static inline enum inquiry_sender inquiry_settle(const struct facts *f, struct key *key, const struct pkt *pkt)
{
    const struct facts_iface *one = facts_iface(f, pkt->iface);
    if (!inquiry_may_be(key)) return INQUIRY_OTHERS;
    const enum inquiry_sender sender = inquiry_sender(pkt, key, one && one->mac ? one->mac : f ? f->mac : 0);
    if (sender == INQUIRY_OWN) key->kind = (key->kind & ~(uint32_t)KIND_IN) | KIND_OUT;
    return sender;
}
