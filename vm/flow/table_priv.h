/* The inside of the flow table: what its files share, and what its tests look at. */
#ifndef VM_FLOW_TABLE_PRIV_H
#define VM_FLOW_TABLE_PRIV_H

#include "vm/flow/hash_priv.h"
#include "vm/flow/table.h"
#include "vm/flow/tags_priv.h"
#include "vm/time.h"

/* Half-open flows of which the oldest makes way, when there are more than allowed. */
enum { HALF_OPEN_FEW = 8 };

/* The bit of a hash that says IPv6: it is also the tag's lowest, so that tags tell which slots have a second line. */
enum { HASH_IP6 = 1 };

struct flow_table {
    uint16_t *tags;         /* [groups][GROUP] */
    struct flow *slots;     /* [groups][GROUP] */
    struct flow_cold *cold; /* beside slots */
    uint32_t groups;
    uint32_t sweep_group; /* the next that the sweep looks at */
    uint32_t hand;        /* the next slot that is asked whether a half-open flow lies there */
    uint64_t live;        /* of all classes */
    uint64_t half_open_most;
    /* Where half-open flows are: a bit a group, and a bit for every 64 groups, so that the hand finds the next one in
     * bounded steps however few there are. */
    uint64_t *half_open, *half_open_words;
    uint64_t timeout_ns[FLOW_STATES];
    bool begins; /* as in cfg */
    struct hash_key key;
    flow_ended_fn *ended;
    void *arg;
    struct flow_counters counters;
    void *memory; /* what all arrays lie in */
    uint64_t bytes;
};

static inline uint16_t *table_group(const struct flow_table *t, uint32_t group)
{
    return t->tags + (size_t)group * GROUP;
}
static inline enum flow_class tag_class(uint16_t tag) { return (enum flow_class)(tag >> TAG_CLASS_AT); }

static inline uint64_t table_deadline(const struct flow_table *t, const struct flow *f)
{
    return time_after(f->seen_ns, t->timeout_ns[f->state]);
}
static inline bool table_expired(const struct flow_table *t, const struct flow *f, uint64_t now_ns)
{
    return now_ns >= table_deadline(t, f);
}

/* Bring the bits of half-open flows in line with a group's tags. */
void table_note_half_open(struct flow_table *t, uint32_t group);
/* Tell of the end, count it, free the slot. */
void table_release(struct flow_table *t, uint32_t slot, enum flow_end how, uint64_t now_ns);
/* The same for one whose timeout has passed. */
void table_expire(struct flow_table *t, uint32_t slot, uint64_t now_ns);
/* table_room.c: let one of the half-open flows go, an old one. */
void table_yield_half_open(struct flow_table *t, uint64_t now_ns);
/* Free at least one slot of two full groups. */
void table_make_room(struct flow_table *t, const struct place *at, uint64_t now_ns);

#endif
