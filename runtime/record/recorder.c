/* See recorder.h. The thread looks at the tapes every few milliseconds while there is something on them, else less and
 * less often: nobody wakes it, so a worker that is recorded makes no system call for it.
 *
 * What the main thread said is written before the steps that were taken from the tapes with it: a worker names a
 * snapshot only after it was published, and that is after it was said here. */
#include "runtime/record/recorder.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/base/clock.h"
#include "runtime/record/blocks.h"
#include "runtime/record/programs.h"
#include "runtime/record/world.h"

#define BUSY_NS      UINT64_C(2000000)
#define IDLE_NS      UINT64_C(32000000)
#define RETRY_NS     UINT64_C(1000000000)
#define WALL_STEP_NS INT64_C(10000000)
#define STATE_MOST   (UINT64_C(3) << 30) /* a record says its bytes in 32 bits */
enum { WRITE_AT = 1 << 18, PARTS = 8 /* a file is so small a part of all */ };
enum { OUT_KEPT = 1 << 24 /* of the memory of blocks that wait: more is given back */ };
enum { SAID_MOST = 64 << 20 /* bytes that wait for a disk that hangs, beside one of any size */ };

/* What the main thread says: a block to be. */
struct said {
    struct said *next;
    enum record_kind kind;
    struct bytes body;
    bool plain; /* a program: program_is_plain */
};

struct recorder {
    struct record_start start;
    const char *names[PORTS_MOST + 1]; /* and this machine's */
    struct reel reel;
    struct tape tapes[WORKERS_MOST];
    struct moments moments[WORKERS_MOST];
    unsigned workers;
    /* of the thread */
    pthread_t thread;
    int stop; /* atomic */
    struct bytes out;
    struct programs programs;   /* for the beginning of each file */
    struct bytes routes, world; /* likewise, as blocks */
    uint64_t world_number;
    uint64_t world_program;       /* the number of the program that it is made for */
    uint64_t head;                /* bytes that the file began with, states too */
    uint64_t state_most;          /* bytes of the largest state so far */
    bool state_too_large;         /* for its room: none is asked for any more */
    uint64_t needs[WORKERS_MOST]; /* the oldest snapshot that the file knows: a state has to be in no older one */
    bool torn;                    /* something found no room on the disk since the file began */
    uint64_t wall_ns;             /* what the wall's clock is ahead of the workers' */
    uint64_t retry_ns;            /* after a write that failed, the next one is tried then; 0: the last one succeeded */
    /* shared */
    pthread_mutex_t lock;
    struct said *first, **last;
    size_t said_bytes; /* of these */
    bool said_lost;    /* one found no room since they were taken */
    uint64_t programs_said, routes_said;
    struct recorder_counters counters; /* each atomic */
};

/* What the wall's clock is ahead of the workers': of three looks the one that was interrupted least. */
static uint64_t wall_ahead(void)
{
    uint64_t least = UINT64_MAX, ahead = 0;
    for (unsigned i = 0; i < 3; i++) {
        const uint64_t before = clock_ns(CLOCK_MONOTONIC), wall = clock_ns(CLOCK_REALTIME);
        const uint64_t took = clock_ns(CLOCK_MONOTONIC) - before;
        if (took >= least) continue;
        least = took;
        ahead = wall - before - took / 2;
    }
    return ahead;
}

static void count(uint64_t *counter, uint64_t n) { __atomic_add_fetch(counter, n, __ATOMIC_RELAXED); }

static void describe(struct recorder *r, const struct recorder_cfg *cfg)
{
    r->workers = cfg->workers;
    r->start = (struct record_start){.version = RECORD_VERSION,
                                     .ports = cfg->ports,
                                     .devices = cfg->devices,
                                     .workers = cfg->workers,
                                     .snap = cfg->snap,
                                     .session = clock_ns(CLOCK_REALTIME),
                                     .seed = cfg->seed,
                                     .forwards = cfg->forwards,
                                     .in_kernel = cfg->in_kernel,
                                     .fresh = 1};
    for (unsigned i = 0; i < cfg->ports; i++) {
        r->start.port[i].peer = cfg->port[i].peer;
        r->start.port[i].hidden = cfg->port[i].hidden;
        r->names[i] = cfg->names[i % cfg->devices];
    }
    r->names[cfg->ports] = "this machine";
}

/* States may take half of all files: what happens needs the rest. */
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

/* To the list, if it has room. Programs always find some: they are few, and all that follows needs them. */
static bool append(struct recorder *r, struct said *s)
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

/* False: there is no memory, or the list is full. It is lost, and with it what follows: a replay misses it by its
 * number. */
static bool say(struct recorder *r, struct said what)
{
    struct said *s = what.body.failed ? NULL : malloc(sizeof *s);
    if (s) *s = what;
    if (s && append(r, s)) return true;
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
    struct record_program head = {
        .number = ++r->programs_said, .file = (uint32_t)len, .flows = p->flows, .half_open = p->half_open};
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
    say(r, (struct said){.kind = RECORD_PROGRAM, .body = body, .plain = program_is_plain(p)});
    return head.number;
}

void recorder_world(struct recorder *r, const struct snapshot *s, uint64_t program)
{
    struct bytes body = {0}, routes = {0};
    if (s->routes && s->routes->number != r->routes_said) {
        world_pack_routes(&routes, s->routes);
        if (!say(r, (struct said){.kind = RECORD_ROUTES, .body = routes}))
            return; /* a world without its routes is none: the next says both */
        r->routes_said = s->routes->number;
    }
    world_pack(&body, s, program);
    say(r, (struct said){.kind = RECORD_WORLD, .body = body});
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

static void put_start(const struct recorder *r, struct bytes *to)
{
    struct bytes body = {0};
    bytes_put(&body, &r->start, sizeof r->start);
    for (unsigned i = 0; i < r->start.devices; i++) {
        char name[RECORD_NAME] = "";
        snprintf(name, sizeof name, "%s", r->names[i]);
        bytes_put(&body, name, sizeof name);
    }
    blocks_custom(to, RECORD_START, 0, body.at, body.len);
    to->failed |= body.failed;
    bytes_fini(&body);
}

/* A worker tells its state as soon as it has a moment, in a world that this file knows. */
static void ask_state(struct recorder *r, unsigned worker)
{
    r->needs[worker] = r->world_number ? r->world_number : 1;
    if (!r->state_too_large) tape_ask(&r->tapes[worker], r->needs[worker], r->state_most + r->state_most / 4);
}

/* So a file that was cut later, even between two blocks, is found out. */
static void end_file(struct recorder *r)
{
    struct bytes end = {0};
    if (!reel_written(&r->reel) || r->torn) return;
    blocks_custom(&end, RECORD_NEXT, 0, NULL, 0);
    r->torn = end.failed || reel_write(&r->reel, end.at, end.len);
    bytes_fini(&end);
}

/* A file begins with all that is needed to go on from there, but the workers' states, which follow. */
static int begin_file(struct recorder *r)
{
    struct bytes head = {0};
    end_file(r);
    int failed = reel_next(&r->reel);
    if (failed) return failed;
    r->start.wall_ns = r->wall_ns = wall_ahead();
    r->start.began_ns = clock_ns(CLOCK_MONOTONIC) + r->wall_ns;
    r->start.torn = r->torn;
    blocks_section(&head, r->names, r->start.ports + 1);
    put_start(r, &head);
    programs_forget(&r->programs, r->world_program);
    programs_put_all(&r->programs, &head);
    bytes_put(&head, r->routes.at, r->routes.len);
    bytes_put(&head, r->world.at, r->world.len);
    failed = head.failed ? -ENOMEM : reel_write(&r->reel, head.at, head.len);
    bytes_fini(&head);
    if (failed) return failed;
    for (unsigned i = 0; i < r->workers && !r->start.fresh && !r->start.in_kernel; i++) ask_state(r, i);
    r->start.fresh = 0;
    r->torn = false;
    r->head = reel_written(&r->reel);
    count(&r->counters.bytes, r->head);
    count(&r->counters.files, 1);
    return 0;
}

static int write_out(struct recorder *r)
{
    const uint64_t there = reel_written(&r->reel);
    int failed = !there || there > r->head + r->reel.most / PARTS || r->torn ? begin_file(r) : 0;
    if (!failed) failed = reel_write(&r->reel, r->out.at, r->out.len);
    if (failed == -EFBIG) failed = begin_file(r);
    return failed;
}

/* All blocks that are waiting, in one file. What the disk does not take is lost. */
static void flush(struct recorder *r)
{
    if (!r->out.len) return;
    const bool waits = r->retry_ns && clock_ns(CLOCK_MONOTONIC) < r->retry_ns;
    const int failed = waits ? -EAGAIN : r->out.failed ? -ENOMEM : write_out(r);
    if (failed) {
        r->torn = true;
        count(&r->counters.lost, 1);
        if (!waits) r->retry_ns = clock_ns(CLOCK_MONOTONIC) + RETRY_NS;
        if (!waits) __atomic_store_n(&r->counters.failed, failed, __ATOMIC_RELAXED);
    } else {
        count(&r->counters.bytes, r->out.len);
        r->retry_ns = 0;
        __atomic_store_n(&r->counters.failed, 0, __ATOMIC_RELAXED);
    }
    if (r->out.room > OUT_KEPT) bytes_fini(&r->out);
    r->out.len = 0;
    r->out.failed = false;
}

static struct said *take_said(struct recorder *r)
{
    pthread_mutex_lock(&r->lock);
    struct said *first = r->first;
    r->first = NULL;
    r->last = &r->first;
    r->said_bytes = 0;
    r->torn |= r->said_lost;
    r->said_lost = false;
    pthread_mutex_unlock(&r->lock);
    return first;
}

/* In the file that is written, and at the beginning of those that come. The first file begins with all. */
static void write_program(struct recorder *r, struct said *s)
{
    if (!programs_add(&r->programs, &s->body, s->plain)) {
        count(&r->counters.lost, 1);
        r->torn = true;
    } else if (r->head) {
        programs_put_last(&r->programs, &r->out);
    }
}

/* Likewise; of these the last one counts. */
static void write_world(struct recorder *r, struct said *s)
{
    struct bytes *to = s->kind == RECORD_WORLD ? &r->world : &r->routes;
    struct world_said world;
    if (s->kind == RECORD_WORLD && world_said(s->body.at, s->body.len, &world)) {
        r->world_number = world.number;
        r->world_program = world.program;
    }
    to->len = 0;
    blocks_custom(to, s->kind, 0, s->body.at, s->body.len);
    if (r->head) blocks_custom(&r->out, s->kind, 0, s->body.at, s->body.len);
}

static void write_all_said(struct recorder *r)
{
    for (struct said *s = take_said(r), *next; s; s = next) {
        next = s->next;
        (s->kind == RECORD_PROGRAM ? write_program : write_world)(r, s);
        bytes_fini(&s->body);
        free(s);
    }
}

static bool has_frames(const struct tape_record *t)
{
    return t->kind == TAPE_BATCH || t->kind == TAPE_LEFT || t->kind == TAPE_SINGLE;
}

static void write_frames(struct recorder *r, unsigned worker, const struct tape_record *t)
{
    const uint8_t *at = (const uint8_t *)(t + 1);
    for (unsigned i = 0; i < t->count; i++) {
        const struct tape_frame *f = (const void *)at;
        blocks_packet(&r->out, worker, t->kind == TAPE_LEFT, r->start.ports, t->now_ns + r->wall_ns, f);
        at += sizeof *f + tape_padded(f->cap_len);
    }
    count(&r->counters.packets, t->count);
}

/* A file that begins with a large state is no sooner full. One without a body found no room. */
static void write_state(struct recorder *r, unsigned worker, const struct tape_record *t)
{
    r->state_too_large |= t->bytes == sizeof *t;
    if (t->bytes == sizeof *t) return;
    blocks_custom(&r->out, RECORD_STEP, worker, t, t->bytes);
    r->head += t->bytes;
    if (t->bytes > r->state_most) r->state_most = t->bytes;
}

static void write_step(struct recorder *r, unsigned worker, const struct tape_record *t)
{
    if (t->kind == TAPE_STATE)
        write_state(r, worker, t);
    else if (t->kind != TAPE_LEFT)
        blocks_custom(&r->out, RECORD_STEP, worker, t, has_frames(t) ? sizeof *t : t->bytes);
    if (has_frames(t)) write_frames(r, worker, t);
    if (r->out.len >= WRITE_AT) flush(r);
}

/* Taken: what is missing since a gap, or was told in an older world than the file knows, is asked for. */
static void done(struct recorder *r, unsigned worker, const struct tape_record *t)
{
    const bool again = t->kind == TAPE_GAP || (t->kind == TAPE_STATE && t->number < r->needs[worker]);
    tape_done(&r->tapes[worker], t);
    if (again && !r->start.in_kernel) ask_state(r, worker);
}

/* So many of the loop's. */
static bool write_moments(struct recorder *r, unsigned loop, unsigned n)
{
    struct session_moment m;
    for (unsigned i = 0; i < n && moments_take(&r->moments[loop], &m); i++) {
        blocks_custom(&r->out, RECORD_SESSION, loop, &m, sizeof m);
        if (r->out.len >= WRITE_AT) flush(r);
    }
    count(&r->counters.sessions, n);
    return n;
}

/* The wall's clock may be set. Else all of a file goes by one difference, so that times of two kinds can be compared.
 */
static void follow_wall(struct recorder *r)
{
    const uint64_t ahead = wall_ahead();
    const int64_t by = (int64_t)(ahead - r->wall_ns);
    if (by > WALL_STEP_NS || by < -WALL_STEP_NS) r->wall_ns = ahead;
}

/* Did anything come? */
static bool turn(struct recorder *r)
{
    uint64_t there[WORKERS_MOST];
    unsigned moments[WORKERS_MOST];
    bool came = false;
    for (unsigned i = 0; i < r->workers; i++) there[i] = tape_there(&r->tapes[i]);
    for (unsigned i = 0; i < r->workers; i++) moments[i] = moments_there(&r->moments[i]);
    follow_wall(r);
    write_all_said(r);
    for (unsigned i = 0; i < r->workers; i++) {
        for (const struct tape_record *t; (t = tape_next(&r->tapes[i], there[i])); came = true) {
            write_step(r, i, tape_whole(&r->tapes[i], t));
            done(r, i, t);
        }
        came |= write_moments(r, i, moments[i]);
    }
    flush(r);
    return came;
}

static void *run(void *arg)
{
    struct recorder *r = arg;
    uint64_t pause = BUSY_NS;
    for (;;) {
        const bool last = __atomic_load_n(&r->stop, __ATOMIC_ACQUIRE);
        if (turn(r))
            pause = BUSY_NS;
        else if (pause < IDLE_NS)
            pause *= 2;
        if (last) break;
        nanosleep(&(struct timespec){.tv_nsec = (long)pause}, NULL);
    }
    blocks_custom(&r->out, RECORD_END, 0, NULL, 0);
    flush(r);
    return NULL;
}

int recorder_start(struct recorder *r)
{
    write_all_said(r);
    const int failed = begin_file(r);
    return failed ? failed : -pthread_create(&r->thread, NULL, run, r);
}

void recorder_stop(struct recorder *r)
{
    __atomic_store_n(&r->stop, 1, __ATOMIC_RELEASE);
    pthread_join(r->thread, NULL);
}
