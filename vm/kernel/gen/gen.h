/* The judge of a program as BPF instructions; the parts of a program that the kernel executor handles itself, and
 * the reasons for which packets go up. */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/program/program.h"

/* Functions of BPF instructions whose names are still to be filled in: those that the generator makes, and those that
 * runtime/kernel/ reads from clang's objects. The linker (runtime/kernel/object/link.h) puts them together.
 *
 * A name is a call's target or a value: table_FIELD, mask_FIELD (of a section), map_NAME, state_NAME, mask_NAME (of a
 * map, runtime/kernel/maps/map.def), const_NAME. */
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

/* A set of functions with distinct names. Functions other than turns are uint64_t f(struct kpkt *k), k not NULL. */
struct code {
    struct code_function *functions;
    uint32_t count;
};

/* Write function 0 as `judge_program`, meta.services as `judge_services`, meta.would as `judge_would`, and all that
 * they call. counted: for stages of that form (vm/kernel/loop.bpf.h). Return 0, with code that the caller frees by
 * gen_free, or a negative errno with one line in err. */
int gen_judge(const struct program *p, bool counted, struct code *code, char *err, size_t err_len);
void gen_free(struct code *code);

/* Return an array by function: true if function 0, meta.services or meta.would leads to it. The caller frees the
 * array. NULL: no memory. */
bool *gen_reached(const struct program *p);

struct kernel_fits {
    uint32_t in_line, called; /* number of instructions in reached functions, by opcode.def's column `kernel` */
    uint32_t functions;       /* number of reached functions */
    uint32_t up;              /* reasons for which packets may go up: bit i, enum kernel_up i */
    uint32_t unbounded;       /* reasons of `up` for which all packets of a kind go up (kernel_unbounded) */
};
/* Find the parts of a verified program that the kernel handles. False: out of memory. */
bool kernel_fits(const struct program *p, struct kernel_fits *fits);

/* Return the reasons, as in `up`, for which all packets of a kind named in the rules go up. */
uint32_t kernel_unbounded(const struct program *p);

/* Return the first service in the wire that keeps connections in their sockets, so that all their packets go up, or
 * PBC_NONE. Second function: true if a service's connections may leave their sockets, and stay in the kernel. */
uint32_t kernel_stays_in_wire(const struct program *p);
bool kernel_lets_leave(const struct program *p);

/* Return name and doc of a reason in up.def. */
const char *kernel_up_name(unsigned up);
const char *kernel_up_doc(unsigned up);
