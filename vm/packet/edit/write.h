/* A bounded writing cursor at the end of a packet's head. If something does not fit, nothing more is written, and
 * `full` is set, so callers test once, at the end. */
#pragma once

#include "vm/packet/parse/read.h"
#include "vm/packet/pkt.h"
#include "vm/packet/wire.h"

struct writer {
    struct pkt *pkt; /* the packet being written: head_len, cap_len and wire_len grow together, tailroom shrinks */
    bool full;       /* something did not fit */
};

/* Return room for `len` bytes, which the caller fills, or NULL. */
static inline uint8_t *write_room(struct writer *w, uint32_t len)
{
    struct pkt *pkt = w->pkt;
    if (w->full || len > pkt->tailroom) {
        w->full = true;
        return NULL;
    }
    uint8_t *at = pkt->data + pkt->head_len;
    pkt->tailroom = (uint16_t)(pkt->tailroom - len);
    pkt->head_len += len;
    pkt->cap_len = pkt->wire_len = pkt->head_len;
    return at;
}

static inline void write8(struct writer *w, uint8_t v)
{
    uint8_t *at = write_room(w, sizeof(v));
    if (at) *at = v;
}

static inline void write16(struct writer *w, uint16_t v)
{
    uint8_t *at = write_room(w, sizeof(v));
    if (at) wire_put16(at, v);
}

static inline void write32(struct writer *w, uint32_t v)
{
    uint8_t *at = write_room(w, sizeof(v));
    if (at) wire_put32(at, v);
}

static inline void write48(struct writer *w, uint64_t v)
{
    uint8_t *at = write_room(w, 6);
    if (at) wire_put48(at, v);
}

static inline void write_addr6(struct writer *w, const uint32_t addr[4])
{
    for (unsigned i = 0; i < 4; i++) write32(w, addr[i]);
}

/* Write bytes of another packet, all or none: bytes that were not captured count as not fitting. */
static inline void write_from(struct writer *w, const struct pkt *from, uint32_t at, uint32_t len)
{
    uint8_t *room = write_room(w, len);
    if (room && bytes_copy(from, at, len, room) != len) w->full = true;
}

/* Set two bytes that were written before. */
static inline void write_patch16(struct writer *w, uint32_t at, uint16_t v)
{
    if (!w->full && at + sizeof(v) <= w->pkt->head_len) wire_put16(w->pkt->data + at, v);
}

/* Add the bytes written from `from` up to `to` to a running sum; add nothing unless all are there. */
static inline uint64_t write_sum(const struct writer *w, uint64_t sum, uint32_t from, uint32_t to)
{
    if (w->full || from > to || to > w->pkt->head_len) return sum;
    return csum_add(sum, w->pkt->data + from, to - from);
}
