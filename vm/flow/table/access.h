/* Access to the lines of a flow table, and changes to them, for a table in the process's own memory. A table shared
 * among processors uses a header with the same names, set as TABLE_ACCESS.
 *
 * In a shared table a change to a flow is made between table_lock and table_unlock, counts are added atomically, and
 * the caller must not end some flows. Here these functions do nothing. */
#pragma once

#include "vm/flow/table/ops.h"

enum { TABLE_SHARED = 0 };

/* Functions that the kernel's verifier checks once, apart from their callers; TABLE_THERE: their pointers are never
 * NULL */
#define TABLE_ALONE
#define TABLE_APART  static /* the same, if the kernel's verifier counts the iterations of loops */
#define TABLE_WITHIN        /* part of the caller, because calls must not nest deeply */
#define TABLE_THERE
/* An index below n, in a form that the kernel's verifier can see */
#define TABLE_INDEX(i, n) (i)

/* Return the tags of a group, or the tag of a slot (second function). */
static inline uint16_t *table_group(const struct flow_table *t, uint32_t group)
{
    return t->tags + (size_t)group * GROUP;
}
static inline uint16_t *table_tag(const struct flow_table *t, uint32_t slot) { return &t->tags[slot]; }
/* Return the offset of a slot's lines from those of the first row, in bytes. */
static inline size_t table_row(const struct flow_table *t, int64_t slot)
{
    const size_t at = (size_t)slot;
    return (t->blocks ? (size_t)t->blocks[at / BLOCK] * BLOCK + at % BLOCK : at) * t->stride;
}
/* Return a line of a slot: the first, the second, the binding or the recipe. */
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
/* Return the first line of a block. */
static inline struct flow *table_block(const struct flow_table *t, uint32_t block)
{
    return (struct flow *)(void *)((uint8_t *)t->slots + (size_t)block * BLOCK * t->stride);
}
/* memory.c: return a block that no slot ever had. */
uint32_t table_fresh_block(struct flow_table *t);

/* Give a row to a slot that is about to be taken. Take the row back once all slots of its block are free (second
 * function). */
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
/* Return the first line of the row that a free slot would get. */
static inline struct flow *table_left(const struct flow_table *t, uint32_t slot)
{
    if (!t->blocks || t->blocks[slot / BLOCK]) return table_slot(t, slot);
    const struct flow *f = table_block(t, t->left.given ? t->left.given : t->left.fresh);
    return (struct flow *)(void *)((uint8_t *)(uintptr_t)f + slot % BLOCK * t->stride);
}
/* Prefetch the line of table_left. A macro: gcc treats a function that only prefetches as having no effect, and
 * drops the call. */
#define table_ask_free(t, slot) __builtin_prefetch(table_left(t, slot), 1)
/* Prefetch the block numbers of a group's slots. */
#define table_ask_blocks(t, group)                                                                                     \
    do {                                                                                                               \
        if ((t)->blocks) __builtin_prefetch((t)->blocks + (size_t)(group) * (GROUP / BLOCK));                          \
    } while (0)

/* Return the binding, the recipe or the second line that belongs to a first line. */
static inline struct flow_bind *table_bind_of(const struct flow_table *t, const struct flow *f)
{
    return (struct flow_bind *)(void *)((uint8_t *)t->binds + ((const uint8_t *)f - (const uint8_t *)t->slots));
}
static inline struct recipe *table_recipe_of(const struct flow_table *t, const struct flow *f)
{
    return (struct recipe *)(void *)((uint8_t *)t->recipes + ((const uint8_t *)f - (const uint8_t *)t->slots));
}
static inline struct flow_cold *table_cold_of(const struct flow_table *t, const struct flow *f)
{
    return (struct flow_cold *)(void *)((uint8_t *)t->cold + ((const uint8_t *)f - (const uint8_t *)t->slots));
}

/* Prefetch the pages of a group's lines: nothing here, because these pages are large, and few. */
static inline void table_ask_pages(const struct flow_table *t, uint32_t group) {}

/* Return word i of the bitmap of half-open flows (level 0), or of the bitmap of its words that are not 0 (level 1) */
static inline uint64_t *table_bits(const struct flow_table *t, unsigned level, uint32_t i)
{
    return (level ? t->half_open_words : t->half_open) + i;
}
static inline void table_set_bit(uint64_t *word, uint64_t bit, bool on) { *word = on ? *word | bit : *word & ~bit; }

/* Note that the archived part of the slot's group has changed. */
static inline void table_touch(const struct flow_table *t, int64_t slot)
{
    const uint32_t group = (uint32_t)slot / GROUP;
    if (__builtin_expect(t->touched != NULL, 0))
        table_set_bit(&t->touched[group / 64], UINT64_C(1) << group % 64, true);
}

static inline void table_count(uint64_t *word, int64_t by) { *word += (uint64_t)by; }

/* Lock the flow until table_unlock; false: it could not be locked. */
static inline bool table_lock(struct flow *f) { return true; }
static inline void table_unlock(struct flow *f) {}

/* True if others change the table, too; a process then changes it by operations (ops.h). */
static inline bool table_has_ops(const struct flow_table *t) { return __builtin_expect(t->ops != NULL, 0); }

/* Return the part beside the lines that holds counters and hands. In a shared table it is the shared part. */
static inline struct flow_table *table_common(const struct flow_table *t)
{
    return table_has_ops(t) ? t->ops->common : (struct flow_table *)(uintptr_t)t;
}

/* True if the caller may end that flow. */
static inline bool table_may_end(const struct flow *f) { return true; }

/* Return the taken word for a slot that is being filled: here unchanged, in a shared table with the lock. */
static inline uint64_t table_filling(uint64_t word) { return word; }

static inline void table_give_back(const struct flow_table *t, uint32_t slot)
{
    (void)t, (void)slot; /* the callback t->ended releases it */
}

/* Report the end of a flow. False: it cannot be reported now, so the flow may not end. */
static inline bool table_tell(const struct flow_table *t, uint32_t slot, enum flow_end how, uint64_t now_ns)
{
    if (t->ended) t->ended(t->arg, (int32_t)slot, table_slot(t, slot), table_cold(t, slot), how, now_ns);
    return true;
}
