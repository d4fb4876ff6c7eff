/* Bytes of one side of a connection, put in order from its segments as a capture shows them: repeated, late,
 * overlapping, some missing for good. The caller provides the memory, which is bounded; no call allocates.
 *
 *      seq ->  bytes[0 ..... have ..... highest ..... room)
 *              in order      pieces, with gaps
 *
 * If a byte comes twice, its first copy is kept, as by a receiver that has delivered it. Bytes beyond `room` are
 * dropped: the sender sends them again, or the capture lacks them and the stream never becomes whole. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REASSEMBLE_MOST = 1 << 16 }; /* most bytes of room */

struct reassembly {
    uint8_t *bytes;
    uint64_t *there;   /* one bit per byte: it is stored; used from `have` on */
    uint32_t room;     /* multiple of 64, at most REASSEMBLE_MOST */
    uint32_t have;     /* bytes in order from the start */
    uint32_t highest;  /* end of the last byte stored */
    uint32_t seq, end; /* TCP sequence number of bytes[0]; offset of the FIN from there */
    bool ends;         /* true once a FIN was seen */
};

/* Return the size of the memory for `room` bytes. */
static inline size_t reassemble_bytes(uint32_t room) { return (size_t)room + room / 8; }
/* Begin empty; the first byte has sequence number `seq` (the SYN's plus 1). memory: reassemble_bytes(room), aligned to
 * 8. */
void reassemble_init(struct reassembly *r, void *memory, uint32_t room, uint32_t seq);
/* Move everything into other memory with more room; the old memory returns to the caller. */
void reassemble_grow(struct reassembly *r, void *memory, uint32_t room);
/* Add a segment whose first byte has sequence number `seq`, and its FIN. False: some bytes are beyond the room. */
bool reassemble_add(struct reassembly *r, uint32_t seq, const uint8_t *bytes, uint32_t n, bool fin);
/* Drop the first n <= have bytes. */
void reassemble_take(struct reassembly *r, uint32_t n);
/* True if everything up to the FIN has come. */
static inline bool reassemble_whole(const struct reassembly *r) { return r->ends && r->have >= r->end; }
