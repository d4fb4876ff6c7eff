/* A program in both executors, and flows open in both, for bench-kernel to time. Any failure ends the process. */
#ifndef TESTS_LIB_KERNEL_BOTH_H
#define TESTS_LIB_KERNEL_BOTH_H

#include "runtime/kernel/executor.h"
#include "runtime/kernel/kernel.h"
#include "tests/lib/kernel_time.h"

struct both {
    struct program *program;
    struct lives *lives; /* live sets, which both executors read; NULL: none */
    struct executor *kernel, *user;
};

void both_begin(void);
void both_finish(void);
/* Return false, after printing a note, if eBPF programs may not be loaded here. */
bool both_may(void);
struct both both_of(const char *text);
void both_end(struct both *b);
/* Return the descriptor of the first stage in the kernel. */
int both_look(const struct both *b);
/* Run one packet of each of `count` flows through one executor. */
void both_feed(struct executor *e, enum time_kind kind, uint32_t first, uint32_t count);
/* Run these frames through one executor. */
void both_give(struct executor *e, uint8_t (*frames)[FRAMES_LONG], uint32_t count);
/* Give each of the kernel's flows a resolved next hop that leaves by interface `out`. */
void both_resolve(const struct executor *e, uint16_t out);
/* Open `count` forwarded flows in both executors; their second packets leave recipes. In the kernel all next hops
 * are resolved and leave by interface `out` of the program (IFACE_NONE: the interface they came from). */
void both_open(const struct both *b, enum time_kind kind, uint32_t count, uint16_t out);
/* Facts for both executors. */
extern const struct facts both_facts;

#endif
