/* A judgement on a parsed packet: by the code, by the rule list, rule by rule. Nothing is counted or sent. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/cfg.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/program/program.h"

struct decision {
    uint32_t rule, firewall;
    uint8_t action; /* enum action */
};

/* A rule that was tried, and the first of its conditions that failed. depth: nested chains. */
struct trace_step {
    uint32_t rule;
    bool matched;
    uint32_t failed_cond; /* index into CONDS, PBC_NONE when matched */
    unsigned depth;
    uint64_t tokens; /* where a meter failed it: packets or bytes that it has left for the packet's key; where `flows
                        over` did: flows that the source holds */
};

/* The same judgement on an already parsed packet, by one executor or the other; nothing is counted or sent. What tests
 * and explain compare. */
struct decision program_decide(const struct program *p, const struct key *key, const struct pkt *pkt);
struct decision program_decide_naive(const struct program *p, const struct key *key, const struct pkt *pkt);

/* One condition of the rule list on one packet. */
bool cond_match(const struct program *p, const struct pbc_cond *c, const struct key *key, const struct pkt *pkt);

/* Does the set hold the address of that side? Only for IP packets. */
bool set_has(const struct program *p, uint32_t set, const struct key *key, bool dst);
/* The same without look-up tables: what the rule list judges by. */
bool set_has_plain(const struct program *p, uint32_t set, const struct key *key, bool dst);

/* The branch of a service (index in BRANCHES) that takes an accepted packet, by the code; PBC_NONE. */
uint32_t program_serve(const struct program *p, const struct key *key, const struct pkt *pkt);

/* The branch of a proxy service that takes a connection, by the code: from whom to whom it goes (`key`, see stream_key)
 * and what its first bytes say. STREAM_MORE: read on, and ask again. PBC_NONE: no proxy service is there. */
#define STREAM_MORE (PBC_NONE - 1)
struct first;
uint32_t program_stream(const struct program *p, const struct key *key, const struct first *first);
/* What the branches of a service ask of the first bytes (enum first_wants); 0: nothing need be read before a server is
 * chosen. */
unsigned program_wants(const struct program *p, uint32_t service);
/* What acknowledges the instruction that a branch asks for: a pattern's value; NULL: nothing. */
const struct pbc_pattern *program_ack(const struct program *p, uint32_t branch);
/* Did the client give an instruction, and does no branch allow it? `branch`: what program_stream says. */
bool program_refuses(const struct program *p, uint32_t branch, const struct first *first);
/* The key of a connection whose client is `src`:`sport` (addresses as in struct key). `to_self`, `from_self`: addresses
 * of this machine; `schedules`: bit i, schedule i is active. */
struct key stream_key(unsigned family, const uint32_t src[4], uint16_t sport, const uint32_t dst[4], uint16_t dport,
                      bool from_self, bool to_self, uint32_t schedules);
