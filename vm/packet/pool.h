/* Buffers: slots of equal size in memory that the caller provides, 64-byte aligned, each with headroom in front.
 * A pool belongs to one worker; it takes no lock. An empty pool is a counted drop for the caller, never an abort. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "vm/packet/pkt.h"

#define POOL_HEADROOM 128u

struct pool;

#define POOL_SLOT_MOST 65728u /* the largest IP packet with its link header, two tags, and headroom */

/* Bytes of memory that a pool of `slots` slots of `slot_bytes` (2048, 4096 or POOL_SLOT_MOST, headroom included) needs.
 */
size_t pool_bytes(unsigned slots, unsigned slot_bytes);
/* Lay a pool out in `memory` (64-byte aligned, pool_bytes long; stays the caller's). Returns NULL if it is misaligned
 * or a size is not usable. */
struct pool *pool_init(void *memory, size_t bytes, unsigned slots, unsigned slot_bytes);
/* Touch the first `bytes`, headroom included, of up to `slots` slots, those that pool_get gives first. Other memory
 * comes from the system page by page, as it is touched. Nothing may be taken from the pool before. */
void pool_touch(struct pool *p, unsigned slots, unsigned bytes);

/* An empty, writable packet with full headroom, or NULL when there is none. */
struct pkt *pool_get(struct pool *p);
void pool_put(struct pkt *pkt); /* back to its pool; a packet without pool is left alone */

/* Copy a packet (head and segments) into a slot. NULL when the pool is empty or the frame does not fit. */
struct pkt *pool_copy(struct pool *p, const struct pkt *from);
