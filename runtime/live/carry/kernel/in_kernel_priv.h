/* Declarations shared by the files of the executor in the kernel (in_kernel.h). */
#pragma once

#include "runtime/kernel/ask.h"
#include "runtime/kernel/kernel.h"
#include "runtime/kernel/prove.h"
#include "runtime/kernel/run/facts.h"
#include "runtime/kernel/run/flows.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/state.h"

struct answers;
struct counted;
struct kernel_event;
struct kernel_events;

enum { TOLD_AT_ONCE = 256 /* records of what it tells, before others have their turn */ };

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
    struct flow_gone gone[TOLD_AT_ONCE]; /* ends of flows that it told, not yet counted */
    unsigned gone_count;
    uint64_t logs;           /* records of rules that log */
    struct answers *answers; /* to what this machine sends */
    uint64_t samples;        /* packets that it told of */
    uint64_t unjudged;       /* atomic: the worker's */
    bool told_more;          /* the worker may answer for fewer addresses than come up */
    struct kernel_facts facts;
    int routes_failed;            /* of them, as it was told last */
    uint32_t ifindex[PORTS_MOST]; /* as the kernel knows them */
    bool redirects[PORTS_MOST];   /* as struct kernel_port */
    bool software[PORTS_MOST];    /* likewise */
    bool generic[PORTS_MOST];     /* its programs are not in the driver */
    bool sends[PORTS_MOST];       /* it sends what those of another interface give it */
    uint32_t by_id[KERNEL_WAYS];  /* ifindex of those that do, by their ids in the program; 0: of none */
};

/* For kernel_events_new: what a record says is told. arg: struct carry. */
void in_kernel_heard(void *arg, const struct kernel_event *e, size_t len);
/* Answers to what this machine sends and the rules reject: they reach its sockets by the TUN device. NULL: memory is
 * out. */
struct answers *answers_new(void);
void answers_free(struct answers *a); /* NULL is fine */
void answers_give(struct carry *carry, const struct program *p, const struct pkt *pkt, const struct key *key,
                  uint32_t rule);
void answers_count(const struct answers *a, struct in_kernel_more *to);
/* Interfaces and facts, into the maps: 0 or a negative errno. */
int in_kernel_push(const struct carry *carry);
