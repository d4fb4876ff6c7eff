/* The executor in the kernel (--exec kernel): its programs judge on the interfaces, and what they cannot do comes up by
 * AF_XDP sockets. Those that give an int give the exit status. */
#pragma once

#include "runtime/kernel/maps/counts.h"
#include "runtime/kernel/prove.h"
#include "runtime/live/carry/state.h"

/* carry->in_kernel, as --exec and the first program say. */
int in_kernel_choose(struct carry *carry);
/* Another program is in force: why the kernel judges it. */
void in_kernel_why(struct carry *carry);
/* What of the command line, and of its interfaces, stands in the kernel's way, before rights are given up; false:
 * nothing. */
bool in_kernel_obstacle(const struct carry *carry, struct obstacle *o);
/* Another program; false: `why` says what of it is not the kernel's. */
bool in_kernel_takes(const struct carry *carry, const struct program *p, char *why, size_t len);
int in_kernel_begin(struct carry *carry);                                 /* its maps, and the judge of carry->now */
int in_kernel_open(struct carry *carry, unsigned at, struct io_ask *ask); /* before the port is opened */
int in_kernel_port(struct carry *carry, unsigned at); /* when all else is ready: its programs, there */
void in_kernel_world(struct carry *carry);            /* after facts have changed */
void in_kernel_ends(
    struct carry *carry); /* once a second: whether interfaces send what programs give them has changed */
/* For the worker: what its vm asks there, and what the stages are told; NULL: nothing judges there. */
const struct vm_kernel *in_kernel_ops(const struct carry *carry);
struct kernel_world *in_kernel_told(const struct carry *carry);
/* Of the program that was loaded last: of so many frames it and this process decided alike before it judged any. */
struct proof in_kernel_proof(const struct carry *carry);
/* What it tells: readable when there is some (-1: nothing judges there), and heard; false: there may be more. And what
 * is due once a second. */
int in_kernel_fd(const struct carry *carry);
bool in_kernel_called(struct carry *carry);
void in_kernel_tick(struct carry *carry, uint64_t now_ns);
uint64_t in_kernel_logs(const struct carry *carry); /* how many there were */
/* What else is to be said of it (runtime/counters/counter.def); all 0: nothing judges there. */
struct in_kernel_more {
#define KERNEL_COUNTER(field, key, words, doc) uint64_t field;
#include "runtime/counters/counter.def"
};
struct in_kernel_more in_kernel_more(const struct carry *carry);
void in_kernel_samples(struct carry *carry); /* after those who want to see packets have changed */
void in_kernel_close(struct carry *carry);

/* Another program: its judge is loaded while the one before judges; false with why in err. Then it is put in force when
 * the worker takes the program itself (struct next_program), or the next one is loaded in its place. */
bool in_kernel_prepare(struct carry *carry, const struct program *p, char *err, size_t err_len);
int in_kernel_swap(void *arg, struct vm *vm);

/* What was counted there since the last time, into the vm of the worker, which stands still. */
void in_kernel_count(const struct carry *carry);
/* All that it has brought there since the start, of all programs; all 0: nothing judges there. */
struct kernel_counters in_kernel_counters(const struct carry *carry);
