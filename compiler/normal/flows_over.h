/* Values of IR_FLOWS: the least numbers of flows that sources, or their networks, hold. One demand for each grain of
 * the program (vm/flow/grain.h); a demand has no complement. A wide network holds the flows of the narrow networks
 * in it, so a demand on a narrow one implies one on the wide. */
#pragma once

#include "compiler/normal/ir.h"

struct flows_demand {
    uint32_t grain; /* number of the grain in the image */
    uint32_t over;  /* the flows must exceed this number */
};

/* Return an id of IR_FLOWS for one demand. Read an id's demands and return their number, at most PBC_GRAINS_MAX
 * (second function). */
uint32_t flows_intern(struct ir *ir, struct flows_demand d);
uint32_t flows_demands(const struct ir *ir, uint32_t id, struct flows_demand out[PBC_GRAINS_MAX]);

uint32_t flows_and(struct ir *ir, uint32_t a, uint32_t b);
/* True if every packet that meets a meets b. */
bool flows_within(const struct ir *ir, uint32_t a, uint32_t b);
