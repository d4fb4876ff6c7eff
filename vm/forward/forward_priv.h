/* The inside of sending on: what forward.c (flows that are bound), begin.c (binding one) and down.c
 * (servers that went down) share. */
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
    struct nat *nat;      /* NULL: nothing is translated but for services */
    uint64_t udp_idle_ns; /* of what it translates; 0: as the timeouts say */
    struct held held;
    struct forward_counters counters;
    uint32_t recipes;               /* their generation; 0: there are none */
    struct facts seen_facts;        /* that they are made by */
    uint16_t longest[RECIPE_KINDS]; /* IP packet that a recipe of that kind may take, by these facts */
    uint32_t datagram;              /* identification of the next outer packet that may be cut */
    /* Looking for flows whose server is down. */
    uint64_t generation;
    const struct facts *facts;
    bool sweeping;
    uint32_t hand;
    uint64_t drained_ns;     /* when flows of servers of the past have drained next; UINT64_MAX: there are none */
    struct cookies *cookies; /* NULL: no service has them */
};

/* begin.c: the branch of a service that takes a packet which was accepted; PBC_NONE. */
uint32_t find_branch(const struct vm *vm, const struct key *key, struct pkt *pkt);

static inline const struct pbc_service *service_of(const struct program *p, uint32_t branch)
{
    return &p->services[p->branches[branch].service];
}

/* short.c: a packet of a flow that was bound before has left, by the careful way: its direction's next ordinary ones
 * may go by a recipe. (The first makes none: a flood of new flows does not pay for it.) */
void forward_keep_recipe(const struct job *j, const struct packet_ctx *c, const struct flow_bind *b);
/* From here on there are recipes. */
void forward_begin_recipes(struct forward *f);
/* Facts that change make all recipes stale. */
void forward_renew_recipes(struct forward *f, const struct facts *facts);

/* Changes that `to` makes to a packet with that key, among those of `may`: ports that it has, or a query's identifier.
 * */
uint8_t forward_changes(const struct key *key, const struct translation *to, uint8_t may);
/* Send it as c->left says, counted. quoted: of an error. False: refused, and c->v says why. */
bool forward_send(const struct job *j, struct packet_ctx *c, const struct translation *quoted);
/* Drop it for that reason; its verdict is not counted yet. */
void forward_refuse(struct packet_ctx *c, enum pkt_reason reason);
/* A packet of a binding's original direction leaves for its server. */
void forward_to_server(const struct job *j, struct packet_ctx *c, const struct flow_bind *b, uint32_t hash);
/* The address to which replies go is that of the packet's sender; true: that is news. */
bool forward_note_client(const struct pkt *pkt, struct flow_bind *b);
/* The same for a later packet of the opener's, if its flow takes it. */
void forward_heard_client(const struct job *j, struct packet_ctx *c, struct flow_bind *b);

/* begin.c: the packet, which was accepted and is of no flow, or reopens one, is taken by the branch. */
void forward_begin(const struct job *j, struct packet_ctx *c, uint32_t branch);
/* The packet, which was accepted, is for the branch's service, whose connections end here: the host gets it. begins: it
 * is of no flow. */
void forward_proxied(const struct job *j, struct packet_ctx *c, uint32_t branch, bool begins);
/* As forward_begin, for a flow that ended just now: the binding says the server and its branch. */
void forward_begin_again(const struct job *j, struct packet_ctx *c, struct flow_bind b);
/* retry.c: a packet of the flow's opener goes to another server, because it repeats a SYN that was not answered: the
 * flow is then another. False: it does not. */
bool forward_retry(const struct job *j, struct packet_ctx *c);
/* The server behind the flow's, if `retries` leaves it another; PBC_NONE. */
uint32_t forward_next_server(const struct forward *f, const struct key *key, const struct flow_bind *b);
/* The packet's flow ends for that server: what the one in its place begins with. */
struct flow_bind forward_retried(const struct job *j, struct packet_ctx *c, uint32_t server);
/* Has one side of the flow alone spoken, though the other would be heard? */
bool forward_unanswered(const struct flow *flow);
/* refused.c: a packet of the server's side, of a flow or an error about one, is at hand. Where it refuses a new flow of
 * a server whose check is `passive`, an event says so. */
void forward_refused(const struct job *j, const struct packet_ctx *c, const struct flow_bind *b);
/* To which server; PBC_NONE. Its flow is bound to a service. */
uint32_t forward_retry_server(const struct forward *f, const struct key *key, const struct track_seen *seen);
/* The server that the packet's source keeps at the branch's service, and may; PBC_NONE: none. */
uint32_t forward_kept(const struct vm *vm, uint32_t branch, const struct key *key);

/* nat.c: a packet, which was accepted and which no service takes, begins a flow that is translated. False: no
 * statement fits. */
bool forward_nat_begin(const struct job *j, struct packet_ctx *c);
/* Does the packet claim to come from where it goes to (LAND)? Whoever answered would answer himself. */
static inline bool forward_is_land(const struct key *key) { return memcmp(key->src, key->dst, sizeof key->src) == 0; }
/* One of the opener's packets of such a flow. */
void forward_nat_on(const struct job *j, struct packet_ctx *c, struct flow_bind *b);
/* A packet of its binding's original direction leaves for the other end. */
void forward_to_end(const struct job *j, struct packet_ctx *c, const struct flow_bind *b);

/* A packet of the server's side goes to the client. */
bool forward_to_client(const struct job *j, struct packet_ctx *c, const struct flow_bind *b,
                       const struct track_tuple *own);

struct cookies *cookies_new(const struct program *p, uint64_t seed, bool *failed); /* NULL, too, where none has them */
void cookies_free(struct cookies *c);
/* The secret, and who is waited for (keyed/archive.h). slots: of the flow table. */
bool cookies_archive(struct cookies *c, struct archive *a, uint32_t slots);
/* Answer a SYN that such a service takes, nothing is kept of it; other TCP without a flow is refused. */
void forward_syn(const struct job *j, struct packet_ctx *c);
static inline bool forward_is_syn(const struct key *key)
{
    return key->kind & KIND_TCP_FLAGS && (key->marks & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}
/* Another server for a packet that proves a cookie again, where its flow's has been silent for a second; PBC_NONE: it
 * stays. Its flow is bound to a service. */
uint32_t forward_awaited_server(const struct vm *vm, const struct key *key, const struct track_seen *seen);
/* The flow of a cookie that was proven is bound by c->proven's SYN: `b` is kept with it. */
void forward_join(const struct job *j, struct packet_ctx *c, struct flow_bind *b);
/* A packet of the client, which does not prove its cookie, while its server is awaited. */
void forward_early(const struct job *j, struct packet_ctx *c, struct flow_bind *b);
/* The server's answer while it is awaited, and a later SYN of it. */
void forward_answered(const struct job *j, struct packet_ctx *c, struct flow_bind *b, const struct track_tuple *own);
/* The splice of a packet of a joined flow, in *room; NULL: of another, or it passes as it is. */
struct splice *forward_splice(const struct job *j, struct packet_ctx *c, struct splice *room);
uint32_t forward_clock(const struct job *j);

/* down.c: the server of a flow of TCP is told that it is over. */
void forward_reset_server(const struct job *j, const struct flow *flow, const struct track_tuple *own,
                          const struct flow_bind *b);

/* A flow of which something is to be said, though no packet of it is at hand. */
struct speech {
    const struct job *j;
    struct forward *f;
    const struct flow *flow;
    const struct flow_bind *bind;
    struct track_tuple own;
    bool v6;
    uint32_t input;
    uint64_t cookie;
    struct edit_tag tags[STACK_TAGS]; /* of its VLAN stack */
    unsigned tag_count;
};
void forward_speech(struct speech *e, const struct job *j, const struct flow *flow, const struct track_tuple *own,
                    const struct flow_bind *b);
/* To its client, or to its server, in the name of the other: addresses and ports are filled in. */
bool forward_say_client(const struct speech *e, struct flow_segment *s, enum tx_cause cause);
bool forward_say_server(const struct speech *e, struct flow_segment *s, enum tx_cause cause);

/* down.c: has the flow's server gone, and is the flow to end for it? dir: of the packet that asks. */
bool forward_is_down(const struct job *j, const struct flow_bind *b, bool tcp, enum flow_dir dir);
/* Up to where one tick may fill j->tx: a live worker makes few packets at once. */
unsigned forward_room(const struct job *j);
/* The next time from `now_ns` on when flows of servers that no program has any more have drained. */
uint64_t forward_next_drained(const struct program *p, uint64_t now_ns);
/* End the flow of the packet at hand: both sides are reset as far as their numbers are known. */
void forward_reset(const struct job *j, struct packet_ctx *c);
