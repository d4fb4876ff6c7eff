/* Comparison of a packet with the slot of its flow, in two pure halves (docs/kernel.md, Rules for code). *Look*
 * finds the packet's `state`, and the flow after the packet. *Keep* writes that flow once the packet is accepted.
 * Both use only a slot, the packet and the time; track.c has table, events, sources and stacks.
 *
 * A slot may change between the two: in a table shared among processors, look again under the lock before keep. */
#pragma once

#include "vm/flow/track/track.h"

/* Find the direction of the packet (for an error, of the quoted packet) in the flow of slot `at`, which was found by
 * the packet's tuple; write it into *s. If `at` is a twin, s->slot becomes its flow's. A flow that has a twin is
 * found by each side's own tuple only: any other packet has no flow, and makes none (AT_FOREIGN). */
void look_side(const struct flow *at, struct track_seen *s);

/* Write the packet's `state` into s->mark and key->marks, the flow after the packet is accepted into s->next, and the
 * class. f: the flow, after look_side; NULL: none. joint: of a joined flow, with s->delta; else NULL. s->picks: meaning
 * of mid-stream TCP without a flow. */
void look_at(const struct flow *f, const struct flow_joint *joint, struct key *key, const struct pkt *pkt,
             struct track_seen *s);

/* Return the value of `state` for the packet if audited rules decided (flow.h, enum flow_would), after look_at. f:
 * the flow; NULL: none. */
enum flow_mark look_would(const struct flow *f, const struct key *key, const struct pkt *pkt,
                          const struct track_seen *s);
/* Return the flow's state under audit after the packet. mark: result of look_would; accept, would_accept: the
 * decision, and the one under audit. */
enum flow_would keep_would(const struct flow *f, const struct track_seen *s, enum flow_mark mark, bool accept,
                           bool would_accept);
/* Return flow.would after the packet, or for a flow that it begins. changed: audit would change the packet's fate. */
static inline uint8_t keep_noted(const struct flow *f, const struct track_seen *s, enum flow_mark mark, bool accept,
                                 bool would_accept, bool changed)
{
    const uint32_t told = f->would & FLOW_WOULD_TOLD, tells = changed ? FLOW_WOULD_TOLD : 0;
    return (uint8_t)(keep_would(f, s, mark, accept, would_accept) | told | tells);
}
static inline uint8_t keep_noted_first(enum flow_mark mark, bool would_accept, bool changed)
{
    const uint32_t state = would_accept && mark == MARK_NEW ? FLOW_WOULD_SAME : FLOW_WOULD_NOT;
    return (uint8_t)(state | (changed ? FLOW_WOULD_TOLD : 0));
}

/* Effect on the table of an accepted packet, after look_at */
enum keep {
    KEEP_NOTHING, /* no flow begins or goes on */
    KEEP_BEGIN,   /* a flow begins, in place of s->slot if there is one */
    KEEP_GO_ON,   /* the flow of s->slot goes on */
};
enum keep keep_what(const struct track_seen *s);

/* Write a continuing flow, except its state, which is returned because the table orders flows by it. */
enum flow_state keep_on(struct flow *f, const struct track_seen *s, uint64_t now_ns);
