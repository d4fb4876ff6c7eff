/* A packet against the slot of its flow, in two pure halves (docs/kernel.md, Rules for code). *Look* reads: what
 * `state` says of the packet, and what it would make of the flow. *Keep* writes that once the packet is accepted. Both
 * know a slot, the packet and the time; table, events, sources and stacks are track.c's.
 *
 * A slot may change between the two: who shares it among processors looks again under its lock before it keeps. */
#pragma once

#include "vm/flow/track/track.h"

/* Which direction of the flow of slot `at` the packet is, or the packet that it quotes: into *s. at: found by the
 * packet's tuple; it may be a twin, and then s->slot becomes that of its flow. Through a twin only replies and errors
 * belong to the flow: anything else has none and is invalid. */
void look_side(const struct flow *at, struct track_seen *s);

/* What `state` says, into s->mark and key->marks, and into s->next what the flow becomes if the packet is accepted; its
 * class. f: the flow, on the packet's side by look_side; NULL: none. joint: of a joined one, whose numbers s->delta
 * tells; else NULL. s->picks: what mid-stream TCP is without a flow. */
void look_at(const struct flow *f, const struct flow_joint *joint, struct key *key, const struct pkt *pkt,
             struct track_seen *s);

/* What becomes of the flow of an accepted packet that look_at has seen. */
enum keep {
    KEEP_NOTHING, /* no flow begins or goes on */
    KEEP_BEGIN,   /* one begins, in the place of s->slot, if there is one */
    KEEP_GO_ON,   /* that of s->slot goes on */
};
enum keep keep_what(const struct track_seen *s);

/* The state in which the flow begins. */
enum flow_state keep_first_state(const struct key *key, const struct pkt *pkt, const struct track_seen *s);
/* The state of a flow without numbers after that packet; both: both sides have spoken. */
enum flow_state keep_plain_state(const struct key *key, const struct pkt *pkt, bool both);

/* The flow goes on: all but its state is written, which is returned, for the table orders flows by it. */
enum flow_state keep_on(struct flow *f, const struct key *key, const struct pkt *pkt, const struct track_seen *s,
                        uint64_t now_ns);
