/* An ordinary packet's way to its flow and recipe, inline: for a worker that handles them in batches
 * (vm/forward/express.c), and for the functions of track.h that do the same for one packet. In a worker's own table
 * only; the kernel's stages have their own steps. */
#pragma once

#include "vm/flow/table/lookup.h"
#include "vm/flow/track/ordinary.h"
#include "vm/flow/track/tuple_ports.h"

/* Write a look's tuple and hash, and prefetch their tags. False: track_study must study the packet, because both
 * sides are equal. A macro for the reason of table_ask_tags. */
#define straight_study(t, key, l)                                                                                      \
    ({                                                                                                                 \
        const uint64_t src_ = (uint64_t)(key)->src[0] << 16 | (key)->src_port,                                         \
                       dst_ = (uint64_t)(key)->dst[0] << 16 | (key)->dst_port, low_ = src_ < dst_ ? src_ : dst_,       \
                       high_ = src_ < dst_ ? dst_ : src_;                                                              \
        (l)->at = src_ > dst_ ? AT_HIGH : 0;                                                                           \
        (l)->how = (key)->kind & KIND_TCP ? HOW_TCP : HOW_PLAIN;                                                       \
        (l)->ends = hash_pair((uint32_t)(low_ >> 16), (uint32_t)(high_ >> 16));                                        \
        (l)->rest = rest_of(two_ports(low_ & UINT16_MAX, high_ & UINT16_MAX), 0, (key)->proto, 0);                     \
        (l)->hash = table_hash4((t)->table, (uint32_t)(low_ >> 16), (uint32_t)(high_ >> 16), (l)->rest);               \
        table_ask_tags((t)->table, (l)->hash);                                                                         \
        src_ != dst_;                                                                                                  \
    })

/* Fill in the fields that track_study and track_ask would fill in. */
static inline void straight_seen(const struct straight_look *l, struct track_seen *s)
{
    s->id = (struct flow_id){.low = {(uint32_t)l->ends}, .high = {(uint32_t)(l->ends >> 32)}};
    s->id.rest = l->rest;
    s->hash = l->hash;
    s->how = l->how;
    s->at = l->at;
    s->slot = l->slot;
    s->room = FLOW_NONE;
    s->mark = MARK_NONE;
    s->back = SOURCE_UNKNOWN;
}

/* Find the slot of a look, and prefetch it. */
static inline void straight_ask(const struct flow_table *table, struct straight_look *l)
{
    l->slot = table_slot_like(table, l->hash);
    l->line = NULL;
    if (l->slot == FLOW_NONE) return;
    l->line = table_slot(table, l->slot);
    __builtin_prefetch(l->line);
}

/* Prefetch the recipe of a slot's line, and its flow if it is a twin's. Return the recipe's kind; RECIPE_NONE: no
 * recipe, and nothing has been prefetched. */
static inline uint8_t straight_ask_recipe(const struct flow_table *table, const struct flow *line)
{
    if (!(line->flags & (FLOW_TWIN | FLOW_BOUND)) || !line->recipe) return RECIPE_NONE;
    if (line->flags & FLOW_TWIN) __builtin_prefetch(table_slot(table, line->flow));
    __builtin_prefetch(table_recipe_of(table, line));
    return line->recipe;
}

/* True if the line is in use and has this tuple. Then it belongs to the tuple, even if the table has changed since
 * the line was requested. */
static inline bool straight_is_of(const struct flow *line, const struct straight_look *l)
{
    return line && !((hash_pair(line->low, line->high) ^ l->ends) | (table_rest(line) ^ l->rest)) && line->taken;
}

/* The flow and the recipe of an ordinary packet */
struct ordinary {
    struct flow *flow;
    const struct recipe *recipe;
    uint16_t mark; /* enum flow_mark */
    uint8_t kind;  /* kind of the recipe */
    bool twin;     /* the packet is a reply, and its slot is that of the flow's twin */
};

/* True if the flow stays in its state, for TCP provided that the segment is within window. Sets o->mark. */
static inline bool ordinary_stays(bool tcp, struct ordinary *o)
{
    const struct flow *f = o->flow;
    const enum flow_dir dir = o->twin ? FLOW_REPLY : FLOW_ORIGINAL;
    o->mark = tcp || ordinary_two_way(f) ? MARK_ESTABLISHED : MARK_NEW;
    return tcp ? ordinary_is_open(f) : ordinary_udp(f, dir) && ordinary_counted(f, dir);
}

/* Find flow and recipe of a packet with ordinary headers. line: that of its tuple; at: as in struct track_seen;
 * audited: packets whose flow audit would change are not ordinary. False: it is not ordinary; *o is undefined then.
 * For TCP the window is not tested yet. */
static inline __attribute__((always_inline)) bool ordinary_find(const struct track *t, struct flow *line, bool tcp,
                                                                uint8_t at, bool audited, uint32_t generation,
                                                                struct ordinary *o)
{
    const struct flow_table *table = t->table;
    if (!line->recipe) return false;
    const bool reply = !(at & AT_HIGH) != !(line->flags & FLOW_OPENED_BY_HIGH);
    o->recipe = table_recipe_of(table, line);
    o->kind = line->recipe;
    o->twin = line->flags & FLOW_TWIN;
    struct flow *f = o->flow = o->twin ? table_slot(table, line->flow) : line;
    if (o->recipe->generation != generation || o->twin != reply || f->joined) return false;
    if (audited && f->would & FLOW_WOULD_STATE) return false;
    if (t->now_ns >= time_after(f->seen_ns, table_timeout(table, f))) return false;
    return ordinary_stays(tcp, o);
}
