/* See known.h. */
#include "runtime/worker/owned/known.h"

#include <string.h>

void known_by(struct known_owners *k, const struct owners *o, uint64_t world)
{
    if (k->owners == o && k->world == world) return;
    k->owners = o;
    k->world = world;
    memset(k->sets, 0, sizeof k->sets);
}
