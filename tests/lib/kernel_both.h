/* A program in both executors, and flows that both have opened, for bench-kernel to time. Any failure ends the
 * process. */
#ifndef TESTS_LIB_KERNEL_BOTH_H
#define TESTS_LIB_KERNEL_BOTH_H

#include "runtime/kernel/executor.h"
#include "runtime/kernel/kernel.h"
#include "tests/lib/kernel_time.h"

struct both {
    struct program *program;
    struct lives *lives; /* its live sets, which both read; NULL: it has none */
    struct executor *kernel, *user;
};

void both_begin(void);
void both_finish(void);
/* False, with a note: programs of the kernel may not be loaded here. */
bool both_may(void);
struct both both_of(const char *text);
void both_end(struct both *b);
/* The first stage in the kernel. */
int both_look(const struct both *b);
/* One packet of each of `count` flows, by one of the two. */
void both_feed(struct executor *e, enum time_kind kind, uint32_t first, uint32_t count);
/* Those frames, by one of the two. */
void both_give(struct executor *e, uint8_t (*frames)[FRAMES_LONG], uint32_t count);
/* As one who asks for next hops would: all of the kernel's flows have one, and leave by interface `out`. */
void both_resolve(const struct executor *e, uint16_t out);
/* So many flows that are sent on: in both, with the recipes that their second packets leave; in the kernel all next
 * hops are found, and leave by interface `out` of the program (IFACE_NONE: where they came from). */
void both_open(const struct both *b, enum time_kind kind, uint32_t count, uint16_t out);
/* Facts of the world for both. */
extern const struct facts both_facts;

#endif
