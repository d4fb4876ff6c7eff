/* SYN cookies (RFC 4987, 3.6): the contents of a SYN, in the two numbers that its sender must send back
 *
 *     sequence number     | 29 bits of SipHash-2-4                                              | MSS: 3 bits |
 *     timestamp value     | 27 bits of a clock in milliseconds      | SACK permitted | window scale: 4 bits |
 *
 * The hash covers both addresses and ports, the VLAN ids, the client's initial sequence number, the time in steps of
 * 64 s, and all that is encoded: no client can pretend to options that the SYN did not offer. A cookie is valid in
 * its own step and the next, for 64 to 128 s. An attacker who sees no replies guesses right once in 2^28 segments,
 * or 2^27 if the segment has no data (cookie_prove). Without timestamps there is only room for the MSS; then scale
 * and SACK are not offered, so the client does without. ECN is never negotiated.
 *
 * Pure: the secret is made from the worker's seed, and a client always has the same worker. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/forward/balance/lb.h"
#include "vm/packet/key.h"
#include "vm/packet/parse/read.h"

enum {
    COOKIE_MSS_MOST = 8,
    COOKIE_SCALE_MOST = 14,
    COOKIE_STAMP_UNIT = 32 /* ms; the part of the clock that holds the options */
};
#define COOKIE_STEP_NS UINT64_C(64000000000)

struct cookie_secret {
    struct lb_hash_key key;
    uint32_t clock; /* start of prey's timestamp clock; hides the uptime */
};
void cookie_secret(struct cookie_secret *s, uint64_t seed);

/* TCP options that both sides use: offered by the client, and encoded in a cookie */
struct cookie_terms {
    uint16_t mss; /* the client's, rounded down to one of eight; at least 64 */
    bool has_scale, sack, has_stamps;
    uint8_t scale;
};
/* Return the MSS with that index, below COOKIE_MSS_MOST; return the index of the next lower MSS (second function). */
uint16_t cookie_mss(unsigned index);
unsigned cookie_mss_index(uint16_t mss);
void cookie_terms(struct cookie_terms *t, const struct tcp_syn_options *syn, bool v6);

/* Fields of the reply to a SYN. key: of the SYN; isn: its sequence number. stamp: unused if the terms have no
 * timestamps. */
struct cookie {
    uint32_t seq, stamp;
};
struct cookie cookie_make(const struct cookie_secret *s, const struct key *key, uint32_t isn,
                          const struct cookie_terms *t, uint64_t now_ns);

/* True if this segment, which has ACK, proves a cookie. The segment begins one number after the SYN, or, without
 * data, one before that, as probes of a closed window may (README.md). options: the segment's. *proof: the SYN's
 * number and options; undefined if false. */
struct cookie_proof {
    uint32_t isn;
    struct cookie_terms terms;
};
bool cookie_prove(const struct cookie_secret *s, const struct key *key, const struct tcp_header *h,
                  const struct tcp_syn_options *options, uint64_t now_ns, struct cookie_proof *proof);

/* Return prey's timestamp clock, in milliseconds: never before the timestamp of an earlier cookie. */
static inline uint32_t cookie_clock(const struct cookie_secret *s, uint64_t now_ns)
{
    return s->clock + (uint32_t)(now_ns / 1000000) + COOKIE_STAMP_UNIT;
}
