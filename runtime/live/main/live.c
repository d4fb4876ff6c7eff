/* The main thread: signals, reports of the kernel, requests and log notes of workers. No packet passes here. */
#include "runtime/live/main/live.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/complain.h"
#include "runtime/exchange/begun/tuples.h"
#include "runtime/host/file/keypair.h"
#include "runtime/host/guard/guard_news.h"
#include "runtime/kernel/adopt.h"
#include "runtime/live/carry/change.h"
#include "runtime/live/carry/copies/copied.h"
#include "runtime/live/carry/guard/shared_ports.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/observed.h"
#include "runtime/live/carry/proxy/access.h"
#include "runtime/live/carry/proxy/middle.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/live/carry/recorded.h"
#include "runtime/live/control/asked.h"
#include "runtime/live/control/document/document.h"
#include "runtime/live/control/document/limits.h"
#include "runtime/live/control/document/report.h"
#include "runtime/live/control/flows/walk.h"
#include "runtime/live/control/programs/confirm.h"
#include "runtime/live/control/programs/history.h"
#include "runtime/live/control/programs/load.h"
#include "runtime/live/control/programs/watch.h"
#include "runtime/live/control/shown.h"
#include "runtime/live/control/stop.h"
#include "runtime/live/control/trace/onlookers.h"
#include "runtime/live/main/files.h"
#include "runtime/live/main/start.h"
#include "runtime/live/rules/byhand.h"
#include "runtime/live/rules/claim.h"
#include "runtime/live/rules/health.h"
#include "runtime/live/rules/judged.h"
#include "runtime/live/rules/reload.h"
#include "runtime/live/rules/room.h"
#include "runtime/live/rules/via.h"
#include "runtime/live/tell/log.h"
#include "runtime/live/tell/notified.h"
#include "runtime/live/world/announced.h"
#include "runtime/live/world/routing.h"
#include "runtime/live/world/tabled.h"
#include "runtime/live/world/world.h"
#include "runtime/parent/parent.h"

enum { TICK_MS = 1000, LARGE_FROM = 1 << 20 };

static bool called(struct live *l, struct worker *w)
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

/* Block the signals before any thread begins, so that they arrive only by the descriptor. */
static int signals_open(struct live *l)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL)) return complain("signals: %s", strerror(errno));
    l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return l->signal_fd < 0 ? complain("signals: %s", strerror(errno)) : 0;
}

/* Handle pending signals. False: time to end. */
static bool signalled(struct live *l)
{
    struct signalfd_siginfo s;
    while (read(l->signal_fd, &s, sizeof s) == sizeof s) {
        if (s.ssi_signo == SIGHUP) {
            logs_again(&l->carry);
            reload_begin(&l->rules);
        } else if (s.ssi_signo == SIGUSR1) {
            l->report = true;
        } else {
            l->ended_by = (int)s.ssi_signo;
        }
    }
    return !l->ended_by;
}

/* Print the counters; `running`: the workers have threads. A reader that is gone does not end the process. */
static bool report(struct live *l, bool running)
{
    size_t len = 0;
    l->report = false;
    char *text = live_report(&l->control, running, &len);
    const int failed = text ? report_print(STDOUT_FILENO, text, len) : -ENOMEM;
    free(text);
    if (failed)
        events_tell(&l->tell.events, TOLD_FAULT, "standard output: %s; the counters are not printed",
                    failed == -ETIMEDOUT ? "its reader does not read" : strerror(-failed));
    return !failed;
}

static void say_ready(struct live *l)
{
    const struct options *o = l->o;
    char names[PORTS_MOST * (IF_NAMESIZE + 2)];
    size_t used = 0;
    for (unsigned i = 0; i < o->iface_count; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s %.15s", i ? "," : "", o->ifaces[i]);
    char proxied[160], proved[100] = "", room[ROOM_TEXT], a[TEXT_NUMBER], b[TEXT_NUMBER];
    char trial[CONFIRM_TEXT];
    const struct proof proof = in_kernel_proof(&l->carry);
    if (proof.frames)
        snprintf(proved, sizeof proved, ", proved by %s frames in %s", text_number(proof.frames, a),
                 text_duration(proof.ns, b));
    proxied_memory(&l->carry, proxied, sizeof proxied);
    in_kernel_say(&l->carry);
    events_tell(&l->tell.events, TOLD_READY, "%s:%s by %s%s%s, %u worker%s, %s%s%s%s%s%s%s", o->name, names,
                l->carry.in_kernel ? "kernel" : l->carry.io->name, l->carry.generic ? " (generic)" : "", proved,
                l->carry.worker_count, l->carry.worker_count == 1 ? "" : "s", o->program, room_text(&l->rules, room),
                o->monitor ? "; packets to this machine itself are only watched" : "",
                o->stats ? "; statistics on http://" : "", o->stats ? o->stats : "", proxied,
                confirm_text(&l->control, trial));
    l->tell.ready = true;
    judged_tell(&l->rules);
    notified_ready(&l->tell);
}

static void say_ended(struct live *l, uint64_t since_ns)
{
    const uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    char lasted[TEXT_NUMBER];
    events_tell(&l->tell.events, TOLD_ENDED, "%s: %s%s after %s", l->o->name,
                l->ended_by                            ? "SIG"
                : stop_waits(&l->control)              ? "preyctl stop"
                : confirm_is_over(&l->control, now_ns) ? "no confirmation"
                                                       : "a fault",
                l->ended_by ? sigabbrev_np(l->ended_by) : "", text_duration(now_ns - since_ns, lasted));
}

/* Events that the main thread waits for. */
enum waits_for {
    FOR_SIGNAL,
    FOR_HOST,
    FOR_CLOCK,
    FOR_PARENT, /* only its end; answers are read by the function that sent the request */
    FOR_GUARD_NEWS,
    FOR_HEALTH,
    FOR_QUESTION,
    FOR_SAID,
    FOR_HEARD,
    FOR_WEB,
    FOR_PROXIES,
    FOR_KERNEL,  /* log events of rules in the kernel */
    FOR_FILE,    /* change of the program's file */
    FOR_WORKERS, /* first worker; the others follow */
};
typedef struct pollfd waiting[FOR_WORKERS + WORKERS_MOST];

static void wait_begin(const struct live *l, waiting fds)
{
    for (unsigned i = 0; i < FOR_WORKERS; i++) fds[i] = (struct pollfd){.events = POLLIN};
    fds[FOR_SIGNAL].fd = l->signal_fd;
    fds[FOR_HOST].fd = host_fd(l->carry.host);
    fds[FOR_CLOCK].fd = l->world.clock.fd;
    fds[FOR_PARENT] = (struct pollfd){.fd = l->tell.channel->fd};
    fds[FOR_GUARD_NEWS].fd = guard_news_fd(l->carry.guard_news);
    fds[FOR_QUESTION].fd = asked_fd(&l->control);
    fds[FOR_WEB].fd = shown_fd(&l->control);
    fds[FOR_KERNEL].fd = in_kernel_fd(&l->carry);
    for (unsigned i = 0; i < l->carry.worker_count; i++)
        fds[FOR_WORKERS + i] = (struct pollfd){.fd = l->carry.workers[i]->call_fd, .events = POLLIN};
}

/* Wait for events. Return 0 or a negative errno. */
static int wait_on(struct live *l, waiting fds)
{
    fds[FOR_HEALTH].fd = health_fd(&l->rules); /* a reload replaces this descriptor */
    fds[FOR_SAID].fd = via_said_fd(&l->rules);
    fds[FOR_HEARD].fd = via_heard_fd(&l->rules);
    fds[FOR_FILE].fd = l->control.watch.fd;
    fds[FOR_PROXIES].fd = proxied_fd(&l->carry); /* the first reload with proxy services creates it */
    const uint64_t begun = clock_ns(CLOCK_MONOTONIC);
    const int most_ms = routing_wait_ms(&l->world, begun, health_wait_ms(&l->rules, begun, TICK_MS));
    const int looked_ms = onlookers_wait_ms(&l->control, begun, watch_wait_ms(&l->control, begun, most_ms));
    const int wait_ms = shown_wait_ms(&l->control, tabled_wait_ms(&l->world, begun, looked_ms));
    return poll(fds, FOR_WORKERS + l->carry.worker_count, wait_ms) < 0 && errno != EINTR ? -errno : 0;
}

/* Tell the new interface numbers to probes through services, which listen on interfaces. */
static void follow_numbers(struct live *l)
{
    if (l->renumbered == l->world.renumbered) return;
    l->renumbered = l->world.renumbered;
    via_links(&l->rules);
}

/* Handle what the descriptors report. False: out of memory. */
static bool take_news(struct live *l, const waiting fds)
{
    if (fds[FOR_GUARD_NEWS].revents) claim_follow(&l->rules);
    bool fine = !fds[FOR_HOST].revents || world_read(&l->world);
    if (fds[FOR_HOST].revents) copied_links(&l->carry);
    follow_numbers(l);
    if (fds[FOR_KERNEL].revents && !onlookers_there(&l->control)) in_kernel_called(&l->carry);
    for (unsigned i = 0; i < l->carry.worker_count; i++)
        if (fds[FOR_WORKERS + i].revents) fine &= called(l, l->carry.workers[i]);
    if (fds[FOR_PROXIES].revents) proxied_called(&l->carry);
    onlookers_tell(&l->control);
    if (l->control.walks) walks_step(&l->control);
    if (fds[FOR_CLOCK].revents) fine &= world_clock(&l->world);
    if (fds[FOR_SAID].revents || fds[FOR_HEARD].revents) via_carry(&l->rules);
    return fine;
}

/* Send a sign of life once each worker has been held for a moment. A hanging worker blocks this thread, so the manager
 * gets no more signs. While a reload waits for workers, that wait itself shows whether they run. */
static void say_alive(struct live *l, uint64_t now)
{
    for (unsigned i = 0; i < l->carry.worker_count; i++) {
        worker_hold(l->carry.workers[i]);
        worker_release(l->carry.workers[i]);
    }
    notified_alive(&l->tell, now);
}

/* Do the periodic work, every TICK_MS. False: out of memory. */
static bool tick(struct live *l, uint64_t now)
{
    bool fine = world_clock(&l->world) && world_tick(&l->world);
    follow_numbers(l);
    claim_tick(&l->rules, now);
    claim_keep(&l->rules);
    judged_tick(&l->rules);
    if (shared_ports_tick(&l->carry, now)) fine &= world_publish(&l->world, false); /* before limits_tell reports it */
    in_kernel_tick(&l->carry, now);
    limits_tell(&l->control, false);
    health_tick(&l->rules, now);
    fine &= by_hand_tick(&l->rules, now);
    if (notified_due(&l->tell, now) && !change_pending(&l->carry)) say_alive(l, now);
    recorded_tick(&l->carry);
    observed_tick(&l->carry);
    document_tick(&l->control, now, l->control.web);
    proxied_tick(&l->carry);
    events_tick(&l->tell.events);
    log_tick(&l->tell);
    return fine;
}

static int serve(struct live *l)
{
    waiting fds;
    uint64_t ticked = clock_ns(CLOCK_MONOTONIC);
    wait_begin(l, fds);
    for (;;) {
        const int failed = wait_on(l, fds);
        if (failed) return tell_fault(&l->tell, "poll: %s", strerror(-failed));
        if (fds[FOR_SIGNAL].revents && !signalled(l)) return 0;
        if (fds[FOR_PARENT].revents) return tell_fault(&l->tell, "the parent process is gone");
        bool fine = take_news(l, fds);
        const uint64_t now = clock_ns(CLOCK_MONOTONIC);
        if (fds[FOR_FILE].revents) watch_read(&l->control, now);
        watch_step(&l->control, now);
        fine &= world_step(&l->world) && health_step(&l->rules, now) && tabled_step(&l->world, now);
        const bool due = now - ticked >= TICK_MS * UINT64_C(1000000);
        if (due) {
            ticked = now;
            fine &= tick(l, now);
        }
        if (!fine) return tell_fault(&l->tell, "out of memory");
        if (fds[FOR_QUESTION].revents || due) asked_step(&l->control, now);
        if (stop_step(&l->control, now)) return 0;
        if (!confirm_step(&l->control, now)) return 1; /* after questions, which may confirm in time */
        onlookers_step(&l->control, now);
        shown_step(&l->control);
        if (l->rules.reload) reload_step(&l->rules);
        if (!l->rules.reload) load_step(&l->control);
        if (!l->rules.reload && l->rules.wanted) reload_begin(&l->rules);
        history_step(&l->control);
        if (l->report && !change_pending(&l->carry)) report(l, true);
    }
}

static int run(struct live *l)
{
    const uint64_t begun_ns = clock_ns(CLOCK_MONOTONIC);
    unsigned started = 0;
    l->control.begun_ns = begun_ns;
    if (recorded_start(&l->carry)) return 2;
    int err = 0;
    for (; started < l->carry.worker_count && !err; started += !err)
        err = worker_start(l->carry.workers[started], worker_cpu(started));
    if (!err) err = proxied_start(&l->carry);
    if (!err) announced_links(&l->world);
    if (!err) confirm_begin(&l->control);
    if (!err) world_tell_doubt(&l->world);
    if (!err) say_ready(l);
    const int status = err ? complain("a thread cannot be started: %s", strerror(-err)) : serve(l);
    notified_stopping(&l->tell);
    proxied_stop(&l->carry);
    for (unsigned i = 0; i < started; i++) worker_stop(l->carry.workers[i]);
    recorded_end(&l->carry);
    observed_end(&l->carry);
    copied_end(&l->carry);
    for (unsigned i = 0; i < started; i++) called(l, l->carry.workers[i]);
    if (l->rules.reload) reload_step(&l->rules);
    for (unsigned i = 0; i < started; i++) limits_publish(l->carry.workers[i], UINT64_MAX);
    limits_tell(&l->control, true);
    const bool good = !err && report(l, false);
    if (!err) say_ended(l, begun_ns);
    return good ? status : 2;
}

/* Run the child process, which opens and changes nothing of the host itself. */
static int service(struct live *l)
{
    keypair_init();
    checks_ready();
    kernel_ready();
    int status = parent_confine(l->tell.channel);
    clock_open(&l->world.clock);
    if (!status) status = signals_open(l);
    if (!status && l->carry.in_kernel) status = in_kernel_begin(&l->carry); /* claim_begin needs its maps */
    if (!status) status = claim_begin(&l->rules);
    if (!status) status = health_begin(&l->rules);
    if (!status) status = start_open(l);
    if (!status) status = asked_open(&l->control);
    if (!status) status = shown_open(&l->control);
    if (!status) status = watch_begin(&l->control);
    if (!status) history_begin(&l->control);
    return status ? status : run(l);
}

/* Take large tables of a reload from the system and give them back to it. Otherwise malloc, once the first table is
 * freed, takes such sizes from its heap, clears them by touching every page, and keeps them. */
static void settle_memory(void) { mallopt(M_MMAP_THRESHOLD, LARGE_FROM); }

/* Callbacks by which the room carry/ reports to the rooms above it. */
static bool looks(void *ears)
{
    const struct live *l = ears;
    return onlookers_there(&l->control);
}

static void seen(void *ears, const struct sampled *s)
{
    struct live *l = ears;
    onlookers_see(&l->control, s);
}

static void refused(void *ears, const struct refusal *r, uint64_t now_ns)
{
    struct live *l = ears;
    health_refused(&l->rules, r, now_ns);
}

/* Give each room pointers to the rooms below it, and give carry/ its callbacks. */
static void wire(struct live *l)
{
    l->carry.tell = l->world.tell = l->rules.tell = l->control.tell = &l->tell;
    l->world.carry = l->rules.carry = l->control.carry = &l->carry;
    l->rules.world = l->control.world = &l->world;
    l->control.rules = &l->rules;
    l->carry.ears = l;
    l->carry.looks = looks;
    l->carry.seen = seen;
    l->carry.refused = refused;
}

int live(const struct options *o)
{
    struct live l = {.o = o,
                     .signal_fd = -1,
                     .tell = {.o = o},
                     .carry = {.o = o, .tun = -1, .reel = {.dir = -1, .fd = -1}},
                     .world = {.o = o, .clock.fd = -1},
                     .rules = {.o = o, .begun = 1, .echo = {-1, -1}},
                     .control = {.o = o, .watch.fd = -1}};
    struct parent *parent = NULL;
    if (o->cleanup) return claim_cleanup(o);
    wire(&l);
    settle_memory();
    bool begun = false;
    claim_await(o);
    int status = start_load(&l);
    if (o->on_exit == OPTIONS_END_CLOSED && !o->preflight) status |= start_shut(&l, &parent);
    if (!status || o->preflight) status |= start_look(&l);
    if (!status && o->preflight) {
        fprintf(stderr, "preflight: nothing stands in the way\n");
    } else if (!status) {
        l.half_open = files_allow(&l);
        status = recorded_look(&l.carry);
        if (!status) status = log_open(&l.tell);
        if (!status) status = claim_watch(&l.rules);
        clock_before(&l.world.clock);
        notified_begin(&l.tell.notified);
        l.carry.tuples = tuples_new((uint32_t)l.carry.now.program->settings->proxy_sessions, l.carry.worker_count);
        if (!status && !parent && o->on_exit == OPTIONS_END_CLOSED)
            status = start_shut(&l, &parent); /* its owner ended */
        if (!status && parent) status = start_shut_again(&l, parent);
        if (!status) status = parent_begin(o, l.carry.in_kernel, &parent, &l.tell.channel);
        begun = !status;
        if (parent) access_known(&l.carry, parent);
        if (parent) observed_known(&l.carry, parent);
        if (parent) copied_known(&l.carry, parent);
        if (parent) middle_known(&l.carry, parent);
        if (parent) parent_knows_tuples(parent, l.carry.tuples);
        if (parent) parent_knows_kernel(parent, &l.carry.loaded, l.carry.by_tc);
        in_kernel_unload(&l.carry); /* the service has descriptors of its own */
        if (parent && proxied_any(l.carry.now.program)) parent_told_gate(parent);
        if (l.tell.channel) status = service(&l);
    }
    if (l.signal_fd >= 0) close(l.signal_fd);
    clock_close(&l.world.clock);
    asked_close(&l.control);
    walks_fini(&l.control);
    load_fini(&l.control);
    confirm_fini(&l.control);
    by_hand_fini(&l.rules);
    drained_fini(&l.rules);
    shown_close(&l.control);
    watch_end(&l.control);
    health_fini(&l.rules);
    document_fini(&l.control);
    start_close(&l);
    events_fini(&l.tell.events);
    guard_news_close(l.carry.guard_news);
    if (parent && !begun) parent_refuse(parent);
    if (!parent || !begun) {
        tuples_free(l.carry.tuples);
        return status;
    }
    parent_bound(parent);
    status = parent_serve(parent);
    tuples_free(l.carry.tuples);
    return status;
}

int live_shut(const struct options *o)
{
    struct live l = {.o = o, .tell = {.o = o}, .carry = {.o = o}};
    struct parent *parent = NULL;
    char err[300];
    l.carry.host = host_open(err, sizeof err);
    if (l.carry.host)
        start_shut(&l, &parent);
    else
        complain("%s", err);
    if (parent) parent_refuse(parent);
    host_close(l.carry.host);
    return 2;
}
