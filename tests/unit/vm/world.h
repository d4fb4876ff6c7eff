/* A worker that tracks flows, with packets in words: the `state` of each, time, events. Before a packet is judged,
 * vm_state must return the same state. */
#ifndef TESTS_UNIT_VM_WORLD_H
#define TESTS_UNIT_VM_WORLD_H

#include "tests/lib/compiled.h"
#include "tests/unit/vm/packet.h"
#include "vm/flow/flow.h"
#include "vm/flow/table/flow_table.h"

enum { WORLD_EVENTS = 64 };
#define MS UINT64_C(1000000)
#define S  (1000 * MS)

struct world {
    struct program *program;
    struct vm *vm;
    struct facts facts;
    struct vm_in in;
    struct tx_entry entries[2 * VM_BATCH];
    struct event events[WORLD_EVENTS];
    struct vm_tx tx;
    char rule[64]; /* rule that decided the last packet */
    uint32_t self4[4];
};

/* Rules that name every state; packets with TTL 9 are dropped first. */
#define RULES_STATES                                                                                                   \
    "firewall f default accept {\n"                                                                                    \
    "  drop ttl 9 as DROPPED\n"                                                                                        \
    "  accept state new as NEW\n"                                                                                      \
    "  accept state established as ESTABLISHED\n"                                                                      \
    "  accept state related as RELATED\n"                                                                              \
    "  accept state invalid as INVALID\n"                                                                              \
    "}\n"

static inline struct program *world_compile(const char *text)
{
    struct program *p = compiled_text(text);
    assert_non_null(p);
    return p;
}

static inline void world_init_cfg(struct world *w, const char *text, const struct vm_cfg *cfg)
{
    memset(w, 0, sizeof(*w));
    w->program = world_compile(text);
    w->vm = vm_new(w->program, cfg);
    assert_non_null(w->vm);
    w->facts.generation = 1;
    w->in = (struct vm_in){.mono_ns = 1000 * S, .facts = &w->facts};
    w->tx = (struct vm_tx){.entries = w->entries, .cap = 2 * VM_BATCH, .events = w->events, .event_cap = WORLD_EVENTS};
}

static inline void world_init(struct world *w, const char *text)
{
    world_init_cfg(w, text, &(struct vm_cfg){.seed = 7, .flow_events = true});
}

static inline void world_fini(struct world *w)
{
    vm_free(w->vm);
    program_put(w->program);
    packet_free(NULL);
}

static inline const char *mark_name(uint32_t marks)
{
    switch (marks & MARK_STATES) {
    case MARK_NONE: return "-";
    case MARK_NEW: return "NEW";
    case MARK_ESTABLISHED: return "ESTABLISHED";
    case MARK_RELATED: return "RELATED";
    case MARK_INVALID: return "INVALID";
    default: return "several";
    }
}

/* Return the state by vm_state; the packet isn't judged. */
static inline const char *world_state(struct world *w, const char *notation)
{
    struct packet *p = packet_facts(notation, &w->facts);
    assert_int_equal(p->reason, REASON_NONE);
    vm_state(w->vm, &w->in, &p->key, &p->pkt);
    return mark_name(p->key.marks);
}

/* Return the rule that decides the packet; "default", "-", or the reason for a drop. Replies aren't sent back. */
static inline const char *world_judge(struct world *w, const char *notation)
{
    struct packet *p = packet_facts(notation, &w->facts);
    struct pkt *const pkts[] = {&p->pkt};
    struct verdict v;
    p->pkt.iface = IFACE_NONE;
    vm_run(w->vm, &w->in, pkts, 1, &v, &w->tx);
    if (v.reason) return reason_name(v.reason);
    if (v.rule == RULE_NONE) return "-";
    return v.rule == RULE_DEFAULT ? "default" : rule_name(w->program, v.rule, w->rule, sizeof(w->rule));
}

/* Return the packet's state by RULES_STATES, judged now and compared with vm_state. */
static inline const char *world_say(struct world *w, const char *notation)
{
    static char before[32];
    snprintf(before, sizeof(before), "%s", world_state(w, notation));
    const char *rule = world_judge(w, notation);
    if (strcmp(rule, "DROPPED") == 0) return rule;
    assert_string_equal(before, strcmp(rule, "default") == 0 ? "-" : rule);
    return rule;
}

static inline uint64_t world_live(const struct world *w)
{
    const uint64_t *live = vm_counters(w->vm)->flows->live;
    uint64_t all = 0;
    for (unsigned i = 0; i < FLOW_CLASSES; i++) all += live[i];
    return all;
}

#define SAYS(w, notation, state) assert_string_equal(world_say(w, "eth / " notation), state)

#endif
