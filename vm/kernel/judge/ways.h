/* The face of ways.bpf.c for stages. */
#pragma once

#include "vm/judge/ways.h"
#include "vm/kernel/kpkt.h"

/* Find the way of the packet as if k->routed.to were its destination; the rest of k->routed is overwritten. */
uint64_t kernel_way_find(struct kpkt *k);
/* Return what it has found. */
static inline struct way_found kernel_way_of(uint64_t found)
{
    return (struct way_found){.out = (uint16_t)found, .kind = (uint8_t)(found >> 16), .why = (uint8_t)(found >> 24)};
}

uint64_t kernel_settle_ways(struct kpkt *k, uint32_t asked); /* does the work of ways_settle */
