/* Tracking of flows, a worker's knowledge of them: from parsed packets to `state`, and from verdicts to the table.
 *
 * A packet is looked up before it is judged, and changes the table only when it is accepted, in order of arrival,
 * because the state of each packet depends on earlier verdicts. Only memory is prefetched for a batch at a time. */
#pragma once

#include "vm/cfg.h"
#include "vm/flow/flow.h"
#include "vm/flow/sources.h"
#include "vm/flow/stacks.h"
#include "vm/flow/table/flow_table.h"
#include "vm/packet/edit/recipe.h"
#include "vm/packet/key.h"
#include "vm/program/program.h"
#include "vm/verdict.h"

struct loan;  /* defined in loan.h */
struct plain; /* defined in vm/packet/parse/plain.h */
struct track; /* one per worker */

/* Relation of a packet to the existing flows, which decides how it goes on. Bound flows are those that are sent on. */
enum seen_class {
    SEEN_NONE,     /* the packet has no flow, and makes none */
    SEEN_NEW,      /* the packet may begin a flow: it has none, or its flow has ended */
    SEEN_UNBOUND,  /* the packet's flow is not bound, or bound but the packet fits none of the classes below */
    SEEN_ORIGINAL, /* from the side that opened a bound flow */
    SEEN_REPLY,    /* reply of a bound flow whose replies pass prey */
    SEEN_ERROR,    /* an ICMP error that quotes a packet of a bound flow as its receiver saw it */
};

/* Meaning of a packet without a flow: a mid-stream TCP segment, or a possible reply to an inquiry */
enum picks {
    PICKS_NONE,   /* invalid */
    PICKS_NEW,    /* new: it may begin a flow now */
    PICKS_OPENED, /* established: this machine opened the connection, and its own packets begin a flow; for protocols
                   * other than TCP, related: the packet replies to an inquiry of this machine (inquiry.h), and
                   * begins no flow */
};

/* Findings about one packet between look-up and verdict */
struct track_seen {
    struct flow_id id;
    uint64_t hash;
    int32_t slot;   /* the packet's flow, or the one that an error quotes; FLOW_NONE: none */
    int32_t tuple;  /* slot under the packet's own tuple: the flow's, or its twin's; FLOW_NONE: none */
    uint8_t dir;    /* enum flow_dir of the packet, or of the packet that an error quotes */
    bool twin;      /* the tuple is that of the flow's twin, as the other side sees it */
    uint8_t how;    /* enum track_how (track_priv.h) */
    uint8_t at;     /* enum track_at */
    uint8_t class;  /* enum seen_class */
    uint8_t recipe; /* ordinary packets: enum recipe_kind */
    uint16_t mark;  /* enum flow_mark */
    uint32_t seq;   /* errors: sequence number of the quoted TCP segment */
    int32_t room;   /* slot found by track_ask_room; FLOW_NONE: none */
    uint32_t delta; /* joined flow: the server's numbers minus those that the client gets */
    uint8_t picks;  /* enum picks */
    uint8_t would;  /* the `would` of a flow that this packet begins */
    bool proves;    /* the flow's class may depend on where this packet, a reply, came from */
    uint8_t back;   /* enum pkt_source: whether the way to a reply's source leads by the reply's incoming interface.
                     * SOURCE_UNKNOWN: the reply proves its sender unless the opener's packets came by the same
                     * interface */
    struct tcp_step next;
};

/* A look for the flow of an IPv4 packet with ports, without tags, to one host: its tuple, and the tuple's place in
 * the table */
struct straight_look {
    uint64_t ends, rest, hash; /* the tuple: addresses by hash_pair, the rest as in struct flow_id */
    struct flow *line;         /* first line of the slot when it was requested, or NULL */
    int32_t slot;
    uint8_t how, at; /* as in struct track_seen */
};

struct track *track_new(const struct program *p, const struct vm_cfg *cfg); /* NULL: out of memory */
/* The same as vm_ahead and vm_flow_bytes */
void track_ahead(const struct track *t, size_t least);
size_t track_bytes(const struct track *t);
void track_free(struct track *t);

/* Set the time of the following calls, which never runs back, and the receiver of ends of flows (until the next
 * call). */
void track_at(struct track *t, uint64_t now_ns, struct vm_tx *tx);

/* Prepare a packet's turn in three steps, so that the memory of many packets is fetched at once: tuple, hash and tags;
 * then the slot; then the binding, returning the kind of its recipe if it has one. Only the first step is required. */
void track_study(const struct track *t, const struct key *key, const struct pkt *pkt, struct track_seen *s);
void track_ask(const struct track *t, struct track_seen *s);
uint8_t track_ask_bind(const struct track *t, const struct track_seen *s);

/* Look up the packet's flow, once per packet and in its turn. Write the packet's state into *s and key->marks, and
 * its class into *s. */
void track_look(struct track *t, struct key *key, const struct pkt *pkt, struct track_seen *s);
/* The second half of track_look again, for a known flow */
void track_say(const struct track *t, struct key *key, const struct pkt *pkt, struct track_seen *s);
/* The same as track_look, changing only key->marks and *s: for explanations */
void track_peek(const struct track *t, struct key *key, const struct pkt *pkt, struct track_seen *s);

/* In place of track_look: return the recipe of an ordinary TCP or UDP packet, if it has that generation and no further
 * look-up is needed. *s is filled in as by track_look; key->marks is unchanged. NULL: call track_look. */
const struct recipe *track_ordinary(const struct track *t, const struct key *key, const struct pkt *pkt,
                                    struct track_seen *s, uint32_t generation);
/* Update the flow of a packet that leaves by its recipe, as track_accept would. */
void track_keep_ordinary(struct track *t, const struct key *key, const struct pkt *pkt, const struct track_seen *s);
/* Take the numbers of a segment with only data and ACK, on an open flow without FINs. False: it is not within window,
 * and nothing has changed. */
bool track_take_segment(struct flow *f, const struct key *key, const struct pkt *pkt, enum flow_dir dir);
/* Set the recipe of the packet's direction, if its flow has room for recipes. */
void track_keep_recipe(struct track *t, const struct track_seen *s, uint8_t kind, const struct recipe *made);
/* Lend the recipe of a plain UDP packet. Its flow counts as seen; the caller sets loan->longest. False: no recipe of
 * that generation, or the flow is not lent. */
bool track_lend(const struct track *t, uint64_t now_ns, const struct plain *p, uint32_t generation, struct loan *loan);
/* Return the recipe of the packet's direction, if one of that generation is kept; else NULL. */
const struct recipe *track_recipe(const struct track *t, const struct track_seen *s, uint32_t generation);
/* The same, of any generation */
const struct recipe *track_last_recipe(const struct track *t, const struct track_seen *s);
/* Drop the recipes of both directions of the packet's flow. */
void track_drop_recipes(struct track *t, const struct track_seen *s);

/* Make or update the flow of an accepted packet, and note an inquiry of this machine. Another flow may make way for
 * the new one. */
void track_accept(struct track *t, const struct key *key, const struct pkt *pkt, struct track_seen *s);

/* Note the inquiry, if the packet is one. */
void track_inquire(struct track *t, const struct key *key, const struct pkt *pkt);

/* True for a packet that replies to an inquiry of this machine, by its state. */
static inline bool track_answers(const struct track_seen *s)
{
    return s->picks == PICKS_OPENED && s->mark == MARK_RELATED;
}

/* Return the number of flows that the packet's source, or its network by one of the program's grains, has opened and
 * holds, plus one if the packet would open one. For `flows over`. */
uint32_t track_source_flows(const struct track *t, const struct pbc_grain *grain, const struct key *key,
                            const struct track_seen *s);

/* Return the packet's flow, for data that others keep with it; NULL: none. */
struct flow *track_flow(struct track *t, const struct track_seen *s);
/* Set the `would` of the packet's flow. */
void track_would(struct track *t, const struct track_seen *s, uint8_t would);
/* The same as track_flow, or for an ICMP error the flow of the quoted packet */
const struct flow *track_about(const struct track *t, const struct track_seen *s);

struct track_ended {
    uint64_t now_ns;
    uint64_t rests_ns; /* for a flow evicted while both sides knew it: time when it would have expired; else 0 */
};
/* Called for each bound flow when it ends, before its slot is cleared. id: its tuple. */
typedef void track_unbound_fn(void *arg, const struct flow_bind *b, const struct flow_id *id, bool opened_by_high,
                              const struct track_ended *when);
void track_on_unbound(struct track *t, track_unbound_fn *fn, void *arg);

/* Adapt bindings to a new program: their numbers refer to the old one, and `fn` renews each before its next use.
 * Call it only if track_renews is false. */
typedef void track_renew_fn(void *arg, struct flow_bind *b);
void track_renew(struct track *t, const struct program *p, track_renew_fn *fn, void *arg);
/* True if some bindings are not yet renewed. track_renew_some then renews more, in that many steps. */
bool track_renews(const struct track *t);
void track_renew_some(struct track *t, unsigned slots);
/* Handle the end of an unbound flow in a shared table (table/ops.h). */
struct flow_gone;
void track_gone(struct track *t, const struct flow_gone *gone);
/* Return BIND_AGE or 0, for the flags of a new binding. */
uint8_t track_age(const struct track *t);
/* True if flows can be bound (cfg.live, or a program that sends flows on). */
bool track_binds(const struct track *t);
/* Count flows by source as `other` does, which must not be in use, and take over its memory. If the networks differ,
 * all counted flows are counted again at once. */
void track_count_sources(struct track *t, struct track *other);

/* Return the binding of the packet's flow, or of the flow that an error quotes; NULL: no flow, or not bound. */
struct flow_bind *track_bound(const struct track *t, const struct track_seen *s);
/* True if the packet is an ICMP error that quotes a packet of a flow. */
bool track_is_error(const struct track_seen *s);
/* Return the part that the packet has in an ICMP query. */
enum flow_query { FLOW_QUERY_NONE, FLOW_QUERY_ASKS, FLOW_QUERY_ANSWERS };
enum flow_query flow_query(const struct key *key);
/* Return the identifier of an ICMP query; 0 for other packets. */
uint16_t track_query(const struct track_seen *s);
/* Write the tags of a flow's VLAN stack, outermost first; return their number. */
unsigned track_tags(const struct track *t, uint16_t stack, struct stack_tag tags[STACK_TAGS]);

/* True for a packet as the opener of a translated flow gets it: a reply with the opener's tuple, which no flow has,
 * or an error that quotes the opener's packet as the opener sent it. A packet from this machine's own stack was
 * translated before. */
bool track_is_turned(const struct track_seen *s);
/* True if the packet could begin a flow: it has a tuple, goes to one host, and, if TCP, is a SYN or mid-stream. */
bool track_may_begin(const struct key *key, const struct track_seen *s);

/* Prefetch the memory of the flow that track_begin is about to make. */
void track_ask_room(const struct track *t, struct track_seen *s);
/* The beginning of a flow that is sent on */
struct track_start {
    bool one_sided;          /* its replies do not pass prey */
    bool idle_one_way;       /* idle_ns also holds before the other side has spoken */
    uint64_t idle_ns;        /* timeout once the flow is open; 0: that of its state */
    struct flow_tuple *twin; /* tuple for track_pair, from track_is_free; NULL: the flow has none */
};
/* Make and bind the flow of an accepted packet that has none (or reopens one), whatever the `state` of mid-stream
 * TCP. Return the binding, which the caller fills in; NULL: nothing is made, because there is no id for its VLAN
 * stack, or no room in the kernel's table. */
struct flow_bind *track_begin(struct track *t, const struct key *key, const struct pkt *pkt, struct track_seen *s,
                              const struct track_start *start);

/* True if the packet's source is the high side of its tuple. */
bool track_from_high(const struct track_seen *s);

/* Take a reference to the packet's VLAN stack, for a flow that begins or until track_drop_stack; false: no room. An
 * unknown stack gets an id. */
bool track_take_stack(struct track *t, const struct pkt *pkt, struct track_seen *s);
void track_drop_stack(struct track *t, uint16_t stack);

/* A tuple, from the side that opened a flow */
struct track_tuple {
    uint32_t src[4], dst[4];
    uint16_t src_port, dst_port; /* ICMP queries: both are the identifier */
};
/* Return the tuple of an id. track_own: the tuple of the flow that the packet belongs to, or that an error quotes. */
struct track_tuple track_tuple_of(const struct flow_id *id, bool opened_by_high);
/* Return the tuple with which a bound flow leaves. */
struct track_tuple track_bound_tuple(const struct flow_bind *b);
struct track_tuple track_own(const struct track *t, const struct track_seen *s);
/* True if no other flow has these ends with the packet's protocol, kind and stack, and they are not the packet's own
 * ends in either order. *twin is then the argument for track_pair. */
bool track_is_free(struct track *t, const struct track_seen *s, const struct track_tuple *tuple,
                   struct flow_tuple *twin);
/* True if there is a TCP flow of that tuple and VLAN stack, and if it is open on both sides (second function). */
bool track_has(const struct track *t, const struct track_tuple *tuple, bool v6, uint16_t stack);
bool track_is_open(const struct track *t, const struct track_tuple *tuple, bool v6, uint16_t stack);
/* End the TCP flow of that tuple and VLAN stack, if there is one. */
void track_end_tcp(struct track *t, const struct track_tuple *tuple, bool v6, uint16_t stack, enum flow_end how);
/* Order in which bound flows give up their ports: the greatest value first */
enum track_yield {
    YIELD_NEVER,    /* both sides use the flow, or the flow is not bound */
    YIELD_WAITS,    /* the flow waits for one side: half-open, one way and silent for some seconds, or without its last
                     * acknowledgement */
    YIELD_ANSWERED, /* a request and its reply, one packet each (UDP, queries) */
    YIELD_OVER,     /* both sides know that the flow has ended, or it has expired */
};
/* Return how readily the flow in that slot gives up its ports. apart: the next flow has another peer, so late
 * packets from the other side are not taken for that flow's. */
enum track_yield track_yields(const struct track *t, int32_t slot, bool apart);
/* Return the bound flow with that tuple, the packet's protocol, kind and stack. FLOW_NONE if there is none, it has
 * just timed out, or it is the packet's own. */
int32_t track_find(const struct track *t, const struct track_seen *s, const struct track_tuple *tuple);
/* True if a bound flow is in that slot. The slot may be any number, also one of an earlier table. */
bool track_has_bound(const struct track *t, int32_t slot);
/* Return the sequence number of the packet, a SYN. */
uint32_t track_syn_number(const struct track_seen *s);
/* Return a flow with its tuple and binding. */
const struct flow *track_flow_at(const struct track *t, int32_t slot, struct flow_id *id, struct flow_bind **bind);
/* Make the tuple that track_begin was given the twin of the packet's flow. The flow's binding must be filled in and
 * counted, and no other flow may have begun or ended since track_is_free. False: the kernel's table has no room for
 * the twin, and the flow has ended. */
bool track_pair(struct track *t, struct track_seen *s, const struct flow_tuple *twin);

/* Return the joint of the packet's flow. track_joined first marks the flow, just begun by prey's own SYN, as joined
 * (forward/cookie/joint.h): from then on the client gets prey's numbers. */
struct flow_joint *track_joined(struct track *t, const struct track_seen *s);
struct flow_joint *track_joint(struct track *t, const struct track_seen *s);
/* track_awaits finds the flow in that slot whose server is awaited, if `cookie` still is its cookie plus the number
 * of servers tried; false: the server is no longer awaited. */
struct track_awaited {
    const struct flow *flow;
    const struct flow_bind *bind;
    const struct flow_joint *joint;
    struct flow_id id;
};
bool track_awaits(const struct track *t, int32_t slot, uint32_t cookie, struct track_awaited *a);
void track_end_at(struct track *t, int32_t slot, enum flow_end how);
/* Update the packet's flow as if that side had sent the segment. */
void track_hear(struct track *t, const struct track_seen *s, enum flow_dir dir, const struct tcp_segment *segment);

/* End the packet's flow. */
void track_end(struct track *t, struct track_seen *s, enum flow_end how);

/* Visit bound flows from *hand (at first 0) on, in at most `slots` steps of one slot each, and end those for which
 * `end` returns true, after it has reported them. True while there are more. */
typedef bool track_end_fn(void *arg, const struct flow *f, const struct flow_id *id, const struct flow_bind *b);
bool track_visit_bound(struct track *t, uint32_t *hand, unsigned slots, track_end_fn *end, enum flow_end how,
                       void *arg);

/* Continue the walk of the last call over at most `left` flows. End each flow for which `wants` returns the place to
 * count it (atomic), not NULL. bind: the flow's binding; NULL: it has none. False: the walk is complete, and the
 * next call begins another one. */
struct track_cuts {
    unsigned groups, flows, ends;
};
typedef uint64_t *track_cut_fn(void *arg, const struct flow_id *id, const struct flow_bind *bind, uint64_t began_ns);
bool track_cut(struct track *t, struct track_cuts left, track_cut_fn *wants, void *arg);
/* End the flow whose own tuple is `id`, as track_cut does. False if there is none. */
bool track_cut_again(struct track *t, const struct flow_id *id);

/* Clear the remembered verdicts in the next `slots` slots from *hand (at first 0) on; false at the table's end. */
bool track_forget(struct track *t, uint32_t *hand, unsigned slots);

/* Sweep a part of the table when due. Return the next deadline, UINT64_MAX for none. */
uint64_t track_tick(struct track *t);
/* Release expired flows in the next part of the table. *part is 0 at first; false after the last. */
bool track_expire(struct track *t, unsigned *part);

/* Describe the flow that a packet belongs to, or that an error quotes; false: none. */
bool track_tell(const struct track *t, const struct track_seen *s, struct flow_record *f);
/* Describe the next live flow. *at is 0 at first; false at the end. */
bool track_next(const struct track *t, uint32_t *at, struct flow_record *f);
/* The same in parts: reads at most `groups` groups, and leaves out expired flows. 1: a flow; 0: no flow in these;
 * -1: the end. */
int track_next_near(const struct track *t, uint32_t *at, uint32_t groups, uint64_t now_ns, struct flow_record *f);

/* Write all tracked flows, or read them into a new track (keyed/archive.h). `each` is called for every flow read;
 * false: invalid. */
typedef bool track_read_fn(void *arg, int32_t slot, const struct flow *f, const struct flow_id *id,
                           const struct flow_bind *b);
bool track_archive(struct track *t, struct archive *a, track_read_fn *each, void *arg);
/* Move flows from another worker, which begins no more (worker/move.c). track_move_begin: take its times, and with
 * `first` its inquiries; called before any flow, while this worker has none. track_move_stack: take a reference to
 * the VLAN stack of a flow of `from`; STACK_UNKNOWN: no room. track_move: move the flow in `slot` of `from` with
 * that reference, which is given back on failure; returns its slot here, or FLOW_NONE as flow_move does. */
void track_move_begin(struct track *t, const struct track *from, bool first);
uint16_t track_move_stack(struct track *t, const struct track *from, uint16_t stack);
int32_t track_move(struct track *t, struct track *from, int32_t slot, uint16_t stack);
/* Return the slot of the next flow that has not expired by now_ns. *at begins as 0. *b is NULL if the flow is not
 * sent on. FLOW_NONE: the end. */
int32_t track_next_flow(struct track *t, uint64_t now_ns, uint32_t *at, const struct flow **f, struct flow_id *id,
                        const struct flow_bind **b);
/* Return the slot of the flow that has that tuple in `from`; FLOW_NONE: it is not here. */
int32_t track_moved(const struct track *t, const struct track *from, const struct flow_id *id);

/* Loosen all open TCP flows (tcp_loosen), because the state that was read is some time old. */
void track_loosen(struct track *t);

/* Write and read flows in advance, while they go on changing (table/advance.h). track_advance_write: true while a
 * round goes on. */
bool track_advance_begin(struct track *t);
void track_advance_end(struct track *t);
uint32_t track_advance_left(const struct track *t);
bool track_advance_write(struct track *t, struct archive *a, uint32_t *hand, unsigned slots);
bool track_advance_read(struct track *t, struct archive *a);
void track_advance_check(struct track *t);

/* Return the number of slots in the flow table. */
uint32_t track_slots(const struct track *t);

const struct flow_counters *track_counters(const struct track *t);
uint64_t track_stacks_full(const struct track *t);
