/* Numbers of flows by opener, see track_priv.h */
#include "vm/flow/sources.h"
#include "vm/flow/table/lookup.h"
#include "vm/flow/track/track_priv.h"

static void grain_begin(struct track *t, const struct grains *grains, uint64_t flows, uint64_t seed)
{
    t->sources = sources_new(grain_keys(flows, grains->count), seed);
    t->grains = *grains;
}

void openers_begin(struct track *t, const struct program *p, uint64_t flows, uint64_t seed)
{
    const struct grains grains = grains_of(p->grains, p->grains_count);
    grain_begin(t, &grains, flows, seed);
}

void openers_again(struct track *t, const struct grains *grains)
{
    grain_begin(t, grains, t->table->groups * (uint64_t)GROUP * 2 / 3, 0);
}

static void networks_drop(struct track *t, const uint32_t opener[4], bool v6, uint32_t grains)
{
    for (uint32_t i = 0; i < grains; i++) {
        const unsigned len = grain_len(&t->grains.of[i], v6);
        uint32_t network[4];
        if (grain_again(&t->grains, i, v6)) continue;
        grain_cut(opener, len, network);
        source_drop(t->sources, network, grain_of(len, v6));
    }
}

bool openers_add(struct track *t, const uint32_t opener[4], bool v6)
{
    for (uint32_t i = 0; i < t->grains.count; i++) {
        const unsigned len = grain_len(&t->grains.of[i], v6);
        uint32_t network[4];
        if (grain_again(&t->grains, i, v6)) continue;
        grain_cut(opener, len, network);
        if (source_add(t->sources, network, grain_of(len, v6))) continue;
        networks_drop(t, opener, v6, i);
        return false;
    }
    return true;
}

static const uint32_t *opener(const struct flow *f, const struct flow_id *id)
{
    return f->flags & FLOW_OPENED_BY_HIGH ? id->high : id->low;
}

bool openers_count(struct track *t, const struct flow *f, const struct flow_id *id)
{
    return openers_add(t, opener(f, id), id->kind & FLOW_ID_IP6);
}

void openers_drop(struct track *t, const struct flow *f, const struct flow_id *id)
{
    networks_drop(t, opener(f, id), id->kind & FLOW_ID_IP6, t->grains.count);
}

uint32_t openers_flows(const struct track *t, const struct pbc_grain *grain, const uint32_t opener[4], bool v6)
{
    const unsigned len = grain_len(grain, v6);
    uint32_t network[4];
    grain_cut(opener, len, network);
    return source_flows(t->sources, network, grain_of(len, v6));
}

bool grains_sound(const struct grains *g)
{
    bool sound = g->count <= PBC_GRAINS_MAX;
    for (uint32_t i = 0; sound && i < g->count; i++)
        sound = g->of[i].len4 <= 32 && g->of[i].len6 <= 128 && !g->of[i].reserved;
    return sound;
}

/* Count the flows that were counted before, and no others, by the current grains. */
static void count_all(struct track *t)
{
    uint32_t at = 0;
    for (int32_t slot; (slot = flow_next(t->table, &at)) != FLOW_NONE;) {
        struct flow *f = table_slot(t->table, slot);
        struct flow_id id;
        if (!(f->flags & FLOW_COUNTED)) continue;
        flow_id_of(t->table, slot, &id);
        if (!openers_count(t, f, &id)) f->flags &= (uint8_t)~FLOW_COUNTED;
    }
}

void track_count_sources(struct track *t, struct track *other)
{
    if (!other || !other->sources || (t->sources && grains_hold(&t->grains, &other->grains))) return;
    struct sources *before = t->sources;
    t->sources = other->sources;
    t->grains = other->grains;
    other->sources = before;
    if (before) count_all(t);
}
