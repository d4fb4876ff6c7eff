/* The flow table: look-ups, additions, changes, releases; see flow_table.h. memory.c has its memory. */
#include <string.h>

#include "vm/flow/table/shared.h"
#include "vm/flow/table/table_priv.h"
#include "vm/packet/loop.h"

uint64_t flow_hash(const struct flow_table *t, const struct flow_id *id) { return table_hash(t, id); }

bool table_is_of_ip6(const struct flow_table *t, int64_t slot, const struct flow_id *id)
{
    return table_has_ip6(t, slot, id);
}

TABLE_APART int32_t table_in_group(const struct flow_table *t TABLE_THERE, uint32_t group, uint32_t tag,
                                   const struct flow_id *id TABLE_THERE)
{
    uint32_t hits = tags_like(table_group(t, group), (uint16_t)tag);
    TAGS_EACH(hits)
    {
        const uint32_t slot = group * GROUP + tags_first(hits);
        if (table_is_of(t, slot, id)) return (int32_t)slot;
    }
    return FLOW_NONE;
}

TABLE_ALONE int32_t table_look_up(const struct flow_table *t TABLE_THERE, const struct flow_id *id TABLE_THERE,
                                  uint64_t hash)
{
    const uint32_t far = t->groups - t->near, first = place_first(hash, far);
    int32_t slot = t->near ? table_in_group(t, table_near(t, first), place_tag(hash), id) : FLOW_NONE;
    if (slot == FLOW_NONE) slot = table_in_group(t, first, place_tag(hash), id);
    return slot != FLOW_NONE ? slot : table_in_group(t, place_second(hash, far, first), place_tag(hash), id);
}

int32_t flow_peek(const struct flow_table *t, const struct flow_id *id, uint64_t hash, uint64_t now_ns)
{
    const int32_t slot = table_look_up(t, id, hash);
    return slot != FLOW_NONE && table_expired(t, table_slot(t, slot), now_ns) ? FLOW_NONE : slot;
}

int32_t flow_find(struct flow_table *t, const struct flow_id *id, uint64_t hash, uint64_t now_ns)
{
    const int32_t slot = table_look_up(t, id, hash);
    if (slot == FLOW_NONE || !table_expired(t, table_slot(t, slot), now_ns)) return slot;
    table_expire(t, (uint32_t)slot, now_ns);
    return FLOW_NONE;
}

struct flow *flow_at(struct flow_table *t, int32_t slot) { return table_slot(t, slot); }
struct flow_cold *flow_cold_at(struct flow_table *t, int32_t slot) { return table_cold(t, slot); }
struct flow_bind *flow_bind_at(const struct flow_table *t, int32_t slot) { return table_bind(t, slot); }
int32_t flow_of_twin(const struct flow_table *t, int32_t slot) { return (int32_t)table_owner(t, (uint32_t)slot); }
uint64_t flow_deadline(const struct flow_table *t, const struct flow *f) { return table_deadline(t, f); }
uint32_t flow_groups(const struct flow_table *t) { return t->groups; }
const struct flow_counters *flow_table_counters(const struct flow_table *t) { return &table_common(t)->counters; }

void flow_id_of(const struct flow_table *t, int32_t slot, struct flow_id *id)
{
    flow_id_in(table_slot(t, slot), table_cold(t, slot), id);
}

ALONE bool table_has_half_open(const struct flow_table *t THERE, uint32_t group)
{
    return tags_of_class(table_group(t, group), FLOW_HALF_OPEN) != 0;
}

static TABLE_WITHIN void put_bit(struct flow_table *t, unsigned level, uint32_t i, bool on)
{
    table_set_bit(table_bits(t, level, i / 64), 1ull << i % 64, on);
}

/* A cleared bit is checked once more, because another processor may have added a flow meanwhile. */
TABLE_ALONE bool table_note_half_open(struct flow_table *t TABLE_THERE, uint32_t group)
{
    const uint32_t word = group / 64;
    const bool any = table_has_half_open(t, group);
    put_bit(t, 0, group, any);
    if (TABLE_SHARED && !any && table_has_half_open(t, group)) put_bit(t, 0, group, true);
    const bool some = *table_bits(t, 0, word) != 0;
    put_bit(t, 1, word, some);
    if (TABLE_SHARED && !some && *table_bits(t, 0, word)) put_bit(t, 1, word, true);
    return any;
}

/* Write a tag and count its class. Tags are written only here; the slot's flags are set before. */
TABLE_ALONE bool table_set_tag(struct flow_table *t TABLE_THERE, uint32_t slot, uint32_t to)
{
    const uint16_t tag = (uint16_t)to; /* bounded here for the kernel's verifier */
    const uint16_t before = *table_tag(t, slot);
    const bool twin = table_slot(t, slot)->flags & FLOW_TWIN;
    uint64_t *count = twin ? t->twins : t->counters.live;
    *table_tag(t, slot) = tag;
    table_touch(t, slot);
    if (before) table_count(&count[tag_class(before)], -1);
    if (tag) table_count(&count[tag_class(tag)], 1);
    if (!twin && !before != !tag) table_count(&t->live, tag ? 1 : -1);
    if (t->live > t->counters.most) t->counters.most = t->live;
    if (tag_is_half_open(before) || tag_is_half_open(tag)) table_note_half_open(t, slot / GROUP);
    return true;
}

TABLE_WITHIN void table_free_slot(struct flow_table *t, uint32_t slot)
{
    table_set_tag(t, slot, 0);
    table_untake(table_slot(t, slot));
    table_give_row(t, slot);
}

TABLE_WITHIN void table_release_held(struct flow_table *t, uint32_t slot, enum flow_end how)
{
    table_give_back(t, slot);
    table_count(&t->counters.ended[TABLE_INDEX(how, FLOW_ENDS)], 1);
    if (table_slot(t, slot)->flags & FLOW_PAIRED) table_free_slot(t, (uint32_t)table_cold(t, slot)->twin);
    table_free_slot(t, slot);
}

/* Report and release a flow whose lock is held. */
static TABLE_WITHIN bool tell_and_release(struct flow_table *t, uint32_t slot, enum flow_end how, uint64_t now_ns)
{
    if (!table_tell(t, slot, how, now_ns)) {
        table_unlock(table_slot(t, slot));
        return false;
    }
    table_release_held(t, slot, how);
    return true;
}

TABLE_ALONE bool table_release(struct flow_table *t TABLE_THERE, uint32_t slot, enum flow_end how, uint64_t now_ns)
{
    slot = table_owner(t, slot);
    struct flow *f = table_slot(t, slot);
    if (table_has_ops(t)) return shared_end(t, (int32_t)slot, how, false, now_ns);
    if (!table_may_end(f) || !table_lock(f)) return false;
    if (TABLE_SHARED && !table_may_end(f)) {
        table_unlock(f);
        return false;
    }
    return tell_and_release(t, slot, how, now_ns);
}

static enum flow_end end_by_timeout(enum flow_state state)
{
    switch (flow_state_class(state)) {
    case FLOW_HALF_OPEN:
    case FLOW_ONE_WAY: return FLOW_END_UNANSWERED;
    case FLOW_CLOSING:
        return state == FLOW_STATE_RESET || state == FLOW_STATE_SCTP_RESET ? FLOW_END_RESET : FLOW_END_CLOSED;
    case FLOW_ANSWERED:
    case FLOW_LASTING:
    case FLOW_ESTABLISHED:
    case FLOW_CLASSES: break;
    }
    return FLOW_END_IDLE;
}

/* Checks again under the lock, because another processor may just have seen a packet of the flow. */
TABLE_ALONE bool table_expire(struct flow_table *t TABLE_THERE, uint32_t slot, uint64_t now_ns)
{
    slot = table_owner(t, slot);
    struct flow *f = table_slot(t, slot);
    if (table_has_ops(t)) return shared_end(t, (int32_t)slot, end_by_timeout((enum flow_state)f->state), true, now_ns);
    if (!table_may_end(f) || !table_lock(f)) return false;
    if (TABLE_SHARED && !(table_may_end(f) && table_expired(t, f, now_ns))) {
        table_unlock(f);
        return false;
    }
    const enum flow_end how = end_by_timeout((enum flow_state)f->state);
    return tell_and_release(t, slot, how, now_ns);
}

void flow_end(struct flow_table *t, int32_t slot, enum flow_end how, uint64_t now_ns)
{
    table_release(t, (uint32_t)slot, how, now_ns);
}

static TABLE_WITHIN bool take_word(struct flow_table *t, uint32_t slot, uint64_t word)
{
    table_take_row(t, slot);
    return __sync_bool_compare_and_swap(&table_slot(t, slot)->taken, 0, table_filling(word));
}

/* Take one of the slots of a group that are in `left`; -1: another processor was quicker each time. */
TABLE_APART int64_t table_take_in(struct flow_table *t TABLE_THERE, uint32_t group, uint32_t left, uint64_t word)
{
    TAGS_EACH(left)
    {
        const uint32_t slot = group * GROUP + tags_first(left);
        if (take_word(t, slot, word)) return slot;
    }
    return -1;
}

/* Take slot `room` if it is free and in the tuple's groups, else a free slot of its near group, else a slot of the
 * group chosen for the flow; -1: all are full. */
ALONE int64_t table_take(struct flow_table *t THERE, const struct place *at THERE, int32_t room, uint64_t word)
{
    const uint32_t asked = (uint32_t)room, its = asked / GROUP, near = table_near(t, at->group[0]);
    const bool fits = LOOSE(its == at->group[0] || its == at->group[1] || (t->near && its == near));
    if (fits && !*table_tag(t, asked) && take_word(t, asked, word)) return asked;
    const int64_t slot = t->near ? table_take_in(t, near, tags_free(table_group(t, near)), word) : -1;
    if (slot >= 0) return slot;
    uint32_t left, group = place_choose_of(at, table_group(t, at->group[0]), table_group(t, at->group[1]), &left);
    return table_take_in(t, group, left, word);
}

ALONE bool table_fill(struct flow_table *t THERE, uint32_t slot, const struct flow_id *id THERE, uint64_t now_ns)
{
    struct flow *f = table_slot(t, slot);
    const bool v6 = id->kind & FLOW_ID_IP6;
    *f = (struct flow){.taken = f->taken, .low = id->low[v6 ? 3 : 0], .high = id->high[v6 ? 3 : 0], .seen_ns = now_ns};
    memcpy(&f->low_port, &id->rest, sizeof id->rest);
    if (v6 || t->begins) *table_cold(t, slot) = (struct flow_cold){.began_ns = now_ns};
    if (v6) memcpy(table_cold(t, slot)->low, id->low, sizeof id->low + sizeof id->high);
    return true;
}

TABLE_WITHIN int64_t table_put(struct flow_table *t, const struct flow_tuple *tuple, uint64_t word, uint64_t now_ns)
{
    const struct place at = table_place(t, tuple->hash);
    const int64_t slot = table_take(t, &at, tuple->room, word);
    if (slot >= 0) table_fill(t, (uint32_t)slot, &tuple->id, now_ns);
    return slot;
}

/* The same as table_put, making room; the flow `keep` never makes way. */
static TABLE_WITHIN int64_t take_slot(struct flow_table *t, const struct flow_tuple *tuple, uint64_t word, int32_t keep,
                                      uint64_t now_ns)
{
    const int64_t slot = LOOSE(table_put(t, tuple, word, now_ns));
    if (slot >= 0) return slot;
    const struct place at = table_place(t, tuple->hash);
    return table_make_room(t, &at, keep, now_ns) ? table_put(t, tuple, word, now_ns) : -1;
}

TABLE_WITHIN uint64_t table_word(const struct flow_tuple *tuple, enum flow_state state, unsigned flags)
{
    const struct flow f = {.hash = flow_taken_hash(tuple->hash),
                           .state = (uint8_t)state,
                           .flags = (uint8_t)(flags | (tuple->opened_by_high ? FLOW_OPENED_BY_HIGH : 0))};
    return f.taken;
}

TABLE_WITHIN void table_show(struct flow_table *t, uint32_t slot, const struct flow_tuple *tuple, enum flow_class class)
{
    table_set_tag(t, slot, (uint16_t)(place_tag(tuple->hash) | class << TAG_CLASS_AT));
}

/* Make room for one more half-open flow within the limit. False: none could make way. */
static TABLE_WITHIN bool bound_half_open(struct flow_table *t, enum flow_class class, uint64_t now_ns)
{
    if (class != FLOW_HALF_OPEN || table_common(t)->counters.live[FLOW_HALF_OPEN] < t->half_open_most) return true;
    return table_yield_half_open(t, now_ns);
}

TABLE_WITHIN int32_t table_begin(struct flow_table *t, const struct flow_tuple *tuple, enum flow_state state,
                                 unsigned flags, uint64_t now_ns)
{
    const enum flow_class class = LOOSE(flow_class_of(state, flags, false));
    if (!bound_half_open(t, class, now_ns)) return FLOW_NONE;
    const int64_t slot = LOOSE(take_slot(t, tuple, table_word(tuple, state, flags), FLOW_NONE, now_ns));
    if (slot < 0) return FLOW_NONE;
    table_count(&t->counters.added, 1);
    table_show(t, (uint32_t)slot, tuple, class);
    return (int32_t)slot;
}

int32_t flow_begin(struct flow_table *t, const struct flow_tuple *tuple, const struct flow_first *first,
                   uint64_t now_ns)
{
    if (table_has_ops(t)) {
        const enum flow_class class = flow_state_class((enum flow_state)first->state);
        return bound_half_open(t, class, now_ns) ? shared_begin(t, tuple, first, now_ns) : FLOW_NONE;
    }
    const int32_t slot = table_begin(t, tuple, (enum flow_state)first->state, first->flags, now_ns);
    table_slot(t, slot)->would = first->would & 15u;
    table_slot(t, slot)->astray = first->astray;
    if (first->tcp) table_slot(t, slot)->tcp = *first->tcp;
    if (first->flags & FLOW_OWN_IDLE) table_cold(t, slot)->idle_ns = first->idle_ns;
    return slot;
}

TABLE_WITHIN void table_pair(struct flow_table *t, int32_t slot, uint32_t twin, const struct flow_tuple *tuple)
{
    table_slot(t, twin)->flow = slot;
    table_cold(t, slot)->twin = (int32_t)twin;
    table_slot(t, slot)->flags |= FLOW_PAIRED;
    table_touch(t, slot);
    table_show(t, twin, tuple, tag_class(*table_tag(t, (uint32_t)slot)));
    table_unlock(table_slot(t, twin));
}

int32_t flow_add_twin(struct flow_table *t, int32_t slot, const struct flow_tuple *tuple, uint64_t now_ns)
{
    if (table_has_ops(t)) return shared_add_twin(t, slot, tuple, now_ns);
    const uint64_t word = table_word(tuple, (enum flow_state)table_slot(t, slot)->state, FLOW_TWIN);
    const int64_t twin = take_slot(t, tuple, word, slot, now_ns);
    if (twin < 0) return FLOW_NONE;
    table_pair(t, slot, (uint32_t)twin, tuple);
    return (int32_t)twin;
}

static TABLE_WITHIN void set_class(struct flow_table *t, uint32_t slot, enum flow_class class)
{
    table_set_tag(t, slot, (uint16_t)((*table_tag(t, slot) & TAG_HASH) | class << TAG_CLASS_AT));
}

TABLE_WITHIN void flow_set_state(struct flow_table *t, int32_t slot, enum flow_state state, uint64_t now_ns)
{
    const enum flow_class class = flow_class_of(state, table_slot(t, slot)->flags, table_slot(t, slot)->astray);
    const uint16_t tag = *table_tag(t, (uint32_t)slot);
    table_slot(t, slot)->state = (uint8_t)state;
    table_touch(t, slot);
    if (tag_class(tag) == class) return;
    bound_half_open(t, class, now_ns); /* another flow makes way, because this one's tag is still of its old class */
    set_class(t, (uint32_t)slot, class);
    if (table_slot(t, slot)->flags & FLOW_PAIRED) set_class(t, (uint32_t)table_cold(t, slot)->twin, class);
}
