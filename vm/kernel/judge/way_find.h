/* Functions of way_find.bpf.c for other stages. */
#pragma once

#include "vm/judge/ways.h"
#include "vm/kernel/kpkt.h"

/* Find the way of the packet as if k->routed.to were its destination; the rest of k->routed is overwritten. */
uint64_t kernel_way_find(struct kpkt *k);
/* Unpack the result of kernel_way_find. */
static inline struct way_found kernel_way_of(uint64_t found)
{
    return (struct way_found){.out = (uint16_t)found, .kind = (uint8_t)(found >> 16), .why = (uint8_t)(found >> 24)};
}
/* Put into the result, or read from it, the number of a way with several legs, among which the host chooses; 0: the
 * way is of another kind. */
static inline uint64_t kernel_with_legs(uint64_t found, uint32_t number) { return found | (uint64_t)number << 32; }
static inline uint32_t kernel_legs_of(uint64_t found) { return (uint32_t)(found >> 32); }

/* Do the work of ways_settle, up to the choice of a leg: k->legs is set if a leg must still be chosen. Return 0 if a
 * fact that the program asks for is unknown. */
uint64_t kernel_settle_ways(struct kpkt *k, uint32_t asked);
/* Set k->way to the interface of leg i of the way k->legs. Return 0 if it has no leg i. */
uint64_t kernel_leg(struct kpkt *k, uint32_t i);
/* Note the rules' decision for the leg of k->way, and set pkt.way and pkt.way_why by the legs so far. */
uint64_t kernel_leg_take(struct kpkt *k, uint64_t d);
