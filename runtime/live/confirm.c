/* See confirm.h. */
#include "runtime/live/confirm.h"

#include "runtime/live/asked.h"
#include "runtime/live/document.h"

void confirm_begin(struct live *l)
{
    char text[TEXT_NUMBER];
    if (!l->o->confirm_ns) return;
    l->confirm_until_ns = clock_ns(CLOCK_MONOTONIC) + l->o->confirm_ns;
    events_tell(&l->events, TOLD_CONFIRM, "it ends in %s, unless `preyctl confirm` comes before",
                text_duration(l->o->confirm_ns, text));
}

bool confirm_waits(const struct live *l) { return l->confirm_until_ns; }

bool confirm_is_over(const struct live *l, uint64_t now_ns)
{
    return confirm_waits(l) && now_ns >= l->confirm_until_ns;
}

bool confirm_is_late(struct live *l, uint64_t now_ns)
{
    if (!confirm_is_over(l, now_ns)) return false;
    events_tell(&l->events, TOLD_CONFIRM, "nobody has confirmed it: it ends");
    return true;
}

void asked_CONFIRM(void *with, struct call *c)
{
    struct live *l = with;
    if (!confirm_waits(l)) {
        call_end(c, 2, "nothing waits to be confirmed");
        return;
    }
    l->confirm_until_ns = 0;
    document_old(l);
    events_tell(&l->events, TOLD_CONFIRM, "user %u has confirmed it", (unsigned)call_uid(c));
    call_end(c, 0, "confirmed: %.200s goes on", l->o->program);
}
