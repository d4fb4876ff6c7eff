/* Definitions for vm/packet/loop.h that suit the kernel's verifier. Included before any shared code.
 *
 * The stages are compiled twice. Linux 6.9 has `may_goto`: its verifier walks a loop until it learns nothing new.
 * Older verifiers (COUNTED) walk through each turn, so turns are counted in a number that they know. A loop of too
 * many turns becomes the kernel's own loop over a function (bpf_loop, Linux 5.17). */
#pragma once

#ifdef COUNTED
#define TURNS(most) for (uint64_t turns_ = (most), once_ = 1; once_; once_ = 0)
/* True while turns are left. The count is in asm, because the compiler would drop it if it knew that the loop ends
 * sooner. */
#define GO_ON()                                                                                                        \
    ({                                                                                                                 \
        __asm__ volatile("%0 += -1" : "+r"(turns_));                                                                   \
        turns_ != UINT64_MAX;                                                                                          \
    })
#else
#define TURNS(most)
/* True until the loop has taken 8 million turns. The instruction is written as bytes, for compilers that lack it. */
#define GO_ON()                                                                                                        \
    ({                                                                                                                 \
        __label__ out, on;                                                                                             \
        _Bool more = 1;                                                                                                \
        __asm__ volatile goto("1:.byte 0xe5; .byte 0; .long ((%l[out] - 1b - 8) / 8) & 0xffff; .short 0" : : : : out); \
        goto on;                                                                                                       \
    out:                                                                                                               \
        more = 0;                                                                                                      \
    on:;                                                                                                               \
        more;                                                                                                          \
    })
#endif
#define LOOP(cond) ((cond) && GO_ON())
/* A word of a map, whose value the kernel's verifier does not know. It is always 0. It is among the constants, which
 * only the loading process can write, so no other process can make loops endless. */
const volatile uint32_t loop_zero = 0;
#define LOOSE(x)       ((__typeof__(x))((x) ^ loop_zero))
#define FORGET()       __asm__ volatile("" : : : "memory")
#define WITHIN(i)      ((i) & (KERNEL_HEAD - 1))
#define PKT_BYTES(pkt) (((const struct kpkt *)(pkt))->head)
/* The function is weak, because otherwise clang passes any value for an argument that is not read, and the kernel's
 * verifier demands the right one. */
#define ALONE GLOBAL __attribute__((weak))
#define THERE NONNULL

/* Always inlined: a call costs 2 ns. */
#define inline_whole static inline __attribute__((always_inline))
