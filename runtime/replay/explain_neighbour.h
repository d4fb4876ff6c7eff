/* --explain of an ARP request or a neighbour solicitation: who answers it. */
#ifndef RUNTIME_REPLAY_EXPLAIN_NEIGHBOUR_H
#define RUNTIME_REPLAY_EXPLAIN_NEIGHBOUR_H

#include <stdio.h>

#include "runtime/replay/explain_look.h"
#include "runtime/replay/replay_priv.h"

/* Nothing of what asks for no neighbour. v: what became of it. */
void explain_neighbour_text(FILE *out, const struct replay *r, const struct explain_look *k, const struct verdict *v);
/* A member of an object, a comma before it. */
void explain_neighbour_json(FILE *out, const struct replay *r, const struct explain_look *k, const struct verdict *v);

#endif
