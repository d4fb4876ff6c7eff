/* Turns of the writing thread (base/looker.h). Entries of the main thread are written before the steps taken together
 * with them: a worker names a snapshot only after it was published, and so after its entry. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/record/blocks.h"
#include "runtime/record/recorder_priv.h"
#include "runtime/record/world_bytes.h"

#define PAUSE_NS     UINT64_C(2000000)
#define RETRY_NS     UINT64_C(1000000000)
#define WAITS_NS     UINT64_C(10000000000) /* time for a process that hands over to finish its files */
#define WALL_STEP_NS INT64_C(10000000)
enum { WRITE_AT = 1 << 18, PARTS = 8 /* a file is at most this part of all */ };
enum { OUT_KEPT = 1 << 24 /* most memory kept for waiting blocks; more is freed */ };

/* Return the wall clock's lead on the workers' clock: the least interrupted of three measurements. */
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

/* Ask a worker for its state in a world that this file has. The worker reports it when it has time. */
static void ask_state(struct recorder *r, unsigned worker)
{
    r->needs[worker] = r->world_number ? r->world_number : 1;
    if (!r->state_too_large) tape_ask(&r->tapes[worker], r->needs[worker], r->state_most + r->state_most / 4);
}

/* Begin a file with everything that a replay from here needs, except the workers' states, which follow. */
static int begin_file(struct recorder *r)
{
    struct bytes head = {0};
    struct bytes end = {0};
    if (reel_written(&r->reel) && !r->torn) {
        /* Mark the file as complete, so that a later cut, even between two blocks, is detected. */
        blocks_custom(&end, RECORD_NEXT, 0, NULL, 0);
        r->torn = end.failed || reel_write(&r->reel, end.at, end.len);
        bytes_fini(&end);
    }
    int failed = reel_next(&r->reel);
    if (failed) return failed;
    r->start.wall_ns = r->wall_ns = wall_ahead();
    r->start.began_ns = clock_ns(CLOCK_MONOTONIC) + r->wall_ns;
    r->start.torn = r->torn;
    uint8_t links[PORTS_MOST + 1] = {0};
    for (unsigned i = 0; i < r->start.ports; i++) links[i] = r->start.port[i].how & RECORD_BARE ? LINK_RAW : LINK_ETHER;
    links[r->start.ports] = LINK_ETHER;
    blocks_section(&head, r->names, links, r->start.ports + 1);
    put_start(r, &head);
    programs_forget(&r->programs, r->world_program);
    programs_put_all(&r->programs, &head);
    bytes_put(&head, r->routes.at, r->routes.len);
    bytes_put(&head, r->world.at, r->world.len);
    failed = head.failed ? -ENOMEM : reel_write(&r->reel, head.at, head.len);
    bytes_fini(&head);
    if (failed) return failed;
    for (unsigned i = 0; i < r->workers && !r->start.fresh && !r->start.in_kernel; i++) {
        if (r->told)
            r->needs[i] = r->world_number; /* a state of an older world is asked for again */
        else
            ask_state(r, i);
    }
    r->told = false;
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

/* Write all waiting blocks to one file. Blocks that the disk does not take are lost. */
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

/* Put a program into the current file and into the beginning of later ones. The first file begins with all. */
static void write_program(struct recorder *r, struct said *s)
{
    if (!programs_add(&r->programs, &s->body, s->plain)) {
        count(&r->counters.lost, 1);
        r->torn = true;
    } else if (r->head) {
        programs_put_last(&r->programs, &r->out);
    }
}

/* Take the kinds of ports from a world. True: they differ from those in the current file, which has all earlier
 * records. */
static bool take_kinds(struct recorder *r, uint32_t bare)
{
    bool others = false;
    for (unsigned i = 0; i < r->start.ports; i++) {
        const uint8_t how = r->start.port[i].how;
        const uint8_t now = (uint8_t)((how & ~RECORD_BARE) | (bare >> i % r->start.devices & 1 ? RECORD_BARE : 0));
        if (how != now && !others) flush(r);
        others |= how != now;
        r->start.port[i].how = now;
    }
    return others && r->head;
}

/* Put a world or routes into the current file. Later files begin with the latest ones only. */
static void write_world(struct recorder *r, struct said *s)
{
    struct bytes *to = s->kind == RECORD_WORLD ? &r->world : &r->routes;
    struct world_said world;
    bool turns = false;
    if (s->kind == RECORD_WORLD && world_said(s->body.at, s->body.len, &world)) {
        turns = take_kinds(r, world.bare);
        r->world_number = world.number;
        r->world_program = world.program;
    }
    to->len = 0;
    blocks_custom(to, s->kind, 0, s->body.at, s->body.len);
    /* A separate file begins with this world, after its routes, so that the kinds of its interfaces are right. */
    if (turns && begin_file(r)) {
        r->torn = true;
        count(&r->counters.lost, 1);
    }
    if (r->head && !turns) blocks_custom(&r->out, s->kind, 0, s->body.at, s->body.len);
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
    return t->kind == TAPE_BATCH || t->kind == TAPE_LEFT || t->kind == TAPE_SINGLE || t->kind == TAPE_INLINE ||
           t->kind == TAPE_ROUTED;
}

static void write_frames(struct recorder *r, unsigned worker, const struct tape_record *t)
{
    const uint8_t *at = (const uint8_t *)(t + 1);
    for (unsigned i = 0; i < t->count; i++) {
        const struct tape_frame *f = (const void *)at;
        const bool hosts = t->kind == TAPE_ROUTED || f->port == TAPE_TO_HOST;
        blocks_packet(&r->out, worker, t->kind == TAPE_LEFT, hosts ? r->start.ports : f->port, t->now_ns + r->wall_ns,
                      f);
        at += sizeof *f + tape_padded(f->cap_len);
    }
    count(&r->counters.packets, t->count);
}

static void write_step(struct recorder *r, unsigned worker, const struct tape_record *t)
{
    if (t->kind == TAPE_STATE) {
        r->state_too_large |= t->bytes == sizeof *t;
        if (t->bytes != sizeof *t) {
            /* A state does not count towards the file's size. One without a body did not fit. */
            blocks_custom(&r->out, RECORD_STEP, worker, t, t->bytes);
            r->head += t->bytes;
            if (t->bytes > r->state_most) r->state_most = t->bytes;
        }
    } else if (t->kind != TAPE_LEFT)
        blocks_custom(&r->out, RECORD_STEP, worker, t, has_frames(t) ? sizeof *t : t->bytes);
    if (has_frames(t)) write_frames(r, worker, t);
    if (r->out.len >= WRITE_AT) flush(r);
}

/* Write n moments of the loop. True: there were some. */
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

/* Begin the first file after a takeover, once the process before has released the directory. False: it has not, and
 * nothing is taken from the tapes. */
static bool folder_is_ours(struct recorder *r)
{
    const uint64_t now = clock_ns(CLOCK_MONOTONIC);
    if (!r->waits_until_ns) r->waits_until_ns = now + WAITS_NS;
    int failed = reel_again(&r->reel);
    if (failed == -EBUSY && now < r->waits_until_ns) return false;
    r->waits = false;
    write_all_said(r);
    if (!failed) failed = begin_file(r);
    if (failed) {
        r->torn = true;
        r->told = false;
        __atomic_store_n(&r->counters.failed, failed, __ATOMIC_RELAXED);
    }
    return true;
}

/* Do one round. True: something was written. */
static bool recorder_turn(void *arg)
{
    struct recorder *r = arg;
    uint64_t there[WORKERS_MOST];
    unsigned moments[WORKERS_MOST];
    bool came = false;
    if (r->waits && !folder_is_ours(r)) return false;
    for (unsigned i = 0; i < r->workers; i++) there[i] = tape_there(&r->tapes[i]);
    for (unsigned i = 0; i < r->workers; i++) moments[i] = moments_there(&r->moments[i]);
    /* Follow the wall clock if it was set. Otherwise a file keeps one difference, so that its times can be compared. */
    const uint64_t ahead = wall_ahead();
    const int64_t by = (int64_t)(ahead - r->wall_ns);
    if (by > WALL_STEP_NS || by < -WALL_STEP_NS) r->wall_ns = ahead;
    write_all_said(r);
    for (unsigned i = 0; i < r->workers; i++) {
        for (const struct tape_record *t; (t = tape_next(&r->tapes[i], there[i])); came = true) {
            write_step(r, i, tape_whole(&r->tapes[i], t));
            /* After a gap, or a state in a world older than the file's, ask for a new state. */
            const bool again = t->kind == TAPE_GAP || (t->kind == TAPE_STATE && t->number < r->needs[i]);
            tape_done(&r->tapes[i], t);
            if (again && !r->start.in_kernel) ask_state(r, i);
        }
        came |= write_moments(r, i, moments[i]);
    }
    flush(r);
    return came;
}

int recorder_start(struct recorder *r)
{
    write_all_said(r);
    r->told = r->waits;
    for (unsigned i = 0; i < r->workers && r->waits && !r->start.in_kernel; i++) tape_ask(&r->tapes[i], 1, 0);
    const int failed = r->waits ? 0 : begin_file(r);
    return failed ? failed : looker_start(&r->looker, recorder_turn, r, PAUSE_NS);
}

void recorder_stop(struct recorder *r)
{
    looker_stop(&r->looker);
    blocks_custom(&r->out, RECORD_END, 0, NULL, 0);
    flush(r);
}
