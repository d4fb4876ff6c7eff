/* The decision about a packet, in one register. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/pbc.h"
#include "vm/tables.h"
#include "vm/verdict.h"

/* A decision: rule in bits 0-31, action in 32-39, firewall + 1 (0: none) from 40 on. A struct would go through memory
 * in parts for every packet. */
typedef uint64_t decided;

static inline decided decided_as(uint32_t rule, enum action action, uint32_t firewall)
{
    return rule | (uint64_t)action << 32 | (uint64_t)(firewall + 1) << 40;
}

static inline decided decided_by_nobody(enum action action) { return decided_as(RULE_NONE, action, PBC_NONE); }

static inline uint32_t decided_rule(decided d) { return (uint32_t)d; }
static inline enum action decided_action(decided d) { return (enum action)(d >> 32 & 0xff); }
static inline uint32_t decided_firewall(decided d) { return (uint32_t)(d >> 40) - 1; }

/* True if the decision lets the packet in. The functions below are for programs with `audit`: d is the decision,
 * would the one without `audit` (vm/worker/audit.h). */
static inline bool decided_lets_in(decided d)
{
    return decided_action(d) == ACTION_ACCEPT || decided_action(d) == ACTION_PASS;
}

/* True if the packet's fate would differ, as far as rules show. */
static inline bool decided_changes(decided d, decided would)
{
    return decided_lets_in(d) ? !decided_lets_in(would) : decided_action(d) != decided_action(would);
}

/* Return the place of the would-be decider, not RULE_NONE, in WOULD_TWINS. rules: number of WOULD_RULES. */
static inline uint32_t decided_twin_at(decided would, uint32_t rules)
{
    const uint32_t rule = decided_rule(would);
    return rule < RULE_DEFAULT ? rule : rules + decided_firewall(would);
}

/* True if the same rule or default decides in both cases, and decides the same. twin: the entry in WOULD_TWINS. */
static inline bool decided_same(decided d, decided would, uint32_t twin)
{
    const uint32_t rule = decided_rule(would);
    if (decided_action(d) != decided_action(would)) return false;
    if (rule == RULE_NONE) return decided_rule(d) == RULE_NONE;
    if (rule != RULE_DEFAULT) return twin == decided_rule(d) && decided_rule(d) != RULE_NONE;
    return decided_rule(d) == RULE_DEFAULT && twin == decided_firewall(d) && twin != PBC_NONE;
}
