/* A program's counters, in the row of this CPU (counts.h). */
#pragma once

#include "vm/kernel/bpf.h"
#include "vm/kernel/counts.h"

extern struct counter state_counts[];
extern const char mask_counts;

static inline const struct kernel_program *count_program(uint32_t serial)
{
    return &state_world.programs[serial % KERNEL_PROGRAMS];
}

static inline void count_add(struct counter *c, uint32_t bytes)
{
    c->packets++;
    c->bytes += bytes;
}

/* Count at place `at` of the row. */
static inline void count_at(const struct kernel_program *p, uint32_t at, uint32_t bytes)
{
    const uint64_t place = p->first + bpf_get_smp_processor_id() * p->row + at;
    count_add(&state_counts[place & MASK(counts)], bytes);
}

/* Count for entry i of the part of the row that is between places `from` and `to`. */
static inline void count_of(const struct kernel_program *p, uint32_t from, uint32_t to, uint32_t i, uint32_t bytes)
{
    if (i < to - from) count_at(p, from + i, bytes);
}
