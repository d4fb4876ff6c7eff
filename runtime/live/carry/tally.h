/* The counters of all workers, added up, for reports, the document and its rates. */
#pragma once

#include "runtime/kernel/maps/counts.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/proxy/told/proxy_counters.h"

struct sum;

/* Counters of one worker, besides its part of the sums. */
struct tally_worker {
    struct counter judged;
    uint64_t batches, flows; /* flows: number in its table, now */
};

struct tally {
    struct program *program; /* a counted reference; the counters have its shape */
    uint64_t mono_ns;        /* time of the tally's beginning */
    struct sum *sum;
    struct worker_counters c;
    struct worker_counters own;    /* counters of the workers only; another instance continues from these */
    struct kernel_counters kernel; /* counters of packets judged in the kernel */
    struct counter in_kernel;      /* sum of its verdicts */
    struct in_kernel_more told;
    struct egress_counters e;
    struct io_stats io[PORTS_MOST];                        /* [interface], sums with its second port */
    struct counter seen[PORTS_MOST], seen_own[PORTS_MOST]; /* seen_own: by workers only */
    struct tally_worker worker[WORKERS_MOST];
    struct proxy_counters proxy;      /* sum for all services */
    struct proxy_counters **proxy_of; /* [services of program]; NULL: nothing counted */
};

/* Add up the counters. Each worker is paused at a batch boundary only while its own are added; `running` false: no
 * threads. Every packet is in one worker's counters, so the sums agree. Workers must run the program in carry->now
 * (change_settled). NULL: out of memory. */
struct tally *tally_take(const struct carry *carry, bool running);
void tally_free(struct tally *t);

/* Continue another instance's counters: add them to the first worker's, which has no thread yet. */
void tally_go_on(const struct tally *t, struct carry *carry);

/* Return the vm's counters, valid as long as the tally. */
const struct vm_counters *tally_counters(const struct tally *t);
