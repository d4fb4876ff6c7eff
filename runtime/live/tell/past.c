#include "runtime/live/tell/past.h"

#include <stdio.h>

#include "runtime/live/tell/events.h"

static void keep(struct past_line *line, unsigned kind, uint64_t wall_ns, const char *text)
{
    line->wall_ns = wall_ns;
    line->kind = kind;
    snprintf(line->text, sizeof line->text, "%s", text);
}

void past_note(struct past *p, unsigned kind, uint64_t wall_ns, const char *text, bool told)
{
    const bool now = kind == TOLD_READY || kind == TOLD_RELOADED;
    if (now) p->program_ns = wall_ns;
    p->good += kind == TOLD_RELOADED;
    p->refused += kind == TOLD_REFUSED;
    if (!told) return;
    if (now || kind == TOLD_REFUSED)
        keep(&p->reloads[p->reload_count++ % PAST_RELOADS], kind, wall_ns, text);
    else if (kind != TOLD_RULE)
        keep(&p->events[p->event_count++ % PAST_EVENTS], kind, wall_ns, text);
}
