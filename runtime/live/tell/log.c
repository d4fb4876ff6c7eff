/* Opening of the log, and reports of faults: on standard error until the start is complete, then in the log. */
#include "runtime/live/tell/log.h"

#include <stdarg.h>
#include <string.h>

#include "runtime/base/complain.h"
#include "runtime/parent/ask.h"

int tell_fault(struct tell *tell, const char *fmt, ...)
{
    char line[1000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (!tell->ready) return complain("%s", line);
    events_tell(&tell->events, TOLD_FAULT, "%s", line);
    return 2;
}

void tell_once(struct tell *tell, bool is, bool *was, enum told kind, const char *fmt, ...)
{
    char line[1000];
    va_list ap;
    va_start(ap, fmt);
    if (is && !*was) {
        vsnprintf(line, sizeof line, fmt, ap);
        events_tell(&tell->events, kind, "%s", line);
    }
    va_end(ap);
    *was = is;
}

int log_open(struct tell *tell)
{
    const char *to = tell->o->log_to;
    const int fd = sink_descriptor(to);
    if (fd < 0) return complain("--log: %s: %s", to, strerror(-fd));
    return events_init(&tell->events, tell->o->log, tell->o->name, to, fd) ? complain("out of memory") : 0;
}

void log_again(struct tell *tell)
{
    char err[500];
    int fd;
    if (tell->events.sink.kind == SINK_STDERR) return;
    if (ask_LOG(tell->channel, &fd, err, sizeof err))
        events_tell(&tell->events, TOLD_FAULT, "--log: %s: %s; prey still writes to the file that it opened earlier",
                    tell->events.sink.path, err);
    else
        sink_renew(&tell->events.sink, fd);
}

void log_tick(struct tell *tell)
{
    const enum sink_kind kind = tell->events.sink.kind;
    if ((kind == SINK_SYSLOG || kind == SINK_JOURNAL) && tell->events.sink.lost) log_again(tell);
}
