/* Predicates of the table of known differences */
#ifndef TESTS_DIFF_ROUTERS_KNOWN_PRIV_H
#define TESTS_DIFF_ROUTERS_KNOWN_PRIV_H

#include "tests/diff/routers/known.h"

/* ---- helpers (known_facts.c) ---- */

/* True if each side sent one frame, and one of them is prey's own reply to the packet. */
bool are_answers(const struct difference *d, struct packet *sent, struct packet *netfilter, struct packet *prey);
bool is_reset(const struct packet *p);
bool is_port_unreachable(const struct packet *p);
bool is_reject(const struct packet *p);
bool is_served(const struct difference *d, unsigned iface);
/* True if prey rejects the packet in its destination's name. */
bool is_rejected(const struct difference *d);
/* True for the source that Linux uses if no interface has an IPv6 address. */
bool is_from_loopback(const struct packet *p);
bool is_own(const struct world *w, const struct packet *p);
/* True for a router's error that the destination, not only a port, is unreachable. */
bool is_no_way(const struct packet *p);
/* True if netfilter's router sends only such an error. */
bool is_no_way_of_netfilters(const struct difference *d);
/* True if a blackhole, unreachable or prohibit route leads to the destination, in any table. */
bool is_to_nowhere(const struct world *w, const struct packet *p);
/* True if the firewall for forwarded packets has a rule with that verdict, or drops by default or as invalid. */
bool judges_so(const struct world *w, enum rule_verdict verdict);
bool asks_arrival(const struct world *w, bool v6, unsigned iface);
bool is_no_hop_left(const struct packet *p);
bool has_had(const struct talk *t, enum step_kind a, enum step_kind b);
/* True if the frame is the sent one, one hop later and otherwise unchanged. */
bool is_as_it_came(const struct packet *left, const struct packet *sent);
/* True if the address belongs to the map's inside network. */
bool is_inside_of_map(const struct nat *n, bool v6, const uint8_t addr[16]);
/* True if a map that doesn't test the outgoing interface has the packet's source. */
bool is_of_map_anywhere(const struct world *w, const struct packet *p);
/* True if a nat statement translates sources of packets that leave by that interface. */
bool leaves_translated(const struct world *w, unsigned iface, bool v6);
/* True if the packet goes to an outside address of that map. */
bool is_outside_of_map(const struct nat *n, const struct packet *p);
/* Return the map that translates the packet's destination, or NULL. */
const struct nat *map_of(const struct world *w, const struct packet *p);
/* True if a nat statement translates the source of the opener's packets that leave by that interface. */
bool hides_opener(const struct difference *d, unsigned iface);

/* ---- one predicate per row ---- */

bool is_reject_in_its_name(const struct difference *d);
bool is_error_of_its_own(const struct difference *d);
bool is_no_way_said_once(const struct difference *d);
bool is_reject_in_its_place(const struct difference *d);
bool is_answered_twice(const struct difference *d);
bool is_hidden_since_before(const struct difference *d);
bool is_error_without_route(const struct difference *d);
bool is_last_hop_first(const struct difference *d);
bool is_of_kept_end(const struct difference *d);
bool is_judged_first(const struct difference *d);
bool is_end_for_all(const struct difference *d);
bool is_said_of_each_fragment(const struct difference *d);
bool is_after_the_end(const struct difference *d);
bool is_early_reset(const struct difference *d);
bool is_after_last_hop(const struct difference *d);
bool is_answer_to_unseen(const struct difference *d);
bool is_after_unseen_answer(const struct difference *d);
bool is_said_late(const struct difference *d);
bool is_fin_of_nothing(const struct difference *d);
bool is_after_fin_of_nothing(const struct difference *d);
bool is_refused_without_flow(const struct difference *d);
bool is_translated_all_the_same(const struct difference *d);
bool is_syn_of_open(const struct difference *d);
bool is_of_equal_ends(const struct difference *d);
bool is_past_the_translation(const struct difference *d);
bool is_where_it_was_heard(const struct difference *d);
bool is_error_past_ports(const struct difference *d);
bool is_error_by_its_flow(const struct difference *d);
bool is_anothers_address(const struct difference *d);
bool is_mapped_past_ports(const struct difference *d);
bool is_lost_without_way(const struct difference *d);
bool is_turned_to_no_port(const struct difference *d);
bool is_routed_without_arrival(const struct difference *d);
bool is_without_later_fragments(const struct difference *d);
bool is_only_watched(const struct difference *d);

#endif
