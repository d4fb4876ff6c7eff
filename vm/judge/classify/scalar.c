/* The walk for any processor: lane by lane, each up to its first difference. */
#include "vm/judge/classify/walk_priv.h"

#define TARGET

#define LANE_IN_TURN   true
#define LANE_BY_BRANCH false
#include "vm/judge/classify/lanes.h"

/* Return the lanes that match. Few pass the first comparison, and no more is read of the others. */
static INLINE unsigned matching_in_turn(const struct pbc_line *b, const struct pbc_format *f, unsigned lines,
                                        enum masked masked, const struct key *key, bool ranked)
{
    unsigned first = 0, lanes = 0;
    for (unsigned lane = 0; lane < 8; lane++) first |= (unsigned)begins(b, f, masked, key, lane, ranked) << lane;
    for (; first; first &= first - 1) {
        const unsigned lane = (unsigned)__builtin_ctz(first);
        lanes |= (unsigned)rest_matches(b, f, lines, masked, key, lane, ranked) << lane;
    }
    return lanes;
}

#define MATCHING     matching_in_turn
#define bounds_up_to bounds_halved
#define WINDOW       window_of

#include "vm/judge/classify/one.h"
#include "vm/judge/classify/batch.h"

const struct walk_ops walk_scalar = {.name = "scalar", .one = one, .batch = batch};
