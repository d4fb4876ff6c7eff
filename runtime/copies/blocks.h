/* Blocks of a pcapng (runtime/capture/ng.h): sections with interfaces, packets of a tape. */
#pragma once

#include "runtime/capture/ng.h"
#include "runtime/exchange/tape.h"

enum { NG_TAG = 4 };

/* Return the number of tags to write into a frame of which `cap_len` bytes are kept: those that the kernel took off. */
unsigned ng_tags(const struct tape_frame *f, uint32_t cap_len);
/* Append cap_len bytes of a frame, with these tags. */
void ng_frame(struct bytes *to, const struct tape_frame *f, unsigned tags, uint32_t cap_len);

/* Append a section and an interface for each name. links: enum pkt_link of each, ETHER or RAW; NULL: all are ETHER. */
void blocks_section(struct bytes *to, const char *const names[], const uint8_t links[], unsigned count);
/* Append a packet for any reader, at most `snap` bytes of it, with a comment. frame: its bytes follow it, as on the
 * tape. A bare packet gets an Ethernet header without addresses if the interface is declared with Ethernet frames
 * (framed), because many tools reject files with several kinds of interfaces. */
void blocks_seen(struct bytes *to, unsigned iface, uint64_t wall_ns, const struct tape_frame *frame, bool framed,
                 uint32_t snap, const char *comment);
