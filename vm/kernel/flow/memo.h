/* Decisions that the kernel remembers for flows (vm/judge/remember.h): of the program in force, those that hold for all
 * established packets of a flow's direction, in one table of few rows. A flow has the number of its row.
 *
 * What is remembered holds while nothing has changed that it depends on: program, facts. No epoch says so, for a flow
 * has no room for one, but the clock: it holds if the flow's last packet came after the last change (world.h,
 * memos_since), for each packet that is kept takes stale ones away. */
#pragma once

#include <stdint.h>

/* Rows; row 0 is none. A decision stands in one of KERNEL_MEMO_TRIES rows from its place on, or is not remembered. */
enum { KERNEL_MEMOS = 256, KERNEL_MEMO_TRIES = 4 };

static inline uint32_t memo_place(uint64_t decision)
{
    return (uint32_t)((decision ^ decision >> 32) * UINT64_C(0x9e3779b97f4a7c15) >> 56);
}

struct program;
/* Those of the program that let packets pass, into rows that were empty. */
void kernel_memos_of(uint64_t rows[KERNEL_MEMOS], const struct program *p);
