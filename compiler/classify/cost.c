/* The crossing of straight code and classifiers. Measured with both over the same lists of 4 to 10,000 rules
 * (addresses and ports; ports only; addresses only), batches of 64, hits and misses evenly, without the packet's
 * parsing:
 *
 *   straight code   5 ns at 8 to 16 rules, 10 at 32 to 48, 15 at 64 to 100, 25 at 200, 45 to 60 at 1,000, 500 to 1,900
 *                   at 10,000: each halving is a branch predicted half the time; each test of the last rules, ten at
 *                   most, nearly always fails
 *   a classifier    11 to 14 ns from 4 to 1,000 rules, 15 to 20 at 10,000; and the same for each further search behind
 *                   an entry whose code went on
 *
 * They cross at about 64 rules if questions divide the list, else at sixteen. */
#include "compiler/classify/cost.h"

static const double search_ns = 13, again_ns = 14;
enum {
    CLASSIFY_MIN = 12,
    STRAIGHT_MAX = 1000, /* rules; longer lists become blocks, whose worst packet is bounded only by their number */
};

bool worth_classifying(const struct list_cost *c)
{
    if (c->rules > STRAIGHT_MAX) return true;
    return c->rules >= CLASSIFY_MIN && c->straight_ns > search_ns + again_ns * c->asked_all;
}

double classifier_ns(double words, double blocks) { return 6 + 1.5 * words + 3.5 * blocks; }
