/* Blocks of a pcapng (draft-ietf-opsawg-pcapng, 4.1 to 4.3), appended to a buffer, which notes if memory runs out.
 * All numbers are little-endian. */
#pragma once

#include "runtime/base/bytes.h"
#include "runtime/capture/capture.h"

enum { NG_SECTION = 0x0a0d0d0a, NG_INTERFACE = 1, NG_PACKET = 6, NG_CUSTOM = 0xbad, NG_ORDER = 0x1a2b3c4d };
enum {
    NG_OPT_END = 0,
    NG_OPT_COMMENT = 1,
    NG_OPT_NAME = 2,
    NG_OPT_FLAGS = 2,
    NG_OPT_RESOLUTION = 9,
    NG_OPT_CUSTOM = 2989
};
enum { NG_FRAME = 12 /* bytes of a block's type, length and repeated length */ };
enum { NG_ETHERNET = 1, NG_RAW = 101 /* LINKTYPE_ values */ };

static inline uint32_t ng_padded(uint32_t len) { return (len + 3) / 4 * 4; }
static inline uint16_t ng_linktype(uint8_t link) { return link == LINK_RAW ? NG_RAW : NG_ETHERNET; }

void ng_put32(struct bytes *to, uint32_t v);
void ng_option(struct bytes *to, unsigned code, const void *value, unsigned len);

void ng_section(struct bytes *to);
/* Append an interface whose frames have times in nanoseconds. name NULL: unnamed. snap: longest frame; 0: any */
void ng_interface(struct bytes *to, const char *name, uint16_t linktype, uint32_t snap);
/* Begin the block of a packet. Return the block's length, which the caller appends after cap_len bytes, padding and
 * `options` bytes. */
uint32_t ng_packet(struct bytes *to, uint32_t iface, uint64_t time_ns, uint32_t cap_len, uint32_t wire_len,
                   uint32_t options);

/* Append a section for any reader: these interfaces (links: enum pkt_link of each, ETHER or RAW; NULL: all are
 * ETHER), then one without a name for Ethernet frames. Append a frame of one of them (second function). */
void ng_capture(struct bytes *to, const char *const ifaces[], const uint8_t links[], unsigned count);
void ng_captured(struct bytes *to, const struct capture_frame *f, unsigned iface);
