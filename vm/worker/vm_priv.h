/* Shared by the parts of a worker. */
#pragma once

#include "vm/context/context.h"
#include "vm/forward/forward.h"
#include "vm/forward/service.h"

/* new.c: let vm->counters point to where the counters of its parts lie. */
void vm_point_counters(struct vm *vm);

/* Are packets judged one by one? */
static inline bool vm_takes_turns(const struct vm *vm) { return vm->track || vm->opens || vm->cfg.kernel; }

/* tx: where ends of flows are told; NULL: none can end. */
static inline void see_time(struct vm *vm, const struct vm_in *in, struct vm_tx *tx)
{
    if (in->mono_ns > vm->now_ns) vm->now_ns = in->mono_ns;
    meters_at(vm->meters, vm->now_ns);
    if (vm->track) track_at(vm->track, vm->now_ns, tx);
}

/* Before anything is judged. */
static inline void see_facts(struct vm *vm, const struct facts *facts)
{
    balance_update(vm->balance, facts, vm->now_ns);
    if (vm->forward) forward_facts(vm->forward, facts);
    if (vm->remember) remember_facts(vm->remember, facts);
}
