/* Rounds get shorter: each has the changes made during the previous one. The last changes are left for the pause */
#include "runtime/live/control/takeover/advance.h"

#include <time.h>

#include "runtime/base/clock.h"
#include "runtime/live/carry/carry_state.h"
#include "vm/keyed/keyed.h"
#include "vm/program/program.h"
#include "vm/vm.h"

enum {
    SLICE = 1024,      /* slots for which a worker is held, some 100 us; then it judges for twice that time */
    ROUNDS_MOST = 8,   /* most rounds */
    FEW = 128,         /* number of changed groups that may be left for the pause */
    ROOM_LEAST = 16384 /* bytes left in the window, below which it is sent */
};

static bool begin(struct advance *v, const struct carry *carry)
{
    bool all = !carry->in_kernel; /* in the kernel executor, flows stay in their table */
    for (unsigned i = 0; i < carry->worker_count && all; i++) {
        worker_hold(carry->workers[i]);
        all = vm_rests(carry->workers[i]->vm) && vm_advance_begin(carry->workers[i]->vm);
        worker_release(carry->workers[i]);
    }
    v->program = all ? carry->now.program->serial : 0;
    return all;
}

static void rest_twice(uint64_t since_ns)
{
    const uint64_t ns = 2 * (clock_ns(CLOCK_MONOTONIC) - since_ns);
    const struct timespec rest = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    nanosleep(&rest, NULL);
}

/* Write flows of the next worker. True if its round continues, but there is no room left. */
static bool write_worker(struct advance *v, const struct carry *carry, struct archive *a)
{
    struct worker *w = carry->workers[v->worker];
    for (bool more = true; more;) {
        if (a->left < ROOM_LEAST) return true;
        worker_hold(w);
        const uint64_t since_ns = clock_ns(CLOCK_MONOTONIC);
        more = vm_advance_write(w->vm, a, &v->hand[v->worker], SLICE);
        worker_release(w);
        rest_twice(since_ns);
    }
    return false;
}

static uint32_t groups_left(const struct carry *carry)
{
    uint32_t left = 0;
    for (unsigned i = 0; i < carry->worker_count; i++) {
        worker_hold(carry->workers[i]);
        left += vm_advance_left(carry->workers[i]->vm);
        worker_release(carry->workers[i]);
    }
    return left;
}

/* Begin the next round, or report that this was the last. */
static void round_over(struct advance *v, const struct carry *carry, struct handoff_advance *said)
{
    const uint32_t left = groups_left(carry);
    v->rounds++;
    said->round = 1;
    said->over = left <= FEW || v->rounds == ROUNDS_MOST || (v->rounds > 1 && left > v->before / 2);
    v->before = left;
    v->worker = 0;
    for (unsigned i = 0; i < carry->worker_count; i++) v->hand[i] = 0;
}

void advance_some(struct advance *v, const struct carry *carry, uint8_t *file, const struct handoff_part *window,
                  struct handoff_advance *said)
{
    struct archive a = {.at = file + window->at, .left = window->len};
    *said = (struct handoff_advance){.over = 0};
    if ((!v->program && !begin(v, carry)) || !advance_counts(v, carry)) {
        said->round = said->over = 1;
        return;
    }
    for (; v->worker < carry->worker_count; v->worker++) {
        const uint8_t *const from = a.at;
        const bool goes_on = write_worker(v, carry, &a);
        said->workers[v->worker] = (struct handoff_part){(uint64_t)(from - file), (uint64_t)(a.at - from)};
        if (goes_on) return;
    }
    round_over(v, carry, said);
}

bool advance_counts(const struct advance *v, const struct carry *carry)
{
    return v->program && v->program == carry->now.program->serial;
}

void advance_end(struct advance *v, const struct carry *carry)
{
    for (unsigned i = 0; v->program && i < carry->worker_count; i++) {
        worker_hold(carry->workers[i]);
        vm_advance_end(carry->workers[i]->vm);
        worker_release(carry->workers[i]);
    }
    v->program = 0;
}
