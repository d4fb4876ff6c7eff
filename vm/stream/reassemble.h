/* One side's bytes of a connection, put in order from its segments as a capture shows them: repeated, late,
 * overlapping, some for good missing. Memory is the caller's and bounded; no call allocates.
 *
 *      seq ->  bytes[0 ..... have ..... highest ..... room)
 *              in order      pieces, with gaps
 *
 * Of a byte that comes twice the first is kept, as a receiver does that has handed it on. What lies beyond `room` is
 * not kept: a sender that has filled it sends it again, or a byte is missing in the capture and the rest is never
 * whole. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REASSEMBLE_MOST = 1 << 16 }; /* bytes of room */

struct reassembly {
    uint8_t *bytes;
    uint64_t *there;   /* a bit a byte, of those from `have` on */
    uint32_t room;     /* multiple of 64, at most REASSEMBLE_MOST */
    uint32_t have;     /* bytes in order */
    uint32_t highest;  /* behind the last byte that is there */
    uint32_t seq, end; /* TCP's number of bytes[0]; where a FIN stands, counted from there */
    bool ends;         /* a FIN was seen */
};

/* Memory for so much room. */
static inline size_t reassemble_bytes(uint32_t room) { return (size_t)room + room / 8; }
/* Nothing is there; the first byte has the number `seq` (that of the SYN and one). memory: reassemble_bytes(room),
 * aligned to 8. */
void reassemble_init(struct reassembly *r, void *memory, uint32_t room, uint32_t seq);
/* More room in other memory, which takes all over; the old is the caller's again. */
void reassemble_grow(struct reassembly *r, void *memory, uint32_t room);
/* A segment's bytes, the first of which has the number `seq`, and its FIN. False: some of them lie beyond the room. */
bool reassemble_add(struct reassembly *r, uint32_t seq, const uint8_t *bytes, uint32_t n, bool fin);
/* The first n <= have bytes are done with. */
void reassemble_take(struct reassembly *r, uint32_t n);
/* Has all come, up to the FIN? */
static inline bool reassemble_whole(const struct reassembly *r) { return r->ends && r->have >= r->end; }
