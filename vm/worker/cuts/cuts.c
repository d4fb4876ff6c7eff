/* See cuts.h. A live worker walks in parts, between batches; a replay walks at once, after the packet. */
#include "vm/worker/cuts/cuts.h"

#include "vm/judge/lives.h"

/* The size of a part of a live worker's walk. If the kernel has the table, each ended flow costs a call. */
enum { PART_GROUPS = 1024, PART_FLOWS = 128, PART_ENDS = VM_CUTS_MOST, PART_CALLS = 8 };

/* Return the cuts that the worker applies; NULL: none. */
static struct flow_cuts *cuts_of(const struct vm *vm)
{
    return vm->cfg.cuts ? vm->cfg.cuts : vm->program->members ? vm->program->members->cuts : NULL;
}

bool vm_cut_due(const struct vm *vm) { return vm->cfg.cuts && flow_cuts_due(vm->cfg.cuts, vm->cfg.worker); }

/* Test if a flow ends, by both ends of its own tuple and the receiver of its packets. The source with which they are
 * sent on does not count, because it is this machine's, and flows of all clients have it. */
static uint64_t *flow_covered(void *arg, const struct flow_id *id, const struct flow_bind *b, uint64_t began_ns)
{
    const struct vm *vm = arg;
    const bool v6 = id->kind & FLOW_ID_IP6;
    struct flow_cuts_flow f = {.of = {{id->low, v6}, {id->high, v6}}, .count = 2, .began_ns = began_ns};
    if (b) f.of[f.count++] = (struct flow_cuts_addr){b->to_dst, v6};
    uint64_t *const ended = flow_cuts_cover(cuts_of(vm), vm->program->members, &f);
    const struct vm_cuts *const c = vm->cfg.cuts_told;
    if (ended && c && c->told) c->told(c->arg, id);
    return ended;
}

/* Do a part of the walk. False: the walk is finished. */
static bool walk_part(struct vm *vm, const struct track_cuts *part)
{
    if (vm->track && track_cut(vm->track, *part, flow_covered, vm)) return true;
    flow_cuts_walked(cuts_of(vm), vm->cfg.worker);
    return false;
}

static void tell_nobody(void *arg, uint32_t set, uint64_t flows) { (void)arg, (void)set, (void)flows; }

static void walk_at_once(struct vm *vm)
{
    const struct track_cuts all = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
    struct flow_cuts *const c = cuts_of(vm);
    if (!c || vm->cfg.cuts || !flow_cuts_begin(c, vm->now_ns)) return;
    while (walk_part(vm, &all)) {}
    flow_cuts_end(c, tell_nobody, NULL);
}

void adds_settle(const struct job *j)
{
    adds_make(&j->vm->due, j->vm->program);
    walk_at_once(j->vm);
}

void vm_cut(struct vm *vm) { walk_at_once(vm); }

/* End the flows that ended when this was recorded. */
static void cut_again(struct vm *vm, struct vm_cuts *c)
{
    for (unsigned i = 0; i < c->count; i++) c->missing += !vm->track || !track_cut_again(vm->track, &c->again[i]);
}

bool cuts_tick(const struct job *j)
{
    struct vm *const vm = j->vm;
    if (vm->cfg.cuts_told && vm->cfg.cuts_told->again) {
        cut_again(vm, vm->cfg.cuts_told);
        return false;
    }
    const bool calls = vm->cfg.kernel && vm->cfg.kernel->flows;
    const struct track_cuts part = {PART_GROUPS, PART_FLOWS, calls ? PART_CALLS : PART_ENDS};
    return vm_cut_due(vm) && walk_part(vm, &part);
}
