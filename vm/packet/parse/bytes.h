/* A packet's bytes at an offset from the frame's first, in the head or in segments: checked access for all who are not
 * the parser. Nothing here reads outside what was captured. */
#pragma once

#include "vm/packet/loop.h"
#include "vm/packet/pkt.h"
#include "vm/packet/wire.h"

/* Copy up to `len` bytes from `at` on; returns how many there were. */
uint32_t bytes_copy(const struct pkt *pkt, uint32_t at, uint32_t len, uint8_t *out);

/* `len` bytes side by side: in place where the head holds them, else gathered into scratch (`len` long). NULL when not
 * all of them were captured. */
static inline const uint8_t *bytes_at(const struct pkt *pkt, uint32_t at, uint32_t len, uint8_t *scratch)
{
    if ((uint64_t)at + len <= pkt->head_len) return PKT_BYTES(pkt) + WITHIN(at);
    return bytes_copy(pkt, at, len, scratch) == len ? scratch : NULL;
}

/* The same from the first bytes of an Ethernet frame as it was on the wire: tags that were taken off stand in it again.
 */
const uint8_t *bytes_at_l2(const struct pkt *pkt, uint32_t at, uint32_t len, uint8_t *scratch);
/* Bytes captured of that frame. */
uint32_t bytes_l2_len(const struct pkt *pkt);

/* One number; 0 where it was not captured. */
uint8_t bytes_get8(const struct pkt *pkt, uint32_t at);
uint16_t bytes_get16(const struct pkt *pkt, uint32_t at);
uint32_t bytes_get32(const struct pkt *pkt, uint32_t at);

/* Does value stand in these bytes, where mask has ones? */
static inline bool bytes_match(const uint8_t *bytes, const uint8_t *value, const uint8_t *mask, unsigned len)
{
    uint64_t differ = 0;
    unsigned i = 0;
    for (; i + 8 <= len; i += 8) differ |= (wire_raw64(bytes + i) & wire_raw64(mask + i)) ^ wire_raw64(value + i);
    for (; i < len; i++) differ |= (uint64_t)((bytes[i] & mask[i]) ^ value[i]);
    return differ == 0;
}
