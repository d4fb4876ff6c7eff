/* A worker's thread: one turn after the other. It sleeps in poll when no port has frames; the main thread can wake it
 * and hold it. */
#include <poll.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/worker/owned/owned.h"
#include "runtime/worker/up.h"
#include "runtime/worker/worker.h"

/* Interval between retries of packets that wait for a neighbour. */
#define RETRY_NS UINT64_C(50000000)
/* A time that is far enough away to be never. */
#define FOREVER_NS (UINT64_MAX / 2)

/* Sleep until frames come, the main thread or another worker calls, or something is due. */
static void sleep_until(struct worker *w, uint64_t now)
{
    struct pollfd fds[PORTS_MOST + 3] = {{.fd = w->wake_fd, .events = POLLIN}};
    const unsigned n = w->egress.port_count;
    for (unsigned i = 0; i < n; i++)
        fds[i + 1] = (struct pollfd){.fd = w->ports[i].ops->fd(w->ports[i].io), .events = POLLIN};
    fds[n + 1] = (struct pollfd){.fd = w->inline_io.fd, .events = POLLIN}; /* a negative descriptor is ignored */
    fds[n + 2] = (struct pollfd){.fd = risen_fd(&w->risen), .events = POLLIN};
    const bool waits = w->egress.waiting || w->fragments_waiting;
    uint64_t due = waits && now + RETRY_NS < w->tick_ns ? now + RETRY_NS : w->tick_ns;
    due = time_sooner(due > now ? due - now : 0, risen_wait_ns(&w->risen));
    const struct timespec left = {(time_t)(due / 1000000000u), (long)(due % 1000000000u)};
    __atomic_store_n(&w->sleeps, 1, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    const int woken = owned_waits(w) ? 0 : ppoll(fds, n + 3, due > FOREVER_NS ? NULL : &left, NULL);
    __atomic_store_n(&w->sleeps, 0, __ATOMIC_RELAXED);
    if (woken <= 0) return;
    uint64_t calls;
    if (fds[0].revents) (void)!read(w->wake_fd, &calls, sizeof calls);
    w->inline_io.likely |= fds[n + 1].revents != 0;
    for (unsigned i = 0; i < n; i++) {
        const int fault = fds[i + 1].revents & POLLERR ? w->ports[i].ops->fault(w->ports[i].io) : 0;
        if (fault) {
            __atomic_store_n(&w->fault_port, (int)i, __ATOMIC_RELAXED);
            __atomic_store_n(&w->fault, fault, __ATOMIC_RELEASE);
            wake(w->call_fd);
        }
    }
}

static void *worker_run(void *arg)
{
    struct worker *w = arg;
    while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
        if (__atomic_load_n(&w->hold, __ATOMIC_ACQUIRE)) {
            pthread_mutex_lock(&w->lock);
            w->held = true;
            pthread_cond_broadcast(&w->changed);
            while (__atomic_load_n(&w->hold, __ATOMIC_ACQUIRE)) pthread_cond_wait(&w->changed, &w->lock);
            w->held = false;
            pthread_mutex_unlock(&w->lock);
            continue; /* the worker may have been stopped meanwhile, and must then judge no further frame */
        }
        const uint64_t now = clock_ns(CLOCK_MONOTONIC);
        if (!worker_turn(w, now) && !w->cfg.spins) sleep_until(w, now);
    }
    if (!w->over) worker_last(w, clock_ns(CLOCK_MONOTONIC));
    /* A change offered at the end is still taken: the counters printed later have the shape of that program. */
    if (__atomic_load_n(&w->change, __ATOMIC_ACQUIRE)) worker_take_change(w, clock_ns(CLOCK_MONOTONIC));
    return NULL;
}

void worker_record(struct worker *w, struct tape *tape, uint64_t program)
{
    w->tape = tape;
    w->program = program;
    for (unsigned i = 0; i < PORTS_MOST; i++) w->ports[i].tape = tape; /* also for ports that come by a takeover */
}

void worker_tell(struct worker *w, struct snapshot *s)
{
    __atomic_store_n(&w->latest, s, __ATOMIC_RELEASE);
    wake(w->wake_fd);
}

void worker_change(struct worker *w, struct next_program *c)
{
    __atomic_store_n(&w->change, c, __ATOMIC_RELEASE);
    wake(w->wake_fd);
}

bool worker_list(struct worker *w, struct listing *l)
{
    if (__atomic_load_n(&w->listing, __ATOMIC_ACQUIRE)) return false;
    __atomic_store_n(&w->listing, l, __ATOMIC_RELEASE);
    wake(w->wake_fd);
    return true;
}

void worker_cut(struct worker *w) { wake(w->wake_fd); }

void worker_observe(struct worker *w, struct observer_set *s)
{
    __atomic_store_n(&w->observing.latest, s, __ATOMIC_RELEASE);
    wake(w->wake_fd);
}

int worker_start(struct worker *w, int cpu)
{
    int err = ahead_start(&w->ahead);
    if (!err) err = -pthread_create(&w->thread, NULL, worker_run, w);
    if (err) ahead_stop(&w->ahead);
    if (err) return err;
    cpu_set_t one;
    CPU_ZERO(&one);
    if (cpu >= 0) CPU_SET((unsigned)cpu, &one);
    if (cpu >= 0) pthread_setaffinity_np(w->thread, sizeof one, &one);
    return 0;
}

void worker_hold(struct worker *w)
{
    __atomic_store_n(&w->hold, 1, __ATOMIC_RELEASE);
    wake(w->wake_fd);
    pthread_mutex_lock(&w->lock);
    while (!w->held) pthread_cond_wait(&w->changed, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

void worker_release(struct worker *w)
{
    pthread_mutex_lock(&w->lock);
    __atomic_store_n(&w->hold, 0, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void worker_stop(struct worker *w, bool over)
{
    w->over = over;
    __atomic_store_n(&w->stop, 1, __ATOMIC_RELEASE);
    worker_release(w);
    wake(w->wake_fd);
    pthread_join(w->thread, NULL);
    if (w->leaving && !over) leaving_stop(w->leaving); /* otherwise the loop's requests are passed on */
    while (!over && up_copied(w, clock_ns(CLOCK_MONOTONIC)))
        continue; /* after a takeover the next process takes the rest */
    if (!over) vm_observed_end(w->vm, &(struct vm_in){.mono_ns = clock_ns(CLOCK_MONOTONIC)});
    ahead_stop(&w->ahead);
}

/* The last CPU first, because interrupts tend to go to the first. */
int worker_cpu(unsigned worker)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set)) return -1;
    unsigned skip = worker % (unsigned)CPU_COUNT(&set);
    for (int i = CPU_SETSIZE - 1; i >= 0; i--)
        if (CPU_ISSET((unsigned)i, &set) && skip-- == 0) return i;
    return -1;
}

unsigned worker_cpus(void)
{
    cpu_set_t set;
    const unsigned count = sched_getaffinity(0, sizeof set, &set) ? 1 : (unsigned)CPU_COUNT(&set);
    return count < WORKERS_MOST ? count : WORKERS_MOST;
}
