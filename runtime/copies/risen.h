/* Copies of frames that the kernel executor makes (vm/kernel/events.h): those for mirrors go on the worker's tape
 * as if it had judged the frame, those of observed connections to the observers of its vm. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct copies_table;
struct copying;
struct facts;
struct kernel;
struct kernel_copied_ring;
struct vm;

/* Receivers of copies. */
struct risen_to {
    struct copying *copying; /* the worker's copying; NULL: copies for mirrors are dropped */
    struct vm *vm;
    const struct facts *facts;
    uint8_t (*port)(void *arg, uint16_t iface); /* returns the port of an interface of the program */
    void *arg;
};

struct risen {
    struct kernel *kernel; /* kernel that makes copies; NULL: no copies come */
    struct kernel_copied_ring *ring;
    const struct risen_to *to;               /* receivers, set during a call */
    uint32_t program, before;                /* serials, in the kernel, of the program and of its predecessor */
    const struct copies_table *table_before; /* mirrors of the predecessor */
    uint64_t wait_ns;                        /* time until the next look */
    uint64_t frames;                         /* frames of observed connections that came */
};

/* Take copies from that kernel, before the worker starts. Return 0 or a negative errno. */
int risen_begin(struct risen *s, struct kernel *k);
void risen_end(struct risen *s);
/* Take the records that have come. Return their number. */
unsigned risen_take(struct risen *s, const struct risen_to *to);
/* Return the longest sleep until the next look; UINT64_MAX: no look is needed. */
uint64_t risen_wait_ns(const struct risen *s);
int risen_fd(const struct risen *s); /* return another descriptor to wait for; -1: none */
/* Add the stages' counts to the counters of mirrors. Called in the worker's thread, or while the worker is held. */
void risen_count(const struct risen *s, const struct copies_table *table);
/* Follow a change of programs. To be called once another program is in force in the kernel, while `to` still has the
 * mirrors of its predecessor. */
void risen_change(struct risen *s, const struct risen_to *to);
