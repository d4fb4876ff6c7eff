/* Judgement of a parsed packet by the code, or by the rule list, rule by rule; and of a connection by its first
 * bytes. Nothing is counted or sent. */
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

/* A rule that was tried, with the first of its conditions that failed. depth: number of chains around the rule. */
struct trace_step {
    uint32_t rule;
    bool matched;
    uint32_t failed_cond; /* index into CONDS; PBC_NONE if matched */
    unsigned depth;
    uint64_t tokens; /* failed meter: packets or bytes left for the packet's key; failed `flows over`: flows that the
                        source holds */
};

/* Judge a parsed packet by the code, or by the rule list (_naive). Nothing is counted or sent. For comparisons by
 * tests. */
struct decision program_decide(const struct program *p, const struct key *key, const struct pkt *pkt);
struct decision program_decide_naive(const struct program *p, const struct key *key, const struct pkt *pkt);

/* True if the packet matches one condition of the rule list. */
bool cond_match(const struct program *p, const struct pbc_cond *c, const struct key *key, const struct pkt *pkt);

/* Return the number in the packet that conditions of this kind compare; cond_has shows whether the packet has it. */
static inline uint32_t cond_number(const struct cond_info *k, const struct key *key, const struct pkt *pkt)
{
    if (half_in_key(k->half)) return key->half[k->half];
    if (k->half != HALF_NONE) return k->half == HALF_WAY ? pkt_way(pkt, key) : pkt_source_failed(pkt);
    return ip_bits_get(pkt->data + pkt->l3, k->ip[key->kind & KIND_IP6 ? 1 : 0]);
}

#define ENTRY_NONE UINT32_MAX

/* Return the first entry, not below `from`, that holds for the key, relative to the classifier's first; else
 * ENTRY_NONE. */
uint32_t classify_one(const struct program *p, uint32_t classifier, const struct key *key, uint32_t from);

/* True if the set holds the address of that side. False for packets other than IP. */
bool set_has(const struct program *p, uint32_t set, const struct key *key, bool dst);
/* The same without look-up tables: for the rule list. */
bool set_has_plain(const struct program *p, uint32_t set, const struct key *key, bool dst);

/* Return the service's branch (index in BRANCHES) that takes an accepted packet, by the code; PBC_NONE: none. */
uint32_t program_serve(const struct program *p, const struct key *key, const struct pkt *pkt);

/* Return the branch of a proxy service that takes a connection, by the code: by its ends (`key`, see stream_key) and
 * its first bytes. STREAM_MORE: read more bytes, and call again. PBC_NONE: there is no proxy service. */
#define STREAM_MORE (PBC_NONE - 1)
struct first;
uint32_t program_stream(const struct program *p, const struct key *key, const struct first *first);
/* Return the first bytes that the branches of a service need (enum first_wants); 0: a server is chosen before anything
 * is read. */
unsigned program_wants(const struct program *p, uint32_t service);
/* Return the acknowledgement of the instruction that a branch asks for, a pattern's value; NULL: none. */
const struct pbc_pattern *program_ack(const struct program *p, uint32_t branch);
/* True if the client gave an instruction that no branch allows. `branch`: result of program_stream. */
bool program_refuses(const struct program *p, uint32_t branch, const struct first *first);
/* Return the key of a connection whose client is `src`:`sport` (addresses as in struct key). `to_self`, `from_self`:
 * `dst`, or `src`, is an address of this machine; `schedules`: bit i is set if schedule i is active. */
struct key stream_key(unsigned family, const uint32_t src[4], uint16_t sport, const uint32_t dst[4], uint16_t dport,
                      bool from_self, bool to_self, uint32_t schedules);

/* Conditions on a connection's first bytes, tested on the bytes so far. */

/* Result by the bytes so far. STREAM_NO and STREAM_YES are final. */
enum stream_says { STREAM_NO, STREAM_YES, STREAM_LATER };

/* True if this condition of a proxy service's branch tests the bytes, not the key. */
static inline bool stream_asks(const struct pbc_cond *c)
{
    return cond_info[c->kind].traits & COND_STREAM || c->kind == COND_BYTES;
}

/* Return the number of a branch's conditions that test the key: they are first. */
static inline uint32_t stream_keyed(const struct pbc_cond *conds, uint32_t count)
{
    uint32_t n = 0;
    while (n < count && !stream_asks(&conds[n])) n++;
    return n;
}

/* Test a condition for which stream_asks is true. Lists are searched, or, for the oracle (`plain`), compared entry
 * by entry. */
enum stream_says stream_cond(const struct program *p, const struct pbc_cond *c, const struct first *first, bool plain);

/* Return the fault of a path that no compared path can equal (text_compare, without a `*`); NULL: none. */
const char *stream_path_fault(const char *path, size_t len);

/* State of a run of code over one connection. */
struct stream_run {
    const struct first *first;
    bool waits; /* the result of a condition of the current branch is not known yet */
};
/* JNFIRST: true if the condition is known not to hold. */
bool stream_fails(struct stream_run *run, const struct program *p, uint32_t cond);

/* Targets of `count` and `log`. Executors take NULL for no effects (explain, comparisons). */
struct effects {
    struct counter *rules;       /* counters of the rules: [program->rules_count] */
    struct would_counter *would; /* counters for a run of program->would, in place of `rules`; else NULL */
    struct vm_tx *tx;
    uint32_t input; /* index of the batch's first packet in vm_run's pkts */
    struct meters *meters;
    uint64_t packet;                /* number of the batch's first packet among all packets of the worker */
    const struct track *track;      /* NULL: the program keeps no flows */
    const struct track_seen *seen;  /* findings about the batch's packets */
    const struct vm_copies *copies; /* NULL: no copies are made */
    uint64_t *mirrored;             /* mirrors that matched, for the batch's packets; NULL: the program has none */
    struct adds_due *due;           /* members that rules add (lives.h); NULL: none are added */
    struct stream_run *stream;      /* for function meta.streams, which uses no other field */
};
