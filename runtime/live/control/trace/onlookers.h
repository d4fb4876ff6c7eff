/* Observers over the control socket: `trace` and `capture` show packets with their verdicts, `talkers` sums packets
 * up. Neither workers (runtime/exchange/observers.h) nor the main thread wait for them: lost packets are counted. */
#pragma once

#include "runtime/live/control/control_state.h"

/* Report some milliseconds of records from workers' tapes and the kernel, in order of time. False: more is left for
 * a later call. */
bool onlookers_tell(struct control *control);
/* Show the packet to the observers whose filters take it, after packets that workers judged earlier. */
void onlookers_see(struct control *control, const struct sampled *s);
bool onlookers_there(const struct control *control);     /* true if there are observers */
unsigned onlookers_looks(const struct control *control); /* returns the kinds of observers (enum looks) */
/* End expired observers; give workers another set after changes. */
void onlookers_step(struct control *control, uint64_t now_ns);
/* End all observers, because that process judges now. */
void onlookers_leave(struct control *control, long process);
/* Return the time at which the next observer expires; UINT64_MAX: none. */
uint64_t onlookers_due_ns(const struct control *control);
/* Free all, after workers and calls have ended. */
void onlookers_fini(struct control *control);
