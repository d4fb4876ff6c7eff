/* Sums of packets by source, destination and rule, for `preyctl talkers`: each packet represents several.
 *
 * A table of each kind has 1,024 rows. If it is full, a new key takes over the row of the key with the least count,
 * and its place in the order ("Space-Saving": Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and
 * top-k elements in data streams", 2005): a key with more than a 1,024th of all packets has a row. A row's report
 * covers the packets since then. */
#pragma once

#include "runtime/ctl/server.h"
#include "runtime/worker/drops.h"

enum talk_of { TALK_SOURCES, TALK_DESTINATIONS, TALK_RULES, TALKS };
enum { TALK_ROWS = 1024, TALK_NAME = 48 };

struct talk;
struct talk *talk_new(uint64_t seed); /* NULL: out of memory */
void talk_free(struct talk *t);       /* NULL is fine */

/* Add a packet that represents `stands` packets. rule: name of the decider. */
void talk_add(struct talk *t, const struct packet_ends *ends, const char *rule, uint32_t bytes, uint32_t stands);

struct talk_asked {
    uint64_t ns; /* time for which packets were summed up */
    unsigned limit;
    bool by_bytes;
};
/* Answer with a document of the totals, then with at most `limit` rows of each kind: those with the most packets (or
 * bytes) first. False: no room. */
bool talk_answer(const struct talk *t, const struct talk_asked *asked, struct call *c);
