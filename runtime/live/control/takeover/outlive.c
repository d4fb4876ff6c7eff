/* An instance that can't be taken over is not kept, because no process could continue it */
#include "runtime/live/control/takeover/outlive.h"

#include <signal.h>
#include <sys/prctl.h>

#include "runtime/live/control/control_state.h"
#include "runtime/live/control/takeover/yield.h"
#include "runtime/live/tell/log.h"

static bool refused(struct control *control, const char *why)
{
    events_tell(&control->tell->events, TOLD_FAULT, "prey can't hand over flows to the next start: %s; the flows end",
                why);
    return false;
}

bool keep_asked(struct control *control)
{
    char err[500];
    uint64_t parent;
    struct tell *tell = control->tell;
    if (control->kept) return true;
    if (yield_waits(control)) return refused(control, "another process is taking over");
    if (yield_lacks(control, err, sizeof err)) return refused(control, err);
    prctl(PR_SET_PDEATHSIG, 0); /* its parent ends now, and another one follows */
    if (ask_OUTLIVE(tell->channel, &parent, err, sizeof err)) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        return refused(control, err);
    }
    control->kept = true;
    tell->channel->parent = (pid_t)parent;
    tell->notified = (struct notified){0};
    return true;
}

void keep_left(struct control *control, int status)
{
    if (control->kept) ask_LEFT(control->tell->channel, &(struct request_left){(uint32_t)status & 255}, NULL, 0);
}
