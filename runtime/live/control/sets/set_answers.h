/* Live sets in documents and questions (runtime/live/rules/members/ keeps them). */
#pragma once

#include <cjson/cJSON.h>

#include "runtime/ctl/server.h"
#include "runtime/live/control/control_state.h"
#include "runtime/live/rules/members/members.h"

/* Add the live sets of the program in force to the document, as `sets`. */
void sets_json(const struct control *control, cJSON *root);

/* The answers, one function for each `op`. t: the set. */
void sets_list(struct control *control, struct call *c, const struct member_target *t);
void sets_has(struct control *control, struct call *c, const struct member_target *t);
void sets_change(struct control *control, struct call *c, const struct member_target *t);
void sets_replace(struct control *control, struct call *c, const struct member_target *t);
void sets_flush(struct control *control, struct call *c, const struct member_target *t);

/* Write an entry's members of the document: `left_ms` and `until`, null without an end. */
void sets_print_end(FILE *out, uint64_t now_ms, uint64_t end_ms);
/* True if members come only by DNS answers. */
static inline bool set_is_answered(const struct member_target *t)
{
    return t->at[0].program->lives[t->at[0].live].answers;
}
/* Write `by`, `uid`, `since` and `comment` of a member of the overlay, or (net NULL) of the base. */
void sets_print_note(FILE *out, const struct member_target *t, const struct live_net *net);
/* Write the member as text: an address, a prefix, a range. */
enum { MEMBER_TEXT = 100 };
const char *sets_net_text(const struct live_net *net, char buf[MEMBER_TEXT]);
const char *sets_range_text(bool v6, const uint32_t lo[4], const uint32_t hi[4], char buf[MEMBER_TEXT]);
