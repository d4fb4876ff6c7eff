/* Causes of a way that cannot be known before this machine's stack has routed. */
#pragma once

#include <stdint.h>

enum way_why {
#define WHY(ident, name, doc, next) WAY_##ident,
#include "vm/judge/why.def"
    WAY_WHYS
};

/* Words about a cause (why.def) */
struct way_words {
    const char *name, *doc, *next;
};
const struct way_words *way_why_words(enum way_why why);

/* Return the counter of packets whose way was unknown for that cause, which is not WAY_KNOWN, or the counter's value
 * (second function). */
struct nat_counters;
uint64_t *way_why_counter(struct nat_counters *c, enum way_why why);
uint64_t way_why_packets(const struct nat_counters *c, enum way_why why);

struct facts;
struct key;
struct pkt;
/* Return the reason for which a forwarded packet may leave by another way than way_find's, if this machine's stack
 * forwards it and facts.any_leg leaves that open: WAY_SEVERAL or WAY_MARK. WAY_KNOWN: no reason. */
enum way_why way_doubt(const struct facts *f, const struct key *key, const struct pkt *pkt, const uint32_t to[4]);
