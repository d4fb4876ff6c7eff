/* Where the steering program finds its matches: those of one destination, else those of one source, by a hash of that
 * address; the others it asks for every frame. */
#pragma once

#include <stdint.h>

#include "runtime/io/steer/steer.bpf.h"

struct placed {
    struct steer_match *all; /* the first `rest` of them for every frame, then group behind group */
    struct steer_key *keys;  /* of each group; set is 0 */
    struct steer_place *at;  /* likewise */
    uint32_t count, rest, groups;
};

/* Makes the tables that the steering program looks up. There may be twice as many places as matches: where a match
 * names a source, frames that are judged without it (ICMP errors, requests) have a place of their own by destination.
 * *p is the caller's to unmake. -ENOMEM or 0. */
int places_make(struct placed *p, const struct steer_match *matches, uint32_t count);
void places_free(struct placed *p);
