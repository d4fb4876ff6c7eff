/* What the files of the executor in the kernel share (in_kernel.h). */
#ifndef RUNTIME_LIVE_IN_KERNEL_PRIV_H
#define RUNTIME_LIVE_IN_KERNEL_PRIV_H

#include "runtime/kernel/ask.h"
#include "runtime/kernel/facts.h"
#include "runtime/kernel/flows.h"
#include "runtime/kernel/kernel.h"
#include "runtime/kernel/prove.h"
#include "runtime/live/state.h"
#include "vm/kernel/port.h"

struct counted;
struct kernel_event;
struct kernel_events;

struct in_kernel {
    struct kernel *kernel;
    struct judge *next; /* of the program that a reload is about to put in force: */
    const struct program *to_judge;
    const struct program *judges; /* atomic: the one in force; not to be followed but while l has it */
    struct asker asker;           /* the worker's */
    struct vm_kernel ops;         /* likewise */
    struct flow_ops flows;        /* its table's */
    struct proof proof;           /* of the program that was loaded last */
    struct counted *counted;      /* of the program in force, into the worker's vm */
    struct kernel_events *events;
    uint64_t logs; /* records of rules that log */
    struct kernel_facts facts;
    uint32_t ifindex[PORTS_MOST]; /* as the kernel knows them */
    uint32_t by_id[KERNEL_WAYS];  /* the same, by their ids in the program */
};

/* For kernel_events_new: what a record says is told. live: struct live. */
void in_kernel_heard(void *live, const struct kernel_event *e, size_t len);
/* Interfaces and facts, into the maps: 0 or a negative errno. */
int in_kernel_push(const struct live *l);

#endif
