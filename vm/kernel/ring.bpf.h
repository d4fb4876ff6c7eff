/* Put frames into a ring for processes. A record has one of a few sizes, because the kernel's verifier must know its
 * size; a frame is loaded straight into it, without another copy. */
#pragma once

#include "vm/kernel/bpf.h"

/* Put the frame of `ctx` into a record, if it has at most `most` bytes. */
#define RING_PUT_SIZED(most, ring, type, fill, load, wake, lost)                                                       \
    if (len <= (most)) {                                                                                               \
        struct {                                                                                                       \
            type head;                                                                                                 \
            uint8_t bytes[most];                                                                                       \
        } *const r = bpf_ringbuf_reserve(ring, sizeof *r, 0);                                                          \
        if (!r) return lost;                                                                                           \
        fill(&r->head);                                                                                                \
        if (load(ctx, 0, r->bytes, len)) {                                                                             \
            bpf_ringbuf_discard(r, wake);                                                                              \
            return lost;                                                                                               \
        }                                                                                                              \
        bpf_ringbuf_submit(r, wake);                                                                                   \
        return 0;                                                                                                      \
    }

/* Longest frame that a record takes. */
enum { RING_FRAME_MOST = 1 << 18 };

/* Put the first `len` bytes of the frame of `ctx` into a ring, behind a head of that type, which `fill` (a macro
 * that takes its address) writes. load: the helper that reads the bytes. wake: flags for waking readers. Without
 * flags, the first record that they have not read wakes them, even if it is discarded; later records do not. The
 * macro returns from the calling function: 0, or the value of `lost`. */
#define RING_PUT(ring, type, fill, load, wake, lost)                                                                   \
    __asm__ volatile("" : "+r"(len)); /* makes the compiler pass the compared number */                                \
    if ((int32_t)len < 1) return 0;   /* Linux 6.1 learns nothing of `!len` */                                         \
    RING_PUT_SIZED(64, ring, type, fill, load, wake, lost)                                                             \
    RING_PUT_SIZED(128, ring, type, fill, load, wake, lost)                                                            \
    RING_PUT_SIZED(256, ring, type, fill, load, wake, lost)                                                            \
    RING_PUT_SIZED(512, ring, type, fill, load, wake, lost)                                                            \
    RING_PUT_SIZED(1024, ring, type, fill, load, wake, lost)                                                           \
    RING_PUT_SIZED(1600, ring, type, fill, load, wake, lost)                                                           \
    RING_PUT_SIZED(4096, ring, type, fill, load, wake, lost)                                                           \
    RING_PUT_SIZED(9216, ring, type, fill, load, wake, lost)                                                           \
    RING_PUT_SIZED(1 << 15, ring, type, fill, load, wake, lost)                                                        \
    RING_PUT_SIZED(1 << 16, ring, type, fill, load, wake, lost)                                                        \
    RING_PUT_SIZED(RING_FRAME_MOST, ring, type, fill, load, wake, lost)                                                \
    return lost;
