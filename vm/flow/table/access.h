/* Where the flow table's lines lie, and how they are changed: of a table in memory of one's own. Who shares a table
 * among processors brings a header of the same names and defines TABLE_ACCESS as it.
 *
 * There a change to a flow is made between table_lock and table_unlock, counts are added in one step, and some flows
 * are not the caller's to end. Here all that is nothing. */
#pragma once

enum { TABLE_SHARED = 0 };

/* Functions that the kernel's verifier looks at by themselves, once, whoever calls them; and their pointers, which are
 * never NULL. */
#define TABLE_ALONE
#define TABLE_APART  static /* the same, where its verifier counts the turns of loops */
#define TABLE_WITHIN        /* it is part of who calls it, for calls must not be many deep */
#define TABLE_THERE
/* An index below n, which the verifier is to see. */
#define TABLE_INDEX(i, n) (i)

/* Tags of a group, and of a slot. */
static inline uint16_t *table_group(const struct flow_table *t, uint32_t group)
{
    return t->tags + (size_t)group * GROUP;
}
static inline uint16_t *table_tag(const struct flow_table *t, uint32_t slot) { return &t->tags[slot]; }
/* Where the lines of a slot begin, in bytes behind those of the first row. */
static inline size_t table_row(const struct flow_table *t, int64_t slot)
{
    const size_t at = (size_t)slot;
    return (t->blocks ? (size_t)t->blocks[at / BLOCK] * BLOCK + at % BLOCK : at) * t->stride;
}
/* Lines of a slot. */
static inline struct flow *table_slot(const struct flow_table *t, int64_t slot)
{
    return (struct flow *)(void *)((uint8_t *)t->slots + table_row(t, slot));
}
static inline struct flow_cold *table_cold(const struct flow_table *t, int64_t slot)
{
    return (struct flow_cold *)(void *)((uint8_t *)t->cold + table_row(t, slot));
}
static inline struct flow_bind *table_bind(const struct flow_table *t, int64_t slot)
{
    return (struct flow_bind *)(void *)((uint8_t *)t->binds + table_row(t, slot));
}
static inline struct recipe *table_recipe(const struct flow_table *t, int64_t slot)
{
    return (struct recipe *)(void *)((uint8_t *)t->recipes + table_row(t, slot));
}
/* The first line of a block. */
static inline struct flow *table_block(const struct flow_table *t, uint32_t block)
{
    return (struct flow *)(void *)((uint8_t *)t->slots + (size_t)block * BLOCK * t->stride);
}
/* memory.c: a block that no slot ever had. */
uint32_t table_fresh_block(struct flow_table *t);

/* A slot that is to be claimed has a row from here on, until it is free. */
static inline void table_take_row(struct flow_table *t, uint32_t slot)
{
    if (!t->blocks || t->blocks[slot / BLOCK]) return;
    const uint32_t block = t->left.given ? t->left.given : table_fresh_block(t);
    if (t->left.given) t->left.given = table_block(t, block)->low;
    t->blocks[slot / BLOCK] = block;
}
static inline void table_give_row(struct flow_table *t, uint32_t slot)
{
    uint64_t tags;
    if (!t->blocks) return;
    memcpy(&tags, &t->tags[slot / BLOCK * BLOCK], sizeof tags);
    if (tags) return;
    const uint32_t block = t->blocks[slot / BLOCK];
    table_block(t, block)->low = t->left.given;
    t->left.given = block;
    t->blocks[slot / BLOCK] = 0;
}
/* The first line of the row that a free slot would get. */
static inline struct flow *table_left(const struct flow_table *t, uint32_t slot)
{
    if (!t->blocks || t->blocks[slot / BLOCK]) return table_slot(t, slot);
    const struct flow *f = table_block(t, t->left.given ? t->left.given : t->left.fresh);
    return (struct flow *)(void *)((uint8_t *)(uintptr_t)f + slot % BLOCK * t->stride);
}
/* Ask for it. A macro: gcc takes a function that only prefetches for one without effect, and drops the call. */
#define table_ask_free(t, slot) __builtin_prefetch(table_left(t, slot), 1)
/* Ask for what says where the lines of a group's slots are. */
#define table_ask_blocks(t, group)                                                                                     \
    do {                                                                                                               \
        if ((t)->blocks) __builtin_prefetch((t)->blocks + (size_t)(group) * (GROUP / BLOCK));                          \
    } while (0)

/* The third and the second line of a flow. */
static inline struct flow_bind *table_bind_of(const struct flow_table *t, const struct flow *f)
{
    return (struct flow_bind *)(void *)((uint8_t *)t->binds + ((const uint8_t *)f - (const uint8_t *)t->slots));
}
static inline struct flow_cold *table_cold_of(const struct flow_table *t, const struct flow *f)
{
    return (struct flow_cold *)(void *)((uint8_t *)t->cold + ((const uint8_t *)f - (const uint8_t *)t->slots));
}

/* Ask for the pages of a group's lines: here they are large, and few. */
static inline void table_ask_pages(const struct flow_table *t, uint32_t group) {}

/* Word i of the bits that say where half-open flows are; level 1: of those that say where such words are. */
static inline uint64_t *table_bits(const struct flow_table *t, unsigned level, uint32_t i)
{
    return (level ? t->half_open_words : t->half_open) + i;
}
static inline void table_set_bit(uint64_t *word, uint64_t bit, bool on) { *word = on ? *word | bit : *word & ~bit; }

static inline void table_count(uint64_t *word, int64_t by) { *word += (uint64_t)by; }

/* Nobody else changes the flow until table_unlock; false: it could not be had. */
static inline bool table_lock(struct flow *f) { return true; }
static inline void table_unlock(struct flow *f) {}

/* Do others change it, so that a change is an operation of theirs (ops.h)? */
static inline bool table_has_ops(const struct flow_table *t) { return __builtin_expect(t->ops != NULL, 0); }

/* May the caller end that flow? */
static inline bool table_may_end(const struct flow *f) { return true; }

/* What of a claim word says whose the slot is, and what a slot that is being filled has besides. */
static inline uint64_t table_filling(uint64_t word) { return word; }

static inline void table_give_back(const struct flow_table *t, uint32_t slot)
{
    (void)t, (void)slot; /* who is told of the end does it */
}

/* False: who must know of the end can't be told now, so it may not end. */
static inline bool table_tell(const struct flow_table *t, uint32_t slot, enum flow_end how, uint64_t now_ns)
{
    if (t->ended) t->ended(t->arg, (int32_t)slot, table_slot(t, slot), table_cold(t, slot), how, now_ns);
    return true;
}
