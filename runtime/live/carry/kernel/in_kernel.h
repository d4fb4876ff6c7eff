/* The kernel executor (--exec kernel): its programs judge on the interfaces, and send packets that they cannot
 * handle up by AF_XDP sockets. An int is the exit status, unless stated otherwise. */
#pragma once

#include "runtime/kernel/maps/counts.h"
#include "runtime/kernel/prove.h"
#include "runtime/live/carry/carry_state.h"

/* Set carry->by_tc from --hook, the first program and the interfaces. Call before in_kernel_choose. */
int in_kernel_hooks(struct carry *carry);
/* Return the interfaces, one bit each, that need a ring beside their sockets for carry->now: XDP takes their
 * arriving packets, and a nat may translate packets that the host sends by them. */
uint32_t in_kernel_rings(const struct carry *carry);
/* Return the name of the hook where the kernel executor takes packets that arrive by an interface of the command
 * line. */
const char *in_kernel_hook(const struct carry *carry, unsigned iface);
/* True if packets for tunnels to servers come up, because a reload brought tunnels and traffic control takes
 * arriving packets. */
bool in_kernel_tunnels_rise(const struct carry *carry);
/* Set carry->in_kernel from --exec and the first program. */
int in_kernel_choose(struct carry *carry);
/* Load the executor with the first program, whose bounds are set. Return 0, or a negative errno with one line in err.
 */
int in_kernel_load(struct carry *carry, char *err, size_t err_len);
/* If --exec auto had a free choice, briefly attach an eBPF program that passes all packets to each interface. Call
 * after in_kernel_load. True if a driver refuses it, with one line in err. */
bool in_kernel_refused(struct carry *carry, char *err, size_t err_len);
/* Note a refusal by the kernel, so that in_kernel_choose decides again without the kernel executor. False if --exec
 * leaves no choice. */
bool in_kernel_gives_way(struct carry *carry, const char *refusal);
void in_kernel_say(const struct carry *carry); /* shows the choice of --exec auto; with --preflight on standard error */
/* Find an obstacle on this machine, in IN_KERNEL_LOOKS steps; the first checks privileges. False: none. */
enum { IN_KERNEL_LOOKS = 5 };
bool in_kernel_look(const struct carry *carry, unsigned at, struct obstacle *o);
/* Set the reason why the kernel judges, after a change of programs. */
void in_kernel_why(struct carry *carry);
/* Find an obstacle to the kernel executor in the command line or its interfaces, before privileges are given up.
 * False: none. */
bool in_kernel_obstacle(const struct carry *carry, struct obstacle *o);
/* True if the program opens, ends and times others' connections, which is the worker's task, and forwards their
 * packets. */
bool in_kernel_binds(const struct program *p);
/* True if the kernel executor can take another program. False: `why` names the unsupported part. */
bool in_kernel_takes(const struct carry *carry, const struct program *p, char *why, size_t len);
int in_kernel_begin(struct carry *carry); /* makes the maps, and the judge of the program in carry->now */
/* Move the live sets of the program in force, just made, to memory that the kernel reads. False: out of memory. */
bool in_kernel_members(const struct carry *carry);
int in_kernel_open(struct carry *carry, unsigned at,
                   struct io_ask *ask);               /* turns off offloads, before the port is opened */
int in_kernel_port(struct carry *carry, unsigned at); /* attaches the programs, when all else is ready */
void in_kernel_world(struct carry *carry);            /* call after facts have changed */
/* True if ways may be unknown, or were unknown some seconds ago. */
bool in_kernel_hides(const struct carry *carry);
void in_kernel_ends(
    struct carry *carry); /* once per second: check if interfaces still send the frames of eBPF programs */
/* Return the calls of the worker's vm into the kernel, and the stages' view of the world; NULL: no kernel executor. */
const struct vm_kernel *in_kernel_ops(const struct carry *carry);
struct kernel_world *in_kernel_told(const struct carry *carry);
uint64_t in_kernel_memory(const struct carry *carry); /* bytes that its tables take; 0: no kernel executor */
/* Return the proof of the last loaded program: the number of frames that the kernel and the user-space executor
 * decided alike. */
struct proof in_kernel_proof(const struct carry *carry);
/* First function: return a descriptor that is readable when stages report events; -1: no kernel executor. Second:
 * handle events; false: there may be more. Third: do the work of each second. */
int in_kernel_fd(const struct carry *carry);
bool in_kernel_called(struct carry *carry);
/* Handle all waiting records. */
void in_kernel_hear_all(struct carry *carry);
void in_kernel_tick(struct carry *carry, uint64_t now_ns);
/* Note that flows of new members must end: packets judged by the stages until now are judged again if they come up. */
void in_kernel_cut(const struct carry *carry);
uint64_t in_kernel_logs(const struct carry *carry); /* number of log events so far */
/* More counters (runtime/counters/counter.def); all 0 without the kernel executor. */
struct in_kernel_more {
#define KERNEL_COUNTER(field, key, words, doc) uint64_t field;
#include "runtime/counters/counter.def"
};
struct in_kernel_more in_kernel_more(const struct carry *carry);
/* Return the number of unreported drops in the kernel. */
uint64_t in_kernel_drops_untold(const struct carry *carry);
void in_kernel_samples(struct carry *carry); /* call after observers of packets have changed */
/* Have the worker take copies of frames, once it exists. Give the stages the target devices of mirrors, after
 * changes of links and of programs (second function). */
int in_kernel_copies(struct carry *carry);
void in_kernel_devices(const struct carry *carry);
void in_kernel_close(struct carry *carry);

/* Load the judge of another program while the old judge is in force (first function). False, with the reason in err.
 * Put it in force when the worker takes the program (second function): 0 or a negative errno. A judge that was never
 * in force is replaced by the next one. */
bool in_kernel_prepare(struct carry *carry, const struct program *p, char *err, size_t err_len);
int in_kernel_swap(void *arg, struct vm *vm);

/* Add the counts since the last call to the vm of the worker, which is paused. */
void in_kernel_count(const struct carry *carry);
/* Return all counts since the start, of all programs; all 0 without the kernel executor. */
struct kernel_counters in_kernel_counters(const struct carry *carry);
