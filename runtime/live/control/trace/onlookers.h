/* `trace` and `capture`: packets as they come, with what becomes of them, to those who look on over the control socket.
 * A worker never waits for them (runtime/exchange/observers.h), nor does the main thread: too much is counted. */
#pragma once

#include "runtime/live/control/state.h"

/* What workers have put on their tapes is told, and with it what the kernel has judged, in the order of time: some
 * milliseconds of it; false: there is more, and somebody calls again. */
bool onlookers_tell(struct control *control);
/* It is shown to those whose filters take it, after what workers judged before it. */
void onlookers_see(struct control *control, const struct sampled *s);
bool onlookers_there(const struct control *control); /* does anybody look on? */
/* Those whose time is up end; workers get another set where somebody came or went. */
void onlookers_step(struct control *control, uint64_t now_ns);
/* Time until the first onlooker's time is up, `most` at most. */
int onlookers_wait_ms(const struct control *control, uint64_t now_ns, int most);
/* The workers have ended, and so has everybody who asked. */
void onlookers_fini(struct control *control);
