/* `mode proxy inline`, and `mode proxy` with `splice packets`, live: connections that end in the inline stack, and
 * their packets in both directions.
 *
 *     inline_first ─▶ begins with a SYN that the rules accepted and a service takes
 *     inline_wire     a later packet from the wire, or an ICMP error about one: not judged
 *     inline_sent     a packet of the inline stack, which leaves on the wire in the name of an end
 *
 * The addresses are in inline_addr.h, the state of each connection in conns.h. */
#pragma once

#include "vm/context/context.h"
#include "vm/flow/flow.h"
#include "vm/forward/edges.h"
#include "vm/forward/inline/conns.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/read.h"
#include "vm/packet/reply/frame.h"

/* Begin a connection with an accepted packet that the branch's service takes. False: the packet is untouched, as if
 * no service had taken it. The packet opens no connection, or there is no room and the service has `on overload
 * pass`. */
bool inline_first(const struct job *j, struct packet_ctx *c, uint32_t branch);

/* Take a packet from the wire if it belongs to a connection. False: not a connection's. */
bool inline_wire(const struct job *j, struct packet_ctx *c);
/* Return how a packet from the wire would go on. False: it belongs to no connection, or begins another. */
bool inline_goes_on(struct inlines *all, const struct key *key, const struct pkt *pkt, struct inline_goes *goes);
/* Take an ICMP error about a connection's packets. False: it is not about one. */
bool inline_error(const struct job *j, struct packet_ctx *c);

/* True if a reply to the packet can leave by its link: the sender has a MAC address, or live traffic came by a
 * device without Ethernet. */
static inline bool inline_has_link(const struct job *j, const struct pkt *pkt)
{
    return pkt_mac(pkt, false) || (j->vm->cfg.live && pkt->link == LINK_RAW);
}

/* Send a packet of the inline stack on. pkt: writable, LINK_RAW, with headroom for a link header. */
void inline_sent(const struct job *j, struct pkt *pkt);

/* Do what the proxy loop asks (vm/flow/spliced.h). */
void inline_asked(const struct job *j, const struct inline_ask *ask);

/* leaving.c: hold a new segment of a connection that is about to leave, before the inline stack gets it. True: the
 * segment is held, or dropped because too many are. */
bool inline_hold(const struct job *j, struct inline_conn *c, uint32_t number, const struct packet_ctx *ctx,
                 enum inline_at from, const struct tcp_segment *s);
/* Let a connection that is about to leave do so, if it can now. */
void inline_look(const struct job *j, struct inline_conn *c);
/* Release the held segments of a connection that stays or is over. */
void inline_let_go(const struct job *j, struct inline_conn *c, uint32_t number);
/* Release segments that were held too long. Return the next deadline; UINT64_MAX if none is left. */
uint64_t inline_holds_tick(const struct job *j);

/* splicing.c: forward a packet of a spliced connection; a held one in a slot, which is taken over (second function);
 * an ICMP error about a packet that left in the name of `sent_by` (third; false: it does not leave). */
void inline_spliced(const struct job *j, struct packet_ctx *c, struct inline_conn *conn, uint32_t number,
                    enum inline_at from, const struct tcp_segment *s);
void inline_pass(const struct job *j, struct inline_conn *c, uint32_t number, enum inline_at from, struct pkt *pkt,
                 const struct key *key);
bool inline_spliced_error(const struct job *j, struct packet_ctx *c, const struct inline_conn *conn,
                          enum inline_at sent_by);
/* fragments.c: let later fragments follow this first one, which has left to that end; send a later one the way of
 * its first, by c->left (second function): REASON_NONE, or the reason against it. */
void inline_first_fragment(struct packet_ctx *c, const struct inline_conn *conn, uint32_t number, enum inline_at to,
                           const struct tcp_segment *s);
enum pkt_reason inline_later_fragment(const struct job *j, struct packet_ctx *c);
/* Return the packet itself if it may be written, or a copy in a slot. NULL without a slot. */
struct pkt *inline_own_or_copy(const struct job *j, const struct packet_ctx *c);
/* conn_slots.c: let the kernel executor pass ordinary segments from that end by itself, beginning after the one that
 * has just left as `sent`. */
void inline_keep_slot(const struct job *j, struct inline_conn *c, uint32_t number, const struct packet_ctx *ctx,
                      enum inline_at from, const struct tx_entry *sent);
/* Reset both ends, at the loop's request, or because both were silent: then the loop is notified. */
void inline_end_spliced(const struct job *j, struct inline_conn *c, uint32_t number, bool asked);

/* End connections that have timed out. Return the next deadline; UINT64_MAX if none is left. */
uint64_t inline_tick(const struct job *j);

/* For this room only */

/* legs.c: note the numbers of a segment from the wire, and a FIN or reset of its end. */
void inline_follow(struct inline_conn *c, enum inline_at from, const struct tcp_segment *s);
/* Note the numbers of prey's segment to that end, and a FIN or reset in it. */
void inline_says(struct inline_conn *c, enum inline_at to, const struct tcp_segment *s);
/* True for a segment that answers prey's SYN to that end, by its number. */
bool inline_answers(const struct inline_conn *c, enum inline_at from, const struct tcp_segment *s);
/* False for a segment whose numbers are not near those of its end: a stranger who knows only the tuple may have sent
 * it. This also works for connections whose windows are not followed. */
bool inline_is_own(const struct inline_conn *c, enum inline_at from, const struct tcp_segment *s);

/* legs.c: note the options of an end's SYN, and of prey's SYN to it. */
void inline_leg_syn(struct inline_leg *l, const struct pkt *pkt, const struct tcp_segment *s);
void inline_leg_our_syn(struct inline_leg *l, const struct tcp_syn_options *o, const struct tcp_segment *s);
/* Note a later segment of an end (given: prey's socket gets all of it), and one of prey's to it. */
void inline_leg_in(struct inline_side *side, const struct pkt *pkt, const struct tcp_segment *s, bool given);
void inline_leg_out(struct inline_side *side, const struct pkt *pkt, const struct tcp_segment *s);
/* False for a segment whose numbers are far from those that its end may send now; edge: right edge of the window
 * announced to the end. Such a segment changes nothing, so that a stranger who knows only the tuple can't move a
 * number. */
bool inline_is_near(const struct inline_side *side, uint32_t edge, const struct tcp_segment *s);
/* Largest window announced to an end before the other end has announced its own: that one may be small, and an
 * announced window must not shrink. It holds the first flight of a sender (RFC 6928). Afterwards at least two
 * segments are announced, so that the end can always go on. */
enum { INLINE_WINDOW_FIRST = 14600, INLINE_WINDOW_LEAST = 2920 };
/* Return the smallest window announced to an end while it may leave, even if the other end has less room. */
uint32_t inline_window_least(const struct inline_conn *c, enum inline_at to);
/* Limit the window in prey's segment to that of the other end, but leave one that is large enough to begin with. */
void inline_clamp(const struct inline_conn *c, enum inline_at to, struct pkt *pkt, struct tcp_segment *s);
/* Keep the right edge of the window in prey's segment from moving back behind the announced one; shift: that of the
 * window field. */
void inline_keep_edge(uint32_t *edge, unsigned shift, struct pkt *pkt, struct tcp_segment *s);
/* Set the newest acknowledgement, window and TSval of its end in a held segment: later ones may have been sent
 * meanwhile, and none of these may go back. */
void inline_renew(const struct inline_side *side, struct pkt *pkt, struct tcp_segment *s);
/* Set s->window, if the kernel's segments may have overtaken the segment, to the last window announced with the same
 * acknowledgement, so that the window does not shrink. False: it is right already. */
bool inline_overtaken(const struct inline_side *side, const struct pkt *pkt, struct tcp_segment *s);
void inline_set_window(struct pkt *pkt, uint16_t window);
/* Return the other end's window as a field for this end. */
uint16_t inline_window(const struct inline_conn *c, enum inline_at to);
/* Fill in both flows for a splice; return why they may not be joined now (second function). */
void inline_ends(const struct inline_conn *c, struct splice_end ends[2]);
enum splice_why inline_may_join(const struct inline_conn *c, const struct splice_end ends[2]);

/* wire.c: fill in both ends' layer 2 from a frame of the client. */
void inline_see_link(const struct job *j, const struct packet_ctx *c, struct inline_conn *conn);
/* Handle a segment of the client that may acknowledge prey's SYN|ACK, which opens the connection. */
void inline_opens(const struct job *j, struct inline_conn *c, uint32_t number, enum inline_at from,
                  const struct tcp_segment *s);

/* conn_source.c: for a connection with a destination, set the source that the server sees, and the tuple. server: of
 * a pool; PBC_NONE: a target, which sees the client's source if `keeps`. False: no port is free, or no room. */
bool inline_source(const struct job *j, struct inline_conn *c, uint32_t number, uint32_t server, bool keeps);

/* Return the addresses and ports of a packet to that end, on the wire. */
struct translation inline_outwards(const struct inline_conn *c, enum inline_at to);
/* Return the addresses and ports of a packet into the inline stack, from that end of the wire. */
struct translation inline_inwards(const struct inlines *all, const struct inline_conn *c, uint32_t number,
                                  enum inline_at from);
/* Return the current way to that end. */
static inline struct way_back inline_way(const struct job *j, const struct inline_conn *c, enum inline_at to)
{
    return edge_back(j->in->facts, c->side[to].iface, c->side[to].mac);
}
/* send.c: send a packet to that end in the name of the other: link, TTL and DSCP are written; addresses and ports
 * are set already. The packet is bare (LINK_RAW) and is taken over. False: it could not leave. */
bool inline_send(const struct job *j, const struct inline_conn *c, enum inline_at to, struct pkt *pkt, bool v4);
/* The same, in fragments of at most `mtu` bytes if `fit` asks for it. */
bool inline_send_in(const struct job *j, const struct inline_conn *c, enum inline_at to, struct pkt *pkt, bool v4,
                    enum tunnel_fit fit, uint32_t mtu);
/* Put the link header of frames to that end in front of a bare packet. False: there is no headroom. */
bool inline_link(const struct job *j, const struct inline_conn *c, enum inline_at to, struct pkt *pkt, bool v4);
/* Give a bare packet of prey's to the inline stack. */
void inline_give(const struct job *j, struct pkt *pkt);
/* Note the link, TTL and DSCP of an end's packet. own: its numbers prove that it is the end's (inline_is_own). */
void inline_heard(struct inline_conn *c, enum inline_at from, const struct key *key, const struct pkt *pkt, bool own,
                  uint64_t now_ns);

/* way.c: true if a packet that is not bridged leaves by a served interface, as far as routes are known. Tagged
 * frames are not forwarded. */
bool inline_crosses(const struct facts *f, const struct key *key);
/* Find this machine's address on the way to conn->to. False: no way, or no known address. */
bool inline_own_address(const struct facts *f, const struct inline_conn *c, uint32_t addr[4]);
/* False: a routed packet has no hop left, so it is dropped and its sender notified. */
bool inline_has_hop(const struct job *j, struct packet_ctx *c);
/* Return how a packet of the inline stack fits the way to that end, and its MTU. TUNNEL_TOO_BIG: its sender is
 * notified. */
enum tunnel_fit inline_fit(const struct job *j, const struct inline_conn *c, enum inline_at to, const struct pkt *pkt,
                           const struct key *key, uint32_t *mtu);

/* Return the most bytes of an IP packet on the way to that end. */
uint32_t inline_mtu(const struct job *j, const struct inline_conn *c, enum inline_at to, const struct key *key);

/* Return the largest segment that the end may send, by the MTU towards it. */
uint16_t inline_mss(const struct job *j, const struct inline_conn *c, enum inline_at to, const struct key *key);

/* answer.c: send an end a segment in the other end's name; its addresses and ports are filled in. */
void inline_say(const struct job *j, const struct inline_conn *c, enum inline_at to, struct flow_segment *s);
/* `server first`: keep the inline stack's SYN|ACK to the client, and acknowledge it there in the client's name. */
void inline_keep_answer(const struct job *j, struct inline_conn *c, uint32_t number, const struct key *key,
                        const struct pkt *pkt);
/* Send the client its SYN|ACK, now that the server has replied; mss: announced by the server, 0: none. */
void inline_answer(const struct job *j, struct inline_conn *c, uint16_t mss);
/* Refuse the client, as the server did. */
void inline_refuse(const struct job *j, struct inline_conn *c);
/* End the oldest half-open connection if no more may be opened: both ends and the loop are notified. */
void inline_make_room(const struct job *j);
/* Reset the client's socket in the inline stack, so that the proxy loop ends what belongs to it. */
void inline_reset_socket(const struct job *j, const struct inline_conn *c, uint32_t number);
