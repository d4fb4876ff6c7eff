/* Tunnel packets that a program's `decap` rules open. The host's own stack must not see them, because it gets the
 * judged inner packets instead. */
#pragma once

#include <string.h>

#include "runtime/host/guard/guard.h"
#include "vm/packet/key.h"
#include "vm/program/program.h"

static inline struct guard_addresses guard_range(const struct address_range *r)
{
    struct guard_addresses a = {.lo.family = r->family, .hi.family = r->family};
    memcpy(a.lo.word, r->lo, sizeof a.lo.word);
    memcpy(a.hi.word, r->hi, sizeof a.hi.word);
    return a;
}

/* Return all addresses of a family. */
static inline struct guard_addresses guard_all_of(unsigned family)
{
    if (family == 4) return (struct guard_addresses){{{0}, 4}, {{UINT32_MAX}, 4}};
    return (struct guard_addresses){{{0}, 6}, {{UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}, 6}};
}

struct opened {
    struct guard_match *matches;
    unsigned count, cap;
};

/* Collect the protocol, port, sender and address of each such rule. A rule's other conditions are ignored, so some
 * hidden packets are not opened by any rule. False: out of memory. */
bool opened_init(struct opened *o, const struct program *p);
void opened_fini(struct opened *o);

/* True if these matches hide a packet with that key. A packet accepted unopened must then be given back to the host. */
bool opened_hides(const struct opened *o, const struct key *key);
