/* Judge a sample by the finished program, to confirm a computed result (sample.h). Each packet has its own state. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/sample/sample.h"
#include "lang/heap.h"
#include "vm/forward/service.h"
#include "vm/judge/lives.h"

enum {
    SLOTS = 80,
    ENTRIES = 2 * VM_TX_PER_PACKET,
};
#define SECOND_NS UINT64_C(1000000000)
#define HOLD_NS   (SECOND_NS / 5) /* time after which the vm holds nothing */

/* Members of live sets that a packet assumes; packets are judged one at a time. */
static struct {
    struct program *of;
    struct lives *members;
} assumed;

static void assume_side(struct program *p, const struct frame_spec *f, bool dst)
{
    struct live_net net = {.len = f->family == 6 ? 128 : 32, .v6 = f->family == 6};
    memcpy(net.addr, dst ? f->dst : f->src, sizeof(net.addr));
    for (uint32_t i = 0; i < p->lives_count; i++)
        if (f->live[dst] >> i & 1 && lives_refuse(p, i, &net) == LIVE_MAY)
            live_add(assumed.members->sets[i], 0, &net, LIVE_FOREVER, LIVE_SET);
}

void sample_assume(struct program *p, const struct frame_spec *f)
{
    if (assumed.of) {
        program_members(assumed.of, NULL);
        lives_free(assumed.members);
        program_put(assumed.of);
        assumed.of = NULL;
    }
    if (!f || !(f->live[0] | f->live[1])) return;
    assumed.of = program_get(p);
    assumed.members = lives_new(p, 1);
    if (!assumed.members) out_of_memory();
    for (uint32_t i = 0; i < p->lives_count; i++) {
        if (p->lives[i].size >= 2) continue; /* one network may hold both ends */
        live_free(assumed.members->sets[i]);
        assumed.members->sets[i] = live_new(&(struct live_cfg){.size = 2, .seed = 1});
        if (!assumed.members->sets[i]) out_of_memory();
    }
    assume_side(p, f, false);
    assume_side(p, f, true);
    program_members(p, assumed.members);
}

static struct facts at_start(const struct facts *own, uint32_t schedules)
{
    struct facts f = *own;
    f.generation = 1;
    f.schedules = schedules;
    return f;
}

struct bench {
    struct vm *vm;
    struct vm_in in;
    struct facts facts;
    struct tx_entry entries[ENTRIES];
    uint8_t *frame;
    uint32_t len;
    const struct frame_spec *packet;
};

static void bench_release(struct bench *b, const struct vm_tx *tx, struct verdict *v)
{
    for (unsigned i = 0; i < tx->count; i++) {
        if (b->entries[i].cause == TX_CAUSE_HELD) *v = b->entries[i].verdict;
        pool_put(b->entries[i].pkt);
    }
}

static void judge_once(struct bench *b, struct verdict *v)
{
    struct pkt pkt, *const pkts[] = {&pkt};
    struct vm_tx tx = {.entries = b->entries, .cap = ENTRIES};
    frame_spec_view(b->packet, b->frame, b->len, &pkt);
    vm_run(b->vm, &b->in, pkts, 1, v, &tx);
    bench_release(b, &tx, v);
    if (v->action != ACTION_HELD) return;
    tx.count = 0;
    b->in.mono_ns += HOLD_NS;
    vm_tick(b->vm, &b->in, &tx);
    bench_release(b, &tx, v);
}

static uint32_t state_now(struct program *p, struct bench *b)
{
    struct pkt pkt;
    struct key key;
    frame_spec_view(b->packet, b->frame, b->len, &pkt);
    if (pkt_parse(&pkt, &b->facts, &key) != REASON_NONE) return 0;
    key_settle(p, &key);
    vm_state(b->vm, &b->in, &key, &pkt);
    return key.marks & MARK_STATES;
}

static void judge_in(struct program *p, struct bench *b, const struct frame_spec *packet, uint32_t before,
                     struct pool *pool, struct verdict *v, uint32_t *state)
{
    b->vm = vm_new(p, &(struct vm_cfg){.seed = 1, .pool = pool, .no_cookies = true});
    if (!b->vm) out_of_memory();
    b->len = frame_write(packet, b->frame);
    b->packet = packet;
    for (uint32_t i = 0; i < before; i++) judge_once(b, v);
    *state = state_now(p, b);
    judge_once(b, v);
    vm_free(b->vm);
}

void sample_judge_by(struct program *program, const struct frame_spec *p, const struct facts *self, uint32_t schedules,
                     uint32_t before, struct verdict *v, uint32_t *state)
{
    const bool small = !p->payload.len && p->length <= 1500; /* most samples are small, and many may be judged */
    const unsigned slot = small ? 2048 : POOL_SLOT_MOST;
    const size_t bytes = (pool_bytes(SLOTS, slot) + 63) / 64 * 64;
    void *memory = aligned_alloc(64, bytes);
    struct bench b = {.frame = heap_resized(NULL, FRAME_MOST, 1)};
    *v = (struct verdict){0};
    b.facts = at_start(self, schedules);
    b.in = (struct vm_in){.mono_ns = TEST_BEGIN_NS, .facts = &b.facts};
    if (!memory) out_of_memory();
    sample_assume(program, p);
    judge_in(program, &b, p, before, pool_init(memory, bytes, SLOTS, slot), v, state);
    free(b.frame);
    free(memory);
}

/* One state for many packets --------------------------------------------------------------------------------------- */

struct sample_vm {
    struct bench b;
    struct program *program;
    void *memory;
};

struct sample_vm *sample_vm_new(struct program *program)
{
    const size_t bytes = (pool_bytes(SLOTS, POOL_SLOT_MOST) + 63) / 64 * 64;
    struct sample_vm *s = heap_zeroed(1, sizeof(*s));
    s->memory = aligned_alloc(64, bytes);
    if (!s->memory) out_of_memory();
    s->program = program;
    s->b.frame = heap_resized(NULL, FRAME_MOST, 1);
    s->b.in = (struct vm_in){.mono_ns = TEST_BEGIN_NS, .facts = &s->b.facts};
    s->b.vm = vm_new(
        program,
        &(struct vm_cfg){.seed = 1, .pool = pool_init(s->memory, bytes, SLOTS, POOL_SLOT_MOST), .no_cookies = true});
    if (!s->b.vm) out_of_memory();
    return s;
}

void sample_vm_free(struct sample_vm *s)
{
    if (!s) return;
    vm_free(s->b.vm);
    free(s->b.frame);
    free(s->memory);
    free(s);
}

void sample_vm_judge(struct sample_vm *s, const struct frame_spec *p, const struct facts *self, uint32_t schedules,
                     struct verdict *v)
{
    const uint64_t generation = s->b.facts.generation;
    *v = (struct verdict){0};
    s->b.facts = at_start(self, schedules);
    s->b.facts.generation = generation + 1;
    s->b.in.mono_ns += SECOND_NS; /* time for meters to refill */
    s->b.len = frame_write(p, s->b.frame);
    s->b.packet = p;
    sample_assume(s->program, p);
    judge_once(&s->b, v);
}

bool sample_parse(struct program *program, const struct frame_spec *p, const struct facts *facts, uint8_t *frame,
                  struct pkt *pkt, struct key *key)
{
    const uint32_t len = frame_write(p, frame);
    sample_assume(program, p);
    frame_spec_view(p, frame, len, pkt);
    if (pkt_parse(pkt, facts, key) != REASON_NONE) return false;
    key_settle(program, key);
    return true;
}

struct decision sample_decide(struct program *program, const struct frame_spec *p, const struct facts *self,
                              uint32_t schedules, uint32_t state)
{
    struct decision d = {.rule = RULE_NONE, .firewall = PBC_NONE, .action = ACTION_COUNT};
    uint8_t *frame = heap_resized(NULL, FRAME_MOST, 1);
    const struct facts facts = at_start(self, schedules);
    struct pkt pkt;
    struct key key;
    if (sample_parse(program, p, &facts, frame, &pkt, &key)) {
        key.marks |= state;
        d = program_decide(program, &key, &pkt);
    }
    free(frame);
    return d;
}
