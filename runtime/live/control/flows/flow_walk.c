/* A part is requested from one worker or loop at a time; the main thread looks for filled parts each turn */
#include "runtime/live/control/flows/flow_walk.h"

#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/proxy/proxy.h"

bool walk_of_sessions(const struct walk *w) { return w->worker >= w->control->carry->worker_count; }

uint64_t walk_program(const struct walk *w) { return walk_of_sessions(w) ? w->sessions.program : w->listing.program; }
uint64_t walk_now(const struct walk *w) { return walk_of_sessions(w) ? w->sessions.now_ns : w->listing.now_ns; }

/* Return the place where the next part begins. Return true if no part is left (second function). */
static uint32_t *part_at(struct walk *w) { return walk_of_sessions(w) ? &w->sessions.at : &w->listing.at; }
static bool *part_ended(struct walk *w) { return walk_of_sessions(w) ? &w->sessions.ended : &w->listing.ended; }

static void walk_ask(struct walk *w)
{
    w->began_at = *part_at(w);
    w->began_observed = w->listing.observed;
    const unsigned workers = w->control->carry->worker_count;
    const bool asked = walk_of_sessions(w)
                           ? proxy_list(proxied_loop(w->control->carry, w->worker - workers), &w->sessions)
                           : worker_list(w->control->carry->workers[w->worker], &w->listing);
    w->state = asked ? WALK_FILLS : WALK_WAITS;
}

void walk_begin(struct walk *w, struct control *control, const struct walk_ops *ops)
{
    w->control = control;
    w->ops = ops;
    w->next = control->walks;
    control->walks = w;
    walk_ask(w);
}

bool walk_on(struct walk *w)
{
    if (*part_ended(w)) {
        *part_ended(w) = false;
        *part_at(w) = 0;
        w->listing.observed = false;
        w->worker++;
    }
    if (w->worker >= w->control->carry->worker_count + proxied_loops(w->control->carry)) return false;
    walk_ask(w);
    return true;
}

void walk_again(struct walk *w)
{
    *part_at(w) = w->began_at;
    w->listing.observed = w->began_observed;
    *part_ended(w) = false;
    walk_ask(w);
}

static void walk_drop(struct walk *w)
{
    struct walk **at = &w->control->walks;
    while (*at != w) at = &(*at)->next;
    *at = w->next;
    w->ops->free(w);
}

void walk_leave(struct walk *w)
{
    w->left = true;
    if (w->state != WALK_FILLS) walk_drop(w);
}

static bool is_filled(const struct walk *w)
{
    if (w->state != WALK_FILLS) return false;
    if (walk_of_sessions(w))
        return proxy_listed(proxied_loop(w->control->carry, w->worker - w->control->carry->worker_count), &w->sessions);
    return __atomic_load_n(&w->control->carry->workers[w->worker]->listing, __ATOMIC_ACQUIRE) != &w->listing;
}

void walks_step(struct control *control)
{
    for (struct walk *w = control->walks, *next; w; w = next) {
        next = w->next;
        if (w->state == WALK_WAITS) walk_ask(w);
        if (!is_filled(w)) continue;
        w->state = WALK_RESTS;
        if (w->left)
            walk_drop(w);
        else
            w->ops->part(w);
    }
}

void walks_fini(struct control *control)
{
    while (control->walks) walk_drop(control->walks);
}
