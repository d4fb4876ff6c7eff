/* Functions of BPF instructions whose names are still to be filled in: those that the generator makes, and those that
 * runtime/kernel/ reads from clang's objects. The linker (runtime/kernel/object/link.h) puts them together.
 *
 * A name is a call's target or a value: table_FIELD, mask_FIELD (of a section), map_NAME, state_NAME, mask_NAME (of a
 * map, runtime/kernel/maps/map.def), const_NAME. */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>

struct code_ref {
    uint32_t at;        /* index of a call, or of the first half of a 64-bit load, whose imm is added to an address */
    const char *symbol; /* lives as long as the function */
};

struct code_function {
    const char *name;
    const struct bpf_insn *insns;
    uint32_t count;
    uint32_t ref_count;
    const struct code_ref *refs; /* ascending by `at` */
    bool turns;                  /* generated as a turn of a loop: long f(uint32_t turn, struct kpkt **k) */
};

/* A set of functions with distinct names. Those that are no turns are uint64_t f(struct kpkt *k), k not NULL. */
struct code {
    struct code_function *functions;
    uint32_t count;
};
