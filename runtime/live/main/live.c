/* Live traffic from the first look to the end: the main thread, the workers' threads, the parent. No packet passes
 * here. */
#include "runtime/live/main/live.h"
#include "runtime/live/main/live_priv.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/complain.h"
#include "runtime/exchange/begun/tuples.h"
#include "runtime/host/file/keypair.h"
#include "runtime/host/guard/guard_news.h"
#include "runtime/kernel/adopt.h"
#include "runtime/live/carry/copies/copied.h"
#include "runtime/live/carry/kernel/in_kernel_pass.h"
#include "runtime/live/carry/observed.h"
#include "runtime/live/carry/proxy/access.h"
#include "runtime/live/carry/proxy/listeners.h"
#include "runtime/live/carry/proxy/middle.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/live/carry/recorded.h"
#include "runtime/live/control/asked.h"
#include "runtime/live/control/document/document.h"
#include "runtime/live/control/document/limits.h"
#include "runtime/live/control/dropped/dropped.h"
#include "runtime/live/control/flows/flow_walk.h"
#include "runtime/live/control/programs/asked_load.h"
#include "runtime/live/control/programs/confirm.h"
#include "runtime/live/control/programs/history.h"
#include "runtime/live/control/programs/watch.h"
#include "runtime/live/control/shown.h"
#include "runtime/live/control/stop.h"
#include "runtime/live/control/takeover/before.h"
#include "runtime/live/control/takeover/outlive.h"
#include "runtime/live/control/takeover/yield.h"
#include "runtime/live/control/trace/onlookers.h"
#include "runtime/live/main/heir.h"
#include "runtime/live/main/take.h"
#include "runtime/live/rules/byhand.h"
#include "runtime/live/rules/health.h"
#include "runtime/live/rules/host_changes.h"
#include "runtime/live/rules/judged.h"
#include "runtime/live/rules/members/members.h"
#include "runtime/live/rules/reload.h"
#include "runtime/live/rules/room.h"
#include "runtime/live/tell/log.h"
#include "runtime/live/tell/notified.h"
#include "runtime/live/world/announced.h"
#include "runtime/live/world/world.h"
#include "runtime/parent/between/last.h"
#include "runtime/parent/between/starter.h"
#include "runtime/parent/parent.h"
#include "runtime/stats/web.h"

enum { LARGE_FROM = 1 << 20 };

/* Block the signals before any thread begins, so that they arrive only by the descriptor. */
static int signals_open(struct live *l)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL)) return complain("signals: %s", strerror(errno));
    l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return l->signal_fd < 0 ? complain("signals: %s", strerror(errno)) : 0;
}

static void say_ready(struct live *l)
{
    const struct options *o = l->o;
    static const char *const states[] = {
        [LINK_UP] = "", [LINK_NO_CARRIER] = "", [LINK_DOWN] = " (down)", [LINK_GONE] = " (not there yet)"};
    char names[PORTS_MOST * (IF_NAMESIZE + 20)];
    size_t used = 0;
    for (unsigned i = 0; i < o->iface_count; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s %.15s%s", i ? "," : "", o->ifaces[i],
                                 states[l->world.links[i]]);
    char proxied[256], proved[100] = "", room[ROOM_TEXT], a[TEXT_NUMBER], b[TEXT_NUMBER];
    char trial[CONFIRM_TEXT], before[80] = "";
    if (l->take)
        snprintf(before, sizeof before, "; it %s process %ld",
                 l->take->hello.crashes ? "continues after a crash of the service of" : "took over from",
                 (long)l->take->hello.process);
    const struct proof proof = in_kernel_proof(&l->carry);
    if (proof.frames)
        snprintf(proved, sizeof proved, ", checked with %s frames in %s", text_number(proof.frames, a),
                 text_duration(proof.ns, b));
    proxied_memory(&l->carry, proxied, sizeof proxied);
    in_kernel_say(&l->carry);
    events_tell(&l->tell.events, TOLD_READY, "%s:%s by %s%s%s, %u worker%s, %s%s%s%s%s%s%s%s", o->name, names,
                l->carry.in_kernel ? "kernel" : l->carry.io->name, l->carry.ports.generic ? " (generic)" : "", proved,
                l->carry.worker_count, l->carry.worker_count == 1 ? "" : "s", l->carry.now.name,
                room_text(&l->rules, room), o->monitor ? "; packets to this machine itself are only counted" : "",
                o->stats ? "; statistics on http://" : "", o->stats ? o->stats : "", proxied,
                confirm_text(&l->control, trial), before);
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
                : yield_is_over(&l->control)           ? "a takeover"
                : stop_waits(&l->control)              ? "preyctl stop"
                : confirm_is_over(&l->control, now_ns) ? "no confirmation"
                                                       : "a fault",
                l->ended_by ? sigabbrev_np(l->ended_by) : "", text_duration(now_ns - since_ns, lasted));
}

static int run_workers(struct live *l)
{
    const uint64_t begun_ns = clock_ns(CLOCK_MONOTONIC);
    unsigned started = 0;
    l->control.begun_ns = begun_ns;
    if (recorded_start(&l->carry)) return 2;
    int err = 0;
    if (l->take) in_kernel_go_on(&l->carry);
    for (; started < l->carry.worker_count && !err; started += !err)
        err = worker_start(l->carry.workers[started], worker_cpu(started));
    if (l->take) take_settle(l);
    if (!err) in_kernel_hook_all(&l->carry);
    if (!err) err = proxied_start(&l->carry);
    if (!err) announced_links(&l->world);
    if (!err) confirm_begin(&l->control);
    if (!err) world_tell_doubt(&l->world);
    l->tell.notified.mute = l->heir;
    if (!err) say_ready(l);
    if (!err && l->heir) heir_rules(l);
    if (!err && l->take) members_notes_read(&l->rules);
    const int status = err ? complain("preyrun can't start its threads: %s", strerror(-err)) : turns(l);
    const bool over = yield_is_over(&l->control);
    if (!over) notified_stopping(&l->tell);
    if (!over) before_end(&l->control);
    if (!over) proxied_stop(&l->carry); /* otherwise its sessions go on (drain.c) */
    for (unsigned i = 0; i < started; i++) worker_stop(l->carry.workers[i], over);
    recorded_end(&l->carry);
    observed_end(&l->carry);
    copied_end(&l->carry);
    for (unsigned i = 0; i < started; i++) turn_called(l, l->carry.workers[i]);
    if (l->rules.reload) reload_step(&l->rules);
    for (unsigned i = 0; i < started; i++) limits_publish(l->carry.workers[i], UINT64_MAX);
    limits_tell(&l->control, true);
    if (!over) members_keep(&l->rules, true);
    const bool good =
        !err && (over || turn_report(l, false)); /* the other process has the counters, and continues them */
    if (over) drain(l);
    proxied_stop(&l->carry);
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
    if (!status && l->carry.in_kernel) status = in_kernel_begin(&l->carry); /* host_changes_begin needs its maps */
    if (!status && l->take) status = take_devices(l);
    if (!status && l->take) status = take_listeners(l);
    if (!status && l->take) status = take_former(l);
    if (!status) status = host_changes_begin(&l->rules);
    if (!status) status = health_begin(&l->rules);
    if (!status) status = start_open(l);
    if (!status) status = asked_open(&l->control);
    if (!status) status = shown_open(&l->control);
    if (!status) status = watch_begin(&l->control);
    if (!status) history_begin(&l->control);
    if (!status && l->take) status = take_over(l);
    if (!status) status = run_workers(l);
    keep_left(&l->control, status);
    return status;
}

/* Callbacks by which the room carry/ reports to the rooms above it. */
static unsigned looks(void *ears)
{
    const struct live *l = ears;
    return onlookers_looks(&l->control);
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

static void dropped(void *ears, const struct drop_note *n)
{
    struct live *l = ears;
    dropped_see(&l->control, n);
}

/* Give each room pointers to the rooms below it, and give carry/ its callbacks. */
static void wire(struct live *l)
{
    l->carry.tell = l->world.tell = l->rules.tell = l->control.tell = &l->tell;
    l->world.carry = l->rules.carry = l->control.carry = &l->carry;
    l->rules.world = l->control.world = &l->world;
    l->control.rules = &l->rules;
    l->carry.ears = (struct ears){l, looks, seen, refused, dropped};
}

/* Check everything before any change, except that a closed start shuts interfaces. Return 0, or the exit status. */
static int look_first(struct live *l, struct parent **parent)
{
    int status = start_load(l);
    if (l->o->on_exit == OPTIONS_END_CLOSED && !l->o->preflight) status |= start_shut(l, parent);
    if (!status || l->o->preflight) status |= start_look(l);
    if (!status && l->o->preflight) fprintf(stderr, "preflight: no obstacles\n");
    return status;
}

/* Open the start's outputs, take the name, and fork. Return 0, or the exit status. */
static int fork_service(struct live *l, struct parent **parent)
{
    l->half_open = files_allow(l);
    int status = recorded_look(&l->carry);
    if (!status) status = log_open(&l->tell);
    if (!status) status = host_changes_watch(&l->rules);
    clock_before(&l->world.clock);
    members_boot(&l->rules);
    notified_begin(&l->tell.notified);
    l->control.last = last_new();
    l->carry.tuples = tuples_new((uint32_t)l->carry.now.program->settings->proxy_sessions, l->carry.worker_count);
    if (!status && !*parent && !l->take && l->o->on_exit == OPTIONS_END_CLOSED)
        status = start_shut(l, parent); /* the name's owner has ended */
    if (!status && *parent) status = start_shut_again(l, *parent);
    if (!status && l->take) {
        *parent = parent_take_over(l->o, l->take->fds);
        status = *parent ? take_lent(l->take, *parent) : 2;
        if (!status && l->heir) parent_is_heir(*parent, l->heir_to);
    }
    return status ? status : parent_begin(l->o, l->carry.in_kernel, parent, &l->tell.channel);
}

/* Give the parent the data that it needs for the service's requests. */
static void tell_parent(struct live *l, struct parent *parent)
{
    access_known(&l->carry, parent);
    observed_known(&l->carry, parent);
    copied_known(&l->carry, parent);
    middle_known(&l->carry, parent);
    parent_knows_tuples(parent, l->carry.tuples);
    parent_knows_kernel(parent, &l->carry.loaded, l->carry.by_tc);
    parent_knows_last(parent, l->control.last, l->take ? l->take->hello.crashes : 0);
    if (proxied_any(l->carry.now.program)) parent_told_gate(parent);
}

/* Free all but the data that the parent needs. */
static void leave_all(struct live *l)
{
    if (l->signal_fd >= 0) close(l->signal_fd);
    clock_close(&l->world.clock);
    asked_close(&l->control);
    yield_fini(&l->control);
    before_free(l->control.before);
    listeners_handed_free(l->carry.handed);
    take_free(l->take);
    walks_fini(&l->control);
    load_free(l->control.load);
    confirm_settle(&l->control);
    by_hand_fini(&l->rules);
    drained_fini(&l->rules);
    web_free(l->control.web);
    watch_end(&l->control);
    health_fini(&l->rules);
    document_fini(&l->control);
    start_close(l);
    events_fini(&l->tell.events);
    guard_news_close(l->carry.guard.news);
}

int live(const struct options *given)
{
    struct options as_heir = *given;
    const struct options *o = given;
    int heir_to = -1;
    const bool starts = !given->cleanup && !given->takeover && !given->preflight;
    const enum heir heir = starts && heir_begin(&heir_to) ? HEIR_WAITS : HEIR_NONE;
    if (heir) {
        as_heir.takeover = true;
        o = &as_heir;
    }
    struct live l = {.o = o,
                     .heir = heir,
                     .heir_to = heir_to,
                     .signal_fd = -1,
                     .tell = {.o = o},
                     .carry = {.o = o, .tun.fd = -1, .record.reel = {.dir = -1, .fd = -1}},
                     .world = {.o = o, .clock.fd = -1},
                     .rules = {.o = o, .begun = 1, .echo = {-1, -1}},
                     .control = {.o = o, .watch.fd = -1, .handed_stats = -1}};
    struct parent *parent = NULL;
    if (o->cleanup) return host_changes_cleanup(o);
    if (o->takeover && !(l.take = take_meet(o))) return 2;
    wire(&l);
    /* Large tables of a reload come from the system and are returned to it. Otherwise, once the first table is
     * freed, malloc takes such sizes from its heap, clears them by touching every page, and keeps them. */
    mallopt(M_MMAP_THRESHOLD, LARGE_FROM);
    bool begun = false;
    if (!l.take) host_changes_await(o);
    struct starter starter = {.fd = -1};
    if (!o->preflight) starter = starter_begin();
    if (!o->preflight && starter.fd < 0)
        complain("notice: preyrun wouldn't restart the service after a crash: %s", strerror(errno));
    int status = look_first(&l, &parent);
    if (!status && !o->preflight) {
        status = fork_service(&l, &parent);
        begun = !status;
        if (l.tell.channel || !begun) starter_leave(&starter);
        if (parent) tell_parent(&l, parent);
        if (parent) parent_knows_starter(parent, &starter);
        loaded_free(&l.carry.loaded); /* the service has its own descriptors */
        if (l.tell.channel) status = service(&l);
    }
    leave_all(&l);
    if (parent && !begun) parent_refuse(parent);
    if (parent && begun) {
        parent_bound(parent);
        status = parent_serve(parent);
    }
    if (!l.tell.channel) starter_said(&status);
    last_free(l.control.last);
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
