/* What only the kernel's executor has: helpers, names that the linker fills in (gen/code.h), marks for the verifier. */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>

#include "vm/kernel/kpkt.h"
#include "vm/kernel/loop.bpf.h"
#include "vm/kernel/world.h"

/* It wants the kernel's types above it. */
#include <bpf/bpf_helpers.h>

/* A pointer argument of a global function that is never NULL. */
#define NONNULL __attribute__((btf_decl_tag("arg:nonnull")))
/* A function that the verifier looks at once, whoever calls it, and that other files may call; all others are their
 * file's. */
#define GLOBAL __attribute__((noinline, visibility("default")))

/* The body of a long loop: inlined, but where loops are counted a global function, so that the verifier looks at it
 * once. */
#ifdef COUNTED
#define APART GLOBAL
#else
#define APART inline_whole
#endif

/* The kernel's own loop: fn(turn, &k) until it gives 1, `most` times at most. Linux before 6.7 looks at one turn alone,
 * and leaves out what that one never does: so what turns change lies in the packet, or in other memory of maps, of
 * which it knows nothing. The stack has the pointer and no more. */
#define EACH_TURN(most, fn, k)                                                                                         \
    ({ /* how many turns it took */                                                                                    \
       __typeof__(k) k_ = (k);                                                                                         \
       bpf_loop((most), (fn), &k_, 0);                                                                                 \
    })
#define TURN_OF(type, at) (*(type *const *)(at))

/* The address of something is the number. */
#define MASK(name) ((uint64_t)(uintptr_t)&mask_##name)

/* An array of any length: its last entry; and an index that is none of it is 0. What the verifier follows first is that
 * it is one, so that the other way is nothing new to it. */
#define LAST(name) ((uint64_t)(uintptr_t)&last_##name)
/* Is there more than one? The verifier knows, and does not look at what is never done; the compiler, which would say
 * that an address is never 0, does not. */
#define IS_MORE(last)                                                                                                  \
    ({                                                                                                                 \
        uint64_t last_ = (last);                                                                                       \
        __asm__ volatile("" : "+r"(last_));                                                                            \
        last_ > 0;                                                                                                     \
    })
#define AT_MOST(i, last)                                                                                               \
    ({                                                                                                                 \
        uint64_t at_ = (uint64_t)(i);                                                                                  \
        __asm__ volatile("if %0 > %1 goto +1\ngoto +1\n%0 = 0" : "+r"(at_) : "r"(last));                               \
        at_;                                                                                                           \
    })

/* Is there room for the recipes of flows that are sent on? */
extern const char last_flow_recipes;
static inline bool sends_on(void) { return IS_MORE(LAST(flow_recipes)); }

#define NUMBER(name) ((uint64_t)(uintptr_t)&const_##name)

extern const char const_serial;
extern struct kpkt state_kpkts[];
extern const char mask_kpkts;
extern struct kernel_world state_world;
extern char map_stages_xdp, map_stages_tc;

enum stage { STAGE_JUDGE, STAGE_ACT, STAGE_NONE /* the packet passes as it is */ };

/* What the verifier follows first: of that packet it knows less, so the other one is nothing new to it. */
#define KPKT_FIRST(asked) __builtin_expect(asked, 1)

/* The packet that this CPU works on: for XDP and traffic control; programs of type SYSCALL have the next one. */
static inline struct kpkt *kpkt_here(void)
{
    return &state_kpkts[2 * (uint64_t)bpf_get_smp_processor_id() & MASK(kpkts)];
}

/* The same, or, in a test run, the one that the process has to itself and names before the frame: nothing that arrives
 * meanwhile gets between (world.h, secret). */
static inline struct kpkt *kpkt_xdp(const struct xdp_md *ctx)
{
    const uint64_t *said = (const uint64_t *)(long)ctx->data_meta;
    if ((const void *)(said + 2) <= (const void *)(long)ctx->data && KPKT_FIRST(said[0] == state_world.secret))
        return &state_kpkts[said[1] & MASK(kpkts)];
    return kpkt_here();
}
static inline struct kpkt *kpkt_tc(const struct __sk_buff *ctx)
{
    const uint64_t said = ctx->cb[0] | (uint64_t)ctx->cb[1] << 32;
    if (KPKT_FIRST(said == state_world.secret)) return &state_kpkts[ctx->cb[2] & MASK(kpkts)];
    return kpkt_here();
}

/* Does the host send it, now, to the wire? */
static inline bool kpkt_is_sent(const struct kpkt *k)
{
    return (k->flags & (KERNEL_ASKED | KERNEL_EGRESS)) == KERNEL_EGRESS;
}
