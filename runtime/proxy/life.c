/* See proxy.h: the loop's life, and its exchange with the main thread */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/exchange/begun/inlined.h"
#include "runtime/host/socket/listen.h"
#include "runtime/proxy/core.h"
#include "runtime/proxy/inline/leave_sockets.h"
#include "runtime/proxy/inline/middle.h"
#include "runtime/proxy/listing.h"
#include "runtime/proxy/proxy.h"
#include "runtime/proxy/queue.h"

enum {
    REFUSALS = 256,
    LINES_BYTES = 1 << 20, /* access log lines that wait for the main thread */
    PIPE_BYTES = 48 << 20, /* for all loops, of the 64 MiB that a user may have */
};
#define SECOND_NS UINT64_C(1000000000)

static void take_world(struct proxy *p, struct snapshot *world)
{
    const bool other = world->facts.generation != p->world->facts.generation; /* more has changed than neighbours */
    p->world = world;
    p->told_ns = p->tables_ns = 0;
    if (other) sessions_look(p);
    listeners_follow(p);
    __atomic_store_n(&p->taken, world->number, __ATOMIC_RELEASE);
}

struct proxy_room {
    uint32_t *queue;
    struct listener *listeners;
};

struct proxy_room *proxy_room_new(const struct program *program, unsigned listens)
{
    struct proxy_room *room = calloc(1, sizeof *room);
    if (!room) return NULL;
    room->queue = queue_room(program);
    room->listeners = listeners_room(listens);
    if (room->queue && room->listeners) return room;
    proxy_room_free(room);
    return NULL;
}

void proxy_room_free(struct proxy_room *room)
{
    if (!room) return;
    free(room->queue);
    free(room->listeners);
    free(room);
}

static bool take_program(struct proxy *p, struct proxy_change *c)
{
    if (chooser_swap(p->chooser, c->fresh, c->remap)) return false; /* the only step that can fail */
    struct program *before = p->program;
    p->program = program_get(c->remap->program);
    p->number = c->number;
    tls_table_put(p->tls);
    p->tls = tls_table_get(c->tls);
    /* Take the interfaces' ids in the new program, and keep the former ones, because inline connections may still
     * have them. */
    p->before.program = before->serial;
    memcpy(p->before.iface, p->iface, sizeof p->iface);
    if (p->iface_count) memcpy(p->iface, c->iface, p->iface_count * sizeof *p->iface);
    p->cfg.inlined = c->inlined;
    leave_open(p, c->leaving);
    sessions_rename(p, c->remap);
    c->counted = proxy_counted_rename(&p->counted, c->counted, p->program->services_count, c->remap->service);
    sessions_recount(p);
    program_put(before);
    queue_set(p, c->room->queue);
    listeners_set(p, c->room->listeners, c->listens, c->count);
    free(c->room);
    c->room = NULL;
    return true;
}

static void fill_listing(struct proxy *p)
{
    struct session_listing *l = __atomic_load_n(&p->listing, __ATOMIC_ACQUIRE);
    if (!l) return;
    sessions_list(p, l);
    __atomic_store_n(&p->listing, NULL, __ATOMIC_RELEASE);
    if (p->cfg.called) p->cfg.called(p->cfg.with);
}

static struct archive packing; /* in p->pack while the loop writes */

/* Carry out requests of another process that takes over. */
static void look_at_taken(struct proxy *p)
{
    struct archive *a = __atomic_load_n(&p->pack, __ATOMIC_ACQUIRE);
    if (a && __atomic_compare_exchange_n(&p->pack, &a, &packing, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
        chooser_archive(p->chooser, a, p->loop.now_ns);
        listeners_hush(p, true); /* only the next process's loop learns of connections that the next worker begins */
        __atomic_store_n(&p->pack, NULL, __ATOMIC_RELEASE);
    }
    if (__atomic_load_n(&p->letting, __ATOMIC_ACQUIRE) == PROXY_RETURNS) {
        listeners_hush(p, false);
        __atomic_store_n(&p->letting, PROXY_STAYS, __ATOMIC_RELEASE);
    }
    if (__atomic_load_n(&p->letting, __ATOMIC_ACQUIRE) != PROXY_LEAVES) return;
    p->left = true;
    listeners_leave(p);
    p->cfg.inlined = NULL;
    p->cfg.carried = NULL;
    p->cfg.openers = NULL;
    p->cfg.moments = NULL;
    __atomic_store_n(&p->letting, PROXY_LEFT, __ATOMIC_RELEASE);
}

static void look_up(struct proxy *p)
{
    __atomic_store_n(&p->marked, __atomic_load_n(&p->mark, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
    look_at_taken(p);
    struct proxy_change *c = __atomic_load_n(&p->change, __ATOMIC_ACQUIRE);
    if (c) {
        if (take_program(p, c)) {
            /* Replace an older snapshot that waits in `latest`: that one is freed once this one is taken, so nothing
             * may refer to it then. */
            struct snapshot *latest = __atomic_load_n(&p->latest, __ATOMIC_ACQUIRE);
            if (latest && latest->number < c->world->number)
                __atomic_compare_exchange_n(&p->latest, &latest, c->world, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
            take_world(p, c->world);
            sessions_rejudge(p);
        }
        __atomic_store_n(&p->change, NULL, __ATOMIC_RELEASE);
        return;
    }
    struct snapshot *world = __atomic_load_n(&p->latest, __ATOMIC_ACQUIRE);
    if (world && world->number > p->taken) take_world(p, world);
}

static void each_second(struct timer *t)
{
    struct proxy *p = (struct proxy *)((char *)t - offsetof(struct proxy, second));
    if (p->program->past) sessions_look(p);
    sessions_tell(p);
    listeners_follow(p); /* a listener may have failed to open again */
    timer_set(&p->loop.wheel, t, p->loop.now_ns + SECOND_NS);
}

static void reopen(struct timer *t) { listeners_reopen((struct proxy *)((char *)t - offsetof(struct proxy, reopens))); }

static const struct session_ops *const kinds[SESSION_KINDS] = {
#define KIND(ident, mode, doc) &session_##ident,
#include "runtime/proxy/kind.def"
};

void proxy_session_bytes(uint64_t first_bytes, uint64_t *idle, uint64_t *most)
{
    *idle = (sizeof(struct session) + 63) / 64 * 64 + (sizeof(struct side) + 63) / 64 * 64;
    uint64_t own = 0;
    for (unsigned i = 0; i < SESSION_KINDS; i++)
        if (kinds[i]->bytes > own) own = kinds[i]->bytes;
    *idle += own;
    *most = *idle + sizeof(struct first_at) + 2 * (sizeof(struct buffer) + BUFFER_FRONT + first_bytes);
}

uint64_t proxy_inline_bytes(void)
{
    return (sizeof(struct inline_facts) + 63) / 64 * 64 + vm_inline_bytes() + inlined_bytes() + leave_bytes();
}

static bool kinds_start(struct proxy *p)
{
    for (unsigned i = 0; i < SESSION_KINDS; i++)
        if (kinds[i]->start && !(p->of_kind[i] = kinds[i]->start(p))) return false;
    return true;
}

static bool parts_init(struct proxy *p)
{
    const uint32_t most = p->cfg.sessions_most;
    const uint32_t bytes = (uint32_t)p->program->settings->first_bytes;
    slab_init(&p->sessions, sizeof(struct session), most);
    slab_init(&p->sides, sizeof(struct side), 2 * most);
    slab_init(&p->ats, sizeof(struct first_at), most);
    slab_init(&p->inline_facts, sizeof(struct inline_facts), most);
    slab_init(&p->middles, sizeof(struct middle), most);
    slab_init(&p->leaves, sizeof(struct leave), most);
    buffers_init(&p->buffers, bytes, 4 * most); /* two per session, and two more with a program in its middle */
    pipes_init(&p->pipes, PIPE_BYTES / (p->cfg.vm.workers ? p->cfg.vm.workers : 1));
    p->chooser = chooser_new(p->program, &p->cfg.vm);
    p->random = p->cfg.vm.seed ^ p->cfg.vm.worker;
    p->counted.of = proxy_counted_new(p->counted.services = p->program->services_count);
    uint32_t *queue = queue_room(p->program);
    if (queue) queue_set(p, queue);
    return queue && p->chooser && p->counted.of && !ring_init(&p->refusals, REFUSALS, sizeof(struct refusal)) &&
           !lines_init(&p->lines, LINES_BYTES);
}

struct proxy *proxy_new(const struct proxy_cfg *cfg, struct snapshot *world, struct proxy_listen *listens,
                        unsigned count, int *err)
{
    struct proxy *p = calloc(1, sizeof *p);
    *err = -ENOMEM;
    if (!p) return NULL;
    p->cfg = *cfg;
    p->program = program_get(cfg->program);
    p->tls = tls_table_get(cfg->tls);
    p->world = p->latest = world;
    p->iface_count = cfg->iface_count;
    if (cfg->iface) memcpy(p->iface, cfg->iface, cfg->iface_count * sizeof *p->iface);
    p->taken = world->number;
    *err = loop_init(&p->loop);
    struct listener *room = !*err && parts_init(p) && kinds_start(p) ? listeners_room(count) : NULL;
    if (!room) {
        if (!*err) *err = -ENOMEM;
        proxy_free(p);
        return NULL;
    }
    listeners_set(p, room, listens, count);
    if (!cfg->handed) listeners_follow(p);
    p->cfg.handed = false; /* listeners of later programs are its own */
    leave_open(p, cfg->leaving);
    p->second.due = each_second;
    p->reopens.due = reopen;
    timer_set(&p->loop.wheel, &p->second, p->loop.now_ns + SECOND_NS);
    return p;
}

void proxy_free(struct proxy *p)
{
    if (!p) return;
    sessions_end(p, SESSION_STOPPED);
    while (p->all) loop_turn(&p->loop, 0);
    listeners_fini(p);
    foreign_fini(p);
    for (unsigned i = 0; i < SESSION_KINDS; i++)
        if (p->of_kind[i]) kinds[i]->stop(p->of_kind[i]);
    chooser_free(p->chooser);
    slab_fini(&p->sessions);
    slab_fini(&p->sides);
    slab_fini(&p->ats);
    slab_fini(&p->inline_facts);
    slab_fini(&p->middles);
    slab_fini(&p->leaves);
    slab_fini(&p->buffers);
    pipes_fini(&p->pipes);
    queue_fini(p);
    ring_fini(&p->refusals);
    lines_fini(&p->lines);
    leave_close(p);
    proxy_counted_fini(&p->counted);
    loop_fini(&p->loop);
    program_put(p->program);
    tls_table_put(p->tls);
    free(p);
}

void proxy_turn(struct proxy *p, int most_ms)
{
    loop_turn(&p->loop, most_ms);
    look_up(p);
    fill_listing(p);
    sessions_cut(p);
}

static void *proxy_run(void *arg)
{
    struct proxy *p = arg;
    while (!__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE)) proxy_turn(p, -1);
    look_up(p);
    fill_listing(p);
    /* End inline sessions while their workers still run, because only workers reach their ends. Sessions that a
     * worker does not take within a second are left. */
    enum { LAST_MS = 10 };
    const uint64_t until_ns = p->loop.now_ns + SECOND_NS;
    for (struct session *s = p->all; s; s = s->next)
        if (s->inlined) session_end(s, SESSION_STOPPED);
    while ((p->loop.first || p->asks) && p->loop.now_ns < until_ns) proxy_turn(p, LAST_MS);
    return NULL;
}

void proxy_numbered(struct proxy *p, uint64_t number) { p->number = number; }

int proxy_start(struct proxy *p, int cpu)
{
    const int err = pthread_create(&p->thread, NULL, proxy_run, p);
    if (err) return -err;
    cpu_set_t one;
    CPU_ZERO(&one);
    if (cpu >= 0) CPU_SET((unsigned)cpu, &one);
    if (cpu >= 0) pthread_setaffinity_np(p->thread, sizeof one, &one);
    return 0;
}

void proxy_stop(struct proxy *p)
{
    __atomic_store_n(&p->stop, 1, __ATOMIC_RELEASE);
    loop_wake(&p->loop);
    pthread_join(p->thread, NULL);
}

void proxy_tell(struct proxy *p, struct snapshot *world)
{
    __atomic_store_n(&p->latest, world, __ATOMIC_RELEASE);
    loop_wake(&p->loop);
}

void proxy_mark(struct proxy *p, uint64_t mark)
{
    __atomic_store_n(&p->mark, mark, __ATOMIC_RELEASE);
    loop_wake(&p->loop);
}

void proxy_cut(struct proxy *p) { loop_wake(&p->loop); }

uint64_t proxy_marked(const struct proxy *p) { return __atomic_load_n(&p->marked, __ATOMIC_ACQUIRE); }

uint64_t proxy_taken(const struct proxy *p) { return __atomic_load_n(&p->taken, __ATOMIC_ACQUIRE); }

void proxy_change(struct proxy *p, struct proxy_change *c)
{
    __atomic_store_n(&p->change, c, __ATOMIC_RELEASE);
    loop_wake(&p->loop);
}

bool proxy_changed(const struct proxy *p) { return !__atomic_load_n(&p->change, __ATOMIC_ACQUIRE); }

bool proxy_list(struct proxy *p, struct session_listing *l)
{
    if (__atomic_load_n(&p->listing, __ATOMIC_ACQUIRE)) return false;
    __atomic_store_n(&p->listing, l, __ATOMIC_RELEASE);
    loop_wake(&p->loop);
    return true;
}

bool proxy_listed(const struct proxy *p, const struct session_listing *l)
{
    return __atomic_load_n(&p->listing, __ATOMIC_ACQUIRE) != l;
}

bool proxy_listener(const struct proxy *p, unsigned at, struct proxy_listen *l)
{
    if (at >= p->listener_count) return false;
    *l = p->listeners[at].at;
    return true;
}

unsigned proxy_spares(const struct proxy *p)
{
    unsigned n = 0;
    for (unsigned i = 0; i < p->listener_count; i++) n += listener_is_spare(&p->listeners[i]);
    return n;
}

void proxy_pack(struct proxy *p, struct archive *a)
{
    __atomic_store_n(&p->pack, a, __ATOMIC_RELEASE);
    loop_wake(&p->loop);
}

bool proxy_pack_not(struct proxy *p, struct archive *a)
{
    return __atomic_compare_exchange_n(&p->pack, &a, NULL, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

bool proxy_packed(const struct proxy *p) { return !__atomic_load_n(&p->pack, __ATOMIC_ACQUIRE); }

static bool comes_to(void *with, const uint32_t addr[4], bool v6)
{
    const struct proxy *p = with;
    return listen_member(addr, v6, p->cfg.vm.workers) == p->cfg.vm.worker;
}

/* Read one loop's archive, if the number of loops has changed. */
static bool unpack_other(struct proxy *const loops[], unsigned count, struct archive *a)
{
    struct vm_cfg cfg = loops[0]->cfg.vm;
    cfg.share = (struct share){0}; /* this chooser counts nothing */
    struct chooser *other = chooser_new(loops[0]->program, &cfg);
    bool good = other && chooser_archive(other, a, loops[0]->loop.now_ns);
    for (unsigned i = 0; i < count && good; i++) good = chooser_remember(loops[i]->chooser, other, comes_to, loops[i]);
    chooser_free(other);
    return good;
}

bool proxies_unpack(struct proxy *const loops[], unsigned count, unsigned written, struct archive *a)
{
    bool good = true;
    for (unsigned i = 0; i < written && good; i++)
        good = written == count ? chooser_archive(loops[i]->chooser, a, loops[i]->loop.now_ns)
                                : unpack_other(loops, count, a);
    return good;
}

void proxy_leave(struct proxy *p)
{
    __atomic_store_n(&p->letting, PROXY_LEAVES, __ATOMIC_RELEASE);
    loop_wake(&p->loop);
}

void proxy_return(struct proxy *p)
{
    __atomic_store_n(&p->letting, PROXY_RETURNS, __ATOMIC_RELEASE);
    loop_wake(&p->loop);
}

bool proxy_has_left(const struct proxy *p) { return __atomic_load_n(&p->letting, __ATOMIC_ACQUIRE) == PROXY_LEFT; }

uint32_t proxy_sessions(const struct proxy *p) { return __atomic_load_n(&p->open, __ATOMIC_RELAXED); }

void proxy_count_on(struct proxy *p, uint32_t service, const struct proxy_counters *more)
{
    proxy_counters_add(proxy_counted_of(&p->counted, service), more);
}

void proxy_log(struct proxy *p, const char *path, const char *line, uint32_t len)
{
    bool fills;
    lines_put(&p->lines, lines_target(path), line, len, &fills);
    if (fills && p->cfg.called) p->cfg.called(p->cfg.with);
}

uint32_t proxy_line(struct proxy *p, uint64_t *target, char line[LINES_MOST])
{
    return lines_take(&p->lines, target, line);
}

uint64_t proxy_lines_lost(const struct proxy *p) { return __atomic_load_n(&p->lines.lost, __ATOMIC_RELAXED); }

bool proxy_refused(struct proxy *p, struct refusal *r) { return ring_take(&p->refusals, r); }

uint64_t proxy_portless(const struct proxy *p) { return __atomic_load_n(&p->portless, __ATOMIC_ACQUIRE); }

const struct proxy_counted *proxy_counted(const struct proxy *p) { return &p->counted; }
const struct conns *proxy_conns(const struct proxy *p) { return chooser_conns(p->chooser); }
