/* The search of a classifier: depth first; the second part of a fork is searched only if it may hold a lower entry. The
 * same for native walks and the kernel. The including file first defines TARGET; struct image, image_of() and
 * TREE_AT(), a word of its tree; FORK(), a place among the waiting forks; and first_of_leaf(). */

#include "vm/judge/classify/window.h"

static TARGET uint32_t one(const struct program *p, uint32_t classifier, const struct key *key, uint32_t from)
{
    const struct image im = image_of(p, classifier);
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
            const uint32_t found = first_of_leaf(&im, word, key, from);
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
