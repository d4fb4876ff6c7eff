/* The program's file again, in place of the one that runs. */
#ifndef RUNTIME_LIVE_RELOAD_H
#define RUNTIME_LIVE_RELOAD_H

#include "runtime/live/state.h"

void reload_begin(struct live *l);
/* Is a change under way that some worker has not taken? Then nothing is published or printed. */
bool reload_pending(const struct live *l);
/* Is what workers run, all of them, the program in l->now? Then their counters have its shape. */
bool reload_settled(const struct live *l);
/* Of a log note's program, which may be the one before; NULL: it is gone. */
const struct labels *reload_labels(const struct live *l, const struct program *p);
/* Workers may have taken it, or have brought all flows in line. */
void reload_step(struct live *l);
void reload_fini(struct live *l);

#endif
