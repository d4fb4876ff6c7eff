/* One packet after the other. In programs that keep state, what `state` says of each depends on what became of those
 * before it; in those that decapsulate, one packet may be judged twice. Only memory is asked for a batch at a time.
 * Results don't depend on where batches end. */
#include "vm/forward/forward.h"
#include "vm/worker/inside.h"
#include "vm/packet/parse/sides.h"
#include "vm/forward/vips.h"
#include "vm/worker.h"

/* What the rules decide of one packet. */
static decided decide_one(const struct job *j, unsigned at, struct pkt *pkt, const struct key *key,
                          const struct track_seen *seen)
{
    const struct vm *vm = j->vm;
    const struct effects e = {.rules = vm->rules,
                              .tx = j->tx,
                              .input = j->input + at,
                              .meters = vm->meters,
                              .packet = vm->packets + at,
                              .track = vm->track,
                              .seen = seen};
    decided d;
    if (vm->cfg.naive) return run_list(vm->program, key, pkt, 0, &e, NULL, NULL, NULL);
    run_code(vm->program, 0, key, &pkt, 1, NULL, &e, &d);
    return d;
}

/* The same, or what is remembered for its flow. */
static decided judge_one(const struct job *j, unsigned at, struct pkt *pkt, const struct key *key,
                         const struct track_seen *seen)
{
    struct vm *vm = j->vm;
    if (!vm->remember) return decide_one(j, at, pkt, key, seen);
    struct flow *flow = track_flow(vm->track, seen);
    decided d;
    if (remember_find(vm->remember, flow, (enum flow_dir)seen->dir, key, pkt, &d)) {
        vm->counters.remembered++;
        return d;
    }
    d = decide_one(j, at, pkt, key, seen);
    remember_add(vm->remember, flow, (enum flow_dir)seen->dir, key, pkt, d);
    return d;
}

/* One well-formed packet; `seen` is filled in by track_ahead. */
static void take_turn(const struct job *j, unsigned at, struct pkt *pkt, struct key *key, struct track_seen *seen,
                      struct verdict *v)
{
    struct vm *vm = j->vm;
    if (vm->track) track_look(vm->track, key, pkt, seen);
    if (vm->forward && forward_follows(vm, seen)) {
        forward_back(j, at, pkt, key, seen, v);
        return;
    }
    if (vm->forward && forward_prove(j, at, pkt, key, seen, v)) return;
    const decided d = judge_one(j, at, pkt, key, seen);
    if (vm->decaps && inside_asked(vm->program, d)) {
        inside_judge(j, at, pkt, key, d, v);
        return;
    }
    const bool accepted = decided_action(d) == ACTION_ACCEPT;
    if (!vm->forward || !accepted || !forward_take(j, at, pkt, key, seen, d, v)) {
        settle(j, at, pkt, key, d, v);
        if (vm->track && accepted) track_accept(vm->track, key, pkt, seen);
    }
    if (vm->vips && vips_asked(key)) vips_answer(j, at, pkt, key, v);
}

/* All that may be known of the packets of `todo` before the first is judged. */
static void look_ahead(const struct job *j, struct key keys[], struct pkt *const pkts[], uint64_t todo,
                       struct track_seen seen[])
{
    const struct vm *vm = j->vm;
    const struct program *p = vm->program;
    if (p->services_count && facts_have_self(j->in->facts))
        for (uint64_t left = todo; left; left &= left - 1) key_settle(p, &keys[__builtin_ctzll(left)]);
    if (p->ahead_count && !vm->cfg.naive) set_ahead(p, keys, todo);
    if (vm->track) track_ahead(vm->track, keys, pkts, todo, seen);
}

void judge_in_turn(const struct job *j, unsigned at, struct pkt *pkt, struct key *key, struct verdict *v)
{
    struct track_seen seen;
    look_ahead(j, key, &pkt, 1, &seen);
    take_turn(j, at, pkt, key, &seen, v);
}

void run_in_turn(const struct job *j, struct pkt *const pkts[], unsigned n, uint64_t todo, odd_fn *odd,
                 struct verdict verdicts[])
{
    struct vm *vm = j->vm;
    look_ahead(j, vm->keys, pkts, todo, vm->seen);
    for (unsigned i = 0; i < n; i++) {
        if (__builtin_expect(todo >> i & 1, 1))
            take_turn(j, i, pkts[i], &vm->keys[i], vm->seen ? &vm->seen[i] : NULL, &verdicts[i]);
        else
            odd(j, i, pkts[i], &vm->keys[i], &verdicts[i]);
    }
}
