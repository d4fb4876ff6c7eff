/* See walk.h. */
#include "runtime/live/walk.h"

#include "runtime/live/state.h"

static void ask(struct walk *w)
{
    w->began_at = w->listing.at;
    w->state = worker_list(w->l->workers[w->worker], &w->listing) ? WALK_FILLS : WALK_WAITS;
}

void walk_begin(struct walk *w, struct live *l, const struct walk_ops *ops)
{
    w->l = l;
    w->ops = ops;
    w->next = l->walks;
    l->walks = w;
    ask(w);
}

bool walk_on(struct walk *w)
{
    if (w->listing.ended) {
        w->listing.ended = false;
        w->listing.at = 0;
        w->worker++;
    }
    if (w->worker >= w->l->worker_count) return false;
    ask(w);
    return true;
}

void walk_again(struct walk *w)
{
    w->listing.at = w->began_at;
    w->listing.ended = false;
    ask(w);
}

static void let_go(struct walk *w)
{
    struct walk **at = &w->l->walks;
    while (*at != w) at = &(*at)->next;
    *at = w->next;
    w->ops->free(w);
}

void walk_leave(struct walk *w)
{
    w->left = true;
    if (w->state != WALK_FILLS) let_go(w);
}

static bool is_filled(const struct walk *w)
{
    return w->state == WALK_FILLS &&
           __atomic_load_n(&w->l->workers[w->worker]->listing, __ATOMIC_ACQUIRE) != &w->listing;
}

void walks_step(struct live *l)
{
    for (struct walk *w = l->walks, *next; w; w = next) {
        next = w->next;
        if (w->state == WALK_WAITS) ask(w);
        if (!is_filled(w)) continue;
        w->state = WALK_RESTS;
        if (w->left)
            let_go(w);
        else
            w->ops->part(w);
    }
}

void walks_fini(struct live *l)
{
    while (l->walks) let_go(l->walks);
}
