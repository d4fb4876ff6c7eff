/* Blocks of a recording (format.h), appended to a buffer. */
#pragma once

#include "runtime/base/bytes.h"
#include "runtime/record/format.h"

void blocks_custom(struct bytes *to, enum record_kind kind, unsigned worker, const void *body, size_t len);
/* Append a packet. frame: its bytes follow it, as on the tape. iface: number of the interface in the file: the
 * frame's port, or that of this machine, if it sent the frame. */
void blocks_packet(struct bytes *to, unsigned worker, bool left, uint32_t iface, uint64_t wall_ns,
                   const struct tape_frame *frame);
