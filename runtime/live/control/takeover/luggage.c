/* Settings and health go by name and number of the same program; counters are added to the first worker's */
#include "runtime/live/control/takeover/luggage.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/live/carry/tally.h"
#include "runtime/live/control/control_state.h"
#include "runtime/live/rules/byhand.h"
#include "runtime/live/rules/health.h"
#include "runtime/worker/sum.h"
#include "vm/keyed/keyed.h"

static void words_add(void *to, const void *from, size_t bytes)
{
    uint64_t *t = to;
    const uint64_t *f = from;
    for (size_t i = 0; i < bytes / sizeof *t; i++) t[i] += f[i];
}

/* Counters of another layout, as another version may have, begin anew: they are no reason to refuse. */
static void counters_walk(struct control *control, struct tally *t, struct archive *a)
{
    uint32_t sizes[4] = {sizeof t->c, sizeof t->e, sizeof t->io[0], sizeof(struct vm_counters)}, have[4];
    memcpy(have, sizes, sizeof have);
    ARCHIVE(a, have);
    if (!archive_sound(a, !memcmp(have, sizes, sizeof have))) return;
    ARCHIVE(a, t->c);
    ARCHIVE(a, t->e);
    ARCHIVE(a, t->io);
    ARCHIVE(a, t->seen);
    sum_archive(t->sum, a);
    if (!a->reads || a->bad) return;
    struct worker *w = control->carry->workers[0];
    words_add(&w->counters, &t->c, sizeof t->c);
    words_add(&w->egress.counters, &t->e, sizeof t->e);
    for (unsigned i = 0; i < control->o->iface_count; i++) {
        io_stats_add(&w->ports[i].before, &t->io[i]);
        words_add(&w->ports[i].seen, &t->seen[i], sizeof t->seen[i]);
    }
    vm_count(w->vm, sum_counters(t->sum));
}

bool luggage_archive(struct control *control, struct archive *a)
{
    by_hand_archive(control->rules, a);
    drained_archive(control->rules, a);
    health_archive(control->rules, a);
    struct tally *t = tally_take(control->carry, false);
    if (!t) a->bad = true;
    if (t && !a->bad) counters_walk(control, t, a);
    tally_free(t);
    return !a->bad;
}
