/* A thread that looks for work in turns, see looker.h */
#include "runtime/base/looker.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/clock.h"

enum { LOOK_NS = 20000 /* pause between two looks of a waiting thread */ };

/* Sleep, unless another thread has called since `calls`. */
static void looker_pause(struct looker *l, uint32_t calls, uint64_t pause_ns)
{
    const struct timespec pause = {.tv_nsec = (long)pause_ns};
    syscall(SYS_futex, &l->calls, FUTEX_WAIT_PRIVATE, calls, &pause, NULL, 0);
}

static void *looker_run(void *arg)
{
    struct looker *l = arg;
    for (uint64_t pause_ns = l->pause_ns;;) {
        const bool last = __atomic_load_n(&l->stop, __ATOMIC_ACQUIRE);
        const uint32_t calls = __atomic_load_n(&l->calls, __ATOMIC_ACQUIRE);
        const bool came = l->turn(l->arg);
        while (calls != l->answered && l->turn(l->arg)) continue;
        __atomic_store_n(&l->answered, calls, __ATOMIC_RELEASE);
        if (last && !came) return NULL;
        pause_ns = came ? l->pause_ns : pause_ns < LOOKER_IDLE * l->pause_ns ? 2 * pause_ns : pause_ns;
        if (!last) looker_pause(l, calls, pause_ns);
    }
}

int looker_start(struct looker *l, bool (*turn)(void *arg), void *arg, uint64_t pause_ns)
{
    if (l->runs) return 0;
    *l = (struct looker){.turn = turn, .arg = arg, .pause_ns = pause_ns, .runs = true};
    const int failed = pthread_create(&l->thread, NULL, looker_run, l);
    if (failed) l->runs = false; /* if the thread runs, it reads this field */
    return -failed;
}

bool looker_settle(struct looker *l, uint64_t until_ns)
{
    if (!l->runs) return true;
    const uint32_t calls = __atomic_add_fetch(&l->calls, 1, __ATOMIC_ACQ_REL);
    syscall(SYS_futex, &l->calls, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    while (__atomic_load_n(&l->answered, __ATOMIC_ACQUIRE) != calls) {
        if (clock_ns(CLOCK_MONOTONIC) >= until_ns) return false;
        nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
    }
    return true;
}

void looker_stop(struct looker *l)
{
    if (!l->runs) return;
    __atomic_store_n(&l->stop, 1, __ATOMIC_RELEASE);
    pthread_join(l->thread, NULL);
    l->runs = false;
}
