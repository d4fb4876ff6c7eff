/* Tracked flows as bytes (track.h, track_archive). Flows by source are counted anew. */
#include "vm/flow/table/lookup.h"
#include "vm/flow/track/track_priv.h"
#include "vm/keyed/archive.h"

static bool read_flows(struct track *t, track_read_fn *each, void *arg)
{
    uint32_t at = 0;
    for (int32_t slot; (slot = flow_next(t->table, &at)) != FLOW_NONE;) {
        const struct flow *f = table_slot(t->table, slot);
        struct flow_id id;
        flow_id_of(t->table, slot, &id);
        if (f->flags & FLOW_COUNTED && !(t->sources && openers_count(t, f, &id))) return false;
        if (!each(arg, slot, f, &id, f->flags & FLOW_BOUND ? table_bind(t->table, slot) : NULL)) return false;
    }
    return true;
}

uint32_t track_slots(const struct track *t) { return t->table->groups * GROUP; }

/* The first byte. Before recordings of version 13 there is no table of inquiries. */
enum { BEGUN = 1 << 0, INQUIRES = 1 << 1 };

static bool inquires(const struct track *t)
{
    bool any = false;
    for (unsigned i = 0; i < INQUIRY_SETS * INQUIRY_WAYS; i++) any |= t->inquiries.at[i].until_ns > t->now_ns;
    return any;
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
    if (!flow_table_archive(t->table, a) || !a->reads) return !a->bad;
    if (counts && !t->sources) openers_again(t, &grains);
    return archive_sound(a, (t->sources || !counts) && read_flows(t, each, arg));
}
