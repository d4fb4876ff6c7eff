/* ICMP and ICMPv6 errors: *related* if they quote a packet of a flow, go to its sender, and, for TCP, have a
 * sequence number that was in flight. An attacker who only guesses a connection's ports doesn't know such a number
 * (RFC 5927, 4.1; RFC 4443, 5.2). */
#include "vm/flow/track/track_priv.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"

enum track_how related_tuple(const struct key *key, const struct pkt *pkt, uint16_t stack, struct track_seen *s)
{
    struct quoted q;
    if (!quoted_read(pkt, key, &q) || !address_equal(key->dst, q.key.src)) return HOW_INVALID;
    s->seq = q.seq;
    switch (tuple_of(&q.key, q.query, stack, &s->id, &s->at)) {
    case HOW_TCP:
    case HOW_PLAIN:
    case HOW_REPLY: return s->at & AT_GROUP ? HOW_INVALID : HOW_ERROR;
    default: return HOW_INVALID; /* an error, or a packet that makes no flow */
    }
}

bool related_to(const struct flow *f, enum flow_dir dir, uint32_t seq)
{
    return f->proto != IPPROTO_NR_TCP || tcp_quoted(&f->tcp, dir, seq);
}
