/* Functions shared by the parts of a worker */
#pragma once

#include "vm/context/context.h"
#include "vm/forward/forward.h"
#include "vm/forward/service.h"
#include "vm/worker/audit.h"

/* new.c: point vm->counters to the counters of the worker's parts. */
void vm_point_counters(struct vm *vm);

/* True if packets are judged one by one. */
static inline bool vm_takes_turns(const struct vm *vm)
{
    return vm->track || vm->opens || vm->cfg.kernel || vm->inlines || vm->observers;
}

/* Take the time of `in`. tx: receives ends of flows; NULL: none can end. */
static inline void see_time(struct vm *vm, const struct vm_in *in, struct vm_tx *tx)
{
    if (in->mono_ns > vm->now_ns) vm->now_ns = in->mono_ns;
    meters_at(vm->meters, vm->now_ns);
    if (vm->audit) audit_at(vm->audit, vm->now_ns);
    if (vm->track) track_at(vm->track, vm->now_ns, tx);
}

/* Take the facts of a run, before any packet is judged. */
static inline void see_facts(struct vm *vm, const struct facts *facts)
{
    balance_update(vm->balance, facts, vm->now_ns);
    if (vm->forward) forward_facts(vm->forward, facts);
    if (vm->remember) remember_facts(vm->remember, facts);
}
