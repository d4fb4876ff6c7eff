/* Index of the steering program's matches: by a hash of one destination address, or of one source address; the
 * others are tried for every frame. */
#pragma once

#include <stdint.h>

#include "runtime/io/steer/steer.bpf.h"

struct placed {
    struct steer_match *all; /* the first `rest` are tried for every frame; the groups follow one after the other */
    struct steer_key *keys;  /* key of each group, with its field `set` 0 */
    struct steer_place *at;  /* place of each group in `all` */
    uint32_t count, rest, groups;
};

/* Make the tables for the steering program. There may be twice as many places as matches: a match with a source has a
 * second place, by destination, for frames judged without it (ICMP errors, requests). The caller frees *p with
 * places_free. Return 0 or -ENOMEM. */
int places_make(struct placed *p, const struct steer_match *matches, uint32_t count);
void places_free(struct placed *p);
