/* Keep and recall remembered decisions (memo.h) in the stages, with the flow's lock taken. */
#pragma once

#include "vm/kernel/bpf.h"
#include "vm/kernel/flow/memo.h"

extern uint64_t state_memos[];
extern const char mask_memos;

static inline uint64_t memo_since(void) { return *(const volatile uint64_t *)&state_world.memos_since_ns; }

/* Return the place of a flow's memo: a row and, in the low byte, the interface. Replies of bound flows are not
 * judged, and their place has another use (flow.h, published). */
static inline uint16_t *memo_in(struct flow *f, bool reply)
{
    return reply ? &f->memo[0] : (uint16_t *)(void *)f->memo_iface;
}

/* Return the word to be stored for a row. It holds the packet's interface and whether the host sends it, so a packet
 * that comes in as if the host had sent it finds nothing. 0: the interface's number is too large. */
static inline uint16_t memo_word(const struct kpkt *k, uint32_t row)
{
    enum { IFACES = 127 };
    const uint32_t iface = k->key.iface;
    if (iface >= IFACES && iface != IFACE_NONE) return 0;
    return (uint16_t)(row << 8 | (k->flags & KERNEL_EGRESS ? IFACES + 1 : 0) | (iface & IFACES));
}

static inline void memo_put(struct flow *f, bool reply, uint16_t word)
{
    uint16_t *at = memo_in(f, reply);
    if (*at != word) *at = word;
}

/* Return the row of a decision; 0: it is not remembered. */
static inline uint32_t memo_row(uint64_t decision)
{
    const uint32_t place = memo_place(decision);
    for (uint32_t i = 0; i < KERNEL_MEMO_TRIES; i++) {
        const uint32_t row = (place + i) % KERNEL_MEMOS;
        if (row && state_memos[row & MASK(memos)] == decision) return row;
    }
    return 0;
}

/* True for a whole packet of an established flow, as in remember.c. */
static inline bool memo_is_for(const struct kpkt *k)
{
    return (k->flags & (KERNEL_JUDGED | KERNEL_NO_WAY)) == KERNEL_JUDGED && k->key.marks & MARK_ESTABLISHED &&
           k->key.kind & KIND_FRAG_NO && !(k->pkt.flags & (PKT_SNAPPED | PKT_BAD_CSUM));
}

/* Remove decisions that no longer hold. Called before the flow's time changes. */
static inline void memo_forget(struct flow *f)
{
    if (f->seen_ns > memo_since()) return;
    memo_put(f, false, 0);
    if (!(f->flags & FLOW_BOUND)) memo_put(f, true, 0);
}

/* Remember the decision on a packet that the flow keeps. */
static __always_inline void memo_keep(const struct kpkt *k, struct flow *f)
{
    const uint64_t since = memo_since();
    const bool reply = k->seen.dir == FLOW_REPLY;
    if (!memo_is_for(k) || k->now_ns <= since || (f->flags & FLOW_BOUND && reply)) return;
    const uint32_t row = memo_row(k->decision);
    if (!row || k->program != state_world.program || memo_since() != since) return;
    memo_put(f, reply, memo_word(k, row));
}

/* Recall the decision for an established packet of the flow into k->decision. False: none that holds. */
static __always_inline bool memo_recall(struct kpkt *k, struct flow *f)
{
    const uint64_t since = memo_since();
    const uint16_t word = *memo_in(f, k->seen.dir == FLOW_REPLY);
    if (f->seen_ns <= since || !(word >> 8) || word != memo_word(k, word >> 8)) return false;
    k->decision = *(const volatile uint64_t *)&state_memos[(uint64_t)(word >> 8) & MASK(memos)];
    if (!k->decision || k->program != *(const volatile uint32_t *)&state_world.program) return false;
    if (memo_since() != since) return false;
    k->flags |= KERNEL_JUDGED;
    return true;
}
