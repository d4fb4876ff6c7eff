/* Ordinary packets of bound flows, whose direction has a recipe that covers all that happens to them */
#include "vm/flow/track/ordinary.h"

#include "vm/flow/table/lookup.h"
#include "vm/flow/table/shared.h"
#include "vm/flow/track/track_priv.h"

/* Return the recipe if the segment is within window and the flow stays open; else NULL. Out of line, for UDP's sake. */
static __attribute__((noinline)) const struct recipe *ordinary_tcp(const struct flow *f, const struct recipe *r,
                                                                   const struct key *key, const struct pkt *pkt,
                                                                   struct track_seen *s)
{
    struct tcp_segment segment;
    if (!ordinary_is_open(f)) return NULL;
    ordinary_segment(pkt->data + pkt->l4, key, pkt, &segment);
    s->mark = MARK_ESTABLISHED;
    return tcp_within(&f->tcp, (enum flow_dir)s->dir, &segment) ? r : NULL;
}

static bool is_ordinary_udp(const struct flow *f, struct track_seen *s)
{
    s->mark = f->state == FLOW_STATE_UDP ? MARK_ESTABLISHED : MARK_NEW;
    return ordinary_udp(f, (enum flow_dir)s->dir);
}

/* Return the slot of the packet's tuple, if it has a recipe and no further look-up is needed. The prefetched slot is
 * nearly always the right one; another tuple with the same tag may lie before it. */
static const struct flow *own_slot(const struct track *t, struct track_seen *s)
{
    if (s->slot == FLOW_NONE || t->table->ops || s->at & (AT_SAME | AT_GROUP | AT_STACKED)) return NULL;
    if (__builtin_expect(!table_is_of(t->table, s->slot, &s->id), 0)) {
        s->slot = flow_peek(t->table, &s->id, s->hash, t->now_ns);
        if (s->slot == FLOW_NONE) return NULL;
    }
    const struct flow *at = table_slot(t->table, s->slot);
    return at->recipe && at->claim ? at : NULL;
}

const struct recipe *track_ordinary(const struct track *t, const struct key *key, const struct pkt *pkt,
                                    struct track_seen *s, uint32_t generation)
{
    const struct flow_table *table = t->table;
    const struct flow *at = own_slot(t, s);
    if (!at) return NULL;
    const struct recipe *r = table_recipe(table, s->slot);
    const bool twin = at->flags & FLOW_TWIN, reply = !(s->at & AT_HIGH) != !(at->flags & FLOW_OPENED_BY_HIGH);
    const struct flow *f = twin ? table_slot(table, at->flow) : at;
    if (r->generation != generation || twin != reply || f->joined) return NULL;
    if (f->would & FLOW_WOULD_STATE && t->program->would) return NULL; /* its packets are judged as they would be */
    if (t->now_ns >= time_after(f->seen_ns, table_timeout(table, f))) return NULL;
    s->tuple = s->slot;
    if (twin) s->slot = at->flow;
    s->dir = reply ? FLOW_REPLY : FLOW_ORIGINAL;
    s->twin = twin;
    s->recipe = at->recipe;
    s->next.reopen = s->next.by_other = false;
    s->class = twin ? SEEN_REPLY : SEEN_ORIGINAL;
    if (s->how == HOW_TCP) return ordinary_tcp(f, r, key, pkt, s);
    return is_ordinary_udp(f, s) ? r : NULL;
}

void track_keep_ordinary(struct track *t, const struct key *key, const struct pkt *pkt, const struct track_seen *s)
{
    struct flow *f = table_slot(t->table, s->slot);
    f->seen_ns = t->now_ns;
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
    table_slot(t->table, slot)->recipe = kind;
    *table_recipe(t->table, slot) = *made;
}

void track_drop_recipes(struct track *t, const struct track_seen *s)
{
    struct flow_table *table = t->table;
    table_slot(table, s->slot)->recipe = RECIPE_NONE;
    if (table_slot(table, s->slot)->flags & FLOW_PAIRED)
        table_slot(table, table_cold(table, s->slot)->twin)->recipe = RECIPE_NONE;
}
