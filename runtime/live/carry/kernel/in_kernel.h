/* The executor in the kernel (--exec kernel): its programs judge on the interfaces, and what they cannot do comes up by
 * AF_XDP sockets. Those that give an int give the exit status. */
#pragma once

#include "runtime/kernel/maps/counts.h"
#include "runtime/kernel/prove.h"
#include "runtime/live/main/state.h"

/* l->in_kernel, as --exec and the first program say. */
int in_kernel_choose(struct live *l);
/* Another program is in force: why the kernel judges it. */
void in_kernel_why(struct live *l);
/* What of the command line, and of its interfaces, stands in the kernel's way, before rights are given up; NULL:
 * nothing. */
const char *in_kernel_obstacle(const struct live *l);
/* Another program; false: `why` says what of it is not the kernel's. */
bool in_kernel_takes(const struct live *l, const struct program *p, char *why, size_t len);
int in_kernel_begin(struct live *l);                                 /* its maps, and the judge of l->now */
int in_kernel_open(struct live *l, unsigned at, struct io_ask *ask); /* before the port is opened */
int in_kernel_port(struct live *l, unsigned at);                     /* when all else is ready: its programs, there */
void in_kernel_world(struct live *l);                                /* after facts have changed */
void in_kernel_ends(struct live *l); /* once a second: whether interfaces send what programs give them has changed */
uint64_t in_kernel_ways(const struct live *l); /* facts.ways, for recipes */
/* For the worker: what its vm asks there, and what the stages are told; NULL: nothing judges there. */
const struct vm_kernel *in_kernel_ops(const struct live *l);
struct kernel_world *in_kernel_told(const struct live *l);
/* Of the program that was loaded last: of so many frames it and this process decided alike before it judged any. */
struct proof in_kernel_proof(const struct live *l);
/* What it tells: readable when there is some (-1: nothing judges there), and heard; false: there may be more. And what
 * is due once a second. */
int in_kernel_fd(const struct live *l);
bool in_kernel_called(struct live *l);
void in_kernel_tick(struct live *l, uint64_t now_ns);
uint64_t in_kernel_logs(const struct live *l); /* how many there were */
/* What else is to be said of it (runtime/counters/counter.def); all 0: nothing judges there. */
struct in_kernel_more {
#define KERNEL_COUNTER(field, key, words, doc) uint64_t field;
#include "runtime/counters/counter.def"
};
struct in_kernel_more in_kernel_more(const struct live *l);
void in_kernel_samples(struct live *l); /* after those who want to see packets have changed */
void in_kernel_close(struct live *l);

/* Another program: its judge is loaded while the one before judges; false with why in err. Then it is put in force when
 * the worker takes the program itself (struct next_program), or the next one is loaded in its place. */
bool in_kernel_prepare(struct live *l, const struct program *p, char *err, size_t err_len);
int in_kernel_swap(void *live, struct vm *vm);

/* What was counted there since the last time, into the vm of the worker, which stands still. */
void in_kernel_count(const struct live *l);
/* All that it has brought there since the start, of all programs; all 0: nothing judges there. */
struct kernel_counters in_kernel_counters(const struct live *l);
