/* The linker, which makes an eBPF program of the functions that its entry reaches. */
#pragma once

#include <stdbool.h>

#include "runtime/kernel/object/object.h"

/* Value of a name that isn't a function's. */
struct link_value {
    enum link_kind { LINK_NUMBER, LINK_MAP, LINK_ADDRESS } kind;
    int map;         /* descriptor, for MAP and ADDRESS */
    uint64_t number; /* NUMBER: the number; ADDRESS: offset in the map's value, at most 32 bits */
};
/* Find the value of a name. False: unknown. */
typedef bool link_value_fn(void *arg, const char *name, struct link_value *v);

/* Place of a function in the program. */
struct linked_function {
    const char *name;
    uint32_t first; /* first instruction of the function */
};
/* A program ready for BPF_PROG_LOAD. */
struct linked {
    struct bpf_insn *insns;
    uint32_t count;
    struct bpf_func_info *types;
    uint32_t function_count;
    struct linked_function *functions; /* in ascending order; names live as long as objects and code */
    struct bpf_line_info *lines;
    uint32_t line_count;
};

/* Link the function `entry` and all functions that it reaches, from the objects and from `code` (NULL: none). Call
 * linked_fini in any case. Return 0, or a negative errno with one line in err. */
int link_program(const struct objects *o, const struct code *code, const char *entry, link_value_fn *value, void *arg,
                 struct linked *l, char *err, size_t err_len);
void linked_fini(struct linked *l);

/* Return the name of the function that contains the instruction. */
const char *linked_name(const struct linked *l, uint32_t insn);
