/* A worker that sends, with rules in words and a separate pool; packets that left are checked, then returned. */
#ifndef TESTS_UNIT_VM_SENDER_H
#define TESTS_UNIT_VM_SENDER_H

#include "tests/unit/vm/world.h"
#include "vm/packet/pool_priv.h"

enum { SENDER_SLOTS = 160, SENDER_SLOT_BYTES = 4096, SENDER_ENTRIES = 160 };

struct sender {
    struct program *program;
    struct pool *pool;
    void *memory;
    struct vm *vm;
    struct facts facts;
    struct vm_in in;
    struct tx_entry entries[SENDER_ENTRIES];
    struct vm_tx tx;
    struct verdict v; /* of the last packet */
    uint64_t packets, bytes;
    uint32_t self4[1];
};

/* This machine is 10.0.0.9. */
static inline void sender_init(struct sender *s, const char *rules, bool naive)
{
    memset(s, 0, sizeof(*s));
    const size_t bytes = (pool_bytes(SENDER_SLOTS, SENDER_SLOT_BYTES) + 63) / 64 * 64;
    s->program = world_compile(rules);
    s->memory = aligned_alloc(64, bytes);
    s->pool = pool_init(s->memory, bytes, SENDER_SLOTS, SENDER_SLOT_BYTES);
    assert_non_null(s->pool);
    s->vm = vm_new(s->program, &(struct vm_cfg){.pool = s->pool, .seed = 7, .naive = naive});
    assert_non_null(s->vm);
    s->self4[0] = 0x0a000009;
    s->facts = (struct facts){.generation = 1, .self4 = s->self4, .self4_count = 1};
    s->in = (struct vm_in){.mono_ns = 1000 * S, .facts = &s->facts};
    s->tx = (struct vm_tx){.entries = s->entries, .cap = SENDER_ENTRIES};
}

/* Return packets that left to the pool. */
static inline void sender_clear(struct sender *s)
{
    for (unsigned i = 0; i < s->tx.count; i++) pool_put(s->entries[i].pkt);
    s->tx.count = 0;
}

static inline void sender_fini(struct sender *s)
{
    sender_clear(s);
    vm_free(s->vm);
    assert_int_equal(s->pool->free_count, SENDER_SLOTS);
    program_put(s->program);
    free(s->memory);
    packet_free(NULL);
}

static inline const struct verdict *sender_judge_pkt(struct sender *s, struct pkt *pkt)
{
    struct pkt *const pkts[] = {pkt};
    sender_clear(s);
    pkt->iface = IFACE_NONE;
    pkt->cookie = 4711;
    s->packets++;
    s->bytes += pkt->wire_len;
    vm_run(s->vm, &s->in, pkts, 1, &s->v, &s->tx);
    return &s->v;
}

static inline const struct verdict *sender_judge(struct sender *s, const char *notation)
{
    return sender_judge_pkt(s, &packet_facts(notation, &s->facts)->pkt);
}

/* Return action, rule and reason of the last packet: "drop IPIP bad-tunnel". */
static inline const char *sender_said(const struct sender *s)
{
    static char text[300];
    char rule[200] = "-";
    if (s->v.rule == RULE_DEFAULT) strcpy(rule, "default");
    if (s->v.rule < RULE_DEFAULT) rule_name(s->program, s->v.rule, rule, sizeof(rule));
    snprintf(text, sizeof(text), "%s %s %s", action_name(s->v.action), rule, reason_name(s->v.reason));
    return text;
}

/* Check that every packet is in one verdict, with its bytes on the wire, and that every drop has one reason. */
static inline void sender_adds_up(const struct sender *s)
{
    const struct vm_counters *c = vm_counters(s->vm);
    struct counter all = {0}, reasons = {0};
    for (unsigned i = 0; i < ACTION_COUNT; i++)
        all.packets += c->verdicts[i].packets, all.bytes += c->verdicts[i].bytes;
    for (unsigned i = 0; i < REASON_COUNT; i++)
        reasons.packets += c->reasons[i].packets, reasons.bytes += c->reasons[i].bytes;
    assert_int_equal(all.packets, s->packets);
    assert_int_equal(all.bytes, s->bytes);
    assert_int_equal(reasons.packets, c->verdicts[ACTION_DROP].packets);
    assert_int_equal(reasons.bytes, c->verdicts[ACTION_DROP].bytes);
}

#define JUDGES(s, notation, said)                                                                                      \
    do {                                                                                                               \
        sender_judge(s, notation);                                                                                     \
        assert_string_equal(sender_said(s), said);                                                                     \
    } while (0)

#endif
