/* A change of programs, as all parts of the state do it (struct part in carry/part.h).
 *
 *      parts_look ─▶ parts_prepare ─▶ parts_offer ─▶ (workers take it) ─▶ parts_end
 *                          └──── refused ────┴─▶ parts_undo ─▶ parts_end */
#pragma once

#include "runtime/live/carry/part.h"
#include "runtime/live/rules/rules_state.h"

/* True if the program can run here and be enforced; changes nothing. Else c->err gives the reason. */
bool parts_look(const struct program_change *c);
/* True if all parts are prepared for the new program. Else c->err gives the reason, and parts_undo must follow. */
bool parts_prepare(struct program_change *c);
void parts_offer(struct program_change *c);
/* Restore everything that the change has replaced, the last first. */
void parts_undo(struct program_change *c);
/* Free the remains of the program that is not in force. */
void parts_end(struct program_change *c);
