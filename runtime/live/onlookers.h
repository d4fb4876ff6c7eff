/* `trace` and `capture`: packets as they come, with what becomes of them, to those who look on over the control socket.
 * A worker never waits for them (runtime/worker/observers.h), nor does the main thread: what is too much is counted. */
#ifndef RUNTIME_LIVE_ONLOOKERS_H
#define RUNTIME_LIVE_ONLOOKERS_H

#include "runtime/live/state.h"

/* What that worker has put on its tape is told, some milliseconds of it; false: there is more, and it calls again. */
bool onlookers_tell(struct live *l, struct worker *w);
/* Those whose time is up end; workers get another set where somebody came or went. */
void onlookers_step(struct live *l, uint64_t now_ns);
/* How long until somebody's time is up, `most` at most. */
int onlookers_wait_ms(const struct live *l, uint64_t now_ns, int most);
/* The workers have ended, and so has everybody who asked. */
void onlookers_fini(struct live *l);

#endif
