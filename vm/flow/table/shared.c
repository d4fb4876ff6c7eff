/* A table that others change, too (ops.h): the operations behind flow_table.c and track.c. An operation that finds its
 * flow changed is tried again, a few times. */
#include "vm/flow/table/shared.h"

#include "vm/flow/table/table_priv.h"

enum { TRIES = 16 };

void flow_table_begin(struct flow_table *t, const struct flow_table_cfg *cfg, uint32_t slots)
{
    memset(t, 0, sizeof *t);
    hash_key_init(&t->key, cfg->seed);
    t->groups = slots / GROUP;
    t->near = table_near_of(t->groups);
    memcpy(t->timeout_ns, cfg->timeout_ns, sizeof t->timeout_ns);
    t->half_open_most = cfg->half_open;
    t->begins = cfg->begins;
}

struct flow_table *table_over(const struct flow_ops *ops, const struct flow_table_cfg *cfg)
{
    struct flow_table *t = ops->table, *common = ops->common;
    if (cfg->begins && !common->begins) common->begins = cfg->begins;
    t->begins = common->begins;
    if (t->arg) return t; /* the previous program's worker has set the rest, and reports ends already */
    const uint32_t groups = t->groups = common->groups;
    t->near = common->near;
    t->key = common->key;
    memcpy(common->timeout_ns, cfg->timeout_ns, sizeof t->timeout_ns);
    memcpy(t->timeout_ns, cfg->timeout_ns, sizeof t->timeout_ns);
    common->half_open_most = t->half_open_most = cfg->half_open;
    t->ended = cfg->ended;
    t->arg = cfg->arg;
    t->ops = ops;
    t->stride = 64;
    t->tags = ops->tags;
    t->slots = ops->slots;
    t->cold = ops->cold;
    t->binds = ops->binds;
    t->recipes = ops->recipes;
    t->half_open = ops->half_open;
    t->half_open_words = ops->half_open + (groups + 63) / 64;
    return t;
}

bool table_read(const struct flow_table *t, int32_t slot, struct flow *f)
{
    const volatile uint64_t *from = (const volatile uint64_t *)(const void *)table_slot(t, slot);
    uint64_t line[sizeof *f / 8];
    for (unsigned tries = 0; tries < TRIES * 64; tries++) {
        const uint64_t taken = from[0];
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        for (unsigned i = 0; i < sizeof *f / 8; i++) line[i] = from[i];
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (taken & TAKEN_LOCK || taken != from[0]) continue;
        memcpy(f, line, sizeof *f);
        return taken;
    }
    return false;
}

static bool shared_run(const struct flow_table *t, struct flow_op *op)
{
    return t->ops->run(t->ops->arg, op) && op->said == FLOW_OP_DONE;
}

/* End the flow in a slot. hash: end it only if its taken word has that part of a hash; 0: any flow. */
static bool end_of_hash(struct flow_table *t, int32_t slot, uint32_t hash, enum flow_end how, bool over,
                        uint64_t now_ns)
{
    struct flow f;
    bool told = false;
    for (unsigned tries = 0; tries < TRIES && table_read(t, slot, &f); tries++) {
        const bool bound = f.flags & FLOW_BOUND;
        if (hash && f.hash != hash) return false;
        if (over && !told && !table_expired(t, table_slot(t, slot), now_ns)) return false;
        if (bound && !told && t->ended) t->ended(t->arg, slot, table_slot(t, slot), table_cold(t, slot), how, now_ns);
        told = bound;
        struct flow_op op = {.kind = FLOW_OP_END,
                             .slot = slot,
                             .taken = f.taken,
                             .how = (uint8_t)how,
                             .over = over && !told, /* once the binding's resources are released, the flow must end */
                             .now_ns = now_ns};
        if (!shared_run(t, &op)) continue;
        if (!bound && t->ended) t->ended(t->arg, slot, &op.gone.flow, &op.gone.cold, how, now_ns);
        return true;
    }
    return false;
}

bool shared_end(struct flow_table *t, int32_t slot, enum flow_end how, bool over, uint64_t now_ns)
{
    return end_of_hash(t, slot, 0, how, over, now_ns);
}

bool flow_end_seen(struct flow_table *t, int32_t slot, const struct flow *seen, enum flow_end how, uint64_t now_ns)
{
    if (table_has_ops(t)) return end_of_hash(t, slot, seen->hash, how, false, now_ns);
    flow_end(t, slot, how, now_ns);
    return true;
}

bool flow_read(const struct flow_table *t, int32_t slot, struct flow *seen)
{
    if (table_has_ops(t)) return table_read(t, slot, seen);
    *seen = *table_slot(t, slot);
    return true;
}

void shared_forget(struct flow_table *t, int32_t slot)
{
    struct flow f;
    bool ended = false;
    for (unsigned tries = 0; tries < TRIES && !ended && table_read(t, slot, &f); tries++) {
        struct flow_op op = {
            .kind = FLOW_OP_END, .slot = slot, .taken = f.taken, .how = FLOW_END_IDLE, .now_ns = f.seen_ns};
        ended = shared_run(t, &op);
    }
}

void shared_sweep(struct flow_table *t, uint32_t slot, uint32_t until, uint64_t now_ns)
{
    struct flow_op op = {.kind = FLOW_OP_SWEEP, .slot = (int32_t)slot, .until = until, .now_ns = now_ns};
    const struct flow_gone *gone = t->ops->swept;
    if (!shared_run(t, &op) || !t->ended) return;
    for (uint32_t i = 0; i < op.count && i < FLOW_SWEPT; i++)
        t->ended(t->arg, gone[i].slot, &gone[i].flow, &gone[i].cold, (enum flow_end)gone[i].how, now_ns);
}

int32_t shared_begin(struct flow_table *t, const struct flow_tuple *tuple, const struct flow_first *first,
                     uint64_t now_ns)
{
    const struct place at = table_place(t, tuple->hash);
    for (unsigned tries = 0; tries < TRIES; tries++) {
        struct flow_op op = {.kind = FLOW_OP_ADD,
                             .tuple = *tuple,
                             .state = first->state,
                             .flags = first->flags,
                             .would = first->would,
                             .astray = first->astray,
                             .idle_ns = first->idle_ns,
                             .pairs = first->twin != NULL,
                             .now_ns = now_ns};
        if (first->tcp) op.tcp = *first->tcp;
        if (first->twin) op.twin = *first->twin;
        if (shared_run(t, &op)) return op.slot;
        if (op.said == FLOW_OP_HELD) return FLOW_NONE;
        if (op.said == FLOW_OP_ROOM) table_make_room(t, &at, FLOW_NONE, now_ns);
    }
    return FLOW_NONE;
}

int32_t shared_add_twin(struct flow_table *t, int32_t slot, const struct flow_tuple *tuple, uint64_t now_ns)
{
    const struct place at = table_place(t, tuple->hash);
    struct flow f;
    for (unsigned tries = 0; tries < TRIES && table_read(t, slot, &f); tries++) {
        if (f.flags & FLOW_PAIRED) return table_cold(t, slot)->twin;
        struct flow_op op = {.kind = FLOW_OP_TWIN, .slot = slot, .taken = f.taken, .twin = *tuple, .now_ns = now_ns};
        if (shared_run(t, &op)) return table_cold(t, slot)->twin;
        if (op.said == FLOW_OP_ROOM) table_make_room(t, &at, slot, now_ns);
    }
    return FLOW_NONE;
}

bool shared_set(struct flow_table *t, int32_t slot, const struct flow *f, const struct flow_first *now, uint64_t now_ns)
{
    struct flow_op op = {.kind = FLOW_OP_SET,
                         .slot = slot,
                         .taken = f->taken,
                         .tcp = f->tcp,
                         .seen_ns = f->seen_ns,
                         .state = now->state,
                         .flags = now->flags,
                         .would = f->would,
                         .astray = f->astray,
                         .idle_ns = now->idle_ns,
                         .now_ns = now_ns};
    return shared_run(t, &op);
}

void shared_put_recipe(struct flow_table *t, int32_t slot, uint8_t kind, const struct recipe *made)
{
    struct flow *f = table_slot(t, slot);
    struct recipe *r = table_recipe(t, slot);
    if (f->published && f->recipe == kind && memcmp(r, made, sizeof *r) == 0) return;
    struct flow_table *common = table_common(t);
    common->published += common->published == UINT32_MAX ? 2 : 1;
    __atomic_store_n(&f->published, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    f->recipe = kind;
    memcpy(r, made, sizeof *r);
    __atomic_store_n(&f->published, common->published, __ATOMIC_RELEASE);
}
