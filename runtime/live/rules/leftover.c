/* Flows' use of earlier programs. Workers stop for a moment, one after the other, so that their counters can be
 * read. */
#include "runtime/live/rules/leftover.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/live/carry/tally.h"

static uint8_t *unused(const struct rules *rules, unsigned *found)
{
    const struct program *p = rules->carry->now.program;
    uint8_t *gone = calloc(remap_gone_count(p) + 1u, 1);
    struct tally *t = gone ? tally_take(rules->carry, true) : NULL;
    if (t)
        *found = vm_gone(p, tally_counters(t), gone);
    else
        free(gone);
    tally_free(t);
    return t ? gone : NULL;
}

uint8_t *leftover_gone(const struct rules *rules)
{
    unsigned found = 0;
    uint8_t *gone = rules->carry->now.program->past ? unused(rules, &found) : NULL;
    if (found) return gone;
    free(gone);
    return NULL;
}

/* True if any index from `first` on is still used. */
static bool any(const uint8_t *gone, uint32_t first, uint32_t count)
{
    return first < count && memchr(gone + first, 0, count - first);
}

struct lingering_used leftover_used(const struct rules *rules)
{
    const struct program *p = rules->carry->now.program;
    const struct program_past *past = p->past;
    unsigned found = 0;
    uint8_t *gone = past ? unused(rules, &found) : NULL;
    if (!gone) return (struct lingering_used){past, past};
    const uint8_t *servers = gone + p->services_count, *nats = servers + p->servers_count;
    const struct lingering_used used = {.services = any(gone, past->services, p->services_count) ||
                                                    any(servers, past->servers, p->servers_count),
                                        .nats = any(nats, p->nats_count, program_all_nats(p))};
    free(gone);
    return used;
}
