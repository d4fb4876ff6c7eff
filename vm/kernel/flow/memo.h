/* Decisions that the kernel remembers for flows (vm/judge/remember.h): those of the program in force that hold for all
 * established packets of a flow's direction, in one table of few rows. A flow stores the number of its row.
 *
 * A decision holds until something changes that it depends on: program, facts. A flow has no room for an epoch, so
 * time takes its place. The decision holds if the flow's last packet came after the last change (world.h,
 * memos_since_ns), because each packet that is kept removes stale decisions.
 *
 * Of a program with `audit` a flow remembers two decisions, in fact and without the word, as the number of a pair.
 * Pairs are added as packets show them: each of the two has to be in a table of its own kind. */
#pragma once

#include <stdint.h>

/* Number of rows; row 0 is none. A decision has one of KERNEL_MEMO_TRIES rows from its place on, or no row. */
enum { KERNEL_MEMOS = 256, KERNEL_MEMO_TRIES = 4 };

/* Pairs in use. `said`: 1 + the program's serial in the upper half, below it enum kernel_would; all ones: it is being
 * written. A pair of another program than that in force is free. */
struct kernel_pair {
    uint64_t decision, would, said, unused;
};
enum { KERNEL_PAIRS = KERNEL_MEMOS };

static inline uint32_t memo_place(uint64_t decision)
{
    return (uint32_t)((decision ^ decision >> 32) * UINT64_C(0x9e3779b97f4a7c15) >> 56);
}

struct program;
/* Put the program's decisions that let packets pass into rows, which are empty at first; with `would`, all that would
 * be remembered without the word `audit`. */
void kernel_memos_of(uint64_t rows[KERNEL_MEMOS], const struct program *p);
void kernel_memos_would(uint64_t rows[KERNEL_MEMOS], const struct program *would);
