/* The main thread: signals, what the kernel tells of the world, what the worker asks and logs. No packet comes by here.
 */
#include "runtime/live/live.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "runtime/live/live_priv.h"

enum { TICK_MS = 1000 };

/* ---- log ---- */

static uint64_t clock_of(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void log_line(const struct live *l, const struct log_note *n)
{
    char when[TEXT_TIME], verdict[128], what[sizeof n->text];
    const uint64_t wall = clock_of(CLOCK_REALTIME) - (clock_of(CLOCK_MONOTONIC) - n->mono_ns);
    memcpy(what, n->text, sizeof what);
    text_clean(what);
    label_verdict(&l->labels, n->rule, verdict, sizeof verdict);
    if (l->o->log == LOG_TEXT) {
        fprintf(stderr, "%s  %s  %s  %s  %u bytes\n", text_clock(wall, when), label_rule(&l->labels, n->rule), verdict,
                what, n->bytes);
        return;
    }
    fprintf(stderr, "{\"event\":\"log\",\"time\":\"%s\",\"rule\":", text_iso(wall, when));
    text_json(stderr, label_rule(&l->labels, n->rule));
    fputs(",\"place\":", stderr);
    text_json(stderr, label_rule_place(&l->labels, n->rule));
    fputs(",\"verdict\":", stderr);
    text_json(stderr, verdict);
    fputs(",\"packet\":", stderr);
    text_json(stderr, what);
    fprintf(stderr, ",\"bytes\":%u}\n", n->bytes);
}

static bool called(struct live *l)
{
    uint64_t calls;
    struct log_note note;
    (void)!read(l->worker->call_fd, &calls, sizeof calls);
    while (ring_take(&l->worker->logs, &note)) log_line(l, &note);
    const int fault = __atomic_exchange_n(&l->worker->fault, 0, __ATOMIC_ACQ_REL);
    if (fault) {
        const int at = __atomic_load_n(&l->worker->fault_port, __ATOMIC_RELAXED);
        fprintf(stderr, "preyrun: %s: %s\n", l->o->ifaces[at], strerror(fault));
    }
    return world_asked(l);
}

/* ---- signals ---- */

/* Blocked before any thread begins, so that they come by the descriptor alone. */
static int signals_open(struct live *l)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    if (sigprocmask(SIG_BLOCK, &set, NULL)) return live_complain("signals: %s", strerror(errno));
    l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return l->signal_fd < 0 ? live_complain("signals: %s", strerror(errno)) : 0;
}

/* False: it is time to end. */
static bool signalled(struct live *l)
{
    struct signalfd_siginfo s;
    while (read(l->signal_fd, &s, sizeof s) == sizeof s) {
        if (s.ssi_signo != SIGUSR1) return false;
        worker_hold(l->worker);
        live_report(l);
        worker_release(l->worker);
    }
    return true;
}

/* ---- running ---- */

/* One of the CPUs that we may use: with several the last, for interrupts tend to go to the first. */
static int cpu_of_worker(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set)) return -1;
    for (int i = CPU_SETSIZE - 1; i >= 0; i--)
        if (CPU_ISSET((unsigned)i, &set)) return i;
    return -1;
}

static void say_ready(const struct live *l)
{
    const struct options *o = l->o;
    fprintf(stderr, "ready: %s:", claim_name(o));
    for (unsigned i = 0; i < o->iface_count; i++) fprintf(stderr, "%s %s", i ? "," : "", o->ifaces[i]);
    fprintf(stderr, " by %s, 1 worker, %s%s\n", l->worker->ports[0].ops->name, o->program,
            o->monitor ? "; what is for this machine itself is only watched" : "");
}

static int serve(struct live *l)
{
    struct pollfd fds[3] = {{.fd = l->signal_fd, .events = POLLIN},
                            {.fd = host_fd(l->host), .events = POLLIN},
                            {.fd = l->worker->call_fd, .events = POLLIN}};
    uint64_t ticked = clock_of(CLOCK_MONOTONIC);
    for (;;) {
        if (poll(fds, 3, TICK_MS) < 0 && errno != EINTR) return live_complain("poll: %s", strerror(errno));
        if (fds[0].revents && !signalled(l)) return 0;
        bool fine = !fds[1].revents || world_read(l);
        if (fds[2].revents) fine &= called(l);
        const uint64_t now = clock_of(CLOCK_MONOTONIC);
        if (now - ticked >= TICK_MS * UINT64_C(1000000)) {
            ticked = now;
            fine &= world_tick(l);
        }
        if (!fine) return live_complain("out of memory");
    }
}

static int run(struct live *l)
{
    const int err = worker_start(l->worker, cpu_of_worker());
    if (err) return live_complain("a thread cannot be started: %s", strerror(-err));
    say_ready(l);
    const int status = serve(l);
    worker_stop(l->worker);
    called(l);
    const int reported = live_report(l);
    return status ? status : reported;
}

int live(const struct options *o)
{
    struct live l = {.o = o, .signal_fd = -1};
    if (o->cleanup) return claim_cleanup(o);
    int status = start_look(&l);
    if (!status && o->preflight) {
        fprintf(stderr, "preflight: nothing stands in the way\n");
    } else if (!status) {
        status = signals_open(&l);
        if (!status) status = claim_host(&l);
        if (!status) status = start_open(&l);
        if (!status) status = run(&l);
    }
    claim_end(&l);
    if (l.signal_fd >= 0) close(l.signal_fd);
    start_close(&l);
    return status;
}
