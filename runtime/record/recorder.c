/* The recorder's interface: making it, giving it programs and worlds, its counters. */
#include "runtime/record/recorder_priv.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/record/world_bytes.h"

#define STATE_MOST (UINT64_C(3) << 30) /* a record's size has 32 bits */
enum { SAID_MOST = 64 << 20 /* bytes that may wait for a hanging disk, besides one entry of any size */ };

static void describe(struct recorder *r, const struct recorder_cfg *cfg)
{
    r->workers = cfg->workers;
    r->inline_half_open = cfg->inline_half_open;
    r->start = (struct record_start){.version = RECORD_VERSION,
                                     .ports = cfg->ports,
                                     .devices = cfg->devices,
                                     .workers = cfg->workers,
                                     .snap = cfg->snap,
                                     .session = clock_ns(CLOCK_REALTIME),
                                     .seed = cfg->seed,
                                     .forwards = (uint8_t)(cfg->forwards | cfg->forwards4 << 1 | cfg->forwards6 << 2),
                                     .in_kernel = cfg->in_kernel,
                                     .fresh = !cfg->takes};
    r->waits = cfg->takes;
    for (unsigned i = 0; i < cfg->ports; i++) {
        r->start.port[i].peer = cfg->port[i].peer;
        r->start.port[i].how = (uint8_t)((cfg->port[i].hidden ? RECORD_HIDDEN : 0) |
                                         (cfg->bare >> i % cfg->devices & 1 ? RECORD_BARE : 0));
        r->names[i] = cfg->names[i % cfg->devices];
    }
    r->names[cfg->ports] = "this machine";
}

/* Return the room for each state: together half of all files, because events need the rest. */
static size_t state_room(uint64_t most, unsigned workers)
{
    const uint64_t each = most / 2 / workers;
    return each < STATE_MOST ? each & ~UINT64_C(7) : STATE_MOST;
}

struct recorder *recorder_new(const struct recorder_cfg *cfg, struct reel *reel)
{
    struct recorder *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    describe(r, cfg);
    r->last = &r->first;
    r->reel = *reel;
    *reel = (struct reel){.dir = -1, .fd = -1};
    pthread_mutex_init(&r->lock, NULL);
    int failed = 0;
    for (unsigned i = 0; i < r->workers && !failed; i++) {
        failed = tape_init(&r->tapes[i], TAPE_BYTES, cfg->snap, state_room(r->reel.most, r->workers));
        if (!failed) failed = moments_init(&r->moments[i]);
    }
    if (!failed) return r;
    recorder_free(r);
    return NULL;
}

void recorder_free(struct recorder *r)
{
    if (!r) return;
    for (struct said *s = r->first, *next; s; s = next) {
        next = s->next;
        bytes_fini(&s->body);
        free(s);
    }
    for (unsigned i = 0; i < WORKERS_MOST; i++) {
        tape_fini(&r->tapes[i]);
        moments_fini(&r->moments[i]);
    }
    reel_close(&r->reel);
    bytes_fini(&r->out);
    programs_fini(&r->programs);
    bytes_fini(&r->routes);
    bytes_fini(&r->world);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

struct tape *recorder_tape(struct recorder *r, unsigned worker) { return &r->tapes[worker]; }

struct moments *recorder_moments(struct recorder *r, unsigned worker) { return &r->moments[worker]; }

/* Append to the list if there is room. Programs always fit, because they are few, and all later entries need them. */
static bool said_append(struct recorder *r, struct said *s)
{
    pthread_mutex_lock(&r->lock);
    const bool fits = s->kind == RECORD_PROGRAM || !r->first || r->said_bytes + s->body.len <= SAID_MOST;
    if (fits) {
        *r->last = s;
        r->last = &s->next;
        r->said_bytes += s->body.len;
    }
    r->said_lost |= !fits;
    pthread_mutex_unlock(&r->lock);
    return fits;
}

/* Notify the thread. False: out of memory, or the list is full. The entry is lost, and a replay stops where its
 * number is missing. */
static bool recorder_say(struct recorder *r, struct said what)
{
    struct said *s = what.body.failed ? NULL : malloc(sizeof *s);
    if (s) *s = what;
    if (s && said_append(r, s)) return true;
    free(s);
    bytes_fini(&what.body);
    count(&r->counters.lost, 1);
    return false;
}

uint64_t recorder_program(struct recorder *r, const struct program *p, const struct record_change *change)
{
    size_t len = 0;
    uint8_t *file = program_file(p, &len);
    struct bytes body = {.failed = !file};
    struct record_program head = {.number = ++r->programs_said,
                                  .file = (uint32_t)len,
                                  .flows = p->flows,
                                  .half_open = p->half_open,
                                  .inline_half_open = r->inline_half_open};
    if (change) {
        head.remap_ns = change->remap_ns;
        head.prepare_ns = change->prepare_ns;
        head.world = change->world;
        head.ids = change->count;
        head.gone = change->gone_count;
    }
    if (file) memcpy(head.digest, ((const struct pbc_header *)(const void *)file)->digest, sizeof head.digest);
    bytes_put(&body, &head, sizeof head);
    if (change) bytes_put(&body, change->ids, change->count * sizeof *change->ids);
    bytes_align(&body, 8);
    if (change) bytes_put(&body, change->gone, change->gone_count);
    bytes_align(&body, 8);
    bytes_put(&body, file, len);
    free(file);
    recorder_say(r, (struct said){.kind = RECORD_PROGRAM, .body = body, .plain = program_is_plain(p)});
    return head.number;
}

void recorder_world(struct recorder *r, const struct snapshot *s, uint64_t program)
{
    struct bytes body = {0}, routes = {0};
    if (s->routes && s->routes->number != r->routes_said) {
        world_pack_routes(&routes, s->routes);
        if (!recorder_say(r, (struct said){.kind = RECORD_ROUTES, .body = routes}))
            return; /* a world needs its routes, so the next one brings both */
        r->routes_said = s->routes->number;
    }
    world_pack(&body, s, program);
    recorder_say(r, (struct said){.kind = RECORD_WORLD, .body = body});
}

struct recorder_counters recorder_counters(const struct recorder *r)
{
    const struct recorder_counters *c = &r->counters;
    struct recorder_counters now = {.bytes = __atomic_load_n(&c->bytes, __ATOMIC_RELAXED),
                                    .files = __atomic_load_n(&c->files, __ATOMIC_RELAXED),
                                    .packets = __atomic_load_n(&c->packets, __ATOMIC_RELAXED),
                                    .sessions = __atomic_load_n(&c->sessions, __ATOMIC_RELAXED),
                                    .lost = __atomic_load_n(&c->lost, __ATOMIC_RELAXED),
                                    .failed = __atomic_load_n(&c->failed, __ATOMIC_RELAXED)};
    for (unsigned i = 0; i < r->workers; i++)
        now.lost += __atomic_load_n(&r->tapes[i].lost, __ATOMIC_RELAXED) +
                    __atomic_load_n(&r->moments[i].lost, __ATOMIC_RELAXED);
    return now;
}
