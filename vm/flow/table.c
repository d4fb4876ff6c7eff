/* The flow table: looking up, adding, changing, releasing; see table.h. Its memory is table_memory.c's. */
#include "vm/flow/table_priv.h"

#include <string.h>

/* ---- look-up ---- */

uint64_t flow_hash(const struct flow_table *t, const struct flow_id *id) { return table_hash(t, id); }

bool table_is_of_ip6(const struct flow_table *t, int64_t slot, const struct flow_id *id)
{
    const struct flow *f = table_slot(t, slot);
    if ((f->low ^ id->low[3]) | (f->high ^ id->high[3])) return false;
    return memcmp(table_cold(t, slot)->low, id->low, sizeof id->low + sizeof id->high) == 0;
}

static int32_t in_group(const struct flow_table *t, uint32_t group, uint16_t tag, const struct flow_id *id)
{
    uint32_t hits = tags_like(table_group(t, group), tag);
    TAGS_EACH(hits)
    {
        const uint32_t slot = group * GROUP + tags_first(hits);
        if (table_is_of(t, slot, id)) return (int32_t)slot;
    }
    return FLOW_NONE;
}

static int32_t look_up(const struct flow_table *t, const struct flow_id *id, uint64_t hash)
{
    const uint32_t first = place_first(hash, t->groups);
    const int32_t slot = in_group(t, first, place_tag(hash), id);
    return slot != FLOW_NONE ? slot : in_group(t, place_second(hash, t->groups, first), place_tag(hash), id);
}

int32_t flow_peek(const struct flow_table *t, const struct flow_id *id, uint64_t hash, uint64_t now_ns)
{
    const int32_t slot = look_up(t, id, hash);
    return slot != FLOW_NONE && table_expired(t, table_slot(t, slot), now_ns) ? FLOW_NONE : slot;
}

int32_t flow_find(struct flow_table *t, const struct flow_id *id, uint64_t hash, uint64_t now_ns)
{
    const int32_t slot = look_up(t, id, hash);
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
const struct flow_counters *flow_table_counters(const struct flow_table *t) { return &t->counters; }
uint64_t flow_table_bytes(const struct flow_table *t) { return t->bytes; }

void flow_id_of(const struct flow_table *t, int32_t slot, struct flow_id *id)
{
    const struct flow *f = table_slot(t, slot);
    *id = (struct flow_id){.low = {f->low}, .high = {f->high}};
    memcpy(&id->rest, &f->low_port, sizeof id->rest);
    if (f->kind & FLOW_ID_IP6) memcpy(id->low, table_cold(t, slot)->low, sizeof id->low + sizeof id->high);
}

/* ---- changes ---- */

static void set_bit(uint64_t *words, uint32_t i, bool on)
{
    uint64_t bit = 1ull << i % 64;
    words[i / 64] = on ? words[i / 64] | bit : words[i / 64] & ~bit;
}

void table_note_half_open(struct flow_table *t, uint32_t group)
{
    set_bit(t->half_open, group, tags_of_class(table_group(t, group), FLOW_HALF_OPEN) != 0);
    set_bit(t->half_open_words, group / 64, t->half_open[group / 64] != 0);
}

/* The one place that writes tags, and so counts classes; the slot's flags are there. */
static void set_tag(struct flow_table *t, uint32_t slot, uint16_t tag)
{
    const uint16_t before = t->tags[slot];
    const bool twin = table_slot(t, slot)->flags & FLOW_TWIN;
    uint64_t *count = twin ? t->twins : t->counters.live;
    t->tags[slot] = tag;
    if (before) count[tag_class(before)]--;
    if (tag) count[tag_class(tag)]++;
    if (!twin) t->live += (uint64_t)(tag != 0) - (uint64_t)(before != 0);
    if (t->live > t->counters.most) t->counters.most = t->live;
    if ((before && tag_class(before) == FLOW_HALF_OPEN) || (tag && tag_class(tag) == FLOW_HALF_OPEN))
        table_note_half_open(t, slot / GROUP);
}

static void free_slot(struct flow_table *t, uint32_t slot)
{
    set_tag(t, slot, 0);
    table_unclaim(table_slot(t, slot));
}

void table_release(struct flow_table *t, uint32_t slot, enum flow_end how, uint64_t now_ns)
{
    slot = table_owner(t, slot);
    if (t->ended) t->ended(t->arg, (int32_t)slot, how, now_ns);
    t->counters.ended[how]++;
    if (table_slot(t, slot)->flags & FLOW_PAIRED) free_slot(t, (uint32_t)table_cold(t, slot)->twin);
    free_slot(t, slot);
}

static enum flow_end end_by_timeout(enum flow_state state)
{
    switch (flow_state_class(state)) {
    case FLOW_HALF_OPEN:
    case FLOW_ONE_WAY: return FLOW_END_UNANSWERED;
    case FLOW_CLOSING:
        return state == FLOW_STATE_RESET || state == FLOW_STATE_SCTP_RESET ? FLOW_END_RESET : FLOW_END_CLOSED;
    case FLOW_ESTABLISHED:
    case FLOW_CLASSES: break;
    }
    return FLOW_END_IDLE;
}

void table_expire(struct flow_table *t, uint32_t slot, uint64_t now_ns)
{
    table_release(t, slot, end_by_timeout((enum flow_state)table_slot(t, table_owner(t, slot))->state), now_ns);
}

void flow_end(struct flow_table *t, int32_t slot, enum flow_end how, uint64_t now_ns)
{
    table_release(t, (uint32_t)slot, how, now_ns);
}

static bool claim_slot(struct flow_table *t, uint32_t slot, uint64_t word)
{
    uint64_t nobody = 0;
    return __atomic_compare_exchange_n(&table_slot(t, slot)->claim, &nobody, word, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

/* `room` if it is a free slot of these groups, else the first of the group that the flow shall lie in, claimed; -1
 * where both are full. */
static int64_t claim(struct flow_table *t, const struct place *at, int32_t room, uint64_t word)
{
    const uint32_t asked = (uint32_t)room, its = asked / GROUP;
    const bool fits = its == at->group[0] || its == at->group[1];
    if (fits && !t->tags[asked] && claim_slot(t, asked, word)) return asked;
    uint32_t left, group = place_choose(at, t->tags, &left);
    TAGS_EACH(left)
    {
        const uint32_t slot = group * GROUP + tags_first(left);
        if (claim_slot(t, slot, word)) return slot;
    }
    return -1;
}

static void fill(struct flow_table *t, uint32_t slot, const struct flow_id *id, uint64_t now_ns)
{
    struct flow *f = table_slot(t, slot);
    const bool v6 = id->kind & FLOW_ID_IP6;
    *f = (struct flow){.claim = f->claim, .low = id->low[v6 ? 3 : 0], .high = id->high[v6 ? 3 : 0], .seen_ns = now_ns};
    memcpy(&f->low_port, &id->rest, sizeof id->rest);
    if (v6 || t->begins) *table_cold(t, slot) = (struct flow_cold){.began_ns = now_ns};
    if (v6) memcpy(table_cold(t, slot)->low, id->low, sizeof id->low + sizeof id->high);
}

/* A slot for this tuple, filled in but for its tag; the flow `keep` never makes way. word: what claims it. */
static uint32_t take_slot(struct flow_table *t, const struct flow_tuple *tuple, uint64_t word, int32_t keep,
                          uint64_t now_ns)
{
    const struct place at = place_of(tuple->hash, t->groups);
    int64_t slot = claim(t, &at, tuple->room, word);
    if (slot < 0) {
        table_make_room(t, &at, keep, now_ns);
        slot = claim(t, &at, tuple->room, word);
    }
    fill(t, (uint32_t)slot, &tuple->id, now_ns);
    return (uint32_t)slot;
}

/* The claim word of its slot. */
static uint64_t word_of(const struct flow_tuple *tuple, enum flow_state state, unsigned flags)
{
    const uint32_t hash = (uint32_t)(tuple->hash >> 32);
    const struct flow f = {.hash = hash ? hash : 1,
                           .state = (uint8_t)state,
                           .flags = (uint8_t)(flags | (tuple->opened_by_high ? FLOW_OPENED_BY_HIGH : 0))};
    return f.claim;
}

int32_t flow_add(struct flow_table *t, const struct flow_tuple *tuple, enum flow_state state, uint64_t now_ns)
{
    const enum flow_class class = flow_state_class(state);
    if (class == FLOW_HALF_OPEN && t->counters.live[FLOW_HALF_OPEN] >= t->half_open_most)
        table_yield_half_open(t, now_ns);
    const uint32_t slot = take_slot(t, tuple, word_of(tuple, state, 0), FLOW_NONE, now_ns);
    t->counters.added++;
    set_tag(t, slot, (uint16_t)(place_tag(tuple->hash) | class << TAG_CLASS_AT));
    return (int32_t)slot;
}

int32_t flow_add_twin(struct flow_table *t, int32_t slot, const struct flow_tuple *tuple, uint64_t now_ns)
{
    struct flow *f = table_slot(t, slot);
    const uint64_t word = word_of(tuple, (enum flow_state)f->state, FLOW_TWIN);
    const uint32_t twin = take_slot(t, tuple, word, slot, now_ns);
    table_slot(t, twin)->flow = slot;
    table_cold(t, slot)->twin = (int32_t)twin;
    f->flags |= FLOW_PAIRED;
    set_tag(t, twin, (uint16_t)(place_tag(tuple->hash) | (t->tags[slot] & TAG_CLASS)));
    return (int32_t)twin;
}

static void set_class(struct flow_table *t, uint32_t slot, enum flow_class class)
{
    set_tag(t, slot, (uint16_t)((t->tags[slot] & TAG_HASH) | class << TAG_CLASS_AT));
}

void flow_set_state(struct flow_table *t, int32_t slot, enum flow_state state, uint64_t now_ns)
{
    const enum flow_class class = flow_state_class(state);
    const uint16_t tag = t->tags[slot];
    table_slot(t, slot)->state = (uint8_t)state;
    if (tag_class(tag) == class) return;
    if (class == FLOW_HALF_OPEN && t->counters.live[FLOW_HALF_OPEN] >= t->half_open_most)
        table_yield_half_open(t, now_ns); /* not this one: its tag does not say so yet */
    set_class(t, (uint32_t)slot, class);
    if (table_slot(t, slot)->flags & FLOW_PAIRED) set_class(t, (uint32_t)table_cold(t, slot)->twin, class);
}
