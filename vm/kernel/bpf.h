/* Tools of the kernel executor only: helpers, names that the linker fills in (gen/gen.h), marks for its verifier. */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>

#include "vm/kernel/given.h"
#include "vm/kernel/kpkt.h"
#include "vm/kernel/loop.bpf.h"
#include "vm/kernel/shapes.h"

/* bpf_helpers.h needs the kernel's types before it. */
#include <bpf/bpf_helpers.h>

/* A pointer argument of a global function that is never NULL. */
#define NONNULL __attribute__((btf_decl_tag("arg:nonnull")))
/* A function that other files may call. The kernel's verifier checks it once, for all callers. All other functions
 * belong to their file. */
#define GLOBAL __attribute__((noinline, visibility("default")))

/* The body of a long loop: inlined or, if loops are counted, a global function, so that the kernel's verifier checks
 * it once. */
#ifdef COUNTED
#define APART GLOBAL
#else
#define APART inline_whole
#endif

/* The kernel's own loop: call fn(turn, &k) until it returns 1, `most` times at most. The verifier of Linux before
 * 6.7 follows only one turn, and removes code that this turn never reaches. So turns change only the packet, or
 * other memory of maps, whose contents that verifier does not know; the stack holds only the packet's address. */
#define EACH_TURN(most, fn, k)                                                                                         \
    ({ /* the number of turns taken */                                                                                 \
       __typeof__(k) k_ = (k);                                                                                         \
       bpf_loop((most), (fn), &k_, 0);                                                                                 \
    })
#define TURN_OF(type, at) (*(type *const *)(at))

/* Value of a symbol, whose address is the number. */
#define MASK(name) ((uint64_t)(uintptr_t)&mask_##name)

/* Sections of a program in the kernel: read-only tables whose length is a power of two, at addresses that the linker
 * fills in. A masked index is always in the table; prey's own verifier has proved that it is the right one. */
#define SECTION(type, name)                                                                                            \
    extern type table_##name[];                                                                                        \
    extern const char mask_##name
#define ROW(name, i) table_##name[(uint64_t)(uint32_t)(i)&MASK(name)]

/* LAST: the last index of an array of any length. AT_MOST: the index, or 0 if it is behind the last. The kernel's
 * verifier first follows an index within the array, so that the other case is nothing new to it. */
#define LAST(name) ((uint64_t)(uintptr_t)&last_##name)
/* IS_MORE(LAST(name)): true if the array has more than one entry. IS_MORE(NUMBER(name)): true if the number is not
 * 0. The kernel's verifier knows the number, and skips code that is never run. The compiler must not see it, because
 * it takes an address to be never 0. */
#define IS_MORE(last)                                                                                                  \
    ({                                                                                                                 \
        uint64_t last_ = (last);                                                                                       \
        __asm__ volatile("" : "+r"(last_));                                                                            \
        last_ > 0;                                                                                                     \
    })
/* Like IS_MORE(NUMBER(name)), but the counted form keeps code that is never run: Linux 6.18 can't remove uncalled
 * functions around a bpf_loop. */
#ifdef COUNTED
#define IS_ANY(name) (LOOSE(NUMBER(name)) > 0)
#else
#define IS_ANY(name) IS_MORE(NUMBER(name))
#endif
#define AT_MOST(i, last)                                                                                               \
    ({                                                                                                                 \
        uint64_t at_ = (uint64_t)(i);                                                                                  \
        __asm__ volatile("if %0 > %1 goto +1\ngoto +1\n%0 = 0" : "+r"(at_) : "r"(last));                               \
        at_;                                                                                                           \
    })

/* True if the table has room for recipes of bound flows. */
extern const char last_flow_recipes;
static inline bool sends_on(void) { return IS_MORE(LAST(flow_recipes)); }

/* The lowest bits of a number, cut off in the register that is added to a pointer: Linux 6.1 does not see the bounds
 * through a compiled test or through arithmetic in C. */
#define LOWEST(x, mask)                                                                                                \
    ({                                                                                                                 \
        uint64_t below_ = (x);                                                                                         \
        __asm__ volatile("%0 &= %1" : "+r"(below_) : "i"(mask));                                                       \
        below_;                                                                                                        \
    })
#define BELOW_64(x)  LOWEST(x, 63)
#define BELOW_8(x)   LOWEST(x, 7)

#define NUMBER(name) ((uint64_t)(uintptr_t)&const_##name)

extern const char const_serial;
extern struct kpkt state_kpkts[];
extern const char mask_kpkts;
extern struct kernel_world state_world;
extern char map_stages_xdp, map_stages_tc;

/* Stages, by their index in a map of stages, and two other results of a stage. */
enum stage {
    STAGE_JUDGE,
    STAGE_ACT,
    STAGE_LOOK,      /* exists for traffic control only */
    STAGE_LOOK_BARE, /* the same for devices without Ethernet */
    STAGE_NONE,      /* the packet passes unchanged */
    STAGE_SEND,      /* the packet leaves */
};

/* Have the kernel's verifier follow a test run first. It knows less of that packet, so the other case is not new to
 * it. */
#define KPKT_FIRST(asked) __builtin_expect(asked, 1)

/* Return the packet of this CPU, for XDP and traffic control. Programs of type SYSCALL use the packet at the next
 * index. */
static inline struct kpkt *kpkt_here(void)
{
    return &state_kpkts[2 * (uint64_t)bpf_get_smp_processor_id() & MASK(kpkts)];
}

/* Return this CPU's packet. In a test run, return the packet that the process owns and names before the frame, so
 * that no frame that arrives meanwhile interferes (given.h, secret). */
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

/* Return the number of bytes before the packet in its buffer. */
static inline uint32_t kpkt_skip(const struct kpkt *k)
{
#ifdef FORM_LINK
    if (FORM_LINK == LINK_ETHER) return 0;
#endif
    return k->skip;
}

/* True for a packet that begins with IP. Code compiled for one link type knows this at compile time (FORM_LINK). */
static inline bool kpkt_is_bare(const struct kpkt *k)
{
#ifdef FORM_LINK
    return FORM_LINK == LINK_RAW;
#else
    return k->pkt.link == LINK_RAW;
#endif
}

/* Flags of packets that prey does not send on: the host sends them, or their frames are for another station. */
enum { KERNEL_STAYS = KERNEL_EGRESS | KERNEL_FOREIGN };

/* True if the host really sends the packet to the wire, and no process is asking. */
static inline bool kpkt_is_sent(const struct kpkt *k)
{
    return (k->flags & (KERNEL_ASKED | KERNEL_EGRESS)) == KERNEL_EGRESS;
}
/* True for a packet whose flow has an outdated recipe, because the host may know another way by now. */
static inline bool kpkt_is_old(const struct kpkt *k)
{
    return k->seen.class == SEEN_ORIGINAL && k->seen.recipe == RECIPE_OLD;
}

extern struct kernel_way state_ways[];

/* Return an interface's id in the rules, which is not its own if the rules know it by a pattern. */
static inline uint32_t known_as(uint32_t iface)
{
    const uint32_t as = iface < KERNEL_WAYS ? state_ways[LOOSE(iface) & (KERNEL_WAYS - 1)].as : 0;
    return as ? as - 1 : iface;
}

/* Copy the tags that were taken off into a record: tpid and tci, outermost first. */
static inline void kpkt_put_tags(uint16_t to[2][2], const struct kpkt *k)
{
    for (unsigned i = 0; i < 2; i++) {
        to[i][0] = k->pkt.tags[i].tpid;
        to[i][1] = k->pkt.tags[i].tci;
    }
}

/* True if no process takes the packet up. The kernel then decides about it, as far as possible. */
static inline bool kpkt_is_left(const struct kpkt *k) { return k->flags & KERNEL_FOREIGN || kpkt_is_sent(k); }
