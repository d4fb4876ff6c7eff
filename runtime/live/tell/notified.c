/* See notified.h. The parent sends the words (NOTIFY in request.def), for it is the process that the manager knows. */
#include "runtime/live/tell/notified.h"

#include "runtime/host/manager.h"
#include "runtime/live/rules/reload.h"

void notified_begin(struct notified *n)
{
    n->wanted = manager_listens();
    n->every_ns = n->wanted ? manager_patience_ns() / 2 : 0;
}

static void tell(struct live *l, enum manager_word word)
{
    if (l->tell.notified.wanted) ask_notify(l->tell.channel, word);
}

void notified_ready(struct live *l) { tell(l, MANAGER_READY); }
void notified_reloading(struct live *l) { tell(l, MANAGER_RELOADING); }
void notified_stopping(struct live *l) { tell(l, MANAGER_STOPPING); }

/* Each worker is held for a moment: one that hangs keeps us from going on, so the manager hears nothing more. While a
 * reload waits for workers, that wait says as much. */
void notified_tick(struct live *l, uint64_t now_ns)
{
    struct notified *n = &l->tell.notified;
    if (!n->every_ns || now_ns - n->told_ns < n->every_ns || reload_pending(l)) return;
    for (unsigned i = 0; i < l->carry.worker_count; i++) {
        worker_hold(l->carry.workers[i]);
        worker_release(l->carry.workers[i]);
    }
    n->told_ns = now_ns;
    tell(l, MANAGER_ALIVE);
}
