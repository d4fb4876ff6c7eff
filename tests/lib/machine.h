/* Runs the code generated for the kernel (vm/kernel/gen/) in an interpreter of BPF instructions, without a kernel.
 * Functions of judge.bpf.c and its neighbours are replaced by the code that they share with the native executor. */
#ifndef TESTS_LIB_MACHINE_H
#define TESTS_LIB_MACHINE_H

#include "vm/kernel/gen/gen.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

/* Rules that the function counted and logged, in order. */
enum { MACHINE_EFFECTS = 256 };
struct machine_effects {
    unsigned counts, logs;
    uint32_t counted[MACHINE_EFFECTS], logged[MACHINE_EFFECTS];
};

/* Run the function on the packet. Returns false with one line in `why` if it did something that the kernel would
 * reject. */
bool machine_run(const struct program *p, const struct code *code, const char *function, const struct key *key,
                 const struct pkt *pkt, uint64_t *result, struct machine_effects *e, const char **why);

#endif
