/* Parts of the executor, for executor.c and for tests that ask its stages or swap its program. */
#pragma once

#include "runtime/counters/totals.h"
#include "runtime/kernel/asker.h"
#include "runtime/kernel/executor.h"
#include "runtime/kernel/kernel.h"
#include "runtime/kernel/run/counted.h"
#include "runtime/kernel/run/events.h"
#include "runtime/kernel/run/facts.h"
#include "runtime/kernel/run/flow_map.h"
#include "runtime/kernel/run/told_vips.h"

struct executor {
    struct vm *vm;
    struct kernel *kernel; /* kernel that judges; NULL: this process does everything */
    struct kernel *owned;  /* kernel to free; NULL: it is the caller's */
    struct asker asker;
    struct kernel_facts facts;
    struct counted *counted;
    struct kernel_events *events;
    struct flow_ops flows;
    struct splice_slots splices;
    struct vm_tx *tx; /* output for log events of the current packet */
    uint32_t input;   /* index of that packet in the call */
    struct vm_kernel ops;
    struct pool *pool;              /* pool for edited packets; NULL: no packet leaves */
    const struct vm_copies *copies; /* receiver of copies; NULL: they are only counted */
    uint64_t seed;                  /* seed of hashes, as in vm_cfg */
    uint64_t now_ns;                /* latest time seen */
    uint64_t lost;                  /* records of the stages that found no room */
    struct executor_told told;
    int fault;
};

/* Prove the program's judge, then put it in force. False: one line in err. */
bool executor_judge(struct executor *e, const struct program *p, char *err, size_t err_len);
