/* After a takeover, another process judges and accepts connections; this one serves those that it had accepted. It
 * does not know the present host, health or rules */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/proxy/access.h"
#include "runtime/live/carry/proxy/inline_stack.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/live/carry/proxy/taken.h"
#include "runtime/live/control/asked.h"
#include "runtime/live/control/takeover/before.h"
#include "runtime/live/control/takeover/yield.h"
#include "runtime/live/main/live_priv.h"
#include "runtime/live/tell/log.h"
#include "runtime/parent/between/handoff.h"
#include "runtime/stats/web.h"

#define SECOND_NS UINT64_C(1000000000)
#define STANDS_NS                                                                                                      \
    (5 * SECOND_NS) /* time after which this side removes its gate, with or without a message from the other */

struct draining {
    struct live *l;
    uint64_t until_ns,
        stands_ns;            /* end of the sessions, UINT64_MAX: no bound; end of the gate, UINT64_MAX: it is off */
    uint32_t told;            /* sessions, as last reported */
    struct handoff_said asks; /* the oldest request that could not be sent yet, if `unsaid` */
    bool unsaid;
    struct handoff_told heard; /* message from the other process, or a word only */
    struct message_part part;  /* part of `heard` received so far */
    bool waits;                /* `heard` is complete, and waits for room */
    bool ends;
};

/* Free the parts that only a judging process needs. Clients whose questions wait here ask the other process again. */
static void leave_rest(struct live *l)
{
    char err[300];
    asked_close(&l->control);
    l->control.ctl = NULL;
    web_free(l->control.web);
    l->control.web = NULL;
    before_free(l->control.before);
    l->control.before = NULL;
    inline_stack_leave(&l->carry);
    for (unsigned i = 0; i < WORKERS_MOST && l->carry.workers[i]; i++) {
        worker_fini(l->carry.workers[i]);
        free(l->carry.workers[i]);
        l->carry.workers[i] = NULL;
    }
    l->carry.worker_count = 0;
    in_kernel_close(&l->carry);
    malloc_trim(0);
    if (ask_DRAINS(l->tell.channel, err, sizeof err)) tell_fault(&l->tell, "%s", err);
}

static void gate_off(struct draining *d)
{
    char err[300];
    if (d->stands_ns == UINT64_MAX) return;
    d->stands_ns = UINT64_MAX;
    ask_UNGATE(d->l->tell.channel, err, sizeof err);
}

/* Do what the judging process's messages request. */
static void hear(struct draining *d)
{
    const int fd = yield_fd(&d->l->control);
    int more = 1;
    while (d->waits || (more = message_take(fd, &d->part, &d->heard, sizeof d->heard)) > 0) {
        const struct handoff_told *m = &d->heard;
        const struct inline_told told = {
            .kind = (uint8_t)m->kind, .why = (uint8_t)m->why, .port = (uint16_t)m->port, .number = m->number};
        if (m->word == HANDOFF_STANDS) gate_off(d);
        if (m->word == HANDOFF_LOGS) logs_again(&d->l->carry);
        const bool sound =
            m->word == HANDOFF_TOLD && (m->kind == INLINE_HALF || m->kind == INLINE_OVER) && m->why < SPLICE_WHYS;
        d->waits = sound && !inline_stack_told(&d->l->carry, m->worker, &told);
        if (d->waits) return;
    }
    d->ends |= more < 0;
}

static void signalled(struct draining *d)
{
    struct signalfd_siginfo s;
    while (read(d->l->signal_fd, &s, sizeof s) == sizeof s) {
        if (s.ssi_signo == SIGHUP) logs_again(&d->l->carry);
        if (s.ssi_signo != SIGTERM && s.ssi_signo != SIGINT) continue;
        d->l->ended_by = (int)s.ssi_signo;
        d->ends = true;
    }
}

static bool say(const struct draining *d, const struct handoff_said *m)
{
    return !message_send_soon(yield_fd(&d->l->control), m, sizeof *m);
}

static void say_sessions(struct draining *d)
{
    const struct handoff_said m = {.what = HANDOFF_SERVES, .n = taken_sessions(&d->l->carry)};
    if (m.n != d->told && say(d, &m)) d->told = m.n;
}

/* Describe a loop's request to a worker. False if the request means nothing to another process's worker. */
static bool said_of(const struct inline_ask *ask, uint32_t worker, struct handoff_said *m)
{
    *m = (struct handoff_said){.n = worker, .number = ask->number, .port = ask->port};
    m->what = ask->kind == INLINE_END ? HANDOFF_END : HANDOFF_TARGET;
    if (ask->kind != INLINE_TARGET) return ask->kind == INLINE_END;
    memcpy(m->addr, ask->of.target.addr, sizeof m->addr);
    m->at = ask->of.target.port;
    m->keeps = ask->of.target.keeps;
    return true;
}

/* Pass on the loops' requests to a worker, which is now the other process's. */
static void say_asks(struct draining *d)
{
    const struct carry *carry = &d->l->carry;
    for (unsigned i = 0; i < WORKERS_MOST; i++) {
        const int fd = inline_stack_asked_fd(carry, i);
        uint64_t calls;
        if (fd >= 0 && !d->unsaid) (void)!read(fd, &calls, sizeof calls);
        while (fd >= 0) {
            struct inline_ask ask;
            if (!d->unsaid && !inline_stack_asked(carry, i, &ask)) break;
            if (!d->unsaid && !said_of(&ask, i, &d->asks)) continue;
            d->unsaid = !say(d, &d->asks);
            if (d->unsaid) return;
        }
    }
}

/* Wait until one of the descriptors is ready or a second has passed, and do the work that is due. */
static void turn(struct draining *d)
{
    struct live *l = d->l;
    enum { FIRST = 4, COUNT = FIRST + WORKERS_MOST };
    struct pollfd fds[COUNT] = {{.fd = l->signal_fd, .events = POLLIN},
                                {.fd = d->waits ? -1 : yield_fd(&l->control), .events = POLLIN},
                                {.fd = proxied_fd(&l->carry), .events = POLLIN},
                                {.fd = l->tell.channel->fd},
                                [FIRST + WORKERS_MOST - 1] = {.fd = -1}};
    for (unsigned i = 0; i < WORKERS_MOST; i++)
        fds[FIRST + i] = (struct pollfd){.fd = d->unsaid ? -1 : inline_stack_asked_fd(&l->carry, i), .events = POLLIN};
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    const uint64_t second = now + SECOND_NS;
    /* A loop does not report a session's end, so sessions are checked often: this process then ends soon after the
     * last one */
    uint64_t due = now + SECOND_NS / 10;
    if (d->until_ns < due) due = d->until_ns;
    if (d->stands_ns < due) due = d->stands_ns;
    if (poll(fds, COUNT, clock_wait_ms(due, now, (int)((second - now) / 1000000))) < 0) return;
    if (fds[0].revents) signalled(d);
    if (fds[1].revents || d->waits) hear(d);
    if (fds[2].revents) proxied_called(&l->carry);
    if (fds[3].revents) d->ends = true;
    say_asks(d);
    now = clock_ns(CLOCK_MONOTONIC);
    if (now >= d->stands_ns) gate_off(d);
    say_sessions(d);
}

/* Report sessions that end early, and why. */
static void say_cut(const struct draining *d)
{
    const uint32_t left = taken_sessions(&d->l->carry);
    const bool late = clock_ns(CLOCK_MONOTONIC) >= d->until_ns;
    if (left)
        events_tell(&d->l->tell.events, TOLD_TAKEOVER, "%u connection%s of the old process end%s: %s", left,
                    text_plural(left), left == 1 ? "s" : "",
                    d->l->ended_by ? "the old process was asked to end"
                    : late         ? "the time of --takeover-drain is over"
                                   : "the process that has taken over is gone");
}

void drain(struct live *l)
{
    const uint64_t now = clock_ns(CLOCK_MONOTONIC), most_ns = yield_drain_ns(&l->control);
    struct draining d = {.l = l,
                         .until_ns = most_ns ? time_after(now, most_ns) : UINT64_MAX,
                         .stands_ns = now + STANDS_NS,
                         .told = UINT32_MAX};
    if (!proxied_loops(&l->carry)) return;
    leave_rest(l);
    const uint32_t sessions = taken_sessions(&l->carry);
    if (sessions)
        events_tell(&l->tell.events, TOLD_TAKEOVER,
                    "%u connection%s continue%s in process %ld, from which process %ld has taken over%s", sessions,
                    text_plural(sessions), sessions == 1 ? "es" : "", (long)l->tell.channel->parent,
                    yield_process(&l->control), most_ns ? ", for --takeover-drain at most" : ", until they end");
    uint64_t second = now + SECOND_NS;
    say_sessions(&d);
    while (!d.ends && clock_ns(CLOCK_MONOTONIC) < d.until_ns &&
           (taken_sessions(&l->carry) || d.stands_ns != UINT64_MAX)) {
        turn(&d);
        if (clock_ns(CLOCK_MONOTONIC) < second) continue;
        second += SECOND_NS;
        proxied_tick(&l->carry);
        events_tick(&l->tell.events);
        log_tick(&l->tell);
    }
    say_cut(&d);
}
