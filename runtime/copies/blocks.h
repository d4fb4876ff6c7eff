/* Blocks of a pcapng (draft-ietf-opsawg-pcapng), appended to a buffer: sections, interfaces, packets of a tape. */
#pragma once

#include "runtime/base/bytes.h"
#include "runtime/exchange/tape.h"

enum { NG_SECTION = 0x0a0d0d0a, NG_INTERFACE = 1, NG_PACKET = 6, NG_CUSTOM = 0xbad, NG_ORDER = 0x1a2b3c4d };
enum {
    NG_OPT_END = 0,
    NG_OPT_COMMENT = 1,
    NG_OPT_NAME = 2,
    NG_OPT_FLAGS = 2,
    NG_OPT_RESOLUTION = 9,
    NG_OPT_CUSTOM = 2989
};
enum { NG_FRAME = 12 /* bytes of a block's type, length and repeated length */, NG_TAG = 4 };

void ng_put32(struct bytes *to, uint32_t v);
void ng_option(struct bytes *to, unsigned code, const void *value, unsigned len);
/* Return the tags that stand before a frame of `cap_len` bytes: those that the kernel took off. */
unsigned ng_tags(const struct tape_frame *f, uint32_t cap_len);
/* Append cap_len bytes of a frame, with these tags. */
void ng_frame(struct bytes *to, const struct tape_frame *f, unsigned tags, uint32_t cap_len);

/* Append a section and an interface for each name. links: enum pkt_link of each, ETHER or RAW; NULL: all are ETHER. */
void blocks_section(struct bytes *to, const char *const names[], const uint8_t links[], unsigned count);
/* Append a packet for any reader, at most `snap` bytes of it, with a comment. frame: its bytes follow it, as on the
 * tape. A bare packet gets an Ethernet header without addresses where the interface is said to have Ethernet frames
 * (framed): many tools open no file whose interfaces are of several kinds. */
void blocks_seen(struct bytes *to, unsigned iface, uint64_t wall_ns, const struct tape_frame *frame, bool framed,
                 uint32_t snap, const char *comment);
