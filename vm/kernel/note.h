/* What stands before a frame that goes up to a socket: how it came, and what the kernel knows of it. User space takes
 * it off (runtime/io) and hands it on with the packet.
 *
 * It stands in the frame's headroom and is 32 bytes, so the frame behind it stays aligned as it was. */
#pragma once

#include <assert.h>
#include <stdint.h>

#define KERNEL_NOTE_MAGIC 0x79657270u /* "prey" */

struct kernel_note {
    uint32_t magic;
    uint32_t program;  /* serial of the program that decided */
    uint64_t decision; /* as judge.h's `decided`, with KERNEL_JUDGED in flags */
    uint32_t branch;   /* index in BRANCHES, or PBC_NONE */
    uint32_t ifindex;  /* where it came in */
    uint32_t wire_len; /* bytes of the frame: as it came, without this */
    uint16_t flags;    /* enum kernel_flag: JUDGED, EGRESS */
    uint8_t up;        /* enum kernel_up */
    uint8_t states;    /* what `state` said of it: MARK_STATES of its key, eight bits to the right */
};
static_assert(sizeof(struct kernel_note) == 32, "no padding");
