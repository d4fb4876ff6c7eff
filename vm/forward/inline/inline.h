/* `mode proxy inline`, and `mode proxy` with `splice packets`, live: connections that end in the inline stack, and
 * their packets both ways.
 *
 *     inline_first ─▶ begins with a SYN that the rules accepted and a service takes
 *     inline_wire     a later packet from the wire, or an ICMP error about one: not judged
 *     inline_sent     a packet of the inline stack, which leaves on the wire in the name of an end
 *
 * Which addresses stand for what is inline_addr.h, what is known of each connection conns.h. */
#pragma once

#include "vm/context/context.h"
#include "vm/flow/flow.h"
#include "vm/forward/edges.h"
#include "vm/forward/inline/conns.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/read.h"
#include "vm/packet/reply/frame.h"

/* Begin a connection with an accepted packet that the branch's service takes. False: the packet is left alone, as if
 * no service had taken it: it opens no connection, or there is no room and the service has `on overload pass`. */
bool inline_first(const struct job *j, struct packet_ctx *c, uint32_t branch);

/* Take a packet from the wire if it is one of a connection's. False: it is none. */
bool inline_wire(const struct job *j, struct packet_ctx *c);
/* Report how a packet from the wire would go on. False: it is none of a connection's, or begins another. */
bool inline_goes_on(struct inlines *all, const struct key *key, const struct pkt *pkt, struct inline_goes *goes);
/* Take an ICMP error about a connection's packets. False: it is about none. */
bool inline_error(const struct job *j, struct packet_ctx *c);

/* True if what answers the packet can leave by its link: its sender has a MAC address, or live traffic came by a device
 * without Ethernet, where nobody has. */
static inline bool inline_has_link(const struct job *j, const struct pkt *pkt)
{
    return pkt_mac(pkt, false) || (j->vm->cfg.live && pkt->link == LINK_RAW);
}

/* Send a packet of the inline stack on. pkt: writable, LINK_RAW, with headroom for a link header. */
void inline_sent(const struct job *j, struct pkt *pkt);

/* Do what the proxy loop asks (vm/flow/spliced.h). */
void inline_asked(const struct job *j, const struct inline_ask *ask);

/* leaving.c: hold a new segment of a connection that is about to leave, before the inline stack gets it. True: it is
 * held, or was one too many. */
bool inline_hold(const struct job *j, struct inline_conn *c, uint32_t number, const struct packet_ctx *ctx,
                 enum inline_at from, const struct tcp_segment *s);
/* Look if a connection that is about to leave can. */
void inline_look(const struct job *j, struct inline_conn *c);
/* Let go what is held of a connection, which stays or is over. */
void inline_let_go(const struct job *j, struct inline_conn *c, uint32_t number);
/* Let go what was held too long. Return the next deadline; UINT64_MAX: there is none. */
uint64_t inline_holds_tick(const struct job *j);

/* splicing.c: send a packet of a spliced connection on; one that was held, in a slot, which is taken over (second
 * function); an ICMP error about a packet that left in the name of `sent_by` (third; false: it does not leave). */
void inline_spliced(const struct job *j, struct packet_ctx *c, struct inline_conn *conn, uint32_t number,
                    enum inline_at from, const struct tcp_segment *s);
void inline_pass(const struct job *j, struct inline_conn *c, uint32_t number, enum inline_at from, struct pkt *pkt,
                 const struct key *key);
bool inline_spliced_error(const struct job *j, struct packet_ctx *c, const struct inline_conn *conn,
                          enum inline_at sent_by);
/* fragments.c: let later fragments follow this first one, which has left to that end; send one to where its first went,
 * by c->left (second function): REASON_NONE, or the reason against it. */
void inline_first_fragment(struct packet_ctx *c, const struct inline_conn *conn, uint32_t number, enum inline_at to,
                           const struct tcp_segment *s);
enum pkt_reason inline_later_fragment(const struct job *j, struct packet_ctx *c);
/* Return the packet itself where it may be written, or a copy in a slot. NULL: there is none. */
struct pkt *inline_own_or_copy(const struct job *j, const struct packet_ctx *c);
/* conn_slots.c: let the executor in the kernel pass ordinary segments from that end by itself, from one on that has
 * just left as `sent`. */
void inline_keep_slot(const struct job *j, struct inline_conn *c, uint32_t number, const struct packet_ctx *ctx,
                      enum inline_at from, const struct tx_entry *sent);
/* Reset both ends, as the loop asks, or because nobody has spoken: then it is told. */
void inline_end_spliced(const struct job *j, struct inline_conn *c, uint32_t number, bool asked);

/* End what has timed out. Return the next deadline; UINT64_MAX: there is none. */
uint64_t inline_tick(const struct job *j);

/* For this room only */

/* legs.c: note what a segment from the wire says of its end's numbers, and which one is over. */
void inline_follow(struct inline_conn *c, enum inline_at from, const struct tcp_segment *s);
/* Note the numbers of a segment of ours to that end, and what is over by it. */
void inline_says(struct inline_conn *c, enum inline_at to, const struct tcp_segment *s);
/* True for a segment that answers our SYN to that end, by its number. */
bool inline_answers(const struct inline_conn *c, enum inline_at from, const struct tcp_segment *s);
/* False for a segment whose numbers are not near those of its end: a stranger may have sent it, who knows the tuple
 * only. For connections whose windows are not followed, too. */
bool inline_is_own(const struct inline_conn *c, enum inline_at from, const struct tcp_segment *s);

/* legs.c: note an end's SYN, and ours to it, by its options. */
void inline_leg_syn(struct inline_leg *l, const struct pkt *pkt, const struct tcp_segment *s);
void inline_leg_our_syn(struct inline_leg *l, const struct tcp_syn_options *o, const struct tcp_segment *s);
/* Note a later segment of an end (given: our socket gets all of it), and one of ours to it. */
void inline_leg_in(struct inline_side *side, const struct pkt *pkt, const struct tcp_segment *s, bool given);
void inline_leg_out(struct inline_side *side, const struct pkt *pkt, const struct tcp_segment *s);
/* False for a segment far from what its end may say now, edge: right edge of the window that it was told. Nothing is
 * concluded from it, so that whoever knows the tuple alone moves no number. */
bool inline_is_near(const struct inline_side *side, uint32_t edge, const struct tcp_segment *s);
/* Most of a window that an end is told before the other end has told its own: that one may be small, and a window that
 * was told must not shrink. It takes the first flight of a sender (RFC 6928). Afterwards an end is told two segments at
 * least, so that it goes on whatever the other end says at the moment. */
enum { INLINE_WINDOW_FIRST = 14600, INLINE_WINDOW_LEAST = 2920 };
/* Return the bytes that an end is told at least while it may leave, be the other end's room smaller. */
uint32_t inline_window_least(const struct inline_conn *c, enum inline_at to);
/* Let a segment of ours tell no larger window than the other end has, but one that is large enough to begin with. */
void inline_clamp(const struct inline_conn *c, enum inline_at to, struct pkt *pkt, struct tcp_segment *s);
/* Let a segment of ours tell no window whose right edge is before one that its end was told; shift: of its field. */
void inline_keep_edge(uint32_t *edge, unsigned shift, struct pkt *pkt, struct tcp_segment *s);
/* Have a segment that was held say the newest acknowledgement, window and TSval of its end: all may have been
 * reported since, and none goes back. */
void inline_renew(const struct inline_side *side, struct pkt *pkt, struct tcp_segment *s);
/* Set the window field of a segment that ones which the kernel has passed may have overtaken, as their end last said it
 * with the same acknowledgement: else they would seem to take it back. False: it is as it should be. */
bool inline_overtaken(const struct inline_side *side, const struct pkt *pkt, struct tcp_segment *s);
void inline_set_window(struct pkt *pkt, uint16_t window);
/* Return what the other end's window is as a field to this end. */
uint16_t inline_window(const struct inline_conn *c, enum inline_at to);
/* Fill in both flows for a splice; say why they may not be joined now (second function). */
void inline_ends(const struct inline_conn *c, struct splice_end ends[2]);
enum splice_why inline_may_join(const struct inline_conn *c, const struct splice_end ends[2]);

/* wire.c: fill in both ends' layer 2 from a frame of the client. */
void inline_see_link(const struct job *j, const struct packet_ctx *c, struct inline_conn *conn);
/* A segment of the client's may acknowledge our answer, and the connection is open then. */
void inline_opens(const struct job *j, struct inline_conn *c, uint32_t number, enum inline_at from,
                  const struct tcp_segment *s);

/* conn_source.c: set the source that the server sees of a connection whose destination is set, and its tuple. server:
 * of a pool; PBC_NONE: a target, which sees the client's source if `keeps`. False: nothing is free, or no room. */
bool inline_source(const struct job *j, struct inline_conn *c, uint32_t number, uint32_t server, bool keeps);

/* Return the ends of a packet to that end, on the wire. */
struct translation inline_outwards(const struct inline_conn *c, enum inline_at to);
/* Return the ends of a packet into the inline stack, from that end of the wire. */
struct translation inline_inwards(const struct inlines *all, const struct inline_conn *c, uint32_t number,
                                  enum inline_at from);
/* Return the way to that end, as of now. */
static inline struct way_back inline_way(const struct job *j, const struct inline_conn *c, enum inline_at to)
{
    return edge_back(j->in->facts, c->side[to].iface, c->side[to].mac);
}
/* send.c: send a packet to that end, which the other sends by its headers: link, TTL and DSCP are written, addresses
 * and ports are there. The packet is bare (LINK_RAW) and is taken over. False: it could not leave. */
bool inline_send(const struct job *j, const struct inline_conn *c, enum inline_at to, struct pkt *pkt, bool v4);
/* The same, in fragments of at most `mtu` bytes if `fit` asks for it. */
bool inline_send_in(const struct job *j, const struct inline_conn *c, enum inline_at to, struct pkt *pkt, bool v4,
                    enum tunnel_fit fit, uint32_t mtu);
/* Put the link header of frames to that end in front of a bare packet. False: there is no headroom. */
bool inline_link(const struct job *j, const struct inline_conn *c, enum inline_at to, struct pkt *pkt, bool v4);
/* Give a packet of ours, bare, to the inline stack. */
void inline_give(const struct job *j, struct pkt *pkt);
/* Note what an end's packet states of it. own: its numbers report that it is the end's (inline_is_own). */
void inline_heard(struct inline_conn *c, enum inline_at from, const struct key *key, const struct pkt *pkt, bool own,
                  uint64_t now_ns);

/* way.c: true if a packet that is not bridged leaves by a served interface, as far as routes are known. Tagged frames
 * do not cross. */
bool inline_crosses(const struct facts *f, const struct key *key);
/* Find this machine's address on the way to conn->to. False: there is no way, or no address is known. */
bool inline_own_address(const struct facts *f, const struct inline_conn *c, uint32_t addr[4]);
/* False: a routed packet has no hop left, so it is dropped and its sender notified. */
bool inline_has_hop(const struct job *j, struct packet_ctx *c);
/* Return how a packet of the inline stack fits the way to that end, and its MTU. TUNNEL_TOO_BIG: its sender is
 * notified. */
enum tunnel_fit inline_fit(const struct job *j, const struct inline_conn *c, enum inline_at to, const struct pkt *pkt,
                           const struct key *key, uint32_t *mtu);

/* Return the most bytes of an IP packet on the way to that end. */
uint32_t inline_mtu(const struct job *j, const struct inline_conn *c, enum inline_at to, const struct key *key);

/* Return the largest segment that the end may send by our MTU towards it. */
uint16_t inline_mss(const struct job *j, const struct inline_conn *c, enum inline_at to, const struct key *key);

/* answer.c: send an end a segment of ours in the other's name; its addresses and ports are filled in. */
void inline_say(const struct job *j, const struct inline_conn *c, enum inline_at to, struct flow_segment *s);
/* `server first`: keep the inline stack's answer to the client (its SYN|ACK), and acknowledge it there in the
 * client's name. */
void inline_keep_answer(const struct job *j, struct inline_conn *c, uint32_t number, const struct key *key,
                        const struct pkt *pkt);
/* Answer the client, now that the server has; mss: announced by the server, 0: none. */
void inline_answer(const struct job *j, struct inline_conn *c, uint16_t mss);
/* Refuse the client, as the server did. */
void inline_refuse(const struct job *j, struct inline_conn *c);
/* End the oldest half-open connection where one more would be too many: all who know of it are told. */
void inline_make_room(const struct job *j);
/* Reset the client's socket in the inline stack: the proxy loop ends what belongs to it. */
void inline_reset_socket(const struct job *j, const struct inline_conn *c, uint32_t number);
