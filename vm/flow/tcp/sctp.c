/* SCTP between its two sides (sctp.h), as netfilter follows it, except that a tag changes with the cookie, not with
 * the INIT */
#include "vm/flow/tcp/sctp.h"

#include "vm/packet/loop.h"

/* Chunks with which another path of an association may begin (RFC 9260, 8.3). BEGINS_NONE: chunks that begin
 * nothing, even if the beginning of the association was missed */
enum { PATH_BEGINS = SCTP_HAS(SCTP_HEARTBEAT) | SCTP_HAS(SCTP_HEARTBEAT_ACK) };
enum { ENDS = SCTP_HAS(SCTP_ABORT) | SCTP_HAS(SCTP_SHUTDOWN_COMPLETE) };
enum { BEGINS_NONE = ENDS | SCTP_HAS(SCTP_INIT_ACK) | SCTP_HAS(SCTP_COOKIE_ACK) };
enum { OPENS = SCTP_HAS(SCTP_INIT) | SCTP_HAS(SCTP_INIT_ACK) };

static_assert(SCTP_TRACK_ECHO_REPLY == SCTP_TRACK_ECHO_ORIGINAL << FLOW_REPLY, "by direction");
static_assert(SCTP_TRACK_STRANGE_REPLY == SCTP_TRACK_STRANGE_ORIGINAL << FLOW_REPLY, "by direction");
enum { STRANGE = SCTP_TRACK_STRANGE_ORIGINAL | SCTP_TRACK_STRANGE_REPLY };

/* A packet's part in the association */
enum part {
    PART_NONE,
    PART_BESIDE, /* the packet belongs, but changes no state: a handshake beside the association, a path that shows its
                    tag */
    PART_OWN,
};

static bool has_chunk(const struct sctp_packet *p, unsigned chunk) { return p->has >> chunk & 1; }

/* True if packets of the direction have that tag, or will once the handshake's cookie comes. */
static bool is_tag(const struct plain_track *t, uint32_t dir, uint32_t tag)
{
    return tag && (tag == t->tag[dir & 1] || tag == t->new_tag[dir & 1]);
}

/* True if packets of the direction have that tag; if the association began unseen, the first packet sets it. */
static bool takes_tag(struct plain_track *t, uint32_t dir, uint32_t tag)
{
    if (!t->tag[dir & 1] && t->sctp & SCTP_TRACK_UNSEEN) t->tag[dir & 1] = tag;
    return tag && tag == t->tag[dir & 1];
}

/* Follow INIT and INIT ACK: they name the tag of the other direction. */
static enum part opens(struct plain_track *t, uint32_t dir, const struct sctp_packet *p)
{
    const bool fits = has_chunk(p, SCTP_INIT) ? !p->tag : is_tag(t, dir, p->tag) || takes_tag(t, dir, p->tag);
    if (!fits) return PART_NONE;
    if (!p->init_tag) t->sctp |= SCTP_TRACK_UNSEEN;
    t->new_tag[(dir ^ 1) & 1] = p->init_tag;
    return t->tag[(dir ^ 1) & 1] ? PART_BESIDE : PART_OWN;
}

/* Follow the cookie of a handshake: its tags hold from here on. */
static enum part takes_cookie(struct plain_track *t, uint32_t dir, uint32_t tag)
{
    if (!tag || tag != t->new_tag[dir & 1]) return takes_tag(t, dir, tag) ? PART_OWN : PART_NONE;
    for (unsigned i = 0; i < 2; i++) {
        if (t->new_tag[i]) t->tag[i] = t->new_tag[i];
        t->new_tag[i] = 0;
    }
    t->sctp = (uint8_t)(SCTP_TRACK_ECHO_ORIGINAL << (dir & 1));
    return PART_OWN;
}

/* Follow a packet that ends the association (RFC 9260, 8.5.1): with the receiver's tag or, reflected, the sender's.
 * A packet that refuses a handshake beside the association leaves the association open. */
static enum part ends(struct plain_track *t, uint32_t dir, const struct sctp_packet *p)
{
    const uint32_t as = (dir ^ p->reflected) & 1;
    if (takes_tag(t, as, p->tag)) return PART_OWN;
    if (!is_tag(t, as, p->tag)) return PART_NONE;
    return t->tag[as] ? PART_BESIDE : PART_OWN;
}

/* Follow a HEARTBEAT or its acknowledgement. As in netfilter, a pair of them may set new tags, because the
 * association may have begun again by another path. */
static enum part beats(struct plain_track *t, uint32_t dir, const struct sctp_packet *p)
{
    const uint32_t sender = dir & 1, receiver = sender ^ 1;
    if (takes_tag(t, sender, p->tag)) {
        t->sctp &= (uint8_t)~STRANGE;
        return PART_OWN;
    }
    if (!p->tag || !t->tag[sender] || has_chunk(p, SCTP_DATA)) return PART_NONE;
    if (has_chunk(p, SCTP_HEARTBEAT)) {
        t->sctp |= (uint8_t)(SCTP_TRACK_STRANGE_ORIGINAL << sender);
        return PART_BESIDE;
    }
    if (!(t->sctp & SCTP_TRACK_STRANGE_ORIGINAL << receiver)) return PART_NONE;
    t->sctp = (uint8_t)((t->sctp & ~STRANGE) | SCTP_TRACK_UNSEEN);
    t->tag[sender] = p->tag;
    t->tag[receiver] = 0;
    return PART_OWN;
}

/* Return the packet's part (enum part), and note its tags. */
ALONE uint32_t sctp_part_of(uint32_t dir, const struct sctp_packet *p THERE, struct tcp_step *next THERE)
{
    struct plain_track *t = &next->track.plain;
    if (p->has & OPENS) return opens(t, dir, p);
    if (p->has & ENDS) return ends(t, dir, p);
    if (has_chunk(p, SCTP_COOKIE_ECHO)) return takes_cookie(t, dir, p->tag);
    if (p->has & PATH_BEGINS) return beats(t, dir, p);
    if (takes_tag(t, dir, p->tag)) return PART_OWN;
    /* A host that has forgotten the tag also sends this chunk, and gets a SHUTDOWN COMPLETE (RFC 9260, 8.4) */
    return has_chunk(p, SCTP_SHUTDOWN_ACK) && p->tag ? PART_BESIDE : PART_NONE;
}

/* Return the state after a packet that belongs to the association. */
static enum flow_state state_after(const struct flow *now, enum flow_dir dir, const struct sctp_packet *p,
                                   const struct tcp_step *next)
{
    const struct plain_track *t = &next->track.plain;
    const bool one_sided = now->flags & FLOW_ONE_SIDED, heard = next->track.flags & TCP_TRACK_HEARD_REPLY;
    if (has_chunk(p, SCTP_ABORT)) return FLOW_STATE_SCTP_RESET;
    if (has_chunk(p, SCTP_SHUTDOWN_COMPLETE)) return FLOW_STATE_SCTP_CLOSING;
    if (now->state == FLOW_STATE_SCTP_OPEN) return FLOW_STATE_SCTP_OPEN;
    if (!heard && !one_sided) return FLOW_STATE_SCTP_ONE_WAY;
    if (p->has & OPENS) return FLOW_STATE_SCTP;
    const bool echoed = t->sctp & SCTP_TRACK_ECHO_ORIGINAL << (~(uint32_t)dir & 1);
    const bool told = t->sctp & SCTP_TRACK_UNSEEN && t->tag[0] && t->tag[1];
    return one_sided || echoed || told ? FLOW_STATE_SCTP_OPEN : FLOW_STATE_SCTP;
}

enum flow_mark sctp_follow(const struct flow *now, enum flow_dir dir, const struct sctp_packet *p,
                           struct tcp_step *next)
{
    const bool one_sided = now->flags & FLOW_ONE_SIDED, over = flow_has_ended(now);
    *next = (struct tcp_step){.track = now->tcp, .state = now->state};
    if (one_sided && !has_chunk(p, SCTP_INIT)) next->track.plain.sctp |= SCTP_TRACK_UNSEEN;
    const uint32_t part = p->has ? sctp_part_of(dir & 1u, p, next) : PART_NONE;
    if (part == PART_NONE) return MARK_INVALID;
    if (over && has_chunk(p, SCTP_INIT)) {
        sctp_begin(p, false, next);
        next->reopen = true;
        return MARK_NEW;
    }
    if (dir == FLOW_REPLY) next->track.flags |= TCP_TRACK_HEARD_REPLY;
    if (part == PART_OWN && !over) {
        next->refresh = true;
        next->state = (uint8_t)state_after(now, dir, p, next);
    }
    return one_sided || next->track.flags & TCP_TRACK_HEARD_REPLY ? MARK_ESTABLISHED : MARK_NEW;
}

enum flow_mark sctp_begin(const struct sctp_packet *p, bool pickup, struct tcp_step *next)
{
    struct plain_track *t = &next->track.plain;
    *next = (struct tcp_step){.state = FLOW_STATE_SCTP_ONE_WAY, .refresh = true};
    if (has_chunk(p, SCTP_INIT)) {
        t->new_tag[FLOW_REPLY] = p->init_tag;
        if (!p->init_tag) t->sctp = SCTP_TRACK_UNSEEN;
        return p->tag ? MARK_INVALID : MARK_NEW;
    }
    t->sctp = SCTP_TRACK_UNSEEN;
    t->tag[FLOW_ORIGINAL] = p->tag;
    if (has_chunk(p, SCTP_ABORT)) next->state = FLOW_STATE_SCTP_RESET;
    if (has_chunk(p, SCTP_SHUTDOWN_COMPLETE)) next->state = FLOW_STATE_SCTP_CLOSING;
    if (!p->has || !p->tag || p->has & BEGINS_NONE) return MARK_INVALID;
    return pickup || p->has & PATH_BEGINS ? MARK_NEW : MARK_INVALID;
}
