/* `flows`: the flows of all workers, a part at a time, so that neither they nor the main thread are held up. */
#ifndef RUNTIME_LIVE_ASKED_FLOWS_H
#define RUNTIME_LIVE_ASKED_FLOWS_H

#include "runtime/live/state.h"

/* A worker has called: parts that it has filled are told. */
void asked_flows_step(struct live *l);
/* The workers have ended, and so has everybody who asked. */
void asked_flows_fini(struct live *l);

#endif
