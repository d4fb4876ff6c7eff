/* Lists partitioned by open addresses: rules that leave the source open and rules that leave the destination open
 * copy each other in any cut that they share. So each class of rules gets a separate tree, and forks at the root
 * join the trees. */
#include <string.h>

#include "compiler/classify/tree/builder_priv.h"
#include "vm/packet/key.h"

enum {
    SRC_OPEN = 1, /* bits of a class */
    DST_OPEN = 2,
    SMALL_PART = 64, /* a class of fewer than boxes / SMALL_PART + SMALL_PART joins the largest */
};

static bool leaves_open(const struct build *b, uint32_t box, unsigned slot)
{
    const unsigned field = slot == KEY_SLOT(src) ? RANGE_SRC : RANGE_DST;
    if (b->b->rank[0])
        return range_holds(box_range(b->b, field, box), (struct range){0, b->b->rank_most[field - RANGE_SRC]});
    for (unsigned s = slot; s < slot + 4; s++)
        if (b->column[s] != NO_COLUMN && b->b->mask[b->column[s]][box]) return false;
    return true;
}

static unsigned open_class(const struct build *b, uint32_t box)
{
    return (leaves_open(b, box, KEY_SLOT(src)) ? SRC_OPEN : 0) | (leaves_open(b, box, KEY_SLOT(dst)) ? DST_OPEN : 0);
}

/* Find the class that each class's boxes join. False: too few boxes leave one of the addresses open. */
static bool classes_settle(const struct build *b, unsigned to[PARTS_MOST], uint32_t count[PARTS_MOST])
{
    const uint32_t small = b->b->count / SMALL_PART + SMALL_PART;
    unsigned largest = 0;
    memset(count, 0, PARTS_MOST * sizeof *count);
    for (uint32_t i = 0; i < b->b->count; i++) count[open_class(b, i)]++;
    for (unsigned c = 0; c < PARTS_MOST; c++)
        if (count[c] > count[largest]) largest = c;
    for (unsigned c = 0; c < PARTS_MOST; c++) {
        to[c] = count[c] < small ? largest : c;
        if (to[c] == c) continue;
        count[largest] += count[c];
        count[c] = 0;
    }
    return count[SRC_OPEN] && count[DST_OPEN];
}

static bool list_new(struct build *b, struct list *l, uint32_t room)
{
    *l = (struct list){stack_get(b, room * sizeof *l->box), 0};
    return l->box;
}

bool parts_find(struct build *b, struct parts *parts)
{
    unsigned to[PARTS_MOST], part[PARTS_MOST];
    uint32_t count[PARTS_MOST];
    parts->count = 0;
    if (!classes_settle(b, to, count)) return false;
    memset(part, 0xff, sizeof part);
    for (uint32_t i = 0; i < b->b->count; i++) {
        const unsigned c = to[open_class(b, i)];
        if (part[c] >= parts->count) {
            part[c] = parts->count++;
            if (!list_new(b, &parts->part[part[c]], count[c])) return false;
        }
        struct list *l = &parts->part[part[c]];
        l->box[l->count++] = i;
    }
    return true;
}

void parts_whole(struct build *b, struct parts *parts)
{
    parts->count = 1;
    if (!list_new(b, parts->part, b->b->count)) return;
    for (uint32_t i = 0; i < b->b->count; i++) parts->part[0].box[parts->part[0].count++] = i;
}
