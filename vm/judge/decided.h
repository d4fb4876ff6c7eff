/* The decision about a packet, in one register. */
#pragma once

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
