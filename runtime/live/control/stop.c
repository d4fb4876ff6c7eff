/* The mark that ends the service, set in a question; its answer is still sent before the end */
#include "runtime/live/control/stop.h"

#include "runtime/live/control/asked.h"
#include "runtime/live/control/questions.h"

bool stop_waits(const struct control *control) { return control->stops; }

bool stop_step(struct control *control, uint64_t now_ns)
{
    if (control->stops) asked_step(control, now_ns);
    return control->stops;
}

/* Return words for what happens to this machine's traffic after an end of that kind. */
static const char *after(const struct control *control, bool open)
{
    const enum options_end end = control->o->on_exit;
    if (open || end == OPTIONS_END_UNSET || (end == OPTIONS_END_OPEN && !control->o->bridge_count))
        return "all its changes are undone";
    return end == OPTIONS_END_CLOSED ? "the interfaces stay shut until you start prey again or run preyrun --cleanup"
                                     : "its bridges keep passing frames, unjudged";
}

void asked_STOP(void *with, struct call *c)
{
    struct control *control = with;
    const bool open = call_is_true(c, "open");
    char err[300];
    if (open && ask_OPEN(control->tell->channel, err, sizeof err)) {
        call_end(c, 2, "preyrun keeps running: %s", err);
        return;
    }
    control->stops = true;
    events_tell(&control->tell->events, TOLD_STOPPED, "user %u stops preyrun%s", (unsigned)call_uid(c),
                open ? " and opens everything" : "");
    call_end(c, 0, "%.100s ends: %s", control->o->name, after(control, open));
}
