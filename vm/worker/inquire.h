/* Inquiries of this machine (vm/flow/inquiry.h) among the packets of a worker */
#pragma once

#include "vm/flow/inquiry.h"
#include "vm/packet/facts.h"

/* Return whose inquiry a packet with such a key is. One that this machine sends from no address yet goes out. */
static inline enum inquiry_sender inquire_settle(const struct facts *f, struct key *key, const struct pkt *pkt)
{
    const struct facts_iface *one = facts_iface(f, pkt->iface);
    if (!inquiry_may_be(key)) return INQUIRY_OTHERS;
    const enum inquiry_sender sender = inquiry_sender(pkt, key, one && one->mac ? one->mac : f ? f->mac : 0);
    if (sender == INQUIRY_OWN) key->kind = (key->kind & ~(uint32_t)KIND_IN) | KIND_OUT;
    return sender;
}
