/* A judgement on a parsed packet: by the code, by the rule list, rule by rule; and on a connection, by its first bytes.
 * Nothing is counted or sent. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/cfg.h"
#include "vm/judge/decided.h"
#include "vm/judge/mac.h"
#include "vm/judge/ways.h"
#include "vm/packet/ip_bits.h"
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

/* The packet's number that conditions of the kind compare; what it has of it, cond_has knows. */
static inline uint32_t cond_number(const struct cond_info *k, const struct key *key, const struct pkt *pkt)
{
    if (half_in_key(k->half)) return key->half[k->half];
    if (k->half != HALF_NONE) return k->half == HALF_WAY ? pkt_way(pkt, key) : pkt_source_failed(pkt);
    return ip_bits_get(pkt->data + pkt->l3, k->ip[key->kind & KIND_IP6 ? 1 : 0]);
}

#define ENTRY_NONE UINT32_MAX

/* The first entry at or behind `from` that holds for the key, relative to the classifier's first; ENTRY_NONE. */
uint32_t classify_one(const struct program *p, uint32_t classifier, const struct key *key, uint32_t from);

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

/* Conditions that only a connection's first bytes can meet: what the bytes so far say of one. */

/* What is said so far. Once it is no or yes it stays so, whatever comes. */
enum stream_says { STREAM_NO, STREAM_YES, STREAM_LATER };

/* Does this condition of a proxy service's branch ask the bytes? Else it asks the key. */
static inline bool stream_asks(const struct pbc_cond *c)
{
    return cond_info[c->kind].traits & COND_STREAM || c->kind == COND_BYTES;
}

/* How many of a proxy service's branch ask the key: they stand first. */
static inline uint32_t stream_keyed(const struct pbc_cond *conds, uint32_t count)
{
    uint32_t n = 0;
    while (n < count && !stream_asks(&conds[n])) n++;
    return n;
}

/* One such condition. Lists are searched, or, for the oracle (`plain`), looked at entry by entry. */
enum stream_says stream_cond(const struct program *p, const struct pbc_cond *c, const struct first *first, bool plain);

/* Why no path that is compared looks like this (text_compare, without a `*`); NULL: one may. */
const char *stream_path_fault(const char *path, size_t len);

/* A run of code over one connection. */
struct stream_run {
    const struct first *first;
    bool waits; /* a condition of the branch at hand is not known yet */
};
/* JNFIRST: is the condition known not to hold? */
bool stream_fails(struct stream_run *run, const struct program *p, uint32_t cond);

/* Where `count` and `log` go. Executors take NULL for "nowhere" (explain, comparisons). */
struct effects {
    struct counter *rules; /* [program->rules_count] */
    struct vm_tx *tx;
    uint32_t input; /* index in vm_run's pkts of the first packet of the batch */
    struct meters *meters;
    uint64_t packet;               /* number of the batch's first, among all that the worker judges */
    const struct track *track;     /* NULL: the program keeps no flows */
    const struct track_seen *seen; /* of the batch's packets */
    struct stream_run *stream;     /* of function meta.streams, which has nothing else of this */
};
