/* All that judging a packet takes: a program, memory for packets that leave, and fresh workers. */
#pragma once

#include "runtime/base/self.h"
#include "runtime/report/text.h"
#include "vm/vm.h"

/* The time at which workers begin without a capture: Monday 2026-01-05, 00:00 UTC, as in tests. */
#define WORKSHOP_BEGIN_NS (UINT64_C(1767571200) * 1000000000)

struct workshop {
    struct program *program; /* the caller's */
    struct labels labels;
    struct facts facts;
    struct pool *pool;
    void *pool_memory;
    uint64_t until_ns; /* facts.schedules hold till then */
};

/* self: this machine's addresses. 0 or -ENOMEM; workshop_close in either case. */
int workshop_open(struct workshop *w, struct program *p, const struct facts *self);
void workshop_close(struct workshop *w);
/* Read the addresses that --self names. 0, or -1 after a line on standard error; self_fini in either case. */
int selves_read(struct self *self, const char *const said[], unsigned count);
/* A fresh worker, for vm_free; NULL: no memory. */
struct vm *workshop_vm(struct workshop *w);
/* Stop the clock of schedules: these are active from now on. */
void workshop_stop(struct workshop *w, uint32_t schedules);
/* Time and facts at that moment, for the next call of a worker. */
struct vm_in workshop_in(struct workshop *w, uint64_t now_ns);
