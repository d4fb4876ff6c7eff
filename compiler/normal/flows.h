/* What IR_FLOWS holds: how many flows sources, or their networks, hold at least. One demand for each grain of the
 * program (vm/flow/grain.h); there is no set of what a demand leaves. A wide network holds what the narrow ones in it
 * do, so a demand on a narrow one says something of the wide, too. */
#pragma once

#include "compiler/normal/ir.h"

struct flows_demand {
    uint32_t grain; /* number in the image */
    uint32_t over;  /* more than so many */
};

/* An id of IR_FLOWS for one demand, and the demands of one; returns how many, at most PBC_GRAINS_MAX. */
uint32_t flows_intern(struct ir *ir, struct flows_demand d);
uint32_t flows_demands(const struct ir *ir, uint32_t id, struct flows_demand out[PBC_GRAINS_MAX]);

uint32_t flows_and(struct ir *ir, uint32_t a, uint32_t b);
/* Does every packet that meets a meet b? */
bool flows_within(const struct ir *ir, uint32_t a, uint32_t b);
