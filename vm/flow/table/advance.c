/* One bit per group. `touched`: it has changed since it was written; `doubted`: it was not found to agree since it
 * was read */
#include "vm/flow/table/advance.h"

#include <stdlib.h>

#include "vm/flow/table/table_priv.h"
#include "vm/keyed/archive.h"

enum { NO_GROUP = UINT32_MAX }; /* in place of a group: the end of a part */
/* Most bytes of a group and the end of a part */
enum {
    GROUP_MOST =
        GROUP * (sizeof(uint16_t) + sizeof(struct flow) + sizeof(struct flow_cold) + sizeof(struct flow_bind)) + 64
};

static size_t words_of(const struct flow_table *t) { return ((size_t)t->groups + 63) / 64; }

static uint64_t *bits_new(const struct flow_table *t) { return calloc(words_of(t), sizeof(uint64_t)); }

static void put_bit(uint64_t *bits, uint32_t group, bool on)
{
    table_set_bit(&bits[group / 64], UINT64_C(1) << group % 64, on);
}

/* ---- writing ---- */

bool flow_advance_begin(struct flow_table *t)
{
    if (t->ops) return false;
    if (!t->touched) t->touched = bits_new(t);
    for (uint32_t group = 0; t->touched && group < t->groups; group++)
        put_bit(t->touched, group, tags_taken(table_group(t, group)));
    return t->touched;
}

void flow_advance_end(struct flow_table *t)
{
    free(t->touched);
    t->touched = NULL;
}

uint32_t flow_advance_left(const struct flow_table *t)
{
    uint32_t left = 0;
    for (size_t i = 0; t->touched && i < words_of(t); i++) left += (uint32_t)__builtin_popcountll(t->touched[i]);
    return left;
}

/* Return the next group that has changed, from `group` on; t->groups: none. */
static uint32_t next_touched(const struct flow_table *t, uint32_t group)
{
    while (group < t->groups) {
        const uint64_t left = t->touched[group / 64] >> group % 64;
        if (left) return group + (uint32_t)__builtin_ctzll(left);
        group = (group / 64 + 1) * 64;
    }
    return t->groups;
}

static unsigned write_group(struct flow_table *t, struct archive *a, uint32_t group)
{
    uint16_t *tags = table_group(t, group);
    uint32_t taken = tags_taken(tags);
    const unsigned count = tags_count(taken);
    table_ask_group(t, next_touched(t, group + 1), true);
    put_bit(t->touched, group, false);
    ARCHIVE(a, group);
    archive_part(a, tags, GROUP * sizeof *tags);
    TAGS_EACH(taken) table_archive_slot(t, a, group * GROUP + tags_first(taken), t->begins);
    return count;
}

/* Write or read a table's shape. A table without flows becomes as large as that of an earlier program's `limits`. */
static bool archive_shape(struct flow_table *t, struct archive *a)
{
    uint32_t shape[3] = {t->groups, t->near, t->begins};
    if (!ARCHIVE(a, shape) || !archive_sound(a, shape[2] == t->begins)) return false;
    if (shape[0] == t->groups && shape[1] == t->near) return true;
    const bool sound = !t->doubted && shape[1] == table_near_of(shape[0]);
    return archive_sound(a, sound && table_resize(t, shape[0], shape[1]));
}

bool flow_advance_write(struct flow_table *t, struct archive *a, uint32_t *hand, unsigned slots)
{
    uint32_t end = NO_GROUP;
    unsigned written = 0;
    archive_shape(t, a);
    while (!a->bad && written < slots && a->left >= 2 * GROUP_MOST) {
        *hand = next_touched(t, *hand);
        if (*hand == t->groups) break;
        written += 1 + write_group(t, a, (*hand)++);
    }
    return ARCHIVE(a, end);
}

/* ---- reading ---- */

static void doubt(struct flow_table *t, uint32_t slot)
{
    if (slot < t->groups * GROUP) put_bit(t->doubted, slot / GROUP, true);
}

/* Doubt the slot that this one is paired with. */
static void doubt_other(struct flow_table *t, uint32_t slot)
{
    const struct flow *f = table_slot(t, slot);
    if (f->flags & FLOW_TWIN) doubt(t, (uint32_t)f->flow);
    if (f->flags & FLOW_PAIRED) doubt(t, (uint32_t)table_cold(t, slot)->twin);
}

static bool is_twin(const struct flow_table *t, uint32_t slot) { return table_slot(t, slot)->flags & FLOW_TWIN; }

static void empty_group(struct flow_table *t, uint32_t group, flow_advance_fn *moved, void *arg)
{
    uint32_t taken = tags_taken(table_group(t, group));
    TAGS_EACH(taken)
    {
        const uint32_t slot = group * GROUP + tags_first(taken);
        doubt_other(t, slot);
        if (!is_twin(t, slot)) moved(arg, (int32_t)slot, false);
        table_free_slot(t, slot);
    }
}

static bool fill_slot(struct flow_table *t, struct archive *a, uint32_t slot, uint16_t tag)
{
    const struct flow *f;
    if (!archive_sound(a, tag_class(tag) < FLOW_CLASSES)) return false;
    table_take_row(t, slot);
    table_archive_slot(t, a, slot, t->begins);
    f = table_slot(t, slot);
    if (!archive_sound(a, f->hash && f->state < FLOW_STATES)) return false;
    table_set_tag(t, slot, tag);
    doubt_other(t, slot);
    return true;
}

static bool read_group(struct flow_table *t, struct archive *a, uint32_t group, flow_advance_fn *moved, void *arg)
{
    uint16_t tags[GROUP];
    if (!archive_sound(a, group < t->groups) || !ARCHIVE(a, tags)) return false;
    empty_group(t, group, moved, arg);
    uint32_t taken = tags_taken(tags);
    TAGS_EACH(taken)
    {
        const uint32_t slot = group * GROUP + tags_first(taken);
        if (!fill_slot(t, a, slot, tags[slot % GROUP])) return false;
        if (!is_twin(t, slot) && !archive_sound(a, moved(arg, (int32_t)slot, true))) return false;
    }
    put_bit(t->doubted, group, true);
    return true;
}

bool flow_advance_read(struct flow_table *t, struct archive *a, flow_advance_fn *moved, void *arg)
{
    uint32_t group = NO_GROUP;
    if (!archive_shape(t, a)) return false;
    if (!t->doubted) t->doubted = bits_new(t);
    if (!archive_sound(a, t->doubted && !t->ops)) return false;
    while (ARCHIVE(a, group) && group != NO_GROUP) read_group(t, a, group, moved, arg);
    return !a->bad;
}

static bool group_agrees(const struct flow_table *t, uint32_t group)
{
    uint32_t taken = tags_taken(table_group(t, group));
    TAGS_EACH(taken)
    if (!table_slot_is_sound(t, group * GROUP + tags_first(taken))) return false;
    return true;
}

void flow_advance_check(struct flow_table *t)
{
    for (size_t i = 0; t->doubted && i < words_of(t); i++)
        for (uint64_t left = t->doubted[i]; left; left &= left - 1) {
            const uint32_t group = (uint32_t)i * 64 + (uint32_t)__builtin_ctzll(left);
            if (group_agrees(t, group)) put_bit(t->doubted, group, false);
        }
}

bool flow_advance_agrees(struct flow_table *t)
{
    bool agrees = true;
    flow_advance_check(t);
    for (size_t i = 0; t->doubted && i < words_of(t); i++) agrees &= !t->doubted[i];
    free(t->doubted);
    t->doubted = NULL;
    t->counters.most = t->live;
    return agrees;
}
