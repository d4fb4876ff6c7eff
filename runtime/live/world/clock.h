/* The wall clock, which others may set; schedules and log times follow it. The vm's own clock never jumps. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct clock {
    int fd;             /* readable when the clock was set; -1: changes are found only by calls of clock_look */
    int64_t wall_ns;    /* wall clock minus monotonic clock, at the last look */
    int64_t suspend_ns; /* time that this machine has slept since its start */
};

/* Open the clock. Never fails: without a timer, fd is -1. */
void clock_open(struct clock *c);
void clock_close(struct clock *c);

/* True if the clock was set or the machine slept since the last call. Give the length of the sleep, and the jump beyond
 * it (negative: back). A difference below half a second that fd did not report is clock steering, and no jump. */
bool clock_look(struct clock *c, int64_t *jumped_ns, int64_t *slept_ns);
