/* Editing the head of a packet in a slot: checked access at offsets from the frame's first byte, and what an edit
 * changes in a checksum. Bytes that are not there read as 0 and are not written. */
#pragma once

#include "vm/packet/csum.h"
#include "vm/packet/pkt.h"
#include "vm/packet/wire.h"

/* Where the head lies. A copy of its own: stores into bytes might change a packet, as far as the compiler knows, and
 * would make it read data and length again. */
struct span {
    uint8_t *data;
    uint32_t len;
};
static inline struct span span_of(const struct pkt *pkt) { return (struct span){pkt->data, pkt->head_len}; }
/* The part of it before `end`. */
static inline struct span span_upto(const struct pkt *pkt, uint32_t end)
{
    return (struct span){pkt->data, end < pkt->head_len ? end : pkt->head_len};
}

static inline bool span_has(struct span s, uint32_t at, uint32_t len)
{
    return __builtin_expect((uint64_t)at + len <= s.len, 1);
}
static inline uint8_t span_get8(struct span s, uint32_t at) { return span_has(s, at, 1) ? s.data[at] : 0; }
static inline uint16_t span_get16(struct span s, uint32_t at)
{
    return span_has(s, at, 2) ? wire_get16(s.data + at) : 0;
}
static inline uint32_t span_get32(struct span s, uint32_t at)
{
    return span_has(s, at, 4) ? wire_get32(s.data + at) : 0;
}
static inline void span_put16(struct span s, uint32_t at, uint16_t v)
{
    if (span_has(s, at, 2)) wire_put16(s.data + at, v);
}
static inline void span_put32(struct span s, uint32_t at, uint32_t v)
{
    if (span_has(s, at, 4)) wire_put32(s.data + at, v);
}
/* Put, and say by how much a sum over the field changed (csum_delta16); the field stands at an even offset from where
 * that sum begins. */
static inline uint64_t span_swap16(struct span s, uint32_t at, uint16_t v)
{
    if (!span_has(s, at, 2)) return 0;
    uint16_t from = wire_get16(s.data + at);
    wire_put16(s.data + at, v);
    return csum_delta16(from, v);
}
static inline uint64_t span_swap32(struct span s, uint32_t at, uint32_t v)
{
    if (!span_has(s, at, 4)) return 0;
    uint32_t from = wire_get32(s.data + at);
    wire_put32(s.data + at, v);
    return csum_delta32(from, v);
}

/* An IPv6 address, of which all is there or nothing is written. */
static inline uint64_t span_swap_addr6(struct span s, uint32_t at, const uint32_t addr[4])
{
    uint64_t delta = 0;
    if (!span_has(s, at, 16)) return 0;
    for (unsigned i = 0; i < 4; i += 2) {
        uint8_t *half = s.data + at + 4 * i;
        uint64_t from = wire_get64(half), to = (uint64_t)addr[i] << 32 | addr[i + 1];
        wire_put64(half, to);
        delta += (~from >> 32) + (uint32_t)~from + (to >> 32) + (uint32_t)to;
    }
    return delta;
}

/* The same of a packet. */
static inline bool edit_has(const struct pkt *pkt, uint32_t at, uint32_t len)
{
    return span_has(span_of(pkt), at, len);
}
static inline uint8_t edit_get8(const struct pkt *pkt, uint32_t at) { return span_get8(span_of(pkt), at); }
static inline uint16_t edit_get16(const struct pkt *pkt, uint32_t at) { return span_get16(span_of(pkt), at); }
static inline uint32_t edit_get32(const struct pkt *pkt, uint32_t at) { return span_get32(span_of(pkt), at); }
static inline void edit_get_addr6(const struct pkt *pkt, uint32_t at, uint32_t addr[4])
{
    for (unsigned i = 0; i < 4; i++) addr[i] = edit_get32(pkt, at + 4 * i);
}
static inline void edit_put8(struct pkt *pkt, uint32_t at, uint8_t v)
{
    if (edit_has(pkt, at, 1)) pkt->data[at] = v;
}
static inline void edit_put16(struct pkt *pkt, uint32_t at, uint16_t v) { span_put16(span_of(pkt), at, v); }
static inline void edit_put32(struct pkt *pkt, uint32_t at, uint32_t v) { span_put32(span_of(pkt), at, v); }
static inline void edit_put_addr6(struct pkt *pkt, uint32_t at, const uint32_t addr[4])
{
    for (unsigned i = 0; i < 4; i++) edit_put32(pkt, at + 4 * i, addr[i]);
}
static inline uint64_t edit_swap16(struct pkt *pkt, uint32_t at, uint16_t v)
{
    return span_swap16(span_of(pkt), at, v);
}

/* A running sum with the bytes from `from` up to `to` added; nothing where they are not all there. */
static inline uint64_t edit_sum(const struct pkt *pkt, uint64_t sum, uint32_t from, uint32_t to)
{
    return from <= to && to <= pkt->head_len ? csum_add(sum, pkt->data + from, to - from) : sum;
}

/* The CRC32c of those bytes; 0 where they are not all there. */
static inline uint32_t edit_crc32c(const struct pkt *pkt, uint32_t from, uint32_t to)
{
    return from <= to && to <= pkt->head_len ? csum_crc32c(0, pkt->data + from, to - from) : 0;
}

/* Copy bytes out and in; false, and nothing done, where they are not all there. */
static inline bool edit_read(const struct pkt *pkt, uint32_t at, uint32_t len, uint8_t *out)
{
    if (!edit_has(pkt, at, len)) return false;
    memcpy(out, pkt->data + at, len);
    return true;
}
static inline bool edit_write(struct pkt *pkt, uint32_t at, uint32_t len, const uint8_t *from)
{
    if (!edit_has(pkt, at, len)) return false;
    memcpy(pkt->data + at, from, len);
    return true;
}

/* Open `len` bytes of unset content at `at`: what stands before moves into the headroom. Offsets that pkt_parse set
 * stay as they were. False, and nothing done, where there is no room. */
bool edit_open(struct pkt *pkt, uint32_t at, uint32_t len);
/* Take `len` bytes at `at` out: what stands before moves up. False where they are not there. */
bool edit_close(struct pkt *pkt, uint32_t at, uint32_t len);
/* End the frame at `end`, on the wire as in the capture; longer than it is it does not get. */
void edit_cut(struct pkt *pkt, uint32_t end);
/* The frame's link layer for an IP packet of this family at pkt->l3: Ethernet gets the type, after its tags; any other
 * link is taken off and the frame is a bare IP packet (LINK_RAW, l3 0). */
void edit_link(struct pkt *pkt, uint16_t ether_type);
/* The MAC addresses of an Ethernet frame, 48-bit numbers. */
void edit_macs(struct pkt *pkt, uint64_t dst, uint64_t src);
/* Any link but Ethernet is taken off: a bare IP packet (LINK_RAW, offsets moved with it). */
void edit_bare(struct pkt *pkt);
/* Put an Ethernet header with these tags, outermost first, before a bare IP packet of this type (LINK_RAW, l3 0).
 * False: no headroom. */
struct edit_tag {
    uint16_t tpid, tci;
};
bool edit_ether(struct pkt *pkt, uint64_t dst, uint64_t src, const struct edit_tag tags[], unsigned count,
                uint16_t ether_type);
