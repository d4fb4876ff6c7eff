/* `trace` and `capture`: packets as they come, with what becomes of them, to those who look on over the control socket.
 * A worker never waits for them (runtime/exchange/observers.h), nor does the main thread: what is too much is counted.
 */
#pragma once

#include "runtime/live/main/state.h"

/* What workers have put on their tapes is told, and with it what the kernel has judged, in the order of time: some
 * milliseconds of it; false: there is more, and somebody calls again. */
bool onlookers_tell(struct live *l);
/* A packet that was judged in the kernel, as far as it is told of (vm/kernel/events.h). */
struct sampled {
    const struct pkt *pkt; /* its cookie is the port */
    const struct key *key;
    const struct verdict *verdict;
    const struct labels *labels; /* NULL: its program is gone */
    uint64_t now_ns, at_ns;      /* as its rules saw it; and when its verdict was known */
    uint8_t asked;               /* as on a tape (runtime/exchange/tape.h) */
    const struct kernel_event_sample *said;
    uint32_t world; /* the snapshot in which it was judged, the lower half of its number */
};
/* It is shown to those whose filters take it, after what workers judged before it. */
void onlookers_see(struct live *l, const struct sampled *s);
bool onlookers_there(const struct live *l); /* does anybody look on? */
/* Those whose time is up end; workers get another set where somebody came or went. */
void onlookers_step(struct live *l, uint64_t now_ns);
/* How long until somebody's time is up, `most` at most. */
int onlookers_wait_ms(const struct live *l, uint64_t now_ns, int most);
/* The workers have ended, and so has everybody who asked. */
void onlookers_fini(struct live *l);
