/* Connections that are cut into (`-> proxy inline` in `mode observe`): from the observers, who know their ends, to
 * inline ones, which have sockets. */
#include "vm/forward/inline/cut.h"
#include "vm/observe/observed.h"
#include "vm/worker/holding/holding.h"

static struct cut_ends ends_of(const struct cut_known known[2])
{
    const uint8_t both = known[0].has & known[1].has;
    struct cut_ends ends = {
        .stamps = both & HALF_HAS_STAMPS, .sack = both & HALF_HAS_SACK, .scaled = both & HALF_HAS_SCALE};
    for (unsigned at = 0; at < 2; at++)
        ends.side[at] = (struct cut_side){.next = known[at].next,
                                          .stamp = known[at].stamp,
                                          .edge = known[at].edge,
                                          .mss = known[at].mss,
                                          .scale = known[at].scale,
                                          .ttl = known[at].ttl,
                                          .tos = known[at].tos};
    return ends;
}

bool holding_cut(const struct job *j, const struct packet_ctx *c, const struct holding *g)
{
    struct observers *o = j->vm->observers;
    struct cut_known known[2];
    const uint32_t service = observers_cut_service(o, g);
    observers_cut_known(o, g, known);
    const struct cut_ends ends = ends_of(known);
    const uint32_t number = service == PBC_NONE ? CUT_NUMBERS : inline_cut_begin(j, c, service, &ends);
    return observers_cut_begun(o, g, number);
}

/* Take the next step of a cut. True: finished. */
static bool cut_take_step(const struct job *j, unsigned i)
{
    struct observers *o = j->vm->observers;
    struct cut_known known[2];
    uint32_t number;
    enum cut_step next = observers_cut_step(o, i, j->vm->now_ns, &number);
    const enum cut_state sockets = inline_cut_state(j, number);
    if (next == CUT_AWAITS_SOCKETS && sockets == CUT_OPENED) {
        observers_cut_hold(o, i);
        next = observers_cut_step(o, i, j->vm->now_ns, &number);
    }
    if (next == CUT_JOINS && sockets == CUT_OPENED) {
        observers_cut_now(o, i, known);
        const struct cut_ends ends = ends_of(known);
        inline_cut_join(j, number, &ends);
        observers_cut_over(o, i, j->vm->now_ns, CUT_JOINED);
        return true;
    }
    if (next != CUT_ENDS && sockets != CUT_FAILED) return false;
    inline_cut_drop(j, number);
    observers_cut_over(o, i, j->vm->now_ns, sockets == CUT_FAILED ? CUT_NO_SOCKETS : CUT_LATE);
    return true;
}

void holding_cuts(const struct job *j)
{
    for (unsigned i = 0; i < observers_cut_count(j->vm->observers);)
        if (!cut_take_step(j, i)) i++;
}
