/* Ordinary packets of bound flows, for directions with a recipe that covers all that happens to them */
#include "vm/flow/table/shared.h"
#include "vm/flow/track/loan.h"
#include "vm/flow/track/straight.h"

/* Return the slot of the packet's tuple if no further look-up is needed; else FLOW_NONE. The prefetched slot is
 * nearly always right, but another tuple with the same tag may be before it. */
static int32_t own_slot(const struct track *t, const struct track_seen *s)
{
    if (s->slot == FLOW_NONE || t->table->ops || s->at & (AT_SAME | AT_GROUP | AT_STACKED)) return FLOW_NONE;
    if (__builtin_expect(table_is_of(t->table, s->slot, &s->id), 1)) return s->slot;
    return flow_peek(t->table, &s->id, s->hash, t->now_ns);
}

const struct recipe *track_ordinary(const struct track *t, const struct key *key, const struct pkt *pkt,
                                    struct track_seen *s, uint32_t generation)
{
    struct ordinary o;
    const int32_t slot = own_slot(t, s);
    if (slot == FLOW_NONE) return NULL;
    struct flow *at = table_slot(t->table, slot);
    s->slot = slot;
    if (!at->taken || !ordinary_find(t, at, s->how == HOW_TCP, s->at, t->program->would, generation, &o)) return NULL;
    s->tuple = slot;
    if (o.twin) s->slot = at->flow;
    s->dir = o.twin ? FLOW_REPLY : FLOW_ORIGINAL;
    s->twin = o.twin;
    s->recipe = o.kind;
    s->next.reopen = s->next.by_other = false;
    s->class = o.twin ? SEEN_REPLY : SEEN_ORIGINAL;
    s->mark = o.mark;
    if (s->how != HOW_TCP) return o.recipe;
    struct tcp_segment segment;
    ordinary_segment(pkt->data + pkt->l4, key, pkt, &segment);
    return in_window(&o.flow->tcp, (enum flow_dir)s->dir, &segment) ? o.recipe : NULL;
}

bool track_take_segment(struct flow *f, const struct key *key, const struct pkt *pkt, enum flow_dir dir)
{
    struct tcp_segment segment;
    ordinary_segment(pkt->data + pkt->l4, key, pkt, &segment);
    if (!in_window(&f->tcp, dir, &segment)) return false;
    window_take(&f->tcp, dir, &segment);
    f->tcp.ignored = 0;
    return true;
}

void track_keep_ordinary(struct track *t, const struct key *key, const struct pkt *pkt, const struct track_seen *s)
{
    struct flow *f = table_slot(t->table, s->slot);
    f->seen_ns = t->now_ns;
    table_touch(t->table, s->slot);
    if (s->how != HOW_TCP) return;
    struct tcp_segment segment;
    ordinary_segment(pkt->data + pkt->l4, key, pkt, &segment);
    tcp_take(&f->tcp, (enum flow_dir)s->dir, &segment);
}

void track_keep_recipe(struct track *t, const struct track_seen *s, uint8_t kind, const struct recipe *made)
{
    const struct flow *f = table_slot(t->table, s->slot);
    int32_t slot = s->slot;
    if (f->joined || s->how == HOW_ERROR || (s->dir == FLOW_REPLY && !s->twin)) return;
    if (s->twin) slot = s->tuple;
    if (table_has_ops(t->table)) {
        shared_put_recipe(t->table, slot, kind, made);
        return;
    }
    lending_end(t->lending, (uint32_t)s->slot, t->now_ns);
    table_slot(t->table, slot)->recipe = kind;
    *table_recipe(t->table, slot) = *made;
}

const struct recipe *track_last_recipe(const struct track *t, const struct track_seen *s)
{
    const int32_t slot = s->twin ? s->tuple : s->slot;
    return slot != FLOW_NONE && table_slot(t->table, slot)->recipe ? table_recipe(t->table, slot) : NULL;
}

const struct recipe *track_recipe(const struct track *t, const struct track_seen *s, uint32_t generation)
{
    const struct recipe *r = track_last_recipe(t, s);
    return r && r->generation == generation ? r : NULL;
}

void track_drop_recipes(struct track *t, const struct track_seen *s)
{
    struct flow_table *table = t->table;
    lending_end(t->lending, (uint32_t)s->slot, t->now_ns);
    table_slot(table, s->slot)->recipe = RECIPE_NONE;
    if (table_slot(table, s->slot)->flags & FLOW_PAIRED)
        table_slot(table, table_cold(table, s->slot)->twin)->recipe = RECIPE_NONE;
}
