/* Structs of counters are added word by word; counts that only the kernel or a proxy has are added last */
#include "runtime/live/carry/tally.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/live/carry/steered.h"
#include "runtime/worker/sum.h"
#include "vm/flow/flow.h"

static void words_add(void *to, const void *from, size_t bytes)
{
    uint64_t *t = to;
    const uint64_t *f = from;
    for (size_t i = 0; i < bytes / sizeof *t; i++) t[i] += f[i];
}
static_assert(sizeof(struct worker_counters) % 8 == 0 && sizeof(struct egress_counters) % 8 == 0,
              "counters of 64 bits");

static void add_sockets(struct tally *t, const struct carry *carry, const struct worker *w)
{
    for (unsigned i = 0; i < w->egress.port_count; i++) {
        const unsigned iface = i % carry->o->iface_count;
        struct io_stats s;
        w->ports[i].ops->stats(w->ports[i].io, &s);
        io_stats_add(&t->io[iface], &s);
        io_stats_add(&t->io[iface], &w->ports[i].before);
        words_add(&t->seen[iface], &w->ports[i].seen, sizeof t->seen[iface]);
    }
}

static void add_worker(struct tally *t, const struct carry *carry, unsigned at)
{
    struct worker *w = carry->workers[at];
    worker_take_carried(w);
    const struct vm_counters *c = vm_counters(w->vm);
    struct tally_worker *one = &t->worker[at];
    one->judged = (struct counter){w->counters.totals.frames, w->counters.totals.bytes};
    one->batches = w->counters.batches;
    for (unsigned i = 0; c->flows && i < FLOW_CLASSES; i++) one->flows += c->flows->live[i];
    words_add(&t->c, &w->counters, sizeof t->c);
    words_add(&t->e, &w->egress.counters, sizeof t->e);
    add_sockets(t, carry, w);
    sum_add(t->sum, c);
}

static struct counter less(struct counter a, struct counter b)
{
    return (struct counter){a.packets > b.packets ? a.packets - b.packets : 0,
                            a.bytes > b.bytes ? a.bytes - b.bytes : 0};
}

/* Add the packets of proxied connections, most of which no packet socket and no vm sees. Packets that connections
 * have not reported are counted as one sum; if the kernel counts nothing (make KERNEL=0), only reports are known. */
static void add_carried(struct tally *t, const struct carry *carry)
{
    struct counter passed = {0}, strays = {0}, reported = less(t->c.carried, carry->carried_before);
    for (unsigned i = 0; i < carry->o->iface_count && carry->guard.proxies; i++) {
        struct answer a;
        const int failed = ask_CARRIED(carry->tell->channel, &(struct request_at){i}, &a, NULL, NULL, 0);
        const struct gate_count c = failed ? (struct gate_count){0} : a.carried;
        passed = (struct counter){passed.packets + c.passed, passed.bytes + c.passed_bytes};
        strays = (struct counter){strays.packets + c.strays, strays.bytes + c.stray_bytes};
        t->seen[i].packets += c.passed + c.strays;
        t->seen[i].bytes += c.passed_bytes + c.stray_bytes;
    }
    const struct counter rest = less(passed, reported), more = less(reported, passed);
    t->seen[0].packets += more.packets;
    t->seen[0].bytes += more.bytes;
    counter_sum(&t->c.totals.carried, &rest); /* the former instance has counted its own */
    counter_sum(&t->c.totals.strays, &strays);
    t->c.totals.frames += reported.packets + rest.packets + strays.packets;
    t->c.totals.bytes += reported.bytes + rest.bytes + strays.bytes;
    sum_carried(t->sum, rest, strays);
}

/* Add the frames judged only in the kernel, which no worker has seen; the vm already has their rules' counts. */
static void add_in_kernel(struct tally *t, const struct carry *carry)
{
    const struct kernel_counters *k = &t->kernel;
    struct totals *to = &t->c.totals;
    t->kernel = in_kernel_counters(carry);
    t->told = in_kernel_more(carry);
    for (unsigned i = 0; i < ACTION_COUNT; i++) counter_sum(&t->in_kernel, &k->verdicts[i]);
    for (unsigned i = REASON_NONE + 1; i < REASON_COUNT; i++) counter_sum(&to->malformed, &k->reasons[i]);
    counter_sum(&to->passed, &k->verdicts[ACTION_PASS]);
    counter_sum(&to->nobody, &k->nobody);
    counter_sum(&to->replies, &k->answers);
    for (unsigned i = 0; i < carry->o->iface_count; i++) counter_sum(&t->seen[i], &k->served[i]);
    counter_sum(&t->c.watched, &k->watched);
    to->log_events += in_kernel_logs(carry);
    to->frames += t->in_kernel.packets;
    to->bytes += t->in_kernel.bytes;
}

/* Sum the proxy counters of all services and of no service. False: out of memory. */
static bool add_proxied(struct tally *t, const struct carry *carry)
{
    t->proxy_of = calloc(t->program->services_count + 1u, sizeof *t->proxy_of);
    if (!t->proxy_of) return false;
    proxied_counters(carry, PBC_NONE, &t->proxy);
    for (uint32_t i = 0; carry->proxied && i < t->program->services_count; i++) {
        struct proxy_counters one = {0};
        if (!proxied_counters(carry, i, &one)) continue;
        t->proxy_of[i] = malloc(sizeof one);
        if (!t->proxy_of[i]) return false;
        *t->proxy_of[i] = one;
        words_add(&t->proxy, &one, sizeof one);
    }
    return true;
}

struct tally *tally_take(const struct carry *carry, bool running)
{
    struct tally *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->program = program_get(carry->now.program);
    t->mono_ns = clock_ns(CLOCK_MONOTONIC);
    t->sum = sum_new(t->program, vm_counters(carry->workers[0]->vm));
    if (!t->sum) {
        tally_free(t);
        return NULL;
    }
    for (unsigned i = 0; i < carry->worker_count; i++) {
        if (running) worker_hold(carry->workers[i]);
        if (!i) in_kernel_count(carry);
        add_worker(t, carry, i);
        if (running) worker_release(carry->workers[i]);
    }
    t->own = t->c;
    t->own.totals.log_events += in_kernel_logs(carry); /* this process receives log events, and no map counts them */
    memcpy(t->seen_own, t->seen, sizeof t->seen_own);
    add_carried(t, carry);
    add_in_kernel(t, carry);
    proxied_tally(carry, t->sum);
    for (unsigned i = 0; i < carry->o->iface_count; i++) steered_stats(carry, i, &t->io[i]);
    if (add_proxied(t, carry)) return t;
    tally_free(t);
    return NULL;
}

void tally_go_on(const struct tally *t, struct carry *carry)
{
    struct worker *w = carry->workers[0];
    carry->carried_before = t->c.carried;
    words_add(&w->counters, &t->own, sizeof t->own);
    words_add(&w->egress.counters, &t->e, sizeof t->e);
    for (unsigned i = 0; i < carry->o->iface_count; i++) {
        io_stats_add(&w->ports[i].before, &t->io[i]);
        words_add(&w->ports[i].seen, &t->seen_own[i], sizeof t->seen_own[i]);
    }
    vm_count(w->vm, sum_counters(t->sum));
}

void tally_free(struct tally *t)
{
    if (!t) return;
    sum_free(t->sum);
    for (uint32_t i = 0; t->proxy_of && i < t->program->services_count; i++) free(t->proxy_of[i]);
    free(t->proxy_of);
    program_put(t->program);
    free(t);
}

const struct vm_counters *tally_counters(const struct tally *t) { return sum_counters(t->sum); }
