/* The counters of all workers, added up: what reports, the document and its rates are made of. */
#pragma once

#include "runtime/kernel/maps/counts.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/proxy/told/counters.h"

struct sum;

/* Of one worker, beside what it adds to the whole. */
struct tally_worker {
    struct counter judged;
    uint64_t batches, flows; /* flows: of its table, now */
};

struct tally {
    struct program *program; /* held: the numbers have its shape */
    uint64_t mono_ns;        /* when it was begun */
    struct sum *sum;
    struct worker_counters c;
    struct kernel_counters kernel; /* of what the kernel judges itself, among the others */
    struct counter in_kernel;      /* its verdicts, added up */
    struct in_kernel_more told;
    struct egress_counters e;
    struct io_stats io[PORTS_MOST]; /* by interface, those beside the first of it, too */
    struct counter seen[PORTS_MOST];
    struct tally_worker worker[WORKERS_MOST];
    struct proxy_counters proxy;      /* the whole */
    struct proxy_counters **proxy_of; /* [services of program] its part; NULL: nothing was counted of that service */
};

/* Each worker stands still at a batch boundary while its own are added, no longer; `running` false: they have no
 * threads. Every packet is in the counters of one worker, so the sums agree with one another. Only
 * while they run the program in l->now (reload_settled). NULL: memory is out. */
struct tally *tally_take(const struct live *l, bool running);
void tally_free(struct tally *t);

/* Good as long as the tally. */
const struct vm_counters *tally_counters(const struct tally *t);
