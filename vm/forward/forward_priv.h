/* Steps of sending on, shared by forward.c (bound flows), begin.c (binding), down.c (servers that went down) and
 * others */
#pragma once

#include "vm/flow/bind.h"
#include "vm/forward/bind/held.h"
#include "vm/forward/bind/nat.h"
#include "vm/forward/bind/outside.h"
#include "vm/forward/cookie/joint.h"
#include "vm/forward/forward.h"
#include "vm/forward/mode/mode.h"
#include "vm/forward/service.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/reply/frame.h"

struct forward {
    const struct program *p;
    struct track *track;
    struct balance *balance;
    struct outside *outside;
    struct nat *nat;      /* NULL: no nat translates */
    uint64_t udp_idle_ns; /* idle time of UDP flows that nat translates; 0: the timeouts of the rules apply */
    struct held held;
    struct forward_counters counters;
    uint32_t recipes;               /* generation of the recipes; 0 without recipes */
    struct facts seen_facts;        /* facts by which the recipes are made */
    uint64_t seen_routes;           /* number of their table of routes */
    uint16_t longest[RECIPE_KINDS]; /* longest IP packet for a recipe of each kind, by these facts */
    uint32_t *least;                /* [least_count] longest packet by each interface, for any route there */
    unsigned least_count;
    uint64_t search_due_ns; /* earliest time of the next long search for a flow that gives up its port */
    uint64_t draws;         /* state of the random numbers that choose flows to give up their ports */
    uint32_t datagram;      /* identification of the next outer packet that may be cut */
    /* The search for flows whose server is down */
    uint64_t generation;
    const struct facts *facts;
    bool sweeping;
    uint32_t hand;
    uint64_t drained_ns;     /* next time when the flows of a past server have drained; UINT64_MAX: none */
    struct cookies *cookies; /* NULL: no service uses them */
};

/* recipes.c: continue with the recipes of an earlier process, if they were made by the same facts; else begin a
 * generation that matches none. facts: the reader's. */
struct archive;
void forward_archive_recipes(struct forward *f, struct archive *a, const struct facts *facts);

/* begin.c: return the branch of a service that takes an accepted packet; PBC_NONE: none. */
uint32_t forward_branch(const struct vm *vm, const struct key *key, struct pkt *pkt);

static inline const struct pbc_service *forward_service(const struct program *p, uint32_t branch)
{
    return &p->services[p->branches[branch].service];
}

/* Name the service and server of the packet's flow in its verdict. */
static inline void forward_serve(const struct job *j, struct packet_ctx *c, const struct flow_bind *b)
{
    c->v->service = j->vm->forward->p->branches[b->branch].service;
    c->v->server = b->server;
}

/* express.c: make a recipe for a direction of a bound flow, after its packet has left by the careful way. A flow's
 * first packet makes none, so that a flood of new flows does not pay for it. */
void forward_keep_recipe(const struct job *j, const struct packet_ctx *c, const struct flow_bind *b);
/* Allow recipes from here on. */
void forward_begin_recipes(struct forward *f);
/* Make all recipes stale if the facts have changed. */
void forward_renew_recipes(struct forward *f, const struct facts *facts);

/* Return the changes that the translation `to` makes to a packet with that key, as far as `may` allows them (ports, or
 * a query's identifier). */
uint8_t forward_changes(const struct key *key, const struct translation *to, uint8_t may);
/* Send the packet according to c->left. quoted: in an error, the translation of the quoted packet. False: refused,
 * with the reason in c->v. */
bool forward_send(const struct job *j, struct packet_ctx *c, const struct translation *quoted);
/* Drop the packet for that reason; its verdict is not counted yet. */
void forward_refuse(struct packet_ctx *c, enum pkt_reason reason);
/* Refuse a packet that a router would not forward, because of its frame (edge_to_stations). True: refused. */
bool forward_refuse_group(const struct job *j, struct packet_ctx *c);
/* Set c->left for a packet of a binding's original direction: to its server. */
void forward_to_server(const struct job *j, struct packet_ctx *c, const struct flow_bind *b);
/* Return a translation to these ends, with `what` not set. */
struct translation forward_ends(const uint32_t src[4], uint16_t src_port, const uint32_t dst[4], uint16_t dst_port);
/* Set the MAC address for replies to that of the packet's sender. True: it has changed. */
bool forward_note_client(const struct pkt *pkt, struct flow_bind *b);
/* Return the current way back to the flow's opener. If the host routes it, the way is that of the routes. */
struct way_back forward_back(const struct facts *f, const struct flow_bind *b);
/* True if the packet, of the flow's original direction, came by the interface by which the flow began, as far as
 * that is known. */
bool forward_is_clients(const struct job *j, const struct packet_ctx *c, const struct flow_bind *b);
/* Update the MAC address for replies by a later packet of the opener, if its flow accepts the packet. */
void forward_heard_client(const struct job *j, struct packet_ctx *c, struct flow_bind *b);

/* begin.c: let the branch take an accepted packet that has no flow, or reopens one. */
void forward_begin(const struct job *j, struct packet_ctx *c, uint32_t branch);
/* True if the service drains, so it takes no new flows. The packet is refused as if no server were up, and counted. */
bool forward_is_drained(const struct job *j, struct packet_ctx *c, uint32_t service);
/* True if a packet that would open a flow finds no token of the service's `rate`. */
bool forward_is_over_rate(const struct job *j, struct packet_ctx *c, const struct pbc_service *s);
/* Send an accepted packet to the host, because connections of the branch's service end here. begins: the packet has
 * no flow. */
void forward_proxied(const struct job *j, struct packet_ctx *c, uint32_t branch, bool begins);
/* The same as forward_begin, for a flow that ended just now: the binding has the server and its branch */
void forward_begin_again(const struct job *j, struct packet_ctx *c, struct flow_bind b);
/* unanswered.c: send the opener's packet to another server, in a new flow, if it repeats an unanswered SYN. False:
 * not such a repeat. */
bool forward_retry(const struct job *j, struct packet_ctx *c);
/* Return the server after the flow's, if `retries` allows another; PBC_NONE: none. */
uint32_t forward_next_server(const struct forward *f, const struct key *key, const struct flow_bind *b);
/* End the packet's flow in favour of that server, and return the initial binding of the next flow. */
struct flow_bind forward_retried(const struct job *j, struct packet_ctx *c, uint32_t server);
/* True if only one side of the flow has sent, though the other side's packets would pass prey. */
bool forward_unanswered(const struct flow *flow);
/* yield.c: no port is left for the packet's binding to b->server, so end the flow that can best do without its port.
 * The ends in b are overwritten. False: the packet may not end a flow; else a port may be free now. */
bool forward_yield(const struct job *j, const struct packet_ctx *c, struct flow_bind *b);
/* Called if the packet's binding has one of the last ports. Count that (ports_short) if none of some random flows
 * would give up its port: then nearly all need theirs. */
void forward_note_short(const struct job *j, const struct packet_ctx *c, struct flow_bind b);
void forward_nat_note_short(const struct job *j, const struct packet_ctx *c, const struct nat_asker *of,
                            struct flow_bind b);
/* True if a flow would give up its port for the statement b.nat, which had no port at b.to_src. No flow ends. */
bool forward_nat_may_yield(const struct vm *vm, const struct packet_ctx *c, const struct nat_asker *of,
                           struct flow_bind b);
/* End that flow, if there is one. */
void forward_nat_yield(const struct job *j, const struct packet_ctx *c, const struct nat_asker *of,
                       struct flow_bind *b);
/* unanswered.c: handle a packet of the server's side, of a flow or an error about one. If it refuses a new flow of a
 * server with a `passive` check, make an event. */
void forward_refused(const struct job *j, const struct packet_ctx *c, const struct flow_bind *b);
/* unanswered.c: reset the peer of a flow, if its packet answers a SYN from an older connection of these ends. */
bool forward_challenged(const struct job *j, const struct packet_ctx *c, struct flow_bind *b,
                        const struct track_tuple *own);
/* unanswered.c: return the server to retry; PBC_NONE: none. The flow is bound to a service. */
uint32_t forward_retry_server(const struct forward *f, const struct key *key, const struct track_seen *seen);
/* begin.c: return the server that the packet's source keeps at the branch's service, if allowed; PBC_NONE: none. */
uint32_t forward_kept(const struct vm *vm, uint32_t branch, const struct key *key);

/* nat.c: begin a translated flow with an accepted packet that no service takes. False: no statement fits. */
bool forward_nat_begin(const struct job *j, struct packet_ctx *c);
/* True if the packet's source is its destination (LAND): a reply would go to the host that sends it. */
static inline bool forward_is_land(const struct key *key) { return address_equal(key->src, key->dst); }
/* Send a packet of the opener of a translated flow. */
void forward_nat_on(const struct job *j, struct packet_ctx *c, struct flow_bind *b);
/* Send an error (SEEN_ERROR) to either side; it is not counted. */
void forward_error_on(const struct job *j, struct packet_ctx *c);

/* End the packet's flow, and refuse the packet, if its masquerading is over (nat_is_rerouted). */
bool forward_rerouted(const struct job *j, struct packet_ctx *c, const struct flow_bind *b);
/* Set c->left for a packet of a binding's original direction, or an error beside it: to the peer, by the way of
 * packets from that source. */
void forward_to_end(const struct job *j, struct packet_ctx *c, const struct flow_bind *b, const uint32_t from[4]);

/* Send an error by the next hop of packets that come from the flow's opener, `from`, as far as it is known. Routes
 * may lead the error elsewhere, because policy rules also test the incoming interface. */
void forward_error_hop(const struct job *j, struct packet_ctx *c, const struct flow_bind *b, const uint32_t from[4]);

/* Send a packet of the server's side to the client. */
bool forward_to_client(const struct job *j, struct packet_ctx *c, const struct flow_bind *b,
                       const struct track_tuple *own);

struct cookies *cookies_new(const struct program *p, uint64_t seed,
                            bool *failed); /* NULL: no service uses them, or out of memory (*failed) */
void cookies_free(struct cookies *c);
/* Take over the secret of another worker's cookies; once its flows are here, take over the times at which to ask
 * their servers again (second function). t, was: the flows here and there. */
void cookies_move(struct cookies *c, struct cookies *from);
void cookies_move_waits(struct cookies *c, const struct cookies *from, struct track *t, const struct track *was);
/* Write or read the secret, and the waits (keyed/archive.h). slots: number in the flow table. */
bool cookies_archive(struct cookies *c, struct archive *a, uint32_t slots);
/* Answer a SYN to a service with cookies, keeping nothing; refuse other TCP without a flow. */
void forward_syn(const struct job *j, struct packet_ctx *c);
static inline bool forward_is_syn(const struct key *key)
{
    return key->kind & KIND_TCP_FLAGS && (key->marks & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}
/* Return another server for a packet that proves a cookie again, if the flow's server has been silent for a second;
 * PBC_NONE: none. The flow is bound to a service. */
uint32_t forward_awaited_server(const struct vm *vm, const struct key *key, const struct track_seen *seen);
/* Begin the joint of a flow that the SYN of a proven cookie (c->proven) has begun with the binding `b`. */
void forward_join(const struct job *j, struct packet_ctx *c, struct flow_bind *b);
/* While the server is awaited: handle a client's packet that does not prove its cookie. */
void forward_early(const struct job *j, struct packet_ctx *c, struct flow_bind *b);
/* Handle the awaited reply of the server, and a later SYN from it. */
void forward_answered(const struct job *j, struct packet_ctx *c, struct flow_bind *b, const struct track_tuple *own);
/* Return the splice for a packet of a joined flow, in *room; NULL: not such a packet, or no rewriting is needed. */
struct splice *forward_splice(const struct job *j, struct packet_ctx *c, struct splice *room);
uint32_t forward_clock(const struct job *j);

/* down.c: reset the server's side of a TCP flow. */
void forward_reset_server(const struct job *j, const struct flow *flow, const struct track_tuple *own,
                          const struct flow_bind *b);

/* A flow with its context, for segments not caused by a packet of the flow */
struct speech {
    const struct job *j;
    struct forward *f;
    const struct flow *flow;
    const struct flow_bind *bind;
    struct track_tuple own;
    bool v6;
    uint32_t input;
    uint64_t cookie;
    struct edit_tag tags[STACK_TAGS]; /* tags of its VLAN stack */
    unsigned tag_count;
};
void forward_speech(struct speech *e, const struct job *j, const struct flow *flow, const struct track_tuple *own,
                    const struct flow_bind *b);
/* Send a segment to the flow's client or server, in the name of the other side; addresses and ports are filled in. */
bool forward_say_client(const struct speech *e, struct flow_segment *s, enum tx_cause cause);
bool forward_say_server(const struct speech *e, struct flow_segment *s, enum tx_cause cause);

/* down.c: true if the flow must end because its server is gone. dir: direction of the packet. */
bool forward_is_down(const struct job *j, const struct flow_bind *b, bool tcp, enum flow_dir dir);
/* Return the limit to which one tick may fill j->tx: a live worker sends few packets per tick. */
unsigned forward_room(const struct job *j);
/* Return the next time after `now_ns` when flows of servers that left the program have drained. */
uint64_t forward_next_drained(const struct program *p, uint64_t now_ns);
/* End the flow of the current packet, and reset both sides as far as their numbers are known. */
void forward_reset(const struct job *j, struct packet_ctx *c);
