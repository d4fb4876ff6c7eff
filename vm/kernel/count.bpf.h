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

extern struct kernel_counters state_counters[];
extern const char mask_counters;

static inline void count_add(struct counter *c, uint32_t bytes)
{
    c->packets++;
    c->bytes += bytes;
}

/* Count a packet as lost because the next stage could not be called: its array is empty, or calls nest too deep. */
static inline void count_uncalled(const struct kpkt *k)
{
    struct kernel_counters *c = &state_counters[(uint64_t)bpf_get_smp_processor_id() & MASK(counters)];
    if (!(k->flags & KERNEL_ONLY_JUDGE)) count_add(&c->lost, k->pkt.wire_len);
}

/* Count a packet at place `at` of the row. */
static inline void count_at(const struct kernel_program *p, uint32_t at, uint32_t bytes)
{
    const uint64_t place = p->first + bpf_get_smp_processor_id() * p->row + at;
    count_add(&state_counts[place & MASK(counts)], bytes);
}

/* Count a packet for entry i of the row's part between places `from` and `to`. */
static inline void count_of(const struct kernel_program *p, uint32_t from, uint32_t to, uint32_t i, uint32_t bytes)
{
    if (i < to - from) count_at(p, from + i, bytes);
}
