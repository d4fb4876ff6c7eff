/* The turns of the main thread: it waits for the descriptors and times of turn.def, and does the steps in the order
 * there. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/host/guard/guard_news.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/carry/copies/copied.h"
#include "runtime/live/carry/guard/shared_ports.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/observed.h"
#include "runtime/live/carry/proxy/access.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/live/carry/recorded.h"
#include "runtime/live/control/asked.h"
#include "runtime/live/control/document/document.h"
#include "runtime/live/control/document/limits.h"
#include "runtime/live/control/document/live_report.h"
#include "runtime/live/control/dropped/dropped.h"
#include "runtime/live/control/flows/flow_walk.h"
#include "runtime/live/control/programs/asked_load.h"
#include "runtime/live/control/programs/confirm.h"
#include "runtime/live/control/programs/history.h"
#include "runtime/live/control/programs/watch.h"
#include "runtime/live/control/shown.h"
#include "runtime/live/control/stop.h"
#include "runtime/live/control/takeover/before.h"
#include "runtime/live/control/takeover/lasting.h"
#include "runtime/live/control/takeover/outlive.h"
#include "runtime/live/control/takeover/yield.h"
#include "runtime/live/control/trace/onlookers.h"
#include "runtime/live/main/live_priv.h"
#include "runtime/live/rules/byhand.h"
#include "runtime/live/rules/health.h"
#include "runtime/live/rules/host_changes.h"
#include "runtime/live/rules/judged.h"
#include "runtime/live/rules/members/members.h"
#include "runtime/live/rules/names/names.h"
#include "runtime/live/rules/reload.h"
#include "runtime/live/rules/via.h"
#include "runtime/live/tell/log.h"
#include "runtime/live/tell/notified.h"
#include "runtime/live/world/routing.h"
#include "runtime/live/world/tabled.h"
#include "runtime/live/world/world.h"

enum { SECOND_NS = 1000000000 };

/* Result of a step; 0 or more: the exit status, because the end has come */
enum { GOES_ON = -1, NO_MEMORY = -2 };

bool turn_called(struct live *l, struct worker *w)
{
    uint64_t calls;
    struct log_note note;
    (void)!read(w->call_fd, &calls, sizeof calls);
    while (ring_take(&w->logs, &note)) {
        const struct labels *labels = change_labels(&l->carry, note.program);
        if (labels) events_packet(&l->tell.events, labels, &note);
        events_left_out(&l->tell.events, TOLD_RULE, !labels);
    }
    struct refusal refusal;
    while (ring_take(&w->refusals, &refusal)) health_refused(&l->rules, &refusal, clock_ns(CLOCK_MONOTONIC));
    events_left_out(&l->tell.events, TOLD_RULE, __atomic_exchange_n(&w->logs_lost, 0, __ATOMIC_RELAXED));
    const int fault = __atomic_exchange_n(&w->fault, 0, __ATOMIC_ACQ_REL);
    if (fault && fault != ENETDOWN) { /* reported by links.c */
        const int at = __atomic_load_n(&w->fault_port, __ATOMIC_RELAXED);
        events_tell(&l->tell.events, TOLD_FAULT, "%s: %s", l->o->ifaces[(unsigned)at % l->o->iface_count],
                    strerror(fault));
    }
    return world_asked(&l->world, w);
}

/* Handle pending signals. False: time to end. */
static bool signalled(struct live *l)
{
    struct signalfd_siginfo s;
    while (read(l->signal_fd, &s, sizeof s) == sizeof s) {
        if (s.ssi_signo == SIGHUP) {
            logs_again(&l->carry);
            before_logs(&l->control);
            reload_begin(&l->rules);
        } else if (s.ssi_signo == SIGUSR1) {
            l->report = true;
        } else if (s.ssi_signo == SIGUSR2) {
            if (!keep_asked(&l->control)) l->ended_by = SIGTERM;
        } else {
            l->ended_by = (int)s.ssi_signo;
        }
    }
    return !l->ended_by;
}

/* Print the counters; `running`: the workers have threads. A reader that is gone does not end the process. */
bool turn_report(struct live *l, bool running)
{
    size_t len = 0;
    l->report = false;
    char *text = live_report(&l->control, running, &len);
    const int failed = text ? report_print(STDOUT_FILENO, text, len) : -ENOMEM;
    free(text);
    if (failed)
        events_tell(&l->tell.events, TOLD_FAULT, "standard output: %s; the counters aren't printed",
                    failed == -ETIMEDOUT ? "its reader has stopped reading" : strerror(-failed));
    return !failed;
}

/* Report new interface numbers to probes through services, which listen on interfaces. */
static void follow_numbers(struct live *l)
{
    if (l->renumbered == l->world.renumbered) return;
    l->renumbered = l->world.renumbered;
    via_links(&l->rules);
}

/* Send a sign of life once each worker has been held for a moment. A hanging worker blocks this thread, so the
 * manager gets no more signs. While a reload waits for workers, that wait shows whether they run. */
static void say_alive(struct live *l, uint64_t now)
{
    if (!notified_due(&l->tell, now) || change_pending(&l->carry)) return;
    for (unsigned i = 0; i < l->carry.worker_count; i++) {
        worker_hold(l->carry.workers[i]);
        worker_release(l->carry.workers[i]);
    }
    notified_alive(&l->tell, now);
}

/* Take what workers report. `ready`: their descriptors. False: out of memory. */
static bool workers_called(struct live *l, const struct pollfd ready[])
{
    bool fine = true;
    for (unsigned i = 0; i < l->carry.worker_count; i++)
        if (ready[i].revents) fine &= turn_called(l, l->carry.workers[i]);
    return fine;
}

/* Times at which a step is done */
enum step_when {
    READY,  /* its descriptor is readable */
    GONE,   /* the peer has closed its descriptor; another thread reads from it */
    EACH,   /* each turn; descriptor and time only end the wait */
    SECOND, /* once per second */
};

struct step {
    enum step_when when;
    int (*fd)(const struct live *l);                        /* descriptor; -1: none */
    uint64_t (*due_ns)(const struct live *l, uint64_t now); /* time at which the wait ends; UINT64_MAX: none */
    int (*run)(struct live *l, uint64_t now, const struct pollfd ready[]); /* ready: descriptors of the workers */
};

#define NONE   -1
#define NEVER  UINT64_MAX
#define DO(x)  ((x), GOES_ON)
#define TRY(x) ((x) ? GOES_ON : NO_MEMORY)
#define STEP(ident, when, fd, due, does)                                                                               \
    static int fd_##ident(const struct live *l) { return fd; }                                                         \
    static uint64_t due_##ident(const struct live *l, uint64_t now) { return due; }                                    \
    static int run_##ident(struct live *l, uint64_t now, const struct pollfd ready[]) { return does; }
#include "runtime/live/main/turn.def"
#undef STEP

static const struct step steps[] = {
#define STEP(ident, when, fd, due, does) {when, fd_##ident, due_##ident, run_##ident},
#include "runtime/live/main/turn.def"
#undef STEP
};

enum { STEPS = sizeof steps / sizeof *steps };

/* Descriptors of the steps, then of the workers */
typedef struct pollfd waiting[STEPS + WORKERS_MOST];

/* Poll the entries that have a descriptor: a list with gaps may be longer than the limit on open descriptors, and
 * poll refuses such a list (EINVAL). Return 0 or a negative errno. */
static int poll_some(waiting fds, unsigned count, int ms)
{
    waiting some;
    unsigned at[STEPS + WORKERS_MOST], n = 0;
    for (unsigned i = 0; i < count; i++) {
        if (fds[i].fd < 0) continue;
        at[n] = i;
        some[n++] = fds[i];
    }
    const int failed = poll(some, n, ms) < 0 ? errno : 0;
    for (unsigned i = 0; i < n && !failed; i++) fds[at[i]].revents = some[i].revents;
    return failed && failed != EINTR ? -failed : 0;
}

/* Wait until a descriptor is readable or a step is due. A reload replaces some descriptors. Return 0 or a negative
 * errno. */
static int wait_on(const struct live *l, waiting fds, uint64_t second_ns)
{
    const uint64_t now = clock_ns(CLOCK_MONOTONIC);
    uint64_t due_ns = second_ns;
    for (unsigned i = 0; i < STEPS; i++) {
        const uint64_t own_ns = steps[i].due_ns(l, now);
        if (own_ns < due_ns) due_ns = own_ns;
        fds[i] = (struct pollfd){.fd = steps[i].fd(l), .events = steps[i].when == GONE ? 0 : POLLIN};
    }
    for (unsigned i = 0; i < l->carry.worker_count; i++)
        fds[STEPS + i] = (struct pollfd){.fd = l->carry.workers[i]->call_fd, .events = POLLIN};
    const int ms = clock_wait_ms(due_ns, now, SECOND_NS / 1000000);
    return poll_some(fds, STEPS + l->carry.worker_count, ms);
}

/* Do the steps of a turn. second: a second has passed. */
static int do_steps(struct live *l, const waiting fds, bool second)
{
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < STEPS; i++) {
        const struct step *s = &steps[i];
        if (s->when == READY || s->when == GONE ? !fds[i].revents : s->when == SECOND && !second) continue;
        const int result = s->run(l, now, fds + STEPS);
        if (result != GOES_ON) return result;
        if (s->when == READY) now = clock_ns(CLOCK_MONOTONIC);
    }
    return GOES_ON;
}

int turns(struct live *l)
{
    waiting fds;
    int result = GOES_ON;
    uint64_t second_ns = clock_ns(CLOCK_MONOTONIC) + SECOND_NS;
    while (result == GOES_ON) {
        const int failed = wait_on(l, fds, second_ns);
        if (failed) return tell_fault(&l->tell, "poll: %s", strerror(-failed));
        const uint64_t now = clock_ns(CLOCK_MONOTONIC);
        const bool second = now >= second_ns;
        if (second) second_ns = now + SECOND_NS;
        result = do_steps(l, fds, second);
    }
    return result == NO_MEMORY ? tell_fault(&l->tell, "out of memory") : result;
}
