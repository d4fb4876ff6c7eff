/* The search of a classifier: depth first; the second part of a fork is searched only if it may hold a lower entry. The
 * same for native walks and the kernel. The including file first defines TARGET; struct image and TREE_AT(), a word of
 * its tree; FORK(), a place among the waiting forks; and first_of_leaf(). `ranked` is a constant: the key holds ranks
 * in place of addresses. */

#include "vm/judge/classify/cut_window.h"

static TARGET INLINE uint32_t search(const struct image im, const struct key *key, uint32_t from, bool ranked)
{
    uint64_t forks[FORKS], word = TREE_AT(&im, 0);
    uint32_t waiting = LOOSE(0u), best = ENTRY_NONE;
    while (LOOP(true)) {
        if (TREE_KIND(word) == TREE_CUT) {
            word = TREE_AT(&im, TREE_BASE(word) + window(key, word));
            continue;
        }
        if (TREE_KIND(word) == TREE_FORK) {
            forks[FORK(waiting)] = word;
            waiting = LOOSE(waiting + 1);
            word = TREE_AT(&im, TREE_BASE(word));
            continue;
        }
        if (TREE_KIND(word) == TREE_LEAF) {
            const uint32_t found = first_of_leaf(&im, word, key, from, ranked);
            if (found < best) best = LOOSE(found);
        }
        do {
            if (waiting == 0) return best;
            waiting = LOOSE(waiting - 1);
            word = forks[FORK(waiting)];
        } while (LOOP(TREE_LEAST(word) >= best));
        word = TREE_AT(&im, TREE_BASE(word) + 1);
    }
    return best;
}
