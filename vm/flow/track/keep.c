/* Update of a flow by an accepted packet (look.h) */
#include "vm/flow/track/look.h"
#include "vm/flow/track/track_priv.h"
#include "vm/packet/parse/read.h"

enum { SCTP_ABORT = 6, SCTP_SHUTDOWN_COMPLETE = 14 }; /* chunks (RFC 9260, 3.2) */

enum keep keep_what(const struct track_seen *s)
{
    if (s->how == HOW_LOOSE || s->at & AT_GROUP || !(s->mark & (MARK_NEW | MARK_ESTABLISHED))) return KEEP_NOTHING;
    if (s->slot == FLOW_NONE) return s->mark == MARK_NEW ? KEEP_BEGIN : KEEP_NOTHING; /* PICKS_OPENED */
    return s->next.reopen ? KEEP_BEGIN : KEEP_GO_ON;
}

enum flow_state keep_plain_state(const struct key *key, const struct pkt *pkt, bool both)
{
    if (key->kind & KIND_UDP) return both ? FLOW_STATE_UDP : FLOW_STATE_UDP_ONE_WAY;
    if (key->kind & (KIND_ICMP | KIND_ICMP6)) return both ? FLOW_STATE_ICMP : FLOW_STATE_ICMP_ONE_WAY;
    if (!(key->kind & KIND_SCTP)) return both ? FLOW_STATE_OTHER : FLOW_STATE_OTHER_ONE_WAY;
    const int chunk = sctp_chunk_read(pkt, key);
    if (chunk == SCTP_ABORT) return FLOW_STATE_SCTP_RESET;
    if (chunk == SCTP_SHUTDOWN_COMPLETE) return FLOW_STATE_SCTP_CLOSING;
    return both ? FLOW_STATE_SCTP : FLOW_STATE_SCTP_ONE_WAY;
}

enum flow_state keep_first_state(const struct key *key, const struct pkt *pkt, const struct track_seen *s)
{
    return s->how == HOW_TCP ? (enum flow_state)s->next.state : keep_plain_state(key, pkt, false);
}

static enum flow_state keep_tcp(struct flow *f, const struct track_seen *s, uint64_t now_ns)
{
    f->tcp = s->next.track;
    if (s->next.refresh) f->seen_ns = now_ns;
    return (enum flow_state)s->next.state;
}

/* Update a flow of a protocol without numbers. An SCTP association that has ended is not prolonged. */
static enum flow_state keep_plain(struct flow *f, const struct key *key, const struct pkt *pkt,
                                  const struct track_seen *s, uint64_t now_ns)
{
    if (s->dir == FLOW_REPLY) f->tcp.flags |= TCP_TRACK_HEARD_REPLY;
    if (flow_has_ended(f)) return (enum flow_state)f->state;
    f->seen_ns = now_ns;
    return keep_plain_state(key, pkt, f->tcp.flags & TCP_TRACK_HEARD_REPLY || f->flags & FLOW_ONE_SIDED);
}

enum flow_state keep_on(struct flow *f, const struct key *key, const struct pkt *pkt, const struct track_seen *s,
                        uint64_t now_ns)
{
    return s->how == HOW_TCP ? keep_tcp(f, s, now_ns) : keep_plain(f, key, pkt, s, now_ns);
}
