/* Notices through the parent (NOTIFY in request.def), which is the process that the service manager knows. */
#include "runtime/live/tell/notified.h"

#include "runtime/host/manager.h"

void notified_begin(struct notified *n)
{
    n->wanted = manager_listens();
    n->every_ns = n->wanted ? manager_patience_ns() / 2 : 0;
}

static void notify(struct tell *tell, enum manager_word word)
{
    if (tell->notified.wanted && !tell->notified.mute) ask_NOTIFY(tell->channel, &(struct request_notify){word});
}

void notified_ready(struct tell *tell) { notify(tell, MANAGER_READY); }
void notified_reloading(struct tell *tell) { notify(tell, MANAGER_RELOADING); }
void notified_stopping(struct tell *tell) { notify(tell, MANAGER_STOPPING); }

bool notified_due(const struct tell *tell, uint64_t now_ns)
{
    const struct notified *n = &tell->notified;
    return n->every_ns && now_ns - n->told_ns >= n->every_ns;
}

void notified_alive(struct tell *tell, uint64_t now_ns)
{
    tell->notified.told_ns = now_ns;
    notify(tell, MANAGER_ALIVE);
}
