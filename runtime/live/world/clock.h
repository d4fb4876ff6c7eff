/* The wall clock, which other processes may set; schedules and log times follow it. The vm's own clock never jumps. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Reasons not to rely on the time. A machine without a hardware clock, or with one whose battery is empty, boots
 * with a past time, until it is set. */
enum clock_doubt {
    CLOCK_SET,
    CLOCK_PAST,    /* the time is before this preyrun was built */
    CLOCK_UNASKED, /* this machine has no clock that runs without power, and its time has not been set since boot */
};

struct clock {
    uint64_t made_ns;   /* the wall clock is not set if it shows an earlier time */
    bool goes_on;       /* the machine has a clock that runs without power */
    bool was_set;       /* the time has been set since the boot */
    int fd;             /* readable when the clock was set; -1: only clock_look finds changes */
    int64_t wall_ns;    /* wall clock minus monotonic clock, at the last look */
    int64_t suspend_ns; /* time that this machine has slept since its start */
};

/* Find out this machine's clock, by its files and the record of an earlier run in STATE_RUN. Call in the process
 * that can see them. */
void clock_before(struct clock *c);
/* Open the clock. Never fails: without a timer, fd is -1. */
void clock_open(struct clock *c);
void clock_close(struct clock *c);

/* True if the clock was set or the machine slept since the last call. Give the length of the sleep, and the jump
 * beyond it (negative: back). A difference below half a second that fd did not report is clock steering, not a jump. */
bool clock_look(struct clock *c, int64_t *jumped_ns, int64_t *slept_ns);

enum clock_doubt clock_doubt(const struct clock *c, uint64_t wall_ns);
/* Return the reason as words that follow "the clock is not set: ". */
const char *clock_doubt_text(enum clock_doubt doubt);
