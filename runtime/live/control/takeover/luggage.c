/* Settings and health go by name and number in the same program; counters are added to the first worker's */
#include "runtime/live/control/takeover/luggage.h"

#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/live/carry/copies/copied.h"
#include "runtime/live/carry/kernel/in_kernel_pass.h"
#include "runtime/live/carry/observed.h"
#include "runtime/live/carry/proxy/taken.h"
#include "runtime/live/carry/tally.h"
#include "runtime/live/control/control_state.h"
#include "runtime/live/control/programs/confirm.h"
#include "runtime/live/rules/byhand.h"
#include "runtime/live/rules/health.h"
#include "runtime/live/rules/members/members.h"
#include "runtime/worker/sum.h"
#include "vm/keyed/keyed.h"

/* Write or read counters. Those of another layout, from another version, begin at 0, and are no reason to refuse. */
static void counters_walk(struct control *control, struct tally *t, struct archive *a)
{
    uint32_t sizes[5] = {sizeof t->own, sizeof t->e, sizeof t->io[0], sizeof(struct vm_counters),
                         sizeof(struct observe_counters)},
             have[5];
    uint8_t *const head = a->at;
    uint64_t bytes = 0; /* length of the part after the sizes */
    memcpy(have, sizes, sizeof have);
    ARCHIVE(a, bytes);
    ARCHIVE(a, have);
    if (memcmp(have, sizes, sizeof have) != 0) {
        if (!archive_sound(a, bytes <= a->left)) return;
        a->at += bytes;
        a->left -= bytes;
        return;
    }
    const uint8_t *const from = a->at;
    ARCHIVE(a, t->own);
    ARCHIVE(a, t->e);
    ARCHIVE(a, t->io);
    ARCHIVE(a, t->seen_own);
    sum_archive(t->sum, a);
    bytes = (uint64_t)(a->at - from);
    if (!a->reads && !a->bad) memcpy(head, &bytes, sizeof bytes);
    if (a->reads && !a->bad) tally_go_on(t, control->carry);
}

bool luggage_archive(struct control *control, struct archive *a, bool waits)
{
    by_hand_archive(control->rules, a);
    drained_archive(control->rules, a);
    health_archive(control->rules, a);
    confirm_archive(control, a);
    /* The written tally has everything that the kernel has counted; this one has what it counts from then on. */
    struct tally *t = a->reads ? NULL : tally_take(control->carry, false);
    in_kernel_archive(control->carry, a);
    if (a->reads && !a->bad) t = tally_take(control->carry, false);
    if (!t) a->bad = true;
    if (t && !a->bad) counters_walk(control, t, a);
    tally_free(t);
    if (!a->bad) taken_archive(control->carry, a, waits);
    if (!a->bad) observed_archive(control->carry, a, waits);
    if (!a->bad) copied_archive(control->carry, a, waits);
    if (!a->bad && waits) members_archive(control->rules, a);
    return !a->bad;
}
