/* Guard rules, which hide packets from the host's stack. */
#pragma once

#include "runtime/live/carry/carry_state.h"

/* Set the guard rules. A failure is reported, and so is the success that follows it, by hide_again or another call.
 * Return the exit status. */
int hide_guard(struct carry *carry);
/* Set the guard rules again if interfaces that prey does not serve have come up, or the last one has gone. */
void hide_past(struct carry *carry);
/* Set the guard rules if they could not be set when they were last wanted. Call once per second. */
void hide_again(struct carry *carry);
