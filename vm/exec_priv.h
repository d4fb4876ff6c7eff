/* What the two executors share: effects of a rule that does not end the judging, and how a verdict becomes an action. */
#ifndef VM_EXEC_PRIV_H
#define VM_EXEC_PRIV_H

#include "vm/vm.h"

/* Where `count` and `log` go for one packet. Executors take NULL for "nowhere" (explain, comparisons). */
struct effects {
    struct counter *rules; /* [program->rules_count] */
    struct vm_tx *tx;
    uint32_t bytes; /* of the frame, on the wire */
    uint32_t input; /* its index in vm_run's pkts */
};

static inline void effect_count(const struct effects *e, uint32_t rule)
{
    if (!e) return;
    e->rules[rule].packets++;
    e->rules[rule].bytes += e->bytes;
}

static inline void effect_log(const struct effects *e, uint32_t rule)
{
    if (!e) return;
    struct vm_tx *tx = e->tx;
    if (tx->event_count < tx->event_cap)
        tx->events[tx->event_count++] = (struct event){.kind = EVENT_LOG, .rule = rule, .input = e->input};
    else
        tx->events_lost++;
}

/* The three verdicts that end judging have the numbers of their actions. */
static_assert((int)PBC_V_ACCEPT == ACTION_ACCEPT && (int)PBC_V_DROP == ACTION_DROP && (int)PBC_V_REJECT == ACTION_REJECT,
              "verdict and action share numbers");

static inline struct decision decision_by_rule(const struct program *p, uint32_t rule, uint32_t firewall)
{
    return (struct decision){.rule = rule, .firewall = firewall, .action = p->rules[rule].verdict};
}

/* The firewall's default; its `other frames` for what is neither IP nor ARP. */
static inline struct decision decision_by_default(const struct program *p, uint32_t firewall, const struct key *key)
{
    static const uint8_t other_action[] = {[PBC_OTHER_PASS] = ACTION_PASS, [PBC_OTHER_DROP] = ACTION_DROP};
    const struct pbc_firewall *f = &p->firewalls[firewall];
    struct decision d = {.rule = RULE_DEFAULT, .firewall = firewall, .action = f->default_verdict};
    if (f->other != PBC_OTHER_DEFAULT && !(key->kind & (KIND_IP | KIND_ARP))) d.action = other_action[f->other];
    return d;
}

static inline struct decision decision_by_nobody(enum action action)
{
    return (struct decision){.rule = RULE_NONE, .firewall = PBC_NONE, .action = (uint8_t)action};
}

struct decision run_code(const struct program *p, const struct key *key, const struct pkt *pkt, const struct effects *e);
struct decision run_list(const struct program *p, const struct key *key, const struct pkt *pkt, const struct effects *e,
                         trace_fn *trace, void *arg);

/* Is the number a member of the MAC set? */
bool mac_set_has(const struct program *p, uint32_t set, uint64_t mac);
/* Is it of that kind (MAC_MULTICAST, MAC_BROADCAST)? */
static inline bool mac_is(uint64_t mac, uint32_t kinds)
{
    bool broadcast = mac == 0xffffffffffff, group = mac >> 40 & 1;
    return (kinds & MAC_BROADCAST && broadcast) || (kinds & MAC_MULTICAST && group && !broadcast);
}

/* Does the packet have what the condition asks about? */
bool cond_has(const struct pbc_cond *c, const struct key *key, const struct pkt *pkt);

#endif
