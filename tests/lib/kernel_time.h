/* Measures the nanoseconds that an eBPF program takes per packet. One BPF_PROG_TEST_RUN repeats a program that
 * writes the next frame and calls the timed program (tests/bench/peers/kernel_frames.bpf.c). A process has one such
 * measurement; any failure ends the process. */
#ifndef TESTS_LIB_KERNEL_TIME_H
#define TESTS_LIB_KERNEL_TIME_H

#include <stdbool.h>

#include "tests/bench/peers/kernel_frames.h"
#include "vm/vm.h"

struct kernel;

/* Load the programs that make frames and the hand-written ones, and bind the thread to its CPU. self: argv[0]; the
 * object files are beside it. */
void time_open(const char *self);
void time_close(void);
/* Return descriptors of the hand-written programs (kernel_hand.bpf.c) and of their maps. */
int time_hand(const char *program);
int time_hand_map(const char *map);

/* Return descriptors of the programs that make and take frames, and the memory that they share with this process. */
int time_maker(const char *program);
struct frames *time_frames(void);

/* ---- frames ---- */

enum time_kind { TIME_UDP, TIME_SYN, TIME_SYN_ACK, TIME_ACK };
/* Write a frame of flow n with FRAMES_LEN bytes, to 198.51.100.1, UDP port 53 or TCP port 443. TIME_SYN_ACK is the
 * reply. */
void time_frame(uint8_t frame[FRAMES_LEN], enum time_kind kind, uint32_t n);
/* Make the next runs use frames of this kind, from this many flows. */
void time_flows(enum time_kind kind, uint32_t flows);
/* Run one such frame of each of `count` flows through the program, from flow `first` on. */
void time_each(int program, enum time_kind kind, uint32_t first, uint32_t count);
/* Make the next runs use the frames that `make` writes, FRAMES_LONG bytes at most. */
typedef void time_make_fn(void *arg, uint32_t i, uint8_t frame[FRAMES_LONG]);
void time_pool(time_make_fn *make, void *arg);

/* ---- measurement ---- */

/* Return another CPU, whose draws differ from this thread's; -1 if there is none. */
int time_other_cpu(void);
/* Send `count` such frames to the device frames->out of this thread's namespace in batches of 64, as if a card had
 * received them. They are processed meanwhile, on this CPU. Returns the processor time per frame of this thread and
 * of ksoftirqd, which goes on where the thread stops. */
double time_send(uint32_t count);
/* Return the processor time per frame over 100,000 frames (1,000 with SMALL), without deductions. Two threads may
 * call it at the same time. */
double time_run(int program);
/* Return the same of a program that does nothing. */
double time_nothing(void);
/* Return the time of a program's stages, from the first one on, less `nothing`. Every packet must get that action
 * (ACTION_COUNT: any), and none may be passed up. */
double time_kernel(const struct kernel *k, enum action action, double nothing);
/* Return the time of the same frames in vm_run, in writable memory and in batches. Every one must get that action. */
double time_user(struct vm *vm, const struct facts *facts, enum action action);

void time_die(const char *what, const char *why) __attribute__((noreturn));

#endif
