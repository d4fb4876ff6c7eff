/* Functions of BPF instructions whose names are still to be filled in: what the generator makes of a program, and what
 * runtime/kernel/ reads from the objects that clang made. The linker (runtime/kernel/object/link.h) puts them together.
 *
 * Each name is a call's target or a value: table_FIELD, mask_FIELD (of a section), map_NAME, state_NAME, mask_NAME (of
 * a map, runtime/kernel/maps/map.def), const_NAME. */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>

struct code_ref {
    uint32_t at;        /* instruction: a call, or the first half of a 64-bit load, whose imm is added to an address */
    const char *symbol; /* lives as long as the function */
};

struct code_function {
    const char *name;
    const struct bpf_insn *insns;
    uint32_t count;
    uint32_t ref_count;
    const struct code_ref *refs; /* ascending by `at` */
    bool turns;                  /* generated: a turn of a loop, long f(uint32_t turn, struct kpkt **k) */
};

/* All others are uint64_t f(struct kpkt *k), k not NULL; names are unlike those of all others. */
struct code {
    struct code_function *functions;
    uint32_t count;
};
