/* A thread that looks for work in turns, see looker.h */
#include "runtime/base/looker.h"

#include <time.h>

static void *looker_run(void *arg)
{
    struct looker *l = arg;
    for (uint64_t pause_ns = l->pause_ns;;) {
        const bool last = __atomic_load_n(&l->stop, __ATOMIC_ACQUIRE);
        const bool came = l->turn(l->arg);
        if (last && !came) return NULL;
        pause_ns = came ? l->pause_ns : pause_ns < LOOKER_IDLE * l->pause_ns ? 2 * pause_ns : pause_ns;
        if (!last) nanosleep(&(struct timespec){.tv_nsec = (long)pause_ns}, NULL);
    }
}

int looker_start(struct looker *l, bool (*turn)(void *arg), void *arg, uint64_t pause_ns)
{
    if (l->runs) return 0;
    *l = (struct looker){.turn = turn, .arg = arg, .pause_ns = pause_ns, .runs = true};
    const int failed = pthread_create(&l->thread, NULL, looker_run, l);
    l->runs = !failed;
    return -failed;
}

void looker_stop(struct looker *l)
{
    if (!l->runs) return;
    __atomic_store_n(&l->stop, 1, __ATOMIC_RELEASE);
    pthread_join(l->thread, NULL);
    l->runs = false;
}
