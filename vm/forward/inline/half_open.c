/* Half-open connections in the order in which they began: a list through their numbers */
#include "vm/forward/inline/conns_priv.h"

void half_open_init(struct half_open *list, uint64_t asked, uint32_t numbers)
{
    const uint32_t most = numbers / 2 ? numbers / 2 : 1;
    *list =
        (struct half_open){.first = NUMBER_NONE, .last = NUMBER_NONE, .most = asked < most ? (uint32_t)asked : most};
}

void half_open_add(struct inlines *all, uint32_t number)
{
    struct half_open *list = &all->half_open;
    struct inline_conn *c = &all->at[number];
    c->before = list->last;
    c->next = NUMBER_NONE;
    *(list->last == NUMBER_NONE ? &list->first : &all->at[list->last].next) = number;
    list->last = number;
    list->count++;
}

void half_open_drop(struct inlines *all, uint32_t number)
{
    struct half_open *list = &all->half_open;
    const struct inline_conn *c = &all->at[number];
    *(c->before == NUMBER_NONE ? &list->first : &all->at[c->before].next) = c->next;
    *(c->next == NUMBER_NONE ? &list->last : &all->at[c->next].before) = c->before;
    list->count--;
}

void inlines_opened(struct inlines *all, uint32_t number)
{
    half_open_drop(all, number);
    all->at[number].state = INLINE_OPEN;
}

struct inline_conn *inlines_too_many(struct inlines *all, uint32_t *number)
{
    *number = all->half_open.first;
    return all->half_open.count >= all->half_open.most ? inlines_at(all, *number) : NULL;
}
