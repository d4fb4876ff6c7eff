/* Notice of changes of the wall clock: the kernel cancels a timer on that clock when it is set, and when the machine
 * wakes (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET).
 *
 * The kernel does not report reliably if the clock is set: by adjtimex(2) a machine with a good hardware clock and
 * without NTP is always unsynchronised, and systemd's ProtectClock= refuses the call. */
#include "runtime/live/world/clock.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/host/state.h"

#define JUMP_NS   INT64_C(500000000)
#define SECOND_NS UINT64_C(1000000000)
/* Clocks of build machines and installing machines may be ahead by this much. */
#define AHEAD_NS (48 * 3600 * SECOND_NS)
#define BEGAN    STATE_RUN "/clock" /* wall clock at the boot, as computed by the first start after it */

static uint64_t number_in(const char *path)
{
    uint64_t n = 0;
    FILE *f = fopen(path, "re");
    if (f && fscanf(f, "%" SCNu64, &n) != 1) n = 0;
    if (f) fclose(f);
    return n;
}

/* True if a hardware clock shows a plausible time. It is known to be missing only if a device tree lists the
 * hardware: other machines give the kernel the time at boot in other ways. */
static bool has_hardware_clock(uint64_t made_ns)
{
    glob_t all;
    bool good = access("/sys/firmware/devicetree/base", F_OK) != 0;
    if (glob("/sys/class/rtc/rtc*/since_epoch", 0, NULL, &all)) return good;
    good = false;
    for (size_t i = 0; i < all.gl_pathc; i++) good |= number_in(all.gl_pathv[i]) >= made_ns / SECOND_NS;
    globfree(&all);
    return good;
}

/* True if the time was set since the first start after the boot. If this is that start, note its time. Steering
 * moves both clocks. */
static bool set_since_boot(void)
{
    const uint64_t now_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME), began_ns = number_in(BEGAN);
    if (began_ns) return llabs((int64_t)(now_ns - began_ns)) >= JUMP_NS;
    FILE *f = fopen(BEGAN, "we");
    if (f) fprintf(f, "%" PRIu64 "\n", now_ns);
    if (f) fclose(f);
    return false;
}

void clock_before(struct clock *c)
{
    struct stat self;
    const uint64_t made_ns = stat("/proc/self/exe", &self) ? 0 : (uint64_t)self.st_mtime * SECOND_NS;
    c->made_ns = made_ns > AHEAD_NS ? made_ns - AHEAD_NS : 0;
    c->goes_on = has_hardware_clock(c->made_ns);
    c->was_set = !c->goes_on && (set_since_boot() || !access("/run/systemd/timesync/synchronized", F_OK));
}

enum clock_doubt clock_doubt(const struct clock *c, uint64_t wall_ns)
{
    if (wall_ns < c->made_ns) return CLOCK_PAST;
    return c->goes_on || c->was_set ? CLOCK_SET : CLOCK_UNASKED;
}

const char *clock_doubt_text(enum clock_doubt doubt)
{
    return doubt == CLOCK_PAST
               ? "its time is earlier than the build of this preyrun"
               : "this machine has no battery-backed clock, and the clock hasn't been set since the boot";
}

/* Arm the timer for the year 2106, so that it never expires by itself. */
static void arm(const struct clock *c)
{
    const struct itimerspec never = {.it_value = {.tv_sec = UINT32_MAX}};
    if (c->fd >= 0) (void)timerfd_settime(c->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

static void clock_note(struct clock *c)
{
    const uint64_t mono_ns = clock_ns(CLOCK_MONOTONIC);
    c->suspend_ns = (int64_t)(clock_ns(CLOCK_BOOTTIME) - mono_ns);
    c->wall_ns = (int64_t)(clock_ns(CLOCK_REALTIME) - mono_ns);
}

void clock_open(struct clock *c)
{
    c->fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    arm(c);
    clock_note(c);
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
    clock_note(c);
    *slept_ns = c->suspend_ns - before.suspend_ns;
    if (*slept_ns < JUMP_NS) *slept_ns = 0; /* a small difference: the two clocks are not read at the same instant */
    *jumped_ns = c->wall_ns - before.wall_ns - *slept_ns;
    const bool jumped = set || llabs(*jumped_ns) >= JUMP_NS;
    c->was_set |= jumped;
    return jumped || *slept_ns;
}
