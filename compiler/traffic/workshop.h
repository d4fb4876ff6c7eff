/* Everything needed to judge a packet: a program, memory for packets that leave, and fresh workers. */
#pragma once

#include "runtime/base/self.h"
#include "runtime/report/text.h"
#include "vm/vm.h"

struct workshop {
    struct program *program; /* owned by the caller */
    struct labels labels;
    struct facts facts;
    struct pool *pool;
    void *pool_memory;
    struct lives *members; /* members of its live sets, none at first; NULL: it has no such sets */
    uint64_t until_ns;     /* time until which facts.schedules hold */
};

/* Make a workshop. self: this machine's addresses. Return 0 or -ENOMEM; call workshop_close in either case. */
int workshop_open(struct workshop *w, struct program *p, const struct facts *self);
void workshop_close(struct workshop *w);
/* Read the addresses of --self. Return 0, or -1 after a line on standard error; call self_fini in either case. */
int selves_read(struct self *self, const char *const said[], unsigned count);
/* Write a notice to standard error. */
void workshop_notice(void *arg, const char *line);
/* Make a worker, which the caller frees by vm_free; NULL: out of memory. */
struct vm *workshop_vm(struct workshop *w);
/* Stop the clock of schedules: exactly these are active from now on. */
void workshop_stop(struct workshop *w, uint32_t schedules);
/* Return time and facts at that moment, for the next call of a worker. */
struct vm_in workshop_in(struct workshop *w, uint64_t now_ns);
