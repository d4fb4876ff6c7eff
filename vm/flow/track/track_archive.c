/* Tracked flows as bytes (track.h, track_archive). Flows by source are counted again. */
#include <stdlib.h>

#include "vm/flow/sources.h"
#include "vm/flow/table/advance.h"
#include "vm/flow/table/lookup.h"
#include "vm/flow/track/track_priv.h"
#include "vm/keyed/archive.h"

/* Count flows that were read into a shared table, as the other users of that table would have done. */
static void count_there(const struct track *t)
{
    const struct flow_ops *ops = t->table->ops;
    uint32_t at = 0;
    for (int32_t slot; (slot = flow_next(t->table, &at)) != FLOW_NONE;) {
        struct flow *f = table_slot(t->table, slot);
        struct flow_id id;
        flow_id_of(t->table, slot, &id);
        const uint32_t *opener = f->flags & FLOW_OPENED_BY_HIGH ? id.high : id.low;
        if (f->flags & FLOW_COUNTED && !ops->count(ops->arg, opener, id.kind & FLOW_ID_IP6))
            f->flags &= (uint8_t)~FLOW_COUNTED;
    }
}

/* Report all flows that were read to `each`. counts: count them by source, too. False: a flow is invalid, or cannot
 * be counted. */
static bool read_flows(struct track *t, bool counts, track_read_fn *each, void *arg)
{
    uint32_t at = 0;
    for (int32_t slot; (slot = flow_next(t->table, &at)) != FLOW_NONE;) {
        const struct flow *f = table_slot(t->table, slot);
        struct flow_id id;
        flow_id_of(t->table, slot, &id);
        const bool counted = counts && f->flags & FLOW_COUNTED && !t->table->ops; /* otherwise the kernel counts them */
        if (counted && !(t->sources && openers_count(t, f, &id))) return false;
        if (!each(arg, slot, f, &id, f->flags & FLOW_BOUND ? table_bind(t->table, slot) : NULL)) return false;
    }
    return true;
}

uint32_t track_slots(const struct track *t) { return t->table->groups * GROUP; }

/* Bits of the first byte. Recordings before version 13 have no table of inquiries. */
enum { BEGUN = 1 << 0, INQUIRES = 1 << 1 };

static bool inquires(const struct track *t)
{
    bool any = false;
    for (unsigned i = 0; i < INQUIRY_SETS * INQUIRY_WAYS; i++) any |= t->inquiries.at[i].until_ns > t->now_ns;
    return any;
}

/* ---- flows in advance ---- */

bool track_advance_begin(struct track *t) { return flow_advance_begin(t->table); }
void track_advance_end(struct track *t) { flow_advance_end(t->table); }
uint32_t track_advance_left(const struct track *t) { return flow_advance_left(t->table); }

bool track_advance_write(struct track *t, struct archive *a, uint32_t *hand, unsigned slots)
{
    flow_advance_write(t->table, a, hand, slots);
    return *hand < flow_groups(t->table);
}

/* Add a flow that has come to its source's count, or subtract one that is about to go. If there is no room between
 * two parts, all flows are counted again at the end. */
static bool moved(void *arg, int32_t slot, bool comes)
{
    struct track *t = arg;
    const struct flow *f = table_slot(t->table, slot);
    struct flow_id id;
    if (f->flags & FLOW_BOUND) t->advance.bound += comes ? 1u : -1u;
    if (f->joined && !(f->flags & FLOW_BOUND)) return false;
    if (!(f->flags & FLOW_COUNTED) || t->advance.recounts) return true;
    flow_id_of(t->table, slot, &id);
    if (!comes)
        openers_drop(t, f, &id);
    else if (!t->sources || !openers_count(t, f, &id))
        t->advance.recounts = true;
    return true;
}

bool track_advance_read(struct track *t, struct archive *a) { return flow_advance_read(t->table, a, moved, t); }
void track_advance_check(struct track *t) { flow_advance_check(t->table); }

/* Write the flows that are left, or read them and check that all agree. */
static bool archive_left(struct track *t, struct archive *a)
{
    uint32_t hand = 0;
    if (a->reads) return flow_advance_read(t->table, a, moved, t) && archive_sound(a, flow_advance_agrees(t->table));
    flow_advance_write(t->table, a, &hand, UINT32_MAX);
    a->bad |= hand < flow_groups(t->table);
    return !a->bad;
}

static bool grains_same(const struct grains *a, const struct grains *b)
{
    return a->count == b->count && !memcmp(a->of, b->of, a->count * sizeof *a->of);
}

/* Take the resources of bound flows, and count flows by source by those grains, unless that has been done. */
static bool settle_flows(struct track *t, const struct grains *grains, bool counts, track_read_fn *each, void *arg)
{
    /* An earlier program may have counted flows although this one does not, or by other networks. */
    const bool again = t->advance.recounts || (counts && (!t->sources || !grains_same(grains, &t->grains)));
    if (again && !counts) return false;
    if (again) {
        sources_free(t->sources);
        openers_again(t, grains);
        if (!t->sources) return false;
    }
    if (!again && !t->advance.bound) return true;
    return read_flows(t, again, each, arg);
}

bool track_archive(struct track *t, struct archive *a, track_read_fn *each, void *arg)
{
    uint8_t begun = (t->begun ? BEGUN : 0) | (inquires(t) ? INQUIRES : 0), counts = t->sources != NULL;
    struct grains grains = t->grains;
    ARCHIVE(a, begun);
    ARCHIVE(a, counts);
    ARCHIVE(a, grains);
    archive_sound(a, grains_sound(&grains));
    ARCHIVE(a, t->now_ns);
    ARCHIVE(a, t->pickup_until_ns);
    ARCHIVE(a, t->sweep_ns);
    ARCHIVE(a, t->sweep_left);
    ARCHIVE(a, t->age);
    archive_sound(a, !(t->age & ~BIND_AGE));
    t->begun = begun & BEGUN;
    if (begun & INQUIRES) ARCHIVE(a, t->inquiries);
    stacks_archive(t->stacks, a);
    if (!(a->beside ? flow_table_archive_binds : flow_table_archive)(t->table, a)) return false;
    if ((a->rest && !archive_left(t, a)) || !a->reads) return !a->bad;
    if (a->rest) return archive_sound(a, settle_flows(t, &grains, counts, each, arg));
    if (counts && !t->sources) openers_again(t, &grains);
    if (a->moves && t->table->ops) count_there(t);
    return archive_sound(a, (t->sources || !counts) && read_flows(t, true, each, arg));
}

void track_loosen(struct track *t)
{
    uint32_t at = 0;
    for (int32_t slot; (slot = flow_next(t->table, &at)) != FLOW_NONE;) {
        struct flow *f = flow_at(t->table, slot);
        if (f->state == FLOW_STATE_OPEN || f->state == FLOW_STATE_HALF_CLOSED) tcp_loosen(&f->tcp);
    }
}
