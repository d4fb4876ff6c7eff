/* Blocks of a recording (format.h), appended to a buffer. */
#pragma once

#include "runtime/base/bytes.h"
#include "runtime/record/format.h"

/* Append a section and an interface for each name. */
void blocks_section(struct bytes *to, const char *const names[], unsigned count);
void blocks_custom(struct bytes *to, enum record_kind kind, unsigned worker, const void *body, size_t len);
/* Append a packet. frame: its bytes follow it, as on the tape. host: number of the interface for this machine. */
void blocks_packet(struct bytes *to, unsigned worker, bool left, unsigned host, uint64_t wall_ns,
                   const struct tape_frame *frame);
/* Append a packet for any reader, at most `snap` bytes of it, with a comment. */
void blocks_seen(struct bytes *to, unsigned iface, uint64_t wall_ns, const struct tape_frame *frame, uint32_t snap,
                 const char *comment);
