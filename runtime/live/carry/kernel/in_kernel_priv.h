/* Declarations shared by the files of the kernel executor (in_kernel.h). */
#pragma once

#include "runtime/kernel/asker.h"
#include "runtime/kernel/kernel.h"
#include "runtime/kernel/prove.h"
#include "runtime/kernel/run/facts.h"
#include "runtime/kernel/run/flow_map.h"
#include "runtime/live/carry/carry_state.h"
#include "runtime/live/carry/kernel/in_kernel.h"

struct answers;
struct counted;
struct kernel_event;
struct kernel_events;

enum { TOLD_AT_ONCE = 256 /* most records handled in one turn */ };

struct in_kernel {
    struct kernel *kernel;
    struct judge *next; /* judge of `to_judge`, which a reload will put in force */
    const struct program *to_judge;
    const struct program *judges; /* atomic: program in force; valid only while carry holds it */
    /* The stages' numbers of that program and of its predecessor, which is NULL once carry has released it. In a
     * change the worker writes the place that is not in force, then switches to it. */
    struct {
        const struct program *program;
        uint32_t serial;
    } numbered[2];
    unsigned numbers;            /* atomic: the program in force has the place numbers & 1 */
    uint32_t left_serial;        /* number of the last program that carry has released */
    struct asker asker;          /* used by the worker */
    struct vm_kernel ops;        /* used by the worker */
    struct flow_ops flows;       /* calls into the kernel's flow table */
    struct splice_slots splices; /* slots of spliced connections */
    struct proof proof;          /* proof of the last loaded program */
    struct counted *counted;     /* moves counts of the program in force to the worker's vm */
    struct kernel_events *events;
    struct flow_gone gone[TOLD_AT_ONCE]; /* reported ends of flows, not yet counted */
    unsigned gone_count;
    bool waits;              /* the former instance still judges and owns the maps (in_kernel_pass.c) */
    uint32_t unhooked;       /* bit i: the former instance's stages still judge on interface i */
    bool holds;              /* the worker is paused until the end of the turn */
    uint64_t logs;           /* number of log records */
    struct answers *answers; /* replies to this machine's rejected packets */
    uint64_t samples;        /* number of reported packets */
    uint64_t unjudged;       /* atomic: calls of the judge that failed */
    bool told_more;          /* stages may know more addresses than the program in force */
    struct kernel_facts facts;
    bool told_routes;     /* missing routes were reported */
    struct other *others; /* [others_count] content of the map of that name */
    uint32_t others_count;
    uint64_t routes_number;          /* number of the routes of the last push */
    unsigned hides;                  /* more than 0: ways may be unknown, or were unknown until that many seconds ago */
    int others_failed;               /* error of the last write of the unserved devices */
    bool told_others;                /* the failure was reported */
    uint32_t ifindex[PORTS_MOST];    /* numbers of the interfaces in the maps */
    bool redirects[PORTS_MOST];      /* as in struct kernel_port */
    bool software[PORTS_MOST];       /* as in struct kernel_port */
    bool opens[PORTS_MOST];          /* as in struct kernel_port */
    bool clones[PORTS_MOST];         /* as in struct kernel_port */
    uint8_t link[PORTS_MOST];        /* as in struct kernel_port */
    uint32_t refuses[PORTS_MOST];    /* ifindex of the device last reported to accept no programs */
    bool generic[PORTS_MOST];        /* programs are attached in generic mode */
    bool sends[PORTS_MOST];          /* sends frames from programs of other interfaces */
    uint32_t by_id[KERNEL_WAYS];     /* ifindex of interfaces in `sends`, by id in the program; 0: none */
    uint8_t link_by_id[KERNEL_WAYS]; /* `link` of the interfaces in `by_id` */
};

/* True if an interface that traffic control takes has no Ethernet, or is absent, and may have none. */
bool in_kernel_may_be_bare(const struct carry *carry);
/* True for an ipvlan in mode L3, which sends by the routes of the device below, and loses frames sent by XDP. */
bool in_kernel_silent(const struct host_link *link);
/* True if, by the program's rules, an unbounded share of packets comes up (vm/kernel/up.def); `why` names them. */
bool in_kernel_comes_up(const struct carry *carry, const struct program *p, char *why, size_t len);
/* True if the user-space executor is the better choice, by options, devices and machine, though both executors
 * enforce the same. */
bool in_kernel_here(const struct carry *carry, const struct program *p, char *why, size_t len);

/* Handle a record, for kernel_events_new. arg: struct carry. */
void in_kernel_heard(void *arg, const struct kernel_event *e, size_t len);
/* Make the state for replies to this machine's rejected packets; they go to its sockets by the TUN device. NULL: out
 * of memory. */
struct answers *answers_new(void);
void answers_free(struct answers *a); /* accepts NULL */
void answers_give(struct carry *carry, const struct program *p, const struct pkt *pkt, const struct key *key,
                  uint32_t rule);
void answers_count(const struct answers *a, struct in_kernel_more *to);
/* Stop looking at leaving packets, some time after the last unknown way. Call once per second. */
void in_kernel_hidden(struct carry *carry);
/* True if the unserved devices in the map differ from those in the latest snapshot. */
bool in_kernel_others_differ(const struct carry *carry);
/* Find the interfaces that send frames of eBPF programs; true if that has changed. */
bool in_kernel_sends(const struct carry *carry);
/* Write interfaces and facts into the maps. Return 0 or a negative errno. */
int in_kernel_push(const struct carry *carry);
