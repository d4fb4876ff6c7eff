/* The executor in the kernel and the worker beside it as one: vm_run over BPF_PROG_TEST_RUN. What replay and tests run
 * packets through; live, frames meet the stages by themselves, and only those that go up come here. */
#pragma once

#include "vm/vm.h"

struct executor;
struct executor_told;
struct kernel;

/* A worker's state over a program, as vm_new has it. in_kernel: the program is loaded there, with maps of its own; else
 * all is done by this process. NULL with one line in err: the kernel does not take the program, and why; with
 * none: memory is out. */
struct executor *executor_new(struct program *p, const struct vm_cfg *cfg, bool in_kernel, char *err, size_t err_len);
/* The same in a kernel that is the caller's, lives longer, has room for the program and holds nothing of another; NULL:
 * all is done by this process. */
struct executor *executor_over(struct kernel *kernel, struct program *p, const struct vm_cfg *cfg, char *err,
                               size_t err_len);
void executor_free(struct executor *e); /* NULL is fine */

/* As vm_run, vm_tick and vm_expire. */
void executor_run(struct executor *e, const struct vm_in *in, struct pkt *const pkts[], unsigned n,
                  struct verdict verdicts[], struct vm_tx *tx);
uint64_t executor_tick(struct executor *e, const struct vm_in *in, struct vm_tx *tx);
bool executor_expire(struct executor *e, const struct vm_in *in, struct vm_tx *tx, unsigned *part);

/* What both have counted; holds until the next call. */
const struct vm_counters *executor_counters(struct executor *e);
/* The worker in this process, for all that is asked of one and changes nothing. */
struct vm *executor_vm(struct executor *e);
const struct executor_told *executor_told(const struct executor *e);
/* 0; or a negative errno: the kernel ran something not, and verdicts since then are `drop`. */
int executor_fault(const struct executor *e);
