/* Nanoseconds that a program of the kernel takes for a packet: BPF_PROG_TEST_RUN, many times in one call, of a
 * program that writes the next frame and hands it to the timed program (tests/bench/peers/kernel_frames.bpf.c). One
 * for a process; whatever fails ends it. */
#ifndef TESTS_LIB_KERNEL_TIME_H
#define TESTS_LIB_KERNEL_TIME_H

#include <stdbool.h>

#include "tests/bench/peers/kernel_frames.h"
#include "vm/vm.h"

struct kernel;

/* Load the frames' makers and the programs by hand; the thread stays on its CPU. self: argv[0], beside which their
 * objects are. */
void time_open(const char *self);
void time_close(void);
/* Descriptors of the programs by hand (kernel_hand.bpf.c) and of their maps. */
int time_hand(const char *program);
int time_hand_map(const char *map);

/* Descriptors of the programs that make and take frames, and the memory shared with this process. */
int time_maker(const char *program);
struct frames *time_frames(void);

/* ---- frames ---- */

enum time_kind { TIME_UDP, TIME_SYN, TIME_SYN_ACK, TIME_ACK };
/* A frame of flow n: of FRAMES_LEN bytes, to 198.51.100.1, UDP port 53 or TCP port 443. TIME_SYN_ACK is the reply. */
void time_frame(uint8_t frame[FRAMES_LEN], enum time_kind kind, uint32_t n);
/* From here on, such frames come, of so many flows. */
void time_flows(enum time_kind kind, uint32_t flows);
/* Such frames are run through the program, one of each of `count` flows from `first` on. */
void time_each(int program, enum time_kind kind, uint32_t first, uint32_t count);
/* These come: frame i is what `make` writes, FRAMES_LONG bytes at most. */
typedef void time_make_fn(void *arg, uint32_t i, uint8_t frame[FRAMES_LONG]);
void time_pool(time_make_fn *make, void *arg);

/* ---- timed ---- */

/* Another CPU, whose draws differ from this thread's; -1 without one. */
int time_other_cpu(void);
/* Sends such frames into the device frames->out of this thread's namespace, so many, in batches of 64: each as if a
 * card had it. What happens to them does so meanwhile, on this CPU. Processor time for each, of the thread and of the
 * kernel's own thread that goes on where it stops. */
double time_send(uint32_t count);
/* Processor time for each of 100,000 frames (with SMALL 1,000), all of it. From two threads, too. */
double time_run(int program);
/* That of a program that does nothing. */
double time_nothing(void);
/* Time over `nothing` of a program's stages, from the first one on; every packet must get that action (ACTION_COUNT:
 * any one), and none go up. */
double time_kernel(const struct kernel *k, enum action action, double nothing);
/* The same frames by vm_run, in memory that may be written and in batches; every one must get that action, in the
 * same way. */
double time_user(struct vm *vm, const struct facts *facts, enum action action);

void time_die(const char *what, const char *why) __attribute__((noreturn));

#endif
