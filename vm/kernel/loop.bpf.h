/* What vm/packet/loop.h asks of an executor, for the kernel's verifier. Included before any shared code. */
#ifndef VM_KERNEL_LOOP_BPF_H
#define VM_KERNEL_LOOP_BPF_H

/* `may_goto`: true as long as the loop has not taken a turn too many, of which there are 8 million. In bytes, for a
 * compiler that does not know the instruction. */
#define MAY_GO_ON()                                                                                                    \
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
#define LOOP(cond) ((cond) && MAY_GO_ON())
/* A word of a map is what the verifier knows nothing of. This one is never anything but 0: it lies among the constants,
 * which no process has but the one that loads, so no other makes loops endless. */
const volatile uint32_t loop_zero = 0;
#define LOOSE(x)       ((__typeof__(x))((x) ^ loop_zero))
#define FORGET()       __asm__ volatile("" : : : "memory")
#define WITHIN(i)      ((i) & (KERNEL_HEAD - 1))
#define PKT_BYTES(pkt) (((const struct kpkt *)(pkt))->head)

/* Calls cost 2 ns. */
#define inline_whole static inline __attribute__((always_inline))

#endif
