/* Work before a packet's turn (track.h): its tuple from its bytes only, and prefetching for its turn */
#include "vm/flow/track/straight.h"
#include "vm/packet/parse/read.h"

enum { STACK_INTERNED = 4097 /* ids from here on may change their stack */ };

static __attribute__((noinline)) void study_any(const struct track *t, const struct key *key, const struct pkt *pkt,
                                                struct track_seen *s)
{
    const uint16_t stack = is_tagged(pkt) ? stack_of(t->stacks, pkt) : 0,
                   query = key->kind & KIND_ICMP_HEADER ? icmp_query_read(pkt) : 0;
    s->at = 0;
    if (key->kind & (KIND_ICMP | KIND_ICMP6) && icmp_is_error(key))
        s->how = (uint8_t)related_tuple(key, pkt, stack, s);
    else
        s->how = (uint8_t)tuple_of(key, query, stack, &s->id, &s->at);
    if (s->how < HOW_TCP) return;
    if (stack >= STACK_INTERNED) s->at |= AT_STACKED;
    s->hash = table_hash(t->table, &s->id);
    table_ask_tags(t->table, s->hash);
}

void track_study(const struct track *t, const struct key *key, const struct pkt *pkt, struct track_seen *s)
{
    s->slot = s->room = FLOW_NONE;
    s->mark = MARK_NONE;
    s->back = SOURCE_UNKNOWN;
    if (!tuple_is_ports4(key) || is_tagged(pkt)) {
        study_any(t, key, pkt, s);
        return;
    }
    s->how = (uint8_t)tuple_of_ports4(key, 0, &s->id, &s->at);
    s->hash = table_hash4(t->table, s->id.low[0], s->id.high[0], s->id.rest);
    table_ask_tags(t->table, s->hash);
}

void track_ask(const struct track *t, struct track_seen *s)
{
    if (s->how >= HOW_TCP) s->slot = table_ask_slot(t->table, s->hash);
}

uint8_t track_ask_bind(const struct track *t, const struct track_seen *s)
{
    const struct flow_table *table = t->table;
    if (s->slot == FLOW_NONE) return RECIPE_NONE;
    const struct flow *at = table_slot(table, s->slot);
    if (!(at->flags & (FLOW_TWIN | FLOW_BOUND))) return RECIPE_NONE;
    const int64_t owner = at->flags & FLOW_TWIN ? at->flow : s->slot;
    const uint8_t kind = straight_ask_recipe(table, at);
    if (kind) return kind;
    if (at->flags & FLOW_TWIN) __builtin_prefetch(table_slot(table, owner));
    if (at->kind & FLOW_ID_IP6) __builtin_prefetch(table_cold(table, owner));
    __builtin_prefetch(table_bind(table, owner));
    return RECIPE_NONE;
}
