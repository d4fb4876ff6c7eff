/* Copies of whole frames that the stages ask for (events.h). */
#pragma once

#include "vm/kernel/bpf.h"
#include "vm/kernel/events.h"

extern struct kernel_copies state_copies[];
extern const char mask_copies, last_copies;

/* Moments of a packet: arrival and departure; both if it leaves unchanged. */
enum kernel_copy { KERNEL_COPY_CAME = 1, KERNEL_COPY_LEFT = 2 };

/* Copy the frame for the mirrors that matched and, if its connection may be observed, for the observers. Return 0. */
uint64_t kernel_copy_xdp(struct xdp_md *ctx, struct kpkt *k, uint32_t what);
uint64_t kernel_copy_tc(struct __sk_buff *ctx, struct kpkt *k, uint32_t what);
/* True if the packet may belong to an observed connection. reply: it is a reply, whose recipe sets the source that
 * the client sees. */
uint64_t kernel_is_observed(struct kpkt *k, uint32_t reply);

/* True if the first program copies frames. If it does not, the kernel's verifier skips the code for copies. */
static inline bool copies_are_made(void) { return IS_MORE(LAST(copies)); }

static inline const struct kernel_copies *copies_row(uint32_t program)
{
    return &state_copies[program & (KERNEL_PROGRAMS - 1) & MASK(copies)];
}

/* True if the packet's program observes connections and the packet may belong to one: its frame is not for another
 * station. */
static inline bool copies_observe(const struct kpkt *k)
{
    const struct kernel_copies *c = copies_row(k->program);
    return c->observe_count && c->serial == k->program && !(k->flags & KERNEL_FOREIGN);
}
