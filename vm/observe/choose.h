/* Choice of the observe service that watches a connection, and of its branch. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/program/program.h"

struct first;
struct key;

/* Return the observe service whose endpoint takes this TCP packet of a client; PBC_NONE: none. */
uint32_t observe_of(const struct program *p, const struct key *key);

/* Return the service that watches a connection which begins with this packet; PBC_NONE: none. *client: the key of a
 * packet of its client. *by_server: this packet is the server's: a SYN-ACK; or a packet in mid-stream, if only the
 * other direction is observed or it comes from the lower port. */
uint32_t observe_begins(const struct program *p, const struct key *key, struct key *client, bool *by_server);

/* Return the branch (index in CHOICES) of a connection: by its client's key (stream_key will do) and the first bytes of
 * client and server. OBSERVE_MORE: read on, and ask again. */
#define OBSERVE_MORE (PBC_NONE - 1)
uint32_t observe_choose(const struct program *p, uint32_t observe, const struct key *key,
                        const struct first *const half[2]);

/* True if a branch that holds (pbc_does_hold) may still be chosen, and the choice depends on client bytes that have
 * not come. */
bool observe_hangs(const struct program *p, uint32_t observe, const struct key *key, const struct first *const half[2]);
