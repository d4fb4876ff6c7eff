/* The executor's parts: what executor.c has, and tests that ask its stages or swap its program. */
#pragma once

#include "runtime/counters/totals.h"
#include "runtime/kernel/ask.h"
#include "runtime/kernel/executor.h"
#include "runtime/kernel/kernel.h"
#include "runtime/kernel/run/counted.h"
#include "runtime/kernel/run/events.h"
#include "runtime/kernel/run/facts.h"
#include "runtime/kernel/run/flows.h"
#include "runtime/kernel/run/told.h"

struct executor {
    struct vm *vm;
    struct kernel *kernel; /* NULL: all is done here */
    struct kernel *owned;  /* NULL: it is the caller's */
    struct asker asker;
    struct kernel_facts facts;
    struct counted *counted;
    struct kernel_events *events;
    struct flow_ops flows;
    struct vm_tx *tx; /* where what is logged goes: of the packet that is being asked about, */
    uint32_t input;   /* which is this one of its call */
    struct vm_kernel ops;
    struct pool *pool; /* NULL: nothing leaves */
    uint64_t now_ns;   /* latest seen */
    uint64_t lost;     /* records of the stages that found no room */
    struct executor_told told;
    int fault;
};

/* The program's judge is proved, then put in force. False: with one line in err. */
bool executor_judge(struct executor *e, const struct program *p, char *err, size_t err_len);
