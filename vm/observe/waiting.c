/* A list of fixed room, linked by indexes, with a list of spare places */
#include "vm/observe/waiting.h"

#include "vm/packet/pkt.h"

void waiting_init(struct waiting_list *list)
{
    *list = (struct waiting_list){.first = HELD_NONE, .last = HELD_NONE};
    for (uint32_t i = 0; i < HOLDING_MOST; i++) list->at[i].next = i + 1 < HOLDING_MOST ? i + 1 : HELD_NONE;
}

void waiting_fini(struct waiting_list *list)
{
    for (uint32_t i = list->first; i != HELD_NONE; i = list->at[i].next) pool_put(list->at[i].pkt);
    waiting_init(list);
}

bool waiting_add(struct waiting_list *list, const struct waiting *h)
{
    const uint32_t i = list->spare;
    if (i == HELD_NONE) return false;
    list->spare = list->at[i].next;
    list->at[i] = *h;
    list->at[i].next = HELD_NONE;
    *(list->last == HELD_NONE ? &list->first : &list->at[list->last].next) = i;
    list->last = i;
    list->count++;
    list->ready += h->fate != HELD_WAITS;
    return true;
}

bool waiting_take(struct waiting_list *list, struct waiting *h)
{
    if (!list->ready) return false;
    uint32_t before = HELD_NONE, i = list->first;
    for (; list->at[i].fate == HELD_WAITS; i = list->at[i].next) before = i;
    *h = list->at[i];
    *(before == HELD_NONE ? &list->first : &list->at[before].next) = h->next;
    if (list->last == i) list->last = before;
    list->at[i].next = list->spare;
    list->spare = i;
    list->count--;
    list->ready--;
    return true;
}
