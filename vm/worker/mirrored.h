/* Mirrors that copy a packet as it leaves: from the matching rules to the outgoing packets. Programs without mirrors
 * pay one branch per batch. */
#pragma once

#include <string.h>

#include "vm/context/context.h"

/* Return the mirrors of a program that copy leaving packets, one bit each. */
static inline uint64_t mirrored_sent(const struct program *p)
{
    uint64_t sent = 0;
    for (unsigned i = 0; i < p->mirrors_count; i++) sent |= (uint64_t)(p->mirrors[i].flags & PBC_MIRROR_SENT) << i;
    return sent;
}

static inline void mirrored_begin(struct vm *vm, unsigned n)
{
    if (vm->program->mirrors_count) memset(vm->mirrored, 0, n * sizeof *vm->mirrored);
}

/* True for a packet that is a rewritten form of the one that caused it; prey's own replies are not copied. Packets
 * to the inline stack have made-up addresses, so the packet that arrived is copied. */
static inline bool mirrored_follows(const struct tx_entry *e)
{
    return e->kind != TX_INLINE_STACK && (e->cause == TX_CAUSE_PACKET || e->cause == TX_CAUSE_INNER ||
                                          e->cause == TX_CAUSE_PROXY || e->cause == TX_CAUSE_HELD);
}

/* Mark the batch's packets, and those sent for them since entry `before`, with the mirrors that copy them. */
static inline void mirrored_end(const struct job *j, struct pkt *const pkts[], unsigned n, unsigned before)
{
    const struct vm *vm = j->vm;
    if (!vm->program->mirrors_count) return;
    const uint64_t sent = mirrored_sent(vm->program);
    for (unsigned i = 0; i < n; i++) pkts[i]->mirrors = vm->mirrored[i] & sent;
    for (unsigned i = before; i < j->tx->count; i++) {
        struct tx_entry *e = &j->tx->entries[i];
        const uint32_t at = e->input - j->input;
        e->pkt->mirrors = mirrored_follows(e) && e->input != INPUT_NONE && at < n ? vm->mirrored[at] & sent : 0;
    }
}

/* Clear the mirrors of prey's own and unjudged packets, which are not copied. */
static inline void mirrored_none(const struct vm *vm, struct vm_tx *tx, unsigned before)
{
    for (unsigned i = before; vm->program->mirrors_count && i < tx->count; i++) tx->entries[i].pkt->mirrors = 0;
}

/* Mark a held packet, the only one of its batch, and those sent for it, as mirrored_end does. */
static inline void mirrored_held(const struct job *j, struct pkt *held, unsigned before)
{
    const struct vm *vm = j->vm;
    if (!vm->program->mirrors_count) return;
    const uint64_t sent = vm->mirrored[0] & mirrored_sent(vm->program);
    for (unsigned i = before; i < j->tx->count; i++)
        j->tx->entries[i].pkt->mirrors = mirrored_follows(&j->tx->entries[i]) ? sent : 0;
    held->mirrors = sent;
}

/* Copy a later fragment for the mirrors that copied its first. */
static inline void mirrored_follow(const struct job *j, const struct packet_ctx *c, uint64_t mirrors)
{
    const struct vm *vm = j->vm;
    const struct effects e = effects_of(j, (struct packet_ctx *)c);
    for (unsigned i = 0; mirrors && i < vm->program->mirrors_count; i++)
        if (mirrors >> i & 1) effect_mirror(&e, vm->program, vm->program->mirrors[i].rule, c->pkt, 0);
}
