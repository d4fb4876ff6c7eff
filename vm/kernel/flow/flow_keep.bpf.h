/* Changes that an accepted packet makes in the table (vm/flow/track/track.h, track_accept), under the flow's lock. */
#pragma once

#include "vm/judge/decided.h"
#include "vm/kernel/flow/flow_look.bpf.h"
#include "vm/kernel/flow/memo.bpf.h"

/* Look again if another packet of the flow was kept since this packet's look. False: there is nothing to keep. */
static __always_inline bool look_again(struct kpkt *k, const struct flow *f)
{
    const struct flow_id *id = &k->seen.id;
    const uint64_t taken = f->taken & ~TAKEN_LOCK;
    if (taken == k->flow.taken) return true;
    if ((uint32_t)taken != (uint32_t)k->flow.taken) return false; /* another flow has the slot */
    if (!k->seen.twin && !table_is_of(TABLE, k->seen.slot, id)) return false;
    k->flow = *f;
    k->flow.taken = taken;
    k->flags |= KERNEL_CHANGED;
    kernel_flow_see(k, false);
    return keep_what(&k->seen) == KEEP_GO_ON;
}

/* Note in the flow, with its lock taken, its state under audit (vm/worker/audit.c, note_flow). */
GLOBAL bool kernel_note_would(struct kpkt *k NONNULL, struct flow *f NONNULL)
{
    const bool changes = k->said & KERNEL_WOULD_CHANGES;
    const uint8_t next = keep_noted(f, &k->seen, (enum flow_mark)k->would_mark, decided_lets_in(k->decision),
                                    decided_lets_in(k->would), changes);
    if (changes && !(f->would & FLOW_WOULD_TOLD)) k->said |= KERNEL_WOULD_BEGAN;
    if (f->would != next) f->would = next & 15u;
    k->said &= ~KERNEL_WOULD_DUE;
    return true;
}

static __always_inline void note_would(struct kpkt *k, struct flow *f)
{
    if (k->said & KERNEL_WOULD_DUE) kernel_note_would(k, f);
}

/* Remember the decision on a packet that the flow keeps. */
GLOBAL bool kernel_memo_keep(struct kpkt *k NONNULL, struct flow *f NONNULL)
{
    memo_keep(k, f);
    return true;
}

static __always_inline uint64_t go_on(struct kpkt *k)
{
    const int32_t slot = k->seen.slot;
    struct flow *f = table_slot(TABLE, slot);
    if (!table_lock(f)) return KERNEL_UP_BUSY;
    if (look_again(k, f)) {
        memo_forget(f);
        note_would(k, f);
        const enum flow_state state = keep_on(f, &k->seen, k->now_ns);
        kernel_memo_keep(k, f);
        if (state != (enum flow_state)f->state) flow_set_state(TABLE, slot, state, k->now_ns);
    }
    table_unlock(f);
    return KERNEL_UP_NONE;
}

/* Take the lock of one stripe of hashes: one processor at a time adds flows there. */
static bool stripe_lock(uint64_t *stripe)
{
    TURNS(TABLE_TRIES)
    for (uint32_t i = LOOSE(0u); LOOP(i < TABLE_TRIES); i = LOOSE(i + 1))
        if (!__sync_val_compare_and_swap(stripe, 0, 1)) return true;
    table_count(&state_flow_head.given_up, 1);
    return false;
}
static void stripe_unlock(uint64_t *stripe) { __sync_lock_test_and_set(stripe, 0); }

/* Add the flow, with the stripe's lock taken. */
static __always_inline uint64_t keep_add(struct kpkt *k)
{
    struct track_seen *s = &k->seen;
    const bool high = s->at & AT_HIGH, by_other = s->next.by_other;
    const struct flow_tuple tuple = {
        .id = s->id, .hash = s->hash, .room = FLOW_NONE, .opened_by_high = high != by_other};
    if (table_look_up(TABLE, &s->id, s->hash) != FLOW_NONE) return KERNEL_UP_BUSY; /* another processor added it */
    const int32_t slot = table_begin(TABLE, &tuple, (enum flow_state)s->next.state, 0, k->now_ns);
    if (slot == FLOW_NONE) return KERNEL_UP_ROOM;
    struct flow *f = table_slot(TABLE, slot);
    f->tcp = s->next.track;
    f->would = s->would & 15u;
    f->astray = s->next.astray;
    table_take_source((uint32_t)slot);
    table_unlock(f);
    s->slot = s->tuple = slot;
    s->dir = by_other ? FLOW_REPLY : FLOW_ORIGINAL;
    if (k->said & KERNEL_WOULD_CHANGES) k->said |= KERNEL_WOULD_BEGAN;
    k->said &= ~KERNEL_WOULD_DUE;
    return KERNEL_UP_NONE;
}

static __always_inline uint64_t keep_begin(struct kpkt *k)
{
    struct track_seen *s = &k->seen;
    uint64_t *stripe = &state_flow_head.adding[s->hash % FLOW_STRIPES];
    if (!stripe_lock(stripe)) return KERNEL_UP_BUSY;
    uint64_t up = KERNEL_UP_NONE;
    if (s->slot != FLOW_NONE && table_still(s) &&
        !table_release(TABLE, (uint32_t)s->slot, FLOW_END_REOPENED, k->now_ns))
        up = KERNEL_UP_BUSY;
    if (!up) up = keep_add(k);
    stripe_unlock(stripe);
    return up;
}

/* Note the flow's state under audit, in a flow that the packet does not change. */
GLOBAL uint64_t kernel_flow_note(struct kpkt *k NONNULL)
{
    const struct track_seen *s = &k->seen;
    if (s->slot == FLOW_NONE) return 0;
    if (s->how == HOW_ERROR || keep_what(s) == KEEP_BEGIN) {
        if (k->said & KERNEL_WOULD_CHANGES) k->said |= KERNEL_WOULD_BEGAN;
        return 0;
    }
    struct flow *f = table_slot(TABLE, s->slot);
    if (!table_lock(f)) return KERNEL_UP_BUSY;
    if ((uint32_t)f->taken == (uint32_t)k->flow.taken) note_would(k, f);
    table_unlock(f);
    return 0;
}

GLOBAL uint64_t kernel_flow_keep(struct kpkt *k NONNULL)
{
    if (k->seen.slot != FLOW_NONE && k->flow.flags & FLOW_BOUND && !(k->flags & KERNEL_ORDINARY))
        return KERNEL_UP_BEGIN;
    switch (keep_what(&k->seen)) {
    case KEEP_NOTHING: break;
    case KEEP_BEGIN: return k->seen.id.stack == STACK_UNKNOWN ? KERNEL_UP_ROOM : keep_begin(k);
    case KEEP_GO_ON: return go_on(k);
    }
    return KERNEL_UP_NONE;
}
