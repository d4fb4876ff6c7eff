/* Notice of changes of the wall clock: the kernel cancels a timer on that clock when it is set, and when the machine
 * wakes (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET). */
#include "runtime/live/world/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "runtime/base/clock.h"

#define JUMP_NS INT64_C(500000000)

/* Arm the timer for the year 2106, so that it never expires by itself. */
static void arm(const struct clock *c)
{
    const struct itimerspec never = {.it_value = {.tv_sec = UINT32_MAX}};
    if (c->fd >= 0) (void)timerfd_settime(c->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

static void look(struct clock *c)
{
    const uint64_t mono_ns = clock_ns(CLOCK_MONOTONIC);
    c->suspend_ns = (int64_t)(clock_ns(CLOCK_BOOTTIME) - mono_ns);
    c->wall_ns = (int64_t)(clock_ns(CLOCK_REALTIME) - mono_ns);
}

void clock_open(struct clock *c)
{
    c->fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    arm(c);
    look(c);
}

void clock_close(struct clock *c)
{
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
}

bool clock_look(struct clock *c, int64_t *jumped_ns, int64_t *slept_ns)
{
    uint64_t ended;
    const struct clock before = *c;
    const bool set = c->fd >= 0 && read(c->fd, &ended, sizeof ended) < 0 && errno == ECANCELED;
    if (set) arm(c);
    look(c);
    *slept_ns = c->suspend_ns - before.suspend_ns;
    if (*slept_ns < JUMP_NS) *slept_ns = 0; /* a small difference: the two clocks are not read at the same instant */
    *jumped_ns = c->wall_ns - before.wall_ns - *slept_ns;
    return set || *slept_ns || llabs(*jumped_ns) >= JUMP_NS;
}
