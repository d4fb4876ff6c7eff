/* The effect that a packet would have on its flow (track_look.h); only *s and the key are written */
#include "vm/flow/track/track_look.h"

#include "vm/flow/tcp/sctp.h"
#include "vm/flow/track/joined.h"
#include "vm/flow/track/ordinary.h"
#include "vm/flow/track/track_priv.h"

/* Return the direction of the packet, or of the packet that an error quotes. */
static enum flow_dir direction(const struct flow *f, uint8_t at)
{
    if (at & AT_QUERY) return at & AT_ANSWER ? FLOW_REPLY : FLOW_ORIGINAL;
    if (at & AT_SAME) return FLOW_ORIGINAL;
    return !(at & AT_HIGH) == !(f->flags & FLOW_OPENED_BY_HIGH) ? FLOW_ORIGINAL : FLOW_REPLY;
}

/* A flow with a twin has two tuples: its opener's packets have its own tuple, those of the other side have the
 * twin's. */
void look_side(const struct flow *at, struct track_seen *s)
{
    const bool pair = at->flags & (FLOW_TWIN | FLOW_PAIRED);
    s->dir = (uint8_t)direction(at, s->at);
    s->twin = at->flags & FLOW_TWIN;
    s->at &= (uint8_t)~AT_FOREIGN;
    if (s->twin) s->slot = at->flow;
    if (!pair || s->how == HOW_ERROR || s->twin == (s->dir == FLOW_REPLY)) return;
    s->slot = FLOW_NONE;
    s->dir = FLOW_ORIGINAL;
    s->twin = false;
    s->at |= AT_FOREIGN;
}

/* Return the packet's origin: its interface, and that interface's id in rules. 0: unknown, or this machine sends it. */
static uint32_t origin_of(const struct key *key, const struct pkt *pkt)
{
    if (key->kind & KIND_OUT || pkt->iface == IFACE_NONE) return 0;
    return ((uint32_t)(pkt->iface & UINT8_MAX) << 8 | (key->iface & UINT8_MAX)) + 1;
}

/* Proof that a reply gives of its sender */
enum proof { PROOF_NONE, PROOF_GIVEN, PROOF_UNKNOWN };

/* Return what a reply proves. opens_by: origin of the opener's packets; 0: unknown. Whoever opens a flow can also
 * send its replies, by the interface that its first packets came by. For flows that are not sent on, only forwarded
 * packets are checked: packets that this machine sends are not forged. */
static uint32_t proof_of(const struct flow *f, const struct key *key, const struct pkt *pkt, const struct track_seen *s,
                         uint32_t opens_by)
{
    if (f->flags & FLOW_ONE_SIDED || key->kind & KIND_OUT || s->back == SOURCE_REACHED) return PROOF_GIVEN;
    if (s->back == SOURCE_FAILED) return PROOF_NONE;
    if (!(f->flags & FLOW_BOUND) && !(key->kind & KIND_FORWARD)) return PROOF_GIVEN;
    if (!opens_by) return PROOF_UNKNOWN;
    return opens_by == origin_of(key, pkt) ? PROOF_NONE : PROOF_GIVEN;
}

/* Judge a segment without a flow. */
static enum flow_mark look_first(const struct tcp_segment *segment, struct track_seen *s)
{
    const enum flow_mark mark = tcp_begin(segment, s->picks != PICKS_NONE, &s->next);
    return s->next.state == FLOW_STATE_PICKED_UP && s->picks == PICKS_OPENED ? MARK_ESTABLISHED : mark;
}

/* True until a packet of the other side has come: a SYN, or one in a picked-up flow. */
static inline bool is_unheard(uint32_t state) { return state == FLOW_STATE_SYN_SENT || state == FLOW_STATE_PICKED_UP; }

/* While no packet of the other side has come, note the origin of the opener's segments, in the place of that side's
 * number, or of a SYN that changes nothing. */
static void note_opener(const struct key *key, const struct pkt *pkt, struct track_seen *s)
{
    struct tcp_track *t = &s->next.track;
    if (t->flags & TCP_TRACK_HEARD_REPLY || s->next.by_other) return;
    if (s->next.state == FLOW_STATE_SYN_SENT) t->side[FLOW_REPLY].end = origin_of(key, pkt);
    if (s->next.state == FLOW_STATE_PICKED_UP) t->ignored = (uint16_t)origin_of(key, pkt);
}

static uint32_t opener_of(const struct flow *f)
{
    if (f->state == FLOW_STATE_SYN_SENT) return f->tcp.side[FLOW_REPLY].end;
    return f->state == FLOW_STATE_PICKED_UP ? f->tcp.ignored : 0;
}

/* Decide whether the flow's handshake proves the other side, and set next.astray. A reply with another number than
 * before replaces the first. */
static void look_proof(const struct flow *f, const struct key *key, const struct pkt *pkt, struct track_seen *s)
{
    struct tcp_step *next = &s->next;
    const uint32_t state = f->state;
    next->astray = f->astray;
    if (s->dir == FLOW_ORIGINAL && !next->by_other) {
        if (!(f->flags & FLOW_ONE_SIDED)) note_opener(key, pkt, s);
        return;
    }
    const bool opens = is_unheard(state) || state == FLOW_STATE_SYN_BOTH || state == FLOW_STATE_SYN_RECEIVED;
    if (!next->refresh || !(opens || next->by_other)) return;
    const bool other = next->track.side[FLOW_REPLY].end != f->tcp.side[FLOW_REPLY].end && key->marks & TCP_SYN;
    const uint32_t proof = proof_of(f, key, pkt, s, opener_of(f));
    const bool counts = is_unheard(state) || next->by_other || other;
    s->proves = true;
    next->astray = proof != PROOF_GIVEN && (counts ? proof == PROOF_NONE || !is_unheard(state) : f->astray);
}

static enum flow_mark look_tcp(const struct flow *f, const struct flow_joint *joint, const struct key *key,
                               const struct pkt *pkt, struct track_seen *s)
{
    struct tcp_segment segment;
    tcp_read(pkt, key, &segment);
    if (!f) {
        const enum flow_mark first = look_first(&segment, s);
        note_opener(key, pkt, s);
        return first;
    }
    if (__builtin_expect(joint != NULL, 0) && s->dir == FLOW_ORIGINAL) joint_follow(joint, &f->tcp, s->delta, &segment);
    const enum flow_mark mark =
        tcp_follow((enum flow_state)f->state, &f->tcp, (enum flow_dir)s->dir, &segment, &s->next);
    look_proof(f, key, pkt, s);
    return mark;
}

static enum flow_mark look_sctp(const struct flow *f, const struct key *key, const struct pkt *pkt,
                                struct track_seen *s)
{
    struct sctp_packet packet;
    sctp_read(pkt, key, &packet);
    struct plain_track *t = &s->next.track.plain;
    if (!f) {
        const enum flow_mark mark = sctp_begin(&packet, s->picks == PICKS_NEW, &s->next);
        t->sctp_opens_by = (uint16_t)origin_of(key, pkt);
        return mark;
    }
    const enum flow_mark mark = sctp_follow(f, (enum flow_dir)s->dir, &packet, &s->next);
    if (s->next.reopen) t->sctp_opens_by = (uint16_t)origin_of(key, pkt);
    if (s->next.reopen || f->state == FLOW_STATE_SCTP_OPEN || flow_has_ended(f)) return mark;
    s->proves = s->dir == FLOW_REPLY && s->next.refresh;
    const uint32_t proof = s->proves ? proof_of(f, key, pkt, s, f->tcp.plain.sctp_opens_by) : PROOF_GIVEN;
    t->sctp |= (f->tcp.plain.sctp & SCTP_TRACK_ASTRAY) | (proof == PROOF_NONE ? SCTP_TRACK_ASTRAY : 0);
    if (t->sctp & SCTP_TRACK_ASTRAY && s->next.state == FLOW_STATE_SCTP_OPEN) s->next.state = FLOW_STATE_SCTP;
    return mark;
}

/* Return the state of a flow without numbers. both: both sides have spoken; lasts: each often enough. */
static enum flow_state plain_state(const struct key *key, bool both, bool lasts)
{
    const bool udp = key->kind & KIND_UDP, icmp = key->kind & (KIND_ICMP | KIND_ICMP6);
    if (lasts) return udp ? FLOW_STATE_UDP_LASTING : icmp ? FLOW_STATE_ICMP_LASTING : FLOW_STATE_OTHER_LASTING;
    const enum flow_state first = udp    ? FLOW_STATE_UDP_ONE_WAY
                                  : icmp ? FLOW_STATE_ICMP_ONE_WAY
                                         : FLOW_STATE_OTHER_ONE_WAY;
    return (enum flow_state)(first + LOOSE(both ? 1u : 0u));
}

/* Judge a flow of a protocol without numbers: established once both sides have spoken, including this packet. */
static enum flow_mark look_plain(const struct flow *f, const struct key *key, const struct pkt *pkt,
                                 struct track_seen *s)
{
    if (key->kind & KIND_SCTP) return look_sctp(f, key, pkt, s);
    struct tcp_step *next = &s->next;
    struct plain_track *t = &next->track.plain;
    *next = (struct tcp_step){.refresh = true};
    if (f) next->track = f->tcp;
    if (s->dir == FLOW_ORIGINAL) t->opens_by = origin_of(key, pkt);
    s->proves = f && s->dir == FLOW_REPLY && !ordinary_counted(f, FLOW_REPLY);
    const bool astray = s->proves && proof_of(f, key, pkt, s, t->opens_by) == PROOF_NONE;
    uint8_t *count = astray ? &t->astray : &t->packets[s->dir & 1];
    /* The other side's packets are counted until enough have come that prove their sender, or that prove nothing. */
    const bool counts = s->dir == FLOW_ORIGINAL || s->proves;
    if (counts && *count < FLOW_LASTS) ++*count;
    if (s->dir == FLOW_REPLY) next->track.flags |= TCP_TRACK_HEARD_REPLY;
    const bool one_sided = f && f->flags & FLOW_ONE_SIDED;
    const bool both = one_sided || next->track.flags & TCP_TRACK_HEARD_REPLY;
    const bool answered = one_sided || t->packets[FLOW_REPLY] == FLOW_LASTS;
    next->state = (uint8_t)plain_state(key, both, answered && t->packets[FLOW_ORIGINAL] == FLOW_LASTS);
    return both ? MARK_ESTABLISHED : MARK_NEW;
}

/* True if the error belongs to the flow. Packets to a client that a cookie answered have prey's numbers. */
static bool speaks_of(const struct flow *f, const struct key *key, const struct track_seen *s)
{
    if (!f) return false;
    /* An error quotes a packet as its receiver got it; only this machine may quote one as it was before its
     * translation */
    if (f->flags & FLOW_PAIRED && s->twin != (s->dir == FLOW_ORIGINAL) && !(key->kind & KIND_SRC_SELF)) return false;
    const bool ours = f->joined && s->dir == FLOW_REPLY && !s->twin;
    return related_to(f, (enum flow_dir)s->dir, s->seq + (ours ? s->delta : 0));
}

static enum seen_class look_class(const struct flow *f, const struct track_seen *s)
{
    if (!f) return s->how < HOW_TCP || s->at & (AT_GROUP | AT_FOREIGN) || track_answers(s) ? SEEN_NONE : SEEN_NEW;
    const bool bound = f->flags & FLOW_BOUND;
    if (s->how == HOW_ERROR)
        return bound && s->mark == MARK_RELATED && s->twin == (s->dir == FLOW_ORIGINAL) ? SEEN_ERROR : SEEN_UNBOUND;
    if (bound && s->twin) return SEEN_REPLY; /* look_side lets only replies through a twin */
    if (s->next.reopen) return SEEN_NEW;
    return bound && s->dir == FLOW_ORIGINAL ? SEEN_ORIGINAL : SEEN_UNBOUND;
}

static enum flow_mark look_mark(const struct flow *f, const struct flow_joint *joint, const struct key *key,
                                const struct pkt *pkt, struct track_seen *s)
{
    switch ((enum track_how)s->how) {
    case HOW_NONE: return MARK_NONE;
    case HOW_LOOSE: return MARK_NEW;
    case HOW_INVALID: return MARK_INVALID;
    case HOW_TCP: return look_tcp(f, joint, key, pkt, s);
    case HOW_PLAIN: return look_plain(f, key, pkt, s);
    case HOW_REPLY: return f ? look_plain(f, key, pkt, s) : MARK_INVALID;
    case HOW_ERROR: return speaks_of(f, key, s) ? MARK_RELATED : MARK_INVALID;
    }
    return MARK_NONE;
}

/* Judge a packet whose flow would not exist. */
static enum flow_mark would_begin(const struct key *key, const struct pkt *pkt, const struct track_seen *s)
{
    struct tcp_segment segment;
    struct track_seen alone = *s;
    alone.dir = FLOW_ORIGINAL;
    switch ((enum track_how)s->how) {
    case HOW_TCP: tcp_read(pkt, key, &segment); return look_first(&segment, &alone);
    case HOW_PLAIN: return look_plain(NULL, key, pkt, &alone);
    case HOW_REPLY:
    case HOW_ERROR: return MARK_INVALID;
    default: return (enum flow_mark)s->mark;
    }
}

/* Judge a segment of a flow in which only one side would have spoken, by a SYN. From that side only SYNs are valid. */
static enum flow_mark would_half(bool same_side, const struct key *key, const struct pkt *pkt,
                                 const struct track_seen *s)
{
    struct tcp_segment segment;
    if (!same_side) return (enum flow_mark)s->mark;
    tcp_read(pkt, key, &segment);
    return (segment.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN ? MARK_NEW : MARK_INVALID;
}

/* Judge a packet of a flow in which one side would have spoken. same_side: that side has sent the packet. */
static enum flow_mark would_one_way(bool same_side, const struct flow *f, const struct key *key, const struct pkt *pkt,
                                    const struct track_seen *s)
{
    if (f->flags & FLOW_ONE_SIDED) return (enum flow_mark)s->mark;
    if (s->how == HOW_TCP) return would_half(same_side, key, pkt, s);
    if (s->how != HOW_PLAIN) return (enum flow_mark)s->mark;
    return same_side ? MARK_NEW : MARK_ESTABLISHED;
}

enum flow_mark look_would(const struct flow *f, const struct key *key, const struct pkt *pkt,
                          const struct track_seen *s)
{
    switch ((enum flow_would)(f ? f->would & FLOW_WOULD_STATE : FLOW_WOULD_SAME)) {
    case FLOW_WOULD_NOT: return would_begin(key, pkt, s);
    case FLOW_WOULD_ORIGINAL: return would_one_way(s->dir == FLOW_ORIGINAL, f, key, pkt, s);
    case FLOW_WOULD_REPLY: return would_one_way(s->dir == FLOW_REPLY, f, key, pkt, s);
    case FLOW_WOULD_BOTH: return s->how == HOW_PLAIN || s->how == HOW_TCP ? MARK_ESTABLISHED : (enum flow_mark)s->mark;
    default: return (enum flow_mark)s->mark;
    }
}

/* Return the flow's state under audit after a packet, from its state `now` before. would: the packet would be
 * accepted; heard: in fact the other side has spoken, including this packet; first: it had spoken before. */
static enum flow_would would_after(enum flow_would now, bool reply, bool heard, bool first, bool would)
{
    const enum flow_would both = heard ? FLOW_WOULD_SAME : FLOW_WOULD_BOTH;
    switch (now) {
    case FLOW_WOULD_SAME:
        if (!reply || first || heard == would) return now;
        return heard ? FLOW_WOULD_ORIGINAL : FLOW_WOULD_BOTH;
    case FLOW_WOULD_NOT:
        if (!would) return now;
        if (reply) return FLOW_WOULD_REPLY;
        return heard ? FLOW_WOULD_ORIGINAL : FLOW_WOULD_SAME;
    case FLOW_WOULD_ORIGINAL: return would && reply ? both : now;
    case FLOW_WOULD_REPLY: return would && !reply ? both : now;
    case FLOW_WOULD_BOTH: return heard ? FLOW_WOULD_SAME : now;
    default: return now;
    }
}

enum flow_would keep_would(const struct flow *f, const struct track_seen *s, enum flow_mark mark, bool accept,
                           bool would_accept)
{
    const enum flow_would now = (enum flow_would)(f->would & FLOW_WOULD_STATE);
    const bool first = f->tcp.flags & TCP_TRACK_HEARD_REPLY, reply = s->dir == FLOW_REPLY;
    const bool in = LOOSE(accept && s->mark & (MARK_NEW | MARK_ESTABLISHED));
    const bool would = LOOSE(would_accept && mark & (MARK_NEW | MARK_ESTABLISHED));
    if (s->how != HOW_TCP && s->how != HOW_PLAIN && s->how != HOW_REPLY) return now;
    if (now == FLOW_WOULD_NOT && mark != MARK_NEW) return now;
    return would_after(now, reply, LOOSE(first || (in && reply)), first, would);
}

void look_at(const struct flow *f, const struct flow_joint *joint, struct key *key, const struct pkt *pkt,
             struct track_seen *s)
{
    s->next.reopen = s->next.by_other = s->proves = false;
    s->would = FLOW_WOULD_SAME;
    s->mark = (uint16_t)look_mark(f, joint, key, pkt, s);
    if (s->picks == PICKS_OPENED && s->how != HOW_TCP && s->mark == MARK_NEW) {
        /* A reply to an inquiry of this machine that belongs to no flow is for this machine, whatever its address */
        s->mark = MARK_RELATED;
        key->kind = (key->kind & ~(uint32_t)KIND_FORWARD) | KIND_IN;
    }
    s->class = (uint8_t)look_class(f, s);
    key->marks = (key->marks & ~(uint32_t)MARK_STATES) | s->mark;
}
