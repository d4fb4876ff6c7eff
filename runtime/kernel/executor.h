/* The kernel executor together with the worker beside it: it does vm_run by BPF_PROG_TEST_RUN, for replay and tests.
 * In a live run, frames reach the stages directly, and only those that go up reach the worker. */
#pragma once

#include "vm/vm.h"

struct executor;
struct executor_told;
struct kernel;

/* Make a worker's state for a program, as vm_new does. hook: KERNEL_XDP or KERNEL_TC: the program is loaded there,
 * with its own maps, and takes arriving packets; 0: this process handles all packets. NULL: the kernel refuses the
 * program, with one line in err; or out of memory, with err empty. */
struct executor *executor_new(struct program *p, const struct vm_cfg *cfg, unsigned hook, char *err, size_t err_len);
/* Make the state over the caller's kernel, which must live longer, and have room for the program and no state of
 * another program; NULL: this process handles all packets. */
struct executor *executor_over(struct kernel *kernel, struct program *p, const struct vm_cfg *cfg, char *err,
                               size_t err_len);
void executor_free(struct executor *e); /* NULL is fine */

/* Do the same as vm_run, vm_tick and vm_expire. */
void executor_run(struct executor *e, const struct vm_in *in, struct pkt *const pkts[], unsigned n,
                  struct verdict verdicts[], struct vm_tx *tx);
uint64_t executor_tick(struct executor *e, const struct vm_in *in, struct vm_tx *tx);
bool executor_expire(struct executor *e, const struct vm_in *in, struct vm_tx *tx, unsigned *part);

/* Return the counters of the stages and the worker together, valid until the next call. */
const struct vm_counters *executor_counters(struct executor *e);
/* Return the worker in this process, for questions that change nothing. */
struct vm *executor_vm(struct executor *e);
const struct executor_told *executor_told(const struct executor *e);
/* Return 0, or a negative errno: a run in the kernel failed, and verdicts since then are `drop`. */
int executor_fault(const struct executor *e);
