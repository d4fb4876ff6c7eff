/* Packets wait while states are copied, so the flows of workers with many are not kept: untranslated TCP is picked
 * up again in mid-stream (vm/flow/README.md). */
#include "runtime/live/control/takeover/lasting.h"

#include "runtime/base/clock.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/control/takeover/former.h"
#include "runtime/live/control/takeover/said.h"
#include "runtime/live/control/takeover/yield_kernel.h"
#include "runtime/parent/between/last.h"
#include "vm/vm.h"

#define EACH_NS  UINT64_C(1000000000)
#define STILL_NS UINT64_C(15000000000) /* interval in an instance that gets no frames and no notices */
#define HELD_NS  UINT64_C(2000000)     /* most processor time for a copy of flows, during which workers are paused */
#define MORE_NS                                                                                                        \
    UINT64_C(60000000000) /* interval after which flows that would take up to twice that time are tried again */
enum {
    ROOM_BEGIN = 1 << 20, /* bytes: some 4,000 flows */
    ROOM_LEAST = 1 << 18, /* bytes (some 1,000 flows) that are copied however long the last copy took */
    RARELY = 50           /* the kernel executor's worker judges this many times as long as it pauses */
};

uint64_t lasting_due_ns(const struct control *control) { return control->last ? control->lasting.due_ns : UINT64_MAX; }

/* True if a start that continues with this state would not equal this instance. */
static bool lacks(const struct control *control)
{
    const struct carry *carry = control->carry;
    const struct program *p = carry->now.program;
    return p->observes_count || carry->inline_stack || former_lacks(control) ||
           (control->o->record && !program_is_plain(p));
}

/* Return the bytes of flows that are copied. In the kernel executor flows stay where they are, except for their
 * bindings. */
static uint64_t flow_bytes(const struct control *control)
{
    const struct carry *carry = control->carry;
    uint64_t bytes = yield_kernel_bytes(control);
    for (unsigned i = 0; i < carry->worker_count; i++) bytes += vm_flow_bytes(carry->workers[i]->vm);
    return bytes;
}

/* Return a number that changes when frames come, or something is reported or set. */
static uint64_t seen(const struct control *control)
{
    uint64_t n = control->tell->changes;
    for (unsigned i = 0; i < control->carry->worker_count; i++)
        n += __atomic_load_n(&control->carry->workers[i]->counters.batches, __ATOMIC_RELAXED);
    return n;
}

/* True if that many bytes of flows can be copied while workers are paused. */
static bool has_room(struct lasting *own, uint64_t bytes, uint64_t now_ns)
{
    if (!own->room) own->room = ROOM_BEGIN;
    if (bytes <= own->room) return true;
    if (now_ns < own->room_ns) return false;
    own->room_ns = now_ns + MORE_NS;
    return bytes <= 2 * own->room;
}

static void set_room(struct lasting *own, uint64_t bytes) { own->room = bytes < ROOM_LEAST ? ROOM_LEAST : bytes; }

/* Write the states. False: a worker had unfinished work. */
static bool write_states(struct control *control, struct last_half *half, struct said_file *f, uint64_t now_ns)
{
    const struct carry *carry = control->carry;
    struct lasting *own = &control->lasting;
    struct archive a;
    bool good = hold_all(carry);
    const uint64_t begin = clock_ns(CLOCK_THREAD_CPUTIME_ID), bytes = flow_bytes(control);
    /* The kernel judges known flows meanwhile, and a bound flow without its binding is lost. */
    const bool flows = carry->in_kernel || has_room(own, bytes, now_ns);
    half->luggage = (struct handoff_luggage){.ports = 0};
    good = good && luggage_write(control, &half->luggage, f, false, &a);
    const uint64_t at_flows = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    if (flows) good = good && luggage_write_workers(control, &half->luggage, f, false, &a);
    release_all(carry);
    const uint64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID), took = end - at_flows;
    if (carry->in_kernel && (end - begin) * RARELY > EACH_NS) own->due_ns = now_ns + (end - begin) * RARELY;
    if (flows && (took > HELD_NS || (good && bytes > own->room / 2))) set_room(own, bytes * HELD_NS / (took + 1));
    half->len = 0;
    const struct handoff_part *last = &half->luggage.workers[carry->worker_count - 1];
    if (good) half->len = last->at + last->len;
    return good;
}

void lasting_step(struct control *control, uint64_t now_ns)
{
    struct lasting *own = &control->lasting;
    const uint64_t begun = control->rules->begun;
    if (!control->last || (now_ns < own->due_ns && own->begun == begun)) return;
    const uint64_t has = seen(control);
    own->due_ns = now_ns + EACH_NS;
    if (own->begun == begun && own->seen == has && now_ns < own->written_ns + STILL_NS) return;
    const bool settled = change_settled(control->carry) && !control->rules->reload;
    if (lacks(control) || (!settled && own->begun != begun)) last_forget(control->last);
    if (lacks(control) || !settled) return;
    struct last_half *half = last_next(control->last);
    struct said_file f = {half->file, LAST_MOST, 0};
    const uint64_t program = half->hello.program, former = half->hello.former;
    hello_of(control, &half->hello);
    half->hello.program = program;
    half->hello.former = former;
    bool good = true;
    if (own->text_of[own->half] != begun)
        good = hello_program(control, &half->hello, &f);
    else
        hello_hops(control, &half->hello, &f);
    own->text_of[own->half] = good ? begun : 0;
    if (!good || !write_states(control, half, &f, now_ns)) {
        if (own->begun != begun) last_forget(control->last);
        return;
    }
    last_put(control->last);
    own->seen = has;
    own->written_ns = now_ns;
    own->half = !own->half;
    own->begun = begun;
}
