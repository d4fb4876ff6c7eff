/* Predicates of the table of known differences */
#ifndef TESTS_DIFF_ROUTERS_KNOWN_PRIV_H
#define TESTS_DIFF_ROUTERS_KNOWN_PRIV_H

#include "tests/diff/routers/known.h"

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
bool is_said_of_each_piece(const struct difference *d);
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
bool is_of_equal_ends(const struct difference *d);
bool is_past_the_translation(const struct difference *d);
bool is_where_it_was_heard(const struct difference *d);
bool is_error_by_its_flow(const struct difference *d);
bool is_anothers_address(const struct difference *d);
bool is_lost_without_way(const struct difference *d);
bool is_turned_to_no_port(const struct difference *d);
bool is_routed_without_arrival(const struct difference *d);
bool is_without_later_pieces(const struct difference *d);
bool is_only_watched(const struct difference *d);

#endif
