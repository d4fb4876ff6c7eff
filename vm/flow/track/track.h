/* Following flows: from parsed packets to `state`, and from verdicts to the table. What a worker knows of flows.
 *
 * A packet is looked up before it is judged and changes the table only when it is accepted, in the order in which
 * packets come: the state of each depends on what became of those before. Only the memory is asked for a batch at a
 * time. */
#pragma once

#include "vm/cfg.h"
#include "vm/flow/flow.h"
#include "vm/flow/sources.h"
#include "vm/flow/stacks.h"
#include "vm/flow/table/table.h"
#include "vm/packet/edit/recipe.h"
#include "vm/packet/key.h"
#include "vm/program/program.h"
#include "vm/verdict.h"

struct track; /* a worker's */

/* What a packet is to the flows that there are: what becomes of it follows. A flow is bound where it is sent on. */
enum seen_class {
    SEEN_NONE,     /* it has no flow, and makes none */
    SEEN_NEW,      /* it has none and may begin one, or its flow is over and another begins */
    SEEN_PLAIN,    /* it has one that is not bound, or one that is, but not as below */
    SEEN_ORIGINAL, /* it has a bound one, which its side opened */
    SEEN_REPLY,    /* it has a bound one, whose replies come back through here */
    SEEN_ERROR,    /* an ICMP error that quotes a packet of a bound one as its receiver saw it */
};

/* What a TCP segment from the middle of a connection is that has no flow. */
enum picks {
    PICKS_NONE,   /* invalid */
    PICKS_NEW,    /* new: it may begin one now */
    PICKS_OPENED, /* established: this machine has opened its connection, and what this machine sends begins one */
};

/* What is known of one packet between look-up and verdict. */
struct track_seen {
    struct flow_id id;
    uint64_t hash;
    int32_t slot;   /* its flow, or the one that an error quotes; FLOW_NONE */
    int32_t tuple;  /* the slot under its own tuple: that flow's, or that of its twin; FLOW_NONE */
    uint8_t dir;    /* enum flow_dir of the packet, of an error: of the packet that it quotes */
    bool twin;      /* the tuple is that of the flow's twin: what the other side sees */
    uint8_t how;    /* enum track_how (track_priv.h) */
    uint8_t at;     /* enum track_at */
    uint8_t class;  /* enum seen_class */
    uint8_t recipe; /* of an ordinary one: enum recipe_kind */
    uint16_t mark;  /* enum flow_mark */
    uint32_t seq;   /* of the TCP segment that an error quotes */
    int32_t room;   /* that track_ask_room found; FLOW_NONE */
    uint32_t delta; /* of a joined flow: what the server's numbers are ahead of those that the client gets */
    uint8_t picks;  /* enum picks */
    struct tcp_step next;
};

struct track *track_new(const struct program *p, const struct vm_cfg *cfg); /* NULL when memory is out */
/* As vm_ahead. */
void track_ahead(const struct track *t);
void track_free(struct track *t);

/* The time of all that follows, which never runs back, and where ends of flows are told (until the next call). */
void track_at(struct track *t, uint64_t now_ns, struct vm_tx *tx);

/* Before its turn, in three steps, so that the memory of many packets is under way at once. Tuple and hash of a packet,
 * and the tags that it may have; then the slot; then how its flow is sent on: returns the kind of its recipe, if it has
 * one. Only the first must be taken. */
void track_study(const struct track *t, const struct key *key, const struct pkt *pkt, struct track_seen *s);
void track_ask(const struct track *t, struct track_seen *s);
uint8_t track_ask_bind(const struct track *t, const struct track_seen *s);

/* One packet, in its turn: its flow, which is looked up this once, then its state, which is also written into
 * key->marks, and its class. */
void track_look(struct track *t, struct key *key, const struct pkt *pkt, struct track_seen *s);
/* The second half again, where the flow is known. */
void track_say(const struct track *t, struct key *key, const struct pkt *pkt, struct track_seen *s);
/* As track_look, and nothing changes but key->marks and *s: what explain asks. */
void track_peek(const struct track *t, struct key *key, const struct pkt *pkt, struct track_seen *s);

/* In the place of track_look: the recipe by which the packet, TCP or UDP, leaves, if it is one of that generation, and
 * no more is to be found out of its flow. *s says what track_look would; key->marks is left alone. NULL: track_look is
 * still to be called. */
const struct recipe *track_ordinary(const struct track *t, const struct key *key, const struct pkt *pkt,
                                    struct track_seen *s, uint32_t generation);
/* It leaves: what track_accept would do. */
void track_keep_ordinary(struct track *t, const struct key *key, const struct pkt *pkt, const struct track_seen *s);
/* From here on that is the recipe of the packet's direction, unless none is kept for it. */
void track_keep_recipe(struct track *t, const struct track_seen *s, uint8_t kind, const struct recipe *made);
/* None holds any more, in either direction of the packet's flow. */
void track_drop_recipes(struct track *t, const struct track_seen *s);

/* The packet was accepted: its flow is made, or goes on. Another flow may make way for it. */
void track_accept(struct track *t, const struct key *key, const struct pkt *pkt, struct track_seen *s);

/* Flows that the packet's source, or its network of one of the program's grains, has opened and holds, one more if the
 * packet would open one. For `flows over`. */
uint32_t track_source_flows(const struct track *t, const struct pbc_grain *grain, const struct key *key,
                            const struct track_seen *s);

/* The flow of the packet, for what else is kept with it; NULL: none. */
struct flow *track_flow(struct track *t, const struct track_seen *s);
/* The same, or of an error the flow that it quotes. */
const struct flow *track_about(const struct track *t, const struct track_seen *s);

struct track_ended {
    uint64_t now_ns;
    uint64_t rests_ns; /* of one that was evicted while both sides knew it, when its time would have passed; else 0 */
};
/* Called for each flow that is bound when it ends, before its slot is cleared. id: its tuple. */
typedef void track_unbound_fn(void *arg, const struct flow_bind *b, const struct flow_id *id, bool opened_by_high,
                              const struct track_ended *when);
void track_on_unbound(struct track *t, track_unbound_fn *fn, void *arg);

/* Numbers in bindings are of the program that there was. track_renew: another took its place, and `fn` brings one's
 * bindings in line, each before it is next looked at. Not while track_renews. */
typedef void track_renew_fn(void *arg, struct flow_bind *b);
void track_renew(struct track *t, const struct program *p, track_renew_fn *fn, void *arg);
/* Are some bindings still as they were? Then track_renew_some walks on, that many steps. */
bool track_renews(const struct track *t);
void track_renew_some(struct track *t, unsigned slots);
/* A flow that is not sent on has ended where others change the table (table/ops.h). */
struct flow_gone;
void track_gone(struct track *t, const struct flow_gone *gone);
/* What belongs into the flags of a binding that is made now. */
uint8_t track_age(const struct track *t);
/* Can its flows be bound? (cfg.live, or a program that sends on.) */
bool track_binds(const struct track *t);
/* Count flows by source from here on as `other`, which nobody uses, would: with its memory. Flows that were counted by
 * other networks are counted anew, all at once. */
void track_count_sources(struct track *t, struct track *other);

/* What the packet's flow, or that of the packet which it quotes, is sent on as; NULL: no flow, or it is not bound. */
struct flow_bind *track_bound(const struct track *t, const struct track_seen *s);
/* Is the packet, or error, of an ICMP error's kind: it quotes a packet of the flow? */
bool track_is_error(const struct track_seen *s);
/* Does the packet ask an ICMP query, or answer one? */
enum flow_query { FLOW_QUERY_NONE, FLOW_QUERY_ASKS, FLOW_QUERY_ANSWERS };
enum flow_query flow_query(const struct key *key);
/* The identifier of an ICMP query; 0 of anything else. */
uint16_t track_query(const struct track_seen *s);
/* The tags of a flow's VLAN stack, outermost first; returns how many. */
unsigned track_tags(const struct track *t, uint16_t stack, struct stack_tag tags[STACK_TAGS]);

/* Could the packet begin a flow: it has a tuple, goes to one host, and, being TCP, is a SYN or in mid-stream? */
bool track_may_begin(const struct key *key, const struct track_seen *s);

/* Ask for the memory of the flow that track_begin is about to make. */
void track_ask_room(const struct track *t, struct track_seen *s);
/* Make the flow of an accepted packet that has none (or reopens one), whatever `state` says of mid-stream TCP, and bind
 * it. one_sided: its replies do not come here. idle_ns: how long it may be silent once it is open; 0: as its state
 * says. NULL, and nothing is made: its VLAN stack finds no id. The caller fills the binding in. */
struct flow_bind *track_begin(struct track *t, const struct key *key, const struct pkt *pkt, struct track_seen *s,
                              bool one_sided, uint64_t idle_ns);

/* The packet's flow may be silent for so long, also before the other side has spoken. */
void track_idle(struct track *t, const struct track_seen *s, uint64_t idle_ns);
/* Is the packet's source the high side of its tuple? */
bool track_from_high(const struct track_seen *s);

/* The packet's VLAN stack has an id from here on, until track_drop_stack, whether flows have it or not; false: there is
 * no room for it. */
bool track_hold_stack(struct track *t, const struct pkt *pkt, struct track_seen *s);
void track_drop_stack(struct track *t, uint16_t stack);

/* A tuple, from the side that opened a flow. */
struct track_tuple {
    uint32_t src[4], dst[4];
    uint16_t src_port, dst_port; /* ICMP queries: both are the identifier */
};
/* Of a flow's id; and of the flow that the packet belongs to, or that an error quotes. */
struct track_tuple track_tuple_of(const struct flow_id *id, bool opened_by_high);
struct track_tuple track_own(const struct track *t, const struct track_seen *s);
/* Is no other flow in the table that has this tuple, otherwise being like the packet's, and is it not the packet's own,
 * from one side or the other? Then *twin is what track_pair takes. */
bool track_is_free(struct track *t, const struct track_seen *s, const struct track_tuple *tuple,
                   struct flow_tuple *twin);
/* The bound flow that has that tuple, if it waits for the other side: half-open, or one way; since when (*since_ns).
 * FLOW_NONE: there is none such, or a cookie answered its client. */
int32_t track_waiting(const struct track *t, const struct track_seen *s, const struct track_tuple *tuple,
                      uint64_t *since_ns);
/* That flow gives way to the packet's. */
void track_evict(struct track *t, int32_t slot);
/* What is said of it: its tuple and binding. */
const struct flow *track_flow_at(const struct track *t, int32_t slot, struct flow_id *id, struct flow_bind **bind);
/* That tuple becomes the twin of the packet's flow, which has none; nothing has begun or ended since, but that flow. */
void track_pair(struct track *t, const struct track_seen *s, struct flow_tuple *twin);

/* The packet's flow, which was just begun by a SYN of our own, is joined (forward/cookie/joint.h): the client's numbers
 * are ours from here on. What is kept of it. */
struct flow_joint *track_joined(struct track *t, const struct track_seen *s);
struct flow_joint *track_joint(struct track *t, const struct track_seen *s);
/* The flow in that slot, if its server is still awaited after that cookie, to which the times are added that it went to
 * another; false: not any more. */
struct track_awaited {
    const struct flow *flow;
    const struct flow_bind *bind;
    const struct flow_joint *joint;
    struct flow_id id;
};
bool track_awaits(const struct track *t, int32_t slot, uint32_t cookie, struct track_awaited *a);
void track_end_at(struct track *t, int32_t slot, enum flow_end how);
/* One side of the packet's flow has said that, though no packet came by. */
void track_hear(struct track *t, const struct track_seen *s, enum flow_dir dir, const struct tcp_segment *segment);

/* End the packet's flow. */
void track_end(struct track *t, struct track_seen *s, enum flow_end how);

/* Bound flows of the next slots, in at most `slots` steps (a slot each), from *hand on (at first 0): `end` says whether
 * to end each, and has seen to what is to be told of it. True while there are more. */
typedef bool track_end_fn(void *arg, const struct flow *f, const struct flow_id *id, const struct flow_bind *b);
bool track_visit_bound(struct track *t, uint32_t *hand, unsigned slots, track_end_fn *end, enum flow_end how,
                       void *arg);

/* Clear the remembered verdicts in the next `slots` slots from *hand (at first 0) on; false at the table's end. */
bool track_forget(struct track *t, uint32_t *hand, unsigned slots);

/* Timed work, a part of the table: returns the next deadline, UINT64_MAX for none. */
uint64_t track_tick(struct track *t);
/* Release what has timed out in the next part of the table: *part is 0 at first; false after the last. */
bool track_expire(struct track *t, unsigned *part);

/* The flow that a packet belongs to, or that an error quotes; false: none. */
bool track_tell(const struct track *t, const struct track_seen *s, struct flow_record *f);
/* The flows that go on: *at is 0 at first; false at the end. */
bool track_next(const struct track *t, uint32_t *at, struct flow_record *f);
/* The same in parts: looks at no more than so many groups of the table, and leaves out those whose time has passed.
 * 1: a flow; 0: none in them; -1: the end. */
int track_next_near(const struct track *t, uint32_t *at, uint32_t groups, uint64_t now_ns, struct flow_record *f);

/* All that is followed (keyed/archive.h), into what is new. `each` is called for every flow that was read: false, it
 * cannot be one. */
typedef bool track_read_fn(void *arg, const struct flow *f, const struct flow_id *id, const struct flow_bind *b);
bool track_archive(struct track *t, struct archive *a, track_read_fn *each, void *arg);

/* Slots of the flow table. */
uint32_t track_slots(const struct track *t);

const struct flow_counters *track_counters(const struct track *t);
uint64_t track_stacks_full(const struct track *t);
