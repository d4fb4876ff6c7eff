/* Keep and recall remembered decisions (shapes.h) in the stages, with the flow's lock taken. */
#pragma once

#include "vm/flow/inquiry.h"
#include "vm/judge/decided.h"
#include "vm/kernel/bpf.h"
#include "vm/kernel/count.bpf.h"
#include "vm/kernel/shapes.h"

extern uint64_t state_memos[]; /* two tables: of decisions, and of decisions without `audit` */
extern const char mask_memos;
extern struct kernel_pair state_memo_pairs[];
extern const char mask_memo_pairs;

static inline uint64_t memo_since(void) { return *(const volatile uint64_t *)&state_world.memos_since_ns; }

/* Return the place of a flow's memo: a row and, in the low byte, the interface. Replies of bound flows are not
 * judged, and their place has another use (flow.h, published). */
static inline uint16_t *memo_in(struct flow *f, bool reply)
{
    return reply ? &f->memo[0] : (uint16_t *)(void *)f->memo_iface;
}

/* Return the word to be stored for a row. It holds the packet's interface and whether the host sends it, so an
 * arriving packet that pretends to be the host's finds nothing. 0: nothing can be stored, because the interface's
 * number is too large, or because the decision on a forwarded packet may depend on both interfaces. */
static inline uint16_t memo_word(const struct kpkt *k, uint32_t row)
{
    enum { IFACES = 127, OTHER = 126 };
    const uint32_t iface = k->key.iface;
    if (iface >= OTHER && iface < IFACE_OTHER) return 0;
    if (k->came && state_world.flags & PBC_ASKS_WAY) return 0;
    return (uint16_t)(row << 8 | (k->flags & KERNEL_EGRESS ? IFACES + 1 : 0) | (iface & IFACES));
}

static inline void memo_put(struct flow *f, bool reply, uint16_t word)
{
    uint16_t *at = memo_in(f, reply);
    if (*at != word) *at = word;
}

/* Return the row of a decision; 0: it is not remembered. table: 0, or KERNEL_MEMOS for decisions without `audit`. */
static inline uint32_t memo_row(uint64_t decision, uint32_t table)
{
    const uint32_t place = memo_place(decision);
    for (uint32_t i = 0; i < KERNEL_MEMO_TRIES; i++) {
        const uint32_t row = (place + i) % KERNEL_MEMOS;
        if (row && state_memos[(table + row) & MASK(memos)] == decision) return row;
    }
    return 0;
}

static inline bool memo_audits(const struct kpkt *k) { return count_program(k->program)->flags & KERNEL_AUDITS; }

/* Return `said` of the packet's pair: its program and the flags of its decisions. */
static inline uint64_t pair_said(const struct kpkt *k)
{
    return ((uint64_t)k->program + 1) << 32 |
           (k->said & (KERNEL_WOULD_JUDGED | KERNEL_WOULD_OTHER | KERNEL_WOULD_CHANGES));
}

static inline bool is_nobody(uint64_t d) { return d == decided_by_nobody(ACTION_ACCEPT); }

/* True if all established packets of a flow's direction have these decisions (remember.c, may_keep). */
static inline bool pair_may_be(const struct kpkt *k)
{
    return (is_nobody(k->decision) || memo_row(k->decision, 0)) &&
           (is_nobody(k->would) || memo_row(k->would, KERNEL_MEMOS));
}

/* Find or make the row of the packet's pair. 0: no room. */
static inline uint32_t pair_row(const struct kpkt *k)
{
    const uint64_t mine = pair_said(k), mark = mine >> 32;
    const uint32_t place = memo_place(k->decision ^ k->would << 7);
    if (!(k->said & KERNEL_WOULD_JUDGED) || !pair_may_be(k)) return 0;
    TURNS(KERNEL_MEMO_TRIES)
    for (uint32_t i = LOOSE(0u); LOOP(i < KERNEL_MEMO_TRIES); i = LOOSE(i + 1)) {
        const uint32_t row = (place + i) % KERNEL_PAIRS;
        struct kernel_pair *at = &state_memo_pairs[row & MASK(memo_pairs)];
        const uint64_t was = *(volatile uint64_t *)&at->said;
        if (!row) continue;
        if (was == mine && at->decision == k->decision && at->would == k->would) return row;
        if (was >> 32 == mark || was == UINT64_MAX) continue;
        if (!__sync_bool_compare_and_swap(&at->said, was, UINT64_MAX)) continue;
        at->decision = k->decision;
        at->would = k->would;
        (void)__sync_lock_test_and_set(&at->said, mine);
        return row;
    }
    return 0;
}

/* True for a complete packet of an established flow, as in remember.c. */
static inline bool memo_is_for(const struct kpkt *k)
{
    return (k->flags & (KERNEL_JUDGED | KERNEL_NO_WAY)) == KERNEL_JUDGED && k->key.marks & MARK_ESTABLISHED &&
           k->key.kind & KIND_FRAG_NO && !key_is_bare_syn(&k->key) && !(k->pkt.flags & (PKT_SNAPPED | PKT_BAD_CSUM));
}

/* Remove decisions that no longer hold. It must be called before the flow's time changes. */
static inline void memo_forget(struct flow *f)
{
    if (f->seen_ns > memo_since()) return;
    memo_put(f, false, 0);
    if (!(f->flags & FLOW_BOUND)) memo_put(f, true, 0);
}

/* Remember the decision on a packet that the flow keeps. */
static inline void memo_keep(const struct kpkt *k, struct flow *f)
{
    const uint64_t since = memo_since();
    const bool reply = k->seen.dir == FLOW_REPLY;
    if (!memo_is_for(k) || k->now_ns <= since || (f->flags & FLOW_BOUND && reply)) return;
    if (memo_audits(k) && f->would & FLOW_WOULD_STATE) return;
    if (inquiry_may_be(&k->key)) return; /* the express way would not note the inquiry */
    const uint32_t row = memo_audits(k) ? pair_row(k) : memo_row(k->decision, 0);
    if (!row || k->program != state_world.program || memo_since() != since) return;
    memo_put(f, reply, memo_word(k, row));
}

/* Read a pair into the packet. False: the pair is not valid, the flow would be another without `audit`, or the
 * packet is the first of its flow that audit would change. */
static __always_inline bool pair_recall(struct kpkt *k, const struct flow *f, uint32_t row)
{
    const volatile struct kernel_pair *at = &state_memo_pairs[row & MASK(memo_pairs)];
    const uint64_t said = at->said;
    if (said >> 32 != (uint64_t)k->program + 1 || f->would & FLOW_WOULD_STATE) return false;
    if (said & KERNEL_WOULD_CHANGES && !(f->would & FLOW_WOULD_TOLD)) return false;
    k->decision = at->decision;
    k->would = at->would;
    k->said = (uint8_t)said;
    return true;
}

/* Recall the decision for an established packet of the flow into k->decision. False: no valid decision. */
static __always_inline bool memo_recall(struct kpkt *k, struct flow *f)
{
    const uint64_t since = memo_since();
    const uint16_t word = *memo_in(f, k->seen.dir == FLOW_REPLY);
    if (f->seen_ns <= since || !(word >> 8) || word != memo_word(k, word >> 8)) return false;
    if (memo_audits(k)) {
        if (!pair_recall(k, f, word >> 8)) return false;
    } else {
        k->decision = *(const volatile uint64_t *)&state_memos[(uint64_t)(word >> 8) & MASK(memos)];
    }
    if (!k->decision || k->program != *(const volatile uint32_t *)&state_world.program) return false;
    if (memo_since() != since) return false;
    k->flags |= KERNEL_JUDGED;
    return true;
}
