#include "runtime/exchange/listing.h"

enum { GROUPS_A_STEP = 16 };

void listing_fill(struct listing *l, const struct vm *vm, const struct program *program, uint64_t now_ns)
{
    l->program = program;
    l->now_ns = now_ns;
    l->count = 0;
    for (unsigned groups = 0; l->count < LISTING_FLOWS && groups < LISTING_GROUPS && !l->ended;) {
        const int found = vm_flow_near(vm, &l->at, GROUPS_A_STEP, now_ns, &l->flows[l->count]);
        l->count += found > 0;
        groups += found == 0 ? GROUPS_A_STEP : 0;
        l->ended = found < 0;
    }
}
