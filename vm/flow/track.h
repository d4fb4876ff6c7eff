/* Following flows: from parsed packets to `state`, and from verdicts to the table. What vm.c knows of flows.
 *
 * A packet is looked up before it is judged and changes the table only when it is accepted, in the order in which
 * packets come: the state of each depends on what became of those before. Only the memory is asked for a batch at a
 * time. */
#ifndef VM_FLOW_TRACK_H
#define VM_FLOW_TRACK_H

#include "vm/flow/sources.h"
#include "vm/flow/stacks.h"
#include "vm/flow/table.h"
#include "vm/flow/tcp.h"
#include "vm/vm.h"

struct track; /* a worker's */

/* What is known of one packet between look-up and verdict. */
struct track_seen {
    struct flow_id id;
    uint64_t hash;
    int32_t slot;  /* its flow, or the one that an error quotes; FLOW_NONE */
    uint8_t dir;   /* enum flow_dir of the packet, of an error: of the packet that it quotes */
    uint8_t how;   /* private to track.c */
    uint8_t at;    /* likewise */
    uint16_t mark; /* enum flow_mark */
    uint32_t seq;  /* of the TCP segment that an error quotes */
    struct tcp_step next;
};

struct track *track_new(const struct program *p, const struct vm_cfg *cfg); /* NULL when memory is out */
void track_free(struct track *t);

/* The time of all that follows, which never runs back, and where ends of flows are told (until the next call). */
void track_at(struct track *t, uint64_t now_ns, struct vm_tx *tx);

/* Tuple and hash of the packets of `todo`, and their memory asked for. */
void track_ahead(struct track *t, const struct key keys[], struct pkt *const pkts[], uint64_t todo,
                 struct track_seen seen[]);

/* One packet, in its turn: its flow and its state, which is also written into key->marks. */
void track_look(struct track *t, struct key *key, const struct pkt *pkt, struct track_seen *s);
/* Both of them for one packet, and nothing changes but key->marks and *s: what explain asks. */
void track_peek(const struct track *t, struct key *key, const struct pkt *pkt, struct track_seen *s);

/* The packet was accepted: its flow is made, or goes on. Another flow may make way for it. */
void track_accept(struct track *t, const struct key *key, const struct pkt *pkt, struct track_seen *s);
/* The packet, just accepted, goes to a server whose answers take another way (DSR): a flow that it opened is followed
 * by the client's side alone, and no window is checked. */
void track_one_sided(struct track *t, const struct track_seen *s);

/* Flows that the packet's source has opened and holds, one more if the packet would open one. For `flows over`. */
uint32_t track_source_flows(const struct track *t, const struct key *key, const struct track_seen *s);

/* The flow of the packet, for what else is kept with it; NULL: none. */
struct flow *track_flow(struct track *t, const struct track_seen *s);

/* Nothing is remembered for the flows of the next slots, at most `slots` of them, from *hand (at first 0) on; true
 * while there are more. */
bool track_forget(struct track *t, uint32_t *hand, unsigned slots);

/* Timed work, a part of the table: returns the next deadline, UINT64_MAX for none. */
uint64_t track_tick(struct track *t);
/* Release what has timed out in the next part of the table: *part is 0 at first; false after the last. */
bool track_expire(struct track *t, unsigned *part);

/* The flow that a packet belongs to, or that an error quotes; false: none. */
bool track_tell(const struct track *t, const struct track_seen *s, struct flow_record *f);
/* The flows that go on: *at is 0 at first; false at the end. */
bool track_next(const struct track *t, uint32_t *at, struct flow_record *f);

const struct flow_counters *track_counters(const struct track *t);
uint64_t track_stacks_full(const struct track *t);

#endif
