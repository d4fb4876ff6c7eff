/* The pool. The caller's memory holds, in this order, the pool itself, one struct pkt per slot, the stack of free
 * slots, and the slots. A packet and its slot have the same number, so neither points to the other. */
#include "vm/packet/pool_priv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vm/packet/key.h"
#include "vm/packet/parse/read.h"
#include "vm/packet/pkt.h"

enum { POOL_ALIGN = 64 };

static size_t aligned(size_t n) { return (n + POOL_ALIGN - 1) / POOL_ALIGN * POOL_ALIGN; }

static size_t pkts_at(void) { return aligned(sizeof(struct pool)); }
static size_t free_at(unsigned slots) { return pkts_at() + aligned(slots * sizeof(struct pkt)); }
static size_t bytes_from(unsigned slots) { return free_at(slots) + aligned(slots * sizeof(uint32_t)); }

size_t pool_bytes(unsigned slots, unsigned slot_bytes) { return bytes_from(slots) + (size_t)slots * slot_bytes; }

struct pool *pool_init(void *memory, size_t bytes, unsigned slots, unsigned slot_bytes)
{
    if (!memory || (uintptr_t)memory % POOL_ALIGN != 0) return NULL;
    if ((slot_bytes != 2048 && slot_bytes != 4096 && slot_bytes != POOL_SLOT_MOST) || slots == 0 ||
        bytes < pool_bytes(slots, slot_bytes))
        return NULL;
    uint8_t *base = memory;
    struct pool *p = memory;
    *p = (struct pool){
        .slots = slots,
        .slot_bytes = slot_bytes,
        .free_count = slots,
        .free = (uint32_t *)(void *)(base + free_at(slots)),
        .pkts = (struct pkt *)(void *)(base + pkts_at()),
        .bytes = base + bytes_from(slots),
    };
    for (unsigned i = 0; i < slots; i++) {
        p->free[i] = slots - 1 - i; /* the first slot is on top */
        p->pkts[i] = (struct pkt){0};
    }
    return p;
}

struct pool *pool_new(unsigned slots, unsigned slot_bytes)
{
    const size_t bytes = aligned(pool_bytes(slots, slot_bytes));
    void *memory = aligned_alloc(POOL_ALIGN, bytes);
    struct pool *p = pool_init(memory, bytes, slots, slot_bytes);
    if (!p) free(memory);
    return p;
}

void pool_touch(struct pool *p, unsigned slots, unsigned bytes)
{
    for (unsigned i = 0; i < slots && i < p->slots; i++)
        memset(p->bytes + (size_t)i * p->slot_bytes, 0, bytes < p->slot_bytes ? bytes : p->slot_bytes);
}

/* Return the room behind a head of that length, or the most that the field can hold. */
static uint16_t tailroom(const struct pool *p, uint32_t head_len)
{
    const uint32_t room = p->slot_bytes - POOL_HEADROOM - head_len;
    return (uint16_t)(room < UINT16_MAX ? room : UINT16_MAX);
}

struct pkt *pool_get(struct pool *p)
{
    if (p->free_count == 0) return NULL;
    uint32_t slot = p->free[--p->free_count];
    struct pkt *pkt = &p->pkts[slot];
    *pkt = (struct pkt){
        .data = p->bytes + (size_t)slot * p->slot_bytes + POOL_HEADROOM,
        .headroom = POOL_HEADROOM,
        .tailroom = tailroom(p, 0),
        .flags = PKT_WRITABLE,
        .iface = IFACE_NONE,
        .pool = p,
    };
    return pkt;
}

void pool_put(struct pkt *pkt)
{
    if (!pkt || !pkt->pool) return;
    struct pool *p = pkt->pool;
    assert(pkt >= p->pkts && pkt < p->pkts + p->slots && p->free_count < p->slots);
    pkt->pool = NULL; /* a second pool_put does nothing */
    p->free[p->free_count++] = (uint32_t)(pkt - p->pkts);
}

struct pkt *pool_copy(struct pool *p, const struct pkt *from)
{
    if (from->cap_len > p->slot_bytes - POOL_HEADROOM || p->free_count == 0) return NULL;
    const uint32_t slot = p->free[--p->free_count];
    struct pkt *pkt = &p->pkts[slot];
    *pkt = *from;
    pkt->data = p->bytes + (size_t)slot * p->slot_bytes + POOL_HEADROOM;
    pkt->headroom = POOL_HEADROOM;
    if (from->seg_count == 0) {
        pkt->head_len = pkt->cap_len = least_len(from->head_len, from->cap_len);
        memcpy(pkt->data, from->data, pkt->head_len);
    } else {
        pkt->head_len = pkt->cap_len = bytes_copy(from, 0, from->cap_len, pkt->data);
    }
    pkt->tailroom = tailroom(p, pkt->head_len);
    pkt->flags = (uint8_t)((from->flags & ~PKT_NOT_LINEAR) | PKT_WRITABLE);
    pkt->segs = NULL;
    pkt->seg_count = 0;
    pkt->pool = p;
    return pkt;
}
