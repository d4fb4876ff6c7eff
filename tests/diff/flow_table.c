/* Model test: the flow table against a plain one, an array with linear search. It has no tags, bits or counters; the
 * table only gives it the groups that a flow may be in.
 *
 *   flow_table [SEED [RUNS [STEPS]]]
 *
 * Each run draws a small table, and then adds, pairs with twins, looks up, changes, ends, sweeps and lets time pass,
 * also backward. After every step both have the same flows and twins in the same slots, have reported the same ends
 * in the same order, and agree on all counters. LONG=1: twenty times as many runs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/rng.h"
#include "vm/flow/table/table_priv.h"

enum { SLOTS_MOST = 256, ENDS_MOST = 2 * SLOTS_MOST, PLACES = 2 * GROUP };

struct plain_flow {
    bool live, opened_by_high;
    enum flow_state state;
    struct flow_id id;
    uint64_t seen_ns, began_ns, idle_ns; /* idle_ns: the flow's own limit; 0: by its state */
    bool is_twin;
    int32_t other; /* a flow's twin, or a twin's flow; FLOW_NONE */
};
struct told {
    int32_t slot;
    enum flow_end how;
    uint64_t now_ns;
    struct flow_id id;
};
struct ends {
    struct told list[ENDS_MOST];
    unsigned count;
};
struct world {
    struct flow_table *table;
    struct flow_table_cfg cfg;
    struct rng rng;
    uint64_t now_ns;
    unsigned ids; /* number of flows to draw from */
    struct ends told;
    int32_t hint; /* from another flow, which may have ended */

    struct plain_flow flow[SLOTS_MOST];
    unsigned slots, hand, sweep; /* sweep: number of groups */
    uint64_t added, most, ended[FLOW_ENDS];
    struct ends expected;
};
static uint64_t done[FLOW_ENDS], steps_done, twins_done, twins_found, near_taken;

static void tell(struct ends *e, int32_t slot, enum flow_end how, uint64_t now_ns, const struct flow_id *id)
{
    if (e->count < ENDS_MOST) e->list[e->count++] = (struct told){slot, how, now_ns, *id};
}

static void on_end(void *arg, int32_t slot, const struct flow *f, const struct flow_cold *cold, enum flow_end how,
                   uint64_t now_ns)
{
    struct world *w = arg;
    struct flow_id id;
    flow_id_in(f, cold, &id);
    tell(&w->told, slot, how, now_ns, &id);
}

/* ---- the plain table ---- */

/* Groups of a tuple: the near one, if the table has it, and two others. */
struct groups {
    uint32_t group[2], near;
    bool has_near;
};

static struct groups groups_of(const struct flow_table *t, uint64_t hash)
{
    const struct place at = table_place(t, hash);
    return (struct groups){
        .group = {at.group[0], at.group[1]}, .near = table_near(t, at.group[0]), .has_near = t->near != 0};
}

static bool has_group(const struct groups *g, uint32_t group)
{
    return group == g->group[0] || group == g->group[1] || (g->has_near && group == g->near);
}

static bool same_id(const struct flow_id *a, const struct flow_id *b) { return memcmp(a, b, sizeof *a) == 0; }

/* Return the flow that owns a slot. */
static unsigned owner(const struct world *w, unsigned slot)
{
    return w->flow[slot].is_twin ? (unsigned)w->flow[slot].other : slot;
}

static enum flow_class class_of(const struct world *w, unsigned slot)
{
    return flow_state_class(w->flow[owner(w, slot)].state);
}

static bool is_over(const struct world *w, const struct plain_flow *f, uint64_t now_ns)
{
    if (f->is_twin) f = &w->flow[f->other];
    const bool own = f->idle_ns && flow_class_is_open(flow_state_class(f->state));
    const uint64_t timeout = own ? f->idle_ns : w->cfg.timeout_ns[f->state];
    if (timeout > UINT64_MAX - f->seen_ns) return now_ns == UINT64_MAX;
    return now_ns >= f->seen_ns + timeout;
}

static enum flow_end over_as(enum flow_state s)
{
    if (s == FLOW_STATE_RESET || s == FLOW_STATE_SCTP_RESET) return FLOW_END_RESET;
    const enum flow_class c = flow_state_class(s);
    return c == FLOW_CLOSING ? FLOW_END_CLOSED : flow_class_is_open(c) ? FLOW_END_IDLE : FLOW_END_UNANSWERED;
}

static void plain_end(struct world *w, unsigned slot, enum flow_end how)
{
    slot = owner(w, slot);
    tell(&w->expected, (int32_t)slot, how, w->now_ns, &w->flow[slot].id);
    w->flow[slot].live = false;
    if (w->flow[slot].other != FLOW_NONE) w->flow[w->flow[slot].other].live = false;
    w->ended[how]++;
    done[how]++;
}

static bool plain_end_if_over(struct world *w, unsigned slot)
{
    if (!w->flow[slot].live || !is_over(w, &w->flow[slot], w->now_ns)) return false;
    plain_end(w, slot, over_as(w->flow[owner(w, slot)].state));
    return true;
}

static int32_t plain_find(const struct world *w, const struct flow_id *id)
{
    for (unsigned i = 0; i < w->slots; i++)
        if (w->flow[i].live && same_id(&w->flow[i].id, id)) return (int32_t)i;
    return FLOW_NONE;
}

static unsigned plain_live(const struct world *w, int class)
{
    unsigned n = 0;
    for (unsigned i = 0; i < w->slots; i++)
        n += w->flow[i].live && !w->flow[i].is_twin && (class < 0 || (int)flow_state_class(w->flow[i].state) == class);
    return n;
}

/* Evict a flow. The hand goes from slot to slot, at most one round, until it has passed enough candidates. */
static void plain_yield(struct world *w)
{
    const unsigned begin = w->hand;
    int32_t oldest = FLOW_NONE;
    unsigned met = 0;
    for (unsigned i = 0; i < w->slots && met < HALF_OPEN_FEW; i++) {
        const unsigned at = (begin + i) % w->slots;
        const struct plain_flow *f = &w->flow[at];
        if (!f->live || class_of(w, at) != FLOW_HALF_OPEN) continue;
        met++;
        w->hand = (at + 1) % w->slots;
        const unsigned flow = owner(w, at);
        if (oldest == FLOW_NONE || w->flow[flow].seen_ns < w->flow[oldest].seen_ns) oldest = (int32_t)flow;
    }
    if (oldest != FLOW_NONE && !plain_end_if_over(w, (unsigned)oldest))
        plain_end(w, (unsigned)oldest, FLOW_END_HALF_OPEN_LIMIT);
}

static unsigned free_in(const struct world *w, uint32_t group)
{
    unsigned n = 0;
    for (unsigned i = 0; i < GROUP; i++) n += !w->flow[group * GROUP + i].live;
    return n;
}

static void plain_make_room(struct world *w, const unsigned places[PLACES], int32_t keep)
{
    bool any = false;
    for (unsigned i = 0; i < PLACES; i++) any |= (int32_t)places[i] != keep && plain_end_if_over(w, places[i]);
    for (unsigned class = 0; !any && class < FLOW_CLASSES; class ++) {
        int32_t victim = FLOW_NONE;
        for (unsigned i = 0; i < PLACES; i++) {
            const struct plain_flow *f = &w->flow[owner(w, places[i])];
            if ((int32_t)places[i] == keep || class_of(w, places[i]) != class) continue;
            if (victim == FLOW_NONE || f->seen_ns < w->flow[owner(w, (unsigned)victim)].seen_ns)
                victim = (int32_t)places[i];
        }
        any = victim != FLOW_NONE;
        if (any) plain_end(w, (unsigned)victim, FLOW_END_EVICTED_HALF_OPEN + class);
    }
}

static unsigned plain_place(struct world *w, const struct groups *g, int32_t keep)
{
    const uint32_t *group = g->group;
    const bool near = g->has_near && free_in(w, g->near);
    unsigned places[PLACES];
    for (unsigned i = 0; i < PLACES; i++) places[i] = group[i / GROUP] * GROUP + i % GROUP;
    if (!near && free_in(w, group[0]) + free_in(w, group[1]) == 0) plain_make_room(w, places, keep);
    /* evicting a flow may also free a twin in the near group */
    const bool in_near = g->has_near && free_in(w, g->near);
    const bool crowded = free_in(w, group[0]) <= GROUP_SPARE && free_in(w, group[1]) > free_in(w, group[0]);
    unsigned slot = (in_near ? g->near : group[crowded]) * GROUP;
    near_taken += in_near;
    while (w->flow[slot].live) slot++;
    return slot;
}

static int32_t plain_add_twin(struct world *w, int32_t flow, const struct flow_id *id, const struct groups *at,
                              bool high)
{
    const unsigned slot = plain_place(w, at, flow);
    w->flow[slot] =
        (struct plain_flow){.live = true, .opened_by_high = high, .id = *id, .is_twin = true, .other = flow};
    w->flow[flow].other = (int32_t)slot;
    return (int32_t)slot;
}

static int32_t plain_add(struct world *w, const struct flow_id *id, const struct groups *at, enum flow_state state,
                         bool high)
{
    if (flow_state_class(state) == FLOW_HALF_OPEN && plain_live(w, FLOW_HALF_OPEN) >= w->cfg.half_open) plain_yield(w);
    const unsigned slot = plain_place(w, at, FLOW_NONE);
    w->flow[slot] = (struct plain_flow){true, high, state, *id, w->now_ns, w->now_ns, 0, false, FLOW_NONE};
    w->added++;
    if (plain_live(w, -1) > w->most) w->most = plain_live(w, -1);
    return (int32_t)slot;
}

static void plain_set_state(struct world *w, int32_t slot, enum flow_state state)
{
    const bool joins =
        flow_state_class(state) == FLOW_HALF_OPEN && flow_state_class(w->flow[slot].state) != FLOW_HALF_OPEN;
    if (joins && plain_live(w, FLOW_HALF_OPEN) >= w->cfg.half_open) plain_yield(w);
    w->flow[slot].state = state;
}

static void plain_sweep(struct world *w, unsigned groups)
{
    const unsigned all = w->slots / GROUP;
    for (unsigned n = 0; n < groups && n < all && plain_live(w, -1); n++, w->sweep = (w->sweep + 1) % all)
        for (unsigned i = 0; i < GROUP; i++)
            if (!w->flow[w->sweep * GROUP + i].is_twin) plain_end_if_over(w, w->sweep * GROUP + i);
}

/* ---- comparing ---- */

static bool bit(const uint64_t *words, uint32_t i) { return words[i / 64] >> i % 64 & 1; }

/* Check that tags agree with slots, and bits with tags. */
static const char *table_fault(const struct flow_table *t)
{
    for (uint32_t g = 0; g < t->groups; g++) {
        bool half_open = false;
        for (uint32_t slot = g * GROUP; slot < (g + 1) * GROUP; slot++) {
            const struct flow *f = table_slot(t, slot);
            const uint16_t tag = *table_tag(t, slot);
            if ((tag != 0) != (f->taken != 0)) return "a tag without a flow, or a flow without a tag";
            if (!tag) continue;
            struct flow_id id;
            flow_id_of(t, (int32_t)slot, &id);
            const struct groups at = groups_of(t, flow_hash(t, &id));
            if ((tag & TAG_HASH) != place_tag(flow_hash(t, &id))) return "a tag that is another flow's";
            if (!has_group(&at, g)) return "a flow in a group that is not its own";
            if (tag_class(tag) != flow_state_class((enum flow_state)table_slot(t, table_owner(t, slot))->state))
                return "a tag of another class than the state";
            if (f->hash == 0) return "a hash of 0";
            half_open |= tag_class(tag) == FLOW_HALF_OPEN;
        }
        if (bit(t->half_open, g) != half_open) return "a group's bit";
    }
    for (uint32_t i = 0; i < (t->groups + 63) / 64; i++)
        if (bit(t->half_open_words, i) != (t->half_open[i] != 0)) return "a bit of 64 groups";
    return NULL;
}

/* Check that each block has four slots of which one is used or was freed, and that rows of free slots are zero. */
static const char *rows_fault(const struct flow_table *t)
{
    const struct blocks_left *left = &t->left;
    static const struct flow none;
    uint8_t known[SLOTS_MOST / BLOCK + 1] = {1};
    uint32_t used = 0;
    if (left->fresh > sizeof known) return "more blocks than there are";
    for (uint32_t i = 0; i < t->groups * GROUP / BLOCK; i++) {
        bool any = false;
        for (uint32_t slot = i * BLOCK; slot < (i + 1) * BLOCK; slot++) any |= *table_tag(t, slot) != 0;
        if (any != (t->blocks[i] != 0)) return "a block of free slots, or none of slots that are taken";
        if (!any) continue;
        if (t->blocks[i] >= left->fresh || known[t->blocks[i]]++) return "a block that others have";
        used++;
    }
    for (uint32_t block = left->given; block; block = table_block(t, block)->low, used++)
        if (block >= left->fresh || known[block]++) return "a block is given back twice";
    if (used + 1 != left->fresh) return "a block is lost";
    for (uint32_t i = 0; i < BLOCK; i++)
        if (memcmp((uint8_t *)t->slots + i * t->stride, &none, sizeof none))
            return "the row of free slots is written to";
    return NULL;
}

static const char *flow_fault(struct world *w, unsigned slot)
{
    const struct plain_flow *p = &w->flow[slot];
    const struct flow *f = flow_at(w->table, (int32_t)slot);
    struct flow_id id;
    if ((f->taken != 0) != p->live) return "a slot is taken in one, free in the other";
    if (!p->live) return NULL;
    flow_id_of(w->table, (int32_t)slot, &id);
    if (!same_id(&id, &p->id)) return "another flow in the slot";
    if (((f->flags & FLOW_OPENED_BY_HIGH) != 0) != p->opened_by_high) return "another opener";
    if (flow_of_twin(w->table, (int32_t)slot) != (int32_t)owner(w, slot)) return "another flow's twin";
    if (p->is_twin) return NULL;
    if (((f->flags & FLOW_PAIRED) != 0) != (p->other != FLOW_NONE)) return "a twin more or less";
    if (f->state != p->state) return "another state";
    if (f->seen_ns != p->seen_ns || flow_cold_at(w->table, (int32_t)slot)->began_ns != p->began_ns)
        return "another time";
    return NULL;
}

static const char *count_fault(const struct world *w)
{
    const struct flow_counters *c = flow_table_counters(w->table);
    uint64_t sum = 0;
    for (unsigned i = 0; i < FLOW_CLASSES; i++) {
        sum += c->live[i];
        if (c->live[i] != plain_live(w, (int)i)) return "live of a class";
    }
    for (unsigned i = 0; i < FLOW_ENDS; i++) {
        sum += c->ended[i];
        if (c->ended[i] != w->ended[i]) return "ended of a kind";
    }
    if (c->added != w->added || c->most != w->most) return "added, or most";
    return sum == c->added ? NULL : "added is not live and ended";
}

static const char *told_fault(const struct world *w)
{
    if (w->told.count != w->expected.count) return "more or fewer ends";
    for (unsigned i = 0; i < w->told.count; i++) {
        const struct told *a = &w->told.list[i], *b = &w->expected.list[i];
        if (a->slot != b->slot || a->how != b->how || a->now_ns != b->now_ns || !same_id(&a->id, &b->id))
            return "another end";
    }
    return NULL;
}

static const char *walk_fault(const struct world *w)
{
    uint32_t at = 0;
    for (unsigned i = 0; i < w->slots; i++)
        if (w->flow[i].live && !w->flow[i].is_twin && flow_next(w->table, &at) != (int32_t)i)
            return "a walk passes a flow";
    return flow_next(w->table, &at) == FLOW_NONE ? NULL : "a walk has no end";
}

static const char *fault(struct world *w)
{
    const char *why = told_fault(w);
    if (!why) why = count_fault(w);
    for (unsigned i = 0; i < w->slots && !why; i++) why = flow_fault(w, i);
    if (!why) why = table_fault(w->table);
    if (!why) why = rows_fault(w->table);
    if (!why) why = walk_fault(w);
    return why;
}

/* ---- steps ---- */

static struct flow_id id_of(unsigned n)
{
    struct flow_id id = {.low = {0x0a000001}, .high = {0x0a000002 + n / 7}, .low_port = (uint16_t)(n % 7), .proto = 6};
    id.stack = n % 5 == 0;
    if (n % 3 == 0) {
        id.kind = FLOW_ID_IP6;
        id.low[3] = 1 + n % 2;
        id.high[2] = n;
    }
    return id;
}

static enum flow_state draw_state(struct rng *r) { return (enum flow_state)rng_below(r, FLOW_STATES); }

static void pass_time(struct world *w)
{
    switch (rng_below(&w->rng, 12)) {
    case 0: w->now_ns -= rng_below(&w->rng, 50); break;
    case 1: w->now_ns += rng_below(&w->rng, 2000); break;
    case 2:
    case 3: w->now_ns += rng_below(&w->rng, 40); break;
    default: w->now_ns += rng_below(&w->rng, 4); break;
    }
}

/* Draw the prefetched slot: none, the slot that the table would take, or one of other groups, which it must not
 * take. */
static int32_t draw_room(struct world *w, uint64_t hash)
{
    const struct groups at = groups_of(w->table, hash);
    const uint32_t any = rng_below(&w->rng, w->slots);
    switch (rng_below(&w->rng, 3)) {
    case 0: return FLOW_NONE;
    case 1: return table_ask_room(w->table, hash);
    default: return has_group(&at, any / GROUP) ? FLOW_NONE : (int32_t)any;
    }
}

/* Add a twin, under an unused id, to a flow that has none. */
static const char *step_twin(struct world *w, int32_t slot)
{
    const struct flow_id id = id_of(rng_below(&w->rng, w->ids));
    const uint64_t hash = flow_hash(w->table, &id);
    const struct groups at = groups_of(w->table, hash);
    const bool high = rng_one_in(&w->rng, 2);
    if (w->flow[slot].other != FLOW_NONE || plain_find(w, &id) != FLOW_NONE) return NULL;
    twins_done++;
    const struct flow_tuple tuple = {id, hash, draw_room(w, hash), high};
    const int32_t twin = plain_add_twin(w, slot, &id, &at, high);
    return flow_add_twin(w->table, slot, &tuple, w->now_ns) == twin ? NULL : "flow_add_twin";
}

static void step_idle(struct world *w, int32_t slot)
{
    w->flow[slot].idle_ns = flow_cold_at(w->table, slot)->idle_ns = 1 + rng_below(&w->rng, 3000);
    flow_at(w->table, slot)->flags |= FLOW_OWN_IDLE;
}

/* Look up a flow. If it exists, see, change or end it; else add it. */
static const char *step_flow(struct world *w)
{
    const struct flow_id id = id_of(rng_below(&w->rng, w->ids));
    const uint64_t hash = flow_hash(w->table, &id);
    const struct groups at = groups_of(w->table, hash);
    int32_t slot = plain_find(w, &id);
    const bool over = slot != FLOW_NONE && is_over(w, &w->flow[slot], w->now_ns);
    table_ask_tags(w->table, hash);
    const int32_t hint = rng_one_in(&w->rng, 3) ? w->hint : table_ask_slot(w->table, hash);
    if (flow_peek(w->table, &id, hash, w->now_ns) != (over ? FLOW_NONE : slot)) return "flow_peek";
    if (over) {
        plain_end_if_over(w, (unsigned)slot);
        slot = FLOW_NONE;
    }
    w->hint = slot;
    if (table_holds(w->table, hint, &id, w->now_ns) && hint != slot) return "table_holds";
    if (flow_find(w->table, &id, hash, w->now_ns) != slot) return "flow_find";
    const enum flow_state state = draw_state(&w->rng);
    if (slot == FLOW_NONE) {
        const bool high = rng_one_in(&w->rng, 2);
        const bool yields = flow_state_class(state) == FLOW_HALF_OPEN; /* and may free an earlier slot */
        const struct flow_tuple tuple = {id, hash, yields ? FLOW_NONE : draw_room(w, hash), high};
        slot = plain_add(w, &id, &at, state, high);
        return table_begin(w->table, &tuple, state, 0, w->now_ns) == slot ? NULL : "flow_add";
    }
    twins_found += w->flow[slot].is_twin;
    static const uint8_t ends[] = {FLOW_END_REOPENED, FLOW_END_SERVER_DOWN, FLOW_END_RETRIED,     FLOW_END_CUT_INTO,
                                   FLOW_END_REROUTED, FLOW_END_TRANSLATED,  FLOW_END_PORT_NEEDED, FLOW_END_CUT};
    const enum flow_end how = (enum flow_end)ends[rng_below(&w->rng, sizeof ends)];
    const int32_t found = slot;
    slot = (int32_t)owner(w, (unsigned)slot);
    switch (rng_below(&w->rng, 10)) {
    case 0:
        plain_end(w, (unsigned)found, how);
        flow_end(w->table, found, how, w->now_ns);
        break;
    case 6:
    case 7:
    case 8: return step_twin(w, slot);
    case 9: step_idle(w, slot); break;
    case 1:
    case 2:
    case 3:
        plain_set_state(w, slot, state);
        flow_set_state(w->table, slot, state, w->now_ns);
        break;
    default: w->flow[slot].seen_ns = flow_at(w->table, slot)->seen_ns = w->now_ns; break;
    }
    return NULL;
}

static const char *step_sweep(struct world *w)
{
    const unsigned groups = rng_below(&w->rng, w->slots / GROUP + 3);
    plain_sweep(w, groups);
    return flow_sweep(w->table, groups, w->now_ns) == (plain_live(w, -1) != 0) ? NULL : "flow_sweep";
}

static const char *step(struct world *w)
{
    w->told.count = w->expected.count = 0;
    pass_time(w);
    const char *why = rng_one_in(&w->rng, 30) ? step_sweep(w) : step_flow(w);
    steps_done++;
    return why ? why : fault(w);
}

/* ---- runs ---- */

static void draw_cfg(struct world *w)
{
    struct rng *r = &w->rng;
    w->cfg = (struct flow_table_cfg){.seed = rng_next(r), .begins = true, .ended = on_end, .arg = w};
    w->cfg.prefault = rng_one_in(r, 4);
    w->cfg.flows = rng_one_in(r, 2) ? 16 : 16 + rng_below(r, SLOTS_MOST * 2 / 3 - 16);
    w->cfg.half_open = rng_below(r, rng_one_in(r, 2) ? 8 : SLOTS_MOST);
    const bool lasting = rng_one_in(r, 3); /* so that tables fill up with flows that may stay */
    for (unsigned i = 0; i < FLOW_STATES; i++)
        w->cfg.timeout_ns[i] = rng_one_in(r, 10) ? UINT64_MAX : 1 + rng_below(r, lasting ? 100000 : 1000);
    w->now_ns = rng_one_in(r, 4) ? UINT64_MAX - 1000000 : 1000 + rng_below(r, 1000000);
}

static bool run(uint64_t seed, unsigned steps)
{
    static struct world w;
    w = (struct world){.rng = {seed}, .hint = FLOW_NONE};
    draw_cfg(&w);
    w.table = flow_table_new(&w.cfg);
    if (!w.table) return false;
    /* like a large table's; this table has few groups, which fill up */
    if (flow_groups(w.table) >= 4 && rng_one_in(&w.rng, 2))
        w.table->near = 1u << rng_below(&w.rng, flow_groups(w.table) >= 8 ? 3 : 2);
    w.slots = flow_groups(w.table) * GROUP;
    w.ids = w.slots * (1 + rng_below(&w.rng, 4));
    const char *why = NULL;
    for (unsigned i = 0; i < steps && !why; i++) {
        why = step(&w);
        if (why) printf("# seed %" PRIu64 ", step %u: %s\n", seed, i, why);
    }
    flow_table_free(w.table);
    return !why;
}

#ifdef __SANITIZE_ADDRESS__
enum { RUNS = 800 };
#else
enum { RUNS = 2000 };
#endif

int main(int argc, char **argv)
{
    const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned long_run = getenv("LONG") && *getenv("LONG") ? 20 : 1;
    const unsigned runs = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : RUNS * long_run;
    const unsigned steps = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 500;
    for (unsigned i = 0; i < runs; i++)
        if (!run(first + i, steps)) {
            printf("not ok - the flow table is what the plain table is\n");
            return 1;
        }
    printf("ok - the flow table is what the plain table is: %u runs, %" PRIu64 " steps\n", runs, steps_done);
    /* a run with hardly any eviction proves nothing */
    bool fair = true;
    for (unsigned i = 0; i < FLOW_ENDS; i++) {
        printf("# %-20s %" PRIu64 "\n", flow_end_name((enum flow_end)i), done[i]);
        fair &= done[i] * 100000 > steps_done;
    }
    printf("# %-20s %" PRIu64 ", found %" PRIu64 "\n", "twins", twins_done, twins_found);
    printf("# %-20s %" PRIu64 "\n", "in near groups", near_taken);
    fair &= twins_done * 100 > steps_done && twins_found * 100 > steps_done && near_taken * 20 > steps_done;
    printf("%s - every kind of end comes about, and twins, and near groups are used\n", fair ? "ok" : "not ok");
    return fair ? 0 : 1;
}
