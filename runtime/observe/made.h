/* Frames of a capture made up from a connection's bytes: segments, complete and in order. */
#pragma once

#include <stdint.h>

#include "vm/observe/observe.h"

/* Progress of one connection; all zero at its start */
struct made {
    uint64_t next[OBSERVE_HALVES]; /* offsets behind the bytes that were written */
    bool begun;
};

enum { MADE_FRAME = 14 + 2 * 4 + 40 + 20 + 1440 /* bytes of the longest frame */ };
typedef void made_frame(void *arg, const uint8_t *frame, uint32_t len);

/* Make frames of bytes at an offset of a half; the first call begins with a handshake, unless the connection was met
 * in its middle. Sequence numbers are the offsets + 1, so missing bytes show. */
void made_bytes(struct made *m, const struct observe_ends *ends, unsigned half, uint64_t offset, const uint8_t *bytes,
                uint64_t len, made_frame *put, void *arg);
/* Make the frames of the connection's end: FIN of the sides that sent one, or RST. */
void made_end(struct made *m, const struct observe_ends *ends, const struct observe_summary *sum, made_frame *put,
              void *arg);
