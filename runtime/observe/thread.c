/* A spool for each worker; the thread reads them in turn, pauses when all are empty, and flushes each second */
#include "runtime/observe/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/looker.h"
#include "runtime/observe/carried.h"

#define PAUSE_NS UINT64_C(2000000)
#define FLUSH_NS UINT64_C(1000000000)
enum { RING = 1 << 25 /* bytes of a worker's ring: 25 ms of 10 Gbit/s */, TURN_MOST = 4096 };

struct from_worker {
    struct spool ring;
    struct observe_out out;
};

struct observed_thread {
    struct observed_files files;
    struct observed_log *log;
    pthread_mutex_t lock; /* guards the log: held while a round is written, and while a program is added */
    pthread_mutex_t told; /* guards `said` */
    char said[OBSERVED_LINE];
    struct looker looker;
    uint64_t flushed_ns;
    uint8_t again; /* atomic: look for files of another process before the next event */
    uint8_t waits; /* atomic: nothing is written yet */
    unsigned workers;
    struct from_worker from[];
};

static void observed_told(void *arg, const struct observe_event *e)
{
    struct from_worker *w = arg;
    carried_put(&w->ring, e);
}

static void observed_say(void *arg, const char *what)
{
    struct observed_thread *t = arg;
    pthread_mutex_lock(&t->told);
    snprintf(t->said, sizeof t->said, "%s", what);
    pthread_mutex_unlock(&t->told);
}

struct observed_thread *observed_thread_new(unsigned workers, const struct observed_files *files)
{
    struct observed_thread *t = calloc(1, sizeof *t + workers * sizeof t->from[0]);
    if (!t) return NULL;
    t->files = *files;
    pthread_mutex_init(&t->lock, NULL);
    pthread_mutex_init(&t->told, NULL);
    t->log = observed_log_new(&t->files, observed_say, t);
    bool good = t->log;
    for (unsigned i = 0; i < workers && good; i++) {
        good = !spool_init(&t->from[i].ring, RING);
        t->from[i].out = (struct observe_out){observed_told, &t->from[i]};
        t->workers += good;
    }
    if (good) return t;
    observed_thread_free(t);
    return NULL;
}

void observed_thread_free(struct observed_thread *t)
{
    if (!t) return;
    for (unsigned i = 0; i < t->workers; i++) spool_fini(&t->from[i].ring);
    observed_log_free(t->log);
    pthread_mutex_destroy(&t->lock);
    pthread_mutex_destroy(&t->told);
    free(t);
}

const struct observe_out *observed_thread_out(const struct observed_thread *t, unsigned worker)
{
    return &t->from[worker].out;
}

bool observed_thread_program(struct observed_thread *t, const struct program *p, char *err, size_t err_len)
{
    pthread_mutex_lock(&t->lock);
    const bool good = observed_log_program(t->log, p, err, err_len);
    pthread_mutex_unlock(&t->lock);
    return good;
}

/* Write some events of each worker. True: there were some. */
static bool observed_turn(void *arg)
{
    struct observed_thread *t = arg;
    const uint64_t now = clock_ns(CLOCK_MONOTONIC), ahead = clock_ns(CLOCK_REALTIME) - now;
    bool came = false;
    struct carried c;
    if (__atomic_load_n(&t->waits, __ATOMIC_ACQUIRE)) return false;
    pthread_mutex_lock(&t->lock);
    if (__atomic_exchange_n(&t->again, 0, __ATOMIC_ACQ_REL)) observed_log_again(t->log);
    for (unsigned i = 0; i < t->workers; i++)
        for (unsigned n = 0; n < TURN_MOST && carried_take(&t->from[i].ring, &c); n++, came = true) {
            observed_log_event(t->log, i, &c.event, ahead);
            spool_done(&t->from[i].ring);
        }
    if (!came || now - t->flushed_ns > FLUSH_NS) {
        observed_log_flush(t->log);
        t->flushed_ns = now;
    }
    pthread_mutex_unlock(&t->lock);
    return came;
}

int observed_thread_start(struct observed_thread *t) { return looker_start(&t->looker, observed_turn, t, PAUSE_NS); }
void observed_thread_stop(struct observed_thread *t) { looker_stop(&t->looker); }

bool observed_thread_settle(struct observed_thread *t, uint64_t until_ns)
{
    return looker_settle(&t->looker, until_ns);
}

bool observed_thread_archive(struct observed_thread *t, struct archive *a, bool whole)
{
    if (!whole)
        return observed_log_archive(t->log, a, t->workers,
                                    false); /* the thread may block in a write while it holds the lock */
    pthread_mutex_lock(&t->lock);
    const bool all = observed_log_archive(t->log, a, t->workers, true);
    pthread_mutex_unlock(&t->lock);
    return all;
}

void observed_thread_wait(struct observed_thread *t, bool waits)
{
    __atomic_store_n(&t->waits, waits, __ATOMIC_RELEASE);
}

void observed_thread_again(struct observed_thread *t) { __atomic_store_n(&t->again, 1, __ATOMIC_RELEASE); }

struct observed_counters observed_thread_counters(const struct observed_thread *t)
{
    struct observed_counters c = observed_log_counters(t->log);
    for (unsigned i = 0; i < t->workers; i++) c.lost_events += __atomic_load_n(&t->from[i].ring.lost, __ATOMIC_RELAXED);
    return c;
}

bool observed_thread_said(struct observed_thread *t, char what[OBSERVED_LINE])
{
    pthread_mutex_lock(&t->told);
    const bool any = *t->said;
    if (any) memcpy(what, t->said, sizeof t->said);
    *t->said = '\0';
    pthread_mutex_unlock(&t->told);
    return any;
}
