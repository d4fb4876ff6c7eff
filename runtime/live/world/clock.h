/* The clock on the wall, which others set: schedules and times of the log follow it. The vm's own clock never jumps. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct clock {
    int fd;             /* readable when the clock was set; -1: only clock_look notices, each time it is asked */
    int64_t wall_ns;    /* of the clock on the wall over the one that never jumps, when it was looked at last */
    int64_t suspend_ns; /* time that this machine has slept since it was started */
};

/* Never fails: see fd. */
void clock_open(struct clock *c);
void clock_close(struct clock *c);

/* Was it set since the last call, or did the machine sleep? By how much it jumped beyond the sleep (negative: back),
 * and how long the sleep was. Under half a second, and not told by fd, it is the clock being steered, and no jump. */
bool clock_look(struct clock *c, int64_t *jumped_ns, int64_t *slept_ns);
